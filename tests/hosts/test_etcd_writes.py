# SPDX-License-Identifier: Apache-2.0
"""What leased costs etcd, as etcd itself counts it."""

import http.client
import json
import re
import sys

from etcd import CLIENT_PORT
from scene import scene
from waiting import hold_for, now, require, wait_for

# Cheap for a machine; and in the normal form only a hundred of them, because a thousand take it minutes to enable and disable,
# in which no other scene on it would have its time.
MANY = """\
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/true
"""


def _proposals(cluster):
    """Committed by the cluster so far: every write, and every refused transaction, is one."""
    connection = http.client.HTTPConnection(cluster["alpha"].address, CLIENT_PORT, timeout=2)
    try:
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
    finally:
        connection.close()
    return float(re.search(r"^etcd_server_proposals_committed_total (\S+)$", text, re.MULTILINE).group(1))


def _writes_a_round(cluster, rounds=10):
    """Of one machine, on average."""
    began, before = now(), _proposals(cluster)
    end = began + rounds * cluster.ttl / 5
    hold_for("time passes", lambda: now() < end + 1, end - began)
    return (_proposals(cluster) - before) / ((now() - began) / (cluster.ttl / 5)) / len(list(cluster))


def _held(cluster, machine):
    said = machine.run("busctl", "--json=short", "get-property", "org.leased1", "/org/leased1",
                       "org.leased1.Manager", "Held").stdout
    return json.loads(said)["data"]


@scene(registry="etcd", only_at_length=True)
def one_write_a_machine_and_round_for_one_unit_and_for_many(cluster):
    number = 1000 if cluster.at_length else 100
    unit = cluster.unit("single.service").enable()
    holder = unit.wait_running()
    for_one = _writes_a_round(cluster)
    names = [f"many@{i}.service" for i in range(number)]
    holder.write("/etc/systemd/system/many@.service", MANY)
    holder.run("leasectl", "enable", *names, deadline=600)
    try:
        wait_for(f"{number} units more are held", lambda: _held(cluster, holder) == number + 1, 300, cluster.journals)
        for_many = _writes_a_round(cluster)
    finally:
        holder.run("leasectl", "disable", *names, deadline=600)
    print(f"      writes a machine and round: {for_one:.2f} with one unit, {for_many:.2f} with {number + 1}", file=sys.stderr, flush=True)
    require(f"{for_one:.2f} writes a round for one unit", 0.8 <= for_one <= 1.2)
    require(f"{for_many:.2f} writes a round for {number + 1}", 0.8 <= for_many <= 1.2)
    unit.require_tenures(1)
