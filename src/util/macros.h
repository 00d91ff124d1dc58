/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The few macros and small functions that every layer uses. Nothing in here allocates, logs or calls the system.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Calls f with a pointer to the variable when the variable goes out of scope. */
#define _cleanup_(f) __attribute__((cleanup(f)))
#define _printf_(a, b) __attribute__((format(printf, a, b)))

#define ELEMENTSOF(x) (sizeof(x) / sizeof((x)[0]))
#define MIN(a, b)                                                                                                     \
        ({                                                                                                            \
                __typeof__(a) _a = (a);                                                                               \
                __typeof__(b) _b = (b);                                                                               \
                _a < _b ? _a : _b;                                                                                    \
        })
#define MAX(a, b)                                                                                                     \
        ({                                                                                                            \
                __typeof__(a) _a = (a);                                                                               \
                __typeof__(b) _b = (b);                                                                               \
                _a > _b ? _a : _b;                                                                                    \
        })

static inline bool streq(const char *a, const char *b) {
        return strcmp(a, b) == 0;
}

static inline bool startswith(const char *s, const char *prefix) {
        return strncmp(s, prefix, strlen(prefix)) == 0;
}

static inline bool endswith(const char *s, const char *suffix) {
        size_t n = strlen(s), m = strlen(suffix);

        return n >= m && streq(s + n - m, suffix);
}

/* Gives what stands behind the last "/" of a path, or the whole path if it has none; a part of path. */
static inline const char *base_name(const char *path) {
        const char *slash = strrchr(path, '/');

        return slash ? slash + 1 : path;
}

static inline bool isempty(const char *s) {
        return !s || !*s;
}

static inline const char *strempty(const char *s) {
        return s ?: "";
}

/* Returns the length of the longest beginning of s, at most n bytes, that does not end within a character of UTF-8.
 * JSON and D-Bus refuse text that was cut within a character. s has at least n bytes before its NUL. */
static inline size_t text_cut(const char *s, size_t n) {
        while (n > 0 && ((unsigned char) s[n] & 0xc0) == 0x80)
                n--;
        return n;
}

/* Copies src into the array dst of size bytes (at least 1). If src does not fit, it is cut between two characters; dst
 * always ends with a NUL. */
static inline void str_copy(char *dst, size_t size, const char *src) {
        size_t n = text_cut(src, strnlen(src, size - 1));

        memmove(dst, src, n);
        dst[n] = '\0';
}

/* Keeps a copy of the text in place of the one that was kept before; NULL instead of "". kept is freed by free(). If
 * the text is the same, the copy stays in its place. Returns false if memory is short: then nothing is changed. */
static inline bool str_keep(char **kept, const char *text) {
        char *copy = NULL;

        if (streq(strempty(*kept), strempty(text)))
                return true;
        if (!isempty(text) && !(copy = strdup(text)))
                return false;
        free(*kept);
        *kept = copy;
        return true;
}

static inline void freep(void *p) {
        free(*(void **) p);
}

#define _cleanup_free_ _cleanup_(freep)

/* Gives the pointer in a variable and sets the variable to NULL, so that its _cleanup_ no longer frees the object. */
#define TAKE_PTR(p)                                                                                                   \
        ({                                                                                                            \
                __typeof__(p) *_p = &(p), _v = *_p;                                                                   \
                *_p = NULL;                                                                                           \
                _v;                                                                                                   \
        })

/* Defines funcp() for _cleanup_(funcp): calls func() with the variable's value unless that is NULL. */
#define DEFINE_TRIVIAL_CLEANUP(type, func)                                                                            \
        static inline void func##p(type *p) {                                                                         \
                if (*p)                                                                                               \
                        func(*p);                                                                                     \
        }
