/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/outside-lxc.h"

#include <stdio.h>

/* Gives the value that the command line gives to a setting of the container; the last one counts. NULL: none. */
static const char *setting_of(char *const *argv, const char *name) {
        const char *value = NULL;
        size_t n = strlen(name);

        for (char *const *a = argv + 1; *a && !streq(*a, "--"); a++) {
                const char *set = startswith(*a, "--define=") ? *a + strlen("--define=")
                                  : startswith(*a, "-s")      ? *a + strlen("-s")
                                                              : "";

                if (streq(*a, "-s") || streq(*a, "--define"))
                        set = a[1] ? *++a : "";
                if (strncmp(set, name, n) == 0 && set[n] == '=')
                        value = set + n + 1;
        }
        return value;
}

const char *outside_lxc_group(const char *slice, char *buf, size_t size) {
        const char *end = slice + strlen(slice) - strlen(".slice");
        size_t n = 0;

        for (const char *c = slice; c <= end && n < size; c++)
                if (*c == '-' || c == end)
                        n += (size_t) snprintf(
                                        buf + n, size - n, "%s%.*s.slice", n > 0 ? "/" : "", (int) (c - slice), slice);
        return buf;
}

/* Whether a control group is another one, or below it. A "/" may stand before the first one. */
static bool lies_in_group(const char *other, const char *group) {
        const char *first = group + (*group == '/');

        return startswith(first, other) && strchr("/", first[strlen(other)]);
}

LxcPlace outside_lxc_place(char *const *argv, const char *slice) {
        const char *relative = setting_of(argv, "lxc.cgroup.relative");
        const char *given = setting_of(argv, "lxc.cgroup.dir");
        char group[512];

        if (relative && streq(relative, "1"))
                return LXC_PLACE_UNIT;
        if (!given)
                return LXC_PLACE_UNSAID;
        return slice && lies_in_group(outside_lxc_group(slice, group, sizeof(group)), given) ? LXC_PLACE_SLICE
                                                                                             : LXC_PLACE_OTHER;
}
