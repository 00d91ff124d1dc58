/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/finding.h"

#include <stdio.h>

void finding_add(json_t *findings, const char *severity, const char *format, ...) {
        char text[1024];
        va_list ap;

        va_start(ap, format);
        (void) vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);
        (void) json_array_append_new(findings, json_pack("{s:s, s:s}", "severity", severity, "text", text));
}

bool finding_refused_since(const json_t *findings, size_t first) {
        for (size_t i = first; i < json_array_size(findings); i++)
                if (streq(get_string(json_array_get(findings, i), "severity"), "refused"))
                        return true;
        return false;
}
