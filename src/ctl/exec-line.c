/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/exec-line.h"

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

char **exec_line_words(const json_t *command) {
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
