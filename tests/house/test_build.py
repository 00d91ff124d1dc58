# SPDX-License-Identifier: Apache-2.0
"""A build for installing: without the tests, without etcd, without manual pages, and without what only these need."""

import json
import os
import pathlib
import subprocess
import tempfile
import unittest

TOP = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = """
#include <stdio.h>
#include "conf/conf.h"

int main(int argc, char **argv) {
        LeasedConf *conf = NULL;
        Messages messages = {};
        int r = leased_conf_load(argv[1], &conf, &messages);

        for (size_t i = 0; i < messages.n; i++)
                puts(messages.lines[i]);
        return r < 0;
}
"""


def run(*command, **more):
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, **more)


class Build(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.place = pathlib.Path(directory.name)

    def set_up(self, *options):
        done = run("meson", "setup", self.place / "build", TOP, "--werror", "-Doptimization=0", *options)
        return done.returncode, done.stdout + done.stderr

    def introspect(self, what):
        return json.loads(run("meson", "introspect", f"--{what}", self.place / "build", check=True).stdout)

    def test_a_build_for_installing_has_no_tests_and_needs_nothing_of_theirs(self):
        code, said = self.set_up("-Dtests=false", "-Detcd=false", "-Dman=false")
        self.assertEqual(code, 0, said)
        programs = {each["name"] for each in self.introspect("targets") if each["type"] == "executable"}
        self.assertEqual(programs, {"leased", "leased-address", "leased-guard", "leased-run", "leasectl"})
        needs = {each["name"] for each in self.introspect("dependencies")}
        self.assertEqual(needs & {"cmocka", "libcurl"}, set())
        self.assertFalse([each for each in self.introspect("installed").values() if "/man/" in each])
        done = run("ninja", "-C", self.place / "build", "src/daemon/leased")
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_the_tests_need_etcd(self):
        code, said = self.set_up("-Detcd=false")
        self.assertNotEqual(code, 0)
        self.assertIn("give -Dtests=false", said)

    def messages_of(self, with_etcd, conf):
        root = self.place / "root"
        (root / "etc/leased").mkdir(parents=True, exist_ok=True)
        (root / "etc/leased/leased.conf").write_text(conf)
        source, program = self.place / "a.c", self.place / f"a{with_etcd}"
        source.write_text(PROGRAM)
        flags = run("pkg-config", "--cflags", "--libs", "libsystemd", check=True).stdout.split()
        sources = [*TOP.glob("src/conf/*.c"), *TOP.glob("src/util/*.c"), *TOP.glob("src/core/*.c")]
        done = run("cc", "-O0", "-w", "-std=gnu11", "-D_GNU_SOURCE", '-DLEASED_VERSION="0"', f"-DLEASED_ETCD={with_etcd}",
                   f"-I{TOP}/src", "-o", program, source, *sources, *flags, "-pthread")
        self.assertEqual(done.returncode, 0, done.stderr)
        return run(program, root).stdout

    def test_without_etcd_a_configuration_that_names_it_is_refused(self):
        conf = "[Leased]\nRegistry=etcd\nEndpoints=http://[::1]:2379\n"
        self.assertEqual(self.messages_of(1, conf), "")
        self.assertIn("leased.conf:2: Registry=etcd: this leased was built without etcd", self.messages_of(0, conf))


if __name__ == "__main__":
    unittest.main()
