/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the registry says of itself, as log lines: its warnings, and that it has not answered since the daemon was
 * started. Once a beat of this session was committed, the core reports a silence, in terms of the units.
 *
 * Also the registry's state as one word, for D-Bus and STATUS=.
 */

#include "daemon/internal.h"

/* Makes d->registry_health, which follows d->registry from now on. Each new warning of the registry is logged. A
 * silence that lasts for TTL/2 is logged once, and once more when it ends. -ENOMEM, or an error of sd-event. */
int registry_health_new(Daemon *d);
/* Must be called after d->registry was freed, which could call back until then. */
void registry_health_free(Daemon *d);

/* The state in one word, a static text: "connecting", "ok", "trouble", or "foreign" (a registry answers, and it is not
 * the one that this machine goes by). */
const char *registry_health_state(const RegistryStatus *status, const SessionView *session);
/* Call this before the state is announced: it notes the time, if the state has changed. */
void registry_health_note(Daemon *d, const RegistryStatus *status, const SessionView *session);
/* Since when the state is the one that was last announced (CLOCK_REALTIME, us); 0: none was announced. */
usec_t registry_health_since(const Daemon *d);
/* A text for people: why this machine does not compete, or if it does, the error for which the registry does not
 * answer; "" if the registry answers. Borrowed from status, or written into buf. */
const char *registry_health_last_error(
                const RegistryStatus *status, const SessionView *session, char buf[static WHY_TEXT_SIZE]);
