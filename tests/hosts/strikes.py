# SPDX-License-Identifier: Apache-2.0
"""What tests/soak does to machines, and how it ends."""

import base64

import harm
from cluster import DAEMON, GUARD
from etcd import SERVICE as ETCD
from faults import stall_first_process, wait_until, wake_first_process
from ticks import wall_clock
from waiting import Failure, Timeout, now

# What a unit of the soak needs, and what cannot be beside it.
NEED, RIVAL = "need.service", "rival.service"
# While these are there, the Check= of a unit of the soak fails, and hangs.
SICK, HANGS = "/run/sick", "/run/hangs"
LATER = "later"  # what ends a fault returns so if the machine is not well yet
GARBAGE = "{\"counter\": no number, \0\x7f"


def _processes(machine, names):
    """Their numbers, without PID 1's help, which may itself be ill."""
    found = machine.run("pidof", *names.split(), check=False).stdout.split()
    return [each for each in found if each.isdigit()]


def _signal(names, signal):
    def send(soak, machine, _token=None):
        numbers = _processes(machine, names)
        if numbers:
            machine.run("kill", f"-{signal}", *numbers, check=False)
        return numbers

    return send


def _continue(soak, machine, numbers):
    if numbers:
        machine.run("kill", "-CONT", *numbers, check=False)


def _command(*command):
    def run(soak, machine):
        return machine.start(*command)

    return run


def _is_over(soak, machine, command):
    if command is None:
        return
    try:
        command.wait(60)
    except Exception:
        command.kill()
        raise Failure(f"{machine}: {' '.join(command.args)}: no end after 60 s\n{machine.journal(40)}") from None


def boot(soak, machine, _token):
    """Not to its end: its etcd may wait for members that are still ill, and get well only when we go on."""
    machine.boot(wait=False)
    machine.wait_up()


def _etcd_back(soak, machine, _token):
    machine.systemctl("start", "--no-block", ETCD, check=False)


def _verb(verb):
    def say(soak, machine):
        return machine.start("leasectl", verb, soak.any_unit())

    return say


def _crash(soak, machine):
    """Whatever runs here."""
    for unit in soak.cluster.units:
        machine.run("systemctl", "kill", "--signal=KILL", unit.name, check=False)


def _cut(**how):
    return lambda soak, machine: machine.drop_packets(**how)


def _heal(soak, machine, _token):
    machine.heal_network()


def _stall(soak, machine):
    stall_first_process(machine)


def _wake(soak, machine, _token):
    wake_first_process(machine)


def _reboot(soak, machine):
    machine.begin_shutdown()


def _off_and_on(soak, machine, _token):
    """An etcd that is cut off can take its 90 s to end: somebody loses patience and pulls the plug."""
    try:
        machine.wait_off(20)
    except Timeout:
        machine.power_cut()
    boot(soak, machine, None)


def _undrain(soak, machine, command):
    """Neither is waited for: they may wait for a registry that gets well only when we go on."""
    command.kill()
    command.wait()
    machine.start("leasectl", "undrain", "--no-wait")


def _transfer(soak, machine):
    return machine.start("leasectl", "transfer", soak.any_unit(), soak.chance.choice([each for each in soak.cluster if each is not machine]).name)


def _give_up(soak, machine, command):
    if command is not None:
        command.kill()
        command.wait()


def _resume(soak, machine, command):
    """Not waited for, as the pause was not; the end of the soak makes sure of it."""
    _give_up(soak, machine, command)
    machine.start("leasectl", "resume")


def _confirm_and_boot(soak, machine, _token):
    """Refused if the machine has beaten a moment ago, or if nobody else reaches the registry."""
    for other in soak.cluster:
        if other is not machine and other not in soak.ill:
            other.start("leasectl", "confirm-dead", machine.name)
            break
    boot(soak, machine, None)


def _reboot_drained(soak, machine, command):
    _give_up(soak, machine, command)
    _reboot(soak, machine)
    _off_and_on(soak, machine, None)


def _in_vain(act):
    """A machine may be too ill for what is done to it, or for its cure: it is being switched off, say. Then so be it."""
    def attempt(soak, machine, *token):
        try:
            return act(soak, machine, *token)
        except Failure as error:
            soak.note(machine, f"in vain: {str(error).splitlines()[0]}")

    return attempt


def _guard_is_back(soak, machine, command):
    """Nothing else happens before that: without a guard whose helper was killed, too, only the daemon keeps a unit from running on."""
    _give_up(soak, machine, command)
    return None if machine.systemctl("is-active", "--quiet", GUARD, check=False).returncode == 0 else LATER


def _harm(act, *arguments):
    return _in_vain(lambda soak, machine, _token=None: act(machine, *arguments))


def _hide(act, *arguments):
    """What takes from /run/leased what a unit needs, or brings back what may be of an earlier tenure. The soak learns when."""
    def attempt(soak, machine, _token=None):
        began = wall_clock()
        soak.hidden.append((machine.name, began, act(machine, *arguments)))

    return _in_vain(attempt)


def _script(text):
    return _command("sh", "-c", text)


def _unit_command(verb):
    """A verb of systemctl for some service of the soak, and another one for the same."""
    def run(soak, machine, unit=None):
        unit = unit or soak.any_service()
        machine.start("systemctl", verb, unit)
        return unit

    return run


def _touch(path):
    return _harm(lambda machine: machine.write(path, "")), _harm(lambda machine: machine.remove(path))


def _start_need(soak, machine, command):
    _give_up(soak, machine, command)
    machine.start("systemctl", "start", NEED)


def _stop_rival(soak, machine, command):
    _give_up(soak, machine, command)
    machine.start("systemctl", "stop", RIVAL)


def _kill_group(soak, machine):
    harm.kill_by_control_group(machine, GUARD)


def _foreign(soak, machine):
    harm.install_foreign_guard(machine)


REEXECUTIONS = "for i in $(seq 10); do systemctl daemon-reexec; done"
UPGRADE = f"systemctl daemon-reload; systemctl restart {DAEMON}; systemctl reload {GUARD}"
SLEEP = f"until grep -q inhibited {harm.LOGIND_NOTES}; do sleep 0.1; done; systemctl kill --signal=USR1 {harm.LOGIND}"


def _upgrade(soak, machine):
    for name in ("leased", "leased-guard"):
        harm.reinstall(machine, f"/usr/lib/leased/{name}")
    return machine.start("sh", "-c", UPGRADE)


def _reload_slowly(soak, machine):
    harm.slow_reloads(machine)
    return machine.start("systemctl", "daemon-reload")


def _reload_fast(soak, machine, command):
    """Nothing else happens before PID 1 answers: where the guard stands still as well, nobody ends a unit in time (docs/safety.md)."""
    _give_up(soak, machine, command)
    machine.remove(harm.GENERATOR)
    answer = machine.run("busctl", "--timeout=1", "get-property", "org.freedesktop.systemd1", "/org/freedesktop/systemd1",
                         "org.freedesktop.systemd1.Manager", "Version", check=False)
    return None if answer.returncode == 0 else LATER


def _stall_bus(soak, machine):
    process = machine.bus_process
    machine.run("kill", "-STOP", process)
    return [process]


def _fall_asleep(soak, machine):
    harm.start_logind(machine)
    return machine.start("sh", "-c", SLEEP)


def _awake(soak, machine, command):
    _give_up(soak, machine, command)
    machine.systemctl("kill", "--signal=USR2", harm.LOGIND, check=False)
    machine.systemctl("stop", harm.LOGIND, check=False)


# ---- the registry ----


def _base64(text):
    return base64.b64encode(text.encode()).decode()


def _range(prefix):
    return {"key": _base64(prefix), "range_end": _base64(prefix[:-1] + chr(ord(prefix[-1]) + 1))}


def _spoil_lease(soak, machine):
    """Its holder writes it again, if it is heard. A timer's may then have a second run, which is said (docs/laws.md)."""
    soak.cluster.etcd.call(machine, "/v3/kv/put", {"key": _base64(f"/leased/leases/{soak.any_service()}"), "value": _base64(GARBAGE)})


def _delete_fences(soak, machine):
    """Not in a pause, in which a fence is all that says that a machine keeps its units (docs/laws.md)."""
    etcd = soak.cluster.etcd
    answers = [etcd.call(machine, "/v3/kv/range", _range(prefix)) for prefix in ("/leased/pause", "/leased/fences/")]
    texts = [base64.b64decode(record["value"]) for answer in answers for record in (answer or {}).get("kvs", [])]
    if None in answers or any(b'"keeps"' in text or b'"stage"' in text for text in texts):
        soak.note(machine, "in vain: there is a pause, or no registry")
        return
    etcd.call(machine, "/v3/kv/deleterange", _range("/leased/fences/"))


def _replace_member(soak, machine):
    soak.cluster.etcd.wait_healthy()
    soak.cluster.etcd.replace(machine)


def _fill_store(soak, machine):
    etcd = soak.cluster.etcd
    etcd.wait_healthy()
    etcd.set_no_space(True)
    wait_until(now() + soak.chance.uniform(0.2, 10))
    etcd.set_no_space(False)


# name: (weight, the longest it lasts, how it begins, how it ends)
FAULTS = {
    "power cut": (3, 10.0, lambda soak, machine: machine.power_cut(), boot),
    "orderly reboot": (1, 5.0, _reboot, _off_and_on),
    "daemon killed": (3, 0, _signal("leased", "KILL"), None),
    "daemon stands still": (3, 12.0, _signal("leased", "STOP"), _continue),
    "daemon restarted": (2, 2.0, _command("systemctl", "restart", DAEMON), _is_over),
    "guard killed": (2, 0, _signal("leased-guard", "KILL"), None),
    "guard stands still": (2, 8.0, _signal("leased-guard", "STOP"), _continue),
    "network cut": (3, 15.0, _cut(), _heal),
    "hears nothing": (2, 15.0, _cut(outgoing=False), _heal),
    "is not heard": (2, 15.0, _cut(incoming=False), _heal),
    "etcd killed": (2, 8.0, _signal("etcd", "KILL"), _etcd_back),
    "etcd stands still": (2, 8.0, _signal("etcd", "STOP"), _continue),
    "PID 1 stands still": (2, 8.0, _stall, _wake),
    "PID 1 reloads": (1, 1.0, _command("systemctl", "daemon-reload"), _is_over),
    "PID 1 executes itself anew": (1, 1.0, _command("systemctl", "daemon-reexec"), _is_over),
    "bus restarted": (1, 1.0, _command("systemctl", "restart", "dbus.service"), _is_over),
    "a unit crashes": (2, 0, _crash, None),
    "release": (2, 5.0, _verb("release"), _give_up),
    "transfer": (1, 5.0, _transfer, _give_up),
    "steal": (1, 5.0, _verb("steal"), _give_up),
    "drain": (1, 10.0, _command("leasectl", "drain"), _undrain),
    "drain until its reboot": (1, 8.0, _command("leasectl", "drain", "--until-reboot"), _reboot_drained),
    "guard handed over": (1, 1.0, _command("systemctl", "reload", GUARD), _give_up),
    "a unit is submitted anew": (1, 5.0, lambda soak, machine: soak.submitted.submit(machine), _give_up),
    "cluster paused": (1, 15.0, _command("leasectl", "pause"), _resume),
    "power cut that is confirmed": (1, 10.0, lambda soak, machine: machine.power_cut(), _confirm_and_boot),
    "reboot for which others wait": (1, 5.0, lambda soak, machine: machine.begin_shutdown("reboot"), _off_and_on),
    "daemon and guard killed": (1, 0, _signal("leased leased-guard", "KILL"), None),
    "daemon and guard stand still": (1, 8.0, _signal("leased leased-guard", "STOP"), _continue),
    "guard killed by its control group": (1, 0, _in_vain(_kill_group), None),
    "guard killed with its helper, again and again": (1, 3.0, _script(harm.KILL_ALL_OF_GUARD), _in_vain(_guard_is_back)),
    "guard of another protocol": (1, 5.0, _in_vain(_foreign), _harm(harm.remove_foreign_guard)),
    "guard's files locked by a user": (1, 8.0, _harm(harm.lock_files), _harm(harm.unlock_files)),
    "daemon and guard upgraded": (1, 5.0, _in_vain(_upgrade), _in_vain(_is_over)),
    "/run/leased emptied": (1, 0, _hide(harm.remove_all_of_run), None),
    "/run/leased hidden by a mount": (1, 8.0, _hide(harm.mount_over_run, "mode=0755"), _hide(harm.umount_run)),
    "/run/leased made unwritable": (1, 8.0, _hide(harm.mount_over_run, "ro"), _hide(harm.umount_run)),
    "/run full": (1, 8.0, _harm(harm.fill_run), _harm(harm.empty_run)),
    "PID 1 reloads for 8 s": (1, 8.0, _in_vain(_reload_slowly), _in_vain(_reload_fast)),
    "PID 1 executes itself anew ten times": (1, 5.0, _script(REEXECUTIONS), _give_up),
    "PID 1 isolates its target": (1, 1.0, _command("systemctl", "isolate", "multi-user.target"), _give_up),
    "PID 1 loses the bus": (1, 0, _harm(harm.take_bus_from_pid1), None),
    "bus stands still": (1, 8.0, _in_vain(_stall_bus), _continue),
    "journald stands still and takes nothing": (1, 8.0, _harm(harm.stall_journal), _harm(harm.wake_journal)),
    "about to sleep": (1, 8.0, _in_vain(_fall_asleep), _in_vain(_awake)),
    "a unit is started by hand": (2, 0, _unit_command("start"), None),
    "a unit is stopped by hand": (1, 6.0, _unit_command("stop"), _unit_command("start")),
    "restart": (1, 5.0, _verb("restart"), _give_up),
    "rebalance": (1, 5.0, _command("leasectl", "rebalance"), _give_up),
    "a unit is frozen by hand": (1, 8.0, _unit_command("freeze"), _unit_command("thaw")),
    "a unit's check fails": (1, 8.0, *_touch(SICK)),
    "a unit's check hangs": (1, 8.0, *_touch(HANGS)),
    "what a unit needs crashes": (1, 0, _command("systemctl", "kill", "--signal=KILL", NEED), None),
    "what a unit needs is stopped": (1, 8.0, _command("systemctl", "stop", NEED), _start_need),
    "what a unit conflicts with is started": (1, 8.0, _command("systemctl", "start", RIVAL), _stop_rival),
    "leasectl of a command killed": (1, 0, _signal("leasectl", "KILL"), None),
    "leasectl of a command stands still": (1, 12.0, _signal("leasectl", "STOP"), _continue),
    "the record of a lease is damaged": (1, 0, _spoil_lease, None),
    "all fences are deleted": (1, 0, _delete_fences, None),
    "a member of etcd is replaced": (1, 0, _replace_member, None),
    "etcd's store is full": (1, 0, _fill_store, None),
}
# A machine that has one of these may be cut off besides, for as long.
CUT_OFF_TOO = [name for name, (_, longest, _, end) in FAULTS.items() if longest and end not in (_heal, boot, _off_and_on, _confirm_and_boot,
                                                                                                _reboot_drained)]
ALONE = ("a member of etcd is replaced", "etcd's store is full")  # only while all machines are well
