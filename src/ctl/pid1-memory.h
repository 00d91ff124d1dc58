/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/ctl.h"

/* Keeps what PID 1 has said of units, as {unit: its properties}, so that nothing is asked twice (ctl/pid1-ahead.h).
 */

/* Begins to keep answers, with an empty memory. Returns 0, or -ENOMEM. */
int pid1_memory_begin(void);
/* Forgets everything, and keeps nothing from then on. */
void pid1_memory_end(void);
/* Gives the memory itself, borrowed; NULL while nothing is kept. */
json_t *pid1_memory(void);
/* Gives the properties of a unit, owned by the caller; NULL if they are not kept. */
json_t *pid1_memory_find(const char *unit);
/* Keeps the properties of a unit, between pid1_memory_begin() and pid1_memory_end(); does nothing at other times.
 * The memory takes a reference of its own. */
void pid1_memory_keep(const char *unit, json_t *properties);
/* To be told when answers have been put into the memory itself. */
void pid1_memory_heard(void);
/* Gives when the last answer that is kept was taken (CLOCK_BOOTTIME); while nothing is kept, the time now. */
usec_t pid1_memory_heard_at(void);
