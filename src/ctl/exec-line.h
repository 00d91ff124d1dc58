/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

/* Gives the words of a command as PID 1 tells it (ExecStart= and the like on D-Bus). The first one is the path of the
 * program that is run. Owned by the caller; NULL: out of memory. */
char **exec_line_words(const json_t *command);
