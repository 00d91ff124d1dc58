/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The command that leased-run was given: taken over from the caller, and executed. */

#include <stdbool.h>

#include "run/protocol.h"

typedef struct Job {
        int fds[_RUN_FD_MAX];
        char *text; /* what the file said: the strings below lie in it */
        RunJob head;
        const char *directory;
        char **arguments;
        char **environment; /* the caller's, and of the unit's own what tells of the lease */
} Job;

/* Says one word to leasectl; a reader that is gone does not matter. */
void job_say(int socket, RunWord word, int value, RunStep step);
/* Takes the job from the socket. 1; 0: leasectl is gone; or a negative errno. */
int job_receive(int socket, Job *ret);
/* Becomes the command: for a child, which returns from here never. What fails is told on the socket. */
void job_execute(const Job *job, int socket) __attribute__((noreturn));
