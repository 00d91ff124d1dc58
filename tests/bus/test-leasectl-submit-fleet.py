#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Each kind of unit file that fleet's documentation and examples show, submitted: what leased makes of it, and in which words.

    run-in-guest test-leasectl-submit-fleet.py LEASECTL LEASED LEASED_GUARD LEASED.SERVICE LEASED-GUARD.SERVICE BUS_POLICY LEASED_RUN PUT_RECORD
"""

import json
import os
import re

from leasectl_guest import SYSTEM, ctl, main, property_of, read, run, wait_for, write
from leasectl_submit import Submitting

LOOP = "[Service]\nExecStart=/bin/sh -c \"while true; do echo \\\"hello\\\"; sleep 1000; done\"\n"
ANNOUNCE = ("[Service]\nExecStart=/bin/sh -c \"while true; do true set /services/%p '{{ \\\"host\\\": \\\"%H\\\", \\\"port\\\": 80 }}' --ttl 60;sleep 45;done\"\n"
            "ExecStop=/bin/true rm /services/%p\n").replace("{{", "{").replace("}}", "}")
DOCKER = ("[Unit]\nAfter=docker.service\nRequires=docker.service\n[Service]\nTimeoutStartSec=0\nExecStartPre=-/usr/bin/docker kill box\n"
          "ExecStartPre=-/usr/bin/docker rm box\nExecStartPre=/usr/bin/docker pull busybox\n"
          "ExecStart=/usr/bin/docker run --name box busybox /bin/sh -c \"while true; do echo Hello; sleep 1; done\"\n"
          "ExecStop=/usr/bin/docker stop box\n")
AGENT = ("[Service]\nTimeoutStartSec=0\nExecStartPre=-/usr/bin/docker kill agent\nExecStart=/usr/bin/bash -c \\\n\"/usr/bin/docker run --privileged "
         "--name agent -h `hostname` \\\n-v /proc/mounts:/host/proc/mounts:ro \\\nagent\"\n[X-Fleet]\nGlobal=true\n")


def fleet(options, text=LOOP):
    return f"{text}[X-Fleet]\n{options}\n"


# In force: the unit runs, or what keeps it away from this machine.
RUNS = "holds it"
PLACED = {
    "hello.service": (LOOP, RUNS),
    "monitor.service": (fleet("MachineMetadata=location=chicago\nConflicts=monitor*"), RUNS),
    "region.service": (fleet('MachineMetadata="region=us-east-1" "diskType=SSD"\nMachineMetadata=region=us-west-1'), RUNS),
    "jobs.service": (fleet('MachineMetadata="region=us-east-1" "job=foo"\nMachineMetadata="region=us-west-1" "job=bar"'), RUNS),
    "elsewhere.service": (fleet('MachineMetadata="region=us-east-1" "diskType=SSD"'), "missing metadata region=us-east-1"),
    "webapp1.service": (fleet("Conflicts=webapp*\nMachineMetadata=provider=rackspace\nMachineMetadata=platform=metal\n"
                              "MachineMetadata=region=us-west-1"), RUNS),
    "ping.service": (LOOP, RUNS),
    "pong.service": (fleet("MachineOf=ping.service"), RUNS),
    "hello-discovery.service": ("[Unit]\nBindsTo=hello.service\n" + fleet("MachineOf=hello.service", ANNOUNCE) +
                                "[Install]\nWantedBy=hello.service\n", RUNS),
    "apache-discovery@1.service": ("[Unit]\nBindsTo=apache@%i.service\nAfter=apache@%i.service\n" +
                                   fleet("MachineOf=apache@%i.service", ANNOUNCE), "it must run beside apache@1.service"),
    "pinned@0123456789abcdef0123456789abcdef.service": (fleet("MachineID=%i"),
                                                        "it is to run on machine 0123456789abcdef0123456789abcdef"),
    "byhost@here.service": (fleet("MachineMetadata=name=%i"), RUNS),
    "old.service": (fleet("X-ConditionMachineMetadata=region=us-west-1\nX-Conflicts=older*\nX-ConditionMachineOf=hello.service"), RUNS),
    "several.service": (fleet("Conflicts=one.service two.service three.service"), RUNS),
    "heir.service": (fleet("Replaces=ancestor.service"), RUNS),
    "foo.service": (fleet("MachineOf=%p.socket"), "it must run beside foo.socket"),
    "web@8000.service": ("[Service]\nExecStart=/bin/sleep %I00\n", RUNS),
}
# Of every machine, without a lease.
GLOBAL = {
    "everywhere.service": fleet("Global=true\nMachineMetadata=region=us-west-1\nConflicts=nobody*"),
    "datadog.service": AGENT,
}
# Refused: with which words.
REFUSED = {
    "ram.service": (fleet('MachineMetadata="ram>=1024"'), "without comparisons such as ram>=1024"),
    "nowhere.service": (fleet("Global=true\nMachineOf=hello.service"), "Global=: cannot stand together with MachineOf="),
    "both.service": (fleet("Replaces=hello.service\nConflicts=hello.service"), "cannot stand together with"),
    "typing.service": (fleet("MachineMetadata=region"), "a list of key=value"),
    "myapp.service": (DOCKER, "write Slice=NAME.slice in [X-Leased] and --cgroup-parent=NAME.slice behind docker run"),
    "apache@1.service": (DOCKER + "[X-Fleet]\nConflicts=apache@*.service\n", "write Slice=NAME.slice in [X-Leased]"),
}


class Fleet(Submitting):
    LEASED_CONF = ("[Leased]\nTTL=2s\nAcceptUnits=yes\nMetadata=location=chicago region=us-west-1 diskType=SSD provider=rackspace "
                   "platform=metal name=here job=foo\n")
    PLACE = SYSTEM

    def setUp(self):
        write("/etc/systemd/system/docker.service", "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n")
        run("systemctl", "daemon-reload")

    def said(self, name):
        answer = json.loads(run("busctl", "--json=short", "get-property", "org.leased1", "/org/leased1", "org.leased1.Manager",
                                "UnitFiles").stdout)["data"]
        return next((text for unit, _, _, _, text in answer if unit == name), "")

    def test_what_is_placed_is_placed_as_its_options_say(self):
        for name, (text, _) in PLACED.items():
            self.submit(name, text, "--no-wait")
        for name, (_, where) in PLACED.items():
            self.wait_outcome(name, "in force")
            wait_for(f"{name}: {where}", lambda unit=name, words=where: words in ctl("status", unit).stdout)

    def test_what_is_of_every_machine_runs_here_without_a_lease(self):
        for name, text in GLOBAL.items():
            self.submit(name, text, "--no-wait")
        for name in GLOBAL:
            self.wait_outcome(name, "in force")
            wait_for(f"{name} is of every machine", lambda unit=name: re.search(rf"(?m)^{re.escape(unit)} .* everywhere ", ctl("list").stdout))
        wait_for("it runs", lambda: property_of("everywhere.service", "ActiveState") == "active")

    def test_what_is_refused_is_refused_with_what_to_write(self):
        for name, (text, _) in REFUSED.items():
            self.submit(name, text, "--no-wait")
        for name, (_, words) in REFUSED.items():
            self.wait_outcome(name, "checked")
            self.assertIn(words, self.said(name))
            wait_for("nothing is left of it", lambda unit=name: not os.path.lexists(f"{self.PLACE}/{unit}"))

    def test_a_drop_in_beside_the_file_leaves_it_as_it_stands(self):
        name = "apache@2.service"
        text, _ = REFUSED["apache@1.service"]
        self.submit(name, text, "--no-wait", dropins={"slice.conf": (
            "[Service]\nExecStart=\nExecStart=/usr/bin/docker run --cgroup-parent=apache-%i.slice --name box busybox\n"
            "[X-Leased]\nSlice=apache-%i.slice\n")})
        self.wait_outcome(name, "in force")
        self.assertIn(text, read(f"{self.PLACE}/{name}"))

    def test_of_fleets_kinds_only_devices_are_not_submitted(self):
        for name in ("foo.device", "foo.swap", "foo.slice", "foo.scope", "etc.mount"):
            self.assertIn("no unit of this name can be submitted", self.submit(name, "[Unit]\n", check=False).stderr)


if __name__ == "__main__":
    main()
