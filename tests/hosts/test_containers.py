# SPDX-License-Identifier: Apache-2.0
"""Units whose work is done by others: container engines, transient units, machines. The real ones, with an image that is
made of the guest's own files. Each as docs/containers.md writes it. A row of the fault matrix."""

import layer
from cluster import DAEMON, GUARD
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
          "--env=INVOCATION_ID {} work " + layer.STAMPER + " %s")
PODMAN = ("/usr/bin/podman --runtime=/usr/sbin/runc --storage-driver=vfs run --rm --name=work --replace --pids-limit=0 "
          "--network=none --uts=host --volume=/shared:/shared --env=LEASE_INDEX --env=INVOCATION_ID {} --rootfs " + IMAGE + " " +
          layer.STAMPER + " %s")
NSPAWN = ("/usr/bin/systemd-nspawn --quiet {} --register=no --as-pid2 --directory=" + IMAGE + " --bind=/shared --hostname=%%H "
          "--private-network --setenv=LEASE_INDEX --setenv=INVOCATION_ID " + layer.STAMPER + " %s")
RUN = ("/usr/bin/systemd-run --quiet --collect --unit=payload {} --setenv=LEASE_INDEX " + layer.STAMPER + " %s")
HAS_DOCKER = ("/usr/sbin/dockerd", "/usr/bin/docker", "/usr/sbin/runc")
HAS_PODMAN = ("/usr/bin/podman", "/usr/sbin/runc")


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


@scene(registry="etcd")
def what_systemd_run_starts_in_its_slice_is_gone_before_another_starts(cluster):
    unit = cluster.unit("transient.service", command=RUN.format("--wait --slice=work.slice"))
    unit.options(SLICE)
    _leave_by_every_door(cluster, unit)


@scene(registry="etcd", only_at_length=True)
def scope_of_systemd_run_is_gone_before_another_starts(cluster):
    unit = cluster.unit("scope.service", command=RUN.format("--scope --slice=work.slice"))
    unit.options(SLICE)
    _leave_by_every_door(cluster, unit)


@scene(registry="etcd", containers=True, only_at_length=True)
def machine_of_systemd_nspawn_is_gone_before_another_starts(cluster):
    prepare(cluster)
    _leave_by_every_door(cluster, cluster.unit("nspawn.service", service="Delegate=yes", command=NSPAWN.format("--keep-unit")))


@scene(registry="etcd", containers=True, only_at_length=True)
def machine_of_systemd_nspawn_in_its_slice_is_gone_before_another_starts(cluster):
    prepare(cluster)
    unit = cluster.unit("nspawn-slice.service", command=NSPAWN.format("--slice=work.slice"))
    unit.options(SLICE)
    _leave_by_every_door(cluster, unit)


@scene(registry="etcd", containers=True, only_at_length=True, needs=HAS_PODMAN)
def container_of_podman_in_its_slice_is_gone_before_another_starts(cluster):
    prepare(cluster)
    unit = cluster.unit("web-podman.service", command=PODMAN.format("--cgroup-parent=work.slice"))
    unit.options(SLICE)
    _leave_by_every_door(cluster, unit)


@scene(registry="etcd", containers=True, only_at_length=True, needs=HAS_PODMAN)
def container_of_podman_as_quadlet_writes_it_is_gone_before_another_starts(cluster):
    prepare(cluster)
    unit = cluster.unit("web-quadlet.service", command=PODMAN.format("--cgroups=split --cidfile=/run/work.cid -d --sdnotify=conmon"),
                        service="ExecStartPre=-rm -f /run/work.cid\nEnvironment=PODMAN_SYSTEMD_UNIT=%n\nKillMode=mixed\nDelegate=yes\nType=notify\nNotifyAccess=all\n"
                        "ExecStop=/usr/bin/podman --storage-driver=vfs rm -v -f -i --cidfile=/run/work.cid\n"
                        "ExecStopPost=-/usr/bin/podman --storage-driver=vfs rm -v -f -i --cidfile=/run/work.cid")
    _leave_by_every_door(cluster, unit)


@scene(registry="etcd", containers=True, only_at_length=True, needs=HAS_DOCKER)
def container_of_docker_in_its_slice_is_gone_before_another_starts(cluster):
    prepare(cluster, "dockerd")
    unit = cluster.unit("web-docker.service", command=DOCKER.format("--cgroup-parent=work.slice"),
                        service="ExecStartPre=-/usr/bin/docker rm --force work\nExecStop=/usr/bin/docker stop work")
    unit.options(SLICE)
    _leave_by_every_door(cluster, unit)


def _ignores_its_stop(cluster, unit):
    """The client is killed, and its engine is asked for nothing: all rests on the kill of the slice."""
    unit.options(SLICE)
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
    _ignores_its_stop(cluster, cluster.unit("stubborn-docker.service", command=DOCKER.format("--cgroup-parent=work.slice").replace(
        "%s", "--ignore-term %s"), service="ExecStartPre=-/usr/bin/docker rm --force work"))


@scene(registry="etcd", containers=True, only_at_length=True, needs=HAS_PODMAN)
def container_of_podman_that_ignores_its_stop_is_killed_with_its_slice(cluster):
    prepare(cluster)
    _ignores_its_stop(cluster, cluster.unit("stubborn-podman.service", command=PODMAN.format("--cgroup-parent=work.slice").replace(
        "%s", "--ignore-term %s")))


@scene(registry="etcd", containers=True, only_at_length=True, needs=HAS_DOCKER)
def container_that_its_engine_restarts_does_not_come_back_without_the_lease(cluster):
    prepare(cluster, "dockerd")
    unit = cluster.unit("restarts.service", command=DOCKER.replace("--rm", "--restart=always").format("--cgroup-parent=work.slice"),
                        service="ExecStartPre=-/usr/bin/docker rm --force work")
    unit.options(SLICE)
    holder = unit.enable().wait_running()
    holder.run("leasectl", "release", unit.name)
    heir = unit.wait_running(but=holder)
    holder.systemctl("restart", "dockerd.service")
    require_stays(cluster, unit, heir, holder)
