/* SPDX-License-Identifier: Apache-2.0 */
#include "util/unit-name.h"

#include <errno.h>
#include <stdio.h>

#include "util/text.h"

#define VALID_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789:-_.\\@"

static const char *const types[] = { "service", "mount", "swap", "socket", "target", "device", "automount", "timer",
        "path", "slice", "scope" };

static bool is_type(const char *s) {
        for (size_t i = 0; i < ELEMENTSOF(types); i++)
                if (streq(s, types[i]))
                        return true;
        return false;
}

UnitNameKind unit_name_kind(const char *name) {
        size_t n = strnlen(name, UNIT_NAME_LENGTH + 1);
        const char *at, *dot;

        if (n == 0 || n > UNIT_NAME_LENGTH || strspn(name, VALID_CHARS) != n)
                return UNIT_NAME_INVALID;
        at = strchr(name, '@');
        dot = strrchr(name, '.');
        if (!dot || dot == name || at == name || !is_type(dot + 1))
                return UNIT_NAME_INVALID;
        return !at ? UNIT_NAME_PLAIN : at + 1 == dot ? UNIT_NAME_TEMPLATE : UNIT_NAME_INSTANCE;
}

char *unit_name_complete(const char *name) {
        size_t n = strcspn(name, "#");
        _cleanup_free_ char *stem = strndup(name, n);
        const char *dot = stem ? strrchr(stem, '.') : NULL;

        return stem ? text_format("%s%s%s", stem, dot && is_type(dot + 1) ? "" : ".service", name + n) : NULL;
}

size_t unit_name_prefix(const char *name) {
        const char *at = strchr(name, '@'), *dot = strrchr(name, '.');

        return at ? (size_t) (at - name) : dot ? (size_t) (dot - name) : strlen(name);
}

static int put_together(const char *name, size_t prefix, const char *instance, const char *suffix,
                char ret[static UNIT_NAME_SPACE]) {
        int n = snprintf(ret, UNIT_NAME_SPACE, "%.*s@%s%s", (int) prefix, name, instance, suffix);

        return n < 0 || n > UNIT_NAME_LENGTH + streq(instance, "*") ? -ENAMETOOLONG : 0;
}

int unit_name_fill(const char *template, const char *instance, char ret[static UNIT_NAME_SPACE]) {
        if (!unit_name_is_template(template))
                return -EINVAL;
        return put_together(template, unit_name_prefix(template), instance, strrchr(template, '.'), ret);
}

int unit_name_template(const char *instance, char ret[static UNIT_NAME_SPACE]) {
        if (unit_name_kind(instance) != UNIT_NAME_INSTANCE)
                return -EINVAL;
        return put_together(instance, unit_name_prefix(instance), "", strrchr(instance, '.'), ret);
}

bool unit_name_is_instance_of(const char *name, const char *template) {
        char own[UNIT_NAME_SPACE];

        return unit_name_template(name, own) == 0 && streq(own, template);
}

int unit_name_of_connections(const char *socket, char ret[static UNIT_NAME_SPACE]) {
        if (unit_name_kind(socket) == UNIT_NAME_INVALID || !endswith(socket, ".socket"))
                return -EINVAL;
        return put_together(socket, unit_name_prefix(socket), "", ".service", ret);
}
