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
TIMELINE = test_of("test-timeline", "/build/tests/unit/test-timeline")
STORIES = test_of("test-sim", "/build/tests/sim/test-sim", "sim")
ARGUMENTS = test_of("arguments-corpus", "/build/tests/fuzz/fuzz-arguments", "fuzz")
TAPES = test_of("simulation-corpus", "/build/tests/fuzz/fuzz-simulation", "fuzz")
SEEDS = test_of("sim", "/build/tests/sim/sim", "sim")
MORE_SEEDS = test_of("sim-1000", "/build/tests/sim/sim", "sim")
ETCD = test_of("registry-etcd", "/build/tests/registry/test-registry-etcd", "registry")
GUEST = test_of("leasectl-on-pid1", "/sources/tests/bus/run-in-guest", "bus")
HOUSE = test_of("house", "/usr/bin/python3", "house")
ALL = [UNIT, TIMELINE, STORIES, ARGUMENTS, TAPES, SEEDS, MORE_SEEDS, ETCD, GUEST, HOUSE]


class Quick(unittest.TestCase):
    def test_every_test_is_played_by_one_of_the_two_but_those_of_which_all_plays_more(self):
        once, others = quick.split(ALL, BUILD)
        self.assertEqual(sorted(each["name"] for each in once + others), sorted(each["name"] for each in ALL if each is not MORE_SEEDS))

    def test_what_goes_through_memory_is_played_with_sanitizers_and_what_computes_for_long_without(self):
        self.assertEqual(quick.split(ALL, BUILD)[0], [UNIT, STORIES, TAPES])

    def test_a_variant_plays_what_computes_too(self):
        self.assertEqual([each for each in ALL if quick.is_quick(each, BUILD)], [UNIT, TIMELINE, STORIES, ARGUMENTS, TAPES, SEEDS])

    def test_what_is_only_played_with_sanitizers_is_not_built_without(self):
        once, others = quick.split(ALL, BUILD)
        targets = [target_of("tests/unit/test-core"), target_of("tests/sim/sim"), target_of("tests/registry/test-registry-etcd"),
                   target_of("src/daemon/leased"), target_of("docs/a.5", kind="custom"), target_of("tests/clock.so", kind="shared library"),
                   target_of("src/core/libcore.a", kind="static library"), target_of("tests/once", by_default=False)]
        self.assertEqual(quick.other_programs(targets, once, others, BUILD),
                         ["tests/sim/sim", "tests/registry/test-registry-etcd", "src/daemon/leased", "docs/a.5", "tests/clock.so"])


if __name__ == "__main__":
    unittest.main()
