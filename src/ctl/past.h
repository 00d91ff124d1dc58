/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <systemd/sd-journal.h>

#include "ctl/ctl.h"

/*
 * What this machine's journal has kept of the past of leases: tenures that the record in the registry no longer has,
 * and outages within a tenure: when the unit was stopped for want of a beat and then started again at the same Index,
 * when somebody stopped it by hand, or systemd stopped it for another unit, when the lease was kept for a second or
 * more after the unit had stopped, and when PID 1 refused to start it, or a unit that it starts, as the job of a
 * timer. Only entries that leased itself wrote are read. Who may not read the system's journal gets nothing.
 */

/* Opens the journal. The caller closes it with sd_journal_close(). NULL if it cannot be read. */
sd_journal *past_open(void);
/* Adds to rows, as of history.c, the tenures of the lease that no row is about, and sorts all rows by their
 * beginnings. Gives each row the member "outages", an array of {from_usec, to_usec, why, code, by}, to_usec null if it
 * is not over; by is missing if nobody is known to have asked for it. A start that was refused is an outage without a
 * length, with the unit as the member refused. Of a tenure of this machine, whose id is the argument own, the end may
 * not be known any more: then to_usec is null, and why "". The argument journal may be NULL. */
void past_add(sd_journal *journal, const char *own, const char *lease, const json_t *machines, json_t *rows);
