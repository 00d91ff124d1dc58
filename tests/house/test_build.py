# SPDX-License-Identifier: Apache-2.0
"""A build for installing: without the tests, without a kind of registry, without manual pages, and without what only these need."""

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

    def test_without_a_local_registry_there_is_no_sqlite(self):
        code, said = self.set_up("-Dtests=false", "-Dlocal=false", "-Dman=false")
        self.assertEqual(code, 0, said)
        self.assertNotIn("sqlite3", {each["name"] for each in self.introspect("dependencies")})
        parts = ("src/registry/libregistry.a", "src/daemon/libdaemon.a.p/daemon.c.o")
        done = run("ninja", "-C", self.place / "build", *parts)
        self.assertEqual(done.returncode, 0, done.stdout)
        used = run("nm", *(self.place / "build" / part for part in parts), check=True).stdout
        self.assertNotRegex(used, "sqlite3_|registry_local")

    def test_the_tests_need_both_registries_and_leased_needs_one(self):
        for options, why in ((["-Detcd=false"], "give -Dtests=false"), (["-Dlocal=false"], "give -Dtests=false"),
                             (["-Dtests=false", "-Detcd=false", "-Dlocal=false"], "leased needs a registry")):
            code, said = self.set_up(*options)
            self.assertNotEqual(code, 0)
            self.assertIn(why, said)

    def messages_of(self, with_etcd, with_local, conf):
        root = self.place / "root"
        (root / "etc/leased").mkdir(parents=True, exist_ok=True)
        (root / "etc/leased/leased.conf").write_text(conf)
        source, program = self.place / "a.c", self.place / f"a{with_etcd}{with_local}"
        source.write_text(PROGRAM)
        flags = run("pkg-config", "--cflags", "--libs", "libsystemd", check=True).stdout.split()
        sources = [*TOP.glob("src/conf/*.c"), *TOP.glob("src/util/*.c"), *TOP.glob("src/core/*.c")]
        done = run("cc", "-O0", "-w", "-std=gnu11", "-D_GNU_SOURCE", '-DLEASED_VERSION="0"', f"-DLEASED_ETCD={with_etcd}",
                   *([] if with_local else ["-DLEASED_WITHOUT_LOCAL"]), f"-I{TOP}/src", "-o", program, source, *sources, *flags, "-pthread")
        self.assertEqual(done.returncode, 0, done.stderr)
        return run(program, root).stdout

    def test_a_configuration_that_names_a_registry_that_was_left_out_is_refused(self):
        conf = "[Leased]\nRegistry=etcd\nEndpoints=http://[::1]:2379\n"
        self.assertEqual(self.messages_of(1, 0, conf), "")
        self.assertIn("leased.conf:2: Registry=etcd: this leased was built without etcd", self.messages_of(0, 1, conf))
        self.assertIn("leased.conf: Registry=local: this leased was built without it", self.messages_of(1, 0, "[Leased]\n"))


if __name__ == "__main__":
    unittest.main()
