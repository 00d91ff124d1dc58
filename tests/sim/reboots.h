/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Machines that reboot, and keep what they held meanwhile (reboots.c). Included by sim.h only. */

#include "sim.h"

/* Gives some units OnShutdown=keep. */
void reboots_init(World *w);
/* Whether the shutdown that begins now is a reboot. */
bool reboots_is_one(const World *w, const Machine *m);
/* An operator says something, which may end the wait for a machine, of this unit or of all. */
void reboots_meddled(World *w, EventKind verb, size_t unit);
/* Fails the world if the Txn takes a lease that is kept for another machine. */
void reboots_check(World *w, const Machine *m, const Txn *t);
