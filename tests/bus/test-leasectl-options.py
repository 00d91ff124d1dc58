#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The options of a unit, shown and changed; and what would become of units, told before it is done.

    run-in-guest test-leasectl-options.py LEASECTL LEASED LEASED_GUARD LEASED.SERVICE LEASED-GUARD.SERVICE BUS_POLICY LEASED_RUN PUT_RECORD
"""

import json
import os
import pty
import shutil
import stat
import subprocess

from leasectl_beta import BETA, TwoSecondCase, WithBeta, put, shown
from leasectl_guest import ENVIRONMENT, GATES, SLEEPER, SYSTEM, UNITS, Case, ctl, dropin_of, main, property_of, read, run, wait_for, write

HEAD = "# Enabled by leasectl. Options of this unit on this machine, see leased.unit(5).\n[X-Leased]\n"
EDITOR = "/run/editor-of-this-test"


def editor(script):
    """An editor that does this to the file in $1, and notes what it was given."""
    write(EDITOR, f'#!/bin/sh -e\ncp "$1" {EDITOR}.seen\n{script}\n')
    os.chmod(EDITOR, 0o755)
    return {**ENVIRONMENT, "EDITOR": EDITOR}


def edit(unit, script, *options):
    return subprocess.run(["leasectl", "edit", *options, unit], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                          env=editor(script), timeout=120)


class Shown(Case):
    """cat needs neither daemon nor registry."""

    def test_the_files_and_what_follows_from_them_are_shown(self):
        unit = self.unit("shown.service", "[Unit]\nDescription=x\n" + SLEEPER + "[X-Leased]\n# why\nPrefer=rack=a\n")
        write(f"{SYSTEM}/{unit}.d/10-more.conf", "[X-Leased]\nStopGraceSec=1s\n")
        write(f"{UNITS}/{unit}", "[X-Leased]\nPrefer=\nVersion=3\n")
        done = ctl("cat", unit)
        self.assertSays(done, 0)
        files, together = done.stdout.split("\n# Together, with the defaults:\n")
        self.assertEqual(files, f"# {SYSTEM}/{unit}\n[X-Leased]\n# why\nPrefer=rack=a\n\n"
                         f"# {SYSTEM}/{unit}.d/10-more.conf\n[X-Leased]\nStopGraceSec=1s\n\n"
                         f"# {UNITS}/{unit}\n[X-Leased]\nPrefer=\nVersion=3\n")
        self.assertIn("StopGraceSec=1.0s\nVersion=3\nOnSuccess=done\n", together)
        self.assertIn("\nHoldDownSec=\n# by default 30.0s, and 1min 0s after a failure\nFenceAction=none\n", together)
        for line in ("Prefer=", "PreferNot=", "Spread=", "Require=", "Check=", "CheckRise=2", "RebootSec=5min 0s", "Failback=no",
                     "FailbackSec=1min 0s", "Global=no", "AllowOutside=no"):
            self.assertIn(f"\n{line}\n", together)
        self.assertEqual(len(together.splitlines()), 30, together)
        row = json.loads(ctl("cat", "--json=short", unit).stdout)[0]
        self.assertEqual((row["unit"], [each["path"] for each in row["files"]]),
                         (unit, [f"{SYSTEM}/{unit}", f"{SYSTEM}/{unit}.d/10-more.conf", f"{UNITS}/{unit}"]))

    def test_a_bad_line_is_told_and_all_else_is_shown(self):
        unit = self.unit("wrong.service", SLEEPER + "[X-Leased]\nVersion=two\nOnSuccess=release\n")
        done = ctl("cat", unit)
        self.assertSays(done, 1, f"{SYSTEM}/{unit}:4: Version=two: expected is a whole number, e.g. 2")
        self.assertIn("OnSuccess=release\n", done.stdout)
        self.assertIn("StopGraceSec=\n# by default TimeoutStopSec= or a quarter of the TTL, whichever is shorter\n", done.stdout)
        self.assertSays(ctl("cat", "what@.service"), 4, "what@.service: is not the name of a unit that can be leased")

    def link(self, name, target, folder=SYSTEM):
        os.makedirs(folder, exist_ok=True)
        os.symlink(target, f"{folder}/{name}")
        self.addCleanup(os.unlink, f"{folder}/{name}")

    def drop(self, name):
        write(f"{SYSTEM}/{name}.d/{name}.conf", f"[X-Leased]\nPrefer=name={name}\n")
        self.addCleanup(shutil.rmtree, f"{SYSTEM}/{name}.d")

    def test_the_drop_ins_are_those_that_pid1_reads_also_of_aliases(self):
        write("/opt/names-linked.service", SLEEPER)
        self.addCleanup(os.unlink, "/opt/names-linked.service")
        for name in ("names.service", "names-shadow.service", "names-t@.service", "names-t@own.service", "names-other@7.service"):
            self.unit(name)
        aliases = {"also-names.service": "names.service", "second.service": f"{SYSTEM}/also-names.service",
                   "third.service": "../system/./names.service", "also-linked.service": "/opt/names-linked.service",
                   "names-linked.service": "/opt/names-linked.service", "also-names.timer": "names.service",
                   "also-names@.service": "names-t@.service", "names-other@.service": "names-t@.service",
                   "one@5.service": "names-t@5.service", "two@5.service": "names-t@.service", "three@6.service": "names-t@5.service",
                   "four@own.service": "names-t@own.service", "five@own.service": "names-t@.service", "six.service": "names-t@5.service",
                   "dangling.service": "nowhere.service"}
        for name, target in aliases.items():
            self.link(name, target)
        self.link("names-shadow.service", f"{SYSTEM}/names.service", "/run/systemd/system")
        for name in ("names.service", "also-.service", "also-names@5.service", "also-names@7.service", "also-names@own.service",
                     "names-other@5.service", "names-other@7.service", "names-t@.service", "names-t@5.service", "one@.service",
                     "names-shadow.service", "also-names.timer", "service", *aliases):
            if not os.path.exists(f"{SYSTEM}/{name}.d"):
                self.drop(name)
        run("systemctl", "daemon-reload")
        for unit in ("names.service", "names-shadow.service", "names-linked.service", "names-t@5.service", "names-t@7.service",
                     "names-t@own.service", "names-other@7.service"):
            with self.subTest(unit):
                dropins = [path for path in property_of(unit, "DropInPaths").split() if path.startswith(SYSTEM)]
                shown = json.loads(ctl("cat", "--json=short", unit, check=True).stdout)[0]["files"]
                self.assertEqual([each["path"] for each in shown], dropins)
                self.assertGreater(len(dropins), 1)

    def test_what_others_wrote_reaches_no_terminal_raw(self):
        unit = self.unit("raw.service", SLEEPER + "[X-Leased]\n# \x1b[31mred\n")
        self.assertNotIn("\x1b", ctl("cat", unit).stdout)


class Changed(TwoSecondCase):
    def text(self, unit):
        return read(f"{UNITS}/{unit}")

    def change(self, unit, *settings):
        """What set says that it changes."""
        done = ctl("set", unit, *settings)
        self.assertSays(done, 0)
        lines = done.stdout.splitlines()
        self.assertEqual(lines[-1], f"{unit}: changed; it runs here")
        return [line[len(unit) + 2:] for line in lines[:-1]]

    def test_what_is_set_is_told_and_in_force_at_once(self):
        unit = self.enable("set.service")
        pid = run("systemctl", "show", "-p", "MainPID", unit).stdout
        self.assertEqual(self.change(unit, "Version=2", "Prefer=rack=a rack=b"), ["Version=2 (was 0)", "Prefer=rack=a rack=b"])
        self.assertEqual(self.text(unit), HEAD + "Version=2\nPrefer=rack=a rack=b\n")
        self.assertEqual(self.change(unit, "Version=3"), ["Version=3 (was 2)"])
        self.assertEqual(self.text(unit), HEAD + "Version=3\nPrefer=rack=a rack=b\n")
        self.assertEqual(self.change(unit, "HoldDownSec=30s"), ["HoldDownSec=30.0s"])  # also after a failure
        self.assertEqual(self.change(unit, "HoldDownSec="), ["HoldDownSec=30.0s is no longer set"])
        self.assertEqual(self.change(unit, "Prefer="), ["Prefer=rack=a rack=b is no longer set"])
        self.assertEqual(self.text(unit), HEAD + "Version=3\n")
        self.assertEqual(ctl("reload").stdout, "nothing has changed\n")  # leased goes by it already
        self.assertEqual(run("systemctl", "show", "-p", "MainPID", unit).stdout, pid)
        self.assertEqual(stat.S_IMODE(os.stat(f"{UNITS}/{unit}").st_mode), 0o644)

    def test_what_is_set_of_a_job_that_runs_does_not_sound_like_a_new_start(self):
        """A job of Type=oneshot is starting for as long as it runs."""
        unit = self.enable("long-job.service", "[Service]\nType=oneshot\nExecStart=/bin/sleep infinity\n", state="starting")
        self.assertEqual(ctl("set", unit, "Version=2", check=True).stdout, f"{unit}: Version=2 (was 0)\n{unit}: changed; it is starting here\n")
        self.assertEqual(ctl("is-held", unit, check=True).stdout, "held\n")

    def test_nothing_is_said_to_be_changed_that_is_not(self):
        unit = self.enable("unchanged.service")
        nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
        done = run(*nobody, "leasectl", "set", unit, "Version=4", check=False)
        self.assertEqual(done.stdout, "")
        self.assertSays(done, 1, f"{UNITS}/{unit}: Permission denied, do it as root")
        self.assertNotIn("Version", read(f"{UNITS}/{unit}"))

    def test_what_says_nothing_new_changes_nothing(self):
        unit = self.enable("same.service")
        self.assertEqual(ctl("set", unit, "Version=0").stdout, f"{unit}: no option changes\n")
        self.assertIn("Version=0", read(f"{UNITS}/{unit}"))
        done = ctl("set", unit, "Version=0")
        self.assertEqual((done.returncode, done.stdout), (0, f"{unit}: no option changes\n"))

    def test_leased_goes_by_the_drop_in_of_an_alias(self):
        unit = self.unit("by-alias.service")
        os.symlink(unit, f"{SYSTEM}/its-alias.service")
        self.addCleanup(os.unlink, f"{SYSTEM}/its-alias.service")
        write(f"{SYSTEM}/its-alias.service.d/lease.conf", "[X-Leased]\nLease=shared-by-alias\n")
        self.addCleanup(shutil.rmtree, f"{SYSTEM}/its-alias.service.d")
        run("systemctl", "daemon-reload")
        ctl("enable", unit, check=True)
        wait_for("it runs", lambda: (self.row(unit) or {}).get("state") == "running")
        self.assertEqual(self.row(unit)["lease"], "shared-by-alias")
        write(f"{SYSTEM}/its-alias.service.d/lease.conf", "[X-Leased]\nLease=a/b\n")
        done = ctl("check", unit)
        self.assertEqual(done.returncode, 1)
        self.assertIn("its-alias.service.d/lease.conf:2: Lease=a/b: expected is", " ".join(done.stdout.split()))

    def test_an_option_of_the_unit_file_is_set_back_by_a_line_of_its_own(self):
        unit = self.enable("back.service", SLEEPER + "[X-Leased]\nPrefer=rack=a\n")
        self.assertEqual(self.change(unit, "Prefer="), ["Prefer=rack=a is no longer set"])
        self.assertEqual(self.text(unit), HEAD + "Prefer=\n")
        self.assertEqual(self.change(unit, "Prefer=", "Prefer=rack=b", "Prefer=rack=c"), ["Prefer=rack=b rack=c"])
        self.assertEqual(self.text(unit), HEAD + "Prefer=\nPrefer=rack=b\nPrefer=rack=c\n")

    def test_what_would_be_wrong_changes_nothing(self):
        unit = self.enable("kept.service")
        before = self.text(unit)
        for setting, said in (("Version=two", f"{UNITS}/{unit}:3: Version=two: expected is a whole number, e.g. 2"),
                              ("Versoin=2", f"{UNITS}/{unit}:3: Versoin=: unknown option in [X-Leased], did you mean Version=?"),
                              ("StopGraceSec=9s", f"{UNITS}/{unit}:3: StopGraceSec=9.0s: with TTL=2.0s ..."),
                              ("Slice=system.slice", f"{UNITS}/{unit}:3: Slice=system.slice: expected is a slice ...")):
            self.assertSays(ctl("set", unit, setting), 1, said)
        for setting in ("Version", "=2", "Version=a\nb", "Version=2\\"):
            done = ctl("set", unit, setting)
            self.assertEqual((done.returncode, done.stdout), (2, ""))
            self.assertIn("expected is KEY=VALUE", done.stderr)
        self.assertEqual(self.text(unit), before)
        self.assertEqual(self.row(unit)["state"], "running")
        self.assertSays(ctl("set", "nowhere", "Version=2"), 4, "nowhere.service: is not enabled here: leasectl enable nowhere.service")
        self.assertSays(ctl("set", unit), 2, "usage: leasectl set UNIT KEY=VALUE...")

    def test_a_slice_that_is_set_gets_the_gate(self):
        unit = self.enable("sliced.service")
        self.addCleanup(run, "rm", "-rf", f"{SYSTEM}/apart.slice.d")
        done = ctl("set", unit, "Slice=apart.slice")
        self.assertEqual((done.returncode, done.stdout), (0, f"{unit}: Slice=apart.slice\n{unit}: changed; it runs here\n"
                                                          "apart.slice: goes by its lease\n"))
        self.assertIn(f"{GATES}/{unit}", read(dropin_of("apart.slice")))

    def test_a_dry_run_says_what_would_change_and_changes_nothing(self):
        unit = self.enable("dry.service")
        done = ctl("set", "-n", unit, "Version=2", "Require=rack=none")
        self.assertEqual(done.stdout, f"{unit}: Version=2 (was 0)\n{unit}: Require=rack=none\n{unit}: would run nowhere "
                         f"({os.uname().nodename}: missing metadata rack=none; holds it now)\n")
        self.assertEqual((done.returncode, self.text(unit)), (1, HEAD))
        self.assertEqual(ctl("set", "-n", unit, "Version=2").stdout,
                         f"{unit}: Version=2 (was 0)\n{unit}: stays on {os.uname().nodename}\n")
        for setting, was in (("Copies=2", "1"), ("Lease=other", unit)):
            self.assertEqual(ctl("set", "-n", unit, setting).stdout, f"{unit}: {setting} (was {was})\n"
                             f"{unit}: goes by another lease then: it stops where it runs, and starts again\n")

    # edit

    def test_what_the_editor_leaves_is_put_in_force(self):
        unit = self.enable("edited.service", SLEEPER + "[X-Leased]\nOnSuccess=release\n")
        done = edit(unit, 'sed -i "/^.X-Leased/a Version=7" "$1"')
        self.assertSays(done, 0)
        self.assertEqual(done.stdout, f"{unit}: Version=7 (was 0)\n{unit}: changed; it runs here\n")
        self.assertEqual(self.text(unit), HEAD + "Version=7\n")
        self.assertIn(f"### {SYSTEM}/{unit} says:\n# [X-Leased]\n# OnSuccess=release\n", read(f"{EDITOR}.seen"))
        self.assertEqual(ctl("reload").stdout, "nothing has changed\n")

    def test_an_edit_that_is_left_alone_or_broken_off_changes_nothing(self):
        unit = self.enable("alone.service")
        self.assertEqual(edit(unit, "true").stdout, f"{unit}: nothing was changed\n")
        self.assertSays(edit(unit, 'echo Version=9 >"$1"; exit 3'), 1, f"{EDITOR}: ended with 3, nothing is changed")
        self.assertSays(edit(unit, 'printf "[X-Leased]\\nVersion=two\\n" >"$1"'), 1,
                        f"{UNITS}/{unit}:2: Version=two: expected is a whole number, e.g. 2")
        self.assertEqual(self.text(unit), HEAD)
        self.assertEqual([name for name in os.listdir("/tmp") if name.startswith("leasectl-")], [])

    def test_a_text_that_is_wrong_is_offered_again(self):
        unit = self.enable("again.service")
        # First a bad line is added; the second time the editor finds it there, and mends it.
        environment = editor('if grep -q "^Version=two" "$1"; then sed -i "s/^Version=two/Version=2/" "$1"; '
                             'else sed -i "/^.X-Leased/a Version=two" "$1"; fi')
        master, slave = pty.openpty()
        self.addCleanup(os.close, master)
        process = subprocess.Popen(["leasectl", "edit", unit], stdin=slave, stdout=subprocess.PIPE, stderr=slave, text=True,
                                   env=environment)
        os.close(slave)
        said = b""
        while b"give up" not in said:
            said += os.read(master, 4096)
        self.assertIn(b"Version=two: expected is a whole number", said)
        os.write(master, b"\n")
        self.assertEqual(process.communicate(timeout=60)[0], f"{unit}: Version=2 (was 0)\n{unit}: changed; it runs here\n")
        self.assertEqual(self.text(unit), HEAD + "Version=2\n")


class Checked(TwoSecondCase):
    def test_a_unit_that_is_no_service_runs_once_its_check_has_passed(self):
        self.enable("checked.target", "[Unit]\nDescription=checked\n[X-Leased]\nCheck=/bin/true\n")

    def test_a_check_passes_as_a_user_who_is_there_only_while_the_unit_runs(self):
        self.enable("dynamic.service", SLEEPER + "DynamicUser=yes\n[X-Leased]\nCheckIntervalSec=1s\n"
                    "Check=/bin/sh -c 'test $(id -u) -ge 61184'\n")


class Forgotten(WithBeta):
    GAMMA, SESSION = "feed" * 8, "feedfeedfeedfeed-2000"

    def setUp(self):
        super().setUp()
        if self.gamma():
            return
        put(f"fences/{self.SESSION}", {"counter": 0, "names": []})
        put(f"beats/{self.SESSION}", {"machine_id": self.GAMMA, "nonce": "feedfeedfeedfeed-1"})  # so who sees the machine sees it up
        put(f"machines/{self.GAMMA}", {"hostname": "gamma", "boot_id": "c" * 32, "session": self.SESSION, "metadata": "", "version": "0",
                                       "draining": False})
        wait_for("gamma is silent", lambda: self.gamma() and not self.gamma()["up"])

    @staticmethod
    def gamma():
        return next((each for each in shown("machines") if each["hostname"] == "gamma"), None)

    @staticmethod
    def leases():
        return {each["lease"] for each in shown("list", "--all")}

    def refused(self, name, why):
        done = ctl("forget", name)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn(why, done.stderr)

    def test_a_machine_that_will_not_come_back_is_forgotten_and_then_its_lease(self):
        put("leases/left.service", {**self.lease("held", 5), "machine_id": self.GAMMA, "session": self.SESSION})
        put(f"offers/{self.GAMMA}/left.service", {"lease": "left.service", "version": 0, "conflicts": "", "replaces": "", "why": ""})
        wait_for("its lease is seen", lambda: "left.service" in self.leases())
        self.refused("beta", "it is up")
        wait_for("its offer is seen", lambda: "enabled on gamma" in ctl("forget", "left").stderr)
        done = ctl("forget", "gamma")
        self.assertSays(done, 0)
        self.assertEqual(done.stdout, "gamma: the machine is forgotten\n")
        self.assertIsNone(self.gamma())
        done = ctl("forget", "left")
        self.assertSays(done, 0)
        self.assertEqual(done.stdout, "left.service: the lease is forgotten\n")
        self.assertNotIn("left.service", self.leases())
        self.refused("left.service", "there is no such machine and no such lease")
        self.refused("gamma", "there is no such machine and no such lease")

    def test_an_index_that_cannot_grow_any_more_is_put_back(self):
        highest = 9007199254740991
        put("leases/busy", self.lease("held", highest))
        wait_for("its lease is seen", lambda: "busy" in self.leases())
        self.assertSays(ctl("registry", "forget", "busy", "41"), 1, "registry forget: The Index of busy cannot be put back: somebody "
                        "holds it.")
        put("leases/ended", {**self.lease("held", highest), "machine_id": self.GAMMA, "session": self.SESSION})
        done = wait_for("it can be put back", lambda: (d := ctl("registry", "forget", "ended", "41")).returncode == 0 and d)
        self.assertEqual(done.stdout, f"ended: Index {highest} is forgotten here; its record says 41\n"
                         "The other machines remember it; on each of them: leasectl registry forget ended\n")
        row = next(each for each in shown("list", "--all") if each["lease"] == "ended")
        self.assertEqual((row["index"], row["held"]), (41, False))
        self.assertSays(ctl("run", "ended", "true"), 0)
        row = next(each for each in shown("list", "--all") if each["lease"] == "ended")
        self.assertEqual(row["index"], 42)

    def test_a_lease_that_is_held_or_wanted_is_not_forgotten(self):
        unit = self.enable("wanted.service")
        self.refused(unit, f"a unit with this lease is enabled on {os.uname().nodename}")
        put("leases/held", self.lease("held", 5))
        wait_for("the lease is seen", lambda: "held" in self.leases())
        self.refused("held", "somebody holds it")
        put("leases/held", self.lease("free", 5))
        wait_for("it is free", lambda: ctl("forget", "held").returncode == 0)
        self.assertNotIn("held", self.leases())
        self.assertEqual(self.row(unit)["state"], "running")


class Tried(WithBeta):
    """Dry runs, with a second machine."""

    def test_where_units_would_go_is_told_and_nothing_moves(self):
        host = os.uname().nodename
        gone = self.offer(self.enable("gone.service"))
        stuck = self.offer(self.enable("stuck.service", SLEEPER + "[X-Leased]\nRequire=rack=a1\n"))
        index = self.index(gone)
        moves = f"{gone}   {host} → beta\n{stuck}  stays on {host} (beta: missing metadata rack=a1)\n"
        for arguments in (("drain",), ("drain", host)):
            done = ctl(*arguments, "-n")
            self.assertEqual((done.returncode, done.stdout, done.stderr), (1, moves, ""))
        done = ctl("release", "--dry-run", gone, stuck)
        self.assertEqual((done.returncode, done.stdout),
                         (1, f"{gone}   {host} → beta\n{stuck}  {host} → nobody (beta: missing metadata rack=a1)\n"))
        self.assertEqual(ctl("transfer", "-n", gone, "beta").stdout, f"{gone}  {host} → beta\n")
        self.assertEqual(ctl("transfer", "-n", stuck, "beta").stdout,
                         f"{stuck}  stays on {host} (missing metadata rack=a1)\n")
        self.assertEqual(ctl("steal", "-n", gone).stdout, f"{gone}  stays on {host} (is there already)\n")
        self.assertEqual(ctl("disable", "-n", gone).stdout, f"{gone}  {host} → beta\n")
        row = shown("release", "-n", gone)[0]
        self.assertEqual((row["unit"], row["to"], row["code"], row["others"]), (gone, BETA, 0, []))
        self.assertEqual((self.index(gone), self.row(gone)["state"]), (index, "running"))
        self.assertEqual((self.here()["draining"], self.row(stuck)["state"]), (False, "running"))

    def test_a_unit_that_is_elsewhere_is_told_as_such(self):
        unit = self.enable("far.service", SLEEPER + "[X-Leased]\nRequire=rack=b1\n", "waiting")
        self.assertEqual(ctl("release", "-n", unit).returncode, 3)
        self.offer(unit)
        put(f"leases/{unit}", self.lease("held", 1))
        wait_for("beta holds it", lambda: self.row(unit)["machine_id"] == BETA)
        put("leases/strange.service", self.lease("held", 1))
        self.addCleanup(put, "leases/strange.service", self.lease("free", 1))
        put(f"offers/{BETA}/strange.service", {"lease": "strange.service", "version": 0, "conflicts": "", "replaces": "", "why": ""})
        wait_for("beta offers it", lambda: "strange" in ctl("drain", "-n", "beta").stdout)
        self.assertEqual(ctl("drain", "-n", "beta").stdout.split(),
                         f"{unit} stays on beta ({os.uname().nodename}: missing metadata rack=b1)\n"
                         "strange.service beta → ? (it is not enabled here; a machine where it is can tell)".split())
        self.assertEqual(ctl("disable", "-n", unit).stdout, f"{unit}  stays on beta (this machine does not hold it)\n")

    def test_what_is_set_here_does_not_sound_as_if_it_were_set_everywhere(self):
        unit = self.enable("both.service")
        self.assertNotIn("here only", ctl("set", unit, "Version=1", check=True).stdout)
        self.offer(unit)
        wait_for("leased knows of beta", lambda: "beta" in ctl("status", unit).stdout)
        there = f"on beta: leasectl set {unit}"
        self.assertTrue(ctl("set", unit, "Version=2", check=True).stdout.endswith(f"{unit}: here only; {there} Version=2\n"))
        self.assertIn(f"{unit}: here only; {there} Version=3 'Prefer=rack=b1 rack=b2'\n",
                      ctl("set", unit, "Version=3", "Prefer=rack=b1 rack=b2", "-n").stdout, "a dry run says so, too")
        self.assertIn(f"{unit}: here only; on beta: leasectl edit {unit}\n", edit(unit, 'sed -i "s/^Version=2/Version=4/" "$1"').stdout)
        self.assertTrue(ctl("set", unit, "Version=2", check=True).stdout.endswith(f"{unit}: here only; {there} Version=2\n"))
        self.assertEqual(edit(unit, 'sed -i "s/^Version=2/&\\n# why/" "$1"').stdout, f"{unit}: no option changes\n")
        self.assertIn("Version=2\n# why\n", read(f"{UNITS}/{unit}"))

    def test_what_another_machine_may_take_after_a_disable_is_told_once(self):
        for name in ("taken1.service", "taken2.service", "alone.service"):
            self.enable(name)
        self.offer("taken1.service")
        self.assertSays(ctl("disable", "taken1", "taken2", "alone"), 0, "note: taken1.service, taken2.service, alone.service: run here, and are "
                        "stopped now; another machine may take taken1.service")

    def test_a_list_tells_how_a_unit_is_where_it_is(self):
        put("leases/there.service", self.lease("held", 1))
        self.addCleanup(put, "leases/there.service", self.lease("free", 1))
        unit = self.offer(self.enable("there.service", state="elsewhere"), active="active", since=1)
        self.assertRegex(ctl("list").stdout, rf"(?m)^{unit} +running +beta ")
        self.assertRegex(ctl("list", os.uname().nodename).stdout, rf"(?m)^{unit} +elsewhere +\S+ +beta holds it$")

    def test_until_when_a_machine_stands_back_is_told(self):
        unit = self.offer(self.enable("back-there.service"), "stands back", until=4102444800 * 1000000, code=70)
        until = r"stands back until 2\d{3}-\d\d-\d\d \d\d:\d\d:\d\d"
        self.assertRegex(" ".join(ctl("drain", "-n").stdout.split()), rf"{unit} stays on \S+ \(beta: {until}\)")
        self.assertRegex(" ".join(ctl("list", "beta").stdout.split()), until)

    def test_what_a_change_of_copies_brings_is_told_of_all_copies(self):
        host = os.uname().nodename
        unit = self.enable("pooled.service", SLEEPER + "[X-Leased]\nCopies=2\n")
        put(f"offers/{BETA}/{unit}", {"lease": f"{unit}#1", "version": 0, "conflicts": "", "replaces": "", "why": "", "copies": 2,
                                      "active": "active", "since": 1})
        put(f"leases/{unit}#2", self.lease("held", 7))
        self.addCleanup(put, f"leases/{unit}#2", self.lease("free", 1000))
        wait_for("beta has a copy", lambda: f"{unit}#2 on beta" in ctl("status", unit).stdout)
        for copies in 3, 4:
            self.assertRegex(ctl("set", unit, f"Copies={copies}", "-n").stdout, rf"(?m)^{unit}: stays on ({host}, beta|beta, {host})$")
        self.assertRegex(ctl("set", unit, "OnShutdown=keep", "-n").stdout, rf"(?m)^{unit}: stays on ({host}, beta|beta, {host})$")

    def test_more_copies_than_machines_are_told(self):
        unit = self.offer(self.enable("many.service"))
        few = "Copies=3: a machine runs one copy, and only 2 take part"
        self.assertSays(ctl("set", unit, "Copies=3", "-n"), 0, f"note: {unit}: {few}")
        self.assertNotIn("note:", ctl("set", unit, "Copies=2", "-n").stderr)
        write(f"{UNITS}/{unit}", "[X-Leased]\nCopies=3\n")
        self.assertIn(f"note: {few}", " ".join(ctl("check", unit).stdout.split()))

    def test_what_cannot_be_tried_is_refused(self):
        for verb in (("undrain",), ("rearm", "x"), ("reload",), ("status",)):
            self.assertEqual(ctl(*verb, "-n").returncode, 2)

    def test_enable_tells_where_it_would_run(self):
        unit = self.unit("new.service")
        done = ctl("enable", "-n", unit)
        self.assertSays(done, 0)
        self.assertEqual(done.stdout, f"{unit}: would run on {os.uname().nodename}\n")
        self.assertUntouched(unit)
        self.assertEqual(ctl("enable", "-n", "nowhere").returncode, 4)

    def test_what_is_uneven_is_made_even_by_the_fewest_moves(self):
        host = os.uname().nodename
        units = [self.enable(f"uneven{i}.service") for i in range(4)]
        self.assertEqual(ctl("rebalance").stdout, "it is even, nothing has to move\n")  # beta has none of these units
        for unit in units:
            self.offer(unit)
        done = ctl("rebalance", "-n")
        self.assertSays(done, 0)
        self.assertEqual([line.split()[1:] for line in done.stdout.splitlines()], [[host, "→", "beta"]] * 2)
        self.assertEqual({self.row(unit)["state"] for unit in units}, {"running"})
        done = ctl("rebalance")
        self.assertSays(done, 0)
        self.assertRegex(done.stdout, r"\A(\S+: handed over: beta has it \(Index \d+\), and starts it\n){2}\Z")
        self.assertEqual(ctl("rebalance").stdout, "it is even, nothing has to move\n")


class Forged(TwoSecondCase):
    """Somebody has written a session that keeps its leases since a pause, and there was none. It beats no more."""
    MACHINE, SESSION = "feed" * 8, "feedfeedfeedfeed-2000"

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        shutil.rmtree("/var/lib/leased")

    def test_what_waits_for_a_keeper_says_how_that_ends_and_so_it_ends(self):
        lost = self.enable("lost.service")
        run("systemctl", "stop", "leased.service")
        put(f"fences/{self.SESSION}", {"counter": 0, "names": [], "keeps": True})
        put(f"beats/{self.SESSION}", {"machine_id": self.MACHINE, "nonce": "feedfeedfeedfeed-1"})
        put("leases/theirs.service", {"state": "held", "machine_id": self.MACHINE, "session": self.SESSION, "version": 0, "index": 5,
                                      "since": 1700000000000000, "period": 0, "debts": [], "tenures": []})
        put(f"leases/{lost}", {"state": "no word"})
        run("systemctl", "start", "leased.service")
        theirs = self.unit("theirs.service")
        ctl("enable", "--no-wait", theirs, check=True)
        typed = f"leasectl confirm-dead {self.MACHINE}"
        wait_for("it is said what keeps the lost one", lambda: typed in " ".join(ctl("status", lost).stdout.split()))
        self.assertIn("its holder has kept it since a pause, and is not heard (leasectl confirm-dead)", ctl("status", theirs).stdout)
        for verb in ((), ("machines",)):
            self.assertIn(typed, " ".join(ctl(*verb).stdout.split()))
        self.assertSays(ctl("steal", theirs), 1, f"{theirs}: cannot run here: its holder has kept it since a pause, and is not heard "
                        "(leasectl confirm-dead)")
        for unit in (lost, theirs):
            self.assertFalse(self.row(unit)["local"])
        self.assertSays(ctl("confirm-dead", self.MACHINE), 0)
        wait_for("both are taken", lambda: self.row(lost)["local"] and self.row(theirs)["state"] == "running")
        self.assertNotIn("confirm-dead", ctl().stdout + ctl("status", lost).stdout)

    def test_a_keeper_that_holds_nothing_can_be_confirmed_dead(self):
        session, machine = "feedfeedfeedbeef-2000", "feedbeef" * 4
        put(f"fences/{session}", {"counter": 0, "names": [], "keeps": True})
        put(f"beats/{session}", {"machine_id": machine, "nonce": "feedfeedfeedbeef-1"})
        wait_for("it is told", lambda: f"leasectl confirm-dead {machine}" in " ".join(ctl("machines").stdout.split()))
        self.assertSays(ctl("confirm-dead", machine), 0)
        wait_for("it is gone", lambda: machine not in ctl("machines").stdout)


if __name__ == "__main__":
    main()
