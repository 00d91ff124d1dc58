/* SPDX-License-Identifier: Apache-2.0 */

/*
 * leasectl release: this machine stops the unit and gives its lease back. Answered by the daemon as soon as it has
 * begun; we wait until the lease is somebody else's or nobody's, unless --no-wait.
 *
 * leasectl reload: the daemon reads its configuration again.
 */

#include "ctl/leases.h"
#include "ctl/progress.h"

#include <stdio.h>

static int wait_released(Ctl *ctl, const char *unit, json_int_t index) {
        Progress progress = progress_begin(unit);

        for (;;) {
                _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
                json_auto_t *path = NULL, *props = NULL;
                int r = bus_call(ctl->bus, &bus_leased, "GetUnit", &path, &error, "s", unit);

                if (r >= 0)
                        r = bus_get_all(ctl->bus, LEASED_NAME, strempty(json_string_value(json_array_get(path, 0))),
                                        LEASED_UNIT, &props, &error);
                if (r < 0) {
                        progress_end(&progress);
                        return bus_complain(unit, r, &error);
                }
                /* Another Index is another tenure, be it our own. */
                if (!*get_string(props, "MachineID") || get_integer(props, "LeaseIndex") != index) {
                        progress_end(&progress);
                        return CTL_OK;
                }
                progress_show(&progress, props);
                r = bus_wait(ctl->bus, PROGRESS_POLL);
                if (r < 0) {
                        progress_end(&progress);
                        return bus_complain(unit, r, NULL);
                }
        }
}

static int print_released(Ctl *ctl, const char *unit) {
        json_auto_t *now = NULL;
        const char *host;
        int code = unit_read_one(ctl, unit, &now);

        if (code != CTL_OK)
                return code;
        host = get_string(now, "hostname");
        if (get_boolean(now, "held"))
                (void) printf("%s: released, now held by %s at Index %" JSON_INTEGER_FORMAT "\n", unit,
                                *host ? host : get_string(now, "machine_id"), get_integer(now, "index"));
        else
                (void) printf("%s: released, nobody holds it yet\n", unit);
        return CTL_OK;
}

static int release_one(Ctl *ctl, const char *unit) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        json_auto_t *before = NULL;
        int r, code = unit_read_one(ctl, unit, &before);

        if (code != CTL_OK)
                return code;
        r = bus_call(ctl->bus, &bus_leased, "ReleaseUnit", NULL, &error, "s", unit);
        if (r < 0)
                return bus_complain(unit, r, &error);
        if (!ctl->wait)
                return CTL_OK;
        code = wait_released(ctl, unit, get_integer(before, "index"));
        return code == CTL_OK ? print_released(ctl, unit) : code;
}

int verb_release(Ctl *ctl, int argc, char **argv) {
        int code = CTL_OK, r = bus_watch_leased(ctl->bus);

        if (r < 0)
                return bus_complain("leased", r, NULL);
        for (int i = 0; i < argc; i++) {
                _cleanup_free_ char *unit = unit_name_complete(argv[i]);
                int c = release_one(ctl, strempty(unit));

                if (c != CTL_OK)
                        code = c;
        }
        return code;
}

int verb_reload(Ctl *ctl, int argc, char **argv) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        bool bad_lines;
        int r = bus_reload_leased(ctl->bus, &error, &bad_lines);

        if (r < 0)
                return bus_complain("reload", r, &error);
        return bad_lines ? CTL_FAILED : CTL_OK;
}
