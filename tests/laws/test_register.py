# SPDX-License-Identifier: Apache-2.0
"""The judge of the register finds a history that cannot be, and lets pass each that can."""

import os
import random
import re
import subprocess
import sys
import tempfile
import unittest

import register
from register import Operation, parse, unlawful

HERE = os.path.dirname(os.path.abspath(__file__))
FENCING = os.path.join(HERE, "../../docs/fencing.md")


def write(name, called, returned, index, result=True):
    return Operation(name, called, index, name, returned, result)


def read(name, called, returned, index, value):
    return Operation(name, called, None, None, returned, (index, value))


FIRST = [write("a", 1, 2, 1), read("r1", 3, 4, 1, "a")]
SECOND = [write("b", 11, 12, 2), read("r2", 13, 14, 2, "b")]


class Judge(unittest.TestCase):
    def lawful(self, *operations):
        self.assertIsNone(unlawful(operations))

    def unlawful(self, name, *operations):
        found = unlawful(operations)
        self.assertIsNotNone(found, operations)
        self.assertEqual(found.name, name)

    def test_one_holder_after_the_other(self):
        self.lawful()
        self.lawful(read("r", 1, 2, 0, None))
        self.lawful(*FIRST, *SECOND)
        self.lawful(*FIRST, *SECOND, write("late", 15, 16, 1, False), read("r3", 17, 18, 2, "b"))

    def test_a_write_of_an_earlier_holder_that_is_taken(self):
        self.unlawful("late", *FIRST, *SECOND, write("late", 15, 16, 1))

    def test_a_write_of_the_holder_that_is_refused(self):
        self.unlawful("no", *FIRST, write("no", 5, 6, 1, False))

    def test_a_write_that_is_lost(self):
        self.unlawful("r", *FIRST, write("lost", 5, 6, 1), read("r", 7, 8, 1, "a"))

    def test_a_read_of_the_past_and_one_of_nothing_that_was_written(self):
        self.unlawful("old", *FIRST, *SECOND, read("old", 15, 16, 1, "a"))
        self.unlawful("r", *FIRST, read("r", 5, 6, 1, "x"))
        self.unlawful("r", read("r", 1, 2, 1, "later"), write("later", 3, 4, 1))

    def test_what_was_under_way_at_the_same_time_may_come_in_either_order(self):
        both = [write("x", 5, 20, 1), write("y", 6, 21, 1)]
        for value in "xy":
            self.lawful(*FIRST, *both, read("r", 22, 23, 1, value))
        self.unlawful("again", *FIRST, *both, read("r", 22, 23, 1, "x"), read("again", 24, 25, 1, "y"))
        self.lawful(*FIRST, write("x", 5, 20, 1), read("before", 6, 7, 1, "a"), read("after", 8, 9, 1, "x"))
        self.unlawful("after", *FIRST, write("x", 5, 20, 1), read("before", 6, 7, 1, "x"), read("after", 8, 9, 1, "a"))

    def test_what_never_returned_may_have_taken_place_at_any_time_or_never(self):
        lost = Operation("lost", 5, 1, "lost")
        self.lawful(*FIRST, lost, read("r", 7, 8, 1, "a"), read("s", 9, 10, 1, "lost"), *SECOND)
        self.lawful(*FIRST, lost, *SECOND)
        self.unlawful("r", *FIRST, lost, *SECOND, read("r", 15, 16, 1, "lost"))
        self.unlawful("s", *FIRST, lost, read("r", 7, 8, 1, "lost"), read("s", 9, 10, 1, "a"))
        self.lawful(*FIRST, Operation("new", 5, 2, "new"), write("old", 6, 7, 1, False))

    def test_histories_made_by_a_register_are_lawful_and_become_unlawful_when_a_result_is_changed(self):
        for seed in range(200):
            chance = random.Random(seed)
            operations, state, at = [], register.NOTHING, 0
            for number in range(40):
                at += 10
                span = at - chance.randrange(9), at + chance.randrange(1, 9)
                if chance.random() < 0.5:
                    operations.append(Operation(str(number), span[0], None, None, span[1], state))
                else:
                    index = max(1, state[0] + chance.choice((-1, 0, 0, 0, 1)))
                    taken = index >= state[0]
                    operations.append(Operation(str(number), span[0], index, f"v{number}", span[1], taken))
                    state = (index, f"v{number}") if taken else state
            operations.append(Operation("last", at + 100, None, None, at + 101, state))
            self.assertIsNone(unlawful(operations), seed)
            operations[-1] = Operation("last", at + 100, None, None, at + 101, (state[0], "nobody's"))
            self.assertEqual(unlawful(operations).name, "last", seed)

    def test_a_history_of_thousands_with_holders_that_died_is_judged_in_a_moment(self):
        operations, at = [], 0
        for index in range(1, 200):
            for number in range(20):
                at += 10
                operations.append(write(f"{index}-{number}", at, at + 5, index))
            operations.append(Operation(f"{index}-dead", at + 6, index, "dead"))
        self.lawful(*operations)


class Client(unittest.TestCase):
    def test_its_history_is_lawful_and_an_earlier_holder_is_shut_out(self):
        with open(FENCING) as file:
            schema = re.search(r"```sql\n(.*?)```", file.read(), re.S).group(1)
        with tempfile.TemporaryDirectory() as directory:
            with open(f"{directory}/schema", "w") as file:
                file.write(schema)

            def holder(index):
                return subprocess.Popen([sys.executable, "-B", f"{HERE}/register.py",
                                         *(f"{directory}/{each}" for each in ("database", "schema", "history", "stamps"))],
                                        env={**os.environ, "LEASE_NAME": "x", "LEASE_INDEX": str(index), "INVOCATION_ID": f"i{index}"},
                                        stdout=subprocess.PIPE, text=True)

            def operations():
                with open(f"{directory}/history") as file:
                    return parse(file.read())

            old = holder(1)
            while not os.path.exists(f"{directory}/history") or sum(each.result is True for each in operations()) < 5:
                self.assertIsNone(old.poll())
            new = holder(2)
            self.assertEqual(old.wait(60), 3)
            new.kill()
            new.wait()
            old.stdout.close()
            new.stdout.close()
            self.assertIsNone(unlawful(operations()))
            self.assertEqual(sum(each.result is False for each in operations()), 1)


if __name__ == "__main__":
    unittest.main()
