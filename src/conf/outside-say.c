/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/outside-say.h"

#include <stdio.h>

#include "conf/conf.h"

/* Gives the name of a slice without its path: engines take "/foo.slice/" for foo.slice, too. */
static const char *slice_of(const char *value, char *buf, size_t size) {
        size_t n;

        str_copy(buf, size, strempty(value));
        n = strlen(buf);
        while (n > 0 && buf[n - 1] == '/')
                buf[--n] = '\0';
        return base_name(buf);
}

bool outside_lies_in(const char *slice, const char *value) {
        char buf[256];

        return slice && value && slice_contains(slice, slice_of(value, buf, sizeof(buf)));
}

void outside_say_what(OutsideFinding *f, const char *name, const char *verb) {
        (void) snprintf(f->what, sizeof(f->what), "%.30s%s%.30s", name, isempty(verb) ? "" : " ", strempty(verb));
        for (char *c = f->what; *c; c++)
                if (*c == ':')
                        *c = ' ';
}

Outside outside_say_slice(
                OutsideFinding *f, const char *slice, const char *option, const char *given, const char *other) {
        char buf[256];
        const char *named = given ? slice_of(given, buf, sizeof(buf)) : NULL;

        if (slice)
                (void) snprintf(f->mend, sizeof(f->mend), "write %s=%s behind %s%s", option, slice, f->what, other);
        else if (named && slice_name_is_valid(named))
                (void) snprintf(f->mend, sizeof(f->mend), "write Slice=%s in [X-Leased]%s", named, other);
        else
                (void) snprintf(f->mend, sizeof(f->mend),
                                "write Slice=NAME.slice in [X-Leased] and %s=NAME.slice behind %s%s", option, f->what,
                                other);
        return OUTSIDE_YES;
}

Outside outside_say_laid_down(OutsideFinding *f, const char *slice, const char *how) {
        if (!slice)
                (void) snprintf(f->mend, sizeof(f->mend),
                                "write Slice=NAME.slice in [X-Leased] and have it run there (%s)", how);
        else
                (void) snprintf(f->mend, sizeof(f->mend), "have it run in %s (%s)", slice, how);
        return slice ? OUTSIDE_UNSEEN : OUTSIDE_YES;
}

Outside outside_say(OutsideFinding *f, const char *mend) {
        str_copy(f->mend, sizeof(f->mend), mend);
        return OUTSIDE_YES;
}
