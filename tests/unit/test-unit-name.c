/* SPDX-License-Identifier: Apache-2.0 */
/* The one rule for names of units, against a table and against systemd itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/cgroup.h"
#include "util/unit-name.h"

static const struct {
        const char *name;
        UnitNameKind kind;
        const char *template; /* of an instance */
} table[] = {
        { "foo.service", UNIT_NAME_PLAIN, NULL },
        { "a.b.service", UNIT_NAME_PLAIN, NULL },
        { "a..service", UNIT_NAME_PLAIN, NULL },
        { ".a.service", UNIT_NAME_PLAIN, NULL },
        { "-.mount", UNIT_NAME_PLAIN, NULL },
        { "-.slice", UNIT_NAME_PLAIN, NULL },
        { "a-b.slice", UNIT_NAME_PLAIN, NULL },
        { "x.scope", UNIT_NAME_PLAIN, NULL },
        { "dev-sda\\x2d1.device", UNIT_NAME_PLAIN, NULL },
        { "a:b_c-d.timer", UNIT_NAME_PLAIN, NULL },
        { "foo@bar.service", UNIT_NAME_INSTANCE, "foo@.service" },
        { "w@.x.service", UNIT_NAME_INSTANCE, "w@.service" },
        { "w@x..service", UNIT_NAME_INSTANCE, "w@.service" },
        { "w@..service", UNIT_NAME_INSTANCE, "w@.service" },
        { "x@@.service", UNIT_NAME_INSTANCE, "x@.service" },
        { "x@@@.service", UNIT_NAME_INSTANCE, "x@.service" },
        { "foo@bar@baz.service", UNIT_NAME_INSTANCE, "foo@.service" },
        { "foo@a@.service", UNIT_NAME_INSTANCE, "foo@.service" },
        { "a.b@c.d.service", UNIT_NAME_INSTANCE, "a.b@.service" },
        { "a@b.slice", UNIT_NAME_INSTANCE, "a@.slice" },
        { "a@.service.service", UNIT_NAME_INSTANCE, "a@.service" },
        { "a@\\x2e.socket", UNIT_NAME_INSTANCE, "a@.socket" },
        { "a@.service", UNIT_NAME_TEMPLATE, NULL },
        { "a.b@.timer", UNIT_NAME_TEMPLATE, NULL },
        { "", UNIT_NAME_INVALID, NULL },
        { ".", UNIT_NAME_INVALID, NULL },
        { "..", UNIT_NAME_INVALID, NULL },
        { "foo", UNIT_NAME_INVALID, NULL },
        { "foo.", UNIT_NAME_INVALID, NULL },
        { "foo.conf", UNIT_NAME_INVALID, NULL },
        { "foo.Service", UNIT_NAME_INVALID, NULL },
        { ".service", UNIT_NAME_INVALID, NULL },
        { "@.service", UNIT_NAME_INVALID, NULL },
        { "@a.service", UNIT_NAME_INVALID, NULL },
        { "@@.service", UNIT_NAME_INVALID, NULL },
        { "a@.", UNIT_NAME_INVALID, NULL },
        { "a@", UNIT_NAME_INVALID, NULL },
        { "foo.service@bar", UNIT_NAME_INVALID, NULL },
        { "a/b.service", UNIT_NAME_INVALID, NULL },
        { "a b.service", UNIT_NAME_INVALID, NULL },
        { "a\n.service", UNIT_NAME_INVALID, NULL },
        { "a*.service", UNIT_NAME_INVALID, NULL },
        { "a%i.service", UNIT_NAME_INVALID, NULL },
        { "\xc3\xa4.service", UNIT_NAME_INVALID, NULL },
};

static void each_name_is_what_it_is(void **state) {
        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                char template[UNIT_NAME_SPACE] = "";

                if (unit_name_kind(table[i].name) != table[i].kind)
                        fail_msg("%s: %d", table[i].name, unit_name_kind(table[i].name));
                assert_int_equal(unit_name_template(table[i].name, template), table[i].template ? 0 : -EINVAL);
                if (!table[i].template)
                        continue;
                assert_string_equal(template, table[i].template);
                assert_true(unit_name_is_template(template));
                assert_true(unit_name_is_instance_of(table[i].name, template));
                assert_false(unit_name_is_instance_of(table[i].name, "other@.service"));
                assert_false(unit_name_is_instance_of(template, template));
        }
}

static void a_name_has_at_most_255_bytes(void **state) {
        static const char *const ends[] = { ".service", "@.service", "@a.service" };
        char name[400], filled[UNIT_NAME_SPACE];

        for (size_t i = 0; i < ELEMENTSOF(ends); i++)
                for (size_t n = 253; n <= 257; n++) {
                        memset(name, 'a', sizeof(name));
                        strcpy(name + n - strlen(ends[i]), ends[i]);
                        assert_int_equal(unit_name_kind(name) != UNIT_NAME_INVALID, n <= 255);
                }
        memset(name, 'a', sizeof(name)); /* without an end, as far as anybody may look */
        name[399] = '\0';
        assert_int_equal(unit_name_kind(name), UNIT_NAME_INVALID);
        memset(name, 'a', sizeof(name));
        strcpy(name + 254 - strlen("@.service"), "@.service");
        assert_int_equal(unit_name_fill(name, "x", filled), 0);
        assert_int_equal(strlen(filled), 255);
        assert_int_equal(unit_name_fill(name, "xy", filled), -ENAMETOOLONG);
        memset(name, 'a', sizeof(name));
        strcpy(name + 255 - strlen("@.service"), "@.service");
        assert_int_equal(unit_name_fill(name, "x", filled), -ENAMETOOLONG);
        assert_int_equal(unit_name_fill(name, "*", filled), 0); /* which matches nothing, and is a good question */
}

static void a_template_is_filled_before_its_last_dot(void **state) {
        char name[UNIT_NAME_SPACE];

        assert_int_equal(unit_name_fill("a.b@.service", "*", name), 0);
        assert_string_equal(name, "a.b@*.service");
        assert_int_equal(unit_name_fill("w@.x.service", "*", name), -EINVAL);
        assert_int_equal(unit_name_fill("w.service", "*", name), -EINVAL);
}

static void connections_go_by_the_sockets_prefix(void **state) {
        static const char *const pairs[][2] = {
                { "foo.socket", "foo@.service" },
                { "a.b.socket", "a.b@.service" },
                { "foo@bar.socket", "foo@.service" },
                { "a.b@.c.socket", "a.b@.service" },
                { "foo@@.socket", "foo@.service" },
        };
        char name[UNIT_NAME_SPACE];

        for (size_t i = 0; i < ELEMENTSOF(pairs); i++) {
                assert_int_equal(unit_name_of_connections(pairs[i][0], name), 0);
                assert_string_equal(name, pairs[i][1]);
        }
        assert_int_equal(unit_name_of_connections("foo.service", name), -EINVAL);
}

/* ---- what systemd says ---- */

/* Runs systemd-escape and puts what it writes, to whatever side, into text. */
static int run_escape(const char *const *arguments, char *text, size_t size) {
        int ends[2], status;
        size_t n = 0;
        ssize_t k;
        pid_t pid;

        assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                if (dup2(ends[1], STDOUT_FILENO) >= 0 && dup2(ends[1], STDERR_FILENO) >= 0)
                        (void) execvp("systemd-escape", (char *const *) arguments);
                _exit(127);
        }
        (void) close(ends[1]);
        while (n + 1 < size && (k = read(ends[0], text + n, size - n - 1)) > 0)
                n += (size_t) k;
        text[n] = '\0';
        (void) close(ends[0]);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        return WIFEXITED(status) ? WEXITSTATUS(status) : 127;
}

static UnitNameKind kind_by_systemd(const char *name) {
        char text[1024], option[600];

        (void) snprintf(option, sizeof(option), "--template=%s", name);
        if (run_escape((const char *[]){ "systemd-escape", option, "x", NULL }, text, sizeof(text)) == 0)
                return UNIT_NAME_TEMPLATE;
        (void) run_escape((const char *[]){ "systemd-escape", "-u", "--instance", "--", name, NULL }, text,
                        sizeof(text));
        if (strstr(text, "Failed to extract"))
                return UNIT_NAME_INVALID;
        return strstr(text, "is missing the instance") ? UNIT_NAME_PLAIN : UNIT_NAME_INSTANCE;
}

static void assert_as_systemd(const char *name) {
        UnitNameKind kind = kind_by_systemd(name);

        if (unit_name_kind(name) != kind)
                fail_msg("\"%s\": %d here, %d to systemd", name, unit_name_kind(name), kind);
}

static void systemd_says_the_same(void **state) {
        static const char letters[] = "a@.-";
        char name[300];

        if (run_escape((const char *[]){ "systemd-escape", "x", NULL }, name, sizeof(name)) != 0) {
                print_message("skipped: there is no systemd-escape\n");
                skip();
        }
        for (size_t i = 0; i < ELEMENTSOF(table); i++)
                assert_as_systemd(table[i].name);
        for (size_t n = 250; n < 258; n++) {
                memset(name, 'a', sizeof(name));
                strcpy(name + n - strlen(".service"), ".service");
                assert_as_systemd(name);
        }
        for (unsigned i = 0; i < 64; i++) { /* all of three such letters */
                (void) snprintf(name, sizeof(name), "%c%c%c.service", letters[i & 3], letters[i >> 2 & 3],
                                letters[i >> 4]);
                assert_as_systemd(name);
        }
}

/* ---- control groups ---- */

static int count(const char *path, void *userdata) {
        ++*(unsigned *) userdata;
        return 0;
}

/* PID 1 puts "_" before what begins with it, or could be an attribute of the kernel's. */
static void groups_are_found_by_the_same_rule(void **state) {
        static const char *const groups[] = { "w@.x.service", "w@y.service", "wz.service", "__u@a.service",
                "_cpu.x.service", "w@.service.d" };
        static const struct {
                const char *unit;
                unsigned n;
        } finds[] = { { "w@.service", 2 }, { "w@.x.service", 1 }, { "wz.service", 1 }, { "_u@.service", 1 },
                { "_u@a.service", 1 }, { "cpu.x.service", 1 }, { "x.service", 0 } };
        char root[] = "/tmp/unit-name.XXXXXX", path[128];

        assert_non_null(mkdtemp(root));
        for (size_t i = 0; i < ELEMENTSOF(groups); i++) {
                (void) snprintf(path, sizeof(path), "%s/%s", root, groups[i]);
                assert_int_equal(mkdir(path, 0700), 0);
        }
        for (size_t i = 0; i < ELEMENTSOF(finds); i++) {
                unsigned n = 0;

                assert_int_equal(cgroup_each_unit(root, finds[i].unit, count, &n), 0);
                if (n != finds[i].n)
                        fail_msg("%s: %u", finds[i].unit, n);
        }
        for (size_t i = 0; i < ELEMENTSOF(groups); i++) {
                (void) snprintf(path, sizeof(path), "%s/%s", root, groups[i]);
                assert_int_equal(rmdir(path), 0);
        }
        assert_int_equal(rmdir(root), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_name_is_what_it_is),
                cmocka_unit_test(a_name_has_at_most_255_bytes),
                cmocka_unit_test(a_template_is_filled_before_its_last_dot),
                cmocka_unit_test(connections_go_by_the_sockets_prefix),
                cmocka_unit_test(systemd_says_the_same),
                cmocka_unit_test(groups_are_found_by_the_same_rule),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
