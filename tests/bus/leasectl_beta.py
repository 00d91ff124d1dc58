# SPDX-License-Identifier: Apache-2.0
"""For tests of leasectl in a guest: leased on a local registry, and beta, a second machine that is made of records only."""

import contextlib
import json
import shutil
import signal
import sqlite3
import subprocess

from leasectl_guest import ENVIRONMENT, HERE, CaseWithDaemon, ctl, run, wait_for

REGISTRY = "/var/lib/leased/registry"
BETA = "beef" * 8
BETA_SESSION = "beefbeefbeefbeef-60000"


def put(key, value):
    run(f"{HERE}/put-record", REGISTRY, key, json.dumps(value))


def shown(*arguments):
    done = ctl(*arguments, "--json=short")
    assert done.returncode in (0, 6), done.stderr  # 6: the registry has not answered yet
    return json.loads(done.stdout)


class TwoSecondCase(CaseWithDaemon):
    LEASED_CONF = "[Leased]\nTTL=2s\n"

    def here(self):
        return next(each for each in shown("machines") if each["here"])

    def index(self, unit):
        return self.row(unit)["index"]


class WithBeta(TwoSecondCase):
    """It is made of records only, and up for as long as one beat of it lasts: a minute."""
    LEASED_CONF = TwoSecondCase.LEASED_CONF + "Metadata=rack=a1\n"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        wait_for("the registry is there", lambda: shown("registry")["uuid"])
        put(f"fences/{BETA_SESSION}", {"counter": 0, "names": []})

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        shutil.rmtree("/var/lib/leased")  # what comes next knows no beta

    def setUp(self):
        self.beats = getattr(WithBeta, "beats", 0) + 1
        WithBeta.beats = self.beats
        self.put_beta()
        put(f"beats/{BETA_SESSION}", {"machine_id": BETA, "nonce": f"beefbeefbeefbeef-{self.beats}"})
        wait_for("beta is up", lambda: self.beta()["up"] and not self.beta()["draining"])

    @staticmethod
    def put_beta(**more):
        put(f"machines/{BETA}", {"hostname": "beta", "boot_id": "b" * 32, "session": BETA_SESSION, "metadata": "rack=b1 rack=b2",
                                 "version": "0", "draining": False, **more})

    @staticmethod
    def beta():
        return next((each for each in shown("machines") if each["hostname"] == "beta"), {"up": False})

    def line(self, unit, machine_id=BETA):
        told = json.loads(ctl("status", unit, "--json=short").stdout)["why_not"]
        return next((each["why"] for each in told if each["machine_id"] == machine_id), None)

    def offer(self, unit, why="", **more):
        """beta enables it, too."""
        put(f"offers/{BETA}/{unit}", {"lease": unit, "version": 0, "conflicts": "", "replaces": "", "why": why, **more})
        wait_for("beta offers it", lambda: self.line(unit) != "it is not enabled there")
        self.addCleanup(put, f"leases/{unit}", self.lease("free", 1000))
        return unit

    def theirs_alone(self, name, **more):
        """A unit that is not enabled here, and runs on beta."""
        put(f"offers/{BETA}/{name}", {"lease": name, "version": 0, "conflicts": "", "replaces": "", "why": "", "active": "active",
                                      "since": 1, **more})
        put(f"leases/{name}", self.lease("held", 7))
        self.addCleanup(put, f"leases/{name}", self.lease("free", 1000))
        wait_for("it is known here", lambda: name in ctl("--json=short").stdout)
        return name

    @staticmethod
    def all_asked():
        """What is asked of beta, and not answered: each with its key and record."""
        with contextlib.closing(sqlite3.connect(f"file:{REGISTRY}/store?mode=ro", uri=True, timeout=30)) as store:
            rows = store.execute("SELECT key, value FROM records WHERE key LIKE ? AND value IS NOT NULL", (f"requests/{BETA}/%",))
            found = [(key, json.loads(value)) for key, value in rows]
        return [each for each in found if each[1]["stage"] in ("asked", "taken")]

    @classmethod
    def asked(cls):
        """The first of these; None: there is none."""
        return next(iter(cls.all_asked()), None)

    def answer(self, stage, **more):
        """Answers as beta would."""
        key, record = wait_for("beta is asked", self.asked)
        put(key, {**record, "stage": stage, **more})
        return record

    @staticmethod
    def begin(*command):
        """A command that is not waited for yet."""
        return subprocess.Popen(["leasectl", *command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                text=True, env=ENVIRONMENT)

    def assertEnds(self, process, code, out, error=""):
        said = process.communicate(timeout=60)
        self.assertEqual((process.returncode, *said), (code, out, error))

    @staticmethod
    def interrupt(process):
        process.send_signal(signal.SIGINT)

    @staticmethod
    def lease(state, index):
        return {"state": state, "machine_id": BETA, "session": BETA_SESSION if state == "held" else "", "version": 0,
                "index": index, "since": 1, "period": 0, "debts": [], "tenures": []}
