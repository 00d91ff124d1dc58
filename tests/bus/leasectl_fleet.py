# SPDX-License-Identifier: Apache-2.0
"""An etcd with its v2 API as fleet's registry, a client of it that speaks as fleet's package lease did, and a proxy between leased
and etcd that keeps each request and can lose answers."""

import http.client
import http.server
import json
import shutil
import threading
import time
import urllib.parse

from leasectl_guest import DEADLINE, POLL, CaseWithDaemon, ctl, run, wait_for

ETCD, PORT, PROXY_PORT = "test-etcd2.service", 4379, 4390
KEYS = "/v2/keys/_coreos.com/fleet/lease/"
NAME = "org.leased1"


class Proxy(http.server.ThreadingHTTPServer):
    """mode: "pass", "lose" (the answer of what writes), "hole" (nothing is passed on), "no-v2",
    "hold-reads" (they are answered when there is another mode)."""
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", PROXY_PORT), Handler)
        self.mode, self.kept, self.lost = "pass", [], 0
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def handle_one(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        server = self.server
        server.kept.append((self.command, self.path, body.decode(), self.headers.get("Content-Type")))
        mode = server.mode
        if mode == "hole":
            server.lost += 1
            self.close_connection = True
            return
        if mode == "no-v2":
            self.answer(404, b"404 page not found\n")
            return
        while server.mode == "hold-reads" and self.command == "GET":
            time.sleep(POLL)
        status, text = etcd(self.command, self.path, body)
        if mode == "lose" and self.command != "GET":
            server.mode, server.lost, self.close_connection = "pass", server.lost + 1, True
            return
        self.answer(status, text)

    do_GET = do_PUT = do_DELETE = do_POST = handle_one

    def answer(self, status, text):
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


def etcd(method, path, body=b""):
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=DEADLINE)
    connection.request(method, path, body or None, {"Content-Type": "application/x-www-form-urlencoded"} if body else {})
    answer = connection.getresponse()
    status, text = answer.status, answer.read()
    connection.close()
    return status, text


class Fleet:
    """fleet's package lease, on the wire: each method gives the HTTP status, the error's code (0: none) and the Index."""

    @staticmethod
    def ask(method, name, query, **form):
        body = urllib.parse.urlencode(form).encode()  # sorts as they are given: ttl, value
        status, text = etcd(method, KEYS + name + query, body)
        answer = json.loads(text)
        return status, answer.get("errorCode", 0), answer.get("node", {}).get("modifiedIndex", 0)

    @staticmethod
    def value(machine, version):
        return json.dumps({"MachineID": machine, "Version": version}, separators=(",", ":"))

    def acquire(self, name, machine="fleet", version=1, ttl=30):
        return self.ask("PUT", name, "?prevExist=false", ttl=ttl, value=self.value(machine, version))

    def renew(self, name, index, machine="fleet", version=1, ttl=30):
        return self.ask("PUT", name, f"?prevIndex={index}", ttl=ttl, value=self.value(machine, version))

    def release(self, name, index):
        return self.ask("DELETE", name, f"?prevIndex={index}")

    @staticmethod
    def get(name):
        status, text = etcd("GET", KEYS + name + "?quorum=true")
        return json.loads(text)["node"] if status == 200 else None


def boottime():
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def call(path, interface, method, *arguments):
    """(answer, None), or (None, error)."""
    done = run("busctl", "--json=short", "--", "call", NAME, path, f"{NAME}.{interface}", method, *map(str, arguments), check=False)
    return (json.loads(done.stdout or '{"data": []}')["data"], None) if done.returncode == 0 else (None, done.stderr)


def path_of(name):
    return "/org/leased1/lease/" + "".join(c if c.isalnum() else f"_{ord(c):02x}" for c in name)


def acquire(name, period=30.0, machine="", version=1):
    """(acquired, index)"""
    answer, error = call("/org/leased1", "Manager", "AcquireLease", "ssxt", name, machine, version, int(period * 1e6))
    assert answer, error
    assert answer[1] == path_of(name)
    return answer[0], answer[2]


def steal(name, index, period=30.0, machine="", version=2):
    return call("/org/leased1", "Manager", "StealLease", "ssxtt", name, machine, version, int(period * 1e6), index)


def renew(name, index, period=30.0):
    return call(path_of(name), "Lease", "Renew", "tt", index, int(period * 1e6))


def release(name, index):
    return call(path_of(name), "Lease", "Release", "t", index)


def get(name):
    return call("/org/leased1", "Manager", "GetLease", "s", name)


class WithFleetsRegistry(CaseWithDaemon):
    LEASED_CONF = f"[Leased]\nTTL=10s\nLeaseRegistry=etcd2:http://127.0.0.1:{PROXY_PORT}\n"
    fleet = Fleet()

    @classmethod
    def setUpClass(cls):
        url, peer = f"http://127.0.0.1:{PORT}", f"http://127.0.0.1:{PORT + 1}"
        run("systemd-run", "--quiet", f"--unit={ETCD}", "--property=Type=notify", "etcd", "--enable-v2",
            "--data-dir=/var/lib/test-etcd2", f"--listen-client-urls={url}", f"--advertise-client-urls={url}",
            f"--listen-peer-urls={peer}", f"--initial-advertise-peer-urls={peer}", f"--initial-cluster=default={peer}")
        cls.proxy = Proxy()
        super().setUpClass()
        cls.machine = run("busctl", "get-property", NAME, "/org/leased1", f"{NAME}.Manager", "MachineID").stdout.split('"')[1]
        wait_for("leases can be had", lambda: ctl("run", "--no-wait", "first", "true").returncode == 0)

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.proxy.shutdown()
        cls.proxy.server_close()
        run("systemctl", "stop", ETCD)
        shutil.rmtree("/var/lib/test-etcd2", ignore_errors=True)

    def setUp(self):
        self.proxy.mode = "pass"
        self.proxy.kept.clear()

    def assertError(self, answer, name, text=""):
        """busctl shows the text of an error; its name is told by what only this error says."""
        self.assertIsNone(answer[0], answer)
        self.assertIn(text or name, answer[1])
