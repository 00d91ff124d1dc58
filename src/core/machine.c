/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What is so of machines: who competes under our id, whether we compete, and who is silent.
 */

#include "core/machine.h"

#include "core/mirror.h"
#include "core/session.h"

bool machine_is_named(const Core *c) {
        return c->self && c->self->seen.revision > 0 && session_is_ours(c, c->self->value.session);
}

bool machine_is_own(const Core *c, const Machine *m) {
        return streq(m->id, c->here.machine_id);
}

const Session *machine_session(const Core *c, const Machine *m) {
        const Session *s;

        if (m->seen.revision == 0)
                return NULL;
        s = mirror_find_session((Core *) c, m->value.session);
        if (!s || s->beat.revision == 0)
                return NULL;
        return session_is_ours(c, s->name) || c->now.boottime < session_dead_at(s) ? s : NULL;
}

static const char waits_for_the_old[] = "the registry was replaced or fell back to an older state: "
                                        "waits for whoever may still run from before";
static const char waits_one_ttl[] = "this machine remembers nothing of the registry: waits one TTL";

bool machine_competes(const Core *c, const char **ret_why) {
        const char *why = NULL;

        if (c->shutdown.on)
                why = "the daemon is being stopped";
        else if (c->sleep.on)
                why = "this machine is about to sleep";
        else if (c->identity.trust == TRUST_FOREIGN)
                why = "the registry is not the one that this machine knows (leasectl registry accept)";
        else if (c->identity.trust == TRUST_NONE)
                why = "the registry has not answered yet";
        else if (!session_settled(c))
                why = "no beat has come through yet";
        else if (c->now.boottime >= c->own.t0 + c->own.timeline.stop)
                why = "the registry does not answer";
        else if (!machine_is_named(c))
                why = c->machine.twice_reported ? "another machine bears this machine id"
                                                : "waiting for an earlier session of this machine to end";
        else if (c->drain.on)
                why = "this machine is draining";
        else if (c->identity.silence)
                why = waits_for_the_old;
        else if (c->now.boottime < c->identity.acquire_not_before)
                why = waits_one_ttl;
        if (ret_why)
                *ret_why = why;
        return !why;
}

usec_t machine_waits_until(const Core *c, const char *why, Now now) {
        usec_t until = why == waits_for_the_old ? c->identity.silence_until
                       : why == waits_one_ttl   ? c->identity.acquire_not_before
                                                : 0;

        return until > now.boottime ? usec_add(now.realtime, until - now.boottime) : 0;
}
