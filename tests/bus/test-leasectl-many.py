#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What leasectl does for many units at once: the work is counted, and no time is measured.

    run-in-guest test-leasectl-many.py LEASECTL LEASED LEASED_GUARD LEASED.SERVICE LEASED-GUARD.SERVICE BUS_POLICY LEASED_RUN
"""

import os
import re
import shutil
import signal
import subprocess

from leasectl_guest import (ENVIRONMENT, SLEEPER, SYSTEM, UNITS, Case, CaseWithDaemon, ctl, dropin_of, main, property_of, read, run,
                            wait_for, write)

TRACE = "/run/trace"
FILES = "open,openat,rename,renameat,renameat2,unlink,unlinkat,fsync,fdatasync,syncfs"
BARRIER = "/run/barrier"
PRIVATE = "/run/systemd/private"


def traced(calls, *arguments, code=0):
    """The lines of strace of a leasectl."""
    done = run("strace", "-f", "-y", "-s", "400", "-e", f"trace={calls}", "-o", TRACE, "leasectl", *arguments, check=False)
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    return read(TRACE).splitlines()


def calls_of(lines):
    """How often each method of D-Bus was called."""
    methods = {}
    for line in lines:
        if "sendmsg(" not in line:
            continue
        for name in re.findall(r"\\3\\1s\\0(?:\\\d+|\\[tnvfr]|.)\\0\\0\\0([A-Z][A-Za-z]+)\\0", line):
            methods[name] = methods.get(name, 0) + 1
    return methods


def where(lines, *words):
    """The numbers of the lines that have all these words."""
    return [number for number, line in enumerate(lines) if all(word in line for word in words)]


def syncs_of(lines):
    return [number for number, line in enumerate(lines) if re.search(r"\b(f|fdata)?sync(fs)?\(", line)]


class Units(Case):
    def units(self, prefix, count, text=SLEEPER):
        names = [f"{prefix}{number}.service" for number in range(count)]
        for name in names:
            write(f"{SYSTEM}/{name}", text)
        run("systemctl", "daemon-reload")
        self.addCleanup(self.remove, names)
        return names

    def remove(self, names):
        ctl("disable", "--force", *names)
        run("systemctl", "stop", *names, check=False)
        for name in names:
            for path in (f"{SYSTEM}/{name}", f"{UNITS}/{name}"):
                if os.path.lexists(path):
                    os.unlink(path)
            shutil.rmtree(f"{SYSTEM}/{name}.d", ignore_errors=True)
        run("systemctl", "daemon-reload")
        run("systemctl", "reset-failed", check=False)


class WithoutDaemon(Units):
    def test_every_gate_is_on_disk_before_the_first_unit_is_listed(self):
        for count in (1, 6):
            names = self.units(f"disk{count}-", count)
            lines = traced(FILES, "enable", *names)
            gates, listed = where(lines, "rename", "zzzz-leased.conf"), where(lines, "rename", UNITS + "/")
            syncs = syncs_of(lines)
            self.assertEqual((len(gates), len(listed)), (count, count))
            self.assertEqual(len(syncs), 2, [lines[each] for each in syncs])
            self.assertLess(max(gates), syncs[0])
            self.assertLess(syncs[0], min(listed))
            self.assertLess(max(listed), syncs[1])

    def test_every_unit_is_off_the_list_on_disk_before_the_first_gate_goes(self):
        names = self.units("off", 5)
        ctl("enable", *names, check=True)
        lines = traced(FILES, "disable", *names)
        unlisted, gates = where(lines, "unlink", UNITS + "/"), where(lines, "unlink", "zzzz-leased.conf")
        syncs = syncs_of(lines)
        self.assertEqual((len(unlisted), len(gates), len(syncs)), (5, 5, 1))
        self.assertLess(max(unlisted), syncs[0])
        self.assertLess(syncs[0], min(gates))

    def test_no_file_of_another_unit_is_opened(self):
        ctl("enable", *self.units("other", 12), check=True)
        one = self.units("one", 1)
        for verb in ("enable", "disable"):
            lines = traced(FILES, verb, *one)
            self.assertEqual(where(lines, "open", "other"), [], verb)

    def test_a_member_loses_its_gate_with_its_unit_and_no_other_does(self):
        timers = []
        for name in ("first", "second"):
            self.unit(f"{name}.service", "[Service]\nType=oneshot\nExecStart=/bin/true\n")
            timers.append(self.unit(f"{name}.timer", "[Timer]\nOnCalendar=yearly\nPersistent=yes\n"))
        ctl("enable", *timers, check=True)
        self.assertTrue(os.path.exists(dropin_of("first.service")))
        ctl("disable", timers[0], check=True)
        self.assertUntouched("first.service")
        self.assertUntouched(timers[0])
        self.assertTrue(os.path.exists(dropin_of("second.service")))

    def test_pid_1_is_asked_for_little_and_reloads_once(self):
        few, many = (calls_of(traced("sendmsg", "enable", *self.units(f"ask{count}-", count))) for count in (2, 12))
        self.assertEqual((few["Reload"], many["Reload"]), (1, 1))
        for method in set(few) | set(many):
            if method not in ("Get", "GetAll", "RefUnit", "UnrefUnit"):
                self.assertEqual(few.get(method), many.get(method), method)
        self.assertEqual(many["GetAll"] - few["GetAll"], 10)  # one for each unit
        # Not one for each timer and socket of the machine, nor a list of all unit files with the state of each.
        self.assertLess(few["GetAll"], 16)
        self.assertNotIn("ListUnitFilesByPatterns", few)
        self.assertEqual(many["RefUnit"], many["UnrefUnit"])
        names = [f"ask12-{number}.service" for number in range(12)]
        few, many = (calls_of(traced("sendmsg", "disable", *some)) for some in (names[:2], names[2:]))
        self.assertEqual(few, many)
        self.assertEqual(many["ListUnitsByNames"], 2)  # before and after, as nothing is to be waited for

    def test_questions_about_units_go_straight_to_pid_1(self):
        lines = traced("connect,sendmsg", "enable", *self.units("near", 12))
        near = next(line.split("connect(")[1].split("<")[0] for line in lines if PRIVATE in line)
        straight, by_bus = (calls_of([line for line in lines if (f"sendmsg({near}<" in line) == which]) for which in (True, False))
        self.assertGreaterEqual(straight["Get"], 12 * 20)
        self.assertLess(by_bus.get("Get", 0) + by_bus.get("GetAll", 0), 12, by_bus)
        # PID 1 holds a unit while it is looked at, and while its gate is: so it is loaded once for all questions.
        self.assertEqual((by_bus["RefUnit"], by_bus["UnrefUnit"]), (24, 24))

    def test_questions_go_over_the_bus_where_the_socket_of_pid_1_is_gone(self):
        names = self.units("far", 2)  # with systemctl, which has no other way to PID 1 since systemd 257
        os.rename(PRIVATE, PRIVATE + ".away")
        self.addCleanup(os.rename, PRIVATE + ".away", PRIVATE)
        self.assertGreaterEqual(calls_of(traced("sendmsg", "enable", *names))["Get"], 2 * 20)
        for name in names:
            self.assertTrue(os.path.exists(f"{UNITS}/{name}"))

    def test_a_unit_more_is_looked_for_only_where_something_of_its_name_is(self):
        few, many = (len(traced("openat", "enable", *self.units(f"look{count}-", count))) for count in (2, 12))
        self.assertLess(many - few, 10 * 25)

    def test_the_control_groups_are_read_for_all_units_at_once(self):
        few, many = self.units("few", 2), self.units("group", 12)
        for verb in ("enable", "disable"):
            read_for = [len(where(traced("openat", verb, *names), '"/sys/fs/cgroup/system.slice"')) for names in (few, many)]
            self.assertEqual(read_for[0], read_for[1], verb)
            self.assertGreater(read_for[0], 0, verb)

    def test_the_refusal_of_one_unit_leaves_the_others(self):
        good = self.units("good", 3)
        bad = self.unit("bad.service", SLEEPER + "[Install]\nWantedBy=multi-user.target\n")
        run("systemctl", "enable", bad)
        self.addCleanup(run, "systemctl", "disable", bad)
        self.assertSays(ctl("enable", good[0], bad, "nowhere", *good[1:]), 4,
                        f"{bad}: is enabled in systemd, which would start it without its lease: systemctl disable {bad}",
                        "nowhere.service: there is no such unit on this machine",
                        "note: leased is not running; nothing starts until it does: systemctl enable --now leased",
                        "note: Registry=local excludes nobody outside this machine (see leased.conf)")
        for name in good:
            self.assertTrue(os.path.exists(f"{UNITS}/{name}"))
        self.assertUntouched(bad)

    def test_all_means_every_unit_and_what_an_earlier_disable_left_gated(self):
        names = self.units("every", 3)
        ctl("enable", *names, check=True)
        os.unlink(f"{UNITS}/{names[1]}")
        done = ctl("disable", "--all")
        self.assertEqual((done.returncode, len(done.stdout.splitlines())), (0, 3), done.stderr)
        for name in names:
            self.assertUntouched(name)
        done = ctl("disable", "--all")
        self.assertSays(done, 0)
        self.assertEqual(done.stdout, "disable: no unit is enabled here, nothing had to be changed\n")
        for wrong in (("disable",), ("disable", "--all", names[0])):
            self.assertSays(ctl(*wrong), 2, "usage: leasectl disable UNIT... (or --all)")

    def test_the_room_on_the_bus_is_not_tried_anew_for_each_unit(self):
        for number in range(450):
            write(f"{UNITS}/many-{number}.service", "")
            self.addCleanup(os.unlink, f"{UNITS}/many-{number}.service")
        first, second = self.units("room", 2)
        self.assertIn("AddMatch", calls_of(traced("sendmsg", "enable", first)))
        self.assertNotIn("AddMatch", calls_of(traced("sendmsg", "enable", second)))

    def test_units_that_run_are_stopped_together(self):
        shutil.rmtree(BARRIER, ignore_errors=True)
        os.mkdir(BARRIER)
        names = self.units("up", 3, SLEEPER + MEETING)
        run("systemctl", "start", *names)
        done = ctl("enable", "--stop", *names)
        self.assertEqual(done.returncode, 0, done.stderr)
        for name in names:
            self.assertEqual((property_of(name, "ActiveState"), property_of(name, "Result")), ("inactive", "success"))


# Each stop ends when all three have begun.
MEETING = f"ExecStop=/bin/sh -c 'touch {BARRIER}/%n; until [ $$(ls {BARRIER} | wc -l) = 3 ]; do sleep 0.05; done'\n"


class WithDaemon(CaseWithDaemon, Units):
    def test_leased_reads_the_gates_of_members_once_for_all_new_timers_and_some_in_a_turn(self):
        """Whose members they are only drop-ins say, after a boot. Many are in a folder of drop-ins that no unit file has."""
        members, gates = 150, "zzzz-leased.conf"
        timer = "[Timer]\nOnCalendar=yearly\nPersistent=yes\n"
        for name in ("early", "late0", "late1", "late2"):
            self.unit(f"{name}.service", "[Service]\nType=oneshot\nExecStart=/bin/true\n")
            self.unit(f"{name}.timer", timer)
        ctl("enable", "early.timer", check=True)
        text = read(dropin_of("early.service")).replace("early.timer", "nobody.timer")
        for number in range(members):
            write(dropin_of(f"stray{number}.service"), text)
            self.addCleanup(shutil.rmtree, f"{SYSTEM}/stray{number}.service.d")
        with subprocess.Popen(["strace", "-f", "-s", "400", "-e", "trace=open,openat,epoll_wait,epoll_pwait2", "-o", TRACE, "-p",
                               property_of("leased.service", "MainPID")], stderr=subprocess.PIPE, text=True) as strace:
            self.assertIn("attached", strace.stderr.readline())
            ctl("enable", "late0.timer", "late1.timer", "late2.timer", check=True)
            strace.send_signal(signal.SIGINT)
            strace.communicate()
        lines = read(TRACE).splitlines()
        opened = where(lines, "open", gates, "stray")
        turns = where(lines, "epoll_")
        self.assertEqual(len(opened), members)  # each once, and not for each timer
        most = max(sum(begin < each < end for each in opened) for begin, end in zip(turns, turns[1:]))
        self.assertLessEqual(most, 32)
        for number in range(3):
            self.assertEqual(self.row(f"late{number}.timer")["unit"], f"late{number}.timer")

    def assertOffTheLoop(self, lines, process):
        """The thread of the loop, whose number is that of the process, does not wait for a disk. The others do."""
        syncs = [int(lines[each].split()[0]) for each in syncs_of(lines)]
        self.assertNotIn(process, syncs)
        self.assertGreater(len(syncs), 0)

    def assertGatedAgain(self, names):
        for name in names:
            wait_for(f"{name} has its gate in force", lambda name=name: os.path.exists(dropin_of(name)) and
                     "zzzz-leased.conf" in property_of(name, "DropInPaths") and property_of(name, "NeedDaemonReload") == "no")

    def test_leased_puts_gates_back_that_were_removed_and_its_loop_waits_for_no_disk(self):
        names = self.enabled("bare", 30)
        process = int(property_of("leased.service", "MainPID"))
        with subprocess.Popen(["strace", "-f", "-y", "-s", "400", "-e", f"trace={FILES},sendmsg,epoll_wait,epoll_pwait2", "-o", TRACE,
                               "-p", str(process)], stderr=subprocess.PIPE, text=True) as strace:
            self.assertIn("attached", strace.stderr.readline())
            for name in names:
                shutil.rmtree(f"{SYSTEM}/{name}.d")
            run("systemctl", "daemon-reload")
            self.assertGatedAgain(names)
            strace.send_signal(signal.SIGINT)
            strace.communicate()
        lines = read(TRACE).splitlines()
        written = where(lines, "rename", "zzzz-leased.conf")
        self.assertEqual(len(written), len(names))
        self.assertOffTheLoop(lines, process)
        thread = lines[written[0]].split()[0]
        last = max(each for each in syncs_of(lines) if lines[each].split()[0] == thread)
        reloads = [number for number, line in enumerate(lines) if calls_of([line]).get("Reload")]
        self.assertLess(last, reloads[-1])  # which finds each of them on the disk
        for name in names:
            self.assertEqual((self.row(name)["state"], property_of(name, "ActiveState")), ("running", "active"))

    def test_gates_of_another_version_are_written_anew_and_the_loop_waits_for_no_disk(self):
        names = self.enabled("former", 5)
        for name in names:
            write(dropin_of(name), read(dropin_of(name)) + "# of another version\n")
        text = "[Service]\nExecStart=\nExecStart=strace -D -f -y -o {} -e trace={} /usr/lib/leased/leased\n".format(TRACE, FILES)
        # What the service may not do, strace must.
        text += "SystemCallFilter=\nNoNewPrivileges=no\nCapabilityBoundingSet=CAP_SYS_PTRACE\n"
        write("/run/systemd/system/leased.service.d/trace.conf", text)
        run("systemctl", "daemon-reload")
        run("systemctl", "restart", "leased.service")
        self.addCleanup(run, "systemctl", "restart", "leased.service")
        self.addCleanup(run, "systemctl", "daemon-reload")
        self.addCleanup(os.unlink, "/run/systemd/system/leased.service.d/trace.conf")
        for name in names:
            wait_for(f"the gate of {name} is of this version", lambda name=name: "another version" not in read(dropin_of(name)))
        self.assertGatedAgain(names)
        self.assertOffTheLoop(read(TRACE).splitlines(), int(property_of("leased.service", "MainPID")))
        for name in names:
            self.assertEqual(property_of(name, "ActiveState"), "active")

    def enabled(self, prefix, count, text=SLEEPER):
        names = self.units(prefix, count, text)
        ctl("enable", *names, check=True)
        for name in names:
            wait_for(f"{name} runs", lambda name=name: (self.row(name) or {}).get("state") == "running")
        return names

    def test_units_are_released_together(self):
        shutil.rmtree(BARRIER, ignore_errors=True)
        os.mkdir(BARRIER)
        names = self.enabled("freed", 3, SLEEPER + MEETING)
        done = ctl("release", *names)
        self.assertSays(done, 0)
        self.assertEqual([line.split(": released, ")[0] for line in done.stdout.splitlines()], names)
        for name in names:
            self.assertEqual(property_of(name, "Result"), "success")

    def test_many_units_are_read_by_one_call_before_they_are_released(self):
        names = self.enabled("crowd", 6)
        lines = traced("sendmsg", "release", *names)
        before = calls_of(lines[:next(i for i, line in enumerate(lines) if "AskUnit" in line)])
        self.assertEqual((before.get("GetAll", 0), before.get("ListUnitStates")), (0, 1), before)

    def test_many_units_are_looked_at_by_one_call_while_they_are_disabled(self):
        names = self.enabled("whole", 12)
        lines = traced("sendmsg", "disable", *names)
        self.assertIn("ListUnitStates", calls_of(lines))
        first = next(i for i, line in enumerate(lines) if "ListUnitStates" in line)
        self.assertEqual(where(lines[:first], "GetAll", "org.leased1.Unit"), [])
        for name in names:
            self.assertUntouched(name)

    def test_units_are_disabled_together(self):
        shutil.rmtree(BARRIER, ignore_errors=True)
        os.mkdir(BARRIER)
        names = self.enabled("gone", 3, SLEEPER + MEETING)
        done = ctl("disable", *names)
        self.assertEqual((done.returncode, done.stdout), (0, "".join(f"{name}: disabled\n" for name in names)), done.stderr)
        for name in names:
            self.assertUntouched(name)

    def test_each_refusal_of_a_release_is_told(self):
        names = self.enabled("told", 2)
        ctl("release", names[0], check=True)
        wait_for("it stands back", lambda: not self.row(names[0])["held"])
        done = ctl("release", names[0], "nowhere", names[1])
        self.assertSays(done, 4, "nowhere.service: not enabled on any machine, see: leasectl",
                        f"{names[0]}: nobody holds its lease now, see: leasectl")  # which only leased knows
        self.assertTrue(done.stdout.startswith(f"{names[1]}: released, "), done.stdout)

    def test_leased_is_asked_about_all_units_before_it_has_answered_about_one(self):
        names = self.enabled("asked", 4)
        leased = int(property_of("leased.service", "MainPID"))
        os.kill(leased, signal.SIGSTOP)
        self.addCleanup(os.kill, leased, signal.SIGCONT)
        if os.path.exists(TRACE):
            os.unlink(TRACE)
        with subprocess.Popen(["strace", "-s", "400", "-e", "trace=sendmsg", "-o", TRACE, "leasectl", "release", *names],
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=ENVIRONMENT) as process:
            wait_for("all are asked about", lambda: os.path.exists(TRACE) and
                     calls_of(read(TRACE).splitlines()).get("GetAll") == 4)
            os.kill(leased, signal.SIGCONT)
            self.assertEqual(process.wait(), 0)
        self.assertEqual(calls_of(read(TRACE).splitlines())["AskUnit"], 4)

    def test_a_table_costs_the_same_calls_for_any_number_of_units(self):
        before = [calls_of(traced("sendmsg", verb)) for verb in ("list", "status", "metrics")]
        self.enabled("table", 5)
        self.assertEqual([calls_of(traced("sendmsg", verb)) for verb in ("list", "status", "metrics")], before)

    def test_of_many_units_nobody_waits_for_what_becomes_of_each(self):
        names = self.units("crowd", 21)
        done = ctl("enable", *names)
        self.assertEqual((done.returncode, done.stdout), (0, "".join(f"{name}: enabled\n" for name in names)))
        self.assertIn("leasectl: note: what becomes of them: leasectl list\n", done.stderr)


if __name__ == "__main__":
    main()
