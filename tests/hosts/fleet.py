# SPDX-License-Identifier: Apache-2.0
"""Many units of one kind at once: instances of a template, told apart by their stamps."""

import statistics

from cluster import Unit
from waiting import require, wait_for

TEMPLATE = """\
[Unit]
Description=One of many

[Service]
ExecStart={stamper} --interval={interval:g} {how}/shared/{stamps}-%i
{service}
"""


class Fleet:
    """Stands in the cluster's list of units like one unit, and ends them all at once."""

    def __init__(self, cluster, name, number, stamper, service="", options="", interval=0.05, how=""):
        self.cluster = cluster
        self.name = name
        self.met = None
        self.gaps = []  # too many to be told one by one
        stamps = f"stamps-{cluster.number_stamps()}-{name}"
        text = TEMPLATE.format(stamper=stamper, stamps=stamps, service=service, interval=interval, how=how and f"{how} ")
        if options:
            text += f"\n[X-Leased]\n{options}\n"
        for machine in cluster:
            machine.write(f"/etc/systemd/system/{name}@.service", text)
            machine.systemctl("daemon-reload")
        self.units = [Unit.of_stamps(cluster, f"{name}@{i}.service", f"{stamps}-{i}") for i in range(number)]
        cluster.units.append(self)

    def __len__(self):
        return len(self.units)

    @property
    def names(self):
        return [unit.name for unit in self.units]

    def enable(self, machine, *options):
        machine.run("leasectl", "enable", *options, *self.names, deadline=120 + len(self))

    def disable(self):
        for machine in self.cluster:
            machine.run("leasectl", "disable", *self.names, deadline=120 + len(self))

    def wait_gone(self):
        wait_for(f"none of {self.name} runs", lambda: not any(unit.running_on for unit in self.units), 30 + 0.1 * len(self))

    def wait_moved(self, units, machine, deadline):
        """Until each of these runs on another one than that."""
        wait_for(f"what ran on {machine} runs elsewhere",
                 lambda: all(unit.running_on not in (None, machine) for unit in units), deadline,
                 lambda: f"not: {[unit.name for unit in units if unit.running_on in (None, machine)]}\n{self.cluster.journals()}")

    def on(self, machine):
        return [unit for unit in self.units if unit.running_on is machine]

    def wait_all_running(self, deadline):
        wait_for(f"all {len(self)} of {self.name} run", lambda: all(unit.running_on for unit in self.units), deadline,
                 lambda: f"not: {[unit.name for unit in self.units if not unit.running_on]}\n{self.cluster.journals()}")

    def require_even(self, machines, slack):
        """As many on each of these machines, to within slack."""
        counts = {machine.name: len(self.on(machine)) for machine in machines}
        share = len(self) / len(counts)
        require(f"spread evenly: {counts}", all(abs(count - share) <= slack for count in counts.values()),
                self.cluster.journals)
        return counts


def quantiles(seconds):
    """p50 and p99."""
    ordered = sorted(seconds)
    return statistics.median(ordered), ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))]
