/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Commands that have their work done elsewhere. docker run, systemd-run, machinectl start, su and their like ask
 * another process (a daemon, PID 1, logind) for it. The work then lies in a control group that is not the unit's, and
 * goes on when the unit's own processes are dead. This looks at a command line, says so, and says what to write
 * instead.
 *
 * Words are read and nothing is run, so what a script or a file of docker compose does is not seen. Shells (-c), env,
 * nice, timeout, sudo and others that run another command are looked through.
 */

#include "util/macros.h"

/* In the order of what is worse. */
typedef enum Outside {
        OUTSIDE_NO,     /* nothing of the kind, or an option keeps the work in the unit's group or in its slice */
        OUTSIDE_UNSEEN, /* it starts something whose place is defined elsewhere; these words do not say where that is
                         */
        OUTSIDE_YES,    /* its work lies elsewhere */
} Outside;

typedef struct OutsideFinding {
        char what[64];  /* "docker run" */
        char mend[400]; /* what to write, to go on after a colon */
} OutsideFinding;

/*
 * Gives the worst that is found in a command, and in *ret what it is, unless that is OUTSIDE_NO. argv: the command as
 * PID 1 has it, the first word being the path of the program. slice: Slice= of the unit, or NULL. starting: the
 * command is one of ExecStart=, not of a line that helps or stops.
 */
Outside outside_look(char *const *argv, const char *slice, bool starting, OutsideFinding *ret);

/* For outside-words.c: the same of one program, which is not looked through. */
Outside outside_look_at_program(char *const *argv, const char *slice, bool starting, OutsideFinding *ret);
