/* SPDX-License-Identifier: Apache-2.0 */
#include "unit-world.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "util/event-log.h"
#include "util/file-util.h"
#include "util/strv.h"

/* How long what must happen is waited for. */
usec_t patience(void) {
        const char *seconds = getenv("GUARD_TEST_PATIENCE");

        return seconds ? (usec_t) atoi(seconds) * SEC : 20 * SEC;
}

/* ---- PID 1, as the test plays it ---- */

PidOne *pid_one;

int pid_one_new(sd_event *event, const PidOneCallbacks *callbacks, void *userdata, PidOne **ret) {
        pid_one = *ret = calloc(1, sizeof(PidOne));
        *pid_one = (PidOne){ .callbacks = callbacks, .userdata = userdata };
        return 0;
}

PidOne *pid_one_free(PidOne *p) {
        if (p) {
                strv_free(p->stopped);
                strv_free(p->started);
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

int pid_one_start(PidOne *p, const char *unit) {
        assert_true(strv_add(&p->started, unit) >= 0);
        return 0;
}

void pid_one_flush(PidOne *p) {
}

/* Every stop is accepted or refused, and does nothing: what is up stays up until the test says otherwise. */
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
                answer.attached = answer.up && p->attached;
                if (**a == '!')
                        p->callbacks->stopped(*a + 1, p->refuses ? STOP_REFUSED : STOP_ACCEPTED, p->userdata);
                else
                        p->callbacks->reported(*a + 1, unit, &answer, p->userdata);
        }
        strv_free(asked);
        p->answers_at = 0;
        p->callbacks->settle(p->userdata);
}

/* ---- the file system ---- */

unsigned n_searches;

/* In place of libc's. */
DIR *opendir(const char *path) {
        int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        n_searches += endswith(path, "/system.slice");
        return fd < 0 ? NULL : fdopendir(fd);
}

/* ---- the alarm ---- */

/* In place of libc's. The guard's alarm (test-alarm.c) would end this test with SIGKILL where the machine has no time
 * for it: here it goes off unheard. */
int timer_create(clockid_t clock, struct sigevent *event, timer_t *ret) {
        union {
                int (*call)(clockid_t clock, struct sigevent *event, timer_t *ret);
                void *symbol;
        } real = { .symbol = dlsym(RTLD_NEXT, "timer_create") };
        struct sigevent unheard = *event;

        assert_non_null(real.symbol);
        unheard.sigev_notify = SIGEV_NONE;
        return real.call(clock, &unheard, ret);
}

/* ---- what a guard executes ---- */

pid_t test_process;
int check_says, handed_on, handed_over;

/* In place of libc's: the check is a child's; a hand-over fails, and leaves what was handed on. */
int execv(const char *path, char *const argv[]) {
        int entries, listening;

        if (getpid() != test_process)
                _exit(check_says);
        assert_int_equal(sscanf(argv[1], "--entries=%d", &entries), 1);
        assert_int_equal(sscanf(argv[2], "--listen=%d", &listening), 1);
        assert_int_equal(fcntl(entries, F_GETFD) | fcntl(listening, F_GETFD), 0);
        if (handed_on > 0) {
                close(handed_on);
                close(handed_over);
        }
        handed_on = dup(entries);
        handed_over = dup(listening);
        errno = ENOEXEC;
        return -1;
}

/* ---- the machine ---- */

void put(const char *path, const char *text) {
        _cleanup_free_ char *directory = strndup(path, (size_t) (strrchr(path, '/') - path));

        assert_int_equal(mkdir_parents(directory, 0755), 0);
        assert_int_equal(write_file_atomic(path, text, strlen(text), 0644, 0), 0);
}

void put_in_group(World *w, const char *group, const char *file, const char *text) {
        char path[512];

        snprintf(path, sizeof(path), "%s/%s/%s", w->root, group, file);
        put(path, text);
}

/* It runs, by PID 1's word and by its control group. */
void make_unit(World *w, const char *slice, const char *unit) {
        char group[300];

        snprintf(group, sizeof(group), "%s/%s", slice, unit);
        put_in_group(w, group, "cgroup.kill", "");
        put_in_group(w, group, "cgroup.events", "populated 1\nfrozen 0\n");
        assert_true(strv_add(&pid_one->up, unit) >= 0);
}

bool was_killed(World *w, const char *group) {
        _cleanup_free_ char *text = NULL;
        char path[512];

        snprintf(path, sizeof(path), "%s/%s/cgroup.kill", w->root, group);
        assert_int_equal(read_file(path, 4096, &text, NULL), 0);
        return streq(text, "1");
}

/* PID 1 says that it is down; whether its group has processes is another matter. */
void unit_is_inactive(const char *unit) {
        char **up = NULL;

        for (char **u = pid_one->up; u && *u; u++)
                if (!streq(*u, unit))
                        assert_true(strv_add(&up, *u) >= 0);
        strv_free(pid_one->up);
        pid_one->up = up;
}

static int events_fd = -EBADF;
static off_t events_from;

void events_begin(void) {
        char path[] = "/tmp/leased-test-events-XXXXXX";

        if (events_fd < 0) { /* the log is opened once in a process */
                events_fd = mkostemp(path, O_CLOEXEC);
                assert_true(events_fd >= 0);
                assert_int_equal(setenv("LEASED_EVENT_LOG", path, 1), 0);
                event_log_open();
                assert_int_equal(unlink(path), 0);
        }
        events_from = lseek(events_fd, 0, SEEK_END);
        assert_true(events_from >= 0 && event_log_is_on());
}

bool events_have(const char *text) {
        char events[8192] = "";

        assert_true(pread(events_fd, events, sizeof(events) - 1, events_from) >= 0);
        return strstr(events, text);
}

bool exists(World *w, const char *name) {
        char path[300];

        snprintf(path, sizeof(path), "%s/%s", w->run, name);
        return access(path, F_OK) == 0;
}

void members(World *w, const char *unit, const char *lines) {
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
void turn(World *w) {
        assert_true(sd_event_run(w->event, 2 * MS) >= 0);
        pid_one_answer(pid_one);
        take_messages(w);
}

void turn_through(World *w, usec_t at) {
        while (now_boottime() < at)
                turn(w);
}

int try_connect(World *w) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        str_copy(address.sun_path, sizeof(address.sun_path), w->socket);
        w->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        if (connect(w->fd, (struct sockaddr *) &address, sizeof(address)) >= 0)
                return 0;
        close(w->fd);
        w->fd = -1;
        return -1;
}

void ask(World *w, GuardMessage m) {
        m.version = GUARD_PROTOCOL;
        m.serial = ++w->serial;
        assert_int_equal(send(w->fd, &m, sizeof(m), MSG_NOSIGNAL), sizeof(m));
        turn_until(w->told.serial == w->serial);
}

GuardMessage request(GuardMessageType type, const char *unit) {
        GuardMessage m = { .type = type, .index = 1 };

        str_copy(m.unit, sizeof(m.unit), unit);
        return m;
}

/* Armed and open. */
GuardMessage run_unit(World *w, const char *unit, usec_t stop, usec_t kill) {
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

void guard_begins(World *w) {
        assert_int_equal(gates_new(w->run, &w->gates), 0);
        assert_int_equal(guard_new(w->event, w->gates, w->root, &w->guard), 0);
        assert_int_equal(guard_take_up_marks(w->guard), 0);
        assert_int_equal(guard_listen(w->guard, w->socket), 0);
        guard_settle(w->guard);
        w->serial = 0;
        w->told = (GuardMessage){};
        assert_int_equal(try_connect(w), 0);
}

void guard_dies(World *w) {
        w->guard = guard_free(w->guard);
        w->gates = gates_free(w->gates);
        closep(&w->fd);
        w->fd = -1;
}

int set_up(void **state) {
        const char *folder = getenv("TMPDIR"); /* of tests/guard/mutations, which has tests end without a tear-down */
        World *w = *state = calloc(1, sizeof(World));

        w->fd = -1;
        snprintf(w->top, sizeof(w->top), "%s/guard-unit.XXXXXX", folder ? folder : "/tmp");
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

int tear_down(void **state) {
        World *w = *state;
        char command[128];

        guard_dies(w);
        sd_event_unref(w->event);
        snprintf(command, sizeof(command), "rm -r %s", w->top);
        assert_int_equal(system(command), 0);
        free(w);
        return 0;
}

void put_below(World *w, const char *folder, const char *name, const char *text) {
        char path[200];

        (void) snprintf(path, sizeof(path), "%s/%s", w->top, folder);
        assert_true(mkdir_parents(path, 0755) >= 0 && (mkdir(path, 0755) == 0 || errno == EEXIST));
        (void) snprintf(path, sizeof(path), "%s/%s/%s", w->top, folder, name);
        put(path, text);
}

void host_clock_shows(World *w, usec_t t) {
        char path[200];
        FILE *f;

        put_below(w, "sys/class/rtc/rtc0", "name", "rtc_cmos\n");
        (void) snprintf(path, sizeof(path), "%s/sys/class/rtc/rtc0/since_epoch", w->top);
        f = fopen(path, "w"); /* in place: the guard has it open */
        assert_non_null(f);
        (void) fprintf(f, "%llu\n", (unsigned long long) (t / SEC));
        assert_int_equal(fclose(f), 0);
}

Mark mark_of(World *w, const char *unit) {
        _cleanup_free_ char *text = NULL;
        char path[200];
        size_t size;
        Mark mark;

        (void) snprintf(path, sizeof(path), "%s/guard/%s", w->run, unit);
        assert_int_equal(read_file(path, 4096, &text, &size), 0);
        assert_true(mark_decode(text, size, &mark));
        return mark;
}

void remove_from_run(World *w, const char *what) {
        char command[300];

        snprintf(command, sizeof(command), "rm -r %s%s", w->run, what);
        assert_int_equal(system(command), 0);
}

void make_environment(World *w, const char *unit) {
        char path[300];

        snprintf(path, sizeof(path), "%s/env", w->run);
        assert_int_equal(mkdir_parents(path, 0755), 0);
        snprintf(path, sizeof(path), "%s/env/%s", w->run, unit);
        assert_int_equal(close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644)), 0);
}
