/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The configuration that was last in force on this boot, kept in /run/leased/last.conf. Suppose that the daemon is
 * restarted while leased.conf has a bad line, or a TTL= under which an enabled unit could not be stopped in time. Then
 * it goes on with the kept configuration, and logs that. If it did not start at all, the guard would soon stop all
 * leased units of this machine.
 */

#include "conf/conf.h"

/* Whether a configuration is kept: a daemon has run on this boot before. */
bool last_conf_is_kept(void);
/* Writes c to the file. If that fails, a warning is logged, and nothing else happens: only the next restart then needs
 * a good leased.conf. */
void last_conf_keep(const LeasedConf *c);
/* Loads the kept configuration into *ret, which the caller owns. A negative errno if there is none, or if it is not
 * valid any more, which messages then explain. Non-logging. */
int last_conf_load(LeasedConf **ret, Messages *messages);
