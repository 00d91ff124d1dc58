#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""leasectl registry, and what status says when the registry has trouble, with an etcd in the guest.

    run-in-guest test-leasectl-registry.py LEASECTL LEASED LEASED_GUARD LEASED.SERVICE LEASED-GUARD.SERVICE BUS_POLICY LEASED_RUN
"""

import os
import re
import shutil
import subprocess
import unittest

from leasectl_etcd import ALSO_URL, DEAD_URL, HIGHEST, PASSWORD, URL, Etcd, forget, post, put_record, record, registry
from leasectl_guest import DEADLINE, ENVIRONMENT, CaseWithDaemon, ctl, main, property_of, run, wait_for, write

USAGE = "usage: leasectl registry [accept UUID|forget LEASE [INDEX]]"


@unittest.skipUnless(shutil.which("etcd"), "no etcd")
class Registry(CaseWithDaemon):
    LEASED_CONF = f"[Leased]\nRegistry=etcd\nEndpoints={URL} {DEAD_URL} {ALSO_URL}\nTTL=2s\n"

    def setUp(self):
        self.etcd = Etcd("first")
        self.addCleanup(forget)
        self.addCleanup(self.etcd.remove)
        wait_for("beats come through", lambda: registry()["last_beat_usec"] > 0)

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
            wait_for("it is said what keeps it from running", lambda: "Not here: its Index 9007199254740991 cannot grow any more (leasectl registry "
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
        wait_for("it is said still", lambda: "its Index 9007199254740991 cannot grow any more" in ctl("status", lease).stdout)
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
        other.stop()
        wait_for("it is seen that nothing answers", lambda: "etcd, trouble" in ctl("registry").stdout)
        refused = ctl("registry", "accept", found)
        self.assertEqual((refused.returncode, refused.stdout), (1, ""))
        self.assertRegex(refused.stderr, "^leasectl: registry accept: The registry .*does not answer")
        other = Etcd("second")
        wait_for("it is listed again", lambda: "not accepted" in ctl("status").stdout)
        self.assertEqual((registry()["uuid"], registry()["found_uuid"]), (known, found))  # what was refused is not done later
        done = wait_for("it can be accepted", lambda: (done := ctl("registry", "accept", found)).returncode == 0 and done)
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


if __name__ == "__main__":
    main()
