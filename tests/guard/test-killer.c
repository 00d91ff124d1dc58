/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Killing by control group, on real groups: as root inside a guest (tests/bus/run-in-guest). What a write to
 * cgroup.kill leaves behind is the kernel's matter: where it does no harm, the scenes that look for harm pass in any
 * case.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "guard/kill-each.h"
#include "guard/killer.h"
#include "util/cgroup.h"
#include "util/file-util.h"
#include "util/time-util.h"

#define UNIT "probe.service"
#define GROUP CGROUP_ROOT "/" UNIT
#define OTHER CGROUP_ROOT "/other.service"
#define NOBODY 65534
/* Between two rounds of the guard. */
#define ROUND_MS 20
/* Of a round, as the guard has it. */
#define ONE_BY_ONE (30 * USEC_PER_MSEC)

static Groups *groups;

static usec_t in_time(void) {
        return now_boottime() + USEC_PER_SEC;
}

static bool try_put(const char *path, const char *file, const char *text) {
        char name[300];

        snprintf(name, sizeof(name), "%s/%s", path, file);

        _cleanup_close_ int fd = open(name, O_WRONLY | O_CLOEXEC);
        return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t) strlen(text);
}

static void put(const char *path, const char *file, const char *text) {
        assert_true(try_put(path, file, text));
}

/* Of a child: an assertion that failed there would have the child go on with the tests, and fork in its turn. */
static void enter(const char *path) {
        if (!try_put(path, "cgroup.procs", "0"))
                _exit(1);
}

static void make(const char *path) {
        assert_true(mkdir(path, 0755) == 0 || errno == EEXIST);
}

/* A process in that group which ends by SIGKILL only. */
static pid_t live_in(const char *path, uid_t uid) {
        pid_t pid = fork();

        assert_true(pid >= 0);
        if (pid > 0)
                return pid;
        enter(path);
        (void) signal(SIGTERM, SIG_IGN);
        if (setuid(uid) < 0)
                _exit(1);
        for (;;)
                (void) poll(NULL, 0, -1);
}

static void await_members(const char *path, unsigned n) {
        usec_t end = now_boottime() + 10 * USEC_PER_SEC;
        unsigned seen;

        do {
                char file[300], line[32];
                FILE *f;

                snprintf(file, sizeof(file), "%s/cgroup.procs", path);
                f = fopen(file, "re");
                assert_non_null(f);
                for (seen = 0; fgets(line, sizeof(line), f); seen++)
                        ;
                (void) fclose(f);
                assert_true(now_boottime() < end);
        } while (seen < n);
}

static void assert_killed(pid_t pid) {
        int status;

        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* As systemd 257 starts a process. Returns its exit code, or its signal below zero. */
static int start_into(const char *path) {
        _cleanup_close_ int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        struct clone_args a = { .flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD, .cgroup = (uint64_t) fd };
        int status;
        long pid;

        assert_true(fd >= 0);
        pid = syscall(SYS_clone3, &a, sizeof(a));
        if (pid == 0)
                _exit(7);
        assert_true(pid > 0);
        assert_int_equal(waitpid((pid_t) pid, &status, 0), pid);
        return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

/* The guard's rounds, until nobody is left. Returns how long that took; ret_longest: one round at most. */
static usec_t kill_until_empty(usec_t *ret_longest) {
        usec_t began = now_boottime();
        Killer killer = {};

        *ret_longest = 0;
        for (;;) {
                usec_t round = now_boottime(), took;

                assert_true(killer_kill(&killer, groups, UNIT, now_boottime() + ONE_BY_ONE) >= 0);
                took = now_boottime() - round;
                *ret_longest = MAX(*ret_longest, took);
                for (int i = 0; i < ROUND_MS; i++) {
                        if (killer_is_empty(groups, now_boottime(), UNIT)) {
                                killer_reset(&killer);
                                return now_boottime() - began;
                        }
                        (void) poll(NULL, 0, 1);
                }
                assert_true(now_boottime() - began < 10 * USEC_PER_SEC);
        }
}

static int fresh_groups(void **state) {
        make(GROUP);
        make(OTHER);
        return 0;
}

/* After a failure processes may be left, and a bomb among them. */
static int no_groups(void **state) {
        (void) try_put(GROUP, "cgroup.kill", "1");
        (void) try_put(OTHER, "cgroup.kill", "1");
        for (int i = 0; i < 1000 && (cgroup_is_empty(GROUP) == 0 || cgroup_is_empty(OTHER) == 0); i++)
                (void) poll(NULL, 0, 10);
        (void) system("find " GROUP " " OTHER " -depth -type d -exec rmdir {} + 2>/dev/null");
        assert_true(access(GROUP, F_OK) < 0);
        return 0;
}

static void everybody_in_a_group_is_killed_and_who_comes_later_lives(void **state) {
        static const char *const below[] = { GROUP, GROUP "/.control", GROUP "/a", GROUP "/a/b", GROUP "/frozen" };
        pid_t pids[2 * ELEMENTSOF(below)], other = live_in(OTHER, 0);

        for (size_t i = 0; i < ELEMENTSOF(below); i++) {
                make(below[i]);
                pids[2 * i] = live_in(below[i], 0);
                pids[2 * i + 1] = live_in(below[i], NOBODY);
                await_members(below[i], 2);
        }
        await_members(OTHER, 1);
        put(GROUP "/frozen", "cgroup.freeze", "1");
        assert_true(kill_each(CGROUP_ROOT, GROUP, in_time()));
        for (size_t i = 0; i < ELEMENTSOF(pids); i++)
                assert_killed(pids[i]);
        assert_int_equal(start_into(GROUP), 7);
        assert_int_equal(start_into(GROUP "/.control"), 7);
        assert_int_equal(kill(other, 0), 0);
        assert_int_equal(kill(other, SIGKILL), 0);
        assert_killed(other);
}

/* All that it is asked for, each kill as the guard does it. */
static void what_was_killed_by_a_killer_can_be_started_again(void **state) {
        pid_t pid = live_in(GROUP, 0);
        usec_t longest;

        await_members(GROUP, 1);
        (void) kill_until_empty(&longest);
        assert_killed(pid);
        assert_int_equal(start_into(GROUP), 7);
}

static void more_than_can_be_killed_one_by_one_are_killed_at_once(void **state) {
        pid_t pids[KILL_EACH_PROCESSES + 100];
        usec_t longest, took;

        for (size_t i = 0; i < ELEMENTSOF(pids); i++)
                pids[i] = live_in(GROUP, 0);
        await_members(GROUP, ELEMENTSOF(pids));
        took = kill_until_empty(&longest);
        printf("#   %zu processes: %.1f ms, longest round %.1f ms\n", ELEMENTSOF(pids), (double) took / 1000,
                        (double) longest / 1000);
        for (size_t i = 0; i < ELEMENTSOF(pids); i++)
                assert_killed(pids[i]);
}

static void more_groups_than_can_be_looked_into_are_killed_at_once(void **state) {
        char path[4096] = GROUP;
        usec_t longest;
        pid_t pid;

        for (unsigned i = 0; i < KILL_EACH_GROUPS + 10; i++) {
                (void) strncat(path, "/a", sizeof(path) - strlen(path) - 1);
                make(path);
        }
        pid = live_in(path, 0);
        await_members(path, 1);
        assert_false(kill_each(CGROUP_ROOT, GROUP, in_time()));
        (void) kill_until_empty(&longest);
        assert_killed(pid);
}

/* A child takes the place of each, at once and for ever, so that a number is stale as soon as it is read. */
static void hop(void) {
        for (;;)
                if (fork() > 0)
                        _exit(0);
}

static void a_fork_bomb_has_no_chance(void **state) {
        usec_t longest, took;
        pid_t nest = fork();

        assert_true(nest >= 0);
        if (nest == 0) {
                enter(GROUP);
                (void) signal(SIGCHLD, SIG_IGN);
                (void) prctl(PR_SET_CHILD_SUBREAPER, 1);
                for (unsigned i = 0; i < 50; i++)
                        if (fork() == 0)
                                hop();
                for (;;)
                        (void) poll(NULL, 0, -1);
        }
        await_members(GROUP, 20);
        took = kill_until_empty(&longest);
        printf("#   a fork bomb: %.1f ms, longest round %.1f ms; what is then started there %s\n",
                        (double) took / 1000, (double) longest / 1000,
                        start_into(GROUP) == 7 ? "lives" : "does not live");
        assert_killed(nest);
}

static void nobody_is_fine(void **state) {
        assert_true(kill_each(CGROUP_ROOT, GROUP, in_time()));
        assert_true(kill_each(CGROUP_ROOT, CGROUP_ROOT "/absent.service", in_time()));
        assert_int_equal(start_into(GROUP), 7);
}

#define scene(f) cmocka_unit_test_setup_teardown(f, fresh_groups, no_groups)

int main(void) {
        const struct CMUnitTest tests[] = {
                scene(everybody_in_a_group_is_killed_and_who_comes_later_lives),
                scene(what_was_killed_by_a_killer_can_be_started_again),
                scene(more_than_can_be_killed_one_by_one_are_killed_at_once),
                scene(more_groups_than_can_be_looked_into_are_killed_at_once),
                scene(a_fork_bomb_has_no_chance),
                scene(nobody_is_fine),
        };

        if (groups_new(CGROUP_ROOT, &groups) < 0)
                return 1;
        return cmocka_run_group_tests(tests, NULL, NULL);
}
