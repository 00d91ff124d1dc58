/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Counts the states of units in a core, as libFuzzer counts the edges of code: an input that brings a unit into a
 * state that no input before has reached is kept. core/state.h and the simulation have different things of one name,
 * so the two cannot be seen by one file. */

#include <stddef.h>

#include "core/core.h"

/* Counts the phase of each unit, with its reason to leave and the request on its lease. */
void states_count(const Core *c);
/* Counts the phases that each unit has in two cores at once. */
void states_count_pair(const Core *a, const Core *b);
