/* SPDX-License-Identifier: Apache-2.0 */
#include "util/suggest.h"

enum {
        LENGTH_MAX = 255, /* longer texts are compared up to here */
        DIFFERENCES_MAX = 3,
};

Suggestion suggest_begin(const char *typed) {
        return (Suggestion){ .typed = typed, .distance = SIZE_MAX };
}

/* Counts in how many characters two texts differ: those that one lacks, those that are others, and neighbours that are
 * exchanged. */
static size_t differences(const char *a, const char *b) {
        size_t n = MIN(strlen(a), (size_t) LENGTH_MAX), m = MIN(strlen(b), (size_t) LENGTH_MAX);
        uint16_t rows[3][LENGTH_MAX + 1];

        for (size_t j = 0; j <= m; j++)
                rows[0][j] = (uint16_t) j;
        for (size_t i = 1; i <= n; i++) {
                const uint16_t *before = rows[(i + 1) % 3], *above = rows[(i - 1) % 3];
                uint16_t *row = rows[i % 3];

                row[0] = (uint16_t) i;
                for (size_t j = 1; j <= m; j++) {
                        uint16_t least = above[j - 1] + (a[i - 1] != b[j - 1]);

                        least = MIN(least, (uint16_t) (above[j] + 1));
                        least = MIN(least, (uint16_t) (row[j - 1] + 1));
                        if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                                least = MIN(least, (uint16_t) (before[j - 2] + 1));
                        row[j] = least;
                }
        }
        return rows[n % 3][m];
}

void suggest_consider(Suggestion *s, const char *name) {
        const char *dot = strrchr(s->typed, '.');
        size_t n = dot && endswith(name, dot) ? (size_t) (dot - s->typed) : strlen(s->typed);
        size_t distance = differences(s->typed, name);
        size_t allowed = MAX(n / 3, (size_t) 1);

        allowed = MIN(allowed, (size_t) DIFFERENCES_MAX);
        if (n >= 2 && startswith(name, s->typed))
                distance = 0;
        if (distance > allowed || distance >= s->distance || distance >= n)
                return;
        s->best = name;
        s->distance = distance;
}
