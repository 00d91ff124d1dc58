/* SPDX-License-Identifier: Apache-2.0 */

/*
 * leasectl release: this machine stops the unit and gives its lease back. Answered by the daemon as soon as it has
 * begun; we wait until the lease is somebody else's or nobody's, unless --no-wait.
 */

#include "ctl/leases.h"
#include "ctl/wait.h"

/* Another Index is another tenure, be it our own. */
static int is_released(const json_t *props, void *userdata) {
        const json_int_t *index = userdata;

        return !*get_string(props, "MachineID") || get_integer(props, "LeaseIndex") != *index;
}

static int release_one(Ctl *ctl, const char *unit) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        json_auto_t *before = NULL;
        json_int_t index;
        int r, code = unit_read_one(ctl, unit, &before);

        if (code != CTL_OK)
                return code;
        r = bus_call(ctl->bus, &bus_leased, "ReleaseUnit", NULL, &error, "s", unit);
        if (r < 0)
                return bus_complain(unit, r, &error);
        if (!ctl->wait)
                return CTL_OK;
        index = get_integer(before, "index");
        code = wait_for_unit(ctl, unit, is_released, &index);
        return code == CTL_OK ? print_holder_after(ctl, unit, "released") : code;
}

int verb_release(Ctl *ctl, int argc, char **argv) {
        return for_each_unit(ctl, argc, argv, release_one);
}
