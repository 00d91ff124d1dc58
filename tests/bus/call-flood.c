/* SPDX-License-Identifier: Apache-2.0 */

/*
 * call-flood NUMBER [in-turn | files | calls | lists | reads]: asks leased for that many leases at once, over one
 * connection, and prints what each answer is: "ok", or the name of the error. With in-turn each one is asked for when
 * the one before was answered. With files it asks for records of submitted units, with lists for the list of units,
 * with reads for leases as they are. With calls and lists it prints "sent" once the bus has handed on all calls. It
 * stays on the bus until it is killed.
 */

#include <errno.h>
#include <stdio.h>
#include <systemd/sd-bus.h>

#include "util/macros.h"

static int n, sent, answered;
static bool files, lists, reads;

static int on_answer(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const sd_bus_error *e = sd_bus_message_get_error(m);

        answered++;
        puts(e ? e->name : "ok");
        fflush(stdout);
        return 0;
}

/* The bus answers one after another: it has handed on what came before. */
static int on_sent(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        puts("sent");
        fflush(stdout);
        return 0;
}

static int ask(sd_bus *bus) {
        char name[32];

        (void) snprintf(name, sizeof(name), "flood-%d.service", sent++);
        if (lists)
                return sd_bus_call_method_async(bus, NULL, "org.leased1", "/org/leased1", "org.leased1.Manager",
                                "ListUnits", on_answer, NULL, NULL);
        if (reads)
                return sd_bus_call_method_async(bus, NULL, "org.leased1", "/org/leased1", "org.leased1.Manager",
                                "GetLease", on_answer, NULL, "s", name);
        if (files)
                return sd_bus_call_method_async(bus, NULL, "org.leased1", "/org/leased1", "org.leased1.Manager",
                                "GetUnitFile", on_answer, NULL, "s", name);
        return sd_bus_call_method_async(bus, NULL, "org.leased1", "/org/leased1", "org.leased1.Manager",
                        "AcquireLease", on_answer, NULL, "ssxt", name, "", (int64_t) 1, (uint64_t) 10000000);
}

int main(int argc, char **argv) {
        const char *mode = argc == 3 ? argv[2] : "";
        bool in_turn = streq(mode, "in-turn"), tells;
        sd_bus *bus = NULL;
        int r;

        n = argc >= 2 ? atoi(argv[1]) : 0;
        files = streq(mode, "files");
        lists = streq(mode, "lists");
        reads = streq(mode, "reads");
        tells = lists || streq(mode, "calls");
        r = sd_bus_open_system(&bus);
        while (r >= 0) {
                while (r >= 0 && sent < n && !(in_turn && answered < sent))
                        r = ask(bus);
                if (r >= 0 && tells)
                        r = sd_bus_call_method_async(bus, NULL, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                                        "org.freedesktop.DBus", "GetId", on_sent, NULL, NULL);
                tells = false;
                if (r >= 0)
                        r = sd_bus_process(bus, NULL);
                if (r == 0)
                        r = sd_bus_wait(bus, UINT64_MAX);
        }
        fprintf(stderr, "call-flood: %s\n", strerror(-r));
        return 1;
}
