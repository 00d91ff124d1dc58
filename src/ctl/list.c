/* SPDX-License-Identifier: Apache-2.0 */

/* leasectl list: shows the units that are enabled here and who holds them; with a machine, the units that are enabled
 * there and how they are; with --all, all leases in the registry. */

#include "core/record.h"
#include "ctl/cluster.h"
#include "ctl/copies.h"
#include "ctl/leases.h"
#include "ctl/machines.h"
#include "ctl/output.h"
#include "ctl/pause.h"
#include "ctl/registry.h"
#include "ctl/stamp.h"
#include "util/names.h"
#include "util/text.h"
#include "util/unit-name.h"

/* Sets the member that shows the holder: the host name, or the beginning of the machine id if the host name is not
 * known. */
static void add_holders(json_t *rows) {
        json_t *row;
        size_t i;

        json_array_foreach(rows, i, row) {
                _cleanup_free_ char *copies = NULL;
                char holder[80];
                const char *host = get_string(row, "hostname");

                if (get_boolean(row, "global"))
                        host = "everywhere";
                else if (json_object_get(row, "copy_holders"))
                        host = strempty(copies = copies_text(row));
                else if (json_is_null(json_object_get(row, "held")))
                        host = "unknown";
                else if (!get_boolean(row, "held"))
                        host = "";
                else if (!*host) {
                        str_copy(holder, 9, get_string(row, "machine_id"));
                        host = holder;
                }
                (void) json_object_set_new(row, "holder", json_string(host));
        }
}

/* Adds a word to the list that the object has by this key, unless the list has the word. */
static void add_word(json_t *object, const char *key, const char *word) {
        json_t *list = json_object_get(object, key), *each;
        size_t i;

        if (!*word)
                return;
        json_array_foreach(list, i, each) {
                if (streq(json_string_value(each), word))
                        return;
        }
        if (!list) {
                list = json_array();
                (void) json_object_set_new(object, key, list);
        }
        (void) json_array_append_new(list, json_string(word));
}

/* Gives such a list as text, "alpha, beta", owned by the caller. NULL: there are no words, or no memory. */
static char *words_text(const json_t *list) {
        char *text = NULL;
        json_t *each;
        size_t i;

        json_array_foreach((json_t *) list, i, each) {
                char *longer = text_format("%s%s%s", strempty(text), text ? ", " : "", json_string_value(each));

                free(text);
                text = longer;
        }
        return text;
}

/* Shows of each unit that is elsewhere its state there, as its holders have told it. */
static int add_states_there(Ctl *ctl, json_t *rows) {
        json_auto_t *units = NULL, *states = json_object();
        json_t *row;
        size_t i;
        int code = CTL_OK;

        json_array_foreach(rows, i, row) {
                if (streq(get_string(row, "state"), "elsewhere") && !units)
                        code = cluster_units_read(ctl, "", &units);
                if (code != CTL_OK)
                        return code;
        }
        json_array_foreach(units, i, row)
                if (get_boolean(row, "holds"))
                        add_word(states, get_string(row, "unit"), get_string(row, "state"));
        json_array_foreach(rows, i, row) {
                _cleanup_free_ char *there = words_text(json_object_get(states, get_string(row, "unit")));

                if (streq(get_string(row, "state"), "elsewhere") && there)
                        (void) json_object_set_new(row, "state", json_string(there));
        }
        return CTL_OK;
}

/* Returns CTL_OK if all holders are known, or CTL_UNKNOWN. */
static int all_holders_known(const json_t *rows) {
        json_t *row;
        size_t i;

        json_array_foreach((json_t *) rows, i, row) {
                if (json_is_null(json_object_get(row, "held")))
                        return CTL_UNKNOWN;
        }
        return CTL_OK;
}

/* Gives the lease, or in its place that of the first copy, which stands for those of all copies. */
static const char *first_of(const char *lease, char buf[static NAME_SIZE]) {
        if (lease_slot(lease) == 0 || !lease_has_room_for_slots(lease))
                return lease;
        lease_name_slot(lease, 1, buf);
        return buf;
}

/* Says of each lease whose it is, in the member kind: "unit"; "run", of a command; or "program", for a lease that was
 * taken over D-Bus. A unit may call its lease as it likes (Lease=), so the names that the units of all machines give
 * are looked at as well. */
static int add_kinds(Ctl *ctl, json_t *leases) {
        json_auto_t *units = NULL, *of_units = json_object();
        char first[NAME_SIZE];
        json_t *row;
        size_t i;
        int code = cluster_units_read(ctl, "", &units);

        if (code != CTL_OK)
                return code;
        json_array_foreach(units, i, row)
                if (!startswith(get_string(row, "unit"), RUN_UNIT_PREFIX))
                        (void) json_object_set_new(of_units, first_of(get_string(row, "lease"), first), json_true());
        json_array_foreach(leases, i, row) {
                const char *lease = get_string(row, "lease");
                bool unit = get_boolean(of_units, first_of(lease, first)) ||
                            unit_name_kind(lease) != UNIT_NAME_INVALID;

                (void) json_object_set_new(row, "kind",
                                json_string(get_integer(row, "period_usec") > 0 ? "program"
                                                : unit                          ? "unit"
                                                                                : "run"));
        }
        return CTL_OK;
}

static int list_leases(Ctl *ctl) {
        static const Column columns[] = {
                { .title = "LEASE", .key = "lease" },
                { .title = "UNIT HERE", .key = "unit" },
                { .title = "HOLDER", .key = "holder" },
                { .title = "INDEX", .key = "index", .format = format_json_index, .right = true },
                { .title = "TIME LEFT", .key = "time_remaining_usec", .format = format_json_span, .right = true },
                { .title = "OF", .key = "kind" },
        };
        json_auto_t *rows = NULL;
        int code = leases_read(ctl, &rows);

        if (code == CTL_OK)
                code = add_kinds(ctl, rows);
        if (code != CTL_OK)
                return code;
        if (ctl->json == JSON_OFF)
                add_holders(rows);
        print_rows(ctl, rows, columns, ELEMENTSOF(columns), "There is no lease in the registry.");
        return all_holders_known(rows);
}

static int read_rows(Ctl *ctl, json_t **ret, json_t **ret_manager) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r = bus_get_manager(ctl->bus, ret_manager, &error), code;

        if (r < 0)
                return bus_complain(NULL, r, &error);
        code = ctl->json == JSON_OFF ? unit_states_read(ctl, *ret_manager, ret) : units_read(ctl, ret);
        if (code == CTL_OK && json_array_size(*ret) == 0 && *get_string(*ret_manager, "UnitsError"))
                return ctl_fail("%s", get_string(*ret_manager, "UnitsError"));
        return code;
}

/* Gives the rows of one machine. Of a unit that another machine holds, the reason names that machine. */
static int read_units_of(Ctl *ctl, const json_t *machines, const char *machine_id, json_t **ret) {
        json_auto_t *all = NULL, *holders = json_object(), *rows = json_array();
        char name[HOSTNAME_SHOWN];
        json_t *row;
        size_t i;
        int code = cluster_units_read(ctl, "", &all);

        json_array_foreach(all, i, row)
                if (get_boolean(row, "holds"))
                        add_word(holders, get_string(row, "unit"),
                                        machine_name(machines, get_string(row, "machine_id"), name, sizeof(name)));
        json_array_foreach(all, i, row) {
                const json_t *of_unit = json_object_get(holders, get_string(row, "unit"));
                _cleanup_free_ char *names = words_text(of_unit), *why = NULL;

                if (!streq(get_string(row, "machine_id"), machine_id))
                        continue;
                (void) json_array_append(rows, row);
                if (!streq(get_string(row, "state"), "elsewhere") || *get_string(row, "why") || !names)
                        continue;
                why = text_format("%s %s", names, json_array_size(of_unit) > 1 ? "hold copies" : "holds it");
                (void) json_object_set_new(row, "why", json_string(strempty(why)));
        }
        *ret = json_incref(rows);
        return code;
}

/* Lists the units that are enabled on another machine, as that machine has told last. */
static int list_machine(Ctl *ctl, const char *typed) {
        static const Column columns[] = {
                { .title = "UNIT", .key = "unit" },
                { .title = "STATE", .key = "state", .colour = colour_of_state },
                { .title = "SINCE", .key = "since_usec", .format = stamp_format_json },
                { .title = "WHY", .key = "why", .wrap = true },
        };
        json_auto_t *machines = NULL, *manager = NULL, *rows = NULL;
        _cleanup_free_ char *otherwise = text_format("; of a unit: leasectl status %s", typed);
        const json_t *machine;
        int code = machines_read_all(ctl, &machines, &manager);

        if (code == CTL_OK)
                code = machines_resolve_or(machines, typed, strempty(otherwise), &machine);
        if (code == CTL_OK && ctl->json != JSON_OFF)
                code = cluster_units_read(ctl, get_string(machine, "machine_id"), &rows);
        else if (code == CTL_OK)
                code = read_units_of(ctl, machines, get_string(machine, "machine_id"), &rows);
        if (code != CTL_OK)
                return code;
        print_rows(ctl, rows, columns, ELEMENTSOF(columns), "No unit is enabled on that machine");
        return registry_known(manager);
}

int verb_list(Ctl *ctl, int argc, char **argv) {
        static const Column columns[] = {
                { .title = "UNIT", .key = "unit" },
                { .title = "STATE", .key = "state", .colour = colour_of_state },
                { .title = "HOLDER", .key = "holder" },
                { .title = "INDEX", .key = "index", .format = format_json_index, .right = true },
                { .title = "TIME LEFT", .key = "time_remaining_usec", .format = format_json_span, .right = true },
        };
        json_auto_t *rows = NULL, *manager = NULL;
        int code;

        if (argc > 0 && ctl->all) {
                complain("list: --all lists the leases of all machines, so leave out MACHINE");
                return CTL_USAGE;
        }
        if (argc > 0)
                return list_machine(ctl, argv[0]);
        if (ctl->all)
                return list_leases(ctl);
        code = read_rows(ctl, &rows, &manager);
        if (code != CTL_OK)
                return code;
        code = copies_add(ctl, rows);
        if (code == CTL_OK && ctl->json == JSON_OFF)
                code = add_states_there(ctl, rows);
        if (code == CTL_OK)
                code = all_holders_known(rows);
        if (ctl->json == JSON_OFF)
                add_holders(rows);
        print_rows(ctl, rows, columns, ELEMENTSOF(columns),
                        "No unit is enabled on this machine: leasectl enable UNIT");
        pause_print(ctl, manager);
        return code;
}
