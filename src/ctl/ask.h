/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/where.h"

/*
 * Has the machines that hold units carry something out. A machine may be this one or any other; the units need not be
 * enabled here. leased is asked for all units of a command at once, and answers for each when its machine has begun,
 * or why it has not.
 *
 * Functions print what is wrong and return an exit code.
 */

/* One of the units of a command. */
typedef struct Asked {
        char *unit;   /* owned */
        bool wanted;  /* leased is to be asked about it */
        Where before; /* where it was; empty: the caller knows that it is here */
        bool patient; /* it may be asked for again: if it is Unfit now, ask_tell() says so, and not ask_all() */
        bool answered, begun;
        json_t *answer; /* what leased has answered, an array; owned */
        sd_bus_error error;
        int code; /* CTL_OK as long as nothing is wrong, or an exit code whose reason was printed */
} Asked;

/* Begins to listen to leased, and gives the units that were typed, resolved by unit_name_resolve(), each of them once.
 * *ret is owned by the caller. */
int asked_new(Ctl *ctl, size_t n, char *const *typed, Asked **ret, size_t *ret_n);
void asked_free(Asked *units, size_t n);

/* Asks for "release", "transfer" (to the machine with that id; "" for the others), "rearm", "stop", "start" or
 * "restart" of all units that are wanted, or for "steal" of them for this machine. Waits until each has begun or is
 * refused. Refusals are printed in the order of the units. Ctrl-C takes back what has not begun: then this function
 * says of each unit whether that was in time, and does not return. */
int ask_all(Ctl *ctl, const char *verb, const char *machine_id, size_t n, Asked *units);
/* Prints why leased has refused the unit. */
void ask_tell(Asked *u);
/* After "release" or "transfer", or, with rearms, "rearm", of a unit that was not here: waits until its lease has
 * another Index, or nobody holds it any more (rearms: somebody holds it), and prints the outcome. The argument done is
 * the word for that, "released"; target is the row of the machine that was to have it; NULL: none. */
int ask_await_lease(Ctl *ctl, const Asked *a, bool rearms, const char *done, const json_t *target);
/* Whether anything has begun, so that there is an outcome to wait for. */
bool ask_any_begun(size_t n, const Asked *units);
/* The exit code of the command: that of the last unit with which something is wrong. */
int ask_code(size_t n, const Asked *units);
