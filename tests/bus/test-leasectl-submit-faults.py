#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A machine that takes submitted units is in trouble itself: ssh-keygen hangs, is killed or missing, and disks are full or read-only.

    run-in-guest test-leasectl-submit-faults.py LEASECTL LEASED LEASED_GUARD LEASED.SERVICE LEASED-GUARD.SERVICE BUS_POLICY LEASED_RUN PUT_RECORD
"""

import os

from leasectl_beta import shown
from leasectl_guest import SYSTEM, UNITS, ctl, main, property_of, read, run, wait_for, write
from leasectl_submit import KEPT, RUN, Submitting

SLEEPS = "[Service]\nExecStart=/bin/sleep infinity\n"
SLEEPS_2 = "[Service]\nExecStart=/bin/sleep 1000000\n"
KEYGEN = "/usr/local/bin/ssh-keygen"  # before the real one in systemd's PATH, and not in the tests' own
# In the place of ssh-keygen: does what the file says where the signed text has the unit's name, and is the real one otherwise.
FAKE = """#!/bin/bash
text=$(cat; echo .)
if [[ $text == *bad-* && $* == *verify* ]]; then
        {what}
fi
printf %s "${{text%.}}" | /usr/bin/ssh-keygen "$@"
"""


class Faults(Submitting):
    LEASED_CONF = Submitting.LEASED_CONF.replace("TTL=2s", "TTL=8s")

    @staticmethod
    def put_keygen(text):
        write(f"{KEYGEN}.new", text)
        os.chmod(f"{KEYGEN}.new", 0o755)
        os.rename(f"{KEYGEN}.new", KEYGEN)  # the one before may run

    def told(self, name):
        """What status says of it here."""
        return next((row["here"] for row in shown("list-files") if row["unit"] == name), None)

    def test_a_verification_that_hangs_is_killed_and_told_and_the_next_file_goes_on(self):
        self.addCleanup(os.unlink, KEYGEN)
        for name, what, words in (("hangs", "echo $$ >/run/hangs; sleep 1000 & wait", "ssh-keygen: no answer in 5s"),
                                  ("killed", "kill -KILL $$", "ssh-keygen: killed by signal 9")):
            with self.subTest(what=what):
                bad, good, later = f"bad-{name}.service", f"good-{name}.service", f"later-{name}.service"
                self.put_keygen(FAKE.format(what=what))
                self.submit(bad, SLEEPS, "--no-wait")
                self.submit(good, SLEEPS, "--no-wait")
                self.wait_outcome(bad, "not verified")
                self.wait_outcome(good, "in force")
                wait_for("it is told", lambda said=words: said in self.told(bad))
                self.assertNothingOf(bad)
                # A new unit is taken while the other one is still looked at again and again.
                self.submit(later, SLEEPS, "--no-wait")
                self.wait_outcome(later, "in force")
                self.put_keygen("#!/bin/sh\nexec /usr/bin/ssh-keygen \"$@\"\n")
                self.wait_outcome(bad, "in force")  # without anything that is said anew
                self.assertEqual(run("pgrep", "-f", "sleep 1000$", check=False).stdout, "", "what ssh-keygen has started is left")
                for unit in (bad, good, later):
                    self._clear(unit)

    def test_a_unit_that_is_slow_to_stop_keeps_no_other_waiting(self):
        slow, other = "slow-to-stop.service", "quick.service"
        self.submit(slow, SLEEPS + "ExecStop=/bin/sleep 1000\nTimeoutStopSec=1h\n")
        wait_for("it is up", lambda: property_of(slow, "ActiveState") == "active")
        ctl("destroy", f"--key={self.keys}/alice", slow, check=True)
        wait_for("it is being stopped", lambda: property_of(slow, "ActiveState") == "deactivating")
        self.submit(other, SLEEPS, "--no-wait")
        self.wait_outcome(other, "in force")
        wait_for("it is told", lambda: "is being stopped here" in self.told(slow))
        self.assertEqual(property_of(slow, "ActiveState"), "deactivating")
        run("systemctl", "kill", "-s", "KILL", slow)
        self.wait_outcome(slow, "destroyed")
        for path in (f"{RUN}/{slow}", f"{UNITS}/{slow}", f"{SYSTEM}/{slow}.d/zzzz-leased.conf"):
            self.assertFalse(os.path.lexists(path), path)

    # Disks

    def assertWholeBefore(self, unit, pid):
        self.assertIn("sleep infinity", read(f"{RUN}/{unit}"))
        self.assertEqual(os.listdir(f"{RUN}/{unit}.d"), ["a.conf"])
        self.assertEqual(property_of(unit, "MainPID"), pid)
        run("systemctl", "daemon-reload")
        self.assertEqual(property_of(unit, "TasksMax"), "77", "a mixture of two versions is in force")

    def assertCatchesUp(self, unit):
        self.wait_outcome(unit, "in force")
        wait_for("the new version runs", lambda: "sleep 1000000" in property_of(unit, "ExecStart") and property_of(unit, "TasksMax") == "78")
        self.assertEqual(os.listdir(f"{RUN}/{unit}.d"), ["a.conf"])
        self.assertEqual([name for name in os.listdir(RUN) if name.startswith(unit)], sorted([unit, f"{unit}.d"]))

    def test_a_full_run_changes_nothing_is_told_and_is_caught_up_with(self):
        """The drop-in would fit, the unit's file does not."""
        os.makedirs(RUN, exist_ok=True)
        run("mount", "-t", "tmpfs", "-o", "size=128k,mode=755", "full", RUN)
        self.addCleanup(run, "systemctl", "daemon-reload")
        self.addCleanup(run, "umount", RUN)
        unit = "full.service"
        self.submit(unit, SLEEPS, dropins={"a.conf": "[Service]\nTasksMax=77\n"})
        pid = property_of(unit, "MainPID")
        run("sh", "-c", f"head -c 1M /dev/zero >{RUN}/filled", check=False)
        size = os.path.getsize(f"{RUN}/filled")
        os.truncate(f"{RUN}/filled", size - 8192)  # two pages: of three files there is no room for one
        big = "# " + "x" * 6000 + "\n"
        self.submit(unit, SLEEPS_2 + big, "--no-wait", dropins={"a.conf": "[Service]\nTasksMax=78\n"})
        self.submit("fresh.service", SLEEPS + big * 2, "--no-wait")
        for each in (unit, "fresh.service"):
            self.wait_outcome(each, "not written")
            self.assertIn("No space left on device", self.told(each))
        self.assertWholeBefore(unit, pid)
        self.assertNothingOf_but_kept("fresh.service")
        os.unlink(f"{RUN}/filled")
        self.assertCatchesUp(unit)
        self.wait_outcome("fresh.service", "in force")
        wait_for("it runs", lambda: property_of("fresh.service", "ActiveState") == "active")
        for each in (unit, "fresh.service"):
            self._clear(each)

    def assertNothingOf_but_kept(self, name):
        for path in (f"{RUN}/{name}", f"{RUN}/{name}.d", f"{SYSTEM}/{name}.d", f"{UNITS}/{name}"):
            self.assertFalse(os.path.lexists(path), path)

    def read_only(self, path):
        run("mount", "--bind", path, path)
        run("mount", "-o", "remount,ro,bind", path)
        self.addCleanup(run, "umount", "-l", path, check=False)

    def test_a_read_only_etc_changes_nothing_is_told_and_is_caught_up_with(self):
        """Gates are in /etc, the files in /run."""
        self.submit("ro.service", SLEEPS, dropins={"a.conf": "[Service]\nTasksMax=77\n"})
        pid = property_of("ro.service", "MainPID")
        self.read_only("/etc")
        self.submit("ro-new.service", SLEEPS, "--no-wait")
        self.wait_outcome("ro-new.service", "not written")
        self.assertIn("Read-only file system", self.told("ro-new.service"))
        self.assertNothingOf_but_kept("ro-new.service")
        # What has its gate already needs nothing from /etc.
        self.submit("ro.service", SLEEPS_2, "--no-wait", dropins={"a.conf": "[Service]\nTasksMax=78\n"})
        self.assertCatchesUp("ro.service")
        wait_for("it was restarted", lambda: property_of("ro.service", "MainPID") != pid)
        run("umount", "-l", "/etc")
        ctl("reload", check=True)
        self.wait_outcome("ro-new.service", "in force")
        wait_for("it runs", lambda: property_of("ro-new.service", "ActiveState") == "active")

    def test_a_read_only_state_directory_takes_nothing_and_is_caught_up_with(self):
        self.submit("kept.service", SLEEPS, dropins={"a.conf": "[Service]\nTasksMax=77\n"})
        pid = property_of("kept.service", "MainPID")
        self.read_only(KEPT)
        self.submit("kept.service", SLEEPS_2, "--no-wait", dropins={"a.conf": "[Service]\nTasksMax=78\n"})
        self.wait_outcome("kept.service", "not written")
        self.assertWholeBefore("kept.service", pid)
        run("umount", "-l", KEPT)
        ctl("reload", check=True)
        self.assertCatchesUp("kept.service")

    # A version that check refuses

    def test_a_refused_version_leaves_what_was_taken_also_through_a_boot(self):
        """/run is empty after a boot."""
        self.submit("boot.service", SLEEPS)
        self.submit("boot.service", SLEEPS + "PAMName=login\n", "--no-wait")
        self.wait_outcome("boot.service", "checked")
        self.assertEqual(property_of("boot.service", "ActiveState"), "active")
        run("systemctl", "stop", "leased.service")
        os.unlink(f"{RUN}/boot.service")
        run("systemctl", "daemon-reload")
        run("systemctl", "start", "leased.service")
        self.wait_outcome("boot.service", "checked")
        wait_for("the version before is there again", lambda: os.path.exists(f"{RUN}/boot.service"))
        self.assertNotIn("PAMName", read(f"{RUN}/boot.service"))
        wait_for("it runs", lambda: property_of("boot.service", "ActiveState") == "active")

    def test_a_refused_version_leaves_the_gate_of_what_the_one_before_brought(self):
        """What came along is down at the moment, as it mostly is with a timer."""
        self.send("g.timer", {"g.timer": "[Timer]\nOnCalendar=yearly\nUnit=ours.service\n", "ours.service": SLEEPS})
        self.send("g.timer", {"g.timer": "[Timer]\nOnCalendar=yearly\nUnit=bad.service\n", "bad.service": SLEEPS + "PAMName=login\n"})
        self.wait_outcome("g.timer", "checked")
        self.assertIn("sleep infinity", read(f"{RUN}/ours.service"))
        self.assertTrue(os.path.exists(f"{SYSTEM}/ours.service.d/zzzz-leased.conf"), "it could be started anywhere")
        self.assertFalse(os.path.exists(f"{SYSTEM}/bad.service.d"))
        self.assertFalse(os.path.exists(f"{RUN}/bad.service"))


if __name__ == "__main__":
    main()
