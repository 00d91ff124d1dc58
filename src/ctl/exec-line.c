/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/exec-line.h"

#include "ctl/ctl.h"
#include "util/strv.h"

char **exec_line_words(const json_t *command) {
        const char *path = string_at(command, 0);
        const json_t *words = json_array_get(command, 1);
        size_t n = json_array_size(words), i;
        char **argv = calloc(n + 2, sizeof(char *));
        json_t *word;

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
