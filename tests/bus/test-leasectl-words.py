#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What leasectl and leased say of what others wrote, and of what they do not know.

    run-in-guest test-leasectl-words.py LEASECTL LEASED LEASED_GUARD LEASED.SERVICE LEASED-GUARD.SERVICE BUS_POLICY PUT_RECORD
"""

import http.server
import json
import os
import pty
import re
import subprocess
import threading
import unicodedata

from leasectl_beta import BETA, WithBeta, put, shown
from leasectl_guest import CONF, ENVIRONMENT, CaseWithDaemon, main, run, wait_for, write

# Clears the screen, names the window, returns to the beginning of the line and forges one, turns the direction of writing,
# begins a sequence by C1's one character, and hides one.
HOSTILE = "\x1b[2J\x1b]0;x\x07ok\r\nfake up\u202e\u009b31m\u200b"
SHORT = "\x1b[2J\r\nfake"
WIDE = "\u65e5\u672c\u8a9e"
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


def said_on_a_terminal(*command):
    leader, follower = pty.openpty()
    process = subprocess.Popen(command, stdin=follower, stdout=follower, stderr=follower,
                               env={**ENVIRONMENT, "TERM": "xterm", "PAGER": "cat"})
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
            out = COLOUR.sub("", said_on_a_terminal("leasectl", *verb))
            self.assertEqual((verb, acting(out)), (verb, []), out)

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


if __name__ == "__main__":
    main()
