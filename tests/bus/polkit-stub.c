/* SPDX-License-Identifier: Apache-2.0 */

/*
 * polkit-stub [ACTION]...: owns polkit's name on the bus, allows the actions named, asks for a password for those that
 * are named with a leading "?", and prints what it was asked: action, verb, unit, lease, machine. With "hang" among
 * them it answers nothing; it then prints "taken back" for each question that is. The real one is not run in the
 * tests, for what it answers hangs on the machine.
 */

#include <errno.h>
#include <stdio.h>
#include <systemd/sd-bus.h>

#include "util/macros.h"

static char **allowed;

static int check(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const char *action, *key, *value, *verb = "", *unit = "", *lease = "", *machine = "";
        int authorized = 0, challenge = 0, hang = 0, r;

        r = sd_bus_message_skip(m, "(sa{sv})");
        if (r >= 0)
                r = sd_bus_message_read(m, "s", &action);
        if (r >= 0)
                r = sd_bus_message_enter_container(m, 'a', "{ss}");
        while (r >= 0 && (r = sd_bus_message_read(m, "{ss}", &key, &value)) > 0) {
                verb = streq(key, "verb") ? value : verb;
                unit = streq(key, "unit") ? value : unit;
                lease = streq(key, "lease") ? value : lease;
                machine = streq(key, "machine") ? value : machine;
        }
        if (r < 0)
                return r;
        for (char **each = allowed; *each; each++) {
                hang = hang || streq(*each, "hang");
                authorized = authorized || streq(*each, action);
                challenge = challenge || ((*each)[0] == '?' && streq(*each + 1, action));
        }
        printf("%s verb=%s unit=%s lease=%s machine=%s\n", action, verb, unit, lease, machine);
        fflush(stdout);
        if (hang)
                return 1;
        return sd_bus_reply_method_return(m, "(bba{ss})", authorized, challenge, 0);
}

static int cancel(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        puts("taken back");
        fflush(stdout);
        return sd_bus_reply_method_return(m, NULL);
}

static const sd_bus_vtable authority[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("CheckAuthorization", "(sa{sv})sa{ss}us", "(bba{ss})", check, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("CancelCheckAuthorization", "s", "", cancel, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

int main(int argc, char **argv) {
        sd_bus *bus = NULL;
        int r;

        allowed = argv + 1;
        r = sd_bus_open_system(&bus);
        if (r >= 0)
                r = sd_bus_add_object_vtable(bus, NULL, "/org/freedesktop/PolicyKit1/Authority",
                                "org.freedesktop.PolicyKit1.Authority", authority, NULL);
        if (r >= 0)
                r = sd_bus_request_name(bus, "org.freedesktop.PolicyKit1", 0);
        while (r >= 0) {
                r = sd_bus_process(bus, NULL);
                if (r == 0)
                        r = sd_bus_wait(bus, UINT64_MAX);
        }
        fprintf(stderr, "polkit-stub: %s\n", strerror(-r));
        return 1;
}
