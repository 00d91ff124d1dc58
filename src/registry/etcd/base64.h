/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Standard base64 with padding, the only kind that every version of etcd's gateway reads. */

#include "util/macros.h"

/* How many bytes the text of size bytes has, without a NUL. */
size_t base64_size(size_t size);

/* Writes the text of size bytes into ret, which has room for base64_size(size), without a NUL. Returns its length. */
size_t base64_encode(const void *data, size_t size, char *ret);
/* Returns 0, -EBADMSG or -ENOMEM. *ret is owned by the caller; a NUL follows its *ret_size bytes. */
int base64_decode(const char *text, size_t size, char **ret, size_t *ret_size);
