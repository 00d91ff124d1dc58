# SPDX-License-Identifier: Apache-2.0
"""The first screen of README.md: its unit files are written, its commands are typed, and the screens show what it shows."""

import os
import re
import shlex
import sys

import layer
from cluster import Unit
from scene import scene
from waiting import require, wait_for

README = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "README.md")
SPAN = re.compile(r"\b\d[\d.]*(?:ms|s|min|h|d)(?: \d[\d.]*(?:ms|s|min|h))*\b")
STATES = "running|stopped|failed|silent|elsewhere|waiting|held"


def part():
    with open(README, encoding="utf-8") as file:
        return re.search(r"(?ms)^## What it is for\n(.*?)^## ", file.read())[1]


def blocks(language):
    return [text for each, text in re.findall(r"(?ms)^```(\w*)\n(.*?)^```$", part()) if each == language]


def unit_files():
    """path: text. The guests' network device has another name."""
    files = {}
    for block in blocks("ini"):
        for path, text in re.findall(r"(?ms)^# (/etc/\S+)\n(.*?)(?=^# /etc/|\Z)", block):
            files[path.replace("@eth0-", "@host0-")] = text.replace("@eth0-", "@host0-")
    return files


def commands():
    return [shlex.split(line) for block in blocks("") for line in block.splitlines()]


def screens():
    """What README shows: (the machine where it is typed, its lines), for each command."""
    return [(machine, text.splitlines()) for block in blocks("console")
            for machine, text in re.findall(r"(?ms)^(\w+)# leasectl\n(.*?)(?=^\w+# |\Z)", block)]


def facts(lines):
    """What must be the same on every cluster: what stands above the machines, which is whether all is well, how many machines and units
    there are, and what is wrong, but for the spans of time; each machine, whether it is up, and that this is said with a time; each
    unit, its state, and whether the machine below which it stands is up."""
    above = "\n".join(lines).partition("\nalpha")[0]
    found, head = {SPAN.sub("SPAN", " ".join(above.split()))}, ""
    for line in lines:
        unit = re.match(rf"  (\S+\.\w+)\s+({STATES})\b", line)
        machine = re.match(r"(alpha|beta|gamma)(?: \(here\))?: (\w+)( since \d\d:\d\d:\d\d, (?:last heard|leased) )?", line)
        if machine:
            head = machine[2]
            found.add((machine[1], head, bool(machine[3])))
        elif unit:
            found.add((*unit.groups(), head))
    return found


def install(cluster):
    """The unit files, and in place of the programs that they name some that stamp. Returns the units."""
    stamps = f"stamps-{cluster.number_stamps()}-readme"
    for machine in cluster:
        for path, text in unit_files().items():
            machine.write(path, text)
        machine.write("/usr/local/bin/report", "#!/bin/sh\n", 0o755)
        machine.write("/usr/local/bin/web", f"#!/bin/sh\nexec {layer.STAMPER} --interval=0.05 /shared/{stamps}-web\n", 0o755)
        machine.write("/usr/local/bin/consume",
                      f"#!/bin/sh\nexec {layer.STAMPER} --interval=0.05 /shared/{stamps}-queue@${{1##*/}}\n", 0o755)
        machine.systemctl("daemon-reload")
    return [Unit.of_stamps(cluster, name if "." in name else f"{name}.service", f"{stamps}-{name}")
            for command in commands() for name in command[2:]]


@scene(registry="etcd", only_at_length=True)
def first_screen_of_the_readme_is_what_is_seen(cluster):
    units = install(cluster)
    cluster.units += units
    for machine in cluster:
        for command in commands():
            machine.run(*command)
    (first, shown), (second, shown_later) = screens()

    def screen(name):
        lines = cluster[name].run("leasectl", check=False).stdout.splitlines()
        require("it fits 80 columns", all(len(line) <= 80 for line in lines), lambda: "\n".join(lines))
        return lines

    def wait_shown(name, expected):
        def same():
            lines = screen(name)
            return lines if facts(lines) == facts(expected) else None

        lines = wait_for(f"leasectl on {name} shows {sorted(map(str, facts(expected)))}", same, 40,
                         lambda: "\n".join(screen(name)) + "\n" + cluster.journals())
        print("\n" + "\n".join(lines), file=sys.stderr, flush=True)

    wait_shown(first, shown)
    cluster["alpha"].power_cut()
    wait_shown(second, shown_later)
