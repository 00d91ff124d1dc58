/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The name of a file system that several machines may have mounted, by its statfs() magic; NULL: it is not one. */
const char *local_network_file_system(long magic);
/* Makes the directory and looks at it. A negative errno, with one line for people. */
int local_directory_prepare(const char *directory, char **ret_error);
