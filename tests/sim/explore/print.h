/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Fingerprints of states (print.c): equal for states from which the same can follow, up to the choice of zero for
 * times, revisions and counters, and up to where things lie in memory. */

#include "sim.h"

/* Moments further in the past than this many TTLs count as equally old. */
enum { OLD_TTLS = 3 };

/* Of the core in its region; it does not depend on the present time, only on that of the core's last step. */
uint64_t print_core(int region, Core *core, usec_t ttl);
/* Of everything else; cores holds the fingerprint of each machine's core. */
uint64_t print_world(World *w, const uint64_t *cores);
/* Whether the event will be dropped by its handler. */
bool print_is_stale(const World *w, const SimEvent *e);
