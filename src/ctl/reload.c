/* SPDX-License-Identifier: Apache-2.0 */

/* leasectl reload: has the daemon read its configuration again, and says what that has changed. */

#include <stdio.h>
#include <unistd.h>

#include "ctl/bus.h"
#include "ctl/ordering.h"
#include "ctl/output.h"
#include "ctl/pid1.h"
#include "ctl/polkit-agent.h"

/* Orders leased after the units that serve the registry here, since Endpoints= may have changed. A caller who is
 * not root here cannot see who serves them. */
static int order_after_registry(Ctl *ctl) {
        _cleanup_(leased_conf_freep) LeasedConf *conf = NULL;
        _cleanup_(messages_done) Messages m = {}; /* leased has told of the same mistakes */
        bool changed;
        int code;

        if (ctl->host || geteuid() != 0 || leased_conf_load("", &conf, &m) < 0)
                return CTL_OK;
        code = ordering_write(ctl, conf, &changed);
        return code == CTL_OK && changed ? pid1_reload(ctl->bus) : code;
}

int verb_reload(Ctl *ctl, int argc, char **argv) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL, second = SD_BUS_ERROR_NULL;
        json_auto_t *manager = NULL;
        json_t *changes, *change;
        bool bad_lines;
        size_t i;
        int code, r;

        polkit_agent_open(ctl);
        r = bus_reload_leased(ctl->bus, &error, &bad_lines);
        if (r < 0)
                return bus_complain("reload", r, &error);
        r = bus_get_manager(ctl->bus, &manager, &second);
        if (r < 0)
                return bus_complain("reload", r, &second);
        code = order_after_registry(ctl);
        changes = json_object_get(manager, "ReloadChanges");
        if (ctl->json != JSON_OFF)
                print_json(ctl, changes);
        else {
                json_array_foreach(changes, i, change)
                        say("%s", strempty(json_string_value(change)));
                if (json_array_size(changes) == 0 && !bad_lines && ctl->legend)
                        say("nothing has changed");
        }
        return bad_lines ? CTL_FAILED : code;
}
