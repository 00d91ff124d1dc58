/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What "leasectl run" is to run, as leased-run gets it (run/protocol.h). */

#include "ctl/ctl.h"

typedef struct RunCommand {
        char **arguments;      /* borrowed; ended by NULL */
        char *const *settings; /* --setenv=: NAME=VALUE; ended by NULL */
        const char *directory; /* --working-directory=; NULL: where we are */
} RunCommand;

/* Answers the READY of leased-run: everything that the command is to have, and the three descriptors. terminal: they
 * are a pseudo terminal's. 0 or a negative errno. */
int run_job_send(int socket, const RunCommand *command, const int fds[static 3], bool terminal);
/* Sends one of our signals on, for the command. */
void run_job_signal(int socket, int signal);
