/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "util/macros.h"

/*
 * Programs of others that leasectl runs: etcdctl and openssl. They get no input.
 */

/* Whether a program of that name is in $PATH. */
bool program_is_installed(const char *name);

/* Runs argv[0], looked for in $PATH, and waits for its end. *ret, owned by the caller, is what it wrote on stdout;
 * what it wrote on stderr is in *ret_error, also owned by the caller. Either may be NULL. Returns its exit code, 128
 * and the signal that ended it, or a negative errno; prints nothing. */
int program_run(const char *const argv[], char **ret, char **ret_error);
