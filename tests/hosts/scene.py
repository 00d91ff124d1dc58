# SPDX-License-Identifier: Apache-2.0
"""The list of scenes. A scene is a function of a cluster, named after the promise that it shows."""

from dataclasses import dataclass

SCENES = []


@dataclass(frozen=True)
class Kind:
    """On what machines a scene plays. Scenes of one kind play on the same machines, one after the other."""
    registry: str = "local"
    ttl: float = 5.0
    machines: tuple = ("alpha", "beta")


def scene(function=None, **kind):
    """@scene, or with what is not as usual: @scene(registry="etcd", ttl=2.0)."""
    if function is None:
        return lambda wrapped: scene(wrapped, **kind)
    if kind.get("registry") == "etcd":
        kind.setdefault("machines", ("alpha", "beta", "gamma"))
    function.kind = Kind(**kind)
    SCENES.append(function)
    return function
