#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What each verb prints with --json is as docs/leasectl.schema.json says.

    run-in-guest test-leasectl-json.py LEASECTL LEASED LEASED_GUARD LEASED.SERVICE LEASED-GUARD.SERVICE BUS_POLICY LEASED_RUN PUT_RECORD
                                        SCHEMA SCHEMA_PY LEASECTL_SUBMIT_PY
"""

import json
import os
import re
import subprocess

from leasectl_beta import WithBeta, put
from leasectl_guest import ENVIRONMENT, HERE, ctl, main, property_of, read, run, wait_for
from leasectl_submit import REASON, Submitting

from schema import Schema

SCHEMA = Schema(os.path.join(HERE, "leasectl.schema.json"))


class Fitting:
    def assertFits(self, name, *verb):
        done = ctl(*verb, "--json=short")
        self.assertIn(done.returncode, (0, 1, 3, 4, 6), done.stderr)
        value = json.loads(done.stdout)
        self.assertEqual(SCHEMA.faults(name, value), [], verb)
        self.assertEqual(json.loads(ctl(*verb, "--json").stdout or "null") is None, value is None)
        return value


class Json(Fitting, WithBeta):
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
                           ("list_machine", ("list", "beta")), ("list", ("list", "schema*")), ("machines", ("machines",)), ("registry", ("registry",)),
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
        self.assertEqual(len(self.assertFits("status_units", "status", unit, "schema-everywhere.service")), 2)
        self.assertEqual(self.assertFits("status_units", "status", "no-such", "nor-such"), [])
        done = ctl("status", "--json", "no-such")
        self.assertEqual((done.returncode, done.stdout), (4, ""), "an object, or nothing")

    def test_what_is_done_is_told_in_one_way(self):
        unit = self.enable("schema-acts.service")
        for verb, code in ((("stop", unit), 0), (("start", unit), 0), (("restart", unit), 0), (("rearm", unit), 1), (("release", unit), 0),
                           (("undrain",), 0), (("forget", "nothing"), 1), (("enable", unit), 0), (("set", unit, "StopGraceSec=100ms"), 0),
                           (("transfer", unit, "nowhere"), 1)):
            told = self.assertFits("acted", *verb)
            self.assertEqual((told["verb"], told["exit"]), (verb[0], code), told)
            self.assertTrue(code == 0 or told["lines"][-1]["error"], told)
        uuid = json.loads(ctl("registry", "--json").stdout)["uuid"]
        for verb, code in ((("registry", "accept", uuid), 0), (("registry", "forget", "nobodys"), 3), (("registry", "forget", "nobodys", "7"), 3),
                           (("registry", "frob"), 2)):
            done = ctl(*verb, "--json")
            told = json.loads(done.stdout)
            self.assertEqual((SCHEMA.faults("acted", told), told["verb"], told["exit"], done.stderr), ([], "registry", code, ""), verb)
        told = self.assertFits("acted", "transfer", unit, "nowhere")
        self.assertRegex(told["lines"][0]["text"], r"\Anowhere: no such machine, ")
        self.assertRegex(self.assertFits("acted", "release", unit)["lines"][0]["text"], rf"\A{unit}: ")

    def test_what_a_dry_run_tells_and_what_cat_shows_is_as_the_schema_says(self):
        unit = self.offer(self.enable("schema-dry.service", "[Service]\nExecStart=/bin/sleep infinity\n[X-Leased]\nPrefer=rack=a1\n"))
        here = self.here()["hostname"]
        for verb, to in ((("drain",), "beta"), (("transfer", unit, "beta"), "beta"), (("release", unit), "beta"), (("disable", unit), "beta"),
                         (("steal", unit), None), (("drain", "beta"), None), (("rebalance",), None)):
            moves = self.assertFits(verb[0], *verb, "--dry-run")
            self.assertTrue(to is None or [each["to"] for each in moves if each["unit"] == unit], (verb, moves))
        for verb in (("enable", unit), ("set", unit, "StopGraceSec=100ms"), ("setup", f"{here}=127.0.0.1")):
            told = self.assertFits("acted", *verb, "--dry-run")
            self.assertEqual((told["verb"], bool(told["lines"])), (verb[0], True), told)
            self.assertFalse([each for each in told["lines"] if each["text"].startswith(("[", "{"))], "JSON within JSON")
        shown = self.assertFits("cat", "cat", unit, "schema-dry.service")
        self.assertEqual([each["unit"] for each in shown], [unit, unit])
        self.assertIn("Prefer=rack=a1", shown[0]["options"] + str(shown[0]["files"]))
        self.assertEqual(property_of(unit, "ActiveState"), "active")

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


class JsonOfWhatIsSubmitted(Fitting, Submitting):
    def test_units_that_were_submitted_are_as_the_schema_says(self):
        """One that counts here, one whose signature does not, one that was destroyed, and a record that is none."""
        self.submit("schema-signed.service", dropins={"limit.conf": "[Service]\nTasksMax=77\n"})
        self.submit("schema-gone.service")
        ctl("destroy", f"--key={self.keys}/alice", "schema-gone", check=True)
        self.wait_outcome("schema-gone.service", "destroyed")
        self.forge("schema-forged.service", key="mallory")
        self.wait_outcome("schema-forged.service", "unknown signer")
        put("units/schema-damaged.service", {"signed": "{}", "signature": ""})
        self.wait_outcome("schema-damaged.service", "unsigned")
        rows = {each["unit"]: each for each in self.assertFits("list-files", "list-files")}
        self.assertEqual([(name.split("-")[1], row["verified"] == "yes", row["destroyed"], row["here_code"]) for name, row in sorted(rows.items())],
                         [("damaged.service", False, False, REASON["unsigned"]), ("forged.service", False, False, REASON["unknown signer"]),
                          ("gone.service", True, True, REASON["destroyed"]), ("signed.service", True, False, REASON["in force"])])
        self.assertEqual([each["verified_code"] == 0 for each in self.assertFits("verify", "verify", "schema-signed", "schema-forged")],
                         [each["verified"] == "yes" for each in self.assertFits("verify", "verify", "schema-signed", "schema-forged")])
        self.assertFits("cat", "cat", "schema-signed")


if __name__ == "__main__":
    main()
