/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/ctl.h"

/* Whether PID 1 stays on the bus while it has that number of leased units. PID 1 keeps a match rule there for each
 * unit that leased watches, and for each job. dbus-daemon refuses more than so many rules of one connection, and PID 1
 * then leaves the bus for good. CTL_FAILED, and printed, if it would. */
int pid1_room_check(Ctl *ctl, size_t units);
