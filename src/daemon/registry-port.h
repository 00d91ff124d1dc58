/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/sink.h"
#include "registry/registry.h"

typedef struct RegistryPort RegistryPort;

/*
 * The daemon's end of the registry: makes of the core's records the texts that the registry stores, and of the
 * registry's answers the core's events.
 *
 * registry_port_new() watches the whole registry, which must outlive the port. Each change is delivered as
 * EVENT_RECORDS, a long list after some turns of the loop. userdata is deliver()'s, and borrowed. -ENOMEM, or what the
 * registry's watch() returns.
 */
int registry_port_new(sd_event *event, Registry *registry, event_sink_t deliver, void *userdata, RegistryPort **ret);
/* Frees e, which may be NULL. Cancels the requests that are under way: their outcomes are never delivered. Returns
 * NULL. */
RegistryPort *registry_port_free(RegistryPort *e);

/* ACTION_TXN and ACTION_READ. Each ends in exactly one EVENT_TXN or EVENT_READ with the action's id. A request that
 * cannot even be made is delivered as UNKNOWN (laws 6 and 8), possibly before the call returns. */
void registry_port_txn(RegistryPort *e, const Action *action);
void registry_port_read(RegistryPort *e, const Action *action);

/* ACTION_LISTEN: narrows the watch to the beats that the core wants to hear of. */
void registry_port_listen(RegistryPort *e, const Action *action);

/* Has f called after each change of records that are not the core's, whose keys begin with prefix (a static text), and
 * whenever the watch begins anew. There is one f at most. */
void registry_port_on_other(RegistryPort *e, const char *prefix, void (*f)(void *userdata), void *userdata);

/* Why a record counts as damaged (law 11): a static text. NULL: it is not damaged, or was never seen. */
const char *registry_port_damage(const RegistryPort *e, RecordKind kind, const char *name);
