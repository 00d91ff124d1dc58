/* SPDX-License-Identifier: Apache-2.0 */
#include "guard/killer.h"

#include <errno.h>
#include <unistd.h>

#include "util/cgroup.h"

#define LOOK_EVERY 10u

void killer_reset(Killer *k) {
        free(k->path);
        *k = (Killer) {};
}

static int kill_one(const char *path, void *userdata) {
        int *result = userdata, r = cgroup_kill(path);

        if (r < 0 || *result == 0)
                *result = r < 0 ? r : 1;
        return 0; /* on to the next in any case */
}

/* Instances come and go: each time all are looked for. */
static int kill_instances(Killer *k, const char *root, const char *template) {
        int result = 0, r = cgroup_each_unit(root, template, kill_one, &result);

        k->kills += result > 0;
        return r < 0 ? r : result;
}

int killer_kill(Killer *k, const char *root, const char *unit) {
        int r;

        if (strstr(unit, "@."))
                return kill_instances(k, root, unit);
        if (!k->path || k->kills % LOOK_EVERY == 0 || access(k->path, F_OK) < 0) {
                char *path = NULL;

                r = cgroup_find_unit(root, unit, &path);
                if (r < 0 && r != -ENOENT && k->path)
                        r = 0; /* it could not be looked for: what is known must do */
                else {
                        free(k->path);
                        k->path = path;
                }
                if (r < 0)
                        return r == -ENOENT ? 0 : r;
        }
        k->kills++;
        r = cgroup_kill(k->path);
        return r < 0 ? r : 1;
}

static int is_populated(const char *path, void *userdata) {
        int r = cgroup_is_empty(path);

        return r < 0 ? r : r == 0;
}

bool killer_is_empty(const char *root, const char *unit) {
        return cgroup_each_unit(root, unit, is_populated, NULL) == 0;
}
