/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The transient unit of one "leasectl run": whose rights its process gets, what PID 1 is told of the unit, and the
 * file in /run/leased/runs that tells the next daemon of it.
 *
 * The caller chooses no more of the unit than the name of the lease and a socket. The unit's process is leased-run,
 * which takes on the ids that the bus has told of the caller before it reads what the caller wants (run/protocol.h).
 */

#include <systemd/sd-bus.h>

#include "util/macros.h"
#include "util/names.h"
#include "util/time-util.h"

#define RUNS_DIRECTORY "/run/leased/runs"
/* For so long PID 1 waits, after SIGTERM, for what is left of a command (TimeoutStopSec=). */
#define RUN_UNIT_STOP (10 * USEC_PER_SEC)

enum {
        RUN_UNIT_NAME_SIZE = 200,
};

typedef struct RunUnit {
        char *lease;    /* with slots: what comes before their "#" */
        unsigned slots; /* the command may run by any of so many leases; 0: by .lease alone */
        uint32_t uid, gid;
        char *groups; /* "4,24,1000": all groups of a caller other than root; "" for root */
        int socket;   /* to the caller; owned, and closed by run_unit_free() */
} RunUnit;

/* Makes a RunUnit. Takes socket, also where it fails; copies lease and groups (NULL for root). NULL if out of memory.
 */
RunUnit *run_unit_new(const char *lease, unsigned slots, int socket, uint32_t uid, uint32_t gid, const char *groups);
/* Frees r, which may be NULL, and closes its socket. Returns NULL. */
RunUnit *run_unit_free(RunUnit *r);
DEFINE_TRIVIAL_CLEANUP(RunUnit *, run_unit_free)

/* Writes a unit's name into ret that no unit on this boot had before, and that nobody can guess. So a start that PID 1
 * carries out late never meets the gate of another run. 0; a negative errno if there is no randomness. */
int run_unit_name(const char *lease, char ret[static RUN_UNIT_NAME_SIZE]);

/* Appends the arguments of PID 1's StartTransientUnit: the name, the mode, the properties, and no other units. A
 * pid1_unit_append_t; unit is the unit's name, r its RunUnit, both borrowed. A negative errno. Non-logging. */
int run_unit_append(sd_bus_message *m, const char *unit, void *r);

/* The file that tells the next daemon of a run: the first function writes it, the second removes it, and the third
 * calls f() for each such file that is there. Files there that are not of a run are removed. Non-logging; a negative
 * errno. */
int run_unit_keep(const char *unit, const char *lease);
void run_unit_forget(const char *unit);
void run_unit_each_kept(void (*f)(const char *unit, const char *lease, void *userdata), void *userdata);
