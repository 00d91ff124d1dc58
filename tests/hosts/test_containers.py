# SPDX-License-Identifier: Apache-2.0
"""Units whose work is done by others: container engines, transient units, machines. The real ones, with an image that is
made of the guest's own files. Each as docs/containers.md writes it. A row of the fault matrix."""

import json
from dataclasses import dataclass

import layer
from cluster import DAEMON, GUARD, UNIT
from faults import require_stays
from scene import scene
from waiting import now, require, wait_for

IMAGE = "/opt/image"
SLICE = "Slice=work.slice"
# All that the stamper needs, at the same places.
MAKE_IMAGE = f"""\
mkdir -p {IMAGE}/shared {IMAGE}/usr/lib {IMAGE}/usr/lib64 {IMAGE}/etc {IMAGE}/proc {IMAGE}/sys {IMAGE}/dev {IMAGE}/tmp {IMAGE}/run
ln -sfn usr/lib {IMAGE}/lib
ln -sfn usr/lib64 {IMAGE}/lib64
for file in {layer.STAMPER} $(ldd {layer.STAMPER} | grep -o '/[^ ]*'); do
    mkdir -p "{IMAGE}$(dirname "$file")"
    cp -L "$file" "{IMAGE}$file"
done
"""
ENGINES = {
    "dockerd": """\
[Service]
Type=notify
ExecStart=/usr/sbin/dockerd --storage-driver=vfs --iptables=false --ip6tables=false --bridge=none \
    --exec-opt native.cgroupdriver=systemd
Delegate=yes
KillMode=process
TimeoutStartSec=60
""",
}
MASKED = ("docker.service", "docker.socket", "containerd.service")
DOCKER = ("/usr/bin/docker run --rm --name work --network=none --uts=host --volume=/shared:/shared --env=LEASE_INDEX "
          "--env=INVOCATION_ID {} work STAMP")
PODMAN = ("/usr/bin/podman --runtime=/usr/sbin/runc --storage-driver=vfs run --rm --name=work --replace --pids-limit=0 "
          "--network=none --uts=host --volume=/shared:/shared --env=LEASE_INDEX --env=INVOCATION_ID {} --rootfs " + IMAGE + " STAMP")
NSPAWN = ("/usr/bin/systemd-nspawn --quiet {} --register=no --as-pid2 --directory=" + IMAGE + " --bind=/shared --hostname=%H "
          "--private-network --setenv=LEASE_INDEX --setenv=INVOCATION_ID STAMP")
RUN = ("/usr/bin/systemd-run --quiet --collect --unit=payload {} --setenv=LEASE_INDEX STAMP")
HAS_DOCKER = ("/usr/sbin/dockerd", "/usr/bin/docker", "/usr/sbin/runc")
HAS_PODMAN = ("/usr/bin/podman", "/usr/sbin/runc")
CRUN, RUNC = "/usr/bin/crun", "/usr/sbin/runc"
DOCKER_RM = "ExecStartPre=-/usr/bin/docker rm --force work\n"
DOCKER_CREATE = DOCKER.replace(" run --rm ", " create ").format("--cgroup-parent=work.slice")
COMPOSE = f"""\
cat > /opt/work.yml <<END
version: "2.4"
services:
  work:
    image: work
    command: {layer.STAMPER} STAMPS
    cgroup_parent: work.slice
    network_mode: none
    hostname: $(hostname)
    volumes: [/shared:/shared]
    environment: [LEASE_INDEX, INVOCATION_ID]
END
"""
# The unit as podman writes it, but for what docs/containers.md changes.
GENERATE = """\
cd /etc/systemd/system
eval "$(sed -n 's/^ExecStart=//p' generated.service)"
podman --storage-driver=vfs generate systemd --new --name work > generated
grep -q -e '--cgroups=no-conmon' generated
sed 's/--cgroups=no-conmon/--cgroups=split/; s/^.Service.$/&\\nDelegate=yes/' generated > generated.service
podman --storage-driver=vfs rm --force work
systemctl daemon-reload
"""
LXC = "/usr/bin/lxc-start -F -n work -f /opt/work.conf {} -- STAMP"
LXC_CONF = f"""\
cat > /opt/work.conf <<END
lxc.rootfs.path = dir:{IMAGE}
lxc.uts.name = $(hostname)
lxc.net.0.type = empty
lxc.apparmor.profile = unconfined
lxc.mount.entry = /shared shared none bind 0 0
lxc.environment = LEASE_INDEX
lxc.environment = INVOCATION_ID
END
"""
# ExecStart= of systemd-nspawn@.service, but without --boot, --network-veth and -U; all else is the template's own.
MACHINE = ("[Service]\nExecStart=\nExecStart=/usr/bin/systemd-nspawn --quiet --keep-unit --as-pid2 --link-journal=try-guest "
           "--private-network --settings=override --machine=%i --bind=/shared --hostname=%H --setenv=LEASE_INDEX "
           "--setenv=INVOCATION_ID STAMP\n")
MACHINE_IMAGE = f"mkdir -p /var/lib/machines; test -e /var/lib/machines/NAME || cp -a {IMAGE} /var/lib/machines/NAME"


def prepare(cluster, *engines):
    """On every machine, once: the image, and the engine that is to run it."""
    for machine in cluster:
        if not machine.exists(IMAGE):
            machine.run("sh", "-ec", MAKE_IMAGE)
        for engine in engines:
            if machine.state(f"{engine}.service") == "active":
                continue
            machine.systemctl("mask", "--now", *MASKED, check=False)
            machine.write(f"/etc/systemd/system/{engine}.service", ENGINES[engine])
            machine.systemctl("daemon-reload")
            machine.start("systemctl", "start", f"{engine}.service").wait(60)
            machine.run("sh", "-ec", f"tar -C {IMAGE} -c . | docker import - work")


def _leave_by_every_door(cluster, unit, start=5.0):
    """Released, guarded by nobody for a moment, without its guard, cut off. start: how long the unit may take for itself.
    Whether two lived at once is looked at after each scene."""
    holder = unit.enable().wait_running()
    holder.run("leasectl", "release", unit.name)
    heir = unit.wait_running(but=holder)
    heir.kill(DAEMON)
    unit.hold_running(on=heir, duration=2.0)
    unit.require_tenures(2)
    heir.kill(GUARD)
    wait_for("it was stopped, and runs again", lambda: len(unit.tenures) == 3 and unit.running_on, cluster.takeover + 20,
             unit.story)
    holder = unit.running_on
    for machine in cluster:
        cluster.wait_ready(machine)
    began = now()
    holder.drop_packets()
    heir = unit.wait_running(but=holder, deadline=cluster.takeover + start + 10)
    unit.require_stopped_in_time(unit.tenures[2], began)
    unit.require_gap(cluster.takeover + start)
    unit.require_tenures(4)
    holder.heal_network()
    cluster.etcd.wait_healthy(holder)
    unit.hold_running(on=heir, duration=cluster.ttl)
    require(f"nothing is left of it on {holder}", holder.state(unit.name) in ("inactive", "failed"), unit.story)
    unit.require_tenures(4)


def _bundle(group):
    """For runc and crun: the environment is a part of their config.json, which is made anew for each start."""
    namespaces = [{"type": each} for each in ("pid", "network", "ipc", "mount", "cgroup")]
    mounts = [{"destination": "/proc", "type": "proc", "source": "proc"},
              {"destination": "/shared", "type": "bind", "source": "/shared", "options": ["bind", "rw"]}]
    process = {"user": {"uid": 0, "gid": 0}, "cwd": "/", "args": [layer.STAMPER, "STAMPS"],
               "env": ["LEASE_INDEX=@INDEX@", "INVOCATION_ID=@INVOCATION@"]}
    config = {"ociVersion": "1.0.0", "process": process, "root": {"path": IMAGE}, "mounts": mounts,
              "linux": {"namespaces": namespaces, **({"cgroupsPath": group} if group else {})}}
    return f"mkdir -p /opt/bundle\ncat > /opt/bundle/template <<END\n{json.dumps(config)}\nEND\n"


def _of_bundle(program):
    return (f"ExecStartPre=-{program} delete --force work\n"
            "ExecStartPre=/bin/sh -ec 'cd /opt/bundle; sed \"s/@INDEX@/$LEASE_INDEX/; s/@INVOCATION@/$INVOCATION_ID/\" template > "
            "config.json'")


@dataclass(frozen=True)
class Recipe:
    """A unit whose work is done by another program. STAMP is the command that is to run, STAMPS the file that it stamps."""
    promise: str  # the scene's name
    name: str
    command: str
    service: str = ""  # more lines of [Service]
    options: str = SLICE
    files: tuple = ()  # instead of the unit file or besides it: (path, text)
    setup: str = ""  # a script, run on every machine when the unit file is there
    engines: tuple = ()
    needs: tuple = ()
    containers: bool = True  # the machines may run containers
    only_at_length: bool = True


RECIPES = (
    Recipe("what_systemd_run_starts_in_its_slice_is_gone_before_another_starts", "transient.service",
           RUN.format("--wait --slice=work.slice"), containers=False, only_at_length=False),
    Recipe("scope_of_systemd_run_is_gone_before_another_starts", "scope.service", RUN.format("--scope --slice=work.slice"),
           containers=False),
    Recipe("machine_of_systemd_nspawn_is_gone_before_another_starts", "nspawn.service", NSPAWN.format("--keep-unit"),
           "Delegate=yes", options=""),
    Recipe("machine_of_systemd_nspawn_in_its_slice_is_gone_before_another_starts", "nspawn-slice.service",
           NSPAWN.format("--slice=work.slice")),
    Recipe("machine_of_the_template_of_systemd_nspawn_is_gone_before_another_starts", "systemd-nspawn@work.service", "",
           options="", files=(("systemd-nspawn@work.service.d/work.conf", MACHINE),), setup=MACHINE_IMAGE.replace("NAME", "work")),
    Recipe("machine_of_machinectl_in_its_slice_is_gone_before_another_starts", "machine.service",
           "/usr/bin/machinectl start payload",
           "Type=oneshot\nRemainAfterExit=yes\nExecStop=/usr/bin/machinectl terminate payload\n"
           "ExecStartPre=/bin/sh -c 'echo LEASE_INDEX=$LEASE_INDEX > /run/payload.env'",
           files=(("systemd-nspawn@payload.service.d/work.conf", MACHINE + "Slice=work.slice\nEnvironmentFile=/run/payload.env\n"),),
           setup=MACHINE_IMAGE.replace("NAME", "payload")),
    Recipe("container_of_podman_in_its_slice_is_gone_before_another_starts", "web-podman.service",
           PODMAN.format("--cgroup-parent=work.slice"), needs=HAS_PODMAN),
    Recipe("container_of_podman_as_quadlet_writes_it_is_gone_before_another_starts", "web-quadlet.service",
           PODMAN.format("--cgroups=split --cidfile=/run/work.cid -d --sdnotify=conmon"),
           "ExecStartPre=-rm -f /run/work.cid\nEnvironment=PODMAN_SYSTEMD_UNIT=%n\nKillMode=mixed\nDelegate=yes\nType=notify\n"
           "NotifyAccess=all\nExecStop=/usr/bin/podman --storage-driver=vfs rm -v -f -i --cidfile=/run/work.cid\n"
           "ExecStopPost=-/usr/bin/podman --storage-driver=vfs rm -v -f -i --cidfile=/run/work.cid", options="", needs=HAS_PODMAN),
    Recipe("container_of_podman_generate_systemd_is_gone_before_another_starts", "generated.service",
           PODMAN.replace(" run --rm ", " create ").format(""), options="", setup=GENERATE, needs=HAS_PODMAN),
    Recipe("container_of_docker_in_its_slice_is_gone_before_another_starts", "web-docker.service",
           DOCKER.format("--cgroup-parent=work.slice"), DOCKER_RM + "ExecStop=/usr/bin/docker stop work", engines=("dockerd",),
           needs=HAS_DOCKER),
    Recipe("container_of_docker_start_in_its_slice_is_gone_before_another_starts", "docker-start.service",
           "/usr/bin/docker start --attach work",
           f"{DOCKER_RM}ExecStartPre={DOCKER_CREATE}\nExecStop=/usr/bin/docker stop work", engines=("dockerd",), needs=HAS_DOCKER),
    Recipe("container_of_docker_compose_in_its_slice_is_gone_before_another_starts", "compose.service",
           "/usr/bin/docker-compose -f /opt/work.yml up --no-color", "ExecStop=/usr/bin/docker-compose -f /opt/work.yml stop",
           setup=COMPOSE, engines=("dockerd",), needs=(*HAS_DOCKER, "/usr/bin/docker-compose")),
    Recipe("container_of_runc_in_its_slice_is_gone_before_another_starts", "runc.service",
           f"{RUNC} --systemd-cgroup run --bundle /opt/bundle work", _of_bundle(RUNC), setup=_bundle("work.slice:runc:work"),
           needs=(RUNC,)),
    Recipe("container_of_runc_below_its_slice_is_gone_before_another_starts", "runc-path.service",
           f"{RUNC} run --bundle /opt/bundle work", _of_bundle(RUNC), setup=_bundle("/work.slice/work"), needs=(RUNC,)),
    Recipe("container_of_crun_in_its_slice_is_gone_before_another_starts", "crun.service",
           f"{CRUN} --systemd-cgroup run --bundle /opt/bundle work", _of_bundle(CRUN), setup=_bundle("work.slice:crun:work"),
           needs=(CRUN,)),
    Recipe("container_of_crun_in_the_group_of_its_unit_is_gone_before_another_starts", "crun-unit.service",
           f"{CRUN} --cgroup-manager=disabled run --bundle /opt/bundle work", _of_bundle(CRUN), options="", setup=_bundle(""),
           needs=(CRUN,)),
    Recipe("container_of_lxc_in_the_group_of_its_unit_is_gone_before_another_starts", "lxc-unit.service",
           LXC.format("-s lxc.cgroup.relative=1"), "Delegate=yes\nKillMode=mixed", options="", setup=LXC_CONF,
           needs=("/usr/bin/lxc-start",)),
    Recipe("container_of_lxc_in_its_slice_is_gone_before_another_starts", "lxc.service",
           LXC.format("-s lxc.cgroup.dir=work.slice"), "KillMode=mixed", setup=LXC_CONF, needs=("/usr/bin/lxc-start",)),
)


def _unit(cluster, name, command, service="", options=SLICE, files=(), stamper=""):
    if "STAMP" in command:
        command = command.replace("%", "%%").replace("STAMP", f"{layer.STAMPER} {stamper} %s")
        unit = cluster.unit(name, service=service, command=command)
    else:
        own = {name: UNIT.format(command=command, service=service)} if command else {}
        unit = cluster.unit(name, files={**own, **dict(files)})
    if options:
        unit.options(options)
    return unit


def _scene_of(recipe):
    def play(cluster):
        prepare(cluster, *recipe.engines)
        unit = _unit(cluster, recipe.name, recipe.command, recipe.service, recipe.options, recipe.files)
        for machine in cluster if recipe.setup else ():
            machine.run("sh", "-ec", recipe.setup.replace("STAMPS", unit.stamps_file))
        _leave_by_every_door(cluster, unit)

    play.__name__ = recipe.promise
    scene(play, registry="etcd", containers=recipe.containers, only_at_length=recipe.only_at_length, needs=recipe.needs)


for each in RECIPES:
    _scene_of(each)


def _ignores_its_stop(cluster, unit):
    """The client is killed, and its engine is asked for nothing: all rests on the kill of the slice."""
    unit.slice = "work.slice"
    holder = unit.enable().wait_running()
    began = now()
    holder.drop_packets()
    heir = unit.wait_running(but=holder, deadline=cluster.takeover + 15)
    unit.require_stopped_in_time(unit.tenures[0], began)
    unit.hold_running(on=heir, duration=cluster.ttl)
    unit.require_tenures(2)
    holder.heal_network()
    cluster.etcd.wait_healthy(holder)


@scene(registry="etcd", containers=True, only_at_length=True, needs=HAS_DOCKER)
def container_of_docker_that_ignores_its_stop_is_killed_with_its_slice(cluster):
    prepare(cluster, "dockerd")
    _ignores_its_stop(cluster, _unit(cluster, "stubborn-docker.service", DOCKER.format("--cgroup-parent=work.slice"), DOCKER_RM,
                                     stamper="--ignore-term"))


@scene(registry="etcd", containers=True, only_at_length=True, needs=HAS_PODMAN)
def container_of_podman_that_ignores_its_stop_is_killed_with_its_slice(cluster):
    prepare(cluster)
    _ignores_its_stop(cluster, _unit(cluster, "stubborn-podman.service", PODMAN.format("--cgroup-parent=work.slice"),
                                     stamper="--ignore-term"))


@scene(registry="etcd", containers=True, only_at_length=True, needs=HAS_DOCKER)
def container_that_its_engine_restarts_does_not_come_back_without_the_lease(cluster):
    prepare(cluster, "dockerd")
    unit = _unit(cluster, "restarts.service", DOCKER.replace("--rm", "--restart=always").format("--cgroup-parent=work.slice"),
                 DOCKER_RM, options=SLICE + "\nAllowOutside=yes")
    holder = unit.enable().wait_running()
    holder.run("leasectl", "release", unit.name)
    heir = unit.wait_running(but=holder)
    holder.systemctl("restart", "dockerd.service")
    require_stays(cluster, unit, heir, holder)
