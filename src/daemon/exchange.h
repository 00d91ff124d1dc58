/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/sink.h"
#include "registry/registry.h"

typedef struct Exchange Exchange;

/* Watches the whole registry, which must outlive the exchange; each change is delivered as EVENT_RECORDS. */
int exchange_new(Registry *registry, event_sink_t deliver, void *userdata, Exchange **ret);
/* Cancels what is under way; its outcome is then never delivered. */
Exchange *exchange_free(Exchange *e);

/* ACTION_TXN and ACTION_READ. Each ends in exactly one EVENT_TXN or EVENT_READ with the action's id. A request that
 * cannot even be made is delivered as UNKNOWN, possibly before the call returns. */
void exchange_txn(Exchange *e, const Action *action);
void exchange_read(Exchange *e, const Action *action);

/* Why a record counts as damaged, one line; NULL if it does not. Borrowed until the next change. */
const char *exchange_damage(const Exchange *e, RecordKind kind, const char *name);
