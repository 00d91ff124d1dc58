# SPDX-License-Identifier: Apache-2.0
"""Machines that go off."""

import json
import os

from cluster import DAEMON
from machines import EVENTS
from scene import scene
from waiting import hold_for, require, wait_for


@scene
def power_cut_of_the_holder_moves_the_unit(cluster):
    unit = cluster.unit("power.service").enable()
    holder = unit.wait_running()
    holder.power_cut()
    unit.wait_running(on=cluster.other(holder), deadline=cluster.takeover + 5)
    unit.require_gap(cluster.takeover)


@scene(ttl=30.0, only_at_length=True)
def power_cut_that_somebody_confirms_moves_the_unit_without_the_ttl(cluster):
    unit = cluster.unit("confirmed.service").enable()
    holder = unit.wait_running(deadline=2 * cluster.ttl)  # a machine that remembers nothing waits one TTL first
    other = cluster.other(holder)
    refused = other.run("leasectl", "confirm-dead", holder.name, check=False)
    require(f"a machine that beats is not off: {refused.stderr}",
            refused.returncode == 1 and "is not off" in refused.stderr, unit.story)
    holder.power_cut()
    soon = 3 * cluster.ttl / 5 + 5  # two rounds without a beat, of which it may have sent the last just now
    wait_for("it is silent, and confirmed dead",
             lambda: other.run("leasectl", "confirm-dead", holder.name, check=False).returncode == 0, soon, unit.story)
    unit.wait_running(on=other)
    unit.require_gap(soon + 5)
    history = other.run("leasectl", "history", unit.name).stdout
    require(f"history says why: {history}", "confirmed dead" in history)
    holder.boot()
    cluster.wait_ready(holder)
    unit.hold_running(on=other, duration=2)


@scene(only_at_length=True)  # boot_with_the_unit_enabled_in_systemd_... asks more
def machine_that_comes_back_does_not_start_the_unit(cluster):
    unit = cluster.unit("returned.service").enable()
    first = unit.wait_running()
    first.power_cut()
    second = unit.wait_running(on=cluster.other(first), deadline=cluster.takeover + 5)
    first.boot()
    cluster.wait_ready(first)
    unit.hold_running(on=second, duration=2 * cluster.ttl / 5)
    require("its unit is not active there", first.state(unit.name) == "inactive", unit.story)


@scene(registry="etcd", ttl=2.0, only_at_length=True)
def others_wait_for_a_holder_that_reboots_and_not_for_one_that_is_switched_off(cluster):
    unit = cluster.unit("kept.service")
    unit.options("OnShutdown=keep")
    unit.enable()
    holder = unit.wait_running()
    other = cluster.other(holder)
    for verb in ("reboot", "start --no-block kexec.target"):
        holder.shut_down(verb=verb)
        wait_for("leasectl says for whom they wait",
                 lambda: "which reboots" in other.run("leasectl", "status", unit.name, check=False).stdout, 10, unit.story)
        unit.wait_gone(deadline=cluster.ttl)
        hold_for("nobody takes it", lambda: unit.running_on is None, 2 * cluster.ttl, unit.story)
        holder.boot()
        unit.wait_running(on=holder, deadline=30)
    unit.require_tenures(3)
    holder.shut_down()
    unit.wait_running(but=holder, deadline=10)
    unit.require_gap(2.0)


@scene(registry="etcd", ttl=5.0, only_at_length=True)
def unit_goes_back_where_it_was_after_a_drain_until_a_reboot(cluster):
    unit = cluster.unit("returning.service")
    unit.options("Failback=yes\nFailbackSec=2s")
    unit.enable()
    holder = unit.wait_running()
    holder.run("leasectl", "drain", "--until-reboot")
    unit.wait_running(but=holder)
    holder.shut_down(verb="reboot")
    holder.boot()
    cluster.wait_ready(holder)
    wait_for(f"{holder} drains no more", lambda: not cluster.property(holder, "Draining"), 3 * cluster.ttl,
             lambda: cluster.status(holder) + cluster.journals())
    unit.wait_running(on=holder, deadline=60)
    history = holder.run("leasectl", "history", unit.name).stdout
    require(f"history says why: {history}", "drain" in history and "failback" in history, unit.story)
    unit.hold_running(on=holder, duration=2 * cluster.ttl)
    unit.require_tenures(3)
    unit.require_gap(2.0)


@scene
def orderly_poweroff_of_the_holder_hands_the_unit_over(cluster):
    unit = cluster.unit("poweroff.service").enable()
    holder = unit.wait_running()
    holder.shut_down()
    unit.wait_running(on=cluster.other(holder))
    unit.require_gap(2.0)


SOFT_REBOOT = "/usr/lib/systemd/system/soft-reboot.target"  # systemd 254 and later have it


@scene(registry="etcd", needs=(SOFT_REBOOT,))
def soft_reboot_of_the_holder_hands_the_unit_over(cluster):
    """PID 1 begins anew, and so does all that it runs, but /run stays with what was in it, and the kernel's boot id, too. It unmounts
    /shared, so no unit can stamp there any more."""
    unit = cluster.unit("soft-reboot.service").enable()
    holder = unit.wait_running()
    holder.systemctl("soft-reboot", check=False)
    heir = unit.wait_running(but=holder)
    unit.require_gap(2.0)
    wait_for(f"PID 1 of {holder} began anew", lambda: not holder.exists(f"/shared/{os.path.basename(EVENTS)}"), 20, unit.story)
    holder.wait_booted()
    cluster.wait_ready(holder)
    cluster.etcd.wait_healthy(holder)
    wait_for(f"{holder} takes leases", lambda: cluster.competes(holder), cluster.takeover + 10, unit.story)
    unit.hold_running(on=heir, duration=cluster.ttl)
    require("its unit is not active there", holder.state(unit.name) == "inactive", unit.story)
    unit.require_tenures(2)
    holder.power_cut()


@scene(registry="etcd", ttl=2.0, needs=(SOFT_REBOOT,), only_at_length=True)
def others_wait_for_a_holder_that_begins_anew_without_its_kernel(cluster):
    """Its unit stamps nothing, since /shared is not there after that."""
    unit = cluster.unit("begins-anew.service", command="/bin/sh -c 'exec sleep infinity' %s")
    unit.options("OnShutdown=keep")
    unit.enable()
    holder = wait_for("it runs", lambda: next((each for each in cluster if each.state(unit.name) == "active"), None), 20)
    before = holder.main_pid(unit.name)
    others = [each for each in cluster if each is not holder]
    holder.systemctl("soft-reboot", check=False)
    wait_for("leasectl says for whom they wait",
             lambda: "which reboots" in others[0].run("leasectl", "status", unit.name, check=False).stdout, 10, cluster.journals)
    hold_for("nobody else takes it", lambda: all(each.state(unit.name) == "inactive" for each in others), 2 * cluster.ttl,
             cluster.journals)
    wait_for(f"PID 1 of {holder} began anew", lambda: not holder.exists(f"/shared/{os.path.basename(EVENTS)}"), 20)
    holder.wait_booted()
    wait_for("it runs there again", lambda: holder.main_pid(unit.name) not in (0, before), 30, cluster.journals)
    require("and nowhere else", all(each.state(unit.name) == "inactive" for each in others), cluster.journals)
    holder.power_cut()


@scene
def power_cut_of_both_leaves_one_holder_after_boot(cluster):
    unit = cluster.unit("blackout.service").enable()
    unit.wait_running()
    for machine in cluster:
        machine.power_cut()
    for machine in cluster:
        machine.boot(wait=False)
    for machine in cluster:
        machine.wait_booted()
    holder = unit.wait_running(deadline=2 * cluster.takeover + 5)
    unit.hold_running(on=holder, duration=cluster.ttl / 5)


# The registry on the machine itself, under a name that leased cannot know

KV_CONF = "/etc/leased/leased.conf.d/kv.conf"
KV_WANTED = "/etc/systemd/system/multi-user.target.wants/kv.service"
KV_ORDER = "/etc/systemd/system/leased.service.d/registry.conf"
KV = """\
[Service]
Type=notify
ExecStart=/usr/bin/etcd --data-dir=/var/lib/kv --listen-client-urls=http://127.0.0.1:7379 \\
        --advertise-client-urls=http://127.0.0.1:7379 --listen-peer-urls=http://127.0.0.1:7380 \\
        --initial-advertise-peer-urls=http://127.0.0.1:7380 --initial-cluster=default=http://127.0.0.1:7380
"""


def _change_registry(cluster, machine):
    machine.systemctl("stop", DAEMON)
    machine.run("rm", "-r", "/var/lib/leased")
    machine.systemctl("start", DAEMON)
    cluster.wait_ready(machine)


@scene(machines=("alpha",), only_at_length=True)
def registry_under_any_name_stops_after_the_leases_have_been_given_back(cluster):
    machine = cluster["alpha"]
    machine.write("/etc/systemd/system/kv.service", KV)
    machine.link(KV_WANTED, "../kv.service")
    machine.systemctl("daemon-reload")
    machine.systemctl("start", "kv.service")
    machine.write(KV_CONF, "[Leased]\nRegistry=etcd\nEndpoints=http://localhost:7379\n")
    try:
        _change_registry(cluster, machine)
        unit = cluster.unit("kept.service", "--stop=1").enable()
        unit.wait_running()
        order = machine.show(DAEMON, "After")["After"].split()
        require(f"leased comes after it: {order}", "kv.service" in order and machine.exists(KV_ORDER), unit.story)
        machine.shut_down()
        machine.boot()
        cluster.wait_ready(machine)
        history = json.loads(machine.run("leasectl", "history", "--json=short", unit.name).stdout)
        require(f"the lease was given back: {history}", history[0]["why"] == "shutdown", unit.story)
        unit.disable()
    finally:
        for path in (KV_CONF, KV_WANTED, KV_ORDER):
            if machine.exists(path):
                machine.remove(path)
        machine.systemctl("daemon-reload")
        _change_registry(cluster, machine)
        machine.systemctl("stop", "kv.service")
