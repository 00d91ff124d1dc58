# SPDX-License-Identifier: Apache-2.0
"""Builds leased for a program that is given no build of it."""

import atexit
import os
import shutil
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def built(directory=None):
    """Where it is built: there, or in a new place, gone at the end. Exits with what was said if it cannot be built."""
    if directory:
        return os.path.abspath(directory)
    directory = tempfile.mkdtemp(prefix="leased-build-")
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    for command in (["meson", "setup", directory, TOP], ["ninja", "-C", directory]):
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            sys.exit(f"{' '.join(command)}:\n{done.stdout}")
    return directory
