/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <jansson.h>

/* Gives the commands of a line ("ExecStart") as PID 1 tells them among the properties of a service: with their flags
 * ("ExecStartEx"), if PID 1 tells these. Borrowed; NULL: there is none. */
json_t *exec_line_commands(const json_t *service, const char *line);

/* Gives the words of one of these commands. The first one is the path of the program that is run. A command that is
 * handed to a shell ("|") gets the words with which PID 1 runs that shell. Variables that Environment= of the service
 * sets are put in. Owned by the caller; NULL: out of memory. */
char **exec_line_words(const json_t *service, const json_t *command);
