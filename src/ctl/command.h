/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sys/types.h>

#include "ctl/ctl.h"

/*
 * A command that somebody else gave us to run, with all that comes of it. What its processes leave behind becomes our
 * child (PR_SET_CHILD_SUBREAPER), however it has tried to get away, so that we know when the last one is gone. Nothing
 * else may have been started by this program.
 */

typedef struct Command {
        pid_t pid;
        bool ended; /* the command itself */
        bool left;  /* some process of it is left, be it itself */
        int code;   /* how it ended, as a shell says it: its exit code, or 128 and the signal */
} Command;

/* Starts argv[0], to be found as a shell does, with more of environment: pairs of name and value, NULL at the end. It
 * is killed if we are. What cannot be executed is told by the child, and ends with 126 or 127. */
int command_start(Command *c, char **argv, const char *const *environment);
/* Buries what has ended, and so brings c up to date. To be called after each SIGCHLD. */
void command_reap(Command *c);
/* A signal to the command itself. */
void command_signal(const Command *c, int signal);
/* A signal to all that is left of it. What is forked meanwhile may be missed: say SIGKILL again until nothing is left.
 */
void command_signal_all(int signal);
