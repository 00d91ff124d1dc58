/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The records that were seen, by their names. What is made stays until mirror_forget() or mirror_free(). */

#include "core/state.h"

/* The session of that name, made if it is not there; NULL: that is no session's name. */
Session *mirror_session(Core *c, const char *name);
/* NULL: none of that name was seen. */
Session *mirror_find_session(Core *c, const char *name);
/* Gives the lease a new number (lease->change): what the plan found of it is over. */
void mirror_number(Core *c, Lease *l);
/* The lease, made if it is not there. The name must be valid. */
Lease *mirror_lease(Core *c, const char *name);
/* NULL: none of that name was seen, remembered or asked for. */
Lease *mirror_find_lease(const Core *c, const char *name);
/* The machine, made if it is not there; NULL: that is no machine's id. */
Machine *mirror_machine(Core *c, const char *id);
/* NULL: none of that id was seen. */
Machine *mirror_find_machine(Core *c, const char *id);
/* A machine's offer of a unit, made if it is not there; NULL: the names are not valid. */
Offer *mirror_offer(Core *c, const char *machine, const char *unit);
/* The same, by its record's name, "<machine id>/<unit>". */
Offer *mirror_offer_named(Core *c, const char *name);
/* NULL: none was seen. */
Offer *mirror_find_offer(const Core *c, const char *machine, const char *unit);
/* Everything has been listed at least once since everything was forgotten. */
bool mirror_is_complete(const Core *c);
/* Forgets everything that was seen, and whatever is under way; not what is remembered of Indexes. */
void mirror_forget(Core *c);
/* Frees all of it; the Core's end. */
void mirror_free(Core *c);
