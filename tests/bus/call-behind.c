/* SPDX-License-Identifier: Apache-2.0 */

/*
 * call-behind PATH INTERFACE METHOD PATH INTERFACE METHOD [STRING]: sends leased two calls over one connection, the
 * second right behind the first, and prints "sent" once the bus has handed on both. Then prints which of them is
 * answered, "first" or "second", in the order of the answers, and behind "first" what the answer is: "ok", or the name
 * of the error. (The second may be answered by an error.)
 */

#include <errno.h>
#include <stdio.h>
#include <systemd/sd-bus.h>

#include "util/macros.h"

typedef struct Call {
        const char *name;
        bool answered;
} Call;

static int on_answer(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const sd_bus_error *e = sd_bus_message_get_error(m);
        Call *c = userdata;

        if (!c->answered)
                puts(c->name);
        if (streq(c->name, "first"))
                puts(e ? e->name : "ok");
        c->answered = true;
        return 0;
}

/* The bus answers one after another: it has handed on what came before. */
static int on_sent(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        puts("sent");
        fflush(stdout);
        return 0;
}

int main(int argc, char **argv) {
        Call first = { .name = "first" }, second = { .name = "second" };
        sd_bus *bus = NULL;
        int r;

        if (argc < 7)
                return 2;
        r = sd_bus_open_system(&bus);
        if (r >= 0)
                r = sd_bus_call_method_async(
                                bus, NULL, "org.leased1", argv[1], argv[2], argv[3], on_answer, &first, NULL);
        if (r >= 0)
                r = sd_bus_call_method_async(bus, NULL, "org.leased1", argv[4], argv[5], argv[6], on_answer, &second,
                                argc > 7 ? "s" : NULL, argv[7]);
        if (r >= 0)
                r = sd_bus_call_method_async(bus, NULL, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                                "org.freedesktop.DBus", "GetId", on_sent, NULL, NULL);
        while (r >= 0 && !(first.answered && second.answered)) {
                r = sd_bus_process(bus, NULL);
                if (r == 0)
                        r = sd_bus_wait(bus, UINT64_MAX);
        }
        if (r < 0)
                fprintf(stderr, "call-behind: %s\n", strerror(-r));
        return r < 0;
}
