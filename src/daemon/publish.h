/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Tells whoever listens what has changed: PropertiesChanged, LeaseChanged, InterfacesAdded and InterfacesRemoved on
 * the bus, and STATUS= for systemctl. Listeners hear of a property only when its value is another one than the last
 * that they were told.
 */

#include "daemon/internal.h"

/* Logs; a negative errno. */
int publish_new(Daemon *d);
void publish_free(Daemon *d);

/* Tells all that was noted (changed.h); userdata is the daemon. */
void publish_flush(void *userdata);
