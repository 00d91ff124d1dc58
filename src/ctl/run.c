/* SPDX-License-Identifier: Apache-2.0 */

/*
 * leasectl run: runs a command while this machine holds a lease of its own, as flock(1) does with a file. It is for
 * what has no unit file: a step in a script that only one machine at a time may do, a scheduler in shell.
 *
 * The command runs in a transient unit, behind the same gate and under the same guard as any leased unit. So it is
 * gone before another machine can have the lease, whatever becomes of this process, of leased or of both. leased has
 * PID 1 start the unit (RunCommand), and in it leased-run executes the command. This process has one end of a socket
 * to leased-run: it says what to run, passes on signals and what is typed, and hears how the command ended. When this
 * process ends, the command is ended, too. Nothing begins before this process has answered the READY of leased-run.
 */

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <sys/socket.h>

#include "core/event.h"
#include "ctl/machines.h"
#include "ctl/outside.h"
#include "ctl/polkit-agent.h"
#include "ctl/run-fleet.h"
#include "ctl/run-job.h"
#include "ctl/run-terminal.h"
#include "ctl/say.h"
#include "run/protocol.h"
#include "util/file-util.h"
#include "util/shell-word.h"

#define SAY_EVERY USEC_PER_SEC
#define SILENCE (2 * USEC_PER_SEC)
#define LEASED_AWAY (30 * USEC_PER_SEC) /* it is being restarted, as for an upgrade */
#define LOOK_EVERY (100 * USEC_PER_MSEC)
/* How long the lease may take to be given back. PID 1 needs up to ten seconds to end what the command has left
 * behind. */
#define GIVE_BACK (20 * USEC_PER_SEC)
#define LOST (2 * USEC_PER_SEC) /* what is lost may not be ours to give back */

typedef struct Run {
        Ctl *ctl;
        const char *lease;
        RunCommand command;
        int socket, signals;
        sd_bus_slot *call; /* RunCommand, while it is not answered */
        int failure;       /* ... or how it failed: a negative errno, */
        sd_bus_error error;
        char unit[256]; /* "": not known yet */
        RunFleet fleet;
        bool begun;    /* leased-run has been told what to run */
        bool stopping; /* systemd ends the unit */
        bool ended, over;
        int code; /* how the command ended */
        bool pty;
        RunTerminal terminal;
        usec_t since;
        char said[256];
} Run;

/* ---- the lease ---- */

static int on_answer(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Run *r = userdata;
        const char *unit;

        r->call = sd_bus_slot_unref(r->call);
        if (sd_bus_message_is_method_error(m, NULL)) {
                (void) sd_bus_error_copy(&r->error, sd_bus_message_get_error(m));
                r->failure = -sd_bus_message_get_errno(m);
        } else if (sd_bus_message_read(m, "st", &unit, NULL) >= 0)
                str_copy(r->unit, sizeof(r->unit), unit);
        else
                r->failure = -EBADMSG;
        return 0;
}

/* Asks leased to run the command, with a new pair of sockets for each try: a leased-run of an earlier try finds its
 * socket closed, and ends. */
static int ask(Run *r) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int pair[2], k;

        closep(&r->socket);
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
                r->socket = -1;
                return -errno;
        }
        r->socket = pair[0];
        r->failure = 0;
        sd_bus_error_free(&r->error);
        polkit_agent_open(r->ctl);
        k = sd_bus_message_new_method_call(r->ctl->bus, &m, LEASED_NAME, LEASED_PATH, LEASED_MANAGER,
                        r->ctl->run_slots > 0 ? "RunCommandInSlots" : "RunCommand");
        if (k >= 0)
                k = sd_bus_message_append(m, "s", r->lease);
        if (k >= 0 && r->ctl->run_slots > 0)
                k = sd_bus_message_append(m, "u", r->ctl->run_slots);
        if (k >= 0)
                k = sd_bus_message_append(m, "bh", (int) r->ctl->wait, pair[1]);
        if (k >= 0)
                k = sd_bus_call_async(r->ctl->bus, &r->call, m, on_answer, r, UINT64_MAX);
        (void) close(pair[1]);
        return k;
}

static const char *say_slots(const Run *r, char *buf, size_t size) {
        unsigned n = r->ctl->run_slots;

        (void) snprintf(buf, size, n == 1 ? "its only slot is held" : "all %u slots are held", n);
        return buf;
}

/* Writes why the command does not begin: what leased says of this machine, or who holds the lease. */
static void why_waiting(Run *r, char *line, size_t size) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        json_auto_t *lease = NULL, *machines = NULL, *manager = NULL;
        char holder[HOSTNAME_SHOWN];

        if (machines_read_all(r->ctl, &machines, &manager) == CTL_OK && *get_string(manager, "WhyNot"))
                str_copy(line, size, get_string(manager, "WhyNot"));
        else if (r->ctl->run_slots > 0)
                say_slots(r, line, size);
        else if (bus_call(r->ctl->bus, &bus_leased, "GetLease", &lease, &error, "s", r->lease) < 0)
                str_copy(line, size, strempty(error.message));
        else if (json_is_true(json_array_get(lease, 0)))
                (void) snprintf(line, size, "held by %s",
                                machine_name(machines, strempty(json_string_value(json_array_get(lease, 2))), holder,
                                                sizeof(holder)));
        else
                str_copy(line, size, "asking for it");
}

static void say_waiting(Run *r) {
        char line[sizeof(r->said)] = "";

        why_waiting(r, line, sizeof(line));
        if (*line && !streq(line, r->said) && r->ctl->legend)
                complain("%s: waiting, %s", r->lease, line);
        str_copy(r->said, sizeof(r->said), line);
}

/* Whether leased, or its connection to the bus, went away while we waited and may be back soon. */
static bool is_away(const Run *r) {
        return r->ctl->wait && now_boottime() < usec_add(r->since, LEASED_AWAY) &&
               (sd_bus_error_has_name(&r->error, SD_BUS_ERROR_NO_REPLY) ||
                               sd_bus_error_has_name(&r->error, SD_BUS_ERROR_SERVICE_UNKNOWN) ||
                               sd_bus_error_has_name(&r->error, SD_BUS_ERROR_NAME_HAS_NO_OWNER));
}

static int complain_of_failure(Run *r) {
        json_auto_t *lease = NULL, *machines = NULL;
        char holder[HOSTNAME_SHOWN], slots[64];

        if (!sd_bus_error_has_name(&r->error, "org.leased1.Error.LeaseHeld"))
                return bus_complain(r->lease, r->failure, &r->error);
        if (r->ctl->run_slots > 0)
                complain("%s: %s", r->lease, say_slots(r, slots, sizeof(slots)));
        else if (bus_call(r->ctl->bus, &bus_leased, "GetLease", &lease, NULL, "s", r->lease) < 0 ||
                        machines_read(r->ctl, &machines) != CTL_OK)
                complain("%s: held by somebody", r->lease);
        else
                complain("%s: held by %s", r->lease,
                                machine_name(machines, strempty(json_string_value(json_array_get(lease, 2))), holder,
                                                sizeof(holder)));
        return CTL_NOT_HELD;
}

/* Whether leased-run has said something. The end of the socket does not count: the answer of leased then says why.
 */
static bool has_word(const Run *r, int timeout) {
        struct pollfd fd = { .fd = r->socket, .events = POLLIN };
        RunMessage m;

        return poll(&fd, 1, timeout) > 0 && recv(r->socket, &m, sizeof(m), MSG_PEEK | MSG_DONTWAIT) > 0;
}

/* Waits until leased-run reports. Meanwhile a signal ends this program as it ends any other, and leased drops the
 * request. */
static int wait_for_lease(Run *r) {
        usec_t begun = now_boottime();
        int k = ask(r);

        r->since = begun;
        while (k >= 0 && !has_word(r, 0)) {
                if (r->failure < 0 && !is_away(r))
                        return complain_of_failure(r);
                if (r->failure < 0) {
                        k = bus_wait(r->ctl->bus, SAY_EVERY / 2);
                        k = k < 0 ? k : ask(r);
                        continue;
                }
                if (*r->unit) { /* PID 1 has been asked to start it */
                        (void) has_word(r, -1);
                        break;
                }
                k = bus_wait(r->ctl->bus, SAY_EVERY);
                if (r->call)
                        r->since = now_boottime();
                if (r->call && now_boottime() - begun >= SILENCE)
                        say_waiting(r);
        }
        return k < 0 ? bus_complain(r->lease, k, NULL) : CTL_OK;
}

/* ---- the command ---- */

/* The signals that are passed on to the command. SIGKILL and SIGSTOP cannot be: they strike only this process. */
static const int handled[] = { SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF, SIGIO,
        SIGPWR, SIGXCPU, SIGXFSZ, SIGWINCH };

static int open_signals(Run *r) {
        sigset_t set;

        (void) sigemptyset(&set);
        for (size_t i = 0; i < ELEMENTSOF(handled); i++)
                (void) sigaddset(&set, handled[i]);
        (void) sigprocmask(SIG_BLOCK, &set, NULL);
        (void) signal(SIGPIPE, SIG_IGN);
        r->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
        return r->signals < 0 ? -errno : 0;
}

static void take_signals(Run *r) {
        struct signalfd_siginfo info;

        while (read(r->signals, &info, sizeof(info)) == sizeof(info))
                if (info.ssi_signo != SIGWINCH)
                        run_job_signal(r->socket, (int) info.ssi_signo);
                else if (r->pty)
                        run_terminal_resize(&r->terminal);
}

static int begin(Run *r) {
        int fds[] = { STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO };
        _cleanup_close_ int slave = -1;
        int k = 0;

        if (r->pty) {
                k = run_terminal_open(&r->terminal, &slave);
                fds[0] = fds[1] = fds[2] = slave;
        }
        if (k >= 0)
                k = open_signals(r);
        if (k >= 0)
                k = run_job_send(r->socket, &r->command, fds, r->pty);
        if (k == -EPIPE) { /* leased-run was ended after its READY; what it has said since is still to be read */
                r->stopping = true;
                return 0;
        }
        if (k >= 0 && r->pty)
                run_terminal_take(&r->terminal);
        r->begun = k >= 0;
        return k;
}

static void complain_of_step(const Run *r, const RunMessage *m) {
        switch (m->step) {
        case RUN_STEP_DIRECTORY:
                complain("cannot go to the working directory: %s", strerror(m->value));
                break;
        case RUN_STEP_EXECUTE:
                complain("cannot execute %s: %s", r->command.arguments[0], strerror(m->value));
                break;
        default:
                complain("cannot run %s: %s", r->command.arguments[0], strerror(m->value));
        }
}

static int take_word(Run *r) {
        RunMessage m = {};
        ssize_t n = recv(r->socket, &m, sizeof(m), MSG_DONTWAIT);

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return 0;
        if (n != sizeof(m) || m.version != RUN_PROTOCOL) {
                r->over = true;
                return 0;
        }
        if (m.word == RUN_READY && !r->begun && !r->fleet.on)
                return begin(r);
        if (m.word == RUN_READY && !r->begun)
                run_fleet_want(&r->fleet, r->socket, r->unit);
        if (m.word == RUN_STOPPING)
                r->stopping = true;
        if (m.word == RUN_FAILED) {
                run_terminal_give_back(&r->terminal);
                complain_of_step(r, &m);
                r->ended = true;
                r->code = CTL_FAILED; /* unless the exit code of the command follows */
        }
        if (m.word == RUN_ENDED) {
                r->ended = r->over = true;
                r->code = m.value;
        }
        return 0;
}

/* Keeps the lease in fleet's registry. The command begins when it is held, and the guard knows until when. */
static int step_fleet(Run *r) {
        run_fleet_step(&r->fleet);
        if (r->fleet.failure) {
                r->over = r->ended = true;
                r->code = r->fleet.failure;
                closep(&r->socket); /* leased-run ends */
        }
        return r->fleet.limited && !r->begun ? begin(r) : 0;
}

static int supervise(Run *r) {
        enum { OWN = 3 };
        int k = step_fleet(r);

        while (k >= 0 && !r->over) {
                struct pollfd fds[OWN + RUN_TERMINAL_FDS] = {
                        { .fd = r->socket, .events = POLLIN },
                        { .fd = r->signals, .events = POLLIN },
                        { .fd = r->fleet.asked ? sd_bus_get_fd(r->ctl->bus) : -1, .events = POLLIN },
                };
                bool with_terminal = r->pty && r->begun;

                if (with_terminal)
                        run_terminal_prepare(&r->terminal, fds + OWN);
                if (poll(fds, OWN + (with_terminal ? RUN_TERMINAL_FDS : 0), run_fleet_timeout(&r->fleet)) < 0)
                        continue;
                if (r->signals >= 0)
                        take_signals(r);
                k = step_fleet(r);
                if (k < 0)
                        break;
                if (with_terminal)
                        run_terminal_forward(&r->terminal, fds + OWN);
                if (fds[0].revents)
                        k = take_word(r);
                if (with_terminal && r->terminal.gone)
                        return -EPIPE; /* we end, and the command with us */
        }
        if (r->pty && r->begun)
                run_terminal_drain(&r->terminal);
        run_terminal_give_back(&r->terminal);
        return k;
}

/* ---- the end ---- */

/* Whether the lease has been given back: leased forgets the unit when nothing is left of it and the lease has been
 * given back. */
static bool is_given_back(Run *r) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;

        return bus_call(r->ctl->bus, &bus_leased, "GetUnit", NULL, &error, "s", r->unit) < 0 &&
               !sd_bus_error_has_name(&error, SD_BUS_ERROR_NO_REPLY);
}

/* Returns whether nothing is left of the command, as far as this is known. */
static bool wait_for_end(Run *r) {
        usec_t until = usec_add(now_boottime(), r->stopping ? LOST : GIVE_BACK);
        struct pollfd fd = { .fd = r->signals, .events = POLLIN };

        while (*r->unit && !is_given_back(r)) {
                if (now_boottime() >= until) {
                        complain("%s: not given back yet: leased does so when nothing is left of the command, and "
                                 "the registry answers",
                                        r->lease);
                        return false;
                }
                if (bus_wait(r->ctl->bus, LOOK_EVERY) < 0 || poll(&fd, 1, 0) > 0)
                        return false;
                run_fleet_step(&r->fleet);
        }
        return true;
}

/* Gives the exit code. Complains if somebody else ended the command: systemd is ending its unit, or leased-run never
 * told how the command ended. In the second case systemd has ended leased-run, perhaps before leased-run could tell
 * anything. */
static int code_of(const Run *r) {
        if (r->ended && !r->stopping)
                return r->code;
        complain("%s: the command was ended, for the lease could not be kept, or somebody has stopped it; "
                 "see: journalctl -u %s",
                        r->lease, *r->unit ? SHELL_WORD(r->unit) : "leased");
        return CTL_NOT_HELD;
}

static int run(Run *r) {
        int code = wait_for_lease(r), k;

        if (code == CTL_OK) /* leased, which may have been away before, is there now */
                code = run_fleet_open(&r->fleet, r->ctl, r->lease, true);
        if (code != CTL_OK)
                return code;
        k = supervise(r);
        /* The answer tells the name of the unit, and may come after the unit's first word. */
        while (r->call && bus_wait(r->ctl->bus, SAY_EVERY) >= 0)
                ;
        if (k == -EPIPE)
                return CTL_FAILED;
        if (k < 0) {
                complain("cannot run anything: %s", strerror(-k));
                return CTL_FAILED;
        }
        code = code_of(r);
        run_fleet_done(&r->fleet, wait_for_end(r));
        return code;
}

/* Whether the command gets a terminal of its own. It does if this process has one, so that Ctrl-C, editors and
 * shells work as ever. */
static bool wants_terminal(const Ctl *ctl) {
        return ctl->run_pty != ctl->run_pipe ? ctl->run_pty
                                             : isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && isatty(STDERR_FILENO);
}

int verb_run(Ctl *ctl, int argc, char **argv) {
        int first = streq(argv[1], "--") ? 2 : 1, code;
        Run r = {
                .ctl = ctl,
                .lease = argv[0],
                .command = { argv + first, ctl->run_settings, ctl->run_directory },
                .socket = -1,
                .signals = -1,
                .pty = wants_terminal(ctl),
                .terminal = { .master = -1 },
        };

        if (first >= argc) {
                complain("usage: leasectl run LEASE COMMAND...");
                return CTL_USAGE;
        }
        code = outside_refuse_run(ctl, argv + first);
        if (code != CTL_OK)
                return code;
        complain_without_waiting();
        code = bus_watch_leased(ctl->bus);
        if (code < 0)
                code = bus_complain(argv[0], code, NULL);
        else if ((code = run_fleet_open(&r.fleet, ctl, argv[0], false)) == CTL_OK)
                code = run(&r);
        run_fleet_done(&r.fleet, false);
        run_terminal_give_back(&r.terminal);
        sd_bus_slot_unref(r.call);
        sd_bus_error_free(&r.error);
        closep(&r.terminal.master);
        closep(&r.socket);
        closep(&r.signals);
        return code;
}
