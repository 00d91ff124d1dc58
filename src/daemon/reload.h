/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Reading the configuration again: leased.conf, the list of enabled units, their options.
 *
 * A file that cannot be read stops nothing: what was good before stays in force, and every complaint is logged once
 * for each reload. So does a TTL= under which a unit could not be stopped in time, and a StopGraceSec= that the TTL
 * cannot serve. A new TTL= or Metadata= takes effect at once; what else leased.conf says, when the daemon is
 * restarted, which leaves units alone.
 */

#include "daemon/internal.h"

/* -ENOMEM, or an error of sd-event. */
int reload_new(Daemon *d);
void reload_free(Daemon *d);

/* Reads all enabled units at the start, at once; what is wrong is logged. */
void reload_units(Daemon *d);
/* Reads everything, over several turns of the loop: first all files, then what they say is put in force, where it
 * differs. If that is under way already, everything is read again afterwards. m (may be NULL) is answered at the end:
 * with an error that has a line for each thing that is wrong, all of which are also logged. leased.conf, or the unit,
 * with a bad line stays as it was then; the rest is in force. 1, or -ENOMEM. */
int reload_begin(Daemon *d, sd_bus_message *m);
/* Nobody is answered any more: the connection is lost. */
void reload_cancel(Daemon *d);

/* Logs each line as an error. */
void reload_log_messages(const Messages *messages);
