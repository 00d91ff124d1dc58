/* SPDX-License-Identifier: Apache-2.0 */
#include "guard-world.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "util/cgroup.h"
#include "util/file-util.h"

static int guard_fd = -1;
static uint64_t serial;

/* ---- the outside ---- */

bool succeeds(const char *format, ...) {
        char command[512];
        va_list ap;

        va_start(ap, format);
        vsnprintf(command, sizeof(command), format, ap);
        va_end(ap);
        return system(command) == 0;
}

void put(const char *path, const char *text) {
        _cleanup_free_ char *directory = strndup(path, (size_t) (strrchr(path, '/') - path));

        assert_int_equal(mkdir_parents(directory, 0755), 0);
        assert_int_equal(write_file_atomic(path, text, strlen(text), 0644, 0), 0);
}

void outside(const char *request) {
        const char *out = getenv("GUEST_REQUEST"), *in = getenv("GUEST_ANSWER");
        char c = 0;

        assert_true(out && in);
        assert_true(dprintf(atoi(out), "%s\n", request) > 0);
        while (c != '\n')
                assert_int_equal(read(atoi(in), &c, 1), 1);
}

void look_again(unsigned ms) {
        (void) poll(NULL, 0, (int) ms);
}

void pass_until(usec_t at) {
        while (now_boottime() < at)
                look_again(1);
}

bool is_active(const char *unit) {
        return succeeds("systemctl is-active -q %s", unit);
}

bool has_gate(const char *unit) {
        char path[300];

        snprintf(path, sizeof(path), GATE_DIRECTORY "/%s", unit);
        return access(path, F_OK) == 0;
}

bool is_gone(const char *unit) {
        _cleanup_free_ char *path = NULL;
        int r = cgroup_find_unit(CGROUP_ROOT, unit, &path);

        return r == -ENOENT || (r == 0 && cgroup_is_empty(path) > 0);
}

pid_t guard_pid(void) {
        FILE *f = popen("systemctl show -P MainPID " GUARD_SERVICE, "r");
        int pid = 0;

        assert_non_null(f);
        assert_int_equal(fscanf(f, "%d", &pid), 1);
        pclose(f);
        return pid;
}

void write_unit(const char *unit, const char *service) {
        char path[300], text[1024];

        snprintf(path, sizeof(path), UNITS "%s", unit);
        snprintf(text, sizeof(text), "[Service]\n%s", service);
        put(path, text);
        snprintf(path, sizeof(path), UNITS "%s.d/zzzz-leased.conf", unit);
        snprintf(text, sizeof(text),
                        "[Unit]\nAssertPathExists=" GATE_DIRECTORY "/%s\nBindsTo=" GUARD_SERVICE
                        "\nAfter=" GUARD_SERVICE "\n",
                        unit);
        put(path, text);
}

/* ---- the daemon's part ---- */

void disconnect_guard(void) {
        if (guard_fd >= 0)
                close(guard_fd);
        guard_fd = -1;
}

int try_connect(void) {
        struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = GUARD_SOCKET };
        int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

        if (connect(fd, (struct sockaddr *) &address, sizeof(address)) < 0) {
                close(fd);
                return -errno;
        }
        return fd;
}

bool receive(GuardMessage *m, usec_t end) {
        struct pollfd p = { .fd = guard_fd, .events = POLLIN };
        usec_t now = now_boottime();

        if (poll(&p, 1, now >= end ? 0 : (int) ((end - now + 999) / 1000)) <= 0)
                return false;
        assert_int_equal(recv(guard_fd, m, sizeof(*m), 0), sizeof(*m));
        assert_true(guard_message_is_valid(m, sizeof(*m)));
        return true;
}

unsigned connect_guard(void) {
        GuardMessage m;
        unsigned n = 0;

        disconnect_guard();
        wait_until((guard_fd = try_connect()) >= 0);
        serial = 0;
        assert_true(receive(&m, now_boottime() + PATIENCE));
        assert_int_equal(m.type, GUARD_HELLO);
        assert_int_equal(m.index, guard_pid());
        while (receive(&m, now_boottime() + PATIENCE) && m.type == GUARD_ENTRY)
                n++;
        assert_int_equal(m.type, GUARD_VERSION);
        assert_string_equal(m.unit, LEASED_VERSION);
        assert_true(receive(&m, now_boottime() + PATIENCE));
        assert_int_equal(m.type, GUARD_SYNCED);
        return n;
}

static void send_request(GuardMessage m) {
        m.version = GUARD_PROTOCOL;
        m.serial = ++serial;
        assert_int_equal(send(guard_fd, &m, sizeof(m), MSG_NOSIGNAL), sizeof(m));
}

GuardMessage request_for(GuardMessageType type, const char *unit) {
        GuardMessage m = { .type = type, .index = 1 };

        str_copy(m.unit, sizeof(m.unit), unit);
        return m;
}

GuardMessage ask(GuardMessage request) {
        GuardMessage m;

        send_request(request);
        do
                assert_true(receive(&m, now_boottime() + PATIENCE));
        while (m.type != GUARD_ENTRY || !streq(m.unit, request.unit) || m.serial < serial);
        return m;
}

GuardMessage arm_from(const char *unit, usec_t t0, usec_t stop, usec_t kill) {
        GuardMessage m = request_for(GUARD_ARM, unit);

        m.stop_offset = stop;
        m.kill_offset = kill;
        m.stop_at = t0 + stop;
        m.kill_at = t0 + kill;
        return ask(m);
}

void beat(usec_t t0) {
        send_request((GuardMessage){ .type = GUARD_BEAT, .t0 = t0 });
}

GuardMessage lose(const char *unit, usec_t kill_at) {
        GuardMessage m = request_for(GUARD_LOSE, unit);

        m.kill_at = kill_at;
        return ask(m);
}

GuardMessage run_unit(const char *unit, usec_t stop, usec_t kill) {
        GuardMessage m = arm_from(unit, now_boottime(), stop, kill);

        assert_int_equal(m.flags, 0);
        assert_int_equal(ask(request_for(GUARD_OPEN, unit)).flags, GUARD_FLAG_OPEN);
        assert_true(has_gate(unit));
        assert_true(succeeds("systemctl start %s", unit));
        assert_true(is_active(unit));
        return m;
}

usec_t wait_flags(const char *unit, uint32_t flags) {
        usec_t end = now_boottime() + PATIENCE;
        GuardMessage m;

        do
                if (!receive(&m, end))
                        fail_msg("%s never had the flags %#x", unit, flags);
        while (m.type != GUARD_ENTRY || !streq(m.unit, unit) || (m.flags & flags) != flags);
        return now_boottime();
}

usec_t last_seen(const char *unit) {
        usec_t seen = 0, end = now_boottime() + PATIENCE, alone = 0;

        for (GuardMessage m; now_boottime() < end;) {
                usec_t now = now_boottime();

                if (!is_gone(unit)) {
                        seen = now_boottime();
                        alone = 0;
                } else if (alone == 0)
                        alone = now;
                if (guard_fd < 0 && alone && now - alone > SEC / 2)
                        return seen;
                if (guard_fd < 0)
                        look_again(1);
                else if (receive(&m, now + MS) && m.type == GUARD_ENTRY && streq(m.unit, unit) &&
                                (m.flags & GUARD_FLAG_DOWN))
                        return seen;
        }
        fail_msg("%s is never down", unit);
        return 0;
}

void tell_late(const char *what, usec_t at, usec_t due) {
        printf("#   %s: %+.1f ms\n", what, ((double) at - (double) due) / 1000.0);
        fflush(stdout);
}

void assert_gone_in_time(const char *unit, usec_t kill_at) {
        usec_t seen = last_seen(unit);

        tell_late("last process seen, after kill_at", seen, kill_at);
        assert_true(seen < kill_at + SLACK);
        assert_true(is_gone(unit));
}

/* ---- fixtures ---- */

int fresh_guard(void **state) {
        sh("systemctl start " GUARD_SERVICE);
        assert_int_equal(connect_guard(), 0);
        return 0;
}

int no_guard(void **state) {
        disconnect_guard();
        if (guard_pid() > 0)
                sh("systemctl kill -s KILL " GUARD_SERVICE);
        wait_until(!succeeds("systemctl is-active -q " GUARD_SERVICE) &&
                        !succeeds("systemctl show -P ActiveState " GUARD_SERVICE " | grep -q deactivating"));
        /* Neither gates nor marks are left. */
        assert_true(succeeds("! ls -A " GATE_DIRECTORY " " MARKS " | grep -v :$ | grep ."));
        (void) system("systemctl reset-failed 2>/dev/null");
        return 0;
}
