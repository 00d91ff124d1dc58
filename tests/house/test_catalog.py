# SPDX-License-Identifier: Apache-2.0
"""The journal's catalog, the program and the documents speak of the same ids."""

import glob
import os
import re
import shutil
import subprocess
import tempfile
import unittest

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")


def read(path):
    with open(os.path.join(TOP, path)) as file:
        return file.read()


class Catalog(unittest.TestCase):
    def test_every_id_that_is_logged_is_explained_and_the_other_way_round(self):
        rows = re.findall(r'^#define MESSAGE_\w+ +"([0-9a-f]{32})"', read("src/util/message-ids.h"), re.MULTILINE)
        explained = re.findall(r"^-- ([0-9a-f]{32})$", read("units/leased.catalog"), re.MULTILINE)
        self.assertTrue(rows)
        self.assertEqual(sorted(rows), sorted(set(explained)))
        self.assertEqual((len(rows), len(explained)), (len(set(rows)), len(set(explained))))

    def test_every_id_is_logged(self):
        sources = "".join(read(os.path.relpath(path, TOP)) for path in glob.glob(os.path.join(TOP, "src/*/*.c")))
        for name in re.findall(r"^#define (MESSAGE_\w+)", read("src/util/message-ids.h"), re.MULTILINE):
            self.assertRegex(sources, rf"\b{name}\b")

    def test_the_catalog_is_one_that_journalctl_takes(self):
        with tempfile.TemporaryDirectory() as root:
            os.makedirs(f"{root}/usr/lib/systemd/catalog")
            os.makedirs(f"{root}/var/lib/systemd/catalog")
            shutil.copy(os.path.join(TOP, "units/leased.catalog"), f"{root}/usr/lib/systemd/catalog")
            done = subprocess.run(["journalctl", f"--root={root}", "--update-catalog"], capture_output=True, text=True, check=True)
            self.assertEqual(done.stderr, "")
            listed = subprocess.run(["journalctl", f"--root={root}", "--list-catalog"], capture_output=True, text=True, check=True)
        self.assertEqual(len(listed.stdout.splitlines()), read("units/leased.catalog").count("\nSubject: "))

    def test_the_documents_name_no_other_id(self):
        named = set(re.findall(r"MESSAGE_ID=([0-9a-f]{32})", read("docs/operations.md")))
        self.assertTrue(named)
        self.assertLessEqual(named, set(re.findall(r"^-- ([0-9a-f]{32})$", read("units/leased.catalog"), re.MULTILINE)))

    def test_fields_that_the_catalog_shows_are_logged(self):
        shown = set(re.findall(r"@(\w+)@", read("units/leased.catalog")))
        for field in shown:
            self.assertRegex(read("src/util/journal.c"), rf'"{field}(=%[^"]*)?"')


if __name__ == "__main__":
    unittest.main()
