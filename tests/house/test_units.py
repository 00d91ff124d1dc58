# SPDX-License-Identifier: Apache-2.0
"""The services' sandboxes do not grow weaker: the exposure that systemd-analyze security gives each unit file."""

import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
UNITS = os.path.join(ROOT, "units")


def version_of_systemd():
    said = subprocess.run(("systemctl", "--version"), stdout=subprocess.PIPE, text=True, check=False).stdout
    return int(re.match(r"systemd (\d+)", said).group(1))


# As units/meson.build chooses.
DEVICES = "PrivateDevices=yes" if version_of_systemd() >= 257 else "DevicePolicy=closed"

# Exposure in tenths, at most. docs/operations.md, "The sandbox of each service", explains what is left.
LIMITS = {
    "leased.service": 20 if DEVICES.startswith("Private") else 21,
    "leased-guard.service": 20 if DEVICES.startswith("Private") else 22,
    "leased-address@.service": 20,
    "leased-etcd.service": 20,
    "leased-metrics.service": 14,
}

# Kills what is frozen beyond its time: no failure of a sandbox may keep it from that.
WITHOUT_SANDBOX = {"leased-frozen@.service"}


def unit_text(name):
    path = os.path.join(UNITS, name)
    with open(path if os.path.exists(path) else path + ".in", encoding="utf-8") as file:
        return file.read().replace("@libexecdir@", "/usr/lib/leased").replace("@devices@", DEVICES)


def analyze(text, name, limit, *options):
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return subprocess.run(("systemd-analyze", "security", "--offline=yes", "--no-pager", f"--threshold={limit}", *options, path),
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)


def rests(text, name):
    """What the rating of a service is made of: the settings that systemd-analyze finds open, such as "UMask" or "SystemCallFilter"."""
    said = analyze(text, name, 100, "--json=short").stdout
    return {re.match(r"[A-Za-z]+", row["name"]).group() for row in json.loads(said[said.index("[{"):]) if float(row["exposure"] or 0) > 0}


def explanations():
    with open(os.path.join(ROOT, "docs", "operations.md"), encoding="utf-8") as file:
        return file.read().split("## The sandbox of each service")[1].split("\n## ")[0]


def can_analyze():
    """systemd can rate a unit file since version 250."""
    return shutil.which("systemd-analyze") and "--offline" in subprocess.run(
        ("systemd-analyze", "--help"), stdout=subprocess.PIPE, text=True, check=False).stdout


class ControlGroups(unittest.TestCase):
    def test_what_finishes_the_work_of_a_killed_service_has_a_group_of_its_own(self):
        """After a write to a service's cgroup.kill, systemd 257 and later lose what they start into that group. With Delegate=yes they
        start ExecStop= and ExecStopPost= in a group below it."""
        texts = {name: unit_text(re.sub(r"\.in$", "", name)) for name in os.listdir(UNITS)}
        finish = {name for name, text in texts.items() if re.search(r"(?m)^ExecStop(Post)?=", text)}
        self.assertEqual(finish, {"leased-guard.service.in", "leased-frozen@.service.in", "leased-address@.service.in"})
        for name in finish:
            with self.subTest(name):
                self.assertRegex(texts[name], r"(?m)^Delegate=yes$")


@unittest.skipUnless(can_analyze(), "systemd-analyze cannot rate unit files")
class Sandbox(unittest.TestCase):
    def test_every_service_is_listed(self):
        shipped = {re.sub(r"\.in$", "", name) for name in os.listdir(UNITS) if re.search(r"\.service(\.in)?$", name)}
        self.assertEqual(set(LIMITS) | WITHOUT_SANDBOX, shipped)

    def test_no_exposure_is_above_its_limit(self):
        for name, limit in LIMITS.items():
            with self.subTest(name):
                done = analyze(unit_text(name), name, limit)
                self.assertEqual(done.returncode, 0, done.stdout)

    def test_a_setting_that_is_gone_is_noticed(self):
        for name in LIMITS:
            with self.subTest(name):
                self.assertNotEqual(analyze("[Service]\nType=simple\nExecStart=/bin/true\n", name, LIMITS[name]).returncode, 0)

    def test_every_setting_is_explained(self):
        """The sandbox's settings of the two services that docs/operations.md has a table of."""
        explained = explanations()
        for name in ("leased.service", "leased-guard.service"):
            settings = re.findall(r"(?m)^((?:Private|Protect|Restrict|SystemCallF|SystemCallA|Capability|NoNew|Lock|Memory|Device|IPAddress)\w*)=",
                                  unit_text(name))
            for setting in settings:
                self.assertIn(f"`{setting}=", explained, name)

    def test_every_rest_of_a_rating_is_explained(self):
        explained = explanations()
        for name in ("leased.service", "leased-guard.service"):
            for setting in rests(unit_text(name), name):
                self.assertIn(f"`{setting}=", explained, name)


if __name__ == "__main__":
    unittest.main()
