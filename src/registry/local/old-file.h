/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What leased 0.1.0 kept of one record, in one file of its own:
 *
 *     leased-record 1 CRC32 MOD-REVISION SIZE ESCAPED-KEY
 *     the value's bytes
 *
 * The checksum covers all that follows it. So a file that was cut, filled with zeros or edited by hand is known to be
 * damaged. Such files are only read, by takeover.c; nothing writes them any more.
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

/* Frees what file holds, and leaves it empty. */
void local_file_clear(LocalFile *file);

/* Decodes the content of a file of this name, which may be any bytes. 1: *ret is filled, and cleared by the caller; 0:
 * the file is damaged; -ENOMEM. */
int local_file_decode(const char *data, size_t size, const char *name, LocalFile *ret);

/* Reads the file of this name in the directory. 0: *ret is filled, damaged or not, and cleared by the caller; -ENOENT:
 * there is no such file; another errno: no answer is possible (out of memory or descriptors). */
int local_file_read(int directory_fd, const char *name, LocalFile *ret);
