# SPDX-License-Identifier: Apache-2.0
"""The journal's catalog, the program and the documents speak of the same ids."""

import os
import re
import unittest

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")


def read(path):
    with open(os.path.join(TOP, path)) as file:
        return file.read()


class Catalog(unittest.TestCase):
    def test_every_id_that_is_logged_is_explained_and_the_other_way_round(self):
        logged = set(re.findall(r'^#define MESSAGE_\w+ "([0-9a-f]{32})"', read("src/daemon/report.c"), re.MULTILINE))
        explained = set(re.findall(r"^-- ([0-9a-f]{32})$", read("units/leased.catalog"), re.MULTILINE))
        self.assertTrue(logged)
        self.assertEqual(logged, explained)

    def test_the_documents_name_no_other_id(self):
        named = set(re.findall(r"MESSAGE_ID=([0-9a-f]{32})", read("docs/operations.md")))
        self.assertTrue(named)
        self.assertLessEqual(named, set(re.findall(r"^-- ([0-9a-f]{32})$", read("units/leased.catalog"), re.MULTILINE)))

    def test_fields_that_the_catalog_shows_are_logged(self):
        shown = set(re.findall(r"@(\w+)@", read("units/leased.catalog")))
        for field in shown:
            self.assertIn(f'"{field}=%s"', read("src/daemon/report.c"))


if __name__ == "__main__":
    unittest.main()
