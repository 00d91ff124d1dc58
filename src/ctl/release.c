/* SPDX-License-Identifier: Apache-2.0 */

/*
 * leasectl release: this machine stops the unit and gives its lease back. Answered by the daemon as soon as it has
 * begun, which it does not without a registry that answers, nor when we are gone; we wait until the lease is somebody
 * else's or nobody's, unless --no-wait.
 */

#include "ctl/leases.h"
#include "ctl/wait.h"

/* Whether the lease is let go. With another Index it is another tenure, even if it is held here again. */
static int is_released(const json_t *props, void *userdata) {
        const json_int_t *index = userdata;

        return get_boolean(props, "HolderKnown") &&
               (!*get_string(props, "MachineID") || get_integer(props, "LeaseIndex") != *index);
}

static int release_one(Ctl *ctl, const char *unit) {
        json_auto_t *before = NULL;
        json_int_t index;
        int code = unit_read_one(ctl, unit, &before);

        if (code != CTL_OK)
                return code;
        code = wait_call(ctl, unit, "ReleaseUnit", NULL, "s", unit);
        if (code != CTL_OK || !ctl->wait)
                return code;
        index = get_integer(before, "index");
        code = wait_for(ctl, unit, is_released, &index);
        return code == CTL_OK ? wait_print_holder(ctl, unit, "released") : code;
}

int verb_release(Ctl *ctl, int argc, char **argv) {
        return wait_each(ctl, argc, argv, release_one);
}
