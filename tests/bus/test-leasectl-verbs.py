#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The verbs of leasectl that look and move, on a local registry with a second machine that is made of records only.

    run-in-guest test-leasectl-verbs.py LEASECTL LEASED LEASED_GUARD LEASED.SERVICE LEASED-GUARD.SERVICE BUS_POLICY LEASED_RUN PUT_RECORD
"""

import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import threading
import unittest

from leasectl_beta import BETA, BETA_SESSION, TwoSecondCase, WithBeta, put, shown
from leasectl_guest import (CONF, ENVIRONMENT, HERE, SLEEPER, SYSTEM, UNITS, Case, ctl, main, property_of, read,
                            run, wait_for, write)

JOB = "[Service]\nType=oneshot\nExecStart=/bin/true\n"
NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "leasectl")
METRIC = re.compile(r'^leased_[a-z_]+(\{[a-z_]+="([^"\\]|\\.)*"(,[a-z_]+="([^"\\]|\\.)*")*\})? [0-9.]+$')
LISTINGS = (("list",), ("machines",), ("history",), ("registry",), ("status",), ("check", "sshd-of-nobody"))


def metric(name):
    line = next(line for line in ctl("metrics", check=True).stdout.splitlines() if line.startswith(name + " "))
    return float(line.split()[-1])


class Checking(Case):
    """check needs neither daemon nor registry."""

    def check(self, unit, code=0):
        done = ctl("check", "--json=short", unit)
        self.assertEqual((done.returncode, done.stderr), (code, ""))
        return json.loads(done.stdout)[0]

    def assertFound(self, result, severity, text):
        found = [each["text"] for each in result["findings"] if each["severity"] == severity]
        self.assertTrue(any(text in each for each in found), result)

    def test_the_timeline_is_that_of_the_ttl(self):
        unit = self.unit("line.service")
        timeline = self.check(unit)["timeline"]
        self.assertEqual([timeline[key] for key in ("round_usec", "stop_usec", "kill_usec", "stop_grace_usec")],
                         [2000000, 6950000, 9450000, 2500000])
        self.assertGreaterEqual(timeline["take_usec"], 10200000)
        text = ctl("check", "line").stdout
        for number in ("2.00s", "6.95s", "9.45s", "10.20s"):
            self.assertIn(number, text)

    def test_what_weakens_a_unit_is_told(self):
        result = self.check(self.unit("weak.service", "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n"
                                      "KillMode=process\nTimeoutStopSec=20s\n"))
        for text in ("RemainAfterExit=yes without ExecStop=", "KillMode=process", "TimeoutStopSec=20.0s is longer than "
                     "StopGraceSec=2.5s: without the registry it is killed after 2.5s; more: StopGraceSec=", "Registry=local",
                     "RuntimeWatchdogSec=", "leased.service is not enabled"):
            self.assertFound(result, "weak", text)
        self.assertFound(result, "note", "not enabled on this machine")

    def test_a_silence_that_is_shorter_than_a_restart_of_leased_is_told(self):
        unit = self.unit("fenced.service")
        fencing = "[Leased]\nTTL=30s\nBeatSec=200ms\nFenceCommand=/bin/true\n"
        self.conf("")
        for after, weak in (("400ms", True), ("899ms", True), ("900ms", False)):
            write(CONF, fencing + f"FenceAfterSec={after}\n")
            self.assertEqual("because leased was restarted there" in json.dumps(self.check(unit)), weak)

    def test_what_is_no_process_weakens_a_unit_unless_the_machine_is_rebooted_for_it(self):
        address = "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\nExecStop=/bin/true\n"
        mount = "[Mount]\nWhat=tmpfs\nWhere=/srv/data\nType=tmpfs\n"
        fenced = "[X-Leased]\nFenceAction=reboot\n"
        for name, text, finding in (("address.service", address, "all rests on its ExecStop= being done in time"),
                                    ("srv-data.mount", mount, "is still mounted when its time is over")):
            self.assertFound(self.check(self.unit(name, text)), "weak", finding)
            self.assertFound(self.check(self.unit(name, text + fenced)), "note", finding)
        self.unit("srv-data.mount", mount)
        result = self.check(self.unit("srv-data.automount", "[Automount]\nWhere=/srv/data\n"))
        self.assertFound(result, "note", "srv-data.mount goes by its lease, too")
        self.assertFound(result, "weak", "its end detaches what is mounted there, even if it is busy")

    def test_what_systemd_starts_when_the_unit_has_ended_is_told(self):
        self.unit("plain.service")
        gated = self.unit("handler.service")
        ctl("enable", gated, check=True)
        result = self.check(self.unit("handled.service", "[Unit]\nOnFailure=plain.service handler.service\n"
                                      "FailureAction=none\nStartLimitAction=reboot\n" + SLEEPER))
        self.assertFound(result, "weak", "OnFailure=plain.service: that starts here when the unit has failed")
        self.assertNotIn("OnFailure=handler.service", json.dumps(result))
        self.assertFound(result, "weak", "StartLimitAction=reboot")
        self.assertNotIn("FailureAction=", json.dumps(result))

    def test_what_forbids_what_leased_does_is_refused(self):
        for setting in ("RefuseManualStart=yes", "RefuseManualStop=yes", "StopWhenUnneeded=yes", "SuccessAction=reboot"):
            unit = self.unit("forbidden.service", f"[Unit]\n{setting}\n" + SLEEPER)
            self.assertFound(self.check(unit, 1), "refused", f"has {setting}: ")
            done = ctl("enable", unit)
            self.assertEqual(done.returncode, 1)
            self.assertIn(setting, done.stderr)
        self.unit("brought.service", "[Unit]\nRefuseManualStop=yes\n" + SLEEPER)
        self.assertFound(self.check(self.unit("brought.timer", "[Timer]\nOnCalendar=daily\n"), 1), "refused",
                         "brings brought.service, which has RefuseManualStop=yes")

    def test_a_name_that_leaves_no_room_for_leaseds_own_units_is_refused(self):
        unit = self.unit("n" * 226 + ".service", SLEEPER)
        self.assertFound(self.check(unit, 1), "refused", "has a name of 234 bytes, and 233 are the most")
        done = ctl("enable", unit)
        self.assertEqual(done.returncode, 1)
        self.assertIn("leased-stop@UNIT.target", done.stderr)
        self.assertUntouched(unit)
        self.check(self.unit("n" * 225 + ".service", SLEEPER))

    def test_a_mount_that_is_detached_though_busy_is_refused(self):
        lazy = "[Mount]\nWhat=tmpfs\nWhere=/srv/lazy\nType=tmpfs\nLazyUnmount=yes\n"
        unit = self.unit("srv-lazy.mount", lazy)
        self.assertFound(self.check(unit, 1), "refused", "has LazyUnmount=yes: systemd would detach it even if it is busy")
        done = ctl("enable", unit)
        self.assertEqual(done.returncode, 1)
        self.assertIn("LazyUnmount=yes", done.stderr)
        self.assertUntouched(unit)
        bundle = self.unit("lazy.target", "[Unit]\nWants=srv-lazy.mount\n")
        self.unit("srv-lazy.mount", f"[Unit]\nBindsTo={bundle}\n{lazy}")
        self.assertFound(self.check(bundle, 1), "refused", "brings srv-lazy.mount, which has LazyUnmount=yes")
        done = ctl("enable", bundle)
        self.assertEqual(done.returncode, 1)
        self.assertIn("brings srv-lazy.mount, which has LazyUnmount=yes", done.stderr)
        self.unit("srv-lazy.mount", f"[Unit]\nBindsTo={bundle}\n" + lazy.replace("=yes", "=no"))
        self.assertNotIn("LazyUnmount", json.dumps(self.check(bundle)))

    def test_a_mount_that_goes_by_the_lease_is_looked_at(self):
        bundle = self.unit("disks.target", "[Unit]\nWants=srv-disk.mount\n")
        self.unit("srv-disk.mount", f"[Unit]\nBindsTo={bundle}\n[Mount]\nWhat=tmpfs\nWhere=/srv/disk\nType=tmpfs\n")
        finding = "srv-disk.mount: a mount is no process and cannot be killed"
        self.assertFound(self.check(bundle), "weak", finding)
        self.unit(bundle, "[Unit]\nWants=srv-disk.mount\n[X-Leased]\nFenceAction=reboot\n")
        self.assertFound(self.check(bundle), "note", finding)

    def test_a_mount_that_its_automount_detaches_does_not_stay(self):
        self.unit("srv-auto.mount", "[Mount]\nWhat=tmpfs\nWhere=/srv/auto\nType=tmpfs\n")
        automount = "[Automount]\nWhere=/srv/auto\n"
        detaches = "its end detaches what is mounted there"
        result = self.check(self.unit("srv-auto.automount", automount))
        self.assertFound(result, "weak", detaches)
        self.assertNotIn("cannot be killed", json.dumps(result))
        bundle = self.unit("autos.target", "[Unit]\nWants=srv-auto.automount\n")
        self.unit("srv-auto.automount", f"[Unit]\nBindsTo={bundle}\n{automount}")
        result = self.check(bundle)
        self.assertFound(result, "note", "srv-auto.mount goes by its lease, too")
        self.assertFound(result, "weak", f"brings srv-auto.automount: {detaches}")
        self.assertNotIn("cannot be killed", json.dumps(result))

    def test_what_a_socket_starts_for_each_connection_is_looked_at(self):
        template = "[Service]\nExecStart=/bin/true\n"
        self.unit("each@.service", template)
        socket = self.unit("each.socket", "[Socket]\nListenStream=/run/each\nAccept=yes\n")
        ctl("enable", socket, check=True)
        self.assertEqual([each for each in self.check(socket)["findings"] if "each@.service has" in each["text"]], [])
        self.unit("each@.service", template + "KillMode=process\nExecStopPost=/bin/true\nUnsetEnvironment=LEASE_INDEX\n")
        result = self.check(socket)
        for text in ("KillMode=process", "ExecStopPost=", "UnsetEnvironment=LEASE_INDEX"):
            self.assertFound(result, "weak", f"each@.service has {text}")

    def test_an_address_of_a_service_weakens_it_and_execstoppost_is_the_place_to_take_it_back(self):
        service = "[Service]\nExecStart=/bin/sleep infinity\nExecStartPost=ip address add 10.0.0.9/32 dev lo\n"
        stop = "ExecStop=ip address del 10.0.0.9/32 dev lo\n"
        fenced = "[X-Leased]\nFenceAction=reboot\n"
        for text, finding in ((service, "take it back in ExecStopPost="),
                              (service + stop, "stays when ExecStop= is not done in time"),
                              (service + stop.replace("ExecStop", "ExecStopPost"), "at most 0.5 s, and what is not done then stays")):
            self.assertFound(self.check(self.unit("floating.service", text)), "weak", finding)
            if text is not service:
                self.assertFound(self.check(self.unit("floating.service", text + fenced)), "note", finding)
        self.unit("floating.socket", "[Socket]\nListenStream=/run/floating\nExecStartPre=ip address add 10.0.0.9/32 dev lo\n")
        self.assertFound(self.check("floating.socket"), "weak", "ExecStartPre= with ip: what that sets up is no process")
        bundle = self.unit("floating.target", "[Unit]\nWants=floating.socket\n")
        self.unit("floating.socket", f"[Unit]\nBindsTo={bundle}\n[Socket]\nListenStream=/run/floating\nExecStopPost=/bin/umount -l /x\n")
        self.assertFound(self.check(bundle), "weak", "floating.socket has ExecStopPost= with umount --lazy")
        plain = self.check(self.unit("plain.service", "[Service]\nExecStart=/bin/sleep infinity\n"))
        self.assertFalse([each for each in plain["findings"] if "no process" in each["text"]])

    def test_a_stop_that_is_in_time_is_no_weakness(self):
        result = self.check(self.unit("quick.service", SLEEPER + "TimeoutStopSec=1s\n"))
        self.assertNotIn("TimeoutStopSec", json.dumps(result["findings"]))
        self.assertEqual(result["timeline"]["stop_grace_usec"], 1000000)

    def test_what_a_drop_in_takes_from_the_guard_is_told(self):
        unit = self.unit("guarded.service")

        def weaknesses():
            return [each["text"] for each in self.check(unit)["findings"] if "leased-guard.service has " in each["text"]]

        self.assertEqual(weaknesses(), [])
        for path, text in (("service.d/all.conf", "RuntimeMaxSec=1d\nTimeoutStopSec=3s\n"),
                           ("leased-guard.service.d/own.conf", "KillMode=process\nExecStopPost=\nStandardError=append:/run/guard-log\n")):
            write(f"/run/systemd/system/{path}", "[Service]\n" + text)
            self.addCleanup(run, "systemctl", "daemon-reload")
            self.addCleanup(os.unlink, f"/run/systemd/system/{path}")
        run("systemctl", "daemon-reload")
        found = weaknesses()
        self.assertEqual(len(found), 5, found)
        for text in ("a file as StandardError=", "no ExecStopPost= with leased-guard --wipe", "TimeoutStopSec= below the TTL",
                     "RuntimeMaxSec=", "KillMode=process"):
            self.assertTrue(any(text in each for each in found), found)

    def test_all_reasons_to_refuse_are_told(self):
        unit = self.unit("wrong.service", SLEEPER + "PAMName=login\n[X-Leased]\nStopGraceSec=9s\n"
                         "[Install]\nWantedBy=multi-user.target\n")
        run("systemctl", "enable", unit)
        self.addCleanup(run, "systemctl", "disable", unit)
        result = self.check(unit, 1)
        for text in ("PAMName=", "is enabled in systemd", "StopGraceSec=9.0s: with TTL=10.0s"):
            self.assertFound(result, "refused", text)

    def test_a_gate_without_effect_is_told(self):
        unit = self.unit("gateless.service")
        ctl("enable", unit, check=True)
        self.assertFalse([each for each in self.check(unit)["findings"] if each["severity"] == "refused"])
        write(f"{SYSTEM}/{unit}.d/zzzzz.conf", "[Unit]\nAssertPathExists=\n")
        run("systemctl", "daemon-reload")
        self.assertFound(self.check(unit, 1), "refused", "its gate is not in force")

    def test_members_of_a_target_that_are_not_bound_are_told(self):
        unit = self.unit("bundle.target", "[Unit]\nWants=loose.service bound.service\n")
        self.unit("loose.service")
        self.unit("bound.service", f"[Unit]\nBindsTo={unit}\n" + SLEEPER)
        result = self.check(unit)
        self.assertFound(result, "weak", f"loose.service is not bound to it and goes on running without the lease: give it "
                         f"BindsTo={unit}")
        self.assertFound(result, "note", "bound.service goes by its lease, too")
        self.assertNotIn("bound.service is not bound", json.dumps(result))

    def test_what_a_timer_starts_is_looked_at(self):
        self.unit("nightly.service", JOB + "RemainAfterExit=yes\n")
        result = self.check(self.unit("nightly.timer", "[Timer]\nOnCalendar=yearly\n"))
        self.assertFound(result, "note", "nightly.service goes by its lease, too")
        self.assertFound(result, "weak", "nightly.service has RemainAfterExit=yes")
        self.assertFound(result, "weak", "TimeoutStopSec=1min 30s of nightly.service is longer than StopGraceSec=2.5s")
        self.unit("nightly.service", JOB + "TimeoutStopSec=1s\n")
        result = self.check("nightly.timer")
        self.assertEqual(result["timeline"]["stop_grace_usec"], 1000000)
        self.assertNotIn("TimeoutStopSec", json.dumps(result["findings"]))
        alone = self.check(self.unit("alone.target", "[Unit]\nDescription=alone\n"))
        self.assertNotIn("TimeoutStopSec", json.dumps(alone["findings"]))

    def test_units_that_are_not_there_and_bad_options(self):
        self.assertFound(self.check("nowhere", 4), "refused", "there is no such unit")
        unit = self.unit("typo.service", SLEEPER + "[X-Leased]\nVersion=new\n")
        self.assertFound(self.check(unit, 1), "refused", "Version=new: expected is a whole number")


class WithoutDaemon(Case):
    def test_each_verb_says_in_one_line_that_the_daemon_is_down(self):
        self.conf("[Leased]\nRegistry=local\n")
        for verb in (("status",), ("list",), ("machines",), ("history",), ("history", "a"), ("monitor",), ("metrics",),
                     ("drain", "a"), ("undrain", "a"), ("check", "--all-machines", "a"),
                     ("is-held", "a"), ("release", "a"), ("stop", "a"), ("start", "a"), ("restart", "a"), ("transfer", "a", "b"), ("steal", "a"), ("rearm", "a"), ("drain",),
                     ("undrain",), ("registry",), ("registry", "accept", "a"), ("reload",)):
            done = ctl(*verb)
            self.assertEqual((verb, done.returncode), (verb, 5))
            self.assertRegex(done.stderr, rf"\Aleasectl: ({verb[0]}: |a(\.service)?: |registry accept: )?"
                                          r"leased is not running here: systemctl enable --now leased\n\Z")

    def test_a_daemon_that_cannot_start_is_told(self):
        self.conf("[Leased]\nTTL=0.5\n")
        run("rm", "-f", "/run/leased/last.conf")  # as after a boot: there is nothing better to go on with
        run("systemctl", "start", "--no-block", "leased.service")
        self.addCleanup(run, "systemctl", "reset-failed", "leased.service")
        wait_for("it has failed", lambda: "cannot start" in ctl("list").stderr)
        run("systemctl", "reset-failed", "leased.service")
        self.assertSays(ctl("list"), 5, "leased is not running here: systemctl enable --now leased")

    def test_metrics_say_that_it_is_down(self):
        self.assertEqual(ctl("metrics").stdout.splitlines()[-1], "leased_up 0")


class Verbs(TwoSecondCase):
    # looking

    def test_is_held_answers_scripts(self):
        unit = self.enable("asked.service")
        done = ctl("is-held", "asked")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "held\n", ""))
        self.assertEqual(ctl("is-held", "--no-legend", unit).stdout, "")
        ctl("release", unit, check=True)
        done = ctl("is-held", unit)
        self.assertEqual((done.returncode, done.stdout), (3, "not held\n"))
        self.assertSays(ctl("is-held", "nobody-ever"), 3, "nobody-ever: nobody has ever held such a lease, see: leasectl list --all")

    def test_is_held_knows_a_schedulers_own_leases(self):
        manager = ("org.leased1", "/org/leased1", "org.leased1.Manager")
        run("busctl", "call", *manager, "AcquireLease", "ssxt", "engine-leader", "", "1", "30000000")
        self.assertEqual(ctl("is-held", "engine-leader").returncode, 0)
        self.assertEqual(shown("history", "engine-leader")[-1]["to_usec"], None)

    def test_metrics_are_what_prometheus_reads(self):
        unit = self.enable("counted.service")
        lines = ctl("metrics", check=True).stdout.splitlines()
        for line in lines:
            self.assertTrue(line.startswith(("# HELP leased_", "# TYPE leased_")) or METRIC.match(line), line)
        for line in ("leased_up 1", "leased_registry_ok 1", "leased_competing 1", "leased_ttl_seconds 2.000000",
                     f'leased_unit_held{{unit="{unit}"}} 1', f'leased_unit_state{{unit="{unit}",state="running"}} 1'):
            self.assertIn(line, lines)
        names = [line.split()[2] for line in lines if line.startswith("# TYPE")]
        self.assertEqual(len(names), len(set(names)))
        for line in ('leased_moves_total{reason="drain"} 0', "leased_alarms_total 0", "leased_stuck 0",
                     "leased_configuration_errors 0"):
            self.assertIn(line, lines)

    @unittest.skipUnless(shutil.which("promtool"), "no promtool (Debian: prometheus)")
    def test_metrics_are_clean_by_promtool(self):
        self.enable("clean.service")
        wait_for("beats are counted", lambda: "leased_deadline_margin_seconds" in ctl("metrics").stdout)
        done = subprocess.run(["promtool", "check", "metrics"], input=ctl("metrics", check=True).stdout, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.assertEqual((done.returncode, done.stdout), (0, ""))

    def test_what_is_at_work_counts_as_active_and_what_waits_for_its_restart_does_not(self):
        job = self.enable("long-job.service", "[Service]\nType=oneshot\nExecStart=/bin/sleep infinity\n", "starting")
        loop = self.enable("loop.service", "[Service]\nExecStart=/bin/false\nRestart=always\nRestartSec=1h\n", "starting")
        reloads = self.enable("reloads.service", SLEEPER + "ExecReload=/bin/sleep infinity\n")
        run("systemctl", "reload", "--no-block", reloads)
        for unit, state, active in (job, "activating", 1), (loop, "activating", 0), (reloads, "reloading", 1):
            wait_for(f"{unit} is {state}", lambda unit=unit, state=state: self.row(unit)["active_state"] == state)
            wait_for(f"{unit} is counted", lambda unit=unit, active=active: metric(f'leased_unit_active{{unit="{unit}"}}') == active)

    def test_a_unit_that_leaves_since_its_check_fails_is_counted(self):
        write("/run/well", "")
        unit = self.enable("checked.service", SLEEPER + "[X-Leased]\nCheck=/bin/test -e /run/well\nCheckIntervalSec=1s\nCheckFall=1\n")
        os.unlink("/run/well")
        wait_for("that is counted", lambda: metric('leased_moves_total{reason="check failed"}') == 1)

    def test_a_move_and_its_outage_are_counted(self):
        unit = self.enable("moved.service")
        before = metric('leased_moves_total{reason="released"}'), metric("leased_unit_outage_seconds_total")
        ctl("release", unit, check=True)
        self.assertEqual(metric('leased_moves_total{reason="released"}'), before[0] + 1)
        ctl("steal", unit, check=True)
        wait_for("it runs again", lambda: property_of(unit, "ActiveState") == "active")
        wait_for("that is counted", lambda: metric("leased_unit_outage_seconds_total") > before[1])
        self.assertGreater(metric("leased_renewal_seconds_count"), 0)
        self.assertLess(0, metric("leased_deadline_margin_seconds"))
        self.assertLess(metric("leased_deadline_margin_seconds"), 2)

    def test_the_timer_writes_what_the_collector_reads(self):
        """At once, and again and again. Its own 15 s are too long for a test."""
        folder, timer = "/var/lib/prometheus/node-exporter", "leased-metrics.timer"
        os.makedirs(folder, exist_ok=True)
        for name in ("leased-metrics.service", timer):
            shutil.copy(os.path.join(HERE, name), SYSTEM)
            self.addCleanup(os.unlink, f"{SYSTEM}/{name}")
        write(f"{SYSTEM}/{timer}.d/soon.conf", "[Timer]\nOnUnitActiveSec=\nOnActiveSec=0\nOnUnitActiveSec=1s\nAccuracySec=1ms\n")
        self.addCleanup(shutil.rmtree, f"{SYSTEM}/{timer}.d")
        run("systemctl", "daemon-reload")
        self.addCleanup(run, "systemctl", "disable", "--now", timer)
        run("systemctl", "enable", "--now", timer)
        wait_for("it is written", lambda: os.path.exists(f"{folder}/leased.prom"))
        self.assertIn("leased_up 1\n", read(f"{folder}/leased.prom"))
        first = os.stat(f"{folder}/leased.prom").st_ino
        wait_for("it is written again", lambda: os.stat(f"{folder}/leased.prom").st_ino != first)
        run("systemctl", "disable", "--now", timer)
        wait_for("nobody writes it any more", lambda: property_of("leased-metrics.service", "ActiveState") == "inactive")
        self.assertEqual(os.listdir(folder), ["leased.prom"])
        self.assertIn("leased_up 1\n", read(f"{folder}/leased.prom"))

    def test_every_listing_is_json_on_demand(self):
        self.enable("json.service")
        for verb in LISTINGS:
            short, pretty = ctl(*verb, "--json=short"), ctl(*verb, "--json")
            self.assertEqual(len(short.stdout.splitlines()), 1, verb)
            self.assertGreater(len(pretty.stdout.splitlines()), 1, verb)
            self.assertEqual(type(json.loads(short.stdout)), type(json.loads(pretty.stdout)), verb)

    def test_colours_are_for_terminals_only(self):
        self.enable("coloured.service")
        self.assertNotIn("\x1b", ctl("list").stdout)
        self.assertIn("\x1b[32m", ctl("list", "--color=always").stdout)
        for extra, coloured in (({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)):
            master, slave = pty.openpty()
            environment = {**ENVIRONMENT, "TERM": "xterm", "PAGER": "cat", **extra}
            subprocess.run(["leasectl", "list"], stdout=slave, stdin=subprocess.DEVNULL, env=environment, check=True, timeout=60)
            os.close(slave)
            self.assertEqual(b"\x1b[32m" in os.read(master, 65536), coloured, extra)
            os.close(master)

    def monitor(self, *options):
        process = subprocess.Popen(["leasectl", *options, "monitor"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                   stdin=subprocess.DEVNULL, text=True, env=ENVIRONMENT)

        def end():
            process.terminate()
            process.wait(30)
            process.stdout.close()
        self.addCleanup(end)
        return process

    @staticmethod
    def lines_until(process, pattern):
        """Lines up to the first that matches. None is waited for longer than half a minute."""
        lines, patience = [], threading.Timer(30, process.kill)
        patience.start()
        try:
            for line in process.stdout:
                lines.append(line)
                if re.search(pattern, line):
                    return lines
        finally:
            patience.cancel()
        raise AssertionError(f"no {pattern} in {lines}")

    def test_monitor_follows(self):
        unit = self.enable("followed.service")
        text, objects = self.monitor(), self.monitor("--json")
        self.lines_until(text, "leased: is followed")
        self.lines_until(objects, '"listening"')
        ctl("release", unit, check=True)
        host = os.uname().nodename
        asker = f"root@{host}"[:39]
        lines = self.lines_until(text, f"{unit}: held by nobody \\(released by {re.escape(asker)}\\)")
        for line in lines:
            self.assertRegex(line, r"^\d\d:\d\d:\d\d\.\d{3} [^:]+: ")
            self.assertNotRegex(line, r"[A-Z]\w+=|[0-9a-f]{32}", "a property or an id in place of words")
        self.assertTrue(any(f"{unit}: stops on {host}" in line for line in lines), lines)
        self.assertFalse(any("failed" in line for line in lines), lines)
        ctl("steal", unit, check=True)
        self.lines_until(text, f"{unit}: held by {host} \\(Index {self.index(unit)}\\)$")
        self.lines_until(text, f"{unit}: started on {host} \\(Index {self.index(unit)}\\)$")
        event = json.loads(self.lines_until(objects, '"lease-changed"')[-1])
        self.assertEqual([event[each] for each in ("name", "machine_id", "reason", "by")], [f"lease {unit}", "", "released", asker])
        event = json.loads(self.lines_until(objects, '"lease-changed"')[-1])
        self.assertEqual((event["reason"], event["by"]), ("acquired", ""))  # nobody asked for the end of a tenure
        run("systemctl", "restart", "leased.service")
        self.lines_until(text, "leased: has ended")
        self.lines_until(text, "leased: has started")

    # moving

    def test_steal_of_what_is_here_changes_nothing(self):
        unit = self.enable("mine.service")
        before = self.index(unit)
        done = ctl("steal", unit)
        self.assertEqual((done.returncode, done.stdout), (0, f"{unit}: is held by this machine already\n"))
        self.assertEqual(self.index(unit), before)

    def test_a_job_that_is_done_runs_again_when_it_is_rearmed(self):
        unit = self.enable("once.service", JOB, "done")
        before = self.index(unit)
        self.assertIn("leasectl rearm", ctl("status", unit).stdout)
        self.assertSays(ctl("rearm", unit), 0)
        wait_for("it is done again", lambda: self.row(unit)["state"] == "done" and self.index(unit) > before)
        self.assertEqual([(each["why"], each["code"]) for each in shown("history", unit)], [("done", 12), ("done", 12)])
        running = self.enable("ever.service")
        self.assertSays(ctl("rearm", running), 1, f"{running}: is not done but running, there is nothing to rearm")

    def test_a_machine_that_is_alone_keeps_what_has_nowhere_to_go(self):
        unit = self.enable("alone.service")
        host = os.uname().nodename
        done = ctl("drain")
        self.addCleanup(ctl, "undrain")
        self.assertSays(done, 1, f"drain: 1 unit has nowhere to go and stays on {host}, which takes nothing until: leasectl undrain")
        self.assertEqual(done.stdout, f"{unit}: there is no other machine\n")
        self.assertTrue(self.row(unit)["stuck"])
        cluster = ctl("-1")
        self.assertEqual(cluster.returncode, 1)
        self.assertRegex(cluster.stdout, rf"(?m)^  {unit} +should leave {host}, which drains,\s+and fits on no\s+other\s+machine;\s+see: leasectl\s+status {unit}$")
        self.assertTrue(self.here()["draining"])
        self.assertIn("No leases now: this machine is draining", ctl("status").stdout)
        run("systemctl", "restart", "leased.service")
        wait_for("it is draining still", lambda: "Draining: yes" in ctl("status").stdout)
        wait_for("PID 1 has said that it runs", lambda: self.row(unit)["state"] == "running")
        self.assertIn("Here: it should go elsewhere, and there is no machine that fits", ctl("status", unit).stdout)
        self.assertSays(ctl("drain", "--until-reboot", "--no-wait"), 0)
        self.assertIn("takes no leases until it boots, or: leasectl undrain", ctl("status").stdout)
        run("systemctl", "restart", "leased.service")
        wait_for("it is draining still", lambda: "until it boots" in ctl("status").stdout)
        self.assertSays(ctl("undrain"), 0)
        wait_for("that is over", lambda: not self.row(unit)["stuck"])
        self.assertIn("Here: holds it", ctl("status", unit).stdout)

    def assertNothingMovesInAPause(self, unit):
        """Each verb says so at once, and a rehearsal says the same."""
        why = "paused, no lease moves until: leasectl resume"
        host = os.uname().nodename
        for rehearsed in (("release", unit), ("transfer", unit, host), ("drain",), ("rebalance",)):
            done = ctl(*rehearsed, "--dry-run")
            self.assertEqual((done.returncode, done.stderr), (1, ""), rehearsed)
            self.assertRegex(done.stdout, rf"(?m)^\S+ +stays on {host} \({why}\)$")
        self.assertSays(ctl("release", unit), 1, f"{unit}: cannot be released: paused, no lease moves until: leasectl resume")
        self.assertSays(ctl("rebalance"), 1, f"rebalance: {why}")
        self.assertSays(ctl("drain"), 1, "drain: this machine takes nothing, and keeps what it holds until: leasectl resume; to take that back: "
                        "leasectl undrain")
        self.assertEqual(self.row(unit)["state"], "running")
        ctl("undrain", check=True)

    def test_a_pause_is_shown_everywhere_and_moves_nothing(self):
        unit = self.enable("paused.service")
        again = "no lease is taken, every unit stays where it is, until: leasectl resume\n"
        self.assertEqual(ctl("pause", check=True).stdout, f"paused: {again}")
        self.addCleanup(ctl, "resume")
        self.assertEqual(ctl("pause", check=True).stdout, f"paused already: {again}")
        for shown in ("-1",), ("list",), ("machines",), ("status",):
            self.assertRegex(ctl(*shown).stdout, r"(?m)paused since .* by root@", shown)
        host = self.here()["hostname"]
        self.assertRegex(" ".join(ctl("-1").stdout.split()), rf" cluster paused by root@{host}: no machine takes a lease; until: leasectl resume ")
        self.assertEqual(ctl("-s").returncode, 1)
        self.assertIn("leased_paused 1", ctl("metrics").stdout)
        self.assertIn("leased_keeps 1", ctl("metrics").stdout)
        self.assertEqual(ctl("is-held", unit).stdout, "held\n")
        self.assertSays(ctl("release", unit), 1, f"{unit}: cannot be released: paused, no lease moves until: leasectl resume")
        self.assertEqual(self.row(unit)["state"], "running")
        self.assertNothingMovesInAPause(unit)
        self.assertEqual(ctl("resume", check=True).stdout, "resumed: leases move again once all holders beat, after a TTL at the latest\n")
        self.assertIn("nothing was paused", ctl("resume", check=True).stdout)
        wait_for("it is over", lambda: "leased_paused 0" in ctl("metrics").stdout)
        self.assertNotIn("paused since", ctl("list").stdout)
        self.assertEqual(ctl("resume", check=True).stdout, "resumed: nothing was paused, nothing had to be changed\n")
        self.assertEqual(self.row(unit)["state"], "running")

    def test_a_global_unit_is_shown_as_what_it_is(self):
        unit = self.enable("global.service", SLEEPER + "[X-Leased]\nGlobal=yes\n")
        self.assertIn(["global.service", "running", "everywhere", "-", "-"],
                      [line.split() for line in ctl("list").stdout.splitlines()])
        status = ctl("status", unit)
        self.assertEqual(status.returncode, 0)
        self.assertIn("Lease: none, it runs on every machine that fits", status.stdout)
        self.assertNotIn("Holder", status.stdout)
        self.assertIn(f"{unit}: running, as on every machine that fits", ctl("status").stdout)
        for verb in "stop", "start", "restart":
            self.assertSays(ctl(verb, unit), 1, f"{unit}: has no lease: it runs on every machine that fits (Global=)")
        self.assertSays(ctl("logs", unit), 0, f"{unit}: runs on every machine that fits; these lines are of this machine")
        self.assertEqual((self.row(unit)["global"], self.row(unit)["lease"], self.row(unit)["why_not"]), (True, None, []))
        for verb in (("release", unit), ("steal", unit)):
            self.assertSays(ctl(*verb), 1, f"{unit}: {unit} has no lease: it runs on every machine that fits (Global=).")
        self.assertEqual(ctl("is-held", unit).returncode, 3)
        ctl("drain", check=True)
        self.addCleanup(ctl, "undrain")
        wait_for(f"{unit} is stopped", lambda: self.row(unit)["state"] == "waiting")
        self.assertIn("Not here: this machine is draining", ctl("status", unit).stdout)
        ctl("undrain", check=True)
        wait_for(f"{unit} runs again", lambda: self.row(unit)["state"] == "running")

    def test_nothing_is_announced_while_nothing_changes(self):
        """PID 1 is asked about every unit each second, and says the same."""
        unit = self.enable("still.service")
        manager = ("org.leased1", "/org/leased1", "org.leased1.Manager")
        path = json.loads(run("busctl", "--json=short", "call", *manager, "GetUnit", "s", unit).stdout)["data"][0]
        wait_for("all is told", lambda: "Here: holds it" in ctl("status", unit).stdout)
        monitor = subprocess.Popen(["busctl", "monitor", "--json=short", f"--match=type=signal,path={path}",
                                    "--match=member=Listening"], stdout=subprocess.PIPE, text=True, env=ENVIRONMENT)
        try:
            # That it listens is told by busctl up to systemd 256 only.
            wait_for("it listens", lambda: run("busctl", "emit", "/", "org.leased1.Test", "Listening") and
                     select.select([monitor.stdout], [], [], 0.1)[0])
            beat = shown("registry")["last_beat_usec"]
            wait_for("time has passed", lambda: shown("registry")["last_beat_usec"] > beat + 4_000_000)
        finally:
            monitor.terminate()
        heard = [told["payload"]["data"] for told in map(json.loads, monitor.communicate()[0].splitlines())
                 if told["member"] != "Listening"]
        self.assertEqual([each for each in heard if each[0] == "org.leased1.Unit"], [])

    # the configuration

    def test_reload_says_what_has_changed(self):
        unit = self.enable("changed.service")
        self.assertEqual(ctl("reload", check=True).stdout, "nothing has changed\n")
        self.assertEqual(ctl("reload", "--no-legend", check=True).stdout, "")
        write(f"{UNITS}/{unit}", "[X-Leased]\nVersion=3\nStopGraceSec=400ms\n")
        write(CONF, "[Leased]\nTTL=3s\nMetadata=a=b\nMachineID=" + "d" * 32 + "\n")
        self.addCleanup(ctl, "reload")
        self.addCleanup(write, CONF, self.LEASED_CONF)
        pending = f"leased.conf: MachineID={'d' * 32}, in force after: systemctl restart leased (which leaves units alone)"
        self.assertEqual(sorted(ctl("reload", check=True).stdout.splitlines()),
                         sorted([f"{unit}: StopGraceSec=400ms", f"{unit}: Version=3 (was 0)", pending,
                                 "leased.conf: Metadata=a=b", "leased.conf: TTL=3s (was 2s)"]))
        self.assertEqual(json.loads(ctl("reload", "--json=short", check=True).stdout), [pending])
        write(f"{UNITS}/{unit}", "[X-Leased]\nVersion=none\n")
        self.assertSays(ctl("reload"), 1, f"{UNITS}/{unit}:2: Version=none: expected is a whole number, e.g. 2")
        self.assertEqual(self.row(unit)["state"], "running")

    def test_a_stop_that_does_not_fit_into_the_ttl_is_a_bad_line(self):
        def grace():
            row = self.row(unit)
            return ((row["kill_at_usec"] or 0) - (row["stop_at_usec"] or 0)) // 1000

        unit = self.enable("graceful.service")
        own = f"{UNITS}/{unit}"
        write(own, "[X-Leased]\nStopGraceSec=900ms\n")
        write(CONF, "[Leased]\nTTL=3s\n")
        self.addCleanup(ctl, "reload")
        self.addCleanup(write, CONF, self.LEASED_CONF)
        self.addCleanup(write, own, "")
        ctl("reload", check=True)
        wait_for("the grace is in force", lambda: grace() == 900)

        write(own, "[X-Leased]\n\nStopGraceSec=1500ms\n")
        self.assertSays(ctl("reload"), 1, f"{own}:3: StopGraceSec=1.5s: with TTL=3.0s ...")
        self.assertEqual(grace(), 900)
        write(own, "[X-Leased]\nStopGraceSec=900ms\n")
        write(CONF, "[Leased]\nMetadata=a=b\nTTL=2s\n")
        too_short = (f"{CONF}:3: TTL=2.0s: too short for {unit} with StopGraceSec=900ms ({own}:2): at most "
                     "StopGraceSec=543ms there, or a longer TTL=")
        done = ctl("reload")
        self.assertSays(done, 1, too_short)
        self.assertEqual(done.stdout, "")
        self.assertEqual(grace(), 900)
        self.assertIn("TTL: 3.0s", ctl("status").stdout)

        before = property_of(unit, "InvocationID")
        ctl("pause", check=True)  # else a busy machine, on which the restart takes longer than the unit's time, would stop it
        self.addCleanup(ctl, "resume")
        run("systemctl", "restart", "leased.service")
        wait_for("it is held again", lambda: (self.row(unit) or {}).get("state") == "running")
        self.assertIn("TTL: 3.0s", ctl("status").stdout)
        self.assertEqual(property_of(unit, "InvocationID"), before)
        self.assertIn(too_short, run("journalctl", "-u", "leased", "-o", "cat").stdout)
        ctl("resume", check=True)

        write(own, "[X-Leased]\nStopGraceSec=400ms\n")  # both lines together make sense
        done = ctl("reload", check=True)
        self.assertIn("leased.conf: TTL=2s (was 3s)", done.stdout)
        self.assertIn(f"{unit}: StopGraceSec=400ms (was 900ms)", done.stdout)
        wait_for("the grace is in force", lambda: grace() == 400)

    # who may

    def test_only_root_may_change_something_and_is_told_so(self):
        unit, other = self.enable("guarded.service"), self.enable("guarded-too.service")
        ctl("release", other, check=True)
        for verb in (("release", unit), ("stop", unit), ("start", unit), ("restart", unit), ("steal", other), ("drain",), ("undrain",), ("reload",),
                     ("registry", "accept", "0" * 36)):
            done = run(*NOBODY, *verb, check=False)
            self.assertEqual((verb, done.returncode), (verb, 1))
            self.assertRegex(done.stderr, r"\Aleasectl: [a-z. -]+: not allowed, do it as root\n\Z")
        for verb in (("status",), ("status", unit), ("list",), ("machines",), ("history", unit), ("registry",), ("metrics",)):
            self.assertEqual(run(*NOBODY, *verb).stderr, "")

    # elsewhere

    def ssh(self, script):
        """What -H runs to get to another machine, in front of the real one in PATH."""
        write("/usr/local/sbin/ssh", "#!/bin/sh\n" + script)
        os.chmod("/usr/local/sbin/ssh", 0o755)
        self.addCleanup(os.unlink, "/usr/local/sbin/ssh")

    def test_host_asks_another_machine(self):
        self.ssh("echo \"$@\" >/run/ssh-was\nwhile [ \"$1\" != -- ]; do shift; done\nshift 2\nexec \"$@\"\n")
        unit = self.enable("afar.service")
        listed = ctl("-H", "root@afar", "list", check=True).stdout
        self.assertIn(unit, listed)
        with open("/run/ssh-was", encoding="utf-8") as file:
            self.assertIn("-- root@afar systemd-stdio-bridge", file.read())
        self.assertEqual(ctl("--host=afar", "is-held", unit).returncode, 0)
        self.assertIn("Last beat: answered in", ctl("-H", "afar", "status", check=True).stdout)
        self.assertEqual(ctl("-H", "afar", "release", unit).stdout, f"{unit}: released, nobody holds it yet\n")

    def test_a_host_that_cannot_be_reached_is_told(self):
        self.ssh("echo 'ssh: nowhere to be found' >&2\nexit 255\n")
        done = ctl("-H", "nowhere", "list")
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"\Assh: nowhere to be found\nleasectl: cannot reach the system bus of nowhere by ssh\n\Z")


class AnotherMachine(WithBeta):
    def test_machines_are_listed(self):
        mine = self.here()
        self.assertEqual((mine["hostname"], mine["up"], mine["draining"]), (os.uname().nodename, True, False))
        beta = next(each for each in shown("machines") if each["machine_id"] == BETA)
        self.assertEqual((beta["hostname"], beta["metadata"], beta["here"]), ("beta", {"rack": "b1 b2"}, False))
        table = ctl("machines", check=True).stdout.splitlines()
        self.assertEqual(table[0].split(), ["MACHINE", "STATE", "SINCE", "HELD", "VERSION", "METADATA", "MACHINE", "ID"])
        self.assertIn(["beta", "up", "rack=b1", "rack=b2", BETA], [[*line.split()[:2], *line.split()[5:]] for line in table[1:]])
        self.assertIn(mine["version"], next(line for line in table if "(here)" in line).split())

    def test_metrics_show_other_machines(self):
        self.assertIn(f'leased_machine_up{{machine_id="{BETA}",hostname="beta"}} 1', ctl("metrics", check=True).stdout)

    def test_a_unit_is_handed_to_another_machine_and_taken_back_by_force(self):
        unit = self.enable("handed.service")
        before = self.index(unit)
        self.assertSays(ctl("transfer", unit, "gamma"), 1, "gamma: no such machine, see: leasectl machines")
        self.assertSays(run(*NOBODY, "transfer", unit, "beta", check=False), 1, f"{unit}: not allowed, do it as root")
        self.assertSays(ctl("transfer", unit, "beta"), 1, f"{unit}: cannot go to beta: it is not enabled there")
        self.offer(unit)
        done = ctl("transfer", unit, "beta")
        self.assertSays(done, 0)
        self.assertEqual(done.stdout, f"{unit}: handed over: beta has it (Index {before + 1}), and starts it\n")
        self.assertEqual(ctl("transfer", unit, BETA[:6]).stdout, f"{unit}: is held by beta already\n")
        asking = self.begin("transfer", unit, self.here()["machine_id"])
        self.assertEqual(self.answer("refused", code=127)["machine_id"], self.here()["machine_id"])
        asking.communicate(timeout=60)
        self.assertEqual(asking.returncode, 1)
        status = ctl("status", unit)
        self.assertEqual(status.returncode, 0)
        for text in ("State here: elsewhere", "Holder: beta", f"Index: {before + 1}", "On beta: holds it", "Not here: stands back until"):
            self.assertIn(text, status.stdout)
        self.assertEqual(ctl("is-held", unit).returncode, 3)
        tenures = shown("history", unit)
        self.assertEqual([each["hostname"] for each in tenures[-2:]], [os.uname().nodename, "beta"])
        self.assertEqual(tenures[-2]["to_usec"], tenures[-1]["from_usec"])

        done = ctl("steal", "--no-wait", unit)
        self.assertSays(done, 0)
        self.assertRegex(done.stdout, rf"\A{unit}: taken from beta; it starts here when .* in 1min 1s at the latest\n\Z")
        wait_for("the lease is ours", lambda: self.row(unit)["local"])
        self.assertEqual(ctl("is-held", unit).returncode, 3)  # not before the debt is paid
        self.assertIn("taken by force", ctl("status", unit).stdout)
        self.assertEqual(run("systemctl", "is-active", unit, check=False).stdout, "inactive\n")

    # where it runs, and where it could

    def test_status_tells_of_every_machine_the_holder_first(self):
        unit = self.offer(self.enable("told.service", SLEEPER + "[X-Leased]\nConflicts=other-*.service\n"))
        lines = [line.strip() for line in ctl("status", unit).stdout.splitlines() if " beta: " in line or "Here: " in line]
        self.assertEqual(lines, ["Here: holds it", "Not on beta: stands by, first in line"])
        put("leases/other-one.service", self.lease("held", 1))
        other = self.offer(self.enable("other-one.service", state="elsewhere"))
        wait_for("the conflict is told", lambda: "Not on beta: conflict with other-one.service" in ctl("status", unit).stdout)
        self.assertSays(ctl("transfer", unit, "beta"), 1, f"{unit}: cannot go to beta: conflict with {other}")
        found = shown("status", other)["why_not"]
        self.assertEqual([(each["machine_id"], each["hostname"]) for each in found],
                         [(BETA, "beta"), (self.here()["machine_id"], os.uname().nodename)])
        self.assertEqual((found[0]["why"], found[0]["code"]), ("holds it", 130))

    def test_a_machine_that_only_stands_back_may_be_handed_a_unit(self):
        unit = self.enable("back.service")
        self.offer(unit, "stands back", until=4102444800 * 1000000)
        self.assertRegex(ctl("status", unit).stdout, r"Not on beta: stands back until 2\d{3}-\d\d-\d\d \d\d:\d\d:\d\d\n")
        self.assertSays(ctl("transfer", unit, "beta"), 0)

    def test_check_tells_where_a_unit_would_run(self):
        host = os.uname().nodename
        unit = self.unit("where.service", SLEEPER + "[X-Leased]\nPrefer=rack=b1\nRequire=rack=b2 rack=a1\n")
        done = ctl("check", "--all-machines", unit)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual([line.strip() for line in done.stdout.splitlines() if line.strip().startswith("machine: ")],
                         ["machine: beta: would run here", f"machine: {host} (here): after 1 other"])
        write(f"{SYSTEM}/{unit}", SLEEPER + "[X-Leased]\nRequire=rack=c1\n")
        done = ctl("check", "--all-machines", "--json=short", unit)
        self.assertEqual((done.returncode, done.stderr), (1, ""))
        self.assertEqual({each["hostname"]: (each["fits"], each["rank"], each["why"], each["code"])
                          for each in json.loads(done.stdout)[0]["machines"]},
                         dict.fromkeys(("beta", host), (False, None, "missing metadata rack=c1", 81)))
        self.assertNotIn("machines", shown("check", self.unit("plain.service"))[0])
        held = self.enable("holding.service")
        write(f"{SYSTEM}/{unit}", SLEEPER + f"[X-Leased]\nConflicts={held}\n")
        self.assertIn(f"machine: {host} (here): conflict with {held}", ctl("check", "--all-machines", unit).stdout)
        # Which of the two is the first hangs on the id that this machine happened to get.
        self.assertRegex(ctl("check", "--all-machines", held).stdout,
                         rf"machine: {host} \(here\): (would run here|after 1 other); holds it now\n")

    # draining

    def test_drain_hands_everything_over_until_undrain(self):
        unit = self.offer(self.enable("drained.service", "[Service]\nExecStart=/bin/sleep infinity\nExecStop=/bin/sleep 0.5\n"))
        done = ctl("drain")
        self.addCleanup(ctl, "undrain")
        self.assertSays(done, 0)
        self.assertEqual(done.stdout, "drained: this machine holds nothing and takes nothing until: leasectl undrain\n")
        self.assertEqual(self.row(unit)["machine_id"], BETA)
        self.assertNotEqual(run("systemctl", "is-active", unit, check=False).stdout, "active\n")
        self.assertTrue(self.here()["draining"])
        self.assertIn("Not here: draining", ctl("status", unit).stdout)
        done = ctl("undrain")
        self.assertSays(done, 0)
        self.assertEqual(done.stdout, "undrained: this machine takes leases again; for its share: leasectl rebalance\n")
        self.assertEqual(ctl("undrain", check=True).stdout, "undrain: this machine does not drain, nothing had to be changed\n")
        wait_for("it stands by", lambda: "Not here: stands by" in ctl("status", unit).stdout
                 or "Not here: stands back" in ctl("status", unit).stdout)

    def test_drain_ends_with_what_has_nowhere_to_go_when_all_else_has_gone(self):
        gone = self.offer(self.enable("gone.service"))
        stuck = self.offer(self.enable("stuck.service", SLEEPER + "[X-Leased]\nRequire=rack=a1\n"))
        done = ctl("drain", self.here()["machine_id"][:8])
        self.addCleanup(ctl, "undrain")
        self.assertSays(done, 1, f"drain: 1 unit has nowhere to go and stays on {os.uname().nodename}, which takes nothing until: "
                        "leasectl undrain")
        self.assertEqual(done.stdout, f"{stuck}: beta: missing metadata rack=a1\n")
        self.assertEqual((self.row(gone)["machine_id"], self.row(stuck)["state"]), (BETA, "running"))
        self.assertEqual(ctl("drain", "--no-wait").returncode, 0)

    def test_an_interrupted_drain_goes_on(self):
        unit = self.offer(self.enable("slow.service", "[Service]\nExecStart=/bin/sleep infinity\nExecStop=/bin/sleep 4\n"))
        self.addCleanup(ctl, "undrain")
        process = subprocess.Popen(["leasectl", "drain"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)
        self.assertEqual(process.stderr.readline(), f"{os.uname().nodename}: 1 of 1 to go\n")
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=60)
        self.assertEqual((process.returncode, *said), (-signal.SIGINT, "", "leasectl: drain: goes on until: leasectl undrain\n"))
        wait_for("it is handed over", lambda: self.row(unit)["machine_id"] == BETA)

    def test_on_a_terminal_drain_shows_how_far_it_is(self):
        self.offer(self.enable("bar.service", "[Service]\nExecStart=/bin/sleep infinity\nExecStop=/bin/sleep 4\n"))
        self.addCleanup(ctl, "undrain")
        master, slave = pty.openpty()
        self.addCleanup(os.close, master)
        subprocess.run(["leasectl", "drain"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=slave,
                       env=ENVIRONMENT, check=True, timeout=60)
        os.close(slave)
        self.assertIn(os.uname().nodename.encode() + b": [" + b"-" * 30 + b"] 1 of 1 to go", os.read(master, 65536))

    def test_another_machine_is_drained_through_the_registry(self):
        host = os.uname().nodename
        unit = self.enable("far.service", SLEEPER + "[X-Leased]\nRequire=rack=b1\n", "waiting")
        self.offer(unit)
        put(f"leases/{unit}", self.lease("held", 1))
        wait_for("beta holds it", lambda: self.row(unit)["machine_id"] == BETA)
        done = ctl("drain", "beta")
        self.assertEqual((done.returncode, done.stdout), (1, f"{unit}: {host}: missing metadata rack=b1\n"))
        self.assertSays(done, 1, "drain: 1 unit has nowhere to go and stays on beta, which takes nothing until: leasectl undrain beta")
        self.assertTrue(self.beta()["draining"])
        self.assertIn("On beta: holds it; draining", ctl("status", unit).stdout)
        put(f"leases/{unit}", self.lease("free", 1))  # as beta would when there is a place
        done = ctl("drain", "beta")
        self.assertSays(done, 0)
        self.assertEqual(done.stdout, "drained: beta holds nothing and takes nothing until: leasectl undrain beta\n")
        done = ctl("undrain", "beta")
        self.assertSays(done, 0)
        self.assertEqual(done.stdout, "undrained: beta takes leases again; for its share: leasectl rebalance\n")
        self.assertFalse(self.beta()["draining"])
        self.assertSays(ctl("drain", "gamma"), 1, "gamma: no such machine, see: leasectl machines")
        self.assertSays(ctl("drain", "a", "b"), 2, "usage: leasectl drain [MACHINE]")

    def test_what_is_not_enabled_here_is_told_to_be_unknown_here(self):
        put("leases/unknown.service", self.lease("held", 1))
        self.addCleanup(put, "leases/unknown.service", self.lease("free", 1))
        process = subprocess.Popen(["leasectl", "drain", "beta"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)
        self.assertEqual(process.stderr.readline(), "beta: 1 of 1 to go\n")
        self.assertEqual(process.stderr.readline(), "leasectl: note: 1 unit is left on beta and not enabled here, so the reason is to "
                         "be seen there: leasectl -H beta list\n")
        put("leases/unknown.service", self.lease("free", 1))
        self.assertEqual(process.communicate(timeout=60)[0], "drained: beta holds nothing and takes nothing until: leasectl "
                         "undrain beta\n")
        ctl("undrain", "beta", check=True)


class SilentMachine(TwoSecondCase):
    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        shutil.rmtree("/var/lib/leased")  # what comes next knows no delta

    def test_it_is_drained_when_it_is_back_and_must_be_undrained_itself(self):
        wait_for("the registry is there", lambda: shown("registry")["uuid"])
        put(f"machines/{'d' * 32}", {"hostname": "delta", "boot_id": "b" * 32, "session": "d" * 16 + "-2000", "metadata": "",
                                    "version": "0", "draining": False})
        wait_for("delta is known", lambda: [each for each in shown("machines") if each["hostname"] == "delta"])
        done = ctl("drain", "delta")
        self.assertSays(done, 0, "note: delta is silent, and hears of it when it is back")
        self.assertSays(ctl("undrain", "delta"), 1, "undrain: delta (dddddddd) is silent, and when it is back it drains still, as "
                        "it remembers: say leasectl undrain there.")


if __name__ == "__main__":
    main()
