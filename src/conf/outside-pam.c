/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/outside-pam.h"

#include <stdio.h>
#include <strings.h>

#include "util/file-util.h"

#define FILE_SIZE_MAX ((size_t) 64 * 1024)

enum {
        DEPTH_MAX = 8,  /* files that include one another */
        FILES_MAX = 64, /* that are read for one service */
};

typedef struct Stack {
        unsigned depth, n_read;
        bool moves;
        bool unread; /* a file is missing, or there are too many */
} Stack;

static const char *pam_root = "";

void outside_pam_set_root(const char *root) {
        pam_root = root;
}

static void read_stack(Stack *s, const char *name);

/* Takes the next word from a line. A word in brackets, as the control "[success=ok default=bad]", may have blanks.
 * Returns "" at the end. */
static char *take_word(char **line) {
        char *word = *line + strspn(*line, " \t");
        size_t n = *word == '[' ? strcspn(word, "]") : 0;

        n += strcspn(word + n, " \t");
        *line = word + n + (word[n] != '\0');
        word[n] = '\0';
        return word;
}

static bool moves_processes(const char *module) {
        static const char *const modules[] = { "pam_systemd.so", "pam_cgroup.so", "pam_cgfs.so" };

        for (size_t i = 0; i < ELEMENTSOF(modules); i++)
                if (streq(base_name(module), modules[i]))
                        return true;
        return false;
}

static void read_line(Stack *s, char *line) {
        const char *type, *control, *module;

        line[strcspn(line, "#")] = '\0';
        type = take_word(&line);
        if (streq(type, "@include")) {
                read_stack(s, take_word(&line));
                return;
        }
        type += *type == '-';
        if (strcasecmp(type, "session") != 0)
                return;
        control = take_word(&line);
        module = take_word(&line);
        if (strcasecmp(control, "include") == 0 || strcasecmp(control, "substack") == 0)
                read_stack(s, module);
        else
                s->moves = s->moves || moves_processes(module);
}

/* Joins lines that end in a backslash. */
static void join_lines(char *text) {
        for (char *c = text; (c = strstr(c, "\\\n"));)
                c[0] = c[1] = ' ';
}

/* The administrator's file hides the one of the distribution. */
static char *read_service(const char *name) {
        static const char *const folders[] = { "/etc/pam.d/", "/usr/lib/pam.d/", "/usr/share/pam.d/" };
        bool is_path = *name == '/';
        char *text = NULL;

        for (size_t i = 0; i < (is_path ? 1 : ELEMENTSOF(folders)); i++) {
                char path[512];

                (void) snprintf(path, sizeof(path), "%s%s%s", pam_root, is_path ? "" : folders[i], name);
                if (read_file(path, FILE_SIZE_MAX, &text, NULL) >= 0)
                        return text;
        }
        return NULL;
}

static void read_stack(Stack *s, const char *name) {
        _cleanup_free_ char *text = NULL;
        char *rest;

        if (s->moves)
                return;
        if (s->depth < DEPTH_MAX && s->n_read < FILES_MAX)
                text = read_service(name);
        if (!text) {
                s->unread = true;
                return;
        }
        s->n_read++;
        s->depth++;
        join_lines(text);
        rest = text;
        for (char *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n"))
                read_line(s, line);
        s->depth--;
}

PamSession outside_pam_session(const char *service) {
        Stack s = {};

        read_stack(&s, service);
        return s.moves ? PAM_SESSION_MOVES : s.unread ? PAM_SESSION_UNKNOWN : PAM_SESSION_STAYS;
}
