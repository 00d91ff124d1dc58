/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The guard's files below /run/leased:
 *   held/UNIT    the gates: while one is there, PID 1 may start the unit
 *   guard/UNIT   a mark for each unit that may run under the guard's eye, with what a successor must know to finish
 * the work of a guard that is gone: until when the unit may live members/UNIT the daemon's: what else goes by the
 * unit's entry (protocol.h); only read here guard.beat   the t0 of the latest beat, which moves the marks of all live
 * entries at once
 *
 * Marks and beat are of fixed size and written in place, so that they can still be changed where /run is full.
 * None of them is locked: a lock that safety hung on could be held by whoever can open its file (util/lock-file.h).
 * That there is one guard is seen to by PID 1, and by main.c for those that are started by hand. Nothing in here logs;
 * all functions return 0 or a negative errno. They never wait: /run is memory.
 */

#include "util/macros.h"
#include "util/time-util.h"

typedef struct Gates Gates;

typedef struct Mark {
        uint64_t index;
        usec_t kill_at;     /* without a beat later than the mark */
        usec_t kill_offset; /* from a beat; unless ended */
        bool ended;         /* expired or lost: beats no longer count */
} Mark;

/* Makes the folders where they are missing. Where /run is so full that there can be no files, it still succeeds: gates
 * must be removable then. */
int gates_new(const char *directory, Gates **ret);
Gates *gates_free(Gates *g);
DEFINE_TRIVIAL_CLEANUP(Gates *, gates_free)

/* Makes folders and beat anew where they have vanished. Whether gates or marks may have, too: the caller then makes
 * those anew that should be there, at which those that are there take no harm. To be called from time to time. */
bool gates_look(Gates *g);

/* Removes every gate, whoever made it. Goes on after a failure and returns the first. */
int gates_wipe(Gates *g);
int gates_open(Gates *g, const char *unit);
/* A gate that is not there is fine. */
int gates_close(Gates *g, const char *unit);

int gates_mark(Gates *g, const char *unit, const Mark *mark);
int gates_unmark(Gates *g, const char *unit);
/* Whoever opens a gate relies on it: without a file for beats, marks alone say when a unit is to be gone, only
 * earlier. */
int gates_beat(Gates *g, usec_t t0);

/* The lines of members/UNIT, NULL if there is no such file; freed by strv_free(). */
#define GATES_NO_MEMBERS_FOLDER 1 /* instead of 0: not even their folder is there */
int gates_members(Gates *g, const char *unit, char ***ret);

/* What a mark's and the beat's file hold, of size bytes, whatever they are. false: damaged. */
bool mark_decode(const char *text, size_t size, Mark *ret);
bool beat_decode(const char *text, size_t size, usec_t *ret);

/* Calls f for each mark, with beats reckoned in: mark->kill_at is when the unit has to be gone. A damaged mark has 0.
 */
int gates_each_mark(Gates *g, void (*f)(const char *unit, const Mark *mark, void *userdata), void *userdata);
