# SPDX-License-Identifier: Apache-2.0
"""A unit whose writes a resource judges: the ledger of docs/fencing.md, which no machine of the cluster keeps."""

import os
import re

from register import parse, unlawful
from waiting import require

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.join(HERE, "../..")
CLIENT = os.path.join(HERE, "../laws/register.py")


class Ledger:
    """The ledger and its unit, of that name, which is not enabled yet."""

    def __init__(self, cluster, name, service=""):
        self._place = os.path.join(cluster.rack.shared, f"ledger-{cluster.number_stamps()}")
        os.makedirs(self._place)
        with open(os.path.join(TOP, "docs/fencing.md")) as file:
            self._write("schema", re.search(r"```sql\n(.*?)```", file.read(), re.S).group(1))
        with open(CLIENT) as file:
            self._write("client", file.read())
        place = f"/shared/{os.path.basename(self._place)}"
        self.unit = cluster.unit(name, service=service, command=f"/usr/bin/python3 -B {place}/client {place}/database {place}/schema "
                                 f"{place}/history %s")

    def _write(self, name, text):
        with open(os.path.join(self._place, name), "w") as file:
            file.write(text)

    def operations(self):
        """All that was called so far, and what came of it."""
        path = os.path.join(self._place, "history")
        if not os.path.exists(path):
            return []
        with open(path) as file:
            return parse(file.read())

    def require_lawful(self):
        """Every read and every write is explained by one register that goes by the Index, and no holder was refused. Returns how
        many writes were taken."""
        operations = self.operations()
        wrong = unlawful(operations)
        require(f"no register can have done this: {wrong}", wrong is None, self.unit.story)
        refused = [each for each in operations if each.result is False]
        require(f"no holder was refused: {refused}", not refused, self.unit.story)
        return sum(each.result is True for each in operations)
