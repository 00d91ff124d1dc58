/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/ctl.h"

/*
 * Waiting until something has become of what leased was asked for: verbs that take long are answered as soon as they
 * have begun. bus_watch_leased() must have been called.
 */

/* 0: not yet; 1: over. props: the properties of org.leased1.Unit now. */
typedef int (*unit_test_t)(const json_t *props, void *userdata);

/* The properties of org.leased1.Unit now; while the registry has trouble, also "Trouble": what it says. Returns a
 * negative errno and the error of the bus. */
int wait_read_unit(Ctl *ctl, const char *unit, json_t **ret, sd_bus_error *error);

/* Asks leased for something that it answers when it has begun; as long as it waits for the registry, that is shown on
 * stderr. Says what is wrong and returns an exit code; *ret (may be NULL) is the answer. */
int call_for_unit(Ctl *ctl, const char *unit, const char *method, json_t **ret, const char *types, ...);

/* Waits until test() says so, with progress on stderr. Says what is wrong and returns an exit code. */
int wait_for_unit(Ctl *ctl, const char *unit, unit_test_t test, void *userdata);

/* "foo.service: released, now held by beta at Index 5", or "…, nobody holds it yet". */
int print_holder_after(Ctl *ctl, const char *unit, const char *done);

/* Calls f with each name, resolved (ctl/leases.h), and returns the last exit code that was not CTL_OK. */
int for_each_unit(Ctl *ctl, int argc, char **argv, int (*f)(Ctl *ctl, const char *unit));
