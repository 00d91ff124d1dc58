/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What programs do with a command among their words, by the names of the programs. A name is the last part of a path.
 * Only for outside-words.c.
 */

#include "util/macros.h"

/* Whether a program reads commands as a shell does. */
bool outside_is_shell(const char *name);
/* Whether a program or word of the shell runs a command that is given to it as words. Most have options of their own
 * before the command. */
bool outside_is_wrapper(const char *name);
/* Whether a wrapper is replaced by its command, which then has the wrapper's parent. The others wait for their
 * command, or may. */
bool outside_is_replaced(const char *name);
/* Programs of which the words behind "--", or a path among the words, are no command that they run here: they only
 * look at it, copy it, or run it in a machine of its own. */
bool outside_runs_none(const char *name);
