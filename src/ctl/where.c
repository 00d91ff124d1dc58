/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/where.h"

#include "core/record.h"
#include "ctl/bus.h"
#include "ctl/cluster.h"
#include "ctl/registry.h"
#include "util/suggest.h"

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

static bool holds(const json_t *row) {
        return json_is_true(json_array_get(row, COLUMN_HOLDS));
}

/* ---- what is asked ---- */

static int survey(Ctl *ctl, const char *unit, const char *machine_id, Survey *s) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r = bus_call(ctl->bus, &bus_leased, "ListClusterUnits", &s->answer, &error, "sast", machine_id, 0,
                        (uint64_t) 0);

        if (r >= 0)
                r = bus_get_manager(ctl->bus, &s->manager, &error);
        return r < 0 ? bus_complain(unit, r, &error) : CTL_OK;
}

void survey_done(Survey *s) {
        json_decref(s->answer);
        json_decref(s->manager);
        json_decref(s->machines);
}

/* Whether the row is one of the unit, or of the copy that was named, as in "foo.service#2". */
static bool is_of(const json_t *row, const char *unit) {
        const char *name = string_at(row, COLUMN_UNIT);
        unsigned copy = lease_slot(unit);

        if (copy == 0)
                return streq(name, unit);
        return strncmp(name, unit, strcspn(unit, "#")) == 0 && strlen(name) == strcspn(unit, "#") &&
               lease_slot(string_at(row, COLUMN_LEASE)) == copy && holds(row);
}

static bool has_failed(const json_t *row) {
        return streq(string_at(row, COLUMN_STATE), "failed");
}

/* Whether the row says more of the unit than the other one: its machine holds it, and of two copies, is this one; or
 * nobody does, and the unit has failed there. */
static bool is_preferred(const json_t *row, const json_t *other, const char *here) {
        if (holds(row) || holds(other))
                return holds(row) && (!holds(other) || streq(string_at(row, COLUMN_MACHINE), here));
        return has_failed(row) && !has_failed(other);
}

/* Takes the row of the unit, the holder's if somebody holds it, or else of a machine where it has failed. */
static void take_row(const Survey *s, const char *unit, Where *w) {
        const char *here = get_string(s->manager, "MachineID");
        const json_t *row, *found = NULL;
        size_t i;

        json_array_foreach(json_array_get(s->answer, 1), i, row)
                if (is_of(row, unit) && (!found || is_preferred(row, found, here)))
                        found = row;
        json_decref(w->row);
        w->row = json_incref((json_t *) found);
}

int where_find(Ctl *ctl, Survey *s, const char *unit, Where *ret) {
        int code = s->manager ? CTL_OK : survey(ctl, unit, "", s);

        if (code != CTL_OK)
                return code;
        take_row(s, unit, ret);
        if (ret->row && !s->machines)
                code = machines_read(ctl, &s->machines);
        if (code == CTL_OK && ret->row)
                (void) machine_name(s->machines, where_machine_id(ret), ret->name, sizeof(ret->name));
        if (code != CTL_OK || ret->row)
                return code;
        /* An answer of the registry is not yet all that it has. */
        if (streq(get_string(s->manager, "RegistryState"), "ok") && registry_known(s->manager) == CTL_OK)
                return where_complain(ctl, unit);
        complain("%s: where it is enabled is not known now, the registry does not answer", unit);
        return CTL_UNKNOWN;
}

int where_look(Ctl *ctl, const char *unit, const char *machine_id, Where *w) {
        Survey s = {};
        int code = survey(ctl, unit, machine_id, &s);

        if (code == CTL_OK)
                take_row(&s, unit, w);
        survey_done(&s);
        return code;
}

void where_done(Where *w) {
        json_decref(w->row);
        w->row = NULL;
}

int where_complain(Ctl *ctl, const char *unit) {
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

/* ---- what is known ---- */

bool where_is_held(const Where *w) {
        return holds(w->row);
}

const char *where_failed(const Where *w) {
        return !where_is_held(w) && has_failed(w->row) ? w->name : "";
}

const char *where_holder(const Where *w) {
        return where_is_held(w) ? w->name : "";
}

const char *where_machine_id(const Where *w) {
        return string_at(w->row, COLUMN_MACHINE);
}

const char *where_lease(const Where *w) {
        return string_at(w->row, COLUMN_LEASE);
}

json_int_t where_index(const Where *w) {
        return json_integer_value(json_array_get(w->row, COLUMN_INDEX));
}

const char *where_active(const Where *w) {
        return string_at(w->row, COLUMN_ACTIVE);
}

const char *where_state(const Where *w) {
        return string_at(w->row, COLUMN_STATE);
}

const char *where_result(const Where *w) {
        return string_at(w->row, COLUMN_RESULT);
}

json_int_t where_since(const Where *w) {
        return json_integer_value(json_array_get(w->row, COLUMN_SINCE));
}
