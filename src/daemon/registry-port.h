/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/sink.h"
#include "registry/registry.h"

typedef struct RegistryPort RegistryPort;

/* Watches the whole registry, which must outlive the port; each change is delivered as EVENT_RECORDS, a long list
 * after some turns of the loop. userdata is deliver's. -ENOMEM, or what the registry's watch() returns. */
int registry_port_new(sd_event *event, Registry *registry, event_sink_t deliver, void *userdata, RegistryPort **ret);
/* Cancels the requests that are under way: their outcomes are never delivered. */
RegistryPort *registry_port_free(RegistryPort *e);

/* ACTION_TXN and ACTION_READ. Each ends in exactly one EVENT_TXN or EVENT_READ with the action's id. A request that
 * cannot even be made is delivered as UNKNOWN, possibly before the call returns. */
void registry_port_txn(RegistryPort *e, const Action *action);
void registry_port_read(RegistryPort *e, const Action *action);

/* ACTION_LISTEN. */
void registry_port_listen(RegistryPort *e, const Action *action);

/* Why a record counts as damaged: one line, borrowed until the next change. NULL: it does not. */
const char *registry_port_damage(const RegistryPort *e, RecordKind kind, const char *name);
