/* SPDX-License-Identifier: Apache-2.0 */

/*
 * leasectl status: shows this machine in one screen. With the name of a unit it shows that unit in one screen: who
 * holds the lease and since when, and of every machine why it does not.
 */

#include "core/why.h"
#include "ctl/cluster.h"
#include "ctl/copies.h"
#include "ctl/free-units.h"
#include "ctl/leases.h"
#include "ctl/logs.h"
#include "ctl/machines.h"
#include "ctl/output.h"
#include "ctl/outside.h"
#include "ctl/pause.h"
#include "ctl/pid1.h"
#include "ctl/registry.h"
#include "ctl/snake.h"
#include "ctl/stamp.h"
#include "util/shell-word.h"

#include <inttypes.h>
#include <stdio.h>

enum {
        LINES_SHOWN = 10, /* of the journal */
        STATE_SIZE = 256,
};

/* ---- the machine ---- */

static void print_metadata(const json_t *manager) {
        char text[METADATA_SIZE];

        machine_metadata(json_object_get(manager, "Metadata"), text, sizeof(text));
        if (text[0])
                print_field("Metadata", "%s", text);
}

static void print_configuration(const json_t *manager) {
        const json_t *lines = json_object_get(manager, "ConfigurationErrors");
        json_t *line;
        size_t i;

        json_array_foreach((json_t *) lines, i, line)
                print_field(i == 0 ? "Bad lines" : "", "%s%s%s", colour_on(COLOUR_RED),
                                strempty(json_string_value(line)), colour_off());
        if (json_array_size(lines) > 0)
                print_field("", "what was in force before goes on; after correcting it: leasectl reload");
}

/* Prints the versions of leased and of its guard, which may be another one after an upgrade. */
static void print_versions(const json_t *manager) {
        const char *daemon = get_string(manager, "Version"), *guard = get_string(manager, "GuardVersion");
        bool same = streq(daemon, guard);

        print_field("leased", "%s, guard %s%s%s%s", daemon, same ? "" : colour_on(COLOUR_YELLOW),
                        *guard ? guard : "not known", same ? "" : colour_off(),
                        *guard && !same ? ": systemctl reload leased-guard" : "");
}

static void print_units(const json_t *units) {
        size_t held = 0, unknown = 0, i;
        char more[64] = "";
        json_t *unit;

        json_array_foreach((json_t *) units, i, unit) {
                held += get_boolean(unit, "local");
                unknown += json_is_null(json_object_get(unit, "held"));
        }
        if (unknown > 0)
                (void) snprintf(more, sizeof(more), ", %zu unknown", unknown);
        print_field("Units", "%zu enabled here, %zu held by this machine%s", json_array_size(units), held, more);
        json_array_foreach((json_t *) units, i, unit) {
                const char *state = get_string(unit, "state");

                if (get_boolean(unit, "global") && !streq(state, "waiting"))
                        print_field("", "%s: %s%s%s, as on every machine that fits", get_string(unit, "unit"),
                                        colour_on(colour_of_state(state)), state, colour_off());
                if (json_is_null(json_object_get(unit, "held")))
                        print_field("", "%s: %s%s%s, %s here", get_string(unit, "unit"),
                                        colour_on(colour_of_state(state)), state, colour_off(),
                                        get_string(unit, "active_state"));
                if (get_boolean(unit, "local"))
                        print_field("", "%s: %s%s%s, Index %" JSON_INTEGER_FORMAT, get_string(unit, "unit"),
                                        colour_on(colour_of_state(state)), state, colour_off(),
                                        get_integer(unit, "index"));
        }
}

/* Prints what this machine does not take of what was submitted to the cluster. */
static void print_refused(const json_t *manager) {
        json_t *row;
        size_t i, n = 0;

        json_array_foreach(json_object_get(manager, "UnitFiles"), i, row) {
                json_int_t code = json_integer_value(json_array_get(row, 3));

                if (code == WHY_FILE_IN_FORCE || code == WHY_FILE_DESTROYED || code == WHY_FILE_DISABLED)
                        continue;
                print_field(n++ == 0 ? "Submitted" : "", "%s%s%s: %s", colour_on(COLOUR_YELLOW), string_at(row, 0),
                                colour_off(), string_at(row, 4));
        }
}

static int status_machine(Ctl *ctl) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        json_auto_t *manager = NULL, *units = NULL, *machines = NULL;
        char span[32], paused[200];
        int r = bus_get_manager(ctl->bus, &manager, &error), code;

        if (r < 0)
                return bus_complain(NULL, r, &error);
        code = ctl->json == JSON_OFF ? unit_states_read(ctl, manager, &units) : units_read(ctl, &units);
        if (code != CTL_OK)
                return code;
        code = *get_string(manager, "UnitsError")                                                   ? CTL_FAILED
               : streq(get_string(manager, "RegistryState"), "ok") && get_boolean(manager, "Known") ? CTL_OK
                                                                                                    : CTL_UNKNOWN;
        if (ctl->json != JSON_OFF) {
                json_auto_t *members = snake_members(manager);

                (void) json_object_set(members, "units", units);
                print_json(ctl, members);
                return code;
        }
        print_versions(manager);
        print_field("Machine", "%s", get_string(manager, "MachineID"));
        registry_print_state(ctl, manager);
        print_field("TTL", "%s", format_span(span, sizeof(span), (usec_t) get_integer(manager, "TTLUSec")));
        registry_print_beat(ctl, manager);
        print_configuration(manager);
        print_metadata(manager);
        if (pause_text(manager, paused, sizeof(paused)))
                print_field("Pause", "%s%s%s", colour_on(COLOUR_YELLOW), paused, colour_off());
        if (get_boolean(manager, "Draining"))
                print_field("Draining", "%syes%s, takes no leases until%s: leasectl undrain", colour_on(COLOUR_YELLOW),
                                colour_off(), get_boolean(manager, "DrainsUntilReboot") ? " it boots, or" : "");
        if (json_array_size(json_object_get(manager, "UnconfirmedMachines")) > 0 &&
                        machines_read(ctl, &machines) == CTL_OK)
                machines_print_unconfirmed(machines);
        print_units(units);
        print_refused(manager);
        if (*get_string(manager, "UnitsError"))
                print_field("", "%s%s%s", colour_on(COLOUR_RED), get_string(manager, "UnitsError"), colour_off());
        return code;
}

/* ---- one unit ---- */

/* Names the holder at the time when the registry last answered, if one was ever known here. */
static void print_unknown_holder(const json_t *unit, const json_t *manager) {
        const char *machine = get_string(unit, "last_machine_id"), *host = get_string(unit, "last_hostname");
        usec_t heard = (usec_t) get_integer(manager, "HeardUSec"), now = now_boottime();
        char span[32];

        if (*machine && heard > 0 && now >= heard)
                print_field("Holder", "%sunknown%s; %s when the registry last answered, %s ago", colour_on(COLOUR_RED),
                                colour_off(), *host ? host : machine, format_span(span, sizeof(span), now - heard));
        else
                print_field("Holder", "%sunknown%s", colour_on(COLOUR_RED), colour_off());
}

/* Writes how the unit is on the machine of this row: "running since 12:03:10". */
static const char *state_there(char buf[static STATE_SIZE], const json_t *there) {
        const char *state = get_string(there, "state"), *result = get_string(there, "result");
        usec_t at = (usec_t) get_integer(there, "since_usec");
        char since[32];

        (void) snprintf(buf, STATE_SIZE, "%s%s%s%s%s%s%s", colour_on(colour_of_state(state)), state, colour_off(),
                        at > 0 ? " since " : "", at > 0 ? stamp_format(since, sizeof(since), at) : "",
                        *result ? ", " : "", result);
        return buf;
}

/* Prints who holds the unit, and how it is there. The argument there is the row of another machine that holds it;
 * NULL: none does, or nothing is known. */
static void print_holder(const json_t *unit, const json_t *manager, const json_t *there) {
        const char *host = get_string(unit, "hostname"), *machine = get_string(unit, "machine_id");
        usec_t left = (usec_t) get_integer(unit, "time_remaining_usec"),
               since = (usec_t) get_integer(unit, "since_usec");
        char text[128], span[32], key[HOSTNAME_SHOWN + 16], state[STATE_SIZE];

        if (json_is_null(json_object_get(unit, "held")))
                print_unknown_holder(unit, manager);
        else if (!get_boolean(unit, "held"))
                print_field("Holder", "%snobody%s", colour_on(COLOUR_YELLOW), colour_off());
        else if (*host)
                print_field("Holder", "%s%s%s, machine %s%s", colour_on(COLOUR_BOLD), host, colour_off(), machine,
                                get_boolean(unit, "local") ? " (this machine)" : "");
        else
                print_field("Holder", "machine %s%s", machine, get_boolean(unit, "local") ? " (this machine)" : "");
        if (there) {
                (void) snprintf(key, sizeof(key), "State on %.64s", *host ? host : "it");
                print_field(key, "%s", state_there(state, there));
        }
        if (since > 0 && !json_is_null(json_object_get(unit, "held")))
                print_field(get_boolean(unit, "held")                      ? "Since"
                                : streq(get_string(unit, "state"), "done") ? "Done since"
                                                                           : "Free since",
                                "%s", format_since(text, sizeof(text), since));
        if (get_integer(unit, "index") > 0)
                print_field("Index", "%" JSON_INTEGER_FORMAT, get_integer(unit, "index"));
        if (get_boolean(unit, "held") && left > 0)
                print_field("Time left", "%s unless renewed", format_span(span, sizeof(span), left));
}

static void print_deadlines(const Ctl *ctl, const json_t *unit) {
        usec_t stop = (usec_t) get_integer(unit, "stop_at_usec"), kill = (usec_t) get_integer(unit, "kill_at_usec");
        usec_t now = now_boottime();
        char a[32], b[32];

        if (!ctl->host && stop > now && kill > now)
                print_field("Without beats", "stopped in %s, killed in %s", format_span(a, sizeof(a), stop - now),
                                format_span(b, sizeof(b), kill - now));
}

static void append_machine(json_t *to, const json_t *why_not, const char *machine_id, const char *hostname) {
        json_t *why;
        size_t i;

        json_array_foreach((json_t *) why_not, i, why) {
                if (!streq(get_string(why, "machine_id"), machine_id))
                        continue;
                (void) json_object_set_new(why, "hostname", json_string(hostname));
                (void) json_array_append(to, why);
        }
}

/* Sorts the lines of the machines: the holder's, then that of this machine, then the others by their names. */
static void sort_why_not(json_t *unit, const json_t *machines, const char *here) {
        json_t *why_not = json_object_get(unit, "why_not"), *machine;
        json_auto_t *sorted = json_array();
        const char *holder = get_string(unit, "machine_id");
        size_t i;

        append_machine(sorted, why_not, holder, get_string(machines_find(machines, holder), "hostname"));
        if (!streq(here, holder))
                append_machine(sorted, why_not, here, get_string(machines_find(machines, here), "hostname"));
        json_array_foreach((json_t *) machines, i, machine) {
                const char *id = get_string(machine, "machine_id");

                if (!streq(id, holder) && !streq(id, here))
                        append_machine(sorted, why_not, id, get_string(machine, "hostname"));
        }
        (void) json_object_set(unit, "why_not", sorted);
}

/* Whether the line of a machine says "On": the holder's does, but for this machine only while the unit runs or starts.
 */
static bool is_on(const json_t *unit, bool here) {
        const char *state = get_string(unit, "state");

        if (json_is_null(json_object_get(unit, "held")))
                return false;
        return !here || streq(state, "running") || streq(state, "starting");
}

/* Prints the line of a machine that holds one of several copies: which one, and how it is there. */
static void print_has_copy(const char *key, const json_t *unit, const json_t *there) {
        char state[STATE_SIZE];

        print_field(key, "holds %s%s%s", get_string(unit, "lease"), there ? ", " : "",
                        there ? state_there(state, there) : "");
}

/* Prints a line for each machine. */
static void print_why_not(const json_t *unit, const json_t *machines, const char *here, const json_t *there) {
        json_t *why;
        size_t i;

        json_array_foreach(json_object_get(unit, "why_not"), i, why) {
                const char *id = get_string(why, "machine_id");
                bool own = streq(id, here), copy = get_integer(why, "code") == WHY_HAS_COPY,
                     on = copy || (streq(id, get_string(unit, "machine_id")) && is_on(unit, own));
                char name[HOSTNAME_SHOWN], key[HOSTNAME_SHOWN + 8];

                (void) snprintf(key, sizeof(key), "%s %s", on ? "On" : "Not on",
                                machine_name(machines, id, name, sizeof(name)));
                if (own)
                        (void) snprintf(key, sizeof(key), "%s", on ? "Here" : "Not here");
                if (copies_are_of(unit) && get_integer(why, "code") == WHY_HOLDS)
                        print_has_copy(key, unit, there);
                else
                        print_field(key, "%s", get_string(why, "why"));
        }
}

/* Prints a line for each copy that a machine has. */
static void print_copies(const json_t *unit, const char *here) {
        const json_t *holders = json_object_get(unit, "copy_holders");
        json_t *holder;
        size_t i;

        print_field("Copies", "%zu of %" JSON_INTEGER_FORMAT, json_array_size(holders), get_integer(unit, "copies"));
        json_array_foreach((json_t *) holders, i, holder) {
                const char *machine = get_string(holder, "machine_id"), *host = get_string(holder, "hostname"),
                           *state = get_string(holder, "state");

                print_field("", "%s on %s%s: %s%s%s", get_string(holder, "lease"), *host ? host : machine,
                                streq(machine, here) ? " (this machine)" : "", colour_on(colour_of_state(state)),
                                state, colour_off());
        }
}

static void print_unit(const Ctl *ctl, const json_t *unit, const json_t *manager, const json_t *there) {
        const char *name = get_string(unit, "unit"), *lease = get_string(unit, "lease"),
                   *state = get_string(unit, "state"), *active = get_string(unit, "active_state"),
                   *sub = get_string(unit, "sub_state");
        bool again = streq(active, state), more = !streq(sub, active);

        print_field("Unit", "%s%s%s", colour_on(COLOUR_BOLD), name, colour_off());
        if (*lease && !streq(lease, name) && (get_boolean(unit, "local") || !copies_are_of(unit)))
                print_field("Lease", "%s", lease);
        if (get_boolean(unit, "global"))
                print_field("Lease", "none, it runs on every machine that fits");
        print_field("State here", "%s%s%s%s%s%s%s%s", colour_on(colour_of_state(state)), state, colour_off(),
                        again ? "" : ", ", again ? "" : active, more ? " (" : "", more ? sub : "", more ? ")" : "");
        if (*get_string(unit, "slice"))
                print_field("Slice", "%s", get_string(unit, "slice"));
        if (get_boolean(unit, "global"))
                return;
        if (copies_are_of(unit))
                print_copies(unit, get_string(manager, "MachineID"));
        if (!copies_are_of(unit) || get_boolean(unit, "local"))
                print_holder(unit, manager, there);
        print_deadlines(ctl, unit);
}

/* Prints a line of the unit that enable would refuse, but that was written after the unit was enabled. The unit
 * runs on all the same. The files of another machine cannot be read from here. */
static void print_outside(Ctl *ctl, const char *name) {
        json_auto_t *unit = NULL, *findings = json_array();

        if (ctl->host || pid1_load(ctl->bus, name, &unit) != CTL_OK)
                return;
        (void) outside_examine(ctl, name, unit, false, findings);
        if (json_array_size(findings) > 0)
                print_field("Outside", "%s%s%s", colour_on(COLOUR_RED),
                                get_string(json_array_get(findings, 0), "text"), colour_off());
}

/* Reads the row of the unit on another machine that holds it, as that machine has told last; *ret is NULL if no
 * other machine does. */
static int read_there(Ctl *ctl, const char *name, const json_t *unit, json_t **ret) {
        json_auto_t *rows = NULL;
        json_t *row;
        size_t i;
        int code;

        *ret = NULL;
        if (get_boolean(unit, "local") || get_boolean(unit, "global") || !get_boolean(unit, "held"))
                return CTL_OK;
        code = cluster_units_read(ctl, get_string(unit, "machine_id"), &rows);
        json_array_foreach(rows, i, row)
                if (!*ret && streq(get_string(row, "unit"), name))
                        *ret = json_incref(row);
        return code;
}

/* Says of a unit that nobody holds since it has failed, and that no machine is about to take, what to do. */
static int print_failed(Ctl *ctl, const char *name, const json_t *unit, const json_t *machines) {
        json_auto_t *rows = NULL;
        const json_t *failed = NULL;
        char host[HOSTNAME_SHOWN];
        json_t *row;
        size_t i;
        int code;

        if (!json_is_false(json_object_get(unit, "held")) || get_boolean(unit, "global") || copies_are_of(unit))
                return CTL_OK;
        json_array_foreach(json_object_get(unit, "why_not"), i, row)
                if (free_units_takes(get_integer(row, "code")))
                        return CTL_OK;
        code = cluster_units_read(ctl, "", &rows);
        json_array_foreach(rows, i, row)
                if (streq(get_string(row, "unit"), name) && streq(get_string(row, "state"), "failed") && !failed)
                        failed = row;
        if (failed)
                print_field("Next", "it has failed on %s; when it is repaired, there: leasectl steal %s",
                                machine_name(machines, get_string(failed, "machine_id"), host, sizeof(host)),
                                SHELL_WORD(name));
        return code;
}

/* Prints the last lines of the unit's journal on the machine that holds it, or, if they cannot be read, how to see
 * them there. If nobody holds it, this machine's lines may say why. */
static void print_journal(const Ctl *ctl, const char *name, const json_t *unit, const json_t *there) {
        if (json_is_null(json_object_get(unit, "held")) && !get_boolean(unit, "local") && !get_boolean(unit, "global"))
                return;
        if (there && (ctl->host || !ctl->legend || streq(get_string(there, "state"), "silent") ||
                                     !logs_print(get_string(unit, "hostname"), name, LINES_SHOWN)))
                print_field("Journal", "on %s: journalctl -u %s",
                                *get_string(unit, "hostname") ? get_string(unit, "hostname")
                                                              : get_string(unit, "machine_id"),
                                SHELL_WORD(name));
        else if (!there && ctl->legend && (get_boolean(unit, "local") || !get_boolean(unit, "held")))
                (void) logs_print(ctl->host, name, LINES_SHOWN);
}

static int status_unit(Ctl *ctl, const char *name, json_t **ret) {
        json_auto_t *unit = NULL, *machines = NULL, *manager = NULL, *rows = NULL, *there = NULL;
        const char *here;
        char at[128];
        int code = unit_read_one(ctl, name, &unit);

        if (code == CTL_OK)
                code = machines_read_all(ctl, &machines, &manager);
        if (code != CTL_OK)
                return code;
        rows = json_pack("[O]", unit);
        code = copies_add(ctl, rows);
        if (code != CTL_OK)
                return code;
        here = get_string(manager, "MachineID");
        sort_why_not(unit, machines, here);
        *ret = json_incref(unit);
        if (ctl->json != JSON_OFF)
                return CTL_OK;
        code = read_there(ctl, name, unit, &there);
        print_unit(ctl, unit, manager, there);
        print_why_not(unit, machines, here, there);
        print_outside(ctl, name);
        if (code == CTL_OK)
                code = print_failed(ctl, name, unit, machines);
        if (*get_string(unit, "last_error"))
                print_field("Last error", "%s", get_string(unit, "last_error"));
        if (get_integer(unit, "last_error_usec") > 0)
                print_field("At", "%s", format_since(at, sizeof(at), (usec_t) get_integer(unit, "last_error_usec")));
        print_journal(ctl, name, unit, there);
        return code;
}

static int status_units(Ctl *ctl, int argc, char **argv) {
        json_auto_t *rows = json_array();
        int code = CTL_OK;

        for (int i = 0; i < argc; i++) {
                _cleanup_free_ char *name = unit_name_resolve(ctl, argv[i]);
                json_auto_t *row = NULL;
                int c;

                if (i > 0 && ctl->json == JSON_OFF)
                        say("%s", "");
                c = status_unit(ctl, strempty(name), &row);
                if (row)
                        (void) json_array_append(rows, row);
                if (c == CTL_OK && !get_boolean(row, "held") && !get_boolean(row, "global"))
                        c = json_is_null(json_object_get(row, "held")) ? CTL_UNKNOWN : CTL_NOT_HELD;
                if (c != CTL_OK)
                        code = c;
        }
        if (ctl->json != JSON_OFF && argc > 1)
                print_json(ctl, rows);
        else if (ctl->json != JSON_OFF && json_array_size(rows) > 0)
                print_json(ctl, json_array_get(rows, 0));
        return code;
}

int verb_status(Ctl *ctl, int argc, char **argv) {
        return argc == 0 ? status_machine(ctl) : status_units(ctl, argc, argv);
}
