/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Standard base64 with padding, the only kind that every version of etcd's gateway reads. */

#include "util/macros.h"

/* How long the base64 text of size bytes is, without a NUL. */
size_t base64_size(size_t size);

/* Writes the base64 text of size bytes of data into ret, which has room for base64_size(size) bytes; no NUL follows.
 * Returns the length of the text. */
size_t base64_encode(const void *data, size_t size, char *ret);
/* Decodes a base64 text of size bytes. *ret is owned by the caller; a NUL follows its *ret_size bytes. Returns 0,
 * -EBADMSG or -ENOMEM. */
int base64_decode(const char *text, size_t size, char **ret, size_t *ret_size);
