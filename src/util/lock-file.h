/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Files that are locked with flock(2), the only ones in the project (tests/house looks for others).
 *
 * flock() needs no more than a descriptor, so whoever can read a lock file can hold the lock. A lock file is therefore
 * made with mode 0600. One that others can open, as an earlier version or an administrator may have left it, is not
 * merely given that mode: who has it open already could lock it at any later time. A copy takes its place instead.
 *
 * Nothing in here waits or logs; functions return 0 or a descriptor, or a negative errno.
 */

#include "util/macros.h"

/* Opens name below the directory dir_fd (or AT_FDCWD) to read and write; makes it if create is set. The descriptor is
 * the caller's. */
int lock_file_open(int dir_fd, const char *name, bool create);
/* Takes the lock. -EWOULDBLOCK: somebody else has it. */
int lock_file_try(int fd);
void lock_file_unlock(int fd);
/* Whether nobody but its owner, who is us, may open it. */
bool lock_file_is_private(int fd);
/* Puts a private copy in the place of the file, and *fd, which is closed, becomes a descriptor of it, with the lock.
 * The lock of *fd should be held where others may write to the file. The first 4096 bytes are copied. */
int lock_file_replace(int dir_fd, const char *name, int *fd);
