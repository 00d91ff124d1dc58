/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The configuration that was last in force on this boot, kept in /run: a daemon that is restarted over a leased.conf
 * with a bad line goes on with it, loudly, instead of not starting and losing what runs.
 */

#include "conf/conf.h"

/* Logs if it cannot; the next restart then needs a good leased.conf. */
void last_conf_keep(const LeasedConf *c);
/* 0, or a negative errno if there is none, or one that does not hold any more, with messages. Non-logging. */
int last_conf_load(LeasedConf **ret, Messages *messages);
