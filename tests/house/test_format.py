# SPDX-License-Identifier: Apache-2.0
"""Every C file is as clang-format makes it from .clang-format. Only Debian 12's version judges: others break lines elsewhere."""

import pathlib
import re
import subprocess
import unittest

TOP = pathlib.Path(__file__).resolve().parents[2]
VERSION = "14"


def clang_format_version():
    try:
        said = subprocess.run(["clang-format", "--version"], capture_output=True, text=True, check=True).stdout
    except FileNotFoundError:
        return "no version"
    return re.search(r"version (\d+)", said).group(1)


def badly_formatted(paths, style="file"):
    done = subprocess.run(["clang-format", f"--style={style}", "--dry-run", *map(str, paths)], capture_output=True, text=True)
    return sorted(set(re.findall(r"^(\S+?:\d+):\d+: warning", done.stderr, re.M)))


class Format(unittest.TestCase):
    def setUp(self):
        if clang_format_version() != VERSION:
            self.skipTest(f"clang-format is of {clang_format_version()}, not {VERSION}")

    def test_every_file_is_formatted(self):
        paths = sorted(p for top in ("src", "tests") for p in (TOP / top).rglob("*.[ch]"))
        self.assertGreater(len(paths), 100)
        self.assertEqual(badly_formatted(paths), [], "clang-format -i mends these")

    def test_a_file_that_is_not_is_found(self):
        import tempfile
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory) / "a.c"
            path.write_text("int a( void ) { return 1; }\n")
            self.assertEqual(len(badly_formatted([path], f"file:{TOP}/.clang-format")), 1)


if __name__ == "__main__":
    unittest.main()
