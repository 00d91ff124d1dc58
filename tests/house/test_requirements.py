# SPDX-License-Identifier: Apache-2.0
"""What README.md says that leased needs is what the build asks for, and what the packages name."""

import os
import re
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def read(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as file:
        return file.read()


class Requirements(unittest.TestCase):
    def test_the_build_asks_for_what_readme_says(self):
        build, table = read("meson.build"), read("README.md").split("\n## Requirements\n")[1].split("\n## ")[0]
        told = dict(re.findall(r"(?m)^\| (\w+) \| ([\d.]+)", table))
        asked = dict(re.findall(r"dependency\('(\w+)', version : '>= ([\d.]+)'\)", build))
        names = {"libsystemd": "systemd", "libcurl": "libcurl", "sqlite3": "SQLite", "jansson": "jansson", "libgcrypt": "libgcrypt"}
        self.assertEqual({names[library]: version for library, version in asked.items()}, {name: told[name] for name in names.values()})
        self.assertIn(f"meson {re.search('meson_version : .>= ([0-9]+[.][0-9]+)', build).group(1)}", table)

    def test_both_packages_need_what_the_build_asks_for(self):
        control, spec = read("debian", "control"), read("packaging", "leased.spec")
        for debian, rpm in (("libsystemd-dev", "systemd-devel"), ("libjansson-dev", "jansson-devel"), ("libcurl4-openssl-dev", "libcurl-devel"),
                            ("libgcrypt20-dev", "libgcrypt-devel"), ("libsqlite3-dev", "sqlite-devel"), ("uthash-dev", "uthash-devel"),
                            ("systemd-dev", "pkgconfig(systemd)"), ("meson", "meson")):
            self.assertIn(debian, control)
            self.assertIn(rpm, spec)


if __name__ == "__main__":
    unittest.main()
