/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Why a unit is where it is, machine by machine, in lines for people: WhyNot on D-Bus, and errors of the verbs. */

#include "daemon/internal.h"

enum { WHY_NOT_SIZE = 512 };

/* One machine's line, with its rank ("stands by, rank 2") and until when ("stands back until 12:03:10", by the local
 * time; with the date unless that is today). now: CLOCK_REALTIME. Written into buf and returned. */
const char *why_not_line(const WhyNotView *v, usec_t now, char *buf, size_t size);

/* The same for why this machine takes no leases at all; "" if it does. */
const char *why_not_machine(const SessionView *v, usec_t now, char *buf, size_t size);
