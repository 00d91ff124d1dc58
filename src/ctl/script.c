/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/script.h"

#include <sys/stat.h>

#include "util/file-util.h"

#define SIZE_MAX_OF_SCRIPT ((size_t) 64 * 1024)

enum {
        DEPTH_MAX = 3,    /* scripts that run one another */
        SCRIPTS_MAX = 32, /* that are read for one command */
};

typedef struct Walk {
        outside_command_t f;
        void *userdata;
        unsigned depth, n_read;
} Walk;

char *script_read(char *const *argv) {
        const char *path = outside_script_path(argv);
        _cleanup_free_ char *text = NULL;
        struct stat st;

        if (!path || path[0] != '/' || stat(path, &st) < 0 || !S_ISREG(st.st_mode) ||
                        read_file(path, SIZE_MAX_OF_SCRIPT, &text, NULL) < 0 ||
                        (path == argv[0] && !outside_is_script(text)))
                return NULL;
        return TAKE_PTR(text);
}

static bool visit(char *const *argv, void *userdata) {
        Walk *w = userdata;
        _cleanup_free_ char *text = NULL;
        char *words[] = { (char *) "sh", (char *) "-c", NULL, NULL };

        if (!w->f(argv, w->userdata))
                return false;
        text = w->depth < DEPTH_MAX && w->n_read < SCRIPTS_MAX ? script_read(argv) : NULL;
        if (!text)
                return true;
        words[2] = text;
        w->n_read++;
        w->depth++;
        outside_each_command(words, visit, w);
        w->depth--;
        return true;
}

void script_each_command(char *const *argv, outside_command_t f, void *userdata) {
        Walk w = { .f = f, .userdata = userdata };

        outside_each_command(argv, visit, &w);
}
