/* SPDX-License-Identifier: Apache-2.0 */

/*
 * leasectl stop, start and restart: of a unit, by systemd on the machine that holds the unit's lease; the lease stays
 * there. Also what release, transfer, steal and rearm have in common with them.
 *
 * leased asks the holder, and answers when the holder has begun or has refused. Until then Ctrl-C takes the request
 * back. What has become of the unit is seen in what its holder tells of it, about a round later.
 */

#include "ctl/ask.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "ctl/bus-many.h"
#include "ctl/bus.h"
#include "ctl/interrupt.h"
#include "ctl/leases.h"
#include "ctl/message-json.h"
#include "ctl/polkit-agent.h"
#include "ctl/progress.h"
#include "ctl/wait.h"
#include "util/shell-word.h"

/* ---- the units of a command ---- */

static bool is_named_before(const Asked *units, size_t n, const char *unit) {
        for (size_t i = 0; i < n; i++)
                if (streq(units[i].unit, unit))
                        return true;
        return false;
}

int asked_new(Ctl *ctl, size_t n, char *const *typed, Asked **ret, size_t *ret_n) {
        Asked *units = calloc(n, sizeof(Asked));
        int r = bus_watch_leased(ctl->bus);
        size_t have = 0;

        for (size_t i = 0; i < n && units && r >= 0; i++) {
                char *unit = unit_name_resolve(ctl, typed[i]);

                if (!unit)
                        r = -ENOMEM;
                else if (is_named_before(units, have, unit))
                        free(unit);
                else
                        units[have++].unit = unit;
        }
        *ret = units;
        *ret_n = have;
        return r < 0 || !units ? bus_complain("leased", r < 0 ? r : -ENOMEM, NULL) : CTL_OK;
}

void asked_free(Asked *units, size_t n) {
        for (size_t i = 0; units && i < n; i++) {
                where_done(&units[i].before);
                json_decref(units[i].answer);
                sd_bus_error_free(&units[i].error);
                free(units[i].unit);
        }
        free(units);
}

bool ask_any_begun(size_t n, const Asked *units) {
        for (size_t i = 0; i < n; i++)
                if (units[i].begun)
                        return true;
        return false;
}

int ask_code(size_t n, const Asked *units) {
        int code = CTL_OK;

        for (size_t i = 0; i < n; i++)
                if (units[i].code != CTL_OK)
                        code = units[i].code;
        return code;
}

/* ---- until it has begun ---- */

typedef struct Asking {
        Ctl *ctl;
        const char *verb, *machine_id;
        Asked *units;
        size_t *numbers, n; /* of those that leased is asked about */
        size_t answered, told;
        bool withdrawn; /* leased was told to forget what has not begun */
        Progress progress;
        Bar bar;
} Asking;

static int make_call(size_t i, sd_bus_message **ret, void *userdata) {
        const Asking *a = userdata;
        const char *unit = a->units[a->numbers[i]].unit;
        bool steals = streq(a->verb, "steal");
        int r = sd_bus_message_new_method_call(a->ctl->bus, ret, bus_leased.name, bus_leased.path,
                        bus_leased.interface, steals ? "StealUnit" : "AskUnit");

        if (r < 0)
                return r;
        return steals ? sd_bus_message_append(*ret, "s", unit)
                      : sd_bus_message_append(*ret, "sss", unit, a->verb, a->machine_id);
}

/* Of a unit that nobody holds since it has failed, says where, and how it starts again. */
void ask_tell(Asked *u) {
        const char *failed = where_failed(&u->before);

        if (*failed && sd_bus_error_has_name(&u->error, LEASED_ERROR("NotHolder"))) {
                complain("%s: has failed on %s; when it is repaired, there: leasectl steal %s", u->unit, failed,
                                SHELL_WORD(u->unit));
                u->code = CTL_NOT_HELD;
        } else
                u->code = bus_complain(u->unit, -sd_bus_error_get_errno(&u->error), &u->error);
}

/* Prints why a unit was refused, unless the answer about one before it has not come yet. */
static void tell_refusals(Asking *a) {
        for (; a->told < a->n && a->units[a->numbers[a->told]].answered; a->told++) {
                Asked *u = a->units + a->numbers[a->told];

                if (!u->begun && !(u->patient && sd_bus_error_has_name(&u->error, LEASED_ERROR("Unfit"))))
                        ask_tell(u);
        }
}

static void take_answer(size_t i, sd_bus_message *answer, const sd_bus_error *error, void *userdata) {
        Asking *a = userdata;
        Asked *u = a->units + a->numbers[i];

        u->answered = true;
        u->begun = !error;
        sd_bus_error_free(&u->error);
        if (error)
                (void) sd_bus_error_copy(&u->error, error);
        else
                (void) message_json_body(answer, &u->answer);
        a->answered++;
        tell_refusals(a);
}

/* Shows what is waited for. If the registry has no trouble, and leased may be waiting for a password of the caller,
 * nothing is shown. */
static void show(Asking *a) {
        const Asked *only = a->units + a->numbers[0];
        const char *host = where_holder(&only->before);
        json_auto_t *manager = NULL;
        bool trouble, quiet = geteuid() != 0;
        char text[HOSTNAME_SHOWN + 64];

        if (bus_get_manager(a->ctl->bus, &manager, NULL) < 0)
                return;
        trouble = streq(get_string(manager, "RegistryState"), "trouble");
        if (quiet && !trouble)
                return;
        if (a->n > 1 || !*host || trouble)
                bar_show(&a->bar, a->n - a->answered, trouble ? get_string(manager, "RegistryError") : "");
        else {
                (void) snprintf(text, sizeof(text), "%s is asked, and has not answered yet", host);
                progress_say(&a->progress, text);
        }
}

/* After Ctrl-C, has leased take back what has not begun. */
static void on_idle(void *userdata) {
        Asking *a = userdata;

        if (interrupt_came() && !a->withdrawn) {
                a->withdrawn = true;
                bus_withdraw(a->ctl->bus);
        }
        show(a);
}

/* Says which units go on, and ends: of the others it has been said that nothing has begun. */
static _Noreturn void leave(const Asking *a) {
        for (size_t i = 0; i < a->n; i++)
                if (a->units[a->numbers[i]].begun)
                        complain("%s: could not be taken back any more: it has begun, and goes on",
                                        a->units[a->numbers[i]].unit);
        interrupt_leave();
}

static int ask(Asking *a) {
        const BusMany calls = { .make = make_call,
                .take = take_answer,
                .userdata = a,
                .timeout = USEC_INFINITY,
                .one_by_one = geteuid() != 0, /* a caller who needs a password is asked for it only once */
                .idle = on_idle };
        const char *only = a->units[a->numbers[0]].unit;
        int r;

        a->progress = progress_begin(only);
        a->bar = bar_begin(a->n == 1 ? only : a->verb);
        polkit_agent_open(a->ctl);
        interrupt_catch();
        r = bus_call_many(a->ctl->bus, a->n, &calls);
        interrupt_release();
        progress_end(&a->progress);
        bar_end(&a->bar);
        if (interrupt_came())
                leave(a);
        return r < 0 ? bus_complain(a->verb, r, NULL) : CTL_OK;
}

int ask_all(Ctl *ctl, const char *verb, const char *machine_id, size_t n, Asked *units) {
        _cleanup_free_ size_t *numbers = calloc(n, sizeof(size_t));
        Asking a = { .ctl = ctl, .verb = verb, .machine_id = machine_id, .units = units, .numbers = numbers };

        if (!numbers)
                return ctl_fail("%s: out of memory", verb);
        for (size_t i = 0; i < n; i++)
                if (units[i].wanted)
                        numbers[a.n++] = i;
        return a.n > 0 ? ask(&a) : CTL_OK;
}

/* ---- what comes to nothing ---- */

/* How long the unit has been as nobody wanted, after its machine had begun. What the machine tells may be a round old,
 * and is passed through on the way, so only what lasts for two TTLs counts. */
typedef struct Vain {
        usec_t since; /* 0: it is not so */
        usec_t limit;
} Vain;

static int vain_begin(Ctl *ctl, Vain *ret) {
        json_auto_t *manager = NULL;
        int r = bus_get_manager(ctl->bus, &manager, NULL);

        *ret = (Vain){ .limit = 2 * (usec_t) get_integer(manager, "TTLUSec") };
        return r;
}

/* now: whether the unit is so now. Returns whether it has been so for too long. */
static bool vain_note(Vain *v, bool now) {
        usec_t at = now_boottime();

        if (!now)
                v->since = 0;
        else if (v->since == 0)
                v->since = at;
        return now && at - v->since >= v->limit;
}

/* ---- release, transfer, rearm: until it is done ---- */

/* Looks whether the holder runs the unit anew, though it had begun to let go of it: as when leased was restarted there
 * meanwhile, which leaves the lease and starts the unit again. Returns an exit code. */
static int look_for_anew(Ctl *ctl, const Asked *a, Vain *v, bool *ret) {
        Where now = {};
        int code = where_look(ctl, a->unit, where_machine_id(&a->before), &now);

        *ret = vain_note(v, streq(where_active(&now), "active") && where_since(&now) != where_since(&a->before));
        where_done(&now);
        return code;
}

/* Looks whether the job of the unit is not done any more: whoever was asked has written that, and nobody need take the
 * lease then, as in a pause. Returns an exit code. */
static int look_for_rearmed(Ctl *ctl, const Asked *a, bool *ret) {
        Where now = {};
        int code = where_look(ctl, a->unit, where_machine_id(&a->before), &now);

        *ret = !streq(where_state(&now), "done");
        where_done(&now);
        return code;
}

/* *ret: the properties as of org.leased1.Unit. */
static int wait_for_lease(Ctl *ctl, const Asked *a, bool rearms, const char *done, json_t **ret, char **ret_host) {
        Progress progress = progress_begin(a->unit);
        _cleanup_free_ char *path = NULL;
        Vain vain;
        int r = sd_bus_path_encode(LEASED_LEASE_PATH, where_lease(&a->before), &path), code = CTL_OK;

        if (r >= 0)
                r = vain_begin(ctl, &vain);
        while (r >= 0) {
                _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
                json_auto_t *lease = NULL;
                bool known, held, over, kept = false;

                r = bus_get_lease(ctl->bus, path, &lease, &error);
                if (r < 0)
                        break;
                known = get_boolean(lease, "Known");
                held = *get_string(lease, "MachineID");
                over = known && (get_integer(lease, "Index") != where_index(&a->before) || held == rearms);
                if (known && rearms && !over)
                        code = look_for_rearmed(ctl, a, &over);
                if (over) {
                        *ret = json_pack("{s:b, s:O, s:O}", "HolderKnown", true, "MachineID",
                                        json_object_get(lease, "MachineID"), "LeaseIndex",
                                        json_object_get(lease, "Index"));
                        *ret_host = strdup(get_string(lease, "Hostname"));
                        break;
                }
                if (known && !rearms)
                        code = look_for_anew(ctl, a, &vain, &kept);
                if (kept)
                        code = ctl_fail("%s: was not %s: %s has started it again, as it does when leased is restarted",
                                        a->unit, done, a->before.name);
                if (code != CTL_OK)
                        break;
                progress_say(&progress, !known   ? "its holder is not known now"
                                        : rearms ? "it is rearmed"
                                                 : "its holder lets go of it");
                r = bus_wait(ctl->bus, PROGRESS_POLL);
        }
        progress_end(&progress);
        return r < 0 ? bus_complain(a->unit, r, NULL) : code;
}

int ask_await_lease(Ctl *ctl, const Asked *a, bool rearms, const char *done, const json_t *target) {
        _cleanup_free_ char *host = NULL;
        json_auto_t *now = NULL;
        int code = wait_for_lease(ctl, a, rearms, done, &now, &host);

        if (code != CTL_OK)
                return code;
        wait_say_holder(a->unit, done, now, strempty(host));
        if (target && !streq(get_string(now, "MachineID"), get_string(target, "machine_id")))
                return ctl_fail("%s: was not handed to %s, see: leasectl history %s", a->unit,
                                get_string(target, "hostname"), SHELL_WORD(a->unit));
        return CTL_OK;
}

/* ---- stop, start, restart ---- */

typedef struct Job {
        const char *verb, *done;
        const char *waits;   /* what is shown meanwhile */
        const char *already; /* where the unit was so before; NULL: the verb always does something */
} Job;

/* Whether it is as the operator wanted it. What the holder tells may be a round old. */
static bool is_done(const Job *job, const Where *before, const Where *now) {
        const char *active = where_active(now);
        bool is_new = where_since(now) != where_since(before);

        if (streq(job->verb, "stop"))
                return streq(active, "inactive") || streq(active, "failed");
        if (streq(active, "failed"))
                return is_new;
        return streq(active, "active") && (is_new || streq(job->verb, "start"));
}

/* Whether the machine that was asked does not hold the unit any more, or holds it anew. */
static bool is_gone(const Where *before, const Where *now) {
        return !where_is_held(now) || where_index(now) != where_index(before);
}

/* Whether it is as it cannot be if the machine goes on with what it had begun. */
static bool is_in_vain(const Job *job, const Where *before, const Where *now) {
        const char *state = where_state(now);

        if (streq(job->verb, "stop"))
                return streq(where_active(now), "active");
        return streq(state, "stopped") || streq(state, "failed") ||
               (streq(where_active(now), "active") && where_since(now) == where_since(before));
}

/* *ret_vain: it is not done, and was not on the way there for too long. */
static int wait_for_job(Ctl *ctl, const Asked *a, const Job *job, Where *now, bool *ret_vain) {
        Progress progress = progress_begin(a->unit);
        char text[HOSTNAME_SHOWN + 64];
        Vain vain;
        int code = CTL_OK, r = vain_begin(ctl, &vain);

        *ret_vain = false;
        while (r >= 0) {
                code = where_look(ctl, a->unit, where_machine_id(&a->before), now);
                if (code != CTL_OK || is_gone(&a->before, now) || is_done(job, &a->before, now))
                        break;
                *ret_vain = vain_note(&vain, is_in_vain(job, &a->before, now));
                if (*ret_vain)
                        break;
                (void) snprintf(text, sizeof(text), "%s, on %s %s", job->waits, a->before.name, where_active(now));
                progress_say(&progress, text);
                r = bus_wait(ctl->bus, PROGRESS_POLL);
        }
        progress_end(&progress);
        return r < 0 ? bus_complain(a->unit, r, NULL) : code;
}

/* Whether the unit had been as the operator wants it, and nothing has happened to it since. */
static bool was_so(const Job *job, const Where *before, const Where *now) {
        return job->already && where_since(now) == where_since(before) &&
               streq(where_active(before), where_active(now));
}

static int report_job(const Asked *a, const Job *job, const Where *now, bool vain) {
        bool is_stop = streq(job->verb, "stop"), was = was_so(job, &a->before, now);

        if (is_gone(&a->before, now))
                return ctl_fail("%s: %s does not hold it any more, see: leasectl history %s", a->unit, a->before.name,
                                SHELL_WORD(a->unit));
        if (!is_stop && streq(where_active(now), "failed"))
                return ctl_fail("%s: has failed on %s (%s)", a->unit, a->before.name, where_result(now));
        if (vain)
                return ctl_fail("%s: was not %s, it is %s on %s, see: leasectl status %s", a->unit, job->done,
                                where_state(now), a->before.name, SHELL_WORD(a->unit));
        say("%s: %s on %s%s%s%s", a->unit, was ? job->already : job->done, a->before.name, was ? " already" : "",
                        is_stop ? ", until: leasectl start " : "", is_stop ? a->unit : "");
        return CTL_OK;
}

/* Waits for the outcome of what a machine has begun, and says it. */
static int end_job(Ctl *ctl, const Asked *a, const Job *job) {
        Where now = {};
        int code = CTL_OK;
        bool vain;

        if (!ctl->wait)
                wait_say_begun(ctl, a->unit, where_is_held(&a->before) ? a->before.name : "its machine", job->verb);
        else if (!where_is_held(&a->before)) /* somebody took it in between */
                say("%s: its machine has begun: %s", a->unit, job->verb);
        else {
                code = wait_for_job(ctl, a, job, &now, &vain);
                if (code == CTL_OK)
                        code = report_job(a, job, &now, vain);
        }
        where_done(&now);
        return code;
}

static int do_jobs(Ctl *ctl, int argc, char **argv, const Job *job) {
        Survey survey = {};
        Asked *units;
        size_t n;
        int code = asked_new(ctl, (size_t) argc, argv, &units, &n);

        for (size_t i = 0; i < n && code == CTL_OK; i++) {
                units[i].code = where_find(ctl, &survey, units[i].unit, &units[i].before);
                units[i].wanted = units[i].code == CTL_OK;
        }
        survey_done(&survey);
        if (code == CTL_OK)
                code = ask_all(ctl, job->verb, "", n, units);
        for (size_t i = 0; i < n && code == CTL_OK; i++)
                if (units[i].begun)
                        units[i].code = end_job(ctl, units + i, job);
        if (code == CTL_OK)
                code = ask_code(n, units);
        asked_free(units, n);
        return code;
}

int verb_stop(Ctl *ctl, int argc, char **argv) {
        return do_jobs(ctl, argc, argv, &(Job){ "stop", "stopped", "stops", "is stopped" });
}

int verb_start(Ctl *ctl, int argc, char **argv) {
        return do_jobs(ctl, argc, argv, &(Job){ "start", "started", "starts", "runs" });
}

int verb_restart(Ctl *ctl, int argc, char **argv) {
        return do_jobs(ctl, argc, argv, &(Job){ "restart", "restarted", "is restarted", NULL });
}
