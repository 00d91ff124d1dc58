# SPDX-License-Identifier: Apache-2.0
"""An address that goes with a unit: no process, so no SIGKILL ends it; ExecStopPost= takes it away, or the kernel forgets it
(leased-address). A row of the fault matrix each."""

import os
import sys

import layer
import timeline
from cluster import DAEMON, GUARD
from faults import lose_lease, require_stays, stall_first_process, wait_until, wake_first_process
from outside import Outside
from scene import scene
from waiting import now, require, wait_for

FLOATING = "10.77.0.200"
# It takes longer than the guard's next round.
SERVICE = f"""ExecStartPost=ip address add {FLOATING}/32 dev host0
{{stop}}
ExecStopPost=sleep 0.1
ExecStopPost=ip address del {FLOATING}/32 dev host0
TimeoutStopSec=60"""
HANGING = "ExecStop=sleep infinity"
WITNESS = "witness.service"


class Address:
    """The floating address as a witness on each machine sees it, many times a second."""

    def __init__(self, cluster, name):
        self._cluster = cluster
        self._file = f"address-{cluster.number_stamps()}-{name}"
        for machine in cluster:
            machine.write(f"/run/systemd/system/{WITNESS}",
                          f"[Service]\nExecStart={layer.STAMPER} --address={FLOATING} /shared/{self._file}\n")
            machine.systemctl("daemon-reload")
            machine.run("ip", "address", "del", f"{FLOATING}/32", "dev", "host0", check=False)  # of a scene that failed
            machine.systemctl("restart", WITNESS)

    @property
    def stamps(self):
        path = os.path.join(self._cluster.rack.shared, self._file)
        if not os.path.exists(path):
            return []
        with open(path) as file:
            return timeline.parse(file.read())

    def machines(self):
        """Who has or had it, in this order."""
        return [run.machine for run in timeline.runs_of(self.stamps)]

    def story(self):
        return timeline.table_of(self.stamps)

    def dismiss(self):
        for machine in self._cluster:
            machine.systemctl("stop", WITNESS)


def _is_there(machine):
    return FLOATING in machine.run("ip", "address", "show", "dev", "host0").stdout


def _is_cut_short(holder, name, stop):
    """ExecStopPost= was killed at kill_at, since the machine was too busy to end it in its half second: then the address stays,
    as docs/addresses.md says. An ExecStop= that hangs is killed in any case."""
    killed = holder.journal(400, name).count("Control process exited, code=killed")
    return killed > (1 if stop else 0)


def _move_by_fault(cluster, name, stop, fault=lambda holder: None):
    """The unit and its address, lost by a machine that is cut off and struck by the fault at once."""
    address = Address(cluster, name)
    unit = cluster.unit(name, "", SERVICE.format(stop=stop)).enable()
    holder = unit.wait_running()
    wait_for("the address is there", lambda: address.machines() == [holder.name], 10, address.story)
    heir = lose_lease(cluster, unit, holder, lambda began: fault(holder))
    wait_for(f"{heir} has the address", lambda: heir.name in address.machines(), 10, address.story)
    overlap = timeline.overlap_of(address.stamps)
    if overlap > 0 and _is_cut_short(holder, name, stop):
        print(f"      ExecStopPost= had too little time: two machines had the address for {overlap:.3f} s", file=sys.stderr, flush=True)
        wait_for("it is heard again", lambda: holder.run("ip", "address", "del", f"{FLOATING}/32", "dev", "host0", check=False), 10)
        address.dismiss()
        return
    require(f"two machines had the address for {overlap:.3f} s", overlap == 0, lambda: address.story() + unit.story())
    require(f"the address is not on {holder}", not _is_there(holder), unit.story)
    cluster.etcd.wait_healthy(holder)
    require_stays(cluster, unit, heir, holder)
    address.dismiss()


@scene(registry="etcd")
def address_of_a_unit_with_a_hanging_stop_is_gone_before_another_has_it(cluster):
    _move_by_fault(cluster, "floating.service", HANGING)


@scene(registry="etcd", only_at_length=True)
def address_of_a_unit_whose_guard_is_killed_is_gone_before_another_has_it(cluster):
    _move_by_fault(cluster, "floating-guard.service", HANGING, lambda holder: holder.kill(GUARD))


@scene(registry="etcd", only_at_length=True)
def address_of_a_unit_that_stops_by_itself_is_gone_before_another_has_it(cluster):
    _move_by_fault(cluster, "floating-plain.service", "")


# ---- leased-address ----

FOUR, SIX = "10.77.0.201", "2001:db8:77::201"
KEEPER = "leased-address@front.service"
FRONT = {
    "front.service": f"[Unit]\nWants={KEEPER}\n[Service]\nExecStart=STAMP\nTimeoutStopSec=60\n",
    f"{KEEPER}.d/front.conf": "[Unit]\nBindsTo=front.service\nAfter=front.service\n[Service]\n"
                              f"Environment=\"ADDRESSES=host0/{FOUR}/32 host0/{SIX}/128\"\n",
}
HANGS = {f"{KEEPER}.d/hangs.conf": "[Service]\nExecStop=sleep infinity\nTimeoutStopSec=60\n",
         "front.service.d/hangs.conf": "[Service]\nExecStop=sleep infinity\n"}


class Front:
    """A unit with addresses as its sidekick, and who has had them."""

    def __init__(self, cluster, more=None):
        self.cluster = cluster
        self.addresses = [Outside(cluster, FOUR), Outside(cluster, SIX)]
        self.unit = cluster.unit("front.service", files={**FRONT, **(more or {})}).enable()
        self.holder = self.unit.wait_running()
        self.wait_on(self.holder)

    def story(self):
        return "".join(each.story() for each in self.addresses) + self.unit.story() + self.cluster.journals(KEEPER)

    def wait_on(self, machine, deadline=15):
        wait_for(f"{machine} has both addresses", lambda: all(each.has(machine) for each in self.addresses), deadline, self.story)

    def require_never_on_two(self, holder, began):
        """None was on two machines, and the holder had none when its lease was over."""
        for address in self.addresses:
            overlap = address.overlap()
            require(f"two machines had an address for {overlap:.3f} s", overlap == 0, self.story)
            late = address.last(holder) - (began + self.cluster.killed_within)
            require(f"{holder} had an address {late:.3f} s longer than its lease", late <= 0, self.story)

    def end(self):
        for address in self.addresses:
            address.dismiss()
        for machine in self.cluster:
            for name in (KEEPER, "front.service"):
                machine.remove(f"/etc/systemd/system/{name}.d/hangs.conf")
            machine.systemctl("daemon-reload")


def _lose_addresses(cluster, strike, heal, more=None, frozen=False):
    """The holder is struck and cut off at once; its addresses go to another machine, and not on two at any time, also after it
    is healed. frozen: the unit, unlike its addresses, goes on for a moment when the holder is healed, until its guard has its
    first turn."""
    front = Front(cluster, more)
    holder = front.holder
    front.unit.met = 0.0 if frozen else None
    began = now()
    strike(holder)
    struck = now()  # no beat was sent later
    heir = front.unit.wait_running(but=holder, deadline=cluster.takeover + 10)
    front.wait_on(heir)
    wait_until(began + 2 * cluster.ttl)
    healed = now()
    heal(holder)
    cluster.etcd.wait_healthy(holder)
    wait_for("the unit is gone from the old holder", lambda: front.unit.running_on is heir, 5, front.story)
    front.unit.hold_running(on=heir, duration=1.0)
    if frozen:
        front.unit.met = max(0.0, front.unit.tenures[0].last - healed)
        require(f"both lived for {front.unit.met:.3f} s", front.unit.met < 0.5, front.story)
    front.require_never_on_two(holder, struck)
    front.end()


@scene(registry="etcd")
def address_with_a_lifetime_is_gone_from_a_machine_that_stands_still_as_a_whole(cluster):
    _lose_addresses(cluster, lambda holder: holder.freeze(), lambda holder: holder.thaw(), frozen=True)


def _kill_all(holder):
    """PID 1 stands still, and leased, its guard, the unit and what keeps its addresses are killed, all at once; so nothing is
    left but the kernel."""
    pids = [str(holder.main_pid(unit)) for unit in (DAEMON, GUARD, KEEPER, "front.service")]
    stall_first_process(holder)
    holder.drop_packets()
    holder.run("kill", "-KILL", *pids)


def _wake(holder):
    wake_first_process(holder)
    holder.heal_network()


@scene(registry="etcd")
def address_with_a_lifetime_is_gone_when_all_that_could_take_it_away_is_killed(cluster):
    _lose_addresses(cluster, _kill_all, _wake)


@scene(registry="etcd", only_at_length=True)
def address_with_a_lifetime_is_gone_when_each_stop_hangs(cluster):
    _lose_addresses(cluster, lambda holder: holder.drop_packets(), lambda holder: holder.heal_network(), HANGS)


@scene(registry="etcd")
def address_with_a_lifetime_comes_back_where_its_keeper_is_killed_and_moves_with_its_unit(cluster):
    front = Front(cluster)
    holder = front.holder
    for signal in ("KILL", "STOP"):  # one that stands still is killed by the kernel's timer
        before = holder.main_pid(KEEPER)
        holder.kill(KEEPER, signal)
        wait_for("it runs again", lambda: holder.main_pid(KEEPER) not in (0, before), 15, front.story)
        front.wait_on(holder)
    require("its unit was not disturbed", len(front.unit.tenures) == 1, front.story)
    holder.run("leasectl", "release", "front.service")
    heir = front.unit.wait_running(but=holder)
    front.wait_on(heir)
    front.require_never_on_two(holder, now())
    front.unit.require_gap(2.0)
    front.end()


ALONE = "leased-address@host0-10.77.0.202-32.service"


@scene
def address_that_an_instance_names_is_a_leased_unit_like_any_other(cluster):
    address = Outside(cluster, "10.77.0.202")
    alpha, beta = cluster
    said = alpha.run("leasectl", "check", ALONE).stdout
    of_the_machine = ("Registry=local", "RuntimeWatchdogSec=", "virtual machine")
    weak = [line for line in said.splitlines() if "weak: " in line and not any(word in line for word in of_the_machine)]
    require(f"nothing of the unit itself is weak: {weak}", not weak)
    for machine in cluster:
        machine.run("leasectl", "enable", ALONE)
    wait_for("alpha has it", lambda: address.has(alpha), 20, lambda: address.story() + cluster.journals(ALONE))
    lifetime = alpha.run("ip", "-oneline", "address", "show", "to", "10.77.0.202").stdout
    require(f"it has a lifetime: {lifetime}", "dynamic" in lifetime and "valid_lft forever" not in lifetime)
    alpha.run("leasectl", "release", ALONE)
    wait_for("beta has it", lambda: address.has(beta), 20, lambda: address.story() + cluster.journals(ALONE))
    require("two machines had it", address.overlap() == 0, address.story)
    for machine in cluster:
        machine.run("leasectl", "disable", ALONE)
    wait_for("nobody has it", lambda: not address.has(alpha) and not address.has(beta), 10, address.story)
    address.dismiss()
