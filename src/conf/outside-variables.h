/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The variables that a command has, or that a command line or a script sets itself: "e=docker; $e run web". They are
 * kept as a list of "NAME=value". Only for outside-words.c.
 */

#include "util/macros.h"

/* Keeps an assignment. One without a value, a very long one, or one too many is not kept. */
void outside_variable_set(char ***variables, const char *assignment);
/* Keeps the words behind a script as its "$0", "$1" and so on, and all but the first as "$@". */
void outside_variable_set_words(char ***variables, char *const *words);
/* Keeps what a command of the shell sets: "export A=b", "for A in b", "set -- a b". */
void outside_variable_set_by(char ***variables, char *const *argv);

/* Gives the value of the variable whose name has n letters, or NULL. Borrowed. */
const char *outside_variable_get(char *const *variables, const char *name, size_t n);

/* Gives the words of a program behind options that stand for the variables that this program obeys: with
 * DOCKER_HOST=x, "docker run" is "docker --host x run". Returns NULL if there is none. To be freed with free(); the
 * words are borrowed. */
char **outside_variable_options(char *const *variables, char *const *argv);
