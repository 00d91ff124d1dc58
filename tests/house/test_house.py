# SPDX-License-Identifier: Apache-2.0
"""The tree keeps the rules of the house; and each rule, shown a tree that breaks it, says so."""

import os
import tempfile
import unittest

import house

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class TheTree(unittest.TestCase):
    def holds(self, breaches):
        self.assertEqual(breaches, [], "\n" + "\n".join(breaches))

    def test_layers_include_only_what_they_may(self):
        self.holds(house.include_breaches(ROOT))

    def test_core_is_pure(self):
        self.holds(house.core_breaches(ROOT))

    def test_nothing_blocks_on_the_bus(self):
        self.holds(house.blocking_breaches(ROOT))

    def test_what_others_wrote_is_printed_by_one_function(self):
        self.holds(house.printing_breaches(ROOT))

    def test_what_others_wrote_is_made_a_units_description_by_one_function(self):
        self.holds(house.description_breaches(ROOT))

    def test_locks_are_taken_where_nobody_else_can_take_them(self):
        self.holds(house.lock_breaches(ROOT))

    def test_names_of_units_are_taken_apart_in_one_place(self):
        self.holds(house.name_breaches(ROOT))

    def test_no_test_sleeps(self):
        self.holds(house.sleep_breaches(ROOT))

    def test_no_file_is_a_giant(self):
        self.holds(house.length_breaches(ROOT))

    def test_no_struct_is_a_suitcase(self):
        self.holds(house.suitcase_breaches(ROOT))

    def test_each_law_is_named_where_it_is_kept(self):
        self.holds(house.law_breaches(ROOT))

    def test_no_traces_of_a_machine_and_no_loose_ends(self):
        self.holds(house.trace_breaches(ROOT))

    def test_every_file_names_its_license(self):
        self.holds(house.license_breaches(ROOT))

    def test_every_layer_is_there(self):
        for layer in house.LAYERS:
            self.assertTrue(os.path.isdir(os.path.join(ROOT, "src", layer)), layer)


class TheRules(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)

    def tree(self, path, text):
        full = os.path.join(self.directory.name, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w") as file:
            file.write(text)
        return self.directory.name

    def finds(self, rule, path, text):
        self.assertEqual(len(rule(self.tree(path, text))), 1)

    def passes(self, rule, path, text):
        self.assertEqual(rule(self.tree(path, text)), [])

    def test_registry_and_unit_are_strangers(self):
        self.finds(house.include_breaches, "src/registry/a.c", '#include "pid1/pid1-unit.h"\n')

    def test_unit_may_not_include_registry(self):
        self.finds(house.include_breaches, "src/pid1/a.c", '#include "registry/registry.h"\n')

    def test_daemon_may_include_the_guards_protocol_and_nothing_else_of_it(self):
        self.passes(house.include_breaches, "src/daemon/a.c", '#include "guard/protocol.h"\n')
        self.finds(house.include_breaches, "src/daemon/a.c", '#include "guard/entry.h"\n')

    def test_an_include_must_name_its_layer(self):
        self.finds(house.include_breaches, "src/pid1/a.c", '#include "unit.h"\n')

    def test_a_library_is_for_its_layer(self):
        self.finds(house.include_breaches, "src/daemon/a.c", "#include <curl/curl.h>\n")
        self.passes(house.include_breaches, "src/daemon/a.c", "#include <systemd/sd-bus.h>\n")

    def test_a_folder_that_is_no_layer_is_found(self):
        self.finds(house.include_breaches, "src/helpers/a.c", "\n")

    def test_core_may_not_log_or_read_the_clock(self):
        self.finds(house.core_breaches, "src/core/a.c", "int f(void) { return now_boottime(); }\n")
        self.finds(house.core_breaches, "src/core/a.c", "void f(void) { log_info(x); }\n")
        self.finds(house.core_breaches, "src/core/a.c", "#include <stdio.h>\n")
        self.passes(house.core_breaches, "src/core/a.c", '/* time(NULL) */ const char *s = "write(1)";\n')

    def test_a_blocking_call_is_found(self):
        self.finds(house.blocking_breaches, "src/daemon/a.c", "r = sd_bus_call(bus, m, 0, &e, &reply);\n")
        self.finds(house.blocking_breaches, "src/daemon/a.c", 'sd_journal_send("MESSAGE=%s", text, NULL);\n')
        self.finds(house.blocking_breaches, "src/daemon/a.c", 'sd_notify(false, "READY=1");\n')
        self.passes(house.blocking_breaches, "src/daemon/a.c", "r = sd_bus_call_async(bus, &slot, m, f, p, t);\n")
        self.passes(house.blocking_breaches, "src/ctl/a.c", "r = sd_bus_call(bus, m, 0, &e, &reply);\n")

    def test_a_print_that_goes_around_is_found(self):
        for text in ('(void) printf("%s", host);\n', "(void) puts(host);\n", '(void) fprintf(stderr, "%s",\n host);\n',
                     "(void) fputs(host, stderr);\n"):
            self.finds(house.printing_breaches, "src/ctl/a.c", text)
        self.passes(house.printing_breaches, "src/ctl/a.c", '(void) fprintf(f, "%s", host);\n(void) puts("a " LEASED_VERSION);\n')
        self.passes(house.printing_breaches, "src/ctl/say.c", '(void) printf("%s", host);\n')

    def test_a_description_that_goes_around_is_found(self):
        self.finds(house.description_breaches, "src/daemon/a.c", 'r = sd_bus_message_append(m, "(sv)", "Description", "s", host);\n')
        self.passes(house.description_breaches, "src/daemon/a.c", 'r = bus_append_description(m, "of %s", host);\n')
        self.passes(house.description_breaches, "src/daemon/bus-util.c", 'sd_bus_message_append(m, "(sv)", "Description", "s", clean);\n')

    def test_a_lock_elsewhere_is_found(self):
        self.finds(house.lock_breaches, "src/guard/a.c", "r = flock(fd, LOCK_EX);\n")
        self.finds(house.lock_breaches, "src/guard/a.c", "r = fcntl(fd, F_OFD_SETLK, &lock);\n")
        self.passes(house.lock_breaches, "src/guard/a.c", "/* flock() */ r = lock_file_try(fd);\n")
        self.passes(house.lock_breaches, "src/util/lock-file.c", "r = flock(fd, LOCK_EX);\n")

    def test_a_name_that_is_taken_apart_elsewhere_is_found(self):
        for text in ('return strstr(name, "@.");\n', "at = strchr(name, '@');\n", 'n = strcspn(socket, "@.");\n',
                     'snprintf(b, n, "%.*s@*%s", k, t, e);\n'):
            self.finds(house.name_breaches, "src/guard/a.c", text)
        self.passes(house.name_breaches, "src/guard/a.c", '/* "foo@bar" */ if (unit_name_is_template(name))\n')
        self.passes(house.name_breaches, "src/util/unit-name.c", "at = strchr(name, '@');\n")

    def test_a_sleep_is_found(self):
        self.finds(house.sleep_breaches, "tests/hosts/a.c", "usleep(1000);\n")
        self.finds(house.sleep_breaches, "tests/hosts/a.c", "nanosleep(&t, NULL);\n")

    def test_a_sleep_in_python_is_found(self):
        self.finds(house.sleep_breaches, "tests/hosts/a.py", "time.sleep(1)\n")
        self.passes(house.sleep_breaches, "tests/hosts/a.py", "time.sleep(POLL)\n")

    def test_a_giant_is_found(self):
        self.finds(house.length_breaches, "src/pid1/a.c", "\n" * 701)

    def test_a_suitcase_is_found(self):
        many = "typedef struct A {\n" + "        int a, b[2], c;\n" * 11 + "} A;\n"
        self.finds(house.suitcase_breaches, "src/pid1/a.c", many)
        self.passes(house.suitcase_breaches, "src/pid1/a.c", "/* So many fields, for PID 1 has them. */\n" + many)
        self.passes(house.suitcase_breaches, "src/pid1/a.c", many.replace("        int a, b[2], c;\n", "", 1))
        self.finds(house.suitcase_breaches, "src/pid1/a.c", "struct A {\n" + "        bool a, b, c;\n" * 2 + "};\n")

    def test_a_law_that_nobody_keeps_is_found(self):
        self.tree("docs/safety.md", "**1. One.** Why.\n\n**2. Two.** Why.\n")
        self.tree("docs/laws.md", "### Law 1\n\n**One.** Why.\n\n### Law 2\n\n**Two.** Why.\n")
        self.finds(house.law_breaches, "src/core/a.c", "/* Laws 1 and 2, and law 12. */\n")
        self.finds(house.law_breaches, "src/core/a.c", "/* law 2 */\n")
        self.passes(house.law_breaches, "src/core/a.c", "/* laws 1, 2 */\n")
        self.tree("docs/laws.md", "### Law 1\n\n**One.** Why.\n\n### Law 2\n\n**Three.** Why.\n")
        self.finds(house.law_breaches, "src/core/a.c", "/* laws 1, 2 */\n")

    def test_a_missing_license_is_found(self):
        self.finds(house.license_breaches, "src/pid1/a.c", "int a;\n")

    def test_traces_are_found(self):
        self.finds(house.trace_breaches, "src/pid1/a.c", "/* /home" + "/me/leased */\n")
        self.finds(house.trace_breaches, "src/pid1/a.c", "/* TO" + "DO */\n")


if __name__ == "__main__":
    unittest.main()
