/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Reads the configuration again: leased.conf, the list of enabled units, and their options.
 *
 * A file that cannot be read stops nothing: what was good before stays in force. The same is true of a TTL= under
 * which a unit could not be stopped in time, and of a StopGraceSec= for which the TTL is too short. Every complaint is
 * logged, once for each reload. A new TTL= or Metadata= takes effect at once. The other settings of leased.conf take
 * effect when the daemon is restarted, which leaves units alone.
 */

#include "daemon/internal.h"

/* Makes d->reload, and reads nothing yet. -ENOMEM, or an error of sd-event. */
int reload_new(Daemon *d);
/* Frees d->reload, if there is one. Whoever waits for a reload gets no answer. */
void reload_free(Daemon *d);

/* At the start: reads all enabled units in one turn, and puts their options in force. What is wrong is logged. A unit
 * with bad lines is taken with the defaults in their place, for it may be running. */
void reload_units(Daemon *d);
/* Reads everything, over several turns of the loop: first all files, then what they say is put in force, where it
 * differs. If a reload is under way already, everything is read again after it. m (may be NULL) is kept, and answered
 * at the end. If anything is wrong, the answer is an error with a line for each complaint. A leased.conf or a unit
 * with a bad line stays as it was before; the rest is in force. 1, or -ENOMEM. */
int reload_begin(Daemon *d, sd_bus_message *m);
/* Answers none of those who wait: the connection is lost. The reload goes on. */
void reload_cancel(Daemon *d);

/* Logs each line as an error. */
void reload_log_messages(const Messages *messages);
