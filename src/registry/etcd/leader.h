/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Noticing that there is a new leader. */

#include "registry/etcd/state.h"

/* Asks the member at endpoint i whether it follows a leader, unless it was asked a moment ago. */
void etcd_leader_ask(Etcd *e, size_t i);

/* To be told of the raft term that an answer bore: a higher one shows that there is a new leader. */
void etcd_leader_term(Etcd *e, uint64_t term);

/* To be told when there is a new leader: requests that the leader before had under way get no answer. */
void etcd_leader_changed(Etcd *e);

/* Cancels what is under way. */
void etcd_leader_done(Etcd *e);
