/* SPDX-License-Identifier: Apache-2.0 */

/*
 * leasectl forget MACHINE|LEASE...: has the records deleted of a machine that will not come back, or of a lease that
 * nobody wants. leased refuses what is up, held or wanted.
 */

#include "core/record.h"
#include "ctl/bus.h"
#include "ctl/leases.h"
#include "ctl/machines.h"
#include "ctl/registry.h"

/* Gives the lease that an operator means: a lease of that name, or of that unit, which may be typed by an alias.
 * Borrowed from leases; NULL: there is none. */
static const char *find_lease(Ctl *ctl, const json_t *leases, const char *typed) {
        _cleanup_free_ char *unit = unit_name_resolve(ctl, typed);
        const char *found = NULL;
        json_t *row;
        size_t i;

        json_array_foreach((json_t *) leases, i, row) {
                if (streq(string_at(row, 0), typed))
                        return string_at(row, 0);
                if (unit && streq(string_at(row, 0), unit))
                        found = string_at(row, 0);
        }
        return found;
}

/* Whether typed is the host name or the id of a machine. */
static bool names_machine(const json_t *machines, const char *typed) {
        json_t *row;
        size_t i;

        json_array_foreach((json_t *) machines, i, row) {
                const char *id = get_string(row, "machine_id");

                if ((*typed && streq(get_string(row, "hostname"), typed)) ||
                                (strlen(typed) >= 4 && startswith(id, typed)))
                        return true;
        }
        return false;
}

static int forget_machine(Ctl *ctl, const json_t *machines, const json_t *manager, const char *typed) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        const json_t *row = NULL;
        bool listed = names_machine(machines, typed);
        int code = listed ? machines_resolve(machines, manager, typed, &row) : CTL_OK, r;

        if (code != CTL_OK)
                return code;
        r = bus_call(ctl->bus, &bus_leased, "ForgetMachine", NULL, &error, "s",
                        listed ? get_string(row, "machine_id") : typed);
        if (r < 0)
                return bus_complain(typed, r, &error);
        say("%s: the machine is forgotten", typed);
        return CTL_OK;
}

static int forget_lease(Ctl *ctl, const char *lease) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r = bus_call(ctl->bus, &bus_leased, "ForgetLease", NULL, &error, "s", lease);

        if (r < 0)
                return bus_complain(lease, r, &error);
        say("%s: the lease is forgotten", lease);
        return CTL_OK;
}

static int complain_neither(const json_t *manager, const char *typed) {
        if (registry_known(manager) == CTL_OK)
                return ctl_fail("%s: there is no such machine and no such lease, see: leasectl machines, leasectl "
                                "list --all",
                                typed);
        complain("%s: which machines and leases there are is not known now, see: leasectl registry", typed);
        return CTL_UNKNOWN;
}

static int forget_one(
                Ctl *ctl, const json_t *machines, const json_t *manager, const json_t *leases, const char *typed) {
        const char *lease = find_lease(ctl, leases, typed);
        bool machine = names_machine(machines, typed), id = machine_id_is_valid(typed);

        if (lease && machine) {
                complain("%s: is a machine and the lease %s: give the id of the machine, or the lease's whole name",
                                typed, lease);
                return CTL_USAGE;
        }
        if (!lease && !machine &&
                        (!id || registry_known(manager) != CTL_OK)) /* an id may have no record, but offers */
                return complain_neither(manager, typed);
        return lease ? forget_lease(ctl, lease) : forget_machine(ctl, machines, manager, typed);
}

int verb_forget(Ctl *ctl, int argc, char **argv) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        json_auto_t *machines = NULL, *manager = NULL, *leases = NULL;
        int code = machines_read_all(ctl, &machines, &manager), r;

        if (code != CTL_OK)
                return code;
        r = bus_call(ctl->bus, &bus_leased, "ListLeases", &leases, &error, NULL);
        if (r < 0)
                return bus_complain("forget", r, &error);
        for (int i = 0; i < argc; i++) {
                int c = forget_one(ctl, machines, manager, json_array_get(leases, 0), argv[i]);

                if (c != CTL_OK)
                        code = c;
        }
        return code;
}
