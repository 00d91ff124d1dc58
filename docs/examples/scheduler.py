#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A small scheduler on top of leased. It spreads units over racks, and over the machines of each rack.

    scheduler.py [--spread=KEY] [--period=SECONDS] [--dry-run] [--verbose] PATTERN...

It runs on every machine, as root (scheduler.service), and places the units whose names fit a PATTERN. All instances carry
out orders; one of them, the leader, gives orders. An order is a lease of its own, order-UNIT, whose machine is the one
that should have the unit. The machine that holds the unit hands it there. docs/scheduler.md says what a leader that was
deposed can still do.
"""

import argparse
import collections
import fnmatch
import functools
import json
import os
import select
import signal
import subprocess
import sys
import time

LEADER = "scheduler"  # the lease of the leader
ORDER_USEC = 60 * 1000000  # for so long an order holds, unless it is renewed
ANSWER_SECONDS = 5.0  # for so long leased has time to answer
NO_ORDER = {"machine": "", "version": 0, "left": 0}


class Failed(Exception):
    """leased has refused a call, or has not answered it."""


now = functools.partial(time.clock_gettime, time.CLOCK_BOOTTIME)  # goes on while the machine sleeps, and is never set
say = functools.partial(print, flush=True)


def busctl(verb, path, interface, member, *arguments):
    command = ["busctl", "--json=short", f"--timeout={ANSWER_SECONDS}", "--", verb, "org.leased1", path, interface, member]
    try:
        done = subprocess.run([*command, *map(str, arguments)], capture_output=True, text=True, timeout=ANSWER_SECONDS + 1)
    except subprocess.TimeoutExpired:
        raise Failed(f"{member}: no answer") from None
    if done.returncode != 0:
        raise Failed(f"{member}: {done.stderr.strip()}")
    return json.loads(done.stdout)["data"] if done.stdout.strip() else []


call = functools.partial(busctl, "call", "/org/leased1", "org.leased1.Manager")
get = functools.partial(busctl, "get-property", "/org/leased1", "org.leased1.Manager")


def call_lease(path, method, *arguments):
    return busctl("call", path, "org.leased1.Lease", method, *arguments)


class World:
    """What leased on this machine knows of the cluster."""

    def __init__(self, patterns):
        self.patterns = patterns
        self.revision = 0  # of ListClusterUnits: all changes up to it are in self.units
        # In units, of (unit, machine id): its state there, whether that machine has it, and why it would not take it.
        self.live, self.units = set(), {}

    def read(self):
        self.here, live = get("MachineID"), set(get("LiveMachines"))
        if live != self.live:  # the state "silent" comes and goes with it, and is no change of a unit
            self.live, self.revision, self.units = live, 0, {}
        self.machines = {row[0]: {"name": row[1], "metadata": row[3], "drains": row[5]} for row in call("ListMachines")[0]}
        self.leases = {row[0]: {"machine": row[1], "version": row[2], "index": row[3], "left": row[4], "path": row[5]}
                       for row in call("ListLeases")[0]}
        revision, rows = call("ListClusterUnits", "sast", "", 0, self.revision)
        if revision < self.revision:  # leased was restarted, or the registry fell silent: nothing is left of what was told
            self.units = {}
            revision, rows = call("ListClusterUnits", "sast", "", 0, 0)
        self.revision = revision
        for unit, machine, _, state, _, _, _, holds, _, _, code, *_ in rows:
            self.units[unit, machine] = {"state": state, "holds": holds, "code": code}
            if state == "gone":
                del self.units[unit, machine]

    def names(self):
        return sorted({unit for unit, _ in self.units if any(fnmatch.fnmatchcase(unit, each) for each in self.patterns)})

    def holder(self, unit):
        return next((machine for name, machine in self.units if name == unit and self.units[name, machine]["holds"]), "")

    def may_take(self, unit, machine):
        row = self.units.get((unit, machine))
        known = row and machine in self.live and machine in self.machines and not self.machines[machine]["drains"]
        return bool(known) and (row["holds"] or row["code"] == 0)

    def name_of(self, machine):
        return self.machines.get(machine, {}).get("name") or machine or "nobody"


def plan(world, key):
    """The rule: where each unit belongs. The rack with the fewest units comes first, then the machine with the fewest; among
    equals a unit stays where it is."""
    rack = {machine: row["metadata"].get(key, "") for machine, row in world.machines.items()}
    racks, counts, places = collections.Counter(), collections.Counter(), {}
    for unit in world.names():
        holder, candidates = world.holder(unit), [machine for machine in rack if world.may_take(unit, machine)]
        if candidates:
            best = min(candidates, key=lambda each: (racks[rack[each]], counts[each], each != holder, each))
            racks[rack[best]] += 1
            counts[best] += 1
            places[unit] = best
    return places


class Leader:
    """The lease of the leader. This instance leads only until the deadline, which counts from before the call was sent that
    acquired or renewed the lease."""

    def __init__(self, period, verbose):
        self.period, self.verbose = period, verbose
        self.index = 0  # 0: this instance does not lead
        self.token = 0  # the Index with which this leader began; it stands in each of its orders
        self.deadline, self.path = 0.0, ""

    def leads(self):
        return self.index > 0 and now() < self.deadline

    def keep(self):
        """Acquires the lease if it can be had, renews it in time, and ends the leadership at the deadline."""
        began, span = now(), int(self.period * 1e6)
        if self.index > 0 and not self.leads():
            say(f"leads no more, since {self.deadline:.3f}")
            self.index = 0
        if self.index == 0:
            acquired, self.path, index = call("AcquireLease", "ssxt", LEADER, "", 1, span)
            if acquired:
                self.index = self.token = index
                self.deadline = began + self.period
                say(f"leads with Index {index} from {now():.3f} until {self.deadline:.3f}")
        elif began > self.deadline - self.period * 2 / 3:
            # If this fails, for whatever reason, the deadline stays: "no answer" is not "lost", but gives no time either.
            [self.index] = call_lease(self.path, "Renew", "tt", self.index, span)
            self.deadline = began + self.period
            if self.verbose:
                say(f"leads until {self.deadline:.3f}")

    def give_orders(self, world, places):
        """A new leader writes every order anew before it does anything else: its token is in none of them."""
        for unit in world.names():
            name = f"order-{unit}"
            order = world.leases.get(name, NO_ORDER)
            machine = places.get(unit) or order["machine"]
            is_same = (order["machine"], order["version"]) == (machine, self.token)
            if not machine or (is_same and order["left"] > ORDER_USEC / 2):
                continue
            # The Index of the order was read before this look at the clock, so while this instance led. If another leader
            # has written the order since, the registry refuses what follows, however late it comes.
            if not self.leads():
                return
            try:
                if is_same and order["left"] > 0:
                    call_lease(order["path"], "Renew", "tt", order["index"], ORDER_USEC)
                    continue
                if order["machine"]:
                    call("StealLease", "ssxtt", name, machine, self.token, ORDER_USEC, order["index"])
                elif not call("AcquireLease", "ssxt", name, machine, self.token, ORDER_USEC)[0]:
                    continue
                say(f"{unit}: belongs on {world.name_of(machine)}, is on {world.name_of(world.holder(unit))}")
            except Failed as error:
                say(f"{unit}: {error}")

    def release(self):
        if self.leads():
            say(f"leads no more, since {now():.3f}")
            try:
                call_lease(self.path, "Release", "t", self.index)
            except Failed as error:
                say(str(error))


def obey(world, refused):
    """Hands the units that this machine holds to the machines that have the orders for them. A late transfer moves a unit
    once too often; leased never lets it run twice."""
    for unit in world.names():
        order, row = world.leases.get(f"order-{unit}", NO_ORDER), world.units.get((unit, world.here), {})
        wanted = order["machine"] if order["left"] > 0 else ""
        if not row.get("holds") or row["state"] != "running" or wanted in ("", world.here):
            continue
        try:
            call("TransferUnit", "ss", unit, wanted)
            say(f"{unit}: handed to {world.name_of(wanted)}")
        except Failed as error:
            if refused.get(unit) != str(error):
                say(f"{unit}: {error}")
            refused[unit] = str(error)


def rehearse(world, places):
    """What would be ordered, and of a unit that fits nowhere, why: leased's own rules know that (ExplainUnit)."""
    for unit in world.names():
        if unit in places:
            say(f"{unit}: {world.name_of(world.holder(unit))} -> {world.name_of(places[unit])}")
            continue
        for _, name, _, _, _, _, why in call("ExplainUnit", "s", unit)[0]:
            say(f"{unit}: not on {name}: {why or 'it stands back'}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--spread", default="rack", metavar="KEY")
    parser.add_argument("--period", type=float, default=10.0, metavar="SECONDS")
    parser.add_argument("--dry-run", action="store_true")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("patterns", nargs="+", metavar="PATTERN")
    options = parser.parse_args()
    world, leader, refused = World(options.patterns), Leader(options.period, options.verbose), {}
    if options.dry_run:
        world.read()
        return rehearse(world, plan(world, options.spread))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    # Signals only wake the scheduler: what has changed it reads with ListClusterUnits, so a signal that is lost costs two
    # seconds, and no change.
    match, trouble = "type='signal',sender='org.leased1',path='/org/leased1'", ""
    events = subprocess.Popen(["busctl", "--json=short", f"--match={match}", "monitor"], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL)
    try:
        while True:
            try:
                leader.keep()
                world.read()
                if leader.leads():
                    leader.give_orders(world, plan(world, options.spread))
                obey(world, refused)
                trouble = ""
            except Failed as error:
                if str(error) != trouble:
                    say(str(error))
                trouble = str(error)
            if select.select([events.stdout], [], [], min(2.0, options.period / 5))[0]:
                if not os.read(events.stdout.fileno(), 1 << 20):
                    return "the bus is gone"  # systemd starts this program again
    finally:
        events.kill()
        leader.release()


if __name__ == "__main__":
    sys.exit(main())
