#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""leasectl registry, and what status says when the registry has trouble, with an etcd in the guest.

    run-in-guest test-leasectl-registry.py LEASECTL LEASED LEASED_GUARD LEASED.SERVICE LEASED-GUARD.SERVICE BUS_POLICY LEASED_RUN
"""

import base64
import json
import os
import re
import shutil
import signal
import subprocess
import time
import unittest
import urllib.request

from leasectl_guest import DEADLINE, ENVIRONMENT, CaseWithDaemon, ctl, main, property_of, run, wait_for, write

URL = "http://127.0.0.1:2379"
DEAD_URL = "http://127.0.0.2:2379"
ALSO_URL = "http://127.0.0.3:2379"  # the same member: at the first start more than half of Endpoints= must answer
PEER_URL = "http://127.0.0.1:2380"  # etcd's default is localhost, a name that not every machine knows
PASSWORD = "/run/leased-password"
HIGHEST = 9007199254740991
USAGE = "usage: leasectl registry [accept UUID|forget LEASE [INDEX]]"


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


@unittest.skipUnless(shutil.which("etcd"), "no etcd")
class Registry(CaseWithDaemon):
    LEASED_CONF = f"[Leased]\nRegistry=etcd\nEndpoints={URL} {DEAD_URL} {ALSO_URL}\nTTL=2s\n"

    def setUp(self):
        self.etcd = Etcd("first")
        self.addCleanup(self.forget)
        self.addCleanup(self.etcd.remove)
        wait_for("beats come through", lambda: registry()["last_beat_usec"] > 0)

    @staticmethod
    def forget():
        """The next test is a machine that knows no registry."""
        run("systemctl", "stop", "leased.service")
        shutil.rmtree("/var/lib/leased", ignore_errors=True)
        run("systemctl", "start", "leased.service")

    def test_all_about_the_registry_is_shown(self):
        now = wait_for("all is well", lambda: (r := registry())["state"] == "ok" and r)
        self.assertEqual((now["kind"], now["state"]), ("etcd", "ok"))
        self.assertIn(now["endpoint"], (URL, ALSO_URL))
        self.assertEqual(now["endpoints"], [URL, DEAD_URL, ALSO_URL])
        self.assertRegex(now["version"], r"^3\.\d+\.\d+")
        self.assertRegex(now["uuid"], "^[0-9a-f-]{36}$")
        self.assertTrue(now["store"])
        self.assertEqual((now["found_uuid"], now["found_store"]), ("", ""))
        for verb in ("status", "registry"):
            text = ctl(verb, check=True).stdout
            for each in ("Registry: etcd, ok", f"Endpoint: {now['endpoint']}", f"Of: {URL}", DEAD_URL, ALSO_URL,
                         f"Server: etcd {now['version']}"):
                self.assertIn(each, text)
            self.assertRegex(text, r"Last beat: \S+ ago, answered in ")
            self.assertNotIn(" Error: ", text)
        for each in (f"UUID: {now['uuid']}", f"Store: {now['store']}"):
            self.assertIn(each, text)
        done = ctl("registry", "accept", now["uuid"])
        self.assertEqual((done.returncode, done.stdout),
                         (0, f"{now['uuid']}: is the registry that this machine goes by, nothing is to be accepted\n"))
        self.assertSays(ctl("registry", "accept", "that"), 1,
                        'registry accept: "that" is no registry\'s uuid: 36 characters as leasectl registry shows them.')
        self.assertSays(ctl("registry", "frob"), 2, USAGE)

    def assertTrouble(self, pattern):
        """status shows the registry's own error and since when, and registry the same. Where only writes fail, a read that
        went well in between makes it well for a moment."""
        for verb in ("status", "registry"):
            def in_trouble():
                text = ctl(verb).stdout
                return text if "etcd, trouble since" in text and re.search(pattern, text) else None

            text = wait_for(f"{pattern} is shown", in_trouble)
            self.assertRegex(text, r"Registry: etcd, trouble since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d \(.* ago\)")
            self.assertRegex(text, r"(?m)^ +Error: .*" + pattern)
            self.assertRegex(text, r"(?m)^ +Error seen: \d{4}-")

    def test_an_etcd_that_is_gone_and_one_that_is_back(self):
        unit = self.enable("held.service")
        self.etcd.stop()
        self.assertTrouble("Could(n't| not) connect to server")  # libcurl's word, which has changed
        since = registry()["since_usec"]
        self.assertEqual(ctl("status").returncode, 6)
        wait_for(f"{unit} is stopped", lambda: self.row(unit)["state"] == "held")
        self.assertEqual(registry()["since_usec"], since)
        self.assertIn("Not here: the registry does not answer", ctl("status", unit).stdout)
        self.assertEqual(ctl("is-held", unit).returncode, 3)
        self.assertIn("No leases now: the registry does not answer", ctl("status").stdout)
        # A verb that has to wait for the registry says so, and ends when it is back.
        release = subprocess.Popen(["leasectl", "release", unit], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)
        self.addCleanup(release.communicate)
        self.assertRegex(release.stderr.readline(), f"^{unit}: .*; registry: .*Could(n't| not) connect")
        self.etcd = Etcd("first")
        self.assertEqual((release.wait(DEADLINE), release.stdout.read()),
                         (0, f"{unit}: released, nobody holds it yet\n"))
        self.assertSays(ctl("steal", unit), 0)
        wait_for(f"{unit} runs again", lambda: self.row(unit)["state"] == "running")
        wait_for("the error is over", lambda: " Error: " not in ctl("status").stdout)
        for verb in ("status", "registry"):
            self.assertRegex(ctl(verb).stdout, r"Last error: http://\S+: .*\n +At: \d{4}-")
        ctl("disable", unit, check=True)

    def test_an_etcd_without_room(self):
        post("/v3/maintenance/alarm", action="ACTIVATE", alarm="NOSPACE")
        self.assertTrouble("database space exceeded")
        self.assertIn("NOSPACE", ctl("status").stdout)

    def test_a_wrong_password(self):
        post("/v3/auth/user/add", name="root", password="right")
        post("/v3/auth/role/add", name="root")
        post("/v3/auth/user/grant", user="root", role="root")
        post("/v3/auth/enable")
        write(PASSWORD, "wrong\n")
        os.chmod(PASSWORD, 0o600)
        self.addCleanup(os.unlink, PASSWORD)
        write("/etc/leased/leased.conf.d/user.conf", f"[Leased]\nUser=root\nPasswordFile={PASSWORD}\n")
        self.addCleanup(os.unlink, "/etc/leased/leased.conf.d/user.conf")
        run("systemctl", "restart", "leased.service")
        self.assertTrouble("does not accept User=root with the password in " + PASSWORD)
        self.assertNotIn("wrong", ctl("status").stdout + ctl("registry").stdout)

    def poison(self, lease, **changes):
        """As somebody who writes records by hand may. The lease was held and let go, and is wanted again."""
        self.enable(lease)
        ctl("disable", lease, check=True)
        free = record(f"leases/{lease}")
        self.assertLess(free["index"], HIGHEST)
        put_record(f"leases/{lease}", {**free, "index": HIGHEST, **changes})
        ctl("enable", lease, check=True)
        if not changes:
            wait_for("it is said what keeps it from running", lambda: "Not here: its Index cannot grow any more (leasectl registry "
                     "forget LEASE)" in ctl("status", lease).stdout)
        return free

    def test_an_index_that_cannot_grow_any_more_is_put_back_when_told_to(self):
        lease = "poisoned.service"
        free = self.poison(lease)
        self.assertSays(ctl("registry", "forget", lease), 1, f"registry forget: The record of {lease} has that Index, too: give the "
                        "Index of its last holder.")
        for wrong in (str(HIGHEST), "18446744073709551615"):
            self.assertSays(ctl("registry", "forget", lease, wrong), 1, f"registry forget: The Index of a holder is below {HIGHEST}.")
        for wrong in ("", "+1", "0x7", "7.service", "18446744073709551616"):
            self.assertSays(ctl("registry", "forget", lease, wrong), 2, USAGE)
        self.assertEqual(record(f"leases/{lease}")["index"], HIGHEST)
        done = ctl("registry", "forget", lease, str(free["index"]))
        self.assertSays(done, 0)
        self.assertEqual(done.stdout, f"{lease}: Index {HIGHEST} is forgotten here; its record says {free['index']}\n"
                         f"The other machines remember it; on each of them: leasectl registry forget {lease}\n")
        wait_for(f"{lease} runs", lambda: self.row(lease)["state"] == "running")
        held = record(f"leases/{lease}")["index"]
        self.assertTrue(free["index"] < held < HIGHEST, held)
        self.assertSays(ctl("registry", "forget", lease, "1"), 1, f"registry forget: The record of {lease} has the Index {held}, which "
                        "can grow: it is left as it is.")
        self.assertSays(ctl("registry", "forget", "never-seen.service", "1"), 3,
                        'registry forget: The registry has nothing of "never-seen.service".')

    def test_the_index_of_a_lease_that_somebody_holds_is_not_put_back(self):
        lease, session = "held-high.service", "0123456789abcdef-60000"
        put_record(f"fences/{session}", {"counter": 1, "names": []})
        put_record(f"beats/{session}", {"machine_id": "f" * 32, "nonce": "0123456789abcdef"})
        self.poison(lease, state="held", machine_id="f" * 32, session=session)
        wait_for("it is seen", lambda: self.row(lease)["machine_id"] == "f" * 32)
        self.assertSays(ctl("registry", "forget", lease, "1"), 1,
                        f"registry forget: The Index of {lease} cannot be put back: somebody holds it.")
        self.assertEqual(record(f"leases/{lease}")["index"], HIGHEST)

    def test_an_index_that_is_remembered_beyond_the_record_is_forgotten_when_told_to(self):
        """On the machines where the command that puts the Index back was not typed."""
        lease = self.enable("remembered.service")
        self.assertSays(ctl("registry", "forget", lease), 1, f"registry forget: {lease} is held here: its Index is in use.")
        ctl("disable", lease, check=True)
        free = self.poison(lease)
        put_record(f"leases/{lease}", free)
        # What was seen once is remembered beyond the record, and beyond the daemon.
        run("systemctl", "restart", "leased.service")
        wait_for("it is said still", lambda: "its Index cannot grow any more" in ctl("status", lease).stdout)
        self.assertEqual(property_of(lease, "ActiveState"), "inactive")
        self.assertSays(ctl("registry", "forget", lease, "1"), 1, f"registry forget: The record of {lease} has the Index "
                        f"{free['index']}, which can grow: it is left as it is.")
        done = ctl("registry", "forget", lease)
        self.assertEqual((done.returncode, done.stdout),
                         (0, f"{lease}: Index {HIGHEST} is forgotten here; its record says {free['index']}\n"))
        wait_for(f"{lease} runs", lambda: self.row(lease)["state"] == "running")
        held = record(f"leases/{lease}")["index"]
        self.assertTrue(free["index"] < held < HIGHEST, held)
        self.assertSays(ctl("registry", "forget", "never-seen.service"), 3,
                        "registry forget: This machine remembers nothing of the lease never-seen.service.")
        for wrong in (("forget",), ("accept",), ("accept", "that", "1"), ("forget", lease, "1", "2")):
            self.assertEqual(ctl("registry", *wrong).returncode, 2, wrong)
        self.assertSays(ctl("registry", "forget"), 2, USAGE)

    def test_a_replaced_registry_waits_for_the_operators_word(self):
        known = registry()["uuid"]
        self.etcd.remove()
        other = Etcd("second")
        self.addCleanup(other.remove)
        # Until the records of the other store are listed, the uuid that is found there is the one that was known.
        found = wait_for("the other one is found", lambda: (found := registry()["found_uuid"]) != known and found)
        self.assertEqual(registry()["uuid"], known)
        for verb in ("status", "registry"):
            text = wait_for("it is told", lambda: "Registry: etcd, not accepted" in (text := ctl(verb).stdout) and text)
            self.assertIn(f"leasectl registry accept {found}\n", text)
        self.assertEqual(ctl("status").returncode, 6)
        self.assertSays(ctl("registry", "accept", "0f2c7a52-6a1b-4c39-9a55-1d0b7c2e9f10"), 1,
                        f"registry accept: The registry that answers is {found}: nothing is to be accepted.")
        done = ctl("registry", "accept", found)
        self.assertEqual((done.returncode, done.stdout.split(":")[0]), (0, found))
        wait_for("it is accepted", lambda: registry()["uuid"] == found and not registry()["found_uuid"])
        wait_for("the silence is told", lambda: "No leases now: the registry was replaced" in ctl("status").stdout)

    def replace(self, token):
        """Another registry is there when leased starts the next time."""
        run("systemctl", "stop", "leased.service")
        self.etcd.remove()
        other = Etcd(token)
        self.addCleanup(other.remove)
        run("systemctl", "start", "leased.service")

    def test_a_machine_that_has_leased_nothing_takes_another_registry_at_its_start(self):
        known = registry()["uuid"]
        self.assertTrue(known)
        self.replace("third")
        wait_for("beats come through", lambda: registry()["last_beat_usec"] > 0)
        self.assertNotIn(registry()["uuid"], ("", known))
        self.assertEqual((registry()["found_uuid"], ctl("status").returncode), ("", 0))

    def test_a_machine_with_a_unit_does_not_take_another_registry_at_its_start(self):
        self.enable("mine.service")
        known = registry()["uuid"]
        self.replace("fourth")
        wait_for("the other one is found", lambda: registry()["found_uuid"])
        self.assertEqual(registry()["uuid"], known)


@unittest.skipUnless(shutil.which("etcd"), "no etcd")
class Unknown(CaseWithDaemon):
    """leased is restarted while the registry is away, and a unit runs."""
    LEASED_CONF = f"[Leased]\nRegistry=etcd\nEndpoints={URL}\nTTL=20s\n"

    def test_who_holds_what_runs_here_is_unknown_until_the_registry_answers(self):
        etcd = Etcd("first")
        self.addCleanup(Registry.forget)
        self.addCleanup(etcd.remove)
        wait_for("beats come through", lambda: registry()["last_beat_usec"] > 0)
        unit = self.enable("mine.service")
        self.assertEqual(self.row(unit)["held"], True)
        etcd.stop()
        run("systemctl", "restart", "leased.service")
        row = wait_for("leased is there", lambda: (r := self.row(unit)) and r["active_state"] == "active" and r)
        self.assertEqual((row["state"], row["held"], row["machine_id"], row["active_state"]), ("unknown", None, None, "active"))
        done = ctl("status", unit)
        self.assertEqual(done.returncode, 6)
        for text in ("State here: unknown, active", "Holder: unknown", "Without beats: stopped in", "Not here: unknown: the registry does "
                     "not answer; it runs here by an earlier beat"):
            self.assertIn(text, done.stdout)
        self.assertNotIn("nobody", done.stdout)
        done = ctl("is-held", unit)
        self.assertEqual((done.returncode, done.stdout), (6, "unknown\n"))
        for lease in (unit, "a-programs"):
            done = ctl("is-held", lease)
            self.assertEqual((done.returncode, done.stdout, done.stderr), (6, "unknown\n", ""), lease)
            done = ctl("is-held", "--no-legend", lease)
            self.assertEqual((done.returncode, done.stdout, done.stderr), (6, "", ""), lease)
            self.assertEqual(json.loads(ctl("is-held", "--json", lease).stdout), [{"name": lease, "held": None}])
        done = ctl("status")
        self.assertEqual(done.returncode, 6)
        self.assertIn("Units: 1 enabled here, 0 held by this machine, 1 unknown\n", done.stdout)
        self.assertIn(f"{unit}: unknown, active here", done.stdout)
        done = ctl("list", "--no-legend")
        self.assertEqual(done.returncode, 6)
        self.assertRegex(done.stdout, rf"^{unit} +unknown +unknown ")
        metrics = ctl("metrics").stdout
        for unknown in ("leased_held", "leased_paused", f'leased_unit_held{{unit="{unit}"}}'):
            self.assertNotRegex(metrics, rf"(?m)^{re.escape(unknown)} ")
        self.assertIn(f'leased_unit_state{{unit="{unit}",state="unknown"}} 1\n', metrics)
        self.assertEqual([(done := ctl(verb)).returncode for verb in ("machines", "history")], [6, 6])
        for options in (), ("--dry-run",):
            self.assertSays(ctl("rebalance", *options), 6, "rebalance: who holds what is not known now, see: leasectl registry")
        self.assertEqual(done.stdout, "No lease is known yet\n")
        Etcd("first")
        wait_for("it is ours", lambda: self.row(unit)["local"])
        for verb in (("is-held", unit), ("status", unit), ("list",), ("machines",), ("history",)):
            self.assertEqual((verb, ctl(*verb).returncode), (verb, 0))
        self.assertRegex(ctl("metrics").stdout, r"(?s)\nleased_paused 0\n.*\nleased_held 1\n")

    def test_a_drain_is_not_over_while_what_is_held_is_unknown(self):
        """Whoever reads that nothing is held switches the machine off."""
        etcd = Etcd("first")
        self.addCleanup(Registry.forget)
        self.addCleanup(etcd.remove)
        wait_for("beats come through", lambda: registry()["last_beat_usec"] > 0)
        unit = self.enable("undrained.service")
        self.addCleanup(ctl, "undrain")
        etcd.stop()
        run("systemctl", "restart", "leased.service")
        unknown = ("drain: what this machine holds is not known now, see: leasectl registry",
                   "drain: goes on until: leasectl undrain")
        self.assertSays(ctl("drain", "-n"), 6, "drain: who holds what is not known now, see: leasectl registry")
        done = ctl("drain")
        self.assertSays(done, 6, *unknown)
        self.assertEqual(done.stdout, "")
        waiting = subprocess.Popen(["leasectl", "drain"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   text=True, env=ENVIRONMENT)
        self.addCleanup(waiting.communicate)
        Etcd("first")
        self.assertEqual((waiting.wait(DEADLINE), waiting.stdout.read()), (1, f"{unit}: there is no other machine\n"))
        self.assertRegex(waiting.stderr.read(), r"(?m)^leasectl: drain: 1 unit has nowhere to go and stays on \S+, which takes nothing "
                         r"until: leasectl undrain\n\Z")
        self.assertEqual(property_of(unit, "ActiveState"), "active")

    def test_a_drain_in_a_pause_is_not_over_while_the_registry_is_away(self):
        etcd = Etcd("first")
        self.addCleanup(Registry.forget)
        self.addCleanup(etcd.remove)
        wait_for("beats come through", lambda: registry()["last_beat_usec"] > 0)
        unit = self.enable("kept.service")

        def end_pause():
            wait_for("the registry is back, and the pause over", lambda: ctl("resume").returncode == 0)

        self.addCleanup(end_pause)  # while it lasts, nothing can be disabled
        ctl("pause", check=True)
        wait_for("it is kept", lambda: "leased_keeps 1" in ctl("metrics").stdout)
        etcd.stop()
        run("systemctl", "restart", "leased.service")
        done = ctl("drain")
        self.assertSays(done, 1, "drain: this machine takes nothing, and keeps what it holds until: leasectl resume; to take that back: "
                        "leasectl undrain")
        self.assertEqual((done.stdout, property_of(unit, "ActiveState")), ("", "active"))
        self.assertEqual(ctl("undrain", check=True).stdout,
                         "undrained: this machine takes leases again; for its share: leasectl rebalance\n")
        Etcd("first")

    def test_a_drain_of_another_machine_is_not_over_while_what_that_holds_is_unknown(self):
        """leased is restarted here between two looks."""
        etcd = Etcd("first")
        self.addCleanup(Registry.forget)
        self.addCleanup(etcd.remove)
        wait_for("beats come through", lambda: registry()["last_beat_usec"] > 0)
        beta, session, lease = "beef" * 8, "beefbeefbeefbeef-60000", "leases/theirs.service"
        held = {"state": "held", "machine_id": beta, "session": session, "version": 0, "index": 7, "since": 1, "period": 0, "debts": [],
                "tenures": []}
        put_record(f"fences/{session}", {"counter": 0, "names": []})
        put_record(f"beats/{session}", {"machine_id": beta, "nonce": "beefbeefbeefbeef-1"})
        put_record(f"machines/{beta}", {"hostname": "beta", "boot_id": "b" * 32, "session": session, "metadata": "", "version": "0",
                                        "draining": False})
        put_record(lease, held)
        wait_for("beta holds it", lambda: any(each["hostname"] == "beta" and each["held"]
                                              for each in json.loads(ctl("machines", "--json=short").stdout)))
        drain = subprocess.Popen(["leasectl", "drain", "beta"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                 text=True, env=ENVIRONMENT)
        self.addCleanup(drain.communicate)
        self.assertEqual(drain.stderr.readline(), "beta: 1 of 1 to go\n")
        drain.send_signal(signal.SIGSTOP)
        etcd.stop()
        run("systemctl", "restart", "leased.service")
        drain.send_signal(signal.SIGCONT)
        wait_for("it is waited for", lambda: b"1 of 1 to go; registry" in os.read(drain.stderr.fileno(), 4096) or drain.poll())
        self.assertIsNone(drain.poll())
        Etcd("first")
        put_record(lease, {**held, "state": "free", "session": ""})
        self.assertEqual((drain.wait(DEADLINE), drain.stdout.read()),
                         (0, "drained: beta holds nothing and takes nothing until: leasectl undrain beta\n"))
        etcd.stop()
        run("systemctl", "restart", "leased.service")
        for verb in (("drain", "beta"), ("undrain", "beta"), ("confirm-dead", "beta"), ("transfer", "any", "beta")):
            self.assertSays(ctl(*verb), 6, "beta: which machines there are is not known now, see: leasectl registry")

    def test_disable_ends_also_while_the_registry_is_away(self):
        etcd = Etcd("first")
        self.addCleanup(Registry.forget)
        self.addCleanup(etcd.remove)
        wait_for("beats come through", lambda: registry()["last_beat_usec"] > 0)
        unit = self.enable("leaving.service")
        etcd.stop()
        wait_for("that is seen", lambda: registry()["state"] == "trouble")
        began = time.monotonic()
        done = ctl("disable", unit)
        self.assertTrue(10 <= time.monotonic() - began < 40, time.monotonic() - began)
        self.assertEqual(done.returncode, 6)
        self.assertRegex(done.stderr, r"(?m)^leasectl: the registry does not answer, so no lease is given back: .")
        self.assertIn(f"leasectl: {unit}: is down, and stays gated until the registry answers, or leased is stopped; then: leasectl disable "
                      f"{unit}\n", done.stderr)
        self.assertRegex(done.stderr, rf"(?m)^{unit}: .*; registry: ")  # what it waits for, meanwhile
        self.assertNotEqual(run("systemctl", "start", unit, check=False).returncode, 0)
        Etcd("first")
        wait_for("the registry is back", lambda: registry()["state"] == "ok")
        self.assertEqual(ctl("disable", unit, check=True).stdout, f"{unit}: disabled\n")
        self.assertEqual(record(f"leases/{unit}").get("session", ""), "")
        run("systemctl", "start", unit)
        run("systemctl", "stop", unit)

    def test_without_a_registry_units_become_ordinary_once_leased_is_stopped(self):
        """As the packages do it on a machine whose etcd never comes back."""
        etcd = Etcd("first")
        self.addCleanup(Registry.forget)
        self.addCleanup(etcd.remove)
        wait_for("beats come through", lambda: registry()["last_beat_usec"] > 0)
        unit, other = self.enable("orphan.service"), self.enable("other.service")
        etcd.stop()
        wait_for("that is seen", lambda: registry()["state"] == "trouble")
        done = ctl("disable", "--all")
        self.assertEqual(done.returncode, 6)
        told = [line for line in done.stderr.splitlines() if line.startswith("leasectl: ") and not line.startswith("leasectl: note: ")]
        self.assertRegex(told[0], "^leasectl: the registry does not answer, so no lease is given back: .")
        self.assertEqual(told[1:], [f"leasectl: {unit}, {other}: are down, and stay gated until the registry answers, or leased is stopped; "
                                    "then: leasectl disable --all"], "once for all")
        done = ctl("disable", "--all", "--no-legend")  # whoever asks so goes on by himself
        self.assertEqual((done.returncode, [line for line in done.stderr.splitlines() if line.startswith("leasectl: ")]), (6, told[:1]))
        run("systemctl", "stop", "leased.service")
        self.assertEqual(ctl("disable", "--all", check=True).stdout,
                         "".join(f"{each}: disabled; its lease, if this machine held it, ends within the TTL\n" for each in (unit, other)))
        run("systemctl", "start", unit)
        run("systemctl", "stop", unit)

    def test_it_is_the_registry_that_is_silent_and_not_the_machines(self):
        etcd = Etcd("first")
        self.addCleanup(Registry.forget)
        self.addCleanup(etcd.remove)
        write("/etc/leased/leased.conf", self.LEASED_CONF.replace("20s", "2s"))
        self.addCleanup(write, "/etc/leased/leased.conf", self.LEASED_CONF)
        Registry.forget()
        wait_for("this machine is up", lambda: re.search(r"\(here\) +up ", ctl("machines").stdout))
        etcd.stop()
        # The beats end a TTL after the last one that was written, and what the records say a TTL after the last read.
        unknown = r"\(here\) +unknown, last heard [0-9.]+s ago "
        done = wait_for("neither is known", lambda: (d := ctl("machines")).returncode == 6 and re.search(unknown, d.stdout) and d)
        self.assertNotIn("silent", done.stdout)
        self.assertEqual((done.returncode, ctl("history").returncode, ctl("list").returncode), (6, 6, 0))  # no unit is enabled
        self.assertIsNone(json.loads(ctl("machines", "--json=short").stdout)[0]["up"])


if __name__ == "__main__":
    main()
