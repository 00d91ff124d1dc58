# SPDX-License-Identifier: Apache-2.0
"""leased and its peers from Debian, each set up on the same machines to run one service on one of them: what starts it, what
makes the holder let go, which process a run hangs on, and which control groups belong to it."""

import layer
from cluster import DAEMON, GUARD
from guests import pass_time
from waiting import now, require, wait_for

RESTART = "Restart=always\nRestartSec=100ms\nStartLimitIntervalSec=0"
SLEEP = "/bin/sh -c 'exec sleep infinity' %s"
STAMP = f"{layer.STAMPER} %s"
READY = 60  # seconds


class Contestant:
    """One way to run a service on one of several machines. start() returns the unit, which stamps the time unless another command
    is given; end() leaves the machines as they were."""
    name = ""
    groups = ()  # control groups of what it needs besides the service
    who = "main"  # which processes of its agent are meant: the main one, or all

    def start(self, cluster, command=STAMP):
        raise NotImplementedError

    def release(self, machine, unit):
        """The holder lets go in order. What must be undone afterwards is returned."""
        raise NotImplementedError

    def agent(self, unit):
        """The service in whose main process a run hangs, besides its own processes."""
        raise NotImplementedError

    def back(self, machine):
        """The machine has booted again."""

    def end(self, cluster, unit):
        for machine in cluster:
            machine.systemctl("kill", "--signal=KILL", unit.name, check=False)
            machine.systemctl("stop", unit.name, check=False)
        unit.wait_gone()
        cluster.units = []
        cluster.forget_units()


class Leased(Contestant):
    name = "leased"
    groups = (f"system.slice/{DAEMON}", f"system.slice/{GUARD}")

    def start(self, cluster, command=STAMP):
        return cluster.unit("contest.service", service=RESTART, command=command).enable()

    def release(self, machine, unit):
        machine.run("leasectl", "release", unit.name)
        return lambda: None

    def agent(self, unit):
        return DAEMON

    def end(self, cluster, unit):
        cluster.forget_units()


class EtcdctlLock(Contestant):
    name = "etcdctl lock"
    groups = ("system.slice/contest-lock.service",)

    def start(self, cluster, command=STAMP):
        line = (f"/usr/bin/etcdctl --endpoints={cluster.etcd.endpoints.replace(' ', ',')} lock --ttl={cluster.ttl:g} contest "
                f"-- {command}")
        unit = cluster.unit("contest-lock.service", service=RESTART, command=line)
        for machine in cluster:
            machine.systemctl("start", unit.name)
        return unit

    def release(self, machine, unit):
        machine.systemctl("stop", unit.name)
        return lambda: machine.systemctl("start", unit.name)

    def agent(self, unit):
        return unit.name


VRRP = """\
global_defs {{
    enable_script_security
    script_user root
}}
vrrp_instance contest {{
    state BACKUP
    nopreempt
    interface host0
    virtual_router_id 51
    priority {priority}
    virtual_ipaddress {{
        10.77.0.200/24
    }}
    notify_master "/usr/bin/systemctl --no-block start {unit}"
    notify_backup "/usr/bin/systemctl --no-block stop {unit}"
    notify_fault "/usr/bin/systemctl --no-block stop {unit}"
    notify_stop "/usr/bin/systemctl stop {unit}"
}}
"""


class Keepalived(Contestant):
    """As it comes: an advertisement each second. The service follows the address."""
    name = "keepalived"
    groups = ("system.slice/keepalived.service",)
    who = "all"

    def start(self, cluster, command=STAMP):
        unit = cluster.unit("contest-vrrp.service", service=RESTART, command=command)
        for machine in cluster:
            machine.write("/etc/keepalived/keepalived.conf", VRRP.format(priority=100 - machine.number, unit=unit.name))
            machine.systemctl("start", "keepalived.service")
        return unit

    def release(self, machine, unit):
        machine.systemctl("stop", "keepalived.service")
        return lambda: machine.systemctl("start", "keepalived.service")

    def agent(self, unit):
        return "keepalived.service"

    def back(self, machine):
        machine.systemctl("start", "keepalived.service")

    def end(self, cluster, unit):
        for machine in cluster:
            machine.systemctl("stop", "keepalived.service")
        super().end(cluster, unit)


COROSYNC = """\
totem {{
    version: 2
    cluster_name: contest
    transport: udpu
    crypto_cipher: none
    crypto_hash: none
}}
quorum {{
    provider: corosync_votequorum
}}
logging {{
    to_syslog: yes
}}
nodelist {{
{nodes}
}}
"""
NODE = "    node {{\n        name: {machine.name}\n        nodeid: {id}\n        ring0_addr: {machine.address}\n    }}"
RESOURCE = ('<primitive id="contest" class="systemd" type="{type}"><operations>'
            '<op id="contest-monitor" name="monitor" interval="10s"/></operations></primitive>')


class Pacemaker(Contestant):
    """With corosync as both come, without fencing devices, which these machines have not."""
    name = "Pacemaker"
    groups = ("system.slice/pacemaker.service", "system.slice/corosync.service")
    who = "all"

    def start(self, cluster, command=STAMP):
        unit = cluster.unit("contest-crm.service", service="", command=command)
        self._nodes = list(cluster)
        nodes = "\n".join(NODE.format(machine=machine, id=machine.number + 1) for machine in cluster)
        names = "".join(f"{machine.address} {machine.name}\n" for machine in cluster)
        for machine in cluster:
            machine.write("/etc/hosts", f"127.0.0.1 localhost\n{names}")
            machine.write("/etc/corosync/corosync.conf", COROSYNC.format(nodes=nodes))
            machine.systemctl("start", "--no-block", "corosync.service", "pacemaker.service")
        first = next(iter(cluster))
        wait_for("all nodes are online", lambda: self._online(first) == len(nodes.split("node {")) - 1, READY,
                 lambda: first.run("crm_mon", "-1", check=False).stdout)
        first.run("crm_attribute", "--name", "stonith-enabled", "--update", "false")
        first.run("cibadmin", "--create", "--scope", "resources", "--xml-text",
                  RESOURCE.format(type=unit.name.removesuffix(".service")))
        return unit

    @staticmethod
    def _online(machine):
        said = machine.run("crm_mon", "-1", "--output-as=xml", check=False).stdout
        return said.count('online="true"')

    def release(self, machine, unit):
        machine.run("crm_standby", "-v", "on", "-N", machine.name)
        return lambda: machine.run("crm_standby", "-v", "off", "-N", machine.name)

    def agent(self, unit):
        return "pacemaker.service"

    def back(self, machine):
        machine.systemctl("start", "--no-block", "corosync.service", "pacemaker.service")
        wait_for(f"{machine} is back in the cluster", lambda: self._online(machine) == len(self._nodes), READY)

    def end(self, cluster, unit):
        for machine in cluster:
            machine.systemctl("stop", "pacemaker.service", "corosync.service", deadline=60)
            for path in ("/var/lib/pacemaker/cib", "/var/lib/corosync"):
                machine.run("sh", "-c", f"rm -rf {path}/*")
        super().end(cluster, unit)


ALL = (Leased, EtcdctlLock, Keepalived, Pacemaker)


# A fault is what happens to the holder, and what ends it again.

def power_cut(_contestant, _unit, holder):
    holder.power_cut()
    return lambda: None


def released(contestant, unit, holder):
    return contestant.release(holder, unit)


def _signal(contestant, unit, holder, signal):
    holder.systemctl("kill", f"--kill-who={contestant.who}", f"--signal={signal}", contestant.agent(unit), check=False)


def agent_killed(contestant, unit, holder):
    _signal(contestant, unit, holder, "KILL")
    return lambda: contestant.back(holder)


def agent_stopped(contestant, unit, holder):
    _signal(contestant, unit, holder, "STOP")
    return lambda: _signal(contestant, unit, holder, "CONT")


def cut_off(_contestant, _unit, holder):
    holder.cut_network()
    return holder.heal_network


FAULTS = {"release": released, "power cut of the holder": power_cut, "its agent killed": agent_killed,
          "its agent stopped for 3 TTL": agent_stopped, "holder cut off for 3 TTL": cut_off}


def settle(contestant, cluster, unit):
    """Until the service runs, has run for a while, and etcd's leader is on another machine than the service. Returns the holder."""
    holder = unit.wait_running(deadline=READY)
    if cluster.etcd.leader() is holder:
        cluster.etcd.move_leader(cluster.other(holder))
    pass_time(cluster.ttl / 2)
    require("it still runs there", unit.running_on is holder, unit.story)
    return holder


def put_right(contestant, cluster):
    for machine in cluster:
        if not machine.is_on:
            machine.boot()
            cluster.wait_ready(machine)
            contestant.back(machine)
    cluster.etcd.wait_healthy()


def play(contestant, cluster, unit, fault, seconds):
    """One fault that lasts so long: the longest time in which nobody ran, and the seconds in which two machines did."""
    holder = settle(contestant, cluster, unit)
    gaps, met, began = len(unit.gaps), unit.overlap, now()
    heal = fault(contestant, unit, holder)
    wait_for("its time has passed, and it runs", lambda: now() > began + seconds and unit.running_on, READY + seconds, unit.story)
    heal()
    put_right(contestant, cluster)
    healed = now()
    wait_for("all is well again", lambda: now() > healed + cluster.ttl and unit.running_on, READY, unit.story)
    return max([0.0] + unit.gaps[gaps:]), unit.overlap - met
