/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The daemon as a whole: makes all of its parts, and connects them. */

#include "conf/conf.h"

typedef struct Daemon Daemon;

/* Makes the daemon, and opens everything that can be opened without waiting for anybody. Takes conf and, also where it
 * fails, the lines in *wrong: what is wrong with leased.conf, if conf is a kept configuration that was in force before
 * (last-conf.h). Logs; a negative errno. */
int daemon_new(LeasedConf *conf, Messages *wrong, Daemon **ret);
/* Frees d, which may be NULL. Units and leases stay as they are. Returns NULL. */
Daemon *daemon_free(Daemon *d);
DEFINE_TRIVIAL_CLEANUP(Daemon *, daemon_free)

/* Runs until the daemon is to end (stop.h). 0, or a negative errno; logs. */
int daemon_run(Daemon *d);
