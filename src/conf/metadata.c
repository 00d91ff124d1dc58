/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/metadata.h"

#include <errno.h>

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
