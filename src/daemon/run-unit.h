/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The transient unit of one "leasectl run": whose rights its process gets, what PID 1 is told of it, and the file in
 * /run/leased/runs that tells the next daemon of it.
 *
 * Nothing in it is the caller's choice but the name of the lease and a socket: the unit's process is leased-run, which
 * takes on the ids that the bus has told of the caller before it reads what the caller wants (run/protocol.h).
 */

#include <systemd/sd-bus.h>

#include "util/macros.h"
#include "util/time-util.h"

#define RUNS_DIRECTORY "/run/leased/runs"
#define RUN_UNIT_PREFIX "leased-run-"
/* PID 1's patience with what is left of a command. */
#define RUN_UNIT_STOP (10 * USEC_PER_SEC)

enum {
        RUN_UNIT_NAME_SIZE = 200,
};

typedef struct RunUnit {
        char *lease;
        uint32_t uid, gid;
        char *groups; /* "4,24,1000": of a caller other than root, all of them */
        int socket;   /* to the caller; -1 once PID 1 has it */
} RunUnit;

/* Takes socket, also where it fails; groups is copied (NULL for root). NULL: out of memory. */
RunUnit *run_unit_new(const char *lease, int socket, uint32_t uid, uint32_t gid, const char *groups);
RunUnit *run_unit_free(RunUnit *r);
DEFINE_TRIVIAL_CLEANUP(RunUnit *, run_unit_free)

/* A name that no unit on this boot had before, and that nobody can guess: so a start that PID 1 carries out late never
 * meets the gate of another run. A negative errno if there is no randomness. */
int run_unit_name(const char *lease, char ret[static RUN_UNIT_NAME_SIZE]);

/* Appends what StartTransientUnit of PID 1 wants: name, mode, properties, and no other units. unit is its name; r a
 * RunUnit. Non-logging. */
int run_unit_append(sd_bus_message *m, const char *unit, void *r);

/* Writes and removes the file, and calls f for each that is there. Non-logging. */
int run_unit_keep(const char *unit, const char *lease);
void run_unit_forget(const char *unit);
void run_unit_each_kept(void (*f)(const char *unit, const char *lease, void *userdata), void *userdata);
