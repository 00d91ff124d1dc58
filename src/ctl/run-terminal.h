/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A pseudo terminal between ours and that of a command which runs elsewhere: what is typed goes there, what it prints
 * comes here, and its size follows ours. While it is in use, our terminal hands on every key, Ctrl-C among them.
 */

#include <poll.h>
#include <termios.h>

#include "util/macros.h"

enum {
        RUN_TERMINAL_FDS = 4, /* of which poll() is to be asked */
        RUN_TERMINAL_BUFFER = 4096,
};

typedef struct RunTerminal {
        int master; /* -1: there is none */
        bool raw;   /* ours is, and has to be put back */
        bool ours;  /* standard input is a terminal */
        struct termios before;
        char in[RUN_TERMINAL_BUFFER], out[RUN_TERMINAL_BUFFER];
        size_t n_in, n_out;
        bool in_over;  /* nothing more comes from standard input */
        bool out_over; /* nothing more comes from the command */
        bool gone;     /* our terminal, or the reader of standard output */
} RunTerminal;

/* Makes it. *ret_slave is the caller's, for the command. 0 or a negative errno. */
int run_terminal_open(RunTerminal *t, int *ret_slave);
/* From here on what is typed is not ours any more. */
void run_terminal_take(RunTerminal *t);
/* Puts our terminal back as it was. */
void run_terminal_give_back(RunTerminal *t);
/* Our size has changed. */
void run_terminal_resize(const RunTerminal *t);
/* What to wait for, and what to do when poll() has said so. */
void run_terminal_prepare(const RunTerminal *t, struct pollfd fds[static RUN_TERMINAL_FDS]);
void run_terminal_forward(RunTerminal *t, const struct pollfd fds[static RUN_TERMINAL_FDS]);
/* The command has ended: prints what is under way. */
void run_terminal_drain(RunTerminal *t);
