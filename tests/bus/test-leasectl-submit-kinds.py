#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Timers, sockets, paths, mounts and targets that come with the cluster, with what they start; and what a forger makes of them.

    run-in-guest test-leasectl-submit-kinds.py LEASECTL LEASED LEASED_GUARD LEASED.SERVICE LEASED-GUARD.SERVICE BUS_POLICY LEASED_RUN PUT_RECORD
"""

import os

from leasectl_guest import SYSTEM, UNITS, ctl, main, property_of, read, run, wait_for, write
from leasectl_submit import KEPT, REASON, RUN, Submitting

TIMER = "[Timer]\nOnCalendar=*:*:*\nAccuracySec=1ms\n"
JOB = "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'echo $LEASE_INDEX >>/run/kinds-ran'\n"
SLEEPS = "[Service]\nExecStart=/bin/sleep infinity\n"
GATE = "zzzz-leased.conf"


class Kinds(Submitting):
    def setUp(self):
        if os.path.exists("/run/kinds-ran"):
            os.unlink("/run/kinds-ran")

    def assertNothingOf(self, *names):
        for name in names:
            for path in (f"{RUN}/{name}", f"{RUN}/{name}.d", f"{SYSTEM}/{name}", f"{SYSTEM}/{name}.d", f"{UNITS}/{name}"):
                wait_for(f"{path} is gone", lambda each=path: not os.path.exists(each))

    def record_files(self, *files):
        return [{"name": name, "content": text} for name, text in files]

    # What is taken

    def test_a_timer_comes_with_its_service_and_alone_has_the_lease(self):
        done = self.send("nightly.timer", {"nightly.timer": TIMER, "nightly.service": JOB, "nightly.service.d/10.conf": "[Service]\nNice=1\n"})
        self.assertRegex(done.stdout, r"\Anightly.timer: runs, Version=\d+\n\Z")
        wait_for("the service runs with the timer's lease", lambda: os.path.exists("/run/kinds-ran") and read("/run/kinds-ran").count("1\n") > 1)
        self.assertIn("It goes with nightly.timer.", read(f"{RUN}/nightly.service"))
        self.assertEqual(property_of("nightly.service", "Nice"), "1")
        self.assertFalse(os.path.exists(f"{UNITS}/nightly.service"))
        self.assertIn("/run/leased/held/nightly.timer", read(f"{SYSTEM}/nightly.service.d/{GATE}"))
        # A new version changes both, and moves once.
        self.send("nightly.timer", {"nightly.timer": TIMER, "nightly.service": JOB.replace("LEASE_INDEX", "LEASE_INDEX new")})
        wait_for("the new text runs", lambda: "new" in read("/run/kinds-ran"))
        self.assertFalse(os.path.exists(f"{RUN}/nightly.service.d"))
        ctl("destroy", f"--key={self.keys}/alice", "nightly.timer")
        self.wait_outcome("nightly.timer", "destroyed")
        self.assertNothingOf("nightly.timer", "nightly.service")
        self.assertEqual([name for name in os.listdir(KEPT) if "nightly" in name], ["nightly.timer"])

    def test_a_companion_of_another_name_and_one_that_is_dropped(self):
        self.send("a.timer", {"a.timer": TIMER + "Unit=b.service\n", "b.service": JOB})
        wait_for("it runs", lambda: os.path.exists("/run/kinds-ran"))
        self.send("a.timer", {"a.timer": TIMER + "Unit=c.service\n", "c.service": JOB})
        wait_for("the new one is there", lambda: os.path.exists(f"{RUN}/c.service"))
        self.assertNothingOf("b.service")

    def test_sockets_paths_and_targets_come_with_what_they_start(self):
        self.send("s.socket", {"s.socket": "[Socket]\nListenStream=/run/kinds-s\n", "s.service": SLEEPS})
        self.send("p.path", {"p.path": "[Path]\nPathExists=/run/kinds-p\n", "p.service": SLEEPS})
        self.send("t.target", {"t.target": "[Unit]\nWants=m.service\n", "m.service": "[Unit]\nBindsTo=t.target\nAfter=t.target\n" + SLEEPS})
        for name in ("s.socket", "p.path", "t.target"):
            self.wait_outcome(name, "in force")
            wait_for(f"{name} is up", lambda each=name: property_of(each, "ActiveState") == "active")
        for name, lead in (("s.service", "s.socket"), ("p.service", "p.path"), ("m.service", "t.target")):
            self.assertIn(f"/run/leased/held/{lead}", read(f"{SYSTEM}/{name}.d/{GATE}"))
        wait_for("the member is up", lambda: property_of("m.service", "ActiveState") == "active")

    def test_a_mount_is_taken(self):
        self.send("srv-kinds.mount", {"srv-kinds.mount": "[Mount]\nWhat=tmpfs\nWhere=/srv/kinds\nType=tmpfs\n"})
        wait_for("it is mounted", lambda: os.path.ismount("/srv/kinds"))

    # What is not

    def refuses(self, lead, files, words):
        self.addCleanup(self._clear, lead)
        self.forge(lead, files=self.record_files(*files.items()))
        self.wait_outcome(lead, "checked")
        self.assertIn(words, " ".join(ctl("list-files", lead).stdout.split()))
        self.assertNothingOf(*[name for name in files if not os.path.exists(f"/etc/systemd/system/{name}")])

    def test_a_timer_starts_nothing_of_the_administrators(self):
        write(f"{SYSTEM}/admins.service", SLEEPS)
        self.addCleanup(os.unlink, f"{SYSTEM}/admins.service")
        for kind, text in (("timer", TIMER + "Unit=admins.service\n"), ("path", "[Path]\nPathExists=/\nUnit=admins.service\n"),
                           ("socket", "[Socket]\nListenStream=/run/kinds-x\nService=admins.service\n")):
            self.refuses(f"x.{kind}", {f"x.{kind}": text}, "it starts admins.service, which did not come with it")
            self.assertFalse(os.path.exists(f"{SYSTEM}/admins.service.d"), "its gate is no business of a submitted unit")
        self.assertEqual(property_of("admins.service", "ActiveState"), "inactive")
        for name, unit in (("y.timer", "system.slice"), ("z.timer", "leased-address@eth0-10.0.0.100-32.service")):
            self.refuses(name, {name: f"{TIMER}Unit={unit}\n"}, f"it starts {unit}, which did not come with it")
            self.assertFalse(os.path.exists(f"{SYSTEM}/{unit}.d"))

    def test_an_administrators_file_goes_first_also_before_a_companion(self):
        write(f"{SYSTEM}/own.service", SLEEPS)
        self.addCleanup(os.unlink, f"{SYSTEM}/own.service")
        self.send("own.timer", {"own.timer": TIMER, "own.service": JOB}, "--no-wait")
        self.wait_outcome("own.timer", "not first")
        self.assertEqual(read(f"{SYSTEM}/own.service"), SLEEPS)
        self.assertNothingOf("own.timer")

    def test_what_came_with_one_unit_comes_with_no_other_and_not_alone(self):
        self.send("one.timer", {"one.timer": TIMER + "Unit=job.service\n", "job.service": JOB})
        self.send("two.timer", {"two.timer": TIMER + "Unit=job.service\n", "job.service": SLEEPS}, "--no-wait")
        self.wait_outcome("two.timer", "not first")
        self.send("job.service", {"job.service": SLEEPS}, "--no-wait")
        self.wait_outcome("job.service", "not first")
        self.assertIn("kinds-ran", read(f"{RUN}/job.service"))
        self.assertIn("/run/leased/held/one.timer", read(f"{SYSTEM}/job.service.d/{GATE}"))

    def test_a_companion_that_nothing_starts_is_refused(self):
        self.addCleanup(self._clear, "q.timer")
        self.forge("q.timer", files=self.record_files(("q.timer", TIMER), ("q.service", JOB), ("loose.service", SLEEPS)))
        self.wait_outcome("q.timer", "checked")
        self.assertNothingOf("q.timer", "q.service", "loose.service")

    def test_a_signer_needs_the_names_of_all_companions(self):
        self.send("bob-a.timer", {"bob-a.timer": TIMER + "Unit=job2.service\n", "job2.service": JOB}, "--no-wait", key="bob")
        self.wait_outcome("bob-a.timer", "not allowed")
        self.assertNothingOf("bob-a.timer", "job2.service")

    def test_a_companion_never_starts_without_the_lease(self):
        """Another unit wants it, again and again, while it comes and goes."""
        write(f"{SYSTEM}/wants.service", "[Unit]\nWants=w.service\n[Service]\nType=oneshot\nExecStart=/bin/true\n")
        self.addCleanup(os.unlink, f"{SYSTEM}/wants.service")
        run("systemctl", "daemon-reload")
        text = "[Service]\nExecStart=/bin/sh -c 'test -e /run/leased/held/w.timer || echo without >>/run/kinds-ran; sleep infinity'\n"
        files = {"w.timer": "[Timer]\nOnCalendar=2099-01-01\n", "w.service": text}
        run("systemd-run", "--unit=wanting", "--collect", "sh", "-c", "while true; do systemctl start wants.service; done")
        self.addCleanup(run, "systemctl", "stop", "wanting.service")
        for _ in range(3):  # in force, or refused, as systemd knows of who wants it
            self.send("w.timer", files, "--no-wait")
            wait_for("it was looked at", lambda: self.outcome("w.timer") in (REASON["in force"], REASON["checked"]))
            ctl("destroy", f"--key={self.keys}/alice", "w.timer")
            self.wait_outcome("w.timer", "destroyed")
            self.assertNothingOf("w.timer", "w.service")
        self.assertFalse(os.path.exists("/run/kinds-ran"), "it was started without its lease")


if __name__ == "__main__":
    main()
