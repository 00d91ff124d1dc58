/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One entry of the guard: until when a unit may run here, and what must be done when it may no longer. Values in,
 * actions out: no clock, no I/O, so that every case can be tried in a unit test.
 *
 * An entry lives through at most three stages, and never goes back but by a new ARM after the last:
 *   live      before stop_at; beats move its deadlines; the gate may be open
 *   stopping  expired or lost: the gate is closed, and PID 1 is asked to stop the unit. From kill_at on the unit is
 *             killed every 20 ms, and PID 1 is asked again and again how it is. Silence means: go on (law 9). A unit
 *             with an ExecStopPost= is killed once some time before kill_at (guard_entry_end_at()), and what PID 1
 *             starts in it then is spared until kill_at
 *   down      PID 1, asked after the gate was closed, has said inactive or failed and no job, and then the control
 *             group was found empty (law 7)
 *
 * Each function first lets the entry expire if its time has come, so that no request that was read late can slip in
 * before the deadline that has passed. now is always a fresh CLOCK_BOOTTIME. A function returns a mask of EntryAction;
 * actions on the gate must be carried out at once and their outcome be told by guard_entry_gate().
 */

#include "util/macros.h"
#include "util/time-util.h"

/* Between two rounds of killing, and between two attempts to remove a gate. */
#define GUARD_KILL_EVERY (20 * USEC_PER_MSEC)
/* Between two questions to PID 1, and before it is asked again for a stop that it refused or did not answer. */
#define GUARD_ASK_EVERY (100 * USEC_PER_MSEC)
/* What is kept of the time between stop and kill_at for an ExecStopPost= after a kill: half, and at most this. */
#define GUARD_POST_MAX (500 * USEC_PER_MSEC)

typedef enum EntryAction {
        ENTRY_OPEN_GATE = 1 << 0,
        ENTRY_CLOSE_GATE = 1 << 1, /* carried out before all others */
        ENTRY_STOP = 1 << 2,       /* PID 1 is to stop the unit; answer by guard_entry_stop_answered() */
        ENTRY_ASK = 1 << 3,        /* PID 1 is to say how the unit is; answer by guard_entry_reported() */
        ENTRY_KILL = 1 << 4,       /* SIGKILL to all its processes */
        ENTRY_SHOUT = 1 << 5,      /* no stop was accepted in time: there is another way to reach PID 1 */
        ENTRY_MARK = 1 << 6,       /* what a successor must know of it has changed */
        ENTRY_TELL = 1 << 7,       /* tell the daemon how the entry is now */
        ENTRY_END = 1 << 8,        /* SIGKILL to the processes of each of its parts that is not spared (PartEnd) */
} EntryAction;

typedef enum StopAnswer {
        STOP_ACCEPTED, /* a job is there, or the unit is not loaded at all */
        STOP_REFUSED,
        STOP_SILENT,
} StopAnswer;

typedef enum StopState {
        STOP_STATE_NONE,
        STOP_STATE_WANTED, /* to be asked for at stop_next */
        STOP_STATE_ASKED,
        STOP_STATE_ACCEPTED,
} StopState;

/* The owner zeroes it before first use, and may read all of it; only the functions below write to it. It has so many
 * booleans because they are independent facts: an entry may be expired and lost, its gate wanted and not open yet. */
typedef struct GuardEntry {
        uint64_t index; /* 0: there is no entry */
        usec_t stop_at, kill_at;
        usec_t stop_offset, kill_offset;
        bool expired, lost, down;
        bool leaving; /* DISARM was asked for: the entry goes as soon as it may */
        bool gate_wanted;
        bool gate_open;   /* the file is there, or may be */
        usec_t gate_next; /* when to try again to remove it */
        usec_t closed_at; /* answers to questions that were asked earlier prove nothing */
        StopState stop;
        usec_t stop_since, stop_next, stop_accepted_at;
        bool shouted; /* once is enough */
        bool asking;
        usec_t ask_next;
        usec_t kill_next;
        bool post; /* it has an ExecStopPost= */
        usec_t stopping_since;
} GuardEntry;

/* When the bus and PID 1 were last heard of; a single late unit says nothing while others are being answered. */
typedef struct Heard {
        usec_t bus, pid_one;
} Heard;

typedef struct UnitAnswer {
        bool known;      /* false: no answer; the rest means nothing */
        usec_t asked_at; /* before the question was sent */
        bool up;         /* neither inactive nor failed */
        bool post;       /* its ExecStopPost= is running: its other processes have ended */
        bool job;
        bool empty; /* its control group has no process or is gone; looked at after the answer */
} UnitAnswer;

/* Of each unit that goes by an entry with an ExecStopPost=, between its end and kill_at. Zeroed while the entry is not
 * stopping. */
typedef struct PartEnd {
        bool spared; /* what lived in it has been killed; what PID 1 starts in it now has until kill_at */
        usec_t since;
} PartEnd;

static inline bool guard_entry_is_stopping(const GuardEntry *e) {
        return e->index != 0 && (e->expired || e->lost) && !e->down;
}

static inline bool guard_entry_is_live(const GuardEntry *e) {
        return e->index != 0 && !e->expired && !e->lost;
}

/* The requests of protocol.h. */
unsigned guard_entry_arm(GuardEntry *e, usec_t now, uint64_t index, usec_t stop_at, usec_t kill_at, usec_t stop_offset,
                usec_t kill_offset);
unsigned guard_entry_beat(GuardEntry *e, usec_t now, usec_t t0);
unsigned guard_entry_lose(GuardEntry *e, usec_t now, uint64_t index, usec_t kill_at);
unsigned guard_entry_disarm(GuardEntry *e, usec_t now);
unsigned guard_entry_open(GuardEntry *e, usec_t now, uint64_t index);
unsigned guard_entry_close(GuardEntry *e, usec_t now);

/* The entry's files may have vanished: what should be there is to be made again. */
unsigned guard_entry_restore(GuardEntry *e, usec_t now);

/* Gives the actions that are due by now. */
unsigned guard_entry_tick(GuardEntry *e, usec_t now, Heard heard);

/* The gate is open or closed now (seen after the attempt). An attempt to close that failed is repeated by the tick. */
unsigned guard_entry_gate(GuardEntry *e, usec_t now, bool open);
unsigned guard_entry_stop_answered(GuardEntry *e, usec_t now, StopAnswer answer);
unsigned guard_entry_reported(GuardEntry *e, usec_t now, const UnitAnswer *answer);

/* Whether it has an ExecStopPost=; to be told before its gate opens, and again when it is to be stopped. */
void guard_entry_set_post(GuardEntry *e, bool post);
/* When an entry that is stopping is ended, at kill_at or before. */
usec_t guard_entry_end_at(const GuardEntry *e);

/* All that lived in the part has been sent SIGKILL. It cannot fork any more, and with its gate closed PID 1 starts
 * nothing in it but what belongs to its stop. */
void part_end_killed(PartEnd *p, const GuardEntry *e, usec_t now);
/* PID 1's word on the part: spared as soon as it says that ExecStopPost= is running, and no longer when something else
 * is, such as the next of several ExecStop= lines. */
void part_end_reported(PartEnd *p, const GuardEntry *e, usec_t now, const UnitAnswer *answer);

/* When the tick must be called at the latest, if nothing else happens; USEC_INFINITY: never. */
usec_t guard_entry_next(const GuardEntry *e, Heard heard);

/* When whoever watches the guard may take it for dead: it should have done something for this entry by then.
 * USEC_INFINITY: nothing is to be done. */
usec_t guard_entry_watchdog(const GuardEntry *e, usec_t now);

/* GUARD_FLAG_ of protocol.h. */
uint32_t guard_entry_flags(const GuardEntry *e);
