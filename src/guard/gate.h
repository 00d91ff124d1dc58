/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The guard's files below /run/leased:
 *   held/UNIT     the gates: while one is there, PID 1 may start the unit
 *   guard/UNIT    the marks: one for each unit that may run under the guard's eye, with what a successor must know to
 *                 finish the work of a guard that is gone, that is until when the unit may live
 *   guard.beat    the t0 of the latest beat, which moves the marks of all live entries at once
 *   members/UNIT  the daemon's file: what else goes by the unit's entry (protocol.h). Only read here
 *
 * Marks and beat are of fixed size and written in place, so that they can still be changed where /run is full.
 * None of the files is locked: whoever can open a file can hold its lock, and no lock that safety hangs on may be in
 * the hands of others (util/lock-file.h). That there is only one guard is seen to by PID 1, and by main.c for a guard
 * that is started by hand.
 *
 * Nothing in here logs; functions return 0 or a negative errno unless they say otherwise. They never wait: /run is
 * memory.
 */

#include "util/macros.h"
#include "util/time-util.h"

typedef struct Gates Gates;

typedef struct Mark {
        uint64_t index;
        usec_t kill_at;     /* as it was when the mark was written */
        usec_t kill_offset; /* from the t0 of a beat, which makes kill_at later unless the entry has ended */
        bool ended;         /* the entry is expired or lost: beats no longer count */
} Mark;

/* Makes the folders and the file for beats where they are missing. Where /run is so full that there can be no files,
 * it still succeeds: gates must be removable then. */
int gates_new(const char *directory, Gates **ret);
Gates *gates_free(Gates *g);
DEFINE_TRIVIAL_CLEANUP(Gates *, gates_free)

/* Makes folders and the file for beats anew where they have vanished. true: gates or marks may have vanished as well,
 * and the caller makes those anew that should be there (one that is there takes no harm). To be called from time to
 * time.
 */
bool gates_look(Gates *g);

/* Removes every gate, whoever made it. Goes on after a failure and returns the first. */
int gates_wipe(Gates *g);
/* Makes the unit's gate. One that is there stays. */
int gates_open(Gates *g, const char *unit);
/* Whether the unit's gate is there, and its mark. */
bool gates_has_gate(const Gates *g, const char *unit);
bool gates_has_mark(const Gates *g, const char *unit);
/* Removes the unit's gate. One that is not there is no failure. */
int gates_close(Gates *g, const char *unit);

/* Writes the unit's mark, over the one that is there. */
int gates_mark(Gates *g, const char *unit, const Mark *mark);
/* Removes the unit's mark. One that is not there is no failure. */
int gates_unmark(Gates *g, const char *unit);
/* Writes the t0 of a beat. Where that fails, the marks alone say until when a unit may live: that is earlier, so safe.
 */
int gates_beat(Gates *g, usec_t t0);

/* Returned by gates_members() instead of 0: not even the folder of the file is there. */
#define GATES_NO_MEMBERS_FOLDER 1
/* The lines of members/UNIT, NULL if there is no such file; freed by strv_free(). */
int gates_members(Gates *g, const char *unit, char ***ret);

/* The contents of a mark's file, and of the file for beats: size bytes, whatever they are. false: damaged. */
bool mark_decode(const char *text, size_t size, Mark *ret);
bool beat_decode(const char *text, size_t size, usec_t *ret);

/* Calls f for each mark. The latest beat is reckoned in: mark->kill_at is when the unit has to be gone. Of a mark that
 * is damaged everything is 0: its unit has to be gone at once. */
int gates_each_mark(Gates *g, void (*f)(const char *unit, const Mark *mark, void *userdata), void *userdata);
