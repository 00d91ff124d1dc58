# SPDX-License-Identifier: Apache-2.0
"""A bus of its own with the daemon on it, for programs that call it there.

    PROGRAM.py LEASED DBUS_DIRECTORY [PATH]... [argument of unittest]...

Runs in mount and PID namespaces of its own, with an empty /run, /var/lib and a small /etc, under the bus policy that is
installed with leased. There is no PID 1 on this bus: units stay unknown, which is enough for what is asked here.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import unittest

LEASED, DBUS = (os.path.abspath(path) for path in sys.argv[1:3])
NAME, PATH = "org.leased1", "/org/leased1"
MANAGER = NAME + ".Manager"
UNIT = "foo.service"
UNIT_PATH = PATH + "/unit/foo_2eservice"
LEASE_PATH = PATH + "/lease/foo_2eservice"
DEADLINE = 20
POLL = 0.02
OUTGOING_OF_A_MACHINE = 127 * 1024 * 1024  # bytes: max_outgoing_bytes of dbus-daemon's system bus

BUS_CONF = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <limit name="max_outgoing_bytes">{outgoing}</limit>
  <listen>unix:path=/run/dbus/system_bus_socket</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <deny own="*"/>
    <deny send_type="method_call"/>
    <allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/>
    <allow receive_type="method_return"/>
    <allow receive_type="error"/>
    <allow receive_type="signal"/>
    <allow send_destination="org.freedesktop.DBus"/>
  </policy>
  <policy user="root">
    <allow own="org.freedesktop.PolicyKit1"/>
    <allow send_destination="org.freedesktop.PolicyKit1"/>
  </policy>
  <include>{policy}</include>
</busconfig>
"""


def wait_for(what, condition):
    """The first true value of condition(), asked again until then."""
    end = time.monotonic() + DEADLINE
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {DEADLINE} s in vain: {what}")
        time.sleep(POLL)


def busctl(*arguments, user=None):
    command = ["busctl", "--system", "--timeout=5", *arguments]
    if user is not None:
        command = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", *command]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def call(method, *arguments, user=None):
    return busctl("call", NAME, PATH, "org.leased1.Manager", method, *arguments, user=user)


def get(path, interface, name):
    answer = busctl("--json=short", "get-property", NAME, path, interface, name)
    return json.loads(answer.stdout)["data"] if answer.returncode == 0 else None


class World:
    """A bus, a place for notifications, and the daemon."""

    def __init__(self, outgoing=65536):
        self.bus = self.daemon = None
        os.makedirs("/run/dbus", exist_ok=True)
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind("/run/notify")
        self.notify.setblocking(False)
        self.heard = []
        with open("/run/bus.conf", "w", encoding="utf-8") as f:
            f.write(BUS_CONF.format(policy=os.path.join(DBUS, "org.leased1.conf"), outgoing=outgoing))
        os.makedirs("/etc/leased/units")
        with open("/etc/leased/leased.conf", "w", encoding="utf-8") as f:
            f.write("[Leased]\nTTL=2s\nMetadata=region=eu rack=a1\n")
        open("/etc/leased/units/" + UNIT, "w", encoding="utf-8").close()

    def start_bus(self):
        self.bus = subprocess.Popen(["dbus-daemon", "--nofork", "--nopidfile", "--config-file=/run/bus.conf"])
        wait_for("the bus", lambda: busctl("list").returncode == 0)

    def add_lease(self, put_record):
        """A lease that somebody held once. A registry with leases and without a name would be one whose name was lost."""
        wait_for("the registry has a name", lambda: get(PATH, "org.leased1.Manager", "RegistryUUID"))
        value = {"state": "free", "machine_id": "f" * 32, "session": "", "version": 3, "index": 7, "since": 1,
                 "period": 0, "debts": [], "tenures": []}
        subprocess.run([put_record, "/var/lib/leased/registry", "leases/" + UNIT, json.dumps(value)], check=True)
        wait_for("the lease", lambda: busctl("introspect", NAME, LEASE_PATH).returncode == 0)

    def stop_bus(self):
        self.bus.kill()
        self.bus.wait()
        os.unlink("/run/dbus/system_bus_socket")

    def start_daemon(self):
        self.heard = []
        environment = dict(os.environ, NOTIFY_SOCKET="/run/notify")
        with open("/run/leased.log", "a", encoding="utf-8") as log:
            self.daemon = subprocess.Popen([LEASED], env=environment, stderr=log)
        wait_for("READY=1", lambda: "READY=1" in self.notifications())

    def stop_daemon(self, how=signal.SIGTERM):
        self.daemon.send_signal(how)
        return self.daemon.wait(DEADLINE)

    def notifications(self):
        while True:
            try:
                self.heard += self.notify.recv(4096).decode().splitlines()
            except BlockingIOError:
                return self.heard

    def end(self):
        self.stop_daemon()
        self.stop_bus()
        self.notify.close()
        os.unlink("/run/notify")
        shutil.rmtree("/etc/leased")
        sys.stderr.write(self.said())

    def said(self):
        with open("/run/leased.log", encoding="utf-8") as f:
            return f.read()


def enter(paths):
    """Namespaces: whatever is mounted or left running in there ends with us."""
    for tool in ("unshare", "setpriv", "dbus-daemon", "busctl", "dbus-monitor", "dbus-send"):
        if not shutil.which(tool):
            print(f"skipped: no {tool}")
            return 77
    if os.geteuid() != 0:
        print("skipped: only root can mount")
        return 77
    probe = subprocess.run(["unshare", "--mount", "--propagation=private", "mount", "-t", "tmpfs", "probe", "/var/lib"],
                           check=False, capture_output=True)
    if probe.returncode != 0:
        print("skipped: no mount namespaces here")
        return 77
    return subprocess.run(["unshare", "--mount", "--propagation=private", "--pid", "--fork", "--kill-child", "--mount-proc",
                           sys.executable, os.path.abspath(sys.argv[0]), *map(os.path.abspath, sys.argv[1:paths + 1]),
                           "--inside", *sys.argv[paths + 1:]],
                          check=False).returncode


def furnish():
    """An /etc with what programs need to run, and nothing of this machine's leased. /run comes last: the build may be
    anywhere but there."""
    subprocess.run(["mount", "-t", "tmpfs", "test", "/mnt"], check=True)
    os.mkdir("/mnt/etc")
    for name in ("passwd", "group", "nsswitch.conf", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives"):
        path = os.path.join("/etc", name)
        if os.path.isdir(path):
            shutil.copytree(path, "/mnt/etc/" + name, symlinks=True)
        elif os.path.exists(path):
            shutil.copy(path, "/mnt/etc/" + name)
    with open("/mnt/etc/machine-id", "w", encoding="utf-8") as f:
        f.write("0123456789abcdef0123456789abcdef\n")
    subprocess.run(["mount", "--bind", "/mnt/etc", "/etc"], check=True)
    for place in ("/var/lib", "/run"):
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "test", place], check=True)


def main(paths):
    """Plays the tests of the program, which takes so many paths as arguments."""
    if "--inside" not in sys.argv:
        sys.exit(enter(paths))
    furnish()
    unittest.main(argv=sys.argv[:1] + sys.argv[paths + 2:], verbosity=2)
