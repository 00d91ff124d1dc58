/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/unit-name.h"

#include <errno.h>

#include "util/text.h"
#include "util/unit-name.h"

/* The types that can be leased. Slices, scopes and devices are not among them, because PID 1 starts and stops them
 * by itself, and a gate cannot hold them back. A gate could hold back a swap; but its content is of no use to another
 * machine, and a swapoff cannot be ended: killing it leaves the swap on. */
static const char *const suffixes[] = { "service", "socket", "timer", "path", "mount", "automount", "target" };

/* The longest name that can be leased. PID 1 allows 255 bytes, but the name becomes that of a folder ("NAME.d") and
 * of a temporary file beside it, which are longer. */
enum { LEASED_NAME_MAX = 240 };

static const char *find_suffix(const char *name) {
        const char *dot = strrchr(name, '.');

        for (size_t i = 0; dot && i < ELEMENTSOF(suffixes); i++)
                if (streq(dot + 1, suffixes[i]))
                        return dot + 1;
        return NULL;
}

bool unit_name_is_valid(const char *name) {
        UnitNameKind kind = unit_name_kind(name);

        /* PID 1 would take a name that begins with a dot, but the files and folders of that name would be hidden. */
        return (kind == UNIT_NAME_PLAIN || kind == UNIT_NAME_INSTANCE) && find_suffix(name) &&
               strlen(name) <= LEASED_NAME_MAX && name[0] != '.';
}

/* Whether a name is that of a slice. A dash is a step down in the tree, so it stands neither at an end nor beside
 * another dash. */
static bool is_slice(const char *name) {
        size_t n = strlen(name);

        return unit_name_kind(name) == UNIT_NAME_PLAIN && endswith(name, ".slice") && n <= LEASED_NAME_MAX &&
               name[0] != '.' && name[0] != '-' && name[n - strlen(".slice") - 1] != '-' && !strstr(name, "--");
}

bool slice_name_is_valid(const char *name) {
        static const char *const of_others[] = { "system.slice", "user.slice", "machine.slice", "init.slice" };

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
        size_t prefix = unit_name_prefix(name);
        UnitName n = {};
        bool instance;

        if (!unit_name_is_valid(name))
                return -EINVAL;
        instance = unit_name_kind(name) == UNIT_NAME_INSTANCE;
        n.suffix = find_suffix(name);
        n.prefix = strndup(name, prefix);
        if (instance)
                n.instance = strndup(name + prefix + 1, (size_t) (n.suffix - 1 - name) - prefix - 1);
        if (!n.prefix || (instance && !n.instance)) {
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
        return instance ? text_format("%s@%s.%s", prefix, instance, suffix) : text_format("%s.%s", prefix, suffix);
}
