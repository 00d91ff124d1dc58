# SPDX-License-Identifier: Apache-2.0
"""The Debian package on real machines, with the real dpkg: package.py --packages=DIR. Called by tests/package.

The machines have everything that this one has but leased itself. The package's files are installed on their own disks.
"""

import argparse
import glob
import os
import shutil
import subprocess
import sys

import layer
import sandbox
from chores import Chores
from cluster import DAEMON, GUARD, Cluster
from machines import probe
from test_submit import Submitted
from test_submit import play as play_submitted
from waiting import Failure, require, wait_for

UNIT = "ticker.service"
SENT = "sent.service"  # a unit that comes with the cluster
KEY = "/srv/key"
PACKAGE = "/shared/leased.deb"
NEXT = "/shared/leased-next.deb"
FOUR = ("alpha", "beta", "gamma", "delta")
HERE = os.path.dirname(os.path.abspath(__file__))
DPKG = ("env", "DEBIAN_FRONTEND=noninteractive", "dpkg")


def _make_tools(directory):
    """A layer with what the scenes need, and nothing of leased."""
    target = directory + layer.STAMPER
    os.makedirs(os.path.dirname(target))
    subprocess.run(["cc", "-O2", "-D_GNU_SOURCE", "-o", target, os.path.join(HERE, "stamper.c"), "-lsystemd"],
                   check=True)
    return directory


def _make_next(package, scratch, target):
    """The package's successor: a higher version, and a guard that is another file."""
    tree = scratch
    subprocess.run(["dpkg-deb", "-R", package, tree], check=True)
    control = os.path.join(tree, "DEBIAN/control")
    with open(control) as file:
        text = file.read()
    version = next(line for line in text.splitlines() if line.startswith("Version: "))
    with open(control, "w") as file:
        file.write(text.replace(version, version + "+next"))
    for name in ("leased", "leased-guard"):
        with open(os.path.join(tree, "usr/lib/leased", name), "ab") as file:
            file.write(b"\0")
    subprocess.run(["dpkg-deb", "--root-owner-group", "-b", tree, target], check=True, stdout=subprocess.DEVNULL)


def _leftovers(machine):
    """What is on the machine that leased may have made, beside the unit that the scene wrote."""
    found = machine.run("find", "/etc", "/var/lib", "/run", "/usr/lib", "/usr/bin", "/usr/share", "-xdev", "(", "-name", "*leased*",
                        "-o", "-name", "leasectl*", ")", "-not", "-path", "/run/systemd/*", "-not", "-path", "/run/log/*",
                        "-not", "-path", "/usr/share/lintian/*",
                        check=False).stdout
    return [each for each in found.splitlines() if not each.startswith("/usr/lib/debug")]


def fresh_cluster(box, packages, names=("alpha", "beta", "gamma"), ttl=10.0, part="machines"):
    """Gives booted machines on which leased was never installed. /shared has the package and a newer version of it."""
    package = next(each for each in glob.glob(os.path.join(packages, "leased_*.deb")))
    cluster = Cluster(box.part(part), _make_tools(box.path(f"layer-{part}")), names=names, ttl=ttl)
    shutil.copy(package, os.path.join(cluster.rack.shared, "leased.deb"))
    _make_next(package, box.path(f"next-{part}"), os.path.join(cluster.rack.shared, "leased-next.deb"))
    for machine in cluster:
        machine.remove("/etc/leased")
        machine.remove("/var/lib/man-db/auto-update")  # or dpkg waits for minutes until all manuals are indexed anew
        machine.remove(f"/etc/systemd/system/multi-user.target.wants/{DAEMON}")
    cluster.rack.boot()
    return cluster


class Story:
    """The life of a package on four machines, of which three are members of etcd. Each step stands on the one before."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.alpha, self.beta, self.gamma, self.delta = cluster
        self.order = tuple(cluster)
        self.unit = None

    def _install(self, machine, package=PACKAGE):
        return machine.run(*DPKG, "-i", package, deadline=300)

    def _begin(self, machine):
        machine.run("systemctl", "enable", "--now", DAEMON)
        self.cluster.wait_ready(machine)

    def installing_starts_nothing(self):
        for machine in self.cluster:
            self._install(machine)
            for service in (DAEMON, GUARD):
                require(f"{service} is not started on {machine}", machine.state(service) == "inactive", self.cluster.journals)
            enabled = machine.run("systemctl", "is-enabled", DAEMON, check=False).stdout.strip()
            require(f"leased is {enabled}", enabled == "disabled")
            require("no file of leased's state is there", not machine.exists("/var/lib/leased"))

    @property
    def line(self):
        return [f"{machine.name}={machine.address}" for machine in self.order]

    @property
    def members(self):
        return self.order[:3]

    def one_line_on_each_machine_makes_a_cluster(self):
        for machine in self.cluster:
            shown = machine.run("leasectl", "setup", "--dry-run", *self.line).stdout
            require(f"--dry-run shows the files, not: {shown}", "Registry=etcd" in shown and
                    (f"ETCD_NAME={machine.name}" in shown) == ("/etc/leased/etcd.env:" in shown) == (machine in self.members))
            require("--dry-run changes nothing", not machine.exists("/etc/leased/etcd.env"))
            machine.write("/etc/leased/leased.conf.d/10-ttl.conf", f"[Leased]\nTTL={self.cluster.ttl:g}s\nAcceptUnits=etc\n")
        commands = [machine.start("leasectl", "setup", *self.line) for machine in self.cluster]
        for machine, command in zip(self.cluster, commands):
            said = command.communicate(timeout=60)[0]
            require(f"leasectl setup on {machine}: {said}", command.returncode == 0, self.cluster.journals)
            role = "member" if machine in self.members else "client"
            require(f"it says what became of {machine}, not: {said}", f"{machine.name}: a {role} of etcd, leased runs" in said)
        for machine in self.cluster:
            require("the line given again changes nothing",
                    "nothing had to be changed" in machine.run("leasectl", "setup", *self.line, deadline=60).stdout)
            wait_for(f"all machines are seen on {machine}",
                     lambda each=machine: each.run("leasectl", "machines", "--no-legend").stdout.count(" up") == len(self.line), 10,
                     lambda each=machine: each.run("leasectl", "machines").stdout)

    def what_is_there_is_not_overwritten(self):
        before = self.alpha.read("/etc/leased/leased.conf.d/20-setup.conf")
        done = self.alpha.run("leasectl", "setup", *self.line, "epsilon=10.77.0.99", check=False)
        require("a client more changes no file", done.returncode == 0, lambda: done.stdout + done.stderr)
        changed = before.replace("Registry", "#\nRegistry")
        self.alpha.write("/etc/leased/leased.conf.d/20-setup.conf", changed)
        done = self.alpha.run("leasectl", "setup", *self.line, check=False)
        require("a file that is another is named", done.returncode == 1 and "20-setup.conf: is there" in done.stderr,
                lambda: done.stdout + done.stderr)
        require("it is as it was", self.alpha.read("/etc/leased/leased.conf.d/20-setup.conf") == changed)
        self.alpha.run("leasectl", "setup", "--anyway", *self.line, deadline=60)
        require("with --anyway it is written", self.alpha.read("/etc/leased/leased.conf.d/20-setup.conf") == before)

    def a_unit_runs_on_one_machine(self):
        self.unit = self.cluster.unit(UNIT).enable(*self.members)
        self.unit.wait_running()

    def a_machine_beyond_three_is_a_client(self):
        require("delta has no etcd", self.delta.state("leased-etcd.service") == "inactive" and
                not self.delta.exists("/etc/leased/etcd.env"))
        self.cluster.unit("guest.service").enable(self.delta).wait_running(on=self.delta)
        self.delta.run("leasectl", "disable", "guest.service", deadline=60)

    def a_unit_that_is_submitted_comes_to_each_machine(self):
        self.alpha.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", KEY)
        for machine in self.cluster:
            machine.write("/etc/leased/allowed_signers", f"alice@example.com {self.alpha.read(KEY + '.pub')}")
        self.alpha.write(f"/srv/{SENT}", "[Service]\nExecStart=/bin/sleep infinity\n")
        self.alpha.run("mkdir", "-p", f"/srv/{SENT}.d")
        self.alpha.write(f"/srv/{SENT}.d/10.conf", "[Service]\nNice=1\n")
        self.alpha.run("leasectl", "submit", f"--key={KEY}", f"/srv/{SENT}", deadline=60)
        for machine in self.cluster:
            wait_for(f"{SENT} is on {machine}", lambda each=machine: each.exists(f"/etc/leased/units/{SENT}"), 30,
                     lambda each=machine: each.run("leasectl", "list-files").stdout)

    def a_member_that_lost_its_data_is_replaced(self):
        before = self.unit.tenure
        machine = next(each for each in self.members if each is not self.unit.running_on)
        machine.systemctl("stop", "leased-etcd.service")
        machine.run("sh", "-c", "rm -rf /var/lib/private/leased-etcd/*")
        done = machine.run("leasectl", "setup", *self.line, check=False)
        require("it does not begin as if it were new", done.returncode == 1 and "--rejoin" in done.stderr,
                lambda: done.stdout + done.stderr)
        done = machine.run("leasectl", "setup", "--rejoin", *self.line, check=False)
        require("what differs is not overwritten", done.returncode == 1 and "etcd.env: is there" in done.stderr,
                lambda: done.stdout + done.stderr)
        machine.run("leasectl", "setup", "--rejoin", "--anyway", *self.line, deadline=60)
        self._require_members_are_well(machine)
        self.unit.require_undisturbed(before, limit=1.0)

    def _require_members_are_well(self, machine):
        health = machine.run("etcdctl", f"--endpoints={','.join(f'http://{each.address}:2379' for each in self.members)}",
                             "endpoint", "health", check=False)
        require(f"all members are well: {health.stdout}{health.stderr}", health.returncode == 0)

    def a_member_is_removed_and_another_added(self):
        before = self.unit.tenure
        leaves = next(each for each in self.cluster if each is not self.unit.running_on)
        stays = next(each for each in self.cluster if each is not leaves)
        word = f"{leaves.name}={leaves.address}"
        done = stays.run("leasectl", "setup", "--add", word, check=False)
        require(f"who is a member is not added: {done.stderr}", done.returncode == 1 and "is a member already" in done.stderr)
        stays.run("leasectl", "setup", "--remove", leaves.name, deadline=30)
        done = stays.run("leasectl", "setup", "--remove", leaves.name, check=False)
        require(f"who is none is not removed: {done.stderr}", done.returncode == 1 and "no member" in done.stderr)
        leaves.systemctl("disable", "--now", "leased-etcd.service")
        leaves.run("sh", "-c", "rm -rf /var/lib/private/leased-etcd /etc/leased/etcd.env")
        said = stays.run("leasectl", "setup", "--add", word, deadline=30).stdout
        require(f"it says what to do next, not: {said}", "run leasectl setup there" in said)
        leaves.run("leasectl", "setup", *self.line, deadline=60)
        for machine in self.cluster:
            machine.run("leasectl", "setup", "--anyway", *self.line, deadline=60)
        self._require_members_are_well(stays)
        self.unit.require_undisturbed(before, limit=1.0)

    def another_machine_takes_the_place_of_a_member(self):
        """As docs/operations.md has it. The member's machine goes on as a client, as the other one has been until now."""
        before = self.unit.tenure
        leaves = next(each for each in self.members if each is not self.unit.running_on)
        stays = [each for each in self.members if each is not leaves]
        said = stays[0].run("leasectl", "setup", "--dry-run", "--remove", leaves.name).stdout
        require(f"--dry-run says what it would do, not: {said}", said == f"{leaves.name}: would be removed from the members of etcd\n")
        self._require_members_are_well(stays[0])
        stays[0].run("leasectl", "setup", "--remove", leaves.name, deadline=30)
        stays[1].run("leasectl", "setup", "--add", f"{self.delta.name}={self.delta.address}", deadline=30)
        self.order = (*stays, self.delta, leaves)
        for machine in (self.delta, *stays):
            machine.run("leasectl", "setup", "--anyway", *self.line, deadline=60)
        done = leaves.run("leasectl", "setup", "--anyway", *self.line, check=False)
        require(f"a machine with a member is no client, but: {done.stdout}", done.returncode == 1 and "leased-etcd" in done.stderr)
        leaves.systemctl("disable", "--now", "leased-etcd.service")
        leaves.run("rm", "-rf", "/etc/leased/etcd.env", "/var/lib/leased-etcd", "/var/lib/private/leased-etcd")
        leaves.run("leasectl", "setup", "--anyway", *self.line, deadline=60)
        self._require_members_are_well(self.delta)
        self.unit.require_undisturbed(before, limit=1.0)

    def an_upgrade_touches_no_unit(self):
        before = self.unit.tenure
        for machine in self.cluster:
            daemon, guard = machine.main_pid(DAEMON), machine.main_pid(GUARD)
            invocation = machine.systemctl("show", "-P", "InvocationID", UNIT).stdout
            self._install(machine, NEXT)
            require(f"leased was restarted on {machine}", machine.main_pid(DAEMON) not in (0, daemon))
            require(f"the guard was not, on {machine}", machine.main_pid(GUARD) == guard)
            require(f"and runs the new program, on {machine}",
                    machine.run("test", f"/proc/{guard}/exe", "-ef", "/usr/lib/leased/leased-guard", check=False).returncode == 0,
                    self.cluster.journals)
            require(f"{UNIT} was not started anew on {machine}",
                    machine.systemctl("show", "-P", "InvocationID", UNIT).stdout == invocation)
        self.unit.hold_running(self.cluster[before.machine], 2 * self.cluster.ttl)
        self.unit.require_undisturbed(before, limit=1.0)

    def an_upgrade_does_not_start_what_was_stopped(self):
        machine = next(each for each in self.cluster if each is not self.unit.running_on)
        machine.systemctl("stop", DAEMON)
        self._install(machine, NEXT)
        require(f"leased stays stopped on {machine}", machine.state(DAEMON) == "inactive", self.cluster.journals)
        self._begin(machine)

    def removal_is_refused_where_a_unit_would_be_left_leased(self):
        holder = self.unit.running_on
        before = self.unit.tenure
        holder.systemctl("mask", "--runtime", DAEMON)
        holder.kill(DAEMON)
        wait_for("leased is gone", lambda: holder.main_pid(DAEMON) == 0, 5)
        done = holder.run(*DPKG, "-r", "leased", check=False, deadline=60)
        require(f"dpkg -r fails, not: {done.stdout}{done.stderr}", done.returncode != 0)
        require(f"it says why and what to do, not: {done.stdout}{done.stderr}",
                UNIT in done.stdout + done.stderr and "leasectl disable" in done.stderr)
        holder.systemctl("unmask", "--runtime", DAEMON)
        holder.systemctl("start", DAEMON)
        self.cluster.wait_ready(holder)
        require("the package is there", "install ok installed" in
                holder.run("dpkg-query", "-W", "-f=${Status}", "leased").stdout)
        self.unit.hold_running(holder, 2)
        self.unit.require_undisturbed(before, limit=1.0)

    def removal_gives_the_unit_to_another_machine(self):
        holder = self.unit.running_on
        # A busy machine takes its time for the end of the guard: the package waits for it.
        holder.write(f"/run/systemd/system/{GUARD}.d/slow.conf", "[Service]\nExecStopPost=/bin/sleep 3\n")
        holder.systemctl("daemon-reload")
        done = holder.run(*DPKG, "-r", "leased", deadline=60)
        heir = self.unit.wait_running(but=holder)
        require(f"{UNIT} is an ordinary unit on {holder} again, not: {done.stdout}",
                not holder.exists(f"/etc/systemd/system/{UNIT}.d/zzzz-leased.conf"))
        for service in (DAEMON, GUARD):
            require(f"{service} is gone on {holder}", holder.state(service) == "inactive", self.cluster.journals)
        require("PID 1 has had the guard's program to the end",
                "Failed at step EXEC" not in holder.run("journalctl", "-b", "-o", "cat", f"UNIT={GUARD}").stdout)
        holder.remove(f"/run/systemd/system/{GUARD}.d")
        holder.systemctl("daemon-reload")
        require("the administrator's configuration stays", holder.exists("/etc/leased/leased.conf.d/20-setup.conf"))
        self.removed, self.heir = holder, heir

    def a_machine_comes_back(self):
        self._install(self.removed)
        self._begin(self.removed)
        self.unit.enable(self.removed)
        self.heir.run("leasectl", "transfer", UNIT, self.removed.name, deadline=60)
        self.unit.wait_running(on=self.removed)

    def a_power_cut_is_survived(self):
        self.removed.power_cut()
        self.unit.wait_running(but=self.removed, deadline=self.cluster.takeover + 5)
        self.removed.boot()
        self.cluster.wait_ready(self.removed)

    def purge_leaves_nothing(self):
        """The last machine has the unit, and an etcd without a majority."""
        last = self.unit.running_on
        for machine in sorted(self.cluster, key=lambda each: each is last):
            machine.run(*DPKG, "-P", "leased", deadline=120)
            left = _leftovers(machine)
            require(f"nothing of leased is on {machine}, but {left}", not left)
            for name in (SENT, f"{SENT}.d"):
                require(f"{name} is gone with the cluster on {machine}", not machine.exists(f"/etc/systemd/system/{name}"))
            require(f"{UNIT} can be started on {machine} again",
                    "AssertPathExists" not in machine.systemctl("cat", UNIT).stdout)
        self.unit.wait_gone()

    def a_cluster_with_certificates(self):
        self.order = tuple(self.cluster)
        for machine in self.cluster:
            self._install(machine)
            machine.write("/etc/leased/leased.conf.d/10-ttl.conf", f"[Leased]\nTTL={self.cluster.ttl:g}s\n")
        done = self.beta.run("leasectl", "setup", "--tls", *self.line, check=False)
        require("another machine than the first makes no authority", done.returncode == 1 and "ca.key from alpha" in done.stderr,
                lambda: done.stdout + done.stderr)
        self.alpha.run("leasectl", "setup", "--tls", "--no-wait", *self.line)
        for machine in (self.beta, self.gamma, self.delta):
            for name in ("ca.crt", "ca.key"):
                machine.write(f"/etc/leased/tls/{name}", self.alpha.read(f"/etc/leased/tls/{name}"), 0o600)
        commands = [machine.start("leasectl", "setup", "--tls", *self.line) for machine in self.cluster]
        for machine, command in zip(self.cluster, commands):
            said = command.communicate(timeout=60)[0]
            require(f"leasectl setup --tls on {machine}: {said}", command.returncode == 0, self.cluster.journals)
        refused = self.alpha.run("etcdctl", "--endpoints=https://10.77.0.10:2379", "--cacert=/etc/leased/tls/ca.crt",
                                 "--command-timeout=3s", "get", "x", check=False)
        require("who has no certificate gets nothing", refused.returncode != 0)
        self.unit = self.cluster.unit("second.service").enable()
        self.unit.wait_running().run("leasectl", "release", "second.service", deadline=60)
        for machine in self.cluster:
            machine.run("leasectl", "disable", "second.service", deadline=60)

    STEPS = (installing_starts_nothing, one_line_on_each_machine_makes_a_cluster, what_is_there_is_not_overwritten,
             a_unit_runs_on_one_machine, a_machine_beyond_three_is_a_client, a_unit_that_is_submitted_comes_to_each_machine,
             a_member_that_lost_its_data_is_replaced, a_member_is_removed_and_another_added,
             another_machine_takes_the_place_of_a_member,
             an_upgrade_touches_no_unit, an_upgrade_does_not_start_what_was_stopped,
             removal_is_refused_where_a_unit_would_be_left_leased, removal_gives_the_unit_to_another_machine, a_machine_comes_back,
             a_power_cut_is_survived, purge_leaves_nothing, a_cluster_with_certificates)


class UnitsOfTheCluster:
    """Machines with nothing but the package and etcd, set up by one line with all defaults, and units that come from a fourth."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.alpha, self.delta = cluster["alpha"], cluster["delta"]

    def three_machines_and_a_client_are_set_up_by_defaults(self):
        line = [f"{machine.name}={machine.address}" for machine in self.cluster]
        for machine in self.cluster:
            machine.run(*DPKG, "-i", PACKAGE, deadline=300)
            require(f"nothing of leased's is on {machine} but the package's", not machine.exists("/var/lib/leased"))
        commands = [machine.start("leasectl", "setup", *line) for machine in self.cluster]
        for machine, command in zip(self.cluster, commands):
            said = command.communicate(timeout=120)[0]
            require(f"leasectl setup on {machine}: {said}", command.returncode == 0, self.cluster.journals)
        for machine in self.cluster:
            status = self.cluster.status(machine)
            require(f"leasectl setup on {machine} returned before it may take leases: {status}", "No leases now" not in status)
        written = [each for each in self.alpha.run("find", "/etc/leased", "-name", "*.conf").stdout.split()]
        require(f"no option was written but what setup writes: {written}", all(each.endswith(("/leased.conf", "/20-setup.conf")) for each in written))

    def five_units_from_the_fourth_run_move_and_survive_a_forger(self):
        fleet = Submitted(self.cluster, self.delta, members=[machine for machine in self.cluster if machine is not self.delta])
        ran = play_submitted(fleet)
        units = fleet.units.values()
        print(f"      overlap {max(unit.overlap for unit in units):.3f} s, the longest gap "
              f"{max(gap for unit in units for gap in unit.gaps):.1f} s, TTL {self.cluster.ttl:g} s", flush=True)
        require(f"five units run {ran:.1f} s after the command, by defaults: 10 s are allowed", ran < 10, self.cluster.journals)

    STEPS = (three_machines_and_a_client_are_set_up_by_defaults, five_units_from_the_fourth_run_move_and_survive_a_forger)


def tell(story, cluster):
    """Plays all steps of a story. Returns the exit code."""
    for step in story.STEPS:
        try:
            step(story)
            problems = cluster.problems()
            require("\n".join(problems), not problems)
        except Failure as error:
            print(f"      {error}\nFAIL  {step.__name__}", flush=True)
            return 1
        print(f"ok    {step.__name__}", flush=True)
    return 0


def play(box, packages, only, screens):
    """Returns the exit code."""
    code = 0
    if only in (None, "life"):
        cluster = fresh_cluster(box, packages, FOUR, part="life")
        story = Story(cluster)
        code = tell(story, cluster)
        if code == 0:
            print(f"overlap {story.unit.overlap:.3f} s, tokens {' -> '.join(str(each.index) for each in story.unit.tenures)}")
        cluster.tear_down()
    if only in (None, "units"):
        cluster = fresh_cluster(box, packages, FOUR, part="units")
        code = max(code, tell(UnitsOfTheCluster(cluster), cluster))
        cluster.tear_down()
    if only in (None, "chores"):
        cluster = fresh_cluster(box, packages, part="chores")
        code = max(code, tell(Chores(cluster, (PACKAGE, NEXT), _leftovers, screens), cluster))
    return code


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--packages", required=True)
    parser.add_argument("--only", choices=("life", "units", "chores"),
                        help="one of the stories: of the package, of units that are submitted, of an operator's chores")
    parser.add_argument("--screens", type=argparse.FileType("w"), help="a file for all screens of the chores")
    arguments = parser.parse_args()
    packages = os.path.abspath(arguments.packages)
    try:
        box = sandbox.enter()
        probe(box)
        return play(box, packages, arguments.only, arguments.screens)
    except sandbox.Unavailable as error:
        print(f"this machine cannot boot guests: {error}", file=sys.stderr)
        return 77


if __name__ == "__main__":
    try:
        sys.exit(main())
    except sandbox.Interrupted as signal:
        print(f"interrupted by {signal}; everything is cleaned up", file=sys.stderr)
        sys.exit(130)
