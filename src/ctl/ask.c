/* SPDX-License-Identifier: Apache-2.0 */

/*
 * leasectl stop, start and restart: of a unit, by systemd on the machine that holds the unit's lease; the lease stays
 * there. Also the part of release, transfer and rearm for a unit that is not here.
 *
 * leased asks the holder, and answers when the holder has begun or has refused. Until then Ctrl-C takes the request
 * back. What has become of the unit is seen in what its holder tells of it, about a round later.
 */

#include "ctl/ask.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "core/record.h"
#include "ctl/bus-many.h"
#include "ctl/bus.h"
#include "ctl/cluster.h"
#include "ctl/interrupt.h"
#include "ctl/leases.h"
#include "ctl/machines.h"
#include "ctl/polkit-agent.h"
#include "ctl/progress.h"
#include "ctl/wait.h"
#include "util/suggest.h"

/* Where a unit is, and how it is there. */
typedef struct Place {
        json_t *row;               /* as of ListClusterUnits: of the holder, or else of any machine; owned */
        char name[HOSTNAME_SHOWN]; /* of that machine, for people */
} Place;

/* The columns of ListClusterUnits. */
enum {
        COLUMN_UNIT,
        COLUMN_MACHINE,
        COLUMN_LEASE,
        COLUMN_STATE,
        COLUMN_ACTIVE,
        COLUMN_RESULT,
        COLUMN_SINCE,
        COLUMN_HOLDS,
        COLUMN_INDEX,
};

/* Whether the row is one of the unit, or of the copy that was named, as in "foo.service#2". */
static bool is_of(const json_t *row, const char *unit) {
        const char *name = string_at(row, COLUMN_UNIT);
        unsigned copy = lease_slot(unit);

        if (copy == 0)
                return streq(name, unit);
        return strncmp(name, unit, strcspn(unit, "#")) == 0 && strlen(name) == strcspn(unit, "#") &&
               lease_slot(string_at(row, COLUMN_LEASE)) == copy && json_is_true(json_array_get(row, COLUMN_HOLDS));
}

static json_int_t number(const Place *p, size_t column) {
        return json_integer_value(json_array_get(p->row, column));
}

static bool is_held(const Place *p) {
        return json_is_true(json_array_get(p->row, COLUMN_HOLDS));
}

/* Whether the row says more of the unit than the other one: its machine holds it, and of two copies, is this one. */
static bool is_preferred(const json_t *row, const json_t *other, const char *here) {
        bool holds = json_is_true(json_array_get(row, COLUMN_HOLDS));

        return holds &&
               (!json_is_true(json_array_get(other, COLUMN_HOLDS)) || streq(string_at(row, COLUMN_MACHINE), here));
}

/* Finds the row of the unit, the holder's if somebody holds it. machine_id: look only there; "": everywhere. *ret is
 * borrowed from the answer; NULL: there is none. */
static int read_row(Ctl *ctl, const char *unit, const char *machine_id, json_t **ret_answer, const json_t **ret) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        json_auto_t *manager = NULL;
        const json_t *row;
        const char *here;
        size_t i;
        int r = bus_call(ctl->bus, &bus_leased, "ListClusterUnits", ret_answer, &error, "sast", machine_id, 0,
                        (uint64_t) 0);

        if (r >= 0)
                r = bus_get_manager(ctl->bus, &manager, &error);
        here = get_string(manager, "MachineID");
        *ret = NULL;
        if (r < 0)
                return bus_complain(unit, r, &error);
        json_array_foreach(json_array_get(*ret_answer, 1), i, row)
                if (is_of(row, unit) && (!*ret || is_preferred(row, *ret, here)))
                        *ret = row;
        return CTL_OK;
}

static int place_read(Ctl *ctl, const char *unit, const char *machine_id, Place *ret) {
        json_auto_t *answer = NULL, *machines = NULL;
        const json_t *row;
        int code = read_row(ctl, unit, machine_id, &answer, &row);

        if (code != CTL_OK)
                return code;
        json_decref(ret->row);
        ret->row = json_incref((json_t *) row);
        if (!row || *ret->name)
                return CTL_OK;
        code = machines_read(ctl, &machines);
        if (code == CTL_OK)
                (void) machine_name(machines, string_at(row, COLUMN_MACHINE), ret->name, sizeof(ret->name));
        return code;
}

int ask_complain_no_unit(Ctl *ctl, const char *unit) {
        Suggestion near = suggest_begin(unit);
        json_auto_t *rows = NULL, *props = NULL;
        json_t *row;
        size_t i;

        if (bus_get_unit(ctl->bus, unit, &props, NULL) >= 0 && streq(get_string(props, "Lease"), "/"))
                return ctl_fail("%s: has no lease: it runs on every machine that fits (Global=)", unit);
        (void) cluster_units_read(ctl, "", &rows);
        json_array_foreach(rows, i, row)
                suggest_consider(&near, get_string(row, "unit"));
        if (near.best)
                complain("%s: not enabled on any machine, did you mean '%s'?", unit, near.best);
        else
                complain("%s: not enabled on any machine, see: leasectl", unit);
        return CTL_NO_SUCH_UNIT;
}

/* The same, but complains if no machine has the unit. */
static int place_find(Ctl *ctl, const char *unit, Place *ret) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        json_auto_t *manager = NULL;
        int code = place_read(ctl, unit, "", ret), r;

        if (code != CTL_OK || ret->row)
                return code;
        r = bus_get_manager(ctl->bus, &manager, &error);
        if (r < 0)
                return bus_complain(unit, r, &error);
        if (!streq(get_string(manager, "RegistryState"), "ok")) {
                complain("%s: where it is enabled is not known now, the registry does not answer", unit);
                return CTL_UNKNOWN;
        }
        return ask_complain_no_unit(ctl, unit);
}

static int ask(Ctl *ctl, const char *unit, const char *verb, const char *machine_id, const Place *p) {
        int code = wait_call(ctl, unit, is_held(p) ? p->name : "", "AskUnit", NULL, "sss", unit, verb, machine_id);

        if (code == CTL_OK)
                wait_say_begun(ctl, unit, is_held(p) ? p->name : "its machine", verb);
        return code;
}

/* ---- release, transfer, rearm ---- */

/* Waits until the lease has another Index, or nobody holds it. *ret: the properties as of org.leased1.Unit. */
static int wait_for_lease(Ctl *ctl, const char *unit, const Place *p, bool is_rearm, json_t **ret, char **ret_host) {
        Progress progress = progress_begin(unit);
        _cleanup_free_ char *path = NULL;
        int r = sd_bus_path_encode(LEASED_LEASE_PATH, string_at(p->row, COLUMN_LEASE), &path);

        while (r >= 0) {
                _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
                json_auto_t *lease = NULL;
                bool known, held;

                r = bus_get_lease(ctl->bus, path, &lease, &error);
                if (r < 0)
                        break;
                known = get_boolean(lease, "Known");
                held = *get_string(lease, "MachineID");
                if (known && (get_integer(lease, "Index") != number(p, COLUMN_INDEX) || held == is_rearm)) {
                        *ret = json_pack("{s:b, s:O, s:O}", "HolderKnown", true, "MachineID",
                                        json_object_get(lease, "MachineID"), "LeaseIndex",
                                        json_object_get(lease, "Index"));
                        *ret_host = strdup(get_string(lease, "Hostname"));
                        break;
                }
                progress_say(&progress, known ? "its holder lets go of it" : "its holder is not known now");
                r = bus_wait(ctl->bus, PROGRESS_POLL);
        }
        progress_end(&progress);
        return r < 0 ? bus_complain(unit, r, NULL) : CTL_OK;
}

int ask_elsewhere(Ctl *ctl, const char *unit, const char *verb, const char *machine_id, const char *host,
                const char *done) {
        _cleanup_free_ char *now_host = NULL;
        json_auto_t *now = NULL;
        Place place = {};
        int code = place_find(ctl, unit, &place);

        if (code == CTL_OK)
                code = ask(ctl, unit, verb, machine_id, &place);
        if (code == CTL_OK && ctl->wait)
                code = wait_for_lease(ctl, unit, &place, streq(verb, "rearm"), &now, &now_host);
        if (code == CTL_OK && ctl->wait) {
                wait_say_holder(unit, done, now, strempty(now_host));
                if (*machine_id && !streq(get_string(now, "MachineID"), machine_id))
                        code = ctl_fail("%s: was not handed to %s, see: leasectl history %s", unit, host, unit);
        }
        json_decref(place.row);
        return code;
}

/* ---- stop, start, restart ---- */

typedef struct Job {
        const char *verb, *done;
        const char *waits;   /* what is shown meanwhile */
        const char *already; /* where the unit was so before; NULL: the verb always does something */
} Job;

/* Whether it is as the operator wanted it. What the holder tells may be a round old. */
static bool is_done(const Job *job, const Place *before, const Place *now) {
        const char *active = string_at(now->row, COLUMN_ACTIVE);
        bool is_new = number(now, COLUMN_SINCE) != number(before, COLUMN_SINCE);

        if (streq(job->verb, "stop"))
                return streq(active, "inactive") || streq(active, "failed");
        if (streq(active, "failed"))
                return is_new;
        return streq(active, "active") && (is_new || streq(job->verb, "start"));
}

static int wait_for_job(Ctl *ctl, const char *unit, const Job *job, const Place *before, Place *now) {
        const char *machine = string_at(before->row, COLUMN_MACHINE);
        Progress progress = progress_begin(unit);
        char text[HOSTNAME_SHOWN + 64];
        int code, r = 0;

        str_copy(now->name, sizeof(now->name), before->name);
        for (;;) {
                code = place_read(ctl, unit, machine, now);
                if (code != CTL_OK || !is_held(now) || number(now, COLUMN_INDEX) != number(before, COLUMN_INDEX) ||
                                is_done(job, before, now))
                        break;
                (void) snprintf(text, sizeof(text), "%s, on %s %s", job->waits, now->name,
                                string_at(now->row, COLUMN_ACTIVE));
                progress_say(&progress, text);
                r = bus_wait(ctl->bus, PROGRESS_POLL);
                if (r < 0) {
                        code = bus_complain(unit, r, NULL);
                        break;
                }
        }
        progress_end(&progress);
        return code;
}

/* Whether the unit had been as the operator wants it, and nothing has happened to it since. */
static bool was_so(const Job *job, const Place *before, const Place *now) {
        return job->already && number(now, COLUMN_SINCE) == number(before, COLUMN_SINCE) &&
               streq(string_at(before->row, COLUMN_ACTIVE), string_at(now->row, COLUMN_ACTIVE));
}

static int report_job(const char *unit, const Job *job, const Place *before, const Place *now) {
        bool is_stop = streq(job->verb, "stop");

        if (!is_held(now) || number(now, COLUMN_INDEX) != number(before, COLUMN_INDEX))
                return ctl_fail("%s: %s does not hold it any more, see: leasectl history %s", unit, before->name,
                                unit);
        if (!is_stop && streq(string_at(now->row, COLUMN_ACTIVE), "failed"))
                return ctl_fail("%s: has failed on %s (%s)", unit, now->name, string_at(now->row, COLUMN_RESULT));
        say("%s: %s on %s%s%s%s", unit, was_so(job, before, now) ? job->already : job->done, now->name,
                        was_so(job, before, now) ? " already" : "", is_stop ? ", until: leasectl start " : "",
                        is_stop ? unit : "");
        return CTL_OK;
}

/* Waits for the outcome of what a machine has begun, and says it. */
static int end_job(Ctl *ctl, const char *unit, const Job *job, const Place *before) {
        Place now = {};
        int code = CTL_OK;

        if (!ctl->wait)
                return CTL_OK;
        if (!is_held(before)) /* somebody took it in between */
                say("%s: its machine has begun: %s", unit, job->verb);
        else {
                code = wait_for_job(ctl, unit, job, before, &now);
                if (code == CTL_OK)
                        code = report_job(unit, job, before, &now);
        }
        json_decref(now.row);
        return code;
}

static int do_job(Ctl *ctl, const char *unit, const Job *job) {
        Place before = {};
        int code = place_find(ctl, unit, &before);

        if (code == CTL_OK)
                code = ask(ctl, unit, job->verb, "", &before);
        if (code == CTL_OK)
                code = end_job(ctl, unit, job, &before);
        json_decref(before.row);
        return code;
}

/* ---- the same of many units at once ---- */

typedef struct Asked {
        char *unit;
        Place before;
        bool begun;
        int code;
} Asked;

typedef struct Jobs {
        Ctl *ctl;
        const Job *job;
        Asked *units;
        size_t *asked, n_asked, answered; /* the numbers of those that are asked for */
        bool withdrawn;                   /* leased was told to forget what has not begun */
        Bar bar;
} Jobs;

static int make_call(size_t i, sd_bus_message **ret, void *userdata) {
        const Jobs *j = userdata;
        int r = sd_bus_message_new_method_call(
                        j->ctl->bus, ret, bus_leased.name, bus_leased.path, bus_leased.interface, "AskUnit");

        return r < 0 ? r : sd_bus_message_append(*ret, "sss", j->units[j->asked[i]].unit, j->job->verb, "");
}

static void take_answer(size_t i, sd_bus_message *answer, const sd_bus_error *error, void *userdata) {
        Jobs *j = userdata;
        Asked *u = j->units + j->asked[i];

        (void) answer;
        j->answered++;
        u->begun = !error;
        if (error && sd_bus_error_has_name(error, LEASED_ERROR("Withdrawn")))
                u->code = ctl_fail("%s: taken back, and nothing has begun", u->unit);
        else if (error)
                u->code = bus_complain(u->unit, -sd_bus_error_get_errno(error), error);
        else
                wait_say_begun(j->ctl, u->unit, is_held(&u->before) ? u->before.name : "its machine", j->job->verb);
}

/* Shows how many units are still to begin. After Ctrl-C, has leased take back what has not begun. */
static void on_idle(void *userdata) {
        Jobs *j = userdata;

        if (interrupt_came() && !j->withdrawn) {
                j->withdrawn = true;
                bus_withdraw(j->ctl->bus);
        }
        if (geteuid() == 0) /* nobody is asked for a password */
                bar_show(&j->bar, j->n_asked - j->answered, "");
}

/* Asks for all units that were found, and waits until each has begun or is refused. A caller who needs a password is
 * asked for it only once. */
static int ask_all(Jobs *j) {
        const BusMany calls = { .make = make_call,
                .take = take_answer,
                .userdata = j,
                .timeout = USEC_INFINITY,
                .one_by_one = geteuid() != 0,
                .idle = on_idle };
        int r;

        j->bar = bar_begin(j->job->verb);
        polkit_agent_open(j->ctl);
        interrupt_catch();
        r = bus_call_many(j->ctl->bus, j->n_asked, &calls);
        interrupt_release();
        bar_end(&j->bar);
        for (size_t i = 0; i < j->n_asked && interrupt_came(); i++)
                if (j->units[j->asked[i]].begun)
                        complain("%s: could not be taken back any more: it has begun, and goes on",
                                        j->units[j->asked[i]].unit);
        if (interrupt_came())
                interrupt_leave();
        return r < 0 ? bus_complain(j->job->verb, r, NULL) : CTL_OK;
}

static int do_all(Jobs *j, size_t n) {
        int code;

        for (size_t i = 0; i < n; i++) {
                Asked *u = j->units + i;

                u->code = place_find(j->ctl, u->unit, &u->before);
                if (u->code == CTL_OK)
                        j->asked[j->n_asked++] = i;
        }
        code = ask_all(j);
        for (size_t i = 0; i < n && code == CTL_OK; i++)
                if (j->units[i].begun)
                        j->units[i].code = end_job(j->ctl, j->units[i].unit, j->job, &j->units[i].before);
        for (size_t i = 0; i < n; i++)
                if (j->units[i].code != CTL_OK)
                        code = j->units[i].code;
        return code;
}

static bool is_named_before(const Asked *units, size_t n, const char *unit) {
        for (size_t i = 0; i < n; i++)
                if (streq(units[i].unit, unit))
                        return true;
        return false;
}

static int do_jobs(Ctl *ctl, int argc, char **argv, const Job *job) {
        _cleanup_free_ Asked *units = calloc((size_t) argc, sizeof(Asked));
        _cleanup_free_ size_t *asked = calloc((size_t) argc, sizeof(size_t));
        Jobs jobs = { .ctl = ctl, .job = job, .units = units, .asked = asked };
        int code = CTL_OK, r = bus_watch_leased(ctl->bus);
        size_t n = 0;

        if (r < 0 || !units || !asked)
                return bus_complain("leased", r < 0 ? r : -ENOMEM, NULL);
        for (int i = 0; i < argc; i++) {
                units[n].unit = unit_name_resolve(ctl, argv[i]);
                if (!units[n].unit)
                        code = ctl_fail("%s: out of memory", argv[i]);
                else if (is_named_before(units, n, units[n].unit))
                        free(units[n].unit);
                else
                        n++;
        }
        if (code == CTL_OK)
                code = n == 1 ? do_job(ctl, units[0].unit, job) : do_all(&jobs, n);
        for (size_t i = 0; i < n; i++) {
                json_decref(units[i].before.row);
                free(units[i].unit);
        }
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
