/* SPDX-License-Identifier: Apache-2.0 */

/* leasectl history: who held which lease, from when to when, who asked for its end, and why it ended: the last 16
 * tenures and the present one, as the record in the registry says, and earlier ones as the journal of this machine has
 * kept them. When a unit was down within a tenure, the journal of the machine that had the tenure knows.
 */

#include "conf/conf.h"
#include "core/record.h"
#include "core/unit-config.h"
#include "ctl/bus-many.h"
#include "ctl/history-lines.h"
#include "ctl/leases.h"
#include "ctl/machines.h"
#include "ctl/message-json.h"
#include "ctl/output.h"
#include "ctl/pager.h"
#include "ctl/past-there.h"
#include "ctl/past.h"
#include "ctl/picture.h"
#include "ctl/registry.h"

static void add_row(json_t *rows, const json_t *machines, const char *lease, const json_t *machine_id,
                const json_t *index, const json_t *from, const json_t *to, const char *why, const json_t *code,
                const json_t *by) {
        const json_t *machine = machines_find(machines, strempty(json_string_value(machine_id)));

        (void) json_array_append_new(rows,
                        json_pack("{s:s, s:O, s:s, s:O, s:O, s:o, s:s, s:O*, s:O*}", "lease", lease, "machine_id",
                                        machine_id, "hostname", get_string(machine, "hostname"), "index", index,
                                        "from_usec", from, "to_usec", to ? json_incref((json_t *) to) : json_null(),
                                        "why", why, "code", (json_t *) code, "by", (json_t *) by));
}

/* Adds to the row of the present tenure whether it still is one. A silent holder is about to lose the lease, or
 * would if another machine were there to take it. The member standing is "held", "silent" or "unknown"; heard_usec is
 * the CLOCK_REALTIME at which the holder was last heard, null if that was just now. The member kept is there if the
 * holder is silent, and keeps the lease since a pause: nobody takes it before the machine is confirmed dead (law 13).
 * A machine that was booted since holds the lease by an earlier session, and is silent in that one. */
static void add_standing(json_t *row, const json_t *machines, const json_t *lease) {
        const json_t *machine = machines_find(machines, get_string(row, "machine_id")),
                     *up = json_object_get(machine, "up");
        bool of_session = get_integer(lease, "PeriodUSec") == 0,
             booted = json_is_true(up) && get_integer(machine, "up_since_usec") > get_integer(row, "from_usec"),
             kept = of_session && get_boolean(machine, "unconfirmed") && (booted || json_is_false(up));
        const char *standing = !get_boolean(lease, "Known") ? "unknown"
                               : !of_session ? get_integer(lease, "TimeRemainingUSec") > 0 ? "held" : "silent"
                               : !machine || json_is_null(up) ? "unknown"
                               : json_is_true(up) && !kept    ? "held"
                                                              : "silent";
        json_int_t age = get_integer(machine, "heard_ago_usec");

        (void) json_object_set_new(row, "standing", json_string(standing));
        if (kept && streq(standing, "silent"))
                (void) json_object_set_new(row, "kept", json_true());
        (void) json_object_set_new(row, "heard_usec",
                        of_session && age > 0 && !streq(standing, "held")
                                        ? json_integer((json_int_t) now_realtime() - age)
                                        : json_null());
}

typedef struct History {
        Ctl *ctl;
        sd_journal *journal;    /* NULL: cannot be read */
        char own[MACHINE_SIZE]; /* the id of the machine whose journal it is; "": of none */
        json_t *machines, *manager;
        json_t *leases; /* of read_all(): properties of org.leased1.Lease */
        json_t *rows;
} History;

/* Adds the tenures of one lease, the newest last. The argument tenures is the answer of GetHistory, and props are
 * the properties of org.leased1.Lease. */
static void add_lease(const History *h, const char *name, const json_t *tenures, const json_t *props) {
        json_auto_t *rows = json_array();
        json_t *t;
        size_t i;

        json_array_foreach(json_array_get(tenures, 0), i, t)
                add_row(rows, h->machines, name, json_array_get(t, 0), json_array_get(t, 1), json_array_get(t, 2),
                                json_array_get(t, 3), string_at(t, 4), json_array_get(json_array_get(tenures, 1), i),
                                json_array_get(json_array_get(tenures, 2), i));
        if (*get_string(props, "MachineID")) {
                add_row(rows, h->machines, name, json_object_get(props, "MachineID"), json_object_get(props, "Index"),
                                json_object_get(props, "SinceUSec"), NULL, "", NULL, NULL);
                add_standing(json_array_get(rows, json_array_size(rows) - 1), h->machines, props);
        } else if (!get_boolean(props, "Known") && json_array_size(rows) > 0)
                (void) json_object_set_new(
                                json_array_get(rows, json_array_size(rows) - 1), "then", json_string("unknown"));
        past_add(h->journal, h->own, name, h->machines, rows);
        (void) json_array_extend(h->rows, rows);
}

static int read_lease(const History *h, const char *name, sd_bus_error *error) {
        _cleanup_free_ char *path = NULL;
        json_auto_t *tenures = NULL, *props = NULL;
        const json_t *row;
        size_t i;
        int r;

        json_array_foreach(h->rows, i, row)
                if (streq(get_string(row, "lease"), name)) /* it was named, or fitted, twice */
                        return 0;
        r = bus_call(h->ctl->bus, &bus_leased, "GetHistory", &tenures, error, "s", name);
        if (r >= 0)
                r = sd_bus_path_encode(LEASED_LEASE_PATH, name, &path);
        if (r >= 0)
                r = bus_get_lease(h->ctl->bus, path, &props, error);
        if (r >= 0)
                add_lease(h, name, tenures, props);
        return r;
}

/* Reads the leases of all copies of a unit. Those of copies that nobody has had have no history. */
static int read_copies(const History *h, const char *lease, sd_bus_error *error) {
        char name[NAME_SIZE];
        int r = 0;

        for (unsigned i = 1; i <= SLOTS_MAX && r >= 0; i++) {
                lease_name_slot(lease, i, name);
                r = read_lease(h, name, error);
                if (r < 0 && sd_bus_error_has_name(error, LEASED_ERROR("NoSuchLease"))) {
                        sd_bus_error_free(error);
                        r = 0;
                }
        }
        return r;
}

/* Reads what was typed: a unit that is enabled here, or a lease, which mostly has the name of its unit. */
static int read_typed(const History *h, const char *typed) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL, ignored = SD_BUS_ERROR_NULL;
        _cleanup_free_ char *unit = unit_name_resolve(h->ctl, typed), *lease = NULL;
        int r;

        if (unit_lease_name(h->ctl, strempty(unit), &lease) > 0)
                r = lease_slot(lease) > 0 ? read_copies(h, lease, &error) : read_lease(h, lease, &error);
        else {
                r = read_lease(h, typed, &error);
                if (r < 0 && sd_bus_error_has_name(&error, LEASED_ERROR("NoSuchLease")) &&
                                !streq(typed, strempty(unit)) && read_lease(h, strempty(unit), &ignored) >= 0)
                        r = 0;
        }
        return r < 0 ? bus_complain(typed, r, &error) : CTL_OK;
}

/* ---- all leases: leased is asked for the tenures of all of them at once ---- */

static int make(size_t i, sd_bus_message **ret, void *userdata) {
        const History *h = userdata;
        int r = sd_bus_message_new_method_call(
                        h->ctl->bus, ret, bus_leased.name, bus_leased.path, bus_leased.interface, "GetHistory");

        return r < 0 ? r : sd_bus_message_append(*ret, "s", get_string(json_array_get(h->leases, i), "Name"));
}

/* Takes the tenures of one lease. A lease that has gone meanwhile has no history any more. */
static void take(size_t i, sd_bus_message *answer, const sd_bus_error *error, void *userdata) {
        const History *h = userdata;
        const json_t *lease = json_array_get(h->leases, i);
        json_auto_t *tenures = NULL;

        if (!error && message_json_body(answer, &tenures) >= 0)
                add_lease(h, get_string(lease, "Name"), tenures, lease);
}

static int read_all(History *h) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        const BusMany calls = { .make = make, .take = take, .userdata = h };
        json_auto_t *objects = NULL, *leases = json_array();
        json_t *object, *lease, *sorted;
        const char *path;
        int r = bus_get_objects(h->ctl->bus, &objects, &error);

        json_object_foreach(objects, path, object) {
                lease = json_object_get(object, LEASED_LEASE);
                if (lease)
                        (void) json_array_append(leases, lease);
        }
        h->leases = leases;
        if (r >= 0)
                r = bus_call_many(h->ctl->bus, json_array_size(leases), &calls);
        if (r < 0)
                return bus_complain("history", r, &error);
        sorted = rows_sorted(h->rows, "lease");
        json_decref(h->rows);
        h->rows = sorted;
        return CTL_OK;
}

/* ---- the verb ---- */

/* Opens the journal of the machine on which this program runs, if that is one of the cluster, and gives the machine's
 * id. With -H it need not be one, and its journal may tell of leases of another cluster. */
static void open_journal(History *h) {
        _cleanup_(leased_conf_freep) LeasedConf *conf = NULL;
        _cleanup_(messages_done) Messages m = {};
        json_t *machine;
        size_t i;

        h->own[0] = '\0';
        json_array_foreach(h->machines, i, machine)
                if (!h->ctl->host && get_boolean(machine, "here"))
                        str_copy(h->own, MACHINE_SIZE, get_string(machine, "machine_id"));
        if (h->ctl->host && leased_conf_load("", &conf, &m) >= 0 && leased_machine_id(conf, h->own) < 0)
                h->own[0] = '\0';
        if (machines_find(h->machines, h->own))
                h->journal = past_open();
        if (!h->journal)
                h->own[0] = '\0';
}

static int print_history(const History *h) {
        _cleanup_free_ char *unknown = past_there_unknown(h->ctl, h->machines, h->rows);
        const char *empty =
                        registry_known(h->manager) == CTL_OK ? "No lease has been held yet" : "No lease is known yet";

        if (h->ctl->picture_file)
                return picture_write(h->rows, h->ctl->picture_file, unknown);
        if (h->ctl->json != JSON_OFF)
                print_json(h->ctl, h->rows);
        else if (json_array_size(h->rows) == 0) {
                if (h->ctl->legend)
                        say("%s", empty);
        } else {
                pager_open(h->ctl);
                if (h->ctl->picture)
                        picture_print(h->rows);
                else
                        history_lines_print(h->ctl, h->rows);
                if (unknown && h->ctl->legend)
                        say_wrapped(2, "%s", unknown);
                pager_close();
        }
        return CTL_OK;
}

int verb_history(Ctl *ctl, int argc, char **argv) {
        History h = { .ctl = ctl, .rows = json_array() };
        int code = machines_read_all(ctl, &h.machines, &h.manager);
        bool read = code == CTL_OK;

        open_journal(&h);
        if (code == CTL_OK && argc == 0)
                read = (code = read_all(&h)) == CTL_OK;
        for (int i = 0; i < argc && read; i++) {
                int c = read_typed(&h, argv[i]);

                if (c != CTL_OK)
                        code = c;
        }
        if (read)
                past_there_add(ctl, h.machines, h.own, argc == 0, h.rows);
        if (read && (code == CTL_OK || json_array_size(h.rows) > 0)) {
                int c = print_history(&h);

                if (code == CTL_OK)
                        code = c;
        }
        if (code == CTL_OK)
                code = registry_known(h.manager);
        sd_journal_close(h.journal);
        json_decref(h.machines);
        json_decref(h.manager);
        json_decref(h.rows);
        return code;
}
