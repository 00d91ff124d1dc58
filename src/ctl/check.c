/* SPDX-License-Identifier: Apache-2.0 */

/*
 * leasectl check: the timeline of a unit in numbers, and everything that stands against leasing the unit or weakens
 * it. The verb needs neither the daemon nor the registry, since the files and PID 1 say all of it. With --all-machines
 * it also tells where the unit would run, which only leased knows.
 */

#include <errno.h>
#include <stdio.h>

#include "conf/conf.h"
#include "core/timeline.h"
#include "ctl/all-machines.h"
#include "ctl/examine.h"
#include "ctl/finding.h"
#include "ctl/machines.h"
#include "ctl/members.h"
#include "ctl/output.h"
#include "ctl/pid1-ahead.h"
#include "ctl/pid1.h"
#include "ctl/weakness.h"
#include "util/strv.h"
#include "util/unit-name.h"

enum {
        AT_ONCE = 100, /* units whose properties are in memory */
};

/* ---- the timeline ---- */

/* Whether the stop of a unit takes time. A timer, a path, a target, an automount is stopped at once. */
static bool takes_time_to_stop(const char *name) {
        return endswith(name, ".service") || endswith(name, ".socket") || endswith(name, ".mount");
}

/* Gives the longest stop time of the unit and its members, as leased works it out; USEC_INFINITY if no stop takes
 * time, or if PID 1 could not be asked. *ret_of, owned by the caller, is the unit that has this stop time. */
static usec_t timeout_stop_of(Ctl *ctl, const char *name, char **ret_of) {
        _cleanup_(strv_freep) char **members = NULL;
        json_auto_t *unit = NULL;
        usec_t longest = 0;

        if (pid1_load(ctl->bus, name, &unit) != CTL_OK || members_find(ctl, name, unit, &members) != CTL_OK)
                return USEC_INFINITY;
        for (char **m = members; m && *m; m++) {
                json_auto_t *member = NULL;

                if (!takes_time_to_stop(*m) || unit_name_is_template(*m) ||
                                pid1_load(ctl->bus, *m, &member) != CTL_OK || pid1_timeout_stop(member) <= longest)
                        continue;
                longest = pid1_timeout_stop(member);
                free(*ret_of);
                *ret_of = strdup(*m);
        }
        if (takes_time_to_stop(name) && pid1_timeout_stop(unit) >= longest) {
                longest = pid1_timeout_stop(unit);
                free(*ret_of);
                *ret_of = strdup(name);
        }
        return *ret_of ? longest : USEC_INFINITY;
}

static void add_span(json_t *object, const char *key, usec_t t) {
        (void) json_object_set_new(object, key, t == USEC_INFINITY ? json_null() : json_integer((json_int_t) t));
}

static json_t *timeline_to_json(usec_t ttl, const Timeline *t, usec_t timeout_stop) {
        json_t *object = json_object();

        add_span(object, "ttl_usec", ttl);
        add_span(object, "round_usec", t->round);
        add_span(object, "attempt_usec", t->attempt);
        add_span(object, "stop_usec", t->stop);
        add_span(object, "stop_grace_usec", t->stop_grace);
        add_span(object, "kill_usec", t->kill);
        add_span(object, "take_usec", t->take);
        add_span(object, "timeout_stop_usec", timeout_stop);
        return object;
}

static void add_messages(json_t *findings, const char *name, const Messages *m) {
        for (size_t i = 0; i < m->n; i++) {
                const char *line = m->lines[i];

                if (startswith(line, name) && startswith(line + strlen(name), ": "))
                        line += strlen(name) + 2;
                finding_add(findings, "refused", "%s", line);
        }
}

/* Works out the timeline from the options of the unit, also if it does not fit into the TTL. A global unit has
 * none. */
static int work_out(Ctl *ctl, const char *name, const LeasedConf *conf, json_t *findings, UnitOptions **ret_options,
                json_t **ret) {
        UnitOptions *options = NULL;
        _cleanup_(messages_done) Messages m = {};
        _cleanup_free_ char *of = NULL;
        usec_t timeout_stop = timeout_stop_of(ctl, name, &of);
        char a[32], b[32];
        Timeline t;
        int r = unit_options_preview("", name, &options, &m);
        bool global = options && options->global;

        *ret_options = options;
        if (r >= 0 && !global)
                r = unit_options_check(options, conf->ttl, timeout_stop, &m);
        add_messages(findings, name, &m);
        if (r < 0 && m.n == 0)
                finding_add(findings, "refused", "its options cannot be read: %s", strerror(-r));
        if (global) {
                finding_add(findings, "note", "Global=: it runs on every machine that fits, without a lease");
                return r < 0 ? CTL_FAILED : CTL_OK;
        }
        if (!options || timeline_compute(conf->ttl, options->config.stop_grace, timeout_stop, &t) == -ERANGE)
                return CTL_FAILED;
        *ret = timeline_to_json(conf->ttl, &t, timeout_stop);
        if (of && timeout_stop > t.stop_grace)
                finding_add(findings, "weak",
                                "TimeoutStopSec=%s%s%s is longer than StopGraceSec=%s: without the registry it is "
                                "killed after %s; more: StopGraceSec=",
                                format_span(a, sizeof(a), timeout_stop), streq(of, name) ? "" : " of ",
                                streq(of, name) ? "" : of, format_span(b, sizeof(b), t.stop_grace), b);
        return r < 0 ? CTL_FAILED : CTL_OK;
}

/* ---- printing ---- */

static void print_moment(usec_t at, const char *text) {
        say("%9.2fs  %s", (double) at / (double) USEC_PER_SEC, text);
}

static void print_timeline(const json_t *t) {
        usec_t round = (usec_t) get_integer(t, "round_usec"), attempt = (usec_t) get_integer(t, "attempt_usec"),
               stop = (usec_t) get_integer(t, "stop_usec");
        char text[256], span[32];

        print_moment(0, "a beat is sent, and the registry takes it; if that is the last one:");
        (void) snprintf(text, sizeof(text), "the next beat is due, each attempt at it has %s",
                        format_span(span, sizeof(span), attempt));
        print_moment(round, text);
        (void) snprintf(text, sizeof(text), "the gate is closed and the unit stopped (StopGraceSec=%s)",
                        format_span(span, sizeof(span), (usec_t) get_integer(t, "stop_grace_usec")));
        print_moment(stop, text);
        print_moment((usec_t) get_integer(t, "kill_usec"), "SIGKILL to what is left, until nothing is");
        print_moment((usec_t) get_integer(t, "take_usec"), "another machine may start it, not earlier");
        if (stop >= round + 2 * attempt) /* otherwise it does not fit, which is a finding */
                say("           A registry that is silent for up to %s is not noticed.",
                                format_span(span, sizeof(span), usec_sub(stop, round + attempt)));
}

static void print_findings(const json_t *findings) {
        static const struct {
                const char *severity;
                Colour colour;
        } titles[] = {
                { "refused", COLOUR_RED },
                { "weak", COLOUR_YELLOW },
                { "note", COLOUR_GREY },
        };
        json_t *finding;
        size_t i;

        for (size_t s = 0; s < ELEMENTSOF(titles); s++)
                json_array_foreach((json_t *) findings, i, finding) {
                        if (streq(get_string(finding, "severity"), titles[s].severity))
                                say_hanging(12, "%s%10s%s: %s", colour_on(titles[s].colour), titles[s].severity,
                                                colour_off(), get_string(finding, "text"));
                }
        if (json_array_size(findings) == 0)
                say("            Nothing weakens it.");
}

/* ---- the verb ---- */

/* Adds which machines keep leases since a pause, and are not heard (law 13). The argument machines has the rows of all
 * machines (machines_read()); NULL: leased does not answer. */
static void look_at_keepers(const json_t *machines, json_t *findings) {
        json_t *row;
        size_t i;

        json_array_foreach((json_t *) machines, i, row) {
                char name[HOSTNAME_SHOWN];

                if (get_boolean(row, "unconfirmed"))
                        finding_add(findings, "weak",
                                        "%s keeps leases since a pause, and %s: nobody takes what it holds, nor a "
                                        "lease "
                                        "whose record is lost; if it is off: leasectl confirm-dead %s",
                                        machine_name(machines, get_string(row, "machine_id"), name, sizeof(name)),
                                        get_boolean(row, "up") ? "was booted since" : "is not heard",
                                        MACHINE_TYPED(machines, get_string(row, "machine_id")));
        }
}

/* What leased is asked about all machines. */
typedef struct Cluster {
        const char *here; /* the id of this machine, if each machine is to be told of; otherwise "" */
        json_t *machines; /* the rows of all machines; NULL: leased does not answer */
} Cluster;

/* Checks one unit. */
static int check_one(Ctl *ctl, const char *typed, const LeasedConf *conf, const Cluster *cluster, json_t *results) {
        const char *here = cluster->here;
        _cleanup_(unit_options_freep) UnitOptions *options = NULL;
        _cleanup_free_ char *name = NULL;
        json_auto_t *findings = json_array(), *unit = NULL, *timeline = NULL, *machines = NULL, *result = NULL;
        int code = examine_unit(ctl, typed, findings, &name, &unit), asked;
        char few[TOO_FEW_SIZE];
        size_t fit = 0;

        if (code != CTL_OK && json_array_size(findings) == 0)
                return code; /* PID 1 could not be asked, which has been said */
        if (unit) {
                (void) work_out(ctl, name, conf, findings, &options, &timeline);
                (void) (options && options->global ? weakness_examine_global(ctl, name, unit, findings)
                                                   : weakness_examine(ctl, name, unit, conf, findings));
        }
        if (options && !options->global)
                look_at_keepers(cluster->machines, findings);
        if (options && all_machines_too_few(ctl, options, few))
                finding_add(findings, "note", "%s", few);
        if (*here && options && (asked = all_machines_explain(ctl, name, NULL, here, &machines, &fit)) != CTL_OK)
                return asked;
        if (code == CTL_OK && (finding_refused_since(findings, 0) || (*here && fit == 0)))
                code = CTL_FAILED;
        result = json_pack("{s:s, s:s, s:O, s:O?, s:O*}", "unit", name ?: typed, "registry", conf->registry,
                        "findings", findings, "timeline", timeline, "machines", machines);
        (void) json_array_append(results, result);
        if (ctl->json != JSON_OFF)
                return code;
        say("%s%s%s", colour_on(COLOUR_BOLD), name ?: typed, colour_off());
        if (timeline)
                print_timeline(timeline);
        print_findings(findings);
        if (machines)
                all_machines_print(machines);
        return code;
}

/* Reads the properties of leased, since only leased knows the other machines. */
static int read_manager(Ctl *ctl, json_t **ret) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r = bus_get_manager(ctl->bus, ret, &error);

        return r < 0 ? bus_complain("check", r, &error) : CTL_OK;
}

/* Gives the rows of all machines; NULL: leased does not answer, and need not run for a check. */
static json_t *read_machines(Ctl *ctl) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        json_auto_t *manager = NULL;
        json_t *machines = NULL;

        return machines_ask(ctl->bus, &machines, &manager, &error) < 0 ? NULL : machines;
}

/* Checks n units of the command line. PID 1 is asked about all of them ahead. */
static int check_some(
                Ctl *ctl, size_t n, char **typed, const LeasedConf *conf, const Cluster *cluster, json_t *results) {
        _cleanup_(strv_freep) char **names = NULL;
        int code;

        for (size_t i = 0; i < n; i++) {
                _cleanup_free_ char *name = unit_name_complete(typed[i]);

                if (!name || strv_add(&names, name) < 0)
                        return ctl_fail("check: out of memory");
        }
        code = pid1_ahead_everything(ctl->bus, names);
        for (size_t i = 0; i < n; i++) {
                _cleanup_free_ char *name = unit_name_complete(typed[i]);
                int c;

                if (json_array_size(results) > 0 && ctl->json == JSON_OFF)
                        say("%s", "");
                c = check_one(ctl, strempty(name), conf, cluster, results);
                if (c != CTL_OK)
                        code = c;
        }
        pid1_ahead_end();
        return code;
}

int verb_check(Ctl *ctl, int argc, char **argv) {
        _cleanup_(leased_conf_freep) LeasedConf *conf = NULL;
        _cleanup_(messages_done) Messages m = {};
        json_auto_t *results = json_array(), *manager = NULL, *machines = NULL;
        Cluster cluster = {};
        int code = ctl->all_machines ? read_manager(ctl, &manager) : CTL_OK, r;
        size_t n = (size_t) argc;

        if (code != CTL_OK)
                return code;
        r = leased_conf_load("", &conf, &m);
        print_messages(&m);
        if (r < 0)
                return CTL_FAILED;
        machines = read_machines(ctl);
        cluster = (Cluster){ .here = get_string(manager, "MachineID"), .machines = machines };
        for (size_t i = 0; i < n; i += AT_ONCE) {
                int c = check_some(ctl, MIN(n - i, (size_t) AT_ONCE), argv + i, conf, &cluster, results);

                if (c != CTL_OK)
                        code = c;
        }
        if (ctl->json != JSON_OFF)
                print_json(ctl, results);
        return code;
}
