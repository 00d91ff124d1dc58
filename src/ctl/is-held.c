/* SPDX-License-Identifier: Apache-2.0 */

/*
 * leasectl is-held: tells a script whether it may act as the holder, now and here. The exit code is 0 if this machine
 * holds the lease, 3 if it does not, and 6 if that cannot be known: the registry has not answered since leased
 * started, or it does not answer now, and this machine did not have the lease when it last did. A lease whose unit
 * would have been stopped by now for want of a beat counts as not held, even if no other machine may have it yet. What
 * is kept without beats, in a pause, is held. Names are those of units that are enabled here, or of leases.
 */

#include <stdio.h>

#include "ctl/leases.h"
#include "ctl/output.h"

static bool unit_is_held(const Ctl *ctl, const json_t *row) {
        usec_t stop_at = (usec_t) get_integer(row, "stop_at_usec");

        if (!get_boolean(row, "local") || streq(get_string(row, "state"), "waiting"))
                return false;
        /* A reading of another machine's CLOCK_BOOTTIME means nothing here; and a unit that is kept without beats, in
         * a pause, is never stopped. */
        return ctl->host || stop_at == 0 ? get_integer(row, "time_remaining_usec") > 0 : now_boottime() < stop_at;
}

/* Whether this machine keeps the unit's lease in a pause, while the registry does not answer: nobody else can have
 * taken that lease since (law 13). */
static bool unit_is_kept(Ctl *ctl, const json_t *row) {
        _cleanup_free_ char *path = NULL;
        json_auto_t *manager = NULL, *lease = NULL;

        return json_is_null(json_object_get(row, "local")) && !streq(get_string(row, "state"), "waiting") &&
               bus_get_manager(ctl->bus, &manager, NULL) >= 0 && get_boolean(manager, "Keeps") &&
               sd_bus_path_encode(LEASED_LEASE_PATH, get_string(row, "lease"), &path) >= 0 &&
               bus_get_lease(ctl->bus, path, &lease, NULL) >= 0 && get_boolean(lease, "Local");
}

/* Asks about a lease by its name. If there is none, the name of the unit is tried: most leases are called as their
 * unit, which may be enabled elsewhere. */
static int lease_is_held(Ctl *ctl, const char *name, const char *unit, bool *ret) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL, ignored = SD_BUS_ERROR_NULL;
        json_auto_t *lease = NULL, *manager = NULL;
        int r = bus_call(ctl->bus, &bus_leased, "GetLease", &lease, &error, "s", name);

        if (r < 0 && !streq(name, unit) &&
                        bus_call(ctl->bus, &bus_leased, "GetLease", &lease, &ignored, "s", unit) >= 0)
                r = 0;
        if (r >= 0)
                r = bus_get_manager(ctl->bus, &manager, &error);
        if (r < 0 && sd_bus_error_has_name(&error, LEASED_ERROR("RegistryUnavailable")))
                return CTL_UNKNOWN;
        if (r < 0)
                return bus_complain(name, r, &error);
        *ret = json_is_true(json_array_get(lease, 0)) && json_integer_value(json_array_get(lease, 5)) > 0 &&
               streq(string_at(lease, 2), get_string(manager, "MachineID"));
        return CTL_OK;
}

static int ask(Ctl *ctl, const char *typed, bool *ret) {
        _cleanup_free_ char *unit = unit_name_resolve(ctl, typed), *lease = NULL;
        json_auto_t *row = NULL;
        int code;

        if (unit_lease_name(ctl, strempty(unit), &lease) == 0)
                return lease_is_held(ctl, typed, strempty(unit), ret);
        code = unit_read_one(ctl, strempty(unit), &row);
        if (code == CTL_OK && streq(get_string(row, "state"), "unknown"))
                return CTL_UNKNOWN;
        if (code == CTL_OK)
                *ret = unit_is_held(ctl, row) || unit_is_kept(ctl, row);
        return code;
}

int verb_is_held(Ctl *ctl, int argc, char **argv) {
        json_auto_t *rows = json_array();
        int all = CTL_OK;

        for (int i = 0; i < argc; i++) {
                bool held = false;
                int code = ask(ctl, argv[i], &held);

                (void) json_array_append_new(rows, json_pack("{s:s, s:o}", "name", argv[i], "held",
                                                                   code == CTL_OK ? json_boolean(held) : json_null()));
                if ((code == CTL_OK || code == CTL_UNKNOWN) && ctl->legend && ctl->json == JSON_OFF)
                        say("%s", code == CTL_UNKNOWN ? "unknown" : held ? "held" : "not held");
                if (code == CTL_OK && !held)
                        code = CTL_NOT_HELD;
                if (code != CTL_OK)
                        all = code;
        }
        if (ctl->json != JSON_OFF)
                print_json(ctl, rows);
        return all;
}
