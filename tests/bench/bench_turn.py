# SPDX-License-Identifier: Apache-2.0
"""Whether anything that leased is asked for keeps its loop from turning: the longest turn as leased itself notes it, and how long
its beats and its answers are late meanwhile."""

import base64
import json
import os

import guests
from charts import Chart, Series
from etcd import CLIENT_PORT
from guests import DAEMON, SLEEPER, Look, command, instances, pass_time, wait_count, write_template
from waiting import Failure, wait_for

TTL = 10.0
LIMIT = 0.020
CLOCK = "/shared/bench-clock"


def install_clock(stage, cluster):
    source = os.path.join(stage.build, "tests/bench/bench-clock")
    with open(source, "rb") as file, open(os.path.join(cluster.rack.shared, "bench-clock"), "wb") as copy:
        copy.write(file.read())
    os.chmod(os.path.join(cluster.rack.shared, "bench-clock"), 0o755)


def coded(text):
    return base64.b64encode(text.encode()).decode()


def watch_body(prefix):
    return json.dumps({"create_request": {"key": coded(prefix), "range_end": coded(prefix[:-1] + chr(ord(prefix[-1]) + 1))}})


def longest_turn(machine, kind=""):
    """Seconds of the longest turn since leased was started, as it says itself; None if it does not. With the kind "CPU": the most
    processor time of a turn."""
    done = machine.run("busctl", "--json=short", "get-property", "org.leased1", "/org/leased1", "org.leased1.Manager",
                       f"LongestTurn{kind}USec", check=False, deadline=60)
    return json.loads(done.stdout)["data"] / 1e6 if done.returncode == 0 else None


class Beats:
    """The beats of one session as etcd tells them."""

    def __init__(self, machine):
        self._machine = machine
        self._process = machine.start(CLOCK, "watch", f"http://127.0.0.1:{CLIENT_PORT}/v3/watch", watch_body("/leased/beats/"))
        self._process.stdout.readline()

    def end(self):
        """{session: the longest time between two of its beats}"""
        times = {}
        for line in guests.end(self._process):
            words = line.split()
            if len(words) == 2 and words[0].isdigit():
                times.setdefault(words[1], []).append(int(words[0]) / 1e9)
        return {key: max((b - a for a, b in zip(each, each[1:])), default=0.0) for key, each in times.items()}


class Watched:
    """What happens to leased on a machine while something is done."""

    def __init__(self, stage, machine, number):
        self.stage, self.machine, self.number = stage, machine, number
        self.rows = []
        self.worked = None

    def act(self, what, act):
        self.stage.say(f"{self.number} units: {what}")
        daemon = self.machine.main_pid(DAEMON)
        beats = Beats(self.machine)
        poke = self.machine.start(CLOCK, "poke")
        pass_time(0.5)
        try:
            act()
            pass_time(TTL / 5 + 0.5)
        finally:
            found = beats.end()
            said = guests.end(poke)
        if self.machine.main_pid(DAEMON) != daemon:
            raise Failure(f"{what}: leased was restarted meanwhile, as its watchdog does after 10 s")
        longest = [int(line.split()[1]) / 1e9 for line in said if line.startswith("longest ")]
        answer = max(longest, default=None)
        self.rows.append((what, longest_turn(self.machine), answer, max(found.values(), default=None)))
        self.worked = longest_turn(self.machine, "CPU")


def objects(machine):
    machine.run("busctl", "--timeout=120", "call", "org.leased1", "/org/leased1", "org.freedesktop.DBus.ObjectManager", "GetManagedObjects",
                deadline=120)


def play(stage, cluster, number):
    """All that is asked of leased with so many units, and the takeover by another machine: two Watched."""
    alpha, beta = cluster["alpha"], cluster["beta"]
    watched = Watched(stage, alpha, number)
    watched.act("enable all", lambda: command(alpha, "leasectl", "enable", "--no-wait", *instances("idle", number)))
    stage.say(f"{number} units: start")
    watched.act("first start of all", lambda: wait_count(Look(alpha), "idle", number, 60 + 0.1 * number))
    watched.act("GetManagedObjects", lambda: objects(alpha))
    watched.act("set-metadata", lambda: command(alpha, "leasectl", "set-metadata", "rack=a1"))
    alpha.write("/etc/systemd/system/idle@.service", SLEEPER.replace("HoldDownSec=2s", "HoldDownSec=3s"))
    watched.act("reload", lambda: command(alpha, "leasectl", "reload"))
    stage.say(f"{number} units: enable on beta, too")
    command(beta, "leasectl", "enable", "--no-wait", *instances("idle", number))
    taker = Watched(stage, beta, number)
    alpha.power_cut()
    taker.act("takeover of all", lambda: wait_count(Look(beta), "idle", number, 60 + 3 * TTL + 0.1 * number))
    return watched, taker


def tell(stage, number, watched, taker):
    """The longest turn of each daemon, and what made it; and how late answers and beats were meanwhile."""
    for name, each in (("all that was asked", watched), ("takeover of all", taker)):
        turn = each.rows[-1][1]
        first = next((what for what, so_far, _, _ in each.rows if so_far == turn), "")
        note = f"since its start; first so long in: {first}" if turn is not None else "leased does not tell"
        stage.figure(1, f"longest turn, {number} units: {name}", turn, "s", limit=LIMIT, note=note)
        stage.figure(1, f"most processor time of a turn, {number} units: {name}", each.worked, "s", limit=LIMIT,
                     note="a turn also lasts while others have the processors")
    for what, _, answer, beat in (*watched.rows, *taker.rows):
        stage.figure(1, f"longest answer, {number} units: {what}", answer, "s",
                     note=f"longest time between beats {beat:.2f} s, of {TTL / 5:g} s" if beat else "")


def run(stage):
    numbers = stage.sizes([10, 1000, 5000], [10, 200])
    curves = {}
    for number in numbers:
        with stage.cluster(ttl=TTL) as cluster:
            install_clock(stage, cluster)
            write_template(cluster, "idle")
            try:
                watched, taker = play(stage, cluster, number)
            except Failure as error:
                stage.figure(1, f"longest turn, {number} units", None, "s", limit=LIMIT, note=str(error).splitlines()[0])
                break
        tell(stage, number, watched, taker)
        for what, _, answer, _ in (*watched.rows, *taker.rows):
            curves.setdefault(f"answer: {what}", []).append((number, 1000 * (answer or 0)))
        curves.setdefault("longest turn", []).append((number, 1000 * max(watched.rows[-1][1] or 0, taker.rows[-1][1] or 0)))
    if curves:
        ends = [min(numbers), max(x for points in curves.values() for x, _ in points)]
        stage.chart(Chart("turn.svg", "The longest turn of leased's loop, and the longest answer", "units", "milliseconds",
                          [*(Series(name, points) for name, points in curves.items()),
                           Series("goal for a turn", [(x, 1000 * LIMIT) for x in ends], limit=True)], log_x=True, log_y=True))
