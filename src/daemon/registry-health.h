/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the registry says of itself, for the journal: its warnings, and that it has not answered from the start on.
 * That beats of a session which once came through no longer do is the core's to report, in terms of the units.
 */

#include "daemon/internal.h"

/* Follows d->registry from now on; logs, once when trouble begins and once when it ends. */
int registry_health_new(Daemon *d);
void registry_health_free(Daemon *d);

/* "connecting", "ok", "trouble", or "foreign": it answers, and is not the one that this machine goes by. */
const char *registry_health_state(const RegistryStatus *status, const SessionView *session);
/* Notes since when the state is this one; before it is announced. */
void registry_health_note(Daemon *d, const RegistryStatus *status, const SessionView *session);
/* Since when the state is what was last announced (CLOCK_REALTIME); 0: nothing was. */
usec_t registry_health_since(const Daemon *d);
/* Why this machine does not compete, or else the registry's last error; "" if there was none. */
const char *registry_health_last_error(
                const RegistryStatus *status, const SessionView *session, char buf[static WHY_TEXT_SIZE]);
