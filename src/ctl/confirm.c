/* SPDX-License-Identifier: Apache-2.0 */

/*
 * leasectl confirm-dead: an operator knows that a machine is off, so nobody need wait for its leases to run out.
 *
 * At a terminal the command asks once more, for a wrong answer has a unit run twice. A script has no terminal, and
 * means what it says.
 */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "ctl/bus.h"
#include "ctl/machines.h"
#include "util/text.h"

/* keeps: since a pause, in which there are no deadlines. */
static void warn(bool keeps, const char *name) {
        _cleanup_free_ char *text =
                        keeps ? text_format("%s keeps leases since a pause. If it is only cut off, its units", name)
                              : text_format("If %s is not off, its units run twice until it hears of this.", name);

        say_progress(strempty(text));
        if (keeps)
                say_progress("run twice for as long as it is cut off, without a deadline.");
}

/* Asks at the terminal whether the machine is off. No terminal: that is so. */
static int ask(const json_t *row, const char *name) {
        _cleanup_free_ char *line = NULL, *text = NULL;
        json_int_t held = get_integer(row, "held");
        size_t size = 0;

        if (!isatty(STDIN_FILENO))
                return CTL_OK;
        text = text_format("%s holds %" JSON_INTEGER_FORMAT
                           " lease%s. Other machines take %s at once, without waiting.",
                        name, held, held == 1 ? "" : "s", held == 1 ? "it" : "them");
        say_progress(strempty(text));
        warn(get_boolean(row, "unconfirmed"), name);
        say_progress("Is it off? Type yes, and Enter:");
        if (getline(&line, &size, stdin) < 0 || !streq(line, "yes\n"))
                return ctl_fail("confirm-dead: nothing was changed");
        return CTL_OK;
}

int verb_confirm_dead(Ctl *ctl, int argc, char **argv) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        json_auto_t *rows = NULL, *manager = NULL;
        const json_t *row;
        char name[HOSTNAME_SHOWN];
        int code = machines_read_all(ctl, &rows, &manager), r;

        if (code == CTL_OK)
                code = machines_resolve(rows, manager, argv[0], &row);
        if (code == CTL_OK)
                code = ask(row, machine_name(rows, get_string(row, "machine_id"), name, sizeof(name)));
        if (code != CTL_OK)
                return code;
        r = bus_watch_leased(ctl->bus);
        if (r >= 0)
                r = bus_call(ctl->bus, &bus_leased, "ConfirmDeadMachine", NULL, &error, "s",
                                get_string(row, "machine_id"));
        if (r < 0)
                return bus_complain("confirm-dead", r, &error);
        say("%s: confirmed dead, and nobody waits for its leases", name);
        return CTL_OK;
}
