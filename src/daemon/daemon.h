/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The daemon as a whole: everything it consists of, made and wired together. */

#include "conf/conf.h"

typedef struct Daemon Daemon;

/* Opens everything that does not wait for anybody. Takes conf, and *wrong: what is wrong with leased.conf if conf is
 * what was in force before. Logs; a negative errno. */
int daemon_new(LeasedConf *conf, Messages *wrong, Daemon **ret);
/* Units and leases stay as they are. */
Daemon *daemon_free(Daemon *d);
DEFINE_TRIVIAL_CLEANUP(Daemon *, daemon_free)

/* Runs until the daemon is to end (stop.h). 0 or a negative errno; logs. */
int daemon_run(Daemon *d);
