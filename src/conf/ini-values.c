/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/ini.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>

/* Appends a word to a list. The room doubles whenever the number of words is a power of two, so that the time for a
 * list grows only with its length. */
static int strv_append(char ***l, size_t *n, const char *s, size_t size) {
        bool full = (*n & (*n - 1)) == 0;
        char **p = full ? realloc(*l, (2 * *n + 2) * sizeof(char *)) : *l;

        if (!p)
                return -ENOMEM;
        *l = p;
        p[*n] = strndup(s, size);
        if (!p[*n])
                return -ENOMEM;
        p[++*n] = NULL;
        return 0;
}

/* The characters that separate words. */
static const char *const blank = " \t\n\r";

/* Reads one word and moves *text behind it. Quotes may stand anywhere in a word and are dropped. With escapes, a
 * backslash takes the next character as it is, but not inside single quotes. The argument word has room for the rest
 * of the text. */
static int next_word(const char **text, bool escapes, char *word, size_t *ret_size) {
        const char *p = *text;
        char quote = '\0';
        size_t n = 0;

        for (; *p && (quote || !strchr(blank, *p)); p++) {
                if (quote ? *p == quote : *p == '"' || *p == '\'')
                        quote = quote ? '\0' : *p;
                else if (escapes && *p == '\\' && p[1] && quote != '\'')
                        word[n++] = *++p;
                else
                        word[n++] = *p;
        }
        *text = p;
        *ret_size = n;
        return quote ? -EINVAL : 0;
}

static int split(const char *value, bool escapes, char ***ret) {
        _cleanup_(strv_freep) char **words = calloc(1, sizeof(char *));
        _cleanup_free_ char *word = malloc(strlen(value) + 1);
        size_t n = 0;
        int r;

        if (!words || !word)
                return -ENOMEM;
        for (;;) {
                size_t size;

                value += strspn(value, blank);
                if (!*value)
                        break;
                r = next_word(&value, escapes, word, &size);
                if (r == 0)
                        r = strv_append(&words, &n, word, size);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(words);
        return 0;
}

int ini_split_words(const char *value, char ***ret) {
        return split(value, true, ret);
}

int ini_split_names(const char *value, char ***ret) {
        return split(value, false, ret);
}

/* Gives a value without the quotes, if one pair of quotes encloses all of it. */
static char *unquoted(const char *value) {
        size_t n = strlen(value);

        if (n >= 2 && (value[0] == '"' || value[0] == '\'') && value[n - 1] == value[0] &&
                        !memchr(value + 1, value[0], n - 2))
                return strndup(value + 1, n - 2);
        return strdup(value);
}

int ini_parse_string(const char *value, void *field) {
        _cleanup_free_ char *s = unquoted(value);

        if (!s)
                return -ENOMEM;
        for (const char *p = s; *p; p++)
                if (iscntrl((unsigned char) *p))
                        return -EINVAL;
        free(*(char **) field);
        *(char **) field = *s ? TAKE_PTR(s) : NULL;
        return 0;
}

int ini_parse_path(const char *value, void *field) {
        _cleanup_free_ char *s = NULL;
        int r = ini_parse_string(value, &s);

        if (r < 0)
                return r;
        if (s && s[0] != '/')
                return -EINVAL;
        free(*(char **) field);
        *(char **) field = TAKE_PTR(s);
        return 0;
}

int ini_parse_words(const char *value, void *field) {
        char ***l = field, **words = NULL;

        if (*value) {
                int r = ini_split_words(value, &words);

                if (r < 0)
                        return r;
        }
        strv_free(*l);
        *l = words;
        return 0;
}

int ini_parse_int64(const char *value, void *field) {
        int64_t n = 0;
        char *end = NULL;

        if (*value) {
                errno = 0;
                n = strtoll(value, &end, 10);
                if (errno || *end || isspace((unsigned char) *value))
                        return -EINVAL;
        }
        *(int64_t *) field = n;
        return 0;
}

static bool is_one_of(const char *value, const char *const *words) {
        while (*words && strcasecmp(value, *words) != 0)
                words++;
        return *words;
}

int ini_parse_bool(const char *value, void *field) {
        static const char *const yes[] = { "yes", "true", "on", "1", "y", "t", NULL };
        static const char *const no[] = { "", "no", "false", "off", "0", "n", "f", NULL };

        if (!is_one_of(value, yes) && !is_one_of(value, no))
                return -EINVAL;
        *(bool *) field = is_one_of(value, yes);
        return 0;
}

int ini_parse_span_to(const char *value, usec_t most, usec_t *field) {
        usec_t t = USEC_INFINITY;

        if (*value && (parse_sec(value, &t) < 0 || t == USEC_INFINITY))
                return -EINVAL;
        if (t != USEC_INFINITY && t > most)
                return -ERANGE;
        *field = t;
        return 0;
}

int ini_parse_span(const char *value, void *field) {
        return ini_parse_span_to(value, USEC_INFINITY, field);
}

/* ---- the other way ---- */

char *ini_values(const IniOption *options, size_t n, const void *target) {
        char *values = NULL;
        size_t size;
        FILE *f = open_memstream(&values, &size);
        bool whole = true; /* neither ferror() nor fclose() says that memory was short */

        if (!f)
                return NULL;
        for (size_t i = 0; i < n; i++) {
                options[i].print(f, (const char *) target + options[i].offset);
                whole = fputc('\0', f) != EOF && whole;
        }
        if (fclose(f) == 0 && whole)
                return values;
        free(values);
        return NULL;
}

const char *ini_next(const char *value) {
        return value + strlen(value) + 1;
}

int ini_compare(const IniOption *options, size_t n, const void *old, const void *new, options_differ_t f,
                void *userdata) {
        _cleanup_free_ char *before = ini_values(options, n, old), *after = ini_values(options, n, new);
        const char *was = before, *is = after;

        if (!before || !after)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++, was = ini_next(was), is = ini_next(is))
                if (!streq(was, is))
                        f(options[i].key, was, is, userdata);
        return 0;
}

void ini_print_text(FILE *f, const void *field) {
        (void) fputs(field, f);
}

void ini_print_string(FILE *f, const void *field) {
        ini_print_text(f, strempty(*(char *const *) field));
}

void ini_print_int64(FILE *f, const void *field) {
        (void) fprintf(f, "%" PRIi64, *(const int64_t *) field);
}

void ini_print_bool(FILE *f, const void *field) {
        ini_print_text(f, *(const bool *) field ? "yes" : "no");
}

void ini_print_span(FILE *f, const void *field) {
        usec_t t = *(const usec_t *) field;
        char span[64];

        if (t != USEC_INFINITY)
                ini_print_text(f, format_span(span, sizeof(span), t));
}

/* Gives the quote that must enclose a value, which is not "", for ini_parse_string() to read the same value again;
 * '\0': none. A value that contains both kinds of quotes can be enclosed in neither, and needs none: it was read from
 * a line in which no quotes enclosed it. */
static char quote_for(const char *value) {
        char first = value[0], last = value[strlen(value) - 1];
        bool enclosed = (first == '"' || first == '\'') && first == last;

        if ((first != ' ' && last != ' ' && last != '\\' && !enclosed) || (strchr(value, '"') && strchr(value, '\'')))
                return '\0';
        return strchr(value, '"') ? '\'' : '"';
}

void ini_print_quoted(FILE *f, const void *field) {
        const char *value = *(char *const *) field;
        char quote[2] = {};

        if (isempty(value))
                return;
        quote[0] = quote_for(value);
        (void) fprintf(f, "%s%s%s", quote, value, quote);
}

void ini_print_words(FILE *f, const void *field) {
        char *const *words = *(char **const *) field;

        for (char *const *w = words; w && *w; w++)
                (void) fprintf(f, "%s%s", w == words ? "" : " ", *w);
}
