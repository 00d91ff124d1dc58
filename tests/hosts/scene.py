# SPDX-License-Identifier: Apache-2.0
"""The list of scenes. A scene is a function of a cluster, named after the promise that it shows."""

import glob
import importlib
import os
from dataclasses import dataclass

SCENES = []
NO_SCENES = {"test_timeline", "test_program"}  # tests of the measure and of the runner, which meson runs


@dataclass(frozen=True)
class Kind:
    """On what machines a scene plays. Scenes of one kind play on the same machines, one after the other."""
    registry: str = "local"
    ttl: float = 5.0
    machines: tuple = ("alpha", "beta")
    disk_of: str = ""  # the machine whose etcd has a disk of its own
    etcd: str = "--pre-vote=true"  # its options
    containers: bool = False  # the machines may run containers of their own
    bus: str = ""  # the service that is their system bus; "": dbus-daemon's


def scene(function=None, *, only_at_length=False, needs=(), **kind):
    """@scene, or with what is not as usual: @scene(registry="etcd", ttl=2.0). One that is only_at_length is not played
    unless all are asked for, or it is by its name. needs: programs without which it is skipped."""
    if function is None:
        return lambda wrapped: scene(wrapped, only_at_length=only_at_length, needs=needs, **kind)
    if kind.get("registry") == "etcd":
        kind.setdefault("machines", ("alpha", "beta", "gamma"))
    function.kind = Kind(**kind)
    function.only_at_length = only_at_length
    function.needs = needs
    SCENES.append(function)
    return function


def load_scenes():
    """All of them, in the order of their files."""
    here = os.path.dirname(os.path.abspath(__file__))
    for path in sorted(glob.glob(os.path.join(here, "test_*.py"))):
        name = os.path.basename(path)[:-3]
        if name not in NO_SCENES:
            importlib.import_module(name)
    return SCENES
