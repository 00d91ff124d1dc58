/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/rehearse.h"

#include <errno.h>
#include <stdio.h>

#include "conf/conf.h"
#include "core/record.h"
#include "core/why.h"
#include "ctl/all-machines.h"
#include "ctl/bus.h"
#include "ctl/leases.h"
#include "ctl/machines.h"
#include "ctl/output.h"
#include "ctl/registry.h"

enum {
        TEXT_SIZE = 4096, /* of all that stands against a unit */
        NAMES_MAX = 40,   /* the columns that the longest name of a unit may take */
};

/* ---- asking ---- */

/* Makes a row from what Rehearse says of a unit. */
static json_t *to_row(const json_t *said) {
        json_t *others = json_array(), *other;
        size_t i;

        json_array_foreach(json_array_get(said, 5), i, other)
                (void) json_array_append_new(
                                others, json_pack("{s:O, s:O, s:O, s:O}", "machine_id", json_array_get(other, 0),
                                                        "hostname", json_array_get(other, 1), "code",
                                                        json_array_get(other, 2), "why", json_array_get(other, 3)));
        return json_pack("{s:O, s:O, s:O, s:O, s:O, s:o}", "unit", json_array_get(said, 0), "from",
                        json_array_get(said, 1), "to", json_array_get(said, 2), "code", json_array_get(said, 3), "why",
                        json_array_get(said, 4), "others", others);
}

int rehearse_read(Ctl *ctl, const char *verb, size_t n, char *const *units, const char *machine_id, json_t **ret) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        json_auto_t *answer = NULL, *rows = json_array();
        json_t *said;
        size_t i;
        int r = sd_bus_message_new_method_call(
                        ctl->bus, &m, bus_leased.name, bus_leased.path, bus_leased.interface, "Rehearse");

        if (r >= 0)
                r = sd_bus_message_append(m, "s", verb);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "s");
        for (i = 0; i < n && r >= 0; i++)
                r = sd_bus_message_append(m, "s", units[i]);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        if (r >= 0)
                r = sd_bus_message_append(m, "s", machine_id);
        if (r >= 0)
                r = bus_send(ctl->bus, m, &answer, &error);
        if (r < 0)
                return bus_complain(verb, r, &error);
        json_array_foreach(json_array_get(answer, 0), i, said)
                (void) json_array_append_new(rows, to_row(said));
        *ret = json_incref(rows);
        return CTL_OK;
}

/* ---- printing ---- */

/* Writes what stands against each machine: "beta: conflict with db2.service; gamma: draining". */
static void describe_others(const json_t *machines, const json_t *others, char text[static TEXT_SIZE]) {
        json_t *other;
        size_t i;

        text[0] = '\0';
        json_array_foreach((json_t *) others, i, other) {
                char name[HOSTNAME_SHOWN];
                size_t n = strlen(text);

                (void) snprintf(text + n, TEXT_SIZE - n, "%s%s: %s", n ? "; " : "",
                                machine_name(machines, get_string(other, "machine_id"), name, sizeof(name)),
                                get_string(other, "why"));
        }
        if (!*text)
                str_copy(text, TEXT_SIZE, "there is no other machine");
}

/* Prints one row; width is that of the column of names. */
static void print_row(const json_t *machines, const char *verb, const json_t *row, int width) {
        const char *unit = get_string(row, "unit"), *from = get_string(row, "from"), *to = get_string(row, "to");
        char holder[HOSTNAME_SHOWN] = "", target[HOSTNAME_SHOWN], why[TEXT_SIZE];
        size_t indent = (size_t) width + 2;

        if (*from)
                (void) machine_name(machines, from, holder, sizeof(holder));
        if (*to) {
                (void) machine_name(machines, to, target, sizeof(target));
                say("%-*s  %s%s→ %s%s%s", width, unit, holder, *holder ? " " : "", colour_on(COLOUR_GREEN), target,
                                colour_off());
                return;
        }
        str_copy(why, sizeof(why), get_string(row, "why"));
        if (!*why)
                describe_others(machines, json_object_get(row, "others"), why);
        if (get_integer(row, "code") == WHY_HOLDS || get_integer(row, "code") == WHY_HERE_ALREADY)
                str_copy(why, sizeof(why), "is there already");
        if (get_integer(row, "code") == WHY_NOT_KNOWN_HERE)
                say_wrapped(indent, "%-*s  %s%s→ ? (it is not enabled here; a machine where it is can tell)", width,
                                unit, holder, *holder ? " " : "");
        else if (!*holder)
                say_wrapped(indent, "%-*s  %s", width, unit, why);
        else if ((streq(verb, "release") || streq(verb, "disable")) && get_integer(row, "code") == WHY_NONE)
                say_wrapped(indent, "%-*s  %s %s→ nobody%s (%s)", width, unit, holder, colour_on(COLOUR_YELLOW),
                                colour_off(), why);
        else
                say_wrapped(indent, "%-*s  %sstays%s on %s (%s)", width, unit, colour_on(COLOUR_YELLOW), colour_off(),
                                holder, why);
}

static int code_of_row(const json_t *row) {
        json_int_t why = get_integer(row, "code");

        if (*get_string(row, "to") || why == WHY_HELD_ELSEWHERE)
                return CTL_OK;
        return why == WHY_HELD_BY_NOBODY ? CTL_NOT_HELD : CTL_FAILED;
}

int rehearse_print_rows(Ctl *ctl, const char *verb, const json_t *rows) {
        json_auto_t *machines = NULL;
        int code = machines_read(ctl, &machines), width = 0;
        json_t *row;
        size_t i;

        if (code != CTL_OK)
                return code;
        json_array_foreach((json_t *) rows, i, row) {
                int c = code_of_row(row);

                if ((int) output_columns(get_string(row, "unit")) > width)
                        width = MIN((int) output_columns(get_string(row, "unit")), (int) NAMES_MAX);
                if (c != CTL_OK)
                        code = c;
        }
        if (ctl->json != JSON_OFF)
                print_json(ctl, rows);
        else
                json_array_foreach((json_t *) rows, i, row)
                        print_row(machines, verb, row, width);
        return code;
}

/* Does what rehearse_read() does, with names as they were typed. */
static int read_typed(Ctl *ctl, const char *verb, size_t n, char *const *typed, const char *machine_id, json_t **ret) {
        _cleanup_(strv_freep) char **units = NULL;

        for (size_t i = 0; i < n; i++) {
                _cleanup_free_ char *name = unit_name_resolve(ctl, typed[i]);

                if (!name || strv_add(&units, name) < 0)
                        return ctl_fail("%s: out of memory", verb);
        }
        return rehearse_read(ctl, verb, strv_length(units), units, machine_id, ret);
}

/* A unit that another machine holds stays there, whatever is done to its files here. */
int rehearse_disable(Ctl *ctl, size_t n, char *const *typed) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        json_auto_t *rows = NULL, *manager = NULL;
        json_t *row;
        size_t i;
        int r = bus_get_manager(ctl->bus, &manager, &error), code;

        if (r < 0)
                return bus_complain("disable", r, &error);
        code = read_typed(ctl, "release", n, typed, "", &rows);
        if (code != CTL_OK)
                return code;
        json_array_foreach(rows, i, row) {
                const char *from = get_string(row, "from");

                if (!*from || streq(from, get_string(manager, "MachineID")))
                        continue;
                (void) json_object_set_new(row, "to", json_string(""));
                (void) json_object_set_new(row, "code", json_integer(WHY_HELD_ELSEWHERE));
                (void) json_object_set_new(row, "why", json_string("this machine does not hold it"));
        }
        return rehearse_print_rows(ctl, "disable", rows);
}

int rehearse_print(Ctl *ctl, const char *verb, size_t n, char *const *typed, const char *machine_id) {
        json_auto_t *rows = NULL;
        int code = n == 0 ? registry_refuse_unknown(ctl, verb)
                          : CTL_OK; /* which units are meant is not known either */

        if (code == CTL_OK)
                code = read_typed(ctl, verb, n, typed, machine_id, &rows);
        if (code == CTL_OK)
                code = rehearse_print_rows(ctl, verb, rows);
        if (code == CTL_OK && json_array_size(rows) == 0 && ctl->json == JSON_OFF && ctl->legend)
                say("nothing would move");
        return code;
}

/* ---- where a unit would run ---- */

/* Whether the unit is enabled on that machine, by what the machines have told. */
static bool is_enabled_on(const json_t *offers, const char *unit, const char *machine_id) {
        json_t *offer;
        size_t i;

        json_array_foreach((json_t *) offers, i, offer)
                if (streq(string_at(offer, 0), unit) && streq(string_at(offer, 1), machine_id))
                        return true;
        return false;
}

/* Gives which copy of the unit the machine has; 0: none. */
static unsigned copy_on(const json_t *offers, const char *unit, const char *machine_id) {
        json_t *offer;
        size_t i;

        json_array_foreach((json_t *) offers, i, offer)
                if (streq(string_at(offer, 0), unit) && streq(string_at(offer, 1), machine_id) &&
                                json_is_true(json_array_get(offer, 7)))
                        return lease_slot(string_at(offer, 2));
        return 0;
}

/* Keeps the rows of all_machines_explain() that count: this machine, and those on which the unit is enabled. */
static int read_places(Ctl *ctl, const char *unit, const char *text, json_t **ret) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        json_auto_t *manager = NULL, *all = NULL, *offers = NULL, *rows = json_array();
        json_t *row;
        size_t i, fit;
        int code, r = bus_get_manager(ctl->bus, &manager, &error);

        if (r >= 0)
                r = bus_call(ctl->bus, &bus_leased, "ListClusterUnits", &offers, &error, "sast", "", 0, (uint64_t) 0);
        if (r < 0)
                return bus_complain(unit, r, &error);
        code = all_machines_explain(ctl, unit, text, get_string(manager, "MachineID"), &all, &fit);
        json_array_foreach(all, i, row)
                if (get_boolean(row, "here") ||
                                is_enabled_on(json_array_get(offers, 1), unit, get_string(row, "machine_id"))) {
                        (void) json_object_set_new(row, "copy",
                                        json_integer(copy_on(json_array_get(offers, 1), unit,
                                                        get_string(row, "machine_id"))));
                        (void) json_array_append(rows, row);
                }
        *ret = json_incref(rows);
        return code;
}

static const json_t *find_true(const json_t *rows, const char *key) {
        json_t *row;
        size_t i;

        json_array_foreach((json_t *) rows, i, row)
                if (get_boolean(row, key))
                        return row;
        return NULL;
}

/* Gives how many copies of the unit there are with these options; 0: it has none. */
static unsigned copies_wanted(const char *unit, const char *text) {
        _cleanup_(unit_options_freep) UnitOptions *options = NULL;
        _cleanup_(messages_done) Messages m = {};

        if (text)
                (void) unit_options_preview_text("", unit, text, strlen(text), &options, &m);
        else
                (void) unit_options_preview("", unit, &options, &m);
        return options ? options->config.slots : 0;
}

/* Where a copy would be on a machine, or is. */
enum {
        COPY_STAYS,
        COPY_COMES,
        COPY_LEAVES,
        _COPY_MAX,
};

/* Says on which machines the copies of the unit stay, and which come and leave. */
static int place_copies(const json_t *machines, const json_t *rows, const char *unit, unsigned copies) {
        static const char *const words[_COPY_MAX] = { "stays on ", "would run on ", "leaves " };
        char lists[_COPY_MAX][TEXT_SIZE] = {}, why[(_COPY_MAX + 1) * TEXT_SIZE], name[HOSTNAME_SHOWN];
        size_t i, n = 0;
        json_t *row;

        for (unsigned pass = 0; pass < 2; pass++) /* those that are there come first */
                json_array_foreach((json_t *) rows, i, row) {
                        unsigned copy = (unsigned) get_integer(row, "copy"), what;
                        bool fits = get_boolean(row, "fits");
                        char *list;

                        if ((copy > 0) != (pass == 0) || (copy == 0 && (!fits || n >= copies)))
                                continue;
                        what = copy == 0 ? COPY_COMES : fits && copy <= copies ? COPY_STAYS : COPY_LEAVES;
                        n += what != COPY_LEAVES;
                        list = lists[what];
                        (void) snprintf(list + strlen(list), sizeof(lists[0]) - strlen(list), "%s%s",
                                        *list ? ", " : "",
                                        machine_name(machines, get_string(row, "machine_id"), name, sizeof(name)));
                }
        if (n == 0) {
                describe_others(machines, rows, why);
                say_wrapped(2, "%s: would run nowhere (%s)", unit, why);
                return CTL_FAILED;
        }
        why[0] = '\0';
        for (i = 0; i < _COPY_MAX; i++)
                if (*lists[i])
                        (void) snprintf(why + strlen(why), sizeof(why) - strlen(why), "%s%s%s", *why ? "; " : "",
                                        words[i], lists[i]);
        say_hanging(2, "%s: %s", unit, why);
        return CTL_OK;
}

int rehearse_place(Ctl *ctl, const char *unit, const char *text) {
        json_auto_t *rows = NULL, *machines = NULL;
        const json_t *holder, *first;
        char name[HOSTNAME_SHOWN], target[HOSTNAME_SHOWN], why[TEXT_SIZE];
        int code = machines_read(ctl, &machines);
        unsigned copies = copies_wanted(unit, text);

        if (code == CTL_OK)
                code = read_places(ctl, unit, text, &rows);
        if (code != CTL_OK)
                return code;
        if (copies > 1)
                return place_copies(machines, rows, unit, copies);
        holder = find_true(rows, "holds");
        first = holder && get_boolean(holder, "fits") ? holder : find_true(rows, "fits");
        if (holder)
                (void) machine_name(machines, get_string(holder, "machine_id"), name, sizeof(name));
        if (!first) {
                describe_others(machines, rows, why);
                say_wrapped(2, "%s: would run nowhere (%s)", unit, why);
                return CTL_FAILED;
        }
        (void) machine_name(machines, get_string(first, "machine_id"), target, sizeof(target));
        if (first == holder)
                say("%s: stays on %s", unit, target);
        else if (holder)
                say("%s: %s → %s", unit, name, target);
        else
                say("%s: would run on %s", unit, target);
        return CTL_OK;
}
