/* SPDX-License-Identifier: Apache-2.0 */
#include "util/strv.h"

#include <errno.h>

char **strv_free(char **l) {
        for (char **s = l; s && *s; s++)
                free(*s);
        free(l);
        return NULL;
}

size_t strv_length(char *const *l) {
        size_t n = 0;

        while (l && l[n])
                n++;
        return n;
}

bool strv_contains(char *const *l, const char *s) {
        for (; l && *l; l++)
                if (streq(*l, s))
                        return true;
        return false;
}

const char *strv_after(char *const *l, const char *prefix) {
        for (; l && *l; l++)
                if (startswith(*l, prefix))
                        return *l + strlen(prefix);
        return NULL;
}

bool strv_equal(char *const *a, char *const *b) {
        size_t n = strv_length(a);

        if (n != strv_length(b))
                return false;
        for (size_t i = 0; i < n; i++)
                if (!streq(a[i], b[i]))
                        return false;
        return true;
}

static int append(char ***l, char *s) {
        size_t n = strv_length(*l);
        char **larger = s ? realloc(*l, (n + 2) * sizeof(char *)) : NULL;

        if (!larger) {
                free(s);
                return -ENOMEM;
        }
        larger[n] = s;
        larger[n + 1] = NULL;
        *l = larger;
        return 1;
}

int strv_add(char ***l, const char *s) {
        return strv_contains(*l, s) ? 0 : append(l, strdup(s));
}

int strv_split_lines(const char *text, char ***ret) {
        _cleanup_(strv_freep) char **l = NULL;
        size_t most = 1, n = 0;

        /* Room for all lines at once. With strv_add(), which goes through the list for each line, a long file would
         * stall its reader. */
        for (const char *p = strchr(text, '\n'); p; p = strchr(p + 1, '\n'))
                most++;
        l = calloc(most + 1, sizeof(char *));
        if (!l)
                return -ENOMEM;
        for (const char *p = text; *p;) {
                size_t size = strcspn(p, "\n");

                if (size > 0) {
                        l[n] = strndup(p, size);
                        if (!l[n++])
                                return -ENOMEM;
                }
                p += size + (p[size] == '\n');
        }
        *ret = n > 0 ? TAKE_PTR(l) : NULL;
        return 0;
}
