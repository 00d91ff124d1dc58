/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The units that are enabled here, as their files say now: read a few at a time, and not in force yet. Pure but for
 * the reading of files. */

#include "conf/conf.h"

/* One enabled unit. */
typedef struct Candidate {
        char *name;
        UnitOptions *options; /* NULL: the file cannot be read, or the options were taken */
        bool bad;             /* the file has bad lines, in whose place the defaults stand */
} Candidate;

typedef struct Candidates {
        char **names; /* all that are enabled */
        size_t next;  /* the first name that was not read yet */
        Candidate *list;
        size_t n;
        int error; /* the list of enabled units cannot be read */
} Candidates;

/* Lists the enabled units and reads none yet. What is wrong becomes messages. */
void candidates_list(Candidates *c, Messages *messages);
/* Reads the options of as many more at most. false: all are read. */
bool candidates_read(Candidates *c, size_t most, Messages *messages);
/* Frees what c holds; c is empty then. */
void candidates_done(Candidates *c);
