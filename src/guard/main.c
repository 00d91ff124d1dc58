/* SPDX-License-Identifier: Apache-2.0 */

/*
 * leased-guard: the only process that opens gates (law 10), and the one that stops units when the daemon cannot. It is
 * started by leased-guard.service. With --wipe it is that service's ExecStopPost=, and finishes the work of a guard
 * that is gone. With --finish it is ExecStop= of leased-frozen@.service.
 */

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "guard/entries.h"
#include "guard/finish.h"
#include "guard/guard.h"
#include "guard/protocol.h"
#include "guard/reload.h"
#include "util/cgroup.h"
#include "util/event-log.h"
#include "util/file-util.h"
#include "util/journal.h"
#include "util/log.h"

#define DIRECTORY "/run/leased"
#define ENTRIES_SIZE_MAX ((size_t) 256 * 1024 * 1024)

typedef struct Arguments {
        bool wipe, check, finish;
        int entries, listening; /* descriptors (hand-over.h); -1: none */
        int reload;             /* the process id of the guard that is to hand over; 0: none */
} Arguments;

static void help(void) {
        printf("leased-guard [--wipe | --finish | --reload=PID]\n\n"
               "Stops leased units when their time is up. Started by leased-guard.service.\n\n"
               "     --wipe        Remove all gates, stop and kill what a dead guard has left, then\n"
               "                   exit\n"
               "     --finish      Kill what is frozen beyond its time, then exit\n"
               "     --reload=PID  Have the guard with this process id hand over to this program\n"
               "  -h --help        Show this help\n"
               "     --version     Show the version\n\n"
               "A guard that hands over calls this program with --check, --entries= and --listen=.\n");
}

/* Returns the number that the text says, or -EINVAL if the text is no number, or the number is below least. */
static int parse_number(const char *text, int least) {
        char *end;
        long n;

        errno = 0;
        n = strtol(text, &end, 10);
        return errno == 0 && *text >= '0' && *text <= '9' && *end == '\0' && n >= least && n <= INT_MAX ? (int) n
                                                                                                        : -EINVAL;
}

/* Returns 1 to go on, 0 if all that was asked for has been printed, and a negative errno for wrong arguments. */
static int parse_arguments(int argc, char *argv[], Arguments *ret) {
        enum {
                OPTION_WIPE = 0x100,
                OPTION_FINISH,
                OPTION_VERSION,
                OPTION_CHECK,
                OPTION_ENTRIES,
                OPTION_LISTEN,
                OPTION_RELOAD
        };
        static const struct option options[] = {
                { "wipe", no_argument, NULL, OPTION_WIPE },
                { "finish", no_argument, NULL, OPTION_FINISH },
                { "check", no_argument, NULL, OPTION_CHECK },
                { "entries", required_argument, NULL, OPTION_ENTRIES },
                { "listen", required_argument, NULL, OPTION_LISTEN },
                { "reload", required_argument, NULL, OPTION_RELOAD },
                { "help", no_argument, NULL, 'h' },
                { "version", no_argument, NULL, OPTION_VERSION },
                {},
        };

        for (int c; (c = getopt_long(argc, argv, "h", options, NULL)) >= 0;)
                switch (c) {
                case OPTION_WIPE:
                        ret->wipe = true;
                        break;
                case OPTION_FINISH:
                        ret->finish = true;
                        break;
                case OPTION_CHECK:
                        ret->check = true;
                        break;
                case OPTION_ENTRIES:
                        ret->entries = parse_number(optarg, 3);
                        break;
                case OPTION_LISTEN:
                        ret->listening = parse_number(optarg, 3);
                        break;
                case OPTION_RELOAD:
                        ret->reload = parse_number(optarg, 1);
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
        if (optind < argc || ret->entries == -EINVAL || ret->listening == -EINVAL || ret->reload == -EINVAL ||
                        (ret->entries >= 0) != (ret->check || ret->listening >= 0)) {
                log_error("wrong arguments, see leased-guard --help");
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

/* The path by which this program was executed. When a hand-over is asked for, the program that is then installed at
 * this path takes over. */
static const char *own_program;

static int on_reload(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata) {
        guard_hand_over(userdata, own_program);
        return 0;
}

static int watch_signals(sd_event *event, Guard *guard) {
        int r = sd_event_add_signal(event, NULL, SIGTERM, on_signal, guard);

        if (r >= 0)
                r = sd_event_add_signal(event, NULL, SIGINT, on_signal, guard);
        return r < 0 ? r : sd_event_add_signal(event, NULL, SIGHUP, on_reload, guard);
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
 * have been booted since, or the sandbox changed by a drop-in, also by one for all services (service.d). A guard that
 * could not kill does not serve, and its machine runs no leased unit. */
static int refuse_if_unfit(void) {
        const char *why = NULL;
        static const char *const reasons[] = {
                [CGROUPS_NOT_UNIFIED] = "the control groups of this machine are not the unified ones (cgroup v2)",
                [CGROUPS_NOT_OURS] = "this container has no cgroup namespace of its own",
                [CGROUPS_CANNOT_BE_KILLED] = "this kernel has no cgroup.kill (Linux 5.14 has)",
                [CGROUPS_UNREADABLE] = "the control group of PID 1 (/proc/1/cgroup) cannot be read",
                [CGROUPS_READ_ONLY] = "the control groups are read-only for the guard (ProtectControlGroups= in a "
                                      "drop-in?)",
        };
        int unfit = cgroup_unfit();

        if (unfit > 0)
                why = reasons[unfit];
        else if (geteuid() != 0)
                why = "the guard does not run as root (User= or DynamicUser= in a drop-in?)";
        if (!why)
                return 0;
        log_alert("%s: units could not be found and killed in time, so no leased unit runs on this machine", why);
        return -EOPNOTSUPP;
}

/* Reads what a guard has handed on, and closes the descriptor. *ret is owned by the caller. Returns 0 or a negative
 * errno, which is logged. */
static int read_entries(int fd, char **ret, size_t *ret_size) {
        int r = read_fd(fd, ENTRIES_SIZE_MAX, ret, ret_size);

        (void) close(fd);
        return r < 0 ? log_error_errno(r, "cannot read the entries") : 0;
}

/* Returns 0 if this program can take the place of the guard that has these entries, and a negative errno, which is
 * logged, if it cannot. */
static int check(const Arguments *a) {
        _cleanup_free_ char *text = NULL;
        size_t size;
        int r = read_entries(a->entries, &text, &size);

        if (r < 0)
                return r;
        r = entries_decode(text, size, NULL, NULL);
        if (r < 0)
                return log_error_errno(r, "this version (" LEASED_VERSION ") cannot read the guard's entries");
        return refuse_if_unfit();
}

/* Serves in the place of the guard that has executed this program. */
static int take_over(Guard *guard, const Arguments *a) {
        _cleanup_free_ char *text = NULL;
        size_t size;
        int r = read_entries(a->entries, &text, &size);

        if (r < 0)
                return r;
        r = guard_take_over(guard, GUARD_SOCKET, text, size, a->listening);
        return r < 0 ? log_error_errno(r, "cannot take the place of the guard before") : 0;
}

/* Begins as the first guard, or as one that comes after a guard that is gone. wipe: only to end what that guard has
 * left. */
static int begin(Guard *guard, bool wipe) {
        int r = guard_take_up_marks(guard);

        if (r < 0)
                return log_error_errno(r, "cannot read the marks of the guard before");
        if (wipe)
                guard_end(guard, "the guard is gone");
        else if ((r = guard_listen(guard, GUARD_SOCKET)) < 0)
                return log_error_errno(r, "cannot serve " GUARD_SOCKET);
        return 0;
}

/* Time between two tries to send what journald did not take. */
#define JOURNAL_AGAIN (100 * USEC_PER_MSEC)

/* Returns the exit code, or a negative errno. */
static int loop(sd_event *event) {
        int r = 0, code;

        while (r >= 0 && sd_event_get_state(event) != SD_EVENT_FINISHED)
                r = sd_event_run(event, journal_flush() ? JOURNAL_AGAIN : UINT64_MAX);
        (void) journal_flush();
        if (r >= 0 && (r = sd_event_get_exit_code(event, &code)) >= 0)
                r = code;
        return r < 0 ? log_error_errno(r, "the event loop failed") : r;
}

static int run(const Arguments *a) {
        _cleanup_(gates_freep) Gates *gates = NULL;
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        _cleanup_(guard_freep) Guard *guard = NULL;
        bool follows = a->entries >= 0;
        int r;

        if (!a->wipe && refuse_if_unfit() < 0)
                return -EOPNOTSUPP;
        if (another_is_at_work())
                return log_error_errno(EBUSY, "another guard is at work");
        r = gates_new(DIRECTORY, &gates);
        if (r < 0)
                return log_error_errno(r, "cannot use " DIRECTORY);
        event_log(0, "begin%s", follows ? " follows" : a->wipe ? " wipe" : "");
        r = follows ? 0 : gates_wipe(gates);
        if (r < 0 && !a->wipe)
                return log_error_errno(r, "cannot remove old gates");
        if ((r = sd_event_default(&event)) < 0 || (r = guard_new(event, gates, CGROUP_ROOT, &guard)) < 0 ||
                        (r = watch_signals(event, guard)) < 0)
                return log_error_errno(r, "cannot start");
        r = follows ? take_over(guard, a) : begin(guard, a->wipe);
        if (r < 0)
                return r;
        guard_settle(guard);
        if (follows)
                guard_taken_over();
        return loop(event);
}

/* Returns 0, or a negative errno, which is logged. */
static int finish(void) {
        _cleanup_(gates_freep) Gates *gates = NULL;
        _cleanup_(groups_freep) Groups *groups = NULL;
        int r = gates_new(DIRECTORY, &gates);

        if (r >= 0)
                r = groups_new(CGROUP_ROOT, &groups);
        if (r >= 0)
                r = finish_frozen(gates, groups);
        return r < 0 ? log_error_errno(r, "cannot kill what is frozen beyond its time") : 0;
}

static void block_signals(void) {
        sigset_t set;

        (void) sigemptyset(&set);
        (void) sigaddset(&set, SIGTERM);
        (void) sigaddset(&set, SIGINT);
        (void) sigaddset(&set, SIGHUP);
        (void) sigaddset(&set, SIGCHLD); /* sd-event waits for the child that checks a program */
        (void) sigprocmask(SIG_BLOCK, &set, NULL);
}

int main(int argc, char *argv[]) {
        Arguments a = { .entries = -1, .listening = -1 };
        int r;

        log_open();
        r = parse_arguments(argc, argv, &a);
        if (r <= 0)
                return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
        (void) umask(0022);
        if (a.check)
                return check(&a) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
        if (a.reload > 0)
                return reload_guard(a.reload) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
        event_log_open();
        if (a.finish)
                return finish() == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
        block_signals();
        own_program = argv[0];
        harden();
        return run(&a) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
