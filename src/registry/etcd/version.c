/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/etcd/version.h"

#include <stdio.h>

static bool parse_version(const char *version, unsigned v[static 3]) {
        return sscanf(version, "%3u.%5u.%5u", &v[0], &v[1], &v[2]) == 3;
}

bool etcd_version_is_supported(const char *version) {
        unsigned v[3];

        return !parse_version(version, v) || v[0] > 3 || (v[0] == 3 && v[1] >= 4);
}

const char *etcd_version_warning(const char *version) {
        static const struct { unsigned minor, fixed; } fixes[] = { { 4, 42 }, { 5, 28 }, { 6, 9 } };
        unsigned v[3];

        if (!parse_version(version, v) || v[0] != 3)
                return NULL;
        for (size_t i = 0; i < ELEMENTSOF(fixes); i++)
                if (v[1] == fixes[i].minor && v[2] < fixes[i].fixed)
                        return "this version can answer reads from the past after a pause or a change of leader; "
                               "fixed in 3.4.42, 3.5.28 and 3.6.9";
        return NULL;
}
