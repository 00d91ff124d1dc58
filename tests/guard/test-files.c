/* SPDX-License-Identifier: Apache-2.0 */

/* Gates, marks and beats on a file system of their own, which can be filled to the brim. */

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "guard/gate.h"
#include "util/strv.h"

#define SEC USEC_PER_SEC

typedef struct World {
        char directory[64];
        Gates *gates;
        Mark mark;
        unsigned n_marks;
} World;

static void path(World *w, char *buf, size_t size, const char *name) {
        snprintf(buf, size, "%s/%s", w->directory, name);
}

static bool exists(World *w, const char *name) {
        char buf[128];

        path(w, buf, sizeof(buf), name);
        return access(buf, F_OK) == 0;
}

static int set_up(void **state) {
        World *w = calloc(1, sizeof(World));

        *state = w;
        str_copy(w->directory, sizeof(w->directory), "/tmp/guard-files.XXXXXX");
        assert_non_null(mkdtemp(w->directory));
        /* In a mount namespace of this process: nothing is left behind, whatever happens. */
        if (mount("guard-files", w->directory, "tmpfs", 0, "size=64k,nr_inodes=40") < 0) {
                rmdir(w->directory);
                return -1;
        }
        assert_int_equal(gates_new(w->directory, &w->gates), 0);
        return 0;
}

static int tear_down(void **state) {
        World *w = *state;

        gates_free(w->gates);
        umount2(w->directory, MNT_DETACH);
        rmdir(w->directory);
        free(w);
        return 0;
}

static void fill(World *w) {
        char buf[128];

        for (unsigned i = 0; i < 100; i++) {
                snprintf(buf, sizeof(buf), "%s/filler%u", w->directory, i);
                int fd = open(buf, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
                static const char block[4096] = "x";

                if (fd < 0)
                        return;
                while (write(fd, block, sizeof(block)) > 0)
                        ;
                close(fd);
        }
        fail_msg("the file system does not get full");
}

static void take_mark(const char *unit, const Mark *mark, void *userdata) {
        World *w = userdata;

        w->mark = *mark;
        w->n_marks++;
}

static const Mark *the_mark(World *w) {
        w->n_marks = 0;
        assert_int_equal(gates_each_mark(w->gates, take_mark, w), 0);
        assert_int_equal(w->n_marks, 1);
        return &w->mark;
}

static void a_gate_is_a_file_that_comes_and_goes(void **state) {
        World *w = *state;

        assert_int_equal(gates_open(w->gates, "a.service"), 0);
        assert_true(exists(w, "held/a.service"));
        assert_int_equal(gates_close(w->gates, "a.service"), 0);
        assert_false(exists(w, "held/a.service"));
        assert_int_equal(gates_close(w->gates, "a.service"), 0);
}

static void wiping_leaves_no_gate_of_whatever_kind(void **state) {
        World *w = *state;
        char buf[128];

        gates_open(w->gates, "a.service");
        gates_open(w->gates, "b.service");
        path(w, buf, sizeof(buf), "held/c.service");
        assert_int_equal(mkdir(buf, 0700), 0);
        path(w, buf, sizeof(buf), "held/d.service");
        assert_int_equal(symlink("/", buf), 0);
        assert_int_equal(gates_wipe(w->gates), 0);
        path(w, buf, sizeof(buf), "held");
        assert_int_equal(rmdir(buf), 0); /* it is empty */
        assert_int_equal(gates_wipe(w->gates), 0);
}

static void a_beat_moves_the_marks_of_live_entries_only(void **state) {
        World *w = *state;
        Mark m = { .index = 7, .kill_at = 10 * SEC, .kill_offset = 9 * SEC };

        assert_int_equal(gates_mark(w->gates, "a.service", &m), 0);
        assert_int_equal(the_mark(w)->kill_at, 10 * SEC);
        assert_int_equal(gates_beat(w->gates, 5 * SEC), 0);
        assert_int_equal(the_mark(w)->kill_at, 14 * SEC);
        assert_int_equal(the_mark(w)->index, 7);
        m.ended = true;
        assert_int_equal(gates_mark(w->gates, "a.service", &m), 0);
        assert_int_equal(the_mark(w)->kill_at, 10 * SEC);
        assert_int_equal(gates_unmark(w->gates, "a.service"), 0);
        assert_false(exists(w, "guard/a.service"));
}

static void a_damaged_mark_says_now(void **state) {
        World *w = *state;
        char buf[128];

        path(w, buf, sizeof(buf), "guard/a.service");
        close(open(buf, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
        assert_int_equal(the_mark(w)->kill_at, 0);
}

static void a_second_guard_is_kept_away(void **state) {
        World *w = *state;
        Gates *second = NULL;

        assert_int_equal(gates_new(w->directory, &second), -EWOULDBLOCK);
        assert_null(second);
        w->gates = gates_free(w->gates);
        assert_int_equal(gates_new(w->directory, &w->gates), 0);
}

static void a_full_file_system_hinders_no_removal(void **state) {
        World *w = *state;
        Mark m = { .index = 7, .kill_at = 10 * SEC, .kill_offset = 9 * SEC };

        gates_open(w->gates, "a.service");
        gates_mark(w->gates, "a.service", &m);
        assert_int_equal(gates_beat(w->gates, SEC), 0);
        fill(w);
        assert_int_equal(gates_beat(w->gates, 5 * SEC), 0);
        assert_int_equal(the_mark(w)->kill_at, 14 * SEC);
        m.ended = true;
        assert_int_equal(gates_mark(w->gates, "a.service", &m), 0);
        assert_int_equal(the_mark(w)->kill_at, 10 * SEC);
        assert_int_not_equal(gates_mark(w->gates, "b.service", &m), 0);
        assert_int_equal(gates_close(w->gates, "a.service"), 0);
        assert_false(exists(w, "held/a.service"));
        w->gates = gates_free(w->gates);
        assert_int_equal(gates_new(w->directory, &w->gates), 0);
        assert_int_equal(gates_wipe(w->gates), 0);
}

static void members_are_lines_and_need_not_be_there(void **state) {
        World *w = *state;
        char **members = (char *[]){ NULL };
        char file[128];
        FILE *f;

        assert_int_equal(gates_members(w->gates, "a.timer", &members), 0);
        assert_null(members);
        path(w, file, sizeof(file), "members");
        assert_int_equal(mkdir(file, 0755), 0);
        path(w, file, sizeof(file), "members/a.timer");
        f = fopen(file, "we");
        assert_non_null(f);
        assert_true(fputs("FenceAction=reboot\na.service\n\nb@.service", f) >= 0);
        assert_int_equal(fclose(f), 0);
        assert_int_equal(gates_members(w->gates, "a.timer", &members), 0);
        assert_int_equal(strv_length(members), 3);
        assert_string_equal(members[0], "FenceAction=reboot");
        assert_string_equal(members[2], "b@.service");
        strv_free(members);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(a_gate_is_a_file_that_comes_and_goes, set_up, tear_down),
                cmocka_unit_test_setup_teardown(wiping_leaves_no_gate_of_whatever_kind, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_beat_moves_the_marks_of_live_entries_only, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_damaged_mark_says_now, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_second_guard_is_kept_away, set_up, tear_down),
                cmocka_unit_test_setup_teardown(members_are_lines_and_need_not_be_there, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_full_file_system_hinders_no_removal, set_up, tear_down),
        };

        if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) {
                puts("skipped: no mount namespace to be had here");
                return 77;
        }
        return cmocka_run_group_tests(tests, NULL, NULL);
}
