#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""leasectl accept-files is killed at each of its steps on the disk: the next one makes good whatever was broken off.

    run-in-guest test-leasectl-submit-kill.py LEASECTL LEASED LEASED_GUARD LEASED.SERVICE LEASED-GUARD.SERVICE BUS_POLICY LEASED_RUN
"""

import os
import shutil
import tempfile

from leasectl_beta import shown
from leasectl_guest import CONF, UNITS, CaseWithDaemon, ctl, main, property_of, read, run, wait_for, write

SIGNERS, KEPT, PLACE = "/etc/leased/allowed_signers", "/var/lib/leased/submitted", "/run/systemd/system"
STEPS = "rename,renameat,renameat2,unlink,unlinkat,mkdir,mkdirat,rmdir,fsync,fdatasync"
MOST = 40


class Killed(CaseWithDaemon):
    LEASED_CONF = "[Leased]\nTTL=2s\n"  # so that leased starts no accept-files of its own

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp()
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", f"{cls.folder}/key")
        write(SIGNERS, "alice@example.com " + read(f"{cls.folder}/key.pub"))
        super().setUpClass()
        wait_for("the registry is there", lambda: shown("registry")["uuid"])
        write(CONF, cls.LEASED_CONF + "AcceptUnits=run\n")  # read by accept-files alone

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        shutil.rmtree("/var/lib/leased")
        shutil.rmtree(cls.folder)

    def submit(self, unit, seconds):
        write(f"{self.folder}/{unit}", f"[Service]\nExecStart=/bin/sleep {seconds}\n")
        write(f"{self.folder}/{unit}.d/{seconds}.conf", "[Service]\nTasksMax=77\n")
        ctl("submit", "--no-wait", f"--key={self.folder}/key", f"{self.folder}/{unit}", check=True)
        shutil.rmtree(f"{self.folder}/{unit}.d")

    @staticmethod
    def accept(*killed):
        return run(*killed, "leasectl", "accept-files", check=False).returncode

    def each_step(self, begin, made_good, most=MOST, stride=1):
        """begin(), accept-files killed at its first step, then a whole one, made_good(); and so on with the next steps."""
        for step in range(1, most, stride):
            begin(step)
            code = self.accept("strace", "-qq", "-o", "/dev/null", "-e", f"trace={STEPS}", "-e",
                               f"inject={STEPS}:signal=SIGKILL:when={step}")
            with self.subTest(step=step):
                self.assertIn(code, (0, 137, -9))
                self.assertEqual(self.accept(), 0)
                made_good(step)
            if code == 0:
                print(f"{step - 1} steps", flush=True)
                return step - 1
        self.fail("it has no end")

    def assertTaken(self, unit, seconds):
        self.assertIn(f"/bin/sleep {seconds}\n", read(f"{PLACE}/{unit}"))
        self.assertEqual(os.listdir(f"{PLACE}/{unit}.d"), [f"{seconds}.conf"])
        self.assertTrue(os.path.exists(f"{UNITS}/{unit}"))
        self.assertEqual([f for f in os.listdir(PLACE) + os.listdir(KEPT) if f.startswith(".")], [])
        wait_for("it runs so", lambda: property_of(unit, "ActiveState") == "active" and f"sleep {seconds} " in property_of(unit, "ExecStart"))

    def assertGone(self, unit):
        for path in (f"{PLACE}/{unit}", f"{PLACE}/{unit}.d", f"{UNITS}/{unit}", f"{KEPT}/{unit}.taken"):
            self.assertFalse(os.path.lexists(path), path)
        self.assertEqual(property_of(unit, "LoadState"), "not-found")

    def test_at_each_step(self):
        news = self.each_step(lambda step: self.submit(f"new-{step}.service", 1000000), lambda step: self.assertTaken(f"new-{step}.service", 1000000))
        self.assertGreater(news, 5)
        unit = "new-1.service"
        updates = self.each_step(lambda step: self.submit(unit, 1000000 + step), lambda step: self.assertTaken(unit, 1000000 + step))
        self.assertGreater(updates, 5)
        names = iter([f"new-{i}.service" for i in range(2, news + 2)])
        gone = {}

        def destroy(step):
            gone[step] = next(names)
            ctl("destroy", f"--key={self.folder}/key", gone[step], check=True)

        self.assertGreater(self.each_step(destroy, lambda step: self.assertGone(gone[step])), 3)

    def test_at_each_step_of_a_version_that_check_refuses(self):
        """What was taken before stays, with all its files, whatever the program that was killed had written."""
        unit = "refused.service"
        self.submit(unit, 1000000)
        self.assertEqual(self.accept(), 0)
        self.assertTaken(unit, 1000000)
        pid = property_of(unit, "MainPID")

        def submit(step):
            write(f"{self.folder}/{unit}", f"[Service]\nExecStart=/bin/sleep {step}\nPAMName=login\n")
            write(f"{self.folder}/{unit}.d/{step}.conf", "[Service]\nTasksMax=78\n")
            ctl("submit", "--no-wait", f"--key={self.folder}/key", f"{self.folder}/{unit}", check=True)
            shutil.rmtree(f"{self.folder}/{unit}.d")

        def made_good(step):
            self.assertTaken(unit, 1000000)
            self.assertEqual(property_of(unit, "MainPID"), pid)
            self.assertEqual([f for f in os.listdir(PLACE) if f.startswith(unit) and f.endswith("new")], [])

        self.assertGreater(self.each_step(submit, made_good, most=100, stride=2), 10)
        write(f"{self.folder}/{unit}", "[Service]\nExecStart=/bin/sleep 2000000\n")  # a good one, from whatever the last one has left
        write(f"{self.folder}/{unit}.d/2000000.conf", "[Service]\nTasksMax=79\n")
        ctl("submit", "--no-wait", f"--key={self.folder}/key", f"{self.folder}/{unit}", check=True)
        shutil.rmtree(f"{self.folder}/{unit}.d")
        self.assertEqual(self.accept(), 0)
        self.assertTaken(unit, 2000000)
        self.assertFalse(os.path.exists(f"{KEPT}/{unit}.before"))

    def test_at_steps_of_versions_that_drop_what_runs(self):
        """Each version starts another unit, and that of the version before runs when it comes."""
        def submit(step):
            files = {"drop.timer": f"[Timer]\nOnActiveSec=0\nUnit=job-{step}.service\n", f"job-{step}.service": "[Service]\nExecStart=/bin/sleep 100\n"}
            for name, text in files.items():
                write(f"{self.folder}/{name}", text)
            ctl("submit", "--no-wait", f"--key={self.folder}/key", *(f"{self.folder}/{name}" for name in files), check=True)

        def made_good(step):
            wait_for("the new one runs", lambda: property_of(f"job-{step}.service", "ActiveState") == "active")
            ours = [name for name in os.listdir(PLACE) if name.startswith(("job-", "drop"))]
            self.assertEqual(sorted(ours), ["drop.timer", f"job-{step}.service"])
            gates = [name for name in os.listdir("/etc/systemd/system") if name.startswith("job-")]
            self.assertEqual(gates, [f"job-{step}.service.d"])
            self.assertEqual([f for f in os.listdir(PLACE) + os.listdir(KEPT) if f.startswith(".") or f.endswith(".stopping")], [])
            self.assertEqual(property_of("drop.timer", "ActiveState"), "active")

        submit(0)
        self.assertEqual(self.accept(), 0)
        made_good(0)
        self.assertGreater(self.each_step(submit, made_good, most=150, stride=2), 10)


if __name__ == "__main__":
    main()
