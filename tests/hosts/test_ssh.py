# SPDX-License-Identifier: Apache-2.0
"""What leasectl does over SSH: the journal of another machine, and another machine's bus. By a real sshd."""

import json
import sys

from scene import scene
from waiting import require, wait_for

def tell(text):
    print(text, file=sys.stderr, flush=True)


KEY = "/etc/ssh/of-the-operator"
SSHD_CONFIG = f"HostKey {KEY}-host\nAuthorizedKeysFile {KEY}.pub\nStrictModes no\nUsePAM no\nPidFile none\nPasswordAuthentication no\n"
SSH_CONFIG = "Host {name}\n        HostName {address}\n        IdentityFile " + KEY + "\n        UserKnownHostsFile " + KEY + "-hosts\n"


def serve_ssh(client, servers):
    """From now on root of the client is let in by the servers, whose keys the client knows. Others are not."""
    client.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", KEY)
    known = ""
    for server in servers:
        server.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", KEY + "-host")
        known += f"{server.address} {server.read(KEY + '-host.pub')}"
        server.write(KEY + ".pub", client.read(KEY + ".pub"))
        server.write("/etc/ssh/leased-test", SSHD_CONFIG)
        server.run("systemd-run", "--quiet", "--unit=ssh-for-the-test", "--property=RuntimeDirectory=sshd",
                   "/usr/sbin/sshd", "-D", "-e", "-f", "/etc/ssh/leased-test")
    client.write(KEY + "-hosts", known)
    client.write("/etc/ssh/ssh_config.d/leased-test.conf",
                 "".join(SSH_CONFIG.format(name=server.name, address=server.address) for server in servers))
    for server in servers:
        wait_for(f"{client} gets into {server}",
                 lambda: client.run("ssh", "-o", "BatchMode=yes", server.name, "true", check=False).returncode == 0, 10,
                 lambda: server.journal(30, "ssh-for-the-test"))


@scene(registry="etcd", only_at_length=True)
def what_another_machine_alone_knows_is_fetched_over_ssh(cluster):
    unit = cluster.unit("told.service")
    unit.options("HoldDownSec=1s")
    unit.enable()
    holder = unit.wait_running()
    here = cluster.other(holder)

    def on(machine, *arguments, code=0):
        done = machine.run("leasectl", *arguments, check=False)
        require(f"leasectl {' '.join(arguments)} ends with {code}", done.returncode == code,
                lambda: f"{done.returncode}: {done.stdout}{done.stderr}")
        return done

    # Nobody is let in yet: what can be said without is said, and what cannot is one clear line.
    require("status does without", f"on {holder.name}: journalctl -u {unit.name}" in on(here, "status", unit.name).stdout)
    refused = on(here, "logs", unit.name, code=1).stderr
    require("logs says what could not be read", refused.startswith("leasectl: ") and holder.name in refused, lambda: refused)
    refused = on(here, "-H", holder.name, "list", code=1).stderr
    require("-H says what could not be reached", f"of {holder.name} by ssh" in refused, lambda: refused)

    unknown = f"Outages on {holder.name} are not known here: leasectl history {unit.name} there"
    require("history says what it does not know", unknown in on(here, "history", unit.name).stdout)

    serve_ssh(here, [each for each in cluster if each is not here])
    own = holder.run("journalctl", "--no-pager", "--output=cat", "--lines=1", f"--unit={unit.name}").stdout.strip()
    require("the holder has lines of the unit", own, unit.story)
    require("logs shows them", own in on(here, "logs", unit.name).stdout)
    told = on(here, "status", unit.name).stdout
    require("status ends with them", " ".join(own.split()) in " ".join(told.split()), lambda: told)
    tell("\n" + told)
    require("-H lists what the other machine would", on(here, "-H", holder.name, "list").stdout.split()[:4] ==
            on(holder, "list").stdout.split()[:4])
    shown = json.loads(on(here, "-H", holder.name, "machines", "--json=short").stdout)
    require("-H is that machine", [each["hostname"] for each in shown if each["here"]] == [holder.name], lambda: shown)

    on(here, "stop", unit.name)
    unit.wait_gone()
    on(here, "start", unit.name)
    unit.wait_running(on=holder)
    on(here, "-H", holder.name, "release", unit.name)
    wait_for(f"{holder} has given it up", lambda: len(unit.tenures) > 1, 20, unit.story)
    if unit.wait_running() is not here:
        on(here, "transfer", unit.name, here.name)
        unit.wait_running(on=here)
    for host in ((), ("-H", holder.name)):
        rows = json.loads(on(here, *host, "history", "--json=short", unit.name).stdout)
        outages = [each for row in rows if row["hostname"] == holder.name for each in row["outages"]]
        require("the outage on the old holder is seen from here", [each["why"] for each in outages] == ["stopped by hand"], lambda: rows)
        require("and who has asked for it", outages[0]["by"] == f"root@{here.name}", lambda: rows)
        require("all outages are known", all(row["outages_known"] for row in rows), lambda: rows)
    told = on(here, "history", unit.name).stdout
    require("history has a line for it", f": stopped by hand, root@{here.name}\n" in told and "not known" not in told, lambda: told)
    drawn = on(here, "history", "--picture", unit.name).stdout
    require("and the picture a gap", "\n  down " in drawn, lambda: drawn)
    tell(f"\n{told}\n{drawn}")
    wait_for("the journals of all prove each move", lambda: _is_proven(here, unit), 10, unit.story)
    tell("\n" + on(here, "prove", unit.name).stdout)


def _is_proven(machine, unit):
    done = machine.run("leasectl", "prove", "--json=short", unit.name, check=False)
    moves = json.loads(done.stdout)["moves"] if done.stdout else []
    return not done.stderr and len(moves) == len({each.index for each in unit.tenures}) - 1 and all(move["verdict"] == "proven" for move in moves)
