# SPDX-License-Identifier: Apache-2.0
"""What the tests of submitted units share: keys, submitting, and records as a forger writes them."""

import json
import os
import shutil
import tempfile

from leasectl_beta import put, shown
from leasectl_guest import SLEEPER, SYSTEM, UNITS, CaseWithDaemon, ctl, read, run, wait_for, write

SIGNERS = "/etc/leased/allowed_signers"
KEPT = "/var/lib/leased/submitted"
RUN = "/run/systemd/system"
REASON = {name: 220 + i for i, name in enumerate(
    ("in force", "unsigned", "unknown signer", "bad signature", "other name", "other cluster", "too old", "not allowed", "bad name",
     "damaged", "not first", "checked", "moves", "destroyed", "not written", "disabled", "leaves", "stays", "no signers"))}
REASON.update({"ahead": 240, "stops": 241, "not verified": 242})


class Submitting(CaseWithDaemon):
    LEASED_CONF = "[Leased]\nTTL=2s\nAcceptUnits=run\nAllowedUnits=alice@example.com:* bob@example.com:bob-*\n"
    PLACE = RUN

    @classmethod
    def setUpClass(cls):
        cls.keys = tempfile.mkdtemp()
        lines = []
        for name in ("alice", "bob", "git", "many", "mallory"):
            run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", f"{cls.keys}/{name}")
            public = " ".join(read(f"{cls.keys}/{name}.pub").split()[:2])
            signer = {"git": 'git@example.com namespaces="git"', "many": "*@example.com"}.get(name, f"{name}@example.com")
            lines += [f"{signer} {public}\n"] if name != "mallory" else []
        write(SIGNERS, "".join(lines))
        super().setUpClass()
        wait_for("the registry is there", lambda: shown("registry")["uuid"])

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        shutil.rmtree("/var/lib/leased")
        shutil.rmtree(cls.keys)
        os.unlink(SIGNERS)

    # What is submitted

    def submit(self, name, text=SLEEPER, *options, key="alice", dropins=None, check=True):
        directory = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, directory)
        write(f"{directory}/{name}", text)
        for each, content in (dropins or {}).items():
            write(f"{directory}/{name}.d/{each}", content)
        self.addCleanup(self._clear, name)
        return ctl("submit", f"--key={self.keys}/{key}", *options, f"{directory}/{name}", check=check)

    def send(self, lead, files, *options, key="alice", check=True):
        """Submits these files, {name: text}, by one command. What is destroyed at the end is the lead."""
        directory = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, directory)
        for name, text in files.items():
            write(f"{directory}/{name}", text)
        self.addCleanup(self._clear, lead)
        done = ctl("submit", f"--key={self.keys}/{key}", *options, *[f"{directory}/{name}" for name in files if "/" not in name], check=False)
        self.assertTrue(done.returncode == 0 or not check, f"{done.stderr}\n{ctl('list-files', lead, check=False).stdout}")
        return done

    def _clear(self, name):
        if os.path.exists(f"{KEPT}/{name}"):
            ctl("destroy", f"--key={self.keys}/alice", name, check=True)
            wait_for("it is gone", lambda: self.outcome(name) in (REASON["destroyed"], REASON["not first"]))

    def outcome(self, name):
        """What this machine has made of it, as a number."""
        answer = json.loads(run("busctl", "--json=short", "get-property", "org.leased1", "/org/leased1", "org.leased1.Manager",
                                "UnitFiles").stdout)["data"]
        return next((code for unit, _, _, code, _ in answer if unit == name), 0)

    def wait_outcome(self, name, reason):
        wait_for(f"{name}: {reason}", lambda: self.outcome(name) == REASON[reason])

    # What is forged

    def record(self, name):
        answer = json.loads(run("busctl", "--json=short", "call", "org.leased1", "/org/leased1", "org.leased1.Manager", "GetUnitFile",
                                "s", name).stdout)["data"]
        return json.loads(answer[0])

    def sign(self, text, key="alice", namespace="leased"):
        with tempfile.TemporaryDirectory() as directory:
            write(f"{directory}/text", text)
            run("ssh-keygen", "-q", "-Y", "sign", "-n", namespace, "-f", f"{self.keys}/{key}", f"{directory}/text")
            return read(f"{directory}/text.sig")

    def forge(self, name, key="alice", namespace="leased", put_as=None, **changes):
        """A record as submit makes it, but for what is changed; signed anew."""
        signed = {"cluster": shown("registry")["uuid"], "unit": name, "version": self.version(), "runs_as": 1,
                  "files": [{"name": name, "content": SLEEPER}]}
        signed.update(changes)
        text = json.dumps({key: value for key, value in signed.items() if value is not None})
        put(f"units/{put_as or name}", {"signed": text, "signature": self.sign(text, key, namespace)})

    @staticmethod
    def version():
        return int(run("date", "+%s%3N").stdout)

    def assertNothingOf(self, name):
        for path in (f"{RUN}/{name}", f"{SYSTEM}/{name}", f"{UNITS}/{name}", f"{KEPT}/{name}"):
            self.assertFalse(os.path.lexists(path), path)
