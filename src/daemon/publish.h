/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What has changed, told to whoever listens: PropertiesChanged, LeaseChanged, InterfacesAdded and InterfacesRemoved on
 * the bus, STATUS= for systemctl.
 */

#include "daemon/internal.h"

int publish_new(Daemon *d);
void publish_free(Daemon *d);

/* Tells all that was noted (changed.h); userdata is the daemon. */
void publish_flush(void *userdata);
