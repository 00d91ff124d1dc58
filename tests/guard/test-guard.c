/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The guard itself (guard.c, killer.c, client.c, gate.c), with a PID 1 that the test plays and a tree of control
 * groups that are mere files: what is written to a cgroup.kill stays there to be seen. The clock is the real one, so
 * deadlines are short.
 */

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

#include "guard/guard.h"
#include "guard/pid1.h"
#include "guard/protocol.h"
#include "util/file-util.h"
#include "util/strv.h"

#define SEC USEC_PER_SEC
#define MS USEC_PER_MSEC

/* How long what must happen is waited for. */
static usec_t patience(void) {
        const char *seconds = getenv("GUARD_TEST_PATIENCE");

        return seconds ? (usec_t) atoi(seconds) * SEC : 20 * SEC;
}

/* ---- PID 1, as the test plays it ---- */

struct PidOne {
        const PidOneCallbacks *callbacks;
        void *userdata;
        char **stopped; /* all that it was ever asked to stop */
        char **up;      /* what it says is up */
        char **asked;   /* "!owner unit" to stop it, "?owner unit" how it is: without an answer yet */
        bool silent;
        bool post;         /* of whatever is up, that its ExecStopPost= is running */
        usec_t answers_at; /* when the answers came that are being told; 0: none are */
};

static PidOne *pid_one; /* of the guard under test */

int pid_one_new(sd_event *event, const PidOneCallbacks *callbacks, void *userdata, PidOne **ret) {
        pid_one = *ret = calloc(1, sizeof(PidOne));
        *pid_one = (PidOne){ .callbacks = callbacks, .userdata = userdata };
        return 0;
}

PidOne *pid_one_free(PidOne *p) {
        if (p) {
                strv_free(p->stopped);
                strv_free(p->up);
                strv_free(p->asked);
        }
        free(p);
        return NULL;
}

bool pid_one_is_connected(const PidOne *p) {
        return true;
}

Heard pid_one_heard(const PidOne *p) {
        return (Heard){ now_boottime(), p->answers_at > 0 ? p->answers_at : now_boottime() };
}

int pid_one_stop(PidOne *p, const char *owner, const char *unit) {
        char text[600];

        snprintf(text, sizeof(text), "!%s %s", owner, unit);
        assert_true(strv_add(&p->asked, text) >= 0 && strv_add(&p->stopped, unit) >= 0);
        return 0;
}

int pid_one_ask(PidOne *p, const char *owner, const char *unit) {
        char text[600];

        snprintf(text, sizeof(text), "?%s %s", owner, unit);
        assert_true(strv_add(&p->asked, text) >= 0);
        return 0;
}

void pid_one_flush(PidOne *p) {
}

/* Every stop is accepted, and does nothing: what is up stays up until the test says otherwise. */
static void pid_one_answer(PidOne *p) {
        char **asked;

        if (p->silent || !p->asked)
                return;
        asked = TAKE_PTR(p->asked);
        p->answers_at = now_boottime();
        for (char **a = asked; *a; a++) {
                UnitAnswer answer = { .known = true, .asked_at = now_boottime() };
                char *unit = strchr(*a, ' ');

                *unit++ = '\0';
                answer.up = strv_contains(p->up, unit);
                answer.post = answer.up && p->post;
                if (**a == '!')
                        p->callbacks->stopped(*a + 1, STOP_ACCEPTED, p->userdata);
                else
                        p->callbacks->reported(*a + 1, unit, &answer, p->userdata);
        }
        strv_free(asked);
        p->answers_at = 0;
        p->callbacks->settle(p->userdata);
}

/* ---- the file system ---- */

static unsigned n_searches; /* how often the folder of system.slice was opened */

/* In place of libc's. */
DIR *opendir(const char *path) {
        int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        n_searches += endswith(path, "/system.slice");
        return fd < 0 ? NULL : fdopendir(fd);
}

/* ---- the machine ---- */

typedef struct World {
        char top[64], root[128], run[128], socket[160];
        sd_event *event;
        Gates *gates;
        Guard *guard;
        int fd;
        uint64_t serial;
        GuardMessage told; /* the last ENTRY */
} World;

static void put(const char *path, const char *text) {
        _cleanup_free_ char *directory = strndup(path, (size_t) (strrchr(path, '/') - path));

        assert_int_equal(mkdir_parents(directory, 0755), 0);
        assert_int_equal(write_file_atomic(path, text, strlen(text), 0644, 0), 0);
}

static void put_in_group(World *w, const char *group, const char *file, const char *text) {
        char path[512];

        snprintf(path, sizeof(path), "%s/%s/%s", w->root, group, file);
        put(path, text);
}

/* It runs, by PID 1's word and by its control group. */
static void make_unit(World *w, const char *slice, const char *unit) {
        char group[300];

        snprintf(group, sizeof(group), "%s/%s", slice, unit);
        put_in_group(w, group, "cgroup.kill", "");
        put_in_group(w, group, "cgroup.events", "populated 1\nfrozen 0\n");
        assert_true(strv_add(&pid_one->up, unit) >= 0);
}

static bool was_killed(World *w, const char *group) {
        _cleanup_free_ char *text = NULL;
        char path[512];

        snprintf(path, sizeof(path), "%s/%s/cgroup.kill", w->root, group);
        assert_int_equal(read_file(path, 4096, &text, NULL), 0);
        return streq(text, "1");
}

/* PID 1 says that it is down; whether its group has processes is another matter. */
static void unit_is_inactive(const char *unit) {
        char **up = NULL;

        for (char **u = pid_one->up; u && *u; u++)
                if (!streq(*u, unit))
                        assert_true(strv_add(&up, *u) >= 0);
        strv_free(pid_one->up);
        pid_one->up = up;
}

static bool exists(World *w, const char *name) {
        char path[300];

        snprintf(path, sizeof(path), "%s/%s", w->run, name);
        return access(path, F_OK) == 0;
}

static void members(World *w, const char *unit, const char *lines) {
        char path[512];

        snprintf(path, sizeof(path), "%s/members/%s", w->run, unit);
        put(path, lines);
}

static void take_messages(World *w) {
        GuardMessage m;

        while (w->fd >= 0 && recv(w->fd, &m, sizeof(m), MSG_DONTWAIT) == (ssize_t) sizeof(m)) {
                assert_true(guard_message_is_valid(&m, sizeof(m)));
                if (m.type == GUARD_ENTRY)
                        w->told = m;
        }
}

/* Lets the guard turn for a moment. */
static void turn(World *w) {
        assert_true(sd_event_run(w->event, 2 * MS) >= 0);
        pid_one_answer(pid_one);
        take_messages(w);
}

#define turn_until(condition)                                                                                         \
        for (usec_t _end = now_boottime() + patience(); !(condition); turn(w))                                        \
                if (now_boottime() > _end)                                                                            \
                        fail_msg("waited in vain: %s", #condition);

static void turn_through(World *w, usec_t at) {
        while (now_boottime() < at)
                turn(w);
}

static int try_connect(World *w) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        str_copy(address.sun_path, sizeof(address.sun_path), w->socket);
        w->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        if (connect(w->fd, (struct sockaddr *) &address, sizeof(address)) >= 0)
                return 0;
        close(w->fd);
        w->fd = -1;
        return -1;
}

static void ask(World *w, GuardMessage m) {
        m.version = GUARD_PROTOCOL;
        m.serial = ++w->serial;
        assert_int_equal(send(w->fd, &m, sizeof(m), MSG_NOSIGNAL), sizeof(m));
        turn_until(w->told.serial == w->serial);
}

static GuardMessage request(GuardMessageType type, const char *unit) {
        GuardMessage m = { .type = type, .index = 1 };

        str_copy(m.unit, sizeof(m.unit), unit);
        return m;
}

/* Armed and open. */
static GuardMessage run_unit(World *w, const char *unit, usec_t stop, usec_t kill) {
        GuardMessage m = request(GUARD_ARM, unit);

        m.stop_offset = stop;
        m.kill_offset = kill;
        m.stop_at = now_boottime() + stop;
        m.kill_at = now_boottime() + kill;
        ask(w, m);
        ask(w, request(GUARD_OPEN, unit));
        assert_int_equal(w->told.flags, GUARD_FLAG_OPEN);
        return w->told;
}

static void guard_begins(World *w) {
        assert_int_equal(gates_new(w->run, &w->gates), 0);
        assert_int_equal(guard_new(w->event, w->gates, w->root, &w->guard), 0);
        assert_int_equal(guard_listen(w->guard, w->socket), 0);
        guard_settle(w->guard);
        w->serial = 0;
        w->told = (GuardMessage){};
        assert_int_equal(try_connect(w), 0);
}

static void guard_dies(World *w) {
        w->guard = guard_free(w->guard);
        w->gates = gates_free(w->gates);
        closep(&w->fd);
        w->fd = -1;
}

static int set_up(void **state) {
        World *w = *state = calloc(1, sizeof(World));

        w->fd = -1;
        str_copy(w->top, sizeof(w->top), "/tmp/guard-unit.XXXXXX");
        assert_non_null(mkdtemp(w->top));
        snprintf(w->root, sizeof(w->root), "%s/cgroup", w->top);
        snprintf(w->run, sizeof(w->run), "%s/run", w->top);
        snprintf(w->socket, sizeof(w->socket), "%s/guard.sock", w->run);
        assert_int_equal(mkdir_parents(w->root, 0755), 0);
        assert_int_equal(mkdir_parents(w->run, 0755), 0);
        assert_int_equal(sd_event_new(&w->event), 0);
        guard_begins(w);
        return 0;
}

static int tear_down(void **state) {
        World *w = *state;
        char command[128];

        guard_dies(w);
        sd_event_unref(w->event);
        snprintf(command, sizeof(command), "rm -r %s", w->top);
        assert_int_equal(system(command), 0);
        free(w);
        return 0;
}

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
        run_unit(w, "unit.service", 50 * MS, 100 * MS);
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
        run_unit(w, "unit.service", 50 * MS, 100 * MS);
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
        run_unit(w, "unit.service", 50 * MS, 100 * MS);
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

static void silence_of_pid_one_means_go_on(void **state) {
        World *w = *state;

        make_unit(w, "system.slice", "unit.service");
        run_unit(w, "unit.service", 50 * MS, 100 * MS);
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

static void remove_from_run(World *w, const char *what) {
        char command[300];

        snprintf(command, sizeof(command), "rm -r %s%s", w->run, what);
        assert_int_equal(system(command), 0);
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
        run_unit(w, "unit.service", 100 * MS, 200 * MS);
        remove_from_run(w, "");
        turn_until(was_killed(w, "system.slice/unit.service") && was_killed(w, "system.slice/more.service"));
}

static void a_single_file_that_vanishes_is_made_anew(void **state) {
        World *w = *state;

        make_unit(w, "system.slice", "unit.service");
        run_unit(w, "unit.service", 20 * SEC, 30 * SEC);
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

static void a_gate_that_vanishes_is_not_made_anew_after_its_time(void **state) {
        World *w = *state;
        GuardMessage m;

        make_unit(w, "system.slice", "unit.service");
        m = run_unit(w, "unit.service", 300 * MS, 20 * SEC);
        turn_through(w, m.stop_at);
        turn_until(!exists(w, "held/unit.service"));
        remove_from_run(w, "/held");
        turn_until(exists(w, "held"));
        turn_through(w, now_boottime() + 200 * MS);
        assert_false(exists(w, "held/unit.service"));
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
                cmocka_unit_test_setup_teardown(silence_of_pid_one_means_go_on, set_up, tear_down),
                cmocka_unit_test_setup_teardown(execstoppost_has_the_time_between_two_kills, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_guard_finishes_the_work_of_a_dead_one, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_mark_that_no_guard_wrote_keeps_nothing_alive, set_up, tear_down),
                cmocka_unit_test_setup_teardown(what_vanishes_from_run_is_made_anew, set_up, tear_down),
                cmocka_unit_test_setup_teardown(
                                members_are_known_also_when_their_file_has_vanished, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_single_file_that_vanishes_is_made_anew, set_up, tear_down),
                cmocka_unit_test_setup_teardown(
                                a_gate_that_vanishes_is_not_made_anew_after_its_time, set_up, tear_down),
                cmocka_unit_test_setup_teardown(many_are_stopped_and_killed_together, set_up, tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
