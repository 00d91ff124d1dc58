/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Noticing that there is a new leader. */

#include "registry/etcd/state.h"

/* Asks the member at endpoint i whether it follows a leader, unless it was asked a moment ago. */
void etcd_leader_ask(Etcd *e, size_t i);

/* An answer bore that raft term. */
void etcd_leader_term(Etcd *e, uint64_t term);

/* There is a new leader: what was sent to the one before gets no answer. */
void etcd_leader_changed(Etcd *e);

/* Cancels what is under way. */
void etcd_leader_done(Etcd *e);
