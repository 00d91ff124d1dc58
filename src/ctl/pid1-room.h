/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/ctl.h"

/* Looks whether PID 1 can have this number of leased units and stay on the bus. PID 1 keeps a match rule on the bus
 * for each unit that leased watches, and for each job. dbus-daemon refuses further rules of a connection that has as
 * many as it allows, and PID 1 then leaves the bus for good. Returns CTL_FAILED, and prints the reason, if that would
 * happen; CTL_OK also if it cannot be found out. */
int pid1_room_check(Ctl *ctl, size_t units);
