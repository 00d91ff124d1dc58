/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Why a unit is where it is, one line for each machine, for people: for WhyNot on D-Bus, and for the errors of the
 * verbs. */

#include "daemon/internal.h"

enum { WHY_NOT_SIZE = 512 };

/* The line of one machine, with how many come before it ("stands by, after 2 others") and the time until which the
 * reason lasts ("stands back until 12:03:10": local time, with the date unless that is today). now: CLOCK_REALTIME.
 * Written into buf, cut if too long; returns buf. WHY_NOT_SIZE bytes are enough. */
const char *why_not_line(const WhyNotView *v, usec_t now, char *buf, size_t size);

/* The same line for why this machine takes no leases at all, written into buf and returned; "" if this machine takes
 * leases. */
const char *why_not_machine(const SessionView *v, usec_t now, char *buf, size_t size);
