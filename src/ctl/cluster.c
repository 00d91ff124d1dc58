/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/cluster.h"

#include <stdarg.h>
#include <stdio.h>

#include "core/record.h"
#include "core/why.h"
#include "ctl/free-units.h"
#include "ctl/leases.h"
#include "ctl/machines.h"
#include "ctl/pause.h"
#include "ctl/registry.h"
#include "util/shell-word.h"

/* A machine that has taken a lease tells of its unit within a round. Under many at once a start takes longer. */
#define START_PATIENCE (10 * USEC_PER_SEC)

/* Something that is wrong. What to do about it is said by say_next(). */
_printf_(4, 5) static void add_wrong(json_t *cluster, const char *kind, const char *subject, const char *format, ...) {
        _cleanup_free_ char *text = NULL;
        va_list ap;
        int r;

        va_start(ap, format);
        r = vasprintf(&text, format, ap);
        va_end(ap);
        if (r < 0)
                text = NULL;
        (void) json_array_append_new(json_object_get(cluster, "wrong"),
                        json_pack("{s:s, s:s, s:s, s:s}", "kind", kind, "subject", subject, "text", strempty(text),
                                        "next", ""));
}

/* Says what an operator does next about what was added last: "see: leasectl status foo.service". Where the text names
 * a command already, that one counts. */
_printf_(2, 3) static void say_next(json_t *cluster, const char *format, ...) {
        const json_t *wrong = json_object_get(cluster, "wrong");
        json_t *last = json_array_get(wrong, json_array_size(wrong) - 1);
        _cleanup_free_ char *next = NULL;
        va_list ap;
        int r;

        va_start(ap, format);
        r = vasprintf(&next, format, ap);
        va_end(ap);
        if (r >= 0 && !strstr(get_string(last, "text"), "leasectl "))
                (void) json_object_set_new(last, "next", json_string(next));
}

/* Says where to look at the unit. leasectl status knows only what is enabled on its own machine: elsewhere is one that
 * has the unit; "": none that could be asked. */
static void next_status(json_t *cluster, const char *unit, const char *elsewhere) {
        json_t *machine, *row;
        bool here = false;
        size_t i, j;

        json_array_foreach(json_object_get(cluster, "machines"), i, machine)
                json_array_foreach(json_object_get(machine, "units"), j, row)
                        here |= get_boolean(machine, "here") && streq(get_string(row, "unit"), unit);
        if (here)
                say_next(cluster, "see: leasectl status %s", SHELL_WORD(unit));
        else if (*elsewhere)
                say_next(cluster, "on %s: leasectl status %s", elsewhere, SHELL_WORD(unit));
        else
                say_next(cluster, "see: leasectl history %s", SHELL_WORD(unit));
}

/* ---- units ---- */

static json_t *unit_row_new(const json_t *row) {
        static const char *const members[] = { "unit", "machine_id", "lease", "state", "active_state", "result",
                "since_usec", "holds", "index", "held_since_usec", "code", "why", "copies" };
        json_t *object = json_object();

        for (size_t i = 0; i < ELEMENTSOF(members); i++)
                (void) json_object_set(object, members[i], json_array_get(row, i));
        return object;
}

/* Writes for how long something has been so since a time of CLOCK_REALTIME: "5min", or "a moment" if the time is not
 * known or, by another machine's clock, still to come. */
static const char *span_since(char *buf, size_t size, usec_t since) {
        usec_t now = now_realtime();

        if (since == 0 || since > now)
                str_copy(buf, size, "a moment");
        else
                (void) format_span(buf, size, now - since);
        return buf;
}

/* Whether nothing stands against the machine of this row. That it drains, its record says and not its offers. */
static bool may_take(const json_t *machines, const json_t *row) {
        return get_integer(row, "code") == 0 &&
               !get_boolean(machines_find(machines, get_string(row, "machine_id")), "draining");
}

/* For how long a machine may take to start a unit whose lease it could have, or to tell of the start. */
static usec_t patience_of(const json_t *machines, const json_t *row) {
        return MAX((usec_t) get_integer(machines_find(machines, get_string(row, "machine_id")), "ttl_usec"),
                        START_PATIENCE);
}

/* Whether the machine has had no time yet to take the unit and start it: of a unit that was only just enabled, or let
 * go. */
static bool is_about_to_take(const json_t *machines, const json_t *row) {
        usec_t since = (usec_t) get_integer(row, "held_since_usec");

        return may_take(machines, row) && since > 0 && now_realtime() <= usec_add(since, patience_of(machines, row));
}

/* Says of a unit that nobody holds that it runs nowhere, for how long, and why: names the first machine that may take
 * the unit or, if there is none, one where it has failed or else the first that is not silent, with its reason. Says
 * nothing of a unit that is done. */
static void judge_free(json_t *cluster, const json_t *rows, size_t from, size_t to) {
        const json_t *first = json_array_get(rows, from), *one = NULL, *failed = NULL,
                     *machines = json_object_get(cluster, "machines");
        usec_t since = (usec_t) get_integer(first, "held_since_usec");
        const char *unit = get_string(first, "unit");
        char span[32], name[HOSTNAME_SHOWN];

        for (size_t i = from; i < to; i++) {
                const json_t *row = json_array_get(rows, i);

                if (streq(get_string(row, "state"), "done"))
                        return;
                if (streq(get_string(row, "state"), "silent"))
                        continue;
                if (!one || (!may_take(machines, one) && may_take(machines, row)))
                        one = row;
                if (!failed && streq(get_string(row, "state"), "failed"))
                        failed = row;
        }
        (void) span_since(span, sizeof(span), since);
        if (one && is_about_to_take(machines, one))
                return;
        if (one && !may_take(machines, one) && failed)
                one = failed;
        (void) machine_name(machines, get_string(one, "machine_id"), name, sizeof(name));
        if (!one)
                add_wrong(cluster, "unit-nowhere", unit, "runs nowhere, for %s: all of its machines are silent", span);
        else if (may_take(machines, one))
                add_wrong(cluster, "unit-nowhere", unit, "runs nowhere, for %s: %s may take it", span, name);
        else if (failed)
                add_wrong(cluster, "unit-nowhere", unit, "runs nowhere, for %s (%s: failed%s%s)", span, name,
                                *get_string(failed, "result") ? ", " : "", get_string(failed, "result"));
        else
                add_wrong(cluster, "unit-nowhere", unit, "runs nowhere, for %s (%s: %s)", span, name,
                                *get_string(one, "why") ? get_string(one, "why") : "draining");
        if (one && one == failed && !may_take(machines, one))
                say_next(cluster, "on %s: journalctl -u %s", name, SHELL_WORD(unit));
        else
                next_status(cluster, unit, one ? name : "");
}

static void judge_overdue(json_t *cluster, const json_t *holder, const char *name) {
        const char *unit = get_string(holder, "unit"), *why = get_string(holder, "why");
        char span[32];

        add_wrong(cluster, "unit-held", unit, "is held by %s for %s, and not started%s%s", name,
                        span_since(span, sizeof(span), (usec_t) get_integer(holder, "held_since_usec")),
                        *why ? ": " : "", why);
        next_status(cluster, unit, name);
}

/* Says what is wrong with a unit that somebody holds, if anything is. */
static void judge_held(json_t *cluster, const json_t *holder) {
        static const struct {
                const char *state, *kind, *text, *next; /* "": leasectl status */
        } wrong[] = {
                { "failed", "unit-failed", "has failed on", "see: leasectl logs" },
                { "stopped", "unit-stopped", "was stopped by hand on", "until: leasectl start" },
                { "frozen", "unit-frozen", "is frozen since no beat came in time, on", "" },
                { "silent", "unit-silent", "is held by a silent machine,", "" },
                { "damaged", "unit-damaged", "has a damaged record; the last holder was", "" },
                { "waiting", "unit-waiting", "waits for its last holder to be gone, on", "" },
        };
        const json_t *machines = json_object_get(cluster, "machines");
        const char *result = get_string(holder, "result"), *id = get_string(holder, "machine_id"),
                   *unit = get_string(holder, "unit"), *state = get_string(holder, "state");
        usec_t since = (usec_t) get_integer(holder, "since_usec");
        char name[HOSTNAME_SHOWN], span[32], ago[48] = "", copy[16] = "";
        bool failed = streq(state, "failed");

        (void) machine_name(machines, id, name, sizeof(name));
        if (lease_slot(get_string(holder, "lease")) > 0) /* which of the copies the verb is to be about */
                (void) snprintf(copy, sizeof(copy), "#%u", lease_slot(get_string(holder, "lease")));
        if (streq(state, "silent") && get_boolean(machines_find(machines, id), "unconfirmed")) {
                add_wrong(cluster, "unit-silent", unit, "is kept by %s since a pause, and not heard of", name);
                say_next(cluster, "if it is off: leasectl confirm-dead %s", MACHINE_TYPED(machines, id));
                return;
        }
        /* A machine that tells nothing at all has an older leased. Of every other one a start would be known by now.
         */
        if (streq(state, "held") && *get_string(holder, "active_state") && get_integer(holder, "held_since_usec") > 0)
                judge_overdue(cluster, holder, name);
        if (since > 0)
                (void) snprintf(ago, sizeof(ago), ", for %s", span_since(span, sizeof(span), since));
        for (size_t i = 0; i < ELEMENTSOF(wrong); i++) {
                if (!streq(state, wrong[i].state))
                        continue;
                add_wrong(cluster, wrong[i].kind, unit, "%s %s%s%s%s", wrong[i].text, name, failed ? ago : "",
                                failed && *result ? ": " : "", failed ? result : "");
                if (*wrong[i].next)
                        say_next(cluster, "%s %s%s", wrong[i].next, SHELL_WORD(unit), copy);
                else
                        next_status(cluster, unit, streq(state, "waiting") ? name : "");
        }
}

/* Says of a unit that should leave its holder, and fits on no other machine, where it stays. The argument stuck is an
 * object whose keys are the names of such units. */
static void judge_stuck(json_t *cluster, const json_t *holder, const json_t *stuck) {
        const json_t *machines = json_object_get(cluster, "machines");
        const char *unit = get_string(holder, "unit"), *id = get_string(holder, "machine_id");
        char name[HOSTNAME_SHOWN];

        if (!json_object_get(stuck, unit))
                return;
        add_wrong(cluster, "unit-stuck", unit, "should leave %s%s, and fits on no other machine",
                        machine_name(machines, id, name, sizeof(name)),
                        get_boolean(machines_find(machines, id), "draining") ? ", which drains" : "");
        next_status(cluster, unit, name);
}

/* Says of a unit of whose copies not all are held how many are, and why no other machine has one. */
static void judge_copies(json_t *cluster, const json_t *rows, size_t from, size_t to, size_t held, size_t copies) {
        const json_t *machines = json_object_get(cluster, "machines"), *one = NULL;
        const char *unit = get_string(json_array_get(rows, from), "unit");
        char name[HOSTNAME_SHOWN];

        for (size_t i = from; i < to; i++) {
                const json_t *row = json_array_get(rows, i);

                if (!get_boolean(row, "holds") && !streq(get_string(row, "state"), "silent") &&
                                (!one || (!may_take(machines, one) && may_take(machines, row))))
                        one = row;
                if (streq(get_string(row, "state"), "done"))
                        return;
        }
        if (!one)
                add_wrong(cluster, "unit-copies", unit, "has %zu of %zu copies: no other machine is there for it",
                                held, copies);
        else if (may_take(machines, one))
                add_wrong(cluster, "unit-copies", unit, "has %zu of %zu copies: %s may take one", held, copies,
                                machine_name(machines, get_string(one, "machine_id"), name, sizeof(name)));
        else
                add_wrong(cluster, "unit-copies", unit, "has %zu of %zu copies (%s: %s)", held, copies,
                                machine_name(machines, get_string(one, "machine_id"), name, sizeof(name)),
                                *get_string(one, "why") ? get_string(one, "why") : "draining");
        next_status(cluster, unit, one ? name : "");
}

/* Names each machine that goes by another number of copies than the highest. One that knows of none, since its options
 * or its leased are older, runs the unit by another lease, beside the copies. */
static void judge_numbers(json_t *cluster, const json_t *rows, size_t from, size_t to, size_t copies) {
        const json_t *machines = json_object_get(cluster, "machines");
        const char *unit = get_string(json_array_get(rows, from), "unit");
        char name[HOSTNAME_SHOWN];

        for (size_t i = from; i < to; i++) {
                const json_t *row = json_array_get(rows, i);
                size_t here = (size_t) get_integer(row, "copies");

                (void) machine_name(machines, get_string(row, "machine_id"), name, sizeof(name));
                if (here == copies || streq(get_string(row, "state"), "silent"))
                        continue;
                if (here == 0)
                        add_wrong(cluster, "unit-copies", unit,
                                        "has no Copies= on %s, or leased there is too old for it: what runs there "
                                        "counts as one of %zu",
                                        name, copies);
                else
                        add_wrong(cluster, "unit-copies", unit, "has Copies=%zu on %s, and %zu elsewhere", here, name,
                                        copies);
                say_next(cluster, "on %s: leasectl set %s Copies=%zu", name, SHELL_WORD(unit), copies);
        }
}

/* Whether a machine has the unit, or had it when the registry last answered: of itself, this machine knows it without
 * the registry, too, and in a pause it keeps the unit. */
static bool is_somewhere(const json_t *rows, size_t from, size_t to) {
        static const char *const nowhere[] = { "unknown", "waiting", "elsewhere", "silent", "done", "damaged",
                "held" };

        for (; from < to; from++) {
                const char *state = get_string(json_array_get(rows, from), "state");
                size_t i = 0;

                while (i < ELEMENTSOF(nowhere) && !streq(state, nowhere[i]))
                        i++;
                if (i == ELEMENTSOF(nowhere))
                        return true;
        }
        return false;
}

/* One unit: the rows from..to-1, one for each machine on which it is enabled. */
static void judge_unit(json_t *cluster, const json_t *rows, size_t from, size_t to, const json_t *stuck) {
        const char *unit = get_string(json_array_get(rows, from), "unit");
        const json_t *holder = NULL;
        size_t held = 0, copies = 0;

        for (size_t i = from; i < to; i++) {
                const json_t *row = json_array_get(rows, i);
                const char *state = get_string(row, "state");

                held += get_boolean(row, "holds");
                copies = MAX(copies, (size_t) get_integer(row, "copies"));
                if (get_boolean(row, "holds") && holder) /* each copy is looked at */
                        judge_held(cluster, holder);
                if (get_boolean(row, "holds") && copies > 0 &&
                                get_boolean(machines_find(json_object_get(cluster, "machines"),
                                                            get_string(row, "machine_id")),
                                                "draining"))
                        judge_stuck(cluster, row, stuck);

                if (streq(state, "unknown") && !is_somewhere(rows, from, to)) {
                        add_wrong(cluster, "unit-unknown", unit, "is not known to run anywhere");
                        say_next(cluster, "see: leasectl registry");
                        return;
                }
                if (get_boolean(row, "holds"))
                        holder = row;
                if (streq(state, "elsewhere") && !holder)
                        holder = row; /* the holder has no row, for the unit is not enabled there any more */
        }
        if (holder) {
                judge_held(cluster, holder);
                if (copies == 0)
                        judge_stuck(cluster, holder, stuck);
                if (copies > held)
                        judge_copies(cluster, rows, from, to, held, copies);
                judge_numbers(cluster, rows, from, to, copies);
        } else
                judge_free(cluster, rows, from, to);
}

static void judge_units(json_t *cluster, const json_t *rows, const json_t *stuck) {
        size_t n = json_array_size(rows);

        for (size_t from = 0, to; from < n; from = to) {
                const char *unit = get_string(json_array_get(rows, from), "unit");

                for (to = from + 1; to < n && streq(get_string(json_array_get(rows, to), "unit"), unit);)
                        to++;
                judge_unit(cluster, rows, from, to, stuck);
        }
}

/* Says which units that run everywhere (Global=) have failed on this machine. Other machines do not tell of theirs. */
static void judge_globals(json_t *cluster, const json_t *globals) {
        json_t *row;
        size_t i;

        json_array_foreach((json_t *) globals, i, row)
                if (streq(get_string(row, "active_state"), "failed")) {
                        add_wrong(cluster, "unit-failed", get_string(row, "unit"),
                                        "has failed here, and runs on every other machine that fits");
                        say_next(cluster, "see: journalctl -u %s", SHELL_WORD(get_string(row, "unit")));
                }
}

/* ---- machines and the registry ---- */

/* Whether it is not known that the machine is up, and it may well be: its TTL is not over since it was last heard. */
static bool is_heard_of(const json_t *row) {
        const json_t *heard = json_object_get(row, "heard_ago_usec");

        return json_is_null(json_object_get(row, "up")) && json_is_integer(heard) &&
               json_integer_value(heard) < get_integer(row, "ttl_usec");
}

/* Says what to do about a machine that is silent. It may be off, leased may be stopped there, or it is cut off. */
static void next_for_silent(json_t *cluster, const json_t *row) {
        const json_t *heard = json_object_get(row, "heard_ago_usec"), *machines = json_object_get(cluster, "machines");
        const char *name = MACHINE_TYPED(machines, get_string(row, "machine_id"));

        if (get_integer(row, "held") > 0)
                say_next(cluster, "if it is off: leasectl confirm-dead %s", name);
        else if (!json_is_integer(heard)) /* stopped, or nobody can tell for how long it is silent */
                say_next(cluster, "there: systemctl enable --now leased; if it is gone for good: leasectl forget %s",
                                name);
        else
                say_next(cluster,
                                "if it is on, there: systemctl status leased; if it is gone for good: leasectl forget "
                                "%s",
                                name);
}

static void judge_machines(json_t *cluster) {
        const json_t *machines = json_object_get(cluster, "machines");
        json_t *row;
        size_t i;

        json_array_foreach((json_t *) machines, i, row) {
                const json_t *up = json_object_get(row, "up"), *heard = json_object_get(row, "heard_ago_usec");
                char name[HOSTNAME_SHOWN], span[32], text[96] = "";

                if (json_is_true(up) || is_heard_of(row))
                        continue;
                if (json_is_integer(json_object_get(row, "stopped_ago_usec")))
                        (void) snprintf(text, sizeof(text), ": leased was stopped there %s ago",
                                        format_span(span, sizeof(span),
                                                        (usec_t) get_integer(row, "stopped_ago_usec")));
                else if (json_is_false(up)) /* a machine on which leased is stopped takes its beat away */
                        str_copy(text, sizeof(text), ": leased was stopped there, or is not heard");
                (void) machine_name(machines, get_string(row, "machine_id"), name, sizeof(name));
                if (json_is_integer(heard))
                        (void) snprintf(text, sizeof(text), ", last heard %s ago",
                                        format_span(span, sizeof(span), (usec_t) json_integer_value(heard)));
                if (json_is_null(up)) {
                        add_wrong(cluster, "machine-unknown", name, "is not known to be up%s", text);
                        say_next(cluster, "see: leasectl registry");
                } else {
                        add_wrong(cluster, "machine-silent", name, "is silent%s", text);
                        next_for_silent(cluster, row);
                }
        }
}

/* Says why this machine takes no leases, or no machine does, in a pause. That this machine drains is an operator's
 * wish, which its row tells on every machine: nothing is wrong because of it. */
static void judge_away(json_t *cluster, const json_t *manager) {
        static const char kind[] = "machine-away", all[] = "cluster";
        const char *by = get_string(manager, "PausedBy");

        if (streq(get_string(manager, "Paused"), "ending") && pause_waits_for_all(manager)) {
                add_wrong(cluster, kind, all, "no lease moves " PAUSE_WAITS);
                say_next(cluster, "if a machine is off: leasectl confirm-dead MACHINE");
        } else if (streq(get_string(manager, "Paused"), "ending")) {
                add_wrong(cluster, kind, all,
                                "no machine takes a lease until all holders beat, a TTL after leasectl resume at the "
                                "latest");
        } else if (*get_string(manager, "Paused")) {
                add_wrong(cluster, kind, all, "paused%s%s: no machine takes a lease", *by ? " by " : "", by);
                say_next(cluster, "until: leasectl resume");
        } else if (get_integer(manager, "WhyNotCode") != WHY_DRAINING) {
                add_wrong(cluster, kind, "this machine", "takes no leases: %s", get_string(manager, "WhyNot"));
                say_next(cluster, "see: leasectl status");
        }
}

static void judge_registry(json_t *cluster, const json_t *manager) {
        const json_t *lines = json_object_get(manager, "ConfigurationErrors");
        const char *state = get_string(manager, "RegistryState");
        json_t *line;
        size_t i;

        if (!streq(state, "ok") || !get_boolean(manager, "Known")) {
                add_wrong(cluster, "registry", "registry", "%s: %s",
                                streq(state, "foreign") ? "not accepted"
                                : streq(state, "ok")    ? "silent"
                                                        : state,
                                *get_string(manager, "LastError") ? get_string(manager, "LastError")
                                                                  : get_string(manager, "RegistryError"));
                say_next(cluster, "see: leasectl registry");
        } else if (*get_string(manager, "WhyNot"))
                judge_away(cluster, manager);
        json_array_foreach((json_t *) lines, i, line) {
                const char *text = strempty(json_string_value(line));

                add_wrong(cluster, "configuration", strstr(text, "leased.conf") ? "leased.conf" : "options", "%s",
                                text);
                say_next(cluster, "mend it, then: leasectl reload");
        }
        if (*get_string(manager, "UnitsError")) {
                add_wrong(cluster, "configuration", "units", "%s", get_string(manager, "UnitsError"));
                say_next(cluster, "mend it, then: leasectl reload");
        }
}

/* Gives each machine its version and the rows of its units. */
static void complete_machines(json_t *cluster, const json_t *rows, const json_t *manager) {
        const json_t *versions = json_object_get(manager, "MachineVersions");
        json_auto_t *by_machine = json_object();
        json_t *row, *machine;
        size_t i;

        json_array_foreach((json_t *) rows, i, row) {
                const char *id = get_string(row, "machine_id");

                if (!json_object_get(by_machine, id))
                        (void) json_object_set_new(by_machine, id, json_array());
                (void) json_array_append(json_object_get(by_machine, id), row);
        }
        json_array_foreach(json_object_get(cluster, "machines"), i, machine) {
                const char *id = get_string(machine, "machine_id");
                json_t *units = json_object_get(by_machine, id);

                (void) json_object_set_new(machine, "version", json_string(get_string(versions, id)));
                (void) json_object_set_new(machine, "units", units ? json_incref(units) : json_array());
        }
}

/* ---- all of it ---- */

/* Whether the machine has taken the unit's lease so lately that the unit starts there, although the machine has not
 * told so yet: not even that it did not run the unit before, if the unit was only just enabled. */
static bool is_starting(const json_t *machines, const json_t *row) {
        usec_t since = (usec_t) get_integer(row, "held_since_usec");

        return now_realtime() <= usec_add(since, patience_of(machines, row));
}

/* Has every verb say the same of a unit whose machine has told nothing since it took the lease: that the unit starts,
 * or that it is held, and since when that is so. What the machine told before is of a time when it did not hold the
 * lease. */
static void complete_held(const json_t *machines, json_t *rows) {
        json_t *row;
        size_t i;

        json_array_foreach(rows, i, row) {
                if (!streq(get_string(row, "state"), "held") || get_integer(row, "held_since_usec") <= 0)
                        continue;
                (void) json_object_set(row, "since_usec", json_object_get(row, "held_since_usec"));
                if (is_starting(machines, row))
                        (void) json_object_set_new(row, "state", json_string("starting"));
        }
}

/* Reads the rows of the units of one machine, or with "" of all machines, by the names of the units. */
static int read_units(Ctl *ctl, const char *machine_id, json_t **ret_rows, json_t **ret_revision) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        json_auto_t *answer = NULL, *rows = json_array();
        json_t *row;
        size_t i;
        int r = bus_call(ctl->bus, &bus_leased, "ListClusterUnits", &answer, &error, "sast", machine_id, 0,
                        (uint64_t) 0);

        if (r < 0)
                return bus_complain(NULL, r, &error);
        json_array_foreach(json_array_get(answer, 1), i, row)
                (void) json_array_append_new(rows, unit_row_new(row));
        *ret_rows = rows_sorted(rows, "unit");
        *ret_revision = json_incref(json_array_get(answer, 0));
        return CTL_OK;
}

/* Reads the units of this machine that run everywhere, as rows like those of read_units(), with what is known of them.
 */
static int read_globals(Ctl *ctl, const json_t *manager, json_t **ret) {
        json_auto_t *states = NULL, *rows = json_array();
        json_t *row;
        size_t i;
        int code = unit_states_read(ctl, manager, &states);

        json_array_foreach(states, i, row)
                if (get_boolean(row, "global"))
                        (void) json_array_append_new(rows,
                                        json_pack("{s:O, s:O, s:s, s:O, s:O, s:s, s:i, s:b, s:i, s:i, s:i, s:s, s:i}",
                                                        "unit", json_object_get(row, "unit"), "machine_id",
                                                        json_object_get(manager, "MachineID"), "lease", "", "state",
                                                        json_object_get(row, "state"), "active_state",
                                                        json_object_get(row, "active_state"), "result", "",
                                                        "since_usec", 0, "holds", 0, "index", 0, "held_since_usec", 0,
                                                        "code", 0, "why", "", "copies", 0));
        *ret = json_incref(rows);
        return code;
}

/* Gives an object whose keys are the units that should leave their holder, and fit on no other machine. leased is
 * asked about all units only if a machine drains that holds one, or if a unit here says so of itself. */
static int read_stuck(Ctl *ctl, const json_t *machines, const json_t *rows, json_t **ret) {
        json_auto_t *units = NULL, *stuck = json_object();
        bool any = false;
        json_t *row;
        size_t i;
        int code = CTL_OK;

        json_array_foreach((json_t *) rows, i, row)
                any |= get_boolean(row, "holds") &&
                       (get_integer(row, "code") == WHY_STUCK ||
                                       get_boolean(machines_find(machines, get_string(row, "machine_id")),
                                                       "draining"));
        if (any)
                code = units_read(ctl, &units);
        json_array_foreach(units, i, row)
                if (get_boolean(row, "stuck"))
                        (void) json_object_set_new(stuck, get_string(row, "unit"), json_true());
        *ret = json_incref(stuck);
        return code;
}

int cluster_units_read(Ctl *ctl, const char *machine_id, json_t **ret) {
        json_auto_t *revision = NULL, *machines = NULL, *rows = NULL;
        int code = machines_read(ctl, &machines);

        if (code == CTL_OK)
                code = read_units(ctl, machine_id, &rows, &revision);
        if (code != CTL_OK)
                return code;
        complete_held(machines, rows);
        *ret = TAKE_PTR(rows);
        return CTL_OK;
}

static json_t *registry_new(const json_t *manager) {
        return json_pack("{s:s, s:s, s:I, s:s, s:s}", "kind", get_string(manager, "Registry"), "state",
                        get_string(manager, "RegistryState"), "since_usec", get_integer(manager, "RegistrySinceUSec"),
                        "endpoint", get_string(manager, "RegistryEndpoint"), "error",
                        get_string(manager, "RegistryError"));
}

int cluster_read(Ctl *ctl, json_t **ret) {
        json_auto_t *machines = NULL, *manager = NULL, *rows = NULL, *revision = NULL, *cluster = NULL, *stuck = NULL,
                    *globals = NULL, *all = NULL;
        char paused[200];
        int code = machines_read_all(ctl, &machines, &manager);

        if (code == CTL_OK)
                code = read_units(ctl, "", &rows, &revision);
        if (code == CTL_OK)
                code = free_units_explain(ctl, machines, rows);
        if (code == CTL_OK)
                code = read_stuck(ctl, machines, rows, &stuck);
        if (code == CTL_OK)
                code = read_globals(ctl, manager, &globals);
        if (code != CTL_OK)
                return code;
        complete_held(machines, rows);
        cluster = json_pack("{s:b, s:b, s:o, s:[], s:O, s:O}", "well", 0, "known", registry_known(manager) == CTL_OK,
                        "registry", registry_new(manager), "wrong", "machines", machines, "revision", revision);
        if (pause_text(manager, paused, sizeof(paused)))
                (void) json_object_set_new(cluster, "paused", json_string(paused));
        all = json_copy(rows);
        (void) json_array_extend(all, globals);
        complete_machines(cluster, all, manager);
        judge_registry(cluster, manager);
        judge_units(cluster, rows, stuck);
        judge_globals(cluster, globals);
        judge_machines(cluster);
        (void) json_object_set_new(
                        cluster, "well", json_boolean(json_array_size(json_object_get(cluster, "wrong")) == 0));
        *ret = TAKE_PTR(cluster);
        return CTL_OK;
}
