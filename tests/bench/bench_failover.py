# SPDX-License-Identifier: Apache-2.0
"""Power cut of the holder at small TTL, beside what keepalived does as it comes and what "etcdctl lock" does."""

from charts import Chart, Series
from contestants import EtcdctlLock, Keepalived, Leased, play, power_cut
from figures import median, number
from waiting import Failure

TTLS = (1.0, 2.0)


def trials_of(stage, cluster, contestant, trials):
    """Seconds in which nobody ran, of each power cut. A peer that does not come back has those until then."""
    unit = contestant.start(cluster)
    gaps = []
    try:
        for trial in range(trials):
            stage.say(f"TTL {cluster.ttl:g} s, {contestant.name}: power cut {trial + 1} of {trials}")
            gaps.append(play(contestant, cluster, unit, power_cut, 0)[0])
    except Failure as error:
        if isinstance(contestant, Leased) or not gaps:
            raise
        stage.say(f"{contestant.name}: {str(error).splitlines()[0]}")
    contestant.end(cluster, unit)
    return gaps


def at(stage, ttl, trials):
    """{name: gaps} at one TTL. keepalived has none: it is played at the last."""
    contestants = (Leased(), EtcdctlLock(), Keepalived()) if ttl == TTLS[-1] else (Leased(), EtcdctlLock())
    with stage.cluster(ttl=ttl) as cluster:
        return {each.name: trials_of(stage, cluster, each, trials) for each in contestants}


def run(stage):
    trials = 2 if stage.quick else 5
    bars = {}
    for place, ttl in enumerate(TTLS):
        what = f"power cut of the holder, TTL {ttl:g} s"
        limit = 1.04 * ttl + 0.5
        try:
            gaps = at(stage, ttl, trials)
        except Failure as error:
            lines = str(error).splitlines()
            said = next((line.rpartition("]: ")[2] for line in lines if "TTL=" in line), lines[0])
            stage.figure(8, what, None, "s", limit=limit, note=f"leased: {said}")
            continue
        for peer in (each for each in gaps if each != "leased"):
            stage.figure(8, what, median(gaps["leased"]), "s", beside=median(gaps[peer]), 
                         peer=f"{peer}, median of {len(gaps[peer])}", limit=limit,
                         note="nobody ran: " + ", ".join(number(gap) for gap in gaps["leased"]))
        for name, each in gaps.items():
            bars.setdefault(name, []).append((place, median(each)))
    stage.chart(Chart("failover.svg", "Power cut of the holder: nobody runs for, median", "", "seconds",
                      [Series(name, points) for name, points in bars.items()], kind="bars",
                      labels=[f"TTL {ttl:g} s" for ttl in TTLS]))
