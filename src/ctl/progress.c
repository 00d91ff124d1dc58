/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/progress.h"

#include <stdio.h>
#include <unistd.h>

#include "ctl/output.h"

#define SILENCE (2 * USEC_PER_SEC)

Progress progress_begin(const char *unit) {
        return (Progress){ .unit = unit, .begun = now_boottime() };
}

void progress_show(Progress *p, const json_t *props) {
        char text[sizeof(p->last)];

        (void) snprintf(text, sizeof(text), "%s, %s (%s)%s%s", get_string(props, "State"),
                        get_string(props, "ActiveState"), get_string(props, "SubState"),
                        *get_string(props, "Trouble") ? "; registry: " : "", get_string(props, "Trouble"));
        progress_say(p, text);
}

void progress_say(Progress *p, const char *said) {
        usec_t passed = now_boottime() - p->begun;
        char text[sizeof(p->last)], timed[sizeof(text) + 64], span[32];

        if (passed < SILENCE)
                return;
        (void) snprintf(text, sizeof(text), "%s: %s", p->unit, said);
        (void) snprintf(timed, sizeof(timed), "%s, %s", text, format_span(span, sizeof(span), passed));
        if (isatty(STDERR_FILENO))
                say_over(timed);
        else if (!streq(text, p->last))
                say_progress(text);
        str_copy(p->last, sizeof(p->last), text);
        p->shown = true;
}

void progress_end(Progress *p) {
        if (p->shown && isatty(STDERR_FILENO))
                say_over(NULL);
        p->shown = false;
}

/* ---- of many ---- */

enum { BAR_WIDTH = 30 };

#define BAR_PAUSE (5 * USEC_PER_SEC)

Bar bar_begin(const char *what) {
        return (Bar){ .what = what, .begun = now_boottime() };
}

static void draw(const Bar *b, size_t left, const char *text) {
        static const char full[] = "##############################", empty[] = "------------------------------";
        int done = b->most > 0 ? (int) ((b->most - left) * BAR_WIDTH / b->most) : 0;
        char line[512];

        (void) snprintf(line, sizeof(line), "%s: [%.*s%.*s] %s", b->what, done, full, BAR_WIDTH - done, empty, text);
        say_over(line);
}

void bar_show(Bar *b, size_t left, const char *trouble) {
        char text[sizeof(b->last)];
        usec_t now = now_boottime();

        b->most = MAX(b->most, left);
        if (now < b->begun + SILENCE)
                return;
        (void) snprintf(text, sizeof(text), "%zu of %zu to go%s%s", left, b->most, *trouble ? "; registry: " : "",
                        trouble);
        if (isatty(STDERR_FILENO))
                draw(b, left, text);
        else if (!streq(text, b->last) && now >= b->said_at + BAR_PAUSE) {
                char line[512];

                (void) snprintf(line, sizeof(line), "%s: %s", b->what, text);
                say_progress(line);
                str_copy(b->last, sizeof(b->last), text);
                b->said_at = now;
        }
        b->shown = true;
}

void bar_end(Bar *b) {
        if (b->shown && isatty(STDERR_FILENO))
                say_over(NULL);
        b->shown = false;
}
