/* SPDX-License-Identifier: Apache-2.0 */
#include "util/text.h"

#include <stdarg.h>
#include <stdio.h>

size_t text_decode(const char *text, uint32_t *ret) {
        const unsigned char *s = (const unsigned char *) text;
        static const uint32_t least[] = { 0, 1, 0x80, 0x800,
                0x10000 }; /* [n]: the least code point that needs n bytes */
        size_t n = *s < 0x80                 ? *s > 0
                   : *s >= 0xc2 && *s < 0xe0 ? 2
                   : *s >= 0xe0 && *s < 0xf0 ? 3
                   : *s >= 0xf0 && *s < 0xf5 ? 4
                                             : 0;
        uint32_t c = n > 1 ? *s & (0x7fu >> n) : *s;

        for (size_t i = 1; i < n; i++) {
                if ((s[i] & 0xc0) != 0x80)
                        return 0;
                c = c << 6 | (s[i] & 0x3f);
        }
        if (n == 0 || c < least[n] || (c >= 0xd800 && c < 0xe000) || c > 0x10ffff)
                return 0;
        *ret = c;
        return n;
}

bool text_is_shown(uint32_t c) {
        /* Unicode's Cc, Cf, Zl, Zp, Cs, Co and Default_Ignorable_Code_Point, code points that are no characters, and
         * the blank Braille pattern; in ascending order. */
        static const struct {
                uint32_t first, last;
        } hidden[] = {
                { 0, 0x1f },
                { 0x7f, 0x9f },
                { 0xad, 0xad },
                { 0x34f, 0x34f },
                { 0x600, 0x605 },
                { 0x61c, 0x61c },
                { 0x6dd, 0x6dd },
                { 0x70f, 0x70f },
                { 0x890, 0x891 },
                { 0x8e2, 0x8e2 },
                { 0x115f, 0x1160 },
                { 0x17b4, 0x17b5 },
                { 0x180b, 0x180f },
                { 0x200b, 0x200f },
                { 0x2028, 0x202e },
                { 0x2060, 0x206f },
                { 0x2800, 0x2800 },
                { 0x3164, 0x3164 },
                { 0xd800, 0xf8ff },
                { 0xfdd0, 0xfdef },
                { 0xfe00, 0xfe0f },
                { 0xfeff, 0xfeff },
                { 0xffa0, 0xffa0 },
                { 0xfff0, 0xfffb },
                { 0xfffe, 0xffff },
                { 0x110bd, 0x110bd },
                { 0x110cd, 0x110cd },
                { 0x13430, 0x1343f },
                { 0x1bca0, 0x1bca3 },
                { 0x1d173, 0x1d17a },
                { 0xe0000, UINT32_MAX },
        };

        for (size_t i = 0; i < ELEMENTSOF(hidden) && c >= hidden[i].first; i++)
                if (c <= hidden[i].last)
                        return false;
        return (c & 0xfffe) != 0xfffe; /* the last two of each plane */
}

size_t text_piece(const char *src, char piece[static TEXT_PIECE_SIZE]) {
        uint32_t c = 0;
        size_t n = text_decode(src, &c);

        if (n > 0 && text_is_shown(c)) {
                memcpy(piece, src, n);
                piece[n] = '\0';
        } else if (n <= 1)
                (void) snprintf(piece, TEXT_PIECE_SIZE, "\\x%02x", (unsigned char) *src);
        else
                (void) snprintf(piece, TEXT_PIECE_SIZE, c > 0xffff ? "\\U%08x" : "\\u%04x", (unsigned) c);
        return MAX(n, (size_t) 1);
}

char *text_clean(char *dst, size_t size, const char *src) {
        char piece[TEXT_PIECE_SIZE];
        size_t at = 0, n;

        while (*src) {
                src += text_piece(src, piece);
                n = strlen(piece);
                if (at + n >= size)
                        break;
                memcpy(dst + at, piece, n);
                at += n;
        }
        dst[at] = '\0';
        return dst;
}

char *text_mend(char *s) {
        for (char *p = s; *p;) {
                uint32_t c;
                size_t n = text_decode(p, &c);

                if (n == 0)
                        *p = '?';
                p += MAX(n, (size_t) 1);
        }
        return s;
}

bool text_is_utf8(const char *s) {
        size_t n = 1;

        for (uint32_t c; *s && n > 0; s += n)
                n = text_decode(s, &c);
        return n > 0;
}

char *text_format(const char *format, ...) {
        va_list ap;
        char *s;
        int r;

        va_start(ap, format);
        r = vasprintf(&s, format, ap);
        va_end(ap);
        return r < 0 ? NULL : s;
}
