/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* SHA-256 (FIPS 180-4), to tell contents apart. Nothing that must be secret goes in. */

#include "util/macros.h"

enum {
        SHA256_TEXT_SIZE = 65, /* in hex digits, with the NUL */
};

/* Writes the hash of size bytes. */
void sha256_text(const void *data, size_t size, char ret[static SHA256_TEXT_SIZE]);
