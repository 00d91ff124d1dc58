# SPDX-License-Identifier: Apache-2.0
"""An address that moves: for how long a client beside the machines gets no answer to its packets, and for how long two machines
have the address in their kernels; leased-address beside keepalived as it comes."""

import select
import socket
import threading

from figures import median
from guests import pass_time
from outside import Outside
from waiting import now, wait_for

TTL = 5.0
ADDRESS, PORT = "10.77.0.200", 7777
EVERY = 0.005  # seconds between two packets
READY = 60

ANSWERER = f"""\
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IP, 15, 1)  # IP_FREEBIND: the address may come later
s.bind(("{ADDRESS}", {PORT}))
name = socket.gethostname().encode()
while True:
    s.sendto(name, s.recvfrom(64)[1])
"""
SERVICE = "[Service]\nExecStart=/usr/bin/python3 /etc/answerer.py\nRestart=always\nStartLimitIntervalSec=0\n"
UNIT = f"leased-address@host0-{ADDRESS}-32.service"
VRRP = """\
vrrp_instance contest {{
    state BACKUP
    nopreempt
    interface host0
    virtual_router_id 51
    priority {priority}
    virtual_ipaddress {{
        {address}/32
    }}
}}
"""


class Client(threading.Thread):
    """Sends a packet to the address again and again, and notes who answers when."""

    def __init__(self):
        super().__init__(daemon=True)
        self.answers = []  # (when, machine)
        self._over = False
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)

    def run(self):
        due = now()
        while not self._over:
            if select.select([self._socket], [], [], max(0.0, due - now()))[0]:
                try:
                    self.answers.append((now(), self._socket.recv(64).decode()))
                except OSError:  # what the network says of an earlier packet
                    pass
            if now() >= due:
                due = now() + EVERY
                try:
                    self._socket.sendto(b"?", (ADDRESS, PORT))
                except OSError:  # nobody answers for the address
                    pass

    def who(self):
        """Who has answered in the last half second; None: nobody, or more than one."""
        names = {name for at, name in self.answers[-200:] if at > now() - 0.5}
        return names.pop() if len(names) == 1 else None

    def silence(self, since):
        """The longest time without an answer since then."""
        times = [since] + [at for at, _ in self.answers if at > since] + [now()]
        return max(b - a for a, b in zip(times, times[1:]))

    def end(self):
        self._over = True
        self.join()
        self._socket.close()


class Leased:
    name = "leased-address"

    def start(self, cluster):
        for machine in cluster:
            machine.run("leasectl", "enable", UNIT)

    def release(self, machine):
        machine.run("leasectl", "release", UNIT)
        return lambda: None

    def back(self, machine):
        """The machine has booted again."""

    def end(self, cluster):
        for machine in cluster:
            machine.run("leasectl", "disable", UNIT)


class Keepalived:
    """An advertisement each second."""
    name = "keepalived"

    def start(self, cluster):
        for machine in cluster:
            machine.write("/etc/keepalived/keepalived.conf", VRRP.format(priority=100 - machine.number, address=ADDRESS))
            machine.systemctl("start", "keepalived.service")

    def release(self, machine):
        machine.systemctl("stop", "keepalived.service")
        return lambda: self.back(machine)

    def back(self, machine):
        machine.systemctl("start", "keepalived.service")

    def end(self, cluster):
        for machine in cluster:
            machine.systemctl("stop", "keepalived.service")


def released(contestant, holder):
    return contestant.release(holder)


def power_cut(_contestant, holder):
    holder.power_cut()
    return lambda: None


def stands_still(_contestant, holder):
    holder.freeze()
    return holder.thaw


def cable_pulled(_contestant, holder):
    holder.cut_network()
    return holder.heal_network


# What happens to the holder, and for how many TTL.
FAULTS = {"release": (released, 0), "power cut of the holder": (power_cut, 0), "holder stands still for 3 TTL": (stands_still, 3),
          "holder's cable pulled for 3 TTL": (cable_pulled, 3)}


def settle(cluster, client):
    """Until one machine answers, and has done so for a while. Returns it."""
    name = wait_for("one machine answers", client.who, READY)
    if cluster.etcd.leader() is cluster[name]:
        cluster.etcd.move_leader(cluster.other(cluster[name]))
    pass_time(cluster.ttl)
    return cluster[wait_for("one machine answers", client.who, READY)]


def play(contestant, cluster, client, fault, ttls):
    """The longest time without an answer, and the seconds in which two machines had the address."""
    holder = settle(cluster, client)
    witness = Outside(cluster, ADDRESS)
    pass_time(0.5)
    began = now()
    heal = fault(contestant, holder)
    wait_for("another machine answers", lambda: client.who() not in (None, holder.name) and now() > began + ttls * cluster.ttl, READY)
    silence = client.silence(began)
    heal()
    if not holder.is_on:
        holder.boot()
        cluster.wait_ready(holder)
        contestant.back(holder)
    cluster.etcd.wait_healthy()
    pass_time(2.0)
    met = witness.overlap()
    witness.dismiss()
    return silence, met


def prepare(cluster):
    for machine in cluster:
        machine.write("/etc/answerer.py", ANSWERER)
        machine.write("/etc/systemd/system/answerer.service", SERVICE)
        machine.link("/etc/systemd/system/multi-user.target.wants/answerer.service", "../answerer.service")
        machine.systemctl("daemon-reload")
        machine.systemctl("start", "answerer.service")


def of(stage, cluster, contestant, trials):
    """{fault: (median silence, longest time on two machines)}"""
    client, found = Client(), {}
    client.start()
    contestant.start(cluster)
    for name, (fault, ttls) in FAULTS.items():
        results = []
        for trial in range(trials):
            stage.say(f"{contestant.name}: {name}, {trial + 1} of {trials}")
            results.append(play(contestant, cluster, client, fault, ttls))
        found[name] = median([silence for silence, _ in results]), max(met for _, met in results)
    contestant.end(cluster)
    client.end()
    return found


def run(stage):
    found = {}
    for contestant in (Leased(), Keepalived()):
        with stage.cluster(ttl=TTL) as cluster:
            prepare(cluster)
            found[contestant.name] = of(stage, cluster, contestant, 1 if stage.quick else 3)
    ours, theirs = found.values()
    for name in FAULTS:
        stage.figure(9, f"address, {name}: no answer", ours[name][0], "s", beside=theirs[name][0], peer="keepalived")
        stage.figure(9, f"address, {name}: on two machines", ours[name][1], "s", limit=0.0, beside=theirs[name][1], peer="keepalived")
