/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/ctl.h"

/*
 * What is going on while a command waits for a unit, on stderr: nothing for the first two seconds, then one line for
 * each change, or one that is written over again and again on a terminal.
 */

#define PROGRESS_POLL (200 * USEC_PER_MSEC)

typedef struct Progress {
        const char *unit; /* borrowed */
        usec_t begun;
        char last[256]; /* what was shown */
        bool shown;
} Progress;

/* How far many units are: a bar on a terminal, otherwise a line when there is something new, not more than one in five
 * seconds. Nothing for the first two seconds either. */
typedef struct Bar {
        const char *what; /* borrowed */
        usec_t begun, said_at;
        size_t most;    /* that were to do at once */
        char last[256]; /* what was shown */
        bool shown;
} Bar;

Bar bar_begin(const char *what);
/* left: to do yet. trouble: what is waited for besides; "" nothing. */
void bar_show(Bar *b, size_t left, const char *trouble);
void bar_end(Bar *b);

Progress progress_begin(const char *unit);
/* props: the properties of org.leased1.Unit now; and, if it is the registry that is waited for, what is wrong with it
 * as "Trouble". */
void progress_show(Progress *p, const json_t *props);
void progress_end(Progress *p);
