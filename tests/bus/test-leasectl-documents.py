#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every verb and option of leasectl, and every setting, is documented; and nothing is that does not exist.

    test-leasectl-documents.py LEASECTL SOURCE_ROOT
"""

import os
import re
import shutil
import subprocess
import sys
import unittest

LEASECTL, ROOT = sys.argv[1:3]
PAGES = ("leasectl.1", "leased.8", "leased-guard.8", "leased-address.8", "leased.conf.5", "leased.unit.5")

# Lines of the table of what systemd does that are about no setting, and what tests of them have in them.
WITHOUT_SETTING = {
    'systemctl " isolate"': r'"isolate", "[\w.-]+\.target"',
    '"systemctl kill"': r"systemctl kill|\"kill\", \"--signal",
    "timers, sockets, paths": r"systemctl disable --now \w+\.timer",
    "umount (8)": r'run\("umount", "/run/table"\)',
}


def read(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as file:
        return file.read()


def suites():
    """The suites and scenes that look at units, as one text."""
    return "".join(read("tests", directory, name) for directory in ("bus", "hosts", "unit")
                   for name in sorted(os.listdir(os.path.join(ROOT, "tests", directory)))
                   if name.endswith((".c", ".py")) and name != os.path.basename(__file__))


def page(name):
    """A man page without its fonts and escapes."""
    return re.sub(r"\\f[A-Z]", "", read("docs", "man", name)).replace("\\-", "-")


def tags_of(text):
    """The first words of the tagged paragraphs: what is explained, several if they stand together."""
    found = set()
    for line in re.findall(r"^\.T[PQ]\n\.[A-Z]+ (.*)$", text, re.MULTILINE):
        found.update(re.findall(r"[A-Za-z-][A-Za-z-]*=?|--?[a-z-]+=?", re.sub(r'" , "|", "|"', " ", line)))
    return found


def tags(name):
    return tags_of(page(name))


class Documents(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.help = subprocess.run([LEASECTL, "--help"], check=True, stdout=subprocess.PIPE, text=True).stdout
        cls.verbs = re.findall(r"^  ([a-z][a-z-]+) ", cls.help, re.MULTILINE)
        cls.options = re.findall(r"(?<=\s)--?[a-zA-Z][a-z-]*", cls.help.split("Exit codes")[0])

    def test_help_can_be_read_by_this_test(self):
        self.assertGreaterEqual(set(self.verbs), {"status", "list", "is-held", "undrain"})
        self.assertGreaterEqual(set(self.options), {"-h", "--help", "-H", "--host", "--json", "--no-wait"})

    def test_help_fits_a_terminal_of_80_columns(self):
        self.assertEqual([line for line in self.help.splitlines() if len(line) > 80], [])

    def test_every_verb_tells_how_it_is_used(self):
        for verb in self.verbs:
            told = subprocess.run([LEASECTL, "help", verb], check=True, stdout=subprocess.PIPE, text=True).stdout
            self.assertRegex(told, rf"\Aleasectl \[OPTION\.\.\.\] {verb}( |\n)")
            self.assertEqual([line for line in told.splitlines() if len(line) > 80], [])
            self.assertLessEqual(set(re.findall(r"(?m)^  (?:-\w| ) (--[a-z-]+)", told)), set(self.options))
            self.assertIn("--help", told)

    def test_every_verb_that_an_option_names_exists(self):
        rows = re.findall(r'^        \{ (?:"[a-z-]+"|NULL), [^,]+, [^,]+,\s+"([a-z -]*(?:"\s*"[a-z -]*)*)"', read("src", "ctl", "flags.c"),
                          re.MULTILINE)
        named = {word for row in rows for word in re.sub(r'"\s*"', "", row).split()}
        self.assertIn("setup", named)
        self.assertLessEqual(named, set(self.verbs))

    def test_every_verb_is_documented(self):
        self.assertLessEqual(set(self.verbs), tags("leasectl.1"))

    def test_every_option_is_documented(self):
        explained = page("leasectl.1").split(".SH OPTIONS")[1].split(".SH EXIT")[0]
        for option in self.options:
            self.assertRegex(explained, rf'(?m)^\.[A-Z]+ (.*[ "])?{option}\b')

    def test_every_exit_code_is_documented(self):
        explained = page("leasectl.1").split(".SH EXIT STATUS")[1].split(".SH ENV")[0]
        codes = re.findall(r"\b(\d) ", self.help.split("Exit codes")[1])
        self.assertEqual(re.findall(r"^\.B (\d)$", explained, re.MULTILINE), codes)

    def test_nothing_is_documented_that_is_not_there(self):
        for name in PAGES + ("operations",):
            text = page(name) if name in PAGES else read("docs", "operations.md")
            for verb in re.findall(r"\bleasectl (?!-)([a-z-]+)\b", text):
                self.assertIn(verb, self.verbs, name)
            for option in re.findall(r"leasectl [^\n`]*?(--[a-z-]+)", text):
                self.assertIn(option, self.options, name)
        for verb in re.findall(r"`leasectl ([a-z-]+)", read("README.md")):
            self.assertIn(verb, self.verbs)

    def test_completion_knows_every_verb_and_option(self):
        script = read("src", "ctl", "leasectl.bash")
        verbs = re.search(r"local verbs='(.*?)'", script, re.DOTALL).group(1).split()
        options = re.search(r"local options='(.*?)'", script, re.DOTALL).group(1).split()
        self.assertEqual(sorted(verbs), sorted(self.verbs))
        self.assertEqual(sorted(options), sorted({option for option in self.options if option.startswith("--")}))

    def test_every_setting_of_leased_conf_is_documented(self):
        keys = set(re.findall(r"\] = \{\s*\"([A-Z][A-Za-z]+)\"", read("src", "conf", "leased-conf.c")))
        self.assertIn("Endpoints", keys)
        self.assertEqual({tag for tag in tags("leased.conf.5") if tag.endswith("=")}, {key + "=" for key in keys})
        self.assertEqual(set(re.findall(r"^#([A-Z][A-Za-z]+)=", read("docs", "leased.conf"), re.MULTILINE)), keys)

    def test_every_option_of_a_unit_is_documented(self):
        keys = set()
        for source in ("unit-options.c", "placement-options.c"):
            keys.update(re.findall(r"\] = \{\s*\"([A-Z][A-Za-z-]+)\"", read("src", "conf", source)))
        self.assertLessEqual({"StopGraceSec", "Require", "X-ConditionMachineOf"}, keys)
        own = page("leased.unit.5").split(".SH WHAT SYSTEMD STOPS")[0]  # the rest is about systemd's
        self.assertEqual({tag for tag in tags_of(own) if tag.endswith("=")}, {key + "=" for key in keys})

    def test_every_setting_of_systemd_that_is_looked_at_is_in_the_table(self):
        table = tags_of(page("leased.unit.5").split(".SH WHAT SYSTEMD STOPS")[1])
        sources = read("src", "ctl", "settings.c") + read("src", "util", "unit-facts.c")
        looked_at = set(re.findall(r'"([A-Z][A-Za-z]{4,})"', sources)) - {"IgnoreOnIsolate", "AssertPathExists"}
        stopping = set(re.findall(r'\{ "(\w+)", "as", 0, read_(?:requires|binds_to|part_of|stop_from|conflicts) \}',
                                  read("src", "pid1", "pid1-status.c"))) - {"ConflictedBy"}
        self.assertIn("RefuseManualStop", looked_at)
        self.assertIn("PartOf", stopping)
        self.assertLessEqual({setting + "=" for setting in looked_at | stopping}, table)

    def test_every_line_of_the_table_has_a_test(self):
        """A setting that no test names, and a line without a setting that is not known here, is one without a test."""
        rows = re.findall(r"^\.T[PQ]\n(?:\.[A-Z]+ )?(.*)$", page("leased.unit.5").split(".SH WHAT SYSTEMD STOPS")[1]
                          .split(".SH ENVIRONMENT")[0], re.MULTILINE)
        self.assertGreater(len(rows), 25)
        tests, untested = suites(), []
        for row in rows:
            settings = re.findall(r"\b([A-Z][A-Za-z_]+)(\.\.\.)?=", row)
            patterns = [rf"(?:\b|\\n){name}[A-Z]\w+=" if more else rf'(?:\b|\\n){name}=|"{name}"' for name, more in settings]
            patterns = patterns or [pattern for words, pattern in WITHOUT_SETTING.items() if words in row]
            if not patterns or not all(re.search(pattern, tests) for pattern in patterns):
                untested.append(row)
        self.assertEqual(untested, [])

    @unittest.skipUnless(shutil.which("groff"), "no groff")
    def test_man_pages_have_no_mistakes(self):
        for name in PAGES:
            done = subprocess.run(["groff", "-man", "-Tutf8", "-ww", os.path.join(ROOT, "docs", "man", name)],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=True)
            self.assertEqual(done.stderr, "")

    def test_man_pages_point_at_man_pages_that_exist(self):
        for name in PAGES:
            for other, section in re.findall(r"^\.BR (leas[a-z.]+) \((\d)\)", page(name), re.MULTILINE):
                self.assertIn(f"{other}.{section}", PAGES, name)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
