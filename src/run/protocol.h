/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What "leasectl run" and leased-run say to each other. leasectl makes a pair of sockets (SOCK_SEQPACKET), keeps one
 * end, and hands the other one to leased, which makes it the standard input of the transient unit of leased-run. So
 * the command line, the environment and the open files of the command go from the caller to a process with the
 * caller's rights, and neither leased nor PID 1 sees them.
 *
 *   READY     leased-run: the lease is held, and privileges are dropped
 *   JOB       leasectl: what to run, with four descriptors: standard input, output and error, and a file with RunJob
 *   FAILED    leased-run, only where the command cannot be executed
 *   SIGNAL    leasectl, as often as it gets one
 *   STOPPING  leased-run, only where systemd ends the unit: the lease cannot be kept, or somebody stopped it
 *   ENDED     leased-run: the command has ended
 *
 * Nothing begins before leasectl has answered READY, so nothing begins when leasectl is gone; and when leasectl's end
 * is closed later, leased-run ends, and PID 1 ends what is left of the command. Both are of one version: leased-run
 * refuses a job of another.
 */

#include <stdint.h>

#define RUN_PROTOCOL 1u

typedef enum RunWord {
        RUN_READY = 1,
        RUN_JOB,
        RUN_FAILED, /* .value: the errno; .step */
        RUN_SIGNAL, /* .value: its number */
        RUN_STOPPING,
        RUN_ENDED, /* .value: the exit code, or 128 and the number of the signal */
} RunWord;

/* Where it failed. */
typedef enum RunStep {
        RUN_STEP_READ,      /* the job cannot be read */
        RUN_STEP_TERMINAL,  /* the pseudo terminal cannot be made its own */
        RUN_STEP_DIRECTORY, /* it cannot go to the working directory */
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

/* The beginning of the file; behind it the working directory, the arguments and the environment, each ended by NUL. */
typedef struct RunJob {
        uint32_t version;
        uint32_t n_arguments; /* at least 1 */
        uint32_t n_environment;
        uint32_t umask;
        uint32_t terminal; /* standard input is a pseudo terminal, which becomes the command's own */
} RunJob;
