# SPDX-License-Identifier: Apache-2.0
"""For tests of leasectl in a guest: an etcd there."""

import base64
import json
import shutil
import urllib.request

from leasectl_guest import ctl, run, wait_for

URL = "http://127.0.0.1:2379"
DEAD_URL = "http://127.0.0.2:2379"
ALSO_URL = "http://127.0.0.3:2379"  # the same member: at the first start more than half of Endpoints= must answer
PEER_URL = "http://127.0.0.1:2380"  # etcd's default is localhost, a name that not every machine knows
PASSWORD = "/run/leased-password"
HIGHEST = 9007199254740991


def post(path, **body):
    request = urllib.request.Request(URL + path, json.dumps(body).encode())
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def record(key):
    found = post("/v3/kv/range", key=base64.b64encode(f"/leased/{key}".encode()).decode()).get("kvs")
    return json.loads(base64.b64decode(found[0]["value"])) if found else None


def put_record(key, value):
    post("/v3/kv/put", key=base64.b64encode(f"/leased/{key}".encode()).decode(),
         value=base64.b64encode(json.dumps(value).encode()).decode())


class Etcd:
    """One member, as a service of the guest; another token is another cluster."""
    started = 0

    def __init__(self, token):
        self.token, self.data = token, f"/var/lib/test-{token}"
        wait_for("etcd starts", self.start)  # not before the last one has left its address

    def start(self):
        Etcd.started += 1  # PID 1 may remember the last one of a name for a while
        unit = f"test-{self.token}-{Etcd.started}.service"
        return run("systemd-run", "--quiet", f"--unit={unit}", "--property=Type=notify", "etcd", "--name=a",
                   f"--data-dir={self.data}", f"--initial-cluster-token={self.token}", f"--listen-client-urls={URL},{ALSO_URL}",
                   f"--advertise-client-urls={URL}", f"--listen-peer-urls={PEER_URL}", f"--initial-advertise-peer-urls={PEER_URL}",
                   f"--initial-cluster=a={PEER_URL}", check=False).returncode == 0

    def stop(self):
        """Also one that a test has started again by the same token."""
        run("systemctl", "stop", f"test-{self.token}-*.service", check=False)

    def remove(self):
        self.stop()
        shutil.rmtree(self.data, ignore_errors=True)


def registry():
    return json.loads(ctl("registry", "--json=short", check=True).stdout)


def forget():
    """The next test is a machine that knows no registry."""
    run("systemctl", "stop", "leased.service")
    shutil.rmtree("/var/lib/leased", ignore_errors=True)
    run("systemctl", "start", "leased.service")
