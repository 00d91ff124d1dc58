/* SPDX-License-Identifier: Apache-2.0 */

/*
 * leased-guard: the only process that opens gates (law 10), and the one that stops units when the daemon cannot. It is
 * started by leased-guard.service. With --wipe it is that service's ExecStopPost=, and finishes the work of a guard
 * that is gone.
 */

#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "guard/guard.h"
#include "guard/protocol.h"
#include "util/cgroup.h"
#include "util/log.h"

#define DIRECTORY "/run/leased"

static void help(void) {
        printf("leased-guard [--wipe]\n\n"
               "Stops leased units when their time is up. Started by leased-guard.service.\n\n"
               "     --wipe      Remove all gates, stop and kill what a dead guard has left, then exit\n"
               "  -h --help      Show this help\n"
               "     --version   Show the version\n");
}

/* Returns 1 to go on, 0 if all that was asked for has been printed, and a negative errno for wrong arguments. */
static int parse_arguments(int argc, char *argv[], bool *ret_wipe) {
        enum { OPTION_WIPE = 0x100, OPTION_VERSION };
        static const struct option options[] = {
                { "wipe", no_argument, NULL, OPTION_WIPE },
                { "help", no_argument, NULL, 'h' },
                { "version", no_argument, NULL, OPTION_VERSION },
                {},
        };

        for (int c; (c = getopt_long(argc, argv, "h", options, NULL)) >= 0;)
                switch (c) {
                case OPTION_WIPE:
                        *ret_wipe = true;
                        break;
                case 'h':
                        help();
                        return 0;
                case OPTION_VERSION:
                        puts("leased-guard " LEASED_VERSION);
                        return 0;
                default:
                        return -EINVAL;
                }
        if (optind < argc) {
                log_error("leased-guard takes no arguments");
                return -EINVAL;
        }
        return 1;
}

/* Locks the memory and takes realtime priority, so that the guard waits neither for a page from the disk nor for busy
 * processes. Each of the two is worth having alone: one that is refused, in a container for instance, is done without.
 */
static void harden(void) {
        struct sched_param p = { .sched_priority = 1 };

        if (mlockall(MCL_CURRENT | MCL_FUTURE) < 0)
                log_info("memory is not locked");
        if (sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &p) < 0)
                log_debug("no realtime scheduling");
}

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata) {
        guard_end(userdata, strsignal((int) info->ssi_signo));
        guard_settle(userdata);
        return 0;
}

static int watch_signals(sd_event *event, Guard *guard) {
        int r = sd_event_add_signal(event, NULL, SIGTERM, on_signal, guard);

        return r < 0 ? r : sd_event_add_signal(event, NULL, SIGINT, on_signal, guard);
}

/* PID 1 runs one guard at a time, and ExecStopPost= when the guard is gone. */
static bool is_of_the_service(void) {
        _cleanup_free_ char *group = NULL;

        if (cgroup_of_process("self", &group) < 0)
                return false;
        for (char *save = NULL, *part = strtok_r(group, "/", &save); part; part = strtok_r(NULL, "/", &save))
                if (streq(part, GUARD_SERVICE))
                        return true;
        return false;
}

/* A second guard can only be started by hand, and is refused if the guard's control group has a process. A lock would
 * not do: anybody could hold it, or remove its file. */
static bool another_is_at_work(void) {
        _cleanup_free_ char *path = NULL;

        return !is_of_the_service() && cgroup_find_unit(CGROUP_ROOT, GUARD_SERVICE, &path) == 0 &&
               cgroup_is_empty(path) == 0;
}

/* Whether the guard could kill is looked at each time it starts, not only when a unit is enabled: an older kernel may
 * have been booted since. A guard that could not kill does not serve, and its machine runs no leased unit. */
static int refuse_if_unfit(void) {
        static const char *const reasons[] = {
                [CGROUPS_NOT_UNIFIED] = "the control groups of this machine are not the unified ones (cgroup v2)",
                [CGROUPS_NOT_OURS] = "this container has no cgroup namespace of its own",
                [CGROUPS_CANNOT_BE_KILLED] = "this kernel has no cgroup.kill (Linux 5.14 has)",
        };
        int unfit = cgroup_unfit();

        if (unfit == 0)
                return 0;
        log_alert("%s: units could not be found and killed in time, so no leased unit runs on this machine",
                        reasons[unfit]);
        return -EOPNOTSUPP;
}

static int run(bool wipe) {
        _cleanup_(gates_freep) Gates *gates = NULL;
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        _cleanup_(guard_freep) Guard *guard = NULL;
        int r;

        if (!wipe && refuse_if_unfit() < 0)
                return -EOPNOTSUPP;
        if (another_is_at_work())
                return log_error_errno(EBUSY, "another guard is at work");
        r = gates_new(DIRECTORY, &gates);
        if (r < 0)
                return log_error_errno(r, "cannot use " DIRECTORY);
        r = gates_wipe(gates);
        if (r < 0 && !wipe)
                return log_error_errno(r, "cannot remove old gates");
        if ((r = sd_event_default(&event)) < 0 || (r = guard_new(event, gates, CGROUP_ROOT, &guard)) < 0 ||
                        (r = watch_signals(event, guard)) < 0)
                return log_error_errno(r, "cannot start");
        if (wipe)
                guard_end(guard, "the guard is gone");
        else if ((r = guard_listen(guard, GUARD_SOCKET)) < 0)
                return log_error_errno(r, "cannot serve " GUARD_SOCKET);
        guard_settle(guard);
        r = sd_event_loop(event);
        return r < 0 ? log_error_errno(r, "the event loop failed") : r;
}

int main(int argc, char *argv[]) {
        bool wipe = false;
        sigset_t set;
        int r;

        log_open();
        r = parse_arguments(argc, argv, &wipe);
        if (r <= 0)
                return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
        (void) umask(0022);
        (void) sigemptyset(&set);
        (void) sigaddset(&set, SIGTERM);
        (void) sigaddset(&set, SIGINT);
        (void) sigprocmask(SIG_BLOCK, &set, NULL);
        harden();
        return run(wipe) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
