/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/leases.h"

#include <errno.h>

#include "ctl/files.h"
#include "util/shell-word.h"
#include "util/unit-name.h"

/* Copies a property into the row under another name; null if there is no such property. */
static void copy(json_t *row, const char *key, const json_t *props, const char *property) {
        json_t *value = json_object_get(props, property);

        (void) json_object_set_new(row, key, value ? json_incref(value) : json_null());
}

/* Makes the member why_not from WhyNot and WhyNotCodes, which have the same machines in the same order. */
static json_t *why_not(const json_t *pairs, const json_t *codes) {
        json_t *list = json_array(), *pair;
        size_t i;

        json_array_foreach((json_t *) pairs, i, pair)
                (void) json_array_append_new(list, json_pack("{s:O, s:O, s:O*}", "machine_id", json_array_get(pair, 0),
                                                                   "why", json_array_get(pair, 1), "code",
                                                                   json_array_get(json_array_get(codes, i), 1)));
        return list;
}

/* Puts a row together. The argument lease is NULL if nothing is known of the lease. */
static json_t *row_new(const json_t *unit, const json_t *lease) {
        _cleanup_free_ char *lease_name = NULL;
        bool global = streq(get_string(unit, "Lease"), "/"), known = global || get_boolean(unit, "HolderKnown");
        json_t *row = json_object();

        (void) sd_bus_path_decode(get_string(unit, "Lease"), LEASED_LEASE_PATH, &lease_name);
        copy(row, "unit", unit, "Name");
        copy(row, "state", unit, "State");
        copy(row, "active_state", unit, "ActiveState");
        copy(row, "sub_state", unit, "SubState");
        copy(row, "machine_id", known ? unit : NULL, "MachineID");
        copy(row, "hostname", known ? lease : NULL, "Hostname");
        if (!known && *get_string(lease, "MachineID")) {
                copy(row, "last_machine_id", lease, "MachineID");
                copy(row, "last_hostname", lease, "Hostname");
        }
        copy(row, "index", unit, "LeaseIndex");
        copy(row, "version", lease, "Version");
        copy(row, "since_usec", lease, "SinceUSec");
        copy(row, "time_remaining_usec", lease, "TimeRemainingUSec");
        (void) json_object_set_new(row, "lease", lease_name ? json_string(lease_name) : json_null());
        (void) json_object_set_new(row, "local", known ? json_boolean(get_boolean(lease, "Local")) : json_null());
        (void) json_object_set_new(row, "held", known ? json_boolean(*get_string(unit, "MachineID")) : json_null());
        (void) json_object_set_new(row, "global", json_boolean(global));
        (void) json_object_set_new(row, "stuck", json_boolean(get_boolean(unit, "Stuck")));
        copy(row, "invocation_id", unit, "InvocationID");
        copy(row, "stop_at_usec", unit, "StopAtUSec");
        copy(row, "kill_at_usec", unit, "KillAtUSec");
        copy(row, "slice", unit, "Slice");
        copy(row, "last_error", unit, "LastError");
        copy(row, "last_error_code", unit, "LastErrorCode");
        copy(row, "last_error_usec", unit, "LastErrorUSec");
        (void) json_object_set_new(row, "why_not",
                        why_not(json_object_get(unit, "WhyNot"), json_object_get(unit, "WhyNotCodes")));
        return row;
}

static int by_key(const void *a, const void *b, void *key) {
        return strcmp(get_string(*(json_t *const *) a, key), get_string(*(json_t *const *) b, key));
}

json_t *rows_sorted(const json_t *rows, const char *key) {
        size_t n = json_array_size(rows);
        _cleanup_free_ json_t **list = calloc(n + 1, sizeof(json_t *));
        json_t *ret = json_array();

        if (!list)
                return ret;
        for (size_t i = 0; i < n; i++)
                list[i] = json_array_get(rows, i);
        qsort_r(list, n, sizeof(json_t *), by_key, (void *) key);
        for (size_t i = 0; i < n; i++)
                (void) json_array_append(ret, list[i]);
        return ret;
}

/* Gives the rows of all objects that have the interface, sorted by key. Each row is made by row(), which also gets
 * all objects. */
static int rows_read(Ctl *ctl, const char *interface, json_t *(*row)(const json_t *, const json_t *), const char *key,
                json_t **ret) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        json_auto_t *objects = NULL, *rows = json_array();
        const char *path;
        json_t *object;
        int r = bus_get_objects(ctl->bus, &objects, &error);

        if (r < 0)
                return bus_complain(NULL, r, &error);
        json_object_foreach(objects, path, object) {
                const json_t *properties = json_object_get(object, interface);

                if (properties)
                        (void) json_array_append_new(rows, row(properties, objects));
        }
        *ret = rows_sorted(rows, key);
        return CTL_OK;
}

static json_t *unit_row_new(const json_t *unit, const json_t *objects) {
        return row_new(unit, json_object_get(json_object_get(objects, get_string(unit, "Lease")), LEASED_LEASE));
}

int units_read(Ctl *ctl, json_t **ret) {
        return rows_read(ctl, LEASED_UNIT, unit_row_new, "unit", ret);
}

/* Makes a row of a table, with the members that people see, from a row of ListUnitStates. */
static json_t *state_row_new(const json_t *state, const json_t *machines, const char *here) {
        const char *lease = string_at(state, 3), *machine = string_at(state, 4);
        bool global = !*lease, known = global || json_is_true(json_array_get(state, 5));
        const json_t *holder = known && *machine ? json_object_get(machines, machine) : NULL;

        return json_pack("{s:O, s:O, s:O, s:O, s:s, s:o, s:O, s:O, s:o, s:o, s:b}", "unit", json_array_get(state, 0),
                        "lease", json_array_get(state, 3), "state", json_array_get(state, 1), "active_state",
                        json_array_get(state, 2), "hostname", strempty(json_string_value(holder)), "machine_id",
                        known ? json_string(machine) : json_null(), "index", json_array_get(state, 6),
                        "time_remaining_usec", json_array_get(state, 7), "held",
                        known ? json_boolean(*machine) : json_null(), "local",
                        known ? json_boolean(streq(machine, here)) : json_null(), "global", global);
}

/* Gives {machine id: host name} from the answer of ListMachines. */
static json_t *names_of_machines(const json_t *answer) {
        json_t *names = json_object(), *machine;
        size_t i;

        json_array_foreach(json_array_get(answer, 0), i, machine)
                (void) json_object_set(names, string_at(machine, 0), json_array_get(machine, 1));
        return names;
}

int unit_states_read(Ctl *ctl, const json_t *manager, json_t **ret) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        json_auto_t *states = NULL, *machines = NULL, *names = NULL, *rows = json_array();
        json_t *state;
        size_t i;
        int r = bus_call(ctl->bus, &bus_leased, "ListUnitStates", &states, &error, NULL);

        if (sd_bus_error_has_name(&error, SD_BUS_ERROR_UNKNOWN_METHOD)) /* leased is of an earlier version */
                return units_read(ctl, ret);
        if (r >= 0)
                r = bus_call(ctl->bus, &bus_leased, "ListMachines", &machines, &error, NULL);
        if (r < 0)
                return bus_complain(NULL, r, &error);
        names = names_of_machines(machines);
        json_array_foreach(json_array_get(states, 0), i, state)
                (void) json_array_append_new(rows, state_row_new(state, names, get_string(manager, "MachineID")));
        *ret = rows_sorted(rows, "unit");
        return CTL_OK;
}

static json_t *lease_row_new(const json_t *lease, const json_t *objects) {
        bool known = get_boolean(lease, "Known");
        _cleanup_free_ char *unit = NULL;
        json_t *row = json_object();

        (void) sd_bus_path_decode(get_string(lease, "Unit"), LEASED_PATH "/unit", &unit);
        copy(row, "lease", lease, "Name");
        copy(row, "period_usec", lease, "PeriodUSec");
        (void) json_object_set_new(row, "unit", unit ? json_string(unit) : json_null());
        copy(row, "machine_id", known ? lease : NULL, "MachineID");
        copy(row, "hostname", known ? lease : NULL, "Hostname");
        copy(row, "index", lease, "Index");
        copy(row, "version", lease, "Version");
        copy(row, "since_usec", lease, "SinceUSec");
        copy(row, "time_remaining_usec", lease, "TimeRemainingUSec");
        (void) json_object_set_new(row, "local", known ? json_boolean(get_boolean(lease, "Local")) : json_null());
        (void) json_object_set_new(row, "held", known ? json_boolean(*get_string(lease, "MachineID")) : json_null());
        return row;
}

int leases_read(Ctl *ctl, json_t **ret) {
        return rows_read(ctl, LEASED_LEASE, lease_row_new, "lease", ret);
}

/* Gives the name that PID 1 has for a unit, owned by the caller. NULL if that is the same name: only an alias,
 * which is a link to the file of a unit, gives another one. */
static char *pid1_name(Ctl *ctl, const char *unit) {
        json_auto_t *props = NULL;
        const char *id;

        if (bus_load_unit(ctl->bus, unit, PID1_UNIT, &props, NULL) < 0)
                return NULL;
        id = get_string(props, "Id");
        return *id && !streq(id, unit) ? strdup(id) : NULL;
}

char *unit_name_resolve(Ctl *ctl, const char *typed) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_free_ char *name = unit_name_complete(typed);
        char *id = NULL;

        if (name && bus_call(ctl->bus, &bus_leased, "GetUnit", NULL, &error, "s", name) < 0 &&
                        sd_bus_error_has_name(&error, LEASED_ERROR("NoSuchUnit")))
                id = pid1_name(ctl, name);
        return id ?: TAKE_PTR(name);
}

int unit_read_row(Ctl *ctl, const char *unit, json_t **ret, sd_bus_error *error) {
        json_auto_t *props = NULL, *lease = NULL;
        int r = bus_get_unit(ctl->bus, unit, &props, error);

        if (r < 0)
                return r;
        /* A lease that nobody has ever held has no object yet. */
        (void) bus_get_lease(ctl->bus, get_string(props, "Lease"), &lease, NULL);
        *ret = row_new(props, lease);
        return 0;
}

/* An enable or disable that was broken off, perhaps by a power cut, may have left a unit that nobody can start and
 * leased does not know (ctl/files.h). */
static void note_left_gate(const Ctl *ctl, const char *name) {
        if (!ctl->host && !files_listed(name) && files_gated(name))
                complain("note: %s: it cannot be started all the same, for its gate is left from an enable or disable "
                         "that was broken off: leasectl enable %s, or leasectl disable %s",
                                name, SHELL_WORD(name), SHELL_WORD(name));
}

int unit_read_one(Ctl *ctl, const char *unit, json_t **ret) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r = unit_read_row(ctl, unit, ret, &error), code = r < 0 ? bus_complain(unit, r, &error) : CTL_OK;

        if (code == CTL_NO_SUCH_UNIT)
                note_left_gate(ctl, unit);
        return code;
}

int unit_lease_name(Ctl *ctl, const char *unit, char **ret) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        json_auto_t *props = NULL;
        int r = bus_get_unit(ctl->bus, unit, &props, &error);

        if (sd_bus_error_has_name(&error, LEASED_ERROR("NoSuchUnit")) ||
                        sd_bus_error_has_name(&error, LEASED_ERROR("InvalidName")))
                return 0;
        /* A global unit has no lease, but may have had one. */
        return r < 0 ? r : sd_bus_path_decode(get_string(props, "Lease"), LEASED_LEASE_PATH, ret);
}
