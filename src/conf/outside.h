/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Commands that have their work done elsewhere: docker run, systemd-run, machinectl start, su and their like ask
 * another process (a daemon, PID 1, logind) for it, so that it lies in a control group that is not the unit's, and
 * goes on when the unit's own processes are dead. This looks at a command line and says so, and what to write instead.
 *
 * It reads words, and runs nothing: what an own script does, or a file of docker compose, is not seen. Shells (-c),
 * env, nice, timeout, sudo and others that run another command are looked through.
 */

#include "util/macros.h"

typedef enum Outside {
        OUTSIDE_NO,     /* nothing of the kind, or an option keeps the work in the unit's group or in its slice */
        OUTSIDE_UNSEEN, /* it starts what was laid down elsewhere: whether that is in the slice, these words do not say
                         */
        OUTSIDE_YES,
} Outside;

typedef struct OutsideFinding {
        char what[64];  /* "docker run" */
        char mend[400]; /* what to write: goes on after a colon */
} OutsideFinding;

/*
 * argv: as PID 1 has it, the first word being the program's path. slice: Slice= of the unit, or NULL. starting: of
 * ExecStart=, and not of a line that helps or stops. The worst that is found; *ret says what, unless it is OUTSIDE_NO.
 */
Outside outside_look(char *const *argv, const char *slice, bool starting, OutsideFinding *ret);

/* For outside-words.c: one command, whose first word is a program, not looked through. */
Outside outside_look_at_program(char *const *argv, const char *slice, bool starting, OutsideFinding *ret);
