/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/width.h"

#include <locale.h>
#include <stdbool.h>
#include <stdint.h>
#include <wchar.h>

#include "util/macros.h"
#include "util/text.h"

/* Gives a locale that has all of Unicode, in which wcwidth() knows how wide each character is. Without such a
 * locale every character counts as one column. */
static locale_t all_of_unicode(void) {
        static locale_t locale;
        static bool asked;

        if (!asked)
                locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t) 0);
        asked = true;
        return locale;
}

size_t width_of(const char *text) {
        locale_t before = all_of_unicode() ? uselocale(all_of_unicode()) : (locale_t) 0;
        size_t columns = 0, n;
        uint32_t c;

        for (; *text; text += MAX(n, (size_t) 1)) {
                int width = 1;

                n = text_decode(text, &c);
                if (n > 0 && before)
                        width = wcwidth((wchar_t) c);
                columns += width < 0 ? 1 : (size_t) width;
        }
        if (before)
                (void) uselocale(before);
        return columns;
}
