/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A few words to tell stories with: a world without chance faults, in which something is done and something must
 * follow within a time. S1, S2, S3 and the laws are checked all the while; a story that goes wrong prints its trace.
 * The unit is the first lease's, unless another is named.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim.h"

/* Machines m0, m1, … with sound clocks, network and units, all booted; nothing has been acquired yet. */
World *story_begin(size_t n_machines, usec_t ttl);
/* The same with more than one lease. */
World *story_begin_with(size_t n_machines, size_t n_leases, usec_t ttl);
/* Runs until every unit is up, as it must be within some TTLs. */
void story_settle(World *w);
/* Lets time pass. */
void story_run(World *w, usec_t span);
/* Until the unit's processes are on m (NULL: on another machine than the one named in except); asserts within. */
Machine *story_until_runs(World *w, const Machine *except, usec_t within);
/* Until no process of the unit is anywhere. */
void story_until_down(World *w, usec_t within);
void story_end(World *w);

/* Where the unit's processes are; NULL: nowhere. */
Machine *story_place(World *w);
Machine *story_other(World *w, const Machine *m);
uint64_t story_index(const World *w); /* of the last start */
uint64_t story_starts(const World *w);

void story_check(World *w, bool good, const char *what, const char *file, int line);
#define story_expect(w, condition) story_check((w), (condition), #condition, __FILE__, __LINE__)
