/* SPDX-License-Identifier: Apache-2.0 */
/* A command of a unit, its words parted by NUL, as it is looked through for work that is done elsewhere. */
#include "conf/outside.h"
#include "fuzz.h"

enum { WORDS_MAX = 64 };

static bool count(char *const *argv, void *userdata) {
        unsigned *n = userdata;

        must(argv[0]);
        return ++*n < 1000000;
}

static Outside look(char *const *argv, const char *slice, bool starting) {
        OutsideFinding f = {};
        Outside found = outside_look(argv, slice, starting, &f);

        must(found >= OUTSIDE_NO && found <= OUTSIDE_YES);
        must((found == OUTSIDE_NO) == !*f.mend && (found == OUTSIDE_NO) == !*f.what);
        must(strnlen(f.what, sizeof(f.what)) < sizeof(f.what) && strnlen(f.mend, sizeof(f.mend)) < sizeof(f.mend));
        return found;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        char *words[WORDS_MAX + 1] = {};
        Input in = { data, size };
        unsigned n = 0;

        for (size_t i = 0; i < WORDS_MAX && in.size > 0; i++)
                words[i] = input_text(&in, 0, NULL);
        /* With a slice no command is worse than without, and one that helps no worse than one that starts. */
        must(look(words, "web.slice", true) <= look(words, NULL, true));
        must(look(words, NULL, false) <= look(words, NULL, true));
        outside_each_command(words, count, &n);
        must(n < 1000000);
        for (size_t i = 0; i < WORDS_MAX; i++)
                free(words[i]);
        return 0;
}
