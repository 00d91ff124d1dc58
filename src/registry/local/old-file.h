/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What leased 0.1.0 kept of one record, in one file of its own:
 *
 *     leased-record 1 CRC32 MOD-REVISION SIZE ESCAPED-KEY
 *     the value's bytes
 *
 * The checksum covers all that follows it, so that a file that was cut, filled with zeros or edited by hand is known
 * as damaged, and not taken for what somebody wrote. Only read, by takeover.c; nothing writes such files any more.
 */

#include "registry/local/old-name.h"
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
