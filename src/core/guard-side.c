/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The guard as a whole: whether it is there, and what it is told for all units at once.
 */

#include "core/guard-side.h"

#include "core/look.h"
#include "core/news.h"
#include "core/output.h"
#include "core/pause.h"
#include "core/said.h"
#include "core/session.h"
#include "core/unit-life.h"
#include "core/unit.h"

/* A guard that has just connected is told at once what it must know. */
static void take(Core *c, Unit *u, const GuardReport *report, const char *lease) {
        if (said_guard(c, u, report, lease))
                unit_life_ask_at(u, 0);
}

void guard_side_event(Core *c, const Event *e) {
        Unit *u, *next;

        if (e->kind != EVENT_GUARD)
                look_at_all(c);
        switch (e->kind) {
        case EVENT_GUARD_GONE:
                if (c->guard.up) /* said of an earlier guard; a guard is connected, and what it reports holds */
                        break;
                if (!c->guard.gone || c->guard.lives != e->on)
                        news_note(c, NEWS_GUARD_GONE);
                c->guard.gone = true;
                c->guard.lives = e->on;
                c->guard.may_keep = false;
                HASH_ITER(hh, c->units, u, next) {
                        said_asked_nothing(u);
                        take(c, u, &(GuardReport){}, NULL);
                }
                break;
        case EVENT_GUARD_UP:
                c->guard.up = true;
                c->guard.gone = false;
                c->guard.synced = false;
                c->guard.says_keeps = false;
                c->guard.told_keep = KEEP_NOTHING;
                c->guard.keep_id = 0;
                HASH_ITER(hh, c->units, u, next) {
                        said_no_guard(u);
                        said_asked_nothing(u);
                        unit_life_tell_anew(u);
                }
                break;
        case EVENT_GUARD_SYNCED:
                c->guard.synced = c->guard.up;
                if (c->guard.up && !c->guard.says_keeps) /* one that does not know the word */
                        c->guard.may_keep = false;
                HASH_ITER(hh, c->units, u, next)
                        if (c->guard.up && !u->said.guard_known)
                                take(c, u, &(GuardReport){}, NULL);
                break;
        case EVENT_GUARD_KEEPS:
                c->guard.says_keeps = true;
                if (e->id >= c->guard.keep_id)
                        c->guard.may_keep = e->on;
                break;
        case EVENT_GUARD_DOWN:
                c->guard.gone = false;
                c->guard.up = c->guard.synced = false;
                HASH_ITER(hh, c->units, u, next)
                        said_no_guard(u);
                break;
        default:
                /* An entry for a unit that is not enabled here any more is kept an eye on until the unit is down. */
                u = e->guard.index > 0 ? unit_find_or_leftover(c, e->unit) : unit_find(c, e->unit);
                if (u) /* law 7: a file of another Index is of another run */
                        take(c, u, &e->guard, e->index == e->guard.index ? e->lease : NULL);
        }
}

/* When the guard counts as missing. The daemon has a dead guard started at once, and one that does not answer
 * replaced; where that does not help within a TTL, other machines can make better use of the leases. */
static usec_t missing_at(const Core *c) {
        if (c->guard.synced || c->guard.away_since == 0)
                return USEC_INFINITY;
        return usec_add(c->guard.away_since, ttl_guard_patience(c->own.ttl ?: c->here.ttl));
}

void guard_side_advance(Core *c) {
        bool missing;

        if (c->guard.synced)
                c->guard.away_since = 0;
        else if (c->guard.away_since == 0)
                c->guard.away_since = c->now.boottime;
        missing = c->now.boottime >= missing_at(c);
        if (missing != c->guard.missing)
                news_note(c, NEWS_GUARD_MISSING);
        c->guard.missing = missing;
}

usec_t guard_side_deadline(const Core *c) {
        return missing_at(c) > c->now.boottime ? missing_at(c) : USEC_INFINITY;
}

/* Called at the end of a step, when every lost unit has been declared lost, and for a guard whose entries are all
 * known: a lost unit is never covered by a later beat (law 4). One message covers all entries, so while two
 * sessions beat it carries the earlier t0. */
static void tell_beat(Core *c) {
        Action *beat;

        if (!c->guard.beat_due)
                return;
        c->guard.beat_due = false;
        if (!c->guard.synced || !session_settled(c))
                return;
        beat = output(c, ACTION_GUARD_BEAT);
        beat->t0 = MIN(session_covered_from(c), c->own.t0); /* law 1: of a beat, and nothing else */
        must(beat->t0 > 0 && beat->t0 <= c->now.boottime);  /* law 1; rounds.c sees to it that it grows */
        beat->id = ++c->guard.serial;
}

/* Law 13. While our fence says that we keep, nobody takes anything by the time, so the deadlines may count from now.
 * Otherwise what the guard keeps is of a session that is over, and its time is that of any other entry. */
static void tell_keep(Core *c) {
        bool ends = (c->guard.may_keep || c->guard.told_keep == KEEP_BEGINS) && !pause_is_on(c);
        Keep keep = session_keeps(c) ? KEEP_BEGINS : ends ? KEEP_ENDS : KEEP_NOTHING;
        Action *a;

        if (!c->guard.synced || !session_settled(c) || keep == KEEP_NOTHING || keep == c->guard.told_keep)
                return;
        a = output(c, ACTION_GUARD_KEEP);
        a->on = keep == KEEP_BEGINS;
        a->t0 = session_covered_from(c);
        a->id = c->guard.keep_id = ++c->guard.serial;
        c->guard.told_keep = keep;
        c->guard.may_keep = true; /* until it has answered */
}

void guard_side_tell(Core *c) {
        must(!c->look.units.goes_on); /* law 4: every unit has been looked at */
        tell_beat(c);
        tell_keep(c);
}
