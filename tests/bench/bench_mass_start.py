# SPDX-License-Identifier: Apache-2.0
"""Many units that start at once: the first time, and when the machine that held all of them loses its power."""

from charts import Chart, Series
from guests import DAEMON, Look, command, instances, pass_time, wait_count, write_template
from waiting import now, wait_for

TTL = 5.0
MARGIN = 1.04 * TTL + 1  # seconds within which a unit runs again after a crash, besides its own start
REFUSED = "maximum number of pending"  # what dbus-daemon says to a client with too many requests under way


def by_hand(looks, template, names):
    """Seconds that systemctl takes to start these units, as many on each machine, on all machines at once."""
    share = -(-len(names) // len(looks))
    parts = [names[i * share:(i + 1) * share] for i in range(len(looks))]
    began = now()
    commands = [look.machine.start("systemctl", "start", *part) for look, part in zip(looks, parts)]
    wait_for("they have started", lambda: all(each.poll() is not None for each in commands), 300)
    last = max(max(look.times(part, "ActiveEnter")["ActiveEnter"]) for look, part in zip(looks, parts))
    for each in commands:
        each.stdout.close()
    for look, part in zip(looks, parts):
        command(look.machine, "systemctl", "stop", *part)
    return last - began


def first_start(stage, look, number, first):
    """Enables so many units while the machine drains; seconds from undrain to the last of them running, and those of the floor."""
    names = instances("idle", number, first)
    stage.say(f"{number} units: by hand")
    floor = by_hand([look], "bare", instances("bare", number))
    stage.say(f"{number} units: enable")
    command(look.machine, "leasectl", "drain", check=False)
    command(look.machine, "leasectl", "enable", *names)
    pass_time(TTL)
    stage.say(f"{number} units: first start")
    began = now()
    command(look.machine, "leasectl", "undrain")
    wait_count(look, "idle", first + number, 120 + 0.1 * number)
    wait_for("all are active", lambda: 0.0 not in look.times(names, "ActiveEnter")["ActiveEnter"], 60)
    return max(look.times(names, "ActiveEnter")["ActiveEnter"]) - began, floor


def takeover(stage, cluster, number):
    """Power cut of the holder of all: (seconds until the last runs, those of the floor, units on each of the others)"""
    looks = [Look(cluster[name]) for name in ("beta", "gamma")]
    for look in looks:
        stage.say(f"{number} units: enable on {look.machine}")
        command(look.machine, "leasectl", "enable", "--no-wait", *instances("idle", number))
    stage.say(f"{number} units: by hand on two machines")
    pass_time(2 * TTL)
    floor = by_hand(looks, "bare", instances("bare", number))
    stage.say(f"{number} units: power cut of the holder")
    cluster["alpha"].power_cut()
    cut = cluster["alpha"].cut_at
    wait_for("all run elsewhere", lambda: sum(look.running("idle") for look in looks) == number, 120 + 0.1 * number,
             lambda: f"  {[look.running('idle') for look in looks]}")
    last = max(max(look.times(instances("idle", number), "ActiveEnter")["ActiveEnter"]) for look in looks)
    return last - cut, floor, [look.running("idle") for look in looks]


def refusals(machine):
    said = machine.run("journalctl", "--quiet", "--output=cat", f"--unit={DAEMON}").stdout
    return sum(REFUSED in line for line in said.splitlines())


def run(stage):
    steps = stage.sizes([10, 90, 900], [10, 190])
    curve, floors, held = [], [], 0
    with stage.cluster(ttl=TTL) as cluster:
        write_template(cluster, "idle")
        write_template(cluster, "bare")
        look = Look(cluster["alpha"])
        for step in steps:
            took, floor = first_start(stage, look, step, held)
            held += step
            curve.append((step, took))
            floors.append((step, floor))
        refused = refusals(look.machine)
        again, floor_again, counts = takeover(stage, cluster, held)
        refused += sum(refusals(cluster[name]) for name in ("beta", "gamma"))
    peer = "one systemctl start of as many"
    stage.figure(3, f"first start of {steps[-1]} units", took, "s", beside=floor, peer=peer, limit=1.2, limit_of="ratio",
                 note=f"enabled before; from undrain to the last one active, beside {held - steps[-1]} that run")
    stage.figure(3, f"takeover of {held} after a power cut", again, "s", beside=floor_again,
                 peer=f"{peer}, half on each of two machines at once", limit=MARGIN + floor_again,
                 note=f"the limit is 1.04 TTL + 1 s + the start by hand, with a TTL of {TTL:g} s")
    stage.figure(3, f"takeover of {held}, without the wait of 1.04 TTL", max(0.0, again - 1.04 * TTL), "s", beside=floor_again,
                 peer=peer, limit=1.2, limit_of="ratio")
    stage.figure(3, "takeover: most beyond an even share", 100 * (max(counts) / (held / len(counts)) - 1), "%", limit=5.0,
                 note=f"units on each: {counts}")
    stage.figure(3, "requests that the bus refused", float(refused), "", limit=0.0)
    stage.chart(Chart("mass-start.svg", "From the word to the last unit active, on one machine", "units started at once", "seconds",
                      [Series("leased", curve), Series("systemctl start", floors)], log_x=True, log_y=True))
