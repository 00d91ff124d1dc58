/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/all-machines.h"

#include <stdio.h>

#include "conf/metadata.h"
#include "ctl/machines.h"
#include "ctl/output.h"
#include "ctl/weigh.h"

struct AllMachines {
        json_t *machines, *leases; /* rows of the former; of the latter what ListLeases says */
        UnitOptions **units;       /* that are enabled here */
        size_t n_units;
};

/* ---- what is so ---- */

static int read_leases(Ctl *ctl, json_t **ret) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        json_auto_t *answer = NULL;
        int r = bus_call(ctl->bus, &bus_leased, "ListLeases", &answer, &error, NULL);

        if (r < 0)
                return bus_complain("check", r, &error);
        *ret = json_incref(json_array_get(answer, 0));
        return CTL_OK;
}

/* What is wrong with their files is another matter: leased goes by what it read before. */
static void read_units(AllMachines *a) {
        _cleanup_(messages_done) Messages messages = {};
        _cleanup_(strv_freep) char **names = NULL;
        size_t n = 0;

        if (enabled_units_list("", &names, &messages) < 0)
                return;
        while (names[n])
                n++;
        a->units = calloc(n + 1, sizeof(UnitOptions *));
        for (size_t i = 0; a->units && i < n; i++)
                if (unit_options_load("", names[i], a->units + a->n_units, &messages) >= 0 || a->units[a->n_units])
                        a->n_units++;
}

int all_machines_read(Ctl *ctl, AllMachines **ret) {
        AllMachines *a = calloc(1, sizeof(AllMachines));
        int code = a ? machines_read(ctl, &a->machines) : CTL_FAILED;

        if (code == CTL_OK)
                code = read_leases(ctl, &a->leases);
        if (code != CTL_OK) {
                all_machines_free(a);
                return code;
        }
        read_units(a);
        *ret = a;
        return CTL_OK;
}

AllMachines *all_machines_free(AllMachines *a) {
        if (!a)
                return NULL;
        for (size_t i = 0; i < a->n_units; i++)
                unit_options_free(a->units[i]);
        free(a->units);
        json_decref(a->machines);
        json_decref(a->leases);
        free(a);
        return NULL;
}

/* ---- as it is weighed ---- */

static const UnitOptions *unit_of_lease(const AllMachines *a, const UnitOptions *asked, const char *lease) {
        if (streq(asked->lease ?: asked->unit, lease))
                return asked;
        for (size_t i = 0; i < a->n_units; i++)
                if (!a->units[i]->global && streq(a->units[i]->lease ?: a->units[i]->unit, lease))
                        return a->units[i];
        return NULL;
}

static WeighedLease *take_leases(const AllMachines *a, const UnitOptions *asked, size_t *ret_n) {
        WeighedLease *leases = calloc(json_array_size(a->leases) + 1, sizeof(WeighedLease));
        json_t *row;
        size_t i;

        *ret_n = 0;
        json_array_foreach(a->leases, i, row) {
                const char *name = string_at(row, 0), *machine = string_at(row, 1);
                const UnitOptions *options = unit_of_lease(a, asked, name);

                if (leases && *machine)
                        leases[(*ret_n)++] = (WeighedLease){
                                .unit = options ? options->unit : name, .machine_id = machine, .options = options
                        };
        }
        return leases;
}

/* Owned by the caller. */
static char *metadata_text(const json_t *object) {
        char *list = calloc(1, METADATA_SIZE);

        if (list)
                machine_metadata(object, list, METADATA_SIZE);
        return list;
}

static WeighedMachine take_machine(const json_t *row) {
        return (WeighedMachine){
                .look.id = get_string(row, "machine_id"),
                .look.metadata = metadata_text(json_object_get(row, "metadata")),
                .look.draining = get_boolean(row, "draining"),
                .look.held = (size_t) get_integer(row, "held"),
                .hostname = get_string(row, "hostname"),
                .up = get_boolean(row, "up"),
                .here = get_boolean(row, "here"),
        };
}

/* ---- as it is told ---- */

static json_t *to_row(const WeighedMachine *m) {
        char why[WHY_TEXT_SIZE + 64];

        if (m->why)
                (void) snprintf(why, sizeof(why), "%s", m->why);
        else if (m->rank == 0)
                (void) snprintf(why, sizeof(why), "would run here");
        else
                (void) snprintf(why, sizeof(why), "rank %u", m->rank);
        if (m->holds)
                str_copy(why + strlen(why), sizeof(why) - strlen(why), "; holds it now");
        return json_pack("{s:s, s:s, s:b, s:b, s:o, s:b, s:s}", "machine_id", m->look.id, "hostname", m->hostname,
                        "here", m->here, "fits", !m->why, "rank", m->why ? json_null() : json_integer(m->rank),
                        "holds", m->holds, "why", why);
}

json_t *all_machines_weigh(const AllMachines *a, const UnitOptions *unit, size_t *ret_fit) {
        size_t n = json_array_size(a->machines), n_leases;
        _cleanup_free_ WeighedLease *leases = take_leases(a, unit, &n_leases);
        _cleanup_free_ WeighedMachine *machines = calloc(n + 1, sizeof(WeighedMachine));
        _cleanup_free_ WeighedMachine **order = calloc(n + 1, sizeof(WeighedMachine *));
        json_t *rows = json_array();

        *ret_fit = 0;
        if (!leases || !machines || !order)
                return rows;
        for (size_t i = 0; i < n; i++)
                machines[i] = take_machine(json_array_get(a->machines, i));
        *ret_fit = weigh(unit, leases, n_leases, machines, n, order);
        for (size_t i = 0; i < n; i++)
                (void) json_array_append_new(rows, to_row(order[i]));
        for (size_t i = 0; i < n; i++)
                free((char *) machines[i].look.metadata);
        return rows;
}

void all_machines_print(const json_t *rows) {
        json_t *row;
        size_t i;

        json_array_foreach((json_t *) rows, i, row) {
                char name[HOSTNAME_SHOWN];

                say("%s%10s%s: %s%s: %s", colour_on(get_boolean(row, "fits") ? COLOUR_GREEN : COLOUR_YELLOW),
                                "machine", colour_off(),
                                machine_name(rows, get_string(row, "machine_id"), name, sizeof(name)),
                                get_boolean(row, "here") ? " (here)" : "", get_string(row, "why"));
        }
        if (json_array_size(rows) == 0)
                say("            No machine is known yet.");
}
