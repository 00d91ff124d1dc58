/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Keeps the lease "engine-leader" as fleet's engine did, and works only while it holds it. Up to the deadline, which
 * counts from before each call was sent and on CLOCK_BOOTTIME, nobody else can have it.
 *
 *     cc -o engine-leader engine-leader.c $(pkg-config --cflags --libs libsystemd)
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <time.h>
#include <unistd.h>

#define PERIOD UINT64_C(10000000) /* microseconds */

static uint64_t now(void) {
        struct timespec t;

        clock_gettime(CLOCK_BOOTTIME, &t);
        return (uint64_t) t.tv_sec * 1000000 + (uint64_t) t.tv_nsec / 1000;
}

int main(int argc, char **argv) {
        int rounds = argc > 1 ? atoi(argv[1]) : 10, acquired = 0, r;
        uint64_t index = 0, deadline = 0;
        sd_bus_message *reply = NULL;
        const char *lease = NULL;
        sd_bus *bus = NULL;

        r = sd_bus_open_system(&bus);
        while (r >= 0 && !acquired) { /* "held by another" is an answer, not an error */
                deadline = now() + PERIOD;
                sd_bus_message_unref(reply);
                r = sd_bus_call_method(bus, "org.leased1", "/org/leased1", "org.leased1.Manager", "AcquireLease", NULL,
                                &reply, "ssxt", "engine-leader", "", INT64_C(1), PERIOD);
                if (r >= 0)
                        r = sd_bus_message_read(reply, "bot", &acquired, &lease, &index);
                if (r >= 0 && !acquired)
                        sleep(1);
        }
        for (int i = 0; r >= 0 && i < rounds && now() < deadline; i++) {
                uint64_t next = now() + PERIOD;
                sd_bus_message *renewed = NULL;

                printf("leading at Index %" PRIu64 "\n", index); /* work here, well within what is left */
                sleep(1);
                r = sd_bus_call_method(bus, "org.leased1", lease, "org.leased1.Lease", "Renew", NULL, &renewed, "tt", index,
                                PERIOD);
                if (r >= 0 && (r = sd_bus_message_read(renewed, "t", &index)) >= 0)
                        deadline = next;
                else if (r != -EBADR && now() < deadline)
                        r = 0; /* no answer is not "lost": go on, but only up to the deadline of before */
                sd_bus_message_unref(renewed);
        }
        if (r >= 0)
                r = sd_bus_call_method(bus, "org.leased1", lease, "org.leased1.Lease", "Release", NULL, NULL, "t", index);
        if (r < 0)
                fprintf(stderr, "engine-leader: %s\n", strerror(-r));
        sd_bus_message_unref(reply);
        sd_bus_flush_close_unref(bus);
        return r < 0;
}
