# SPDX-License-Identifier: Apache-2.0
"""Real machines: guests that boot the systemd of this machine as their PID 1, each with its own disk and address.

A machine's disk is an overlay on / (or on BASE) and on the tree that "meson install" made, so every machine has the packages
of this one, a machine id of its own, and keeps what it wrote over a power cut. All share the kernel, hence one
CLOCK_BOOTTIME, and the directory /shared. They hang on one bridge in the sandbox's network namespace and have no way
out of it.

A power cut is SIGKILL of a guest's PID 1: the kernel ends every process of its namespace before it reports that death.
"""

import glob
import os
import shutil
import signal
import subprocess

from sandbox import Unavailable
from waiting import Failure, Timeout, now, require, wait_for

BASE = "/"
BRIDGE = "bridge0"
EVENTS = "/shared/events"  # what leased and its guard write for tests/laws, if they are told to
NETWORK = "10.77.0"
BOOT_DEADLINE = 30
RUN_DEADLINE = 30
CONTAINERS = ("--capability=all", "--system-call-filter=@keyring bpf")  # what an engine needs of the machine that it runs on
ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8",
               "TERM": "dumb", "SYSTEMD_PAGER": "", "SYSTEMD_COLORS": "0", "HOME": "/root"}

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../guest-without")) as _file:
    WITHOUT = [line.strip() for line in _file if line.strip() and not line.startswith("#")]

NETWORK_SERVICE = """\
[Unit]
Description=Address of this machine
DefaultDependencies=no
Before=network-pre.target sysinit.target shutdown.target
Conflicts=shutdown.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=ip link set lo up
ExecStart=ip address replace {address}/24 dev host0
ExecStart=ip link set host0 up
"""

JOURNALD_CONF = "[Journal]\nStorage=persistent\nRateLimitIntervalSec=0\nSyncIntervalSec=1s\n"


def _host(*command, check=True):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if check and done.returncode != 0:
        raise Failure(f"{' '.join(command)}: {done.stdout.strip()}")
    return done


def _children_of(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            return [int(each) for each in file.read().split()]
    except FileNotFoundError:
        return []


def _is_first_of_its_namespace(pid):
    try:
        with open(f"/proc/{pid}/status") as file:
            for line in file:
                if line.startswith("NSpid:"):
                    words = line.split()
                    return len(words) > 2 and words[-1] == "1"
    except (FileNotFoundError, ProcessLookupError):
        pass
    return False


def _namespace_of(pid):
    try:
        return os.readlink(f"/proc/{pid}/ns/pid")
    except OSError:
        return None


def _is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


class Namespace:
    """The pid namespace of a process. While it is held, the kernel gives its number to no other one, as of a machine that another
    scene boots."""

    def __init__(self, pid):
        try:
            self._held = os.open(f"/proc/{pid}/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            self._held = None  # the process is gone

    def processes(self):
        """Those that are alive."""
        name = self._held and os.readlink(f"/proc/self/fd/{self._held}")
        return [pid for pid in os.listdir("/proc") if name and pid.isdigit() and _namespace_of(pid) == name and _is_alive(pid)]

    def let_go(self):
        if self._held is not None:
            os.close(self._held)
        self._held = None


class Machine:
    """One guest. Paths given to read() and write() are the guest's own; they work while it runs and while it is off,
    except that /run and /tmp are only there while it runs."""

    def __init__(self, sandbox, name, number, layer, shared, containers=False, bus=""):
        self.name = name
        self.number = number
        self.address = f"{NETWORK}.{10 + number}"
        self.machine_id = f"{os.urandom(15).hex()}{number:02x}"
        self.cut_at = None
        self.binds = {}  # path of the guest: directory of the sandbox; for the next boot
        self._sandbox = sandbox
        self._shared = shared
        self._root = sandbox.path(name, "root")
        self._cgroup = os.path.join(sandbox.cgroup, name)
        self._console = sandbox.path(name, "console")
        self._may = CONTAINERS if containers else ()
        self._nspawn = None
        self._started = []  # what start() began, and has not ended
        self._leader = None
        self._namespace = None
        self._make_disk(layer, bus)

    def __repr__(self):
        return self.name

    # Its disk

    def _make_disk(self, layer, bus):
        upper, work = self._sandbox.path(self.name, "upper"), self._sandbox.path(self.name, "work")
        for directory in (upper, work, self._root):
            os.makedirs(directory)
        lower = f"{layer}:{BASE}" if layer else BASE
        options = f"lowerdir={lower},upperdir={upper},workdir={work}"
        _host("mount", "-t", "overlay", "overlay", "-o", options, self._root)
        self._forget_services_of_this_machine()
        for leftover in ("var/lib/leased", "etc/leased", "var/log/journal"):
            shutil.rmtree(os.path.join(self._root, leftover), ignore_errors=True)
        self.remove("/etc/systemd/system/dbus.service")  # whatever the bus of this machine is
        if bus:
            self.link("/etc/systemd/system/dbus.service", f"/lib/systemd/system/{bus}.service")
        self.write("/etc/machine-id", self.machine_id + "\n")
        self.write("/etc/hostname", self.name + "\n")
        self.write("/etc/hosts", f"127.0.0.1 localhost\n{self.address} {self.name}\n")
        self.write("/etc/fstab", "")
        self.write("/etc/systemd/journald.conf.d/hosts.conf", JOURNALD_CONF)
        self.write("/etc/systemd/system/address.service", NETWORK_SERVICE.format(address=self.address))
        self.link("/etc/systemd/system/sysinit.target.wants/address.service", "../address.service")

    def _forget_services_of_this_machine(self):
        """What the administrator of this machine enabled must not start in the guests."""
        system = os.path.join(self._root, "etc/systemd/system")
        os.makedirs(system, exist_ok=True)
        for name in os.listdir(system):
            if name.endswith((".wants", ".requires")):
                shutil.rmtree(os.path.join(system, name))
        etc = os.path.join(self._root, "etc")
        for name in os.listdir(etc):
            if name.startswith("rc") and name.endswith(".d"):
                shutil.rmtree(os.path.join(etc, name))
        # Its generators look for disks, consoles and databases, which no guest has, at each boot and reload.
        for path in glob.glob(os.path.join(self._root, "usr/lib/systemd/system-generators/*")):
            self.link("/etc/systemd/system-generators/" + os.path.basename(path), "/dev/null")
        for start in WITHOUT:
            for pattern in (start + "*", f"*.wants/{start}*"):
                for path in glob.glob(os.path.join(self._root, "usr/lib/systemd/system", pattern)):
                    self.remove(path.removeprefix(self._root))
        for name in ("systemd-logind.service", "console-getty.service"):
            self.remove(f"/etc/systemd/system/{name}")
            self.link(f"/etc/systemd/system/{name}", "/dev/null")

    def _path(self, path):
        """Where a path of the guest is seen from here."""
        if self._leader is not None:
            return f"/proc/{self._leader}/root{path}"
        return self._root + path

    def write(self, path, text, mode=0o644):
        target = self._path(path)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "w") as file:
            file.write(text)
        os.chmod(target, mode)

    def read(self, path):
        with open(self._path(path)) as file:
            return file.read()

    def exists(self, path):
        return os.path.lexists(self._path(path))

    def remove(self, path):
        target = self._path(path)
        if os.path.isdir(target) and not os.path.islink(target):
            shutil.rmtree(target)
        elif os.path.lexists(target):
            os.unlink(target)

    def link(self, path, target):
        os.makedirs(os.path.dirname(self._path(path)), exist_ok=True)
        os.symlink(target, self._path(path))

    # Its power

    @property
    def is_on(self):
        return self._nspawn is not None and self._nspawn.poll() is None

    @property
    def first_process(self):
        """Its PID 1, by the number that it has outside."""
        return self._leader

    def boot(self, wait=True):
        """Switches it on; wait=False returns while it boots, for several at once: call wait_booted() then."""
        require(f"{self.name} is off", not self.is_on)
        _host("ip", "link", "delete", self._link, check=False)  # of a former life, freed late
        export = f"/run/systemd/nspawn/{self.name}/unix-export"
        if os.path.ismount(export):  # systemd-nspawn 256 and later leaves it when it is killed, and then refuses to start
            _host("umount", "--lazy", export)
        os.makedirs(self._cgroup, exist_ok=True)

        def enter_cgroup():
            with open(os.path.join(self._cgroup, "cgroup.procs"), "w") as file:
                file.write("0")

        binds = {"/shared": self._shared, **self.binds}
        with open(self._console, "a") as console:
            self._nspawn = subprocess.Popen(
                ["systemd-nspawn", "--quiet", f"--directory={self._root}", f"--machine={self.name}", "--register=no",
                 "--keep-unit", *self._may, f"--network-bridge={BRIDGE}", "--resolv-conf=off", "--timezone=off",
                 "--link-journal=no", "--console=pipe", *(f"--bind={here}:{there}" for there, here in binds.items()),
                 "--boot", "systemd.unit=multi-user.target"],
                stdin=subprocess.DEVNULL, stdout=console, stderr=subprocess.STDOUT, preexec_fn=enter_cgroup,
                env={**ENVIRONMENT, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"})
        self.cut_at = None
        if wait:
            self.wait_booted()

    def wait_booted(self):
        self.wait_up()
        wait_for(f"{self.name} has booted", self._has_booted, BOOT_DEADLINE, self._last_words)

    def wait_up(self):
        """Until its PID 1 answers. What it starts may wait for other machines, as a member of etcd does."""
        self._leader = None
        self._leader = wait_for(f"{self.name} has a PID 1", self._find_leader, BOOT_DEADLINE, self._last_words)
        wait_for(f"PID 1 of {self.name} answers", lambda: self._how_it_runs() not in ("", "offline", "unknown"), BOOT_DEADLINE,
                 self._last_words)

    def _find_leader(self):
        if not self.is_on:
            raise Failure(f"{self.name} did not boot\n{self._last_words()}")
        return next((pid for pid in _children_of(self._nspawn.pid) if _is_first_of_its_namespace(pid)), None)

    def _has_booted(self):
        if not self.is_on:
            raise Failure(f"{self.name} went off while booting\n{self._last_words()}")
        return self._how_it_runs("--wait") in ("running", "degraded")  # one look, since looks delay the boot

    def _how_it_runs(self, *options):
        return self.run("systemctl", "is-system-running", *options, check=False).stdout.strip()

    def _last_words(self):
        with open(self._console, errors="replace") as file:
            return "  console: " + "\n  console: ".join(file.read().splitlines()[-15:])

    def power_cut(self):
        """Every process of the machine is dead when this returns; its disk stays as it is."""
        if self._leader is None:  # it was switched on, and has not come far enough to have a PID 1
            with open(os.path.join(self._cgroup, "cgroup.kill"), "w") as file:
                file.write("1")
            self._nspawn.wait()
            self._nspawn = None
            return
        namespace = Namespace(self._leader)
        still = self._is_frozen()  # not asked later: what dies is not frozen
        os.kill(self._leader, 9)
        if still:  # systemd-nspawn stands still as well; nothing else may have one more turn
            wait_for(f"the processes of {self.name} are dead", lambda: not namespace.processes(), 10)
            self._set_frozen(0)
        self._gone(namespace)

    def begin_shutdown(self, verb="poweroff"):
        self._namespace = Namespace(self._leader)
        self.run("systemctl", *verb.split(), check=False)

    def shut_down(self, deadline=30, verb="poweroff"):
        """An orderly poweroff, to its end, or the first half of a reboot."""
        self.begin_shutdown(verb)
        self.wait_off(deadline)

    def wait_off(self, deadline=30):
        """The end of a shutdown that has begun."""
        wait_for(f"{self.name} is off", self._is_off, deadline,
                 lambda: self.journal(60) + self._last_words())
        self._gone(self._namespace)

    def _is_off(self):
        """A shutdown stops every process before it kills it, and nsenter stops itself as its child does. Nobody lets nsenter go on,
        and the machine's first process does not end before nsenter has taken note of its child's end."""
        self._started = [each for each in self._started if each.poll() is None]
        for each in self._started:
            each.send_signal(signal.SIGCONT)
        return self._nspawn.poll() is not None

    def _gone(self, namespace):
        self.cut_at = now()
        try:
            wait_for(f"{self.name} is off", self._is_off, 15)
        except Timeout:
            raise Failure(f"{self.name} outlived its power cut") from None
        left = namespace.processes()
        namespace.let_go()
        require(f"nothing of {self.name} is alive after its power cut, but {left}", not left)
        self._leader = None
        self._nspawn = None
        self.note("off")

    def reboot_hard(self):
        self.power_cut()
        self.boot()

    def freeze(self):
        """The whole machine stands still, as a paused virtual machine does, but its clock goes on."""
        self._set_frozen(1)

    def thaw(self):
        self._set_frozen(0)

    def _set_frozen(self, frozen):
        with open(os.path.join(self._cgroup, "cgroup.freeze"), "w") as file:
            file.write(str(frozen))
        wait_for(f"{self.name} is {'frozen' if frozen else 'thawed'}", lambda: self._is_frozen() == bool(frozen), 10)

    def _is_frozen(self):
        with open(os.path.join(self._cgroup, "cgroup.events")) as file:
            return "frozen 1" in file.read()

    def note(self, word):
        """Adds to EVENTS what is done to this machine (tests/laws/README.md)."""
        path = os.path.join(self._shared, os.path.basename(EVENTS))
        if os.path.exists(path):
            with open(path, "a") as file:
                file.write(f"{int(now() * 1e6)} {self.name} test 0 {word}\n")

    # Its network

    @property
    def _link(self):
        return f"vb-{self.name}"

    def cut_network(self):
        """The cable is pulled: the machine's processes see a dead link."""
        _host("ip", "link", "set", self._link, "down")

    def heal_network(self):
        _host("ip", "link", "set", self._link, "up")
        _host("nsenter", "-t", str(self._leader), "-n", "nft", "delete", "table", "inet", "hosts", check=False)

    def drop_packets(self, incoming=True, outgoing=True):
        """A black hole: the link is up, packets of that direction vanish."""
        rules = ""
        if incoming:
            rules += "chain input { type filter hook input priority 0; iif != lo drop; }\n"
        if outgoing:
            rules += "chain output { type filter hook output priority 0; oif != lo drop; }\n"
        _host("nsenter", "-t", str(self._leader), "-n", "nft", f"table inet hosts {{ {rules} }}")

    # Work on it

    def run(self, *command, check=True, deadline=RUN_DEADLINE, stdin=None):
        """Runs a command on the machine as root. Its result has returncode, stdout and stderr."""
        require(f"{self.name} is on", self.is_on and self._leader is not None)
        if "etcdctl" in command:
            self.note("by-hand")
        try:
            done = subprocess.run(["nsenter", "-t", str(self._leader), "-a", "--", *command], input=stdin,
                                  env=ENVIRONMENT, stdin=subprocess.DEVNULL if stdin is None else None, text=True, errors="replace",
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=deadline)
        except subprocess.TimeoutExpired as error:
            raise Timeout(f"{self.name}: {' '.join(command)}: no end after {deadline} s: {error.stdout}") from None
        if check and done.returncode != 0:
            raise Failure(f"{self.name}: {' '.join(command)}: exit code {done.returncode}\n"
                          f"{done.stdout}{done.stderr}{self.journal(30)}")
        return done

    def start(self, *command):
        """Like run(), without waiting for its end. Returns a Popen."""
        self._started.append(
            subprocess.Popen(["nsenter", "-t", str(self._leader), "-a", "--", *command], env=ENVIRONMENT, text=True,
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT))
        return self._started[-1]

    def systemctl(self, *arguments, **options):
        return self.run("systemctl", *arguments, **options)

    def show(self, unit, *properties):
        """Properties of a unit, as PID 1 of the machine says them."""
        text = self.systemctl("show", unit, *(f"--property={each}" for each in properties)).stdout
        return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)

    def state(self, unit):
        return self.show(unit, "ActiveState").get("ActiveState", "")

    def main_pid(self, unit):
        return int(self.show(unit, "MainPID").get("MainPID", "0"))

    @property
    def bus_process(self):
        """The process that hands the bus's messages on, which is not dbus-broker's launcher."""
        return self.run("pgrep", "-x", "-o", "dbus-daemon|dbus-broker").stdout.strip()

    def kill(self, unit, signal="KILL"):
        """A signal to the unit's main process, as an accident would send it: PID 1 hears of it only by its death."""
        pid = self.main_pid(unit)
        require(f"{unit} has a process on {self.name}", pid > 0)
        self.run("kill", f"-{signal}", str(pid))

    def journal(self, lines=25, unit=None):
        """The end of the machine's journal, also of one that is off. For people, when something went wrong."""
        command = ["journalctl", "--quiet", "--no-pager", "--output=short-monotonic", f"--lines={lines}",
                   f"--directory={self._root}/var/log/journal"]
        if unit:
            command += [f"--unit={unit}"]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
        return "".join(f"  {self.name}: {line}\n" for line in done.stdout.splitlines())


class Rack:
    """Some machines on one bridge, with one shared directory."""

    def __init__(self, sandbox, names, layer=None, containers=False, bus=""):
        self.shared = sandbox.path("shared")
        os.makedirs(self.shared, exist_ok=True)
        if _host("ip", "link", "show", BRIDGE, check=False).returncode != 0:
            _host("ip", "link", "add", BRIDGE, "type", "bridge")
            _host("ip", "address", "add", f"{NETWORK}.1/24", "dev", BRIDGE)
            _host("ip", "link", "set", BRIDGE, "up")
        self.machines = [Machine(sandbox, name, number, layer, self.shared, containers, bus)
                         for number, name in enumerate(names)]

    def __iter__(self):
        return iter(self.machines)

    def __getitem__(self, name):
        return next(machine for machine in self.machines if machine.name == name)

    def boot(self):
        for machine in self.machines:
            machine.boot(wait=False)
        for machine in self.machines:
            machine.wait_booted()

    def switch_off(self):
        for machine in self.machines:
            if machine.is_on:
                machine.thaw()
                machine.power_cut()


def probe(sandbox):
    """Boots one machine as it is, without leased. Raises Unavailable if that cannot be on this machine."""
    try:
        rack = Rack(sandbox.part("probe"), ["probe"])
        rack.boot()
        rack.switch_off()
    except Failure as error:
        raise Unavailable(str(error)) from None
