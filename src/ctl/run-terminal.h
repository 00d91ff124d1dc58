/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A pseudo terminal for a command that runs elsewhere. What is typed on the terminal of leasectl goes to the command,
 * what the command prints comes to the terminal, and the size of the pseudo terminal follows that of the terminal.
 * While the pseudo terminal is in use, the terminal of leasectl hands on every key, Ctrl-C among them.
 */

#include <poll.h>
#include <termios.h>

#include "util/macros.h"

enum {
        RUN_TERMINAL_FDS = 4, /* descriptors that poll() is to be asked about */
        RUN_TERMINAL_BUFFER = 4096,
};

typedef struct RunTerminal {
        int master; /* -1: there is none */
        int output; /* standard output, on which a write never blocks, if it can be opened so */
        bool raw;   /* our terminal is in raw mode, and has to be put back */
        bool ours;  /* standard input is a terminal */
        struct termios before;
        char in[RUN_TERMINAL_BUFFER], out[RUN_TERMINAL_BUFFER];
        size_t n_in, n_out;
        bool in_over;  /* nothing more comes from standard input */
        bool out_over; /* nothing more comes from the command */
        bool gone;     /* our terminal, or the reader of standard output, is gone */
} RunTerminal;

/* Makes the pseudo terminal. *ret_slave is its other end, for the command, and is closed by the caller, as is
 * t->master (also on failure, if it is not -1). Standard output is opened anew, for as long as the process lives.
 * Returns 0 or a negative errno. */
int run_terminal_open(RunTerminal *t, int *ret_slave);
/* Puts our terminal into raw mode, if standard input is one: from then on every key is for the command. */
void run_terminal_take(RunTerminal *t);
/* Puts our terminal back into the mode that it had before. Does nothing if the mode was not changed. */
void run_terminal_give_back(RunTerminal *t);
/* Gives the pseudo terminal the size of our terminal. */
void run_terminal_resize(const RunTerminal *t);
/* run_terminal_prepare() fills in the descriptors and events for poll(). run_terminal_forward() carries over what
 * poll() has reported as ready. */
void run_terminal_prepare(const RunTerminal *t, struct pollfd fds[static RUN_TERMINAL_FDS]);
void run_terminal_forward(RunTerminal *t, const struct pollfd fds[static RUN_TERMINAL_FDS]);
/* Prints what the command wrote before it ended. Waits only while more comes, at most 100 ms for the next piece. */
void run_terminal_drain(RunTerminal *t);
