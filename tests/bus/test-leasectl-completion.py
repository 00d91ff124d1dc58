#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""bash, zsh and fish complete the verbs and options of leasectl, and the units, machines and leases that there are. leasectl,
systemctl and busctl are played, except that --help is leasectl's own.

    test-leasectl-completion.py LEASECTL SOURCE_ROOT
"""

import json
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

LEASECTL, ROOT = (os.path.abspath(path) for path in sys.argv[1:3])
SCRIPTS = {shell: os.path.join(ROOT, "src", "ctl", f"leasectl.{shell}") for shell in ("bash", "zsh", "fish")}
ODD = "odd\\x2dname.service"
ROWS = [["web.service", "aa", "web.service"], ["copied.service", "aa", "copied.service#2"], ["copied.service", "bb", "copied.service#1"],
        ["queue@1.timer", "bb", "queue"], [ODD, "bb", "odd"]]  # the unit, a machine, and the unit's lease there
PLAYED = {
    "leasectl": f"""case "$*" in
--help|help*) exec {LEASECTL} "$@" ;;
list*) printf '%s\\n' 'web.service running' 'queue@1.timer running' ;;
machines*) echo '[{{"hostname":"alpha"}},{{"hostname":"beta"}}]' ;;
set-metadata) echo rack=a1 ;;
cat*) printf '%s\\n' '# Together:' 'Version=1' 'Prefer=rack=a' ;;
release*) printf '%s\\n' "$*" >$HOME/typed ;;
esac""",
    "busctl": """case "$*" in
*ListClusterUnits*) cat "$HOME/rows" ;;
*) echo '{"data":[[["engine-leader","","0"],["web.service","","0"]]]}' ;;
esac""",
    "systemctl": """case "$1" in
list-unit-files) printf '%s\\n' 'web.service enabled' 'queue@.timer static' 'data.mount static' 'in.socket enabled' ;;
list-units) printf '%s\\n' 'queue@1.timer loaded active' ;;
esac""",
}
UNITS = {"web.service", "queue@1.timer"}  # enabled here
EVERYWHERE = UNITS | {"copied.service", "copied.service#1", "copied.service#2", ODD}
MACHINES = {"alpha", "beta"}
# What was typed so far, and all words that may follow.
LINES = {
    "leasectl status ": UNITS,
    "leasectl steal ": UNITS,
    "leasectl -H root@alpha status ": UNITS,
    **{f"leasectl {verb} ": EVERYWHERE for verb in ("logs", "stop", "start", "restart", "release", "rearm", "transfer")},
    "leasectl transfer web.service ": EVERYWHERE | MACHINES,  # another unit, or the target
    "leasectl --no-wait transfer web.service ": EVERYWHERE | MACHINES,
    "leasectl drain ": MACHINES,
    "leasectl list ": MACHINES | UNITS,
    "leasectl enable ": {"web.service", "queue@1.timer", "data.mount", "in.socket"},
    "leasectl forget ": MACHINES | {"engine-leader", "web.service"},
    "leasectl cat ": {"web.service", "queue@1.timer", "data.mount", "in.socket"},
    "leasectl set web.service ": {"Version=", "Prefer="},
    "leasectl run ": {"engine-leader", "web.service"},
    "leasectl registry ": {"accept", "forget"},
    "leasectl history ": EVERYWHERE | {"engine-leader"},
}


class Terminal:
    """A shell in a terminal of its own."""

    def __init__(self, env, *command):
        self.process, self.fd = pty.fork()
        if self.process == 0:
            os.execve(shutil.which(command[0]), command, env)

    def type(self, text):
        os.write(self.fd, text.encode())

    def read(self, end):
        """Until this was written, at the beginning of a line."""
        text, until = b"", time.monotonic() + 60
        while b"\n" + end not in text.replace(b"\r", b"\n"):
            if time.monotonic() > until:
                raise AssertionError(text)
            if select.select([self.fd], [], [], 1)[0]:
                text += os.read(self.fd, 65536)

    def end(self):
        os.kill(self.process, 9)
        os.waitpid(self.process, 0)
        os.close(self.fd)


class Completion:
    """What every shell must do."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp()
        for name, text in PLAYED.items():
            path = os.path.join(cls.folder, name)
            with open(path, "w", encoding="utf-8") as file:
                file.write(f"#!/bin/sh\n{text}\n")
            os.chmod(path, 0o755)
        with open(os.path.join(cls.folder, "rows"), "w", encoding="utf-8") as file:
            json.dump({"data": [7, ROWS]}, file, separators=(",", ":"))
        cls.env = {"PATH": cls.folder + ":/usr/bin:/bin", "HOME": cls.folder, "TERM": "dumb", "LANG": "C.UTF-8",
                   "COLUMNS": "300", "LINES": "200"}
        text = subprocess.run([LEASECTL, "--help"], check=True, stdout=subprocess.PIPE, text=True).stdout.split("Exit codes")[0]
        cls.verbs = set(re.findall(r"^  ([a-z][a-z-]*) ", text, re.MULTILINE))
        cls.options = set(re.findall(r"(?<=\s)--[a-z][a-z-]*", text))

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def run_shell(self, *command):
        return subprocess.run(command, env=self.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60)

    def test_verbs_are_those_of_the_program(self):
        self.assertEqual(self.complete("leasectl "), self.verbs)

    def test_options_are_those_of_the_program(self):
        self.assertEqual(self.complete("leasectl --"), self.options)

    def test_units_machines_and_leases_are_those_that_there_are(self):
        for line, expected in LINES.items():
            self.assertEqual((line, self.complete(line)), (line, expected))

    def test_help_is_about_the_verbs_of_the_program(self):
        self.assertEqual(self.complete("leasectl help "), self.verbs)

    def test_what_was_begun_is_ended(self):
        self.assertEqual(self.complete("leasectl is-"), {"is-held"})
        self.assertEqual(self.complete("leasectl status we"), {"web.service"})
        self.assertEqual(self.complete("leasectl release queue@"), {"queue@1.timer"})
        self.assertEqual(self.complete("leasectl release copied.service#"), {"copied.service#1", "copied.service#2"})


class Bash(Completion, unittest.TestCase):
    def test_behind_a_verb_options_are_those_that_it_knows(self):
        told = self.complete("leasectl disable --")
        self.assertLessEqual({"--all", "--force", "--no-wait", "--help"}, told)
        self.assertFalse(told & {"--stop", "--pty", "--all-machines"})

    def test_the_program_gets_the_name_that_was_completed(self):
        """In a terminal, where bash parts words also at "@"."""
        terminal = Terminal(self.env, "bash", "--norc", "-i")
        self.addCleanup(terminal.end)
        terminal.type(f"source {SCRIPTS['bash']}\n")
        for begun, name in (("qu", "queue@1.timer"), ("queue@", "queue@1.timer"), ("queue@1.t", "queue@1.timer"), ("odd", ODD),
                            ("odd\\\\x2dn", ODD), ("copied.service#2", "copied.service#2")):
            terminal.type(f'leasectl release {begun}\t\necho the"-"end\n')
            terminal.read(b"the-end")
            with open(os.path.join(self.folder, "typed"), encoding="utf-8") as file:
                self.assertEqual(file.read(), f"release {name}\n", begun)

    def test_a_quote_that_is_open_keeps_nobody_waiting(self):
        """bash parts the line with regard to quotes, so that "run" may be in the middle of its word."""
        script = (f'source {SCRIPTS["bash"]}; COMP_LINE=$1; COMP_POINT=${{#1}}; COMP_WORDS=(leasectl --key "\'x run b"); COMP_CWORD=2; '
                  "COMP_WORDBREAKS=; _leasectl; echo over")
        self.assertTrue(self.run_shell("bash", "--norc", "-c", script, "bash", "leasectl --key 'x run b").stdout.endswith("over\n"))

    def complete(self, line):
        script = (f'source {SCRIPTS["bash"]}; COMP_LINE=$1; COMP_POINT=${{#1}}; read -ra COMP_WORDS <<<"$1"; '
                  '[[ $1 == *" " ]] && COMP_WORDS+=(""); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); '
                  'compopt() { :; }; COMP_WORDBREAKS=; _leasectl; printf "%s\\n" "${COMPREPLY[@]}"')
        return set(self.run_shell("bash", "--norc", "-c", script, "bash", line).stdout.replace("\\\\", "\\").split())


@unittest.skipUnless(shutil.which("fish"), "no fish")
class Fish(Completion, unittest.TestCase):
    def complete(self, line):
        done = self.run_shell("fish", "--no-config", "-c", f"source {SCRIPTS['fish']}; complete -C '{line}'")
        self.assertEqual(done.stderr, "")
        words = {each.split("\t")[0] for each in done.stdout.splitlines()}
        return {word.rstrip("=") if word.startswith("-") else word for word in words}


@unittest.skipUnless(shutil.which("zsh"), "no zsh")
class Zsh(Completion, unittest.TestCase):
    """Completion needs a terminal: what compadd is given is written down instead of being shown."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.got = os.path.join(cls.folder, "got")
        shutil.copy(SCRIPTS["zsh"], os.path.join(cls.folder, "_leasectl"))
        cls.terminal = Terminal(cls.env, "zsh", "-f", "-i")
        cls.terminal.type(f"fpath=({cls.folder} $fpath); autoload -Uz compinit; compinit -u -D; unsetopt beep\n"
                          'compadd() { local -a got; builtin compadd -O got "$@"; print -rl -- $got >>$HOME/got; '
                          'builtin compadd "$@"; }; print "rea""dy"\n')
        cls.terminal.read(b"ready")

    @classmethod
    def tearDownClass(cls):
        cls.terminal.end()
        super().tearDownClass()

    def complete(self, line):
        with open(self.got, "w", encoding="utf-8"):
            pass
        self.terminal.type(line + "\t")
        until = time.monotonic() + 60  # nothing more is typed meanwhile: zsh would end its search
        while os.stat(self.got).st_size == 0 and time.monotonic() < until:
            if select.select([self.terminal.fd], [], [], 0.01)[0]:
                os.read(self.terminal.fd, 65536)
        self.terminal.type("\x15print the-end\n")
        self.terminal.read(b"the-end")
        with open(self.got, encoding="utf-8") as file:
            return set(file.read().split())


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + os.environ.get("UNITTEST_ARGUMENTS", "").split(), verbosity=2)
