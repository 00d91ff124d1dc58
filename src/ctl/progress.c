/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/progress.h"

#include <stdio.h>
#include <unistd.h>

#define SILENCE (2 * USEC_PER_SEC)

Progress progress_begin(const char *unit) {
        return (Progress){.unit = unit, .begun = now_boottime()};
}

void progress_show(Progress *p, const json_t *props) {
        usec_t passed = now_boottime() - p->begun;
        char text[sizeof(p->last)], span[32];

        if (passed < SILENCE)
                return;
        (void) snprintf(text, sizeof(text), "%s: %s, %s (%s)%s%s", p->unit, get_string(props, "State"),
                        get_string(props, "ActiveState"), get_string(props, "SubState"),
                        *get_string(props, "Trouble") ? "; registry: " : "", get_string(props, "Trouble"));
        if (isatty(STDERR_FILENO))
                (void) fprintf(stderr, "\r\x1b[K%s, %s", text, format_span(span, sizeof(span), passed));
        else if (!streq(text, p->last))
                (void) fprintf(stderr, "%s\n", text);
        str_copy(p->last, sizeof(p->last), text);
        p->shown = true;
}

void progress_end(Progress *p) {
        if (p->shown && isatty(STDERR_FILENO))
                (void) fprintf(stderr, "\r\x1b[K");
        p->shown = false;
}
