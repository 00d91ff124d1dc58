/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The simulation: the real core on N machines, everything around it a model, all faults drawn from one seed.
 *
 * What is real: src/core, one instance for each running daemon, driven as the daemon drives it. What is a model: true
 * time and every machine's own clock (world.c), the registry's map (map.c) and the way to it (net.c), the daemon's
 * glue (daemon.c), PID 1 with its units' processes (pid1.c), the guard (guard.c), power and boots (machine.c), the
 * faults and the operator's verbs (faults.c). check.c looks at all of it from outside, as nobody in the world could:
 * it knows every process of every machine at every instant.
 *
 * One World is one run. It draws every random number from its seed and knows no other source, so it replays bit for
 * bit; nothing is formatted unless the run is traced, and a failing seed is simply run again with the trace on.
 *
 * Times: "true" time is the world's, in microseconds. A machine's CLOCK_BOOTTIME runs up to 1 % faster or slower.
 */

#include "core/core.h"
#include "guard/guard-entry.h"
#include "guard/pause.h"

#ifdef SIM_SMALL /* for explore/, which copies the world for each state, and so needs it small */
enum {
        MACHINES_MAX = 3,
        LEASES_MAX = 2,
        STORES_MAX = 2,
        ITEMS_MAX = 24,
        CHANGES_MAX = 64,
        KEYS_LEAST = 32,
};
#else
enum {
        MACHINES_MAX = 8,
        LEASES_MAX = 160,
        STORES_MAX = 64,    /* identities that the registry had in one run */
        ITEMS_MAX = 128,    /* compares, puts, deletes of one Txn (as in registry.h) */
        CHANGES_MAX = 4096, /* a watch that is further behind has a gap and lists anew */
        KEYS_LEAST = 256,   /* for so many keys the map has room from the beginning */
};
#endif

enum {
        UNITS_MAX = 2 * LEASES_MAX
}; /* a lease's unit, and LEASES_MAX behind it what that brings with it, its member */

#define _ACTION_ANY ((ActionKind) 99)

typedef struct World World;
typedef struct Machine Machine;

#include "queue.h"
#include "map.h"
#include "net.h"
#include "pid1.h"
#include "guard.h"
#include "sleep.h"
#include "health.h"
#include "machine.h"
#include "faults.h"
#include "frost.h"
#include "mishaps.h"
#include "check.h"
#include "fencing.h"
#include "pausing.h"
#include "reboots.h"
#include "world.h"
#include "shadow.h"
#include "trace.h"
