/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * FenceCommand=: switches a machine off (core/fencing.c). The command runs in a transient unit of its own, with a
 * time limit, and not in this daemon, whose rights are few; its output goes to the unit's journal.
 */

#include "daemon/internal.h"

/* ACTION_FENCE: begins the command for that machine. EVENT_FENCED follows. */
void fence_command_begin(Daemon *d, const Action *action);
/* After how long a silence the core asks for the command, under this configuration; 0: there is none. */
usec_t fence_command_after(const LeasedConf *conf);
