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
static int kill_all(Killer *k, const char *root, const char *unit, usec_t one_by_one_until) {
        Instances i = { .root = root, .one_by_one_until = one_by_one_until };
        int r = cgroup_each_unit(root, unit, kill_one, &i);

        k->kills += i.result > 0;
        return r < 0 ? r : i.result;
}

int killer_kill(Killer *k, const char *root, const char *unit, usec_t one_by_one_until) {
        int r;

        if (unit_name_is_template(unit) || endswith(unit, ".slice"))
                return kill_all(k, root, unit, one_by_one_until);
        if (!k->path || k->kills % LOOK_EVERY == 0 || access(k->path, F_OK) < 0) {
                char *path = NULL;

                r = cgroup_find_unit(root, unit, &path);
                if (r < 0 && r != -ENOENT && k->path)
                        r = 0; /* the search failed: the path that is known must do */
                else {
                        free(k->path);
                        k->path = path;
                }
                if (r < 0)
                        return r == -ENOENT ? 0 : r;
        }
        k->kills++;
        r = kill_group(root, k->path, one_by_one_until);
        return r < 0 ? r : 1;
}

static int is_populated(const char *path, void *userdata) {
        int r = cgroup_is_empty(path);

        return r < 0 ? r : r == 0;
}

bool killer_is_empty(const char *root, const char *unit) {
        return cgroup_each_unit(root, unit, is_populated, NULL) == 0;
}
