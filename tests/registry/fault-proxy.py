#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A proxy with faults between leased and etcd, and a server that is anything but etcd.

    fault-proxy.py PORT [UPSTREAM]      listens on 127.0.0.1:PORT (0: any; printed first), forwards to http://UPSTREAM;
                                        of several, separated by commas, to each in turn

It obeys lines on its standard input and answers each with one line:

    mode NAME [PATH [SECONDS [TIMES]]]  requests whose path contains PATH ("" or -: all) meet the fault NAME;
                                        after TIMES of them (0: for ever) all is well again
    count PATH                          how many requests with PATH in theirs have come in
    forwarded PATH                      how many of those were given to etcd

It ends with its standard input. Faults:

    pass                nothing
    cut-request         read, then the connection is closed; etcd never hears of it
    cut-answer          etcd does it; the connection is closed without a byte of the answer
    truncate-request    etcd gets half of the body
    truncate-answer     half of the answer arrives
    duplicate           etcd gets it twice; the answer is the second one's
    hold-request        etcd gets it SECONDS later, whether anybody still waits or not
    wait-after-first    the first request passes, each later one waits until the mode changes, or SECONDS
    hold-answer         etcd does it at once, the answer comes SECONDS later
    black-hole          read, and nothing more, for SECONDS
    stall               answers and streams that are already open pass nothing more
    flood-empty flood-short flood-progress flood-events nul-line long-line
                        a watch that never ends its lines: without end; well-formed ones that say nothing new (etcd's own
                        first line over and over; one and the same event); with a NUL byte; one that never ends
    garbage html huge drip empty not-found redirect error wrong-type endless-head    answers that etcd would not give
"""

import http.client
import http.server
import itertools
import socket
import socketserver
import sys
import threading

MEGABYTE = b'{"header":' + b" " * (1 << 20)


class State:
    """What is to be done, and what was seen; one for the process."""

    def __init__(self):
        self.lock = threading.Lock()
        self.mode, self.path, self.seconds, self.times = "pass", "", 0.0, 0
        self.passed = False
        self.seen, self.forwarded = [], []
        self.changed = threading.Condition(self.lock)

    def set(self, mode, path="", seconds="0", times="0"):
        with self.lock:
            self.mode, self.path = mode, "" if path == "-" else path
            self.seconds, self.times, self.passed = float(seconds), int(times), False
            self.changed.notify_all()

    def fault(self, path, body, upstream):
        """The fault that this request meets, and its seconds."""
        with self.lock:
            self.seen.append(path)
            if self.path not in path:
                return "pass", 0.0
            mode = self.mode, self.seconds
            if self.times > 0:
                self.times -= 1
                if self.times == 0:
                    self.mode = "pass"
            return mode

    def waits(self):
        """Whether the request is not the first one in this mode."""
        with self.lock:
            waits, self.passed = self.passed and self.mode == "wait-after-first", True
            return waits

    def stalled(self):
        with self.lock:
            return self.mode == "stall"

    def wait(self, seconds):
        """Until the time is over, or the mode changes."""
        with self.lock:
            self.changed.wait(seconds)


STATE = State()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *args):
        pass

    def do_GET(self):
        self.serve(None)

    def do_POST(self):
        self.serve(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def serve(self, body):
        self.upstream = next(self.server.upstreams)
        mode, seconds = STATE.fault(self.path, body, self.upstream)
        try:
            getattr(self, mode.replace("-", "_"))(body, seconds)
        except (OSError, http.client.HTTPException):
            self.close_connection = True

    # -- to etcd and back --

    def ask(self, body, cut=None):
        """Sends the request on. Returns etcd's connection and answer."""
        with STATE.lock:
            STATE.forwarded.append(self.path)
        connection = http.client.HTTPConnection(self.upstream, timeout=3600)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in ("host", "connection")}
        if cut is not None:
            connection.putrequest(self.command, self.path)
            for name, value in headers.items():
                connection.putheader(name, value)
            connection.endheaders(body[:cut])
            connection.close()
            return None, None
        connection.request(self.command, self.path, body, headers)
        return connection, connection.getresponse()

    def head(self, status, length=None, kind="application/json", extra=()):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        for name, value in extra:
            self.send_header(name, value)
        if length is None:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(length))
        self.end_headers()

    def relay(self, connection, answer, cut=False):
        if "/v3/watch" in self.path:
            return self.relay_stream(connection, answer)
        body = answer.read()
        connection.close()
        self.head(answer.status, len(body), answer.headers.get("Content-Type", "text/plain"))
        self.wfile.write(body[:len(body) // 2] if cut else body)
        if cut:
            self.close_connection = True
        return None

    def relay_stream(self, connection, answer):
        threading.Thread(target=self.follow, args=(connection,), daemon=True).start()
        self.head(answer.status, None, answer.headers.get("Content-Type", "text/plain"))
        while True:
            part = answer.read1(65536)
            while STATE.stalled():
                STATE.wait(0.1)
            if not part:
                break
            self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
        self.wfile.write(b"0\r\n\r\n")

    def follow(self, connection):
        """A client that has gone ends its stream at etcd, too."""
        try:
            self.connection.recv(1, socket.MSG_PEEK)
        except OSError:
            pass
        try:
            if connection.sock:
                connection.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def pass_(self, body, seconds):
        self.relay(*self.ask(body))

    def stall(self, body, seconds):
        if "/v3/watch" in self.path:
            self.relay(*self.ask(body))
        else:
            STATE.wait(3600)
            self.close_connection = True

    # -- faults --

    def cut_request(self, body, seconds):
        self.close_connection = True

    def cut_answer(self, body, seconds):
        connection, answer = self.ask(body)
        answer.read()
        connection.close()
        self.close_connection = True

    def truncate_request(self, body, seconds):
        self.ask(body or b"", len(body or b"") // 2)
        self.close_connection = True

    def truncate_answer(self, body, seconds):
        self.relay(*self.ask(body), cut=True)

    def duplicate(self, body, seconds):
        connection, answer = self.ask(body)
        answer.read()
        connection.close()
        self.relay(*self.ask(body))

    def hold_request(self, body, seconds):
        threading.Event().wait(seconds)
        self.relay(*self.ask(body))

    def wait_after_first(self, body, seconds):
        if STATE.waits():
            STATE.wait(seconds)
        self.relay(*self.ask(body))

    def hold_answer(self, body, seconds):
        connection, answer = self.ask(body)
        data = answer.read()
        connection.close()
        threading.Event().wait(seconds)
        self.head(answer.status, len(data))
        self.wfile.write(data)

    def black_hole(self, body, seconds):
        STATE.wait(seconds or 3600)
        self.close_connection = True

    # -- not etcd --

    def answer(self, status, body, kind="application/json", extra=()):
        self.head(status, len(body), kind, extra)
        self.wfile.write(body)

    def garbage(self, body, seconds):
        self.answer(200, bytes(range(256)) * 16)

    def html(self, body, seconds):
        self.answer(200, b"<html><body>Please sign in to the Wi-Fi</body></html>", "text/html")

    def huge(self, body, seconds):
        self.head(200)
        for _ in range(100):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(MEGABYTE), MEGABYTE))
        self.wfile.write(b"0\r\n\r\n")

    def drip(self, body, seconds):
        self.head(200, 1 << 20)
        for _ in range(1 << 20):
            self.wfile.write(b" ")
            STATE.wait(0.05)

    def empty(self, body, seconds):
        self.answer(200, b"")

    def not_found(self, body, seconds):
        self.answer(404, b"404 page not found\n", "text/plain")

    def redirect(self, body, seconds):
        self.answer(302, b"", "text/plain", [("Location", "http://127.0.0.1:1/")])

    def error(self, body, seconds):
        self.answer(502, b"<html>Bad Gateway</html>", "text/html")

    def wrong_type(self, body, seconds):
        self.answer(200, b'{"header":{"cluster_id":[1],"member_id":true,"revision":"-1"},"kvs":"none","succeeded":1}')

    def endless_head(self, body, seconds):
        self.send_response(200)
        for _ in range(100000):
            self.wfile.write(b"X-Endless: %s\r\n" % (b"x" * 1000))


    # -- streams --

    def flood(self, line, times=None):
        """The same lines as fast as they are taken."""
        block = line * (65536 // len(line) + 1)
        block = b"%x\r\n%s\r\n" % (len(block), block)
        while times is None or times > 0:
            self.wfile.write(block)
            times = None if times is None else times - 1
        self.wfile.write(b"0\r\n\r\n")

    def flood_empty(self, body, seconds):
        self.head(200)
        self.flood(b"\n")

    def flood_short(self, body, seconds):
        self.head(200)
        self.flood(b"{}\n")

    def flood_progress(self, body, seconds):
        connection, answer = self.ask(body)
        line = answer.readline()
        self.head(200)
        self.flood(line)

    def flood_events(self, body, seconds):
        connection, answer = self.ask(body)
        created = answer.readline()
        event = answer.readline()
        self.head(200)
        self.wfile.write(b"%x\r\n%s\r\n" % (len(created), created))
        self.flood(event)

    def nul_line(self, body, seconds):
        self.head(200)
        self.flood(b"\0" + b"x" * 60000 + b"\n", 1)

    def long_line(self, body, seconds):
        self.head(200)
        self.flood(b"x" * 65536)


setattr(Handler, "pass", Handler.pass_)


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 64

    allow_reuse_address = True

    def __init__(self, address, upstream):
        self.upstreams = itertools.cycle((upstream or "").split(","))
        super().__init__(address, Handler)

    def handle_error(self, request, client_address):
        pass


def main():
    server = Server(("127.0.0.1", int(sys.argv[1])), sys.argv[2] if len(sys.argv) > 2 else None)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)
    for line in sys.stdin:
        words = line.split()
        if words[:1] == ["mode"]:
            STATE.set(*words[1:])
            print("ok", flush=True)
        elif words[:1] in (["count"], ["forwarded"]):
            with STATE.lock:
                paths = STATE.seen if words[0] == "count" else STATE.forwarded
                print(sum(words[1] in path for path in paths), flush=True)
        else:
            print("what?", flush=True)


if __name__ == "__main__":
    main()
