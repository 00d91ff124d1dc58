/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Tells listeners what has changed: on the bus by PropertiesChanged, LeaseChanged, InterfacesAdded and
 * InterfacesRemoved, and systemctl by STATUS=. Listeners hear of a property of a unit or of the daemon only when its
 * value differs from the last one that they were told. Of a lease they hear that all its properties may have changed.
 */

#include "daemon/internal.h"

/* Makes d->publisher. Logs; a negative errno. */
int publish_new(Daemon *d);
/* Frees d->publisher, if there is one; nothing more is told. */
void publish_free(Daemon *d);

/* Tells some of the changes that were noted (changed.h), and sees to it that it is called again for the rest. Tells
 * nothing while bulk_holds_news(). userdata is the daemon. */
void publish_flush(void *userdata);
