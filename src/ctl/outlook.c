/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/outlook.h"

#include <stdio.h>

#include "ctl/copies.h"
#include "ctl/leases.h"
#include "ctl/progress.h"
#include "util/shell-word.h"

/* How long leased is given to decide. PID 1 and the registry answer within milliseconds when they are well. What
 * takes longer is told as it then is. */
#define PATIENCE (3 * USEC_PER_SEC)

/* Gives the row of the unit and prints nothing. NULL if leased does not know the unit (yet). */
static json_t *read_row(Ctl *ctl, const char *unit) {
        json_t *row = NULL;

        return unit_read_row(ctl, unit, &row, NULL) >= 0 ? row : NULL;
}

static bool state_is(const json_t *row, const char *a, const char *b) {
        const char *state = get_string(row, "state");

        return streq(state, a) || streq(state, b);
}

static bool is_up(const json_t *row) {
        return state_is(row, "starting", "running");
}

/* Gives the reason why this machine does not take the unit, as leased says it; "" if there is none. */
static const char *why_not_here(Ctl *ctl, const json_t *row) {
        json_auto_t *manager = NULL;
        json_t *why;
        size_t i;

        if (bus_get_manager(ctl->bus, &manager, NULL) < 0)
                return "";
        json_array_foreach(json_object_get(row, "why_not"), i, why) {
                if (streq(get_string(why, "machine_id"), get_string(manager, "MachineID")))
                        return get_string(why, "why");
        }
        return "";
}

/* Writes of a unit that waits for a holder how many of its copies wait with it. */
static void describe_free(Ctl *ctl, const json_t *row, char *buf, size_t size) {
        json_auto_t *rows = json_pack("[O]", row);
        size_t held;

        if (!copies_are_of(row) || copies_add(ctl, rows) != CTL_OK || get_integer(row, "copies") == 0) {
                str_copy(buf, size, "nobody holds it, and not here");
                return;
        }
        held = json_array_size(json_object_get(row, "copy_holders"));
        (void) snprintf(buf, size, "%zu of %" JSON_INTEGER_FORMAT " copies %s held, and none here", held,
                        get_integer(row, "copies"), held == 1 ? "is" : "are");
}

/* Writes who holds the unit, or all its copies: "alpha, beta". */
static void describe_holders(Ctl *ctl, const json_t *row, char *buf, size_t size) {
        json_auto_t *rows = json_pack("[O]", row);
        const char *host = get_string(row, "hostname");
        _cleanup_free_ char *names = NULL;

        if (copies_are_of(row) && copies_add(ctl, rows) == CTL_OK &&
                        json_array_size(json_object_get(row, "copy_holders")) > 0)
                names = copies_text(row);
        str_copy(buf, size, names ?: *host ? host : get_string(row, "machine_id"));
}

/* Writes what is on its way here, or that it is not known here who holds the unit. Returns false if it is neither. */
static bool describe_passing(const json_t *row, const char *why, char *buf, size_t size) {
        const char *passing = NULL;

        if (state_is(row, "stopping", ""))
                passing = "it is being stopped here";
        else if (state_is(row, "releasing", ""))
                passing = "this machine gives its lease back";
        else if (state_is(row, "acquiring", ""))
                passing = "this machine asks for its lease";
        else if (state_is(row, "frozen", ""))
                passing = "it is frozen here";
        if (passing)
                (void) snprintf(buf, size, "%s%s%s", passing, *why ? ": " : "", why);
        else if (startswith(why, "unknown: "))
                (void) snprintf(buf, size, "who holds it is %s", why);
        else if (json_is_null(json_object_get(row, "held")) || state_is(row, "damaged", ""))
                (void) snprintf(buf, size, "who holds it is unknown%s%s", *why ? ": " : "", why);
        else
                return false;
        return true;
}

/* Writes what becomes of the unit. Returns false if that may change in a moment. */
static bool describe(Ctl *ctl, const char *unit, const json_t *row, bool before, char text[static OUTLOOK_SIZE]) {
        char waits[64], holders[OUTLOOK_SIZE / 2];
        const char *why;

        if (is_up(row)) {
                (void) snprintf(text, OUTLOOK_SIZE, "%s",
                                !before                        ? "it starts here now"
                                : state_is(row, "running", "") ? "it runs here"
                                                               : "it is starting here");
                return true;
        }
        if (state_is(row, "elsewhere", "")) {
                describe_holders(ctl, row, holders, sizeof(holders));
                (void) snprintf(text, OUTLOOK_SIZE, "it is held by %s, and this machine stands by", holders);
                return true;
        }
        if (state_is(row, "done", "")) {
                (void) snprintf(text, OUTLOOK_SIZE, "its job is done, and it runs again after: leasectl rearm %s",
                                SHELL_WORD(unit));
                return true;
        }
        if (state_is(row, "stopped", "")) {
                (void) snprintf(text, OUTLOOK_SIZE, "this machine holds it, and it was stopped by hand");
                return true;
        }
        why = why_not_here(ctl, row);
        if (describe_passing(row, why, text, OUTLOOK_SIZE))
                return false;
        if (get_boolean(row, "held"))
                str_copy(waits, sizeof(waits), "it does not run here yet");
        else
                describe_free(ctl, row, waits, sizeof(waits));
        (void) snprintf(text, OUTLOOK_SIZE, "%s%s%s", waits, *why ? ": " : "", why);
        return false;
}

usec_t outlook_deadline(const Ctl *ctl, usec_t now) {
        return ctl->wait ? usec_add(now, PATIENCE) : now;
}

void outlook_read(Ctl *ctl, const char *unit, bool before, usec_t deadline, char text[static OUTLOOK_SIZE]) {
        text[0] = '\0';
        for (;;) {
                json_auto_t *row = read_row(ctl, unit);
                usec_t now = now_boottime();

                if (row && !get_boolean(row, "global") && describe(ctl, unit, row, before, text))
                        return;
                if ((row && get_boolean(row, "global")) || now >= deadline ||
                                bus_wait(ctl->bus, MIN(PROGRESS_POLL, deadline - now)) < 0)
                        return;
        }
}
