/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/free-units.h"

#include "core/why.h"
#include "ctl/leases.h"
#include "ctl/machines.h"
#include "ctl/output.h"

/* leased is asked about so many units one by one. */
#define ASKED_ALONE 8

static json_t *unit_row_find(const json_t *units, const char *unit) {
        json_t *row;
        size_t i;

        json_array_foreach((json_t *) units, i, row)
                if (streq(get_string(row, "unit"), unit))
                        return row;
        return NULL;
}

bool free_units_takes(json_int_t code) {
        return code == WHY_FIRST || code == WHY_STANDS_BY || code == WHY_ASKING || code == WHY_ABOUT_TO_START;
}

/* Gives the reason that stands against each machine, as the planner here says it, in place of the machine's own word.
 * That word tells nothing of what the machine has no offer to say of: that another unit is there, or drains. The
 * argument told has what "leasectl status" shows of the unit. */
static void complete_why(const json_t *told, const json_t *rows, size_t from, size_t to) {
        json_t *line;
        size_t i;

        for (size_t at = from; at < to; at++) {
                json_t *row = json_array_get(rows, at);

                json_array_foreach((json_t *) told, i, line) {
                        json_int_t code = get_integer(line, "code");
                        bool takes = free_units_takes(code);

                        if (!streq(get_string(line, "machine_id"), get_string(row, "machine_id")))
                                continue;
                        (void) json_object_set_new(row, "code", json_integer(takes ? 0 : code));
                        (void) json_object_set_new(row, "why", json_string(takes ? "" : get_string(line, "why")));
                }
        }
}

/* Whether one of the rows from..to-1, of one unit, is this machine's, and none says that somebody has the lease, or
 * that nobody is to have it. */
static bool is_free_here(const json_t *machines, const json_t *rows, size_t from, size_t to) {
        bool here = false;

        for (size_t i = from; i < to; i++) {
                const json_t *row = json_array_get(rows, i);
                const char *state = get_string(row, "state");

                if (get_boolean(row, "holds") || streq(state, "elsewhere") || streq(state, "done") ||
                                streq(state, "unknown"))
                        return false;
                here |= get_boolean(machines_find(machines, get_string(row, "machine_id")), "here");
        }
        return here;
}

int free_units_explain(Ctl *ctl, const json_t *machines, json_t *rows) {
        json_auto_t *units = NULL;
        size_t n = json_array_size(rows), asked = 0;
        int code = CTL_OK;

        for (size_t from = 0, to; from < n && code == CTL_OK; from = to) {
                const char *unit = get_string(json_array_get(rows, from), "unit");
                json_auto_t *row = NULL;

                for (to = from + 1; to < n && streq(get_string(json_array_get(rows, to), "unit"), unit);)
                        to++;
                if (!is_free_here(machines, rows, from, to))
                        continue;
                if (asked++ < ASKED_ALONE)
                        (void) unit_read_row(ctl, unit, &row, NULL); /* it may be gone by now */
                else if (!units)
                        code = units_read(ctl, &units);
                if (!row)
                        row = json_incref(unit_row_find(units, unit));
                complete_why(json_object_get(row, "why_not"), rows, from, to);
        }
        return code;
}
