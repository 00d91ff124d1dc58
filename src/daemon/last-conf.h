/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The configuration that was last in force on this boot, kept in /run/leased/last.conf. A daemon that is restarted
 * while leased.conf has a bad line goes on with the kept one, and says so; if it did not start, the units here would
 * be lost.
 */

#include "conf/conf.h"

/* Keeps c. If that fails, a line is logged: the next restart needs a good leased.conf then. */
void last_conf_keep(const LeasedConf *c);
/* Loads what was kept; *ret is owned by the caller. A negative errno if there is none, or if it is not valid any more,
 * which messages explain. Non-logging. */
int last_conf_load(LeasedConf **ret, Messages *messages);
