/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What has changed, told to whoever listens: PropertiesChanged, LeaseChanged, InterfacesAdded and InterfacesRemoved on
 * the bus, STATUS= for systemctl. Changes are noted at once and sent out together when the loop has nothing more
 * urgent to do, so that whoever reads back finds what was announced.
 */

#include "daemon/daemon.h"

int publish_new(Daemon *d);
void publish_free(Daemon *d);

/* The unit and/or the lease of that name looks different; either may be NULL. Both: how machines stand to units does.
 */
void publish_changed(Daemon *d, const char *unit, const char *lease);
/* Since when the registry's state is what was last announced (CLOCK_REALTIME). */
usec_t publish_registry_since(Daemon *d);
/* Something of the daemon itself may look different. */
void publish_manager(Daemon *d);
