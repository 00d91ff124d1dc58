#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Units that are submitted to the cluster: signed ones are taken, and nothing that a forger writes into the registry.

    run-in-guest test-leasectl-submit.py LEASECTL LEASED LEASED_GUARD LEASED.SERVICE LEASED-GUARD.SERVICE BUS_POLICY LEASED_RUN PUT_RECORD
"""

import fcntl
import json
import os
import shutil
import tempfile
import time

from leasectl_beta import put, shown
from leasectl_guest import SLEEPER, SYSTEM, UNITS, ctl, main, property_of, read, run, wait_for, write
from leasectl_submit import KEPT, REASON, RUN, SIGNERS, Submitting


class Taken(Submitting):
    def test_a_unit_is_run_updated_and_destroyed(self):
        unit = "web.service"
        done = self.submit(unit, dropins={"limit.conf": "[Service]\nTasksMax=77\n"})
        self.assertRegex(done.stdout, r"\Aweb\.service: runs, Version=\d+\n\Z")
        wait_for("it is up", lambda: property_of(unit, "ActiveState") == "active")
        self.assertEqual((property_of(unit, "FragmentPath"), property_of(unit, "TasksMax")), (f"{self.PLACE}/{unit}", "77"))
        first = property_of(unit, "InvocationID")
        self.submit(unit, "[Service]\nExecStart=/bin/sleep 1000000\n")
        wait_for("the new version runs", lambda: property_of(unit, "InvocationID") not in ("", first) and
                 property_of(unit, "ActiveState") == "active")
        self.assertIn("1000000", read(f"{self.PLACE}/{unit}"))
        self.assertFalse(os.path.exists(f"{self.PLACE}/{unit}.d/limit.conf"))
        second = property_of(unit, "InvocationID")
        self.submit(unit, "[Service]\nExecStart=/bin/sleep 2000000\n", "--no-roll")
        wait_for("it is in force", lambda: "2000000" in property_of(unit, "ExecStart"))
        self.assertEqual(property_of(unit, "InvocationID"), second)
        row = next(each for each in shown("list-files") if each["unit"] == unit)
        self.assertEqual((row["signer"], row["verified"]), ("alice@example.com", "yes"))
        self.assertEqual(ctl("verify", unit).returncode, 0)
        ctl("destroy", f"--key={self.keys}/alice", "web", check=True)
        self.wait_outcome(unit, "destroyed")
        for path in (f"{self.PLACE}/{unit}", f"{UNITS}/{unit}", f"{SYSTEM}/{unit}.d/zzzz-leased.conf"):
            self.assertFalse(os.path.lexists(path), path)
        self.assertEqual(property_of(unit, "LoadState"), "not-found")

    def test_what_an_administrator_has_said_counts(self):
        unit = self.unit("mine.service")
        self.submit(unit, "[Service]\nExecStart=/bin/true\n", "--no-wait")
        self.wait_outcome(unit, "not first")
        self.assertEqual(read(f"{SYSTEM}/{unit}"), SLEEPER)
        self.assertIn(f"mine.service: this machine has its own: {SYSTEM}/{unit}", ctl("status").stdout)
        self.submit("linked.service", SLEEPER, "--no-wait")
        self.wait_outcome("linked.service", "in force")
        ctl("disable", "linked.service", check=True)
        ctl("reload", check=True)
        self.wait_outcome("linked.service", "disabled")
        self.assertFalse(os.path.exists(f"{UNITS}/linked.service"))

    def test_a_unit_may_go_by_a_lease_of_another_name(self):
        unit = "by-name.service"
        done = self.submit(unit, SLEEPER + "[X-Leased]\nLease=by-another-name\n")
        self.assertRegex(done.stdout, r"\Aby-name\.service: runs, Version=\d+\n\Z")
        first = property_of(unit, "InvocationID")
        self.submit(unit, "[Service]\nExecStart=/bin/sleep 1000000\n[X-Leased]\nLease=by-another-name\n")
        wait_for("the new version runs", lambda: property_of(unit, "InvocationID") not in ("", first) and
                 property_of(unit, "ActiveState") == "active")

    def test_what_check_refuses_is_told_and_leaves_nothing(self):
        unit = "refused.service"
        self.submit(unit, "[Service]\nExecStart=/bin/sleep infinity\n[X-Leased]\nStopGraceSec=1h\n", "--no-wait")
        self.wait_outcome(unit, "checked")
        self.assertFalse(os.path.lexists(f"{self.PLACE}/{unit}"))
        self.assertFalse(os.path.lexists(f"{UNITS}/{unit}"))

    def test_what_was_taken_comes_back_without_the_registry(self):
        unit = "kept.service"
        self.submit(unit)
        put(f"units/{unit}", {"signed": "{}", "signature": ""})
        self.wait_outcome(unit, "unsigned")
        self.assertTrue(os.path.exists(f"{self.PLACE}/{unit}"))
        os.unlink(f"{self.PLACE}/{unit}")
        ctl("reload", check=True)
        wait_for("its file is back", lambda: os.path.exists(f"{self.PLACE}/{unit}"))
        wait_for("it runs", lambda: property_of(unit, "ActiveState") == "active")

    def test_what_was_broken_off_is_made_good(self):
        unit = "broken-off.service"
        self.submit(unit)
        self.wait_outcome(unit, "in force")
        pid = property_of(unit, "MainPID")
        os.unlink(f"{KEPT}/{unit}.taken")  # as if it had been killed before its last step
        ctl("reload", check=True)
        wait_for("it is noted again", lambda: os.path.exists(f"{KEPT}/{unit}.taken"))
        write(f"{self.PLACE}/{unit}", read(f"{self.PLACE}/{unit}").replace("infinity", "1"))
        ctl("reload", check=True)
        wait_for("its file is right again", lambda: "infinity" in read(f"{self.PLACE}/{unit}"))
        self.assertEqual(property_of(unit, "MainPID"), pid)

    def test_one_that_could_not_begin_is_begun_again_soon(self):
        with open("/run/leased/accept.lock", "w") as lock:  # as of one that an earlier leased has begun
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.submit("soon.service", SLEEPER, "--no-wait")
            wait_for("it has failed", lambda: "another one is at work" in run("journalctl", "-b", "-o", "cat", "--no-pager").stdout)
        released = time.monotonic()
        self.wait_outcome("soon.service", "in force")
        self.assertLess(time.monotonic() - released, 20)

    def test_what_cannot_be_submitted_is_said(self):
        for name, text, said in (("x@.service", SLEEPER, "x@.service: is a template: --copies=K submits its instances 1 to K, a name such as "
                                                         "x@1.service one of them"), ("leased.service", SLEEPER, "no unit of this name"),
                                 ("a.swap", SLEEPER, "no unit of this name"), ("crlf.service", "[Service]\r\n", "carriage returns"),
                                 ("big.service", "#" * 50000, "larger than 48 KiB"), ("empty.service", "", "is empty")):
            done = self.submit(name, text, check=False)
            self.assertEqual(done.returncode, 1)
            self.assertIn(said, done.stderr)
        done = ctl("submit", "/etc/hostname.service")
        self.assertIn("--key=FILE", done.stderr)
        self.assertEqual(ctl("destroy", f"--key={self.keys}/alice", "never").returncode, 4)


class Templates(Submitting):
    TEXT = "[Service]\nExecStart=/bin/sleep infinity\nEnvironment=ME=%i\n"

    def file(self, name, text=TEXT):
        directory = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, directory)
        write(f"{directory}/{name}", text)
        write(f"{directory}/{name}.d/limit.conf", "[Service]\nTasksMax=77\n")
        return f"{directory}/{name}"

    def begin(self, *arguments, key=None, environment=(), check=True):
        return run("env", *environment, "leasectl", "submit", f"--key={key or self.keys + '/alice'}", *arguments, check=check)

    def test_copies_of_a_template_are_units_of_their_own(self):
        path = self.file("copy@.service")
        names = [f"copy@{i}.service" for i in (1, 2, 3)]
        for name in names:
            self.addCleanup(self._clear, name)
        done = self.begin("--copies=3", path)
        self.assertEqual([line.split(": ")[0] for line in done.stdout.splitlines()], names)
        for i, name in enumerate(names, 1):
            wait_for("it is up", lambda each=name: property_of(each, "ActiveState") == "active")
            self.assertEqual((property_of(name, "FragmentPath"), property_of(name, "Environment"), property_of(name, "TasksMax")),
                             (f"{RUN}/{name}", f"ME={i}", "77"))
        self.assertFalse(os.path.lexists(f"{RUN}/copy@.service"))
        self.assertEqual(ctl("verify", names[1]).returncode, 0)
        third = property_of(names[2], "InvocationID")
        write(path, self.TEXT.replace("infinity", "1000000"))
        done = self.begin("--copies=2", path)
        self.assertEqual(done.stderr, "leasectl: note: copy@3.service is there, too; leasectl destroy ends it\n")
        for name in names[:2]:
            wait_for("the new version is in force", lambda each=name: "1000000" in property_of(each, "ExecStart"))
        self.assertEqual(property_of(names[2], "InvocationID"), third)
        put("units/copy@4.service", self.record(names[0]))  # a forger's fourth
        self.wait_outcome("copy@4.service", "other name")
        self.assertNothingOf("copy@4.service")
        ctl("destroy", f"--key={self.keys}/alice", "copy@1", check=True)
        self.wait_outcome(names[0], "destroyed")
        wait_for("its neighbour is up", lambda: property_of(names[1], "ActiveState") == "active")
        self.assertEqual((property_of(names[0], "LoadState"), property_of(names[1], "LoadState")), ("not-found", "loaded"))

    def test_an_instance_without_a_file_has_that_of_its_template(self):
        path = self.file("one@.service")
        self.addCleanup(self._clear, "one@blue.service")
        self.begin(path.replace("@", "@blue"))
        wait_for("it is up", lambda: property_of("one@blue.service", "ActiveState") == "active")
        self.assertEqual(property_of("one@blue.service", "Environment"), "ME=blue")
        self.assertIn("No such file", self.begin(path.replace("one@", "two@x"), check=False).stderr)

    def test_copies_of_what_is_no_template_are_those_of_one_unit(self):
        unit = "plain-two.service"
        path = self.file(unit)
        self.addCleanup(self._clear, unit)
        done = self.begin("--copies=2", "--start", path)
        self.assertRegex(done.stdout, r"\Aplain-two\.service: runs, Version=\d+\n\Z")
        self.assertEqual(sorted(os.listdir(f"{RUN}/{unit}.d")), ["limit.conf", "zz-copies.conf"])
        wait_for("it is up", lambda: property_of(unit, "ActiveState") == "active")
        self.assertIn("plain-two.service#1", ctl("list", "--json=short", check=True).stdout)

    def test_copies_that_are_none_are_refused(self):
        path = self.file("plain-one.service")
        self.assertSays(self.begin("--copies=0", path, check=False), 2, "--copies=0: expected is a number from 1 to 64")
        self.assertIn("none of the system's own", self.begin("--copies=2", self.file("ssh@.service"), check=False).stderr)

    def test_a_key_in_an_agent_signs(self):
        agent = "/run/test-agent"
        run("systemd-run", "--quiet", "--unit=test-agent", "ssh-agent", "-D", "-a", agent)
        self.addCleanup(run, "systemctl", "stop", "test-agent")
        wait_for("the agent listens", lambda: os.path.exists(agent))
        elsewhere = tempfile.mkdtemp()  # where the private key is not
        self.addCleanup(shutil.rmtree, elsewhere)
        path, public = self.file("agent.service"), shutil.copy(f"{self.keys}/alice.pub", elsewhere)
        how = {"key": public, "environment": (f"SSH_AUTH_SOCK={agent}",), "check": False}
        done = self.begin(path, **how)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn("cannot sign", done.stderr)
        self.assertEqual(self.outcome("agent.service"), 0)
        run("env", f"SSH_AUTH_SOCK={agent}", "ssh-add", "-q", f"{self.keys}/alice")
        self.addCleanup(self._clear, "agent.service")
        done = self.begin(path, **how)
        self.assertEqual(done.returncode, 0, done.stderr)
        wait_for("it is up", lambda: property_of("agent.service", "ActiveState") == "active")

    def test_a_unit_of_every_machine_is_submitted(self):
        unit = "everywhere.service"
        self.submit(unit, SLEEPER + "[X-Fleet]\nGlobal=true\n", "--no-wait")
        wait_for("it is up", lambda: property_of(unit, "ActiveState") == "active")
        self.wait_outcome(unit, "in force")


class Forged(Submitting):
    def refused(self, reason, name, **how):
        with self.subTest(reason=reason, name=name):
            self.forge(name, **how)
            self.wait_outcome(how.get("put_as") or name, reason)
            self.assertNothingOf(name)
            self.assertNothingOf(how.get("put_as") or name)

    def told(self, unit):
        """The reasons, by number, of the entries in the unit's journal about what was submitted."""
        run("journalctl", "--sync")
        lines = run("journalctl", "-b", "-o", "json", f"OBJECT_SYSTEMD_UNIT={unit}", "--no-pager").stdout.splitlines()
        entries = [json.loads(line) for line in lines if "what was submitted as version" in line]
        self.assertTrue(all("MESSAGE_ID" in entry and entry["UNIT"] == unit for entry in entries), entries)
        return [int(entry["REASON_CODE"]) for entry in entries]

    def test_the_units_own_journal_tells_what_has_become_of_it(self):
        self.submit("told.service")
        wait_for("it is told", lambda: REASON["in force"] in self.told("told.service"))
        self.forge("told.service", key="mallory")
        wait_for("that is told as well", lambda: REASON["unknown signer"] in self.told("told.service"))

    def test_what_is_not_signed_by_somebody_known_is_refused(self):
        put("units/plain.service", {"signed": json.dumps({"unit": "plain.service"}), "signature": ""})
        self.wait_outcome("plain.service", "unsigned")
        put("units/nonsense.service", {"what": 1})
        self.wait_outcome("nonsense.service", "damaged")
        self.refused("unknown signer", "mallory.service", key="mallory")
        self.refused("bad signature", "namespace.service", namespace="git")
        self.refused("bad signature", "other-namespace.service", key="git")
        self.refused("bad signature", "pattern.service", key="many")
        self.refused("not allowed", "alice.service", key="bob")
        self.assertEqual(ctl("verify", "mallory.service").returncode, 1)
        self.assertNotEqual(ctl("verify").returncode, 0)

    def test_what_was_signed_for_something_else_is_refused(self):
        self.refused("other cluster", "cluster.service", cluster="5f3c7d0e-1b2a-4c3d-8e9f-001122334455")
        self.refused("other name", "name.service", put_as="victim.service")
        unit = "changed.service"
        self.submit(unit)
        record = self.record(unit)
        put(f"units/{unit}", {"signed": record["signed"].replace("infinity", "1"), "signature": record["signature"]})
        self.wait_outcome(unit, "bad signature")
        self.assertIn("infinity", read(f"{self.PLACE}/{unit}"))

    def test_what_is_older_is_refused_also_after_it_was_destroyed(self):
        unit = "replayed.service"
        self.submit(unit)
        first = self.record(unit)
        self.submit(unit, "[Service]\nExecStart=/bin/sleep 1000000\n")
        wait_for("the new version is there", lambda: "1000000" in read(f"{self.PLACE}/{unit}"))
        put(f"units/{unit}", first)
        self.wait_outcome(unit, "too old")
        self.assertIn("1000000", read(f"{self.PLACE}/{unit}"))
        ctl("destroy", f"--key={self.keys}/alice", unit, check=True)
        self.wait_outcome(unit, "destroyed")
        put(f"units/{unit}", first)
        self.wait_outcome(unit, "too old")
        self.assertFalse(os.path.lexists(f"{self.PLACE}/{unit}"))
        put("units/elsewhere.service", first)
        self.wait_outcome("elsewhere.service", "other name")

    def test_a_version_of_a_clock_that_is_far_ahead_keeps_no_other_out(self):
        unit = "ahead.service"
        self.forge(unit, version=self.version() + 2 * 86400 * 1000)
        self.wait_outcome(unit, "ahead")
        self.assertNothingOf(unit)
        self.submit(unit)
        self.wait_outcome(unit, "in force")

    def test_names_and_contents_that_lead_elsewhere_are_refused(self):
        cases = [("bad name", "first.service", {"files": [{"name": "sshd.service", "content": SLEEPER}]})]
        for i, name in enumerate(("../../etc/passwd", "n.service.d/../../../x", "m.service", "n.service.d/a/b.conf", "n.service.d/.conf",
                                  "n.service.d/zzzz-leased.conf", "n.service.d/a.txt", "/etc/shadow", "n.service.d", "n.service.d/")):
            unit = f"n{i}.service"
            cases.append(("bad name", unit, {"files": [{"name": unit, "content": SLEEPER},
                                                       {"name": name.replace("n.service", unit), "content": "#"}]}))
        for i, content in enumerate(("a\0b", "a\r\n", "\x1b[2J", "#" * 60000, None, 7, "")):
            cases.append(("damaged", f"c{i}.service", {"files": [{"name": f"c{i}.service", "content": content}]}))
        for i, changes in enumerate(({"version": 0}, {"version": 2**60}, {"version": -1}, {"runs_as": 2**62}, {"runs_as": 0}, {"files": []},
                                     {"files": None}, {"unit": None}, {"destroyed": True})):
            cases.append(("damaged", f"d{i}.service", changes))
        for _, unit, changes in cases:
            self.forge(unit, **changes)
        for reason, unit, _ in cases:
            with self.subTest(reason=reason, unit=unit):
                self.wait_outcome(unit, reason)
                self.assertNothingOf(unit)
        self.assertFalse(os.path.exists(f"{RUN}/m.service"))
        put("units/no-service.slice", {"signed": "{}", "signature": ""})
        put("units/../../../tmp/x.service", {"signed": "{}", "signature": ""})
        self.submit("still-taken.service")

    def test_units_of_the_system_are_no_goal(self):
        names = ("leased.service", "leased-guard.service", "dbus.service", "sshd.service", "systemd-journald.service", "user@0.service")
        self.forge("forged@.service")  # a template
        for name in names:
            self.forge(name)
        for name in names:
            self.wait_outcome(name, "bad name")
            self.assertFalse(os.path.lexists(f"{RUN}/{name}"))
        self.assertNothingOf("forged@.service")
        before = property_of("getty.target", "LoadState")
        alias = "submit-alias.service"
        self.addCleanup(self._clear, alias)
        owner = self.unit("submit-owner.service")
        os.symlink(f"{SYSTEM}/{owner}", f"{SYSTEM}/{alias}")
        self.addCleanup(os.unlink, f"{SYSTEM}/{alias}")
        run("systemctl", "daemon-reload")
        self.forge(alias)
        self.wait_outcome(alias, "not first")
        self.assertEqual(read(f"{SYSTEM}/{owner}"), SLEEPER)
        self.assertEqual(property_of("getty.target", "LoadState"), before)

    def test_links_of_the_directories_are_not_followed(self):
        target = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, target)
        os.symlink(target, f"{RUN}/trap.service.d")
        self.addCleanup(os.unlink, f"{RUN}/trap.service.d")
        self.forge("trap.service", files=[{"name": "trap.service", "content": SLEEPER},
                                          {"name": "trap.service.d/a.conf", "content": "[Service]\n"}])
        self.wait_outcome("trap.service", "not first")
        self.assertEqual(os.listdir(target), [])

    def test_signers_that_others_may_write_count_for_nothing(self):
        self.addCleanup(os.chmod, SIGNERS, 0o644)
        os.chmod(SIGNERS, 0o666)
        self.refused("no signers", "open.service")
        os.chmod(SIGNERS, 0o644)
        os.rename(SIGNERS, f"{SIGNERS}.old")
        os.symlink(f"{SIGNERS}.old", SIGNERS)
        self.refused("no signers", "linked-signers.service")
        os.rename(f"{SIGNERS}.old", SIGNERS)


class InEtc(Submitting):
    LEASED_CONF = "[Leased]\nTTL=2s\nAcceptUnits=etc\n"
    PLACE = SYSTEM

    def test_the_files_are_below_etc(self):
        self.submit("etc.service")
        self.assertTrue(os.path.exists(f"{SYSTEM}/etc.service"))


class NotAccepting(Submitting):
    LEASED_CONF = "[Leased]\nTTL=2s\n"

    def test_a_machine_that_takes_no_units_takes_none(self):
        self.submit("none.service", SLEEPER, "--no-wait")
        self.assertEqual(ctl("accept-files").returncode, 1)
        self.assertNothingOf("none.service")
        self.assertEqual([each["unit"] for each in shown("list-files")], ["none.service"])
        self.assertIn("sleep infinity", ctl("cat", "none.service", check=True).stdout)


if __name__ == "__main__":
    main()
