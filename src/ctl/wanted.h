/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Which units "leasectl submit" submits for the files that it is given: of a template, instances. */

#include "ctl/ctl.h"
#include "util/unit-name.h"

/* What is to be submitted: the unit, and the file where its text is. */
typedef struct Wanted {
        char unit[UNIT_NAME_SPACE];
        const char *path; /* borrowed */
        char *template;   /* the path, if it is not borrowed; NULL: it is */
        unsigned copies;  /* Copies= of the unit; 0: its files say */
        bool comes_along; /* as the companion of another one that is wanted */
} Wanted;

typedef struct WantedList {
        Wanted *items; /* with room for all, made by the caller */
        size_t n;
} WantedList;

/* Adds the unit of a file, with Copies= if copies (--copies=) is not 0, or of a template the instances 1 to copies. At
 * most MAX(copies, 1) units are added. Borrows path. Complains of what cannot be submitted; returns an exit code. */
int wanted_add(WantedList *w, const char *path, unsigned copies);
/* Whether the unit starts the other one, by its files (as in UnitRecord) and those of the other
 * (ctl/unit-record-starts.h). */
bool wanted_starts(const char *unit, const json_t *files, const char *other, const json_t *others_files);
/* Looks whether what the unit starts, by its files, is wanted, too: no machine would take the unit without it.
 * Complains if not; returns an exit code. */
int wanted_check(const WantedList *w, const char *unit, const json_t *files);
/* Frees the list; for _cleanup_. */
void wanted_done(WantedList *w);
