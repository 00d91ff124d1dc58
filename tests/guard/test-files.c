/* SPDX-License-Identifier: Apache-2.0 */

/* Gates, marks and beats on a file system of their own, which can be filled to the brim. */

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/file.h>
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

static bool stays_is_asked(const char *unit, void *userdata) {
        unsigned *asked = userdata;

        ++*asked;
        return *unit != 's';
}

static int sweep_four(World *w, unsigned *asked) {
        *asked = 0;
        return gates_sweep(w->gates, 4, stays_is_asked, asked);
}

/* The folder can hold any number, and others can make more of them all the time. */
static void gates_are_gone_through_in_pieces_and_to_the_end(void **state) {
        World *w = *state;
        unsigned asked, pieces = 1;
        char name[40];

        assert_int_equal(sweep_four(w, &asked), 0);
        for (unsigned i = 0; i < 15; i++) {
                snprintf(name, sizeof(name), "%s%u.service", i % 2 ? "open" : "strange", i);
                assert_int_equal(gates_open(w->gates, name), 0);
        }
        gates_sweep_begin(w->gates);
        for (; sweep_four(w, &asked) == GATES_SWEEP_MORE; pieces++)
                assert_true(asked <= 4);
        assert_in_range(pieces, 4, 6);
        for (unsigned i = 0; i < 15; i++) {
                snprintf(name, sizeof(name), "held/%s%u.service", i % 2 ? "open" : "strange", i);
                assert_int_equal(exists(w, name), i % 2);
        }
        assert_int_equal(sweep_four(w, &asked), 0);
        assert_int_equal(asked, 0);
        /* The last one is reached though this begins anew before each piece. */
        gates_sweep_begin(w->gates);
        assert_int_equal(sweep_four(w, &asked), GATES_SWEEP_MORE);
        gates_open(w->gates, "strange.service");
        for (pieces = 0; exists(w, "held/strange.service"); pieces++) {
                assert_true(pieces < 10);
                gates_sweep_begin(w->gates);
                (void) sweep_four(w, &asked);
        }
}

static void gate_that_cannot_be_removed_is_tried_again(void **state) {
        World *w = *state;
        char buf[128];

        path(w, buf, sizeof(buf), "held/full.service");
        assert_int_equal(mkdir(buf, 0700), 0);
        path(w, buf, sizeof(buf), "held/full.service/file");
        assert_int_equal(mkdir(buf, 0700), 0);
        while (gates_look(w->gates))
                ;
        gates_sweep_begin(w->gates);
        assert_int_equal(gates_sweep(w->gates, 100, NULL, NULL), -ENOTEMPTY);
        assert_true(gates_look(w->gates));
        assert_int_equal(rmdir(buf), 0);
        gates_sweep_begin(w->gates);
        assert_int_equal(gates_sweep(w->gates, 100, NULL, NULL), 0);
        assert_false(exists(w, "held/full.service"));
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

/* So small that a read beyond it is noticed. */
static bool decodes(const char *text, size_t size, Mark *ret) {
        _cleanup_free_ char *copy = malloc(size + (size == 0));
        usec_t t0;

        assert_non_null(copy);
        memcpy(copy, text, size);
        (void) beat_decode(copy, size, &t0);
        return mark_decode(copy, size, ret);
}

#define TWENTY "00000000000000000000"

static void only_a_mark_as_it_is_written_is_believed(void **state) {
        static const char good[] = "00000000000000000007 00000000000000000008 00000000000000000009 1\n";
        static const char *const bad[] = {
                "",
                "\n",
                "7 8 9 1\n",
                "-0000000000000000007 00000000000000000008 00000000000000000009 1\n",
                "                   7 00000000000000000008 00000000000000000009 1\n",
                TWENTY " 99999999999999999999 " TWENTY " 0\n",
                TWENTY " " TWENTY " " TWENTY " 2\n",
                TWENTY " " TWENTY " " TWENTY " 0",
                TWENTY " " TWENTY " " TWENTY " 0\nx",
        };
        usec_t t0 = 0;
        Mark m = {};

        assert_true(decodes(good, strlen(good), &m));
        assert_int_equal(m.index, 7);
        assert_int_equal(m.kill_at, 8);
        assert_int_equal(m.kill_offset, 9);
        assert_true(m.ended);
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_false(decodes(bad[i], strlen(bad[i]), &m));
        for (size_t at = 0; at < strlen(good); at++)
                assert_false(decodes(good, at, &m));
        assert_true(beat_decode("00000000000000000011\n", 21, &t0));
        assert_int_equal(t0, 11);
        assert_false(beat_decode("0000000000000000001x\n", 21, &t0));
        assert_false(beat_decode("99999999999999999999\n", 21, &t0));
        assert_false(beat_decode("00000000000000000011", 20, &t0));
}

/* Whoever can read a file can lock it. */
static void a_lock_that_somebody_else_has_is_in_nobodys_way(void **state) {
        World *w = *state;
        struct stat st;
        char beat[128];
        int fd;

        path(w, beat, sizeof(beat), "guard.beat");
        assert_int_equal(gates_beat(w->gates, 5 * SEC), 0);
        w->gates = gates_free(w->gates);
        assert_int_equal(chmod(beat, 0644), 0);
        fd = open(beat, O_RDONLY | O_CLOEXEC);
        assert_true(fd >= 0);
        assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
        assert_int_equal(gates_new(w->directory, &w->gates), 0);
        assert_int_equal(stat(beat, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
        assert_int_equal(gates_mark(w->gates, "a.service",
                                         &(Mark){ .index = 1, .kill_at = SEC, .kill_offset = 9 * SEC }),
                        0);
        assert_int_equal(the_mark(w)->kill_at, 14 * SEC);
        close(fd);
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

        assert_int_equal(gates_members(w->gates, "a.timer", &members), GATES_NO_MEMBERS_FOLDER);
        assert_null(members);
        path(w, file, sizeof(file), "members");
        assert_int_equal(mkdir(file, 0755), 0);
        assert_int_equal(gates_members(w->gates, "a.timer", &members), 0);
        assert_null(members);
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

/* A list that is searched for each line takes half a minute for these, and the watchdog ends the guard before. */
static void members_of_a_mebibyte_are_read_at_once(void **state) {
        enum { LINES = 500000 };
        _cleanup_free_ char *text = malloc(2 * LINES + 1);
        char **members = NULL;

        assert_non_null(text);
        for (size_t i = 0; i < LINES; i++)
                memcpy(text + 2 * i, "a\n", 2);
        text[2 * LINES] = '\0';
        alarm(10);
        assert_int_equal(strv_split_lines(text, &members), 0);
        alarm(0);
        assert_int_equal(strv_length(members), LINES);
        strv_free(members);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(a_gate_is_a_file_that_comes_and_goes, set_up, tear_down),
                cmocka_unit_test_setup_teardown(wiping_leaves_no_gate_of_whatever_kind, set_up, tear_down),
                cmocka_unit_test_setup_teardown(gates_are_gone_through_in_pieces_and_to_the_end, set_up, tear_down),
                cmocka_unit_test_setup_teardown(gate_that_cannot_be_removed_is_tried_again, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_beat_moves_the_marks_of_live_entries_only, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_damaged_mark_says_now, set_up, tear_down),
                cmocka_unit_test(only_a_mark_as_it_is_written_is_believed),
                cmocka_unit_test(members_of_a_mebibyte_are_read_at_once),
                cmocka_unit_test_setup_teardown(a_lock_that_somebody_else_has_is_in_nobodys_way, set_up, tear_down),
                cmocka_unit_test_setup_teardown(members_are_lines_and_need_not_be_there, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_full_file_system_hinders_no_removal, set_up, tear_down),
        };

        if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0) {
                puts("skipped: no mount namespace to be had here");
                return 77;
        }
        return cmocka_run_group_tests(tests, NULL, NULL);
}
