/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/options.h"

#include <errno.h>

#include "conf/unit-files.h"

static struct {
        char *unit; /* NULL: of none */
        UnitOptions *options;
        Messages messages;
        int r;
} last;

static struct { const char *unit, *text; /* NULL: there is none */ } draft;

static void forget_last(void) {
        free(last.unit);
        last.unit = NULL;
        last.options = unit_options_free(last.options);
        messages_done(&last.messages);
        last.messages = (Messages){};
}

void options_draft(const char *unit, const char *text) {
        draft.unit = unit;
        draft.text = text;
        forget_last();
}

static int read_anew(const char *unit) {
        static unsigned n;

        if (++n == 2) /* more units may follow */
                unit_files_remember("");
        forget_last();
        last.unit = strdup(unit);
        if (!last.unit)
                return -ENOMEM;
        if (draft.unit && streq(draft.unit, unit))
                last.r = unit_options_preview_text(
                                "", unit, draft.text, strlen(draft.text), &last.options, &last.messages);
        else
                last.r = unit_options_preview("", unit, &last.options, &last.messages);
        return 0;
}

int options_preview(const char *unit, const UnitOptions **ret, Messages *messages) {
        if ((!last.unit || !streq(last.unit, unit)) && read_anew(unit) < 0)
                return -ENOMEM;
        for (size_t i = 0; messages && i < last.messages.n; i++)
                messages_add(messages, "%s", last.messages.lines[i]);
        *ret = last.options;
        return last.r;
}

const UnitOptions *options_peek(const char *unit) {
        const UnitOptions *options = NULL;

        (void) options_preview(unit, &options, NULL);
        return options;
}
