/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Actions of this step, and the memory that they live in. */

#include "core/state.h"

/* Memory that lasts until the next step begins: size bytes, not cleared. Never NULL: without memory the process ends.
 */
void *output_alloc(Core *c, size_t size);
/* A copy of size bytes at p, in that memory. */
void *output_copy(Core *c, const void *p, size_t size);
/* A copy of a string; NULL for NULL. */
const char *output_string(Core *c, const char *s);
/* The number in decimal, likewise. */
const char *output_number(Core *c, uint64_t n);
/* The reason, with a copy of what it speaks of. */
Reason output_reason(Core *c, Reason r);
/* A copy of a fence, with its names. */
FenceRecord *output_fence(Core *c, const FenceRecord *f);
/* Asks for an action, after all that were asked for before. Returns it, for its arguments to be filled in at once: it
 * moves when the next one is asked for. */
Action *output(Core *c, ActionKind kind);
/* Asks for a line in the log. Strings are copied. */
void output_report(Core *c, Report report);
/* Such a report about a unit and its lease, at the Index in hand. Borrowed from u. */
Report output_report_of(const Unit *u, ReportKind kind);
/* Says that the unit, the lease or both (each may be NULL) look different from outside; neither: that machines do. */
void output_changed(Core *c, const Unit *u, const Lease *l);
/* Says that an offer, of this machine or another, has changed. Says nothing until all records have been listed once.
 */
void output_offer_changed(Core *c, const Offer *o);
/* Says that the highest Index of the lease that is remembered is another one. */
void output_remember(Core *c, const Lease *l);
/* A new step begins: what the last one asked for is forgotten, and its memory free. */
void output_reset(Core *c);
