/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Gives the name of a file system that several machines may have mounted, by its statfs() magic, as static text; NULL:
 * this is no such file system. */
const char *local_network_file_system(long magic);
/* Makes the directory if it is missing, and checks that a local registry may lie in it. Returns 0, or a negative errno
 * with *ret_error one line for people, owned by the caller. */
int local_directory_prepare(const char *directory, char **ret_error);
