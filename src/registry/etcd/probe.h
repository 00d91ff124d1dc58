/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the endpoints say of themselves: cluster, version, room. All of them are asked when the registry is opened,
 * every minute, and whenever one of them says another cluster id than it should.
 */

#include "registry/etcd/state.h"

/* Begins the first round as soon as the loop runs. Returns 0 or a negative errno. */
int etcd_probe_open(Etcd *e);

/* Cancels what is under way. */
void etcd_probe_done(Etcd *e);

/* Asks all endpoints now, unless a round is under way. */
void etcd_probe_start(Etcd *e);
