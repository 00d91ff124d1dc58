#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What each verb prints with --json is as docs/leasectl.schema.json says.

    run-in-guest test-leasectl-json.py LEASECTL LEASED LEASED_GUARD LEASED.SERVICE LEASED-GUARD.SERVICE BUS_POLICY LEASED_RUN PUT_RECORD
                                        SCHEMA SCHEMA_PY
"""

import json
import os
import re
import subprocess

from leasectl_beta import WithBeta, put
from leasectl_guest import ENVIRONMENT, HERE, ctl, main, read, run, wait_for

from schema import Schema

SCHEMA = Schema(os.path.join(HERE, "leasectl.schema.json"))


class Json(WithBeta):
    def assertFits(self, name, *verb):
        done = ctl(*verb, "--json=short")
        self.assertIn(done.returncode, (0, 1, 3, 4, 6), done.stderr)
        value = json.loads(done.stdout)
        self.assertEqual(SCHEMA.faults(name, value), [], verb)
        self.assertEqual(json.loads(ctl(*verb, "--json").stdout or "null") is None, value is None)
        return value

    def test_every_verb_prints_what_the_schema_says(self):
        unit = self.enable("schema.service")
        self.enable("schema-everywhere.service", "[Service]\nExecStart=/bin/sleep infinity\n[X-Leased]\nGlobal=yes\n")
        self.offer(self.enable("schema-there.service", state="running"), active="failed", result="exit-code", since=1)
        put("leases/schema-there.service", self.lease("held", 7))
        wait_for("beta holds it", lambda: self.row("schema-there.service")["state"] == "elsewhere")
        ctl("release", unit, check=True)
        run("busctl", "call", "org.leased1", "/org/leased1", "org.leased1.Manager", "AcquireLease", "ssxt", "schema-program", "", "1",
            "60000000")
        for name, verb in (("cluster", ()), ("status", ("status",)), ("status_unit", ("status", unit)), ("list", ("list",)),
                           ("list_machine", ("list", "beta")), ("machines", ("machines",)), ("registry", ("registry",)),
                           ("check", ("check", unit, "no-such")), ("set-metadata", ("set-metadata",)), ("reload", ("reload",)),
                           ("history", ("history", "schema-there.service")), ("config", ("config",)), ("version", ("version",)),
                           ("version", ("--version",)), ("logs", ("logs", "schema-there.service", "schema-everywhere.service"))):
            self.assertTrue(self.assertFits(name, *verb) or name in ("reload", "set-metadata"), verb)
        self.assertEqual({each["name"]: each["held"] for each in self.assertFits("is-held", "is-held", "schema-there.service",
                                                                                 "schema-program", "no-such-lease")},
                         {"schema-there.service": False, "schema-program": True, "no-such-lease": None})
        leases = {each["lease"]: each["kind"] for each in self.assertFits("list_all", "list", "--all")}
        self.assertEqual((leases[unit], leases["schema-program"]), ("unit", "program"))
        self.assertEqual([each["why"] for each in self.assertFits("history", "history", unit)][0], "released")
        self.assertEqual(len(self.assertFits("list", "status", unit, "schema-everywhere.service")), 2)

    def test_what_is_done_is_told_in_one_way(self):
        unit = self.enable("schema-acts.service")
        for verb, code in ((("stop", unit), 0), (("start", unit), 0), (("restart", unit), 0), (("rearm", unit), 1), (("release", unit), 0),
                           (("undrain",), 0), (("forget", "nothing"), 1), (("enable", unit), 0), (("set", unit, "StopGraceSec=100ms"), 0),
                           (("transfer", unit, "nowhere"), 1)):
            told = self.assertFits("acted", *verb)
            self.assertEqual((told["verb"], told["exit"]), (verb[0], code), told)
            self.assertTrue(code == 0 or told["lines"][-1]["error"], told)
        self.assertRegex(told["lines"][0]["text"], r"\Anowhere: no such machine, ")
        self.assertRegex(self.assertFits("acted", "release", unit)["lines"][0]["text"], rf"\A{unit}: ")

    def test_every_event_of_the_monitor_is_as_the_schema_says(self):
        unit = self.enable("schema-event.service")
        monitor = subprocess.Popen(["leasectl", "--json", "monitor"], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True,
                                   env=ENVIRONMENT)
        self.addCleanup(monitor.stdout.close)
        self.addCleanup(monitor.wait)
        self.addCleanup(monitor.terminate)
        seen = set()
        for line in monitor.stdout:  # the guest's test ends by its time limit if no such event comes
            event = json.loads(line)
            self.assertEqual(SCHEMA.faults("monitor", event), [], line)
            if event["event"] == "listening":
                ctl("release", "--no-wait", unit, check=True)
            seen.add(event["event"])
            if seen >= {"listening", "changed", "lease-changed"}:
                break

    def test_every_verb_with_json_is_in_the_schema(self):
        verbs = re.findall(r"(?m)^  ([a-z][a-z-]*) ", ctl("--help", check=True).stdout)
        with_json = {verb for verb in verbs if "--json" in ctl("help", verb, check=True).stdout}
        self.assertEqual(set(verbs) - with_json, {"run", "metrics", "help", "accept-files"})
        self.assertLessEqual(with_json, set(json.loads(read(f"{HERE}/leasectl.schema.json"))["$defs"]))
        self.assertGreaterEqual(with_json, {"list", "status", "history"})


if __name__ == "__main__":
    main()
