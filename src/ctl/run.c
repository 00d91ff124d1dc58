/* SPDX-License-Identifier: Apache-2.0 */

/*
 * leasectl run: runs a command while this machine holds a lease of its own, as flock(1) does with a file. For what is
 * no unit: a step in a script that only one machine at a time may do, a scheduler in shell.
 *
 * The lease is renewed while anything of the command lives (keeper.h, command.h), and given back when the last process
 * is gone, not before. Where it is lost, or no renewal comes through, all of it is ended in time, with the margins of
 * a unit:
 *
 *     0 ............ stop ............ kill .. | period
 *     last renewal   SIGTERM           SIGKILL | nobody else before
 *
 * What this cannot do is what leased-guard does for units: if this very process is stopped, as by SIGSTOP, or the
 * machine sleeps, nobody ends the command in time. Then only the Index protects.
 */

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

#include "core/event.h"
#include "core/timeline.h"
#include "ctl/command.h"
#include "ctl/keeper.h"
#include "ctl/machines.h"
#include "util/file-util.h"

#define PERIOD_DEFAULT (10 * USEC_PER_SEC)
#define RUN_PERIOD_MIN (2 * USEC_PER_SEC)
#define GRACE_MAX (10 * USEC_PER_SEC)
#define KILL_EVERY (20 * USEC_PER_MSEC)
#define WAIT_POLL USEC_PER_SEC
#define SILENCE (2 * USEC_PER_SEC)

typedef struct Run {
        Ctl *ctl;
        Keeper keeper;
        Command command;
        int signals, timer;
        bool stopping, lost;
        usec_t stopping_since;
        char said[256];
} Run;

/* ---- the lease ---- */

static const char *holder_of(Ctl *ctl, const char *name, char *buf, size_t size) {
        json_auto_t *lease = NULL, *machines = NULL;

        if (bus_call(ctl->bus, &bus_leased, "GetLease", &lease, NULL, "s", name) < 0 ||
                        machines_read(ctl, &machines) != CTL_OK)
                return "somebody";
        return machine_name(machines, strempty(json_string_value(json_array_get(lease, 2))), buf, size);
}

/* Whether it makes sense to ask again. */
static bool may_pass(const sd_bus_error *error) {
        return sd_bus_error_has_name(error, "org.leased1.Error.RegistryUnavailable") ||
               sd_bus_error_has_name(error, "org.leased1.Error.OutcomeUnknown") ||
               sd_bus_error_has_name(error, "org.leased1.Error.Busy");
}

static void say_waiting(Run *r, const sd_bus_error *error) {
        char holder[HOSTNAME_SHOWN], line[sizeof(r->said)];

        if (error->message)
                (void) snprintf(line, sizeof(line), "%s", error->message);
        else
                (void) snprintf(line, sizeof(line), "held by %s",
                                holder_of(r->ctl, r->keeper.name, holder, sizeof(holder)));
        if (!streq(line, r->said) && r->ctl->legend)
                complain("%s: waiting, %s", r->keeper.name, line);
        str_copy(r->said, sizeof(r->said), line);
}

static int acquire(Run *r) {
        usec_t begun = now_boottime();
        char holder[HOSTNAME_SHOWN];

        for (;;) {
                _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
                int k = keeper_acquire(&r->keeper, &error);

                if (k > 0)
                        return CTL_OK;
                if (k < 0 && (!may_pass(&error) || !r->ctl->wait))
                        return bus_complain(r->keeper.name, k, &error);
                if (!r->ctl->wait) {
                        complain("%s: held by %s", r->keeper.name,
                                        holder_of(r->ctl, r->keeper.name, holder, sizeof(holder)));
                        return CTL_NOT_HELD;
                }
                if (now_boottime() - begun >= SILENCE)
                        say_waiting(r, &error);
                /* A release is told at once; that a holder has gone silent is told by nobody. */
                k = bus_wait(r->ctl->bus, WAIT_POLL);
                if (k < 0)
                        return bus_complain(r->keeper.name, k, NULL);
        }
}

/* ---- the command ---- */

static int start(Run *r, char **argv) {
        char index[32];
        const char *const environment[] = { "LEASE_NAME", r->keeper.name, "LEASE_INDEX", index, "LEASE_MACHINE_ID",
                r->keeper.machine_id, NULL };
        int k;

        (void) snprintf(index, sizeof(index), "%" PRIu64, r->keeper.index);
        k = command_start(&r->command, argv, environment);
        if (k < 0)
                complain("cannot start %s: %s", argv[0], strerror(-k));
        return k;
}

/* The signal first: what is said is of use to people, and must not come in between. */
static void begin_stopping(Run *r, usec_t now) {
        r->stopping = true;
        r->stopping_since = now;
        command_signal_all(SIGTERM);
        if (!r->command.ended) {
                r->lost = true;
                if (r->keeper.lost)
                        complain("%s: lost, ending the command", r->keeper.name);
                else
                        complain("%s: no renewal has come through in time (%s), ending the command", r->keeper.name,
                                        *r->keeper.trouble ? r->keeper.trouble : "no answer");
        }
}

/* Ends what has to be ended. Returns when to look again. */
static usec_t step_command(Run *r) {
        usec_t now = now_boottime(), grace = MIN(r->keeper.period / 4, GRACE_MAX), until;
        usec_t kill_at = usec_sub(r->keeper.deadline, KILL_SLACK), stop_at = usec_sub(kill_at, grace);

        if (!r->stopping && (r->command.ended || r->keeper.lost || now >= stop_at))
                begin_stopping(r, now);
        if (!r->stopping)
                return stop_at;
        until = MIN(kill_at, usec_add(r->stopping_since, grace));
        if (now < until)
                return until;
        command_signal_all(SIGKILL);
        return usec_add(now, KILL_EVERY);
}

/* ---- both ---- */

/* What a terminal sends, it sends to the command as well. What others send is meant for the command, too: each of
 * these would end this process, and nobody would end the command when the lease is lost. */
static const int handled[] = { SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM,
        SIGPROF, SIGPIPE, SIGIO, SIGPWR, SIGXCPU, SIGXFSZ };

static void take_signals(Run *r) {
        struct signalfd_siginfo info;

        while (read(r->signals, &info, sizeof(info)) == sizeof(info))
                if (info.ssi_signo != SIGCHLD && info.ssi_code <= 0)
                        command_signal(&r->command, (int) info.ssi_signo);
}

static int arm(const Run *r, usec_t at) {
        struct itimerspec spec = {};

        if (at != USEC_INFINITY) {
                at = MAX(at, 1u); /* 0 would be never */
                spec.it_value = (struct timespec){ .tv_sec = (time_t) (at / USEC_PER_SEC),
                        .tv_nsec = (long) (at % USEC_PER_SEC * 1000) };
        }
        return timerfd_settime(r->timer, TFD_TIMER_ABSTIME, &spec, NULL) < 0 ? -errno : 0;
}

/* Until something has happened, or it is time; nothing but the bus can go wrong. */
static void wait_until(Run *r, usec_t at, bool *bus_lives) {
        struct pollfd fds[] = {
                { .fd = r->signals, .events = POLLIN },
                { .fd = r->timer, .events = POLLIN },
                { .fd = *bus_lives ? sd_bus_get_fd(r->ctl->bus) : -1,
                                .events = (short) (*bus_lives ? MAX(sd_bus_get_events(r->ctl->bus), 0) : 0) },
        };
        uint64_t bus_timeout = USEC_INFINITY;
        struct timespec now, timeout = {};
        int k;

        (void) arm(r, at);
        if (*bus_lives && sd_bus_get_timeout(r->ctl->bus, &bus_timeout) >= 0 && bus_timeout != USEC_INFINITY) {
                (void) clock_gettime(CLOCK_MONOTONIC, &now);
                bus_timeout = usec_sub(bus_timeout, (usec_t) now.tv_sec * USEC_PER_SEC + (usec_t) now.tv_nsec / 1000);
                timeout.tv_sec = (time_t) (bus_timeout / USEC_PER_SEC);
                timeout.tv_nsec = (long) (bus_timeout % USEC_PER_SEC * 1000);
        }
        (void) ppoll(fds, ELEMENTSOF(fds), bus_timeout == USEC_INFINITY ? NULL : &timeout, NULL);
        take_signals(r);
        while (*bus_lives && (k = sd_bus_process(r->ctl->bus, NULL)) != 0)
                if (k < 0) {
                        *bus_lives = false; /* and with it the answers: what is known of the lease stands */
                        r->keeper.call = sd_bus_slot_unref(r->keeper.call);
                        str_copy(r->keeper.trouble, sizeof(r->keeper.trouble),
                                        "the connection to the system bus has ended");
                }
}

static void supervise(Run *r) {
        bool bus_lives = true;

        for (;;) {
                usec_t at;

                command_reap(&r->command);
                if (!r->command.left)
                        return;
                at = step_command(r);
                if (bus_lives)
                        at = MIN(at, keeper_step(&r->keeper));
                wait_until(r, at, &bus_lives);
        }
}

/* ---- the verb ---- */

static int open_descriptors(Run *r) {
        sigset_t set;

        (void) sigemptyset(&set);
        for (size_t i = 0; i < ELEMENTSOF(handled); i++)
                (void) sigaddset(&set, handled[i]);
        (void) sigprocmask(SIG_BLOCK, &set, NULL);
        r->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
        r->timer = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
        if (r->signals < 0 || r->timer < 0) {
                complain("cannot run anything: %s", strerror(errno));
                return CTL_FAILED;
        }
        return CTL_OK;
}

static int run(Run *r, char **argv) {
        int code = acquire(r);

        if (code != CTL_OK)
                return code;
        code = open_descriptors(r);
        if (code == CTL_OK && start(r, argv) < 0)
                code = CTL_FAILED;
        if (code == CTL_OK) {
                supervise(r);
                code = r->lost ? CTL_NOT_HELD : r->command.code;
        }
        keeper_release(&r->keeper);
        return code;
}

int verb_run(Ctl *ctl, int argc, char **argv) {
        Run r = { .ctl = ctl, .signals = -1, .timer = -1 };
        usec_t period = ctl->period ?: PERIOD_DEFAULT;
        int code, k;

        if (period < RUN_PERIOD_MIN || period > PERIOD_MAX) {
                complain("--period=: expected is a time span from 2s to 24h, e.g. 10s");
                return CTL_USAGE;
        }
        complain_without_waiting();
        k = bus_watch_leased(ctl->bus);
        if (k < 0)
                return bus_complain(argv[0], k, NULL);
        code = keeper_begin(&r.keeper, ctl->bus, argv[0], period);
        if (code == CTL_OK)
                code = run(&r, argv + 1);
        keeper_done(&r.keeper);
        closep(&r.signals);
        closep(&r.timer);
        return code;
}
