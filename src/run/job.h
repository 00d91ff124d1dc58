/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The command that leased-run was given: how it is received from leasectl, and executed. */

#include <stdbool.h>

#include "run/protocol.h"

typedef struct Job {
        int fds[_RUN_FD_MAX];
        char *text; /* what the file said, owned: the strings below point into it */
        RunJob head;
        const char *directory;
        char **arguments;
        char **environment; /* the caller's variables, and those of leased-run's own that tell of the lease */
} Job;

/* Sends one word to leasectl, without waiting. If leasectl is gone or does not read, the word is lost. */
void job_say(int socket, RunWord word, int value, RunStep step);
/* Receives the job from the socket into ret, which must be all zero. 1; 0: leasectl is gone; or a negative errno
 * (-EPROTO, -EBADMSG: what came is not a job of this version). The caller closes the descriptors in ret->fds that are
 * above standard error, also after an error. */
int job_receive(int socket, Job *ret);
/* Becomes the command. For a child process: never returns. If the command cannot be executed, the socket is told why
 * (RUN_FAILED), and the child exits with 126 or 127, as a shell does. */
void job_execute(const Job *job, int socket) __attribute__((noreturn));
