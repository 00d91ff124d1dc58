/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Machines that reboot, and keep what they held meanwhile (reboots.c). Included by sim.h only. */

#include "sim.h"

/* Gives some units OnShutdown=keep. */
void reboots_init(World *w);
/* Whether the shutdown that begins now is a reboot. */
bool reboots_is_one(const World *w, const Machine *m);
/* An operator, or somebody who changes records by hand, has said something that may end the wait for a machine. */
void reboots_meddled(World *w);
/* Fails the world if the Txn takes a lease that is kept for another machine. */
void reboots_check(World *w, const Machine *m, const Txn *t);
