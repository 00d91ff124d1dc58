/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/ctl.h"

/*
 * What makes thousands of questions to PID 1 cheap (ctl/pid1-ahead.h).
 *
 * PID 1 listens on a socket of its own, too, by which systemctl asks. There a question costs less than half, since
 * dbus-daemon need not hand on each message. Only root may use the socket, and only for this machine.
 *
 * PID 1 unloads a unit to which nothing refers after each answer, and loads it again for the next question. So units
 * about which several questions follow are held: PID 1 keeps them loaded until they are let go or this process has
 * ended. PID 1 needs a match rule at the bus for each unit that is held.
 */

/* Gives the connection for questions, borrowed: PID 1's own socket, or bus where that cannot be used. */
sd_bus *pid1_near(sd_bus *bus);
/* To be told when a question over pid1_near(bus) has failed because the connection has ended. From then on,
 * pid1_near() gives bus. Returns whether it gave another one before, so that it is worth to ask again. */
bool pid1_near_lost(void);

/* Holds units. A unit that PID 1 does not let us hold is left out. Prints what is wrong with the connection, and
 * returns an exit code. */
int pid1_near_hold(sd_bus *bus, char *const *units);
/* Lets all units go that are held. */
void pid1_near_let_go(sd_bus *bus);
