/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The watch: a list, then a stream of what came after it; after any gap, again from the start. */

#include "registry/etcd/state.h"

/* registry_etcd.watch: *ret is owned by the caller. Returns 0, -EINVAL for a prefix that is too long, or another
 * negative errno. */
int etcd_watch(Registry *r, const char *prefix, registry_change_t f, void *userdata, RegistryWatch **ret);

/* registry_etcd.watch_free: cancels the watch. Accepts NULL, returns NULL. */
RegistryWatch *etcd_watch_free(RegistryWatch *w);

/* registry_etcd.narrow: begins anew, without a pause. Returns 0, -EINVAL for keys that are too long, or -ENOMEM. */
int etcd_watch_narrow(RegistryWatch *w, const char *from, const char *also);

/* registry_etcd.relist: begins anew, after a pause. */
void etcd_watch_relist(RegistryWatch *w);

/* The registry is being freed: cancels all watches, which still belong to their owners. */
void etcd_watch_detach(Etcd *e);

/* Has watches whose stream comes from an endpoint in doubt begin anew. Never calls back. */
void etcd_watch_leave(Etcd *e);

/* To be told when our own Txn has put that key (relative to the prefix) at that revision: a stream that is alive must
 * show the change soon. */
void etcd_watch_expect(Etcd *e, const char *key, uint64_t revision);

DEFINE_TRIVIAL_CLEANUP(RegistryWatch *, etcd_watch_free)
