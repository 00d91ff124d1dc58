/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Which etcd cluster is ours, judged by the ids that the endpoints report. */

#include "registry/etcd/state.h"

/* Takes what this machine remembers, before the first probe; NULL, "" or what is no cluster id: nothing. */
void etcd_identity_open(Etcd *e, const char *store);

/* registry_etcd.remember: the machine remembers another store from now on; NULL or "": none. What is no cluster id is
 * ignored. */
void etcd_identity_remember(Registry *r, const char *store);

/* Judges anew, for there is news of what an endpoint says. over: all have been probed in this round. */
void etcd_identity_judge(Etcd *e, bool over);

/* An answer of endpoint i bore this header. false: the endpoint is of another cluster than ours, or of another than
 * was thought, and the answer is not to be believed. */
bool etcd_identity_check(Etcd *e, size_t i, const EtcdHeader *h);

/* Calls wait for the next round of probes if all endpoints whose word is known are of another cluster than ours. */
void etcd_identity_doubt(Etcd *e);
