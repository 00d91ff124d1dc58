/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/ctl.h"

/* What PID 1 has said of units, {unit: its properties}, so that nothing is asked twice (ctl/pid1-ahead.h). */

/* Begins with an empty memory: 0, or -ENOMEM. */
int pid1_memory_begin(void);
/* Forgets everything, and keeps nothing any more. */
void pid1_memory_end(void);
/* The memory itself, borrowed; NULL: nothing is kept. */
json_t *pid1_memory(void);
/* The properties of a unit if they are kept, owned by the caller; otherwise NULL. */
json_t *pid1_memory_find(const char *unit);
/* Keeps the properties of a unit, if anything is kept. */
void pid1_memory_keep(const char *unit, json_t *properties);
