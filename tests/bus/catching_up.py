# SPDX-License-Identifier: Apache-2.0
"""Whoever asks ListClusterUnits for what has changed since its last answer misses nothing, whatever becomes of the signals and of
the registry.

A mixin: the class that takes it has call(), get(), cluster_units(), add_machine(), offer() and a running daemon, and the program
SLOW_READER. The bus keeps 64 kB for a connection that does not read, and drops the signals that come then.
"""

import contextlib
import functools
import json
import os
import select
import sqlite3
import subprocess
import zlib

MANY = 1500
OFFER = {"version": 0, "conflicts": "", "replaces": "", "why": ""}


class Table:
    """The units of one machine, kept up to date as docs/scheduler.md says."""

    def __init__(self, list_units):
        self.list_units, self.revision, self.states, self.begun = list_units, 0, {}, 0

    def read(self):
        revision, rows = self.list_units(since=self.revision)
        if revision < self.revision or self.revision == 0:
            self.begun += 1
            self.states = {}
            revision, rows = self.list_units(since=0)
        self.revision = revision
        for row in rows:
            self.states[row["unit"]] = row["state"]
            if row["state"] == "gone":
                del self.states[row["unit"]]
        return self.states

    def is_whole(self):
        """Whether it has what a caller is told who asks for everything."""
        return self.read() == {row["unit"]: row["state"] for row in self.list_units(since=0)[1]}


class CatchingUp:
    def since(self, machine, revision):
        """What has changed of that machine's units: {unit: state}; the revision of the answer."""
        present, rows = self.cluster_units(machine, since=revision)
        return {row["unit"]: row["state"] for row in rows}, present

    @contextlib.contextmanager
    def store(self):
        """The registry, to write to it as somebody else does. Nobody else can, nor read it, until this is done."""
        with contextlib.closing(sqlite3.connect("/var/lib/leased/registry/store", isolation_level=None, timeout=60)) as store:
            store.execute("BEGIN EXCLUSIVE")
            yield store
            store.execute("COMMIT")

    @staticmethod
    def add_offer(store, machine, unit, **more):
        key, value = f"offers/{machine}/{unit}", json.dumps({**OFFER, "lease": unit, **more}).encode()
        revision = store.execute("SELECT revision + 1 FROM newest").fetchone()[0]
        store.execute("INSERT OR REPLACE INTO records(key, revision, value, crc) VALUES (?, ?, ?, ?)",
                      (key, revision, value, zlib.crc32(b"%s\0%d\0%s" % (key.encode(), revision, value))))

    def test_whoever_reads_no_signals_for_long_catches_up_without_a_gap(self):
        self.wait_competing()
        machine, units = self.add_machine("slow", "c"), {f"slow-{i}.service" for i in range(MANY)}
        reader = self.start(self.SLOW_READER, stdin=subprocess.PIPE)
        self.assertEqual(reader.stdout.readline(), "listening\n")
        revision = self.cluster_units(machine)[0]
        with self.store() as store:
            for unit in units:
                self.add_offer(store, machine, unit)
        # leased serves others meanwhile, and its beats go on: nobody waits for one who does not read.
        self.wait_for("all are known", lambda: len(self.cluster_units(machine)[1]) == MANY)
        self.assertEqual(self.get("RegistryState"), "ok")
        print("go", file=reader.stdin, flush=True)
        text = b""

        def hears_the_end():
            """Whether the reader has heard of the last unit. The bus may drop what comes while the reader still catches up."""
            nonlocal text
            self.offer(machine, "last.service", f"reason {len(text)}")
            while b"last.service" not in text and select.select([reader.stdout], [], [], 1)[0]:
                text += os.read(reader.stdout.fileno(), 65536)
            return b"last.service" in text

        self.wait_for("the reader hears the end", hears_the_end)
        heard = [line.split() for line in text.decode().splitlines()]
        self.assertTrue(units - {unit for unit, _ in heard}, "the bus has dropped nothing, so nothing was shown")
        self.assertEqual([int(number) for _, number in heard], sorted(int(number) for _, number in heard))
        changed, last = self.since(machine, revision)
        self.assertEqual(units - set(changed), set())
        # Likewise of what is gone.
        with self.store() as store:
            store.execute("DELETE FROM records WHERE key GLOB ?", (f"offers/{machine}/*",))
        self.wait_for("none is known", lambda: not self.cluster_units(machine)[1])
        gone, present = self.since(machine, last)
        self.assertEqual({unit for unit, state in gone.items() if state == "gone"}, {*units, "last.service"})
        self.assertEqual(self.since(machine, present)[0], {})

    def test_an_outage_of_the_registry_hides_no_change(self):
        """Not for one who asks again and again meanwhile, nor for one who asks before it and after it."""
        self.wait_competing()
        machine = self.add_machine("outage", "d")
        for name in ("kept", "changed", "removed"):
            self.offer(machine, f"{name}.service")
        self.wait_for("all are known", lambda: len(self.cluster_units(machine)[1]) == 3)
        asks, sleeps = (Table(functools.partial(self.cluster_units, machine)) for _ in range(2))
        self.wait_for("both know all", lambda: asks.is_whole() and sleeps.is_whole())
        with self.store() as store:
            self.wait_for("no state is known", lambda: asks.is_whole() and set(asks.states.values()) == {"unknown"})
            self.assertFalse(self.get("Known"))
            # Others write meanwhile what this machine cannot read yet.
            self.add_offer(store, machine, "changed.service", why="another reason")
            self.add_offer(store, machine, "added.service")
            store.execute("DELETE FROM records WHERE key = ?", (f"offers/{machine}/removed.service",))
        self.wait_for("the registry answers", lambda: self.get("RegistryState") == "ok" and self.get("Known"))
        self.wait_for("what has changed is told", lambda: set(asks.read()) == {"kept.service", "changed.service", "added.service"})
        self.wait_for("nothing is told but that there is no guard", self.is_well)
        for table in (asks, sleeps):
            self.wait_for("nothing else is told to one who asks for everything", table.is_whole)
            self.assertNotIn("unknown", table.states.values())
        self.assertGreaterEqual((asks.begun, sleeps.begun), (3, 2))  # when the registry fell silent, and when it was back
        with self.store() as store:
            store.execute("DELETE FROM records WHERE key GLOB ?", (f"offers/{machine}/*",))
