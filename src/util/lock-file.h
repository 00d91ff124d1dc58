/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Files that are locked with flock(2), the only ones in the project (tests/house looks for others).
 *
 * flock() needs no more than a descriptor, so whoever can read a lock file can hold the lock. A lock file is therefore
 * made with mode 0600. If others can open a lock file, because an earlier version or an administrator left it so, it
 * is not enough to change its mode: a process that has the file open already could lock it at any later time. So a
 * copy takes the place of such a file.
 *
 * Nothing in here waits for a lock, or logs; lock_file_replace() waits for the disk. Functions that return int return
 * a negative errno on failure.
 */

#include "util/macros.h"

/* Opens the file name, relative to the directory dir_fd (or AT_FDCWD), to read and write; makes the file if create is
 * set. A symbolic link is not followed (-ELOOP). Returns the descriptor, owned by the caller. */
int lock_file_open(int dir_fd, const char *name, bool create);
/* Tries to take the lock, which lasts until all copies of the descriptor are closed. 0; -EWOULDBLOCK: somebody else
 * has the lock. */
int lock_file_try(int fd);
/* Whether the file belongs to our user and nobody else may open it. false also if that cannot be found out. */
bool lock_file_is_private(int fd);
/* Puts a private copy of the file *fd in the place of name. *fd is closed and replaced by a descriptor of the copy,
 * which holds the copy's lock. Only the first 4096 bytes are copied. If others may write to the file, hold its lock
 * before the call. Returns 0; on failure *fd and the file are as they were. */
int lock_file_replace(int dir_fd, const char *name, int *fd);
