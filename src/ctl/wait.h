/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/ctl.h"

/*
 * Asking leased for something that takes long, and waiting for its outcome. leased answers such a verb as soon as it
 * has begun. Meanwhile progress is shown on stderr (ctl/progress.h).
 *
 * bus_watch_leased() must have been called. Functions print what is wrong and return an exit code.
 */

/* Whether the outcome is there: 1, or 0 to go on waiting. props: the properties of org.leased1.Unit now. */
typedef int (*wait_test_t)(const json_t *props, void *userdata);

/* Calls a method of org.leased1.Manager about the unit and waits until it has begun. types and what follows: its
 * arguments, as sd_bus_message_append() takes them. *ret, owned by the caller, is the answer; ret may be NULL. */
int wait_call(Ctl *ctl, const char *unit, const char *method, json_t **ret, const char *types, ...);

/* Waits until test() returns 1 of the unit's properties. */
int wait_for(Ctl *ctl, const char *unit, wait_test_t test, void *userdata);

/* Prints who holds the unit's lease now: "foo.service: released, now held by beta at Index 5", or "…, nobody holds it
 * yet". done: the first word of that. */
int wait_print_holder(Ctl *ctl, const char *unit, const char *done);

/* The same of what has been read. props: the properties of org.leased1.Unit; NULL: leased has forgotten it. host: the
 * name of the holder; "": not known. */
void wait_say_holder(const char *unit, const char *done, const json_t *props, const char *host);

/* Calls bus_watch_leased(), and f with each name that was typed, resolved by unit_name_resolve(). Returns the last
 * exit code that was not CTL_OK. */
int wait_each(Ctl *ctl, int argc, char **argv, int (*f)(Ctl *ctl, const char *unit));
