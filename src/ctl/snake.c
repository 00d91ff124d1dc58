/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/snake.h"

#include <ctype.h>

#include "util/macros.h"

/* Whether a word begins at this letter: at a capital behind a small letter, or at the last of several capitals that a
 * small letter follows; but "USec" is one word. */
static bool begins_word(const char *name, const char *at) {
        if (at == name || !isupper((unsigned char) *at))
                return false;
        if (startswith(at, "USec"))
                return true;
        if (at > name && startswith(at - 1, "USec"))
                return false;
        return !isupper((unsigned char) at[-1]) || islower((unsigned char) at[1]);
}

char *snake_name(char *buf, size_t size, const char *property) {
        size_t n = 0;

        for (const char *c = property; *c && n + 3 < size; c++) {
                if (begins_word(property, c))
                        buf[n++] = '_';
                buf[n++] = (char) tolower((unsigned char) *c);
        }
        buf[n] = '\0';
        return buf;
}

json_t *snake_members(const json_t *properties) {
        json_t *members = json_object(), *value;
        const char *property;
        char name[64];

        json_object_foreach((json_t *) properties, property, value)
                (void) json_object_set(members, snake_name(name, sizeof(name), property), value);
        return members;
}
