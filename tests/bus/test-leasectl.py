#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""leasectl enable, disable and release against a real PID 1, first with leased down, then with leased on a local registry.

    run-in-guest test-leasectl.py LEASECTL LEASED LEASED_GUARD LEASED.SERVICE LEASED-GUARD.SERVICE BUS_POLICY LEASED_RUN
"""

import json
import os
import shutil
import subprocess

from leasectl_guest import (CONF, ENVIRONMENT, GATES, SLEEPER, SYSTEM, UNITS, Case, CaseWithDaemon, asserts_of, ctl, dropin_of, main,
                            property_of, read, run, wait_for, write)

NOTES = ("note: leased is not running; nothing starts until it does: systemctl enable --now leased",
         "note: Registry=local excludes nobody outside this machine (see leased.conf)")
GLOBAL = SLEEPER + "[X-Fleet]\nGlobal=true\n"
EVERYWHERE = "; it runs on every machine that fits, without a lease"
METADATA = "/etc/leased/leased.conf.d/90-metadata.conf"


# Whatever of these directories its user can open, it locks, and says so.
LOCK_ALL = """
import fcntl, os, signal, sys
held = []
for top in sys.argv[1:]:
    for parent, _, names in os.walk(top):
        for path in [parent] + [os.path.join(parent, name) for name in names]:
            try:
                held.append(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
                fcntl.flock(held[-1], fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                pass
print(len(held), flush=True)
signal.pause()
"""


class WithoutDaemon(Case):
    def refused(self, name, reason, code=1):
        self.assertSays(ctl("enable", "--", name), code, reason)
        self.assertUntouched(name)

    def test_units_that_cannot_be_leased_are_refused(self):
        self.refused("nowhere.service", "nowhere.service: there is no such unit on this machine", 4)
        self.refused("a.slice", "a.slice: is not the name of a unit that can be leased")
        self.refused("dev-a.swap", "dev-a.swap: is a swap: what is in it is of no use to another machine, and a swapoff that "
                     "takes too long cannot be ended")
        self.refused("a@*", "a@*.service: is a pattern; name each unit here", 1)
        self.refused("a/b.service", "a/b.service: is not the name of a unit that can be leased")
        self.unit("many@.service")
        self.refused("many@.service", "many@.service: is a template, enable an instance of it")
        self.unit("bad.service", "[Service]\nExecStrt=x\n")
        self.refused("bad.service", "bad.service: cannot be loaded (bad-setting), look at: systemctl status bad.service")
        os.symlink("/dev/null", f"{SYSTEM}/masked.service")
        self.addCleanup(os.unlink, f"{SYSTEM}/masked.service")
        run("systemctl", "daemon-reload")
        self.refused("masked.service", "masked.service: is masked: systemctl unmask masked.service")
        self.unit("pam.service", SLEEPER + "PAMName=login\n")
        self.refused("pam.service", "pam.service: has PAMName=: its processes leave the control group and could not be "
                     "killed in time")
        self.unit("idle.timer", "[Timer]\nOnBootSec=1d\n")
        self.refused("idle.timer", "idle.timer: brings idle.service, which cannot be loaded (not-found)")

    def test_more_units_than_the_bus_has_room_for_are_refused(self):
        many, few = [f"{UNITS}/many-{number}.service" for number in range(400)], "/etc/dbus-1/system.d/zz-few.conf"
        for path in many:
            write(path, "")
            self.addCleanup(os.unlink, path)
        write(few, '<busconfig><limit name="max_match_rules_per_connection">512</limit></busconfig>\n')
        try:
            run("systemctl", "reload", "dbus")
            self.refused(self.unit("more.service"), "with 401 leased units PID 1 would need more match rules than the bus "
                         "allows it, and leave the bus for good: systemctl reload dbus, so that org.leased1.conf there is in "
                         "force")
        finally:
            os.unlink(few)
            run("systemctl", "reload", "dbus")
        self.assertSays(ctl("enable", "more.service"), 0, *NOTES)

    def test_units_that_others_would_start_are_refused(self):
        self.unit("on.service", SLEEPER + "[Install]\nWantedBy=multi-user.target\nAlias=on-too.service\n")
        run("systemctl", "enable", "on.service")
        self.addCleanup(run, "systemctl", "disable", "on.service")
        enabled = ("on.service: is enabled in systemd, which would start it without its lease: "
                   "systemctl disable on.service")
        self.refused("on.service", enabled)
        self.refused("on-too.service", enabled)
        run("systemctl", "start", "on.service")
        self.refused("on.service", enabled.replace("disable", "disable --now"))
        self.unit("needed.service")
        self.unit("needing.service", "[Unit]\nRequires=needed.service\n" + SLEEPER)
        run("systemctl", "start", "needing.service")
        self.refused("needed.service", "needed.service: is pulled in by needing.service (RequiredBy=), which would start "
                     "it without its lease: remove that")
        self.unit("timed.service")
        self.unit("timed.timer", "[Timer]\nOnBootSec=1d\n")
        run("systemctl", "start", "timed.timer")
        self.refused("timed.service", "timed.service: is started by timed.timer, which is active: "
                     "systemctl disable --now timed.timer, then: leasectl enable timed.timer")

    def test_an_active_unit_is_refused_or_stopped(self):
        unit = self.unit("active.service")
        run("systemctl", "start", unit)
        self.refused(unit, "active.service: is active: systemctl stop active.service, or use --stop")
        self.assertEqual(property_of(unit, "ActiveState"), "active")
        self.assertSays(ctl("enable", "--stop", unit), 0, *NOTES)
        self.assertEqual(property_of(unit, "ActiveState"), "inactive")

    def test_an_active_unit_with_bad_options_is_not_stopped(self):
        unit = self.unit("wrong.service", SLEEPER + "[X-Leased]\nVersion=new\n")
        run("systemctl", "start", unit)
        self.assertSays(ctl("enable", "--stop", unit), 1,
                        f"{SYSTEM}/wrong.service:4: Version=new: expected is a whole number, e.g. 2")
        self.assertEqual(property_of(unit, "ActiveState"), "active")
        self.assertUntouched(unit)

    def test_a_stop_that_does_not_fit_into_the_ttl_is_refused(self):
        unit = self.unit("long.service", SLEEPER + "[X-Leased]\nStopGraceSec=9s\n")
        self.assertSays(ctl("enable", unit), 1, f"{SYSTEM}/long.service:4: StopGraceSec=9.0s: with TTL=10.0s ...")
        self.conf("[Leased]\nTTL=30s\n")
        self.assertSays(ctl("enable", unit), 0, *NOTES)

    def test_what_a_ttl_below_2s_needs_is_told(self):
        unit = self.unit("brief.service")
        self.conf("")
        for ttl, told in (("1s", True), ("1999ms", True), ("2s", False)):
            write(CONF, f"[Leased]\nTTL={ttl}\nRegistry=etcd\nEndpoints=http://10.0.0.1:2379 http://10.0.0.2:2379\n")
            found = json.loads(ctl("check", "--json=short", unit).stdout)[0]
            texts = [each["text"] for each in found["findings"]]
            self.assertEqual(any("TTL= is below 2s: units pause while etcd elects" in each for each in texts), told, found)

    def test_a_bad_configuration_is_told_and_nothing_done(self):
        unit = self.unit("conf.service")
        self.conf("[Leased]\nTTL=0.5\n")
        self.assertSays(ctl("enable", unit), 1, f"{CONF}:2: TTL=0.5: expected is a time span from 1s to 60s in whole "
                        "milliseconds, e.g. 10s")
        self.assertUntouched(unit)

    def test_whom_a_local_registry_excludes_is_told(self):
        unit = self.unit("shared.service")
        self.conf("[Leased]\nRegistry=local:/srv/shared\n")
        self.assertSays(ctl("enable", unit), 0, NOTES[0],
                        "note: Registry=local excludes only those who share /srv/shared (see leased.conf)")

    def test_a_failure_of_one_leaves_the_rest(self):
        self.unit("one.service")
        self.unit("two.service")
        done = ctl("enable", "one", "nowhere", "two.service")
        self.assertSays(done, 4, "nowhere.service: there is no such unit on this machine", *NOTES)
        self.assertEqual(done.stdout, "one.service: enabled\ntwo.service: enabled\n")
        done = ctl("disable", "two", "nowhere", "one")
        self.assertSays(done, 4, "nowhere.service: is not enabled on this machine")
        for name in ("one.service", "two.service"):
            self.assertUntouched(name)
            run("systemctl", "start", name)

    def test_an_enabled_unit_does_not_start_without_its_lease(self):
        for unit in ("plain.service", r"inst@a\x2db.service"):
            self.unit(unit)
            ctl("enable", "--", unit, check=True)
            self.assertNotEqual(run("systemctl", "start", "--", unit, check=False).returncode, 0)
            self.assertEqual(property_of(unit, "AssertResult"), "no")
            self.assertEqual(property_of(unit, "ActiveState"), "inactive")

    def test_names_reach_gate_and_environment_as_they_are(self):
        unit = self.unit(r"inst@a\x2db.service")
        ctl("enable", "--", unit, check=True)
        self.assertEqual(property_of(unit, "EnvironmentFiles"),
                         r"/run/leased/env/inst@a\\x2db.service (ignore_errors=yes)")
        self.assertEqual(asserts_of(unit), [["AssertPathExists", False, False, f"{GATES}/{unit}"]])

    def test_enable_again_keeps_the_options(self):
        unit = self.unit("again.service")
        ctl("enable", unit, check=True)
        write(f"{UNITS}/{unit}", "[X-Leased]\nVersion=7\n")
        os.unlink(dropin_of(unit))
        done = ctl("enable", unit)
        self.assertSays(done, 0, *NOTES)
        self.assertEqual(done.stdout, "again.service: was enabled already\n")
        self.assertEqual(read(f"{UNITS}/{unit}"), "[X-Leased]\nVersion=7\n")
        self.assertTrue(os.path.exists(dropin_of(unit)))

    def test_a_gate_without_effect_is_told_and_taken_back(self):
        unit = self.unit("reset.service")
        write(f"{SYSTEM}/{unit}.d/zzzzz.conf", "[Unit]\nAssertPathExists=\n")
        self.assertSays(ctl("enable", unit), 1, "reset.service: the gate has no effect: something after zzzz-leased.conf "
                        "resets AssertPathExists= or BindsTo= (the last drop-in is /etc/systemd/system/"
                        "reset.service.d/zzzzz.conf)")
        self.assertUntouched(unit)

    def test_a_global_unit_is_listed_and_has_no_gate(self):
        unit = self.unit("everywhere.service", GLOBAL)
        run("systemctl", "start", unit)
        done = ctl("enable", unit)
        self.assertSays(done, 0, NOTES[0])
        self.assertEqual(done.stdout, f"{unit}: enabled{EVERYWHERE}\n")
        self.assertTrue(os.path.exists(f"{UNITS}/{unit}"))
        self.assertFalse(os.path.exists(dropin_of(unit)))
        self.assertEqual(property_of(unit, "ActiveState"), "active")
        found = json.loads(ctl("check", "--json=short", unit).stdout)[0]
        self.assertIsNone(found["timeline"])
        self.assertIn({"severity": "note", "text": "Global=: it runs on every machine that fits, without a lease"},
                      found["findings"])
        self.assertNotIn("refused", [each["severity"] for each in found["findings"]])
        self.assertSays(ctl("disable", unit), 5, f"{unit}: is active and leased is not running: systemctl start leased, "
                        "then again; or --force to stop it now")
        done = ctl("disable", "--force", unit)
        self.assertEqual((done.returncode, done.stdout), (0, f"{unit}: disabled\n"), done.stderr)
        self.assertUntouched(unit)

    def test_a_unit_that_becomes_global_loses_its_gate_and_gets_it_back(self):
        unit = self.unit("turned.service")
        ctl("enable", unit, check=True)
        self.assertTrue(asserts_of(unit))
        write(f"{SYSTEM}/{unit}", GLOBAL)
        run("systemctl", "daemon-reload")
        self.assertEqual(ctl("check", unit).returncode, 1)
        self.assertIn("still has the gate of a leased unit and cannot start: leasectl reload", ctl("check", unit).stdout)
        self.assertEqual(ctl("enable", unit, check=True).stdout, f"{unit}: was enabled already{EVERYWHERE}\n")
        self.assertFalse(os.path.exists(dropin_of(unit)))
        self.assertEqual(asserts_of(unit), [])
        run("systemctl", "start", unit)
        write(f"{UNITS}/{unit}", "[X-Leased]\nGlobal=no\n")
        self.assertSays(ctl("enable", unit), 1, f"{unit}: is active: systemctl stop {unit}, or use --stop")
        self.assertFalse(os.path.exists(dropin_of(unit)))
        ctl("enable", "--stop", unit, check=True)
        self.assertTrue(asserts_of(unit))
        self.assertEqual(property_of(unit, "ActiveState"), "inactive")

    def test_bad_wishes_are_told_before_anything_is_written(self):
        unit = self.unit("torn.service", SLEEPER + "[X-Fleet]\nGlobal=true\nMachineOf=a.service\n")
        self.assertSays(ctl("enable", unit), 1, f"{SYSTEM}/{unit}:4: Global=: cannot stand together with MachineOf= "
                        f"({SYSTEM}/{unit}:5), remove one of them")
        self.assertUntouched(unit)

    # what the machine says of itself

    def metadata(self):
        return ctl("set-metadata", check=True).stdout.splitlines()

    def test_metadata_are_set_one_by_one(self):
        self.addCleanup(shutil.rmtree, os.path.dirname(METADATA), ignore_errors=True)
        self.conf("[Leased]\nMetadata=region=eu rack=a1\n")
        self.assertEqual(self.metadata(), ["region=eu", "rack=a1"])
        down = "note: leased is not running; it will go by that when it does"
        done = ctl("set-metadata", "disk=ssd", "region=us")
        self.assertSays(done, 0, down)
        self.assertEqual(done.stdout, "region=us\nrack=a1\ndisk=ssd\n")
        self.assertEqual(read(METADATA), "# Written by leasectl set-metadata, which keeps nothing else in here.\n[Leased]\n"
                                         "Metadata=region=us rack=a1 disk=ssd\n")
        self.assertSays(ctl("set-metadata", "--no-legend", "rack=", "nothing="), 0)
        self.assertEqual(json.loads(ctl("set-metadata", "--json=short").stdout), {"region": "us", "disk": "ssd"})
        self.assertSays(ctl("set-metadata", "region=", "disk="), 0, "note: this machine has no metadata any more", down)
        self.assertEqual(self.metadata(), [])

    def test_bad_metadata_are_refused_and_nothing_written(self):
        self.addCleanup(shutil.rmtree, os.path.dirname(METADATA), ignore_errors=True)
        right = (": expected is KEY=VALUE, the key of letters, digits and _.-, the value without blanks, quotes and "
                 "backslashes; or KEY= to remove it")
        for bad in ("region", "=eu", "re gion=eu", "region=e u", "region='eu'", "a=b\\"):
            self.assertSays(ctl("set-metadata", "good=1", bad), 2, bad + right)
        self.assertSays(ctl("set-metadata", "a=1", "b=1", "a=2"), 2, "a=2: a is given twice, and has one value")
        self.assertSays(ctl("set-metadata", "a=1", "b=" + "x" * 510), 1, "b=" + "x" * 510 + ": with it the metadata would "
                        "be longer than 511 characters, remove some with KEY=")
        self.assertFalse(os.path.exists(METADATA))
        write(METADATA, "[Leased]\nMetadata=a=b\nTTL=5s\n")
        self.assertSays(ctl("set-metadata", "a=c"), 1, METADATA + ":3: TTL=: unknown option in [Leased], known are Metadata=",
                        METADATA + ": is written whole, with nothing but Metadata=: move all else to another file there")
        self.assertEqual(read(METADATA), "[Leased]\nMetadata=a=b\nTTL=5s\n")
        self.assertSays(ctl("-H", "elsewhere", "set-metadata"), 2,
                        "set-metadata works on the machine it runs on, and cannot be used with --host=")

    def test_metadata_that_another_file_overrides_are_told(self):
        self.addCleanup(shutil.rmtree, os.path.dirname(METADATA), ignore_errors=True)
        later = os.path.dirname(METADATA) + "/95-mine.conf"
        write(later, "[Leased]\n\nMetadata=region=eu\n")
        done = ctl("set-metadata", "--no-legend", "region=us")
        self.assertSays(done, 1, f"{later}:3: overrides {METADATA}, remove Metadata= there")
        self.assertEqual(done.stdout, "region=eu\n")
        os.unlink(later)
        self.assertEqual(self.metadata(), ["region=us"])
        nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "leasectl")
        self.assertSays(run(*nobody, "set-metadata", "a=b", check=False), 1, METADATA + ": Permission denied, do it as root")
        self.assertEqual(run(*nobody, "set-metadata").stdout, "region=us\n")

    def test_disable_never_leaves_a_unit_running(self):
        unit = self.unit("runs.service")
        ctl("enable", unit, check=True)
        self.open_gate(unit)
        run("systemctl", "start", unit)
        self.assertSays(ctl("disable", unit), 5, "runs.service: is active with its gate open and leased is not running: "
                        "systemctl start leased, then again; or --force to stop it now")
        self.assertTrue(os.path.exists(f"{UNITS}/{unit}"))
        self.assertTrue(os.path.exists(dropin_of(unit)))
        self.assertEqual(property_of(unit, "ActiveState"), "active")
        self.assertSays(ctl("disable", "--force", unit), 0)
        self.assertEqual(property_of(unit, "ActiveState"), "inactive")
        self.assertUntouched(unit)

    def test_what_needs_the_daemon_says_that_it_is_down(self):
        down = "leased is not running here: systemctl enable --now leased"
        self.conf("[Leased]\nRegistry=local\n")
        self.assertSays(ctl("status"), 5, down)
        self.assertSays(ctl("list"), 5, down)
        self.assertSays(ctl("release", "a"), 5, "a.service: " + down)
        self.assertSays(ctl("status", "a"), 5, "a.service: " + down)
        self.assertSays(ctl("reload"), 5, "reload: " + down)

    def test_what_is_not_set_up_yet_is_not_to_be_started(self):
        """It would remember leases of a registry of its own, and then not accept the one that all share."""
        shutil.rmtree("/var/lib/leased", ignore_errors=True)
        self.assertSays(ctl(), 5, "not set up yet: leasectl setup NAME=ADDRESS..., or name the registry in leased.conf, then: "
                        "systemctl enable --now leased")
        down = "leased is not running here: systemctl enable --now leased"
        self.conf("[Leased]\nRegistry=etcd\nEndpoints=http://10.9.0.1:2379\n")
        self.assertSays(ctl(), 5, down)
        write(CONF, "[Leased]\nTTL=5s\n")
        self.assertTrue(ctl().stderr.startswith("leasectl: not set up yet: "))
        os.mkdir("/var/lib/leased")  # it has run
        self.addCleanup(os.rmdir, "/var/lib/leased")
        self.assertSays(ctl(), 5, down)

    def test_others_than_root_are_told_so(self):
        unit = self.unit("mine.service")
        nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "leasectl")
        self.assertSays(run(*nobody, "enable", unit, check=False), 1,
                        dropin_of(unit) + ": Permission denied, do it as root")
        ctl("enable", unit, check=True)
        self.assertSays(run(*nobody, "enable", unit, check=False), 1, "systemctl daemon-reload: not allowed, do it as root")
        self.assertSays(run(*nobody, "disable", unit, check=False), 1,
                        f"{UNITS}/{unit}: Permission denied, do it as root")

    def test_wrong_usage_is_told(self):
        self.assertSays(ctl("frob"), 2, "unknown verb 'frob', see: leasectl --help")
        self.assertSays(ctl("relase", "a"), 2, "unknown verb 'relase', did you mean 'release'?")
        self.assertSays(ctl("help", "lst"), 2, "unknown verb 'lst', did you mean 'list'?")
        self.assertSays(ctl("enable"), 2, "usage: leasectl enable UNIT...")
        self.assertSays(ctl("--json=yaml", "list"), 2, "--json=yaml: expected is pretty, short or off")
        self.assertSays(ctl("-H", "elsewhere", "enable", "a"), 2,
                        "enable works on the machine it runs on, and cannot be used with --host=")
        self.assertEqual(ctl("--help").returncode, 0)
        self.assertTrue(ctl("--version").stdout.startswith("leasectl "))
        self.assertEqual(ctl("version").stdout, ctl("--version").stdout)

    def test_an_option_that_a_verb_does_not_know_is_refused(self):
        for verb, option in (("list", "-w"), ("status", "-1"), ("machines", "-s"), ("list", "--force"), ("run", "--json"),
                             ("drain", "--all"), ("metrics", "--no-wait"), ("setup", "--pty"), ("logs", "-n")):
            for line in ((verb, option, "a"), (option, verb, "a")):
                self.assertSays(ctl(*line), 2, f"{option}: not an option of leasectl {verb}, see: leasectl help {verb}")
        self.assertSays(ctl("list", "--dry-run"), 2, "--dry-run: not an option of leasectl list, see: leasectl help list")
        self.assertSays(ctl("--stop"), 2, "--stop: not an option of leasectl, see: leasectl --help")
        self.assertSays(ctl("drain", "--no-wiat"), 2, "unknown option '--no-wiat', did you mean '--no-wait'?")
        self.assertSays(ctl("list", "--frob"), 2, "unknown option '--frob', see: leasectl --help")
        self.assertSays(ctl("list", "-x"), 2, "unknown option '-x', see: leasectl --help")
        self.assertSays(ctl("list", "--all=yes"), 2, "--all: takes no value")
        self.assertSays(ctl("list", "--host"), 2, "--host: a value is missing")
        self.assertSays(ctl("list", "-H"), 2, "-H: a value is missing")
        self.assertSays(ctl("--color=blue"), 2, "--color=blue: expected is auto, always or never")

    def test_help_tells_of_one_verb_its_options_and_no_others(self):
        told = ctl("help", "disable", check=True).stdout
        self.assertEqual(told, ctl("disable", "--help", check=True).stdout)
        self.assertEqual(told.splitlines()[0], "leasectl [OPTION...] disable [UNIT...]")
        for option in ("--all ", "--force ", "--no-wait ", "--help "):
            self.assertIn(option, told)
        for option in ("--stop", "--pty", "--tls", "--host"):
            self.assertNotIn(option, told)
        self.assertEqual(ctl("help", check=True).stdout, ctl("--help", check=True).stdout)


class WithDaemon(CaseWithDaemon):
    def test_an_enabled_unit_runs_and_is_shown(self):
        unit = self.enable("shown.service")
        row = self.row(unit)
        self.assertEqual((row["unit"], row["active_state"], row["held"], row["local"], row["lease"]),
                         (unit, "active", True, True, unit))
        self.assertGreater(row["index"], 0)
        self.assertEqual(row["hostname"], os.uname().nodename)
        listed = ctl("list", check=True).stdout.splitlines()
        self.assertEqual(listed[0].split(), ["UNIT", "STATE", "HOLDER", "INDEX", "TIME", "LEFT"])
        line = next(each for each in listed if each.startswith(unit + " ")).split()
        self.assertEqual(line[1:4], ["running", os.uname().nodename, str(row["index"])])
        self.assertNotIn("UNIT", ctl("list", "--no-legend", check=True).stdout)
        one = ctl("status", unit)
        self.assertEqual(one.returncode, 0)
        for each in (unit, "running", "this machine", "Since", "Time left"):
            self.assertIn(each, one.stdout)
        self.assertNotIn("\x1b", one.stdout)
        machine = ctl("status", check=True).stdout
        for each in ("Registry: local, ok", "excludes nobody outside this machine", "TTL: 10.0s", unit + ": running"):
            self.assertIn(each, machine)
        self.assertEqual(json.loads(ctl("status", "--json=short", check=True).stdout)["registry"], "local")

    def test_the_unit_can_read_its_lease(self):
        unit = self.enable(r"env@a\x2db.service", "[Service]\nExecStart=/bin/sh -c "
                           "'echo \"$$LEASE_NAME $$LEASE_UNIT $$LEASE_INDEX\" >/run/env-of-unit; exec sleep infinity'\n")
        wait_for("the unit has written", lambda: os.path.exists("/run/env-of-unit") and read("/run/env-of-unit"))
        self.assertEqual(read("/run/env-of-unit"), f"{unit} {unit} {self.row(unit)['index']}\n")

    def test_release_waits_until_the_lease_is_given_back(self):
        unit = self.enable("given.service", "[Service]\nExecStart=/bin/sleep infinity\nExecStop=/bin/sleep 0.5\n")
        done = ctl("release", unit)
        self.assertSays(done, 0)
        self.assertTrue(done.stdout.startswith(f"{unit}: released, "), done.stdout)
        self.assertIn(property_of(unit, "ActiveState"), ("inactive", "failed"))
        self.assertSays(ctl("release", unit), 3,
                        f"{unit}: nobody holds its lease now, see: leasectl")
        self.assertEqual(ctl("status", unit).returncode, 3)
        self.assertSays(ctl("release", "nowhere"), 4, "nowhere.service: not enabled on any machine, see: leasectl")

    def test_disable_stops_releases_and_sets_free(self):
        unit = self.enable("slow.service", "[Service]\nExecStart=/bin/sleep infinity\nExecStop=/bin/sleep 3\n")
        done = ctl("disable", unit)
        self.assertEqual((done.returncode, done.stdout), (0, f"{unit}: disabled\n"), done.stderr)
        self.assertIn(f"{unit}: ", done.stderr)  # progress, after two seconds
        self.assertIsNone(self.row(unit))
        self.assertEqual(property_of(unit, "ActiveState"), "inactive")
        self.assertUntouched(unit)
        self.assertFalse(os.path.exists(f"{GATES}/{unit}"))
        run("systemctl", "start", unit)

    def test_enable_again_leaves_a_running_unit_alone(self):
        unit = self.enable("steady.service")
        before = property_of(unit, "InvocationID")
        self.assertEqual(ctl("enable", unit).returncode, 0)
        self.assertEqual(property_of(unit, "InvocationID"), before)

    def test_a_reload_lifts_and_puts_back_the_gate_of_a_unit_that_becomes_global(self):
        unit = self.enable("turned-by-reload.service")
        timer = self.unit("turned-by-reload.timer", "[Timer]\nOnCalendar=yearly\nUnit=turned-too.service\n")
        brought = self.unit("turned-too.service")
        ctl("enable", timer, check=True)
        for each in (unit, timer):
            write(f"{UNITS}/{each}", "[X-Leased]\nGlobal=yes\n")
        ctl("reload", check=True)
        for each in (unit, timer, brought):
            wait_for(f"the gate of {each} is lifted", lambda: not asserts_of(each))  # pylint: disable=cell-var-from-loop
            self.assertFalse(os.path.exists(dropin_of(each)))
        wait_for(f"{unit} runs without a lease", lambda: self.row(unit)["state"] == "running" and not self.row(unit)["held"])
        for each in (unit, timer):
            write(f"{UNITS}/{each}", "[X-Leased]\n")
        ctl("reload", check=True)
        for each in (unit, timer, brought):
            wait_for(f"the gate of {each} is back", lambda: asserts_of(each))  # pylint: disable=cell-var-from-loop
        wait_for(f"{unit} runs with its lease", lambda: self.row(unit)["state"] == "running" and self.row(unit)["held"])

    def test_a_global_unit_runs_where_the_machine_says_what_it_requires(self):
        self.addCleanup(ctl, "reload")
        self.addCleanup(os.unlink, METADATA)
        ctl("set-metadata", "region=us", check=True)
        unit = self.enable("regional.service", GLOBAL + "MachineMetadata=region=eu\n", state="waiting")
        self.assertIn("missing metadata region=eu", ctl("status", unit).stdout)
        ctl("set-metadata", "region=eu", check=True)
        wait_for(f"{unit} runs", lambda: self.row(unit)["state"] == "running")
        self.assertEqual(property_of(unit, "ActiveState"), "active")
        ctl("set-metadata", "region=", check=True)
        wait_for(f"{unit} is stopped", lambda: property_of(unit, "ActiveState") == "inactive")
        ctl("set-metadata", "region=eu", check=True)
        wait_for(f"{unit} runs again", lambda: self.row(unit)["state"] == "running")
        done = ctl("disable", unit)
        self.assertEqual((done.returncode, done.stdout), (0, f"{unit}: disabled\n"), done.stderr)
        self.assertEqual(property_of(unit, "ActiveState"), "inactive")
        self.assertUntouched(unit)

    def test_a_leased_unit_follows_the_metadata(self):
        self.addCleanup(ctl, "reload")
        self.addCleanup(os.unlink, METADATA)
        ctl("set-metadata", "region=eu", check=True)
        unit = self.enable("follows.service", SLEEPER + "[X-Fleet]\nMachineMetadata=region=eu\n")
        ctl("set-metadata", "region=us", check=True)
        wait_for(f"{unit} is stopped and let go", lambda: not self.row(unit)["held"])
        self.assertEqual(property_of(unit, "ActiveState"), "inactive")
        ctl("set-metadata", "region=eu", check=True)
        wait_for(f"{unit} runs again", lambda: self.row(unit)["state"] == "running")

    def test_metadata_are_in_force_at_once(self):
        self.addCleanup(ctl, "reload")
        self.addCleanup(os.unlink, METADATA)
        self.assertSays(ctl("set-metadata", "region=eu"), 0)
        self.assertEqual(json.loads(ctl("status", "--json=short", check=True).stdout)["metadata"], {"region": "eu"})

    def test_a_bad_file_of_another_unit_hinders_nobody(self):
        bad = self.enable("bad-later.service")
        unit = self.unit("good.service")
        write(f"{UNITS}/{bad}", "[X-Leased]\nVersion=x\n")
        wrong = f"{UNITS}/{bad}:2: Version=x: expected is a whole number, e.g. 2"
        self.assertSays(ctl("reload"), 1, wrong)
        done = ctl("enable", unit)
        self.assertIn(wrong, done.stderr)
        wait_for(f"{unit} runs", lambda: (self.row(unit) or {}).get("state") == "running")
        done = ctl("disable", unit)
        self.assertEqual((done.returncode, done.stdout), (0, f"{unit}: disabled\n"), done.stderr)
        self.assertEqual(self.row(bad)["state"], "running")


    def test_a_gate_that_a_broken_off_enable_has_left_is_named(self):
        unit = self.enable("broken-off.service")
        ctl("disable", unit, check=True)
        write(dropin_of(unit), f"[Unit]\nAssertPathExists={GATES}/{unit}\n")  # as after SIGKILL between the two files
        run("systemctl", "daemon-reload")
        self.assertNotEqual(run("systemctl", "start", unit, check=False).returncode, 0)
        self.assertSays(ctl("status", unit), 4, f"{unit}: not enabled on this machine, see: leasectl",
                        f"note: {unit}: it cannot be started all the same, for its gate is left from an enable or disable that ...")
        self.assertSays(ctl("disable", unit), 0)
        self.assertUntouched(unit)
        run("systemctl", "start", unit)

    def test_locks_that_a_user_can_hold_are_in_nobodys_way(self):
        unit = self.enable("locked.service")
        user = subprocess.Popen(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "python3", "-c", LOCK_ALL,
                                 "/run/leased", "/var/lib/leased"], stdout=subprocess.PIPE, text=True)
        self.addCleanup(user.stdout.close)
        self.addCleanup(user.wait)
        self.addCleanup(user.kill)
        self.assertGreater(int(user.stdout.readline()), 0)
        first = property_of(unit, "MainPID")
        run("systemctl", "restart", "leased.service")
        wait_for("it is known again", lambda: (self.row(unit) or {}).get("state") == "running")
        self.assertEqual(property_of(unit, "MainPID"), first)
        run("systemctl", "kill", "-s", "KILL", "--kill-whom=main", "leased-guard.service")
        wait_for("it runs again", lambda: property_of(unit, "MainPID") not in ("0", first) and
                 (self.row(unit) or {}).get("state") == "running")

    def test_disable_has_an_end_although_the_guards_socket_is_gone(self):
        unit = self.enable("deaf.service")
        os.unlink("/run/leased/guard.sock")
        run("systemctl", "restart", "leased.service")
        done = subprocess.run(["timeout", "40", "leasectl", "disable", unit], env=ENVIRONMENT, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertTrue(done.stdout.endswith(f"{unit}: disabled\n"), done.stdout)
        self.assertEqual(property_of(unit, "ActiveState"), "inactive")
        self.assertUntouched(unit)

    def test_lock_files_are_for_root_alone(self):
        self.enable("private.service")
        for path in ("/run/leased/lock", "/run/leased/guard.beat", "/var/lib/leased/registry/store"):
            self.assertEqual(oct(os.stat(path).st_mode & 0o777), "0o600", path)


if __name__ == "__main__":
    main()
