/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What is so of machines: who competes under our id, whether we compete, and who is silent.
 */

#include "core/machine.h"

#include "core/mirror.h"
#include "core/pause.h"
#include "core/session.h"

bool machine_is_named(const Core *c) {
        return c->self && c->self->seen.revision > 0 && session_is_ours(c, c->self->value.session);
}

bool machine_is_own(const Core *c, const Machine *m) {
        return streq(m->id, c->here.machine_id);
}

static bool is_ours(const Core *c, const Session *s) {
        return s && (s == c->own.seen || (session_is_moving(c) && s == c->other.seen));
}

size_t machine_own_held(const Core *c) {
        size_t n = c->own.seen ? c->own.seen->held : 0;

        return session_is_moving(c) && c->other.seen ? n + c->other.seen->held : n;
}

size_t machine_held(const Core *c, const Machine *m) {
        const Session *s = m->value.session[0] ? mirror_find_session((Core *) c, m->value.session) : NULL;
        size_t n = s && !is_ours(c, s) ? s->held : 0;

        return machine_is_own(c, m) ? n + machine_own_held(c) : s ? s->held : 0;
}

const Session *machine_session(const Core *c, const Machine *m) {
        const Session *s;

        if (m->seen.revision == 0)
                return NULL;
        s = mirror_find_session((Core *) c, m->value.session);
        if (!s || s->beat.revision == 0)
                return NULL;
        return session_is_ours(c, s->name) || c->now.boottime < session_silent_at(s) ? s : NULL;
}

usec_t machine_beats_every(const Machine *m) {
        return ttl_beats_every(session_ttl(m->value.session), m->value.beats_every);
}

usec_t machine_own_beats_every(const Core *c, const Own *o) {
        const Machine *m = c->self;
        usec_t wanted = ttl_beats_every(o->ttl, c->here.beats_every);

        must(wanted <= o->ttl / 5);
        return m && m->seen.revision > 0 && streq(m->value.session, o->name) ? MIN(wanted, machine_beats_every(m))
                                                                             : wanted;
}

Why machine_why_not(const Core *c) {
        if (c->shutdown.on)
                return WHY_STOPPING;
        if (c->sleep.on)
                return WHY_SLEEPING;
        if (c->identity.trust == TRUST_FOREIGN)
                return WHY_REGISTRY_FOREIGN;
        if (c->identity.trust == TRUST_NONE)
                return c->meta.lost_at > 0 ? WHY_REGISTRY_NAMELESS : WHY_REGISTRY_UNHEARD;
        if (!session_settled(c))
                return WHY_NO_BEAT_YET;
        if (c->now.boottime >= c->own.t0 + c->own.timeline.stop)
                return WHY_REGISTRY_SILENT;
        if (!machine_is_named(c))
                return c->machine.twice_reported ? WHY_MACHINE_TWICE : WHY_EARLIER_SESSION;
        if (c->drain.on)
                return WHY_DRAINING;
        if (pause_is_seen(c))
                return WHY_PAUSED;
        if (c->identity.silence)
                return WHY_REGISTRY_REPLACED;
        return c->now.boottime < c->identity.acquire_not_before ? WHY_NOTHING_REMEMBERED : WHY_NONE;
}

usec_t machine_waits_until(const Core *c, Why why, Now now) {
        usec_t until = why == WHY_REGISTRY_REPLACED    ? c->identity.silence_until
                       : why == WHY_REGISTRY_NAMELESS  ? usec_add(c->meta.lost_at, ttl_take_after(TTL_MAX))
                       : why == WHY_NOTHING_REMEMBERED ? c->identity.acquire_not_before
                                                       : 0;

        return until > now.boottime ? usec_add(now.realtime, until - now.boottime) : 0;
}

bool machine_is_time(const Core *c, usec_t realtime) {
        return realtime > 0 && realtime <= usec_add(c->now.realtime, 24 * USEC_PER_HOUR);
}

usec_t machine_up_since(const Core *c, const Machine *m) {
        const MachineRecord *r = &m->value;

        return streq(r->up_session, r->session) && machine_is_time(c, r->up_since) ? r->up_since : 0;
}
