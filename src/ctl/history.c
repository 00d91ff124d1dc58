/* SPDX-License-Identifier: Apache-2.0 */

/* leasectl history: who held which lease, from when to when, and why it ended: the last 16 tenures and the present
 * one. */

#include "ctl/bus-many.h"
#include "ctl/leases.h"
#include "ctl/machines.h"
#include "ctl/message-json.h"
#include "ctl/output.h"
#include "ctl/registry.h"
#include "ctl/screen.h"

#include <stdio.h>

static void add_row(json_t *rows, const json_t *machines, const char *lease, const json_t *machine_id,
                const json_t *index, const json_t *from, const json_t *to, const char *why, const json_t *code) {
        const json_t *machine = machines_find(machines, strempty(json_string_value(machine_id)));

        (void) json_array_append_new(rows,
                        json_pack("{s:s, s:O, s:s, s:O, s:O, s:o, s:s, s:O*}", "lease", lease, "machine_id",
                                        machine_id, "hostname", get_string(machine, "hostname"), "index", index,
                                        "from_usec", from, "to_usec", to ? json_incref((json_t *) to) : json_null(),
                                        "why", why, "code", (json_t *) code));
}

/* Adds to the row of the present tenure whether it still is one. A silent holder is about to lose the lease, or
 * would if another machine were there to take it. The member standing is "held", "silent" or "unknown"; heard_usec is
 * the CLOCK_REALTIME at which the holder was last heard, null if that was just now. */
static void add_standing(json_t *row, const json_t *machines, const json_t *lease) {
        const json_t *machine = machines_find(machines, get_string(row, "machine_id")),
                     *up = json_object_get(machine, "up");
        bool of_session = get_integer(lease, "PeriodUSec") == 0;
        const char *standing = !get_boolean(lease, "Known") ? "unknown"
                               : !of_session ? get_integer(lease, "TimeRemainingUSec") > 0 ? "held" : "silent"
                               : !machine || json_is_null(up) ? "unknown"
                               : json_is_true(up)             ? "held"
                                                              : "silent";
        json_int_t age = get_integer(machine, "heard_ago_usec");

        (void) json_object_set_new(row, "standing", json_string(standing));
        (void) json_object_set_new(row, "heard_usec",
                        of_session && age > 0 && !streq(standing, "held")
                                        ? json_integer((json_int_t) now_realtime() - age)
                                        : json_null());
}

/* Adds the tenures of one lease, the newest last. The argument tenures is the answer of GetHistory, and props are
 * the properties of org.leased1.Lease. */
static void add_lease(
                json_t *rows, const json_t *machines, const char *name, const json_t *tenures, const json_t *props) {
        json_t *t;
        size_t i;

        json_array_foreach(json_array_get(tenures, 0), i, t)
                add_row(rows, machines, name, json_array_get(t, 0), json_array_get(t, 1), json_array_get(t, 2),
                                json_array_get(t, 3), string_at(t, 4), json_array_get(json_array_get(tenures, 1), i));
        if (*get_string(props, "MachineID")) {
                add_row(rows, machines, name, json_object_get(props, "MachineID"), json_object_get(props, "Index"),
                                json_object_get(props, "SinceUSec"), NULL, "", NULL);
                add_standing(json_array_get(rows, json_array_size(rows) - 1), machines, props);
        }
}

static int read_lease(Ctl *ctl, const json_t *machines, const char *name, json_t *rows, sd_bus_error *error) {
        _cleanup_free_ char *path = NULL;
        json_auto_t *tenures = NULL, *props = NULL;
        int r = bus_call(ctl->bus, &bus_leased, "GetHistory", &tenures, error, "s", name);

        if (r >= 0)
                r = sd_bus_path_encode(LEASED_LEASE_PATH, name, &path);
        if (r >= 0)
                r = bus_get_lease(ctl->bus, path, &props, error);
        if (r >= 0)
                add_lease(rows, machines, name, tenures, props);
        return r;
}

/* Reads what was typed: a unit that is enabled here, or a lease, which mostly has the name of its unit. */
static int read_typed(Ctl *ctl, const json_t *machines, const char *typed, json_t *rows) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL, ignored = SD_BUS_ERROR_NULL;
        _cleanup_free_ char *unit = unit_name_resolve(ctl, typed), *lease = NULL;
        int r;

        if (unit_lease_name(ctl, strempty(unit), &lease) > 0)
                r = read_lease(ctl, machines, lease, rows, &error);
        else {
                r = read_lease(ctl, machines, typed, rows, &error);
                if (r < 0 && sd_bus_error_has_name(&error, LEASED_ERROR("NoSuchLease")) &&
                                !streq(typed, strempty(unit)) &&
                                read_lease(ctl, machines, strempty(unit), rows, &ignored) >= 0)
                        r = 0;
        }
        return r < 0 ? bus_complain(typed, r, &error) : CTL_OK;
}

/* All leases. leased is asked for the tenures of all of them at once. */
typedef struct All {
        sd_bus *bus;
        const json_t *machines;
        json_t *leases, *rows; /* leases: properties of org.leased1.Lease */
} All;

static int make(size_t i, sd_bus_message **ret, void *userdata) {
        const All *all = userdata;
        int r = sd_bus_message_new_method_call(
                        all->bus, ret, bus_leased.name, bus_leased.path, bus_leased.interface, "GetHistory");

        return r < 0 ? r : sd_bus_message_append(*ret, "s", get_string(json_array_get(all->leases, i), "Name"));
}

/* Takes the tenures of one lease. A lease that has gone meanwhile has no history any more. */
static void take(size_t i, sd_bus_message *answer, const sd_bus_error *error, void *userdata) {
        const All *all = userdata;
        const json_t *lease = json_array_get(all->leases, i);
        json_auto_t *tenures = NULL;

        if (!error && message_json_body(answer, &tenures) >= 0)
                add_lease(all->rows, all->machines, get_string(lease, "Name"), tenures, lease);
}

static int read_all(Ctl *ctl, const json_t *machines, json_t **ret) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        json_auto_t *objects = NULL, *leases = json_array(), *rows = json_array();
        All all = { .bus = ctl->bus, .machines = machines, .leases = leases, .rows = rows };
        const BusMany calls = { .make = make, .take = take, .userdata = &all };
        json_t *object, *lease;
        const char *path;
        int r = bus_get_objects(ctl->bus, &objects, &error);

        json_object_foreach(objects, path, object) {
                lease = json_object_get(object, LEASED_LEASE);
                if (lease)
                        (void) json_array_append(leases, lease);
        }
        if (r >= 0)
                r = bus_call_many(ctl->bus, json_array_size(leases), &calls);
        if (r < 0)
                return bus_complain("history", r, &error);
        *ret = rows_sorted(rows, "lease");
        return CTL_OK;
}

/* ---- printing ---- */

static void format_stamp(const json_t *value, char *buf, size_t size) {
        if (json_is_string(value))
                str_copy(buf, size, json_string_value(value));
        else
                (void) screen_stamp(buf, size, (usec_t) json_integer_value(value));
}

/* Makes a row for the time between two tenures in which nobody had the lease; NULL if that was shorter than a
 * second. */
static json_t *gap_between(const json_t *before, const json_t *after) {
        json_int_t from = get_integer(before, "to_usec"), to = get_integer(after, "from_usec");

        if (!before || !streq(get_string(before, "lease"), get_string(after, "lease")) || from == 0 ||
                        to - from < (json_int_t) USEC_PER_SEC)
                return NULL;
        return json_pack("{s:s, s:s, s:i, s:I, s:I, s:I, s:s}", "lease", get_string(after, "lease"), "holder", "-",
                        "index", 0, "from_usec", from, "to_usec", to, "for_usec", to - from, "why", "held by nobody");
}

static void complete_row(json_t *row) {
        json_int_t from = get_integer(row, "from_usec"), to = get_integer(row, "to_usec");
        const char *standing = get_string(row, "standing");
        char holder[HOSTNAME_SHOWN];

        str_copy(holder, sizeof(holder), get_string(row, "hostname"));
        if (!*holder)
                str_copy(holder, 9, get_string(row, "machine_id"));
        if (to == 0 && get_integer(row, "heard_usec") > 0) {
                to = get_integer(row, "heard_usec");
                (void) json_object_set_new(row, "to_usec", json_integer(to));
        } else if (to == 0) {
                (void) json_object_set_new(row, "to_usec", json_string(streq(standing, "held") ? "now" : "?"));
                to = (json_int_t) now_realtime();
        }
        if (*standing && !streq(standing, "held"))
                (void) json_object_set_new(row, "why", json_string(standing));
        (void) json_object_set_new(row, "holder", json_string(holder));
        (void) json_object_set_new(row, "for_usec", json_integer(MAX(to - from, 0)));
}

/* Gives the rows as people see them, with a row for each time in which nobody had the lease. */
static json_t *complete(const json_t *rows) {
        json_t *all = json_array(), *row;
        size_t i;

        json_array_foreach((json_t *) rows, i, row) {
                json_t *gap = gap_between(i > 0 ? json_array_get(rows, i - 1) : NULL, row);

                if (gap)
                        (void) json_array_append_new(all, gap);
                (void) json_array_append(all, row);
        }
        json_array_foreach((json_t *) rows, i, row)
                complete_row(row);
        return all;
}

int verb_history(Ctl *ctl, int argc, char **argv) {
        static const Column columns[] = {
                { .title = "LEASE", .key = "lease" },
                { .title = "HOLDER", .key = "holder" },
                { .title = "INDEX", .key = "index", .format = format_json_index, .right = true },
                { .title = "FROM", .key = "from_usec", .format = format_stamp },
                { .title = "TO", .key = "to_usec", .format = format_stamp },
                { .title = "FOR", .key = "for_usec", .format = format_json_span, .right = true },
                { .title = "ENDED", .key = "why" },
        };
        json_auto_t *machines = NULL, *manager = NULL, *rows = NULL;
        int code = machines_read_all(ctl, &machines, &manager);

        if (code != CTL_OK)
                return code;
        if (argc == 0) {
                code = read_all(ctl, machines, &rows);
                if (code != CTL_OK)
                        return code;
        } else
                rows = json_array();
        for (int i = 0; i < argc; i++) {
                int c = read_typed(ctl, machines, argv[i], rows);

                if (c != CTL_OK)
                        code = c;
        }
        if (ctl->json == JSON_OFF && rows) {
                json_t *shown = complete(rows);

                json_decref(rows);
                rows = shown;
        }
        if (code == CTL_OK || json_array_size(rows) > 0)
                print_rows(ctl, rows, columns, ELEMENTSOF(columns),
                                registry_known(manager) == CTL_OK ? "No lease has been held yet"
                                                                  : "No lease is known yet");
        return code != CTL_OK ? code : registry_known(manager);
}
