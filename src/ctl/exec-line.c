/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/exec-line.h"

#include <errno.h>
#include <stdio.h>

#include "ctl/ctl.h"
#include "util/strv.h"

json_t *exec_line_commands(const json_t *service, const char *line) {
        json_t *with_flags;
        char name[64];

        (void) snprintf(name, sizeof(name), "%sEx", line);
        with_flags = json_object_get(service, name);
        return with_flags ?: json_object_get(service, line);
}

/* Whether PID 1 joins the words and hands them to a shell, as of systemd 258. The flags of the command say so. The
 * lines of a socket are told without flags: there the name "sh" in place of the path shows that PID 1 has put the
 * shell in front. */
static bool is_for_shell(const json_t *command) {
        const json_t *flags = json_array_get(command, 2), *words = json_array_get(command, 1);
        const char *name = string_at(words, 0), *first = string_at(words, 1);
        json_t *flag;
        size_t i;

        json_array_foreach((json_t *) flags, i, flag)
                if (streq(strempty(json_string_value(flag)), "via-shell"))
                        return true;
        return !json_is_array(flags) && streq(string_at(command, 0), "/bin/sh") &&
               (streq(name, "sh") || streq(name, "-sh")) && *first && *first != '-';
}

/* Joins the words behind the first one, which is the name of the shell. */
static char *script_of(const json_t *words) {
        char *script = NULL;
        size_t size, i;
        json_t *word;
        FILE *f = open_memstream(&script, &size);

        if (!f)
                return NULL;
        json_array_foreach((json_t *) words, i, word)
                if (i > 0)
                        (void) fprintf(f, "%s%s", i > 1 ? " " : "", strempty(json_string_value(word)));
        if (fclose(f) == 0)
                return script;
        free(script);
        return NULL;
}

/* Which shell it is in the end, the one of the user counts, is of no interest. */
static char **words_of_shell(const json_t *words) {
        char **argv = calloc(4, sizeof(char *));

        if (!argv)
                return NULL;
        argv[0] = strdup("/bin/sh");
        argv[1] = argv[0] ? strdup("-c") : NULL;
        argv[2] = argv[1] ? script_of(words) : NULL;
        return argv[2] ? argv : strv_free(argv);
}

/* ---- variables ---- */

/* Gives the value of a variable of the length n in Environment= of the unit; NULL: it is not set there. */
static const char *value_of(const json_t *service, const char *name, size_t n) {
        const char *value = NULL;
        json_t *variable;
        size_t i;

        json_array_foreach(json_object_get(service, "Environment"), i, variable) {
                const char *text = strempty(json_string_value(variable));

                if (n > 0 && strncmp(text, name, n) == 0 && text[n] == '=')
                        value = text + n + 1;
        }
        return value;
}

/* Reads "$NAME" or "${NAME}". Returns the place behind it. */
static const char *read_variable(const char *s, const char **ret_name, size_t *ret_n) {
        bool braces = s[1] == '{';
        const char *name = s + 1 + braces;
        size_t n = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_");

        *ret_name = name;
        *ret_n = braces && name[n] != '}' ? 0 : n;
        return name + n + (braces && name[n] == '}');
}

/* Puts in the variables of Environment=, which PID 1 or a shell puts in when the command is run. */
static char *expand(const json_t *service, const char *word) {
        char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);

        if (!f)
                return NULL;
        while (*word) {
                const char *name, *end = word + 1, *value = NULL;
                size_t n;

                if (*word == '$' && word[1] == '$')
                        end++;
                else if (*word == '$') {
                        end = read_variable(word, &name, &n);
                        value = value_of(service, name, n);
                }
                (void) fprintf(f, "%.*s", value ? (int) strlen(value) : (int) (end - word), value ?: word);
                word = end;
        }
        if (fclose(f) == 0)
                return text;
        free(text);
        return NULL;
}

/* Words behind one another, some of which may be the same. */
typedef struct Words {
        char **list;
        size_t n;
} Words;

static int append(Words *words, const char *text) {
        char **larger = realloc(words->list, (words->n + 2) * sizeof(char *));

        if (!larger)
                return -ENOMEM;
        words->list = larger;
        larger[words->n] = strdup(text);
        if (!larger[words->n])
                return -ENOMEM;
        larger[++words->n] = NULL;
        return 0;
}

/* A word that is no more than "$NAME" becomes as many words as its value has. */
static int append_expanded(const json_t *service, const char *word, Words *words) {
        _cleanup_free_ char *text = expand(service, word);
        bool whole = word[0] == '$' && word[1] != '{' && strcspn(word + 1, "$") == strlen(word + 1);
        const char *name;
        size_t n;
        int r = 0;

        if (!text)
                return -ENOMEM;
        if (!whole || *read_variable(word, &name, &n) || !value_of(service, name, n))
                return append(words, text);
        for (char *save = NULL, *part = strtok_r(text, " \t\n", &save); part && r == 0;
                        part = strtok_r(NULL, " \t\n", &save))
                r = append(words, part);
        return r;
}

static char **put_in_variables(const json_t *service, char **words) {
        Words with = {};
        int r = words ? 0 : -ENOMEM;

        for (char **w = words; r == 0 && *w; w++)
                r = append_expanded(service, *w, &with);
        strv_free(words);
        return r < 0 ? strv_free(with.list) : with.list;
}

/* ---- words ---- */

static char **words_of(const json_t *command) {
        const char *path = string_at(command, 0);
        const json_t *words = json_array_get(command, 1);
        size_t n = json_array_size(words), i;
        char **argv;
        json_t *word;

        if (is_for_shell(command))
                return words_of_shell(words);
        argv = calloc(n + 2, sizeof(char *));
        if (!argv)
                return NULL;
        argv[0] = strdup(path); /* the first word need not be the program that is run ("@") */
        json_array_foreach((json_t *) words, i, word) {
                if (i > 0)
                        argv[i] = strdup(strempty(json_string_value(word)));
                if (!argv[i])
                        break;
        }
        return argv[0] ? argv : strv_free(argv);
}

char **exec_line_words(const json_t *service, const json_t *command) {
        return put_in_variables(service, words_of(command));
}
