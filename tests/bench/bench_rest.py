# SPDX-License-Identifier: Apache-2.0
"""What leased costs while nothing happens, over the number of units held by one machine; and with the most of them, whether its loop
keeps turning when it is asked for something. There are 100 units of each template, and so in each slice: PID 1 of systemd 252 goes
through all units of a slice whenever one of them starts, so that thousands in one slice take an hour."""

from bench_turn import LIMIT, Watched, install_clock, longest_turn, objects
from charts import Chart, Series
from figures import median
from guests import COMMAND_DEADLINE, DAEMON, PARTS, SLEEPER, Look, command, costs, pass_time
from waiting import Failure, now, wait_for

TTL = 10.0
LIMITS = {1000: 5.0, 10000: 20.0}  # ms of CPU per second, of leased, PID 1 and the bus together
PER_UNIT = 4096.0
SUM = ("leased", "PID 1", "dbus-daemon")
EACH = 100  # units of a template


def template(i):
    return f"idle{i // EACH}"


def write_templates(machine, number, text):
    for i in range(0, number, EACH):
        machine.write(f"/etc/systemd/system/{template(i)}@.service", text)


def running(look, number):
    return sum(look.running(template(i)) for i in range(0, number, EACH))


def at_rest(look, windows, seconds):
    """Medians: {part: ms/s}, wake-ups of leased per second, bytes of leased."""
    found, woken = [], []
    group = f"system.slice/{DAEMON}"
    for _ in range(windows):
        before, since = look.wakeups(group), now()
        found.append(costs(look, seconds))
        woken.append((look.wakeups(group) - before) / (now() - since))
    return {part: median([each[part] for each in found]) for part in PARTS}, median(woken), look.pss(group)


def grow(stage, machine, look, held, number):
    """From held units to number of them."""
    if number == held:
        return
    stage.say(f"{number} units: enable")
    daemon = machine.main_pid(DAEMON)
    command(machine, "leasectl", "enable", "--no-wait", *(f"{template(i)}@{i}.service" for i in range(held, number)))
    stage.say(f"{number} units: start")
    wait_for(f"{number} units run", lambda: running(look, number) == number, 60 + 0.3 * number,
             lambda: f"  {running(look, number)} do; leased is {machine.state(DAEMON)}")
    if machine.main_pid(DAEMON) != daemon:
        raise Failure("leased was restarted meanwhile")


def tell(stage, number, cpu, woken, memory, empty):
    total = sum(cpu[part] for part in SUM)
    stage.figure(2, f"CPU at rest, {number} units held", total, "ms/s", beside=empty["cpu"] if number else None,
                 peer="no unit held" if number else "", limit=LIMITS.get(number),
                 note=", ".join(f"{part} {cpu[part]:.2f}" for part in PARTS) + " (the guard is not in the sum)")
    stage.figure(2, f"wake-ups of leased, {number} units held", woken, "/s", beside=empty["woken"] if number else None,
                 peer="no unit held" if number else "")
    if number >= 100:
        stage.figure(5, f"memory of leased a unit, {number} held", (memory - empty["memory"]) / number, "B",
                     limit=PER_UNIT if number >= 1000 else None,
                     note=f"PSS {memory / 1e6:.1f} MB, {empty['memory'] / 1e6:.1f} MB without units")


def tell_turns(stage, machine, number, what):
    turn, worked = longest_turn(machine), longest_turn(machine, "CPU")
    stage.figure(1, f"longest turn, {number} units held by one machine: {what}", turn, "s", note="since its start")
    stage.figure(1, f"most processor time of a turn, {number} units held by one machine: {what}", worked, "s", limit=LIMIT,
                 note="a turn also lasts while others have the processors")


def ask(stage, machine, number):
    """What concerns all units at once."""
    watched = Watched(stage, machine, number)
    watched.act("GetManagedObjects", lambda: objects(machine))
    watched.act("set-metadata", lambda: command(machine, "leasectl", "set-metadata", "rack=a1"))
    write_templates(machine, number, SLEEPER.replace("HoldDownSec=2s", "HoldDownSec=3s"))
    watched.act("reload", lambda: command(machine, "leasectl", "reload"))
    tell_turns(stage, machine, number, "all that was asked")
    for what, _, answer, beat in watched.rows:
        stage.figure(1, f"longest answer, {number} units held by one machine: {what}", answer, "s",
                     note=f"longest time between beats {beat:.2f} s, of {TTL / 5:g} s" if beat else "")


def ask_or_say(stage, machine, number):
    try:
        ask(stage, machine, number)
    except Failure as error:
        stage.figure(1, f"most processor time of a turn, {number} units held by one machine: all that was asked", None, "s",
                     limit=LIMIT, note=str(error).splitlines()[0])


def draw(stage, rows):
    points = {part: [(number, cpu[part]) for number, cpu, _, _ in rows if number] for part in PARTS}
    total = [(number, sum(cpu[part] for part in SUM)) for number, cpu, _, _ in rows if number]
    empty = sum(rows[0][1][part] for part in SUM)
    stage.chart(Chart("rest-cpu.svg", "CPU at rest over units held by one machine, TTL 10 s", "units held", "ms of CPU per second",
                      [*(Series(part, each) for part, each in points.items()), Series("sum (no guard)", total),
                       Series("sum, no unit", [(total[0][0], empty), (total[-1][0], empty)], limit=True),
                       Series("goal", [(1000, 5), (10000, 20)] if total[-1][0] > 1000 else [(total[0][0], 5), (1000, 5)],
                              limit=True)],
                      log_x=True, log_y=True))
    stage.chart(Chart("rest-memory.svg", "Memory of leased over units held", "units held", "PSS in MB",
                      [Series("leased", [(number, memory / 1e6) for number, _, _, memory in rows if number]),
                       Series("goal: 4 kB a unit", [(number, (rows[0][3] + PER_UNIT * number) / 1e6) for number, _, _, _ in rows
                                                    if number], limit=True)], log_x=True, log_y=True))
    stage.chart(Chart("rest-wakeups.svg", "Wake-ups of leased over units held, TTL 10 s", "units held", "wake-ups per second",
                      [Series("leased", [(number, woken) for number, _, woken, _ in rows if number]),
                       Series("no unit", [(total[0][0], rows[0][2]), (total[-1][0], rows[0][2])], limit=True)], log_x=True))


def run(stage):
    numbers = stage.sizes([0, 10, 100, 1000, 3000, 10000], [0, 10, 100, 1000])
    rows, held = [], 0
    with stage.cluster(ttl=TTL) as cluster:
        machine = cluster["alpha"]
        install_clock(stage, cluster)
        write_templates(machine, numbers[-1], SLEEPER)
        machine.systemctl("daemon-reload", deadline=COMMAND_DEADLINE)
        look = Look(machine)
        for number in numbers:
            try:
                grow(stage, machine, look, held, number)
                held = number
                stage.say(f"{number} units: at rest")
                pass_time(TTL)
                cpu, woken, memory = at_rest(look, 1 if stage.quick else 3, 2 * TTL)
            except Failure as error:
                stage.figure(2, f"CPU at rest, {number} units held", None, "ms/s", limit=LIMITS.get(number, 0.0),
                             note="; ".join(line.strip() for line in str(error).splitlines()[:2]))
                break
            rows.append((number, cpu, woken, memory))
            first = rows[0]
            empty = {"cpu": sum(first[1][part] for part in SUM), "woken": first[2], "memory": first[3]}
            tell(stage, number, cpu, woken, memory, empty)
            if number >= 1000:
                tell_turns(stage, machine, number, "enabled, started, at rest")
        if held >= 1000 and len(rows) == len(numbers):
            ask_or_say(stage, machine, held)
        if len(rows) > 1:  # before the machines are switched off: one with thousands of units may not end in time
            some, most = rows[1], rows[-1]
            stage.figure(2, f"wake-ups with {most[0]} units, not with {some[0]}", most[2], "/s", beside=some[2],
                         peer=f"{some[0]} units held", limit=1.2, limit_of="ratio",
                         note="to be independent of the number; 1.2 for what varies by itself")
            draw(stage, rows)
