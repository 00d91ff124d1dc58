/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Everything that is yet to happen (world.c): what kinds of event there are and what they carry. Included by sim.h
 * only. */

#include "sim.h"

typedef enum SimKind {
        SIM_NONE,
        /* net.c */
        SIM_ARRIVE,        /* .message reaches the registry; .a: a reply is sent; .b: phase of a read */
        SIM_REPLY,         /* .message: its answer reaches the daemon */
        SIM_TIMEOUT,       /* .message: the daemon gives it up */
        SIM_WATCH,         /* changes reach the daemon */
        SIM_WATCH_CONNECT, /* the watch tries to list anew */
        /* daemon.c */
        SIM_DEADLINE,
        SIM_STATUS_ASKED, /* PID 1 is reached by the daemon's question */
        SIM_STATUS_BACK,  /* its answer is back: .a the packed report */
        SIM_STATUS_TIMEOUT,
        SIM_HINT, /* PID 1 has signalled a change */
        SIM_POLL,
        SIM_FAILED, /* an action could not be carried out: .a is the action */
        SIM_DAEMON_START,
        SIM_DAEMON_RESUME,
        SIM_VERB, /* the operator's word reaches the daemon: .a event kind, .b argument */
        SIM_GUARD_CONNECT,
        SIM_GUARD_SAYS, /* .a: event kind, .b: index, .c: open and expired */
        /* pid1.c */
        SIM_JOB,    /* a start or stop is taken up: .a is the JobKind, .b who asked */
        SIM_WAITED, /* a start job has waited long enough for others */
        SIM_FORK,
        SIM_STARTED,
        SIM_NEED_BACK, /* what a unit needs is up again */
        SIM_BRINGS,    /* a unit starts its member, as a timer or a target does */
        SIM_ELAPSE,    /* a timer's time has come */
        SIM_DEATH,     /* a process dies: .a is its slot */
        SIM_REAPED,    /* PID 1 has seen it */
        SIM_FROST,     /* the kernel has frozen all processes of a unit */
        SIM_STOP_TIMEOUT,
        /* guard.c */
        SIM_GUARD_TOLD, /* .parcel: the daemon's message reaches the guard */
        SIM_GUARD_TIMER,
        SIM_GUARD_SEES,    /* PID 1 answers the guard's question about a unit */
        SIM_GUARD_STOPPED, /* ... or its StopUnit */
        SIM_GUARD_WATCHDOG,
        SIM_GUARD_ALARM,
        SIM_GUARD_DIES,   /* by its watchdog: PID 1 has stopped what is bound to it already */
        SIM_GUARD_REAPED, /* PID 1 has seen the guard die */
        SIM_GUARD_POST,   /* its ExecStopPost= kills what is left */
        SIM_GUARD_START,
        SIM_GUARD_CLOCK, /* the guard looks at the host's clock after a pause */
        SIM_GUARD_END,   /* the machine's shutdown has come to it */
        /* machine.c, faults.c, check.c */
        SIM_POWER_ON,
        SIM_POWER_OFF,
        SIM_FENCED,  /* fencing.c: a command that was to switch a machine off has ended */
        SIM_CONFIRM, /* somebody confirms that the machine, which has no power, is off */
        SIM_SLEEP,   /* logind waits no longer */
        SIM_WAKE,
        SIM_FAULT,
        SIM_HEAL_LINK,
        SIM_RESTORE,
        SIM_OPERATOR,
        SIM_PAUSE,     /* pausing.c: an operator pauses the cluster, or ends the pause; .a: which */
        SIM_CALL,      /* calls.c: a scheduler has something to ask */
        SIM_LATE_FORK, /* a process that PID 1 forked too late must be dead by now */
        _SIM_KIND_MAX,
} SimKind;

typedef struct SimEvent {
        usec_t at;
        SimKind kind;
        uint8_t machine;
        uint16_t unit;
        unsigned generation; /* of whatever it is for; a stale one is dropped by its handler */
        uint64_t a, b, c;
        void *pointer;
} SimEvent;

/* Whose turn it is: the earliest; of equal times the one that was scheduled first. */
enum { SLOT_BITS = 20 };
#define SLOT_MASK ((UINT64_C(1) << SLOT_BITS) - 1)

typedef struct Turn {
        usec_t at;
        uint64_t order; /* a number that grows, above the slot in which the event lies */
} Turn;
