/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Which revision is how old, known from what answers said: one sample a minute. */

#include "registry/etcd/state.h"

/* An answer bore that revision. */
void etcd_history_note(Etcd *e, uint64_t revision);

/* The revision up to which nobody needs history any more, by CLOCK_BOOTTIME now; 0: none. */
uint64_t etcd_history_target(const Etcd *e, usec_t now);
