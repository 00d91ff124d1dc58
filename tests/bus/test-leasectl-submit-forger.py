#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What somebody tries who has the registry's password and no key: records of every kind, written at every moment.

    run-in-guest test-leasectl-submit-forger.py LEASECTL LEASED LEASED_GUARD LEASED.SERVICE LEASED-GUARD.SERVICE BUS_POLICY LEASED_RUN PUT_RECORD
"""

import json
import os
import threading

from leasectl_beta import REGISTRY, put, shown
from leasectl_guest import HERE, SLEEPER, SYSTEM, ctl, main, property_of, read, run, wait_for, write
from leasectl_submit import REASON, RUN, SIGNERS, Submitting

ARMOUR = "-----BEGIN SSH SIGNATURE-----\n{}\n-----END SSH SIGNATURE-----\n"


class Forger(Submitting):
    def put_text(self, key, text):
        run(f"{HERE}/put-record", REGISTRY, key, text)

    def test_a_destruction_counts_for_its_own_unit_and_once(self):
        victim, other = "victim.service", "other.service"
        self.submit(other)
        ctl("destroy", f"--key={self.keys}/alice", other, check=True)
        self.wait_outcome(other, "destroyed")
        gone = self.record(other)
        self.submit(victim)
        put(f"units/{victim}", gone)
        self.wait_outcome(victim, "other name")
        text = json.dumps({"cluster": shown("registry")["uuid"], "unit": victim, "version": self.version(), "runs_as": 1, "destroyed": True})
        for key, reason in (("mallory", "unknown signer"), ("bob", "not allowed")):
            put(f"units/{victim}", {"signed": text, "signature": self.sign(text, key)})
            self.wait_outcome(victim, reason)
        put(f"units/{victim}", {"signed": text, "signature": gone["signature"]})
        self.wait_outcome(victim, "bad signature")
        self.assertEqual(property_of(victim, "ActiveState"), "active")
        self.submit(other)
        put(f"units/{other}", gone)
        self.wait_outcome(other, "too old")
        self.assertEqual(property_of(other, "ActiveState"), "active")

    def test_records_that_are_swapped_all_the_time_bring_in_nothing_else(self):
        unit = "swapped.service"
        texts = [f"[Service]\nExecStart=/bin/sleep {n}00000\n" for n in (1, 2, 3)]
        records = []
        for text in texts:
            self.submit(unit, text, "--no-wait")
            wait_for("it is there", lambda each=text: os.path.exists(f"{RUN}/{unit}") and each in read(f"{RUN}/{unit}"))
            self.wait_outcome(unit, "in force")
            records.append(self.record(unit))
        evil = {"signed": records[2]["signed"].replace("sleep 3", "false 3"), "signature": records[2]["signature"]}
        seen, done = set(), threading.Event()

        def watch():
            while not done.is_set():
                try:
                    seen.add(read(f"{RUN}/{unit}"))
                except FileNotFoundError:
                    seen.add(None)
                done.wait(0.002)

        watcher = threading.Thread(target=watch)
        watcher.start()
        for each in range(4):
            for record in (evil, records[0], records[1], {"signed": "", "signature": ""}, evil):
                put(f"units/{unit}", record)
            if each == 2:
                self.submit(unit, "[Service]\nExecStart=/bin/sleep 400000\n", "--no-wait")
                wait_for("the new one is there", lambda: "400000" in read(f"{RUN}/{unit}"))
        done.set()
        watcher.join()
        self.assertEqual({text[text.index("sleep"):].split()[1] for text in seen}, {"300000", "400000"})

    def test_odd_records_stop_nobody(self):
        signature = ARMOUR.format("U1NIU0lH" + "A" * 60)
        odd = {"deep": "[" * 100_000, "wide": json.dumps({"signed": "x", "signature": ARMOUR.format("A" * 100_000)}),
               "no-armour": json.dumps({"signed": "{}", "signature": "-I\n--help\n/etc/shadow"}),
               "cut": json.dumps({"signed": "{}", "signature": signature}), "number": "1e999999", "text": '"x"', "null": "null",
               "twice": '{"signed":"a","signed":"b","signature":"c"}', "nul": '{"signed":"a\\u0000b","signature":"c"}',
               "escape": json.dumps({"signed": json.dumps({"cluster": "\x1b[2J", "unit": "\x1b]0;x\x07"}), "signature": signature})}
        for name, text in odd.items():
            self.put_text(f"units/odd-{name}.service", text)
        self.submit("z-after-odd.service", SLEEPER, "--no-wait")
        self.wait_outcome("z-after-odd.service", "in force")
        for name in odd:
            self.assertNotIn(self.outcome(f"odd-{name}.service"), (0, 220), name)
            self.assertNothingOf(f"odd-{name}.service")
        for verb in ("list-files", "verify", "status"):
            self.assertNotIn("\x1b", ctl(verb).stdout)

    def test_a_record_that_was_deleted_keeps_no_unit_from_being_destroyed(self):
        unit = "deleted.service"
        self.submit(unit)
        self.wait_outcome(unit, "in force")
        run(f"{HERE}/put-record", REGISTRY, f"units/{unit}", "")
        wait_for("it is gone", lambda: unit not in [row["unit"] for row in shown("list-files")])
        self.assertEqual(property_of(unit, "ActiveState"), "active")
        ctl("destroy", f"--key={self.keys}/alice", unit, check=True)
        self.wait_outcome(unit, "destroyed")
        self.assertFalse(os.path.exists(f"{RUN}/{unit}"))
        self.assertSays(ctl("destroy", f"--key={self.keys}/alice", "never.service"), 4,
                        "never.service: was never submitted, see: leasectl list-files; if its record was lost, destroy it from a machine that has it")

    def test_many_false_records_keep_no_true_one_out(self):
        signature = self.sign("something else", "mallory")
        for number in range(8):
            put(f"units/a{number}.service", {"signed": json.dumps({"unit": f"a{number}.service"}), "signature": signature})
        self.submit("z-true.service", SLEEPER, "--no-wait")
        self.wait_outcome("z-true.service", "in force")

    def test_of_a_false_record_that_is_gone_nothing_is_told(self):
        unit = "gone-again.service"
        self.forge(unit, key="mallory")
        self.wait_outcome(unit, "unknown signer")
        run(f"{HERE}/put-record", REGISTRY, f"units/{unit}", "")
        wait_for("nothing is told of it", lambda: self.outcome(unit) == 0)
        self.assertNotIn(unit, ctl("status").stdout)

    def test_more_false_records_than_are_told_of_hide_nothing_of_a_true_one(self):
        unit = "z-hidden.service"
        self.addCleanup(run, f"{HERE}/put-record", REGISTRY, "units/a-%u.service", "", "130")
        run(f"{HERE}/put-record", REGISTRY, "units/a-%u.service", '{"signed":"{}","signature":""}', "130")
        wait_for("they are told of", lambda: self.told("a-") >= 100)
        self.submit(unit, SLEEPER, "--no-wait")
        self.wait_outcome(unit, "in force")
        old = self.record(unit)
        self.submit(unit, SLEEPER + "# anew\n", "--no-wait")
        wait_for("the new one is, too", lambda: "anew" in read(f"{RUN}/{unit}"))
        put(f"units/{unit}", old)
        self.wait_outcome(unit, "too old")
        self.assertIn(self.told("a-"), range(90, 101))  # what other tests have left counts among them

    @staticmethod
    def told(prefix):
        return sum(line.strip().startswith(prefix) or f" {prefix}" in line for line in ctl("status").stdout.splitlines())

    def test_what_runs_stays_when_its_signer_is_struck_and_another_destroys_it(self):
        unit = "bob-orphan.service"
        self.submit(unit, key="bob")
        self.wait_outcome(unit, "in force")
        signers = read(SIGNERS)
        self.addCleanup(write, SIGNERS, signers)
        write(SIGNERS, "".join(line for line in signers.splitlines(True) if not line.startswith("bob")))
        ctl("reload", check=True)
        self.wait_outcome(unit, "unknown signer")
        self.assertEqual(property_of(unit, "ActiveState"), "active")
        self.submit(unit, SLEEPER + "# anew\n", "--no-wait", key="bob")
        ctl("reload", check=True)
        self.wait_outcome(unit, "unknown signer")
        self.assertNotIn("anew", read(f"{RUN}/{unit}"))
        ctl("destroy", f"--key={self.keys}/alice", unit, check=True)
        self.wait_outcome(unit, "destroyed")
        self.assertFalse(os.path.lexists(f"{RUN}/{unit}"))

    def test_after_a_backup_of_the_registry_the_next_version_counts_again(self):
        unit = "backup.service"
        self.submit(unit)
        self.wait_outcome(unit, "in force")
        backup = self.record(unit)
        self.submit(unit, SLEEPER + "# second\n")
        wait_for("it is there", lambda: "second" in read(f"{RUN}/{unit}"))
        put(f"units/{unit}", backup)
        self.wait_outcome(unit, "too old")
        self.submit(unit, SLEEPER + "# third\n", "--no-roll")
        wait_for("it is there", lambda: "third" in read(f"{RUN}/{unit}"))
        self.wait_outcome(unit, "in force")

    def test_what_a_machine_has_of_its_own_goes_first_whatever_it_is(self):
        # A template, an alias of an instance, a mask, a unit that has a file of PID 1's only.
        self.write_unit("tpl@.service", SLEEPER)
        self.write_unit("real.service", SLEEPER)
        os.symlink(f"{SYSTEM}/real.service", f"{SYSTEM}/tpl@alias.service")
        os.symlink("/dev/null", f"{SYSTEM}/masked.service")
        self.write_unit("dropped.service.d/a.conf", "[Service]\nTasksMax=77\n")
        run("systemd-run", "--unit=passing.service", "/bin/sleep", "100000")
        self.addCleanup(run, "systemctl", "stop", "passing.service")
        run("systemctl", "daemon-reload")
        for unit in ("tpl@1.service", "tpl@alias.service", "masked.service", "passing.service"):
            self.forge(unit)
            self.wait_outcome(unit, "not first")
            self.assertFalse(os.path.lexists(f"{RUN}/{unit}"), unit)
        self.forge("dropped.service", files=[{"name": "dropped.service", "content": SLEEPER},
                                             {"name": "dropped.service.d/b.conf", "content": "[Service]\nNice=1\n"}])
        self.addCleanup(self._clear, "dropped.service")
        self.wait_outcome("dropped.service", "in force")
        self.assertEqual(property_of("dropped.service", "TasksMax"), "77")
        self.assertNotIn("b.conf", os.listdir(f"{SYSTEM}/dropped.service.d"))

    def write_unit(self, name, text):
        write(f"{SYSTEM}/{name}", text)
        self.addCleanup(os.unlink, f"{SYSTEM}/{name}")

    def test_nothing_starts_before_its_gate_is_shut(self):
        """Another unit wants it, again and again, also while its file is new, or there for a moment only."""
        wanted, refused = "wanted.service", "refused.service"
        text = "[Service]\nExecStart=/bin/sh -c 'echo \"started with $LEASE_INDEX.\" >>/tmp/%n; exec sleep 100000'\n"
        done = threading.Event()

        def want():
            while not done.is_set():
                run("systemctl", "start", "--no-block", wanted, refused, check=False)

        wanting = threading.Thread(target=want)
        wanting.start()
        try:
            for each in range(4):
                self.submit(f"other-{each}.service", SLEEPER, "--no-wait")
            self.submit(wanted, text, "--no-wait")
            self.submit(refused, text + "ExecStartPre=-/usr/bin/docker run box\n", "--no-wait")
            self.wait_outcome(wanted, "in force")
            self.wait_outcome(refused, "checked")
            wait_for("it has started", lambda: os.path.exists(f"/tmp/{wanted}"))
            ctl("destroy", f"--key={self.keys}/alice", wanted, check=True)
            self.wait_outcome(wanted, "destroyed")
        finally:
            done.set()
            wanting.join()
        self.assertNotIn("with .", read(f"/tmp/{wanted}"))
        self.assertFalse(os.path.exists(f"/tmp/{refused}"))
        for unit in (wanted, refused):
            self.assertNotEqual(property_of(unit, "ActiveState"), "active")
            for path in (f"{RUN}/{unit}", f"{RUN}/{unit}.d", f"{SYSTEM}/{unit}.d"):
                wait_for(f"{path} is gone", lambda each=path: not os.path.lexists(each))

    def test_a_signer_has_his_own_names_and_no_other(self):
        for name in ("xbob-1.service", "Bob-1.service", "bob.service", "bob_-1.service"):
            self.forge(name, key="bob")
            self.wait_outcome(name, "not allowed")
            self.assertNothingOf(name)
        self.submit("bob-1.service", key="bob")
        self.wait_outcome("bob-1.service", "in force")
        self.forge("bob-1.service", key="alice", put_as="bob-2.service")
        self.wait_outcome("bob-2.service", "other name")

    def test_what_nobody_here_has_verified_is_shown_as_such(self):
        unit = "shown.service"
        self.forge(unit, key="mallory", files=[{"name": unit, "content": "[Service]\nExecStart=/bin/x \u009b2J\u202e\n"}])
        self.wait_outcome(unit, "unknown signer")
        done = ctl("cat", unit)
        self.assertIn("not verified here", done.stderr)
        self.assertNotIn("\u009b", done.stdout)
        self.assertNotIn("\u202e", done.stdout)

    def test_names_that_are_too_long_for_their_files_are_not_even_looked_at(self):
        unit = "n" * (241 - len(".service")) + ".service"
        self.forge(unit)
        self.submit("z-after-long.service", SLEEPER, "--no-wait")
        self.wait_outcome("z-after-long.service", "in force")
        self.assertEqual(self.outcome(unit), 0)
        self.assertNothingOf(unit)

    def test_drop_ins_change_no_other_unit(self):
        neighbour = self.unit("web-mine.service")
        self.forge("web-.service", files=[{"name": "web-.service", "content": SLEEPER},
                                          {"name": "web-.service.d/a.conf", "content": "[Service]\nTasksMax=77\n"}])
        self.wait_outcome("web-.service", "bad name")
        run("systemctl", "daemon-reload")
        self.assertNotEqual(property_of(neighbour, "TasksMax"), "77")

    def test_a_drop_in_that_opens_the_gate_is_refused(self):
        unit = "opens.service"
        self.forge(unit, files=[{"name": unit, "content": SLEEPER}, {"name": f"{unit}.d/zzzzz.conf", "content": "[Unit]\nAssertPathExists=\n"}])
        self.addCleanup(self._clear, unit)
        self.wait_outcome(unit, "checked")
        self.assertIn("opens.service: leasectl enable refuses it: the gate has no effect", ctl("status").stdout)
        self.assertFalse(os.path.lexists(f"{RUN}/{unit}"))

    def test_what_is_installed_elsewhere_is_not_touched(self):
        unit = "aliasing.service"
        self.submit(unit, SLEEPER + "[Install]\nAlias=dbus-aliasing.service\nAlso=leased.service\nWantedBy=multi-user.target\n", "--no-wait")
        self.wait_outcome(unit, "in force")
        self.assertFalse(os.path.lexists(f"{SYSTEM}/dbus-aliasing.service"))
        self.assertFalse(os.path.lexists(f"{SYSTEM}/multi-user.target.wants/{unit}"))

    def test_a_version_before_that_is_false_is_said_to_be(self):
        unit = "roll.service"
        self.submit(unit)
        text = json.loads(self.record(unit)["signed"])
        text.update(runs_as=7)
        put(f"units/{unit}", {"signed": json.dumps(text), "signature": "none"})
        self.wait_outcome(unit, "unknown signer")
        done = self.submit(unit, "[Service]\nExecStart=/bin/sleep 100000\n", "--no-roll", "--no-wait")
        self.assertIn("roll.service: --no-roll goes by the version before, which is not verified here", done.stderr)
        wait_for("it is there", lambda: "100000" in read(f"{RUN}/{unit}"))


if __name__ == "__main__":
    main()
