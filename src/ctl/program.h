/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "util/macros.h"
#include "util/time-util.h"

/*
 * Runs the programs of others that leasectl needs: etcdctl and openssl, which get no input, ssh-keygen, and an
 * editor.
 */

/* Whether $PATH has an executable file of that name. */
bool program_is_installed(const char *name);

/* Whether ssh may be given this as the name of a machine. A record may have any text there, which somebody's
 * ProxyCommand would hand to a shell. */
bool program_is_host(const char *name);

/* Runs argv[0], which is looked for in $PATH, and waits until it ends, without a time limit. *ret is what the
 * program wrote on stdout, *ret_error what it wrote on stderr, owned by the caller. With NULL for
 * one of them, that is thrown away; a program that writes more than 1 MiB on one that is read is killed: -EFBIG.
 * Returns the exit code of the program, 128 plus the number of the signal that ended it, or a negative errno; *ret and
 * *ret_error are then untouched. Prints nothing.
 */
int program_run(const char *const argv[], char **ret, char **ret_error);

/* Does the same for a program that reads this text on its standard input; "": it has none. A program that has not
 * ended after so long is killed, with all that it has started in its process group: -ETIMEDOUT. USEC_INFINITY: it has
 * as long as it wants, and the terminal. */
int program_feed(const char *const argv[], const char *input, usec_t limit, char **ret, char **ret_error);

/* Runs a program without input, which ends with us if somebody presses Ctrl-C, and writes what it writes on stdout to
 * the file, at most so many bytes. It is killed, and nothing else is, if it writes more (-EFBIG; the same goes for
 * 1 MiB on stderr) or has not ended after so long (-ETIMEDOUT). Returns what program_run() returns. */
int program_save(const char *const argv[], usec_t limit, size_t most, int file);

/* Gives why such a program was killed, as it goes on after "cannot be read"; "" if it was not. Static string. */
const char *program_trouble(int r);

/* One of several programs that run side by side. The caller sets argv and most, and the rest is the functions'. */
typedef struct ProgramJob {
        const char *const *argv; /* argv[0] is looked for in $PATH */
        size_t most;             /* a program that writes more bytes on stdout than this gets an error */
        int code;                /* how it has ended, as of program_feed() */
        char *output;            /* what it wrote on stdout, owned by the caller; NULL if that is not known */
        pid_t pid;
        int pidfd, out; /* -1: not open */
} ProgramJob;

/* Runs several programs side by side, each without input, and throws away what they write on stderr. One that has not
 * ended after so long is killed, with all that it has started in its process group: -ETIMEDOUT. Now and then waits()
 * is called, with the jobs that have not ended as those whose pidfd is not -1. Ctrl-C, which the terminal does not
 * send to those process groups, kills all jobs that are left; the caller then has to end us (interrupt_came()). */
void program_run_many(ProgramJob *jobs, size_t n, usec_t limit, void (*waits)(const ProgramJob *jobs, void *userdata),
                void *userdata);

/* Gives a descriptor of a file in memory with this text, for a program that wants the name of a file:
 * /proc/OUR-PID/fd/NUMBER. The caller closes it. A negative errno. */
int program_hold(const char *text);

/* Does the same as program_run() for a program that has our own input, output and terminal. */
int program_run_here(const char *const argv[]);
