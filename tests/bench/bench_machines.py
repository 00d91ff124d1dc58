# SPDX-License-Identifier: Apache-2.0
"""What one machine pays for the life signs of many others, which are played: records and beats like theirs, written into a real
etcd one by one and spread evenly, as real machines write them. And many units with a short TTL."""

import contextlib
import json
import os
import subprocess

from bench_turn import coded, install_clock
from charts import Chart, Series
from etcd import CLIENT_PORT
from guests import DAEMON, SLEEPER, Look, command, costs, instances, pass_time, wait_count, write_template
from waiting import Failure, now, require, wait_for

TTL = 10.0
PREFIX = "/leased/"
WRITERS = 12  # connections; a put takes some milliseconds
UNITS = 10
LIMIT_BYTES, LIMIT_CPU = 30e3, 15.0
BATCH = 25  # machines whose records are put in one transaction, at first


def _put(key, value):
    return {"requestPut": {"key": coded(PREFIX + key), "value": coded(json.dumps(value, separators=(",", ":")))}}


def session_of(i):
    return f"{i + 1:016x}-{1000 * TTL:.0f}"


def beat_of(i):
    return _put(f"beats/{session_of(i)}", {"machine_id": f"{i + 1:032x}", "nonce": f"{i + 1:016x}-{12345}"})


def records_of(i):
    """What a machine writes when it begins."""
    return [_put(f"machines/{i + 1:032x}", {"hostname": f"played-{i}", "boot_id": f"{i + 7:032x}", "session": session_of(i),
                                            "metadata": f"region=eu rack=a{i % 40}", "version": "0.2.0", "draining": False}),
            _put(f"fences/{session_of(i)}", {"counter": 0, "names": []}), beat_of(i)]


class Crowd:
    """So many machines, played on the members of etcd."""

    def __init__(self, stage, cluster, number):
        members = cluster.etcd.machines
        for first in range(0, number, BATCH):
            puts = [put for i in range(first, min(number, first + BATCH)) for put in records_of(i)]
            answer = cluster.etcd.call(members[0], "/v3/kv/txn", {"success": puts}, 10)
            require("etcd takes the records of the machines that are played", answer is not None and "header" in answer)
        self._writers = []
        clock = os.path.join(stage.build, "tests/bench/bench-clock")
        for writer in range(min(WRITERS, number)):
            path = os.path.join(cluster.rack.shared, f"beats-{writer}")
            with open(path, "w") as file:
                file.writelines(json.dumps({"success": [beat_of(i)]}) + "\n" for i in range(writer, number, WRITERS))
            url = f"http://{members[writer % len(members)].address}:{CLIENT_PORT}/v3/kv/txn"
            with open(f"{path}.log", "w") as log:
                self._writers.append(subprocess.Popen([clock, "repeat", url, path, f"{TTL / 5:g}"], stderr=log))
        self._logs = [os.path.join(cluster.rack.shared, f"beats-{writer}.log") for writer in range(len(self._writers))]

    def end(self):
        """Returns how many of its writes failed."""
        for writer in self._writers:
            writer.terminate()
        for writer in self._writers:
            writer.wait()
        failed = 0
        for log in self._logs:
            with open(log) as file:
                lines = file.read().split("\n")
            failed += max([int(line.split()[2]) for line in lines if "requests failed" in line], default=0)
        return failed


@contextlib.contextmanager
def crowd(stage, cluster, number):
    played = Crowd(stage, cluster, number)
    try:
        yield played
    finally:
        played.end()


def machines_known(machine):
    done = machine.run("leasectl", "machines", "--no-legend", check=False, deadline=60)
    return len(done.stdout.splitlines())


def measure(stage, cluster, number, seconds):
    """(bytes received per second, CPU ms per second of leased, bytes that etcd's members send per second, writes that failed)"""
    watcher = Look(cluster["delta"])
    members = [Look(machine) for machine in cluster.etcd.machines]
    with crowd(stage, cluster, number) as played:
        stage.say(f"{number} machines: settle")
        wait_for(f"{number} machines are known", lambda: machines_known(watcher.machine) >= number, 60)
        pass_time(2 * TTL)
        stage.say(f"{number} machines: measure")
        before, sent, since = watcher.traffic()[0], sum(look.traffic()[1] for look in members), now()
        cpu = costs(watcher, seconds, {"leased": f"system.slice/{DAEMON}"})["leased"]
        took = now() - since
        received, sent = watcher.traffic()[0] - before, sum(look.traffic()[1] for look in members) - sent
        return received / took, cpu, sent / took, played.end()


def crowds(stage):
    numbers = stage.sizes([10, 100, 300, 1000], [10, 1000])
    rows = []
    with stage.cluster(ttl=TTL, without_etcd=("delta",)) as cluster:
        install_clock(stage, cluster)
        delta = cluster["delta"]
        write_template([delta], "idle")
        command(delta, "leasectl", "enable", *instances("idle", UNITS))
        wait_count(Look(delta), "idle", UNITS, 60)
        for number in numbers:
            rows.append((number, *measure(stage, cluster, number, 20 if stage.quick else 60)))
    few = rows[0]
    for number, received, cpu, sent, failed in rows:
        at_goal = number >= 1000
        stage.figure(6, f"a watcher hears, {number} machines", received / 1e3, "kB/s", beside=few[1] / 1e3,
                     peer=f"{few[0]} machines", limit=LIMIT_BYTES / 1e3 if at_goal else None,
                     note=f"{UNITS} units held; if all were real, etcd would send {8 * received * number / 1e6:.0f} Mbit/s")
        stage.figure(6, f"CPU of a watcher's leased, {number} machines", cpu, "ms/s", beside=few[2], peer=f"{few[0]} machines",
                     limit=LIMIT_CPU if at_goal else None, note=f"{failed} of the played writes failed" if failed else "")
        stage.figure(6, f"etcd's members send, {number} machines played", sent / 1e3, "kB/s",
                     note="to each other, to four machines with leased, and the answers to the writers")
    stage.chart(Chart("machines.svg", "What one machine pays for the others' life signs, TTL 10 s", "machines",
                      "kB/s received; ms/s of CPU",
                      [Series("received, kB/s", [(row[0], row[1] / 1e3) for row in rows]),
                       Series("CPU, ms/s", [(row[0], row[2]) for row in rows]),
                       Series("goal: 30 kB/s", [(numbers[0], 30), (1000, 30)], limit=True),
                       Series("goal: 15 ms/s", [(numbers[0], 15), (1000, 15)], limit=True)], log_x=True, log_y=True))


def short_ttl(stage):
    """Units that run stay undisturbed through a reload that changes all of them, and a takeover of half of them."""
    number = 200 if stage.quick else 1000
    what = f"units disturbed, TTL 2 s, {number} units, reload and takeover"
    try:
        with stage.cluster(ttl=2.0) as cluster:
            alpha, beta = Look(cluster["alpha"]), Look(cluster["beta"])
            write_template(cluster, "idle")
            half = number // 2
            for look, first in ((alpha, 0), (beta, half)):
                stage.say(f"TTL 2 s: enable {half} units on {look.machine}")
                command(look.machine, "leasectl", "enable", "--no-wait", *instances("idle", half, first))
                wait_count(look, "idle", half, 60 + 0.1 * number)
            stage.say("TTL 2 s: enable the others' units")
            command(alpha.machine, "leasectl", "enable", "--no-wait", *instances("idle", half, half))
            names = instances("idle", half)
            before = alpha.times(names, "ActiveEnter")["ActiveEnter"]
            stage.say("TTL 2 s: reload, power cut")
            alpha.machine.write("/etc/systemd/system/idle@.service", SLEEPER.replace("HoldDownSec=2s", "HoldDownSec=3s"))
            command(alpha.machine, "leasectl", "reload")
            beta.machine.power_cut()
            began = now()
            wait_count(alpha, "idle", number, 60 + 0.1 * number)
            took = now() - began
            after = alpha.times(names, "ActiveEnter")["ActiveEnter"]
        stage.figure(6, what, float(sum(abs(a - b) > 0.01 for a, b in zip(before, after))), "", limit=0.0,
                     note=f"the takeover of {half} took {took:.2f} s")
    except Failure as error:
        stage.figure(6, what, None, "", limit=0.0, note=str(error).splitlines()[0])


def run(stage):
    crowds(stage)
    short_ttl(stage)
