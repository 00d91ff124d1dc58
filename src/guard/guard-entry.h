/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One entry of the guard: until when a unit may run here, and what must be done when the unit may run no longer. The
 * functions take values and return actions. They read no clock and do no I/O, so that a unit test can try every case.
 *
 * An entry lives through at most four stages. It goes back from the last by a new ARM or LOSE, from the second by an
 * ARM, and by nothing else:
 *   live      before stop_at; beats move its deadlines; the gate may be open
 *   frozen    only of a unit with OnOutage=freeze, whose stop_at has come (law 15): the gate is closed, and the
 * control groups are frozen. An ARM at the same Index thaws them. If they cannot be frozen, are not found frozen by
 *             kill_at, or are thawed by anybody else, or if the lease is lost, the next stage follows
 *   stopping  expired or lost: the gate is closed, and PID 1 is asked to stop the unit. From kill_at on the unit is
 *             killed every 20 ms, and PID 1 is asked again and again how it is. Silence means: go on (law 9). A unit
 *             with an ExecStopPost= is killed once some time before kill_at (guard_entry_end_at()), and what PID 1
 *             starts in it then is spared until kill_at
 *   down      PID 1, asked after the gate was closed, has said inactive or failed and no job, and then the control
 *             group was found empty (law 7)
 *
 * The caller gives the present time (now, always a fresh CLOCK_BOOTTIME) and carries out what is returned, a mask of
 * EntryAction. Actions on the gate must be carried out at once, and their outcome told by guard_entry_gate(). Each
 * function that takes a request or an answer first lets the entry expire if its time has come: so a request that was
 * read late cannot take effect after its deadline (law 10). All times are CLOCK_BOOTTIME. No function fails.
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
        ENTRY_KILL = 1 << 4,       /* SIGKILL to all processes of the unit */
        ENTRY_SHOUT = 1 << 5,  /* no stop was accepted in time: PID 1 is to be reached by the guard's end (law 7) */
        ENTRY_MARK = 1 << 6,   /* write or remove the mark: what a successor must know of the entry has changed */
        ENTRY_TELL = 1 << 7,   /* tell the daemon how the entry is now */
        ENTRY_END = 1 << 8,    /* SIGKILL to the processes of each of its parts that is not spared (PartEnd) */
        ENTRY_FREEZE = 1 << 9, /* the control groups are to be frozen, and looked at as for ENTRY_LOOK */
        ENTRY_LOOK = 1 << 10,  /* whether they are frozen is to be answered by guard_entry_looked() */
        ENTRY_THAW = 1 << 11,  /* they are to be thawed, after the gate and before all else */
} EntryAction;

typedef enum StopAnswer {
        STOP_ACCEPTED, /* PID 1 has a job for the stop, or has not loaded the unit at all */
        STOP_REFUSED,  /* PID 1 answered with another error, also to the stop by way of STOP_TARGET (util/names.h) */
        STOP_SILENT,   /* no answer came in time, or the bus is not there */
} StopAnswer;

/* Whether all control groups of an entry are frozen. */
typedef enum Frost {
        FROST_FAILED,  /* there is nothing that could be frozen, or the kernel refuses */
        FROST_PENDING, /* not yet, or no longer */
        FROST_FROZEN,
        FROST_WATCHED, /* and the kernel will tell of a change: guard_entry_look() */
} Frost;

typedef enum StopState {
        STOP_STATE_NONE,
        STOP_STATE_WANTED, /* to be asked for at stop_next */
        STOP_STATE_ASKED,
        STOP_STATE_REFUSED,     /* PID 1 refused it: to be asked for again at stop_next */
        STOP_STATE_ASKED_AGAIN, /* ... and asked for again */
        STOP_STATE_ACCEPTED,
} StopState;

/* The owner zeroes the entry before its first use, and may read all of it; only the functions below write to it. There
 * are so many booleans because they are independent facts: an entry may be expired and lost, its gate wanted and not
 * open yet. */
typedef struct GuardEntry {
        uint64_t index; /* 0: there is no entry */
        usec_t stop_at, kill_at;
        usec_t stop_offset, kill_offset; /* from the t0 of a beat to the two (law 1) */
        usec_t limit_stop, limit_kill;   /* by LIMIT; no beat moves them. limit_kill 0: there is no limit */
        bool keeps;                      /* while the entry is live, its deadlines do not count (law 13) */
        bool expired, lost, down;
        bool freezes;     /* the unit has OnOutage=freeze: at stop_at it is frozen and not stopped (law 15) */
        bool frozen;      /* it was told to freeze, and nobody thawed it since */
        bool proven;      /* ... and its control groups were found frozen */
        usec_t look_next; /* when to look at the frozen control groups again */
        bool leaving;     /* DISARM was asked for: the entry is dropped as soon as it may be */
        bool gate_wanted; /* OPEN was asked for, and the gate is to stay open while the entry is live */
        bool gate_open;   /* the gate is there, or may be */
        usec_t gate_next; /* when to try again to remove the gate */
        usec_t closed_at; /* when the gate was found gone: an answer to an earlier question proves nothing (law 7) */
        StopState stop;
        usec_t stop_since, stop_next, stop_accepted_at;
        bool shouted;          /* ENTRY_SHOUT was returned; it is returned once only */
        bool asking;           /* PID 1 owes an answer to ENTRY_ASK */
        usec_t ask_next;       /* when to ask PID 1 again */
        usec_t kill_next;      /* not before: the next kill */
        bool post;             /* the unit or a member has an ExecStopPost= */
        usec_t stopping_since; /* when the entry expired or was lost */
} GuardEntry;

/* When the bus and PID 1 last answered anything. While they answer for other units, one answer that is late does not
 * mean that they are gone. */
typedef struct Heard {
        usec_t bus, pid_one;
} Heard;

/* How a unit is: PID 1's answer to ENTRY_ASK, and a look at the control group. There are so many booleans because each
 * is a fact that holds or not whatever the others are. */
typedef struct UnitAnswer {
        bool known;      /* false: no answer; the rest means nothing */
        usec_t asked_at; /* before the question was sent */
        bool up;         /* neither inactive nor failed */
        bool post;       /* the unit's ExecStopPost= is running: its other processes have ended */
        /* The unit is a mount or swap, and the kernel has it by PID 1's word. With the gate closed, PID 1 starts
         * nothing in its group but umount or swapoff. */
        bool attached;
        bool job;   /* PID 1 has a job for the unit */
        bool empty; /* the control group has no process or is gone; looked at after PID 1's answer (law 7) */
} UnitAnswer;

/* One for each unit of an entry (its parts), from the first kill on. Zeroed while the entry is not stopping. */
typedef struct PartEnd {
        bool spared; /* what lived in the part has been killed; what PID 1 starts in the part now has until kill_at */
        bool attached; /* by PID 1's latest answer (UnitAnswer) */
        usec_t since;  /* when the part was last killed, or was found to run its ExecStopPost= */
} PartEnd;

/* What a guard hands on of an entry that is not busy (guard_entry_is_busy()) to the program that takes its place. The
 * booleans are independent facts. */
typedef struct EntryKept {
        uint64_t index;
        usec_t stop_at, kill_at, stop_offset, kill_offset;
        usec_t limit_stop, limit_kill; /* as in GuardEntry */
        bool expired, lost;            /* if one of them is set, the unit was seen down after it was set */
        bool open;                     /* the gate is open */
        bool keeps;                    /* as in GuardEntry */
        bool post;                     /* as in GuardEntry */
        bool freezes;                  /* as in GuardEntry */
} EntryKept;

static inline bool guard_entry_is_stopping(const GuardEntry *e) {
        return e->index != 0 && (e->expired || e->lost) && !e->down;
}

static inline bool guard_entry_is_live(const GuardEntry *e) {
        return e->index != 0 && !e->expired && !e->lost && !e->frozen;
}

/* Whether something may be due for the entry at any time, or depends on what is heard of PID 1: the unit is being
 * stopped, or its gate is to be closed. An entry that is not busy waits for nothing but its stop_at. */
bool guard_entry_is_busy(const GuardEntry *e);
/* Gives what is handed on of an entry, which must be in use (index is not 0) and not busy. */
EntryKept guard_entry_keep(const GuardEntry *e);
/* Whether guard_entry_keep() can have given this. */
bool guard_entry_kept_is_valid(const EntryKept *kept);
/* Fills in the entry, which must be zeroed, from what was handed on. No deadline moves (law 1). Returns a mask of
 * EntryAction. */
unsigned guard_entry_take_over(GuardEntry *e, usec_t now, const EntryKept *kept);

/* Each takes the request of this name (protocol.h). */
unsigned guard_entry_arm(GuardEntry *e, usec_t now, uint64_t index, usec_t stop_at, usec_t kill_at, usec_t stop_offset,
                usec_t kill_offset);
/* The same for a request with GUARD_FLAG_KEEPS: the entry is kept from the first moment on. */
unsigned guard_entry_arm_kept(GuardEntry *e, usec_t now, uint64_t index, usec_t stop_at, usec_t kill_at,
                usec_t stop_offset, usec_t kill_offset);
unsigned guard_entry_beat(GuardEntry *e, usec_t now, usec_t t0);
unsigned guard_entry_limit(GuardEntry *e, usec_t now, usec_t stop_at, usec_t kill_at);
/* The two sides of GUARD_KEEP: the deadlines of a live entry do not count any more; they count again. */
unsigned guard_entry_keep_on(GuardEntry *e, usec_t now);
unsigned guard_entry_keep_off(GuardEntry *e, usec_t now, usec_t t0);
unsigned guard_entry_lose(GuardEntry *e, usec_t now, uint64_t index, usec_t kill_at);
unsigned guard_entry_disarm(GuardEntry *e, usec_t now);
unsigned guard_entry_open(GuardEntry *e, usec_t now, uint64_t index);
unsigned guard_entry_close(GuardEntry *e, usec_t now);

/* The machine was paused for at most so long: the deadlines come earlier by that (law 14), and nothing else is done.
 */
void guard_entry_move(GuardEntry *e, usec_t jump);
/* Returns the actions that follow from such a move. */
unsigned guard_entry_moved(GuardEntry *e, usec_t now);

/* The entry's gate or mark may have vanished: returns the actions that make again what should be there. may_open: a
 * gate that is not there may be made; otherwise only the mark is. */
unsigned guard_entry_restore(GuardEntry *e, usec_t now, bool may_open);

/* Returns the actions that are due by now. */
unsigned guard_entry_tick(GuardEntry *e, usec_t now, Heard heard);

/* Takes the outcome of an attempt on the gate: the gate is open now, or closed. The tick repeats an attempt to close
 * that failed. */
unsigned guard_entry_gate(GuardEntry *e, usec_t now, bool open);

/* An attempt to open the gate has failed. That says nothing of a gate that is there already, so the gate is closed
 * (law 7), and counts as open until it has been found gone. */
unsigned guard_entry_not_opened(GuardEntry *e, usec_t now);
/* Take PID 1's answer to ENTRY_STOP, and to ENTRY_ASK. */
unsigned guard_entry_stop_answered(GuardEntry *e, usec_t now, StopAnswer answer);
unsigned guard_entry_reported(GuardEntry *e, usec_t now, const UnitAnswer *answer);

/* Takes what was found when the control groups were looked at (ENTRY_FREEZE, ENTRY_LOOK). */
unsigned guard_entry_looked(GuardEntry *e, usec_t now, Frost frost);
/* The kernel has told of a change of a control group that was watched: they are looked at in the next turn. */
void guard_entry_look(GuardEntry *e, usec_t now);

/* Takes whether the unit has OnOutage=freeze: what counts is the last word before its stop_at. */
void guard_entry_set_freezes(GuardEntry *e, bool freezes);
/* Takes whether the unit or a member has an ExecStopPost=. To be called before the gate opens, and again when the unit
 * is to be stopped. */
void guard_entry_set_post(GuardEntry *e, bool post);
/* Gives when the unit must be killed if the guard ends now: at kill_at, or, where kill_at does not count, as long from
 * now as kill_at is after a beat. */
usec_t guard_entry_last_kill(const GuardEntry *e, usec_t now);
/* Gives end_at of an entry that is stopping: when its processes are first killed, at kill_at or before (law 9). */
usec_t guard_entry_end_at(const GuardEntry *e);

/* All processes of the part have been sent SIGKILL: the part is spared from now on, if the gate is closed. The
 * processes cannot fork any more, and with the gate closed PID 1 starts nothing in the part but what belongs to its
 * stop. */
void part_end_killed(PartEnd *p, const GuardEntry *e, usec_t now);
/* Takes PID 1's answer about the part. The part is spared as soon as PID 1 says that ExecStopPost= is running, and no
 * longer when something else runs, such as the next of several ExecStop= lines. */
void part_end_reported(PartEnd *p, const GuardEntry *e, usec_t now, const UnitAnswer *answer);
/* Whether the part is spared even after kill_at: all that lived in it has been killed, and only a program that PID 1
 * has started since, umount or swapoff, can take it down. */
bool part_end_is_detaching(const PartEnd *p);

/* When guard_entry_tick() must be called at the latest if nothing else happens; USEC_INFINITY: need not be. */
usec_t guard_entry_next(const GuardEntry *e, Heard heard);

/* When PID 1, which watches the guard, may take it for dead: by then the guard should have acted on this entry.
 * USEC_INFINITY: nothing is to be done for the entry. */
usec_t guard_entry_watchdog(const GuardEntry *e, usec_t now);

/* Gives the time (CLOCK_BOOTTIME) at which the guard must be dead if it has not acted on this entry, so that the
 * guard's ExecStopPost= (--wipe) can kill the unit before another machine may start it. USEC_INFINITY: PID 1's
 * watchdog is in time, or nothing is to be done for the entry. */
usec_t guard_entry_alarm(const GuardEntry *e, usec_t now);

/* Gives the entry's GUARD_FLAG_* (protocol.h). */
uint32_t guard_entry_flags(const GuardEntry *e);
