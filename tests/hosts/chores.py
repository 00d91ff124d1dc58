# SPDX-License-Identifier: Apache-2.0
"""The whole round of an operator's chores on three machines, from the package: install, set up, deploy, look, move, drain,
upgrade, crash, repair, uninstall. Each command is typed at a terminal of 80 columns, and what it prints is kept.

Played by package.py.
"""

import re
import sys

import layer
from cluster import DAEMON, GUARD, Unit
from waiting import require, wait_for

COLUMNS = 80
COLOURS = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")
PROGRESS = re.compile(r"[^\n]*\n\x1b\[K|\(Reading database \.\.\.(?: \d+%)?\s*\n")  # what was written over
WELL = re.compile(r"well: \d+ of \d+ machines? up, (\d+) of (\d+) units? running((?:, \d+ \w+)*); registry ")
ETCD = "leased-etcd.service"


class Terminal:
    """Types commands on the machines, as root, and keeps each screen: a line with the prompt, and what was printed."""

    def __init__(self, target):
        self.target = target
        self.screens = 0

    def head(self, text):
        self.keep(f"\n## {text}\n\n")

    def keep(self, text):
        if self.target:
            self.target.write(text)
            self.target.flush()

    def show(self, machine, line, text):
        self.keep("".join(f"    {each}".rstrip() + "\n" for each in (f"{machine.name}# {line}", *text.splitlines())))
        self.screens += 1

    def type(self, machine, line, code=0, deadline=120, wide=False):
        """Returns what is on the screen then. code: how the command ends; None: it does not matter. wide: shows a file as it is."""
        done = machine.run("env", "TERM=xterm", "PAGER=cat", "LC_ALL=C.UTF-8", "script", "-qec",
                           f"stty cols {COLUMNS} rows 60; {line}", "/dev/null", check=False, deadline=deadline)
        text = COLOURS.sub("", PROGRESS.sub("", done.stdout))
        self.show(machine, line, text)
        require(f"{line} on {machine} ends with {done.returncode}: {text}", code is None or done.returncode == code)
        if line.startswith("leasectl") and not wide:
            for each in text.splitlines():
                require(f"{line}: a line is wider than the terminal, or has characters that act: {each!r}",
                        len(each) <= COLUMNS and each.isprintable())
            require_no_contradiction(text)
        return text


def require_no_contradiction(screen):
    """Where all is well, the first line says of each unit that does not run what it does, and none is held without a start."""
    head = WELL.match(" ".join(screen.split("\n\n")[0].split()))
    if head:
        running, units, others = int(head[1]), int(head[2]), [int(each) for each in re.findall(r", (\d+) ", head[3])]
        require(f"the first line accounts for all units: {screen}", running + sum(others) == units)
        require(f"what has just been taken is not shown as held: {screen}", not re.search(r"(?m)^  \S+ +held ", screen))


class Chores:
    """Each step stands on the one before."""

    def __init__(self, cluster, packages, leftovers, target=None):
        self.cluster = cluster
        self.package, self.next = packages
        self.leftovers = leftovers
        self.alpha, self.beta, self.gamma = cluster
        self.terminal = Terminal(target)
        self.type = self.terminal.type
        self.units = []

    def _wait_screen(self, machine, what, test, deadline=30):
        """Until the first screen on that machine says so."""
        return wait_for(f"{machine}: {what}", lambda: test(machine.run("leasectl", "-1", check=False).stdout), deadline,
                        lambda: machine.run("leasectl", "-1", check=False).stdout)

    def _wait_well(self, machine):
        """All is well, and nothing is still on its way."""
        self._wait_screen(machine, "all is well", lambda screen: (head := WELL.match(" ".join(screen.split("\n\n")[0].split()))) and
                          head[1] == head[2])

    def install(self):
        self.terminal.head("Install")
        for machine in self.cluster:
            self.type(machine, f"dpkg -i {self.package}", deadline=300)
        self.type(self.alpha, "leasectl", code=None)

    def set_up(self):
        self.terminal.head("Set up")
        line = "leasectl setup " + " ".join(f"{each.name}={each.address}" for each in self.cluster)
        self.type(self.alpha, line + " --dry-run", wide=True)
        commands = [machine.start("sh", "-c", line) for machine in (self.beta, self.gamma)]
        self.type(self.alpha, line)
        for command in commands:
            require(f"leasectl setup: {command.communicate(timeout=60)[0]}", command.returncode == 0, self.cluster.journals)
        self._wait_screen(self.alpha, "three machines are up", lambda screen: "3 of 3 machines up" in screen)
        self.type(self.alpha, line)
        self.type(self.alpha, "leasectl", code=None)  # in its first TTL a new machine takes nothing, and says so
        self._wait_well(self.alpha)
        self.type(self.alpha, "leasectl")

    def deploy(self):
        self.terminal.head("Deploy")
        self.units = [self.cluster.unit(name) for name in ("web.service", "db.service", "queue.service")]
        self.type(self.alpha, "leasectl check web")
        for machine in self.cluster:
            self.type(machine, "leasectl enable web db queue")
            self.type(self.beta, "leasectl", code=None)  # before alpha has told how its units are
        self.type(self.alpha, "leasectl enable web")
        self.type(self.alpha, "leasectl enable wbe", code=None)
        for unit in self.units:
            unit.wait_running()
        self._wait_well(self.beta)

    def look(self):
        self.terminal.head("Look")
        for line in ("leasectl", "leasectl -s", "leasectl list", "leasectl machines", "leasectl status web", "leasectl status",
                     "leasectl cat web", "leasectl registry", "leasectl list wbe", "leasectl run --pipe backup echo all is saved",
                     "leasectl run backup docker run backup", "leasectl list --all"):
            self.type(self.beta, line, code=None)
        holder = self.units[0].wait_running()
        self.type(holder, "leasectl logs web --lines=3")

    def move(self):
        self.terminal.head("Move")
        web = self.units[0]
        holder = web.wait_running()
        target = next(each for each in self.cluster if each is not holder)
        third = next(each for each in self.cluster if each not in (holder, target))
        monitor = third.start("leasectl", "monitor")
        self.type(third, f"leasectl transfer web {target.name} -n")
        self.type(third, f"leasectl transfer web {target.name}")
        web.wait_running(on=target)
        self.type(third, f"leasectl transfer web {target.name}")
        self.type(third, "leasectl restart web")
        self.type(third, "leasectl stop web")
        require("what was stopped is wrong, with the command that ends that",
                "until: leasectl start web.service" in self.type(third, "leasectl", code=1))
        self.type(third, "leasectl stop web")
        self.type(third, "leasectl start web")
        web.wait_running(on=target)
        self._wait_well(third)
        self.type(third, "leasectl start web")
        self.type(third, "leasectl start wbe", code=None)
        self.type(third, "leasectl release web -n", code=None)
        self.type(third, "leasectl release web")
        web.wait_running(but=target)
        self.type(third, "leasectl steal web -n", code=None)
        self.type(third, "leasectl rearm web", code=1)
        third.run("pkill", "-INT", "-f", "^leasectl monitor")
        self.terminal.show(third, "leasectl monitor", monitor.communicate(timeout=30)[0])
        self.type(third, "leasectl history web")
        self.type(third, "leasectl history web --picture")

    def drain(self):
        self.terminal.head("Drain")
        machine = self.units[1].wait_running()
        other = next(each for each in self.cluster if each is not machine)
        self.type(other, f"leasectl drain {machine.name} -n")
        self.type(other, f"leasectl drain {machine.name}")
        self.type(other, "leasectl machines")
        self.type(other, "leasectl", code=None)
        self.type(machine, "leasectl -1", code=None)
        self.type(machine, "leasectl drain")
        said = self.type(other, f"leasectl undrain {machine.name}")
        require(f"undrain says that it is over: {said}", said.startswith(f"undrained: {machine.name} takes leases again"))
        self.type(machine, "leasectl undrain")
        self._wait_well(other)
        self.type(other, "leasectl rebalance -n")
        self.type(other, "leasectl rebalance")
        self.type(other, "leasectl rebalance")
        for unit in self.units:
            unit.wait_running()

    def change(self):
        self.terminal.head("Change an option")
        self.type(self.alpha, "leasectl set queue StopGraceSec=1s Prefer=rack=a1 -n")
        self.type(self.alpha, "leasectl set queue StopGraceSec=1s")
        self.type(self.alpha, "leasectl set queue StopGraceSec=1s")
        self.type(self.alpha, "leasectl set queue StopGrace=1s", code=None)
        self.type(self.alpha, "EDITOR='sed -i s/=1s/=2s/' leasectl edit queue")
        self.type(self.alpha, "leasectl set-metadata rack=a1")
        self.type(self.alpha, "leasectl reload")
        self.type(self.alpha, "leasectl config", code=None)

    def several(self):
        """Instances that are spread over racks, one unit in two copies, and what is refused for them."""
        self.terminal.head("Four instances over two racks, and a unit in two copies")
        jobs = [Unit.of_stamps(self.cluster, f"job@{i}.service", f"stamps-of-job-{i}") for i in range(1, 5)]
        for machine in self.cluster:
            machine.write("/etc/systemd/system/job@.service",
                          f"[Service]\nExecStart={layer.STAMPER} /shared/stamps-of-job-%i\n[X-Leased]\nSpread=rack\n")
            machine.systemctl("daemon-reload")
        for machine, rack in zip(self.cluster, ("a1", "a1", "b1")):
            self.type(machine, f"leasectl set-metadata rack={rack}")
        for machine in self.cluster:
            self.type(machine, "leasectl enable job@1 job@2 job@3 job@4")
        for unit in jobs:
            unit.wait_running()
        self._wait_well(self.alpha)
        self.type(self.alpha, "leasectl list 'job@*'", code=None)
        self.type(self.alpha, "leasectl status 'job@*'")
        self.type(self.alpha, "leasectl status job@1")
        self.type(self.alpha, "leasectl rebalance -n")
        self.type(self.alpha, "leasectl transfer 'job@*' gamma -n")
        self.type(self.alpha, "leasectl transfer 'job@*' gamma")
        self.type(self.alpha, "leasectl list gamma")
        self.type(self.alpha, "leasectl rebalance -n")
        self.type(self.alpha, "leasectl rebalance")
        require("two instances are in each rack", sum(unit.wait_running() is self.gamma for unit in jobs) == 2)
        self.type(self.alpha, "leasectl release 'job@*' -n", code=None)
        self.type(self.alpha, "leasectl steal job@1 job@2 -n", code=None)
        self.type(self.alpha, "leasectl stop 'job@*' webb", code=None)
        self.type(self.alpha, "leasectl stop job@1 job@2")
        self.type(self.alpha, "leasectl", code=1)
        self.type(self.alpha, "leasectl start 'job@*'")
        self._wait_well(self.alpha)
        self.type(self.alpha, "leasectl history job@1")
        pool = self.cluster.unit("pool.service")
        self.cluster.units.remove(pool)  # it runs twice
        pool.options("Copies=2")
        for machine in self.cluster:
            self.type(machine, "leasectl enable pool")
        self._wait_screen(self.alpha, "both copies run", lambda screen: screen.startswith("well: ") and len(
            re.findall(r"(?m)^  pool\.service +running ", screen)) == 2)
        for line in ("leasectl", "leasectl status pool", "leasectl check pool", "leasectl set pool Copies=4 -n",
                     "leasectl history pool"):
            self.type(self.alpha, line, code=None)
        for machine in self.cluster:
            self.type(machine, "leasectl disable pool", code=None)
        self.units += jobs

    def upgrade(self):
        """The units run on, by the same guard, which runs the new program."""
        self.terminal.head("Upgrade the package under the units")
        before = [unit.tenure for unit in self.units]
        for machine in self.cluster:
            guard = machine.main_pid(GUARD)
            self.type(machine, f"dpkg -i {self.next}", deadline=300)
            require(f"the guard goes on, on {machine}", machine.main_pid(GUARD) == guard)
        self._wait_well(self.alpha)
        self.type(self.alpha, "leasectl")
        for unit, tenure in zip(self.units, before):
            require(f"{unit.name} was not restarted", unit.tenure.invocation == tenure.invocation, unit.story)

    def crash(self):
        self.terminal.head("Crash: the power of a machine is cut")
        web = self.units[0]
        holder = web.wait_running()
        left = next(each for each in self.cluster if each is not holder)
        holder.power_cut()
        self._wait_screen(left, "the machine is silent", lambda screen: f"{holder.name}  is silent" in screen)
        self.type(left, "leasectl", code=1)
        self.type(left, "leasectl -s", code=1)
        web.wait_running(but=holder, deadline=self.cluster.takeover + 5)
        screen = self.type(left, "leasectl", code=1)
        require(f"what has just been taken is not shown as held: {screen}", not re.search(r"(?m)^  \S+ +held ", screen))
        self.type(left, "leasectl history web")
        self.type(left, "leasectl history web --picture")
        holder.boot()
        self.cluster.wait_ready(holder)
        self._wait_well(left)
        self.type(left, "leasectl")

    def repair(self):
        self.terminal.head("Repair: a unit that fails")
        self.gamma.write("/etc/systemd/system/bad.service", "[Service]\nExecStart=/bin/false\n")
        self.gamma.systemctl("daemon-reload")
        self.type(self.gamma, "leasectl enable bad", code=None)
        self._wait_screen(self.alpha, "it has failed", lambda screen: "bad.service  " in screen and "failed" in screen.split("\n\n")[1])
        self.type(self.alpha, "leasectl", code=1)
        self.type(self.gamma, "leasectl status bad", code=None)
        self.type(self.gamma, "leasectl logs bad --lines=5", code=None)
        self.type(self.alpha, "leasectl restart bad", code=None)
        self.type(self.gamma, "leasectl disable bad")
        self.terminal.head("Repair: a member of etcd has lost its data")
        self.type(self.alpha, "leasectl pause")
        self.type(self.alpha, "leasectl", code=1)
        self.type(self.alpha, "leasectl release web", code=1)
        self.type(self.gamma, f"systemctl stop {ETCD}; rm -rf /var/lib/private/leased-etcd/*")
        line = "leasectl setup " + " ".join(f"{each.name}={each.address}" for each in self.cluster)
        self.type(self.gamma, line, code=1)
        self.type(self.gamma, line + " --rejoin --anyway")
        self.type(self.alpha, "leasectl resume")
        self.type(self.alpha, "leasectl resume")
        self._wait_well(self.alpha)
        self.terminal.head("Repair: leased is stopped on a machine")
        holder = self.units[0].wait_running()
        machine = next(each for each in self.cluster if each is not holder)
        other = next(each for each in self.cluster if each is not machine)
        self.type(machine, f"systemctl stop {DAEMON}")
        self.type(machine, "leasectl", code=None)
        self._wait_screen(other, "that is seen", lambda screen: f"{machine.name}  is silent" in screen)
        self.type(other, "leasectl", code=1)
        self.type(machine, f"systemctl start {DAEMON}")
        self.cluster.wait_ready(machine)
        self._wait_well(other)

    def uninstall(self):
        self.terminal.head("Uninstall: one machine leaves the cluster")
        leaves = self.units[0].wait_running()
        stays = next(each for each in self.cluster if each is not leaves)
        self.type(leaves, "leasectl disable web -n", code=None)
        self.type(leaves, "dpkg -r leased")
        self.units[0].wait_running(but=leaves)
        self._wait_screen(stays, "it is silent", lambda screen: f"{leaves.name}  is silent" in screen)
        self.type(stays, "leasectl", code=1)
        self.type(stays, f"leasectl setup --remove {leaves.name}", code=None)
        self.type(stays, f"leasectl forget {leaves.name}")
        self.type(stays, "leasectl", code=None)
        require("the administrator's configuration stays", leaves.exists("/etc/leased/leased.conf.d/20-setup.conf"))
        self.type(leaves, "systemctl cat web.service")
        self.terminal.head("Uninstall: everywhere")
        self.type(stays, "leasectl disable --all -n", code=None)
        self.type(stays, "leasectl disable --all", code=None)
        self.type(stays, "leasectl disable --all")
        last = next(each for each in self.cluster if each not in (leaves, stays))
        for machine in (stays, last, leaves):
            self.type(machine, "dpkg -P leased", deadline=120)
            left = self.leftovers(machine)
            require(f"nothing of leased is on {machine}, but {left}", not left)
        for unit in self.units:
            unit.wait_gone()

    def nothing_ran_twice(self):
        self.terminal.head("What ran twice")
        for unit in self.units:
            line = f"{unit.name}: overlap {unit.overlap:.3f} s, tokens {' -> '.join(str(each.index) for each in unit.tenures)}"
            print("      " + line, file=sys.stdout, flush=True)
            self.terminal.keep(f"    {line}\n")
            require(f"{unit.name} ran on two machines at once for {unit.overlap:.3f} s", unit.overlap == 0, unit.story)
        print(f"      {self.terminal.screens} screens of {COLUMNS} columns", flush=True)

    STEPS = (install, set_up, deploy, look, move, drain, change, several, upgrade, crash, repair, uninstall, nothing_ran_twice)
