# SPDX-License-Identifier: Apache-2.0
"""Each of the members of the core's struct Unit is written by one file."""

import os
import tempfile
import unittest

import writers

STATE = "typedef struct UnitLife {\n        int a, b[2];\n} UnitLife;\nstruct Unit {\n        UnitLife life;\n};\nstruct Core {\n};\n"


class Writers(unittest.TestCase):
    def test_each_member_is_written_by_one_file(self):
        self.assertEqual(set(writers.writers_of(writers.ROOT)), {"config", "said", "life", "wish", "back", "plan"})
        self.assertEqual(writers.breaches(writers.ROOT), [])

    def found(self, a, b="void b(Core *c, Unit *u) {\n        u->life.a = 1;\n}\n"):
        with tempfile.TemporaryDirectory() as directory:
            os.makedirs(os.path.join(directory, "src/core"))
            for name, text in {"state.h": STATE, "a.c": a, "b.c": b}.items():
                with open(os.path.join(directory, "src/core", name), "w") as file:
                    file.write(text)
            return writers.breaches(directory)

    def test_every_kind_of_write_is_found(self):
        for text in ("u->life.a = 2;", "u->life.a += 2;", "u->life.a <<= 2;", "u->life.a++;", "++u->life.a;", "--l->unit->life.a;",
                     "l->unit->life.b[1] = 2;", "u->life = (UnitLife){};", "x = u->life.a = 2;",
                     "str_copy(u->life.b, sizeof(u->life.b), x);", "UnitLife *life = &u->life;"):
            with self.subTest(text):
                self.assertEqual(len(self.found(text)), 1)

    def test_what_reads_passes(self):
        for text in ("x = u->life.a;", "if (u->life.a == 2)", "if (u->life.a <= 2)", "const UnitLife *l = &u->life;", "x = ++n + u->life.a;",
                     "/* u->life.a = 2; */", "void f(Core *c) {\n        c->life.a = 2;\n}", "f(u->life.b, 2);"):
            with self.subTest(text):
                self.assertEqual(self.found(text), [])

    def test_a_member_that_nobody_writes_is_found(self):
        self.assertEqual(len(self.found("", b="")), 1)


if __name__ == "__main__":
    unittest.main()
