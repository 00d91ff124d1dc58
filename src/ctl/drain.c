/* SPDX-License-Identifier: Apache-2.0 */

/*
 * leasectl drain: this machine takes no leases and gives away those that it holds, also after a reboot; undrain ends
 * that. We wait until nothing is held here any more, unless --no-wait.
 */

#include <stdio.h>
#include <unistd.h>

#include "ctl/bus.h"
#include "ctl/progress.h"

static int read_manager(Ctl *ctl, json_t **ret) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r = bus_get_all(ctl->bus, LEASED_NAME, LEASED_PATH, LEASED_MANAGER, ret, &error);

        return r < 0 ? bus_complain("drain", r, &error) : CTL_OK;
}

static void show(json_int_t *shown, json_int_t held) {
        if (*shown != held && isatty(STDERR_FILENO))
                (void) fprintf(stderr, "\r\x1b[K%" JSON_INTEGER_FORMAT " to go", held);
        *shown = held;
}

static int wait_drained(Ctl *ctl) {
        json_int_t shown = -1;

        for (;;) {
                json_auto_t *manager = NULL;
                json_int_t held;
                int r, code = read_manager(ctl, &manager);

                if (code != CTL_OK)
                        return code;
                held = get_integer(manager, "Held");
                show(&shown, held);
                if (held == 0 || !get_boolean(manager, "Draining")) {
                        if (isatty(STDERR_FILENO))
                                (void) fprintf(stderr, "\r\x1b[K");
                        if (held == 0)
                                (void) puts("drained: this machine holds nothing and takes nothing until: leasectl "
                                            "undrain");
                        else
                                complain("drain: somebody has ended it: leasectl undrain");
                        return held == 0 ? CTL_OK : CTL_FAILED;
                }
                r = bus_wait(ctl->bus, PROGRESS_POLL);
                if (r < 0)
                        return bus_complain("drain", r, NULL);
        }
}

static int call_drain(Ctl *ctl, const char *method, const char *verb) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r = bus_watch_leased(ctl->bus);

        if (r >= 0)
                r = bus_call(ctl->bus, &bus_leased, method, NULL, &error, NULL);
        return r < 0 ? bus_complain(verb, r, &error) : CTL_OK;
}

int verb_drain(Ctl *ctl, int argc, char **argv) {
        int code = call_drain(ctl, "Drain", "drain");

        return code == CTL_OK && ctl->wait ? wait_drained(ctl) : code;
}

int verb_undrain(Ctl *ctl, int argc, char **argv) {
        return call_drain(ctl, "Undrain", "undrain");
}
