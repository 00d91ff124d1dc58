/* SPDX-License-Identifier: Apache-2.0 */

/*
 * How far our beats cover a unit: by which timeline, and until when it may run.
 */

#include "core/cover.h"

#include "core/session.h"

#include <errno.h>

/* While two sessions beat, the shorter TTL's timeline holds: it suits both. */
Timeline cover_timeline(const Core *c, const Unit *u) {
        Timeline t = c->own.timeline;
        usec_t ttl = c->own.ttl ?: c->here.ttl;

        if (session_is_moving(c))
                ttl = MIN(ttl, c->other.ttl);
        /* The unit's stop grace does not fit, as after TTL= was made shorter: the default always fits. The daemon
         * warns. */
        if (timeline_compute(ttl, u->config.stop_grace, u->config.timeout_stop, &t) == -EDOM)
                (void) timeline_compute(ttl, USEC_INFINITY, u->config.timeout_stop, &t);
        return t;
}

static bool has_entry(const Unit *u) {
        return u->life.phase >= PHASE_ARMING && u->life.phase <= PHASE_STOPPING && u->life.armed_kill > 0;
}

/* The timeline that the guard was told holds until it has been told another. */
usec_t cover_span(const Core *c, const Unit *u) {
        return has_entry(u) ? u->life.armed_stop : cover_timeline(c, u).stop;
}

usec_t cover_stop_at(const Core *c, const Unit *u) {
        return session_keeps(c) ? USEC_INFINITY : usec_add(session_covered_from(c), cover_span(c, u)); /* law 13 */
}

bool cover_is_armed_by(const Unit *u, const Timeline *t) {
        return u->life.armed_stop == t->stop && u->life.armed_kill == t->kill;
}

bool cover_is_armed_anew(const Core *c, const Unit *u) {
        Timeline t = cover_timeline(c, u);

        if (u->life.phase == PHASE_IDLE || u->life.phase == PHASE_RELEASING)
                return u->said.guard_known && u->said.guard.index == 0;
        return u->life.phase < PHASE_CLOSING && u->said.guard_known && u->said.guard.serial >= u->life.armed_id &&
               cover_is_armed_by(u, &t);
}

bool cover_holds(const Core *c, const Unit *u) {
        return session_settled(c) && c->now.boottime < cover_stop_at(c, u) &&
               session_covered_from(c) > u->life.jumped_from;
}
