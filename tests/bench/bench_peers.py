# SPDX-License-Identifier: Apache-2.0
"""leased beside what Debian has for the same: the same faults on the same three machines, memory, and CPU at rest."""

from charts import Chart, Series
from contestants import ALL, FAULTS, SLEEP, play, power_cut, released
from figures import median
from guests import Look, pass_time
from waiting import Failure, now

TTL = 5.0


def cost_at_rest(stage, cluster, contestant, seconds):
    """(ms of CPU per second, bytes) on the machine where each is highest, one service that does nothing."""
    stage.say(f"{contestant.name}: at rest")
    unit = contestant.start(cluster, SLEEP)
    pass_time(2 * TTL)
    looks = [Look(machine) for machine in cluster]
    before, since = [sum(look.cpu(group) for group in contestant.groups) for look in looks], now()
    pass_time(seconds)
    used = [sum(look.cpu(group) for group in contestant.groups) - old for look, old in zip(looks, before)]
    memory = [sum(look.pss(group) for group in contestant.groups) for look in looks]
    took = now() - since
    contestant.end(cluster, unit)
    return 1000 * max(used) / took, max(memory)


def faults_of(stage, cluster, contestant, faults, trials):
    """{fault: (nobody ran, two ran)}: the median and the worst."""
    unit = contestant.start(cluster)
    found = {}
    for name, fault in faults.items():
        results = []
        for trial in range(trials):
            stage.say(f"{contestant.name}: {name}, {trial + 1} of {trials}")
            try:
                results.append(play(contestant, cluster, unit, fault, 0 if fault in (power_cut, released) else 3 * TTL))
            except Failure as error:
                stage.say(f"{contestant.name}: {name}: {str(error).splitlines()[0]}")
                stage.figure(9, f"{contestant.name}: {name}", None, "s", limit=0.0 if contestant.name == "leased" else None,
                             note=str(error).splitlines()[0])
                break
        if results:
            found[name] = median([gap for gap, _ in results]), max(met for _, met in results)
    contestant.end(cluster, unit)
    return found


def tell(stage, rest, faults, names):
    ours = rest["leased"]
    for name, peer in rest.items():
        if name != "leased":
            stage.figure(9, f"CPU at rest, one service: leased, {name}", ours[0], "ms/s", beside=peer[0], peer=name)
            stage.figure(9, f"memory: leased, {name}", ours[1] / 1e6, "MB", beside=peer[1] / 1e6, peer=name)
    for fault in faults:
        mine = names["leased"].get(fault)
        if mine is None:
            continue
        for name, found in names.items():
            if name != "leased" and fault in found:
                stage.figure(9, f"{fault}: nobody ran", mine[0], "s", beside=found[fault][0], peer=name,
                             note=f"two ran for: leased {mine[1]:.3f} s, {name} {found[fault][1]:.3f} s")
        stage.figure(9, f"{fault}: two ran, leased", mine[1], "s", limit=0.0,
                     beside=max((found[fault][1] for found in names.values() if fault in found), default=None),
                     peer="the worst of all")


def run(stage):
    faults = {name: FAULTS[name] for name in list(FAULTS)[:2]} if stage.quick else FAULTS
    rest, found = {}, {}
    for kind in ALL:
        contestant = kind()
        with stage.cluster(ttl=TTL) as cluster:  # what one leaves behind is not the next one's
            try:
                rest[contestant.name] = cost_at_rest(stage, cluster, contestant, 10 if stage.quick else 60)
                found[contestant.name] = faults_of(stage, cluster, contestant, faults, 1 if stage.quick else 3)
            except Failure as error:
                stage.figure(9, f"{contestant.name} beside leased", None, "", limit=0.0, note=str(error).splitlines()[0])
                if kind is ALL[0]:
                    raise
    tell(stage, rest, faults, found)
    labels = list(rest)
    stage.chart(Chart("peers-rest.svg", "At rest, one service, the machine that pays most", "",
                      "ms of CPU per second; MB of memory",
                      [Series("CPU, ms/s", [(i, rest[name][0]) for i, name in enumerate(labels)]),
                       Series("memory, MB", [(i, rest[name][1] / 1e6) for i, name in enumerate(labels)])],
                      kind="bars", log_y=True, labels=labels))
    names = list(found)
    short = {"release": "release", "power cut of the holder": "power cut", "its agent killed": "agent killed",
             "its agent stopped for 3 TTL": "agent stopped", "holder cut off for 3 TTL": "cut off"}
    for file, title, i in (("peers-gap.svg", f"Nobody ran for, TTL {TTL:g} s", 0),
                           ("peers-overlap.svg", f"Two machines ran it for, TTL {TTL:g} s", 1)):
        series = [Series(name, [(place, found[name][fault][i]) for place, fault in enumerate(faults) if fault in found[name]])
                  for name in names]
        stage.chart(Chart(file, title, "", "seconds", series, kind="bars", labels=[short[fault] for fault in faults]))
