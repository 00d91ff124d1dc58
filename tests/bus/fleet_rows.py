# SPDX-License-Identifier: Apache-2.0
"""What fleet's package lease did, row by row, over D-Bus: the same, or better where leased differs on purpose.

A mixin: the class that takes it has call() for the Manager's methods, busctl() and a running daemon. Rows about the
registry's wire (a reply that was lost, an endpoint that is dead, reads) are in tests/registry and tests/unit.
"""

import json

PERIOD = 10_000_000


class FleetRows:
    def acquire(self, name, machine="", version=1, period=PERIOD):
        answer = self.call("AcquireLease", "ssxt", name, machine, str(version), str(period))
        self.assertEqual(answer.returncode, 0, answer.stderr)
        words = answer.stdout.split()
        return words[1] == "true", int(words[3])

    def of_lease(self, name, method, *arguments):
        path = "/org/leased1/lease/" + name.replace("-", "_2d")
        return self.busctl("call", "org.leased1", path, "org.leased1.Lease", method, *map(str, arguments))

    def renew(self, name, index, period=PERIOD):
        return self.of_lease(name, "Renew", "tt", index, period)

    def release(self, name, index):
        return self.of_lease(name, "Release", "t", index)

    def steal(self, name, index, version=2, period=PERIOD):
        return self.call("StealLease", "ssxtt", name, "", str(version), str(period), str(index))

    def lease(self, name):
        """held, path, machine, version, index, microseconds left"""
        answer = self.busctl("--json=short", "call", "org.leased1", "/org/leased1", "org.leased1.Manager", "GetLease", "s", name)
        self.assertEqual(answer.returncode, 0, answer.stderr)
        return json.loads(answer.stdout)["data"]

    def test_fleet_acquiring_a_held_lease_is_no_error(self):
        self.wait_competing()
        self.assertEqual(self.acquire("row-held"), (True, 1))
        self.assertEqual(self.acquire("row-held", self.machine_id()), (False, 1))

    def test_fleet_acquiring_again_as_the_same_machine_is_not_reentrant(self):
        self.wait_competing()
        self.assertEqual(self.acquire("row-again", self.machine_id()), (True, 1))
        self.assertEqual(self.acquire("row-again", self.machine_id()), (False, 1))

    def test_fleet_renew_keeps_machine_and_version_and_changes_period_and_index(self):
        self.wait_competing()
        self.acquire("row-renew", version=7)
        before = self.lease("row-renew")
        self.assertEqual(self.renew("row-renew", 1, 2 * PERIOD).stdout.split(), ["t", "2"])
        after = self.lease("row-renew")
        self.assertEqual((after[2], after[3]), (before[2], 7))
        self.assertEqual(after[4], 2)
        self.assertGreater(after[5], PERIOD)

    def test_fleet_renew_with_a_stale_object_fails_and_changes_nothing(self):
        self.wait_competing()
        self.acquire("row-stale")
        self.renew("row-stale", 1)
        self.assert_error(self.renew("row-stale", 1), "")
        self.assertEqual(self.lease("row-stale")[4], 2)

    def test_fleet_steal_at_the_wrong_index_is_an_error_that_names_the_right_one(self):
        self.wait_competing()
        self.acquire("row-wrong")
        self.assert_error(self.steal("row-wrong", 9), "1")
        self.assertEqual(self.lease("row-wrong")[3], 1)

    def test_fleet_steal_with_index_0_is_refused(self):
        self.wait_competing()
        self.acquire("row-zero")
        self.assert_error(self.steal("row-zero", 0), "")
        self.assertEqual(self.lease("row-zero")[3:5], [1, 1])

    def test_fleet_steal_of_a_missing_lease_is_no_such_lease(self):
        self.wait_competing()
        self.assert_error(self.steal("row-missing", 1), "Nobody has ever held")

    def test_fleet_the_robbed_holder_can_neither_renew_nor_release(self):
        self.wait_competing()
        self.acquire("row-robbed")
        stolen = self.steal("row-robbed", 1).stdout.split()
        self.assertEqual(stolen[2], "2")
        self.assertTrue(0 < int(stolen[3]) <= 1.03 * PERIOD, stolen)
        self.assert_error(self.renew("row-robbed", 1), "")
        self.assert_error(self.release("row-robbed", 1), "")
        self.assertEqual(self.lease("row-robbed")[3:5], [2, 2])

    def test_fleet_release_twice_is_lost(self):
        self.wait_competing()
        self.acquire("row-twice")
        self.assertEqual(self.release("row-twice", 1).returncode, 0)
        self.assert_error(self.release("row-twice", 1), "")

    def test_fleet_periods_too_short_to_be_kept_are_refused_with_the_shortest(self):
        self.wait_competing()
        for period in (0, 1, 400_000, 999_999):
            answer = self.call("AcquireLease", "ssxt", "row-short", "", "1", str(period))
            self.assert_error(answer, "1")
        self.assertEqual(self.acquire("row-short", period=1_999_000), (True, 1))  # microseconds are kept

    def test_fleet_the_index_grows_by_one_and_never_goes_back(self):
        self.wait_competing()
        self.assertEqual(self.acquire("row-index"), (True, 1))
        self.renew("row-index", 1)
        self.release("row-index", 2)
        self.assertEqual(self.acquire("row-index"), (True, 3))

    def test_fleet_the_time_remaining_is_live(self):
        self.wait_competing()
        self.acquire("row-time")
        first = self.lease("row-time")[5]
        self.wait_for("time to pass", lambda: self.lease("row-time")[5] < first)

    def test_fleet_a_lease_past_its_period_is_never_renewed_and_passes_on(self):
        self.wait_competing()
        self.acquire("row-past", period=1_000_000)
        self.wait_for("its end", lambda: self.lease("row-past")[5] == 0)
        self.assert_error(self.renew("row-past", 1), "")
        self.wait_for("another", lambda: self.acquire("row-past")[0])
        self.assertEqual(self.lease("row-past")[4], 2)

    def test_fleet_a_value_that_is_not_json_counts_as_held_and_is_left_alone(self):
        self.wait_competing()
        self.put_record("leases/row-damaged", "{")
        self.wait_for("the record", lambda: self.call("GetLease", "s", "row-damaged").returncode == 0)
        self.assertTrue(self.lease("row-damaged")[0])
        answer = self.call("AcquireLease", "ssxt", "row-damaged", "", "1", str(PERIOD))
        self.assertTrue(answer.returncode != 0 or answer.stdout.split()[1] == "false", answer.stdout)

    def test_fleet_names_are_neither_folders_nor_paths(self):
        self.wait_competing()
        for name in ("", ".", "..", "a/b", "../x", "x" * 256):
            self.assert_error(self.call("AcquireLease", "ssxt", name, "", "1", str(PERIOD)), "name")
        self.assertEqual(self.acquire("row-" + "x" * 251), (True, 1))
