/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "conf/outside.h"

/* Scripts for a shell that stand in files. A script may have a command that it never runs here, so what is found in
 * one is not certain. */

/* Reads the script that a command runs, if this is one in a file that can be read here. Owned by the caller; NULL:
 * there is none. */
char *script_read(char *const *argv);

/* As outside_each_command(), which sees only the words of a command: f is also called for the commands of a script
 * that the command runs, and of those that this script runs in turn. */
void script_each_command(char *const *argv, outside_command_t f, void *userdata);
