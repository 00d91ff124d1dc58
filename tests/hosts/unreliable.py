# SPDX-License-Identifier: Apache-2.0
"""A way to etcd on which transactions come to grief: the fault proxy of the registry's tests (tests/registry/fault-proxy.py),
one in front of each member, and each kind of transaction meets its fault the first time that it comes along."""

import base64
import http.client
import importlib.machinery
import importlib.util
import json
import os
import threading

from etcd import CLIENT_PORT
from machines import NETWORK
from waiting import now

PROXY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "registry", "fault-proxy.py")
FIRST_PORT = 2400
NOTHING = {"state": "free", "session": "", "machine_id": "", "index": 0, "debts": [], "period": 0}


def _load():
    loader = importlib.machinery.SourceFileLoader("fault_proxy", PROXY)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("fault_proxy", loader))
    loader.exec_module(module)
    return module


fault_proxy = _load()


def _text(encoded):
    return base64.b64decode(encoded).decode()


def _record(upstream, key):
    """What etcd has of that lease now, and since which revision."""
    connection = http.client.HTTPConnection(upstream, timeout=1)
    try:
        body = json.dumps({"key": base64.b64encode(key.encode()).decode()})
        connection.request("POST", "/v3/kv/range", body, {"Content-Type": "application/json"})
        found = json.loads(connection.getresponse().read()).get("kvs", [])
    finally:
        connection.close()
    return (json.loads(_text(found[0]["value"])), found[0]["mod_revision"]) if found else (NOTHING, "0")


def kind_of(body, upstream):
    """Of what kind the transaction is, by what it compares and puts, and by the lease's record as it is. None: of none, for
    the record has moved on, and it is going to be refused."""
    txn = json.loads(body)
    compared = {_text(each["key"]): each.get("mod_revision", "0") for each in txn.get("compare", [])}
    puts = {_text(each["request_put"]["key"]): _text(each["request_put"]["value"])
            for each in txn["success"] if "request_put" in each}
    folders = {key.split("/")[2] for key in puts}
    if "leases" in folders:
        key = next(each for each in puts if "/leases/" in each)
        old, revision = _record(upstream, key)
        new = json.loads(puts[key])
        if compared.get(key) != revision:
            return None
        if new["session"] or not (new["period"] or old["period"]):
            return _kind_of_lease(old, new, any("/fences/" in each for each in puts), any("/beats/" in each for each in compared))
        return "call-" + _kind_of_call(old, new)
    if not puts:
        return "end"
    return {"beats": "beat", "beats fences": "create", "fences": "fence", "machines": "machine",
            "meta": "meta"}.get(" ".join(sorted(folders)), " ".join(sorted(folders)))


def _kind_of_lease(old, new, fences, beats):
    if new["state"] != "held":
        return "done" if new["state"] == "done" else "rearm" if old["state"] == "done" else "release"
    if len(new["debts"]) != len(old["debts"]):
        return "steal" if len(new["debts"]) > len(old["debts"]) else "strike"
    if new["index"] == old["index"]:
        return "rehang" if new["session"] != old["session"] else "again"
    if fences:
        return "expire"
    return "transfer" if beats else "acquire"


def _kind_of_call(old, new):
    if new["state"] == "free":
        return "release"
    if len(new["debts"]) > len(old["debts"]):
        return "steal"
    return "renew" if old["state"] == "held" and old["machine_id"] == new["machine_id"] else "acquire"


class EachKindOnce(fault_proxy.State):
    def __init__(self, mode, seconds):
        super().__init__()
        self._each = mode, seconds
        self.met = {}  # kind: when its first met the fault
        self.problems = []

    def fault(self, path, body, upstream):
        if "/v3/kv/txn" not in path:
            return super().fault(path, body, upstream)
        try:
            kind = kind_of(body, upstream)
        except (OSError, http.client.HTTPException):
            return "pass", 0.0  # that member is away, and so is the fault
        except (ValueError, KeyError, TypeError) as error:
            self.problems.append(f"{error!r}: {body}")
            return "pass", 0.0
        with self.lock:
            if kind is None or kind in self.met:
                return "pass", 0.0
            self.met[kind] = now()
            return self._each


class Unreliable:
    """with Unreliable(cluster, mode, seconds) as way: while way.endpoints is what leased.conf says."""

    def __init__(self, cluster, mode, seconds=0.0):
        self.state = fault_proxy.STATE = EachKindOnce(mode, seconds)
        self.endpoints = " ".join(f"http://{NETWORK}.1:{FIRST_PORT + number}" for number, _ in enumerate(cluster))
        self._servers = [fault_proxy.Server((f"{NETWORK}.1", FIRST_PORT + number), f"{machine.address}:{CLIENT_PORT}")
                         for number, machine in enumerate(cluster)]

    @property
    def met(self):
        return self.state.met

    def __enter__(self):
        for server in self._servers:
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_):
        for server in self._servers:
            server.shutdown()
            server.server_close()
