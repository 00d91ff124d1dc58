/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/argv.h"

bool argv_list_has(const char *list, const char *word) {
        size_t n = strlen(word);

        for (const char *l = list; l && n > 0 && (l = strstr(l, word)); l++)
                if ((l == list || l[-1] == ' ') && (l[n] == ' ' || !l[n]))
                        return true;
        return false;
}

bool argv_has(char *const *a, char *const *end, const char *word) {
        for (; *a && a != end; a++)
                if (streq(*a, word))
                        return true;
        return false;
}

const char *argv_value(char *const *a, char *const *end, const char *name) {
        const char *value = NULL;
        size_t n = strlen(name);

        for (; *a && a != end; a++)
                if (strncmp(*a, name, n) == 0 && (*a)[n] == '=')
                        value = *a + n + 1;
                else if (streq(*a, name) && a[1])
                        value = a[1];
        return value;
}

bool argv_is_option(const char *word) {
        return word[0] == '-' && word[1] && !streq(word, "--");
}

static bool is_valued_letter(char letter, const char *valued) {
        return argv_list_has(valued, (const char[]){ '-', letter, '\0' });
}

bool argv_has_letter(const char *word, char letter, const char *valued) {
        if (word[0] != '-' || word[1] == '-')
                return false;
        for (const char *c = word + 1; *c; c++) {
                if (*c == letter)
                        return true;
                if (is_valued_letter(*c, valued))
                        return false;
        }
        return false;
}

/* Whether the value of an option is the next word. */
static bool takes_next_word(const char *word, const char *valued) {
        if (argv_list_has(valued, word))
                return true;
        if (word[1] == '-')
                return false;
        for (const char *c = word + 1; *c; c++)
                if (is_valued_letter(*c, valued))
                        return !c[1];
        return false;
}

const char *argv_option_value(char *const *a, char letter, const char *name, const char *valued) {
        size_t n = strlen(name);

        if (startswith(*a, name) && ((*a)[n] == '=' || !(*a)[n]))
                return (*a)[n] ? *a + n + 1 : a[1];
        if (!letter || (*a)[0] != '-' || (*a)[1] == '-')
                return NULL;
        for (const char *c = *a + 1; *c; c++)
                if (*c == letter)
                        return c[1] ? c + 1 : a[1];
                else if (is_valued_letter(*c, valued))
                        break;
        return NULL;
}

char *const *argv_after_option(char *const *a, const char *valued) {
        return a + (takes_next_word(*a, valued) && a[1] ? 2 : 1);
}

char *const *argv_options_end(char *const *a, const char *valued) {
        while (*a && argv_is_option(*a))
                a = argv_after_option(a, valued);
        return a;
}
