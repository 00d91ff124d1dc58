/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The core's state, shared by the chapters of this folder and by nobody else.
 *
 *   mirror.c    what has been seen of the registry, and when it reached us
 *   identity.c  whether this is our registry at all
 *   session.c   our sign of life: session, rounds, the fence
 *   machine.c   our machine record, and machines that bear our id
 *   lease.c     what we want of the records: acquire, expire, steal, release, transfer, strike
 *   offer.c     what we say of the units that are enabled here
 *   plan.c      who should hold what: whose turn a lease is, and what we hold and should not
 *   standing.c  how every machine stands to a unit, told from outside
 *   call.c      leases of the D-Bus API: a scheduler's own
 *   word.c      the operator's words, until they have begun
 *   enabled.c   the units that are enabled here, and what is so of each
 *   life.c      a unit's life between arming and release
 *   global.c    ... of one that runs everywhere, without a lease
 *   output.c    actions and their memory
 *   view.c      how it looks from outside
 *
 * After every event the same chain runs: identity, session, machine, offers, plan, every unit, every lease. Each link
 * looks at the whole state and does what is due, so that an event need only be noted, in any order, and a lost one is
 * caught later.
 */

#include "core/state.h"

/* base, doubled for each failure, up to most. */
static inline usec_t backoff(usec_t base, unsigned failures, usec_t most) {
        usec_t t = base << (failures < 10 ? failures : 10);

        return t < most ? t : most;
}

/* output.c */
void *arena_alloc(Core *c, size_t size);
void *arena_copy(Core *c, const void *p, size_t size);
FenceRecord *arena_fence(Core *c, const FenceRecord *f);
Action *output(Core *c, ActionKind kind);
void output_report(Core *c, Report report, const char *unit, const char *lease, const char *machine, uint64_t index);
void output_changed(Core *c, const Unit *u, const Lease *l);
void output_reset(Core *c);
uint64_t core_random(Core *c);
/* Ends the wait for an id. Returns the revision that was known when it was asked for; false: it is not waited for. */
bool asked_end(Core *c, uint64_t id, uint64_t *ret_revision);

/* A Txn being put together; sent by txn_send(), which returns its id. Room for 128 of each. */
typedef struct TxnBuilder {
        Core *core;
        Key *compares;
        Record *puts;
        Key *deletes;
        size_t n_compares, n_puts, n_deletes;
} TxnBuilder;

TxnBuilder txn_begin(Core *c);
void txn_compare(TxnBuilder *b, RecordKind kind, const char *name, uint64_t revision);
void txn_put(TxnBuilder *b, RecordKind kind, const char *name, const void *value, size_t size);
void txn_delete(TxnBuilder *b, RecordKind kind, const char *name);
uint64_t txn_send(TxnBuilder *b);
uint64_t read_keys(Core *c, const Key *keys, size_t n);
uint64_t read_kinds(Core *c, unsigned kinds);

/* mirror.c */
Session *mirror_session(Core *c, const char *name); /* made if it is not there; NULL: no session's name */
Session *mirror_find_session(Core *c, const char *name);
Lease *mirror_lease(Core *c, const char *name); /* made if it is not there */
Machine *mirror_find_machine(Core *c, const char *id);
Offer *mirror_offer(Core *c, const char *machine, const char *unit); /* made if it is not there */
Offer *mirror_find_offer(const Core *c, const char *machine, const char *unit);
bool mirror_take(Core *c, const Answer *answer);      /* false: it shows a record older than it was seen already */
void mirror_forget_index(Core *c, const char *lease); /* that is remembered, beyond its record */
void mirror_forget(Core *c);                          /* everything seen, not what is remembered */
void mirror_free(Core *c);
/* What a Txn of ours has just written, at its revision. */
void mirror_apply(Core *c, RecordKind kind, const char *name, const void *value, uint64_t revision);
bool mirror_is_complete(const Core *c); /* everything has been listed at least once */
/* When others may take from this session what it holds; USEC_INFINITY while nothing is known of its beat, or of its
 * fence where that is needed. */
usec_t session_dead_at(const Session *s);
/* Its beat is there, and its fence is absent or cannot be read: it cannot beat any more. */
bool session_is_fenceless(const Session *s);

/* identity.c */
bool identity_watch(Core *c, const Answer *answer);
void identity_answer(Core *c, uint64_t id, const Answer *answer);
void identity_contradicted(Core *c, const Answer *answer);
void identity_txn(Core *c, const Answer *answer);
/* The registry's floor must be at least this: the wall clock, every Index that is remembered, what it was. */
uint64_t identity_floor(const Core *c);
void identity_accept(Core *c, const char *uuid);
void identity_advance(Core *c);
usec_t identity_deadline(const Core *c);

/* session.c */
void session_begin(Core *c); /* a new one, or the one to adopt */
void session_end(Core *c);   /* everything it held is lost */
/* A refused beat reads back an older one of ours than we have seen: the registry fell back, and has grown since. */
bool session_is_shown_its_past(const Core *c, uint64_t id, const Answer *answer);
bool session_owns(const Core *c, uint64_t id);
void session_answer(Core *c, uint64_t id, const Answer *answer);
void session_advance(Core *c);
void session_tell_guard(Core *c);
usec_t session_deadline(const Core *c);
bool session_is_checked(const Core *c); /* nothing that our fence names waits to be looked at */
bool session_is_moving(const Core *c);  /* from one session to another: both beat, and hold */
bool session_is_ours(const Core *c, const char *session);
usec_t session_covered_from(const Core *c); /* t0 of what we hold */
bool session_settled(const Core *c);        /* our session beats, and what it holds is known */
bool session_is_undecided(const Core *c);   /* there is one to carry on, and what it holds was not seen yet */

/* machine.c */
void machine_txn(Core *c, const Answer *answer);
void machine_advance(Core *c);
usec_t machine_deadline(const Core *c);
bool machine_competes(const Core *c, const char **ret_why);
/* Until when why, as machine_competes() gave it, is so, if that is known: CLOCK_REALTIME, or 0. */
usec_t machine_waits_until(const Core *c, const char *why, Now now);
bool machine_is_named(const Core *c); /* our record names our session: nobody else goes by our id */
void machine_drain(Core *c, const char *machine, bool on);
bool machine_drain_answer(Core *c, uint64_t id, const Answer *answer); /* false: it was not that */
/* Its session, if that can still hold anything, as far as we can tell; NULL: it is silent. */
const Session *machine_session(const Core *c, const Machine *m);
void collect_txn(Core *c, const Answer *answer);
void collect_advance(Core *c);

/* offer.c */
void offers_advance(Core *c);
void offers_txn(Core *c, const Answer *answer);
usec_t offers_deadline(const Core *c);

/* plan.c */
void plan_advance(Core *c);
usec_t plan_deadline(const Core *c);
usec_t plan_turn_at(const Core *c, const Unit *u); /* when it is our turn; USEC_INFINITY: it is not */
void plan_soon(Core *c);                           /* something has changed that matters little, and may do so often */
void plan_settle(Core *c); /* our record names a new session: others may be about to come as well */
bool leave_is_move(Leave leave);

/* view.c */
const char *view_why_not(const Core *c, const Unit *u); /* why it does not run here; "": it does */
bool view_is_elsewhere(const Core *c, const Unit *u);   /* nothing is in hand here: another machine has it */
/* What the records say is known no more, or was never: the registry has said nothing for a TTL, or is not ours. */
bool view_is_deaf(const Core *c);
const char *view_why_deaf(const Core *c);
bool view_is_unproved(const Core *c, const Machine *m); /* neither that it beats nor that it is silent is known */
void view_advance(Core *c);
usec_t view_deadline(const Core *c);

/* lease.c */
/* Its record is damaged, or was there and is deleted: it counts as held, by whom is not known. While it is ours, as it
 * was seen last, it is written again. */
bool lease_is_lost(const Lease *l);
/* It is not ours any more, and nothing else is known of it. */
void lease_drop(Lease *l);
/* When such a lease may be taken, for nobody has written it again. */
usec_t lease_lost_due(const Core *c, const Lease *l);
/* For its next tenure: above all that were handed out before. */
uint64_t lease_next_index(const Core *c, const Lease *l);
bool lease_is_ours(const Core *c, const Lease *l);
bool lease_hangs_on(const Core *c, const char *session); /* any */
/* It is about to be used: says that it was acquired, unless that was said when it was. */
void lease_tell_acquired(Core *c, Lease *l);
void lease_txn(Core *c, uint64_t id, const Answer *answer);
void lease_advance(Core *c, Lease *l);
usec_t lease_deadline(const Core *c, const Lease *l);

/* When a debt has been waited out, counted from when that very pair first reached us. */
usec_t debt_due(const SeenDebt *d);

/* call.c */
void call_begin(Core *c, uint64_t id, const Call *call);
bool call_answer(Core *c, uint64_t id, const Answer *answer); /* false: it was none of the calls' */
void call_advance(Core *c);
usec_t call_deadline(const Core *c);
void call_end_all(Core *c); /* what was asked of one registry is not asked of another */
void call_free_all(Core *c);
/* When a lease of the D-Bus API may be taken by others; USEC_INFINITY: it is none, or not held. */
usec_t call_dead_at(const Lease *l);

void call_withdraw(Core *c, uint64_t id);

/* word.c */
void word_begin(Core *c, const Event *e);
void word_withdraw(Core *c, uint64_t id);
void word_advance(Core *c);
usec_t word_deadline(const Core *c);
void word_free_all(Core *c);

/* global.c */
void global_advance(Core *c, Unit *u);
const char *global_state(const Unit *u);
const char *global_why_not(
                const Core *c, const Unit *u, char buffer[static PLACEMENT_WHY_SIZE]); /* NULL: it may run here */

/* enabled.c and life.c */
bool life_is_heard(const Unit *u); /* the guard has answered all that it was asked for this unit */
bool life_is_told(const Unit *u);  /* what PID 1 says of it is from after its gate was known to be gone */
bool life_is_ours(const Core *c, const Unit *u);    /* its lease */
bool life_is_held(const Core *c, const Unit *u);    /* ... at the Index in hand */
bool life_is_covered(const Core *c, const Unit *u); /* by our beats, until its stop_at */
void life_attach(Core *c, Unit *u, const char *lease);
bool life_is_armed_by(const Unit *u, const Timeline *t);
/* first: not again, because the last one was refused. */
void life_ask_start(Core *c, Unit *u, bool first);
Action *life_act(Core *c, const Unit *u, ActionKind kind);
void life_enter(Core *c, Unit *u, Phase phase);
bool life_ask_again(Core *c, Unit *u, usec_t pause);
bool life_is_inactive(const UnitReport *r);
/* Since the run that u->run is. While its job waits for something else, it has not; if that fails, there is no new
 * run. */
bool life_has_begun(const Unit *u);
void life_hold_down_failure(Core *c, Unit *u);
void life_look_anew(Core *c, Unit *u); /* what it asks for, or what the machine has, may be another thing now */
Unit *life_configure(Core *c, const UnitConfig *config);
Unit *life_find(Core *c, const char *name);
Unit *life_find_or_leftover(Core *c, const char *name);
void life_report(Core *c, Unit *u, const UnitReport *report);
void life_failed(Core *c, Unit *u, ActionKind action, uint64_t id);
void life_count_draining(Core *c);
void life_look_for_guard(Core *c);
usec_t life_guard_deadline(const Core *c);
void life_advance(Core *c, Unit *u);
usec_t life_deadline(const Core *c, const Unit *u);
usec_t life_stop_at(const Core *c, const Unit *u);
Timeline life_timeline(const Core *c, const Unit *u);
const char *life_why_unable(const Core *c, const Unit *u); /* to take it, if it were our turn; NULL: we are able */
bool life_wants_lease(const Core *c, const Unit *u, const char **ret_why);
/* Down, without a job, its control group empty, as PID 1 was asked after the gate was gone. Inactive is not gone. */
/* The guard keeps the unit's entry by the timeline that holds now, or has none for it. */
bool life_is_armed_anew(const Core *c, const Unit *u);
bool life_is_down(const Unit *u);
/* Something of it may be here, not only its lease; after a restart the guard's entry tells of it. */
bool life_is_in_hand(const Unit *u);
/* Another unit here than the lease's is in hand, and runs by that lease, or by that Index of it for all we know. */
bool life_has_predecessor(const Core *c, const Lease *l, uint64_t index);
void life_guard(Core *c, Unit *u, const GuardReport *report);
void life_kill(Core *c,
                Unit *u); /* on its way down: the machine falls asleep, or nobody else ends what is left of it */
void life_released(Core *c, Unit *u); /* the registry knows that we let it go */
void life_free(Core *c, Unit *u);
const char *life_why_no_gate(const Unit *u); /* PID 1 has not loaded it */
Why leave_why(Leave leave);                  /* as the history tells it */
