# SPDX-License-Identifier: Apache-2.0
"""A resource that judges from outside: a register that is fenced by LEASE_INDEX, and whether its history is linearizable.

As a program it is what a leased unit runs: it writes to the ledger of docs/fencing.md, reads what was written last, and tells of
each call and each return in a history. Somebody else then asks unlawful() about the history. The register has the highest Index and
the value that were written last. A write with a lower Index is refused, any other one is taken; a read gives both.

register.py DATABASE SCHEMA HISTORY STAMPS    until it is ended; exit code 3 once a write is refused
"""

import os
import sqlite3
import sys
import threading
import time
from dataclasses import dataclass

PERIOD = 0.02  # seconds between two writes
NOTHING = (0, None)  # the Index and the value of a register that was never written


@dataclass(frozen=True)
class Operation:
    """What was called, and what came of it: True or False for a write, (Index, value) for a read, None if nothing came."""
    name: str
    called: int
    index: int | None = None  # of a write
    value: str | None = None
    returned: int | None = None
    result: tuple | bool | None = None


def parse(text):
    """The operations of a history, also of one whose last line is only half there."""
    called, found = {}, {}
    for words in map(str.split, text.split("\n")[:-1]):
        if len(words) == 5 and words[0] == "write":
            called[words[2]] = Operation(words[2], int(words[1]), int(words[3]), words[4])
        elif len(words) == 3 and words[0] == "read":
            called[words[2]] = Operation(words[2], int(words[1]))
        elif len(words) >= 4 and words[2] in called:
            first = called.pop(words[2])
            result = {"taken": True, "refused": False}.get(words[3]) if words[0] == "written" else \
                (int(words[3]), words[4] if words[4] != "-" else None)
            found[words[2]] = Operation(first.name, first.called, first.index, first.value, int(words[1]), result)
    return [*found.values(), *called.values()]


def _after(operation, register):
    """The register after the operation; None if it cannot have taken place on that register as it is said to have."""
    if operation.index is None:
        return register if operation.result == register else None
    taken = operation.index >= register[0]
    if operation.result is None:
        return (operation.index, operation.value) if taken else None  # refused, it would leave no trace
    if taken != operation.result:
        return None
    return (operation.index, operation.value) if taken else register


def unlawful(operations):
    """None if there is an order in which each took place at one moment between its call and its return. Otherwise the first that
    no such order can explain.

    Goes through calls and returns in the order of time, with all that may be so: registers, each with those of the operations under
    way that have taken place (just-in-time linearization, Lowe 2017). What never returned may take place at any later time."""
    events = sorted([(each.called, 0, each.name, each) for each in operations] +
                    [(each.returned, 1, each.name, each) for each in operations if each.returned is not None])
    possible = {(NOTHING, frozenset())}
    under_way = set()
    for _, returns, _, operation in events:
        if not returns:
            if operation.returned is not None or operation.index is not None:
                under_way.add(operation)
            continue
        seen, left, explained = set(possible), list(possible), set()
        while left:
            register, done = left.pop()
            if operation in done:
                explained.add((register, done - {operation}))
                continue
            for each in under_way - done:
                after = _after(each, register)
                if after is not None and (after, done | {each}) not in seen:
                    seen.add((after, done | {each}))
                    left.append((after, done | {each}))
        if not explained:
            return operation
        under_way.remove(operation)
        lowest = min(register[0] for register, _ in explained)
        over = {each for each in under_way if each.returned is None and each.index < lowest}
        under_way -= over
        possible = {(register, done - over) for register, done in explained}
    return None


class Client:
    """The unit's side."""

    def __init__(self, database, schema, history, stamps):
        self._database = sqlite3.connect(database, timeout=0.2)
        with open(schema) as file:
            self._database.executescript(file.read())
        self._history = os.open(history, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        self._stamps = os.open(stamps, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        self._lease, self._index = os.environ["LEASE_NAME"], int(os.environ["LEASE_INDEX"])
        self._run = os.environ["INVOCATION_ID"]
        self._number = 0

    def _tell(self, word, *rest):
        line = f"{word} {time.clock_gettime_ns(time.CLOCK_BOOTTIME)} {self._run}-{self._number} {' '.join(map(str, rest))}".rstrip()
        os.write(self._history, (line + "\n").encode())

    def _stamp(self):
        os.write(self._stamps, (f"{time.clock_gettime_ns(time.CLOCK_BOOTTIME)} {os.uname().nodename} {os.getpid()} {self._index} "
                                f"{self._run}\n").encode())

    def write(self):
        """False if it was refused."""
        self._number += 1
        value = f"{self._run}-{self._number}"
        self._tell("write", self._index, value)
        try:
            with self._database:
                self._database.execute("INSERT INTO entry (lease, lease_index, text) VALUES (?, ?, ?)",
                                       (self._lease, self._index, value))
        except sqlite3.IntegrityError:
            self._tell("written", "refused")
            return False
        except sqlite3.OperationalError:  # somebody who stands still has the lock: what came of it is not known
            return True
        self._tell("written", "taken")
        return True

    def read(self):
        self._number += 1
        self._tell("read")
        try:
            row = self._database.execute("SELECT highest, (SELECT text FROM entry WHERE lease = fence.lease ORDER BY id DESC LIMIT 1) "
                                         "FROM fence WHERE lease = ?", (self._lease,)).fetchone()
        except sqlite3.OperationalError:
            return
        self._tell("seen", *(row or (0, "-")))

    def run(self):
        pause = threading.Event()
        while not pause.wait(PERIOD):
            self._stamp()
            if not self.write():
                return 3
            self.read()


if __name__ == "__main__":
    sys.exit(Client(*sys.argv[1:]).run())
