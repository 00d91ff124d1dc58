# SPDX-License-Identifier: Apache-2.0
"""No circles of files: of two files of a folder, at most one calls the other, also by way of third ones."""

import os
import pathlib
import tempfile
import unittest

import arrows

SRC = pathlib.Path(__file__).resolve().parents[2] / "src"

# Circles that are meant, each with the place that documents it.
MEANT = {
    "pid1": {"neighbours", "pid1", "pid1-call", "pid1-job", "pid1-status", "pid1-unit", "poll", "question"},  # src/pid1/pid1-internal.h
}



class Arrows(unittest.TestCase):
    def test_no_folder_has_a_circle(self):
        for entry in sorted(os.scandir(SRC), key=lambda e: e.name):
            if entry.is_dir():
                with self.subTest(folder=entry.name):
                    circles = [set(c) for c in arrows.circles_of(arrows.arrows_of(entry.path))]
                    self.assertEqual([c for c in circles if not c <= MEANT.get(entry.name, set())], [],
                                     "tests/house/arrows.py names the calls")

    def test_the_chapters_of_the_core_call_only_those_above(self):
        order = arrows.order_of(SRC / "core/state.h")
        self.assertGreater(len(order), 20)
        sources = {path.stem for path in (SRC / "core").glob("*.c")}
        self.assertEqual(set(order), sources, "the list in core/state.h")
        self.assertEqual([each for each in arrows.upward_of(SRC / "core", order)
                          if not each.endswith("is not in the order")], [])

    def test_a_call_upwards_is_found(self):
        self.folder(a_c="void a(void) {\n        b();\n}\n", b_c="void b(void) {\n}\n", c_c="")
        place = pathlib.Path(self.directory.name) / "part"
        self.assertEqual(arrows.upward_of(str(place), ["b", "a", "c"]), [])
        self.assertEqual(arrows.upward_of(str(place), ["a", "b"]), ["a -> b: b", "c is not in the order"])

    def folder(self, **texts):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        place = pathlib.Path(self.directory.name) / "part"
        place.mkdir()
        for name, text in texts.items():
            (place / (name[:-2] + "." + name[-1])).write_text(text)
        return arrows.arrows_of(str(place))

    def test_calls_are_arrows(self):
        found = self.folder(a_c="int a_do(int x) {\n        return b_do(x) + b_table[0];\n}\n",
                            b_c="const int b_table[] = { 1 };\nint b_do(\n                int x) {\n        return x;\n}\n")
        self.assertEqual(found, {"a": {"b": {"b_do", "b_table"}}, "b": {}})
        self.assertEqual(arrows.circles_of(found), [])

    def test_a_circle_of_three_is_found(self):
        found = self.folder(a_c="void a(void) {\n        b();\n}\n", b_c="void b(void) {\n        c();\n}\n",
                            c_c="void c(void) {\n        f(a);\n}\n", d_c="void d(void) {\n        a();\n}\n")
        self.assertEqual(arrows.circles_of(found), [["a", "b", "c"]])

    def test_an_include_is_an_arrow(self):
        found = self.folder(a_c='#include "part/b.h"\n', a_h="", b_c='#include "part/b.h"\n', b_h='#include "part/a.h"\n')
        self.assertEqual(arrows.circles_of(found), [["a", "b"]])

    def test_names_in_words_and_statics_are_none(self):
        found = self.folder(a_c='/* b() */\nstatic void b(void) {\n}\nvoid a(void) {\n        say("c");\n        b();\n}\n',
                            b_c="void b(void) {\n        a();\n}\n", c_c="void c(void) {\n}\n")
        self.assertEqual(found["a"], {})


if __name__ == "__main__":
    unittest.main()
