/* SPDX-License-Identifier: Apache-2.0 */
#include "guard/freezer.h"

#include "util/cgroup.h"

/* How old the reading of all groups may be by which frozen ones are looked at. A unit that is started anew has its
 * group in the same place, where it is found not to be frozen, or the old one is gone. */
#define READING_AGE USEC_PER_SEC

typedef struct Look {
        unsigned groups, processes; /* groups that there are, and those that have processes */
        bool pending;
} Look;

static int freeze(const char *path, void *userdata) {
        return cgroup_freeze(path, true);
}

static int thaw(const char *path, void *userdata) {
        return cgroup_freeze(path, false);
}

int freezer_set(Groups *groups, const char *unit, bool frozen) {
        return groups_each_unit(groups, groups_since(groups, now_boottime()), unit, frozen ? freeze : thaw, NULL);
}

static int look(const char *path, void *userdata) {
        Look *l = userdata;
        int frozen = cgroup_is_frozen(path), empty = cgroup_is_empty(path);

        if (frozen < 0 || empty < 0)
                return frozen < 0 ? frozen : empty;
        l->groups++;
        l->processes += !empty;
        l->pending = l->pending || !frozen;
        return 0;
}

Frost freezer_look(Groups *groups, const char *unit) {
        Look l = {};
        int r = groups_each_unit(groups, usec_sub(now_boottime(), READING_AGE), unit, look, &l);

        if (r < 0 || (l.processes == 0 && !endswith(unit, ".slice")))
                return FROST_FAILED;
        return l.pending ? FROST_PENDING : FROST_FROZEN;
}
