/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/wait.h"

#include <stdio.h>

#include "ctl/leases.h"
#include "ctl/output.h"
#include "ctl/progress.h"

/* Adds "Trouble", which says what is wrong with the registry, if it has trouble. */
static void add_trouble(Ctl *ctl, json_t *props) {
        json_auto_t *manager = NULL;

        if (bus_get_manager(ctl->bus, &manager, NULL) >= 0 && streq(get_string(manager, "RegistryState"), "trouble"))
                (void) json_object_set(props, "Trouble", json_object_get(manager, "RegistryError"));
}

/* Gives the properties of org.leased1.Unit, with "Trouble". */
static int read_unit(Ctl *ctl, const char *unit, json_t **ret, sd_bus_error *error) {
        int r = bus_get_unit(ctl->bus, unit, ret, error);

        if (r >= 0)
                add_trouble(ctl, *ret);
        return r;
}

/* ---- until it is done ---- */

/* Whether leased no longer knows the unit: it forgets a command of "leasectl run" when that is over. */
static bool is_gone(const sd_bus_error *error) {
        return sd_bus_error_has_name(error, SD_BUS_ERROR_UNKNOWN_OBJECT) ||
               sd_bus_error_has_name(error, LEASED_NAME ".Error.NoSuchUnit");
}

int wait_for(Ctl *ctl, const char *unit, wait_test_t test, void *userdata) {
        Progress progress = progress_begin(unit);

        for (;;) {
                _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
                json_auto_t *props = NULL;
                int r = read_unit(ctl, unit, &props, &error);

                if (r >= 0) {
                        if (test(props, userdata) > 0)
                                break;
                        progress_show(&progress, props);
                        r = bus_wait(ctl->bus, PROGRESS_POLL);
                }
                if (r < 0 && is_gone(&error))
                        break;
                if (r < 0) {
                        progress_end(&progress);
                        return bus_complain(unit, r, &error);
                }
        }
        progress_end(&progress);
        return CTL_OK;
}

void wait_say_begun(const Ctl *ctl, const char *unit, const char *host, const char *verb) {
        if (!ctl->wait)
                say("%s: %s has begun: %s", unit, *host ? host : "this machine", verb);
}

void wait_say_has(const char *unit, const char *done, const char *host, json_int_t index, const char *state) {
        say("%s: %s: %s has it (Index %" JSON_INTEGER_FORMAT ")%s", unit, done, host, index,
                        streq(state, "running")   ? ", and runs it"
                        : streq(state, "stopped") ? ", and it was stopped by hand there"
                        : streq(state, "failed")  ? ", and keeps it though it has failed there"
                        : streq(state, "frozen")  ? ", and it is frozen there"
                                                  : ", and starts it");
}

void wait_say_holder(const char *unit, const char *done, const json_t *props, const char *host) {
        const char *machine = get_string(props, "MachineID");

        if (!props)
                say("%s: %s, and over", unit, done);
        else if (!get_boolean(props, "HolderKnown"))
                say("%s: %s; who holds it now is not known", unit, done);
        else if (*machine)
                wait_say_has(unit, done, *host ? host : machine, get_integer(props, "LeaseIndex"),
                                get_string(props, "State"));
        else
                say("%s: %s, nobody holds it yet", unit, done);
}

int wait_print_holder(Ctl *ctl, const char *unit, const char *done) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        json_auto_t *props = NULL, *lease = NULL;
        int r = bus_get_unit(ctl->bus, unit, &props, &error);

        if (r < 0 && !is_gone(&error))
                return bus_complain(unit, r, &error);
        if (props)
                (void) bus_get_lease(ctl->bus, get_string(props, "Lease"), &lease, NULL);
        wait_say_holder(unit, done, props, get_string(lease, "Hostname"));
        return CTL_OK;
}
