/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What is found in a command that is written as one line. */

#include "conf-fixture.h"
#include "conf/outside.h"
#include "util/strv.h"

/* Words as PID 1 has them, separated by spaces; "'...'" is one. */
static inline char **split(const char *line) {
        _cleanup_free_ char *copy = strdup(line);
        char **words = calloc(strlen(line) + 2, sizeof(char *));
        size_t n = 0;

        assert_true(copy && words);
        for (char *p = copy; *p;) {
                char end = *p == '\'' ? *p++ : ' ';
                size_t length = strcspn(p, (char[]){ end, '\0' });

                if (length > 0)
                        words[n++] = strndup(p, length);
                p += length;
                p += *p != '\0';
        }
        return words;
}

static inline Outside look(const char *line, const char *slice, OutsideFinding *finding) {
        _cleanup_(strv_freep) char **words = split(line);

        return outside_look(words, slice, true, finding);
}

static inline void assert_look(const char *line, const char *slice, Outside expected) {
        OutsideFinding finding = {};
        Outside found = look(line, slice, &finding);

        if (found != expected)
                fail_msg("%s (Slice=%s): %d, not %d (%s: %s)", line, strempty(slice), (int) found, (int) expected,
                                finding.what, finding.mend);
        assert_int_equal(finding.mend[0] != '\0', expected != OUTSIDE_NO);
}
