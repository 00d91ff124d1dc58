/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Standard base64 with padding, the only one that every version of etcd's gateway reads. */

#include "util/macros.h"

/* Bytes that encoding size bytes writes, without a NUL. */
size_t base64_size(size_t size);
/* Returns how many bytes were written to ret; no NUL is added. */
size_t base64_encode(const void *data, size_t size, char *ret);
/* Returns 0, -EBADMSG or -ENOMEM. *ret is owned by the caller and NUL-terminated for convenience. */
int base64_decode(const char *text, size_t size, char **ret, size_t *ret_size);
