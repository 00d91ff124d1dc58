/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Writes the files that leased 0.1.0 kept its local registry in (src/registry/local/takeover.c reads them). All assert
 * that they succeed. */

#include <stddef.h>
#include <stdint.h>

/* directory/store and an empty directory/records; the directory is made. id NULL: `store` is empty, as of a new one.
 */
void old_store_make(const char *directory, const char *id, uint64_t revision);
/* The record of the key, in directory/records. */
void old_store_put(const char *directory, const char *key, const void *value, size_t size, uint64_t revision);
/* A file of that path as of a record whose key, escaped, is this. */
void old_record_write(const char *path, const char *escaped_key, const void *value, size_t size, uint64_t revision);
