# SPDX-License-Identifier: Apache-2.0
"""What "meson install" puts on a machine, as a tree that is laid under the guests' disks."""

import os
import shutil
import subprocess

from waiting import Failure

STAMPER = "/usr/local/bin/stamper"
WALL_CLOCK = "/usr/local/lib/wall-clock.so"
LOGIND = "/usr/local/bin/logind-stub"
POLKIT = "/usr/local/bin/polkit-stub"
FLOOD = "/usr/local/bin/call-flood"


def _merge(source, target):
    """Moves a tree into another one."""
    os.makedirs(target, exist_ok=True)
    for name in os.listdir(source):
        here, there = os.path.join(source, name), os.path.join(target, name)
        if os.path.isdir(here) and not os.path.islink(here):
            _merge(here, there)
        else:
            shutil.move(here, there)
    shutil.rmtree(source)


def install(build, directory):
    """Installs the build into directory. Returns it."""
    os.makedirs(directory)
    done = subprocess.run(["meson", "install", "-C", build, "--no-rebuild", "--quiet", "--destdir", directory],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        raise Failure(f"meson install: {done.stdout}")
    # On a merged /usr these are links. A directory of that name in a layer above would hide all that is behind them.
    for name in ("lib", "bin", "sbin"):
        path = os.path.join(directory, name)
        if os.path.islink(f"/{name}") and os.path.isdir(path):
            _merge(path, os.path.join(directory, "usr", name))
    for built, installed in (("tests/hosts/stamper", STAMPER), ("tests/bus/logind-stub", LOGIND),
                             ("tests/bus/polkit-stub", POLKIT), ("tests/bus/call-flood", FLOOD),
                             ("tests/hosts/wall-clock.so", WALL_CLOCK)):
        os.makedirs(os.path.dirname(directory + installed), exist_ok=True)
        shutil.copy(os.path.join(build, built), directory + installed)
    if os.environ.get("ETCD"):  # of tests/run, instead of the installed one
        os.makedirs(directory + "/usr/bin", exist_ok=True)
        shutil.copy(os.environ["ETCD"], directory + "/usr/bin/etcd")
    return directory
