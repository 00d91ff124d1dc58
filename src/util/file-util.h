/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Small files, read and written as a whole. Functions return 0 or a negative errno. Nothing in here logs.
 */

#include <stddef.h>
#include <sys/types.h>
#include <unistd.h>

#include "util/macros.h"

typedef enum WriteFlags {
        WRITE_SYNC = 1 << 0, /* the data and the directory entry are on disk when the call returns */
} WriteFlags;

/* Reads a file of at most max bytes. *ret is followed by a NUL and owned by the caller; *ret_size (ret_size may be
 * NULL) is its size without that. -E2BIG: the file is longer. */
int read_file(const char *path, size_t max, char **ret, size_t *ret_size);

/* The same of what a descriptor has to give. */
int read_fd(int fd, size_t max, char **ret, size_t *ret_size);

/* Writes all of the data to a descriptor, however many calls that takes. */
int write_all(int fd, const void *data, size_t size);

/* Puts a file with this content in the place of path: written to a temporary file beside it, which is then renamed, so
 * that nobody ever sees half a file. */
int write_file_atomic(const char *path, const void *data, size_t size, mode_t mode, WriteFlags flags);

/* Puts what was made, renamed or removed in a directory on disk. */
int sync_directory(const char *directory);
/* The same for all that was written to the file system of a directory, also for the contents of files. */
int sync_file_system(const char *directory);

/* Makes a directory and its parents. 0 also if it is there; -ENOTDIR if something else is. */
int mkdir_parents(const char *path, mode_t mode);

/* Removes a file. 0 also if it is not there. */
int unlink_if_exists(const char *path);

/* For _cleanup_: closes a descriptor unless it is negative. */
static inline void closep(int *fd) {
        if (*fd >= 0)
                (void) close(*fd);
}

#define _cleanup_close_ _cleanup_(closep)
