# SPDX-License-Identifier: Apache-2.0
"""The mutations replace exact text of the sources: that it is there is seen at once, not only when they are run."""

import importlib.machinery
import importlib.util
import pathlib
import re
import signal
import subprocess
import sys
import unittest

import mutating

TOP = pathlib.Path(__file__).resolve().parents[2]


def load(path):
    loader = importlib.machinery.SourceFileLoader(path.parent.name + "_mutations", str(path))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


class Mutations(unittest.TestCase):
    def check(self, changes):
        self.assertGreater(len(changes), 5)
        texts = {}
        for name, file, old, new in changes:
            with self.subTest(mutation=name):
                text = texts.setdefault((name, file), (TOP / file).read_text())
                texts[name, file] = mutating.replace_once(text, old, new, file)
                self.assertNotEqual(texts[name, file], text)

    def test_what_the_simulation_switches_off_is_there(self):
        laws = load(TOP / "tests/sim/mutations").LAWS
        self.check([(law.name, *change) for law in laws for change in law.changes])

    def test_the_table_of_docs_laws_has_each_and_says_what_finds_it(self):
        """Each has a row, with seeds if the simulation finds it, states if the search is asked for it, or else its unit test."""
        module = load(TOP / "tests/sim/mutations")
        rows = re.findall(r"^\| `([a-z0-9-]+)` \| ([^|]*) \| ([^|]*) \| ([^|]*) \|$", (TOP / "docs/laws.md").read_text(), re.M)
        self.assertEqual(sorted(row[0] for row in rows), sorted(law.name for law in module.LAWS))
        for name, seeds, search, test in rows:
            law = next(law for law in module.LAWS if law.name == name)
            with self.subTest(mutation=name):
                self.assertEqual(test, f"`{law.test}`" if law.test else "-")
                self.assertEqual(search != "-", name in module.EXPLORED)
                self.assertTrue(seeds.isdecimal() or (law.test and seeds == "-"), seeds)

    def test_what_the_guards_test_switches_off_is_there(self):
        laws = load(TOP / "tests/guard/mutations").LAWS
        self.check([(law.name, law.file, law.old, law.new) for law in laws])

    def test_what_the_registrys_tests_leave_out_is_there(self):
        steps = load(TOP / "tests/registry/mutations").LAWS
        self.check([(step.name, "src/registry/etcd/etcd.c", step.old, step.new) for step in steps])

    def test_blanks_do_not_matter_and_texts_do(self):
        replace = mutating.replace_once
        self.assertEqual(replace("a = {b,\n        c};", "{ b, c }", "0", "f"), "a =0;")
        self.assertEqual(replace("x\n  if (a)\n b;", "  if (a) b", "if (c)", "f"), "x\n  if (c);")
        for text in ("if (b) c;", "if(a) b;", "if (a) b; if (a) b;"):
            with self.assertRaises(LookupError):
                replace(text, "if (a) b", "c", "f")

    def test_nothing_is_left_of_what_they_build_and_play_whoever_ends_them(self):
        makes = "import mutating, subprocess, sys\nwith mutating.folder('mutations-') as top:\n" \
            "    subprocess.run(['mktemp', '-d'], check=True)\n    print(top, flush=True)\n"
        for end in ("", "    sys.stdin.read()\n"):
            with subprocess.Popen([sys.executable, "-B", "-c", makes + end], cwd=TOP / "tests/house", stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, text=True) as process:
                own, top = (pathlib.Path(process.stdout.readline().strip()) for _ in range(2))
                self.assertEqual(own.parent, top)
                if end:
                    process.send_signal(signal.SIGTERM)
                self.assertEqual(process.wait(), 128 + signal.SIGTERM if end else 0)
                self.assertFalse(top.exists())


if __name__ == "__main__":
    unittest.main()
