#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What enabling a unit brings with it: what starts it, what it starts, what its schedule counts from, and what follows.

    run-in-guest test-leasectl-enabling.py LEASECTL LEASED LEASED_GUARD LEASED.SERVICE LEASED-GUARD.SERVICE BUS_POLICY LEASED_RUN PUT_RECORD
"""

import json
import os
import shutil
import subprocess
import unittest

from leasectl_guest import (CONF, ENVIRONMENT, GATES, HERE, SLEEPER, SYSTEM, UNITS, Case, CaseWithDaemon, asserts_of, ctl, main, property_of, read, run,
                            wait_for, write)

REGISTRY = "/var/lib/leased/registry"
BETA, BETA_SESSION = "beef" * 8, "beefbeefbeefbeef-60000"
JOB = "[Service]\nType=oneshot\nExecStart=/bin/true\n"
NIGHTLY = "[Timer]\nOnCalendar=daily\nPersistent=yes\n"


def put(key, value):
    run(f"{HERE}/put-record", REGISTRY, key, json.dumps(value))


class Finding(Case):
    def check(self, unit):
        return json.loads(ctl("check", "--json=short", unit).stdout)[0]["findings"]

    def found(self, unit, *severities):
        return [each["text"] for each in self.check(unit) if each["severity"] in severities]

    def assertFound(self, unit, severity, text):
        found = self.found(unit, severity)
        self.assertTrue(any(text in each for each in found), self.check(unit))

    def assertNotFound(self, unit, text):
        self.assertNotIn(text, json.dumps(self.found(unit, "weak", "refused")))


class WhatPid1MakesOfIt(Case):
    """enabled is only what leased would start: whether a gate is in force is one rule for both."""

    def known(self, name):
        """A unit that PID 1 keeps loaded as it is now, whatever becomes of its file."""
        unit = self.unit(name)
        holder = self.unit(f"holder-{name}", f"[Unit]\nAfter={unit}\n" + SLEEPER)
        run("systemctl", "start", holder)
        return unit

    def test_a_unit_that_cannot_be_loaded_any_more_is_not_enabled(self):
        unit = self.known("turned.service")
        write(f"{SYSTEM}/{unit}", "[Service]\nType=simple\n")
        self.assertSays(ctl("enable", unit), 1, "turned.service: the gate has no effect: the unit cannot be loaded any more "
                        "(bad-setting), look at: systemctl status turned.service")
        self.assertUntouched(unit)

    def test_a_name_that_has_become_an_alias_is_not_enabled(self):
        unit = self.known("former.service")
        other = self.unit("latter.service")
        os.unlink(f"{SYSTEM}/{unit}")
        os.symlink(other, f"{SYSTEM}/{unit}")
        property_of(unit, "Id")
        self.assertSays(ctl("enable", unit), 1, "former.service: the gate has no effect: the name has become an alias of "
                        "latter.service, enable that")
        self.assertUntouched(unit)
        self.assertEqual(asserts_of(other), [])


class WhatStartsIt(Finding):
    def assertAsksFor(self, unit, trigger):
        done = ctl("enable", "--", unit)
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"leasectl enable {trigger}", done.stderr)
        self.assertUntouched(unit)
        self.assertFound(unit, "refused", f"leasectl enable {trigger}")

    def test_a_service_is_not_enabled_in_place_of_what_triggers_it(self):
        unit = self.unit("nightly.service", JOB)
        self.unit("nightly.timer", NIGHTLY)
        self.assertAsksFor(unit, "nightly.timer")
        self.assertAsksFor(self.unit("weekly@home.service", JOB), self.unit("weekly@home.timer", NIGHTLY))
        self.unit("served.service")
        self.assertAsksFor("served.service", self.unit("served.socket", "[Socket]\nListenStream=/run/served\n"))
        self.unit("watching.service", JOB)
        self.assertAsksFor("watching.service", self.unit("watching.path", "[Path]\nPathExists=/run/nothing-there\n"))

    def test_a_trigger_with_another_name_is_found_though_nothing_has_loaded_it(self):
        self.unit("backup.service", JOB)
        self.unit("at-night.timer", NIGHTLY + "Unit=backup.service\n")
        self.assertAsksFor("backup.service", "at-night.timer")

    def test_a_trigger_that_would_start_it_without_its_lease_is_refused_whatever_is_said(self):
        unit = self.unit("hourly.service", JOB)
        timer = self.unit("hourly.timer", NIGHTLY + "[Install]\nWantedBy=timers.target\n")
        run("systemctl", "enable", timer)
        self.addCleanup(run, "systemctl", "disable", "--now", timer)
        enabled = "hourly.service: is started by hourly.timer, which is enabled in systemd: systemctl disable hourly.timer, " \
                  "then: leasectl enable hourly.timer"
        self.assertSays(ctl("enable", "--anyway", unit), 1, enabled)
        run("systemctl", "start", timer)
        self.assertSays(ctl("enable", "--anyway", unit), 1, "hourly.service: is started by hourly.timer, which is active: "
                        "systemctl disable --now hourly.timer, then: leasectl enable hourly.timer")
        self.assertUntouched(unit)

    def test_anyway_enables_the_service_itself(self):
        unit = self.unit("both.service")
        self.unit("both.timer", NIGHTLY)
        ctl("enable", "--anyway", unit, check=True)
        self.assertFound(unit, "note", "both.timer")
        self.assertFalse(self.found(unit, "refused"))
        ctl("enable", unit, check=True)  # it has been said once

    def assertStartedWhen(self, unit, starter, when):
        said = f"is started when {starter} {when}; with a lease of its own it would run at once, and not only then. " \
               "Leave it without a lease, or use --anyway"
        self.assertSays(ctl("enable", unit), 1, f"{unit}: {said}")
        self.assertUntouched(unit)
        self.assertFound(unit, "refused", said)

    def test_what_systemd_starts_when_another_unit_has_ended_is_not_enabled_by_accident(self):
        """PID 1 knows of an inactive unit only while something asks for it, and so not of what that would start."""
        for each, setting, when in (("failed", "OnFailure", "has failed"), ("well", "OnSuccess", "has ended well")):
            unit, starter = self.unit(f"after-{each}.service", JOB), f"ends-{each}.service"
            self.unit(starter, f"[Unit]\n {setting} = other.service \\\n  {unit}\n{SLEEPER}")
            self.assertStartedWhen(unit, starter, f"{when} ({setting}=)")
            run("systemctl", "start", starter)
            self.assertStartedWhen(unit, starter, f"{when} ({setting}=)")

    def test_it_is_found_also_by_a_drop_in_by_a_specifier_and_of_an_instance(self):
        unit = self.unit("tell@ends-by-name.service", JOB)
        self.unit("ends-by-name.service", f"[Unit]\nOnFailure=tell@%p.service\n{SLEEPER}")
        self.assertStartedWhen(unit, "ends-by-name.service", "has failed (OnFailure=)")
        unit = self.unit("after-some.service", JOB)
        self.unit("ends-some@.service", f"[Unit]\nOnFailure={unit}\n{SLEEPER}")
        run("systemctl", "start", "ends-some@one.service")
        self.addCleanup(run, "systemctl", "stop", "ends-some@one.service")
        self.assertStartedWhen(unit, "ends-some@one.service", "has failed (OnFailure=)")
        unit = self.unit("after-dropped.service", JOB)
        self.unit("ends-dropped.service")
        folder = f"{SYSTEM}/ends-dropped.service.d"
        os.makedirs(folder)
        self.addCleanup(shutil.rmtree, folder)
        with open(f"{folder}/end.conf", "w", encoding="utf-8") as file:
            file.write(f"[Unit]\nOnFailure={unit}\n")
        run("systemctl", "daemon-reload")
        self.assertStartedWhen(unit, "ends-dropped.service", "has failed (OnFailure=)")

    def test_what_only_looks_like_it_stands_against_nothing(self):
        unit = self.unit("after-none.service")
        self.unit("ends-none.service", f"[Unit]\n# OnFailure={unit}\nOnFailure=x-{unit}\n[X-Other]\nOnFailure={unit}\n{SLEEPER}")
        ctl("enable", unit, check=True)
        self.assertNotFound(unit, "ends-none.service")

    def assertPulledIn(self, unit, by):
        done = ctl("enable", unit)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertTrue(done.stderr.startswith(f"leasectl: {unit}: is pulled in by {by}"), done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1)
        self.assertUntouched(unit)
        self.assertFound(unit, "refused", f"is pulled in by {by}")

    def test_what_another_unit_would_start_is_not_enabled_though_systemd_has_not_loaded_the_other_one(self):
        for setting, reverse in (("Wants", " (WantedBy=)"), ("Requires", " (RequiredBy=)"), ("Requisite", " (RequisiteOf=)"),
                                 ("BindsTo", ", which is bound to it"), ("Upholds", " (UpheldBy=)")):
            with self.subTest(setting):
                unit, starter = self.unit(f"pulled-{setting}.service"), f"pulls-{setting}.service"
                self.unit(starter, f"[Unit]\n{setting}=other.service {unit}\n{SLEEPER}")
                self.assertPulledIn(unit, starter + reverse)
                run("systemctl", "start", starter, check=False)
                self.assertPulledIn(unit, starter + reverse)
                run("systemctl", "stop", unit, starter)

    def test_it_is_found_also_by_a_folder_of_links_by_a_drop_in_by_another_name_and_of_a_member(self):
        for folder, reverse in (("wants", "WantedBy"), ("requires", "RequiredBy")):
            unit = self.unit(f"linked-{folder}.service")
            self.unit(f"links-{folder}.target", "[Unit]\nDescription=Not loaded\n")
            path = f"/usr/local/lib/systemd/system/links-{folder}.target.{folder}"  # a link in /etc makes it "enabled"
            os.makedirs(path)
            self.addCleanup(shutil.rmtree, path)
            os.symlink(f"{SYSTEM}/{unit}", f"{path}/{unit}")
            run("systemctl", "daemon-reload")
            self.assertPulledIn(unit, f"links-{folder}.target ({reverse}=)")
        unit = self.unit("pulled-dropped.service")
        self.unit("pulls-dropped.service")
        os.makedirs(f"{SYSTEM}/pulls-dropped.service.d")
        self.addCleanup(shutil.rmtree, f"{SYSTEM}/pulls-dropped.service.d")
        with open(f"{SYSTEM}/pulls-dropped.service.d/pull.conf", "w", encoding="utf-8") as file:
            file.write(f"[Unit]\nRequires={unit}\n")
        run("systemctl", "daemon-reload")
        self.assertPulledIn(unit, "pulls-dropped.service (RequiredBy=)")
        unit = self.unit("pulled-by-alias.service")
        os.symlink(f"{SYSTEM}/{unit}", f"{SYSTEM}/pulled-alias.service")
        self.addCleanup(os.unlink, f"{SYSTEM}/pulled-alias.service")
        self.unit("pulls-alias.service", f"[Unit]\nWants=pulled-alias.service\n{SLEEPER}")
        self.assertPulledIn(unit, "pulls-alias.service (WantedBy=)")
        self.unit("pulled-job.service", JOB)
        timer = self.unit("pulled-job.timer", NIGHTLY)
        self.unit("pulls-job.service", f"[Unit]\nWants=pulled-job.service\n{SLEEPER}")
        done = ctl("enable", timer)
        self.assertEqual(done.returncode, 1)
        self.assertIn("brings pulled-job.service, which is pulled in by pulls-job.service (WantedBy=), too", done.stderr)

    def test_it_is_found_where_a_file_counts_for_many_units(self):
        unit = self.unit("pulled-many.service")
        with open(f"{SYSTEM}/pulls-many@.service", "w", encoding="utf-8") as file:
            file.write(f"[Unit]\nWants={unit}\n{SLEEPER}")
        self.addCleanup(os.unlink, f"{SYSTEM}/pulls-many@.service")
        run("systemctl", "daemon-reload")
        self.assertNotFound(unit, "pulls-many")  # there is no instance that anything would start
        self.unit("pulls-many.timer", "[Timer]\nOnCalendar=daily\nUnit=pulls-many@one.service\n")
        self.assertPulledIn(unit, "pulls-many@one.service (WantedBy=)")
        for folder, starter in (("pulls-prefix-.service.d", "pulls-prefix-one.service"), ("pulls-other@.service.d", "pulls-other@two.service")):
            with self.subTest(folder):
                unit = self.unit(f"pulled-by-{folder[:11]}.service")
                self.unit(starter)
                os.makedirs(f"{SYSTEM}/{folder}")
                self.addCleanup(shutil.rmtree, f"{SYSTEM}/{folder}")
                with open(f"{SYSTEM}/{folder}/pull.conf", "w", encoding="utf-8") as file:
                    file.write(f"[Unit]\nRequires={unit}\n")
                run("systemctl", "daemon-reload")
                self.assertPulledIn(unit, f"{starter} (RequiredBy=)")
        unit = self.unit("pulled-by-mounts.service")
        os.makedirs(f"{SYSTEM}/mount.d")
        self.addCleanup(shutil.rmtree, f"{SYSTEM}/mount.d")
        with open(f"{SYSTEM}/mount.d/pull.conf", "w", encoding="utf-8") as file:
            file.write(f"[Unit]\nWants={unit}\n")
        self.unit("pulls-mount.mount", "[Mount]\nWhat=tmpfs\nType=tmpfs\nWhere=/pulls/mount\n")
        run("systemctl", "daemon-reload")
        done = ctl("enable", unit)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertRegex(done.stderr, r"is pulled in by \S+\.mount \(WantedBy=\)")

    def test_what_only_looks_like_a_unit_that_would_start_it_stands_against_nothing(self):
        unit = self.unit("pulled-none.service")
        self.unit("pulls-none.service", f"[Unit]\n# Wants={unit}\nWants=x-{unit}\nAfter={unit}\n[X-Other]\nRequires={unit}\n{SLEEPER}")
        self.unit("pulls-void.service", f"[Unit]\nUpholds={unit}\nUpholds=\nWants={unit}\n{SLEEPER}\n[Unit]\nWants=\n")
        self.unit("pulls-install.service", f"{SLEEPER}[Install]\nWantedBy={unit}\nAlso={unit}\n")
        done = ctl("enable", unit)
        self.assertEqual((done.returncode, done.stderr.count("pulls-none"), done.stderr.count("pulls-install")), (1, 0, 0), done.stderr)
        os.unlink(f"{SYSTEM}/pulls-void.service")  # an empty Wants= takes nothing back (systemd.unit(5))
        run("systemctl", "daemon-reload")
        ctl("enable", unit, check=True)
        self.assertNotFound(unit, "pulls-")

    def test_anyway_enables_what_is_started_when_another_unit_has_ended(self):
        unit = self.unit("after-both.service")
        self.unit("ends-both.service", f"[Unit]\nOnFailure={unit}\n{SLEEPER}")
        done = ctl("enable", "--anyway", unit)
        self.assertEqual(done.returncode, 0)
        self.assertFound(unit, "note", "is leased itself, and so runs at once and not only when ends-both.service has failed")
        ctl("enable", unit, check=True)  # it has been said once

    def test_a_unit_whose_token_a_later_drop_in_takes_away_is_weak(self):
        kept = self.unit("token-kept.service")
        ctl("enable", kept, check=True)
        self.assertNotFound(kept, "token")
        for name, line, said in (("gone", "EnvironmentFile=", "no token: a later drop-in sets EnvironmentFile= back"),
                                 ("unset", "UnsetEnvironment=LEASE_INDEX", "UnsetEnvironment=LEASE_INDEX, and so runs without its token")):
            unit = self.unit(f"token-{name}.service")
            ctl("enable", unit, check=True)
            write(f"{SYSTEM}/{unit}.d/zzzzz.conf", f"[Service]\n{line}\n")
            run("systemctl", "daemon-reload")
            self.assertFound(unit, "weak", said)
        self.unit("token-job.service", JOB)
        timer = self.unit("token-job.timer", NIGHTLY)
        ctl("enable", timer, check=True)
        self.assertNotFound(timer, "token-job.service has no token")
        write(f"{SYSTEM}/token-job.service.d/zzzzz.conf", "[Service]\nEnvironmentFile=\n")
        self.addCleanup(shutil.rmtree, f"{SYSTEM}/token-job.service.d", ignore_errors=True)
        run("systemctl", "daemon-reload")
        self.assertFound(timer, "weak", "token-job.service has no token")

    def test_the_timer_brings_its_service(self):
        unit = self.unit("right.service", JOB)
        timer = self.unit("right.timer", NIGHTLY)
        ctl("enable", timer, check=True)
        done = ctl("enable", unit)
        self.assertEqual((done.returncode, done.stderr.splitlines()),
                         (1, ["leasectl: right.service: goes by the lease of right.timer already"]))


class WhatItStarts(Finding):
    """What a start brings along goes by the lease, or it is told that it does not."""

    def test_what_a_start_brings_along_and_the_lease_does_not_cover_is_told(self):
        unit = self.unit("app.service", "[Unit]\nWants=loose.service\nRequires=needed.service\nUpholds=upheld.service\n" + SLEEPER)
        for each in ("loose.service", "needed.service", "upheld.service"):
            self.unit(each)
            self.assertFound(unit, "weak", f"{each} is not bound to it and goes on running without the lease: give it BindsTo=app.service")
        done = ctl("enable", unit)
        self.assertEqual(done.returncode, 0)
        self.assertIn("note: app.service: loose.service is not bound to it", done.stderr)

    def test_what_has_the_name_of_a_part_of_the_machine_and_is_none_is_told(self):
        unit = self.unit("shop.service", "[Unit]\nWants=leased-shop.service systemd-nspawn@shop.service leased.service\n" + SLEEPER)
        for each in ("leased-shop.service", "systemd-nspawn@shop.service"):
            self.unit(each)
            self.assertFound(unit, "weak", f"{each} is not bound to it and goes on running without the lease: give it BindsTo=shop.service")
        self.assertNotFound(unit, "leased.service is not bound")

    def test_what_is_part_of_it_is_stopped_but_not_waited_for(self):
        unit = self.unit("whole.service", "[Unit]\nWants=part.service\n" + SLEEPER)
        self.unit("part.service", "[Unit]\nPartOf=whole.service\n" + SLEEPER)
        self.assertFound(unit, "weak", "part.service is started with it and stopped with it (PartOf=), but nobody waits for its end")

    def test_what_is_brought_by_what_is_brought_is_told(self):
        unit = self.unit("first.service", "[Unit]\nWants=extras.target both.service\n" + SLEEPER)
        self.unit("extras.target", "[Unit]\nWants=second.service\n")
        self.unit("second.service", "[Unit]\nWants=both.service\n" + SLEEPER)
        self.unit("both.service")
        self.assertFound(unit, "weak", "second.service is not bound to extras.target and goes on running without the lease: "
                         "give it BindsTo=extras.target")
        self.assertFound(unit, "weak", "both.service is not bound to it")
        self.assertNotFound(unit, "extras.target is not bound")

    def test_what_is_a_part_of_the_machine_is_not_told(self):
        self.unit("engine.service", SLEEPER + "[Install]\nWantedBy=multi-user.target\n")
        run("systemctl", "enable", "engine.service")
        self.addCleanup(run, "systemctl", "disable", "--now", "engine.service")
        self.unit("activated.socket", "[Socket]\nListenStream=/run/activated\n[Install]\nWantedBy=sockets.target\n")
        run("systemctl", "enable", "activated.socket")
        self.addCleanup(run, "systemctl", "disable", "--now", "activated.socket")
        self.unit("activated.service", SLEEPER)
        self.unit("other.service", "[Unit]\nWants=shared.service\n" + SLEEPER)
        self.unit("shared.service")
        unit = self.unit("guest.service", "[Unit]\nWants=network-online.target time-sync.target engine.service shared.service\n"
                         "Requires=dbus.service activated.socket activated.service systemd-tmpfiles-setup.service\n"
                         "RequiresMountsFor=/tmp /var/lib\nWants=modprobe@loop.service nowhere.service\n" + SLEEPER)
        run("systemctl", "start", "other.service")
        self.assertEqual([each for each in self.found(unit, "weak") if "not bound" in each], [])

    def test_what_is_started_only_by_units_with_a_lease_or_by_none_that_starts_is_told(self):
        for each in ("first-user.service", "second-user.service"):
            unit = self.unit(each, "[Unit]\nWants=between.service woken.service\n" + SLEEPER)
        self.unit("between.service")
        self.unit("dormant.service", "[Unit]\nWants=between.service\n" + SLEEPER + "[Install]\nWantedBy=multi-user.target\n")
        self.unit("woken.socket", "[Socket]\nListenStream=/run/woken\n[Install]\nWantedBy=sockets.target\n")
        self.unit("woken.service")
        for each in ("dormant.service", "woken.socket"):
            property_of(each, "Id")
        ctl("enable", "first-user.service", check=True)
        for each in ("between.service", "woken.service"):
            self.assertFound(unit, "weak", f"{each} is not bound to it and goes on running without the lease")
        run("systemctl", "start", "dormant.service", "woken.socket")
        self.addCleanup(run, "systemctl", "stop", "woken.socket", "woken.service")
        for each in ("between.service", "woken.service"):
            self.assertNotFound(unit, f"{each} is not bound")

    def test_a_mount_that_only_the_unit_wants_is_told(self):
        self.unit("srv-own.mount", "[Mount]\nWhat=tmpfs\nWhere=/srv/own\nType=tmpfs\n")
        unit = self.unit("files.service", "[Unit]\nRequiresMountsFor=/srv/own\n" + SLEEPER)
        self.assertFound(unit, "weak", "srv-own.mount is not bound to it")

    def test_what_needs_a_unit_with_a_lease_of_its_own_is_told(self):
        other = self.unit("database.service")
        ctl("enable", other, check=True)
        unit = self.unit("shop.service", "[Unit]\nBindsTo=database.service\n" + SLEEPER)
        self.assertFound(unit, "weak", "BindsTo=database.service, which has a lease of its own and may be elsewhere")
        self.unit("shop.service", "[Unit]\nBindsTo=database.service\n" + SLEEPER + "[X-Leased]\nMachineOf=database.service\n")
        self.assertNotFound(unit, "lease of its own")
        ctl("enable", unit, check=True)
        ctl("enable", other, check=True)  # the other way round, too

    def test_a_sidekick_goes_by_the_lease_of_its_unit(self):
        main_unit = self.unit("main.service", "[Unit]\nWants=side.service\n" + SLEEPER)
        side = self.unit("side.service", "[Unit]\nBindsTo=main.service\nAfter=main.service\n" + SLEEPER)
        self.assertSays(ctl("enable", side), 1, "side.service: is started by main.service and bound to it, and so goes by its lease: "
                        "leasectl enable main.service")
        self.assertFound(main_unit, "note", "side.service goes by its lease, too")
        self.assertNotFound(main_unit, "side.service is not bound")
        done = ctl("enable", main_unit, check=True)
        self.assertIn("side.service: goes by its lease\n", done.stdout)
        self.assertEqual(asserts_of(side), [["AssertPathExists", False, False, f"{GATES}/main.service"]])
        self.assertNotEqual(run("systemctl", "start", side, check=False).returncode, 0)
        self.assertEqual(property_of(side, "ActiveState"), "inactive")
        ctl("disable", main_unit, check=True)
        self.assertEqual(asserts_of(side), [])

    def test_a_sidekick_that_is_written_otherwise_is_refused_with_its_recipe(self):
        alone = self.unit("alone.service")
        self.unit("follower.service", "[Unit]\nBindsTo=alone.service\n" + SLEEPER)
        property_of("follower.service", "Id")
        run("systemctl", "start", "follower.service")
        done = ctl("enable", "--stop", alone)
        self.assertEqual(done.returncode, 1)
        self.assertIn("Wants=follower.service here, and it goes by the same lease; or lease it first, with MachineOf=alone.service",
                      done.stderr)
        run("systemctl", "stop", "follower.service", alone)
        user = self.unit("user.service", "[Unit]\nWants=helper.service\n" + SLEEPER)
        self.unit("helper.service", "[Unit]\nRequires=user.service\n" + SLEEPER)
        self.assertSays(ctl("enable", user), 1, "user.service: is pulled in by helper.service (RequiredBy=), which would start it "
                        "without its lease: BindsTo=user.service there in place of that, and it goes by the same lease")


class RegistryOnThisMachine(Finding):
    """At a shutdown it stops after leased."""
    DROPIN = f"{SYSTEM}/leased.service.d/registry.conf"

    def serve(self, name, address, port):
        self.unit(name, f"[Service]\nExecStart=/usr/bin/python3 -m http.server --bind {address} {port}\n")
        run("systemctl", "start", name)
        wait_for(f"{name} listens", lambda: f":{port} " in run("ss", "-Hlnt").stdout)
        self.addCleanup(run, "systemctl", "daemon-reload")
        self.addCleanup(shutil.rmtree, os.path.dirname(self.DROPIN), ignore_errors=True)

    @staticmethod
    def after():
        return property_of("leased.service", "After").split()

    def test_a_service_under_any_name_is_found_by_the_port(self):
        self.serve("kv.service", "127.0.0.1", 7379)
        self.serve("kv6.service", "::1", 7380)
        self.serve("away.service", "127.0.0.1", 7381)
        self.conf("[Leased]\nRegistry=etcd\nEndpoints=http://localhost:7379 http://[::1]:7380 http://192.0.2.1:7381\n")
        unit = self.unit("any.service")
        self.assertFound(unit, "weak", "kv.service serves the registry on this machine and may stop before leased at a shutdown")
        done = ctl("enable", unit, check=True)
        self.assertIn("note: leased.service: stops before kv.service from now on", done.stderr)
        self.assertNotIn("away.service", done.stderr)
        for name, expected in (("kv.service", True), ("kv6.service", True), ("away.service", False),
                               ("etcd-member.service", True), ("etcd.service", True)):
            self.assertEqual(name in self.after(), expected, name)
        self.assertNotFound(unit, "serves the registry")
        before = read(self.DROPIN)
        self.assertNotIn("from now on", ctl("enable", unit, check=True).stderr)
        self.assertEqual(read(self.DROPIN), before)

    def test_what_is_leased_itself_cannot_come_before_leased(self):
        self.serve("leased-kv.service", "127.0.0.1", 7382)
        self.conf("[Leased]\nRegistry=etcd\nEndpoints=http://127.0.0.1:7382\n")
        run("systemctl", "stop", "leased-kv.service")
        ctl("enable", "leased-kv.service", check=True)
        self.open_gate("leased-kv.service")
        run("systemctl", "start", "leased-kv.service")
        wait_for("it listens", lambda: ":7382 " in run("ss", "-Hlnt").stdout)
        ctl("enable", self.unit("another.service"), check=True)
        self.assertFalse(os.path.exists(self.DROPIN))


class Schedules(Finding):
    """What one PID 1 counts for itself is not known to the next one."""

    def timer(self, name, lines, service=JOB):
        self.unit(f"{name}.service", service)
        return self.unit(f"{name}.timer", "[Timer]\n" + lines)

    def assertInstead(self, lines, what, *instead):
        unit = self.timer("counts", lines)
        done = ctl("enable", unit)
        self.assertEqual(done.returncode, 1, lines)
        self.assertUntouched(unit)
        for text in (what + ": each machine counts that for itself", *instead):
            self.assertIn(text, done.stderr)
            self.assertFound(unit, "refused", text)
        for calendar in (each[11:] for each in instead if each.startswith("OnCalendar=")):
            run("systemd-analyze", "calendar", calendar)

    def test_spans_that_one_machine_counts_are_refused_with_the_calendar_to_write(self):
        self.assertInstead("OnBootSec=30s\nOnUnitActiveSec=1h\n", "OnBootSec=30s, OnUnitActiveSec=1h", "OnBootSec= (empty)",
                           "OnCalendar=hourly", "Persistent=yes", "systemctl edit counts.timer")
        self.assertInstead("OnStartupSec=5min\nOnUnitInactiveSec=10min\n", "OnStartupSec=5min, OnUnitInactiveSec=10min",
                           "OnCalendar=*:0/10")
        self.assertInstead("OnActiveSec=0\nOnUnitActiveSec=6h\n", "OnUnitActiveSec=6h", "or never", "OnCalendar=0/6:00")
        self.assertInstead("OnBootSec=1d\n", "OnBootSec=1d", "OnCalendar=daily")
        self.assertInstead("OnCalendar=Mon 03:00\nOnBootSec=1min\n", "OnBootSec=1min",
                           "OnCalendar=Mon *-*-* 03:00:00")

    def test_what_was_written_instead_is_accepted(self):
        unit = self.timer("cured", "OnBootSec=30s\nOnUnitActiveSec=1h\n")
        write(f"{SYSTEM}/{unit}.d/override.conf", "[Timer]\nOnBootSec=\nOnCalendar=hourly\nPersistent=yes\n")
        run("systemctl", "daemon-reload")
        ctl("enable", unit, check=True)
        self.assertFalse(self.found(unit, "refused"))
        self.assertNotFound(unit, "Persistent=")

    def test_who_enables_it_anyway_is_told_that_it_is_weak(self):
        unit = self.timer("anyway", "OnBootSec=30s\n")
        ctl("enable", "--anyway", unit, check=True)
        self.assertFalse(self.found(unit, "refused"))
        self.assertFound(unit, "weak", "OnBootSec=30s: each machine counts that for itself")

    def test_a_global_timer_may_count_as_it_likes(self):
        unit = self.timer("global", "OnBootSec=30s\nOnUnitActiveSec=1h\n[X-Leased]\nGlobal=yes\n")
        ctl("enable", unit, check=True)
        self.assertFalse(self.found(unit, "refused"))

    def test_what_a_schedule_does_not_promise_is_told(self):
        self.assertFound(self.timer("misses", "OnCalendar=daily\n"), "weak", "OnCalendar= without Persistent=yes")
        self.assertFound(self.timer("starts", "OnActiveSec=1h\n"), "weak", "OnActiveSec= counts from the timer's start")
        self.assertFound(self.timer("clock", "OnClockChange=yes\n"), "note", "the clock of the machine that holds it")
        whole = self.timer("whole", "OnCalendar=daily\nPersistent=yes\nRandomizedDelaySec=1h\n")
        self.assertNotFound(whole, "OnCalendar")
        self.assertNotFound(whole, "Delay")

    def test_timers_of_a_target_are_looked_at(self):
        bundle = self.unit("bundle.target", "[Unit]\nWants=part.timer\n")
        self.timer("part", "OnUnitActiveSec=1h\n[Unit]\nBindsTo=bundle.target\n")
        self.assertFound(bundle, "refused", "brings part.timer with OnUnitActiveSec=1h")
        self.timer("part", "OnCalendar=daily\nPersistent=yes\n[Unit]\nBindsTo=bundle.target\n")
        self.assertFound(bundle, "refused", "brings part.timer with Persistent=yes, whose last run travels only with a lease of its own")
        self.timer("part", "OnCalendar=daily\n[Unit]\nBindsTo=bundle.target\n")
        self.assertFalse(self.found(bundle, "refused"))
        self.assertFound(bundle, "weak", "brings part.timer, whose OnCalendar= is not made up for")


class WhatFollows(CaseWithDaemon):
    LEASED_CONF = "[Leased]\nTTL=2s\n"

    def test_a_sidekick_runs_where_its_unit_runs_and_ends_before_the_lease_goes(self):
        self.unit("side.service", "[Unit]\nBindsTo=main.service\nAfter=main.service\n[Service]\nExecStart=/bin/sleep infinity\n"
                  "ExecStop=/bin/sleep 1\n")
        unit = self.enable("main.service", "[Unit]\nWants=side.service\n" + SLEEPER)
        wait_for("its sidekick runs", lambda: property_of("side.service", "ActiveState") == "active")
        with open("/run/leased/members/main.service", encoding="utf-8") as file:
            self.assertEqual(file.read(), "side.service\n")
        ctl("release", unit, check=True)
        self.assertIn(property_of("side.service", "ActiveState"), ("inactive", "failed"))

    def test_enable_says_what_follows(self):
        wait_for("the registry is there", lambda: json.loads(ctl("registry", "--json=short").stdout)["uuid"])
        put(f"fences/{BETA_SESSION}", {"counter": 0, "names": []})
        put(f"machines/{BETA}", {"hostname": "beta", "boot_id": "b" * 32, "session": BETA_SESSION, "metadata": "",
                                 "version": "0", "draining": False})
        put(f"beats/{BETA_SESSION}", {"machine_id": BETA, "nonce": "beefbeefbeefbeef-1"})
        put("leases/theirs.service", {"state": "held", "machine_id": BETA, "session": BETA_SESSION, "version": 0, "index": 3,
                                      "since": 1, "period": 0, "debts": [], "tenures": []})
        wait_for("beta holds it", lambda: ctl("history", "theirs.service").returncode == 0)
        unit = self.unit("ours.service")
        self.assertEqual(ctl("enable", unit, check=True).stdout, "ours.service: enabled; it starts here now\n")
        wait_for("it runs", lambda: property_of(unit, "ActiveState") == "active")
        self.assertEqual(ctl("enable", unit, check=True).stdout, "ours.service: was enabled already; it runs here\n")
        self.assertEqual(ctl("enable", self.unit("theirs.service"), check=True).stdout,
                         "theirs.service: enabled; it is held by beta, and this machine stands by\n")
        lacking = self.unit("lacking.service", SLEEPER + "[X-Leased]\nRequire=rack=none\n")
        self.assertEqual(ctl("enable", lacking, check=True).stdout,
                         "lacking.service: enabled; nobody holds it, and not here: missing metadata rack=none\n")
        done = self.unit("once.service", JOB)
        ctl("enable", done, check=True)
        wait_for("it is done", lambda: self.row(done)["state"] == "done")
        ctl("disable", done, check=True)
        self.assertEqual(ctl("enable", done, check=True).stdout, "once.service: enabled; its job is done, and it runs again "
                         "after: leasectl rearm once.service\n")

    def test_disable_says_that_it_stops_what_runs_here(self):
        unit = self.enable("stopped.service")
        done = ctl("disable", unit)
        self.assertSays(done, 0, "note: stopped.service: runs here, and is stopped now")  # there is no machine that may take it
        self.assertEqual(done.stdout, "stopped.service: disabled\n")
        everywhere = self.enable("global.service", SLEEPER + "[X-Leased]\nGlobal=yes\n")
        self.assertSays(ctl("disable", everywhere), 0, "note: global.service: runs here, and is stopped now")
        for name in ("one.service", "two.service"):
            self.enable(name)
        self.assertSays(ctl("disable", "one", "two"), 0, "note: one.service, two.service: run here, and are stopped now")
        idle = self.enable("idle.service", SLEEPER + "[X-Leased]\nRequire=rack=none\n", state="waiting")
        self.assertSays(ctl("disable", idle), 0)
        self.assertSays(ctl("disable", "--no-legend", self.enable("quiet.service")), 0)

    def test_what_disable_took_off_the_list_leased_hears_of_though_nobody_reads(self):
        """Otherwise the unit would be stopped by some later reload."""
        unit = self.enable("unread.service")
        reader, writer = os.pipe()
        os.close(reader)
        done = subprocess.run(["leasectl", "disable", unit], stdin=subprocess.DEVNULL, stdout=writer, stderr=writer, env=ENVIRONMENT)
        os.close(writer)
        self.assertIn(done.returncode, (0, 1))  # 1: what it has said is lost
        self.assertUntouched(unit)
        self.assertEqual(property_of(unit, "ActiveState"), "inactive")


class StampsOfTimers(CaseWithDaemon):
    LEASED_CONF = "[Leased]\nTTL=4s\n"
    FOLDER = "/var/lib/systemd/timers"

    def was_enabled_before(self):
        """A timer whose lease has a record that says when the timer elapsed last, and its stamp."""
        self.unit("nightly.service", JOB)
        timer = self.enable("nightly.timer", NIGHTLY)
        ctl("disable", timer, check=True)
        wait_for("it is down", lambda: property_of(timer, "ActiveState") == "inactive")
        return timer, f"{self.FOLDER}/stamp-{timer}"

    def test_a_stamp_from_the_future_is_set_back_since_pid_1_takes_no_notice_of_it(self):
        timer, stamp = self.was_enabled_before()
        os.utime(stamp, (1 << 32, 1 << 32))
        ctl("enable", timer, check=True)
        wait_for("it runs", lambda: property_of(timer, "ActiveState") == "active")
        self.assertLess(os.stat(stamp).st_mtime, 1 << 32)

    def hang(self, stamp):
        """A FIFO without a reader stands for a disk that hangs: whoever opens it waits."""
        os.unlink(stamp)
        os.mkfifo(stamp)
        os.utime(stamp, (1, 1))
        self.addCleanup(os.unlink, stamp)

    def go_on(self, stamp):
        os.close(os.open(stamp, os.O_RDONLY | os.O_NONBLOCK))

    def test_a_stamp_that_cannot_be_written_holds_no_beat_up_and_the_lease_is_let_go(self):
        def last_beat():
            return int(run("busctl", "--timeout=5", "get-property", "org.leased1", "/org/leased1", "org.leased1.Manager",
                           "LastBeatUSec").stdout.split()[1])

        beside = self.enable("beside.service")
        main_pid = property_of(beside, "MainPID")
        timer, stamp = self.was_enabled_before()
        self.hang(stamp)
        ctl("enable", timer, check=True)
        wait_for("it is about to start", lambda: self.row(timer)["state"] == "starting")
        for _ in range(2):
            last = last_beat()
            wait_for("a beat", lambda: last_beat() > last)
        wait_for("another machine could take it", lambda: self.row(timer)["state"] != "starting")
        self.assertNotEqual(property_of(timer, "ActiveState"), "active")
        self.assertEqual(property_of(beside, "MainPID"), main_pid)
        self.go_on(stamp)

    def test_a_stamp_that_is_written_late_is_waited_for(self):
        timer, stamp = self.was_enabled_before()
        self.hang(stamp)
        ctl("enable", timer, check=True)
        wait_for("it is about to start", lambda: self.row(timer)["state"] == "starting")
        self.assertNotEqual(property_of(timer, "ActiveState"), "active")
        self.go_on(stamp)
        wait_for("it runs", lambda: property_of(timer, "ActiveState") == "active")
        self.assertGreater(os.stat(stamp).st_mtime, 1)


class WhenRestarted(CaseWithDaemon):
    LEASED_CONF = "[Leased]\nTTL=2s\n"

    def test_what_is_left_of_a_unit_that_is_not_enabled_any_more_keeps_back_no_lease_but_its_own(self):
        """Both leases have the same Index, and the environment file tells by which of them the first unit runs."""
        self.enable("known.service")  # so this is no machine any more that remembers no registry, and waits for a TTL
        write(CONF, "[Leased]\nTTL=60s\n")  # what is left over is killed after 15 s
        ctl("reload", check=True)
        first = self.enable("first.service", "[Service]\nTimeoutStopSec=infinity\nExecStart=/bin/sh -c 'trap \"\" TERM; "
                            "while :; do sleep 0.1; done'\n[X-Leased]\nLease=firsts-own\n")
        index = self.row(first)["index"]
        pid = property_of(first, "MainPID")
        os.unlink(f"{UNITS}/{first}")
        run("systemctl", "kill", "-s", "KILL", "leased.service")
        wait_for("the next daemon has it stopped", lambda: property_of(first, "ActiveState") == "deactivating")
        second = self.enable("second.service")
        self.assertEqual(self.row(second)["index"], index)
        self.assertTrue(os.path.exists(f"/proc/{pid}"), "the second unit has waited for the first one's end")
        wait_for("it is killed in the end", lambda: not os.path.exists(f"/proc/{pid}"))


if __name__ == "__main__":
    main()
