#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a submitted timer, socket, path or target starts: named with specifiers, and dropped by a new version.

    run-in-guest test-leasectl-submit-drops.py LEASECTL LEASED LEASED_GUARD LEASED.SERVICE LEASED-GUARD.SERVICE BUS_POLICY LEASED_RUN PUT_RECORD
"""

import os

from leasectl_beta import shown
from leasectl_guest import CONF, SYSTEM, UNITS, ctl, main, property_of, read, run, wait_for, write
from leasectl_submit import KEPT, RUN, Submitting

TIMER = "[Timer]\nOnCalendar=*:*:*\nAccuracySec=1ms\n"
JOB = "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'echo $LEASE_INDEX >>/run/kinds-ran'\n"
SLEEPS = "[Service]\nExecStart=/bin/sleep infinity\n"
GATE = "zzzz-leased.conf"


class Drops(Submitting):
    LEASED_CONF = Submitting.LEASED_CONF.replace("TTL=2s", "TTL=8s")  # nothing is to be stopped in between, however busy the machine is

    def setUp(self):
        if os.path.exists("/run/kinds-ran"):
            os.unlink("/run/kinds-ran")

    def assertNothingOf(self, *names):
        for name in names:
            for path in (f"{RUN}/{name}", f"{RUN}/{name}.d", f"{SYSTEM}/{name}", f"{SYSTEM}/{name}.d", f"{UNITS}/{name}"):
                wait_for(f"{path} is gone", lambda each=path: not os.path.exists(each))

    def ran(self):
        return read("/run/kinds-ran").split() if os.path.exists("/run/kinds-ran") else []

    def test_what_a_version_drops_is_down_before_anything_of_the_version_runs(self):
        """Its stop takes a second and ends with an ExecStopPost= of its own file."""
        old = ("[Service]\nExecStart=/bin/sh -c 'trap \"sleep 1; echo old-ends >>/run/kinds-ran; exit\" TERM; echo old >>/run/kinds-ran; "
               "while sleep 0.05; do :; done'\nExecStopPost=/bin/sh -c 'echo old-post >>/run/kinds-ran'\n")
        new = "[Service]\nExecStart=/bin/sh -c 'echo new >>/run/kinds-ran; sleep infinity'\n"
        for options in ((), ("--no-roll",)):
            self.send("d.timer", {"d.timer": "[Timer]\nOnActiveSec=0\nUnit=old.service\n", "old.service": old})
            wait_for("the old one runs", lambda: self.ran() == ["old"])
            self.send("d.timer", {"d.timer": TIMER + "Unit=new.service\n", "new.service": new}, *options)
            wait_for("the new one runs", lambda: "new" in self.ran())
            self.assertEqual(self.ran(), ["old", "old-ends", "old-post", "new"])
            self.wait_outcome("d.timer", "in force")
            self.assertNothingOf("old.service")
            self.assertEqual(property_of("d.timer", "ActiveState"), "active")
            self.assertEqual(sorted(name for name in os.listdir(KEPT) if name.startswith("d.timer")), ["d.timer", "d.timer.taken", "d.timer.with"])
            self._clear("d.timer")
            os.unlink("/run/kinds-ran")

    def test_a_version_that_is_refused_stops_nothing_that_it_would_drop(self):
        self.send("k.timer", {"k.timer": "[Timer]\nOnActiveSec=0\nUnit=kept.service\n", "kept.service": SLEEPS})
        wait_for("it runs", lambda: property_of("kept.service", "ActiveState") == "active")
        pid = property_of("kept.service", "MainPID")
        self.send("k.timer", {"k.timer": TIMER + "Unit=bad.service\n", "bad.service": SLEEPS + "PAMName=login\n"})
        self.wait_outcome("k.timer", "checked")
        self.assertNothingOf("bad.service")
        self.assertEqual(property_of("kept.service", "MainPID"), pid, run("journalctl", "-b", "-o", "short-precise", "--no-pager", "-n", "80").stdout)
        self.assertEqual(property_of("k.timer", "Triggers"), "kept.service")
        self.assertIn("/run/leased/held/k.timer", read(f"{SYSTEM}/kept.service.d/{GATE}"))
        # Nor does it the next time that this machine looks at it.
        ctl("reload", check=True)
        self.send("l.timer", {"l.timer": TIMER, "l.service": JOB})
        self.assertEqual(property_of("kept.service", "MainPID"), pid)

    def test_a_machine_that_takes_units_no_more_keeps_what_it_has(self):
        def accept(text):
            write(CONF, text)
            run("systemctl", "restart", "leased.service")
            wait_for("leased is back", lambda: ctl("registry").returncode == 0 and shown("registry")["uuid"])

        self.addCleanup(accept, self.LEASED_CONF)
        self.send("stays.service", {"stays.service": SLEEPS})
        pid = property_of("stays.service", "MainPID")
        accept(self.LEASED_CONF.replace("AcceptUnits=run", "AcceptUnits=no"))
        wait_for("the unit is still held", lambda: (self.row("stays.service") or {}).get("state") == "running")
        ctl("destroy", f"--key={self.keys}/alice", "stays.service", check=True)
        self.send("more.service", {"more.service": SLEEPS}, "--no-wait")
        self.assertEqual(property_of("stays.service", "MainPID"), pid)
        self.assertNothingOf("more.service")
        self.assertEqual([row["here"] for row in shown("list-files")], ["", "it was destroyed"])
        accept(self.LEASED_CONF)
        self.wait_outcome("stays.service", "destroyed")
        self.assertNothingOf("stays.service")

    def test_what_is_of_every_machine_brings_and_drops_as_well(self):
        text = "[Timer]\nOnActiveSec=0\nUnit={}.service\n[X-Fleet]\nGlobal=true\n"
        old = "[Service]\nExecStart=/bin/sh -c 'echo old >>/run/kinds-ran; sleep infinity'\nExecStopPost=/bin/sh -c 'sleep 1; echo old-post >>/run/kinds-ran'\n"
        self.send("g.timer", {"g.timer": text.format("g-old"), "g-old.service": old}, "--no-wait")
        self.wait_outcome("g.timer", "in force")
        wait_for("it runs", lambda: self.ran() == ["old"])
        self.send("g.timer", {"g.timer": text.format("g-new"), "g-new.service": old.replace("old", "new")}, "--no-wait")
        wait_for("the new one runs", lambda: "new" in self.ran())
        self.assertEqual(self.ran(), ["old", "old-post", "new"])
        ctl("destroy", f"--key={self.keys}/alice", "g.timer", check=True)
        self.wait_outcome("g.timer", "destroyed")
        self.assertNothingOf("g.timer", "g-old.service", "g-new.service")
        self.assertEqual(property_of("g-new.service", "ActiveState"), "inactive")

    def test_specifiers_are_filled_in_as_pid_1_does(self):
        self.send("sp-x@1.timer", {"sp-x@1.timer": TIMER + "Unit=%p-%j-%i.service\n", "sp-x-x-1.service": JOB})
        wait_for("it runs", lambda: os.path.exists("/run/kinds-ran"))
        self.assertIn("It goes with sp-x@1.timer.", read(f"{RUN}/sp-x-x-1.service"))
        self.send("sp.socket", {"sp.socket": "[Socket]\nListenStream=/run/kinds-sp\nService=of-%N.service\n", "of-sp.service": SLEEPS})
        self.send("sp.target", {"sp.target": "[Unit]\nWants=sp-m.service\n",
                                "sp-m.service": "[Unit]\nBindsTo=none.target \\\n  sp.target\nAfter=sp.target\n" + SLEEPS},
                  "--no-wait")
        self.wait_outcome("sp.socket", "in force")
        self.send("tm@a.timer", {"tm@a.timer": TIMER + "Unit=tj@.service\n", "tj@a.service": JOB})
        self.wait_outcome("tm@a.timer", "in force")
        self.assertIn("It goes with tm@a.timer.", read(f"{RUN}/tj@a.service"))

    def test_a_name_that_differs_from_machine_to_machine_is_refused_before_anything_is_signed(self):
        for text, words in ((TIMER + "Unit=%H.service\n",
                             "v.timer: Unit=%H.service would be another unit on each machine: write the name of the file that comes with it; "
                             "%n, %N, %p, %i and %j may stand in the name"),
                            (TIMER + "Unit=%p-job.service\n", "v.timer: it starts v-job.service, which must come with it: give both files to one submit")):
            done = self.send("v.timer", {"v.timer": text, "v.service": SLEEPS}, check=False)
            self.assertNotEqual(done.returncode, 0)
            self.assertEqual(done.stderr.split(), ["leasectl:"] + words.split())
            self.assertEqual(done.stdout, "")
            self.assertNothingOf("v.timer", "v.service")
            self.assertFalse(os.path.exists(f"{KEPT}/v.service"), "what was to come along runs alone")


if __name__ == "__main__":
    main()
