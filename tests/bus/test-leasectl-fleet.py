#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Leases in fleet's registry (LeaseRegistry=etcd2:): leased and a client that speaks as fleet's package lease did.

    run-in-guest test-leasectl-fleet.py LEASECTL LEASED LEASED_GUARD LEASED.SERVICE LEASED-GUARD.SERVICE BUS_POLICY LEASED_RUN
                                        LEASECTL_FLEET
"""

import json
import os
import subprocess
import threading
import urllib.parse

from leasectl_fleet import KEYS, Fleet, WithFleetsRegistry, acquire, boottime, call, get, path_of, release, renew, steal
from leasectl_guest import DEADLINE, ENVIRONMENT, HERE, ctl, main, run, wait_for

LOST = "is not held at that Index any more"


class Leases(WithFleetsRegistry):
    # the wire

    def test_the_wire_is_fleets(self):
        acquired, index = acquire("wire", period=29, machine="A")  # 29 s by the slowest clock are 30 by the fastest
        self.assertTrue(acquired)
        second = renew("wire", index, period=19)[0][0]
        third = steal("wire", second, period=9, machine="B", version=2)[0][1]
        self.assertEqual(release("wire", third), ([], None))
        form = "application/x-www-form-urlencoded"
        a, b = "%7B%22MachineID%22%3A%22A%22%2C%22Version%22%3A1%7D", "%7B%22MachineID%22%3A%22B%22%2C%22Version%22%3A2%7D"
        self.assertEqual(urllib.parse.unquote(a), '{"MachineID":"A","Version":1}')
        self.assertEqual(self.proxy.kept, [
            ("PUT", KEYS + "wire?prevExist=false", "ttl=30&value=" + a, form),
            ("PUT", KEYS + f"wire?prevIndex={index}", "ttl=20&value=" + a, form),
            ("GET", KEYS + "wire?quorum=true&recursive=false&sorted=false", "", None),
            ("PUT", KEYS + f"wire?prevIndex={second}", "ttl=10&value=" + b, form),
            ("DELETE", KEYS + f"wire?prevIndex={third}", "", None)])
        self.assertTrue(index < second < third)

    def test_the_value_in_the_registry_is_fleets(self):
        acquire("value", machine="A", version=-7)
        self.assertEqual(self.fleet.get("value")["value"], '{"MachineID":"A","Version":-7}')

    # each excludes the other

    def test_what_fleet_holds_is_not_acquired_here(self):
        index = self.fleet.acquire("engine-leader", machine="f" * 32, version=3)[2]
        self.assertEqual(acquire("engine-leader"), (False, index))
        (held, path, machine, version, seen, left), _ = get("engine-leader")
        self.assertEqual((held, path, machine, version, seen), (True, path_of("engine-leader"), "f" * 32, 3, index))
        self.assertTrue(20e6 < left <= 30e6, left)
        self.assertError(renew("engine-leader", index + 1), LOST)
        self.assertError(release("engine-leader", index + 1), LOST)
        self.assertEqual(self.fleet.release("engine-leader", index)[0], 200)
        self.assertTrue(acquire("engine-leader")[0])

    def test_what_is_held_here_fleet_does_not_acquire(self):
        _, index = acquire("ours")
        self.assertEqual(self.fleet.get("ours")["value"], Fleet.value(self.machine, 1))
        self.assertEqual(self.fleet.acquire("ours")[:2], (412, 105))
        self.assertEqual(self.fleet.renew("ours", index + 5)[:2], (412, 101))
        (after,), _ = renew("ours", index)
        self.assertEqual(self.fleet.release("ours", index)[:2], (412, 101))
        self.assertEqual(acquire("ours"), (False, after))  # nor does this machine, once more
        self.assertEqual(release("ours", after), ([], None))
        self.assertEqual(self.fleet.acquire("ours")[0], 201)
        self.assertError(release("ours", after), LOST)

    def test_of_many_who_ask_at_once_one_gets_it(self):
        for turn in range(5):
            name, won = f"many-{turn}", []
            askers = [threading.Thread(target=lambda: won.append(self.fleet.acquire(name)[0] == 201)) for _ in range(4)]
            for asker in askers:
                asker.start()
            won.append(acquire(name)[0])
            for asker in askers:
                asker.join()
            self.assertEqual(sum(won), 1)

    # time

    def test_a_lease_of_fleets_that_runs_out_is_acquired(self):
        self.fleet.acquire("short", ttl=1)
        self.assertFalse(acquire("short")[0])
        wait_for("it runs out", lambda: acquire("short")[0])

    def test_a_lease_from_here_is_over_for_its_holder_before_it_is_gone_from_the_registry(self):
        asked = boottime()
        _, index = acquire("brief", period=1)
        wait_for("a second is over", lambda: boottime() >= asked + 1.2)
        self.assertIsNotNone(self.fleet.get("brief"))  # for it was asked for two
        self.assertError(renew("brief", index), LOST)
        taken = wait_for("fleet gets it", lambda: self.fleet.acquire("brief")[0] == 201 and boottime())
        self.assertGreater(taken, asked + 1.02 / 0.99)

    def test_a_renewal_keeps_it(self):
        _, index = acquire("kept", period=1.5)
        end = boottime() + 3.5
        while boottime() < end:
            (index,), error = renew("kept", index, period=1.5)
            self.assertIsNone(error)
            self.assertEqual(self.fleet.acquire("kept")[:2], (412, 105))

    # by force

    def test_a_steal_names_the_index_and_the_time_to_wait(self):
        self.assertError(steal("robbed", 5), "NoSuchLease", "Nobody holds a lease robbed")
        index = self.fleet.acquire("robbed", ttl=40)[2]
        for wrong in (0, index - 1, index + 1):
            self.assertError(steal("robbed", wrong), "IndexMismatch", f"The Index of robbed is {index} by now.")
        (_, taken, wait), _ = steal("robbed", index)
        self.assertGreater(taken, index)
        self.assertTrue(35e6 < wait <= 41e6, wait)
        self.assertEqual(self.fleet.renew("robbed", index)[:2], (412, 101))  # fleet hears of it
        # This machine remembers whom it robbed, and gives the lease to nobody here before he is surely done.
        self.assertEqual(release("robbed", taken), ([], None))
        self.assertFalse(acquire("robbed")[0])

    def test_fleet_steals_from_here(self):
        _, index = acquire("stolen")
        status, _, taken = self.fleet.renew("stolen", index, machine="thief", version=9)
        self.assertEqual(status, 200)
        self.assertError(renew("stolen", index), LOST)
        self.assertError(release("stolen", index), LOST)
        self.assertEqual(get("stolen")[0][2:5], ["thief", 9, taken])

    # answers that are lost

    def test_a_renewal_whose_answer_is_lost_goes_on(self):
        _, index = acquire("lost")
        self.proxy.mode = "lose"
        (after,), error = renew("lost", index)
        self.assertIsNone(error)
        self.assertEqual(self.fleet.get("lost")["modifiedIndex"], after)
        self.assertEqual(renew("lost", after)[1], None)

    def test_an_acquisition_whose_answer_is_lost_is_not_taken_for_ours(self):
        # fleet on this very machine would write the same bytes
        self.proxy.mode = "lose"
        self.assertError(call("/org/leased1", "Manager", "AcquireLease", "ssxt", "lost-2", "", 1, 30000000),
                         "OutcomeUnknown", "Look before you try again")
        self.assertFalse(acquire("lost-2")[0])

    def test_a_release_whose_answer_is_lost_is_done(self):
        _, index = acquire("lost-3")
        self.proxy.mode = "lose"
        self.assertEqual(release("lost-3", index), ([], None))
        self.assertIsNone(self.fleet.get("lost-3"))

    def test_a_renewal_that_was_not_answered_in_time_is_found_by_the_next(self):
        _, index = acquire("later", period=60)
        self.proxy.mode = "hole"
        self.assertError(renew("later", index, period=60), "RegistryUnavailable or OutcomeUnknown", "registry did")
        self.proxy.mode = "pass"
        # what landed unseen
        self.fleet.renew("later", index, machine=self.machine, version=1, ttl=60)
        (after,), error = renew("later", index, period=60)
        self.assertIsNone(error)
        self.assertEqual(self.fleet.get("later")["modifiedIndex"], after)

    def test_whoever_only_reads_holds_up_no_renewal(self):
        _, index = acquire("read")
        self.proxy.mode = "hold-reads"
        readers = [subprocess.Popen(["busctl", "call", "org.leased1", "/org/leased1", "org.leased1.Manager", "GetLease", "s", "read"],
                                    stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) for _ in range(20)]
        wait_for("some were refused", lambda: sum(reader.poll() is not None for reader in readers) >= 4)
        self.assertEqual(renew("read", index)[1], None)
        self.proxy.mode = "pass"
        said = [reader.communicate(timeout=DEADLINE)[1] for reader in readers]
        self.assertEqual(sum("Too many calls wait" in each for each in said), 4)

    def test_one_who_only_reads_keeps_no_other_reader_out(self):
        acquire("read-too")
        self.proxy.mode = "hold-reads"
        flood = subprocess.Popen([os.path.join(HERE, "call-flood"), "20", "reads"], stdout=subprocess.PIPE)
        self.addCleanup(flood.stdout.close)
        self.addCleanup(flood.wait)
        self.addCleanup(flood.kill)
        os.set_blocking(flood.stdout.fileno(), False)
        said = []
        wait_for("all but four of its reads were refused", lambda: said.append(flood.stdout.read() or b"")
                 or b"".join(said).count(b"LimitsExceeded") == 16)
        reader = subprocess.Popen(["busctl", "call", "org.leased1", "/org/leased1", "org.leased1.Manager", "GetLease", "s", "read-too"],
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.proxy.mode = "pass"
        self.assertIn(" true ", reader.communicate(timeout=DEADLINE)[0])
        wait_for("the four are answered", lambda: said.append(flood.stdout.read() or b"") or b"".join(said).count(b"\n") == 20)
        self.assertEqual(b"".join(said).count(b"LimitsExceeded"), 16)

    # nonsense

    def test_values_that_are_no_leases_count_as_held(self):
        for n, value in enumerate(("", "xyz", "7", "[]", '{"MachineID":1,"Version":1}', '{"MachineID":"A"}',
                                   '{"MachineID":"' + "A" * 33 + '","Version":1}', '{"MachineID":"A\x1b[2J","Version":1}',
                                   '{"MachineID":"A","Version":1e99}', "{" * 300)):
            name = f"nonsense-{n}"
            index = self.fleet.ask("PUT", name, "?prevExist=false", ttl=60, value=value)[2]
            self.assertEqual(acquire(name), (False, index), value)
            (held, _, machine, version, seen, _), _ = get(name)
            self.assertEqual((held, machine, version, seen), (True, "", 0, index), value)
            self.assertError(renew(name, index), LOST)
        self.fleet.ask("PUT", "folder/below", "?prevExist=false", ttl=60, value="x")
        self.assertFalse(acquire("folder")[0])

    def test_names_of_members_may_be_in_any_case(self):
        self.fleet.ask("PUT", "case", "?prevExist=false", ttl=60, value='{"machineid":"A","VERSION":4,"More":[]}')
        self.assertEqual(get("case")[0][2:4], ["A", 4])

    def test_names_cannot_leave_the_folder(self):
        for name in ("../x", "a/b", ".", "", "a?b", "a b"):
            self.assertError(call("/org/leased1", "Manager", "AcquireLease", "ssxt", name, "", 1, 30000000), "A lease's name is")
        self.assertEqual([k for k in self.proxy.kept if k[0] == "PUT"], [])
        self.assertTrue(acquire("a:b\\c@d")[0])
        self.assertTrue(self.fleet.get("a:b%5Cc@d"))

    def test_a_server_without_the_v2_api_is_called_so(self):
        self.proxy.mode = "no-v2"
        self.assertError(call("/org/leased1", "Manager", "AcquireLease", "ssxt", "none", "", 1, 30000000), "no v2 API (etcd --enable-v2)")

    def test_periods_are_checked(self):
        for period in (0, 999999, 24 * 3600 * 1000000 + 1):
            self.assertError(call("/org/leased1", "Manager", "AcquireLease", "ssxt", "p", "", 1, period), "A period is")

    # the rest is where it was

    def test_units_and_their_leases_are_not_there(self):
        unit = self.enable("fleet-a.service")
        self.assertIsNone(self.fleet.get(unit))
        self.assertEqual(get(unit)[0][:3], [True, path_of(unit), self.machine])
        self.assertEqual([k for k in self.proxy.kept if unit in k[1]], [])

    def test_a_registry_that_is_silent_stops_no_unit(self):
        unit = self.enable("fleet-b.service")
        began = property_since(unit)
        self.proxy.mode = "hole"
        self.assertError(get("anything"), "Fleet's registry does not answer", "Fleet's registry does not answer")
        self.assertEqual(property_since(unit), began)

    def test_a_command_goes_by_both_leases(self):
        index = self.fleet.acquire("job", ttl=60)[2]
        done = ctl("run", "--no-wait", "job", "true")
        self.assertEqual((done.returncode, done.stderr), (3, "leasectl: job: held in fleet's registry\n"))
        command = subprocess.Popen(["leasectl", "run", "job", "sh", "-c", "echo begun; exec sleep 60"], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)
        self.addCleanup(command.communicate)
        self.addCleanup(command.kill)
        self.assertEqual(command.stderr.readline(), "leasectl: job: waiting, held in fleet's registry\n")
        self.fleet.release("job", index)
        self.assertEqual(command.stdout.readline(), "begun\n")
        self.assertEqual(self.fleet.acquire("job")[:2], (412, 105))
        self.assertEqual(json.loads(self.fleet.get("job")["value"])["MachineID"], self.machine)
        command.terminate()
        command.wait(DEADLINE)
        self.assertEqual(self.fleet.acquire("job")[0], 201)  # it was given back

    def test_what_a_command_leaves_behind_is_gone_before_the_lease(self):
        done = ctl("run", "leftover", "sh", "-c", "trap '' TERM; (trap '' TERM; echo $$; exec sleep 987654) >/dev/null & exit 7")
        self.assertEqual(done.returncode, 7, done.stderr)
        self.assertEqual(run("pgrep", "-f", "sleep 98765[4]", check=False).stdout, "")
        self.assertEqual(self.fleet.acquire("leftover")[0], 201)

    def test_a_command_is_for_root_alone(self):
        done = run("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "leasectl", "run", "job-2", "true", check=False)
        self.assertSays(done, 1, "job-2: with LeaseRegistry= in leased.conf only root can run a command")


def property_since(unit):
    return run("systemctl", "show", "-p", "ActiveEnterTimestampMonotonic", "--value", "--", unit).stdout


if __name__ == "__main__":
    main()
