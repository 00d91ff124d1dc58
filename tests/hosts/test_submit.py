# SPDX-License-Identifier: Apache-2.0
"""Units that come with the cluster: submitted on a machine that takes none itself, and run by three that do."""

import base64
import json
import sys

import layer
from cluster import DAEMON, Unit
from etcd import Etcd
from scene import scene
from waiting import now, require, wait_for

KEY = "/srv/key"
TOO_OLD, BAD_SIGNATURE, DAMAGED = 226, 223, 229


class Submitted:
    """Units of one signer, from one machine. members: those with etcd, if the source has none."""

    def __init__(self, cluster, source, members=()):
        self.cluster, self.source, self.members = cluster, source, members or (source,)
        self.takers = [machine for machine in cluster if machine is not source]
        self.units = {}
        for key in (KEY, f"{KEY}-of-nobody"):
            source.run("sh", "-c", f"rm -f {key}*; ssh-keygen -q -t ed25519 -N '' -C '' -f {key}")
        for machine in self.takers:
            machine.write("/etc/leased/allowed_signers", f"alice@example.com {source.read(KEY + '.pub')}")
            machine.write("/etc/leased/leased.conf.d/accept.conf", "[Leased]\nAcceptUnits=yes\n")
            machine.run("systemctl", "restart", DAEMON)
        for machine in self.takers:
            cluster.wait_ready(machine)

    def submit(self, *names, key=KEY, mark=""):
        """Submits these units, new or in another version; returns how long it took until all of them ran."""
        for name in names:
            unit = self.units.get(name)
            if unit is None:
                stamps = f"stamps-{self.cluster.number_stamps()}-{name}"
                unit = self.units[name] = Unit.of_stamps(self.cluster, name, stamps)
                unit.line = f"{layer.STAMPER} /shared/{stamps}"
                unit.disable = lambda: None  # it is destroyed
                self.cluster.units.append(unit)
            self.source.write(f"/srv/{name}", f"# {mark}\n[Service]\nExecStart={unit.line}\n")
        began = now()
        self.source.run("leasectl", "submit", f"--key={key}", *[f"/srv/{name}" for name in names], deadline=60)
        return now() - began

    def outcome(self, machine, name):
        said = json.loads(machine.run("busctl", "--json=short", "get-property", "org.leased1", "/org/leased1",
                                      "org.leased1.Manager", "UnitFiles").stdout)["data"]
        return next((code for unit, _, _, code, _ in said if unit == name), 0)

    @property
    def member(self):
        return next(machine for machine in self.members if machine.is_on)

    def record(self, name):
        answer = Etcd.call(self.member, "/v3/kv/range", {"key": self._key(name)}, deadline=20)
        return base64.b64decode(answer["kvs"][0]["value"])

    def forge(self, name, value):
        """As somebody does who has the registry's password."""
        require(f"etcd takes {name}", Etcd.call(self.member, "/v3/kv/put", {
            "key": self._key(name), "value": base64.b64encode(value).decode()}, deadline=20) is not None)

    def require_refused(self, name, code, value):
        texts = [machine.read(f"/etc/systemd/system/{name}") for machine in self.takers]
        self.forge(name, value)
        for machine, text in zip(self.takers, texts):
            wait_for(f"{machine} says {code} of {name}", lambda each=machine: self.outcome(each, name) == code, 30,
                     self.units[name].story)
            require("its file is as it was", machine.read(f"/etc/systemd/system/{name}") == text)
            require(f"status says so: {self.cluster.status(machine)}", f"{name}: " in self.cluster.status(machine))

    @staticmethod
    def _key(name):
        return base64.b64encode(f"/leased/units/{name}".encode()).decode()


def play(fleet):
    """Five units are submitted, updated, forged and replayed, and a machine is lost meanwhile; then they are destroyed. Returns
    within how many seconds of the command the last of the five ran."""
    names = [f"web{i}.service" for i in range(1, 6)]
    began = now()
    took = fleet.submit(*names)
    units = [fleet.units[name] for name in names]
    for unit in units:
        require(f"{unit.name} does not run where it was submitted", unit.wait_running(deadline=60) is not fleet.source, unit.story)
        unit.require_tenures(1)
    ran = max(unit.tenures[0].first for unit in units) - began
    print(f"      five submitted units ran {ran:.1f} s after the command was given, which returned after {took:.1f} s",
          file=sys.stderr, flush=True)

    first, second, fifth = units[0], units[1], units[4]
    old = fleet.record(first.name)
    for version in (1, 2):
        fleet.submit(first.name, mark=f"version {version}")
        wait_for(f"{first.name} has moved, and runs", lambda now_at=version + 1: len(first.tenures) == now_at and first.running_on, 30,
                 first.story)
        for machine in fleet.takers:
            wait_for(f"{machine} has version {version}",
                     lambda each=machine, text=f"# version {version}\n": text in each.read(f"/etc/systemd/system/{first.name}"), 30,
                     first.story)
    wait_for("it has come to rest", lambda: all(fleet.outcome(each, first.name) == 220 for each in fleet.takers), 30, first.story)

    before = first.tenure
    fleet.require_refused(first.name, TOO_OLD, old)
    record = json.loads(fleet.record(second.name))
    del record["hash"]  # so that the signature is looked at
    fleet.require_refused(second.name, BAD_SIGNATURE, json.dumps(
        {**record, "signed": record["signed"].replace("ExecStart=", "ExecStart=/bin/false ")}).encode())
    require("nothing was disturbed", first.tenure.invocation == before.invocation, first.story)
    lose_a_machine(fleet, second.wait_running(), second, fifth)

    fleet.source.run("leasectl", "destroy", f"--key={KEY}", *names)
    for unit in units:
        unit.wait_gone(deadline=60)
        for machine in fleet.takers:
            wait_for(f"{unit.name} is gone from {machine}",
                     lambda each=machine, name=unit.name: not each.exists(f"/etc/systemd/system/{name}") and
                     not each.exists(f"/etc/leased/units/{name}"), 40, unit.story)
    return ran


def lose_a_machine(fleet, lost, moved, updated):
    """What it had moves; it is back, takes nothing that it could not keep, and catches up with what was signed meanwhile."""
    lost.power_cut()
    moved.wait_running(but=lost, deadline=fleet.cluster.takeover + 5)
    old = fleet.record(updated.name)
    fleet.submit(updated.name, mark="while one was away")
    newest = fleet.record(updated.name)
    fleet.forge(updated.name, newest[:-1] + b',"more":"' + 300_000 * b"#" + b'"}')  # what is signed is as it was
    lost.boot()
    fleet.cluster.wait_ready(lost)
    wait_for(f"{lost} takes nothing that it could not keep", lambda: fleet.outcome(lost, updated.name) == DAMAGED, 60, updated.story)
    fleet.forge(updated.name, newest)
    wait_for(f"{lost} has caught up", lambda: "# while one was away\n" in lost.read(f"/etc/systemd/system/{updated.name}"), 60,
             updated.story)
    wait_for("all have", lambda: all(fleet.outcome(each, updated.name) == 220 for each in fleet.takers), 60, updated.story)
    fleet.require_refused(updated.name, TOO_OLD, old)


@scene(registry="etcd", ttl=2.0, machines=("alpha", "beta", "gamma", "delta"), only_at_length=True)
def units_that_are_submitted_run_move_and_survive_what_a_forger_writes(cluster):
    fleet = Submitted(cluster, cluster["delta"])
    play(fleet)
    for machine in fleet.takers:
        machine.remove("/etc/leased/leased.conf.d/accept.conf")
        machine.run("systemctl", "restart", DAEMON)
    for machine in cluster:
        cluster.wait_ready(machine)


@scene(registry="etcd", ttl=2.0, machines=("alpha", "beta", "gamma"), only_at_length=True)
def what_a_version_drops_is_gone_before_the_version_runs_anywhere(cluster):
    """A timer's job, whose stop takes a second, is dropped by the next version: once another machine takes that, and once none can."""
    fleet = Submitted(cluster, cluster["gamma"])
    stamps = f"stamps-{cluster.number_stamps()}-drop.timer"
    unit = Unit.of_stamps(cluster, "drop.timer", stamps)
    unit.disable = lambda: fleet.source.run("leasectl", "destroy", f"--key={KEY}", "drop.timer")
    cluster.units.append(unit)

    def submit(version):
        job = f"job-{version}.service"
        fleet.source.write("/srv/drop.timer", f"[Timer]\nOnActiveSec=0\nUnit={job}\n")
        fleet.source.write(f"/srv/{job}", f"[Service]\nExecStart={layer.STAMPER} /shared/{stamps}\nExecStop=/bin/sleep 1\n")
        fleet.source.run("leasectl", "submit", f"--key={KEY}", "/srv/drop.timer", f"/srv/{job}", deadline=60)
        wait_for(f"version {version} runs", lambda: len(unit.tenures) == version and unit.running_on, 60, unit.story)
        for machine in fleet.takers:
            wait_for(f"it is in force on {machine}", lambda each=machine: fleet.outcome(each, "drop.timer") == 220, 60,
                     unit.story)
        return unit.running_on

    first = submit(1)
    second = submit(2)
    require("another machine took the second version", second is not first, unit.story)
    first.run("leasectl", "disable", "drop.timer")
    fleet.takers.remove(first)
    require("the third version runs where the second did", submit(3) is second, unit.story)
    require("one came after the other", all(a.last < b.first for a, b in zip(unit.tenures, unit.tenures[1:])), unit.story)
    for version in (1, 2):
        for machine in (first, second):
            require("nothing is left of it", not machine.exists(f"/etc/systemd/system/job-{version}.service") and
                    not machine.exists(f"/etc/systemd/system/job-{version}.service.d"))
    unit.disable()
    unit.disable = lambda: None
    unit.wait_gone(deadline=60)
    for machine in cluster:
        machine.run("rm", "-f", "/etc/leased/leased.conf.d/accept.conf")
        machine.run("systemctl", "restart", DAEMON)
    for machine in cluster:
        cluster.wait_ready(machine)
