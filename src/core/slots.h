/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Slots: a unit with Copies=K, or a command of "leasectl run --slots=K", may run by any one of K leases, NAME#1 to
 * NAME#K. */

#include "core/state.h"

/* Whether the unit has slots, and still waits for one. What other units and other machines do may change for which
 * one.
 */
bool slots_are_sought(const Unit *u);
/* If the unit seeks a slot, has it take one that this machine holds already. If there is none, and the slot that it
 * waits for cannot be had, has it wait for the first that can be had and that no other unit here waits for, runs by or
 * is about to give back. */
void slots_seek(Core *c, Unit *u);
