/* SPDX-License-Identifier: Apache-2.0 */
#include "util/log.h"

#include <stdio.h>
#include <unistd.h>

#include "util/text.h"

static int max_level = LOG_INFO;
static bool prefix;

void log_set_max_level(int level) {
        max_level = level;
}

void log_open(void) {
        static const char *const names[] = { "emerg", "alert", "crit", "err", "warning", "notice", "info", "debug" };
        const char *e = getenv("LEASED_LOG_LEVEL");

        prefix = getenv("JOURNAL_STREAM") && !isatty(STDERR_FILENO);
        for (size_t i = 0; e && i < ELEMENTSOF(names); i++)
                if (streq(e, names[i]) || (e[0] == (char) ('0' + i) && !e[1]))
                        max_level = (int) i;
}

int log_full(int level, int error, const char *format, ...) {
        int saved = errno;
        char text[2048], line[2 * sizeof(text)], head[8] = "";
        va_list ap;

        error = abs(error);
        if (level <= max_level) {
                va_start(ap, format);
                (void) vsnprintf(text, sizeof(text), format, ap);
                va_end(ap);
                (void) text_clean(line, sizeof(line), text);
                if (prefix)
                        (void) snprintf(head, sizeof(head), "<%d>", level);
                if (error)
                        (void) fprintf(stderr, "%s%s: %s\n", head, line, strerror(error));
                else
                        (void) fprintf(stderr, "%s%s\n", head, line);
        }
        errno = saved;
        return -error;
}
