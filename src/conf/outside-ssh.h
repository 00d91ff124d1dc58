/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "util/macros.h"

/* Whether the words of ssh run a command on this very machine. Only for outside.c. */
bool outside_ssh_runs_here(char *const *argv);
