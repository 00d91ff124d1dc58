/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/copies.h"

#include "core/record.h"
#include "ctl/cluster.h"
#include "ctl/leases.h"
#include "ctl/machines.h"
#include "util/names.h"
#include "util/text.h"

/* A command of "leasectl run --slots=" goes by such a lease, too, and has no copies. */
bool copies_are_of(const json_t *row) {
        return lease_slot(get_string(row, "lease")) > 0 && !startswith(get_string(row, "unit"), RUN_UNIT_PREFIX);
}

static json_t *holder_new(const json_t *machines, const json_t *unit) {
        const char *machine = get_string(unit, "machine_id");

        return json_pack("{s:O, s:s, s:s, s:O}", "lease", json_object_get(unit, "lease"), "machine_id", machine,
                        "hostname", get_string(machines_find(machines, machine), "hostname"), "state",
                        json_object_get(unit, "state"));
}

/* Adds the members of one unit, by the rows of all units of all machines. */
static void add(json_t *row, const json_t *machines, const json_t *units) {
        json_t *holders = json_array(), *unit;
        json_int_t copies = 0;
        size_t i, at;

        json_array_foreach((json_t *) units, i, unit) {
                unsigned slot = lease_slot(get_string(unit, "lease"));

                if (!streq(get_string(unit, "unit"), get_string(row, "unit")))
                        continue;
                copies = MAX(copies, get_integer(unit, "copies"));
                if (!get_boolean(unit, "holds"))
                        continue;
                for (at = 0; at < json_array_size(holders); at++)
                        if (lease_slot(get_string(json_array_get(holders, at), "lease")) > slot)
                                break;
                (void) json_array_insert_new(holders, at, holder_new(machines, unit));
        }
        (void) json_object_set_new(row, "copies", json_integer(copies));
        (void) json_object_set_new(row, "copy_holders", holders);
}

int copies_add(Ctl *ctl, json_t *rows) {
        json_auto_t *machines = NULL, *units = NULL;
        json_t *row;
        size_t i;
        int code = CTL_OK;

        json_array_foreach(rows, i, row) {
                if (code != CTL_OK || !copies_are_of(row))
                        continue;
                if (!units)
                        code = cluster_units_read(ctl, "", &units);
                if (code == CTL_OK && !machines)
                        code = machines_read(ctl, &machines);
                if (code == CTL_OK)
                        add(row, machines, units);
        }
        return code;
}

char *copies_text(const json_t *row) {
        const json_t *holders = json_object_get(row, "copy_holders");
        size_t n = json_array_size(holders), copies = (size_t) get_integer(row, "copies"), i;
        char *text = strdup("");
        json_t *holder;

        json_array_foreach((json_t *) holders, i, holder) {
                char *before = text, host[9];

                str_copy(host, sizeof(host), get_string(holder, "machine_id"));
                text = text_format("%s%s%s", strempty(before), i > 0 ? ", " : "",
                                *get_string(holder, "hostname") ? get_string(holder, "hostname") : host);
                free(before);
        }
        if (n < copies) {
                char *before = text;

                text = text_format("%s%s(%zu of %zu)", strempty(before), n > 0 ? " " : "", n, copies);
                free(before);
        }
        return text;
}
