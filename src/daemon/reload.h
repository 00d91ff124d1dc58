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

/* Reads all enabled units at the start; what is wrong is logged. */
void reload_units(Daemon *d);
/* Reads everything. What is wrong is logged, and *ret_wrong (may be NULL) says it in one text, owned by the caller, a
 * line for each; -EBADMSG is returned. leased.conf, or the unit, with a bad line stays as it was then; the rest is in
 * force. */
int reload_all(Daemon *d, char **ret_wrong);

/* Logs each line as an error. */
void reload_log_messages(const Messages *messages);
