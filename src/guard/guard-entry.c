/* SPDX-License-Identifier: Apache-2.0 */
#include "guard/guard-entry.h"

#include "guard/protocol.h"
#include "util/must.h"

/* The longest that a StopUnit may stay unanswered before PID 1 is reached in another way (ENTRY_SHOUT). */
#define PATIENCE_MAX USEC_PER_SEC
/* The shortest, also where kill_at has passed before the stop, as after a pause: the guard kills meanwhile. A stop
 * that PID 1 refuses is not unanswered. */
#define PATIENCE_MIN (500 * USEC_PER_MSEC)
/* How far PID 1's watchdog lies from a deadline of the guard. It expires at most this much after stop_at, so that a
 * guard that acts in time is not taken for dead. While an entry is stopping, it expires this much before end_at or
 * later. */
#define WATCHDOG_SLACK (100 * USEC_PER_MSEC)
/* How long the watchdog runs while the guard stops units: so briefly that a guard which hangs just before kill_at is
 * replaced by its ExecStopPost= (--wipe) before another machine may start the unit. This is 350 ms + TTL·4 % after
 * kill_at, and PID 1 was up to 260 ms late with the replacement. kill_offset is a little less than the TTL; the time
 * comes to 145 ms at TTL 2 s and 260 ms at TTL 5 s. */
#define WATCHDOG_STOPPING_LEAST (80 * USEC_PER_MSEC)
#define WATCHDOG_STOPPING_MOST (500 * USEC_PER_MSEC)

/* Between two looks at control groups that are to freeze. Frozen ones are looked at as often as what is killed, or, if
 * the kernel tells of a change, only in case that it has not. */
#define FROST_EVERY (5 * USEC_PER_MSEC)
#define WATCHED_EVERY (5 * USEC_PER_SEC)

/* Where the TTL is below 2 s, PID 1's watchdog is too late for a guard that hangs just before kill_at. The time from
 * kill_at to the taker is then 21.5 % of the TTL, which is 4/15 of kill_offset. The 120 ms from above, up to 260 ms by
 * which PID 1 is late, and the time that the replacement needs do not fit into it. So with such a TTL the guard also
 * sets an alarm (alarm.h), which kills the guard REPLACEMENT before the taker may start: in this time PID 1 hears of
 * the guard's death and starts --wipe, and --wipe kills. */
#define SHORT_KILL_OFFSET (1610 * USEC_PER_MSEC) /* of a TTL of 2 s */
#define SHORT_TAKER (215 * USEC_PER_MSEC)        /* from kill_at to the taker, of a TTL of 1 s */
#define REPLACEMENT (155 * USEC_PER_MSEC)

static usec_t watchdog_stopping(const GuardEntry *e) {
        usec_t by_ttl = WATCHDOG_STOPPING_LEAST + MAX(e->kill_offset, USEC_PER_SEC) / 25;

        return MIN(by_ttl, WATCHDOG_STOPPING_MOST);
}

/* Asserts what must hold for every entry at any time. */
static void entry_check(const GuardEntry *e) {
        if (e->index == 0)
                return;
        must(e->stop_offset <= e->kill_offset && e->kill_offset <= GUARD_TTL_MAX);
        must(!guard_entry_is_live(e) || e->stop_at <= e->kill_at);
        must(guard_entry_is_live(e) || (!e->gate_wanted && (e->frozen || e->stop != STOP_STATE_NONE)));
        must(!e->frozen || (!e->expired && !e->lost && !e->down));
        must(!e->proven || e->frozen);
        must(!e->down || !guard_entry_is_live(e));
        must(!e->keeps || guard_entry_is_live(e));
}

static bool entry_is_limited(const GuardEntry *e) {
        return e->limit_kill > 0;
}

/* When a live entry ends: at its stop_at, unless that does not count (law 13), or at its limit. */
static usec_t entry_end_of_life(const GuardEntry *e) {
        usec_t own = e->keeps ? USEC_INFINITY : e->stop_at;

        return entry_is_limited(e) ? MIN(own, e->limit_stop) : own;
}

static unsigned entry_begin_stop(GuardEntry *e, usec_t now) {
        if (entry_is_limited(e))
                e->kill_at = MIN(e->kill_at, e->limit_kill);
        e->down = false;
        e->keeps = false;
        e->gate_wanted = false;
        e->gate_open = true; /* until the gate has been found gone, which sets closed_at */
        e->gate_next = now;
        e->stop = STOP_STATE_WANTED;
        e->stop_since = e->stop_next = now;
        e->shouted = false;
        e->asking = false;
        e->ask_next = now;
        e->kill_next = 0;
        e->stopping_since = now;
        return ENTRY_CLOSE_GATE | ENTRY_MARK | ENTRY_TELL;
}

/* Law 15. The gate is closed as for a stop: PID 1 is to start nothing in a control group that is made anew. */
static unsigned entry_freeze(GuardEntry *e, usec_t now) {
        e->frozen = true;
        e->gate_wanted = false;
        e->gate_open = true; /* until the gate has been found gone */
        e->gate_next = e->look_next = now;
        return ENTRY_FREEZE | ENTRY_CLOSE_GATE | ENTRY_MARK | ENTRY_TELL;
}

/* The frozen unit is stopped like any other. If its time is over, its processes are killed as they are, and before
 * PID 1, which thaws what it stops, hears of the stop. */
static unsigned entry_end_frost(GuardEntry *e, usec_t now) {
        e->frozen = e->proven = false;
        e->expired = true;
        return (now < e->kill_at ? ENTRY_THAW : ENTRY_KILL) | entry_begin_stop(e, now);
}

static unsigned entry_expire(GuardEntry *e, usec_t now) {
        entry_check(e);
        if (e->frozen && !e->proven && now >= e->kill_at) /* law 15 */
                return entry_end_frost(e, now);
        if (!guard_entry_is_live(e) || now < entry_end_of_life(e))
                return 0;
        if (entry_is_limited(e) && now >= e->limit_stop) { /* nothing that comes later, such as a beat, can help */
                e->stop_at = e->keeps ? now : MIN(e->stop_at, now);
                e->kill_at = e->keeps ? e->limit_kill : e->kill_at;
                e->lost = true;
                return entry_begin_stop(e, now);
        }
        if (e->freezes && !entry_is_limited(e) && e->gate_wanted && e->gate_open && now < e->kill_at)
                return entry_freeze(e, now);
        e->expired = true;
        return entry_begin_stop(e, now);
}

/* Carries out a DISARM: the entry is dropped once the gate has been found gone and, if the guard was stopping the
 * unit, the unit is down. */
static unsigned entry_leave(GuardEntry *e) {
        if (!e->leaving || e->gate_open || guard_entry_is_stopping(e))
                return 0;
        must(!e->gate_wanted);
        *e = (GuardEntry){};
        return ENTRY_MARK | ENTRY_TELL;
}

bool guard_entry_is_busy(const GuardEntry *e) {
        return guard_entry_is_stopping(e) || e->frozen || (e->index != 0 && e->gate_open && !e->gate_wanted);
}

EntryKept guard_entry_keep(const GuardEntry *e) {
        must(e->index != 0 && !guard_entry_is_busy(e) && !e->leaving);
        return (EntryKept){
                .index = e->index,
                .stop_at = e->stop_at,
                .kill_at = e->kill_at,
                .stop_offset = e->stop_offset,
                .kill_offset = e->kill_offset,
                .limit_stop = e->limit_stop,
                .limit_kill = e->limit_kill,
                .expired = e->expired,
                .lost = e->lost,
                .open = e->gate_open,
                .keeps = e->keeps,
                .post = e->post,
                .freezes = e->freezes,
        };
}

bool guard_entry_kept_is_valid(const EntryKept *kept) {
        bool live = !kept->expired && !kept->lost;

        return kept->index != 0 && kept->stop_offset <= kept->kill_offset && kept->limit_stop <= kept->limit_kill &&
               (live ? kept->stop_at <= kept->kill_at : !kept->open && !kept->keeps);
}

/* Law 1: however an entry came here, it is good for no longer than from a beat that is sent now. */
static void entry_cut(GuardEntry *e, usec_t now) {
        usec_t most = usec_add(now, GUARD_TTL_MAX);

        e->kill_offset = MIN(e->kill_offset, GUARD_TTL_MAX);
        e->stop_offset = MIN(e->stop_offset, e->kill_offset);
        e->kill_at = MIN(e->kill_at, most);
        e->stop_at = MIN(e->stop_at, most);
        e->limit_kill = MIN(e->limit_kill, most);
        e->limit_stop = MIN(e->limit_stop, most);
}

unsigned guard_entry_take_over(GuardEntry *e, usec_t now, const EntryKept *kept) {
        must(e->index == 0 && guard_entry_kept_is_valid(kept));
        *e = (GuardEntry){
                .index = kept->index,
                .stop_at = kept->stop_at, /* law 1: a hand-over is no beat, so no deadline moves */
                .kill_at = kept->kill_at,
                .stop_offset = kept->stop_offset,
                .kill_offset = kept->kill_offset,
                .limit_stop = kept->limit_stop,
                .limit_kill = kept->limit_kill,
                .expired = kept->expired,
                .lost = kept->lost,
                .down = kept->expired || kept->lost,
                .keeps = kept->keeps,
                .gate_wanted = kept->open,
                .gate_open = kept->open,
                .post = kept->post,
                .freezes = kept->freezes,
        };
        entry_cut(e, now);
        if (e->down)
                e->stop = STOP_STATE_ACCEPTED;
        return ENTRY_TELL | entry_expire(e, now);
}

static unsigned entry_arm(GuardEntry *e, usec_t now, uint64_t index, usec_t stop_at, usec_t kill_at,
                usec_t stop_offset, usec_t kill_offset, bool keeps) {
        unsigned actions = entry_expire(e, now) | ENTRY_TELL;

        if (index == 0 || e->leaving || guard_entry_is_stopping(e) ||
                        ((guard_entry_is_live(e) || e->frozen) && e->index != index))
                return actions;
        /* Law 1: no beat was sent later than now. Killing never comes before stopping. */
        kill_offset = MIN(kill_offset, GUARD_TTL_MAX);
        stop_offset = MIN(stop_offset, kill_offset);
        kill_at = MIN(kill_at, usec_add(now, kill_offset));
        stop_at = MIN(stop_at, usec_add(now, stop_offset));
        stop_at = MIN(stop_at, kill_at);

        if (e->frozen && (keeps || now < stop_at)) { /* law 15: a beat was committed, and the lease is the same */
                e->frozen = e->proven = false;
                e->gate_wanted = true;
                actions |= ENTRY_THAW | ENTRY_OPEN_GATE;
        } else if (e->frozen)
                return actions;
        if (!guard_entry_is_live(e))
                *e = (GuardEntry){ .index = index, .stop_at = stop_at, .kill_at = kill_at };
        else if (e->stop_offset == stop_offset && e->kill_offset == kill_offset) {
                /* A beat may have overtaken this request: the later deadlines hold. */
                e->stop_at = MAX(e->stop_at, stop_at);
                e->kill_at = MAX(e->kill_at, kill_at);
        } else {
                /* Another TTL: other machines count by it from now on, so its deadlines hold, even earlier ones. */
                e->stop_at = stop_at;
                e->kill_at = kill_at;
        }
        e->stop_offset = stop_offset;
        e->kill_offset = kill_offset;
        e->keeps = e->keeps || keeps;
        return actions | ENTRY_MARK | entry_expire(e, now);
}

unsigned guard_entry_arm(GuardEntry *e, usec_t now, uint64_t index, usec_t stop_at, usec_t kill_at, usec_t stop_offset,
                usec_t kill_offset) {
        return entry_arm(e, now, index, stop_at, kill_at, stop_offset, kill_offset, false);
}

unsigned guard_entry_arm_kept(GuardEntry *e, usec_t now, uint64_t index, usec_t stop_at, usec_t kill_at,
                usec_t stop_offset, usec_t kill_offset) {
        return entry_arm(e, now, index, stop_at, kill_at, stop_offset, kill_offset, true);
}

unsigned guard_entry_keep_on(GuardEntry *e, usec_t now) {
        unsigned actions = entry_expire(e, now);

        if (!guard_entry_is_live(e))
                return actions;
        e->keeps = true;
        return actions | ENTRY_MARK | ENTRY_TELL;
}

/* The deadlines count from t0, and no longer from a beat before it: until now they did not count at all (law 13). */
unsigned guard_entry_keep_off(GuardEntry *e, usec_t now, usec_t t0) {
        if (!guard_entry_is_live(e) || !e->keeps)
                return entry_expire(e, now);
        t0 = MIN(t0, now);
        e->stop_at = MAX(e->stop_at, usec_add(t0, e->stop_offset));
        e->kill_at = MAX(e->kill_at, usec_add(t0, e->kill_offset));
        e->keeps = false;
        return ENTRY_MARK | ENTRY_TELL | entry_expire(e, now);
}

unsigned guard_entry_beat(GuardEntry *e, usec_t now, usec_t t0) {
        unsigned actions = entry_expire(e, now);

        if (!guard_entry_is_live(e))
                return actions;
        t0 = MIN(t0, now); /* no beat can have been sent later than now */
        usec_t stop_at = MAX(e->stop_at, usec_add(t0, e->stop_offset)),
               kill_at = MAX(e->kill_at, usec_add(t0, e->kill_offset));
        must(stop_at >= e->stop_at && kill_at >= e->kill_at); /* a beat never shortens */
        e->stop_at = stop_at;
        e->kill_at = kill_at;
        return actions;
}

unsigned guard_entry_limit(GuardEntry *e, usec_t now, usec_t stop_at, usec_t kill_at) {
        unsigned actions = entry_expire(e, now) | ENTRY_TELL;

        if (!guard_entry_is_live(e))
                return actions;
        kill_at = MIN(kill_at, usec_add(now, GUARD_TTL_MAX)); /* law 1 */
        kill_at = MAX(kill_at, (usec_t) 1);
        stop_at = MIN(stop_at, kill_at);
        e->limit_kill = MAX(e->limit_kill, kill_at);
        e->limit_stop = MAX(e->limit_stop, stop_at);
        return actions | ENTRY_MARK | entry_expire(e, now);
}

unsigned guard_entry_lose(GuardEntry *e, usec_t now, uint64_t index, usec_t kill_at) {
        unsigned actions = entry_expire(e, now);

        if (e->index == 0 || e->down) {
                /* Index 0 means that there is no entry. So a unit that was never leased gets the lowest Index, 1. */
                *e = (GuardEntry){
                        .index = MAX(index, (uint64_t) 1),
                        .stop_at = now,
                        .kill_at = MIN(kill_at, usec_add(now, GUARD_TTL_MAX)),
                        .lost = true,
                };
                return actions | entry_begin_stop(e, now);
        }
        e->stop_at = e->keeps ? now : MIN(e->stop_at, now);
        /* Law 8: a loss gives no time. */
        e->kill_at = MIN(guard_entry_last_kill(e, now), kill_at);
        if (e->frozen) { /* law 15 */
                e->kill_at = MIN(e->kill_at, now);
                e->lost = true;
                return actions | entry_end_frost(e, now);
        }
        if (guard_entry_is_stopping(e)) {
                e->lost = true;
                return actions | ENTRY_MARK | ENTRY_TELL;
        }
        e->lost = true;
        return actions | entry_begin_stop(e, now);
}

unsigned guard_entry_disarm(GuardEntry *e, usec_t now) {
        unsigned actions = entry_expire(e, now) | ENTRY_TELL;

        if (e->index == 0)
                return actions;
        e->leaving = true;
        e->gate_wanted = false;
        if (e->frozen)
                actions |= entry_end_frost(e, now);
        if (guard_entry_is_stopping(e))
                return actions;
        e->gate_open = true; /* until the attempt has shown otherwise */
        e->gate_next = now;
        return actions | ENTRY_CLOSE_GATE;
}

unsigned guard_entry_open(GuardEntry *e, usec_t now, uint64_t index) {
        unsigned actions = entry_expire(e, now) | ENTRY_TELL;

        if (!guard_entry_is_live(e) || e->leaving || e->index != index)
                return actions;
        must(e->keeps || now < e->stop_at); /* laws 10, 13 */
        e->gate_wanted = true;
        return actions | ENTRY_OPEN_GATE;
}

unsigned guard_entry_close(GuardEntry *e, usec_t now) {
        unsigned actions = entry_expire(e, now) | ENTRY_TELL;

        if (e->index == 0)
                return actions;
        e->gate_wanted = false;
        if (e->frozen) /* the daemon has it stopped */
                return actions | entry_end_frost(e, now);
        return e->gate_open ? actions | ENTRY_CLOSE_GATE : actions;
}

void guard_entry_move(GuardEntry *e, usec_t jump) {
        if (e->index == 0 || e->down)
                return;
        e->stop_at = usec_sub(e->stop_at, jump);
        e->kill_at = usec_sub(e->kill_at, jump);
        if (entry_is_limited(e)) {
                e->limit_stop = usec_sub(e->limit_stop, jump);
                e->limit_kill = MAX(usec_sub(e->limit_kill, jump), (usec_t) 1);
        }
}

unsigned guard_entry_moved(GuardEntry *e, usec_t now) {
        return e->index == 0 || e->down ? 0 : ENTRY_MARK | ENTRY_TELL | entry_expire(e, now);
}

unsigned guard_entry_gate(GuardEntry *e, usec_t now, bool open) {
        bool changed = e->gate_open != open;

        if (e->index == 0)
                return 0;
        if (!open && e->gate_open)
                e->closed_at = now;
        if (!open)
                e->gate_wanted = false;
        e->gate_open = open;
        e->gate_next = usec_add(now, GUARD_KILL_EVERY);
        return (changed ? ENTRY_TELL : 0) | entry_expire(e, now) | entry_leave(e);
}

unsigned guard_entry_not_opened(GuardEntry *e, usec_t now) {
        if (e->index == 0)
                return 0;
        e->gate_wanted = false;
        e->gate_open = true; /* until the gate has been found gone */
        e->gate_next = now;
        return ENTRY_CLOSE_GATE | entry_expire(e, now);
}

unsigned guard_entry_restore(GuardEntry *e, usec_t now, bool may_open) {
        unsigned actions = entry_expire(e, now);

        if (e->index == 0 || e->down)
                return actions;
        return actions | (guard_entry_is_live(e) && e->gate_wanted && may_open ? ENTRY_OPEN_GATE : ENTRY_MARK);
}

unsigned guard_entry_looked(GuardEntry *e, usec_t now, Frost frost) {
        unsigned actions = entry_expire(e, now);

        if (!e->frozen)
                return actions;
        if (frost == FROST_FAILED || (frost == FROST_PENDING && e->proven))
                return actions | entry_end_frost(e, now);
        if (frost >= FROST_FROZEN && !e->proven)
                actions |= ENTRY_TELL;
        e->proven = frost >= FROST_FROZEN;
        e->look_next = usec_add(now, frost == FROST_WATCHED ? WATCHED_EVERY
                                     : e->proven            ? GUARD_KILL_EVERY
                                                            : FROST_EVERY);
        return actions;
}

void guard_entry_look(GuardEntry *e, usec_t now) {
        if (e->frozen)
                e->look_next = MIN(e->look_next, now);
}

void guard_entry_set_freezes(GuardEntry *e, bool freezes) {
        e->freezes = freezes;
}

void guard_entry_set_post(GuardEntry *e, bool post) {
        e->post = post;
}

usec_t guard_entry_last_kill(const GuardEntry *e, usec_t now) {
        return e->keeps ? usec_add(now, e->kill_offset) : e->kill_at;
}

usec_t guard_entry_end_at(const GuardEntry *e) {
        usec_t half = usec_sub(e->kill_at, e->stopping_since) / 2;

        return e->post ? usec_sub(e->kill_at, MIN(half, GUARD_POST_MAX)) : e->kill_at;
}

void part_end_killed(PartEnd *p, const GuardEntry *e, usec_t now) {
        p->spared = !e->gate_open;
        p->since = now;
}

void part_end_reported(PartEnd *p, const GuardEntry *e, usec_t now, const UnitAnswer *answer) {
        if (!answer->known || !guard_entry_is_stopping(e) || e->gate_open || answer->asked_at <= e->closed_at)
                return;
        p->attached = answer->attached;
        if (answer->post && !p->spared)
                part_end_killed(p, e, now);
        /* A question asked sooner proves nothing: PID 1 may not have heard of all deaths yet. */
        else if (answer->up && !answer->post && !answer->attached &&
                        answer->asked_at >= usec_add(p->since, GUARD_KILL_EVERY))
                p->spared = false;
}

bool part_end_is_detaching(const PartEnd *p) {
        return p->spared && p->attached;
}

/* How long the entry bears with PID 1: for half of the time from the stop to kill_at, and PATIENCE_MAX at most. The
 * other half is left to the unit for its stop after a shout. */
static usec_t entry_patience(const GuardEntry *e) {
        usec_t half = usec_sub(e->kill_at, e->stop_since) / 2;

        return MIN(half, PATIENCE_MAX);
}

static bool entry_is_refused(const GuardEntry *e) {
        return e->stop == STOP_STATE_REFUSED || e->stop == STOP_STATE_ASKED_AGAIN;
}

static bool entry_wants_stop(const GuardEntry *e) {
        return e->stop == STOP_STATE_WANTED || e->stop == STOP_STATE_REFUSED;
}

static bool entry_asks_for_stop(const GuardEntry *e) {
        return e->stop == STOP_STATE_ASKED || e->stop == STOP_STATE_ASKED_AGAIN;
}

/*
 * When the entry shouts (ENTRY_SHOUT): when patience has run out. Patience also counts where PID 1 answers and refuses
 * the stop: PID 1 refuses requests, not the stop of what is bound to a guard that ends. A refusal is an answer, so no
 * PATIENCE_MIN is waited for: the shout comes before kill_at, or at once where kill_at has passed before the stop.
 * If the bus answers and PID 1 does not, PID 1 is busy: it would read a shout no sooner than the StopUnit that waits
 * for it, and a shout stops every unit of the guard. So in this case only an entry that has come to its kill_at
 * shouts.
 */
static usec_t entry_shout_at(const GuardEntry *e, Heard heard) {
        usec_t patience = entry_patience(e), bus, pid_one;

        if (e->stop == STOP_STATE_ACCEPTED || e->shouted)
                return USEC_INFINITY;
        if (entry_is_refused(e))
                return usec_add(e->stop_since, patience);
        patience = MAX(patience, PATIENCE_MIN);
        bus = MAX(e->stop_since, heard.bus);
        pid_one = MAX(e->stop_since, heard.pid_one);
        bus = usec_add(bus, patience);
        pid_one = usec_add(pid_one, patience);
        pid_one = MAX(pid_one, e->kill_at);
        return MIN(bus, pid_one);
}

unsigned guard_entry_tick(GuardEntry *e, usec_t now, Heard heard) {
        unsigned actions = entry_expire(e, now);

        if (e->index == 0)
                return 0;
        if (e->gate_open && !e->gate_wanted && now >= e->gate_next)
                actions |= ENTRY_CLOSE_GATE;
        if (e->frozen && now >= e->look_next)
                actions |= ENTRY_LOOK;
        if (!guard_entry_is_stopping(e))
                return actions;
        if (now >= entry_shout_at(e, heard)) {
                e->shouted = true;
                actions |= ENTRY_SHOUT;
        }
        if (entry_wants_stop(e) && now >= e->stop_next) {
                e->stop = entry_is_refused(e) ? STOP_STATE_ASKED_AGAIN : STOP_STATE_ASKED;
                actions |= ENTRY_STOP;
        }
        if (!e->asking && now >= e->ask_next) {
                e->asking = true;
                actions |= ENTRY_ASK;
        }
        if (now >= e->kill_at && now >= e->kill_next) {
                must(guard_entry_is_stopping(e));
                e->kill_next = usec_add(now, GUARD_KILL_EVERY); /* law 9: again and again */
                actions |= ENTRY_KILL;
        } else if (now < e->kill_at && now >= guard_entry_end_at(e) && now >= e->kill_next) {
                e->kill_next = MIN(usec_add(now, GUARD_KILL_EVERY), e->kill_at);
                actions |= ENTRY_END;
        }
        return actions;
}

unsigned guard_entry_stop_answered(GuardEntry *e, usec_t now, StopAnswer answer) {
        unsigned actions = entry_expire(e, now);

        if (!guard_entry_is_stopping(e) || !entry_asks_for_stop(e))
                return actions;
        if (answer == STOP_ACCEPTED) {
                e->stop = STOP_STATE_ACCEPTED;
                e->stop_accepted_at = now;
        } else {
                e->stop = answer == STOP_REFUSED ? STOP_STATE_REFUSED : STOP_STATE_WANTED;
                e->stop_next = usec_add(now, GUARD_ASK_EVERY);
        }
        return actions;
}

unsigned guard_entry_reported(GuardEntry *e, usec_t now, const UnitAnswer *answer) {
        unsigned actions = entry_expire(e, now);
        bool often;

        if (!guard_entry_is_stopping(e))
                return actions;
        e->asking = false;
        /* Often also shortly before end_at: if ExecStopPost= is found running by then, the part need not be killed. */
        often = now >= e->kill_at || (e->post && usec_add(now, GUARD_ASK_EVERY) >= guard_entry_end_at(e));
        e->ask_next = usec_add(now, often ? GUARD_KILL_EVERY : GUARD_ASK_EVERY);
        if (!answer->known || e->gate_open || answer->asked_at <= e->closed_at || answer->job)
                return actions;
        if (!answer->up && answer->empty) {
                must(!e->gate_open && answer->asked_at > e->closed_at); /* law 7 */
                e->down = true;
                return actions | ENTRY_MARK | ENTRY_TELL | entry_leave(e);
        }
        /* The job that PID 1 accepted is over, and yet the unit is up: PID 1 is asked to stop the unit again. */
        if (answer->up && e->stop == STOP_STATE_ACCEPTED && answer->asked_at > e->stop_accepted_at) {
                e->stop = STOP_STATE_WANTED;
                e->stop_since = e->stop_next = now;
        }
        return actions;
}

usec_t guard_entry_next(const GuardEntry *e, Heard heard) {
        usec_t next = USEC_INFINITY, end = guard_entry_end_at(e), kill = MAX(end, e->kill_next);

        if (e->index == 0)
                return next;
        if (guard_entry_is_live(e))
                next = entry_end_of_life(e);
        if (e->gate_open && !e->gate_wanted)
                next = MIN(next, e->gate_next);
        if (e->frozen)
                next = MIN(next, e->look_next);
        if (e->frozen && !e->proven)
                next = MIN(next, e->kill_at);
        if (!guard_entry_is_stopping(e))
                return next;
        next = MIN(next, entry_shout_at(e, heard));
        if (entry_wants_stop(e))
                next = MIN(next, e->stop_next);
        if (!e->asking)
                next = MIN(next, e->ask_next);
        return MIN(next, kill);
}

usec_t guard_entry_watchdog(const GuardEntry *e, usec_t now) {
        usec_t slack = usec_sub(e->kill_at, e->stop_at) / 4;
        usec_t end = guard_entry_end_at(e);
        usec_t latest = usec_add(now, watchdog_stopping(e)), shortly_before = usec_sub(end, WATCHDOG_SLACK);
        bool waits = guard_entry_is_stopping(e) || (e->frozen && !e->proven);

        if (guard_entry_is_live(e))
                return usec_add(entry_end_of_life(e), MIN(slack, WATCHDOG_SLACK));
        return waits ? MAX(shortly_before, latest) : USEC_INFINITY;
}

usec_t guard_entry_alarm(const GuardEntry *e, usec_t now) {
        bool waits = (guard_entry_is_live(e) && !e->keeps) || guard_entry_is_stopping(e) || (e->frozen && !e->proven);

        if (!waits || e->kill_offset == 0 || e->kill_offset >= SHORT_KILL_OFFSET)
                return USEC_INFINITY;
        return usec_add(MAX(e->kill_at, now), MAX(e->kill_offset * 4 / 15, SHORT_TAKER) - REPLACEMENT);
}

uint32_t guard_entry_flags(const GuardEntry *e) {
        if (e->index == 0)
                return 0;
        return (e->gate_open ? GUARD_FLAG_OPEN : 0) | (e->expired ? GUARD_FLAG_EXPIRED : 0) |
               (e->lost ? GUARD_FLAG_LOST : 0) | (e->down ? GUARD_FLAG_DOWN : 0) | (e->keeps ? GUARD_FLAG_KEEPS : 0) |
               (e->frozen ? GUARD_FLAG_FROZEN : 0) | (entry_is_limited(e) ? GUARD_FLAG_LIMITED : 0);
}
