/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/unit-record.h"

/*
 * The files of a submitted unit in one directory of unit files. A file is leased's own only while it begins with the
 * line that leased writes; any other file of the same name, a link among them, is the administrator's and is never
 * touched.
 *
 * Functions return 0 or a negative errno, and print nothing.
 */

/* The line. */
#define UNIT_PLACE_MARK                                                                                               \
        "# Submitted to the cluster with leasectl submit. Without this line leased leaves the file alone.\n"

typedef struct PlacedFile {
        char *path;
        char *before; /* what is there; NULL: nothing */
        char *text;   /* what is to be there; NULL: nothing */
} PlacedFile;

typedef struct UnitPlace {
        const char *owner; /* borrowed: the unit that a companion goes with; NULL: it is none */
        char *dropins;     /* the directory of drop-ins */
        PlacedFile *files;
        size_t n;
        char *foreign; /* the path of a file that is not leased's; NULL: there is none */
} UnitPlace;

/* Looks at what is there of the unit, and notes what is to be there: its files in the record; none if record is NULL
 * or says that the unit was destroyed. Of a companion, owner is the unit that it goes with (NULL: it is none): the
 * file of a companion of another unit, or of a unit that was submitted alone, is somebody else's. The caller frees
 * *ret with unit_place_done(), also on failure. */
int unit_place_look(
                const char *directory, const char *unit, const char *owner, const UnitRecord *record, UnitPlace *ret);
/* Whether anything of leased's is there; whether it differs from what is to be there. */
bool unit_place_is_used(const UnitPlace *p);
bool unit_place_differs(const UnitPlace *p);
/* Has the files be what they are to be, or with back what they were when they were looked at, in two steps: the first
 * writes all texts beside the files, and changes none of them; the second puts them in place. Instead of the second,
 * what the first has written is removed. What was broken off is made good when it is done again. */
int unit_place_stage(const UnitPlace *p, bool back);
int unit_place_put(const UnitPlace *p, bool back);
void unit_place_unstage(const UnitPlace *p);
void unit_place_done(UnitPlace *p);
