#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What leasectl and leased say of what others wrote, and of what they do not know.

    run-in-guest test-leasectl-words.py LEASECTL LEASED LEASED_GUARD LEASED.SERVICE LEASED-GUARD.SERVICE BUS_POLICY LEASED_RUN PUT_RECORD
"""

import fcntl
import http.server
import json
import os
import pty
import re
import shutil
import struct
import subprocess
import termios
import threading
import unicodedata
import xml.etree.ElementTree

from leasectl_beta import BETA, REGISTRY, WithBeta, put, shown
from leasectl_guest import CONF, ENVIRONMENT, HERE, SLEEPER, CaseWithDaemon, ctl, main, run, wait_for, write

# Clears the screen, names the window, returns to the beginning of the line and forges one, turns the direction of writing,
# begins a sequence by C1's one character, and hides one.
HOSTILE = "\x1b[2J\x1b]0;x\x07ok\r\nfake up\u202e\u009b31m\u200b"
SHORT = "\x1b[2J\r\nfake"
WIDE = "\u65e5\u672c\u8a9e"
OVER = "\r\x1b[K"  # by which leasectl writes its progress over what it wrote before
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def acting(text):
    """The characters that act instead of being seen; a line may end."""
    return sorted({repr(c) for c in text if unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp", "Co", "Cn") and c != "\n"})


def columns(text):
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else not unicodedata.combining(c) for c in text)


def said(*command):
    """Both outputs, exactly as they were written."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, env=ENVIRONMENT,
                          timeout=120)
    return done.stdout.decode(), done.stderr.decode()


def said_on_a_terminal(*command, pager="cat", columns=0):
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24 if columns else 0, columns, 0, 0))
    process = subprocess.Popen(command, stdin=follower, stdout=follower, stderr=follower,
                               env={**ENVIRONMENT, "TERM": "xterm", "PAGER": pager})
    os.close(follower)
    text = b""
    while True:
        try:
            text += (piece := os.read(leader, 4096))
        except OSError:
            break
        if not piece:
            break
    process.wait(timeout=60)
    os.close(leader)
    return text.decode().replace("\r\n", "\n")


class Hostile(WithBeta):
    """beta's records are written by somebody who means harm."""

    def setUp(self):
        super().setUp()
        self.victim = self.enable("victim.service")
        self.offer(self.victim, why=HOSTILE)
        put("leases/theirs.service", {**self.lease("held", 7), "tenures": [
            {"machine_id": BETA, "index": 6, "from": 1, "to": 2, "why": SHORT}]})
        self.addCleanup(put, "leases/theirs.service", self.lease("free", 8))
        self.enable("theirs.service", state="elsewhere")
        self.put_beta(hostname=HOSTILE, metadata=f"rack=b1 zone={HOSTILE.split()[0]}", version=SHORT)
        self.addCleanup(self.put_beta)
        wait_for("its name is known", lambda: any(each["hostname"] == HOSTILE for each in shown("machines")))

    def test_nothing_that_others_wrote_acts_on_a_terminal(self):
        for verb in (("machines",), ("history",), ("history", "theirs.service"), ("status",), ("status", self.victim),
                     ("status", "theirs.service"), ("list",), ("metrics",), ("check", "--all-machines", self.victim),
                     ("transfer", self.victim, "ok"), ("transfer", self.victim, BETA), ("release", "theirs.service"),
                     ("drain", BETA, "--no-wait"), ("undrain", BETA, "--no-wait"), ("registry",)):
            out, err = said("leasectl", *verb)
            self.assertEqual((verb, acting(out), acting(err)), (verb, [], []), out + err)
            out = COLOUR.sub("", said_on_a_terminal("leasectl", *verb)).replace(OVER, "")
            self.assertEqual((verb, acting(out)), (verb, []), out)

    def test_a_pager_is_given_the_colours_of_the_terminal(self):
        self.assertIn("\x1b[1mUNIT", said_on_a_terminal("leasectl", "list"))
        self.assertIn("\x1b[1mUNIT", said_on_a_terminal("leasectl", "list", pager="cat -"))

    def test_nobody_writes_rows_of_others(self):
        rows, _ = said("leasectl", "machines", "--no-legend")
        self.assertEqual(len(rows.splitlines()), len(shown("machines")), rows)
        self.assertIn(r"\x1b[2J\x1b]0;x\x07ok\x0d\x0afake up\u202e\u009b31m\u200b", rows)
        rows, _ = said("leasectl", "history", "--no-legend", "theirs.service")
        self.assertEqual(len(rows.splitlines()), len(shown("history", "theirs.service")), rows)
        rows, _ = said("leasectl", "status", self.victim)
        self.assertFalse([line for line in rows.splitlines() if line.startswith("fake")], rows)

    def test_programs_are_told_exactly_what_was_written(self):
        self.assertIn(HOSTILE, [each["hostname"] for each in shown("machines")])
        self.assertIn(SHORT, [each["why"] for each in shown("history", "theirs.service")])
        for verb in (("machines",), ("history",), ("status", self.victim)):
            for json_mode in ("--json=short", "--json=pretty"):
                out, err = said("leasectl", *verb, json_mode)
                self.assertEqual((acting(out), err), ([], ""), out)
                json.loads(out)

    def test_nobody_writes_lines_of_the_daemon(self):
        said("leasectl", "steal", "--no-wait", "theirs.service")
        said("leasectl", "drain", "--no-wait", BETA)
        said("leasectl", "undrain", "--no-wait", BETA)
        entries = [json.loads(line) for line in run("journalctl", "-b", "-o", "json", "-u", "leased.service").stdout.splitlines()]
        for entry in entries:
            message = entry["MESSAGE"]
            self.assertIsInstance(message, str, bytes(message) if isinstance(message, list) else "")
            self.assertEqual(acting(message), [], message)
        self.assertTrue(any("fake up" in entry["MESSAGE"] for entry in entries))
        self.assertFalse([entry["MESSAGE"] for entry in entries if entry["MESSAGE"].startswith("fake")])

    def test_columns_are_columns(self):
        self.put_beta(hostname=WIDE + "e\u0301")
        wait_for("its name is known", lambda: any(each["hostname"].startswith(WIDE) for each in shown("machines")))
        lines = said("leasectl", "machines")[0].splitlines()
        ends = {columns(line) for line in lines[1:]}  # the last column is as wide in each row
        self.assertEqual(len(ends), 1, lines)
        status = said("leasectl", "status", self.victim)[0]
        self.assertIn(f"Not on {WIDE}e\u0301: ", status)


class Bytes(WithBeta):
    """Bytes that are no text, on their way to D-Bus, which would disconnect who sends them."""

    def test_a_line_that_is_no_text_does_not_cost_the_bus(self):
        unit = self.enable("calm.service")
        pid = run("systemctl", "show", "-p", "MainPID", "--value", "leased.service").stdout
        owner = run("busctl", "call", "org.freedesktop.DBus", "/", "org.freedesktop.DBus", "GetNameOwner", "s",
                    "org.leased1").stdout
        with open(CONF, "ab") as file:
            file.write(b"Bad\xff\x1b[31m\xe6\x97=\xfe\n")
        self.addCleanup(write, CONF, self.LEASED_CONF)
        done = said("leasectl", "reload")
        self.assertEqual(acting(done[0] + done[1]), [])
        self.assertEqual(acting(said("leasectl", "status")[0]), [])
        write(f"/etc/systemd/system/{unit}.d/x.conf", "[X-Leased]\n")
        with open(f"/etc/systemd/system/{unit}.d/x.conf", "ab") as file:
            file.write(b"Require=\xff\x9b\n")
        said("leasectl", "reload")
        self.assertEqual(self.row(unit)["state"], "running")
        self.assertEqual(owner, run("busctl", "call", "org.freedesktop.DBus", "/", "org.freedesktop.DBus", "GetNameOwner", "s",
                                    "org.leased1").stdout)
        self.assertEqual(pid, run("systemctl", "show", "-p", "MainPID", "--value", "leased.service").stdout)


class Nonsense(http.server.BaseHTTPRequestHandler):
    """A server that answers everything with bytes that are no text, an escape sequence, and lines."""

    def answer(self, code, body):
        self.send_response(code, "\x1b[2J")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.answer(500, b"\xff\xfe\x1b[31m\x9b\nWATCHDOG=trigger\n" * 9)

    def do_GET(self):
        self.answer(200, json.dumps({"etcdserver": "3.4.23\x1b[2J\nWATCHDOG=trigger", "etcdcluster": "3.4.0"}).encode())

    def log_message(self, *_):
        pass


class ForeignServer(CaseWithDaemon):
    LEASED_CONF = "[Leased]\nTTL=2s\nRegistry=etcd\nEndpoints=http://127.0.0.1:24379\n"

    @classmethod
    def setUpClass(cls):
        cls.server = http.server.ThreadingHTTPServer(("127.0.0.1", 24379), Nonsense)
        threading.Thread(target=cls.server.serve_forever, daemon=True).start()
        super().setUpClass()

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.server.shutdown()
        cls.server.server_close()

    def test_what_a_server_answers_acts_nowhere(self):
        wait_for("it has answered", lambda: shown("registry")["error"])
        for verb in (("status",), ("registry",), ("list",)):
            out, err = said("leasectl", *verb)
            self.assertEqual((verb, acting(out), acting(err)), (verb, [], []))
        status = run("systemctl", "show", "-p", "StatusText", "-p", "ActiveState", "-p", "NRestarts", "leased.service").stdout
        self.assertEqual(acting(status), [], status)
        self.assertIn("ActiveState=active", status)
        self.assertIn("NRestarts=0", status)
        for line in run("journalctl", "-b", "-o", "json", "-u", "leased.service").stdout.splitlines():
            self.assertEqual(acting(json.loads(line)["MESSAGE"]), [], line)


class WhatIsSo(WithBeta):
    """What is said of machines, of the past, and of units that cannot be."""
    LATE, LATE_SESSION = "1a7e" * 8, "1a7e1a7e1a7e1a7e-5000"

    def test_a_machine_that_is_late_is_told_with_when_it_was_last_heard(self):
        put(f"fences/{self.LATE_SESSION}", {"counter": 0, "names": []})
        put(f"machines/{self.LATE}", {"hostname": "late", "boot_id": "b" * 32, "session": self.LATE_SESSION, "metadata": "",
                                      "version": "0", "draining": False})
        put(f"beats/{self.LATE_SESSION}", {"machine_id": self.LATE, "nonce": "1a7e1a7e1a7e1a7e-1"})
        for state in (r"up +- +\d", r"up, last heard [2-4]\.\ds ago +- ", r"silent +\d\d:\d\d:\d\d "):
            wait_for(state, lambda: re.search(rf"(?m)^late +{state}", ctl("machines").stdout))
        row = next(each for each in shown("machines") if each["hostname"] == "late")
        self.assertFalse(row["up"])
        self.assertGreater(row["heard_ago_usec"], row["ttl_usec"])

    def test_a_machine_that_keeps_leases_is_named_until_it_is_confirmed_dead_and_forgotten(self):
        keeper, session = "feed" * 8, "feedfeedfeedfeed-2000"
        verbs = ("machines",), ("status",), ("check", "retained.service"), ("history", "retained.service")
        unit = self.unit("retained.service")
        put(f"fences/{session}", {"counter": 0, "names": [], "keeps": True, "keeper": keeper})
        put(f"beats/{session}", {"machine_id": keeper, "nonce": "feedfeedfeedfeed-1"})
        put(f"machines/{keeper}", {"hostname": "keeper", "boot_id": "b" * 32, "session": session, "metadata": "", "version": "0",
                                   "draining": False})
        put(f"leases/{unit}", {**self.lease("held", 7), "machine_id": keeper, "session": session})
        wait_for("all name it", lambda: all("leasectl confirm-dead keeper" in " ".join(ctl(*verb).stdout.split()) for verb in verbs))
        row = shown("history", unit)[-1]
        self.assertEqual((row["standing"], row["kept"]), ("silent", True))
        self.assertEqual([line for line in ctl("history", unit).stdout.splitlines() if len(line) > 80], [])

        ctl("confirm-dead", "keeper", check=True)
        wait_for("none does", lambda: not any("confirm-dead" in ctl(*verb).stdout for verb in verbs))
        self.assertNotIn("kept", shown("history", unit)[-1])

        put(f"offers/{keeper}/{unit}", {"lease": unit, "version": 0, "conflicts": "", "replaces": "", "why": ""})
        run(f"{HERE}/put-record", REGISTRY, f"machines/{keeper}", "")
        wait_for("its id is named", lambda: keeper in ctl("forget", unit).stderr)
        self.assertEqual(ctl("forget", keeper, check=True).stdout, f"{keeper}: the machine is forgotten\n")
        ctl("forget", unit, check=True)

    def test_history_shows_a_time_in_which_nobody_had_it_and_a_lease_that_is_lost(self):
        hour = 3600 * 10 ** 6
        put("leases/past.service", {**self.lease("held", 7), "since": 9 * hour, "tenures": [
            {"machine_id": BETA, "index": 5, "from": 1 * hour, "to": 2 * hour, "why": "released"},
            {"machine_id": BETA, "index": 6, "from": 5 * hour, "to": 6 * hour, "why": "expired"}]})
        self.addCleanup(put, "leases/past.service", self.lease("free", 9))
        wait_for("it is known", lambda: ctl("history", "past.service").returncode == 0 and len(shown("history", "past.service")) == 3)
        rows = [line.split() for line in ctl("history", "--no-legend", "past.service").stdout.splitlines()]
        self.assertEqual([row[1] for row in rows], ["beta", "-", "beta", "-", "beta"])
        self.assertEqual(rows[1][-3:], ["held", "by", "nobody"])
        self.assertEqual(rows[4][5], "now")
        told = ctl("history", "past.service").stdout
        self.assertRegex(told, r"(?m)^  1970-01-01 \d\d:00 to \d\d:00 down 3h\S*( 0min)?: released on beta, and nobody took it$")
        self.assertRegex(told, r"(?m)^  1970-01-01 \d\d:00 to \d\d:00 down 3h\S*( 0min)?: no beat of beta$")
        self.assertEqual([line for line in told.splitlines() if len(line) > 80 or line.endswith(" ")], [])
        self.assertEqual(told.splitlines()[1], "past.service")
        put("leases/past.service", {**self.lease("held", 8), "session": "dead" * 4 + "-2000", "machine_id": "dead" * 8})
        wait_for("nobody knows of such a machine", lambda: ctl("history", "--no-legend", "past.service").stdout.split()[5:6] == ["?"])

    def test_a_picture_has_a_lane_for_each_machine_and_shows_what_was_down(self):
        hour = 3600 * 10 ** 6
        put("leases/drawn.service", {**self.lease("done", 8), "since": 8 * hour, "tenures": [
            {"machine_id": BETA, "index": 5, "from": 1 * hour, "to": 2 * hour, "why": "released"},
            {"machine_id": "dead" * 8, "index": 6, "from": 2 * hour, "to": 3 * hour, "why": "expired"},
            {"machine_id": BETA, "index": 7, "from": 4 * hour, "to": 5 * hour, "why": "done"}]})
        wait_for("it is known", lambda: ctl("history", "drawn.service").returncode == 0)
        lanes = [line for line in ctl("history", "--picture", "drawn.service").stdout.splitlines() if re.search("[█▒]", line)]
        self.assertEqual([line.split()[0] for line in lanes], ["beta", "deaddead", "down"])
        self.assertRegex(lanes[0], r"^  beta {6}█{17,18} {32,36}█{17,18}$")
        self.assertRegex(lanes[1], r"^  deaddead {18,20}█{16,18}$")
        self.assertRegex(lanes[2], r"^  down {40,42}▒{16,18}$")
        self.assertEqual(ctl("history", "--picture=/run/drawn.svg", "drawn.service").returncode, 0)
        drawn = xml.etree.ElementTree.parse("/run/drawn.svg").getroot().iter("{http://www.w3.org/2000/svg}rect")
        self.assertEqual([each.get("class") for each in drawn if each.get("class")], ["held", "held", "down", "held"])
        put("leases/drawn.service", {**self.lease("done", 9), "since": 8 * hour, "tenures": [
            {"machine_id": BETA, "index": 5, "from": 1 * hour, "to": 0, "why": ""},
            {"machine_id": "dead" * 8, "index": 6, "from": 3 * hour, "to": 5 * hour, "why": "done"}]})
        wait_for("its end is not known", lambda: [each["to_usec"] for each in shown("history", "drawn.service")][:1] in ([None], [0]))
        lanes = [line for line in ctl("history", "--picture", "drawn.service").stdout.splitlines() if re.search("[█▒]", line)]
        self.assertRegex(lanes[0], r"^  beta {6}█{33,36}$")
        self.assertSays(ctl("history", "--picture=drawn.png"), 2,
                        "--picture=drawn.png: expected is a file whose name ends in .svg")

    def test_what_is_waited_for_stays_on_one_row_of_the_terminal(self):
        unit = self.enable("slow-to-stop.service", "[Service]\nExecStart=/bin/sleep infinity\nExecStop=/bin/sleep 4\n", state="running")
        told = said_on_a_terminal("leasectl", "release", unit, columns=40)
        rows = [each.split("\n")[0] for each in told.split(OVER)[1:]]
        self.assertTrue([each for each in rows if each.startswith("slow-to-stop.service: ") and each.endswith("…")], told)
        self.assertEqual([each for each in rows if columns(each) >= 40], [])

    def test_nothing_is_wider_than_the_terminal_or_broken_within_a_word(self):
        unit = self.enable("a-unit-with-a-name-that-is-rather-long-for-a-narrow-terminal.service", state="running")
        self.offer(unit, why="it lacks a disk that is large enough for all that it writes in a year")
        for verb in (("machines",), ("list",), ("list", "beta"), ("status",), ("status", unit), ("history",), ("registry",), ("-1",),
                     ("config",), ("check", unit), ("check", "--all-machines", unit), ("help",), ("list", "--all"), ("-s",),
                     ("transfer", "-n", unit, "beta"), ("history", "--picture", unit),
                     ("release", "no-such-unit-anywhere-and-a-long-name-of-it-at-that"), ("release", 12 * WIDE)):
            for width in (80,) if verb == ("help",) else (60, 80):
                out = COLOUR.sub("", said_on_a_terminal("leasectl", *verb, columns=width))
                self.assertEqual([line for line in out.splitlines() if columns(line) > width], [], verb)
                self.assertNotIn("\n\n\n", out)
                self.assertNotIn("\\x", out)
        words = COLOUR.sub("", said_on_a_terminal("leasectl", "list", "beta", columns=60)).split()
        self.assertLessEqual({"disk", "large", "enough", "writes", "year"}, set(words))
        whole = run("leasectl", "list", "beta").stdout
        self.assertTrue(any(len(line) > 100 for line in whole.splitlines()), whole)

    def test_a_missing_unit_file_is_called_so(self):
        unit = self.enable("lost.service")
        ctl("release", unit, check=True)
        os.unlink(f"/etc/systemd/system/{unit}")  # for PID 1 the unit only needs a reload, for which leased asks
        wait_for("it is told", lambda: "Not here: its unit file is missing" in ctl("status", unit).stdout)
        self.assertNotIn("gate", ctl("status", unit).stdout.partition("\n\n")[0])  # the journal below tells of an earlier moment
        wait_for("the journal says so", lambda: f"{unit}: its unit file is missing" in run("journalctl", "-b", "-o", "cat", "-u",
                                                                                          "leased.service").stdout)
        os.symlink("/dev/null", f"/etc/systemd/system/{unit}")
        run("systemctl", "daemon-reload")
        wait_for("it is told", lambda: "Not here: it is masked" in ctl("status", unit).stdout)

    def test_a_unit_that_failed_is_failed_and_its_last_error_has_a_time_and_an_end(self):
        unit = self.enable("broken.service", "[Service]\nType=oneshot\nExecStart=/bin/false\n", "failed")
        # It is held still for the moment that it takes to write that it is not.
        done = wait_for("nobody holds it", lambda: (done := ctl("status", unit)).returncode == 3 and done)
        self.assertRegex(done.stdout, r"State here: failed *\n")
        self.assertRegex(done.stdout, r"Last error: .*\n +At: \d{4}-\d\d-\d\d \d\d:\d\d:\d\d \(.* ago\)")
        self.assertEqual(self.row(unit)["last_error_code"], 13)  # failed, by leased-reasons(7)
        write(f"/etc/systemd/system/{unit}", SLEEPER)
        run("systemctl", "daemon-reload")
        run("systemctl", "reset-failed", unit)
        wait_for("leased has heard that, and takes it", lambda: ctl("steal", unit).returncode == 0)
        wait_for("it runs", lambda: self.row(unit)["state"] == "running")
        self.assertNotIn("Last error", ctl("status", unit).stdout)
        self.assertEqual(self.row(unit)["last_error_code"], 0)
        held = self.enable("kept.service", "[Service]\nType=oneshot\nExecStart=/bin/false\n[X-Leased]\nOnFailure=hold\n", "failed")
        self.assertIn("Not here: it has failed; OnFailure=hold keeps its lease here until: leasectl start", ctl("status", held).stdout)
        put(f"leases/{held}", self.lease("held", self.index(held) + 1))
        wait_for("beta has it", lambda: self.row(held)["state"] == "elsewhere")
        done = ctl("steal", held)  # it may have failed before anybody looks
        self.assertEqual(done.returncode, 0, done)
        self.assertRegex(" ".join(done.stdout.split()), r"taken: \S+ has it \(Index \d+\), and (starts it|keeps it though it has failed there)$")

    def test_what_is_done_has_nobody_who_stands_by(self):
        unit = self.enable("over.service", "[Service]\nType=oneshot\nExecStart=/bin/true\n", "done")
        self.offer(unit)
        self.assertIn("Not on beta: its job is done", ctl("status", unit).stdout)
        self.assertNotIn("stands by", ctl("status", unit).stdout)


class Disks(CaseWithDaemon):
    LEASED_CONF = "[Leased]\nTTL=2s\nRegistry=local:/srv/disks-registry\n"

    @classmethod
    def setUpClass(cls):
        os.makedirs("/srv/disks-registry", exist_ok=True)
        super().setUpClass()

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        shutil.rmtree("/var/lib/leased")  # what comes next knows no such registry
        shutil.rmtree("/srv/disks-registry")

    def restart_with(self, change, undo):
        run("systemctl", "stop", "leased.service")
        change()
        self.addCleanup(run, "systemctl", "start", "leased.service")
        self.addCleanup(undo)
        self.addCleanup(run, "systemctl", "stop", "leased.service")
        run("systemctl", "start", "leased.service")

    def test_units_that_cannot_be_listed_are_not_none(self):
        os.makedirs("/etc/leased/units", exist_ok=True)

        def hide():
            os.rename("/etc/leased/units", "/etc/leased/units.away")
            write("/etc/leased/units", "")

        def bring_back():
            os.unlink("/etc/leased/units")
            os.rename("/etc/leased/units.away", "/etc/leased/units")

        self.restart_with(hide, bring_back)
        done = ctl("status")
        self.assertEqual(done.returncode, 1)
        why = "cannot list /etc/leased/units: Not a directory; none is known, and what runs here by a lease is let go"
        self.assertIn(why, " ".join(done.stdout.split()))
        self.assertSays(ctl("list"), 1, why)

    def test_a_drain_that_does_not_survive_a_reboot_fails(self):
        def fill():
            os.makedirs("/var/lib/leased", exist_ok=True)
            run("mount", "-t", "tmpfs", "-o", "size=64k", "full", "/var/lib/leased")

        self.restart_with(fill, lambda: run("umount", "/var/lib/leased"))
        wait_for("it competes", lambda: not json.loads(ctl("status", "--json=short").stdout)["why_not"])
        for name in ("first", "second"):
            ctl("run", name, "true", check=True)
        try:
            with open("/var/lib/leased/filler", "wb", buffering=0) as file:
                while file.write(b"x" * 4096):
                    pass
        except OSError:
            pass
        self.assertSays(ctl("drain"), 1, "drain: This machine drains now, but does not after a reboot: /var/lib/leased/state.json cannot "
                        "be written: No space left on device.")
        self.assertTrue(json.loads(ctl("status", "--json=short").stdout)["draining"])
        self.assertSays(ctl("undrain"), 1, "undrain: This machine does not drain now, but ...")
        self.assertSays(ctl("registry", "forget", "first"), 1, "registry forget: The Index is forgotten now, but is remembered again after ...")
        os.unlink("/var/lib/leased/filler")
        self.assertSays(ctl("drain"), 0)
        self.assertSays(ctl("undrain"), 0)
        self.assertSays(ctl("registry", "forget", "second"), 0)


if __name__ == "__main__":
    main()
