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

int killer_kill(Killer *k, const char *root, const char *unit) {
        int r;

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

bool killer_is_empty(const char *root, const char *unit) {
        _cleanup_free_ char *path = NULL;
        int r = cgroup_find_unit(root, unit, &path);

        return r == -ENOENT || (r == 0 && cgroup_is_empty(path) > 0);
}
