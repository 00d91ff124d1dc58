# SPDX-License-Identifier: Apache-2.0
"""The quick suites, for builds in other ways: quick.py BUILD prints the names of the tests, quick.py --programs BUILD what ninja
must build for them. Quick is what needs no machine, no etcd and no daemon, and no more than seconds."""

import json
import os
import re
import subprocess
import sys

SLOW = re.compile(r"-on-pid1$|^sim-\d000|mutations$|^registry-|^etcd-(?!json|corpus)|^test-daemon-bus$|^hosts-|^leasectl-documents$|^house|^explore")


def quick_tests(build):
    done = subprocess.run(["meson", "introspect", build, "--tests"], check=True, stdout=subprocess.PIPE, text=True)
    return [each for each in json.loads(done.stdout)
            if not SLOW.search(each["name"]) and os.path.abspath(each["cmd"][0]).startswith(build + os.sep)]


def main(arguments):
    programs = arguments[0] == "--programs"
    build = os.path.abspath(arguments[-1])
    for test in quick_tests(build):
        print(os.path.relpath(test["cmd"][0], build) if programs else test["name"])


if __name__ == "__main__":
    main(sys.argv[1:])
