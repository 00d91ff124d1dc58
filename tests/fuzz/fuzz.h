/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the fuzzers share. A fuzzer is one file, fuzz-NAME.c, with one function, LLVMFuzzerTestOneInput(), which gives
 * arbitrary bytes to one decoder (or one state machine) and aborts where a promise of that decoder does not hold.
 *
 * The same file is linked in two ways: by clang with libFuzzer, which looks for inputs (tests/fuzz/run), and with
 * corpus-main.c, which gives it each file of corpus/NAME, as a test in every build.
 */

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "util/macros.h"
#include "util/must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The bytes of an input, taken from its beginning. What is taken behind the end is 0. */
typedef struct Input {
        const uint8_t *data;
        size_t size;
} Input;

static inline uint8_t input_byte(Input *in) {
        if (in->size == 0)
                return 0;
        in->size--;
        return *in->data++;
}

static inline uint64_t input_number(Input *in, unsigned bytes) {
        uint64_t n = 0;

        while (bytes-- > 0)
                n = n << 8 | input_byte(in);
        return n;
}

/* The next piece, up to the separator or the end, as a string of its own that ends in NUL. *ret_size (may be NULL)
 * does not count the NUL. Owned by the caller. */
static inline char *input_text(Input *in, uint8_t separator, size_t *ret_size) {
        const uint8_t *end = in->size > 0 ? memchr(in->data, separator, in->size) : NULL;
        size_t n = end ? (size_t) (end - in->data) : in->size;
        char *text = malloc(n + 1);

        must(text);
        if (n > 0)
                memcpy(text, in->data, n);
        text[n] = '\0';
        in->data += n + (end ? 1 : 0);
        in->size -= n + (end ? 1 : 0);
        if (ret_size)
                *ret_size = n;
        return text;
}

/* A folder of this process's own in memory, for decoders that read files; made at the first call, emptied at exit. */
const char *fuzz_folder(void);
/* Writes a file into it, making folders on the way. */
void fuzz_write(const char *path, const void *data, size_t size);
/* Removes a file or a whole folder in it. */
void fuzz_remove(const char *path);
