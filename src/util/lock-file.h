/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Files that are locked with flock(2), the only ones in the project (tests/house looks for others).
 *
 * flock() needs no more than a descriptor, so whoever can read a lock file can hold the lock. A lock file is therefore
 * made with mode 0600. A file that others can open, left by an earlier version or an administrator, is not merely
 * given that mode: a process that has it open already could lock it at any later time. A copy takes its place instead.
 *
 * Nothing in here waits or logs. Functions that return int return a negative errno on failure.
 */

#include "util/macros.h"

/* Opens name below the directory dir_fd (or AT_FDCWD) to read and write, and makes the file if create is set. Returns
 * the descriptor, owned by the caller. */
int lock_file_open(int dir_fd, const char *name, bool create);
/* Takes the lock. 0, or -EWOULDBLOCK: somebody else has it. */
int lock_file_try(int fd);
/* Whether the file belongs to us and nobody else may open it. */
bool lock_file_is_private(int fd);
/* Puts a private copy in the place of the file. *fd is closed, and becomes a descriptor of the copy that holds the
 * lock. The lock of *fd should be held where others may write to the file. The first 4096 bytes are copied. 0 on
 * success. */
int lock_file_replace(int dir_fd, const char *name, int *fd);
