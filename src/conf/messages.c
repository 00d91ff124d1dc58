/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/conf.h"

#include <stdarg.h>

#include "util/text.h"

/* The limit for the number of messages. Every message is logged, and a file of a mebibyte must not become a million
 * lines. */
#define MESSAGES_MAX 200u

/* Gives the length of the character with which s begins, or 0 if it cannot be shown. Messages quote files, which
 * may contain any bytes, and go to terminals, the journal and D-Bus. */
static size_t shown_length(const char *s) {
        uint32_t c;
        size_t n = text_decode(s, &c);

        return n > 0 && text_is_shown(c) ? n : 0;
}

static void make_printable(char *s) {
        while (*s) {
                size_t n = shown_length(s);

                if (n == 0)
                        *s++ = '?';
                else
                        s += n;
        }
}

bool text_is_printable(const char *s) {
        size_t n = 1;

        for (; *s && n > 0; s += n)
                n = shown_length(s);
        return n > 0;
}

bool messages_full(const Messages *m) {
        return m->n > MESSAGES_MAX;
}

void messages_add(Messages *m, const char *format, ...) {
        char *line, **lines;
        va_list ap;

        if (messages_full(m))
                return;
        va_start(ap, format);
        if (m->n == MESSAGES_MAX)
                line = strdup("further messages are left out");
        else if (vasprintf(&line, format, ap) < 0)
                line = NULL;
        va_end(ap);
        if (!line)
                return;
        make_printable(line);
        lines = realloc(m->lines, (m->n + 1) * sizeof(char *));
        if (!lines) {
                free(line);
                return;
        }
        m->lines = lines;
        m->lines[m->n++] = line;
}

void messages_done(Messages *m) {
        for (size_t i = 0; i < m->n; i++)
                free(m->lines[i]);
        free(m->lines);
        *m = (Messages){};
}

char *messages_join(const Messages *m) {
        char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);

        if (!f)
                return NULL;
        for (size_t i = 0; i < m->n; i++)
                (void) fprintf(f, "%s%s", i > 0 ? "\n" : "", m->lines[i]);
        if (fclose(f) != 0) {
                free(text);
                return NULL;
        }
        return text;
}
