/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* How old each revision is, by the revisions that answers bore: one sample a minute is kept. */

#include "registry/etcd/state.h"

/* To be told of the revision that an answer bore. */
void etcd_history_note(Etcd *e, uint64_t revision);

/* Gives the revision up to which nobody needs history any more; 0: none. now: on CLOCK_BOOTTIME. */
uint64_t etcd_history_target(const Etcd *e, usec_t now);
