/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/unit-name.h"

#include <errno.h>

/* Of what PID 1 can start and stop by itself; slices, scopes and devices cannot be held back by a gate. A swap could be, but
 * another machine has no use for what is in it, and a swapoff takes as long as it takes: killing it leaves the swap on. */
static const char *const suffixes[] = {
                "service",
                "socket",
                "timer",
                "path",
                "mount",
                "automount",
                "target",
};

/* PID 1 allows 255 bytes. The name becomes that of a folder ("NAME.d") and of a temporary file beside it. */
enum { UNIT_NAME_MAX = 240 };

#define VALID_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789:-_.\\"

static const char *find_suffix(const char *name) {
        const char *dot = strrchr(name, '.');

        for (size_t i = 0; dot && i < ELEMENTSOF(suffixes); i++)
                if (streq(dot + 1, suffixes[i]))
                        return dot + 1;
        return NULL;
}

bool unit_name_is_valid(const char *name) {
        const char *suffix = find_suffix(name), *at = strchr(name, '@');
        size_t size = strlen(name);

        if (!suffix || suffix - 1 == name || size > UNIT_NAME_MAX || strspn(name, VALID_CHARS "@") != size)
                return false;
        if (name[0] == '.')
                return false; /* PID 1 would take it, but it is a hidden file in every folder that we make for it */
        return !at || (at > name && at + 1 < suffix - 1);
}

/* A dash is a step down: it stands neither at an end nor beside another one. */
static bool is_slice(const char *name) {
        size_t n = strlen(name);

        return endswith(name, ".slice") && n > strlen(".slice") && n <= UNIT_NAME_MAX && name[0] != '.' &&
               strspn(name, VALID_CHARS) == n && name[0] != '-' && name[n - strlen(".slice") - 1] != '-' &&
               !strstr(name, "--");
}

bool slice_name_is_valid(const char *name) {
        static const char *const of_others[] = {"system.slice", "user.slice", "machine.slice", "init.slice"};

        if (!is_slice(name) || startswith(name, "system-") || startswith(name, "user-"))
                return false;
        for (size_t i = 0; i < ELEMENTSOF(of_others); i++)
                if (streq(name, of_others[i]))
                        return false;
        return true;
}

bool slice_contains(const char *slice, const char *other) {
        size_t stem = strlen(slice) - strlen(".slice");

        return is_slice(other) && strncmp(slice, other, stem) == 0 && (other[stem] == '-' || streq(slice, other));
}

int unit_name_split(const char *name, UnitName *ret) {
        const char *at = strchr(name, '@'), *suffix;
        UnitName n = {};

        if (!unit_name_is_valid(name))
                return -EINVAL;
        suffix = find_suffix(name);
        n.suffix = suffix;
        n.prefix = strndup(name, (size_t) ((at ?: suffix - 1) - name));
        if (at)
                n.instance = strndup(at + 1, (size_t) (suffix - 1 - at - 1));
        if (!n.prefix || (at && !n.instance)) {
                unit_name_done(&n);
                return -ENOMEM;
        }
        *ret = n;
        return 0;
}

void unit_name_done(UnitName *n) {
        free(n->prefix);
        free(n->instance);
        *n = (UnitName){};
}

char *unit_name_build(const char *prefix, const char *instance, const char *suffix) {
        char *s;
        int r;

        if (instance)
                r = asprintf(&s, "%s@%s.%s", prefix, instance, suffix);
        else
                r = asprintf(&s, "%s.%s", prefix, suffix);
        return r < 0 ? NULL : s;
}
