/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Tells leased-run what "leasectl run" is to run (run/protocol.h). */

#include "ctl/ctl.h"

typedef struct RunCommand {
        char **arguments;      /* borrowed; ended by NULL */
        char *const *settings; /* --setenv=: NAME=VALUE; ended by NULL */
        const char *directory; /* --working-directory=; NULL: the present directory */
} RunCommand;

/* Answers the READY of leased-run with the job: the command, the environment and working directory of this process
 * or those given, and the three descriptors that become its standard input, output and error. The argument terminal
 * says that they belong to a pseudo terminal. Keeps no descriptor. Returns 0 or a negative errno. */
int run_job_send(int socket, const RunCommand *command, const int fds[static 3], bool terminal);
/* Passes a signal that this process has got on to the command. Never waits; a failure is ignored. */
void run_job_signal(int socket, int signal);
