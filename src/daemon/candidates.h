/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The units that are enabled here, as their files say now. They are read a few at a time; nothing of them is in force
 * yet. Pure but for the reading of files. */

#include "conf/conf.h"

/* One enabled unit. */
typedef struct Candidate {
        char *name;
        UnitOptions *options; /* NULL: the file cannot be read, or whoever puts the options in force has taken them */
        bool bad;             /* the file has bad lines, in whose place the defaults stand */
} Candidate;

typedef struct Candidates {
        char **names; /* of all units that are enabled */
        size_t next;  /* the first name that was not read yet */
        Candidate *list;
        size_t n;
        int error; /* a negative errno: the list of enabled units cannot be read; 0: it can */
} Candidates;

/* Lists the enabled units into c, which must be empty, and reads none of them yet. What is wrong is added to messages,
 * and a failure is also kept in c->error. */
void candidates_list(Candidates *c, Messages *messages);
/* Reads the options of the next unit; what is wrong is added to messages. true: there are more to
 * read. false: all are read, or c->error is set. */
bool candidates_read(Candidates *c, Messages *messages);
/* Frees what c holds; c is empty then. */
void candidates_done(Candidates *c);
