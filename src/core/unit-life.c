/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The changes of a unit's life: each a function that says what has happened, and asserts what must be so before.
 */

#include "core/unit-life.h"

void unit_life_begin(const Core *c, Unit *u) {
        u->life = (UnitLife){ .changed_at = c->now.boottime };
}

void unit_life_enter(const Core *c, Unit *u, Phase phase) {
        u->life.phase = phase;
        u->life.changed_at = c->now.boottime;
        u->life.retry_at = 0;
}

void unit_life_take(Unit *u, uint64_t index) {
        must(u->life.phase == PHASE_IDLE && u->life.index == 0 && index > 0);
        u->life.index = index;
}

void unit_life_set_origin(Unit *u, Origin origin) {
        u->life.origin = origin;
}

void unit_life_set_spent(Unit *u, bool spent) {
        u->life.spent = spent;
}

void unit_life_set_killed(Unit *u, bool killed) {
        u->life.killed = killed;
}

void unit_life_set_leave(Unit *u, Leave leave) {
        must(leave > u->life.leave); /* their order is that of gravity */
        u->life.leave = leave;
}

void unit_life_lose_guard(Unit *u, Why why) {
        u->life.unguarded = why;
}

void unit_life_miss_beat(Unit *u, usec_t last) {
        u->life.last_beat = last;
}

void unit_life_set_rest(Unit *u, Rest rest) {
        u->life.rest = rest;
}

void unit_life_put_aside(Unit *u, usec_t until) {
        u->life.rest = REST_ASIDE;
        u->life.aside_until = until;
}

bool unit_life_miss_gate(Unit *u, Why why) {
        bool news = why != WHY_NONE && why != u->life.gate_reported;

        u->life.gate_reported = why;
        return news;
}

void unit_life_arm(Unit *u, const Timeline *t, uint64_t id) {
        must(t->stop <= t->kill);
        u->life.armed_stop = t->stop;
        u->life.armed_kill = t->kill;
        u->life.armed_id = id;
}

void unit_life_jump(Unit *u, usec_t from) {
        u->life.jumped_from = from;
}

void unit_life_tell_anew(Unit *u) {
        u->life.armed_stop = u->life.armed_kill = 0;
        u->life.killed = false;
}

void unit_life_end(Unit *u) {
        bool goes_on = u->life.leave == LEAVE_EXPIRED || u->life.leave == LEAVE_ANEW;

        u->life.origin = goes_on ? ORIGIN_RESUMED : ORIGIN_NEW;
        if (!goes_on || u->life.rest != REST_BY_HAND)
                u->life.rest = REST_NONE;
        u->life.index = 0;
        u->life.leave = LEAVE_NONE;
        u->life.unguarded = WHY_NONE;
        unit_life_note_run(u);
        unit_life_tell_anew(u);
}

void unit_life_begin_start(Unit *u) {
        must(!u->life.spent);
        u->life.spent = u->config.once;
        u->life.starts = 0;
        u->life.start_lost = false;
        u->life.rest = REST_NONE;
        u->life.origin = ORIGIN_NEW;
        u->life.last_beat = 0;
        unit_life_note_run(u);
}

void unit_life_note_run(Unit *u) {
        u->life.run = u->said.report.run;
}

void unit_life_lose_start(Unit *u) {
        u->life.start_lost = !u->config.once;
}

bool unit_life_has_run(Unit *u) {
        bool known = u->life.ran == u->life.index;

        u->life.ran = u->life.index;
        return known;
}

unsigned unit_life_count_start(Unit *u) {
        u->life.starts += !u->life.start_lost;
        u->life.start_lost = false;
        return u->life.starts;
}

void unit_life_forget_starts(Unit *u) {
        u->life.starts = 0;
}

unsigned unit_life_count_aside(Unit *u) {
        return ++u->life.aside_count;
}

void unit_life_forget_asides(Unit *u) {
        u->life.aside_count = 0;
}

void unit_life_ask_at(Unit *u, usec_t at) {
        u->life.retry_at = at;
}

void unit_life_ask_after(const Core *c, Unit *u, usec_t pause) {
        u->life.retry_at = c->now.boottime + pause;
}

bool unit_life_asks_again(const Core *c, Unit *u, usec_t pause) {
        if (c->now.boottime < u->life.retry_at)
                return false;
        unit_life_ask_after(c, u, pause);
        return true;
}

void unit_life_stop_again_after(const Core *c, Unit *u, usec_t pause) {
        u->life.stop_again_at = c->now.boottime + pause;
}
