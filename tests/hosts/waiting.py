# SPDX-License-Identifier: Apache-2.0
"""Waiting for states. The only place of the hosts tests where time passes without being asked for."""

import time

POLL = 0.01  # seconds between two looks, at least
LONGEST = 0.2  # and at most


class Failure(Exception):
    """A promise that was not kept: the scene fails."""


class Timeout(Failure):
    """A state that did not come."""


def now():
    """Seconds on CLOCK_BOOTTIME, the clock of the stamps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def _pause(began, end):
    """Between two looks, of which the last began then: twice as long as it took, and not beyond the end. Most looks start a program on a
    machine, and one look after the other keeps a processor from what is waited for."""
    looked = now()
    time.sleep(POLL * max(1, min(LONGEST, 2 * (looked - began), end - looked) / POLL))


def wait_for(what, predicate, deadline, context=None):
    """Returns the predicate's first true value; after deadline seconds raises Timeout with what() of context."""
    end = now() + deadline
    while True:
        began = now()
        value = predicate()
        if value:
            return value
        if now() >= end:
            text = f"waited {deadline:g} s for: {what}"
            raise Timeout(text + (f"\n{context()}" if context else ""))
        _pause(began, end)


def hold_for(what, predicate, duration, context=None):
    """The opposite promise: the predicate stays true for so many seconds."""
    end = now() + duration
    while (began := now()) < end:
        if not predicate():
            raise Failure(f"did not stay so: {what}" + (f"\n{context()}" if context else ""))
        _pause(began, end)


def require(what, condition, context=None):
    if not condition:
        raise Failure(what + (f"\n{context()}" if context else ""))
