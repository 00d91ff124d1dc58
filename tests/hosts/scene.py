# SPDX-License-Identifier: Apache-2.0
"""The list of scenes. A scene is a function of a cluster, named after the promise that it shows."""

SCENES = []


def scene(function):
    SCENES.append(function)
    return function
