/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What the guard promises, against a real PID 1: this program is the daemon, as root inside a guest (tests/bus/run-in-guest),
 * and plays the unit as well ("--stubborn": ignores SIGTERM and forks for ever). Each scene has a fresh guard, started by
 * its real unit file, and ends with that guard's SIGKILL. Nothing sleeps: each wait is for a state, with a deadline.
 *
 * Lines that begin with "#" tell how late things came, for people.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "guard/protocol.h"
#include "util/cgroup.h"
#include "util/file-util.h"

#define SEC USEC_PER_SEC
#define MS USEC_PER_MSEC
#define PATIENCE (15 * SEC)
#define UNITS "/run/systemd/system/"
#define MARKS "/run/leased/guard"
/* What the design leaves between kill_at and the moment when another machine may start the unit (DESIGN: 350 ms). */
#define SLACK (350 * MS)

static int guard_fd = -1;
static uint64_t serial;

/* ---- the outside ---- */

#define sh(command) assert_int_equal(system(command), 0)
#define begin() printf("# %s\n", __func__)

_printf_(1, 2) static bool succeeds(const char *format, ...) {
        char command[512];
        va_list ap;

        va_start(ap, format);
        vsnprintf(command, sizeof(command), format, ap);
        va_end(ap);
        return system(command) == 0;
}

static void put(const char *path, const char *text) {
        _cleanup_free_ char *directory = strndup(path, (size_t) (strrchr(path, '/') - path));

        assert_int_equal(mkdir_parents(directory, 0755), 0);
        assert_int_equal(write_file_atomic(path, text, strlen(text), 0644, 0), 0);
}

static void outside(const char *request) {
        const char *out = getenv("GUEST_REQUEST"), *in = getenv("GUEST_ANSWER");
        char c = 0;

        assert_true(out && in);
        assert_true(dprintf(atoi(out), "%s\n", request) > 0);
        while (c != '\n')
                assert_int_equal(read(atoi(in), &c, 1), 1);
}

/* Lets a moment pass between two looks at a state. */
static void look_again(unsigned ms) {
        (void) poll(NULL, 0, (int) ms);
}

#define wait_until(condition)                                                                                          \
        for (usec_t _end = now_boottime() + PATIENCE; !(condition); look_again(2))                                     \
                if (now_boottime() > _end)                                                                             \
                        fail_msg("waited in vain: %s", #condition);

static void pass_until(usec_t at) {
        while (now_boottime() < at)
                look_again(1);
}

static bool is_active(const char *unit) {
        return succeeds("systemctl is-active -q %s", unit);
}

static bool has_gate(const char *unit) {
        char path[300];

        snprintf(path, sizeof(path), GUARD_GATES "/%s", unit);
        return access(path, F_OK) == 0;
}

/* No process of it. */
static bool is_gone(const char *unit) {
        _cleanup_free_ char *path = NULL;
        int r = cgroup_find_unit(CGROUP_ROOT, unit, &path);

        return r == -ENOENT || (r == 0 && cgroup_is_empty(path) > 0);
}

static pid_t guard_pid(void) {
        FILE *f = popen("systemctl show -P MainPID " GUARD_SERVICE, "r");
        int pid = 0;

        assert_non_null(f);
        assert_int_equal(fscanf(f, "%d", &pid), 1);
        pclose(f);
        return pid;
}

static void write_unit(const char *unit, const char *service) {
        char path[300], text[1024];

        snprintf(path, sizeof(path), UNITS "%s", unit);
        snprintf(text, sizeof(text), "[Service]\n%s", service);
        put(path, text);
        snprintf(path, sizeof(path), UNITS "%s.d/zzzz-leased.conf", unit);
        snprintf(text, sizeof(text),
                        "[Unit]\nAssertPathExists=" GUARD_GATES "/%s\nBindsTo=" GUARD_SERVICE "\nAfter=" GUARD_SERVICE
                        "\n",
                        unit);
        put(path, text);
}

/* ---- the daemon's part ---- */

static void disconnect_guard(void) {
        if (guard_fd >= 0)
                close(guard_fd);
        guard_fd = -1;
}

static int try_connect(void) {
        struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = GUARD_SOCKET };
        int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

        if (connect(fd, (struct sockaddr *) &address, sizeof(address)) < 0) {
                close(fd);
                return -errno;
        }
        return fd;
}

/* False: nothing within the time. */
static bool receive(GuardMessage *m, usec_t end) {
        struct pollfd p = { .fd = guard_fd, .events = POLLIN };
        usec_t now = now_boottime();

        if (poll(&p, 1, now >= end ? 0 : (int) ((end - now + 999) / 1000)) <= 0)
                return false;
        assert_int_equal(recv(guard_fd, m, sizeof(*m), 0), sizeof(*m));
        assert_true(guard_message_is_valid(m, sizeof(*m)));
        return true;
}

/* Entries told on connection are counted. */
static unsigned connect_guard(void) {
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
        assert_int_equal(m.type, GUARD_SYNCED);
        return n;
}

static void send_request(GuardMessage m) {
        m.version = GUARD_PROTOCOL;
        m.serial = ++serial;
        assert_int_equal(send(guard_fd, &m, sizeof(m), MSG_NOSIGNAL), sizeof(m));
}

static GuardMessage request_for(GuardMessageType type, const char *unit) {
        GuardMessage m = { .type = type, .index = 1 };

        str_copy(m.unit, sizeof(m.unit), unit);
        return m;
}

/* Sends it and returns the answer. */
static GuardMessage ask(GuardMessage request) {
        GuardMessage m;

        send_request(request);
        do
                assert_true(receive(&m, now_boottime() + PATIENCE));
        while (m.type != GUARD_ENTRY || !streq(m.unit, request.unit) || m.serial < serial);
        return m;
}

static GuardMessage arm_from(const char *unit, usec_t t0, usec_t stop, usec_t kill) {
        GuardMessage m = request_for(GUARD_ARM, unit);

        m.stop_offset = stop;
        m.kill_offset = kill;
        m.stop_at = t0 + stop;
        m.kill_at = t0 + kill;
        return ask(m);
}

static void beat(usec_t t0) {
        send_request((GuardMessage) { .type = GUARD_BEAT, .t0 = t0 });
}

static GuardMessage lose(const char *unit, usec_t kill_at) {
        GuardMessage m = request_for(GUARD_LOSE, unit);

        m.kill_at = kill_at;
        return ask(m);
}

/* Armed, opened and started as the daemon does it; returns the entry. */
static GuardMessage run_unit(const char *unit, usec_t stop, usec_t kill) {
        GuardMessage m = arm_from(unit, now_boottime(), stop, kill);

        assert_int_equal(m.flags, 0);
        assert_int_equal(ask(request_for(GUARD_OPEN, unit)).flags, GUARD_FLAG_OPEN);
        assert_true(has_gate(unit));
        assert_true(succeeds("systemctl start %s", unit));
        assert_true(is_active(unit));
        return m;
}

/* Waits for an ENTRY with these flags (at least), and says when it came. */
static usec_t wait_flags(const char *unit, uint32_t flags) {
        usec_t end = now_boottime() + PATIENCE;
        GuardMessage m;

        do
                if (!receive(&m, end))
                        fail_msg("%s never had the flags %#x", unit, flags);
        while (m.type != GUARD_ENTRY || !streq(m.unit, unit) || (m.flags & flags) != flags);
        return now_boottime();
}

/* When the last of its processes was seen, until the guard says that it is down (or, without a guard, it is gone for
 * half a second). Looks every millisecond. */
static usec_t last_seen(const char *unit) {
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
                else if (receive(&m, now + MS) && m.type == GUARD_ENTRY && streq(m.unit, unit) && (m.flags & GUARD_FLAG_DOWN))
                        return seen;
        }
        fail_msg("%s is never down", unit);
        return 0;
}

static void tell_late(const char *what, usec_t at, usec_t due) {
        printf("#   %s: %+.1f ms\n", what, ((double) at - (double) due) / 1000.0);
        fflush(stdout);
}

static void assert_gone_in_time(const char *unit, usec_t kill_at) {
        usec_t seen = last_seen(unit);

        tell_late("last process seen, after kill_at", seen, kill_at);
        assert_true(seen < kill_at + SLACK);
        assert_true(is_gone(unit));
}

/* ---- fixtures ---- */

static int fresh_guard(void **state) {
        sh("systemctl start " GUARD_SERVICE);
        assert_int_equal(connect_guard(), 0);
        return 0;
}

static int no_guard(void **state) {
        disconnect_guard();
        if (guard_pid() > 0)
                sh("systemctl kill -s KILL " GUARD_SERVICE);
        wait_until(!succeeds("systemctl is-active -q " GUARD_SERVICE) &&
                        !succeeds("systemctl show -P ActiveState " GUARD_SERVICE " | grep -q deactivating"));
        /* Neither gates nor marks are left. */
        assert_true(succeeds("! ls -A " GUARD_GATES " " MARKS " | grep -v :$ | grep ."));
        (void) system("systemctl reset-failed 2>/dev/null");
        return 0;
}

/* ---- scenes ---- */

static void gates_are_gone_before_the_guard_is_ready(void **state) {
        begin();
        put(GUARD_GATES "/plain.service", "");
        sh("systemctl start " GUARD_SERVICE);
        assert_false(has_gate("plain.service"));
        assert_int_equal(connect_guard(), 0);
}

static void a_unit_starts_with_its_gate_only(void **state) {
        begin();
        assert_false(succeeds("systemctl start plain.service 2>/dev/null"));
        assert_int_equal(ask(request_for(GUARD_OPEN, "plain.service")).flags, 0);
        assert_false(has_gate("plain.service"));
        arm_from("plain.service", now_boottime(), 20 * SEC, 25 * SEC);
        assert_false(succeeds("systemctl start plain.service 2>/dev/null"));
        run_unit("plain.service", 20 * SEC, 25 * SEC);
        assert_int_equal(ask(request_for(GUARD_CLOSE, "plain.service")).flags, 0);
        assert_false(has_gate("plain.service"));
        assert_true(is_active("plain.service"));
        sh("systemctl stop plain.service");
        assert_false(succeeds("systemctl start plain.service 2>/dev/null"));
        assert_int_equal(ask(request_for(GUARD_DISARM, "plain.service")).index, 0);
        assert_int_equal(connect_guard(), 0);
}

static void a_silent_daemon_is_replaced_at_stop_at(void **state) {
        GuardMessage m;
        usec_t seen;

        begin();
        m = run_unit("plain.service", SEC, 3 * SEC);
        seen = last_seen("plain.service");
        tell_late("last process seen, after stop_at", seen, m.stop_at);
        assert_true(seen >= m.stop_at - 50 * MS && seen < m.kill_at);
        assert_false(has_gate("plain.service"));
        assert_false(is_active("plain.service"));
}

static void a_daemon_that_is_gone_changes_no_deadline(void **state) {
        GuardMessage m;

        begin();
        m = run_unit("plain.service", SEC, 3 * SEC);
        disconnect_guard();
        wait_until(is_gone("plain.service"));
        assert_true(now_boottime() >= m.stop_at && now_boottime() < m.kill_at);
        assert_int_equal(connect_guard(), 1);
}

static void beats_keep_it_and_a_late_one_does_not_revive(void **state) {
        GuardMessage m, again;

        begin();
        m = run_unit("plain.service", SEC, 3 * SEC);
        for (unsigned i = 0; i < 12; i++) {
                usec_t t0 = now_boottime();

                beat(t0);
                pass_until(t0 + SEC / 4);
                assert_false(is_gone("plain.service"));
        }
        again = ask(request_for(GUARD_OPEN, "plain.service"));
        assert_true(again.stop_at > m.stop_at + 2 * SEC);
        pass_until(again.stop_at);
        beat(now_boottime());
        assert_true(ask(request_for(GUARD_OPEN, "plain.service")).flags & GUARD_FLAG_EXPIRED);
        wait_flags("plain.service", GUARD_FLAG_DOWN);
        assert_false(has_gate("plain.service"));
        /* The same Index may run again once it was down. */
        run_unit("plain.service", 20 * SEC, 25 * SEC);
}

static void what_ignores_sigterm_and_forks_is_gone_at_kill_at(void **state) {
        GuardMessage m;

        begin();
        m = run_unit("stubborn.service", SEC / 2, SEC);
        pass_until(m.kill_at - 20 * MS);
        assert_false(is_gone("stubborn.service"));
        assert_gone_in_time("stubborn.service", m.kill_at);
}

static void a_chain_after_the_stop_is_killed_too(void **state) {
        GuardMessage m;

        begin();
        m = run_unit("chain.service", SEC / 2, SEC);
        assert_gone_in_time("chain.service", m.kill_at);
}

static void what_is_lost_is_stopped_now_and_killed_soon(void **state) {
        GuardMessage m, n;
        usec_t now;

        begin();
        m = run_unit("stubborn.service", 20 * SEC, 25 * SEC);
        now = now_boottime();
        n = lose("stubborn.service", now + SEC);
        assert_true(n.flags & GUARD_FLAG_LOST);
        assert_false(has_gate("stubborn.service"));
        assert_true(n.kill_at == now + SEC && n.kill_at < m.kill_at);
        assert_int_equal(lose("stubborn.service", now + 9 * SEC).kill_at, now + SEC);
        beat(now_boottime());
        assert_int_equal(arm_from("stubborn.service", now_boottime(), 20 * SEC, 25 * SEC).kill_at, now + SEC);
        assert_gone_in_time("stubborn.service", now + SEC);
}

static void a_stray_without_an_entry_is_stopped_as_well(void **state) {
        begin();
        sh("systemctl start stray.service");
        assert_true(lose("stray.service", now_boottime() + 5 * SEC).flags & GUARD_FLAG_LOST);
        wait_flags("stray.service", GUARD_FLAG_DOWN);
        assert_true(is_gone("stray.service"));
}

static void many_at_once_are_no_burden(void **state) {
        usec_t t0, seen[2], gone = 0;
        GuardMessage m, last = {};
        unsigned down = 0;

        begin();
        m = run_unit("stubborn.service", 3 * SEC, 4 * SEC);
        t0 = now_boottime();
        for (unsigned i = 0; i < 1000; i++) {
                GuardMessage arm = request_for(GUARD_ARM, "");

                snprintf(arm.unit, sizeof(arm.unit), "many%u.service", i);
                arm.stop_at = m.stop_at;
                arm.kill_at = m.kill_at;
                arm.stop_offset = 3 * SEC;
                arm.kill_offset = 4 * SEC;
                last = ask(arm);
        }
        seen[0] = now_boottime();
        printf("#   1000 entries armed, one by one: %.1f ms\n", (double) (seen[0] - t0) / 1000.0);
        assert_int_equal(last.flags, 0);
        for (unsigned i = 0; i < 100; i++)
                beat(m.stop_at - 3 * SEC);
        ask(request_for(GUARD_OPEN, "stubborn.service"));
        seen[1] = now_boottime();
        printf("#   100 beats of 1001 entries: %.1f ms\n", (double) (seen[1] - seen[0]) / 1000.0);
        assert_true(seen[1] - seen[0] < SEC);
        assert_true(seen[1] < m.stop_at);
        for (usec_t end = now_boottime() + PATIENCE; down < 1001 && now_boottime() < end;) {
                if (!is_gone("stubborn.service"))
                        gone = now_boottime();
                if (receive(&last, now_boottime() + MS) && last.type == GUARD_ENTRY && (last.flags & GUARD_FLAG_DOWN) &&
                    ++down == 1000)
                        tell_late("all others down, after stop_at", now_boottime(), m.stop_at);
        }
        assert_int_equal(down, 1001);
        tell_late("last process seen, after kill_at", gone, m.kill_at);
        assert_true(gone >= m.kill_at - 50 * MS && gone < m.kill_at + SLACK);
        assert_int_equal(connect_guard(), 1001);
}

static void a_frozen_guard_believes_no_beat_from_before_its_waking(void **state) {
        GuardMessage m;
        pid_t pid = guard_pid();

        begin();
        m = run_unit("plain.service", SEC, 3 * SEC);
        pass_until(m.stop_at - 60 * MS);
        assert_int_equal(kill(pid, SIGSTOP), 0);
        beat(m.stop_at - 100 * MS);
        pass_until(m.stop_at + MS);
        assert_int_equal(kill(pid, SIGCONT), 0);
        assert_true(ask(request_for(GUARD_OPEN, "plain.service")).flags & GUARD_FLAG_EXPIRED);
        wait_flags("plain.service", GUARD_FLAG_DOWN);
        assert_int_equal(guard_pid(), pid);
}

static void a_guard_that_stays_frozen_is_killed_and_all_it_guards(void **state) {
        GuardMessage m, n;
        usec_t seen;

        begin();
        m = run_unit("plain.service", 2 * SEC, 4 * SEC);
        n = run_unit("stubborn.service", 2 * SEC, 4 * SEC);
        assert_int_equal(kill(guard_pid(), SIGSTOP), 0);
        disconnect_guard();
        wait_until(is_gone("plain.service"));
        tell_late("guard killed and unit stopped, after stop_at", now_boottime(), m.stop_at);
        assert_true(now_boottime() < m.kill_at);
        wait_until(!has_gate("plain.service") && !has_gate("stubborn.service"));
        seen = last_seen("stubborn.service");
        tell_late("last process seen, after kill_at", seen, n.kill_at);
        assert_true(seen > n.kill_at - 50 * MS && seen < n.kill_at + SLACK);
}

static void a_killed_guard_leaves_nothing_behind(void **state) {
        GuardMessage m;
        usec_t killed, seen;

        begin();
        run_unit("plain.service", 2 * SEC, 4 * SEC);
        m = run_unit("stubborn.service", 2 * SEC, 3 * SEC);
        pass_until(m.stop_at - SEC);
        beat(m.stop_at - SEC);
        ask(request_for(GUARD_OPEN, "stubborn.service"));
        disconnect_guard();
        killed = now_boottime();
        sh("systemctl kill -s KILL " GUARD_SERVICE);
        wait_until(is_gone("plain.service"));
        tell_late("unit stopped, after the guard's death", now_boottime(), killed);
        wait_until(!has_gate("plain.service") && !has_gate("stubborn.service"));
        assert_false(succeeds("systemctl start plain.service 2>/dev/null"));
        seen = last_seen("stubborn.service");
        tell_late("last process seen, after kill_at with the beat", seen, m.kill_at + SEC);
        assert_true(seen > m.kill_at + SEC - 50 * MS && seen < m.kill_at + SEC + SLACK);
}

static void a_frozen_pid_one_does_not_keep_a_unit_alive(void **state) {
        GuardMessage m;
        usec_t seen = 0;

        begin();
        m = run_unit("stubborn.service", SEC, 2 * SEC);
        outside("freeze");
        while (now_boottime() < m.kill_at + 2 * SEC) {
                if (!is_gone("stubborn.service"))
                        seen = now_boottime();
                look_again(1);
        }
        outside("thaw");
        tell_late("last process seen, after kill_at", seen, m.kill_at);
        assert_true(seen < m.kill_at + SLACK);
        disconnect_guard();
        wait_until(!succeeds("systemctl is-active -q stubborn.service"));
        assert_true(is_gone("stubborn.service"));
        assert_false(has_gate("stubborn.service"));
}

static void a_bus_that_does_not_answer_is_gone_round(void **state) {
        GuardMessage m;
        usec_t gone;

        begin();
        m = run_unit("plain.service", SEC, 3 * SEC);
        sh("kill -STOP $(systemctl show -P MainPID dbus.service)");
        disconnect_guard();
        wait_until(is_gone("plain.service"));
        gone = now_boottime();
        sh("kill -CONT $(pidof dbus-daemon)");
        tell_late("stopped by PID 1, after stop_at", gone, m.stop_at);
        assert_true(gone < m.kill_at);
        assert_false(has_gate("plain.service"));
        wait_until(!is_active(GUARD_SERVICE));
}

static void the_bus_may_come_back(void **state) {
        GuardMessage m;

        begin();
        run_unit("plain.service", SEC, 3 * SEC);
        sh("systemctl kill -s KILL dbus.service");
        wait_until(succeeds("systemctl is-active -q dbus.service && busctl status >/dev/null 2>&1"));
        beat(now_boottime());
        m = ask(request_for(GUARD_OPEN, "plain.service"));
        if (m.flags & GUARD_FLAG_OPEN) {
                wait_flags("plain.service", GUARD_FLAG_DOWN);
                assert_true(is_gone("plain.service"));
        }
}

static void sigterm_stops_all_and_ends_in_time(void **state) {
        GuardMessage m;
        usec_t seen;

        begin();
        m = run_unit("stubborn.service", 20 * SEC, 2 * SEC);
        disconnect_guard();
        sh("systemctl kill -s TERM " GUARD_SERVICE);
        wait_until(!has_gate("stubborn.service"));
        seen = last_seen("stubborn.service");
        tell_late("last process seen, after kill_at", seen, m.kill_at);
        assert_true(seen < m.kill_at + SLACK);
        wait_until(!is_active(GUARD_SERVICE));
}

static void a_full_run_opens_no_gate_and_closes_all(void **state) {
        GuardMessage m;

        begin();
        m = run_unit("plain.service", 2 * SEC, 3 * SEC);
        arm_from("late.service", now_boottime(), 20 * SEC, 25 * SEC);
        sh("mount -o remount,size=64M /run");
        (void) system("rm " MARKS "/late.service; head -c 1G /dev/zero >/run/filler 2>/dev/null");
        assert_int_equal(ask(request_for(GUARD_OPEN, "late.service")).flags, 0);
        assert_false(has_gate("late.service"));
        wait_flags("plain.service", GUARD_FLAG_DOWN);
        assert_true(now_boottime() < m.kill_at);
        assert_false(has_gate("plain.service"));
        sh("rm /run/filler; mount -o remount,size=10% /run");
        assert_int_equal(ask(request_for(GUARD_OPEN, "late.service")).flags, GUARD_FLAG_OPEN);
}

static void nobody_but_root_is_heard(void **state) {
        int status;
        pid_t pid;

        begin();
        assert_int_equal(chmod(GUARD_SOCKET, 0666), 0);
        pid = fork();
        if (pid == 0) {
                char c;
                int fd;

                if (setuid(65534) < 0)
                        _exit(2);
                fd = try_connect();
                _exit(fd < 0 || recv(fd, &c, 1, 0) <= 0 ? 0 : 1);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
        /* The daemon's connection is still the daemon's. */
        assert_int_equal(ask(request_for(GUARD_CLOSE, "plain.service")).index, 0);
}

static void it_can_neither_be_stopped_nor_restarted_by_hand(void **state) {
        pid_t pid = guard_pid();

        begin();
        assert_false(succeeds("systemctl stop " GUARD_SERVICE " 2>/dev/null"));
        assert_false(succeeds("systemctl restart " GUARD_SERVICE " 2>/dev/null"));
        assert_false(succeeds("/usr/lib/leased/leased-guard 2>/dev/null"));
        assert_false(succeeds("/usr/lib/leased/leased-guard --wipe 2>/dev/null"));
        assert_int_equal(guard_pid(), pid);
}

/* ---- the stubborn unit ---- */

static void be_stubborn(void) {
        signal(SIGTERM, SIG_IGN);
        signal(SIGCHLD, SIG_IGN);
        for (unsigned n = 0;; n++) {
                if (n < 300 && fork() == 0)
                        for (;;)
                                (void) poll(NULL, 0, -1);
                look_again(2);
        }
}

static void install(void) {
        sh("install -D /opt/leased-test/leased-guard /usr/lib/leased/leased-guard");
        sh("install -D -m 644 /opt/leased-test/" GUARD_SERVICE " /etc/systemd/system/" GUARD_SERVICE);
        write_unit("plain.service", "ExecStart=/bin/sleep infinity\n");
        write_unit("late.service", "ExecStart=/bin/sleep infinity\n");
        write_unit("stubborn.service", "ExecStart=/opt/leased-test/guard-probe --stubborn\nTimeoutStopSec=infinity\n");
        write_unit("chain.service",
                        "ExecStart=/opt/leased-test/guard-probe --stubborn\nTimeoutStopSec=infinity\n"
                        "ExecStopPost=-/bin/sleep infinity\nExecStopPost=-/bin/sleep infinity\n"
                        "ExecStopPost=-/bin/sleep infinity\n");
        put(UNITS "stray.service", "[Service]\nExecStart=/bin/sleep infinity\n");
        sh("systemctl daemon-reload");
}

#define scene(f) cmocka_unit_test_setup_teardown(f, fresh_guard, no_guard)

int main(int argc, char *argv[]) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_teardown(gates_are_gone_before_the_guard_is_ready, no_guard),
                scene(a_unit_starts_with_its_gate_only),
                scene(a_silent_daemon_is_replaced_at_stop_at),
                scene(a_daemon_that_is_gone_changes_no_deadline),
                scene(beats_keep_it_and_a_late_one_does_not_revive),
                scene(what_ignores_sigterm_and_forks_is_gone_at_kill_at),
                scene(a_chain_after_the_stop_is_killed_too),
                scene(what_is_lost_is_stopped_now_and_killed_soon),
                scene(a_stray_without_an_entry_is_stopped_as_well),
                scene(many_at_once_are_no_burden),
                scene(a_frozen_guard_believes_no_beat_from_before_its_waking),
                scene(a_guard_that_stays_frozen_is_killed_and_all_it_guards),
                scene(a_killed_guard_leaves_nothing_behind),
                scene(a_frozen_pid_one_does_not_keep_a_unit_alive),
                scene(a_bus_that_does_not_answer_is_gone_round),
                scene(the_bus_may_come_back),
                scene(sigterm_stops_all_and_ends_in_time),
                scene(a_full_run_opens_no_gate_and_closes_all),
                scene(nobody_but_root_is_heard),
                scene(it_can_neither_be_stopped_nor_restarted_by_hand),
        };

        if (argc > 1 && streq(argv[1], "--stubborn"))
                be_stubborn();
        /* Scenes end with SIGKILLs of their own making. */
        install();
        if (getenv("GUARD_PROBE_ONLY"))
                cmocka_set_test_filter(getenv("GUARD_PROBE_ONLY"));
        return cmocka_run_group_tests(tests, NULL, NULL);
}
