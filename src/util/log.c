/* SPDX-License-Identifier: Apache-2.0 */
#include "util/log.h"

#include <stdio.h>
#include <unistd.h>

#include "util/text.h"
#include "util/words.h"

static int max_level = LOG_INFO;
static bool prefix;

void log_open(void) {
        static const char *const names[] = { "emerg", "alert", "crit", "err", "warning", "notice", "info", "debug" };
        const char *e = getenv("LEASED_LOG_LEVEL");

        words_open();
        prefix = getenv("JOURNAL_STREAM") && !isatty(STDERR_FILENO);
        for (size_t i = 0; e && i < ELEMENTSOF(names); i++)
                if (streq(e, names[i]) || (e[0] == (char) ('0' + i) && !e[1]))
                        max_level = (int) i;
}

bool log_reaches_journal(int level) {
        return prefix && level <= max_level;
}

/* Writes one line. If lines were lost before, a line that says how many comes first. */
static void write_line(int level, const char *text, int error) {
        char line[4200], head[8] = "";
        unsigned lost;
        int n;

        if (prefix)
                (void) snprintf(head, sizeof(head), "<%d>", level);
        n = error ? snprintf(line, sizeof(line), "%s%s: %s\n", head, text, strerror(error))
                  : snprintf(line, sizeof(line), "%s%s\n", head, text);
        if (n >= (int) sizeof(line)) {
                n = (int) sizeof(line) - 1;
                line[n - 1] = '\n';
        }
        lost = words_dropped();
        if (lost > 0) {
                char note[64];
                int k = snprintf(note, sizeof(note), "%s%u lines could not be written\n", prefix ? "<4>" : "", lost);

                if (!words_write(note, (size_t) k)) {
                        words_lost(lost);
                        return;
                }
        }
        (void) words_write(line, (size_t) n);
}

int log_full(int level, int error, const char *format, ...) {
        int saved = errno;
        char text[2048], line[2 * sizeof(text)];
        va_list ap;

        error = abs(error);
        if (level <= max_level) {
                va_start(ap, format);
                (void) vsnprintf(text, sizeof(text), format, ap);
                va_end(ap);
                (void) text_clean(line, sizeof(line), text);
                write_line(level, line, error);
        }
        errno = saved;
        return -error;
}
