/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The operator's words: release, transfer, steal, rearm of a unit here, drain of another machine, confirmation that
 * one is off; and the run of a command, which begins when PID 1 is asked to start it.
 *
 * A word that cannot be carried out is refused, with the reason. Otherwise the word is armed until what it asks for
 * has begun, that is until the unit is on its way down, or the record has been written. Until then whoever waits for
 * the answer can withdraw the word, and the word is withdrawn if the waiting client is gone. A word also ends when it
 * cannot be carried out any more. So no word takes effect when nobody waits for it any more. A word for which nobody
 * ever waits, and a steal, end after one TTL. What has begun is carried through: a unit that is being stopped is given
 * back when it is down.
 *
 * While the registry does not answer, no word is armed: a unit would be stopped in vain.
 *
 * A Txn that is under way when its word is withdrawn may still be carried out. This alone cannot be taken back.
 */

#include "core/word.h"

#include "core/back.h"
#include "core/confirm.h"
#include "core/copies.h"
#include "core/drain.h"
#include "core/lease.h"
#include "core/leave.h"
#include "core/look.h"
#include "core/mirror.h"
#include "core/news.h"
#include "core/output.h"
#include "core/pause.h"
#include "core/phase.h"
#include "core/planning.h"
#include "core/said.h"
#include "core/session.h"
#include "core/unit-life.h"
#include "core/unit.h"
#include "core/wish.h"

/* Another word that asks for the same; NULL if there is none. */
static const Word *find_other(const Core *c, const Word *w) {
        for (const Word *o = c->words; o; o = o->next)
                if (o != w && o->armed && o->kind == w->kind && streq(o->object, w->object))
                        return o;
        return NULL;
}

/* And not about a unit. A pause is about all machines, and names none. */
static bool is_about_machine(const Word *w) {
        return w->kind == EVENT_DRAIN || w->kind == EVENT_CONFIRM || w->kind == EVENT_PAUSE;
}

static Unit *unit_of(const Core *c, const Word *w) {
        return is_about_machine(w) ? NULL : unit_find((Core *) c, w->object);
}

static Machine *machine_of(const Core *c, const Word *w) {
        return is_about_machine(w) ? mirror_find_machine((Core *) c, w->object) : NULL;
}

/* Whether the machine has a record into which a drain can be written. */
static bool is_readable(const Machine *m) {
        return m && m->seen.revision > 0 && !m->damaged;
}

static bool beats(const Core *c) {
        return session_settled(c) && c->now.boottime < c->own.t0 + c->own.timeline.stop;
}

/* ---- whether it can be ---- */

/* Why the unit must not be placed here, by its wishes and by what runs here; WHY_NONE: it may. */
static Reason why_not_placed(Plan *p, const Unit *u) {
        PlacementMachine look;

        if (!p->own)
                return reason(WHY_NONE);
        return plan_why_not_wished(p, u, p->own, &look); /* what was said here before counts no more */
}

Reason word_why_no_steal(Plan *p, const Unit *u) {
        const Core *c = p->core;
        const Lease *l = u->lease;
        Reason why;

        if (unit_is_ours(c, u))
                return reason(WHY_NONE);
        if (l->damaged)
                return reason(WHY_RECORD_UNREADABLE);
        if (l->value->state == LEASE_DONE && u->config.version <= l->value->version)
                return reason(WHY_JOB_DONE);
        if (l->value->state == LEASE_HELD && l->value->period > 0)
                return reason(WHY_PERIOD_LEASE);
        if (l->n_debts >= DEBTS_MAX)
                return reason(WHY_DEBTS_FULL);
        if (l->holder && l->holder->keeps && !session_is_over(l->holder))
                return reason(WHY_KEEPS);
        why = why_not_placed(p, u);
        if (why.why == WHY_NONE && said_is_told(u)) /* what is not known yet will be in a moment */
                why = unit_why_unable(c, u);
        /* The operator's word counts more. What else is against it is seen once the word is in force. */
        return why.why == WHY_STANDS_BACK || said_is_will(why.why) ? reason(WHY_NONE) : why;
}

/* What is being stolen for this machine counts as here already. */
static Reason why_no_steal(Core *c, const Unit *u) {
        Plan plan;

        plan_begin(&plan, c, c->plan.has_wishes);
        for (const Unit *other = plan.wishes && plan.own ? c->units : NULL; other; other = other->hh.next)
                if (other != u && other->wish.steal)
                        plan_suppose(&plan, other, plan.own);
        return word_why_no_steal(&plan, u);
}

/* ---- the run of a command ---- */

static bool is_lease_of_unit(const Core *c, const Lease *l) {
        for (const Unit *u = c->units; u; u = u->hh.next)
                if (!u->config.once && !u->forgotten && !u->config.global &&
                                (u->lease == l || (copies_has(u) && lease_slots_are_alike(u->lease->name, l->name))))
                        return true;
        for (const Offer *o = c->offers; o; o = o->hh.next)
                if (o->seen.revision > 0 && !o->damaged && copies_may_use(o, l->name))
                        return true;
        return false;
}

/* For a caller who does not wait. What is not known yet will be in a moment. */
static WordResult why_not_at_once(const Core *c, const Unit *u, Reason *ret_why) {
        if (!said_is_told(u) || unit_is_ours(c, u) || u->life.phase != PHASE_IDLE)
                return WORD_BEGUN;
        if (u->lease->unit != u || (u->lease->seen.known && !plan_finds_available(u) && !planning_is_due(c, u)))
                return WORD_TAKEN;
        *ret_why = unit_why_unable(c, u);
        return ret_why->why != WHY_NONE ? WORD_UNABLE : WORD_BEGUN;
}

static WordResult why_no_run(const Core *c, const Word *w, const Unit *u, Reason *ret_why) {
        if (u->forgotten) {
                *ret_why = reason(WHY_RUN_LOST);
                return WORD_UNABLE;
        }
        if (!w->armed && is_lease_of_unit(c, u->lease))
                return WORD_UNIT_LEASE;
        return w->armed && !w->on ? why_not_at_once(c, u, ret_why) : WORD_BEGUN;
}

/* Whether PID 1 is to do it, while the lease stays. It has begun as soon as PID 1 is asked. */
static bool is_for_pid1(const Word *w) {
        return w->kind == EVENT_STOP || w->kind == EVENT_START || w->kind == EVENT_RESTART;
}

/* Why the word cannot be carried out; WORD_BEGUN: nothing stands against it. */
static WordResult why_not(Core *c, const Word *w, Reason *ret_why) {
        const Machine *m = machine_of(c, w);
        const Unit *u = unit_of(c, w);

        *ret_why = reason(WHY_NONE);
        if (!u && !is_about_machine(w)) {
                *ret_why = reason(WHY_NOT_ENABLED);
                return WORD_UNABLE;
        }
        if (!beats(c) && (w->kind == EVENT_STEAL || w->kind == EVENT_CONFIRM || w->kind == EVENT_PAUSE ||
                                         is_for_pid1(w) || (w->kind == EVENT_RUN && !w->on))) {
                *ret_why = reason(WHY_REGISTRY_SILENT);
                return WORD_UNAVAILABLE;
        }
        if (!beats(c))
                return WORD_BEGUN;
        switch (w->kind) {
        case EVENT_RUN:
                return why_no_run(c, w, u, ret_why);
        case EVENT_RELEASE:
        case EVENT_TRANSFER:
                if (pause_is_seen(c) && unit_is_ours(c, u)) {
                        *ret_why = reason(WHY_PAUSED);
                        return WORD_UNABLE;
                }
                return unit_is_ours(c, u) ? WORD_BEGUN : WORD_NOT_HELD;
        case EVENT_PAUSE:
                if (w->on && pause_find_stranger(c))
                        *ret_why = reason_of(WHY_KNOWS_NO_PAUSE, pause_find_stranger(c));
                return ret_why->why != WHY_NONE ? WORD_UNABLE : WORD_BEGUN;
        case EVENT_STOP:
        case EVENT_START:
        case EVENT_RESTART:
                if (!unit_is_ours(c, u))
                        return WORD_NOT_HELD;
                if (u->life.phase != PHASE_RUNNING)
                        *ret_why = reason(WHY_REQUEST_NOT_RUNNING);
                return ret_why->why != WHY_NONE ? WORD_UNABLE : WORD_BEGUN;
        case EVENT_STEAL:
                *ret_why = why_no_steal(c, u);
                return ret_why->why != WHY_NONE ? WORD_UNABLE : WORD_BEGUN;
        case EVENT_REARM:
                return u->lease->value->state == LEASE_DONE && !u->lease->damaged &&
                                                       (!w->armed || u->lease->value->index == w->index)
                                       ? WORD_BEGUN
                                       : WORD_NOT_DONE;
        case EVENT_CONFIRM:
                if (m && (w->armed ? confirm_outcome(c, m) : confirm_look(c, m)) == CONFIRM_BEATS)
                        *ret_why = reason(WHY_BEATS);
                return m && ret_why->why == WHY_NONE ? WORD_BEGUN : WORD_UNABLE;
        default:
                if (!is_readable(m))
                        *ret_why = reason_there(reason(WHY_MACHINE_UNLISTED));
                return is_readable(m) ? WORD_BEGUN : WORD_UNABLE;
        }
}

/* ---- what has become of it ---- */

static bool has_begun(const Core *c, const Word *w) {
        const Unit *u = unit_of(c, w);
        const Machine *m = machine_of(c, w);

        switch (w->kind) {
        case EVENT_RELEASE:
        case EVENT_TRANSFER:
                return u && u->life.phase >= PHASE_CLOSING &&
                       !leave_is_graver(w->kind == EVENT_RELEASE ? LEAVE_RELEASE : LEAVE_TRANSFER, u->life.leave);
        case EVENT_STEAL:
                return u && unit_is_ours(c, u);
        case EVENT_RUN:
                return u && u->life.spent;
        case EVENT_REARM:
                /* The record shows that it was rearmed, even where the answer to our Txn was lost. */
                return w->armed && u && !lease_is_lost(u->lease) &&
                       (u->lease->value->state != LEASE_DONE || u->lease->value->index != w->index);
        case EVENT_CONFIRM:
                return w->armed && m && confirm_outcome(c, m) == CONFIRM_DONE;
        case EVENT_PAUSE:
                return w->armed && (w->on ? pause_is_on(c) && pause_is_read(c) : !pause_is_on(c) && !c->pause.lost);
        case EVENT_STOP:
        case EVENT_START:
        case EVENT_RESTART:
                return w->armed;
        default:
                return w->armed && is_readable(m) && m->drain_asked == 0;
        }
}

/* Whether the Txn that carries out the word is under way. */
static bool is_under_way(const Core *c, const Word *w) {
        const Unit *u = unit_of(c, w);

        if (w->kind == EVENT_CONFIRM)
                return confirm_is_under_way(c);
        if (w->kind == EVENT_PAUSE)
                return pause_is_under_way(c);
        if (w->kind == EVENT_DRAIN)
                return c->drain.txn > 0 && streq(c->drain.machine, w->object);
        return u && u->lease->txn > 0 &&
               ((w->kind == EVENT_STEAL && u->lease->op != OP_STRIKE) ||
                               (w->kind == EVENT_RUN && u->lease->unit == u) ||
                               (w->kind == EVENT_REARM && u->lease->op == OP_REARM));
}

/* Whether the record has changed since the word was said, and the lease did not come to us. */
static bool is_forestalled(const Core *c, const Word *w) {
        const Unit *u = unit_of(c, w);

        return w->kind == EVENT_STEAL && u && !u->wish.steal;
}

static usec_t longest_debt(const Core *c, const Lease *l) {
        usec_t t = 0;

        for (size_t i = 0; i < l->n_debts; i++)
                t = MAX(t, usec_sub(lease_debt_due(l->debts + i), c->now.boottime));
        return t;
}

/* ---- arming and disarming ---- */

/* A unit that is to be started does so at the next look at it, when PID 1 says that it is down (life.c): one that is
 * being stopped, too, as PID 1 would have a start take the place of the stop. */
static void ask_pid1(Core *c, Unit *u, EventKind kind) {
        bool is_down = said_is_inactive(&u->said.report),
             goes_down = u->wish.stop || u->said.report.active == ACTIVE_DEACTIVATING;

        if (kind == EVENT_RESTART || (kind == EVENT_START && (is_down || goes_down)))
                wish_start(u, c->now.boottime);
        if (kind == EVENT_STOP)
                wish_stop(u, c->now.boottime);
        if (kind != EVENT_START && !is_down)
                phase_act(c, u, ACTION_UNIT_STOP);
        phase_act(c, u, ACTION_UNIT_READ);
}

static void arm(Core *c, Word *w) {
        Machine *m = machine_of(c, w);
        Unit *u = unit_of(c, w);

        w->armed = true;
        if (u) {
                look_at_unit(c, u);
                wish_by(u, w->by);
        }
        if (is_for_pid1(w)) {
                ask_pid1(c, u, w->kind);
                return;
        }
        if (w->kind == EVENT_RELEASE) {
                wish_release(u);
                news_of_unit(c, u, NEWS_WORD);
        } else if (w->kind == EVENT_TRANSFER)
                wish_transfer(u, w->machine);
        else if (w->kind == EVENT_REARM)
                u->lease->rearm = w->index = u->lease->value->index;
        else if (w->kind == EVENT_DRAIN)
                drain_set(c, w->object, w->on, w->brief, w->by);
        else if (w->kind == EVENT_CONFIRM)
                confirm_begin(c, m, w->by);
        else if (w->kind == EVENT_PAUSE)
                pause_ask(c, w->on, w->by);
        else if (w->kind == EVENT_RUN) {
                wish_run(u);
                news_of_unit(c, u, NEWS_WORD);
        } else if (!unit_is_ours(c, u))
                wish_steal(u, w->index);
}

static void disarm(Core *c, Word *w) {
        Unit *u = unit_of(c, w);
        Machine *m = machine_of(c, w);

        if (!w->armed || is_for_pid1(w))
                return;
        w->armed = false;
        if (find_other(c, w))
                return;
        if (m && w->kind == EVENT_CONFIRM)
                confirm_end(c, m);
        else if (w->kind == EVENT_PAUSE)
                pause_not_asked(c);
        else if (m)
                m->drain_asked = 0;
        if (!u)
                return;
        look_at_unit(c, u);
        wish_by(u, "");
        if (w->kind == EVENT_RELEASE) {
                wish_no_release(u);
                news_of_unit(c, u, NEWS_WORD);
        } else if (w->kind == EVENT_TRANSFER)
                wish_no_transfer(u);
        else if (w->kind == EVENT_STEAL)
                wish_no_steal(u);
        else if (w->kind == EVENT_RUN)
                wish_no_run(u);
        else
                u->lease->rearm = 0;
}

/* A pause is in force as soon as its record is written; the word only waits until each holder has read of it. Whoever
 * does not wait for this any more must not be told that nothing has begun. */
static bool is_half_done(const Core *c, const Word *w, WordResult result) {
        return w->kind == EVENT_PAUSE && w->on && w->armed && pause_is_on(c) &&
               (result == WORD_WITHDRAWN || result == WORD_UNAVAILABLE);
}

/* Ends the word with this result, and frees it. What it asks for does not begin any more. */
static void end(Core *c, Word *w, WordResult result, Reason why) {
        Unit *u = unit_of(c, w);
        Word **at = &c->words;

        if (is_half_done(c, w, result) || (w->unsure && result == WORD_UNAVAILABLE))
                result = WORD_LATE;
        while (*at && *at != w)
                at = &(*at)->next;
        if (*at)
                *at = w->next;
        if (result != WORD_BEGUN || w->kind == EVENT_CONFIRM)
                disarm(c, w);
        else if (w->kind == EVENT_STEAL && u)
                back_no_more(c, u);
        if (result != WORD_BEGUN && w->kind == EVENT_RUN && u) {
                u->forgotten = true;
                look_at_unit(c, u);
                news_of_unit(c, u, NEWS_WORD);
        }
        if (w->end) {
                w->end->ended = true;
                w->end->result = result;
                w->end->reason = reason_keep(why, w->end->about, sizeof(w->end->about));
        }
        if (w->id > 0) {
                Action *a = output(c, ACTION_WORD_DONE);

                a->id = w->id;
                a->word = result;
                a->reason = output_reason(c, why);
                a->index = u ? u->life.index : 0;
                a->span = result == WORD_BEGUN && w->kind == EVENT_STEAL && u ? longest_debt(c, u->lease) : 0;
        }
        free(w);
}

/* ---- from outside ---- */

void word_begin(Core *c, const Event *e) {
        word_begin_for(c, e, NULL);
}

void word_begin_for(Core *c, const Event *e, WordEnd *ret) {
        Word *w = calloc(1, sizeof(Word));
        Reason why = reason(WHY_NONE);
        WordResult result;
        Unit *u;

        if (!w)
                abort();
        *w = (Word){ .id = e->id, .kind = e->kind, .on = e->on, .brief = e->brief, .end = ret };
        w->until = e->id > 0 && e->kind != EVENT_STEAL ? USEC_INFINITY
                                                       : usec_add(c->now.boottime, c->own.ttl ?: c->here.ttl);
        str_copy(w->object, sizeof(w->object), strempty(is_about_machine(w) ? e->machine_id : e->unit));
        str_copy(w->by, sizeof(w->by), strempty(e->by));
        str_copy(w->machine, sizeof(w->machine), e->kind == EVENT_TRANSFER ? strempty(e->machine_id) : "");
        u = unit_of(c, w);
        if (e->kind == EVENT_RUN && !u && e->config.once && (u = unit_configure(c, &e->config)))
                unit_life_set_spent(u, false);
        w->index = e->index > 0 || !u ? e->index : u->lease->value->index;
        result = why_not(c, w, &why);
        if (e->kind == EVENT_TRANSFER && (!machine_id_is_valid(w->machine) || streq(w->machine, c->here.machine_id)))
                result = WORD_UNABLE;
        w->next = c->words;
        c->words = w;
        if (result != WORD_BEGUN)
                end(c, w, result, why);
        else if (beats(c))
                arm(c, w);
}

void word_withdraw(Core *c, uint64_t id) {
        for (Word *w = c->words; w; w = w->next)
                if (w->id == id && id > 0) {
                        /* The Txn that is under way may still be carried out. */
                        end(c, w, is_under_way(c, w) ? WORD_LATE : WORD_WITHDRAWN, reason(WHY_NONE));
                        return;
                }
}

void word_not_answered(Core *c) {
        for (Word *w = c->words; w; w = w->next)
                w->unsure = w->unsure || (w->armed && is_under_way(c, w));
}

void word_withdraw_for(Core *c, const WordEnd *for_whom) {
        for (Word *w = c->words; w; w = w->next)
                if (w->end == for_whom) {
                        end(c, w, WORD_WITHDRAWN, reason(WHY_NONE));
                        return;
                }
}

void word_advance(Core *c) {
        Word *next;

        for (Word *w = c->words; w; w = next) {
                Reason why = reason(WHY_NONE);
                WordResult result;

                next = w->next;
                if (has_begun(c, w)) {
                        end(c, w, WORD_BEGUN, reason(WHY_NONE));
                        continue;
                }
                if (is_under_way(c, w))
                        continue;
                result = is_forestalled(c, w) ? WORD_FORESTALLED : why_not(c, w, &why);
                if (result == WORD_BEGUN && c->now.boottime >= w->until)
                        result = WORD_LATE;
                if (result != WORD_BEGUN)
                        end(c, w, result, why);
                else if (!beats(c))
                        disarm(c, w);
                else if (!w->armed)
                        arm(c, w);
        }
}

usec_t word_deadline(const Core *c) {
        usec_t t = USEC_INFINITY;

        for (const Word *w = c->words; w; w = w->next)
                if (!is_under_way(c, w))
                        t = MIN(t, w->until);
        return t;
}

void word_free_all(Core *c) {
        while (c->words) {
                Word *w = c->words;

                c->words = w->next;
                free(w);
        }
}
