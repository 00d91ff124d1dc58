# SPDX-License-Identifier: Apache-2.0
"""What can be done to a machine, for the scenes of the fault matrix and for tests/soak. Nothing here outlives a power cut."""

import layer
from cluster import DAEMON, GUARD

JOURNAL = "systemd-journald.service"
# Fills the sockets that these processes have for stderr, and then the one for whole entries.
FILL_SOCKETS = """
import ctypes, os, socket, sys
PIDFD_GETFD = 438
libc = ctypes.CDLL(None, use_errno=True)
sockets = [socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)]
sockets[0].connect("/run/systemd/journal/socket")
for pid in sys.argv[1:]:
    fd = libc.syscall(PIDFD_GETFD, os.pidfd_open(int(pid)), 2, 0)
    if fd < 0:
        sys.exit(os.strerror(ctypes.get_errno()))
    sockets.append(socket.socket(fileno=fd))
for each in sockets:
    for size in (4096, 1):
        try:
            while True:
                each.send(b"A=" + size * b"x" + b"\\n", socket.MSG_DONTWAIT)
        except BlockingIOError:
            pass
"""


# Ends the connection that PID 1 has to the bus, as the kernel would if the bus itself ended it.
LOSE_BUS = """
import ctypes, os, socket, stat, sys
PIDFD_GETFD = 438
libc = ctypes.CDLL(None, use_errno=True)
process, lost = os.pidfd_open(1), 0
for fd in os.listdir("/proc/1/fd"):
    copy = libc.syscall(PIDFD_GETFD, process, int(fd), 0)
    if copy < 0 or not stat.S_ISSOCK(os.fstat(copy).st_mode):
        continue
    with socket.socket(fileno=copy) as each:
        try:
            if each.getpeername() == "/run/dbus/system_bus_socket":
                each.shutdown(socket.SHUT_RDWR)
                lost += 1
        except OSError:
            pass
sys.exit(lost == 0)
"""


def take_bus_from_pid1(machine):
    """PID 1 comes back to the bus when it is told to, or reads its files."""
    machine.run("python3", "-c", LOSE_BUS)


def stall_journal(machine):
    """journald stands still, and has no room left for the daemon and the guard. wake_journal() ends it."""
    machine.kill(JOURNAL, "STOP")
    processes = [machine.main_pid(each) for each in (DAEMON, GUARD)]
    machine.run("python3", "-c", FILL_SOCKETS, *[str(each) for each in processes if each])


def wake_journal(machine):
    machine.kill(JOURNAL, "CONT")


# For three seconds the guard and its --wipe are killed, and those that come after them.
KILL_ALL_OF_GUARD = f"""end=$(($(date +%s) + 3))
while [ $(date +%s) -lt $end ]; do
        for group in $(find /sys/fs/cgroup/system.slice/{GUARD} -name cgroup.procs 2>/dev/null); do
                while read -r process; do kill -KILL $process 2>/dev/null; done < $group
        done
done"""


def kill_by_control_group(machine, unit):
    """As "systemctl kill" of a newer systemd does it, and as anybody can."""
    machine.run("sh", "-c", f"echo 1 > /sys/fs/cgroup/system.slice/{unit}/cgroup.kill")


LOCKER = "locker.service"


def lock_files(machine):
    """A user holds locks on all of leased's files. They can be opened, as a version before this one left them, or as an administrator
    has made them. unlock_files() ends it."""
    machine.run("sh", "-c", "find /run/leased -type f -exec chmod 644 {} + && find /run/leased -type d -exec chmod 755 {} +")
    machine.run("systemd-run", "--quiet", "--collect", f"--unit={LOCKER}", "--property=User=nobody", "sh", "-c",
                "for f in $(find /run/leased -type f -readable); do flock -n $f sleep infinity & done; wait")


def unlock_files(machine):
    machine.systemctl("stop", LOCKER, check=False)


def fill_run(machine):
    machine.run("sh", "-c", "mount -o remount,size=8M /run && ! cat /dev/zero > /run/filler 2>/dev/null && "
                            "! cp /bin/ls /run/filler-2 2>/dev/null")


def empty_run(machine):
    machine.remove("/run/filler")
    machine.remove("/run/filler-2")
    machine.run("mount", "-o", "remount,size=20%", "/run")


def _run_and_tell(machine, command):
    """Runs it, and returns when it was over, by the wall clock."""
    return float(machine.run("sh", "-c", f"{command} && date +%s.%N").stdout)


def mount_over_run(machine, options):
    """What daemon and guard have in /run is hidden, until umount_run(). Returns since when, by the wall clock."""
    return _run_and_tell(machine, f"mount -t tmpfs -o {options} tmpfs /run/leased")


def umount_run(machine):
    """Returns when that was over, by the wall clock."""
    return _run_and_tell(machine, "umount --lazy /run/leased")


def remove_all_of_run(machine):
    """What daemon and guard have in /run is gone. Returns since when, by the wall clock."""
    return _run_and_tell(machine, "rm -rf /run/leased/*")


def reinstall(machine, path):
    """As a package does it: a new file in the old one's place. It is told from the old one by a byte at its end."""
    machine.run("sh", "-c", f"cp -p {path} {path}.new && printf x >> {path}.new && mv {path}.new {path}")


FOREIGN_DROP_IN = f"/run/systemd/system/{GUARD}.d/foreign.conf"
FOREIGN_PROGRAM = "/usr/local/bin/foreign-guard"
# Binds the socket as a guard does, and greets in a version that nobody knows.
FOREIGN = """#!/usr/bin/python3
import os, socket, struct
try:
    os.unlink("/run/leased/guard.sock")
except FileNotFoundError:
    pass
os.makedirs("/run/leased/held", exist_ok=True)
server = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
server.bind("/run/leased/guard.sock")
server.listen(16)
notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
notify.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"])
while True:
    peer, _ = server.accept()
    peer.send(struct.pack("=II", 99, 64) + bytes(400))
    while peer.recv(4096):
        pass
"""


def install_foreign_guard(machine):
    """The next guard speaks another protocol. remove_foreign_guard() lets the one after that be leased's again."""
    machine.write(FOREIGN_PROGRAM, FOREIGN, mode=0o755)
    machine.write(FOREIGN_DROP_IN, f"[Service]\nExecStart=\nExecStart={FOREIGN_PROGRAM}\nWatchdogSec=0\nMemoryDenyWriteExecute=no\n")
    machine.systemctl("daemon-reload")
    machine.kill(GUARD)


def remove_foreign_guard(machine):
    machine.remove(FOREIGN_DROP_IN)
    machine.systemctl("daemon-reload")


GENERATOR = "/run/systemd/system-generators/slow"


def slow_reloads(machine):
    """PID 1 takes 8 s to reload, while this file is there."""
    machine.write(GENERATOR, "#!/bin/sh\nsleep 8\n", mode=0o755)


LOGIND = "logind-stub.service"
LOGIND_NOTES = "/run/logind-notes"
LOGIND_DELAY = 5  # seconds, logind's own default


def start_logind(machine):
    """One that puts nothing to sleep: SIGUSR1 to it, and it says that the machine is about to sleep, SIGUSR2, that it is awake."""
    machine.remove(LOGIND_NOTES)
    machine.write(f"/run/systemd/system/{LOGIND}",
                  f"[Service]\nType=dbus\nBusName=org.freedesktop.login1\nExecStart={layer.LOGIND} {LOGIND_NOTES} {LOGIND_DELAY}\n")
    machine.systemctl("daemon-reload")
    machine.systemctl("start", LOGIND)
