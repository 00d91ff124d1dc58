/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the registry says of itself, for the journal: its warnings, and that it has not answered since the daemon was
 * started. Once a beat has come through, silence is reported by the core, in terms of the units.
 *
 * Also the registry's state as one word, for D-Bus and STATUS=.
 */

#include "daemon/internal.h"

/* Follows d->registry from now on, which logs once when trouble begins and once when it ends. -ENOMEM, or an error of
 * sd-event. */
int registry_health_new(Daemon *d);
void registry_health_free(Daemon *d);

/* "connecting", "ok", "trouble", or "foreign": it answers, and is not the one that this machine goes by. */
const char *registry_health_state(const RegistryStatus *status, const SessionView *session);
/* The state is about to be announced: notes since when it is this one. */
void registry_health_note(Daemon *d, const RegistryStatus *status, const SessionView *session);
/* Since when the state is the one that was last announced (CLOCK_REALTIME); 0: none was. */
usec_t registry_health_since(const Daemon *d);
/* Why this machine does not compete, or else the registry's last error; "" if there was none. */
const char *registry_health_last_error(
                const RegistryStatus *status, const SessionView *session, char buf[static WHY_TEXT_SIZE]);
