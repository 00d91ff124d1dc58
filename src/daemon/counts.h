/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What has happened on this machine since the daemon was started, in numbers: for monitoring (Counters on D-Bus, and
 * leasectl metrics).
 */

#include "daemon/internal.h"

/* NULL: out of memory. */
Counts *counts_new(void);
/* Counts what the core reports: leases that went and why, alarms, outages. */
void counts_report(Daemon *d, const Report *r);
/* Counts a renewal: the beat that was sent at t0 is committed now (both CLOCK_BOOTTIME). A t0 that was counted already
 * is ignored. */
void counts_beat(Daemon *d, usec_t t0, usec_t now);
/* Appends all counters as an a{st}, named as in dbus/org.leased1.Manager.xml. An error of sd-bus. */
int counts_append(Daemon *d, sd_bus_message *m);
