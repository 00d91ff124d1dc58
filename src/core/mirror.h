/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The records that were seen, by their names. Everything that is given is borrowed. A lease stays until mirror_free();
 * a session until mirror_forget(), and a machine or an offer until mirror_free(), unless gone.c forgets it before.
 * Without memory the process is aborted (core.h). */

#include "core/state.h"

/* Gives the session of that name, and makes it if it is new. NULL if this is no session's name. */
Session *mirror_session(Core *c, const char *name);
/* The same, but gives NULL for a session that was not seen. */
Session *mirror_find_session(Core *c, const char *name);
/* Gives the number for a change of a lease or an offer: higher than all numbers that were given before. */
uint64_t mirror_next_number(Core *c);
/* Gives the lease a new number (lease->change), so that what the last plan found of the lease counts no more. */
void mirror_number(Core *c, Lease *l);
/* Gives the lease, and makes it if it is new. The name must be valid. */
Lease *mirror_lease(Core *c, const char *name);
/* Keeps a copy of what the lease's record says, in place of what it said before. */
void mirror_keep(Lease *l, const LeaseRecord *value);
/* The same, but gives NULL for a lease that was not seen, remembered or asked for. */
Lease *mirror_find_lease(const Core *c, const char *name);
/* Gives the machine, and makes it if it is new. NULL if this is no machine's id. */
Machine *mirror_machine(Core *c, const char *id);
/* The same, but gives NULL for a machine that was not seen. */
Machine *mirror_find_machine(Core *c, const char *id);
/* Gives a machine's offer of a unit, and makes it if it is new. NULL if the names are not valid. */
Offer *mirror_offer(Core *c, const char *machine, const char *unit);
/* The same, by the name of the offer's record, "<machine id>/<unit>". */
Offer *mirror_offer_named(Core *c, const char *name);
/* The same, but gives NULL for an offer that was not seen. */
Offer *mirror_find_offer(const Core *c, const char *machine, const char *unit);
/* The offer says this from now on. The value is copied, or shared with other offers that say the same (Terms). Bytes
 * of a text after its NUL must be 0, except in the lease's name: values are compared as a whole. */
void mirror_terms(Core *c, Offer *o, const OfferRecord *value);
/* Gives the name of the lease by which the unit goes on the offer's machine. */
const char *mirror_offer_lease(const Offer *o);
/* Gives the request of that name; NULL if it is not known. */
Request *mirror_find_request(const Core *c, const char *name);
/* The same, but makes the request if it is of our session or to this machine, and not one too many; otherwise NULL. */
Request *mirror_request(Core *c, const char *name);
/* Makes a request of ours, however many there are. The name is new, and of request_format_name(). */
Request *mirror_add_request(Core *c, const char *name);
/* Forgets and frees the request. */
void mirror_free_request(Core *c, Request *r);
/* Forgets and frees the session, which nothing may point to. */
void mirror_free_session(Core *c, Session *s);
/* Likewise the machine, and all past machines that are not needed (Machine.needed). */
void mirror_free_machine(Core *c, Machine *m);
void mirror_free_past_machines(Core *c);
/* Likewise the offer. */
void mirror_free_offer(Core *c, Offer *o);
/* Whether every kind of record was listed at least once since everything was forgotten. */
bool mirror_is_complete(const Core *c);
/* Forgets what all records say, and all requests under way. The Indexes that are remembered stay. */
void mirror_forget(Core *c);
/* Frees all records, at the end of the Core. */
void mirror_free(Core *c);
