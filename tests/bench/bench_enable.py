# SPDX-License-Identifier: Apache-2.0
"""What leasectl takes to enable, disable and list many units, beside the least that does the same."""

import re

from charts import Chart, Series
from figures import median
from guests import Look, command, instances, wait_count, write_template
from waiting import now

TTL = 10.0

# The floor of enable: the same drop-ins, written by one process and synchronized once, and one daemon-reload.
GATE = """\
[Unit]
AssertPathExists=/run/systemd
After=leased.service
IgnoreOnIsolate=yes

[Service]
EnvironmentFile=-/run/leased/env/none
"""
WRITE = """\
import os, sys
text = open("/etc/systemd/system/gate").read()
for name in sys.argv[1:]:
    directory = "/etc/systemd/system/" + name + ".d"
    os.makedirs(directory, exist_ok=True)
    with open(directory + "/zzzz-bench.conf", "w") as file:
        file.write(text)
os.sync()
"""
REMOVE = """\
import os, sys
for name in sys.argv[1:]:
    directory = "/etc/systemd/system/" + name + ".d"
    os.unlink(directory + "/zzzz-bench.conf")
    os.rmdir(directory)
"""


def write_by_hand(machine, names):
    began = now()
    command(machine, "python3", "-c", WRITE, *names)
    command(machine, "systemctl", "daemon-reload")
    return now() - began


def remove_by_hand(machine, names):
    began = now()
    command(machine, "systemctl", "stop", *names)
    command(machine, "python3", "-c", REMOVE, *names)
    command(machine, "systemctl", "daemon-reload")
    return now() - began


def files_opened(machine, *words):
    """How many files the command opens."""
    machine.run("strace", "-f", "-c", "-e", "trace=open,openat", "-o", "/shared/strace", *words, check=False, deadline=120)
    found = re.findall(r"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s.*open", machine.read("/shared/strace"), re.M)
    return sum(int(each) for each in found)


def rules_made(machine, *words):
    """How many match rules the command asks the bus for."""
    machine.run("strace", "-f", "-s", "512", "-e", "trace=sendmsg", "-o", "/shared/strace", *words, check=False, deadline=120)
    return machine.read("/shared/strace").count("AddMatch")


def repeated(times, machine, *words, check=True):
    return median([command(machine, *words, check=check) for _ in range(times)])


def measure_one(stage, machine, number, trials):
    """enable and disable of one unit more, beside as many others: seconds, floors, files, match rules."""
    stage.say(f"one unit beside {number}")
    extra, bare = "extra@1.service", "bare@extra.service"
    found = {"enable": [], "disable": [], "enable floor": [], "disable floor": []}
    for _ in range(trials):
        found["enable floor"].append(write_by_hand(machine, [bare]))
        command(machine, "systemctl", "start", bare)
        found["enable"].append(command(machine, "leasectl", "enable", extra))
        found["disable"].append(command(machine, "leasectl", "disable", extra))
        found["disable floor"].append(remove_by_hand(machine, [bare]))
    seconds = {name: median(each) for name, each in found.items()}
    counts = {"files": files_opened(machine, "leasectl", "enable", extra) + files_opened(machine, "leasectl", "disable", extra),
              "rules": rules_made(machine, "leasectl", "enable", extra) + rules_made(machine, "leasectl", "disable", extra)}
    return seconds, counts


def measure_many(stage, machine, look, number, held, trials):
    """From held units to number: {what: (seconds, floor)}."""
    names, bare = instances("idle", number - held, held), instances("bare", number - held)
    found = {}
    stage.say(f"{number} units: by hand")
    floor = write_by_hand(machine, bare)
    remove_by_hand(machine, bare)
    stage.say(f"{number} units: leasectl enable")
    command(machine, "leasectl", "drain", check=False)
    found["enable"] = command(machine, "leasectl", "enable", *names), floor
    command(machine, "leasectl", "undrain")
    wait_count(look, "idle", number, 60 + 0.05 * number)
    stage.say(f"{number} units: list, status")
    listing = repeated(trials, machine, "systemctl", "list-units")
    found["list"] = repeated(trials, machine, "leasectl", "list"), listing
    found["status"] = repeated(trials, machine, "leasectl", "status"), listing
    return found


def disable(stage, machine, number):
    stage.say(f"{number} units: leasectl disable")
    return command(machine, "leasectl", "disable", *instances("idle", number))


def tell(stage, few, held, counts, one, one_few):
    floors = {"enable": "the same drop-ins and one daemon-reload", "list": "systemctl list-units", "status": "systemctl list-units",
              "disable": "systemctl stop, drop-ins removed, one daemon-reload"}
    for name, (number, seconds, floor) in counts.items():
        stage.figure(5, f"{name}, {number} units", seconds, "s", beside=floor, peer=floors[name],
                     limit=2.0 if name in ("list", "status") else 1.3, limit_of="ratio",
                     note="drained meanwhile: without the starts" if name == "enable" else "")
    for name in ("enable", "disable"):
        stage.figure(5, f"{name} of one beside {held}", one[0][name], "s", beside=one[0][name + " floor"], peer=floors[name])
    for what, text in (("files", "files opened"), ("rules", "match rules made")):
        stage.figure(5, f"{text} to enable and disable one beside {held}", float(one[1][what]), "", beside=float(one_few[1][what]),
                     peer=f"beside {few} units", limit=1.1, limit_of="ratio", note="independent of the number of units")


def run(stage):
    steps = stage.sizes([10, 100, 1000], [10, 40, 150])
    trials = 1 if stage.quick else 3
    curves, held = {}, 0
    with stage.cluster(ttl=TTL) as cluster:
        machine = cluster["alpha"]
        machine.write("/etc/systemd/system/gate", GATE)
        for template in ("idle", "bare", "extra"):
            write_template([machine], template)
        look = Look(machine)
        for step in steps:
            found = measure_many(stage, machine, look, held + step, held, trials)
            if held == 0:
                one_few = measure_one(stage, machine, step, 1)
            held += step
            for name, (seconds, floor) in found.items():
                at = step if name == "enable" else held
                curves.setdefault(name, []).append((at, seconds))
                curves.setdefault("drop-ins, reload" if name == "enable" else "list-units", []).append((at, floor))
        one = measure_one(stage, machine, held, trials)
        bare = instances("bare", held)
        write_by_hand(machine, bare)
        command(machine, "systemctl", "start", *bare)
        floor = remove_by_hand(machine, bare)
        counts = {name: (step if name == "enable" else held, *each) for name, each in found.items()}
        counts["disable"] = (held, disable(stage, machine, held), floor)
    tell(stage, steps[0], held, counts, one, one_few)
    stage.chart(Chart("enable.svg", "One command of leasectl over its units", 
                      "units (list, status: enabled; enable: in the command)", "seconds",
                      [Series(name, sorted(set(points))) for name, points in curves.items()], log_x=True, log_y=True))
