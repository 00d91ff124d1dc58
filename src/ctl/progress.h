/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/ctl.h"

/*
 * What is going on while a command waits for a unit, on stderr: nothing for the first two seconds, then one line for each
 * change, or one that is written over again and again on a terminal.
 */

#define PROGRESS_POLL (200 * USEC_PER_MSEC)

typedef struct Progress {
        const char *unit; /* borrowed */
        usec_t begun;
        char last[256];   /* what was shown */
        bool shown;
} Progress;

Progress progress_begin(const char *unit);
/* props: the properties of org.leased1.Unit now; and, if it is the registry that is waited for, what is wrong with it as
 * "Trouble". */
void progress_show(Progress *p, const json_t *props);
void progress_end(Progress *p);
