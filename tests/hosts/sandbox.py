# SPDX-License-Identifier: Apache-2.0
"""A private world for the hosts tests: own mount, process and network namespaces, and a tmpfs for everything written.

enter() splits the process in three. The innermost goes on as the test. Its parent is PID 1 of a new process namespace:
it buries orphans, and ends with the test; then, whatever ended it, the kernel ends every process that was started and
gives back mounts, bridges and addresses with the namespaces. The outermost only waits, hands signals on, and removes
the two things that outlive a namespace: an empty temporary directory and the guests' cgroups. If it is killed, the
others die with it, and the next run removes what it left.

So there is no list of things to clean up that could be forgotten, several runs go side by side, and nothing of a test
is visible on the machine that runs it.
"""

import ctypes
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile

CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000
MNT_DETACH = 2
PR_SET_PDEATHSIG = 1

PREFIX = "leased-hosts-"
CGROUP_ROOT = "/sys/fs/cgroup"
TOOLS = ("systemd-nspawn", "nsenter", "ip", "mount", "journalctl", "systemctl")

_libc = ctypes.CDLL(None, use_errno=True)


class Unavailable(Exception):
    """This machine cannot boot guests; the text says why."""


class Interrupted(BaseException):
    """A signal asked the test to end. Not an Exception, so that no scene takes it for its own failure."""


def _check(result, what):
    if result < 0:
        raise Unavailable(f"{what}: {os.strerror(ctypes.get_errno())}")


def _tool(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        raise Unavailable(f"{' '.join(command)}: {done.stdout.strip()}")


def _remove_cgroups(path):
    """Removes a tree of cgroups as far as it is empty."""
    if not os.path.isdir(path):
        return
    for directory, _, _ in os.walk(path, topdown=False):
        try:
            os.rmdir(directory)
        except OSError:
            pass


def _remove_directory(path):
    _libc.umount2(path.encode(), MNT_DETACH)
    try:
        os.rmdir(path)
    except OSError:
        pass


def _is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _sweep(base):
    """Removes what runs that were killed outright left: empty directories and cgroups named after a dead process."""
    for parent in (base, CGROUP_ROOT):
        for name in os.listdir(parent):
            if not name.startswith(PREFIX):
                continue
            owner = name[len(PREFIX):].split("-")[0]
            if not owner.isdigit() or _is_running(int(owner)):
                continue
            path = os.path.join(parent, name)
            if parent == CGROUP_ROOT:
                _remove_cgroups(path)
            elif stat.S_ISDIR(os.lstat(path).st_mode):
                _remove_directory(path)


def _mount_cgroups():
    """The guests want the unified tree. Where the machine has another, or a mixed one, it is mounted for us alone."""
    if not os.path.exists(os.path.join(CGROUP_ROOT, "cgroup.controllers")):
        _tool("mount", "-t", "cgroup2", "cgroup2", CGROUP_ROOT)


class Sandbox:
    """Where the inner process lives: .directory is a tmpfs, .cgroup a directory for the guests' cgroups."""

    def __init__(self, directory, cgroup):
        self.directory = directory
        self.cgroup = cgroup

    def path(self, *parts):
        return os.path.join(self.directory, *parts)

    def processor_seconds(self):
        """What all machines in here have used so far, those that are gone included."""
        with open(os.path.join(self.cgroup, "cpu.stat")) as file:
            return int(file.readline().split()[1]) / 1e6

    def part(self, name):
        """A corner of it, for a set of machines whose files are apart from all others."""
        part = Sandbox(self.path(name), os.path.join(self.cgroup, name))
        os.makedirs(part.directory)
        return part


def _hand_signals_on(pid):
    def hand_on(number, _frame):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, hand_on)


def _exit_as(status):
    """Ends this process as another one ended."""
    code = os.waitstatus_to_exitcode(status)
    os._exit(code if code >= 0 else 128 - code)


def _wait_outside(pid, directory, cgroup):
    """The outermost process: waits for the end of PID 1 and removes what is left."""
    _hand_signals_on(pid)
    status = os.waitpid(pid, 0)[1]
    _remove_directory(directory)
    _remove_cgroups(cgroup)
    _exit_as(status)


def _be_first_process(test):
    """PID 1: an orphan that nobody buries would keep its machine's process namespace, and so the machine, from ending."""
    _hand_signals_on(test)
    while True:
        pid, status = os.wait()
        if pid == test:
            _exit_as(status)


def _furnish(directory, cgroup):
    _check(_libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "prctl")
    _tool("mount", "-t", "proc", "proc", "/proc")
    for each in (directory, "/run"):  # nspawn keeps its own things in /run by the name of the machine
        _tool("mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", each)
    _tool("ip", "link", "set", "lo", "up")
    os.makedirs(cgroup)


def _catch_signals():
    def interrupt(number, _frame):
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(each, signal.SIG_IGN)
        raise Interrupted(signal.Signals(number).name)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)


def enter():
    """Returns, in the innermost process, the Sandbox. Raises Unavailable, with nothing left, where that cannot be."""
    if os.geteuid() != 0:
        raise Unavailable("booting guests takes root")
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        raise Unavailable(f"not installed: {', '.join(missing)}")
    sys.stdout.flush()

    _check(_libc.unshare(CLONE_NEWNS), "a mount namespace of our own")
    _tool("mount", "--make-rprivate", "/")
    _mount_cgroups()
    _sweep(tempfile.gettempdir())
    _check(_libc.unshare(CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWUTS), "process and network namespaces of our own")

    directory = tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-")
    cgroup = os.path.join(CGROUP_ROOT, os.path.basename(directory))
    pid = os.fork()
    if pid > 0:
        _wait_outside(pid, directory, cgroup)
    _furnish(directory, cgroup)
    pid = os.fork()
    if pid > 0:
        _be_first_process(pid)
    _catch_signals()
    return Sandbox(directory, cgroup)
