/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What the guard promises, against a real PID 1: this program is the daemon, as root inside a guest
 * (tests/bus/run-in-guest), and plays the unit as well ("--stubborn": ignores SIGTERM and forks for ever). Each scene
 * has a fresh guard, started by its real unit file, and ends with that guard's SIGKILL. Nothing sleeps: each wait is
 * for a state, with a deadline.
 *
 * Lines that begin with "#" tell how late things came, for people.
 */

#include "guard-world.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* In place of umount: takes a while. */
#define UMOUNT "/usr/lib/leased/umount"

/* ---- scenes ---- */

static void gates_are_gone_before_the_guard_is_ready(void **state) {
        begin();
        put(GATE_DIRECTORY "/plain.service", "");
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

/* umount is a process of the mount's control group, too. Here it takes longer than the guard leaves between two kills.
 */
static void a_mount_goes_down_after_kill_at(void **state) {
        begin();
        sh("cp -p /usr/bin/umount " UMOUNT ".real && mount --bind " UMOUNT " /usr/bin/umount");
        run_unit("slowly.mount", 4 * SEC, 4100 * MS);
        assert_true(succeeds("mountpoint -q /slowly"));
        wait_flags("slowly.mount", GUARD_FLAG_DOWN);
        assert_false(succeeds("mountpoint -q /slowly"));
        assert_true(is_gone("slowly.mount"));
        sh(UMOUNT ".real /usr/bin/umount");
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
                if (receive(&last, now_boottime() + MS) && last.type == GUARD_ENTRY &&
                                (last.flags & GUARD_FLAG_DOWN) && ++down == 1000)
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
        m = run_unit("stubborn.service", 2 * SEC, 5 * SEC);
        pass_until(m.stop_at - SEC);
        beat(m.stop_at - SEC);
        ask(request_for(GUARD_OPEN, "stubborn.service"));
        disconnect_guard();
        killed = now_boottime();
        sh("systemctl kill -s KILL " GUARD_SERVICE);
        wait_until(is_gone("plain.service"));
        tell_late("unit stopped, after the guard's death", now_boottime(), killed);
        wait_until(!has_gate("plain.service") && !has_gate("stubborn.service"));
        (void) succeeds("systemctl start --no-block plain.service 2>/dev/null"); /* refused now or in the end */
        seen = last_seen("stubborn.service");
        tell_late("last process seen, after kill_at with the beat", seen, m.kill_at + SEC);
        assert_true(seen > m.kill_at + SEC - 50 * MS && seen < m.kill_at + SEC + SLACK);
        assert_false(succeeds("systemctl start plain.service 2>/dev/null"));
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
        /* The mark goes last, so that there is no time to make another one before its room is filled as well. */
        (void) system("cat /dev/zero >/run/filler 2>/dev/null; rm " MARKS "/late.service;"
                      "cat /dev/zero >>/run/filler 2>/dev/null");
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

/* Whoever can read a file can lock it: here somebody had it open before it became the guard's alone. */
static void nobodys_lock_keeps_the_next_guard_from_its_work(void **state) {
        int pipefd[2], status;
        GuardMessage m;
        usec_t seen;
        char c;
        pid_t pid;

        begin();
        m = run_unit("stubborn.service", 20 * SEC, 2 * SEC);
        assert_int_equal(chmod("/run/leased/guard.beat", 0644), 0);
        assert_int_equal(pipe(pipefd), 0);
        pid = fork();
        if (pid == 0) {
                int fd = setuid(65534) < 0 ? -1 : open("/run/leased/guard.beat", O_RDONLY | O_CLOEXEC);

                _exit(write(pipefd[1], fd < 0 ? "-" : "+", 1) != 1 || flock(fd, LOCK_EX) < 0 || pause() < 0);
        }
        assert_int_equal(read(pipefd[0], &c, 1), 1);
        assert_int_equal(c, '+');
        disconnect_guard();
        sh("systemctl kill -s KILL --kill-whom=main " GUARD_SERVICE);
        wait_until(!has_gate("stubborn.service"));
        seen = last_seen("stubborn.service");
        tell_late("last process seen, after kill_at", seen, m.kill_at);
        assert_true(seen < m.kill_at + SLACK);
        wait_until(succeeds("systemctl show -P ActiveState " GUARD_SERVICE " | grep -q failed"));
        sh("systemctl start " GUARD_SERVICE);
        assert_int_equal(connect_guard(), 0);
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        close(pipefd[0]);
        close(pipefd[1]);
}

static void what_is_removed_from_run_is_back_and_nothing_is_forgotten(void **state) {
        GuardMessage m;
        usec_t seen;

        begin();
        run_unit("plain.service", 20 * SEC, 25 * SEC);
        m = run_unit("stubborn.service", 20 * SEC, 4 * SEC);
        sh("rm -rf /run/leased && mkdir -p /run/leased/env && touch /run/leased/env/plain.service"); /* law 10 */
        disconnect_guard();
        assert_int_equal(connect_guard(), 2);
        wait_until(has_gate("plain.service") && access(MARKS "/stubborn.service", F_OK) == 0);
        assert_true(is_active("plain.service"));
        disconnect_guard();
        sh("systemctl kill -s KILL --kill-whom=main " GUARD_SERVICE);
        wait_until(!has_gate("plain.service"));
        seen = last_seen("stubborn.service");
        tell_late("last process seen, after kill_at", seen, m.kill_at);
        assert_true(seen < m.kill_at + SLACK);
}

/* As after a boot into an older kernel. */
static void a_guard_that_could_not_kill_does_not_serve(void **state) {
        begin();
        sh("mount -t tmpfs no-kill /sys/fs/cgroup/init.scope");
        assert_false(succeeds("systemctl start " GUARD_SERVICE " 2>/dev/null"));
        assert_true(try_connect() < 0);
        sh("umount /sys/fs/cgroup/init.scope");
        sh("journalctl --sync; journalctl -b -u " GUARD_SERVICE
           " -p alert | grep -q 'this kernel has no cgroup.kill'");
        sh("systemctl start " GUARD_SERVICE);
        assert_int_equal(connect_guard(), 0);
}

/* A drop-in for all services has this text. */
static void assert_does_not_serve_with(const char *text, const char *words) {
        static const char dropin[] = "/run/systemd/system/service.d/strict.conf";

        begin();
        put(dropin, text);
        sh("systemctl daemon-reload");
        assert_false(succeeds("systemctl start " GUARD_SERVICE " 2>/dev/null"));
        assert_true(try_connect() < 0);
        assert_true(succeeds("journalctl --sync; journalctl -b -u " GUARD_SERVICE " -p alert | grep -q '%s'", words));
        assert_int_equal(unlink(dropin), 0);
        sh("systemctl daemon-reload; systemctl start " GUARD_SERVICE);
        assert_int_equal(connect_guard(), 0);
}

static void a_guard_whose_control_groups_are_read_only_does_not_serve(void **state) {
        assert_does_not_serve_with("[Service]\nProtectControlGroups=yes\n", "control groups are read-only");
}

static void a_guard_that_is_not_root_does_not_serve(void **state) {
        assert_does_not_serve_with("[Service]\nUser=nobody\n", "the guard does not run as root");
}

/* ---- an upgrade ---- */

#define PROGRAM "/usr/lib/leased/leased-guard"

static bool guard_is_of_before(void) {
        return succeeds("readlink /proc/%d/exe | grep -q deleted", guard_pid());
}

/* Puts a copy in the place of the program, so that it can be seen which of the two the guard runs. A reload returns
 * when the guard has handed over. */
static void hand_over_to_a_copy(void) {
        sh("cp " PROGRAM " " PROGRAM ".new; mv " PROGRAM ".new " PROGRAM);
        assert_true(guard_is_of_before());
        sh("systemctl reload " GUARD_SERVICE);
        assert_false(guard_is_of_before());
}

static char *invocation(const char *unit) {
        char *text = calloc(1, 64);
        char command[200];
        FILE *f;

        snprintf(command, sizeof(command), "systemctl show -P InvocationID -P MainPID %s | tr '\\n' ' '", unit);
        f = popen(command, "r");
        assert_non_null(f);
        assert_non_null(fgets(text, 64, f));
        pclose(f);
        return text;
}

static void a_new_guard_is_in_force_without_a_stop(void **state) {
        _cleanup_free_ char *before = NULL, *after = NULL;
        pid_t pid = guard_pid();
        GuardMessage m, again;

        begin();
        run_unit("plain.service", 20 * SEC, 25 * SEC);
        m = ask(request_for(GUARD_OPEN, "plain.service"));
        before = invocation("plain.service");
        hand_over_to_a_copy();
        assert_int_equal(guard_pid(), pid);
        assert_int_equal(connect_guard(), 1);
        again = ask(request_for(GUARD_OPEN, "plain.service"));
        assert_int_equal(again.flags, GUARD_FLAG_OPEN);
        assert_true(again.stop_at == m.stop_at && again.kill_at == m.kill_at);
        after = invocation("plain.service");
        assert_string_equal(before, after);
        /* PID 1 and the new guard know each other: its watchdog moves, a stop is answered, a kill is in time. */
        lose("plain.service", now_boottime() + SEC);
        assert_gone_in_time("plain.service", now_boottime() + SEC);
        sh("journalctl --sync; journalctl -b -u " GUARD_SERVICE " | grep 'has taken the place' | tail -1");
}

/* PID 1 starts ExecReload= in a sub-group. What is started there after a write to cgroup.kill is killed at birth,
 * where the kernel and systemd are new enough. */
static void a_guard_that_was_reloaded_and_killed_leaves_nothing_behind(void **state) {
        begin();
        run_unit("plain.service", 20 * SEC, 25 * SEC);
        sh("systemctl reload " GUARD_SERVICE);
        disconnect_guard();
        sh("systemctl kill -s KILL " GUARD_SERVICE);
        wait_until(!has_gate("plain.service"));
        wait_until(is_gone("plain.service"));
}

static void a_deadline_comes_in_time_after_a_hand_over(void **state) {
        GuardMessage m;

        begin();
        m = run_unit("stubborn.service", 3 * SEC, 4 * SEC); /* late enough for a calm moment on a busy machine */
        hand_over_to_a_copy();
        assert_int_equal(connect_guard(), 1);
        wait_flags("stubborn.service", GUARD_FLAG_EXPIRED);
        tell_late("expired, after stop_at", now_boottime(), m.stop_at);
        assert_true(now_boottime() < m.stop_at + SLACK);
        assert_gone_in_time("stubborn.service", m.kill_at);
}

/* A guard of before the sandbox has capabilities that the sandbox withholds, and the kernel shows what such a process
 * runs only to somebody who has them all. */
static void a_guard_without_a_sandbox_hands_over_to_one_with(void **state) {
        static const char before[] = "/run/systemd/system/" GUARD_SERVICE ".d/before.conf";

        begin();
        put(before, "[Service]\nCapabilityBoundingSet=~\n");
        sh("systemctl daemon-reload; systemctl start " GUARD_SERVICE);
        assert_int_equal(connect_guard(), 0);
        run_unit("plain.service", 20 * SEC, 25 * SEC);
        assert_int_equal(unlink(before), 0);
        sh("systemctl daemon-reload");
        hand_over_to_a_copy();
        assert_int_equal(connect_guard(), 1);
        assert_true(is_active("plain.service"));
}

/* What is installed is a script that does as the guard does, but for what the test wants. */
static void install_script(const char *check, const char *then) {
        char text[500];

        snprintf(text, sizeof(text),
                        "#!/bin/sh\ncase $1 in\n--reload=*) kill -HUP ${1#*=} ;;\n--check) %s ;;\n"
                        "--wipe) exec /opt/leased-test/leased-guard --wipe ;;\n*) %s ;;\nesac\n",
                        check, then);
        sh("rm " PROGRAM);
        put(PROGRAM, text);
        sh("chmod 755 " PROGRAM);
}

static void a_program_that_cannot_take_over_changes_nothing(void **state) {
        static const char *const checks[] = { "exit 1", "kill -9 $$", "exec sleep 60" };
        pid_t pid = guard_pid();

        begin();
        run_unit("plain.service", 40 * SEC, 45 * SEC);
        for (size_t i = 0; i < ELEMENTSOF(checks); i++) {
                install_script(checks[i], "exit 1");
                sh("systemctl reload " GUARD_SERVICE);
                wait_until(succeeds("journalctl --sync; journalctl -b _PID=%d | grep -c 'going on as before' | "
                                    "grep -qx %zu",
                                pid, i + 1));
                assert_int_equal(guard_pid(), pid);
                assert_true(is_active("plain.service"));
                assert_int_equal(ask(request_for(GUARD_OPEN, "plain.service")).flags, GUARD_FLAG_OPEN);
        }
        wait_until(!succeeds("pgrep -x sleep -s %d", pid));
        sh("install /opt/leased-test/leased-guard " PROGRAM ".new; mv " PROGRAM ".new " PROGRAM);
        sh("systemctl reload " GUARD_SERVICE);
        assert_false(guard_is_of_before());
        assert_true(is_active("plain.service"));
}

static void a_program_that_fails_at_the_hand_over_is_a_dead_guard(void **state) {
        usec_t begun;

        begin();
        run_unit("stubborn.service", 4 * SEC, 5 * SEC);
        install_script("exit 0", "exit 1");
        begun = now_boottime();
        (void) succeeds("systemctl reload " GUARD_SERVICE
                        " 2>/dev/null"); /* fails if PID 1 has seen the death by then */
        disconnect_guard();
        wait_until(is_gone("stubborn.service"));
        tell_late("gone, after the reload", now_boottime(), begun);
        assert_true(now_boottime() < begun + 5 * SEC + SLACK);
        assert_false(has_gate("stubborn.service"));
        sh("install /opt/leased-test/leased-guard " PROGRAM ".new; mv " PROGRAM ".new " PROGRAM);
}

/* A guard of a version that knows no hand-over would be killed by the request. */
static void only_a_guard_that_reads_the_request_is_sent_it(void **state) {
        begin();
        assert_true(succeeds("sleep 60 & " PROGRAM " --reload=$!; r=$?; kill $! && [ $r = 1 ]"));
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

static void install_mount(void) {
        write_unit("slowly.mount", "");
        put(UNITS "slowly.mount", "[Mount]\nWhat=tmpfs\nType=tmpfs\nWhere=/slowly\n");
        put(UMOUNT, "#!/bin/sh\nsleep 0.3\nexec " UMOUNT ".real \"$@\"\n");
        sh("chmod 755 " UMOUNT);
}

static void install(void) {
        sh("install -D /opt/leased-test/leased-guard /usr/lib/leased/leased-guard");
        sh("install -D -m 644 /opt/leased-test/" GUARD_SERVICE " /etc/systemd/system/" GUARD_SERVICE);
        write_unit("plain.service", "ExecStart=/bin/sleep infinity\n");
        write_unit("late.service", "ExecStart=/bin/sleep infinity\n");
        write_unit("stubborn.service", "ExecStart=/opt/leased-test/guard-probe --stubborn\nTimeoutStopSec=infinity\n");
        write_unit("chain.service", "ExecStart=/opt/leased-test/guard-probe --stubborn\nTimeoutStopSec=infinity\n"
                                    "ExecStopPost=-/bin/sleep infinity\nExecStopPost=-/bin/sleep infinity\n"
                                    "ExecStopPost=-/bin/sleep infinity\n");
        install_mount();
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
                scene(a_mount_goes_down_after_kill_at),
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
                scene(nobodys_lock_keeps_the_next_guard_from_its_work),
                scene(what_is_removed_from_run_is_back_and_nothing_is_forgotten),
                cmocka_unit_test_teardown(a_guard_that_could_not_kill_does_not_serve, no_guard),
                cmocka_unit_test_teardown(a_guard_whose_control_groups_are_read_only_does_not_serve, no_guard),
                cmocka_unit_test_teardown(a_guard_that_is_not_root_does_not_serve, no_guard),
                scene(a_new_guard_is_in_force_without_a_stop),
                scene(a_guard_that_was_reloaded_and_killed_leaves_nothing_behind),
                cmocka_unit_test_teardown(a_guard_without_a_sandbox_hands_over_to_one_with, no_guard),
                scene(a_deadline_comes_in_time_after_a_hand_over),
                scene(a_program_that_cannot_take_over_changes_nothing),
                scene(a_program_that_fails_at_the_hand_over_is_a_dead_guard),
                scene(only_a_guard_that_reads_the_request_is_sent_it),
        };

        if (argc > 1 && streq(argv[1], "--stubborn"))
                be_stubborn();
        /* Scenes end with SIGKILLs of their own making. */
        install();
        if (getenv("GUARD_PROBE_ONLY"))
                cmocka_set_test_filter(getenv("GUARD_PROBE_ONLY"));
        return cmocka_run_group_tests(tests, NULL, NULL) + refusal_tests();
}
