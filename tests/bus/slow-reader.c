/* SPDX-License-Identifier: Apache-2.0 */

/*
 * slow-reader: listens to the signals of leased's manager and prints "listening", but reads none of them before it
 * gets a line on stdin. From then on it prints the unit and the revision of each UnitStateChanged, in the order in
 * which they come.
 */

#include <stdio.h>
#include <string.h>
#include <systemd/sd-bus.h>

#include "util/macros.h"

static int on_signal(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const char *unit;
        uint64_t revision;
        int r = sd_bus_message_read(m, "s", &unit);

        if (r >= 0)
                r = sd_bus_message_skip(m, "sssstbt");
        if (r >= 0)
                r = sd_bus_message_read(m, "t", &revision);
        if (r >= 0)
                printf("%s %" PRIu64 "\n", unit, revision);
        fflush(stdout);
        return r;
}

int main(void) {
        sd_bus *bus = NULL;
        int r = sd_bus_open_system(&bus);

        if (r >= 0)
                r = sd_bus_match_signal(bus, NULL, "org.leased1", "/org/leased1", "org.leased1.Manager",
                                "UnitStateChanged", on_signal, NULL);
        if (r < 0)
                return 1;
        puts("listening");
        fflush(stdout);
        (void) getchar();
        while (r >= 0) {
                r = sd_bus_process(bus, NULL);
                if (r == 0)
                        r = sd_bus_wait(bus, UINT64_MAX);
        }
        fprintf(stderr, "slow-reader: %s\n", strerror(-r));
        return 1;
}
