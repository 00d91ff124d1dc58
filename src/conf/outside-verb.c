/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/outside-verb.h"

#include <stdio.h>

#include "conf/argv.h"

/* Gives the first word that is no option and not the value of one. */
static char *const *verb_word(char *const *a, const char *valued) {
        a = argv_options_end(a, valued);
        return *a && streq(*a, "--") ? a + 1 : a;
}

bool outside_verb_is_known(const OutsideProgram *p, const char *verb) {
        return argv_list_has(p->checked, verb) || argv_list_has(p->unseen, verb) || argv_list_has(p->entered, verb);
}

/* Finds the verb, if first is the first word that is no option, and gives the place behind it. Behind "compose" there
 * may be options with values, so any later word may be its verb. For other words of two the next word counts. */
static char *const *find_verb_at(const OutsideProgram *p, char *const *first, char *verb, size_t size) {
        char joined[64];

        verb[0] = '\0';
        if (!*first)
                return first;
        for (char *const *a = first + 1; *a; a++) {
                if (**a == '-')
                        continue;
                for (unsigned any = 0; any < 2; any++) {
                        (void) snprintf(joined, sizeof(joined), "%.20s:%.40s", any ? "*" : *first, *a);
                        if (outside_verb_is_known(p, joined)) {
                                if (any)
                                        (void) snprintf(joined, sizeof(joined), "%.40s", *a);
                                str_copy(verb, size, joined);
                                return a + 1;
                        }
                }
                if (!streq(*first, "compose"))
                        break;
        }
        str_copy(verb, size, *first);
        return first + 1;
}

/* The list of options that take the next word as their value cannot be complete, so where the first word behind the
 * options is no verb that counts, and a long option stands just before that word, the word may be the value of the
 * option, and what follows the verb. */
char *const *outside_verb_find(const OutsideProgram *p, char *const *argv, char *verb, size_t size) {
        char *const *first = verb_word(argv + 1, p->valued);
        char *const *behind = find_verb_at(p, first, verb, size);

        while (*first && first - argv > 1 && startswith(first[-1], "--") && !strchr(first[-1], '=') &&
                        !outside_verb_is_known(p, verb)) {
                char *const *other_behind;
                char other[64];

                first = verb_word(first + 1, p->valued);
                other_behind = find_verb_at(p, first, other, sizeof(other));
                if (outside_verb_is_known(p, other)) {
                        str_copy(verb, size, other);
                        behind = other_behind;
                }
        }
        return behind;
}

bool outside_asks_for_help(char *const *argv) {
        return argv[1] && (streq(argv[1], "--help") || streq(argv[1], "--version") || streq(argv[1], "-h"));
}
