/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "util/macros.h"

/* Whether the words of ssh run a command on this very machine. Only for outside.c. */
bool outside_ssh_runs_here(char *const *argv);

/* Whether an address is one of this machine: "localhost", "127.1", "user@[::1]:22", "ssh://HOST:22/path". One without
 * a host is ("unix:///run/x", "tcp://:80"). No name is looked up. Only for the files outside*.c. */
bool outside_address_is_here(const char *address);
