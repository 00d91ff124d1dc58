# SPDX-License-Identifier: Apache-2.0
"""A registry that is configured wrongly, or is not what it should be, or holds what is not ours. Whoever reads the
journal or asks for the status must learn what is wrong, once; and no unit stops that need not."""

import base64
import json
import os
import re

import layer
from cluster import DAEMON
from faults import start_unit
from journal import Journal
from scene import scene
from waiting import now, require, wait_for

CONF = "/etc/leased/leased.conf.d/wrong.conf"
PASSWORD_FILE = "/etc/leased/password"
PROXY = "/usr/local/bin/fault-proxy"
CERTIFICATES = "/etc/wrong"
TLS_URL, EXPIRED_URL = "https://127.0.0.1:4379", "https://127.0.0.1:5379"
GATEWAY_OFF_URL, ANOTHER_URL = "http://127.0.0.1:3379", "http://127.0.0.1:6379"
WEB_URL, HUGE_URL = "http://127.0.0.1:8000", "http://127.0.0.1:8001"

# "other" is a good certificate, "expired" is not; "wrong" signed neither. Each is its own authority.
MAKE_CERTIFICATES = """\
set -e; mkdir -p {0}; cd {0}
for name in other wrong expired; do
        openssl req -new -newkey rsa:2048 -nodes -subj /CN=$name -keyout $name.key -out $name.csr
        # OpenSSL refuses days below 0 since 3.5: with 0 the certificate is over when the next second begins.
        case $name in expired) days=0 ;; *) days=1 ;; esac
        echo subjectAltName=IP:127.0.0.1 > extensions
        openssl x509 -req -in $name.csr -signkey $name.key -days $days -extfile extensions -out $name.crt
done
""".format(CERTIFICATES)


def _etcd(url, *options):
    """Beside the member of the machine, and of a cluster of its own."""
    peer = "http://127.0.0.1:" + url.rpartition(":")[2][0] + "380"
    return ("etcd", f"--data-dir=/var/lib/etcd-{url.rpartition(':')[2]}", f"--listen-client-urls={url}",
            f"--advertise-client-urls={url}", f"--listen-peer-urls={peer}", f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}", *options)


def _tls(name):
    return f"--cert-file={CERTIFICATES}/{name}.crt", f"--key-file={CERTIFICATES}/{name}.key"


# What stands beside the registry on the machine, by the names of units.
SERVERS = {
    "web": ("python3", "-m", "http.server", "8000", "--bind", "127.0.0.1"),
    "tls": _etcd(TLS_URL, *_tls("other")),
    "expired": _etcd(EXPIRED_URL, *_tls("expired")),
    "gateway-off": _etcd(GATEWAY_OFF_URL, "--enable-grpc-gateway=false"),
    "another": _etcd(ANOTHER_URL),
}


def _start_servers(machine):
    machine.run("sh", "-c", MAKE_CERTIFICATES)
    for name, command in SERVERS.items():
        machine.run("systemd-run", "--quiet", f"--unit={name}", *command)


def _stop_servers(machine):
    for name in SERVERS:
        machine.systemctl("stop", name, check=False)


def _require_named(cluster, machine, configuration, text):
    """A daemon that starts with that configuration lives, and says what is wrong, in the journal once, and in its
    status."""
    machine.write(CONF, f"[Leased]\n{configuration}\n")
    journal = Journal(machine)
    machine.systemctl("restart", DAEMON)
    cluster.wait_ready(machine)
    wait_for(f"leasectl status says: {text}", lambda: text in cluster.status(machine), 10,
             lambda: f"{configuration}\n{cluster.status(machine)}{journal.lines()}")
    journal.require_once(text, cluster.ttl)
    require("leased lives", machine.show(DAEMON, "NRestarts")["NRestarts"] == "0", cluster.journals)


def _require_refused(machine, start, *texts):
    """A start of the daemon, by that function, does not come to be: with nothing good to go on with it says once what is
    wrong, and is not started over and over."""
    journal = Journal(machine)
    start()
    wait_for("leased has given up", lambda: machine.state(DAEMON) == "failed", 20, lambda: machine.journal(40))
    journal.wait(*texts)
    journal.require_one(*texts)
    require("it was started once", machine.show(DAEMON, "NRestarts")["NRestarts"] == "0", lambda: machine.journal(40))


@scene(registry="etcd", ttl=2.0, machines=("alpha",), only_at_length=True)
def wrong_registry_is_named_once_and_the_right_one_found_again(cluster):
    machine = cluster["alpha"]
    unit = cluster.unit("wrong.service").enable()
    unit.wait_running()
    _start_servers(machine)
    began = now()
    try:
        for configuration, text in (
                ("Endpoints=http://127.0.0.1:9", "connect to 127.0.0.1"),
                ("Endpoints=http://10.77.0.99:2379", "10.77.0.99"),
                (f"CAFile={CERTIFICATES}/other.crt\nEndpoints=https://{machine.address}:2379", "does it want http?"),
                (f"Endpoints={TLS_URL.replace('https', 'http')}", "does it want https?"),
                (f"CAFile={CERTIFICATES}/wrong.crt\nEndpoints={TLS_URL}", "certificate"),
                (f"CAFile={CERTIFICATES}/expired.crt\nEndpoints={EXPIRED_URL}", "certificate has expired"),
                (f"Endpoints={WEB_URL}", "not as etcd does"),
                (f"Endpoints={GATEWAY_OFF_URL}", "gateway"),
                (f"Endpoints=http://{machine.address}:2379 {ANOTHER_URL}", "is of another etcd cluster")):
            _require_named(cluster, machine, configuration, text)
    finally:
        _stop_servers(machine)
        machine.remove(CONF)
        machine.systemctl("reset-failed", DAEMON, check=False)
        machine.systemctl("restart", DAEMON)
    cluster.wait_ready(machine)
    unit.wait_running(deadline=2 * cluster.takeover)
    first = unit.tenures[0]
    require(f"the unit lived on for {first.last - began:.3f} s, until its lease had run out",
            first.last - began >= cluster.stopped_after - cluster.ttl / 5 - 0.1, unit.story)


# What it takes to read 4 MB of it must fit into an attempt, on a busy machine, too.
@scene(registry="etcd", ttl=10.0, machines=("alpha",), only_at_length=True)
def answer_of_100_mb_is_named_once_and_cut_short(cluster):
    machine = cluster["alpha"]
    unit = cluster.unit("huge.service").enable()
    unit.wait_running()
    with open(os.path.join(os.path.dirname(__file__), "..", "registry", "fault-proxy.py")) as file:
        machine.write(PROXY, file.read(), 0o755)
    machine.run("systemd-run", "--quiet", "--unit=huge-server", "sh", "-c",
                f"(echo mode huge /v3/; tail -f /dev/null) | {PROXY} 8001 127.0.0.1:2379")
    began = now()
    try:
        _require_named(cluster, machine, f"Endpoints={HUGE_URL}", "the answer is too large")
        status = machine.run("cat", f"/proc/{machine.main_pid(DAEMON)}/status").stdout
        most = int(re.search(r"VmHWM:\s+(\d+) kB", status).group(1)) >> 10
        require(f"it kept no more than a part of them, but {most} MB", most < 128)  # 4 MB of each of a few that were under way
    finally:
        machine.systemctl("stop", "huge-server.service", check=False)
        machine.remove(CONF)
        machine.systemctl("restart", DAEMON)
    cluster.wait_ready(machine)
    unit.wait_running(deadline=2 * cluster.takeover)
    lived = unit.tenures[0].last - began
    require(f"the unit lived on for {lived:.3f} s", lived >= cluster.stopped_after - cluster.ttl / 5 - 0.1, unit.story)


def _etcdctl(machine, *arguments, user=""):
    machine.run("env", "ETCDCTL_API=3", "etcdctl", f"--endpoints=http://{machine.address}:2379",
                *([f"--user={user}"] if user else []), *arguments)


@scene(registry="etcd", machines=("alpha",), only_at_length=True)  # etcd takes its time over a password
def user_who_may_not_is_named_once(cluster):
    machine = cluster["alpha"]
    machine.write(PASSWORD_FILE, "wrong\n", 0o600)
    for command in ("user add root:rootpw", "user grant-role root root", "user add nobody:right", "user add leased:right",
                    "role add elsewhere", "role grant-permission elsewhere --prefix=true readwrite /else/",
                    "user grant-role nobody elsewhere", "auth enable"):
        _etcdctl(machine, *command.split())
    try:
        user = f"PasswordFile={PASSWORD_FILE}\nUser="
        _require_named(cluster, machine, "", "User=")
        _require_named(cluster, machine, user + "leased", "does not accept User=leased")
        machine.write(PASSWORD_FILE, "right\n", 0o600)
        _require_named(cluster, machine, user + "nobody", "permission")
        machine.write(PASSWORD_FILE, "right\n", 0o644)  # what was in force before needs it, too
        _require_refused(machine, lambda: machine.systemctl("restart", DAEMON, check=False), f"{CONF}:2",
                         PASSWORD_FILE, "chmod 0600")
    finally:
        _etcdctl(machine, "auth", "disable", user="root:rootpw")
        for command in ("user delete root", "user delete nobody", "user delete leased", "role delete elsewhere"):
            _etcdctl(machine, *command.split())
        machine.remove(CONF)
        machine.systemctl("reset-failed", DAEMON, check=False)
        machine.systemctl("restart", DAEMON)
    cluster.wait_ready(machine)
    wait_for("all is well again", lambda: "etcd, ok" in cluster.status(machine), 10, lambda: cluster.status(machine))


# Lines that cannot be, and what of them the complaint must name.
BAD_LINES = {
    "Endpoints=ftp://127.0.0.1": "ftp://127.0.0.1",
    f"Endpoints={TLS_URL}": "https needs CAFile=",
    f"User=leased\nPasswordFile={PASSWORD_FILE}": f"chmod 0600 {PASSWORD_FILE}",
    "TTL=0.5s": "TTL",
    "TTL=soon": "soon",
    "Registri=etcd": "Registri",
}


def _line_of(line):
    """Where the complaint is: the option that is wrong is the last one."""
    return f"{CONF}:{2 + line.count(chr(10))}: "


def _require_status_names(cluster, machine, line, text):
    status = cluster.status(machine)
    require(f"leasectl status names the line, but:\n{status}",
            any(_line_of(line) in each and text in each for each in status.splitlines()) and "etcd, ok" in status)


def _correct(cluster, machine):
    """The bad line goes, and with it what leasectl status said of it."""
    machine.remove(CONF)
    machine.run("leasectl", "reload")
    status = cluster.status(machine)
    require(f"leasectl status is content again, but:\n{status}", CONF not in status)


@scene(registry="etcd", only_at_length=True)
def reload_with_a_bad_line_changes_nothing(cluster):
    unit = cluster.unit("bad-line.service").enable()
    holder = unit.wait_running()
    before = unit.tenure
    holder.write(PASSWORD_FILE, "open\n", 0o644)
    for line, text in BAD_LINES.items():
        holder.write(CONF, f"[Leased]\n{line}\n")
        done = holder.run("leasectl", "reload", check=False)
        require(f"leasectl reload fails over {line}", done.returncode != 0, unit.story)
        require(f"it names file, line and value, but: {done.stdout}{done.stderr}",
                _line_of(line) in done.stdout + done.stderr and text in done.stdout + done.stderr, unit.story)
        _require_status_names(cluster, holder, line, text)
    _correct(cluster, holder)
    unit.hold_running(on=holder, duration=cluster.takeover)
    unit.require_undisturbed(before)


@scene(registry="etcd", only_at_length=True)
def restart_over_a_bad_line_goes_on_with_the_last_good_one(cluster):
    unit = cluster.unit("bad-restart.service").enable()
    holder = unit.wait_running()
    before = unit.tenure
    holder.write(PASSWORD_FILE, "open\n", 0o644)
    for line, text in BAD_LINES.items():
        holder.write(CONF, f"[Leased]\n{line}\n")
        journal = Journal(holder)
        holder.systemctl("restart", DAEMON)
        cluster.wait_ready(holder)
        wait_for("it beats", lambda: "etcd, ok" in cluster.status(holder), cluster.ttl, unit.story)
        journal.wait(_line_of(line), text)
        journal.require_one(_line_of(line), text)
        journal.require_one("going on with the configuration that was last in force")
        _require_status_names(cluster, holder, line, text)
    unit.hold_running(on=holder, duration=cluster.takeover)
    require("leased lives", holder.show(DAEMON, "NRestarts")["NRestarts"] == "0", cluster.journals)
    _correct(cluster, holder)
    unit.require_undisturbed(before)


@scene(registry="etcd", ttl=2.0, machines=("alpha",))
def boot_with_a_bad_line_starts_nothing_and_names_it(cluster):
    machine = cluster["alpha"]
    unit = cluster.unit("bad-boot.service").enable()
    unit.wait_running()
    machine.write(CONF, "[Leased]\nTTL=soon\n")

    def reboot():
        machine.shut_down()
        machine.boot()

    try:
        _require_refused(machine, reboot, f"{CONF}:2", "soon", "e.g. 10s")
        done = machine.systemctl("start", unit.name, check=False)
        require("the unit does not start by hand either", done.returncode != 0, unit.story)
        unit.require_tenures(1)
    finally:
        machine.remove(CONF)
    machine.systemctl("start", DAEMON)
    cluster.wait_ready(machine)
    unit.wait_running()
    unit.require_tenures(2)


# What stands under our prefix and is not ours, or is ours and damaged.
FOREIGN = {
    "/leased/": "at the very top", "/leased/readme": "not ours", "/leased/leases": "no folder",
    "/leased/leases/broken.service": "{", "/leased/leases/list.service": "[]", "/leased/leases/": "no name",
    "/leased/leases/a/b": "{}", "/leased/leases/binary.service": "\0\xff\xfe", "/leased/beats/nobody": "{}",
    "/leased/beats/0123456789abcdef-5000": "?", "/leased/fences/0123456789abcdef-5000": "?", "/leased/machines/x": "[]",
    "/leased/requests/broken.service": "17", "/leased/unknown/kind": "{}",
}


@scene(registry="etcd")
def foreign_and_damaged_records_disturb_no_unit(cluster):
    unit = cluster.unit("among-ruins.service").enable()
    holder = unit.wait_running()
    before = unit.tenure
    journals = {machine: Journal(machine) for machine in cluster}
    for key, value in FOREIGN.items():
        put = {"key": base64.b64encode(key.encode()).decode(), "value": base64.b64encode(value.encode("latin1")).decode()}
        require(f"etcd takes {key}", cluster.etcd.call(holder, "/v3/kv/put", put) is not None)
    for machine, journal in journals.items():
        journal.require_once("the record of lease broken.service", cluster.takeover / 3)
        require("the state is not trouble", "etcd, ok" in cluster.status(machine), lambda each=machine: cluster.status(each))
    unit.hold_running(on=holder, duration=1)
    unit.require_undisturbed(before)
    listed = json.loads(holder.run("leasectl", "list", "--json=short").stdout)
    require(f"leasectl list lives with it: {listed}", any(each.get("name", each.get("lease")) == unit.name for each in listed))
    holder.run("leasectl", "release", unit.name)
    unit.wait_running(but=holder)
    for key in FOREIGN:
        cluster.etcd.call(holder, "/v3/kv/deleterange", {"key": base64.b64encode(key.encode()).decode()})


POLKIT_POLICY = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><policy user="root"><allow own="org.freedesktop.PolicyKit1"/></policy>
<policy context="default"><allow send_destination="org.freedesktop.PolicyKit1"/></policy></busconfig>
"""


@scene
def flood_of_callers_while_polkit_hangs_holds_no_release_up(cluster):
    unit, holder = start_unit(cluster, "flooded.service")
    holder.write("/etc/dbus-1/system.d/polkit-stub.conf", POLKIT_POLICY)
    holder.write("/run/systemd/system/polkit-stub.service", f"[Service]\nType=dbus\nBusName=org.freedesktop.PolicyKit1\n"
                 f"ExecStart={layer.POLKIT} hang\n")
    holder.write("/run/systemd/system/call-flood.service", "[Service]\nUser=65534\n"
                 f"ExecStart=/bin/sh -c 'for i in 1 2 3 4; do {layer.FLOOD} 100 & done; wait'\n")
    holder.systemctl("daemon-reload")
    holder.systemctl("reload", "dbus.service")
    holder.systemctl("start", "polkit-stub.service")
    holder.systemctl("start", "call-flood.service")
    wait_for("polkit is asked", lambda: "AcquireLease" in holder.run("journalctl", "-o", "cat", "-u", "polkit-stub.service").stdout,
             10, unit.story)
    holder.run("leasectl", "release", unit.name)
    unit.wait_running(but=holder)
    unit.require_gap(2.0)
    holder.systemctl("stop", "call-flood.service", "polkit-stub.service")
