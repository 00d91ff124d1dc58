/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/pid1-stop.h"

#include "ctl/bus-many.h"
#include "ctl/pid1.h"
#include "ctl/progress.h"
#include "util/strv.h"

static int job_removed(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return 0; /* the signal only ends bus_wait() */
}

typedef struct Stop {
        sd_bus *bus;
        char *const *units;
        int *codes, code;
} Stop;

static int make_stop(size_t i, sd_bus_message **ret, void *userdata) {
        const Stop *s = userdata;
        int r = sd_bus_message_new_method_call(
                        s->bus, ret, bus_pid1.name, bus_pid1.path, bus_pid1.interface, "StopUnit");

        return r < 0 ? r : sd_bus_message_append(*ret, "ss", s->units[i], "replace");
}

static void take_stop(size_t i, sd_bus_message *answer, const sd_bus_error *error, void *userdata) {
        Stop *s = userdata;

        s->codes[i] = error ? bus_complain(s->units[i], -sd_bus_error_get_errno(error), error) : CTL_OK;
        if (s->codes[i] != CTL_OK)
                s->code = s->codes[i];
}

/* Waits until no unit has a job. Signals can get lost, so they only make the next look come sooner. */
static int wait_for_jobs(sd_bus *bus, char *const *units) {
        Bar bar = bar_begin("stop");
        int code, r = 0;

        for (;;) {
                json_auto_t *rows = NULL;
                json_t *row;
                size_t i, left = 0;

                code = pid1_list(bus, units, &rows);
                json_array_foreach(rows, i, row)
                        left += json_integer_value(json_array_get(row, 7)) != 0;
                if (code != CTL_OK || left == 0)
                        break;
                bar_show(&bar, left, "");
                r = bus_wait(bus, PROGRESS_POLL);
                if (r < 0)
                        break;
        }
        bar_end(&bar);
        return r < 0 ? bus_complain("stop", r, NULL) : code;
}

int pid1_stop(sd_bus *bus, char *const *units, int *codes) {
        _cleanup_(sd_bus_slot_unrefp) sd_bus_slot *slot = NULL;
        Stop stop = { .bus = bus, .units = units, .codes = codes };
        const BusMany calls = { .make = make_stop, .take = take_stop, .userdata = &stop };
        int code, r;

        if (!units)
                return CTL_OK;
        r = sd_bus_match_signal(
                        bus, &slot, bus_pid1.name, bus_pid1.path, bus_pid1.interface, "JobRemoved", job_removed, NULL);
        if (r >= 0)
                (void) bus_call(bus, &bus_pid1, "Subscribe", NULL, NULL, NULL);
        r = bus_call_many(bus, strv_length(units), &calls);
        if (r < 0)
                return bus_complain("stop", r, NULL);
        code = wait_for_jobs(bus, units);
        return code != CTL_OK ? code : stop.code;
}
