/* SPDX-License-Identifier: Apache-2.0 */
/* The guard itself (guard.c, item.c, killer.c, client.c, gate.c): see unit-world.h. */
#include "unit-world.h"

#include <fcntl.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "guard/finish.h"
#include "guard/host.h"
#include "ptp-clock.h"
#include "util/file-util.h"
#include "util/strv.h"

/* ---- what it promises ---- */

static void all_that_goes_by_a_lease_is_stopped_and_killed_with_it(void **state) {
        static const char *const others[] = { "more.service", "worker@1.service", "worker@2.service",
                "worker@.service" };
        World *w = *state;
        GuardMessage m;

        make_unit(w, "system.slice", "unit.service");
        make_unit(w, "system.slice", "more.service");
        make_unit(w, "system.slice/system-worker.slice", "worker@1.service");
        make_unit(w, "system.slice/system-worker.slice", "worker@2.service");
        make_unit(w, "system.slice", "neighbour.service");
        assert_true(strv_add(&pid_one->up, "worker@.service") >= 0);
        members(w, "unit.service", "more.service\nworker@.service\n");
        m = run_unit(w, "unit.service", 200 * MS, 500 * MS);

        turn_until(strv_contains(pid_one->stopped, "unit.service"));
        assert_true(now_boottime() >= m.stop_at);
        assert_true(strv_contains(pid_one->stopped, "more.service"));
        assert_true(strv_contains(pid_one->stopped, "worker@.service"));
        assert_false(exists(w, "held/unit.service"));

        turn_until(was_killed(w, "system.slice/unit.service") && was_killed(w, "system.slice/more.service") &&
                        was_killed(w, "system.slice/system-worker.slice/worker@1.service") &&
                        was_killed(w, "system.slice/system-worker.slice/worker@2.service"));
        assert_true(now_boottime() >= m.kill_at);
        assert_false(was_killed(w, "system.slice/neighbour.service"));

        /* kill_at is a state: what comes up again is killed again. */
        put_in_group(w, "system.slice/more.service", "cgroup.kill", "");
        turn_until(was_killed(w, "system.slice/more.service"));

        /* Down is what is inactive and empty, all of it. */
        unit_is_inactive("unit.service");
        for (size_t i = 0; i < ELEMENTSOF(others); i++)
                unit_is_inactive(others[i]);
        put_in_group(w, "system.slice/unit.service", "cgroup.events", "populated 0\n");
        put_in_group(w, "system.slice/more.service", "cgroup.events", "populated 0\n");
        put_in_group(w, "system.slice/system-worker.slice/worker@1.service", "cgroup.events", "populated 0\n");
        turn_through(w, now_boottime() + 200 * MS);
        assert_false(w->told.flags & GUARD_FLAG_DOWN);
        put_in_group(w, "system.slice/system-worker.slice/worker@2.service", "cgroup.events", "populated 0\n");
        turn_until(w->told.flags & GUARD_FLAG_DOWN);
        assert_false(exists(w, "guard/unit.service"));
}

/* An engine that makes its groups itself does not know that PID 1 has "a-b.slice" in "a.slice". */
static void all_groups_of_a_slices_name_are_killed_and_waited_for(void **state) {
        World *w = *state;

        make_unit(w, "system.slice", "unit.service");
        make_unit(w, "a.slice", "a-b.slice");
        put_in_group(w, "a-b.slice", "cgroup.kill", "");
        put_in_group(w, "a-b.slice", "cgroup.events", "populated 1\n");
        put_in_group(w, "a.slice", "cgroup.kill", "");
        members(w, "unit.service", "a-b.slice\n");
        run_unit(w, "unit.service", 300 * MS, 350 * MS);
        turn_until(strv_contains(pid_one->stopped, "a-b.slice"));
        turn_until(was_killed(w, "a.slice/a-b.slice") && was_killed(w, "a-b.slice"));
        assert_false(was_killed(w, "a.slice"));
        unit_is_inactive("unit.service");
        put_in_group(w, "system.slice/unit.service", "cgroup.events", "populated 0\n");
        put_in_group(w, "a.slice/a-b.slice", "cgroup.events", "populated 0\n");
        put_in_group(w, "a-b.slice", "cgroup.events", "populated 0\n");
        turn_through(w, now_boottime() + 200 * MS);
        assert_false(w->told.flags & GUARD_FLAG_DOWN); /* PID 1 may be about to start something in it */
        unit_is_inactive("a-b.slice");
        put_in_group(w, "a-b.slice", "cgroup.events", "populated 1\n");
        turn_through(w, now_boottime() + 200 * MS);
        assert_false(w->told.flags & GUARD_FLAG_DOWN);
        put_in_group(w, "a-b.slice", "cgroup.events", "populated 0\n");
        turn_until(w->told.flags & GUARD_FLAG_DOWN);
}

static void a_member_that_is_up_keeps_the_entry_from_being_down(void **state) {
        World *w = *state;

        make_unit(w, "system.slice", "unit.service");
        make_unit(w, "system.slice", "more.service");
        members(w, "unit.service", "more.service\n");
        run_unit(w, "unit.service", 300 * MS, 350 * MS);
        turn_until(was_killed(w, "system.slice/unit.service"));
        put_in_group(w, "system.slice/unit.service", "cgroup.events", "populated 0\n");
        put_in_group(w, "system.slice/more.service", "cgroup.events", "populated 0\n");
        unit_is_inactive("unit.service");
        turn_through(w, now_boottime() + 200 * MS);
        assert_false(w->told.flags & GUARD_FLAG_DOWN);
        unit_is_inactive("more.service");
        turn_until(w->told.flags & GUARD_FLAG_DOWN);
}

/* Law 7 holds for it, too: the question about the unit was asked before the guard knew of the member. */
static void a_member_that_joins_while_pid_one_is_asked_is_asked_about(void **state) {
        World *w = *state;

        make_unit(w, "system.slice", "unit.service");
        make_unit(w, "system.slice", "more.service");
        run_unit(w, "unit.service", 300 * MS, 350 * MS);
        pid_one->silent = true;
        turn_until(strv_length(pid_one->asked) == 2);
        assert_string_equal(pid_one->asked[1], "?unit.service unit.service");
        members(w, "unit.service", "more.service\n");
        pid_one->callbacks->stopped("unit.service", STOP_REFUSED, pid_one->userdata);
        turn_until(strv_contains(pid_one->stopped, "more.service"));
        put_in_group(w, "system.slice/unit.service", "cgroup.events", "populated 0\n");
        unit_is_inactive("unit.service");
        pid_one->silent = false;
        turn_through(w, now_boottime() + 200 * MS);
        assert_false(w->told.flags & GUARD_FLAG_DOWN);
        turn_until(was_killed(w, "system.slice/more.service"));
        put_in_group(w, "system.slice/more.service", "cgroup.events", "populated 0\n");
        unit_is_inactive("more.service");
        turn_until(w->told.flags & GUARD_FLAG_DOWN);
}

/* Law 7: the guard ends, so that PID 1 stops what is bound to it. It loses all that it has, also the unit whose time
 * has not come. */
static void a_stop_that_is_refused_is_made_by_the_guards_end(void **state) {
        World *w = *state;
        GuardMessage m;

        make_unit(w, "system.slice", "unit.service");
        make_unit(w, "system.slice", "calm.service");
        run_unit(w, "calm.service", 50 * SEC, 55 * SEC);
        pid_one->refuses = true;
        m = run_unit(w, "unit.service", 300 * MS, 20 * SEC);
        turn_until(strv_contains(pid_one->stopped, "unit.service"));
        assert_false(strv_contains(pid_one->stopped, "calm.service"));
        turn_until(strv_contains(pid_one->stopped, "calm.service"));
        assert_true(now_boottime() < m.kill_at);
        assert_false(was_killed(w, "system.slice/unit.service"));
}

static void silence_of_pid_one_means_go_on(void **state) {
        World *w = *state;

        make_unit(w, "system.slice", "unit.service");
        run_unit(w, "unit.service", 300 * MS, 350 * MS);
        pid_one->silent = true;
        turn_until(was_killed(w, "system.slice/unit.service"));
        put_in_group(w, "system.slice/unit.service", "cgroup.events", "populated 0\n");
        turn_through(w, now_boottime() + 200 * MS);
        assert_false(w->told.flags & GUARD_FLAG_DOWN);
        put_in_group(w, "system.slice/unit.service", "cgroup.kill", "");
        put_in_group(w, "system.slice/unit.service", "cgroup.events", "populated 1\n"); /* PID 1 was about to fork */
        turn_until(was_killed(w, "system.slice/unit.service"));
}

static void execstoppost_has_the_time_between_two_kills(void **state) {
        World *w = *state;
        GuardMessage m;

        make_unit(w, "system.slice", "unit.service");
        members(w, "unit.service", GUARD_STOP_POST "\n");
        m = run_unit(w, "unit.service", 100 * MS, 700 * MS);
        turn_until(was_killed(w, "system.slice/unit.service"));
        assert_true(now_boottime() < m.kill_at);
        pid_one->post = true;
        put_in_group(w, "system.slice/unit.service", "cgroup.kill", "");
        turn_through(w, m.kill_at - 50 * MS);
        assert_false(was_killed(w, "system.slice/unit.service"));
        turn_until(was_killed(w, "system.slice/unit.service"));
        assert_true(now_boottime() >= m.kill_at);
}

static bool no_inotify, has_socket;

/* Takes the place of the C library's function. */
int inotify_init1(int flags) {
        if (no_inotify)
                errno = EMFILE;
        return no_inotify ? -1 : (int) syscall(SYS_inotify_init1, flags);
}

static bool is_told_to_freeze(World *w, const char *group, const char *number) {
        _cleanup_free_ char *text = NULL;
        char path[512];

        snprintf(path, sizeof(path), "%s/%s/cgroup.freeze", w->root, group);
        return read_file(path, 4096, &text, NULL) == 0 && streq(text, number);
}

static void put_frost(World *w, const char *group, int frozen) {
        char text[64];

        snprintf(text, sizeof(text), "populated 1\nfrozen %d\n", frozen);
        put_in_group(w, group, "cgroup.events", text);
}

/* Law 15: with its slice, until the daemon arms it again; and killed when somebody else thaws it. A socket has nothing
 * to freeze, and an address gives itself up. */
static void a_frozen_unit_is_neither_stopped_nor_killed_until_it_is_thawed(void **state) {
        const char *const unit = "system.slice/unit.service", *const slice = "own.slice",
                          *const address = "system.slice/leased-address@a.service";
        World *w = *state;
        GuardMessage m;

        make_unit(w, "system.slice", "unit.service");
        put_in_group(w, unit, "cgroup.freeze", "0");
        put_in_group(w, slice, "cgroup.freeze", "0");
        put_frost(w, slice, 0);
        make_unit(w, "system.slice", "leased-address@a.service");
        put_in_group(w, address, "cgroup.freeze", "0");
        members(w, "unit.service",
                        has_socket ? GUARD_FREEZE "\nown.slice\nleased-address@a.service\nidle.socket\n"
                                   : GUARD_FREEZE "\nown.slice\nleased-address@a.service\n");
        m = run_unit(w, "unit.service", 100 * MS, 1500 * MS);
        turn_until(is_told_to_freeze(w, unit, "1") && is_told_to_freeze(w, slice, "1"));
        put_frost(w, unit, 1);
        put_frost(w, slice, 1);
        assert_false(exists(w, "held/unit.service"));
        turn_through(w, m.kill_at + 200 * MS);
        assert_int_equal(w->told.flags, GUARD_FLAG_FROZEN);
        assert_null(pid_one->stopped);
        /* What kills the unit before PID 1 thaws it; neither the slice nor the address has one. */
        assert_string_equal(pid_one->started[0], "leased-frozen@unit.service.service");
        assert_int_equal(strv_length(pid_one->started), has_socket ? 2 : 1);
        assert_false(was_killed(w, unit));
        assert_true(is_told_to_freeze(w, address, "0"));

        m = request(GUARD_ARM, "unit.service");
        m.index = w->told.index;
        m.stop_at = now_boottime() + 500 * MS;
        m.kill_at = now_boottime() + 900 * MS;
        m.stop_offset = 500 * MS;
        m.kill_offset = 900 * MS;
        ask(w, m);
        turn_until(is_told_to_freeze(w, unit, "0") && is_told_to_freeze(w, slice, "0"));
        assert_true(exists(w, "held/unit.service"));
        put_frost(w, unit, 0);
        put_frost(w, slice, 0);

        turn_until(is_told_to_freeze(w, unit, "1"));
        put_frost(w, unit, 1);
        put_frost(w, slice, 1);
        turn_through(w, m.kill_at + 100 * MS);
        assert_false(was_killed(w, unit));
        put_frost(w, slice, 0);
        turn_until(was_killed(w, unit));
        turn_until(strv_contains(pid_one->stopped, "unit.service"));
}

static void put_mark(World *w, const char *unit, usec_t kill_at, const char *lines) {
        make_unit(w, "system.slice", unit);
        members(w, unit, lines);
        assert_int_equal(gates_mark(w->gates, unit, &(Mark){ .index = 1, .kill_at = kill_at, .ended = true }), 0);
}

/* Law 15: what PID 1 is about to thaw is killed if its time is over, and nothing else is. */
static void what_is_frozen_beyond_its_time_is_finished(void **state) {
        _cleanup_(groups_freep) Groups *groups = NULL;
        World *w = *state;
        usec_t now = now_boottime();

        put_mark(w, "over.service", now - MS, GUARD_FREEZE "\nown.slice\n");
        make_unit(w, "system.slice", "own.slice");
        put_mark(w, "in-time.service", now + 60 * SEC, GUARD_FREEZE "\n");
        put_mark(w, "kept.service", USEC_INFINITY, GUARD_FREEZE "\n");
        put_mark(w, "stops.service", now - MS, "more.service\n");
        put_mark(w, "reboots.service", now - MS, GUARD_FREEZE "\n" GUARD_FENCE_REBOOT "\n");

        assert_int_equal(groups_new(w->root, &groups), 0);
        assert_int_equal(finish_frozen(w->gates, groups), 0);
        assert_true(was_killed(w, "system.slice/over.service") && was_killed(w, "system.slice/own.slice"));
        assert_false(was_killed(w, "system.slice/in-time.service"));
        assert_false(was_killed(w, "system.slice/kept.service"));
        assert_false(was_killed(w, "system.slice/stops.service"));
        assert_false(was_killed(w, "system.slice/reboots.service"));
}

static int set_up_with_socket(void **state) {
        has_socket = true;
        return set_up(state);
}

static int tear_down_with_socket(void **state) {
        has_socket = false;
        return tear_down(state);
}

/* Without a notice from the kernel its groups are read again and again. */
static int set_up_without_inotify(void **state) {
        int r;

        no_inotify = true;
        r = set_up(state);
        no_inotify = false;
        return r;
}

/* A mount goes down only by umount, which PID 1 starts in its group. What else lives there, the server of a file
 * system in user space for instance, is killed. */
static void umount_is_not_killed_once_the_rest_was(void **state) {
        World *w = *state;
        GuardMessage m;

        make_unit(w, "system.slice", "data.mount");
        pid_one->attached = true;
        m = run_unit(w, "data.mount", 200 * MS, 400 * MS);
        turn_until(was_killed(w, "system.slice/data.mount"));
        assert_true(now_boottime() >= m.kill_at);
        put_in_group(w, "system.slice/data.mount", "cgroup.kill", "");
        turn_through(w, now_boottime() + 200 * MS);
        assert_false(was_killed(w, "system.slice/data.mount"));
        /* A start that was under way when the gate was closed. */
        pid_one->attached = false;
        turn_until(was_killed(w, "system.slice/data.mount"));

        unit_is_inactive("data.mount");
        put_in_group(w, "system.slice/data.mount", "cgroup.events", "populated 0\n");
        turn_until(w->told.flags & GUARD_FLAG_DOWN);
}

/* With the members that the dead one's daemon had written. */
static void a_guard_finishes_the_work_of_a_dead_one(void **state) {
        World *w = *state;

        make_unit(w, "system.slice", "unit.service");
        make_unit(w, "system.slice", "more.service");
        members(w, "unit.service", "more.service\n");
        run_unit(w, "unit.service", 10 * SEC, 300 * MS);
        guard_dies(w);
        assert_true(exists(w, "guard/unit.service"));
        guard_begins(w);
        make_unit(w, "system.slice", "unit.service");
        make_unit(w, "system.slice", "more.service");
        turn_until(was_killed(w, "system.slice/unit.service") && was_killed(w, "system.slice/more.service"));
        assert_true(strv_contains(pid_one->stopped, "more.service"));
}

/* A file that no guard wrote: of no unit, or with a time beyond that of any lease. */
static void a_mark_that_no_guard_wrote_keeps_nothing_alive(void **state) {
        World *w = *state;
        char path[300];

        guard_dies(w);
        snprintf(path, sizeof(path), "%s/guard/for-ever.service", w->run);
        put(path, "00000000000000000007 09223372036854775807 00000000000000000000 0\n");
        snprintf(path, sizeof(path), "%s/guard/notes.txt", w->run);
        put(path, "x");
        snprintf(path, sizeof(path), "%s/guard/template@.service", w->run);
        put(path, "x");
        guard_begins(w);
        turn_until(w->told.kill_at != 0);
        assert_string_equal(w->told.unit, "for-ever.service");
        assert_true(w->told.kill_at <= now_boottime() + USEC_PER_MINUTE);
        turn_through(w, now_boottime() + 100 * MS);
        assert_false(strv_contains(pid_one->stopped, "notes.txt"));
        assert_false(strv_contains(pid_one->stopped, "template@.service"));
        assert_true(strv_contains(pid_one->stopped, "for-ever.service"));
}

static bool can_be_reached(World *w) {
        if (w->fd >= 0)
                return true;
        (void) try_connect(w);
        w->serial = 0;
        return w->fd >= 0;
}

/* As after "systemctl clean leased.service". */
static void what_vanishes_from_run_is_made_anew(void **state) {
        World *w = *state;
        struct stat st;
        GuardMessage m;

        make_unit(w, "system.slice", "open.service");
        make_unit(w, "system.slice", "closed.service");
        m = run_unit(w, "open.service", 20 * SEC, 30 * SEC);
        run_unit(w, "closed.service", 20 * SEC, 30 * SEC);
        ask(w, request(GUARD_CLOSE, "closed.service"));
        remove_from_run(w, "");
        closep(&w->fd);
        w->fd = -1;

        turn_until(can_be_reached(w));
        assert_int_equal(stat(w->socket, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
        make_environment(w, "open.service");
        make_environment(w, "closed.service");
        turn_until(exists(w, "guard/open.service") && exists(w, "guard/closed.service") &&
                        exists(w, "held/open.service"));
        assert_false(exists(w, "held/closed.service"));
        ask(w, request(GUARD_OPEN, "open.service"));
        assert_int_equal(w->told.index, 1);
        assert_int_equal(w->told.flags, GUARD_FLAG_OPEN);
        assert_true(w->told.stop_at == m.stop_at);

        /* A successor knows what it would have known: the beats, too. */
        m = (GuardMessage){ .version = GUARD_PROTOCOL, .type = GUARD_BEAT, .t0 = now_boottime() };
        assert_int_equal(send(w->fd, &m, sizeof(m), MSG_NOSIGNAL), sizeof(m));
        ask(w, request(GUARD_OPEN, "open.service"));
        assert_true(exists(w, "guard.beat"));
}

/* The daemon may be away, too. */
static void members_are_known_also_when_their_file_has_vanished(void **state) {
        World *w = *state;

        make_unit(w, "system.slice", "unit.service");
        make_unit(w, "system.slice", "more.service");
        members(w, "unit.service", "more.service\n");
        run_unit(w, "unit.service", 300 * MS, 400 * MS);
        remove_from_run(w, "");
        turn_until(was_killed(w, "system.slice/unit.service") && was_killed(w, "system.slice/more.service"));
}

static void a_single_file_that_vanishes_is_made_anew(void **state) {
        World *w = *state;

        make_unit(w, "system.slice", "unit.service");
        run_unit(w, "unit.service", 20 * SEC, 30 * SEC);
        make_environment(w, "unit.service");
        turn_through(w, now_boottime() + 1500 * MS); /* whatever it has looked at, it looks again */
        remove_from_run(w, "/held/unit.service");
        turn_until(exists(w, "held/unit.service"));
        remove_from_run(w, "/guard/unit.service");
        turn_until(exists(w, "guard/unit.service"));
        remove_from_run(w, "/guard.sock");
        closep(&w->fd);
        w->fd = -1;
        turn_until(can_be_reached(w));
}

static const char *name_of(unsigned i) {
        static char name[32];

        snprintf(name, sizeof(name), "unit%u.service", i % 10000);
        return name;
}

static const char *group_of(unsigned i) {
        static char group[64];

        snprintf(group, sizeof(group), "system.slice/unit%u.service", i % 10000);
        return group;
}

static bool has_mark(World *w, unsigned i) {
        char mark[64];

        snprintf(mark, sizeof(mark), "guard/unit%u.service", i % 10000);
        return exists(w, mark);
}

/* Their groups are looked for all at once, and while they are being stopped and killed requests are answered. */
static void many_are_stopped_and_killed_together(void **state) {
        enum { N = 300 };
        World *w = *state;
        unsigned before;

        for (unsigned i = 0; i < N; i++) {
                make_unit(w, "system.slice", name_of(i));
                run_unit(w, name_of(i), 30 * SEC, 40 * SEC);
        }
        for (unsigned i = 0; i < N; i++) {
                GuardMessage m = request(GUARD_LOSE, name_of(i));

                m.kill_at = now_boottime() + 100 * MS;
                ask(w, m);
                assert_true(w->told.flags & GUARD_FLAG_LOST);
        }
        for (unsigned i = 0; i < N; i++)
                turn_until(was_killed(w, group_of(i)));
        pid_one->up = strv_free(pid_one->up);
        for (unsigned i = 0; i < N; i++)
                put_in_group(w, group_of(i), "cgroup.events", "populated 0\n");
        before = n_searches;
        for (unsigned i = 0; i < N; i++)
                turn_until(!has_mark(w, i));
        /* PID 1 has answered for all with a few answers: each needs one search. */
        print_message("%u searches for %u units\n", n_searches - before, (unsigned) N);
        assert_true(n_searches - before < N / 3);
}

/* Law 14. */
/* The guard stood still meanwhile: by the first beat that it reads after the cluster's pause, the time is over
 * already. */
static void what_expires_as_a_pause_of_the_cluster_ends_is_told(void **state) {
        World *w = *state;
        GuardMessage m, keep = request(GUARD_KEEP, "");

        events_begin();
        make_unit(w, "system.slice", "unit.service");
        m = run_unit(w, "unit.service", 300 * MS, 20 * SEC);
        keep.flags = GUARD_FLAG_KEEPS;
        ask(w, keep);
        turn_through(w, m.stop_at);
        turn_through(w, now_boottime() + 20 * MS);
        assert_true(exists(w, "held/unit.service"));
        keep.flags = 0;
        keep.t0 = usec_sub(m.stop_at, 300 * MS);
        ask(w, keep);
        turn_until(strv_contains(pid_one->stopped, "unit.service"));
        assert_true(events_have("stopping unit.service"));
}

static void pause_of_the_machine_is_taken_off_all_deadlines(void **state) {
        GuardMessage m, later, again, beat = request(GUARD_BEAT, ""), closing = request(GUARD_CLOSE, "unit.service");
        World *w = *state;

        make_unit(w, "system.slice", "unit.service");
        make_unit(w, "system.slice", "later.service");
        host_clock_shows(w, 1700000000 * SEC);
        host_open(w->guard, w->top);
        later = run_unit(w, "later.service", 50 * SEC, 58 * SEC);
        m = run_unit(w, "unit.service", 20 * SEC, 25 * SEC);
        turn_through(w, now_boottime() + 20 * MS);
        assert_false(was_killed(w, "system.slice/unit.service"));
        again = m;
        again.type = GUARD_ARM;
        beat.t0 = now_boottime();
        host_clock_shows(w, 1700000030 * SEC);
        turn_until(was_killed(w, "system.slice/unit.service"));
        assert_true(now_boottime() < m.stop_at);
        assert_false(exists(w, "held/unit.service"));
        turn_until(mark_of(w, "later.service").kill_at <= later.kill_at - 30 * SEC);
        assert_true(exists(w, "held/later.service"));
        ask(w, closing); /* it answers with the entry, as it is now */
        turn_until(streq(w->told.unit, "unit.service"));
        assert_true(w->told.flags & GUARD_FLAG_JUMPED);
        unit_is_inactive("unit.service");
        put_in_group(w, "system.slice/unit.service", "cgroup.events", "populated 0\n");
        turn_until(streq(w->told.unit, "unit.service") && w->told.flags & GUARD_FLAG_DOWN);

        /* What was asked for before the pause was seen counts from so much earlier, also by the next guard. */
        guard_dies(w);
        guard_begins(w);
        assert_int_equal(send(w->fd, &beat, sizeof(beat), 0), sizeof(beat));
        ask(w, again);
        turn_until(w->told.index == again.index && w->told.flags & GUARD_FLAG_EXPIRED);
        assert_true(w->told.kill_at < now_boottime());
        assert_false(exists(w, "held/unit.service"));
}

/* Law 14. */
static void clock_that_fails_is_used_when_it_works_again_and_one_that_goes_away_is_replaced(void **state) {
        World *w = *state;
        usec_t t;

        make_unit(w, "system.slice", "unit.service");
        make_unit(w, "system.slice", "other.service");
        put_below(w, "sys/class/ptp/ptp0", "clock_name", "KVM virtual PTP\n");
        put_below(w, "dev", "ptp0", "");
        ptp_shows = 1700000000 * SEC;
        host_open(w->guard, w->top);

        /* It fails, and the machine is paused meanwhile. */
        (void) run_unit(w, "unit.service", 40 * SEC, 50 * SEC);
        turn_through(w, now_boottime() + 120 * MS);
        ptp_error = EIO;
        turn_through(w, now_boottime() + 120 * MS);
        ptp_shows += 60 * SEC;
        turn_through(w, now_boottime() + 120 * MS);
        assert_false(was_killed(w, "system.slice/unit.service"));
        ptp_error = 0;
        turn_until(was_killed(w, "system.slice/unit.service"));
        unit_is_inactive("unit.service");
        put_in_group(w, "system.slice/unit.service", "cgroup.events", "populated 0\n");
        turn_until(w->told.flags & GUARD_FLAG_DOWN);

        /* Its device goes away. What the clock in its place shows is no pause; what it shows next is one. */
        t = 1800000000 * SEC;
        (void) run_unit(w, "other.service", 40 * SEC, 50 * SEC);
        ptp_error = ENODEV;
        put_below(w, "sys/class/ptp/ptp0", "clock_name", "ptp virtual network card\n");
        host_clock_shows(w, t);
        turn_through(w, now_boottime() + HOST_AGAIN + 200 * MS);
        assert_false(was_killed(w, "system.slice/other.service"));
        host_clock_shows(w, t + 60 * SEC);
        turn_until(was_killed(w, "system.slice/other.service"));
        ptp_error = 0;
}

/* Law 14. One wrong value is no pause, and a clock that is set back is none either. */
static void odd_answer_of_a_clock_stops_nothing(void **state) {
        World *w = *state;

        make_unit(w, "system.slice", "unit.service");
        put_below(w, "sys/class/ptp/ptp0", "clock_name", "vmclock\n");
        put_below(w, "dev", "ptp0", "");
        ptp_shows = 1700000000 * SEC;
        host_open(w->guard, w->top);
        (void) run_unit(w, "unit.service", 40 * SEC, 50 * SEC);
        turn_through(w, now_boottime() + 120 * MS);
        ptp_odd = 1;
        turn_through(w, now_boottime() + 120 * MS);
        assert_int_equal(ptp_odd, 0);
        ptp_shows -= USEC_PER_HOUR;
        turn_through(w, now_boottime() + 120 * MS);
        assert_false(was_killed(w, "system.slice/unit.service"));
        ptp_shows += 60 * SEC;
        turn_until(was_killed(w, "system.slice/unit.service"));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(
                                all_that_goes_by_a_lease_is_stopped_and_killed_with_it, set_up, tear_down),
                cmocka_unit_test_setup_teardown(
                                all_groups_of_a_slices_name_are_killed_and_waited_for, set_up, tear_down),
                cmocka_unit_test_setup_teardown(
                                a_member_that_is_up_keeps_the_entry_from_being_down, set_up, tear_down),
                cmocka_unit_test_setup_teardown(
                                a_member_that_joins_while_pid_one_is_asked_is_asked_about, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_stop_that_is_refused_is_made_by_the_guards_end, set_up, tear_down),
                cmocka_unit_test_setup_teardown(silence_of_pid_one_means_go_on, set_up, tear_down),
                cmocka_unit_test_setup_teardown(execstoppost_has_the_time_between_two_kills, set_up, tear_down),
                cmocka_unit_test_setup_teardown(
                                a_frozen_unit_is_neither_stopped_nor_killed_until_it_is_thawed, set_up, tear_down),
                { "... and so it is where inotify is at its limit",
                                a_frozen_unit_is_neither_stopped_nor_killed_until_it_is_thawed, set_up_without_inotify,
                                tear_down, NULL },
                { "... and so it is with a socket beside it",
                                a_frozen_unit_is_neither_stopped_nor_killed_until_it_is_thawed, set_up_with_socket,
                                tear_down_with_socket, NULL },
                cmocka_unit_test_setup_teardown(what_is_frozen_beyond_its_time_is_finished, set_up, tear_down),
                cmocka_unit_test_setup_teardown(umount_is_not_killed_once_the_rest_was, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_guard_finishes_the_work_of_a_dead_one, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_mark_that_no_guard_wrote_keeps_nothing_alive, set_up, tear_down),
                cmocka_unit_test_setup_teardown(what_vanishes_from_run_is_made_anew, set_up, tear_down),
                cmocka_unit_test_setup_teardown(
                                members_are_known_also_when_their_file_has_vanished, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_single_file_that_vanishes_is_made_anew, set_up, tear_down),
                cmocka_unit_test_setup_teardown(many_are_stopped_and_killed_together, set_up, tear_down),
                cmocka_unit_test_setup_teardown(
                                what_expires_as_a_pause_of_the_cluster_ends_is_told, set_up, tear_down),
                cmocka_unit_test_setup_teardown(pause_of_the_machine_is_taken_off_all_deadlines, set_up, tear_down),
                cmocka_unit_test_setup_teardown(
                                clock_that_fails_is_used_when_it_works_again_and_one_that_goes_away_is_replaced,
                                set_up, tear_down),
                cmocka_unit_test_setup_teardown(odd_answer_of_a_clock_stops_nothing, set_up, tear_down),
        };
        sigset_t set;

        test_process = getpid();
        (void) sigemptyset(&set);
        (void) sigaddset(&set, SIGCHLD);
        (void) sigprocmask(SIG_BLOCK, &set, NULL);

        return cmocka_run_group_tests(tests, NULL, NULL) + gates_tests() + hand_over_tests() + beliefs_tests();
}
