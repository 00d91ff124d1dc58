/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Forgetting history: etcd keeps every revision until somebody has it compacted. */

#include "registry/etcd/state.h"

/* registry_etcd.compact: gives up what etcd_history_target() says. Returns 0 or -ENOMEM. */
int etcd_compact(Registry *r);

/* Has etcd forget all revisions up to target (0: none), unless a compaction is under way or has done that. Returns 0
 * or -ENOMEM. */
int etcd_compact_to(Etcd *e, uint64_t target);

/* Cancels what is under way. */
void etcd_compact_done(Etcd *e);
