/* SPDX-License-Identifier: Apache-2.0 */
#include "util/must.h"

#include <stdio.h>

#include "util/words.h"

void must_fail(const char *expr, const char *file, int line) {
        char words[512];
        int n = snprintf(words, sizeof(words), "%s:%d: does not hold: %s\n", file, line, expr);

        if (n > 0 && (size_t) n < sizeof(words))
                (void) words_write(words, (size_t) n);
        abort();
}
