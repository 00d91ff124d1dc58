/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/checks.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <uthash.h>

#include "daemon/bus-util.h"
#include "util/log.h"
#include "util/unit-name.h"

/* One check under way. */
typedef struct Run {
        Check *check; /* NULL: what it says counts no more */
        CheckAim aim;
        char *user; /* as whom it runs; owned; NULL: root */
} Run;

struct Check {
        Daemon *daemon;
        const UnitOptions *options; /* borrowed */
        sd_event_source *timer;
        Run *run;               /* under way; NULL: none is */
        CheckAim aim;           /* of the last result */
        int64_t passed, failed; /* so often in a row, with this aim */
        bool complained;        /* logged: it fails */
        UT_hash_handle hh;
        char name[];
};

static Check *find(Daemon *d, const char *unit) {
        Check *c;

        HASH_FIND_STR(d->checks, unit, c);
        return c;
}

static CheckAim aim_of(const Check *c) {
        UnitView v;

        return core_find_unit(c->daemon->core, loop_now(), c->name, &v) ? v.check : CHECK_AIM_NONE;
}

/* ---- what it says ---- */

static void tell(Check *c, bool good) {
        if (good && c->complained)
                log_notice("%s: its check passes again", c->name);
        else if (!good && !c->complained)
                log_warning("%s: its check has failed %" PRId64 " %s%s", c->name, c->failed,
                                c->failed == 1 ? "time" : "times in a row",
                                c->aim == CHECK_AIM_MIGHT ? ": it is not started here" : "");
        c->complained = !good;
        loop_event(c->daemon->loop, &(Event){ .kind = EVENT_CHECK, .unit = c->name, .on = good });
}

/* Before the unit runs here, the first result counts. */
static void take(Check *c, CheckAim aim, bool good) {
        const CheckOptions *o = &c->options->check;
        bool first = aim == CHECK_AIM_MIGHT && c->aim != aim;

        if (c->aim != aim)
                c->passed = c->failed = 0;
        c->aim = aim;
        c->passed = good ? c->passed + 1 : 0;
        c->failed = good ? 0 : c->failed + 1;
        if (first || (good ? c->passed >= o->rise : c->failed >= o->fall))
                tell(c, good);
}

static void run_free(Run *run) {
        if (run)
                free(run->user);
        free(run);
}

/* Ends the check that is under way; gives what it was, or NULL if it counts no more. */
static Check *end(Run *run, CheckAim *ret_aim) {
        Check *c = run->check;

        *ret_aim = run->aim;
        if (c)
                c->run = NULL;
        run_free(run);
        return c && aim_of(c) == *ret_aim ? c : NULL;
}

/* That PID 1 does not answer, or ends the check with a job of its own, says nothing about the unit. */
static void on_ended(int error, const char *text, void *userdata) {
        CheckAim aim;
        Check *c = end(userdata, &aim);
        bool good = error == 0 && streq(text, "done");

        if (c && error == 0 && (good || streq(text, "failed") || streq(text, "timeout")))
                take(c, aim, good);
}

/* ---- running it ---- */

typedef struct Command {
        const Check *check;
        const char *user;
        bool runs;
        bool makes_user; /* it is made for the command, or shared with the unit (DynamicUser=) */
} Command;

static int append_properties(sd_bus_message *m, void *userdata) {
        const Command *command = userdata;
        const CheckOptions *o = &command->check->options->check;
        char unit[UNIT_NAME_SPACE + 16];
        int r;

        (void) snprintf(unit, sizeof(unit), "LEASE_UNIT=%s", command->check->name);
        if ((r = sd_bus_message_open_container(m, 'a', "(sv)")) < 0 ||
                        (r = bus_append_description(m, "Check= of %s", command->check->name)) < 0 ||
                        (r = sd_bus_message_append(m, "(sv)(sv)(sv)", "Type", "s", "oneshot", "CollectMode", "s",
                                         "inactive-or-failed", "TimeoutStartUSec", "t", (uint64_t) o->timeout)) < 0 ||
                        (r = sd_bus_message_append(m, "(sv)(sv)", "KillSignal", "i", SIGKILL, "Environment", "as", 2,
                                         unit, command->runs ? "LEASE_CHECK=running" : "LEASE_CHECK=starting")) < 0 ||
                        (r = bus_append_exec(m, o->command)) < 0)
                return r;
        if (!isempty(command->user) && (r = sd_bus_message_append(m, "(sv)(sv)", "User", "s", command->user,
                                                        "DynamicUser", "b", command->makes_user)) < 0)
                return r;
        return sd_bus_message_close_container(m);
}

static void begin(int error, const char *text, void *userdata) {
        static uint64_t number;
        Run *run = userdata;
        Check *c = run->check;
        Command command = {
                .check = c, .user = run->user, .runs = run->aim == CHECK_AIM_RUNS, .makes_user = streq(text, "yes")
        };
        char unit[64];
        CheckAim aim;
        int r = c ? error : -ECANCELED;

        (void) snprintf(unit, sizeof(unit), "leased-check-%016" PRIx64 "-%" PRIu64 ".service", now_boottime(),
                        ++number);
        if (r >= 0)
                r = pid1_run(c->daemon->pid1, unit, usec_add(c->options->check.timeout, PID1_RUN_LATE),
                                append_properties, &command, on_ended, run);
        if (r < 0)
                (void) end(run, &aim);
}

/* A user of whom nothing is known must not become root. */
static void on_user(int error, const char *text, void *userdata) {
        Run *run = userdata;
        Check *c = run->check;
        int r = error;

        run->user = isempty(text) ? NULL : strdup(text);
        if (r >= 0 && !isempty(text) && !run->user)
                r = -ENOMEM;
        if (r >= 0 && c && run->user) {
                r = pid1_service_makes_user(c->daemon->pid1, c->name, begin, run);
                if (r >= 0)
                        return;
        }
        begin(r, "", run);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        Check *c = userdata;
        CheckAim aim = aim_of(c);

        (void) sd_event_source_set_time(source, usec_add(now_boottime(), c->options->check.interval));
        (void) sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
        if (c->run || aim == CHECK_AIM_NONE)
                return 0;
        c->run = calloc(1, sizeof(Run));
        if (!c->run)
                return 0;
        *c->run = (Run){ .check = c, .aim = aim };
        if (!endswith(c->name, ".service"))
                on_user(0, "", c->run); /* only a service has a user */
        else if (pid1_service_user(c->daemon->pid1, c->name, on_user, c->run) < 0)
                (void) end(c->run, &aim);
        return 0;
}

/* ---- the table ---- */

static void check_free(Check *c) {
        HASH_DEL(c->daemon->checks, c);
        if (c->run)
                c->run->check = NULL; /* the answer frees it */
        sd_event_source_disable_unref(c->timer);
        free(c);
}

int checks_configure(Daemon *d, const UnitOptions *options) {
        Check *c = find(d, options->unit);
        size_t n = strlen(options->unit) + 1;

        if (!options->check.command) {
                checks_forget(d, options->unit);
                return 0;
        }
        if (!c) {
                c = calloc(1, sizeof(Check) + n);
                if (!c)
                        return -ENOMEM;
                memcpy(c->name, options->unit, n);
                c->daemon = d;
                HASH_ADD_STR(d->checks, name, c);
        }
        c->options = options;
        c->aim = CHECK_AIM_NONE;
        c->timer = sd_event_source_disable_unref(c->timer);
        return sd_event_add_time(d->event, &c->timer, CLOCK_BOOTTIME, now_boottime(), USEC_PER_MSEC, on_timer, c);
}

void checks_forget(Daemon *d, const char *unit) {
        Check *c = find(d, unit);

        if (c)
                check_free(c);
}

void checks_free(Daemon *d) {
        while (d->checks) {
                run_free(d->checks->run);
                d->checks->run = NULL;
                check_free(d->checks);
        }
}
