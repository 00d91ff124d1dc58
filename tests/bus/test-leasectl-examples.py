#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every command in README, man pages and operations.md is run, and every example of a configuration is read.

    run-in-guest test-leasectl-examples.py LEASECTL LEASED LEASED_GUARD LEASED.SERVICE LEASED-GUARD.SERVICE BUS_POLICY LEASED_RUN PAGE...

Commands may fail here for want of a second machine or of an etcd; they must not be wrong in themselves. What installs, builds,
reboots or removes is not run.
"""

import os
import re
import subprocess
import sys
import unittest

from leasectl_guest import CONF, ENVIRONMENT, HERE, TARGETS, SLEEPER, CaseWithDaemon, ctl, main, run, wait_for, write

PAGES = [os.path.basename(path) for path in sys.argv[1 + len(TARGETS):]]
TRIED = ("leasectl", "busctl", "systemctl", "journalctl")
WRONG = ("usage: leasectl", "unknown verb", "not an option of", "unrecognized option", "unknown option", "Unknown command", "invalid option",
         "Unknown operation", "requires an argument", "Too many arguments", "Too few arguments")
LASTS = ("leasectl monitor", "leasectl\n")


def text_of(name):
    with open(os.path.join(HERE, name), encoding="utf-8") as file:
        text = file.read()
    return re.sub(r"\\f[A-Z]", "", text).replace("\\-", "-") if name[-2:] in (".1", ".5", ".8") else text


def blocks(name):
    """The examples: what stands in .EX, in fences, or is indented in Markdown."""
    text = text_of(name)
    return (re.findall(r"(?ms)^\.EX\n(.*?)^\.EE", text) + re.findall(r"(?ms)^```\w*\n(.*?)^```$", text) +
            re.findall(r"(?m)((?:^    \S.*\n)+)", text))


def commands(name):
    """Each line of an example that is a command of ours or systemd's, and what Markdown sets as code in a line."""
    lines = [line.strip().removeprefix("# ") for block in blocks(name) for line in block.splitlines()]
    if name.endswith(".md"):
        lines += re.findall(r"`([a-z]+ [^`]+)`", text_of(name))
    return [line for line in lines if line.split(" ")[0] in TRIED]


def settings(name):
    return [block for block in blocks(name) if block.startswith("[")]


class Examples(CaseWithDaemon):
    LEASED_CONF = "[Leased]\nTTL=2s\n"

    def setUp(self):
        self.unit("foo.service", SLEEPER + "[Install]\nWantedBy=multi-user.target\n")
        self.unit("UNIT.service")
        ctl("enable", "foo", check=True)
        wait_for("foo runs", lambda: (self.row("foo.service") or {}).get("state") == "running")

    def test_there_are_examples(self):
        self.assertGreaterEqual(len(PAGES), 6)
        for name in ("README.md", "leasectl.1", "leased.8", "operations.md"):
            self.assertTrue(commands(name), name)
        self.assertTrue(settings("README.md") and settings("leased.conf.5") and settings("leased.unit.5"))

    def try_command(self, command):
        words = command.replace("$(ls /etc/leased/units)", "foo.service").replace(" UUID", " " + "0" * 36)
        words = re.sub(r" N$", " 1", words)
        # --no-wait: another machine, for which some would wait, is not there.
        words = re.sub(r"^leasectl (?=.*\b(steal|transfer|drain|rearm|release)\b)", "leasectl --no-wait ", words)
        try:
            done = subprocess.run(["/bin/sh", "-c", "exec " + words if "&&" not in words else words], capture_output=True,
                                  text=True, stdin=subprocess.DEVNULL, env=ENVIRONMENT, timeout=20)
        except subprocess.TimeoutExpired:
            self.assertTrue(command.startswith(LASTS), command)
            return
        self.assertNotIn(done.returncode, (2, 126, 127) if words.startswith("leasectl") else (126, 127),
                         f"{command}\n{done.stderr}")
        for wrong in WRONG:
            self.assertNotIn(wrong, done.stderr, command)

    def test_every_command_is_one(self):
        for name in PAGES:
            for command in commands(name):
                with self.subTest(page=name, command=command):
                    self.try_command(command)
        run("systemctl", "start", "leased.service")
        ctl("undrain")

    def test_every_configuration_is_read(self):
        self.addCleanup(write, CONF, self.LEASED_CONF)
        own = "/etc/leased/units/foo.service"
        write("/etc/leased/ca.pem", "")
        for name in PAGES:
            for text in settings(name):
                with self.subTest(page=name, text=text):
                    write(CONF, text if text.startswith("[Leased]") else "")
                    write(own, "" if text.startswith("[Leased]") else text)
                    done = ctl("check", "foo")
                    self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)


if __name__ == "__main__":
    main()
