/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/conf.h"

#include <stdarg.h>

/* Each of them is logged: a file of a mebibyte must not become as many lines. */
#define MESSAGES_MAX 200u

/* What is wrong may come from a file with any bytes in it, and goes to terminals, the journal and D-Bus: only
 * printable ASCII and well-formed longer sequences are let through. */
static size_t utf8_length(const unsigned char *s) {
        size_t n = *s < 0x80                 ? 1
                   : *s >= 0xc2 && *s < 0xe0 ? 2
                   : *s >= 0xe0 && *s < 0xf0 ? 3
                   : *s >= 0xf0 && *s < 0xf5 ? 4
                                             : 0;

        if (n == 1)
                return *s >= ' ' && *s != 0x7f;
        for (size_t i = 1; i < n; i++)
                if ((s[i] & 0xc0) != 0x80)
                        return 0;
        if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf0 && s[1] < 0x90) ||
                        (s[0] == 0xf4 && s[1] > 0x8f))
                return 0; /* overlong, a surrogate, or beyond Unicode */
        return n;
}

static void make_printable(char *s) {
        while (*s) {
                size_t n = utf8_length((unsigned char *) s);

                if (n == 0)
                        *s++ = '?';
                else
                        s += n;
        }
}

bool text_is_printable(const char *s) {
        size_t n = 1;

        for (; *s && n > 0; s += n)
                n = utf8_length((const unsigned char *) s);
        return n > 0;
}

void messages_add(Messages *m, const char *format, ...) {
        char *line, **lines;
        va_list ap;

        if (m->n > MESSAGES_MAX)
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
