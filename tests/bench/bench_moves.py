# SPDX-License-Identifier: Apache-2.0
"""How long it takes to move units by hand: release, transfer and drain, beside systemctl stop here and start there."""

from charts import Chart, Series
from figures import median
from guests import Look, command, instances, pass_time, wait_count, write_template
from waiting import now, wait_for

TTL = 5.0
MANY = 50
STAND_BACK = 2.1  # seconds; HoldDownSec= of the units is 2 s, so that they can go back again


class Two:
    """Two machines between which units go to and fro."""

    def __init__(self, stage, cluster):
        self.stage = stage
        self.looks = [Look(cluster["alpha"]), Look(cluster["beta"])]

    def turn(self):
        self.looks.reverse()

    @property
    def source(self):
        return self.looks[0].machine

    @property
    def target(self):
        return self.looks[1].machine

    def timed(self, act, template, number):
        """(seconds from the command to the last of the units running on the target; the median of those in which a unit ran
        nowhere, None if PID 1 has forgotten when the units ended, as of units that nobody asks about)"""
        began = now()
        ending = act()
        wait_for(f"{number} {template} run on {self.target}",
                 lambda: self.looks[1].running(template) == number and self.looks[0].running(template) == 0, 60,
                 lambda: f"  {[look.running(template) for look in self.looks]}")
        ending.wait(60)
        ending.stdout.close()
        names = instances(template, number)
        ended = self.looks[0].times(names, "InactiveEnter")["InactiveEnter"]
        started = self.looks[1].times(names, "ActiveEnter")["ActiveEnter"]
        return max(started) - began, median([start - end for start, end in zip(started, ended) if end])

    def by_hand(self, template, number):
        """The floor: stop them all, then start them all."""
        names = instances(template, number)

        def act():
            command(self.source, "systemctl", "stop", *names)
            return self.target.start("systemctl", "start", *names)

        return self.timed(act, template, number)

    def by_leased(self, number, *words):
        return self.timed(lambda: self.source.start("leasectl", *words), "idle", number)


def measure(two, number, trials, ways):
    """{way: (seconds, gap), medians}: in each trial all ways one after the other, then the other direction."""
    found = {name: [] for name in ways}
    for trial in range(trials):
        two.stage.say(f"{number} units to and fro, {trial + 1} of {trials}")
        for name, way in ways.items():
            # All units of the way are on its source: each way has gone as often as the other.
            found[name].append(way())
            pass_time(STAND_BACK)
            two.turn()
            found[name].append(way())
            pass_time(STAND_BACK)
            two.turn()
    return {name: tuple(median([pair[i] for pair in each if pair[i] is not None]) for i in (0, 1)) for name, each in found.items()}


def drain(two, number):
    took = two.by_leased(number, "drain")
    command(two.source, "leasectl", "undrain")
    return took


def enable(stage, two, first, number):
    names = instances("idle", number, first)
    for look in two.looks:
        stage.say(f"enable {number} units on {look.machine}")
        command(look.machine, "leasectl", "enable", *names)
        wait_count(two.looks[0], "idle", first + number, 60)


def start_by_hand(two, first, number):
    command(two.source, "systemctl", "start", *instances("bare", number, first))


def run(stage):
    trials = 1 if stage.quick else 4
    with stage.cluster(ttl=TTL) as cluster:
        two = Two(stage, cluster)
        write_template([two.source, two.target], "idle")
        write_template([two.source, two.target], "bare")
        enable(stage, two, 0, 1)
        start_by_hand(two, 0, 1)
        one = measure(two, 1, 2 * trials, {
            "floor": lambda: two.by_hand("bare", 1), "release": lambda: two.by_leased(1, "release", "idle@0.service"),
            "transfer": lambda: two.by_leased(1, "transfer", "idle@0.service", two.target.name)})
        enable(stage, two, 1, MANY - 1)
        start_by_hand(two, 1, MANY - 1)
        many = measure(two, MANY, trials, {
            "floor": lambda: two.by_hand("bare", MANY), "release": lambda: two.by_leased(MANY, "release", *instances("idle", MANY)),
            "drain": lambda: drain(two, MANY)})
    peer = "systemctl stop here, then start there"
    for name, limit in (("release", 1.2), ("transfer", 1.2)):
        stage.figure(4, f"{name} of one unit", one[name][0], "s", beside=one["floor"][0], peer=peer, limit=limit, limit_of="ratio")
        stage.figure(4, f"{name} of one unit: nobody ran", one[name][1], "s")
    for name in ("release", "drain"):
        stage.figure(4, f"{name} of {MANY} units by one command", many[name][0], "s", beside=many["floor"][0], peer=peer,
                     limit=1.25, limit_of="ratio")
        stage.figure(4, f"{name} of {MANY} units: nobody ran, median", many[name][1], "s")
    ways = one["release"], one["transfer"], many["release"], many["drain"]
    floors = one["floor"], one["floor"], many["floor"], many["floor"]
    stage.chart(Chart("moves.svg", "Moving units: from the command to the last one running again", "", "seconds",
                      [Series("leased", list(enumerate(each[0] for each in ways))),
                       Series("systemctl stop, start", list(enumerate(each[0] for each in floors)))],
                      kind="bars", log_y=True, labels=["release 1", "transfer 1", f"release {MANY}", f"drain {MANY}"]))
