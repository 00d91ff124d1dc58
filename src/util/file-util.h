/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Whole files: small ones, read and written at once. All functions are non-logging and return 0 or a negative errno.
 */

#include <stddef.h>
#include <sys/types.h>
#include <unistd.h>

#include "util/macros.h"

typedef enum WriteFlags {
        WRITE_SYNC = 1 << 0, /* the data and the directory entry are on disk when the call returns */
} WriteFlags;

/* Reads at most max bytes; a longer file is -E2BIG. *ret is NUL-terminated, owned by the caller; ret_size may be NULL.
 */
int read_file(const char *path, size_t max, char **ret, size_t *ret_size);

/* Writes all of it to a descriptor. */
int write_all(int fd, const void *data, size_t size);

/* Replaces path by data: temporary file beside it, write, (fsync,) rename. Nobody ever sees a half-written file. */
int write_file_atomic(const char *path, const void *data, size_t size, mode_t mode, WriteFlags flags);

/* mkdir with parents; an existing directory is fine. */
int mkdir_parents(const char *path, mode_t mode);

/* Removes the file; one that is not there is fine. */
int unlink_if_exists(const char *path);

static inline void closep(int *fd) {
        if (*fd >= 0)
                (void) close(*fd);
}

#define _cleanup_close_ _cleanup_(closep)
