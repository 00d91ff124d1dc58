/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Forgetting history. */

#include "registry/etcd/state.h"

/* registry_etcd.compact: gives up what etcd_history_target() says. Returns 0 or -ENOMEM. */
int etcd_compact(Registry *r);

/* Makes etcd forget all revisions up to target, unless that is under way, or was done; 0: nothing. Returns 0 or
 * -ENOMEM. */
int etcd_compact_to(Etcd *e, uint64_t target);

/* Cancels what is under way. */
void etcd_compact_done(Etcd *e);
