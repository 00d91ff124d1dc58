/* SPDX-License-Identifier: Apache-2.0 */
/* What one process of leased tells the next one of the end of a unit. PID 1 tells nobody why it has stopped a unit,
 * and a new process has not heard the jobs by which that was found out. */
#include "pid1/pid1-internal.h"

#include <errno.h>

static bool is_of_pid1(UnitEnd end) {
        return end == UNIT_END_NEED || end == UNIT_END_CONFLICT || end == UNIT_END_UNNEEDED || end == UNIT_END_BUS;
}

int pid1_unit_ending(const Pid1Unit *u, Pid1Ending *ret) {
        const Pid1UnitStatus *s = &u->status;
        bool up = s->active != UNIT_INACTIVE && s->active != UNIT_FAILED;

        if (!s->known || (!up && (s->job || s->end == UNIT_END_UNKNOWN || s->end == UNIT_END_OWN)))
                return -ENODATA;
        if (up || !is_of_pid1(s->end))
                return 0;
        *ret = (Pid1Ending){ .end = s->end, .asked = u->ending.cause_asked };
        memcpy(ret->run, s->invocation_id, sizeof(ret->run));
        str_copy(ret->cause, sizeof(ret->cause), u->ending.cause ? u->ending.cause->name : "");
        return 1;
}

int pid1_unit_recall(Pid1Unit *u, const Pid1Ending *ending) {
        u->ending.recalled = malloc(sizeof(*ending));
        if (!u->ending.recalled)
                return -ENOMEM;
        *u->ending.recalled = *ending;
        return 0;
}

/* A run that PID 1 has forgotten, since nobody referenced the unit between the two processes, counts as the one that
 * is meant. */
static bool holds(const Pid1Unit *u) {
        static const uint8_t none[sizeof(u->ending.recalled->run)];
        const Pid1UnitStatus *s = &u->status;

        return (s->active == UNIT_INACTIVE || s->active == UNIT_FAILED) && !s->job && !s->foreign_job &&
               u->jobs.highest == 0 &&
               (memcmp(u->ending.recalled->run, s->invocation_id, sizeof(none)) == 0 ||
                               memcmp(none, s->invocation_id, sizeof(none)) == 0);
}

const Pid1Ending *ending_recalled(Pid1Unit *u) {
        if (u->ending.recalled && !holds(u)) {
                free(u->ending.recalled);
                u->ending.recalled = NULL;
        }
        return u->ending.recalled;
}
