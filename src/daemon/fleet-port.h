/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Leases of the D-Bus API that live in fleet's registry (LeaseRegistry= in leased.conf). Each call is a FleetCall of
 * the core (core/fleet-call.h); here its questions are put to the registry, and its end is told to the caller. What
 * this machine knows of the leases that were taken through it is kept for as long as it counts, and lost with the
 * daemon: then the registry's word alone counts.
 */

#include "core/fleet-call.h"
#include "daemon/words.h"

/* Opens the registry if leased.conf names one; d->fleet is NULL otherwise. Logs; a negative errno. */
int fleet_port_new(Daemon *d);
/* Frees it; calls under way get no answer. */
void fleet_port_free(Daemon *d);

/* Begins a call about a lease in fleet's registry. reply() is called when it has ended, as by words_begin_call().
 * Keeps m, and copies call. For a verb_t to return: 1, or a negative errno; sets error. Only if there is such a
 * registry. */
int fleet_port_call(Daemon *d, sd_bus_message *m, const Call *call, words_reply_t reply, sd_bus_error *error);

/* What a call has read or written, from within its reply(): the node, and why it was not answered ("": it was). */
const FleetNode *fleet_port_node(const Daemon *d);
const char *fleet_port_trouble(const Daemon *d);
