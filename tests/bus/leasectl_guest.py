# SPDX-License-Identifier: Apache-2.0
"""What the tests of leasectl share: they run inside a guest (run-in-guest), where they install what they are given.

    TEST.py LEASECTL LEASED LEASED_GUARD LEASED.SERVICE LEASED-GUARD.SERVICE BUS_POLICY LEASED_RUN [FILE]...

UNITTEST_ARGUMENTS in the environment go to unittest, e.g. "-k alias" for the tests with that in their names.
"""

import json
import os
import shutil
import subprocess
import sys
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
TARGETS = ("/usr/bin/", "/usr/lib/leased/", "/usr/lib/leased/", "/usr/lib/systemd/system/", "/usr/lib/systemd/system/",
           "/usr/share/dbus-1/system.d/", "/usr/lib/leased/")
SYSTEM = "/etc/systemd/system"
UNITS = "/etc/leased/units"
CONF = "/etc/leased/leased.conf"
GATES = "/run/leased/held"
DEADLINE = 30
POLL = 0.05
ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "SYSTEMD_PAGER": ""}
SLEEPER = "[Service]\nExecStart=/bin/sleep infinity\n"


def run(*command, check=True):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True,
                          env=ENVIRONMENT, timeout=120)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(command)}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def ctl(*arguments, check=False):
    return run("leasectl", *arguments, check=check)


def wait_for(what, condition):
    end = time.monotonic() + DEADLINE
    while not (value := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"in {DEADLINE} s it never was so that {what}\n" +
                                 run("journalctl", "-b", "-o", "short-precise", "-n", "60", "--no-pager").stdout)
        time.sleep(POLL)
    return value


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(text)


def read(path):
    with open(path) as file:
        return file.read()


def property_of(unit, name):
    return run("systemctl", "show", "-p", name, "--value", "--", unit).stdout.strip()


def asserts_of(unit):
    """The kinds of Assert that PID 1 has in force for a unit, each with what follows it."""
    name = "org.freedesktop.systemd1"
    path = json.loads(run("busctl", "--json=short", "call", name, "/org/freedesktop/systemd1", f"{name}.Manager", "LoadUnit",
                          "s", unit).stdout)["data"][0]
    found = json.loads(run("busctl", "--json=short", "get-property", name, path, f"{name}.Unit", "Asserts").stdout)["data"]
    return [each[:4] for each in found]


def dropin_of(unit):
    return f"{SYSTEM}/{unit}.d/zzzz-leased.conf"


class Case(unittest.TestCase):
    def unit(self, name, text=SLEEPER):
        """A unit file of this test's own, gone with what was made of it when the test is over."""
        write(f"{SYSTEM}/{name}", text)
        self.addCleanup(self._remove, name)
        run("systemctl", "daemon-reload")
        return name

    def _remove(self, name):
        if os.path.exists(f"{UNITS}/{name}") or os.path.exists(dropin_of(name)):
            ctl("disable", "--force", "--", name)
        run("systemctl", "stop", "--", name, check=False)
        for path in (f"{SYSTEM}/{name}", f"{UNITS}/{name}"):
            if os.path.lexists(path):
                os.unlink(path)
        shutil.rmtree(f"{SYSTEM}/{name}.d", ignore_errors=True)
        run("systemctl", "daemon-reload")
        run("systemctl", "reset-failed", check=False)

    def open_gate(self, unit):
        """By hand; the guard, which would remove the gate, stands still until the test is over."""
        run("systemctl", "start", "leased-guard.service")
        self.addCleanup(run, "systemctl", "kill", "--signal=CONT", "leased-guard.service", check=False)
        run("systemctl", "kill", "--signal=STOP", "leased-guard.service")
        write(f"{GATES}/{unit}", "")

    def conf(self, text):
        write(CONF, text)
        self.addCleanup(os.unlink, CONF)

    def assertSays(self, done, code, *lines):
        """The exit code, and exactly these lines on stderr, each after "leasectl: "; a line may end in an ellipsis."""
        said = done.stderr.splitlines()
        self.assertEqual((done.returncode, len(said)), (code, len(lines)), done.stdout + done.stderr)
        for expected, line in zip(lines, said):
            if expected.endswith("..."):
                self.assertEqual(line[:len("leasectl: " + expected) - 3], "leasectl: " + expected[:-3])
            else:
                self.assertEqual(line, "leasectl: " + expected)

    def assertUntouched(self, unit):
        self.assertFalse(os.path.exists(f"{UNITS}/{unit}"))
        self.assertFalse(os.path.exists(dropin_of(unit)))


class CaseWithDaemon(Case):
    """leased runs, with this configuration."""
    LEASED_CONF = ""

    @classmethod
    def setUpClass(cls):
        write(CONF, cls.LEASED_CONF)
        run("systemctl", "start", "leased.service")

    @classmethod
    def tearDownClass(cls):
        run("systemctl", "stop", "leased.service")
        os.unlink(CONF)

    def row(self, unit):
        done = ctl("list", "--json=short")
        assert done.returncode in (0, 6), done.stderr  # 6: of some unit the holder is not known
        rows = json.loads(done.stdout)
        return next((row for row in rows if row["unit"] == unit), None)

    def enable(self, name, text=SLEEPER, state="running"):
        unit = self.unit(name, text)
        ctl("enable", "--", unit, check=True)
        wait_for(f"{unit} is {state}", lambda: (self.row(unit) or {}).get("state") == state)
        return unit


def install(files):
    for source, target in zip(files, TARGETS):
        name = os.path.basename(source)
        os.makedirs(target, exist_ok=True)
        shutil.copy(os.path.join(HERE, name), target + name)
        if target.startswith(("/usr/bin", "/usr/lib/leased")):
            os.chmod(target + name, 0o755)
    shutil.rmtree("/etc/leased", ignore_errors=True)
    shutil.rmtree("/var/lib/leased", ignore_errors=True)
    run("systemctl", "daemon-reload")
    run("busctl", "call", "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "ReloadConfig")


def main():
    """Installs what is named on the command line, and runs the tests of the calling program."""
    install(sys.argv[1:1 + len(TARGETS)])
    unittest.main(module="__main__", argv=sys.argv[:1] + os.environ.get("UNITTEST_ARGUMENTS", "").split(),
                  verbosity=2)
