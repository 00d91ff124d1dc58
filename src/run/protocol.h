/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What "leasectl run" and leased-run say to each other. leasectl makes a pair of sockets (SOCK_SEQPACKET), keeps one
 * end, and hands the other one to leased, which has PID 1 make it the standard input of leased-run. So the command
 * line, the environment and the open files of the command go from the caller to a process with the caller's rights,
 * and neither leased nor PID 1 sees them.
 *
 *   READY     leased-run: the lease is held, and privileges are dropped
 *   JOB       leasectl: what to run, with four descriptors: standard input, output and error, and a file with RunJob
 *   FAILED    leased-run, only where the command cannot be executed, and why
 *   SIGNAL    leasectl, for each signal that it gets and that the command is to get
 *   STOPPING  leased-run, only where systemd ends the unit: the lease cannot be kept, or somebody stopped it
 *   ENDED     leased-run: the command has ended, and how
 *
 * The command begins only after leasectl has answered READY, so it never begins when leasectl is gone. When leasectl's
 * end is closed later, leased-run ends, and PID 1 ends what is left of the command. Both programs must be of the same
 * version of this protocol: leased-run refuses a job of another one.
 */

#include <stdint.h>

#define RUN_PROTOCOL 1u

typedef enum RunWord {
        RUN_READY = 1,
        RUN_JOB,
        RUN_FAILED, /* .value: the errno; .step */
        RUN_SIGNAL, /* .value: the number of the signal */
        RUN_STOPPING,
        RUN_ENDED, /* .value: the exit code, or 128 and the number of the signal */
} RunWord;

/* Why the command did not begin. */
typedef enum RunStep {
        RUN_STEP_READ,      /* the job cannot be read */
        RUN_STEP_TERMINAL,  /* the pseudo terminal cannot be made the command's own */
        RUN_STEP_DIRECTORY, /* the working directory cannot be entered */
        RUN_STEP_EXECUTE,
} RunStep;

typedef struct RunMessage {
        uint32_t version;
        uint32_t word; /* RunWord */
        int32_t value;
        uint32_t step; /* RunStep */
} RunMessage;

enum {
        RUN_FD_STDIN,
        RUN_FD_STDOUT,
        RUN_FD_STDERR,
        RUN_FD_JOB,
        _RUN_FD_MAX,
};

/* The beginning of the file. After it come the working directory, the arguments and the environment, each string ended
 * by a NUL. */
typedef struct RunJob {
        uint32_t version;
        uint32_t n_arguments; /* at least 1 */
        uint32_t n_environment;
        uint32_t umask;
        uint32_t terminal; /* standard input is a pseudo terminal, which becomes the command's own */
} RunJob;
