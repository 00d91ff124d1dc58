#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""leasectl config, and credentials of leased.service, with an etcd that asks for a password.

    run-in-guest test-leasectl-config.py LEASECTL LEASED LEASED_GUARD LEASED.SERVICE LEASED-GUARD.SERVICE BUS_POLICY LEASED_RUN
"""

import json
import os
import re
import shutil
import subprocess
import unittest

from leasectl_guest import CONF, Case, CaseWithDaemon, ctl, main, property_of, read, run, wait_for, write

DROPINS = "/etc/leased/leased.conf.d"
URL, PEER_URL = "http://127.0.0.1:2379", "http://127.0.0.1:2380"
ETCD = "test-etcd.service"
PASSWORD, NEXT_PASSWORD = "tell-nobody-77ab", "nor-this-one-c3d1"
SERVICE_DROPIN = "/etc/systemd/system/leased.service.d/credentials.conf"


def config(*arguments):
    return ctl("config", *arguments)


def option(name):
    shown = json.loads(config("--json=short").stdout)
    return next(each for each in shown["options"] if each["option"] == name)


class WithoutDaemon(Case):
    """leased need not run."""

    def file(self, path, text):
        write(path, text)
        self.addCleanup(os.unlink, path)

    def test_without_files_all_is_default(self):
        done = config()
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        lines = done.stdout.splitlines()
        self.assertEqual(lines[:2], ["No file: all are defaults.", ""])
        self.assertRegex(done.stdout, r"(?m)^TTL=10s +default$")
        self.assertRegex(done.stdout, r"(?m)^PasswordFile= +default$")
        options = json.loads(config("--json=short").stdout)["options"]
        self.assertEqual(len(lines), 2 + len(options) + 1)  # Registry= has a line more: it is long
        self.assertEqual([line for line in lines if len(line) > 80], [])

    def test_each_option_is_shown_with_the_line_that_set_it(self):
        self.conf("[Leased]\nTTL=3s\n# that of all\nMetadata=rack=a1\n")
        self.file("/usr/lib/leased/leased.conf.d/10-vendor.conf", "[Leased]\nTTL=5s\nMetadata=of=vendor\n")
        self.file("/run/leased/leased.conf.d/20-x.conf", "[Leased]\nRegistry=local:/srv/x\n")
        done = config()
        self.assertEqual(done.stderr, "")
        self.assertEqual(done.stdout.splitlines()[1:4],
                         [f"    {CONF}", "    /usr/lib/leased/leased.conf.d/10-vendor.conf", "    /run/leased/leased.conf.d/20-x.conf"])
        self.assertRegex(done.stdout, r"(?m)^TTL=5s +/usr/lib/leased/leased.conf.d/10-vendor.conf:2$")
        self.assertRegex(done.stdout, r"(?m)^Registry=local:/srv/x +/run/leased/leased.conf.d/20-x.conf:2$")
        self.assertEqual(option("Metadata"), {"option": "Metadata", "value": "of=vendor", "running": None,
                                              "where": "/usr/lib/leased/leased.conf.d/10-vendor.conf:3"})
        self.assertIsNone(option("Prefix")["where"])
        self.assertNotIn("Files", config("--no-legend").stdout)

    def test_a_bad_line_is_named(self):
        self.conf("[Leased]\nTTl=3s\n")
        done = config()
        self.assertSays(done, 1, f"{CONF}:2: TTl=: unknown option, write it TTL=")
        self.assertEqual(done.stdout, "")
        shown = json.loads(config("--json=short").stdout)
        self.assertEqual((shown["files"], shown["errors"], shown["options"]),
                         ([CONF], [f"{CONF}:2: TTl=: unknown option, write it TTL="], []))


class WithDaemon(CaseWithDaemon):
    LEASED_CONF = "[Leased]\nTTL=5s\n"

    def test_another_value_of_the_running_leased_is_shown(self):
        wait_for("leased is asked", lambda: option("TTL")["running"] == "5s")
        self.assertNotIn("leased runs with", config().stdout)
        write(f"{DROPINS}/50-x.conf", f"[Leased]\nTTL=4s\nMachineID={'d' * 32}\n")
        self.addCleanup(lambda: (os.unlink(f"{DROPINS}/50-x.conf"), ctl("reload")))
        done = config()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, rf"(?m)^TTL=4s +{DROPINS}/50-x.conf:2\n +leased runs with TTL=5s$")
        self.assertRegex(done.stdout, r"(?m)^ +leased runs with MachineID=$")
        self.assertIn("leasectl reload", done.stdout)
        ctl("reload", check=True)
        self.assertEqual(option("TTL")["running"], "4s")
        self.assertNotIn("leased runs with TTL", config().stdout)
        self.assertIn("leased runs with MachineID=\n", config().stdout)  # waits for a restart

    def test_a_pipe_in_the_place_of_a_file_holds_nobody_up(self):
        unit = self.enable("goes-on.service")
        pid = property_of("leased.service", "MainPID")
        self.unit("pipe.service")
        os.unlink("/etc/systemd/system/pipe.service")
        os.makedirs(DROPINS, exist_ok=True)
        for path in ("/etc/leased/units/pipe.service", "/etc/systemd/system/pipe.service", f"{DROPINS}/70-z.conf"):
            os.mkfifo(path)
            self.addCleanup(os.unlink, path)
            done = ctl("reload")
            self.assertNotIn("no answer", done.stderr, path)
            for verb in ("check", "cat", "enable"):
                self.assertNotEqual(ctl(verb, "pipe.service").returncode, 0, path)
        self.assertIn(f"{DROPINS}/70-z.conf: cannot be read: it is no file", config().stderr)
        asked = run("busctl", "call", "org.leased1", "/org/leased1", "org.leased1.Manager", "ExplainUnit", "s", "pipe.service", check=False)
        self.assertNotIn("timed out", asked.stderr)
        self.assertEqual((self.row(unit)["state"], property_of("leased.service", "MainPID")), ("running", pid))

    def test_with_a_bad_line_the_running_configuration_is_shown(self):
        write(f"{DROPINS}/60-y.conf", "[Leased]\nTTL=soon\n")
        self.addCleanup(lambda: (os.unlink(f"{DROPINS}/60-y.conf"), ctl("reload")))
        done = config()
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"{DROPINS}/60-y.conf:2: TTL=soon: expected is", done.stderr)
        self.assertIn("leased goes on with what it had before:", done.stdout)
        self.assertIn("    TTL=5s", done.stdout.splitlines())

    def test_status_shows_the_guard_that_is_in_force(self):
        version = ctl("--version").stdout.split()[1]
        status = wait_for("the guard has said its version", lambda: (s := ctl("status").stdout) and "not known" not in s and s)
        self.assertRegex(status, rf"(?m)^ +leased: {re.escape(version)}, guard {re.escape(version)}$")
        here = json.loads(ctl("machines", "--json=short").stdout)[0]
        self.assertEqual(here["version"], version)
        self.assertRegex(ctl("machines").stdout, rf" {re.escape(version)} ")


class WithEtcd(Case):
    """An etcd in the guest, and a leased.service with a drop-in of the test's own."""
    CLIENT_URL = URL
    MORE = ()

    @classmethod
    def setUpClass(cls):
        run("systemd-run", "--quiet", f"--unit={ETCD}", "--property=Type=notify", "etcd", "--data-dir=/var/lib/test-etcd",
            f"--listen-client-urls={cls.CLIENT_URL}", f"--advertise-client-urls={cls.CLIENT_URL}", f"--listen-peer-urls={PEER_URL}",
            f"--initial-advertise-peer-urls={PEER_URL}", f"--initial-cluster=default={PEER_URL}", *cls.MORE)

    @classmethod
    def tearDownClass(cls):
        run("systemctl", "stop", ETCD)
        shutil.rmtree("/var/lib/test-etcd", ignore_errors=True)

    @staticmethod
    def forget():
        run("systemctl", "stop", "leased.service", check=False)
        shutil.rmtree("/var/lib/leased", ignore_errors=True)
        shutil.rmtree(os.path.dirname(SERVICE_DROPIN), ignore_errors=True)
        shutil.rmtree("/etc/credstore.encrypted", ignore_errors=True)
        run("systemctl", "daemon-reload")
        run("systemctl", "reset-failed", "leased.service", check=False)

    def service(self, text):
        write(SERVICE_DROPIN, f"[Service]\n{text}\n")
        run("systemctl", "daemon-reload")

    def secret(self, text, path="/run/secret"):
        write(path, text)
        os.chmod(path, 0o600)
        return path

    def assertServed(self):
        wait_for("the registry is well", lambda: "etcd, ok" in ctl("status").stdout)


# The client's certificate must bear no name while etcd has users.
MAKE_CERTIFICATES = """\
set -e; umask 077; mkdir -p /run/tls; cd /run/tls
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test -keyout ca.key -out ca.crt
echo subjectAltName=IP:127.0.0.1 > extensions
for name in server client; do
        openssl req -new -newkey rsa:2048 -nodes -subj / -keyout $name.key -out $name.csr
        openssl x509 -req -in $name.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile extensions -out $name.crt
done
"""


@unittest.skipUnless(shutil.which("etcd") and shutil.which("openssl"), "no etcd, or no openssl")
class Certificates(WithEtcd):
    """The key and the certificates come from PID 1."""
    CLIENT_URL = "https://127.0.0.1:2379"
    MORE = ("--client-cert-auth", "--trusted-ca-file=/run/tls/ca.crt", "--cert-file=/run/tls/server.crt",
            "--key-file=/run/tls/server.key")

    @classmethod
    def setUpClass(cls):
        run("sh", "-c", MAKE_CERTIFICATES)
        super().setUpClass()

    def test_credentials_are_the_key_and_the_certificates(self):
        self.conf(f"[Leased]\nRegistry=etcd\nEndpoints={self.CLIENT_URL}\n")
        self.addCleanup(self.forget)
        self.service("LoadCredential=leased.etcd-ca:/run/tls/ca.crt\nLoadCredential=leased.etcd-cert:/run/tls/client.crt\n"
                     "LoadCredential=leased.etcd-key:/run/tls/client.key")
        run("systemctl", "start", "leased.service")
        self.assertServed()
        self.assertEqual([option(each)["where"] for each in ("CAFile", "CertFile", "KeyFile")],
                         ["credential leased.etcd-ca", "credential leased.etcd-cert", "credential leased.etcd-key"])
        # A key without its certificate is named, and leased goes on with what it had.
        self.service("LoadCredential=leased.etcd-ca:/run/tls/ca.crt\nLoadCredential=leased.etcd-key:/run/tls/client.key")
        done = config()
        self.assertSays(done, 1, "credential leased.etcd-key: KeyFile=: only together with CertFile=")
        self.assertIn("    CertFile=/run/credentials/leased.service/leased.etcd-cert", done.stdout.splitlines())


@unittest.skipUnless(shutil.which("etcd"), "no etcd")
class Credentials(WithEtcd):
    """The password of etcd comes from PID 1."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for command in ("user add root:rootpw", "user grant-role root root", f"user add leased:{PASSWORD}", "role add leased",
                        "role grant-permission leased --prefix=true readwrite /leased/", "user grant-role leased leased",
                        "auth enable"):
            cls.etcdctl(*command.split())

    @staticmethod
    def etcdctl(*arguments, user=None):
        """A server that is late says that the request timed out, also of one that it has carried out."""
        def is_done():
            done = run("env", "ETCDCTL_API=3", "etcdctl", f"--endpoints={URL}", *([f"--user={user}"] if user else []), *arguments, check=False)
            return done.returncode == 0 or "already" in done.stderr or (tried and "not found" in done.stderr) or tried.append(done.stderr)

        tried = []
        wait_for(f"etcd has done {arguments}", is_done)

    def setUp(self):
        self.conf(f"[Leased]\nRegistry=etcd\nEndpoints={URL}\nUser=leased\n")
        self.addCleanup(self.forget)

    def assertUntold(self, *secrets):
        for command in (("sh", "-c", "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ | tr '\\0' '\\n'"),
                        ("journalctl", "-b", "-o", "json", "--all", "-u", "leased.service"),
                        ("sh", "-c", "find /run/leased /var/lib/leased -type f -exec cat {} +"),
                        ("busctl", "--json=short", "call", "org.leased1", "/org/leased1", "org.freedesktop.DBus.Properties",
                         "GetAll", "s", "org.leased1.Manager"),
                        ("leasectl", "config", "--json")):
            text = run(*command, check=False).stdout
            self.assertGreater(len(text), 20, command)
            for secret in secrets:
                self.assertNotIn(secret, text, command)

    def test_a_credential_is_the_password(self):
        self.service(f"LoadCredential=leased.etcd-password:{self.secret(PASSWORD)}")
        self.assertEqual(option("PasswordFile")["where"], "credential leased.etcd-password")  # also while leased is down
        run("systemctl", "start", "leased.service")
        self.assertServed()
        path = "/run/credentials/leased.service/leased.etcd-password"
        self.assertEqual(option("PasswordFile"), {"option": "PasswordFile", "value": path, "running": path,
                                                  "where": "credential leased.etcd-password"})
        self.assertUntold(PASSWORD)
        unit = self.unit("with-password.service")
        ctl("enable", unit, check=True)
        wait_for("it runs", lambda: property_of(unit, "ActiveState") == "active")
        invocation = property_of(unit, "InvocationID")
        # A new password: etcd refuses the old one from now on, leased gets the new one when it is restarted.
        self.secret(NEXT_PASSWORD)
        subprocess.run(("etcdctl", f"--endpoints={URL}", "--user=root:rootpw", "user", "passwd", "leased", "--interactive=false"),
                       input=f"{NEXT_PASSWORD}\n{NEXT_PASSWORD}\n", text=True, check=True, env={**os.environ, "ETCDCTL_API": "3"})
        run("systemctl", "restart", "leased.service")
        self.assertServed()
        self.assertEqual(property_of(unit, "InvocationID"), invocation)
        self.assertUntold(PASSWORD, NEXT_PASSWORD)
        self.etcdctl("user", "delete", "leased", user="root:rootpw")
        self.etcdctl("user", "add", f"leased:{PASSWORD}", user="root:rootpw")
        self.etcdctl("user", "grant-role", "leased", "leased", user="root:rootpw")
        ctl("disable", "--force", unit)

    def test_an_encrypted_credential_is_the_password(self):
        os.makedirs("/etc/credstore.encrypted", exist_ok=True)
        done = run("systemd-creds", "encrypt", "--with-key=host", "--name=leased.etcd-password", self.secret(PASSWORD),
                   "/etc/credstore.encrypted/leased.etcd-password", check=False)
        if done.returncode != 0:
            self.skipTest(f"systemd-creds: {done.stderr}")
        self.assertNotIn(PASSWORD, read("/etc/credstore.encrypted/leased.etcd-password"))
        self.service("LoadCredentialEncrypted=leased.etcd-password")
        run("systemctl", "start", "leased.service")
        self.assertServed()
        self.assertUntold(PASSWORD)

    def test_a_missing_credential_is_one_clear_message(self):
        """A User= without a password: leased.conf names the line, and PID 1 does not start leased over and over."""
        # Not by the invocation: of a service that has failed before journald reads its line, journald does not find that any more.
        before = run("journalctl", "-b", "-o", "cat", "-n", "0", "--show-cursor").stdout.split("-- cursor: ")[1].strip()
        run("systemctl", "start", "leased.service", check=False)
        wait_for("it has failed", lambda: property_of("leased.service", "ActiveState") == "failed")
        wait_for("the journal has the message", lambda: f"{CONF}:4: User=: only together with PasswordFile=" in run(
            "journalctl", "-b", "-o", "cat", "-u", "leased.service", f"--after-cursor={before}").stdout)
        self.assertEqual(property_of("leased.service", "ExecMainStatus"), "78")

    def test_an_option_wins_over_the_credential(self):
        write(CONF, f"[Leased]\nRegistry=etcd\nEndpoints={URL}\nUser=leased\nPasswordFile={self.secret(PASSWORD, '/run/other')}\n")
        self.service("SetCredential=leased.etcd-password:wrong")
        run("systemctl", "start", "leased.service")
        self.assertServed()
        self.assertEqual((option("PasswordFile")["value"], option("PasswordFile")["where"]), ("/run/other", f"{CONF}:5"))


if __name__ == "__main__":
    main()
