/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/values.h"

bool values_are_few(const char *text, size_t size, size_t max) {
        size_t n = 0;
        bool quoted = false;

        for (size_t i = 0; i < size && n <= max; i++)
                if (text[i] == '"')
                        quoted = !quoted;
                else if (quoted)
                        i += text[i] == '\\';
                else
                        n += text[i] == ',' || text[i] == '{' || text[i] == '[';
        return n <= max;
}
