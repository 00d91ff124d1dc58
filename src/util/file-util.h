/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Small files, read and written as a whole. Functions return 0 or a negative errno, and *ret is unchanged on failure.
 * They wait for the disk. Nothing in here logs.
 */

#include <stddef.h>
#include <sys/types.h>
#include <unistd.h>

#include "util/macros.h"

typedef enum WriteFlags {
        WRITE_SYNC = 1 << 0, /* the data and the directory entry are on disk when the call returns */
} WriteFlags;

/* Reads a file of at most max bytes. *ret is followed by a NUL and owned by the caller; *ret_size (ret_size may be
 * NULL) is its size without that. -E2BIG: the file is longer; -EMEDIUMTYPE: it is a pipe. Waits for nobody. */
int read_file(const char *path, size_t max, char **ret, size_t *ret_size);

/* The same of a descriptor, from where it stands to its end. */
int read_fd(int fd, size_t max, char **ret, size_t *ret_size);

/* Writes all of the data to a descriptor, however many calls that takes. */
int write_all(int fd, const void *data, size_t size);

/* Puts a file with this content and exactly this mode in the place of path. The content is written to a temporary file
 * beside path, which is then renamed, so that nobody ever sees half a file. On failure path is as it was, unless only
 * the sync of its directory has failed. */
int write_file_atomic(const char *path, const void *data, size_t size, mode_t mode, WriteFlags flags);

/* Waits until all that was made, renamed or removed in the directory is on disk; not the contents of its files. */
int sync_directory(const char *directory);
/* Waits until everything that was written to the file system of the directory is on disk. */
int sync_file_system(const char *directory);

/* Makes a directory and its missing parents, all with this mode less the umask. 0 also if the directory is there;
 * -ENOTDIR if there is something else. */
int mkdir_parents(const char *path, mode_t mode);

/* Removes a file. 0 also if there is none. */
int unlink_if_exists(const char *path);

/* For _cleanup_: closes a descriptor unless it is negative. */
static inline void closep(int *fd) {
        if (*fd >= 0)
                (void) close(*fd);
}

#define _cleanup_close_ _cleanup_(closep)
