/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/etcd/base64.h"

#include <errno.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

size_t base64_size(size_t size) {
        return (size + 2) / 3 * 4;
}

size_t base64_encode(const void *data, size_t size, char *ret) {
        const unsigned char *in = data;
        char *out = ret;

        for (size_t i = 0; i < size; i += 3) {
                size_t left = size - i;
                uint32_t group = (uint32_t) in[i] << 16;

                if (left > 1)
                        group |= (uint32_t) in[i + 1] << 8;
                if (left > 2)
                        group |= in[i + 2];
                *out++ = digits[group >> 18];
                *out++ = digits[group >> 12 & 63];
                *out++ = left > 1 ? digits[group >> 6 & 63] : '=';
                *out++ = left > 2 ? digits[group & 63] : '=';
        }
        return (size_t) (out - ret);
}

static int digit_value(char c) {
        if (c >= 'A' && c <= 'Z')
                return c - 'A';
        if (c >= 'a' && c <= 'z')
                return c - 'a' + 26;
        if (c >= '0' && c <= '9')
                return c - '0' + 52;
        return c == '+' ? 62 : c == '/' ? 63 : -1;
}

int base64_decode(const char *text, size_t size, char **ret, size_t *ret_size) {
        size_t padding = 0, n = 0;
        char *out;

        if (size % 4 != 0)
                return -EBADMSG;
        while (padding < 2 && padding < size && text[size - 1 - padding] == '=')
                padding++;
        out = malloc(size / 4 * 3 + 1);
        if (!out)
                return -ENOMEM;
        for (size_t i = 0; i < size; i += 4) {
                uint32_t group = 0;

                for (size_t k = 0; k < 4; k++) {
                        int v = i + k >= size - padding ? 0 : digit_value(text[i + k]);

                        if (v < 0) {
                                free(out);
                                return -EBADMSG;
                        }
                        group = group << 6 | (uint32_t) v;
                }
                out[n++] = (char) (group >> 16);
                out[n++] = (char) (group >> 8 & 255);
                out[n++] = (char) (group & 255);
        }
        n -= padding;
        out[n] = '\0';
        *ret = out;
        *ret_size = n;
        return 0;
}
