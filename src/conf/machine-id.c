/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/conf.h"

#include <errno.h>
#include <systemd/sd-id128.h>

/* The application id of leased, made with "systemd-id128 new". It must never change, since then every machine would
 * have another id. */
#define LEASED_APPLICATION_ID SD_ID128_MAKE(39, a0, 28, cf, bd, 48, 49, e3, 88, 50, 84, 86, a5, e8, 2a, e7)

int leased_machine_id(const LeasedConf *c, char ret[static 33]) {
        sd_id128_t id;
        int r;

        if (c && c->machine_id) {
                str_copy(ret, 33, c->machine_id);
                return 0;
        }
        /* machine-id(5): the plain id is confidential, and is not to be shown to others on the network. */
        r = sd_id128_get_machine_app_specific(LEASED_APPLICATION_ID, &id);
        if (r < 0)
                return r;
        sd_id128_to_string(id, ret);
        return 0;
}
