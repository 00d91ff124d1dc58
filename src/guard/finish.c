/* SPDX-License-Identifier: Apache-2.0 */
#include "guard/finish.h"

#include <inttypes.h>

#include "guard/killer.h"
#include "guard/protocol.h"
#include "util/event-log.h"
#include "util/strv.h"

/* How long the processes of one unit are killed one by one (law 9). */
#define ONE_BY_ONE (30 * USEC_PER_MSEC)

typedef struct Finish {
        Gates *gates;
        Groups *groups;
        usec_t now;
        int result;
} Finish;

static void kill_part(Finish *f, const char *name) {
        Killer killer = {};
        int r = killer_kill(&killer, f->groups, name, usec_add(now_boottime(), ONE_BY_ONE));

        killer_reset(&killer);
        if (r < 0 && f->result == 0)
                f->result = r;
}

static void finish_unit(const char *unit, const Mark *mark, void *userdata) {
        _cleanup_(strv_freep) char **members = NULL;
        Finish *f = userdata;
        int r;

        if (f->now < mark->kill_at || !guard_member_is_valid(unit))
                return;
        r = gates_members(f->gates, unit, &members);
        if (r < 0 && f->result == 0)
                f->result = r;
        if (!strv_contains(members, GUARD_FREEZE) || strv_contains(members, GUARD_FENCE_REBOOT))
                return; /* it is not frozen */
        event_log(0, "kill %s %" PRIu64, unit, mark->index);
        kill_part(f, unit);
        for (char **m = members; m && *m; m++)
                if (guard_member_is_valid(*m))
                        kill_part(f, *m);
}

int finish_frozen(Gates *gates, Groups *groups) {
        Finish f = { .gates = gates, .groups = groups, .now = now_boottime() };
        int r = gates_each_mark(gates, finish_unit, &f);

        return r < 0 ? r : f.result;
}
