/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/shown-unit.h"

#include "daemon/bus-util.h"
#include "daemon/pid1-port.h"
#include "daemon/why-not.h"

enum { TEXT_REASON = 5 };

static uint64_t digest(const char *text) {
        return digest_text(DIGEST_INIT, strempty(text));
}

void shown_unit_look(Daemon *d, const UnitView *v, ShownUnit *s) {
        const Pid1UnitStatus *status = pid1_port_status(d, v->unit);
        const char *const texts[ELEMENTSOF(s->texts)] = { v->state, v->lease, v->machine_id,
                pid1_port_last_error(d, v->unit), pid1_port_slice(d, v->unit), v->why_not };
        uint64_t reason = s->texts[TEXT_REASON];

        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                s->texts[i] = digest(texts[i]);
        s->index = v->index;
        s->known = v->known;
        s->error_at = pid1_port_last_error_at(d, v->unit);
        if (s->texts[TEXT_REASON] != reason)
                shown_unit_look_around(d, v->unit, s);
        s->pid1[0] = digest(pid1_port_active(d, v->unit));
        s->pid1[1] = s->pid1[2] = 0;
        if (!status || !status->known)
                return;
        s->pid1[1] = digest(status->sub_state);
        memcpy(s->pid1 + 2, status->invocation_id, sizeof(s->pid1[2])); /* half of a random number tells runs apart */
}

void shown_unit_look_around(Daemon *d, const char *unit, ShownUnit *s) {
        s->why_not = why_not_digest(d, unit);
        s->stuck = core_is_stuck(d->core, loop_now(), unit);
}

size_t shown_unit_diff(const ShownUnit *old, const ShownUnit *now, char *names[static SHOWN_UNIT_NAMES]) {
        static const char *const of_texts[] = { "State", "Lease", "MachineID", "LastError", "Slice" },
                                 *const of_pid1[] = { "ActiveState", "SubState", "InvocationID" };
        size_t n = 0;

        for (size_t i = 0; i < ELEMENTSOF(of_texts); i++)
                if (old->texts[i] != now->texts[i])
                        names[n++] = (char *) of_texts[i];
        for (size_t i = 0; i < ELEMENTSOF(of_pid1); i++)
                if (old->pid1[i] != now->pid1[i])
                        names[n++] = (char *) of_pid1[i];
        if (old->index != now->index)
                names[n++] = (char *) "LeaseIndex";
        if (old->why_not != now->why_not)
                names[n++] = (char *) "WhyNot";
        if (old->known != now->known)
                names[n++] = (char *) "HolderKnown";
        if (old->error_at != now->error_at)
                names[n++] = (char *) "LastErrorUSec";
        if (old->stuck != now->stuck)
                names[n++] = (char *) "Stuck";
        names[n] = NULL;
        return n;
}
