/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Counts, for monitoring, what has happened on this machine since the daemon was started. The property Counters on
 * D-Bus and "leasectl metrics" show the numbers.
 */

#include "daemon/internal.h"

/* Gives new counters, all 0, freed by free(). NULL: out of memory. */
Counts *counts_new(void);
/* Counts what the core has reported: leases that went and why, alarms, outages. Other reports are ignored. */
void counts_report(Daemon *d, const Report *r);
/* Counts a renewal: the beat that was sent at t0 has been committed, and now is the present time (both
 * CLOCK_BOOTTIME). Ignored if this beat, or one that was sent later, was counted already. */
void counts_beat(Daemon *d, usec_t t0, usec_t now);
/* Appends all counters to m as an a{st}, named as in dbus/org.leased1.Manager.xml. Returns 0 or more, or a negative
 * errno of sd-bus. */
int counts_append(Daemon *d, sd_bus_message *m);
