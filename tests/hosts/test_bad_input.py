# SPDX-License-Identifier: Apache-2.0
"""A registry that is configured wrongly, or is not what it should be, or holds what is not ours. Whoever reads the
journal or asks for the status must learn what is wrong, once; and no unit stops that need not."""

import base64
import json

from cluster import DAEMON
from scene import scene
from waiting import now, require, wait_for

CONF = "/etc/leased/leased.conf.d/wrong.conf"
PASSWORD_FILE = "/etc/leased/password"
CERTIFICATE, KEY = "/etc/other.crt", "/etc/other.key"
TLS_URL, WEB_URL, GATEWAY_OFF_URL = "https://127.0.0.1:4379", "http://127.0.0.1:8000", "http://127.0.0.1:3379"

# What stands beside the registry on the machine, by the names of units.
SERVERS = {
    "web": "python3 -m http.server 8000 --bind 127.0.0.1",
    "tls": "etcd --data-dir=/var/lib/etcd-tls --listen-client-urls={url} --advertise-client-urls={url} --cert-file={crt} "
           "--key-file={key} --listen-peer-urls=http://127.0.0.1:4380 --initial-advertise-peer-urls=http://127.0.0.1:4380 "
           "--initial-cluster=default=http://127.0.0.1:4380".format(url=TLS_URL, crt=CERTIFICATE, key=KEY),
    "gateway-off": "etcd --data-dir=/var/lib/etcd-off --enable-grpc-gateway=false --listen-client-urls={url} "
                   "--advertise-client-urls={url} --listen-peer-urls=http://127.0.0.1:3380 "
                   "--initial-advertise-peer-urls=http://127.0.0.1:3380 "
                   "--initial-cluster=default=http://127.0.0.1:3380".format(url=GATEWAY_OFF_URL),
}


def _start_servers(machine):
    machine.run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=other",
                "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", KEY, "-out", CERTIFICATE)
    machine.run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=wrong",
                "-keyout", "/etc/wrong.key", "-out", "/etc/wrong.crt")
    for name, command in SERVERS.items():
        machine.run("systemd-run", "--quiet", f"--unit={name}", *command.split())


def _stop_servers(machine):
    for name in SERVERS:
        machine.systemctl("stop", name, check=False)


class Journal:
    """What leased says from now on."""

    def __init__(self, machine):
        self._machine = machine
        self._before = len(self._all())

    def _all(self):
        return self._machine.run("journalctl", "--output=cat", "--quiet", f"--unit={DAEMON}",
                                 "_COMM=leased").stdout.splitlines()

    def lines(self):
        return self._all()[self._before:]

    def require_once(self, text, duration):
        """Exactly one line says that, also when so many seconds have passed."""
        wait_for(f"leased says: {text}", lambda: any(text in line for line in self.lines()), 10, self._story)
        end = now() + duration
        wait_for("it might say so again", lambda: now() > end, duration + 5)
        number = sum(text in line for line in self.lines())
        require(f"leased says it once, not {number} times: {text}", number == 1, self._story)

    def _story(self):
        return "".join(f"  {line}\n" for line in self.lines())


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


def _require_refused(machine, configuration, text):
    """A daemon does not start with that configuration, and says why, with file and line."""
    machine.write(CONF, f"[Leased]\n{configuration}\n")
    journal = Journal(machine)
    done = machine.systemctl("restart", DAEMON, check=False)
    require("leased does not start", done.returncode != 0)
    wait_for(f"leased says: {CONF}:2: ... {text}",
             lambda: any(f"{CONF}:2" in line and text in line for line in journal.lines()), 10,
             lambda: str(journal.lines()))


@scene(registry="etcd", ttl=2.0, machines=("alpha",))
def wrong_registry_is_named_once_and_the_right_one_found_again(cluster):
    machine = cluster["alpha"]
    unit = cluster.unit("wrong.service").enable()
    unit.wait_running()
    _start_servers(machine)
    try:
        for configuration, text in (
                ("Endpoints=http://127.0.0.1:9", "Couldn't connect to server"),
                ("Endpoints=http://10.77.0.99:2379", "10.77.0.99"),
                (f"CAFile={CERTIFICATE}\nEndpoints=https://{machine.address}:2379", "does it want http?"),
                (f"Endpoints={TLS_URL.replace('https', 'http')}", "does it want https?"),
                (f"CAFile=/etc/wrong.crt\nEndpoints={TLS_URL}", "certificate"),
                (f"Endpoints={WEB_URL}", "not as etcd does"),
                (f"Endpoints={GATEWAY_OFF_URL}", "gateway")):
            _require_named(cluster, machine, configuration, text)
        _require_refused(machine, f"Endpoints={TLS_URL}", "CAFile=")
        _require_refused(machine, "Endpoints=ftp://127.0.0.1", "ftp://127.0.0.1")
    finally:
        _stop_servers(machine)
        machine.remove(CONF)
        machine.systemctl("reset-failed", DAEMON, check=False)
        machine.systemctl("restart", DAEMON)
    cluster.wait_ready(machine)
    unit.wait_running(deadline=2 * cluster.takeover)


def _etcdctl(machine, *arguments, user=""):
    machine.run("env", "ETCDCTL_API=3", "etcdctl", f"--endpoints=http://{machine.address}:2379",
                *([f"--user={user}"] if user else []), *arguments)


@scene(registry="etcd", machines=("alpha",))  # etcd takes its time over a password
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
        machine.write(PASSWORD_FILE, "right\n", 0o644)
        _require_refused(machine, user + "leased", PASSWORD_FILE)
    finally:
        _etcdctl(machine, "auth", "disable", user="root:rootpw")
        for command in ("user delete root", "user delete nobody", "user delete leased", "role delete elsewhere"):
            _etcdctl(machine, *command.split())
        machine.remove(CONF)
        machine.systemctl("reset-failed", DAEMON, check=False)
        machine.systemctl("restart", DAEMON)
    cluster.wait_ready(machine)
    wait_for("all is well again", lambda: "etcd, ok" in cluster.status(machine), 10, lambda: cluster.status(machine))


@scene(registry="etcd")
def reload_with_a_bad_line_changes_nothing(cluster):
    unit = cluster.unit("bad-line.service").enable()
    holder = unit.wait_running()
    before = unit.tenure
    for line, text in (("Endpoints=ftp://127.0.0.1", "ftp"), ("TTL=1s", "TTL"), ("TTL=soon", "soon"), ("Registri=etcd", "Registri")):
        holder.write(CONF, f"[Leased]\n{line}\n")
        done = holder.run("leasectl", "reload", check=False)
        require(f"leasectl reload fails over {line}", done.returncode != 0, unit.story)
        require(f"it names file, line and value, but: {done.stdout}{done.stderr}",
                f"{CONF}:2" in done.stdout + done.stderr and text in done.stdout + done.stderr, unit.story)
    holder.remove(CONF)
    holder.run("leasectl", "reload")
    unit.hold_running(on=holder, duration=cluster.takeover)
    unit.require_undisturbed(before)


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
