# SPDX-License-Identifier: Apache-2.0
"""An etcd that is asked with certificates and a password: what of them is renewed while a unit runs, and that none of them is
ever told."""

import json
import re

from cluster import DAEMON
from journal import Journal
from scene import scene
from waiting import now, require, wait_for

HOME = "/etc/secure"
URL = "https://127.0.0.1:7379"
SERVICE = "secure-etcd.service"
CONF = "/etc/leased/leased.conf.d/secure.conf"
PASSWORD, NEXT_PASSWORD = "tell-nobody-1f7c", "nor-this-one-93ab"
SECRETS = re.compile(rf"{PASSWORD}|{NEXT_PASSWORD}|Authorization|\b[A-Za-z]{{16}}\.[0-9]+\b|BEGIN [A-Z ]*PRIVATE KEY")

# An authority, and what it signed: one for the server, one that has expired, and one for leased, which must bear no name while
# etcd has users.
MAKE_CERTIFICATES = """\
set -e; umask 077; mkdir -p {home}/$0; cd {home}/$0
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=$0 -keyout ca.key -out ca.crt
echo subjectAltName=IP:127.0.0.1 > extensions
sign() {{
        openssl req -new -newkey rsa:2048 -nodes -subj $2 -keyout $1.key -out $1.csr
        openssl x509 -req -in $1.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days $3 -extfile extensions -out $1.crt
}}
sign server /CN=etcd 2; sign expired /CN=etcd -1; sign client / 2
"""

ETCD = """\
[Service]
Type=notify
ExecStart=/usr/bin/etcd --data-dir=/var/lib/secure-etcd --listen-client-urls={url} --advertise-client-urls={url} \\
        --listen-peer-urls=http://127.0.0.1:7380 --initial-advertise-peer-urls=http://127.0.0.1:7380 \\
        --initial-cluster=default=http://127.0.0.1:7380 --client-cert-auth --trusted-ca-file={home}/ca.crt \\
        --cert-file={home}/server.crt --key-file={home}/server.key
"""

CONFIGURATION = """\
[Leased]
Endpoints={url}
CAFile={home}/ca.crt
CertFile={home}/client.crt
KeyFile={home}/client.key
User=leased
PasswordFile={home}/password
"""


def _install(machine, authority, server="server"):
    """Other files under the same names, as a renewal does."""
    for source, target in (("ca", "ca"), (server, "server"), ("client", "client")):
        for suffix in ("crt", "key"):
            machine.run("sh", "-c", f"umask 077; cp {HOME}/{authority}/{source}.{suffix} {HOME}/next && "
                                    f"mv {HOME}/next {HOME}/{target}.{suffix}")


def _etcdctl(machine, *arguments, user="root:rootpw"):
    machine.run("env", "ETCDCTL_API=3", "etcdctl", f"--endpoints={URL}", f"--cacert={HOME}/ca.crt", f"--cert={HOME}/client.crt",
                f"--key={HOME}/client.key", *([f"--user={user}"] if user else []), *arguments)


def _set_up(machine):
    for authority in ("first", "second"):
        machine.run("sh", "-c", MAKE_CERTIFICATES.format(home=HOME), authority)
    _install(machine, "first")
    machine.write(f"/etc/systemd/system/{SERVICE}", ETCD.format(url=URL, home=HOME))
    machine.write(f"/etc/systemd/system/{DAEMON}.d/debug.conf", "[Service]\nEnvironment=LEASED_LOG_LEVEL=debug\n")
    machine.systemctl("daemon-reload")
    machine.systemctl("start", SERVICE)
    for command in ("user add root:rootpw", "user grant-role root root", f"user add leased:{PASSWORD}", "role add leased",
                    "role grant-permission leased --prefix=true readwrite /leased/", "user grant-role leased leased", "auth enable"):
        _etcdctl(machine, *command.split(), user="")
    machine.write(f"{HOME}/password", PASSWORD + "\n", 0o600)
    machine.write(CONF, CONFIGURATION.format(url=URL, home=HOME))


def _change_registry(cluster, machine):
    """Both are kept apart by a machine that forgets the one when it goes to the other."""
    machine.systemctl("stop", DAEMON)
    machine.run("rm", "-r", "/var/lib/leased")
    machine.systemctl("start", DAEMON)
    cluster.wait_ready(machine)


def _wait_ok(cluster, machine, deadline=20):
    wait_for("the registry is well", lambda: "etcd, ok" in cluster.status(machine), deadline,
             lambda: cluster.status(machine) + machine.journal(60))


def _require_no_secrets(machine):
    """In what any process was started with, in all that leased has logged, in what it keeps, and on the bus."""
    places = {
        "arguments and environments": ("sh", "-c", "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ | tr '\\0' '\\n'"),
        "the journal": ("journalctl", "--output=json", "--all", f"--unit={DAEMON}", "--unit=leased-guard.service"),
        "files": ("sh", "-c", "find /run/leased /var/lib/leased -type f -exec cat {} +"),
        "the bus": ("busctl", "--json=short", "call", "org.leased1", "/org/leased1", "org.freedesktop.DBus.ObjectManager",
                    "GetManagedObjects"),
        "properties": ("busctl", "--json=short", "call", "org.leased1", "/org/leased1", "org.freedesktop.DBus.Properties",
                       "GetAll", "s", "org.leased1.Manager"),
        "leasectl registry": ("leasectl", "registry"),
    }
    for place, command in places.items():
        text = machine.run(*command, check=False).stdout
        require(f"there is something to look at in {place}", len(text) > 50)
        found = SECRETS.search(text)
        require(f"no secret in {place}: {found and text[max(0, found.start() - 100):found.end() + 100]}", not found)


def _renew(cluster, unit, machine):
    """Everything is another's, and etcd starts anew: connections and tokens are lost, the unit notices nothing."""
    before, daemon = unit.tenure, machine.main_pid(DAEMON)
    _install(machine, "second")
    machine.systemctl("restart", SERVICE)
    _wait_ok(cluster, machine)
    machine.write(f"{HOME}/password", NEXT_PASSWORD + "\n", 0o600)
    machine.run("sh", "-c", f"printf '%s\\n%s\\n' {NEXT_PASSWORD} {NEXT_PASSWORD} | ETCDCTL_API=3 etcdctl --endpoints={URL} "
                            f"--cacert={HOME}/ca.crt --cert={HOME}/client.crt --key={HOME}/client.key --user=root:rootpw "
                            "user passwd leased --interactive=false")
    unit.hold_running(on=machine, duration=cluster.ttl)
    _wait_ok(cluster, machine)
    unit.require_undisturbed(before)
    require("leased was not restarted", machine.main_pid(DAEMON) == daemon, unit.story)


def _expire(cluster, unit, machine):
    """Nobody renewed it in time."""
    journal = Journal(machine)
    _install(machine, "second", server="expired")
    began = now()
    machine.systemctl("restart", SERVICE, check=False, deadline=60)
    wait_for("leasectl status says why", lambda: "certificate has expired" in cluster.status(machine), cluster.ttl,
             lambda: cluster.status(machine) + unit.story())
    unit.wait_gone(deadline=cluster.ttl + 5)
    lived = unit.tenure.last - began
    require(f"it lived on for {lived:.3f} s", lived >= cluster.stopped_after - cluster.ttl / 5 - 0.1, unit.story)
    silent = now()
    _install(machine, "second")
    unit.wait_running(deadline=2 * cluster.takeover)
    journal.wait("the registry answers again after")
    journal.require_one("the registry does not answer")
    journal.require_one("the registry answers again after")
    told = float(re.search(r"answers again after ([0-9.]+)s", "\n".join(journal.lines())).group(1))
    require(f"after {told:.1f} s, it says", silent - began - 1 < told < now() - began + cluster.ttl / 5, unit.story)


@scene(registry="etcd", ttl=10.0, machines=("alpha",), only_at_length=True)  # etcd takes its time over handshakes and passwords
def certificates_and_a_password_are_renewed_under_a_running_unit_and_told_to_nobody(cluster):
    machine = cluster["alpha"]
    _set_up(machine)
    try:
        _change_registry(cluster, machine)
        unit = cluster.unit("secure.service").enable()
        unit.wait_running()
        _wait_ok(cluster, machine)
        status = json.loads(machine.run("leasectl", "registry", "--json=short").stdout)
        require(f"it goes by that etcd: {status}", status["endpoint"] == URL and status["version"])
        _renew(cluster, unit, machine)
        _expire(cluster, unit, machine)
        _require_no_secrets(machine)
        unit.disable()
    finally:
        machine.remove(CONF)
        machine.remove(f"/etc/systemd/system/{DAEMON}.d/debug.conf")
        machine.systemctl("daemon-reload")
        _change_registry(cluster, machine)
        machine.systemctl("stop", SERVICE)
    _wait_ok(cluster, machine)
