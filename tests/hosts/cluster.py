# SPDX-License-Identifier: Apache-2.0
"""Machines that run leased, and units that say when they live: the words in which the scenes are written."""

import json
import os
import shutil
import sys
import tempfile

import layer
import timeline
from etcd import Etcd
from machines import EVENTS, Rack
from outside import Outside
from waiting import Failure, hold_for, now, require, wait_for

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../laws"))
from laws import Laws  # noqa: E402

PATIENCE = 0.5  # seconds in which most units have ended
FRESH = 0.5  # a process that stamped so many seconds ago is taken to live
DAEMON = "leased.service"
GUARD = "leased-guard.service"

UNIT = """\
[Unit]
Description=A unit that stamps the time

[Service]
ExecStart={command}
{service}

[Install]
WantedBy=multi-user.target
"""


def _file_of(name):
    """The unit file: of an instance, its template's."""
    prefix, at, rest = name.partition("@")
    return f"{prefix}@.{rest.rpartition('.')[2]}" if at else name


class Unit:
    """A leased unit on every machine of a cluster, and what its stamps tell."""

    def __init__(self, cluster, name, options, service, command, files):
        name_of_stamps = f"stamps-{cluster.number_stamps()}-" + name.replace("\\", "_")
        self._begin(cluster, name, name_of_stamps)
        line = (command or f"{layer.STAMPER} {options} %s") % f"/shared/{name_of_stamps}"
        texts = {each: text.replace("STAMP", line) for each, text in files.items()} if files else \
            {_file_of(name): UNIT.format(command=line, service=service.replace("STAMP", line))}
        for machine in cluster:
            for each, text in texts.items():
                machine.write(f"/etc/systemd/system/{each}", text)
            if machine.is_on:
                machine.systemctl("daemon-reload")

    @classmethod
    def of_stamps(cls, cluster, name, name_of_stamps):
        """One whose unit file is there already, and stamps that file in /shared."""
        unit = cls.__new__(cls)
        unit._begin(cluster, name, name_of_stamps)
        return unit

    def _begin(self, cluster, name, name_of_stamps):
        self.cluster = cluster
        self.name = name
        self.stamps_file = f"/shared/{name_of_stamps}"  # as the machines see it
        self._stamps = os.path.join(cluster.rack.shared, name_of_stamps)
        self._read_to = 0
        self._seen = []
        self._over = False
        self.slice = self.name  # of its own, where it has one
        self.met = None  # seconds in which two lived; set by a scene in which that cannot be helped

    # What was done to it

    def enable(self, *machines):
        """On these machines, in this order, or on all."""
        for machine in machines or self.cluster:
            machine.run("leasectl", "enable", self.name)
        return self

    def options(self, text):
        """[X-Leased] of the unit, on every machine, before it is enabled."""
        for machine in self.cluster:
            machine.write(f"/etc/systemd/system/{self.name}.d/options.conf", f"[X-Leased]\n{text}\n")
            machine.systemctl("daemon-reload")

    def disable(self):
        """On every machine, once. What takes its time to end is killed: that is no longer what the scene is about. Where it
        runs comes last, or it would start on another machine just as it is disabled there."""
        last = self.running_on
        for machine in [] if self._over else sorted(self.cluster, key=lambda each: each is last):
            command = machine.start("leasectl", "disable", self.name)
            patience = now() + PATIENCE

            def has_ended():
                state = machine.state(self.name) if command.poll() is None and now() > patience else ""
                if self.name.endswith(".mount"):  # with umount killed it would stay: systemd 257 kills the next one at birth, too
                    pass
                elif state == "deactivating":
                    machine.systemctl("kill", "--signal=KILL", self.name, check=False)
                elif state in ("inactive", "failed"):  # systemd does not reach what is left of it
                    for group in (f"system.slice/{self.name}", self.slice):
                        machine.run("sh", "-c", f"test ! -e /sys/fs/cgroup/{group} || echo 1 > /sys/fs/cgroup/{group}/cgroup.kill",
                                    check=False)
                return command.poll() is not None

            wait_for(f"{self.name} is disabled on {machine}", has_ended, 30, self.story)
            require(f"leasectl disable: {command.stdout.read()}", command.returncode == 0, self.story)
        self._over = True

    # What it tells itself

    @property
    def stamps(self):
        """All stamps so far; read on from where the last look ended."""
        if os.path.exists(self._stamps):
            with open(self._stamps) as file:
                file.seek(self._read_to)
                text = file.read()
            complete = text.rfind("\n") + 1
            self._read_to += len(text[:complete].encode())
            self._seen += timeline.parse(text[:complete])
        return self._seen

    @property
    def running_on(self):
        """The machine where it lives now, or None."""
        stamps = self.stamps
        if not stamps or stamps[-1].at / 1e9 < now() - FRESH:
            return None
        return self.cluster[stamps[-1].machine]

    @property
    def tenures(self):
        return timeline.tenures_of(self.stamps)

    @property
    def tenure(self):
        require(f"{self.name} has run", self.stamps, self.story)
        return self.tenures[-1]

    @property
    def overlap(self):
        return timeline.overlap_of(self.stamps) if self.met is None else self.met

    @property
    def gaps(self):
        return [handover.gap for handover in timeline.handovers_of(self.stamps)] if self.met is None else []

    @property
    def margins(self):
        """For how long nothing of it lived each time that it went to another machine."""
        return timeline.margins_of(self.stamps) if self.met is None else []

    def story(self):
        return timeline.table_of(self.stamps) + self.cluster.journals(self.name)

    # What is waited for

    def wait_running(self, on=None, but=None, deadline=20):
        """Until it lives on that machine, or on any but one, or on any. Returns the machine."""

        def lives():
            machine = self.running_on
            if machine is None or machine is but or (on is not None and machine is not on):
                return None
            return machine

        where = on or (f"a machine other than {but}" if but else "some machine")
        return wait_for(f"{self.name} runs on {where}", lives, deadline, self.story)

    def wait_ran(self, on=None, deadline=20):
        """Until it has run on that machine, or on any; it may be over by then. Returns the machine of the last tenure."""
        wait_for(f"{self.name} has run on {on or 'some machine'}",
                 lambda: any(on is None or tenure.machine == on.name for tenure in self.tenures), deadline, self.story)
        return on or self.cluster[self.tenure.machine]

    def wait_gone(self, deadline=20):
        """Until it lives nowhere."""
        wait_for(f"{self.name} runs nowhere", lambda: self.running_on is None, deadline, self.story)

    def hold_running(self, on, duration):
        """It stays on that machine, and is not begun anew, for so long. Its process may have to wait for a processor meanwhile."""
        invocation = self.tenure.invocation
        hold_for(f"{self.name} runs nowhere but on {on}", lambda: self.running_on in (on, None), duration, self.story)
        self.wait_running(on=on, deadline=5)
        require(f"{self.name} was not restarted", self.tenure.invocation == invocation, self.story)

    def require_undisturbed(self, before, limit=0.5):
        """Still the tenure of before, which was the first, and it never paused."""
        tenure = self.tenure
        require(f"{self.name} was not restarted", len(self.tenures) == 1 and tenure.invocation == before.invocation,
                self.story)
        require(f"its longest silence was {tenure.silence:.3f} s", tenure.silence < limit, self.story)

    def require_stopped_in_time(self, tenure, since):
        """The tenure ended before the deadline of a holder whose last beat was sent at since, or earlier."""
        late = tenure.last - (since + self.cluster.killed_within)
        require(f"{self.name} lived {late:.3f} s longer than its lease", late <= 0, self.story)

    def require_tenures(self, number):
        require(f"{self.name} ran {len(self.tenures)} times, not {number}", len(self.tenures) == number, self.story)

    def require_gap(self, limit):
        require(f"gap {self.gaps[-1]:.3f} s within {limit:.3f} s", self.gaps[-1] <= limit, self.story)


class Cluster:
    """Machines with leased installed, configured and running. Units belong to a scene; forget_units() ends them."""

    def __init__(self, sandbox, layer_directory, names=("alpha", "beta"), ttl=5.0, registry="local",
                 disk_of="", etcd="--pre-vote=true", containers=False, bus=""):
        self.ttl = ttl
        self.with_addresses = False  # each unit has one, and no address may be on two machines
        self.addresses = []
        self.pause_minutes = 0.5  # for how long no member of etcd lives in the scene that is about that
        self.at_length = False  # scenes wait as long as in life, not only as long as it takes to see
        self.units = []
        self._stamps = 0
        self.rack = Rack(sandbox, names, layer_directory, containers, bus)
        self.etcd = None
        self._laws = None
        self._events = os.path.join(self.rack.shared, os.path.basename(EVENTS))
        self._events_read_to = 0
        if registry == "etcd":
            self.etcd = Etcd(self, etcd)
            self.configure(f"Registry=etcd\nEndpoints={self.etcd.endpoints}")
            if disk_of:
                self.etcd.give_disk(sandbox, self[disk_of])
        else:
            os.makedirs(os.path.join(self.rack.shared, "registry"))
            self.configure("Registry=local:/shared/registry")
        for machine in self:
            machine.link(f"/etc/systemd/system/multi-user.target.wants/{DAEMON}", f"/lib/systemd/system/{DAEMON}")

    def __iter__(self):
        return iter(self.rack)

    def __getitem__(self, name):
        return self.rack[name]

    @property
    def all_units(self):
        """Those of a fleet one by one."""
        return [each for entry in self.units for each in getattr(entry, "units", [entry])]

    @property
    def takeover(self):
        """Seconds within which a unit runs again after a crash, with a little for its own start."""
        return 1.04 * self.ttl + 1.0 + 0.3

    @property
    def killed_within(self):
        """Seconds after the last beat in which no process of a unit is alive any more: killing begins then, and takes a
        moment."""
        return 0.98 * self.ttl - 0.35 + 0.15

    @property
    def stopped_after(self):
        """Seconds after the last beat until which no unit of a cluster without other options is stopped."""
        return 0.98 * self.ttl - 0.35 - self.ttl / 4

    def other(self, machine):
        return next(each for each in self if each is not machine)

    def configure(self, configuration):
        """What leased.conf says besides the TTL, on every machine."""
        for machine in self:
            machine.write("/etc/leased/leased.conf", f"[Leased]\n{configuration}\nTTL={self.ttl:g}s\n")

    def log_events(self):
        """Before boot(): leased and its guard write what they do, for law_breaches()."""
        for machine in self:
            for service in (DAEMON, GUARD):
                machine.write(f"/etc/systemd/system/{service}.d/event-log.conf",
                              f"[Service]\nEnvironment=LEASED_EVENT_LOG={EVENTS}\n")
        with open(self._events, "w"):
            self._laws = Laws()

    def law_breaches(self, until=None):
        """The breaches of a law in what was done since the last call, or up to some time. A request whose answer is not
        read in the same call counts as one that had none."""
        with open(self._events, "rb") as file:
            file.seek(self._events_read_to)
            lines = file.read().split(b"\n")[:-1]
        if until is not None:
            lines = lines[:sum(int(line.split(b" ", 1)[0]) < until * 1e6 for line in lines)]
        self._events_read_to += sum(len(line) + 1 for line in lines)
        breaches = self._laws.feed(b"\n".join(lines).decode(errors="replace"))
        require("leased and its guard write what they do", self._laws.lines > 0)
        if breaches:
            kept = tempfile.mkstemp(prefix="leased-events-")[1]
            shutil.copy(self._events, kept)
            breaches.append(f"all that was written: {kept}")
        return breaches

    def starts(self):
        """Of each tenure of the scene's units: their name, and when, where and with which token it began."""
        return [(unit.name, [(each.first, each.machine, each.index) for each in unit.tenures])
                for unit in self.all_units if unit.met is None]

    def unlawful_starts(self, starts):
        return [breach for name, begun in starts for breach in self._laws.check_starts(name, begun)]

    def boot(self):
        self.rack.boot()
        if self.etcd is not None:
            self.etcd.wait_healthy()
        for machine in self:
            self.wait_ready(machine)

    def wait_ready(self, machine):
        """Until leased on that machine answers."""
        wait_for(f"leased answers on {machine}",
                 lambda: machine.run("busctl", "status", "org.leased1", check=False).returncode == 0, 20,
                 lambda: self.journals())
        for address in self.addresses:
            address.look_again()

    def number_stamps(self):
        """A scene that is played again has a unit of the same name; its stamps are another's."""
        self._stamps += 1
        return self._stamps

    def unit(self, name, options="", service="", command=None, files=None):
        """A new leased unit, present on every machine, not enabled yet. command: another ExecStart=, with %s for the
        file to stamp. service: more lines, and files: instead of one unit file, all that it takes; STAMP stands for that command."""
        unit = Unit(self, name, options, service, command, files)
        self.units.append(unit)
        if self.with_addresses and not files and name.endswith(".service") and all(machine.is_on for machine in self):
            self._give_address(unit)
        return unit

    def _give_address(self, unit):
        """It gets a sidekick that keeps an address where the unit is."""
        number = self.number_stamps()  # the unit files of an earlier scene are still there
        address = f"10.77.{number // 250 + 9}.{number % 250 + 1}"
        keeper = f"leased-address@along-{number}.service"
        for machine in self:
            machine.write(f"/etc/systemd/system/{unit.name}.d/address.conf", f"[Unit]\nWants={keeper}\n")
            machine.write(f"/etc/systemd/system/{keeper}.d/address.conf",
                          f"[Unit]\nBindsTo={unit.name}\nAfter={unit.name}\n[Service]\nEnvironment=ADDRESSES=host0/{address}/32\n")
            machine.systemctl("daemon-reload")
        self.addresses.append(Outside(self, address))

    def status(self, machine):
        """What leasectl status says there."""
        return machine.run("leasectl", "status", check=False).stdout

    def call(self, machine, method, signature="", *arguments):
        """A method of org.leased1.Manager; returns its reply's values."""
        done = machine.run("busctl", "--json=short", "call", "org.leased1", "/org/leased1", "org.leased1.Manager",
                           method, *([signature] if signature else []), *arguments)
        return json.loads(done.stdout)["data"] if done.stdout.strip() else []

    def property(self, machine, name):
        """A property of org.leased1.Manager there."""
        said = machine.run("busctl", "--json=short", "get-property", "org.leased1", "/org/leased1", "org.leased1.Manager", name)
        return json.loads(said.stdout)["data"]

    def competes(self, machine):
        """Whether leased there takes leases; not at once where an earlier session of the machine may still count."""
        return self.property(machine, "WhyNot") == ""

    def lease(self, machine, name):
        """(held, path, machine id, version, index, microseconds left) as leased on that machine says."""
        return self.call(machine, "GetLease", "s", name)

    def journals(self, unit=None):
        """What leased, the guard and the unit said last on each machine, and what etcd warned of; where they were silent, the
        machine itself."""
        text = ""
        for machine in self:
            said = "".join(machine.journal(40, each) for each in (DAEMON, GUARD, unit) if each)
            if self.etcd is not None:
                said += self.etcd.complaints(machine)
            text += said or machine.journal(20)
        return text

    def problems(self):
        """What must hold for every unit of a scene, whatever the scene was about."""
        found = []
        for unit in self.all_units:
            if unit.overlap > 0 and unit.met is None:
                found.append(f"{unit.name} ran on two machines at once for {unit.overlap:.3f} s\n{unit.story()}")
            if unit.stamps and unit.met is None and not timeline.tokens_grow(unit.stamps):
                found.append(f"tokens of {unit.name} do not grow: {timeline.tokens_of(unit.stamps)}\n{unit.story()}")
        for address in self.addresses:
            print(f"      its address: {' '.join(address.moves()) or 'nowhere'}; overlap {address.overlap():.3f} s", file=sys.stderr,
                  flush=True)
            if address.overlap() > 0:
                found.append(f"an address was on two machines at once for {address.overlap():.3f} s\n{address.story()}")
        return found

    def forget_units(self):
        """The end of a scene: all machines on and healthy, no unit left. Raises Failure if that cannot be."""
        for machine in self:
            if not machine.is_on:
                machine.boot()
                self.wait_ready(machine)
        for unit in self.units:
            unit.disable()
            unit.wait_gone()
        self.units = []
        for address in self.addresses:
            address.dismiss()
        self.addresses = []
        for machine in self:
            if machine.state(DAEMON) != "active":
                raise Failure(f"leased does not run on {machine} after the scene\n{self.journals()}")
            # What a machine held before it was cut off counts for a while against it: the next scene is not about that.
            wait_for(f"leased takes leases on {machine}", lambda each=machine: self.competes(each), 3 * self.ttl + 5,
                     lambda: self.status(machine))

    def tear_down(self):
        self.units = []
        if self.etcd is not None:
            self.etcd.heal_disks()
        self.rack.switch_off()

