# SPDX-License-Identifier: Apache-2.0
"""What leased says, and how often."""

from cluster import DAEMON
from waiting import now, require, wait_for


class Journal:
    """What leased says from now on."""

    def __init__(self, machine):
        self._machine = machine
        self._before = len(self._all())

    def _all(self):
        return self._machine.run("journalctl", "--output=cat", "--quiet", f"--unit={DAEMON}",
                                 "SYSLOG_IDENTIFIER=leased").stdout.splitlines()

    def lines(self):
        return self._all()[self._before:]

    def _number(self, *texts):
        return sum(all(text in line for text in texts) for line in self.lines())

    def wait(self, *texts):
        """Until a line has them all."""
        wait_for(f"leased says: {' … '.join(texts)}", lambda: self._number(*texts), 10, self._story)

    def require_one(self, *texts):
        """Exactly one line has them all."""
        number = self._number(*texts)
        require(f"leased says it once, not {number} times: {' … '.join(texts)}", number == 1, self._story)

    def require_once(self, text, duration):
        """Exactly one line has it, also when so many seconds have passed."""
        self.wait(text)
        end = now() + duration
        wait_for("it might say so again", lambda: now() > end, duration + 5)
        self.require_one(text)

    def _story(self):
        return "".join(f"  {line}\n" for line in self.lines())
