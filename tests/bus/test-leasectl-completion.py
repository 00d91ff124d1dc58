#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""bash, zsh and fish complete the verbs and options of leasectl, and the units, machines and leases that there are. leasectl,
systemctl and busctl are played, except that --help is leasectl's own.

    test-leasectl-completion.py LEASECTL SOURCE_ROOT
"""

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
PLAYED = {
    "leasectl": f"""case "$*" in
--help|help*) exec {LEASECTL} "$@" ;;
list*) printf '%s\\n' 'web.service running' 'queue@1.timer running' ;;
machines*) echo '[{{"hostname":"alpha"}},{{"hostname":"beta"}}]' ;;
set-metadata) echo rack=a1 ;;
cat*) printf '%s\\n' '# Together:' 'Version=1' 'Prefer=rack=a' ;;
esac""",
    "busctl": """echo '{"data":[[["engine-leader","","0"],["web.service","","0"]]]}'""",
    "systemctl": """case "$1" in
list-unit-files) printf '%s\\n' 'web.service enabled' 'queue@.timer static' 'data.mount static' 'in.socket enabled' ;;
list-units) printf '%s\\n' 'queue@1.timer loaded active' ;;
esac""",
}
UNITS = {"web.service", "queue@1.timer"}
MACHINES = {"alpha", "beta"}
# What was typed so far, and all words that may follow.
LINES = {
    "leasectl status ": UNITS,
    "leasectl release ": UNITS,
    "leasectl transfer ": UNITS,
    "leasectl transfer web.service ": MACHINES,
    "leasectl --no-wait transfer web.service ": MACHINES,
    "leasectl drain ": MACHINES,
    "leasectl list ": MACHINES,
    "leasectl enable ": {"web.service", "queue@1.timer", "data.mount", "in.socket"},
    "leasectl forget ": MACHINES | {"engine-leader", "web.service"},
    "leasectl cat ": {"web.service", "queue@1.timer", "data.mount", "in.socket"},
    "leasectl set web.service ": {"Version=", "Prefer="},
    "leasectl run ": {"engine-leader", "web.service"},
    "leasectl registry ": {"accept", "forget"},
    "leasectl history ": UNITS | {"engine-leader"},
}


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


class Bash(Completion, unittest.TestCase):
    def test_behind_a_verb_options_are_those_that_it_knows(self):
        told = self.complete("leasectl disable --")
        self.assertLessEqual({"--all", "--force", "--no-wait", "--help"}, told)
        self.assertFalse(told & {"--stop", "--pty", "--all-machines"})

    def complete(self, line):
        script = (f'source {SCRIPTS["bash"]}; COMP_LINE=$1; COMP_POINT=${{#1}}; read -ra COMP_WORDS <<<"$1"; '
                  '[[ $1 == *" " ]] && COMP_WORDS+=(""); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); '
                  'compopt() { :; }; _leasectl; printf "%s\\n" "${COMPREPLY[@]}"')
        return set(self.run_shell("bash", "--norc", "-c", script, "bash", line).stdout.split())


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
        cls.process, cls.fd = pty.fork()
        if cls.process == 0:
            os.execve(shutil.which("zsh"), ["zsh", "-f", "-i"], cls.env)
        os.write(cls.fd, f"fpath=({cls.folder} $fpath); autoload -Uz compinit; compinit -u -D; unsetopt beep\n".encode())
        os.write(cls.fd, b'compadd() { local -a got; builtin compadd -O got "$@"; print -rl -- $got >>$HOME/got; '
                         b'builtin compadd "$@"; }; print "rea""dy"\n')
        cls.read(b"\nready")

    @classmethod
    def tearDownClass(cls):
        os.kill(cls.process, 9)
        os.waitpid(cls.process, 0)
        os.close(cls.fd)
        super().tearDownClass()

    def complete(self, line):
        with open(self.got, "w", encoding="utf-8"):
            pass
        os.write(self.fd, (line + "\t").encode())
        until = time.monotonic() + 60  # nothing more is typed meanwhile: zsh would end its search
        while os.stat(self.got).st_size == 0 and time.monotonic() < until:
            if select.select([self.fd], [], [], 0.01)[0]:
                os.read(self.fd, 65536)
        os.write(self.fd, b"\x15print the-end\n")
        self.read(b"\nthe-end")
        with open(self.got, encoding="utf-8") as file:
            return set(file.read().split())

    @classmethod
    def read(cls, end):
        text, until = b"", time.monotonic() + 60
        while end not in text.replace(b"\r", b"\n"):
            if time.monotonic() > until:
                raise AssertionError(text)
            if select.select([cls.fd], [], [], 1)[0]:
                text += os.read(cls.fd, 65536)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + os.environ.get("UNITTEST_ARGUMENTS", "").split(), verbosity=2)
