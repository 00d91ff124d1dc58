# SPDX-License-Identifier: Apache-2.0
"""What the bus adds: leases of programs beside the bare transaction, how soon another machine hears, and a restart."""

import json

import guests
from bench_turn import CLOCK, coded, install_clock, watch_body
from etcd import CLIENT_PORT
from figures import median, quantile
from guests import DAEMON, Look, command, instances, wait_count, write_template
from waiting import now, wait_for

TTL = 10.0
VERBS = ("acquire", "renew", "release")


def manager(machine, name):
    done = machine.run("busctl", "--json=short", "get-property", "org.leased1", "/org/leased1", "org.leased1.Manager", name,
                       check=False)
    return json.loads(done.stdout)["data"] if done.returncode == 0 else None


def txn_body(key):
    """A transaction like those of leased: a compare, a put, and a read if it is refused."""
    value = coded(json.dumps({"state": "held", "machine_id": "0" * 32, "version": 1, "index": 1, "since": 1, "history": []}))
    return json.dumps({"compare": [{"key": coded(key), "target": "MOD", "result": "GREATER", "mod_revision": "-1"}],
                       "success": [{"requestPut": {"key": coded(key), "value": value}}],
                       "failure": [{"requestRange": {"key": coded(key)}}]})


def timed(machine, *words):
    """{name: [(seconds, when answered)]} of a bench-clock."""
    found = {}
    for line in machine.run(CLOCK, *words, deadline=300).stdout.splitlines():
        name, took, at = line.split()
        found.setdefault(name, []).append((int(took) / 1e9, int(at) / 1e9))
    return found


class Heard:
    """What a bench-clock on a machine hears of, from its first line on."""

    def __init__(self, machine, *words):
        self._process = machine.start(CLOCK, *words)
        self._process.stdout.readline()

    def end(self):
        lines = [line.split() for line in guests.end(self._process)]
        return [(int(words[0]) / 1e9, words[1]) for words in lines if len(words) == 2]


def latencies(stage, alpha, beta, endpoint, number, rounds):
    """(calls: {verb: seconds}, raw: seconds, signals: seconds after the answer, raw events: seconds after the answer)"""
    calls, raw, signals, events = {verb: [] for verb in VERBS}, [], [], []
    for each in range(rounds):
        stage.say(f"calls and transactions, {each + 1} of {rounds}")
        ears = Heard(beta, "listen")
        found = timed(alpha, "calls", str(number))
        firsts = {}
        for at, name in ears.end():
            firsts.setdefault(name, at)
        for verb in VERBS:
            calls[verb] += [took for took, _ in found[verb]]
        signals += [firsts[f"bench-{i}"] - at for i, (_, at) in enumerate(found["acquire"]) if f"bench-{i}" in firsts]
        ears = Heard(beta, "watch", f"http://127.0.0.1:{CLIENT_PORT}/v3/watch", watch_body("/bench/"))
        answered = timed(alpha, "txn", f"{endpoint}/v3/kv/txn", txn_body("/bench/raw"), str(number))["txn"]
        raw += [took for took, _ in answered]
        events += [heard - at for (heard, _), (_, at) in zip(ears.end(), answered)]
    return calls, raw, signals, events


def restart(look, number):
    """Seconds from systemctl restart until leased holds all again and competes; no unit stops meanwhile."""
    machine = look.machine
    before = look.times(instances("idle", number), "ActiveEnter")["ActiveEnter"]
    began = now()
    command(machine, "systemctl", "restart", DAEMON)
    wait_for("leased holds all again", lambda: manager(machine, "Held") == number and manager(machine, "WhyNot") == "", 60)
    took = now() - began
    after = look.times(instances("idle", number), "ActiveEnter")["ActiveEnter"]
    return took, sum(abs(a - b) > 0.01 for a, b in zip(before, after))


def run(stage):
    held = 100 if stage.quick else 1000
    with stage.cluster(ttl=TTL) as cluster:
        alpha, beta = cluster["alpha"], cluster["beta"]
        install_clock(stage, cluster)
        write_template([alpha], "idle")
        stage.say(f"enable {held} units")
        command(alpha, "leasectl", "enable", "--no-wait", *instances("idle", held))
        look = Look(alpha)
        wait_count(look, "idle", held, 60 + 0.1 * held)
        calls, raw, signals, events = latencies(stage, alpha, beta, manager(alpha, "RegistryEndpoint"), 50,
                                                 2 if stage.quick else 10)
        stage.say(f"restart of leased with {held} units")
        restarts = [restart(look, held) for _ in range(1 if stage.quick else 3)]
    for verb in VERBS:
        for part, name in ((0.5, "p50"), (0.99, "p99")):
            stage.figure(7, f"{verb.capitalize()}, {name}", quantile(calls[verb], part), "s", beside=quantile(raw, part),
                         peer=f"a bare transaction, {name}", limit=2.0, limit_of="ratio",
                         note=f"beside {held} units, {len(raw)} of each")
    stage.figure(7, "event here to signal there, p50", median(signals), "s", beside=median(events),
                 peer="a bare watch of etcd, p50", limit=median(events) + 0.002,
                 note="after the answer to the caller, below zero if heard there before; the limit is the bare watch + 2 ms")
    stage.figure(7, f"restart with {held} running units", median([took for took, _ in restarts]), "s", limit=1.0,
                 note=f"from systemctl restart until all are held again; {sum(hurt for _, hurt in restarts)} units were disturbed")
