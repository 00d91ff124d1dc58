/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/wait.h"

#include <stdio.h>

#include "ctl/leases.h"
#include "ctl/output.h"
#include "ctl/progress.h"

/* Whom we are waiting for, if it is the registry. */
static void add_trouble(Ctl *ctl, json_t *props) {
        json_auto_t *manager = NULL;

        if (bus_get_all(ctl->bus, LEASED_NAME, LEASED_PATH, LEASED_MANAGER, &manager, NULL) >= 0 &&
                        streq(get_string(manager, "RegistryState"), "trouble"))
                (void) json_object_set(props, "Trouble", json_object_get(manager, "RegistryError"));
}

int wait_for_unit(Ctl *ctl, const char *unit, unit_test_t test, void *userdata) {
        Progress progress = progress_begin(unit);

        for (;;) {
                _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
                json_auto_t *path = NULL, *props = NULL;
                int r = bus_call(ctl->bus, &bus_leased, "GetUnit", &path, &error, "s", unit);

                if (r >= 0)
                        r = bus_get_all(ctl->bus, LEASED_NAME, strempty(json_string_value(json_array_get(path, 0))),
                                        LEASED_UNIT, &props, &error);
                if (r >= 0) {
                        if (test(props, userdata) > 0)
                                break;
                        add_trouble(ctl, props);
                        progress_show(&progress, props);
                        r = bus_wait(ctl->bus, PROGRESS_POLL);
                }
                if (r < 0) {
                        progress_end(&progress);
                        return bus_complain(unit, r, &error);
                }
        }
        progress_end(&progress);
        return CTL_OK;
}

int print_holder_after(Ctl *ctl, const char *unit, const char *done) {
        json_auto_t *now = NULL;
        const char *host;
        int code = unit_read_one(ctl, unit, &now);

        if (code != CTL_OK)
                return code;
        host = get_string(now, "hostname");
        if (get_boolean(now, "held"))
                say("%s: %s, now held by %s at Index %" JSON_INTEGER_FORMAT, unit, done,
                                *host ? host : get_string(now, "machine_id"), get_integer(now, "index"));
        else
                say("%s: %s, nobody holds it yet", unit, done);
        return CTL_OK;
}

int for_each_unit(Ctl *ctl, int argc, char **argv, int (*f)(Ctl *ctl, const char *unit)) {
        int code = CTL_OK, r = bus_watch_leased(ctl->bus);

        if (r < 0)
                return bus_complain("leased", r, NULL);
        for (int i = 0; i < argc; i++) {
                _cleanup_free_ char *unit = unit_name_resolve(ctl, argv[i]);
                int c = f(ctl, strempty(unit));

                if (c != CTL_OK)
                        code = c;
        }
        return code;
}
