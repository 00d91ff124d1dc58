/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * All files of a submitted unit on this machine: its own and its companions' (unit-record.h), in both directories of
 * unit files. Companions are noted in a file before anything of theirs is written, so that those of an earlier version
 * are found whatever was broken off.
 *
 * Functions return 0 or a negative errno, and print nothing, unless something else is said.
 */

#include "ctl/unit-place.h"

#define RUN_UNITS "/run/systemd/system"
#define ETC_UNITS "/etc/systemd/system"

enum {
        ABOUT_SIZE = 200, /* of what a reason speaks of */
};

typedef struct Places {
        UnitPlace *list; /* two of each unit: in the directory where it is to be, and in the other; the unit first */
        size_t n;
        char **names;      /* the unit, its companions, and those of the version before; for strv_free() */
        size_t n_wanted;   /* how many of the names the record has */
        const char *unit;  /* borrowed, the first of the names */
        const char *where; /* the directory */
        char *noted;       /* the path of the note */
} Places;

/* Looks at what is there, and notes what is to be there by the record. The caller frees *ret with places_done(), also
 * on failure. */
int places_look(const char *where, const char *otherwise, const UnitRecord *r, Places *ret);
void places_done(Places *p);
#define _cleanup_places_ _cleanup_(places_done)

/* Gives the file or main name, if the machine has one of the units from elsewhere, or leases one by itself. *ret is
 * owned by the caller. */
int places_find_foreign(Ctl *ctl, const Places *p, char **ret);
/* Whether anything of leased's is there; whether it differs from what is to be there. */
bool places_are_used(const Places *p);
bool places_differ(const Places *p);
/* Gives a companion of the version before that the record has no more, and that is not down yet; borrowed. NULL: there
 * is none. -EIO in *ret_error: PID 1 does not answer. */
const char *places_find_left_up(Ctl *ctl, const Places *p, int *ret_error);
/* Writes the gates of all units that are to be there, which are shut before their files are there. */
int places_gate(const Places *p);
/* Has the files be what they are to be, with those of the companions that the record has no more still there; all of
 * them what they are to be, and those companions' gates gone; what they were, and the gates of what was not there
 * gone; or removes all. */
int places_write_wanted(const Places *p);
int places_write(const Places *p);
int places_restore(const Places *p);
int places_clear(const Places *p);
/* Removes the gates of the companions that do not go with the unit any more. */
void places_ungate(const Places *p, bool all);

/* Has PID 1 start none of the units, or none of the companions, whatever their gates say; and ends that. */
int places_forbid(const Places *p, bool companions_only);
int places_allow(const Places *p);

/* Looks, after PID 1 has reloaded, whether the lease of the unit covers all companions, and whether the unit starts
 * nothing else: what is an administrator's is nobody's to start. Returns false with the reason in about. */
bool places_are_covered(Ctl *ctl, const Places *p, char about[static ABOUT_SIZE]);
/* Begins to stop the companions that the record has no more. */
void places_stop_left(Ctl *ctl, const Places *p);
