/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/metadata.h"

#include <errno.h>
#include <stdio.h>

#include "conf/conf.h"
#include "core/placement.h"

size_t metadata_key_length(const char *word) {
        size_t n = strspn(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-");

        return word[n] == '=' && !strpbrk(word, " \"'\\") && text_is_printable(word) ? n : 0;
}

int metadata_append(char *list, size_t size, const char *word) {
        size_t n = strlen(list), m = strlen(word), gap = n > 0;

        if (placement_names(list, word))
                return 0;
        if (n + gap + m >= size)
                return -E2BIG;
        list[n] = ' ';
        memcpy(list + n + gap, word, m + 1);
        return 0;
}

static size_t key_of(const char *word) {
        size_t n = strcspn(word, "= ");

        return word[n] == '=' ? n : 0;
}

static bool same_key(const char *a, const char *b) {
        size_t n = key_of(a);

        return n > 0 && n == key_of(b) && strncmp(a, b, n) == 0;
}

static bool is_first_of_its_key(const char *list, const char *word) {
        size_t n;
        const char *w = placement_next_word(list, &n);

        while (w < word && !same_key(w, word))
                w = placement_next_word(w + n, &n);
        return w == word && key_of(word) > 0;
}

bool metadata_next(
                const char *list, size_t *cursor, char key[static METADATA_SIZE], char values[static METADATA_SIZE]) {
        size_t n, at = 0;
        const char *word = placement_next_word(list + *cursor, &n);

        while (word && !is_first_of_its_key(list, word))
                word = placement_next_word(word + n, &n);
        if (!word)
                return false;
        *cursor = (size_t) (word + n - list);
        (void) snprintf(key, METADATA_SIZE, "%.*s", (int) key_of(word), word);
        for (const char *w = word; w && at < METADATA_SIZE; w = placement_next_word(w + n, &n)) {
                size_t before = key_of(w) + 1;

                if (same_key(w, word))
                        at += (size_t) snprintf(values + at, METADATA_SIZE - at, "%s%.*s", at > 0 ? " " : "",
                                        (int) (n - before), w + before);
        }
        return true;
}
