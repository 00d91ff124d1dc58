/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/ctl.h"

/*
 * What is going on while a command waits, on stderr: nothing for the first two seconds; then one line that is written
 * over again and again on a terminal, or elsewhere a line for each change.
 */

/* How often to look for progress. */
#define PROGRESS_POLL (200 * USEC_PER_MSEC)

/* Of one unit. */
typedef struct Progress {
        const char *unit; /* borrowed */
        usec_t begun;
        char last[256]; /* what was shown */
        bool shown;
} Progress;

/* Of many units: a bar on a terminal; elsewhere at most one line in five seconds. */
typedef struct Bar {
        const char *what; /* borrowed */
        usec_t begun, said_at;
        size_t most;    /* that were to do at once */
        char last[256]; /* what was shown */
        bool shown;
} Bar;

/* Begins to count the time. */
Progress progress_begin(const char *unit);
/* Shows the state of the unit. props: the properties of org.leased1.Unit now, with "Trouble": what is wrong with the
 * registry, where that is what is waited for. */
void progress_show(Progress *p, const json_t *props);
/* Takes the line away. */
void progress_end(Progress *p);

/* Begins to count the time. */
Bar bar_begin(const char *what);
/* Shows how far it is. left: how many are still to do. trouble: what is wrong with the registry; "": nothing. */
void bar_show(Bar *b, size_t left, const char *trouble);
/* Takes the bar away. */
void bar_end(Bar *b);
