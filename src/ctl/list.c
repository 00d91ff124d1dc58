/* SPDX-License-Identifier: Apache-2.0 */

/* leasectl list: shows the units that are enabled here, or those of them that are named, and who holds them; with a
 * machine, the units that are enabled there and how they are; with --all, all leases in the registry. */

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
#include "util/suggest.h"
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
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        json_auto_t *rows = NULL, *manager = NULL;
        int r = bus_get_manager(ctl->bus, &manager, &error),
            code = r < 0 ? bus_complain(NULL, r, &error) : leases_read(ctl, &rows);
        bool known;

        if (code == CTL_OK)
                code = add_kinds(ctl, rows);
        if (code != CTL_OK)
                return code;
        if (ctl->json == JSON_OFF)
                add_holders(rows);
        known = registry_known(manager) == CTL_OK;
        print_rows(ctl, rows, columns, ELEMENTSOF(columns),
                        known ? "There is no lease in the registry."
                              : "Which leases there are is not known now, see: leasectl registry");
        return known ? all_holders_known(rows) : CTL_UNKNOWN;
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
static int list_machine(Ctl *ctl, const json_t *machines, const json_t *manager, const json_t *machine) {
        static const Column columns[] = {
                { .title = "UNIT", .key = "unit" },
                { .title = "STATE", .key = "state", .colour = colour_of_state },
                { .title = "SINCE", .key = "since_usec", .format = stamp_format_json },
                { .title = "WHY", .key = "why", .wrap = true },
        };
        const char *id = get_string(machine, "machine_id");
        json_auto_t *rows = NULL;
        bool known = registry_known(manager) == CTL_OK;
        int code = ctl->json != JSON_OFF ? cluster_units_read(ctl, id, &rows)
                                         : read_units_of(ctl, machines, id, &rows);

        if (code != CTL_OK)
                return code;
        print_rows(ctl, rows, columns, ELEMENTSOF(columns),
                        known ? "No unit is enabled on that machine"
                              : "What is enabled on that machine is not known now, see: leasectl registry");
        return known ? CTL_OK : CTL_UNKNOWN;
}

/* ---- units by their names ---- */

/* Says what was meant by a name that is no unit's here: a machine beside other arguments, a unit of other machines, or
 * what has a name that is near. Or that this is not known, since the records are not. */
static int complain_not_here(Ctl *ctl, const json_t *rows, const char *typed, const char *unit) {
        json_auto_t *machines = NULL, *manager = NULL, *all = NULL;
        Suggestion near = suggest_begin(unit), host = suggest_begin(typed);
        const json_t *machine = NULL, *there = NULL;
        char name[HOSTNAME_SHOWN];
        json_t *row;
        size_t i;
        int code = machines_read_all(ctl, &machines, &manager);
        bool known;

        if (code == CTL_OK)
                code = machines_search(machines, typed, &machine);
        if (code == CTL_OK && machine) {
                complain("list: %s is a machine, and is listed alone", typed);
                return CTL_USAGE;
        }
        if (code == CTL_OK)
                code = cluster_units_read(ctl, "", &all);
        if (code != CTL_OK)
                return code;
        json_array_foreach(all, i, row)
                if (streq(get_string(row, "unit"), unit) && (!there || get_boolean(row, "holds")))
                        there = row;
        if (there) {
                (void) machine_name(machines, get_string(there, "machine_id"), name, sizeof(name));
                complain("%s: not enabled here, but on %s: leasectl list %s", unit, name,
                                MACHINE_TYPED(machines, get_string(there, "machine_id")));
                return CTL_NO_SUCH_UNIT;
        }
        json_array_foreach((json_t *) rows, i, row)
                suggest_consider(&near, get_string(row, "unit"));
        json_array_foreach(machines, i, row)
                suggest_consider(&host, get_string(row, "hostname"));
        if (!near.best || (host.best && host.distance < near.distance))
                near = host;
        known = registry_known(manager) == CTL_OK;
        complain("%s: %s, %s%s%s", typed,
                        known ? "no such machine, and no such unit is enabled here"
                              : "no such unit is enabled here, and which machines there are is not known now",
                        near.best ? "did you mean '"
                        : known   ? "see: leasectl"
                                  : "see: leasectl registry",
                        strempty(near.best), near.best ? "'?" : "");
        return known ? CTL_NO_SUCH_UNIT : CTL_UNKNOWN;
}

/* Leaves of the rows those of the units that were named, each once. */
static int choose_rows(Ctl *ctl, size_t n, char *const *names, json_t **rows) {
        json_auto_t *by_name = json_object(), *chosen = json_object(), *left = json_array();
        json_t *row;
        size_t i;

        json_array_foreach(*rows, i, row)
                (void) json_object_set(by_name, get_string(row, "unit"), row);
        for (i = 0; i < n; i++) {
                _cleanup_free_ char *unit = unit_name_resolve(ctl, names[i]);

                if (!unit)
                        return ctl_fail("out of memory");
                if (!json_object_get(by_name, unit))
                        return complain_not_here(ctl, *rows, names[i], unit);
                (void) json_object_set_new(chosen, unit, json_true());
        }
        json_array_foreach(*rows, i, row)
                if (json_object_get(chosen, get_string(row, "unit")))
                        (void) json_array_append(left, row);
        json_decref(*rows);
        *rows = TAKE_PTR(left);
        return CTL_OK;
}

static int list_units(Ctl *ctl, size_t n, char *const *names) {
        static const Column columns[] = {
                { .title = "UNIT", .key = "unit" },
                { .title = "STATE", .key = "state", .colour = colour_of_state },
                { .title = "HOLDER", .key = "holder" },
                { .title = "INDEX", .key = "index", .format = format_json_index, .right = true },
                { .title = "TIME LEFT", .key = "time_remaining_usec", .format = format_json_span, .right = true },
        };
        json_auto_t *rows = NULL, *manager = NULL;
        int code = read_rows(ctl, &rows, &manager);

        if (code == CTL_OK && n > 0)
                code = choose_rows(ctl, n, names, &rows);
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

int verb_list(Ctl *ctl, int argc, char **argv) {
        json_auto_t *machines = NULL, *manager = NULL;
        const json_t *machine = NULL;
        int code = CTL_OK;

        if (argc > 0 && ctl->all) {
                complain("list: --all lists the leases of all machines, so leave out MACHINE and UNIT");
                return CTL_USAGE;
        }
        if (ctl->all)
                return list_leases(ctl);
        if (argc == 1)
                code = machines_read_all(ctl, &machines, &manager);
        if (code == CTL_OK && argc == 1)
                code = machines_search(machines, argv[0], &machine);
        if (code != CTL_OK)
                return code;
        return machine ? list_machine(ctl, machines, manager, machine) : list_units(ctl, (size_t) argc, argv);
}
