/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Which etcd cluster is ours, judged by the ids that the endpoints report. */

#include "registry/etcd/state.h"

/* Takes the store that this machine remembers, before the first probe; NULL, "" or a text that is no cluster id: none.
 */
void etcd_identity_open(Etcd *e, const char *store);

/* registry_etcd.remember: the machine remembers another store from now on; NULL or "": none. A text that is no cluster
 * id is ignored. */
void etcd_identity_remember(Registry *r, const char *store);

/* Judges anew which cluster is ours, since there is news of what an endpoint says. over: all endpoints have been
 * probed in this round. */
void etcd_identity_judge(Etcd *e, bool over);

/* To be told of the header of each answer of endpoint i. Returns false if the answer is not to be believed: the
 * endpoint does not belong to our cluster, or our cluster is not known yet. */
bool etcd_identity_check(Etcd *e, size_t i, const char *address, const EtcdHeader *h);

/* Has calls wait for the next round of probes if all endpoints that ever said their cluster belong to another one. */
void etcd_identity_doubt(Etcd *e);
