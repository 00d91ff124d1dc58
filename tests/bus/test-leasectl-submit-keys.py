#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Which keys sign for submitted units: files, an agent, a token (softhsm2), a security key, certificates; and which count no more.

    run-in-guest test-leasectl-submit-keys.py LEASECTL LEASED LEASED_GUARD LEASED.SERVICE LEASED-GUARD.SERVICE BUS_POLICY LEASED_RUN PUT_RECORD
"""

import base64
import hashlib
import json
import os
import shutil
import struct
import tempfile

from leasectl_beta import put, shown
from leasectl_guest import SLEEPER, ctl, main, property_of, read, run, wait_for, write
from leasectl_submit import KEPT, RUN, SIGNERS, Submitting

MODULE = "/usr/lib/softhsm/libsofthsm2.so"
AGENT = "/run/test-agent"
PIN = "1234"


def string(data):
    data = data.encode() if isinstance(data, str) else data
    return struct.pack(">I", len(data)) + data


class Keys(Submitting):
    LEASED_CONF = "[Leased]\nTTL=2s\nAcceptUnits=run\nAllowedUnits=alice@example.com:* key@example.com:* zoe@example.com:web-*\n"

    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        self.addCleanup(write, SIGNERS, read(SIGNERS))

    def trust(self, public, signer="key@example.com", options=""):
        """public: the path of a public key, or its text."""
        text = read(public) if public.startswith("/") else public
        write(SIGNERS, read(SIGNERS) + f"{signer} {options} {' '.join(text.split()[:2])}\n")

    def key(self, name, kind="ed25519", *options):
        run("ssh-keygen", "-q", "-t", kind, *options, "-N", "", "-C", "", "-f", f"{self.folder}/{name}")
        return f"{self.folder}/{name}"

    def sends(self, unit, key, *environment, text=SLEEPER):
        """leasectl submit, which does not wait."""
        write(f"{self.folder}/{unit}", text)
        self.addCleanup(self._clear, unit)
        return run("env", *environment, "leasectl", "submit", "--no-wait", f"--key={key}", f"{self.folder}/{unit}", check=False)

    def row(self, unit):
        answer = json.loads(run("busctl", "--json=short", "get-property", "org.leased1", "/org/leased1", "org.leased1.Manager",
                                "UnitFiles").stdout)["data"]
        return next((row for row in answer if row[0] == unit), [unit, 0, "", 0, ""])

    def assertTaken(self, unit, key, *environment, signer="key@example.com"):
        done = self.sends(unit, key, *environment)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.wait_outcome(unit, "in force")
        self.assertEqual(self.row(unit)[2], signer)
        wait_for("it is up", lambda: property_of(unit, "ActiveState") == "active")

    def assertRefused(self, unit, key, reason, *environment):
        done = self.sends(unit, key, *environment)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.wait_outcome(unit, reason)
        self.assertNothingOf(unit)

    def agent(self, **variables):
        run("systemd-run", "--quiet", "--collect", "--unit=test-agent", *[f"--setenv={name}={value}" for name, value in variables.items()],
            "ssh-agent", "-D", "-a", AGENT)
        self.addCleanup(run, "systemctl", "stop", "test-agent")
        wait_for("the agent listens", lambda: os.path.exists(AGENT))
        return f"SSH_AUTH_SOCK={AGENT}"

    # Keys of each kind

    def test_a_key_in_a_file_signs_whatever_its_kind(self):
        for kind, *options in (("ed25519",), ("rsa", "-b", "3072"), ("ecdsa", "-b", "256"), ("ecdsa", "-b", "521")):
            with self.subTest(kind=kind, options=options):
                name = "-".join(["file", kind, *options[1:]])
                key = self.key(name, kind, *options)
                self.trust(f"{key}.pub")
                self.assertTaken(f"{name}.service", key)

    def test_a_key_on_a_token_signs_by_the_agent(self):
        self.assertTrue(os.path.exists(MODULE), "softhsm2 is not installed (tests/packages)")
        write(f"{self.folder}/softhsm2.conf", f"directories.tokendir = {self.folder}/tokens\nobjectstore.backend = file\n")
        os.mkdir(f"{self.folder}/tokens")
        write(f"{self.folder}/pin", f"#!/bin/sh\necho {PIN}\n")
        os.chmod(f"{self.folder}/pin", 0o700)
        token = f"SOFTHSM2_CONF={self.folder}/softhsm2.conf"
        run("env", token, "softhsm2-util", "--init-token", "--free", "--label", "tests", "--pin", PIN, "--so-pin", PIN)
        for number, kind in enumerate(("EC:prime256v1", "rsa:2048"), 1):
            run("env", token, "pkcs11-tool", "--module", MODULE, "--token-label", "tests", "--login", "--pin", PIN, "--keypairgen",
                "--key-type", kind, "--id", f"0{number}", "--label", f"key{number}")
        public = run("env", token, "ssh-keygen", "-D", MODULE).stdout.splitlines()
        self.assertEqual(sorted(line.split()[0] for line in public), ["ecdsa-sha2-nistp256", "ssh-rsa"])
        agent = self.agent(SOFTHSM2_CONF=f"{self.folder}/softhsm2.conf")
        asks = ("env", agent, f"SSH_ASKPASS={self.folder}/pin", "SSH_ASKPASS_REQUIRE=force", "DISPLAY=:0", "ssh-add")
        for number, line in enumerate(public):
            write(f"{self.folder}/token{number}.pub", line + "\n")
            self.trust(line)
        done = self.sends("token0.service", f"{self.folder}/token0.pub", agent)
        self.assertEqual(done.returncode, 1, done.stdout)  # nobody has entered the PIN
        self.assertIn("cannot sign", done.stderr)
        run(*asks, "-s", MODULE)
        for number in range(len(public)):
            self.assertTaken(f"token{number}.service", f"{self.folder}/token{number}.pub", agent)
        first = property_of("token0.service", "InvocationID")
        run("env", agent, "ssh-add", "-e", MODULE)
        self.assertEqual(self.sends("token0.service", f"{self.folder}/token0.pub", agent).returncode, 1)
        self.assertEqual(property_of("token0.service", "InvocationID"), first)

    def test_a_security_key_signs(self):
        """Signatures as one makes them (PROTOCOL.u2f): with a counter, and a bit that says that somebody has touched it."""
        private = f"{self.folder}/raw"
        run("openssl", "genpkey", "-algorithm", "ed25519", "-out", private)
        run("openssl", "pkey", "-in", private, "-pubout", "-outform", "DER", "-out", f"{private}.der")
        with open(f"{private}.der", "rb") as file:
            point = file.read()[-32:]
        kind, application = "sk-ssh-ed25519@openssh.com", "ssh:"
        public = string(kind) + string(point) + string(application)
        self.trust(f"{kind} {base64.b64encode(public).decode()}")

        def sign(text, touched=True):
            digest = hashlib.sha512(text.encode()).digest()
            said = b"SSHSIG" + string("leased") + string("") + string("sha512") + string(digest)
            flags = struct.pack(">BI", touched, 7)
            with open(f"{private}.in", "wb") as file:
                file.write(hashlib.sha256(application.encode()).digest() + flags + hashlib.sha256(said).digest())
            run("openssl", "pkeyutl", "-sign", "-rawin", "-inkey", private, "-in", f"{private}.in", "-out", f"{private}.sig")
            with open(f"{private}.sig", "rb") as file:
                signature = string(kind) + string(file.read()) + flags
            blob = b"SSHSIG" + struct.pack(">I", 1) + string(public) + string("leased") + string("") + string("sha512") + string(signature)
            lines = base64.encodebytes(blob).decode()
            return f"-----BEGIN SSH SIGNATURE-----\n{lines}-----END SSH SIGNATURE-----\n"

        unit = "touched.service"
        self.addCleanup(self._clear, unit)
        text = json.dumps({"cluster": shown("registry")["uuid"], "unit": unit, "version": self.version(), "runs_as": 1,
                           "files": [{"name": unit, "content": SLEEPER}]})
        put(f"units/{unit}", {"signed": text + " ", "signature": sign(text)})
        self.wait_outcome(unit, "bad signature")
        put(f"units/{unit}", {"signed": text, "signature": sign(text)})
        self.wait_outcome(unit, "in force")
        self.assertEqual(self.row(unit)[2], "key@example.com")

    # Certificates

    def certified(self, ca, name, principals, *options, touched="+1h"):
        key = self.key(name)
        run("ssh-keygen", "-q", "-s", ca, "-I", name, "-n", principals, "-V", touched, *options, f"{key}.pub")
        return key

    def test_a_certificate_signs_for_those_whom_it_names(self):
        ca, agent = self.key("ca"), self.agent()
        self.trust(f"{ca}.pub", "*@example.com", "cert-authority")
        cases = (("carol", "carol@example.com", "+1h", "not allowed", "cert-carol.service"),
                 ("zoe", "zoe@example.com", "+1h", None, "web-zoe.service"),
                 ("zoe2", "zoe@example.com", "+1h", "not allowed", "cert-zoe.service"),
                 ("late", "zoe@example.com", "-2h:-1h", "unknown signer", "web-late.service"),
                 ("early", "zoe@example.com", "+1h:+2h", "unknown signer", "web-early.service"),
                 ("else", "zoe@example.org", "+1h", "unknown signer", "web-else.service"),
                 ("many", "*@example.com", "+1h", "bad signature", "web-many.service"))
        for name, principals, when, reason, unit in cases:
            with self.subTest(name=name):
                key = self.certified(ca, name, principals, touched=when)
                run("env", agent, "ssh-add", "-q", key)
                if reason:
                    self.assertRefused(unit, f"{key}-cert.pub", reason, agent)
                else:
                    self.assertTaken(unit, f"{key}-cert.pub", agent, signer="zoe@example.com")
        with self.subTest("the authority's own key signs certificates, and nothing else"):
            self.assertRefused("web-ca.service", ca, "unknown signer")
        with self.subTest("a key without its certificate is nobody's"):
            self.assertRefused("web-bare.service", f"{self.folder}/zoe", "unknown signer")
        with self.subTest("a certificate for machines is none for people"):
            host = self.certified(ca, "host", "zoe@example.com", "-h")
            run("env", agent, "ssh-add", "-q", host)
            self.assertRefused("web-host.service", f"{host}-cert.pub", "unknown signer", agent)

    # What counts no more

    def test_a_key_counts_within_its_time_by_this_machines_clock(self):
        for name, options, reason in (("over", 'valid-before="20200101"', "unknown signer"), ("ahead", 'valid-after="20900101"', "unknown signer"),
                                      ("now", 'valid-after="20200101",valid-before="20900101"', None)):
            with self.subTest(name=name):
                key = self.key(name)
                self.trust(f"{key}.pub", options=options)
                if reason:
                    self.assertRefused(f"time-{name}.service", key, reason)
                else:
                    self.assertTaken(f"time-{name}.service", key)

    def test_what_was_taken_outlives_its_key(self):
        unit, key, signers = "outlived.service", self.key("lost"), read(SIGNERS)
        self.trust(f"{key}.pub")
        self.assertTaken(unit, key)
        first = property_of(unit, "InvocationID")
        write(SIGNERS, signers)
        ctl("reload", check=True)
        self.wait_outcome(unit, "unknown signer")
        self.assertEqual(self.sends(unit, key, text="[Service]\nExecStart=/bin/false\n").returncode, 0)
        self.submit("x-looked-at.service")  # all records are looked at, in the order of their names
        self.assertEqual(ctl("destroy", f"--key={key}", unit).returncode, 0)
        self.submit("x-looked-at.service", "[Service]\nExecStart=/bin/sleep 1000000\n")
        self.assertEqual((property_of(unit, "InvocationID"), property_of(unit, "ActiveState")), (first, "active"))
        self.assertIn("infinity", read(f"{RUN}/{unit}"))
        os.unlink(f"{RUN}/{unit}")
        ctl("reload", check=True)
        wait_for("its file is back", lambda: os.path.exists(f"{RUN}/{unit}"))
        ctl("destroy", f"--key={self.keys}/alice", unit, check=True)
        self.wait_outcome(unit, "destroyed")
        self.assertTrue(os.path.exists(f"{KEPT}/{unit}"))

    def test_of_several_names_of_a_key_any_that_may_counts(self):
        key = self.key("two")
        self.trust(f"{key}.pub", "nobody@example.com,zoe@example.com")
        self.assertTaken("web-two.service", key, signer="zoe@example.com")
        self.assertRefused("other-two.service", key, "not allowed")


if __name__ == "__main__":
    main()
