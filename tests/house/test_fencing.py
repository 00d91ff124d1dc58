# SPDX-License-Identifier: Apache-2.0
"""docs/fencing.md is run as it is printed: its files are written, its commands are typed, and must say what it says."""

import os
import re
import subprocess
import tempfile
import unittest

DOCUMENT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../docs/fencing.md")


def blocks(language):
    with open(DOCUMENT) as file:
        return re.findall(rf"^```{language}\n(.*?)^```", file.read(), re.MULTILINE | re.DOTALL)


class Fencing(unittest.TestCase):
    def test_the_example_does_what_the_document_says(self):
        [schema], [program], [session] = blocks("sql"), blocks("python"), blocks("console")
        with tempfile.TemporaryDirectory() as directory:
            for name, text in (("schema.sql", schema), ("ledger.py", program)):
                with open(os.path.join(directory, name), "w") as file:
                    file.write(text)
            steps = re.findall(r"^\$ (.*)\n((?:[^$].*\n)*)", session, re.MULTILINE)
            self.assertEqual(len(steps), 4)
            for command, expected in steps:
                done = subprocess.run(["sh", "-c", command], cwd=directory, stdout=subprocess.PIPE,
                                      stderr=subprocess.STDOUT, text=True)
                self.assertEqual(done.stdout, expected, command)

    def test_a_late_holder_is_refused_in_whatever_way_it_writes(self):
        import sqlite3
        database = sqlite3.connect(":memory:")
        self.addCleanup(database.close)
        database.executescript(blocks("sql")[0])
        insert = "INSERT INTO entry (lease, lease_index, text) VALUES (?, ?, '')"
        database.execute(insert, ("a", 2))
        with self.assertRaises(sqlite3.IntegrityError):
            database.execute(insert, ("a", 1))
        with self.assertRaises(sqlite3.IntegrityError):
            database.execute("INSERT OR REPLACE INTO entry (id, lease, lease_index) VALUES (1, 'a', 1)")
        database.execute(insert, ("a", 2))
        database.execute(insert, ("b", 1))
        database.execute(insert, ("a", 3))
        self.assertEqual(database.execute("SELECT lease, highest FROM fence ORDER BY lease").fetchall(),
                         [("a", 3), ("b", 1)])


if __name__ == "__main__":
    unittest.main()
