# SPDX-License-Identifier: Apache-2.0
"""A real etcd, one member on each machine, listening on the machine's own address."""

import http.client
import json
import os
import re
import subprocess

from waiting import require, wait_for

SERVICE = "etcd-member.service"
HOME = "/var/lib/etcd-member"
DATA = HOME + "/data"
TOKEN = "/etc/etcd-member.env"
CLIENT_PORT = 2379
PEER_PORT = 2380

UNIT = """\
[Unit]
Description=A member of the registry
After=address.service

[Service]
Type=notify
TimeoutStartSec=60
EnvironmentFile={token}
ExecStart=/usr/bin/etcd --name={name} --data-dir={data} \\
        --listen-client-urls=http://{address}:{client},http://127.0.0.1:{client} \\
        --advertise-client-urls=http://{address}:{client} \\
        --listen-peer-urls=http://{address}:{peer} --initial-advertise-peer-urls=http://{address}:{peer} \\
        --initial-cluster={members} --initial-cluster-token=${{TOKEN}} --initial-cluster-state={state} \\
        {options}
"""

# As docs/operations.md has it for a TTL below 10 s. An election of etcd as it comes takes 1 to 2 s, and now and then twice that,
# when two members stand at one moment; of a TTL of 5 s the default grace leaves 2.3 to 3.3 s for it.
FAST_ELECTIONS = "--pre-vote=true --heartbeat-interval=50 --election-timeout=500"

# etcd 3.4 writes "W | etcdserver: ..."; later versions write JSON.
COMPLAINT = re.compile(r' [WEC] \| |"level":"(warn|error|fatal|panic)"|(elected|lost) leader')


class Etcd:
    """options: of each member. --pre-vote=true is what 3.5 and later do by themselves; without it a member that was cut off
    deposes the leader when it comes back, and for seconds there is none."""

    def __init__(self, machines, options="--pre-vote=true"):
        self.machines = list(machines)
        self._disks = {}
        self._token = 0
        self._options = options
        for machine in self.machines:
            machine.write(f"{HOME}/README", "The registry's data are here.\n")
            self._write_unit(machine, self._members, "new")
            machine.link(f"/etc/systemd/system/multi-user.target.wants/{SERVICE}", f"../{SERVICE}")
        self._new_token()

    def give_disk(self, sandbox, machine):
        """A disk of its own for the member on that machine, which is off: then hang_disk() can stop its writes."""
        image, mounted = sandbox.path(f"disk-{machine.name}"), sandbox.path(f"disk-{machine.name}.mounted")
        os.makedirs(mounted)
        with open(image, "wb") as file:
            file.truncate(256 << 20)
        for command in (["mkfs.ext4", "-q", image], ["mount", "-o", "loop", image, mounted]):
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            require(f"{' '.join(command)}: {done.stdout}", done.returncode == 0)
        machine.binds[HOME] = self._disks[machine] = mounted

    def hang_disk(self, machine):
        """Whoever writes there waits, until heal_disks()."""
        subprocess.run(["fsfreeze", "--freeze", self._disks[machine]], check=True)

    def heal_disks(self):
        """Also those that are well. A machine whose processes wait for a hung disk cannot even be switched off."""
        for mounted in self._disks.values():
            subprocess.run(["fsfreeze", "--unfreeze", mounted], stderr=subprocess.DEVNULL)

    def _write_unit(self, machine, members, state):
        machine.write(f"/etc/systemd/system/{SERVICE}",
                      UNIT.format(name=machine.name, address=machine.address, data=DATA, token=TOKEN, members=members, state=state,
                                  client=CLIENT_PORT, peer=PEER_PORT, options=self._options))

    def _begin_anew(self, machine, members, state):
        machine.systemctl("stop", SERVICE)
        machine.remove(DATA)
        self._write_unit(machine, members, state)
        machine.systemctl("daemon-reload")
        machine.systemctl("start", "--no-block", SERVICE)
        self.wait_healthy(machine)

    def begin_alone(self, machine):
        """The member on that machine loses its data and begins a cluster of its own: what happens to one that is set up anew as
        if it were the first."""
        self._begin_anew(machine, f"{machine.name}=http://{machine.address}:{PEER_PORT}", "new")

    def come_back(self, machine):
        """It joins the others again, as the new member that it is to them."""
        others = [each for each in self.machines if each is not machine]
        members = self.call(others[0], "/v3/cluster/member/list", {})["members"]
        old = next(each["ID"] for each in members if each.get("name") == machine.name)
        machine.systemctl("stop", SERVICE)
        self._change_members(others, "remove", {"ID": old})
        self._change_members(others, "add", {"peerURLs": [f"http://{machine.address}:{PEER_PORT}"]})
        self._begin_anew(machine, self._members, "existing")
        self._write_unit(machine, self._members, "new")

    def _change_members(self, others, what, body):
        """etcd refuses it for a few seconds after another change, and each member for as long as it takes another one to be ill."""
        def is_done():
            return any("members" in (self.call(each, f"/v3/cluster/member/{what}", body, 5) or {}) for each in others)

        wait_for(f"etcd takes the change: {what}", is_done, 30, lambda: "".join(each.journal(10, SERVICE) for each in others))

    def replace(self, machine):
        """Its disk is lost: the member is removed, and an empty one is added in its place."""
        machine.systemctl("kill", "--kill-whom=all", "--signal=KILL", SERVICE)
        machine.systemctl("stop", SERVICE)
        machine.remove(DATA)
        self.wait_healthy(*(each for each in self.machines if each is not machine))
        self.come_back(machine)

    def _new_token(self):
        """A cluster with another token has another cluster id: another registry."""
        self._token += 1
        for machine in self.machines:
            machine.write(TOKEN, f"TOKEN=hosts-{self._token}\n")

    @property
    def _members(self):
        return ",".join(f"{each.name}=http://{each.address}:{PEER_PORT}" for each in self.machines)

    @property
    def endpoints(self):
        """As leased.conf wants them."""
        return " ".join(f"http://{each.address}:{CLIENT_PORT}" for each in self.machines)

    @staticmethod
    def call(machine, path, body, deadline=1.0):
        """One request of the JSON gateway, from outside of the machines. None if there was no answer in time."""
        if path in ("/v3/kv/put", "/v3/kv/deleterange"):
            machine.note("by-hand")
        connection = http.client.HTTPConnection(machine.address, CLIENT_PORT, timeout=deadline)
        try:
            connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
            return json.loads(connection.getresponse().read())
        except (OSError, ValueError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    def leader(self):
        """The machine whose member leads, as it says itself; None if none does."""
        for machine in self.machines:
            status = self.call(machine, "/v3/maintenance/status", {}) if machine.is_on else None
            if status and status.get("leader") and status["leader"] == status.get("header", {}).get("member_id"):
                return machine
        return None

    def move_leader(self, machine):
        """The member on that machine leads when this returns."""
        leader = wait_for("etcd has a leader", self.leader, 15)
        if leader is not machine:
            target = self.call(machine, "/v3/maintenance/status", {})["header"]["member_id"]
            self.call(leader, "/v3/maintenance/transfer-leadership", {"targetID": target})
        wait_for(f"etcd on {machine} leads", lambda: self.leader() is machine, 15)

    def set_no_space(self, full):
        """Raises or clears the alarm of a full store, on every member."""
        leader = wait_for("etcd has a leader", self.leader, 15)
        for machine in self.machines:
            member = self.call(machine, "/v3/maintenance/status", {})["header"]["member_id"]
            self.call(leader, "/v3/maintenance/alarm", {"action": "ACTIVATE" if full else "DEACTIVATE",
                                                        "memberID": member, "alarm": "NOSPACE"})
        wait_for("every member says so", lambda: all(bool(self.alarms(each)) == full for each in self.machines), 10)

    def alarms(self, machine):
        answer = self.call(machine, "/v3/maintenance/alarm", {"action": "GET"}) or {}
        return answer.get("alarms", [])

    def is_healthy(self, machine):
        """It answers a linearizable read: there is a majority, and it is in it."""
        answer = self.call(machine, "/v3/kv/range", {"key": "AA=="})
        return answer is not None and "header" in answer

    def wait_healthy(self, *machines, deadline=30):
        for machine in machines or self.machines:
            wait_for(f"etcd on {machine} answers", lambda each=machine: self.is_healthy(each), deadline,
                     lambda: "".join(each.journal(10, SERVICE) for each in self.machines))

    def start(self, *machines):
        """Several members wait for each other: none may be waited for before all are started."""
        for machine in machines or self.machines:
            machine.systemctl("start", "--no-block", SERVICE)
        self.wait_healthy(*machines)

    def stop(self, *machines):
        for machine in machines or self.machines:
            machine.systemctl("stop", SERVICE)

    def kill(self, *machines):
        for machine in machines or self.machines:
            machine.systemctl("kill", "--kill-whom=all", "--signal=KILL", SERVICE)

    def freeze(self, *machines):
        """SIGSTOP: connections stay, answers do not come."""
        for machine in machines or self.machines:
            machine.systemctl("kill", "--kill-whom=all", "--signal=STOP", SERVICE)

    def thaw(self, *machines):
        for machine in machines or self.machines:
            machine.systemctl("kill", "--kill-whom=all", "--signal=CONT", SERVICE)

    def wipe(self, new_identity=False):
        """All members lose their data and start as an empty cluster. With the old token its identity is the old one."""
        self.kill()
        self.stop()
        self.machines[0].note("replaced")
        if new_identity:
            self._new_token()
        for machine in self.machines:
            machine.remove(DATA)
        self.start()

    def snapshot(self, path="/shared/etcd.snapshot"):
        machine = self.machines[0]
        machine.remove(path)
        machine.run("env", "ETCDCTL_API=3", "etcdctl", f"--endpoints=http://{machine.address}:{CLIENT_PORT}", "snapshot",
                    "save", path)
        require("the snapshot is there", machine.exists(path))
        return path

    def stop_for_good(self, path="/shared/etcd.database"):
        """Stops the followers, then the leader, which has all that a client was told of; gives a copy of its database."""
        leader = wait_for("etcd has a leader", self.leader, 15)
        self.stop(*(each for each in self.machines if each is not leader))
        self.stop(leader)
        leader.run("cp", f"{DATA}/member/snap/db", path)
        return path

    def restore(self, path="/shared/etcd.snapshot", new_identity=False, is_copy=False):
        """All members go back to the snapshot, or to a copy of a member's database; with the old token the cluster keeps its
        identity."""
        self.kill()
        self.stop()
        self.machines[0].note("replaced")
        if new_identity:
            self._new_token()
        for machine in self.machines:
            machine.remove(DATA)
            machine.run("env", "ETCDCTL_API=3", "etcdctl", "snapshot", "restore", path, f"--name={machine.name}",
                        f"--data-dir={DATA}", f"--initial-cluster={self._members}",
                        f"--initial-cluster-token=hosts-{self._token}", f"--skip-hash-check={str(is_copy).lower()}",
                        f"--initial-advertise-peer-urls=http://{machine.address}:{PEER_PORT}")
        self.start()

    def complaints(self, machine):
        """What its member warned of last: a slow disk, a lost leader. For people, when something went wrong."""
        worse = [line for line in machine.journal(300, SERVICE).splitlines(keepends=True) if COMPLAINT.search(line)]
        return "".join(line[:300].rstrip("\n") + "\n" for line in worse[-15:])
