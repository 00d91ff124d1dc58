/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Faults and the operator (faults.c). Included by sim.h only. */

#include "sim.h"

typedef enum Fault {
        FAULT_DAEMON_CRASH,
        FAULT_DAEMON_PAUSE,
        FAULT_DAEMON_STOP,
        FAULT_POWER_CUT,
        FAULT_SHUT_DOWN,
        FAULT_SLEEP,
        FAULT_PARTITION,
        FAULT_OUTAGE,
        FAULT_FREEZE,   /* the registry hangs; what reached it is done when it thaws */
        FAULT_NET_SICK, /* losses, delays, duplicates, late writes; a property of the run */
        FAULT_WATCH_STALL,
        FAULT_RESTORE,
        FAULT_WIPE,
        FAULT_GUARD_CRASH,
        FAULT_GUARD_PAUSE,
        FAULT_PID1_STALL,
        FAULT_UNIT_CRASH,
        FAULT_UNIT_EXIT,
        FAULT_BY_HAND,
        FAULT_NEED,       /* PID 1 stops a unit because of another one */
        FAULT_UNKILLABLE, /* for long; in half of the runs no lease passes by time then, and nothing may run beside it
                           */
        FAULT_RUN_FULL,
        FAULT_RELEASE,
        FAULT_TRANSFER,
        FAULT_STEAL,
        FAULT_DRAIN,
        FAULT_ENABLE,
        FAULT_CALLS,      /* no fault: schedulers use the D-Bus API's leases */
        FAULT_TTL,        /* another TTL=, by reload or restart */
        FAULT_METADATA,   /* a machine says something else of itself */
        FAULT_CLOCK_STEP, /* the wall clock is set */
        FAULT_RUN_LOST,   /* /run is emptied, and the daemon killed: the next one knows of no session */
        FAULT_CLONE,      /* two machines bear one id; a property of the run */
        FAULT_RECORDS,    /* somebody deletes, damages or overwrites records (records.c) */
        FAULT_HAND_OVER,  /* a guard hands over to a new program; with BIAS_HAND_OVER and BIAS_PAUSE only */
        FAULT_VM_PAUSE,   /* a virtual machine is paused, or its host's clock is set; with every fourth seed */
        _FAULT_MAX,
} Fault;

void faults_init(World *w);
void records_fault(World *w);
void faults_event(World *w, SimEvent *e);
/* Ends all faults, powers everything on, undoes every verb that keeps units down. */
void faults_heal(World *w);
