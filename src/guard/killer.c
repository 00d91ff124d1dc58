/* SPDX-License-Identifier: Apache-2.0 */
#include "guard/killer.h"

#include <errno.h>
#include <unistd.h>

#include "guard/kill-each.h"
#include "util/cgroup.h"
#include "util/unit-name.h"

#define LOOK_EVERY 10u

void killer_reset(Killer *k) {
        free(k->path);
        *k = (Killer){};
}

typedef struct Instances {
        const char *root;
        usec_t one_by_one_until;
        int result;
} Instances;

static int kill_group(const char *root, const char *path, usec_t one_by_one_until) {
        return kill_each(root, path, one_by_one_until) ? 0 : cgroup_kill(path);
}

static int kill_one(const char *path, void *userdata) {
        Instances *i = userdata;
        int r = kill_group(i->root, path, i->one_by_one_until);

        if (r < 0 || i->result == 0)
                i->result = r < 0 ? r : 1;
        return 0; /* goes on with the next group in any case */
}

/* Kills all groups of the unit's name, which are looked for each time: instances come and go, and a container engine
 * may have made a group of the slice's name in another place. */
static int kill_all(Killer *k, Groups *groups, const char *unit, usec_t one_by_one_until) {
        Instances i = { .root = groups_root(groups), .one_by_one_until = one_by_one_until };
        int r = groups_each_unit(groups, groups_since(groups, now_boottime()), unit, kill_one, &i);

        k->kills += i.result > 0;
        return r < 0 ? r : i.result;
}

static int take_first(const char *path, void *userdata) {
        char **ret = userdata;

        *ret = strdup(path);
        return *ret ? 1 : -ENOMEM;
}

static int find(Killer *k, Groups *groups, const char *unit) {
        char *path = NULL;
        int r = groups_each_unit(groups, groups_since(groups, now_boottime()), unit, take_first, &path);

        if (r < 0)
                return k->path ? 0 : r; /* the search failed: the path that is known must do */
        free(k->path);
        k->path = path;
        return path ? 0 : -ENOENT;
}

int killer_kill(Killer *k, Groups *groups, const char *unit, usec_t one_by_one_until) {
        int r;

        if (unit_name_is_template(unit) || endswith(unit, ".slice"))
                return kill_all(k, groups, unit, one_by_one_until);
        if (!k->path || k->kills % LOOK_EVERY == 0 || access(k->path, F_OK) < 0) {
                r = find(k, groups, unit);
                if (r < 0)
                        return r == -ENOENT ? 0 : r;
        }
        k->kills++;
        r = kill_group(groups_root(groups), k->path, one_by_one_until);
        return r < 0 ? r : 1;
}

static int is_populated(const char *path, void *userdata) {
        int r = cgroup_is_empty(path);

        return r < 0 ? r : r == 0;
}

bool killer_is_empty(Groups *groups, usec_t since, const char *unit) {
        return groups_each_unit(groups, since, unit, is_populated, NULL) == 0;
}
