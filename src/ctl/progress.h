/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/ctl.h"

/*
 * Shows on stderr what is going on while a command waits. Nothing is shown for the first two seconds. Then, on a
 * terminal, one line is written over again and again; elsewhere a new line is written for each change.
 */

/* How often a command that waits looks for progress. */
#define PROGRESS_POLL (200 * USEC_PER_MSEC)

/* The progress of one unit. */
typedef struct Progress {
        const char *unit; /* borrowed */
        usec_t begun;
        char last[256]; /* what was shown */
        bool shown;
} Progress;

/* The progress of many units: a bar on a terminal; elsewhere at most one line in five seconds. */
typedef struct Bar {
        const char *what; /* borrowed */
        usec_t begun, said_at;
        size_t most;    /* the largest number that was still to do */
        char last[256]; /* what was shown */
        bool shown;
} Bar;

/* Begins to count the time. */
Progress progress_begin(const char *unit);
/* Shows the state of the unit. The argument props holds the properties of org.leased1.Unit, and, if the command
 * waits for the registry, "Trouble", which says what is wrong with the registry. */
void progress_show(Progress *p, const json_t *props);
/* Shows a text. */
void progress_say(Progress *p, const char *text);
/* Takes the line off the terminal. */
void progress_end(Progress *p);

/* Begins to count the time. */
Bar bar_begin(const char *what);
/* Shows how many units are done. The argument left is the number of units that are still to do. The argument
 * trouble says what is wrong with the registry, "" if nothing is. */
void bar_show(Bar *b, size_t left, const char *trouble);
/* Takes the bar off the terminal. */
void bar_end(Bar *b);
