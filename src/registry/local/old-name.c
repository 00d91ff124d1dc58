/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/local/old-name.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

enum {

        KEPT_WHOLE = 220, /* an escaped key up to this length is the name: NAME_MAX is 255 */
        KEPT_OF_LONG = 180,
        CUT_SIZE = KEPT_OF_LONG + 1 + 32,
};

static bool is_plain(unsigned char c, bool first) {
        if (c == '.')
                return !first;
        return (c < 0x80 && isalnum(c)) || (c && strchr(":_\\@-", c));
}

char *local_escape(const char *key) {
        static const char hex[] = "0123456789ABCDEF";
        char *escaped = malloc(3 * strlen(key) + 1), *to = escaped;

        if (!escaped)
                return NULL;
        for (const char *from = key; *from; from++) {
                unsigned char c = (unsigned char) *from;

                if (is_plain(c, from == key))
                        *to++ = (char) c;
                else if (c == '/')
                        *to++ = '+';
                else {
                        *to++ = '%';
                        *to++ = hex[c >> 4];
                        *to++ = hex[c & 15];
                }
        }
        *to = '\0';
        return escaped;
}

/* FNV-1a. Two hashes with different beginnings make it very unlikely that two keys share a name, and the key in the
 * record tells for certain. */
static uint64_t hash(const char *s, uint64_t h) {
        for (; *s; s++)
                h = (h ^ (unsigned char) *s) * UINT64_C(0x100000001b3);
        return h;
}

void local_name(const char *escaped, char ret[static LOCAL_NAME_SIZE]) {
        size_t n = strlen(escaped);

        if (n > KEPT_WHOLE)
                (void) snprintf(ret, LOCAL_NAME_SIZE, "%.*s~%016" PRIx64 "%016" PRIx64, KEPT_OF_LONG, escaped,
                                hash(escaped, UINT64_C(0xcbf29ce484222325)),
                                hash(escaped, UINT64_C(0x9ae16a3b2f90404f)));
        else
                memcpy(ret, escaped, n + 1);
}

bool local_name_is_cut(const char *name) {
        return strlen(name) == CUT_SIZE && name[KEPT_OF_LONG] == '~';
}

static int hex_digit(char c) {
        if (c >= '0' && c <= '9')
                return c - '0';
        return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int local_unescape_key(const char *escaped, char **ret) {
        _cleanup_free_ char *key = malloc(strlen(escaped) + 1), *again = NULL;
        char *to = key;

        if (!key)
                return -ENOMEM;
        for (const char *from = escaped; *from; from++)
                if (*from == '%') {
                        /* The second digit is only looked at when the first is one: a NUL ends the text. */
                        int high = hex_digit(from[1]), low = high < 0 ? -1 : hex_digit(from[2]);

                        if (low < 0 || high + low == 0)
                                return 0;
                        *to++ = (char) (high << 4 | low);
                        from += 2;
                } else
                        *to++ = *from == '+' ? '/' : *from;
        *to = '\0';
        /* Each key has one escaped form: "foo~" and "%41" are of no key. */
        again = local_escape(key);
        if (!again)
                return -ENOMEM;
        if (!key[0] || !streq(again, escaped))
                return 0;
        *ret = TAKE_PTR(key);
        return 1;
}

int local_unescape(const char *name, char **ret) {
        return strlen(name) > KEPT_WHOLE ? 0 : local_unescape_key(name, ret);
}
