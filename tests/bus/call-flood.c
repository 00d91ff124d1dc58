/* SPDX-License-Identifier: Apache-2.0 */

/*
 * call-flood NUMBER: asks leased for that many leases at once, over one connection, and prints what each answer is:
 * "ok", or the name of the error. It stays on the bus until it is killed.
 */

#include <errno.h>
#include <stdio.h>
#include <systemd/sd-bus.h>

#include "util/macros.h"

static int on_answer(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const sd_bus_error *e = sd_bus_message_get_error(m);

        puts(e ? e->name : "ok");
        fflush(stdout);
        return 0;
}

int main(int argc, char **argv) {
        int n = argc == 2 ? atoi(argv[1]) : 0, r;
        sd_bus *bus = NULL;

        r = sd_bus_open_system(&bus);
        for (int i = 0; i < n && r >= 0; i++) {
                char name[32];

                (void) snprintf(name, sizeof(name), "flood-%d", i);
                r = sd_bus_call_method_async(bus, NULL, "org.leased1", "/org/leased1", "org.leased1.Manager",
                                "AcquireLease", on_answer, NULL, "ssxt", name, "", (int64_t) 1, (uint64_t) 10000000);
        }
        while (r >= 0) {
                r = sd_bus_process(bus, NULL);
                if (r == 0)
                        r = sd_bus_wait(bus, UINT64_MAX);
        }
        fprintf(stderr, "call-flood: %s\n", strerror(-r));
        return 1;
}
