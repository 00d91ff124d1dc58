# SPDX-License-Identifier: Apache-2.0
"""Which tests a build with sanitizers plays, and which are played without: a test in neither would never be played."""

import unittest

import quick

BUILD = "/build"


def test_of(name, program, suite="unit"):
    return {"name": name, "cmd": [program, "--some"], "suite": [f"leased:{suite}"]}


def target_of(*files, kind="executable", by_default=True):
    return {"type": kind, "build_by_default": by_default, "filename": [f"{BUILD}/{each}" for each in files]}


UNIT = test_of("test-core", "/build/tests/unit/test-core")
SIMULATION = test_of("sim", "/build/tests/sim/sim", "sim")
MORE_SEEDS = test_of("sim-1000", "/build/tests/sim/sim", "sim")
ETCD = test_of("registry-etcd", "/build/tests/registry/test-registry-etcd", "registry")
GUEST = test_of("leasectl-on-pid1", "/sources/tests/bus/run-in-guest", "bus")
HOUSE = test_of("house", "/usr/bin/python3", "house")


class Quick(unittest.TestCase):
    def test_every_test_is_played_by_one_of_the_two(self):
        tests = [UNIT, SIMULATION, MORE_SEEDS, ETCD, GUEST, HOUSE]
        found, others = quick.split(tests, BUILD)
        self.assertEqual([each["name"] for each in found], ["test-core", "sim"])
        self.assertEqual([each["name"] for each in tests if each not in found and each not in others], [])

    def test_the_simulation_with_all_its_seeds_is_played_without_sanitizers(self):
        self.assertIn(SIMULATION, quick.split([UNIT, SIMULATION], BUILD)[1])

    def test_what_only_quick_tests_need_is_not_built_for_the_others(self):
        found, others = quick.split([UNIT, SIMULATION, ETCD, GUEST], BUILD)
        targets = [target_of("tests/unit/test-core"), target_of("tests/sim/sim"), target_of("tests/registry/test-registry-etcd"),
                   target_of("src/daemon/leased"), target_of("docs/a.5", kind="custom"), target_of("tests/clock.so", kind="shared library"),
                   target_of("src/core/libcore.a", kind="static library"), target_of("tests/once", by_default=False)]
        self.assertEqual(quick.other_programs(targets, found, others, BUILD),
                         ["tests/sim/sim", "tests/registry/test-registry-etcd", "src/daemon/leased", "docs/a.5", "tests/clock.so"])


if __name__ == "__main__":
    unittest.main()
