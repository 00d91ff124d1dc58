#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""leased-address and the kernel, in a network of its own, with the guard's files written by the test.

    test-address-kernel.py LEASED_ADDRESS [TEST]...
"""

import os
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest

PROGRAM = os.path.abspath(sys.argv[1])
OUTSIDE = "LEASED_TEST_OUTSIDE"  # names the network namespace of the machine, for the children that play one test each
SKIPPED = 77
FOUR, SIX = "10.9.0.1", "2001:db8::1"
BOTH = (f"here/{FOUR}/32", f"here/{SIX}/128")
UNIT, INDEX = "web.service", 7
OFFSET = 9.45  # from a beat to kill_at, with a TTL of 10 s
LATE = 1.25  # what is kept for a kernel that is late
POLL = 0.1


def now():
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def run(*command, check=True):
    return subprocess.run(command, check=check, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def wait_for(what, predicate, deadline=10, lacking=lambda: ""):
    end = now() + deadline
    while True:
        value = predicate()
        if value:
            return value
        if now() > end:
            raise AssertionError(f"waited {deadline} s for: {what}\n{lacking()}")
        time.sleep(POLL)


def lifetimes(interface="here"):
    """{address: seconds that the kernel keeps it}"""
    said = run("ip", "-oneline", "address", "show", "dev", interface, "scope", "global").stdout
    return {address: int(seconds) for address, seconds in re.findall(r"inet6? ([^/]+)/.*valid_lft (\d+)sec", said)}


def mark(kill_at, ended=False, index=INDEX):
    os.makedirs("/run/leased/guard", exist_ok=True)
    with open(f"/run/leased/guard/{UNIT}", "w") as file:
        file.write(f"{index:020} {int(kill_at * 1e6):020} {int(OFFSET * 1e6):020} {int(ended)}\n")


def beat(t0):
    with open("/run/leased/guard.beat", "w") as file:
        file.write(f"{int(t0 * 1e6):020}\n")


class Kernel(unittest.TestCase):
    def setUp(self):
        shutil.rmtree("/run/leased", ignore_errors=True)
        self.said = tempfile.TemporaryFile("w+")
        self.addCleanup(self.said.close)
        self.kill_at = now() + OFFSET
        mark(self.kill_at)

    def start(self, *arguments, before=(), **environment):
        names = {"LEASE_UNIT": UNIT, "LEASE_INDEX": str(INDEX), **environment}
        process = subprocess.Popen([*before, "nice", "-n", "-10", PROGRAM, *(arguments or BOTH)], stdout=self.said, stderr=self.said,
                                   env={**os.environ, **{name: value for name, value in names.items() if value}})
        self.addCleanup(self.end, process)
        return process

    def end(self, process):
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)
            process.kill()
        process.wait(10)
        run(PROGRAM, "--remove", *BOTH)

    def wait_set(self):
        wait_for("both addresses are there", lambda: set(lifetimes()) == {FOUR, SIX}, lacking=self.what_was_said)

    def what_was_said(self):
        self.said.seek(0)
        return f"{self.said.read()}{run('ip', '-oneline', 'address', 'show', 'dev', 'here').stdout}"

    def test_a_lifetime_ends_before_kill_at_and_each_beat_renews_it(self):
        self.start()
        self.wait_set()
        longest = max(lifetimes().values())
        self.assertLessEqual(longest, OFFSET - LATE)
        self.assertGreaterEqual(longest, 5)
        wait_for("a part of the lifetime is over", lambda: max(lifetimes().values()) <= longest - 2)
        beat(now())
        wait_for("it is renewed", lambda: min(lifetimes().values()) >= longest - 1)

    def test_without_beats_the_address_goes_in_time_and_a_beat_brings_it_back(self):
        self.start()
        self.wait_set()
        wait_for("it is gone", lambda: not lifetimes(), 15)
        self.assertLess(now(), self.kill_at)
        beat(now())
        self.wait_set()

    def test_a_process_that_stands_still_is_killed_and_the_kernel_forgets_its_addresses(self):
        process = self.start()
        self.wait_set()
        process.send_signal(signal.SIGSTOP)
        beat(now())  # nobody hears of it
        wait_for("it is gone", lambda: not lifetimes(), 15)
        self.assertLess(now(), self.kill_at)
        self.assertEqual(process.wait(10), -signal.SIGKILL)
        self.assertLess(now(), self.kill_at)

    @unittest.skipUnless(shutil.which("strace"), "no strace")
    def test_a_request_that_was_held_up_never_reaches_the_kernel(self):
        self.hold_up("sendto")

    @unittest.skipUnless(shutil.which("strace"), "no strace")
    def test_a_process_that_was_held_up_before_its_alarm_was_set_sends_no_request(self):
        self.hold_up("timer_settime")

    def hold_up(self, call):
        """The process is stopped between its look at the clock and its first request, and goes on when the lease is over."""
        delay = int((OFFSET + 1) * 1e6)
        process = self.start(before=("strace", "-qq", "-o", "/dev/null", "-e", f"inject={call}:delay_enter={delay}:when=1"))
        wait_for("the delay is over", lambda: lifetimes() or process.poll() is not None, OFFSET + 10)  # strace itself waits until then
        self.assertGreater(now(), self.kill_at)
        self.assertEqual(lifetimes(), {})
        self.assertEqual(process.returncode, -signal.SIGKILL)  # strace ends as its program did

    def test_a_lease_that_is_lost_is_renewed_by_no_beat_and_a_shorter_time_holds_at_once(self):
        self.start()
        self.wait_set()
        before = max(lifetimes().values())
        mark(now() + 4.5, ended=True)
        wait_for("the lifetime is short, not yet by itself", lambda: max(lifetimes().values(), default=0) <= 3, before - 4)
        beat(now())
        until = now() + 1
        wait_for("the lifetime is not renewed", lambda: max(lifetimes().values(), default=0) > 3 or now() > until)
        self.assertLessEqual(max(lifetimes().values(), default=0), 3)
        mark(now() + 1.0, ended=True)
        wait_for("it is gone", lambda: not lifetimes(), 5)

    def test_another_tenure_and_damage_renew_nothing(self):
        self.start()
        self.wait_set()
        mark(now() + 60, index=INDEX + 1)
        beat(now())
        wait_for("it is gone", lambda: not lifetimes(), 15)
        self.assertLess(now(), self.kill_at)

    def test_files_that_were_removed_and_made_anew_are_found(self):
        self.start()
        self.wait_set()
        shutil.rmtree("/run/leased")
        wait_for("half of the lifetime is over", lambda: max(lifetimes().values()) <= 5)
        os.makedirs("/run/leased")
        mark(self.kill_at)
        beat(now())
        wait_for("it is renewed", lambda: max(lifetimes().values()) > 5, 4)

    def test_a_unit_that_is_kept_without_beats_keeps_its_address(self):
        mark((2**64 - 1) / 1e6)
        with open(f"/run/leased/guard/{UNIT}", "w") as file:
            file.write(f"{INDEX:020} {2**64 - 1:020} {int(OFFSET * 1e6):020} 0\n")
        self.start()
        self.wait_set()
        self.assertGreater(min(lifetimes().values()), 50)
        self.assertLess(max(lifetimes().values()), 60)
        mark(now() + OFFSET)
        wait_for("the lifetime is that of the lease", lambda: 0 < max(lifetimes().values(), default=0) < OFFSET)

    def test_an_address_that_somebody_has_removed_comes_back_with_the_next_beat(self):
        self.start()
        self.wait_set()
        run(PROGRAM, "--remove", *BOTH)
        self.assertEqual(lifetimes(), {})
        beat(now())
        self.wait_set()

    def test_an_interface_that_is_renamed_has_the_addresses_as_long_as_before(self):
        process = self.start()
        self.wait_set()
        run("ip", "link", "set", "here", "name", "elsewhere")
        wait_for("a part of the lifetime is over", lambda: max(lifetimes("elsewhere").values()) <= 6)
        beat(now())
        wait_for("it is renewed", lambda: min(lifetimes("elsewhere").values()) > 6 or process.poll() is not None)
        process.terminate()
        self.assertEqual(process.wait(10), 0)
        self.assertEqual(lifetimes("elsewhere"), {})

    def test_an_interface_that_is_made_anew_gets_the_addresses_with_the_next_beat(self):
        self.start()
        self.wait_set()
        run("ip", "link", "del", "here")
        make_link()
        beat(now())
        self.wait_set()

    def test_a_stop_takes_the_addresses_away(self):
        process = self.start()
        self.wait_set()
        process.terminate()
        self.assertEqual(process.wait(10), 0)
        self.assertEqual(lifetimes(), {})

    def test_the_network_is_told(self):
        wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self.addCleanup(wire.close)
        wire.bind(("there", 0))
        hardware = bytes.fromhex(re.search(r"link/ether (\S+)", run("ip", "-oneline", "link", "show", "here").stdout)[1].replace(":", ""))
        four, six = socket.inet_aton(FOUR), socket.inet_pton(socket.AF_INET6, SIX)
        arp = (b"\xff" * 6 + hardware + b"\x08\x06" + struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1) + hardware + four + b"\0" * 6 + four)
        told = {"arp": 0, "advertisement": 0}

        def hear():
            while select.select([wire], [], [], 0)[0]:
                packet = wire.recv(2048)
                told["arp"] += packet[:len(arp)] == arp
                # Hop limit 255, from the address to all nodes, override, the address with its place.
                told["advertisement"] += packet[12:14] == b"\x86\xdd" and packet[20:22] == b"\x3a\xff" and packet[22:38] == six and \
                    packet[38:54] == socket.inet_pton(socket.AF_INET6, "ff02::1") and packet[54:56] == b"\x88\x00" and \
                    packet[58] == 0x20 and packet[62:78] == six and packet[78:86] == b"\x02\x01" + hardware
            return told

        self.start()
        wait_for("both are told", lambda: min(hear().values()) >= 1)
        beat(now())
        wait_for("both are told again", lambda: min(hear().values()) >= 2)

    def test_what_cannot_be_is_refused(self):
        for arguments, environment, code, word in (
                ((f"nowhere/{FOUR}/32",), {}, 1, "cannot set nowhere/10.9.0.1/32: No such device"),
                ((FOUR,), {}, 78, "INTERFACE/ADDRESS/PREFIX"), (BOTH, {"LEASE_UNIT": ""}, 78, "no LEASE_UNIT"),
                (BOTH, {"LEASE_INDEX": "0"}, 78, "no LEASE_UNIT"), (BOTH, {"LEASE_INDEX": "7x"}, 78, "no LEASE_UNIT")):
            process = self.start(*arguments, **environment)
            self.assertEqual(process.wait(10), code, arguments)
            self.said.seek(0)
            self.assertIn(word, self.said.read())
            self.assertEqual(lifetimes(), {})

    def test_a_ttl_that_is_too_short_is_refused(self):
        with open(f"/run/leased/guard/{UNIT}", "w") as file:
            file.write(f"{INDEX:020} {int((now() + 9) * 1e6):020} {int(1.61 * 1e6):020} 0\n")
        self.assertEqual(self.start().wait(10), 1)
        self.assertEqual(lifetimes(), {})


def make_link():
    run("ip", "link", "add", "here", "type", "veth", "peer", "name", "there")
    run("ip", "link", "set", "here", "up")
    run("ip", "link", "set", "there", "up")


def prepare():
    """In namespaces of its own, and nowhere else: /run is covered."""
    if os.readlink("/proc/self/ns/net") == os.environ[OUTSIDE]:
        sys.exit("these are the namespaces of the machine itself")
    run("mount", "-t", "tmpfs", "run", "/run")
    run("ip", "link", "set", "lo", "up")
    make_link()


def play(names):
    """Each test in a network of its own, all at the same time: most of a test is waiting."""
    environment = {**os.environ, OUTSIDE: os.readlink("/proc/self/ns/net")}
    children = {name: subprocess.Popen(["unshare", "--net", "--mount", sys.executable, *sys.argv[:2], name], env=environment,
                                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) for name in names}
    failed = 0
    for name, child in children.items():
        said = child.communicate()[0]
        if child.returncode != 0:
            failed += 1
            print(f"FAIL: {name}\n{said}")
    print(f"{len(names) - failed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    if OUTSIDE in os.environ:
        prepare()
        unittest.main(argv=[sys.argv[0], f"Kernel.{sys.argv[2]}"])
    elif os.geteuid() != 0 or run("unshare", "--net", "--mount", "true", check=False).returncode != 0:
        print("needs root and namespaces")
        sys.exit(SKIPPED)
    else:
        sys.exit(play(sys.argv[2:] or unittest.defaultTestLoader.getTestCaseNames(Kernel)))
