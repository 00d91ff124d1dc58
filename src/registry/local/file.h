/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One record in one file, readable with cat:
 *
 *     leased-record 1 CRC32 MOD-REVISION SIZE ESCAPED-KEY
 *     the value's bytes
 *
 * The checksum covers all that follows it, so that a file that was cut, filled with zeros or edited by hand is known
 * as damaged, and not taken for what somebody wrote. Blocking; for the store's thread only.
 */

#include "registry/local/name.h"
#include "util/macros.h"

typedef struct LocalFile {
        char *key;   /* NULL: damaged, and the file's name does not tell */
        char *value; /* NULL if damaged */
        size_t size;
        uint64_t mod_revision; /* 0 if damaged */
        bool damaged;
} LocalFile;

void local_file_clear(LocalFile *file);

/* Decodes what a file of this name holds, any bytes: 1: *ret is filled; 0: it is damaged; -ENOMEM. */
int local_file_decode(const char *data, size_t size, const char *name, LocalFile *ret);

/* Reads the record in the directory. 0: *ret is filled, damaged or not; -ENOENT: there is none; another errno: it
 * could not be told (out of memory or descriptors). */
int local_file_read(int directory_fd, const char *name, LocalFile *ret);

/* Writes a new file, not synced. *ret_fd is its descriptor, for fsync(). */
int local_file_write(int directory_fd, const char *name, const char *escaped_key, const void *value, size_t size,
                uint64_t mod_revision, int *ret_fd);
