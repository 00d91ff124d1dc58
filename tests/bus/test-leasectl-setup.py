#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""leasectl setup, inside a guest: what it refuses, and what it only shows, beside an etcdctl that the test plays; then one machine
that is set up with a real etcd."""

import os
import shutil
import socket
import unittest

from leasectl_guest import SYSTEM, Case, ctl, main, property_of, read, run, wait_for, write

ETCDCTL, ASKED, MEMBERS = "/usr/local/sbin/etcdctl", "/run/etcdctl-asked", "/run/etcdctl-members"
ETCD_ENV, SETUP_CONF, TLS = "/etc/leased/etcd.env", "/etc/leased/leased.conf.d/20-setup.conf", "/etc/leased/tls"
LINE = ("alpha=127.0.0.1", "beta=10.9.0.2", "gamma=10.9.0.3")
PLAYED = f"""#!/bin/sh
echo "$*" >> {ASKED}
case $* in
*"member list"*) cat {MEMBERS} 2>/dev/null || {{ echo "context deadline exceeded" >&2; exit 1; }} ;;
esac
"""


def member(name, address, status="started"):
    return f"8e9e05c52164694d, {status}, {name}, http://{address}:2380, http://{address}:2379, false\n"


class Line(Case):
    """Nothing of this needs more than a bus: nothing is set up."""

    def setUp(self):
        write(ETCDCTL, PLAYED)
        os.chmod(ETCDCTL, 0o755)
        self.addCleanup(os.unlink, ETCDCTL)
        self.addCleanup(shutil.rmtree, "/etc/leased", ignore_errors=True)
        for path in (ASKED, MEMBERS):
            self.addCleanup(lambda each=path: os.path.exists(each) and os.unlink(each))

    def changes(self):
        """The changes of the members that etcdctl was asked for."""
        asked = read(ASKED).splitlines() if os.path.exists(ASKED) else []
        return [line[line.index("member "):] for line in asked if "member list" not in line]

    def test_a_line_that_means_nothing_is_refused(self):
        self.assertSays(ctl("setup", "alpha"), 2, "alpha: expected is NAME=ADDRESS, e.g. alpha=10.0.0.1")
        self.assertSays(ctl("setup", "alpha=localhost"), 2, "alpha=localhost: expected behind \"=\" is an address, e.g. 10.0.0.1 or...")
        self.assertSays(ctl("setup", "--add", "--remove", "alpha"), 2, "of --add, --remove and --rejoin only one can be given")
        self.assertEqual(ctl("setup", "alpha=127.0.0.1", "beta=10.9.0.2").returncode, 2)  # two machines
        self.assertEqual(ctl("setup", "alpha=127.0.0.1", "alpha=10.9.0.2", "gamma=10.9.0.3").returncode, 2)
        self.assertEqual(ctl("setup", "alpha=127.0.0.1", "beta=127.0.0.1", "gamma=10.9.0.3").returncode, 2)
        self.assertSays(ctl("setup", "alpha=10.9.0.1", *LINE[1:]), 1, "this machine has none of these addresses (see: ip address)")
        self.assertFalse(os.path.exists("/etc/leased"))

    def test_a_dry_run_shows_every_file_and_changes_nothing(self):
        done = ctl("setup", "--dry-run", *LINE)
        self.assertEqual(done.returncode, 0, done.stderr)
        for text in (f"{ETCD_ENV}:", f"{SETUP_CONF}:", "    ETCD_NAME=alpha", "    ETCD_INITIAL_CLUSTER_STATE=new", "    ETCD_PRE_VOTE=true",
                     "    Endpoints=http://127.0.0.1:2379 http://10.9.0.2:2379 http://10.9.0.3:2379"):
            self.assertIn(text + "\n", done.stdout)
        done = ctl("setup", "--dry-run", "--tls", *LINE)
        self.assertIn(f"would make {TLS}/ca.crt", done.stdout)
        self.assertIn("    Endpoints=https://127.0.0.1:2379", done.stdout)
        done = ctl("setup", "--dry-run", "beta=10.9.0.2", "gamma=10.9.0.3", "delta=10.9.0.4", LINE[0])
        self.assertNotIn("ETCD_NAME", done.stdout)  # a client
        self.assertFalse(os.path.exists("/etc/leased"))

    def test_a_dry_run_adds_and_removes_no_member(self):
        write(MEMBERS, "".join(member(*each.split("=")) for each in LINE))
        write(SETUP_CONF, "[Leased]\nRegistry=etcd\nEndpoints=http://127.0.0.1:2379\n")
        done = ctl("setup", "--add", "delta=10.9.0.4")
        self.assertEqual((done.returncode, "has 3 members" in done.stderr), (1, True), done.stderr)  # a fourth would make it no safer
        done = ctl("setup", "--dry-run", "--remove", "gamma")
        self.assertEqual((done.returncode, done.stdout), (0, "gamma: would be removed from the members of etcd\n"), done.stderr)
        write(MEMBERS, "".join(member(*each.split("=")) for each in LINE[:2]))
        done = ctl("setup", "--dry-run", "--add", "delta=10.9.0.4")
        self.assertEqual((done.returncode, done.stdout), (0, "delta: would be added to the members of etcd\n"), done.stderr)
        self.assertEqual(self.changes(), [])
        self.assertSays(ctl("setup", "--dry-run", "--remove", "delta"), 1, "delta: no member of etcd has that name")
        done = ctl("setup", "--remove", "beta")
        self.assertEqual((done.returncode, done.stdout), (0, "beta: is no member any more; on each machine that is left, with all members: "
                                                             "leasectl setup --anyway\n"), done.stderr)
        self.assertEqual(ctl("setup", "--add", "delta=10.9.0.4").returncode, 0)
        self.assertEqual(self.changes(), ["member remove 8e9e05c52164694d", "member add delta --peer-urls=http://10.9.0.4:2380"])
        write(MEMBERS, member(*LINE[0].split("=")))
        done = ctl("setup", "--add", "delta=10.9.0.4")
        self.assertEqual((done.returncode, "etcd has one member" in done.stderr, len(self.changes())), (1, True, 2), done.stderr)

    def test_when_two_are_left_a_third_is_asked_for(self):
        """There is no line for the two."""
        write(MEMBERS, "".join(member(*each.split("=")) for each in LINE))
        write(SETUP_CONF, "[Leased]\nRegistry=etcd\nEndpoints=http://127.0.0.1:2379\n")
        done = ctl("setup", "--remove", "gamma")
        self.assertEqual((done.returncode, done.stdout), (0, "gamma: is no member any more; the 2 that are left must both be up: add a third, on "
                                                             "one of them: leasectl setup --add NAME=ADDRESS\n"), done.stderr)
        self.assertEqual(ctl("setup", *LINE[:2]).returncode, 2)
        write(MEMBERS, "".join(member(*each.split("=")) for each in LINE[:2]))
        self.assertEqual(ctl("setup", "--add", "delta=10.9.0.4").stdout,
                         "delta: is awaited as a member; there, with all members: leasectl setup; then the same on each other machine, with "
                         "--anyway\n")

    def test_a_member_is_not_replaced_before_its_files_may_be_written(self):
        write(MEMBERS, "".join(member(*each.split("=")) for each in LINE))
        done = ctl("setup", *LINE)
        self.assertEqual((done.returncode, "give --rejoin --anyway" in " ".join(done.stderr.split())), (1, True), done.stderr)
        done = ctl("setup", "--dry-run", "--rejoin", *LINE)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("alpha: would be removed from the members of etcd, and added again\n", done.stdout)
        self.assertIn("    ETCD_INITIAL_CLUSTER_STATE=existing\n", done.stdout)
        write(ETCD_ENV, "ETCD_NAME=alpha\n")
        done = ctl("setup", "--rejoin", *LINE)
        self.assertEqual((done.returncode, f"{ETCD_ENV}: is there" in done.stderr), (1, True), done.stderr)
        self.assertEqual((self.changes(), read(ETCD_ENV)), ([], "ETCD_NAME=alpha\n"))

    def test_a_stranger_is_refused(self):
        write(MEMBERS, "".join(member(*each.split("=")) for each in LINE[1:]))
        done = ctl("setup", *LINE)
        self.assertEqual((done.returncode, "leasectl setup --add alpha=127.0.0.1" in " ".join(done.stderr.split())), (1, True), done.stderr)
        self.assertFalse(os.path.exists("/etc/leased"))

    def test_an_etcd_that_is_there_is_not_turned_to_tls_or_back(self):
        self.addCleanup(shutil.rmtree, "/var/lib/leased-etcd")
        os.makedirs("/var/lib/leased-etcd/member")
        for scheme, options, why in (("http", ("--tls",), "made without --tls"), ("https", (), "made with --tls")):
            write(ETCD_ENV, f"ETCD_LISTEN_PEER_URLS={scheme}://127.0.0.1:2380\n")
            done = ctl("setup", "--anyway", *options, *LINE)
            self.assertEqual((done.returncode, why in " ".join(done.stderr.split())), (1, True), done.stderr)
            self.assertFalse(os.path.exists(SETUP_CONF) or os.path.exists(TLS))

    def test_a_machine_that_has_a_member_is_no_client(self):
        write(ETCD_ENV, "ETCD_NAME=alpha\n")
        done = ctl("setup", "--anyway", "beta=10.9.0.2", "gamma=10.9.0.3", "delta=10.9.0.4", LINE[0])
        said = " ".join(done.stderr.split())
        self.assertEqual((done.returncode, "alpha would be a client of etcd, and has a member" in said), (1, True), said)
        self.assertIn("systemctl disable --now leased-etcd", said)
        self.assertFalse(os.path.exists(SETUP_CONF))


@unittest.skipUnless(shutil.which("etcd") and shutil.which("etcdctl"), "no etcd")
class Machine(Case):
    """One machine, which is a cluster by itself."""
    ALONE = LINE[:1]

    @classmethod
    def setUpClass(cls):
        write(f"{SYSTEM}/leased-etcd.service", read(os.path.join(os.path.dirname(os.path.abspath(__file__)), "leased-etcd.service")))
        run("systemctl", "daemon-reload")
        write("/etc/leased/leased.conf.d/10-ttl.conf", "[Leased]\nTTL=2s\n")

    def tearDown(self):
        run("systemctl", "disable", "--now", "leased.service", "leased-etcd.service", check=False)
        for path in (ETCD_ENV, SETUP_CONF):
            if os.path.exists(path):
                os.unlink(path)
        for path in (TLS, "/var/lib/private/leased-etcd", "/var/lib/leased", f"{SYSTEM}/leased-etcd.service.d"):
            shutil.rmtree(path, ignore_errors=True)

    def test_one_line_sets_it_up_and_changes_nothing_when_it_is_given_again(self):
        done = ctl("setup", *self.ALONE)
        self.assertEqual((done.returncode, done.stdout.splitlines()[-1]), (0, "alpha: a member of etcd, leased runs"), done.stderr)
        pids = [property_of(each, "MainPID") for each in ("leased.service", "leased-etcd.service")]
        for again in (ctl("setup", *self.ALONE), ctl("setup", "--anyway", *self.ALONE)):
            self.assertEqual((again.returncode, again.stdout), (0, "alpha: a member of etcd, leased runs; nothing had to be changed\n"))
        self.assertEqual([property_of(each, "MainPID") for each in ("leased.service", "leased-etcd.service")], pids)
        for service in ("leased.service", "leased-etcd.service"):
            self.assertEqual(property_of(service, "UnitFileState"), "enabled")
        self.assertEqual(ctl("registry").returncode, 0)

    def test_a_file_that_somebody_has_changed_is_kept_until_it_is_asked_for(self):
        ctl("setup", *self.ALONE, check=True)
        for path in (ETCD_ENV, SETUP_CONF):
            before = read(path)
            write(path, before + "# mine\n")
            done = ctl("setup", *self.ALONE)
            self.assertEqual((done.returncode, f"{path}: is there" in done.stderr), (1, True), done.stderr)
            self.assertEqual(read(path), before + "# mine\n")
            ctl("setup", "--anyway", *self.ALONE, check=True)
            self.assertEqual(read(path), before)

    def test_a_later_file_that_says_otherwise_is_named(self):
        later = "/etc/leased/leased.conf.d/90-mine.conf"
        write(later, "[Leased]\nEndpoints=http://10.9.0.9:2379\n")
        self.addCleanup(os.unlink, later)
        done = ctl("setup", *self.ALONE)
        self.assertEqual((done.returncode, "20-setup.conf is not in force" in " ".join(done.stderr.split())), (1, True), done.stderr)
        self.assertEqual(property_of("leased.service", "ActiveState"), "inactive")

    @unittest.skipUnless(shutil.which("openssl"), "no openssl")
    def test_certificates_are_made_once_and_checked(self):
        done = ctl("setup", "--tls", *self.ALONE)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        made = {name: read(f"{TLS}/{name}") for name in ("ca.crt", "ca.key", "machine.crt", "machine.key")}
        for name in made:
            self.assertEqual(os.stat(f"{TLS}/{name}").st_mode & 0o777, 0o600, name)
        self.assertIn("nothing had to be changed", ctl("setup", "--tls", *self.ALONE).stdout)
        self.assertEqual({name: read(f"{TLS}/{name}") for name in made}, made)
        self.assertNotEqual(run("etcdctl", "--endpoints=https://127.0.0.1:2379", f"--cacert={TLS}/ca.crt", "--command-timeout=2s",
                                "get", "x", check=False).returncode, 0)
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=other", "-days", "90",
            "-keyout", f"{TLS}/machine.key", "-out", f"{TLS}/machine.crt")
        done = ctl("setup", "--tls", *self.ALONE)
        self.assertEqual((done.returncode, "machine.crt" in done.stderr), (1, True), done.stderr)

    def test_an_etcd_that_cannot_start_is_not_waited_for(self):
        with socket.create_server(("127.0.0.1", 2380)):
            done = ctl("setup", *self.ALONE)
        self.assertEqual((done.returncode, done.stderr.splitlines()[-1]), (1, "leasectl: leased-etcd.service cannot start here, look at: "
                         "journalctl -u leased-etcd.service; then run the same line again"))
        done = ctl("setup", *self.ALONE)
        self.assertEqual((done.returncode, done.stdout.splitlines()[-1]),
                         (0, "alpha: a member of etcd, leased runs; nothing had to be changed"), done.stderr)

    def test_a_member_that_was_killed_comes_back(self):
        ctl("setup", *self.ALONE, check=True)
        before = property_of("leased-etcd.service", "MainPID")
        run("systemctl", "kill", "-s", "KILL", "leased-etcd.service")
        wait_for("etcd is back", lambda: property_of("leased-etcd.service", "MainPID") not in ("0", before))
        wait_for("the registry answers", lambda: ctl("registry").returncode == 0)


if __name__ == "__main__":
    main()
