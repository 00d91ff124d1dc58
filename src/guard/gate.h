/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The guard's files below /run/leased:
 *   held/UNIT     the gates: while this file is there, PID 1 may start the unit
 *   guard/UNIT    the marks, one for each unit that may run under a guard's entry. If a guard is gone, its successor
 *                 learns from the mark until when the unit may live, and finishes the work
 *   guard.beat    the t0 of the latest beat, which moves the marks of all live entries at once
 *   guard.pause   when the machine was last seen to have been paused, and for how long at most (host.h)
 *   members/UNIT  the daemon's file, only read here: the members of the unit (protocol.h)
 *
 * A mark and the beat are of fixed size and written in place, so that they can still be changed when /run is full.
 * None of the files is locked: whoever can open a file can hold its lock, and no lock that safety depends on may be
 * held by others (util/lock-file.h). PID 1 sees to it that there is only one guard, and main.c does for a guard that
 * is started by hand.
 *
 * Nothing in here logs. Functions that return int return 0 or a negative errno unless they say otherwise. None of them
 * waits, because /run is memory.
 */

#include "util/macros.h"
#include "util/time-util.h"

typedef struct Gates Gates;

typedef struct Mark {
        uint64_t index; /* of the lease */
        usec_t kill_at; /* CLOCK_BOOTTIME, as it was when the mark was written. USEC_INFINITY: the unit is kept beyond
                           its deadlines (law 13) */
        usec_t kill_offset; /* a later beat makes kill_at its t0 + this, unless the entry has ended */
        bool ended;         /* the entry is expired or lost: beats do not count any more */
} Mark;

/* Gives an object that the caller owns. Makes the folders and the file for beats below directory (/run/leased) if they
 * are missing. Also succeeds if /run is so full that they cannot be made, because gates must be removable then.
 * -ENOMEM, or -ENAMETOOLONG. */
int gates_new(const char *directory, Gates **ret);
/* Frees the object; NULL is allowed. The files stay. Returns NULL. */
Gates *gates_free(Gates *g);
DEFINE_TRIVIAL_CLEANUP(Gates *, gates_free)

/* Makes the folders and the file for beats anew if they have vanished. To be called from time to time. Returns true if
 * gates or marks may have vanished as well: the caller then makes anew those that should be there. Making one that is
 * there does no harm. */
bool gates_look(Gates *g);
/* Has gates_look() return true the next time. */
void gates_look_again(Gates *g);

/* Removes every gate, whoever made it. Goes on after a failure, and returns the first one. Takes the longer the more
 * gates there are: for a guard that serves nobody yet, or no longer. */
int gates_wipe(Gates *g);
/* Have gates_sweep() go through all gates, from the first one on: those that are there by now are met. While the gates
 * are being gone through, that goes on to the end first, so that the last one is reached however often this is called.
 */
void gates_sweep_begin(Gates *g);
/* Returned by gates_sweep() while it has not come to the end. */
#define GATES_SWEEP_MORE 1
/* Looks at no more than that many of the gates that are still to come, and removes each of which stays() is not true;
 * NULL: each. At the end, returns 0 or the first failure on the way: then gates_look() returns true the next time.
 * Returns 0 also if gates_sweep_begin() was not called since. */
int gates_sweep(Gates *g, unsigned most, bool (*stays)(const char *unit, void *userdata), void *userdata);
/* Makes the unit's gate. A gate that is there stays. */
int gates_open(Gates *g, const char *unit);
/* Whether the unit's gate is there, and its mark. */
bool gates_has_gate(const Gates *g, const char *unit);
bool gates_has_mark(const Gates *g, const char *unit);
/* Whether the file is there that the daemon writes for the unit before it asks for the gate (its environment file). */
bool gates_has_environment(const Gates *g, const char *unit);
/* Removes the unit's gate. Returns 0 also if there is none. */
int gates_close(Gates *g, const char *unit);

/* Writes the unit's mark, over the mark that is there. */
int gates_mark(Gates *g, const char *unit, const Mark *mark);
/* Removes the unit's mark. Returns 0 also if there is none. */
int gates_unmark(Gates *g, const char *unit);
/* Writes the t0 of a beat. If this fails, a successor goes by the marks and the last t0 that was written: its
 * deadlines are then earlier, which is safe. */
int gates_beat(Gates *g, usec_t t0);

/* Gives the t0 of the last beat; 0: none has come. */
usec_t gates_last_beat(const Gates *g);
/* Takes over the t0 of the last beat from the guard whose place this one takes. The file is not written: that guard
 * has written it. */
void gates_take_beat(Gates *g, usec_t t0);

/* Writes when a pause was seen (CLOCK_BOOTTIME), and how long it was at most. */
int gates_write_pause(const Gates *g, usec_t seen_at, usec_t jump);
/* Gives what gates_write_pause() has written in this boot; both 0 if there is nothing, or nothing that can be read. */
void gates_read_pause(const Gates *g, usec_t *ret_seen_at, usec_t *ret_jump);

/* Returned by gates_members() instead of 0: not even the folder of the file is there. */
#define GATES_NO_MEMBERS_FOLDER 1
/* Gives the lines of members/UNIT, to be freed by the caller with strv_free(); NULL if there is no such file. */
int gates_members(Gates *g, const char *unit, char ***ret);

/* Read the contents of a mark's file, and of the file for beats: any size bytes. Return false if they are damaged. */
bool mark_decode(const char *text, size_t size, Mark *ret);
bool beat_decode(const char *text, size_t size, usec_t *ret);

/* Calls f for each mark. mark->kill_at is when the unit must be gone, after the latest beat. A damaged mark is given
 * as all zeros, so that its unit must be gone at once. */
int gates_each_mark(Gates *g, void (*f)(const char *unit, const Mark *mark, void *userdata), void *userdata);
