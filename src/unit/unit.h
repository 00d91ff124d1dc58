/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One system unit as PID 1 shows it, and the jobs we ask of PID 1. The only code that talks to PID 1.
 *
 * Reports are whole states, never deltas: after any hint (PropertiesChanged, JobRemoved, UnitNew, a reload, a
 * reconnect, a slow poll) everything is read anew, and the process-free control group is checked after PID 1's answer.
 * "No answer" is reported as known = false, never as inactive.
 */

#include "unit/manager.h"

typedef struct Unit Unit;

typedef enum UnitActive {
        UNIT_INACTIVE,
        UNIT_FAILED,
        UNIT_ACTIVATING,
        UNIT_ACTIVE,
        UNIT_DEACTIVATING,
        UNIT_RELOADING,
        _UNIT_ACTIVE_MAX,
} UnitActive;

typedef struct UnitStatus {
        bool known;
        usec_t asked_at;         /* CLOCK_BOOTTIME before the question was sent to PID 1 */
        char load_state[16];     /* loaded, not-found, masked, bad-setting, error */
        UnitActive active;
        char sub_state[32];
        bool job;                /* Job= is not 0 */
        bool empty;              /* no process left in the control group; true also when there is no group */
        bool gate_loaded;        /* see unit_new() */
        bool need_reload;        /* NeedDaemonReload= */
        bool failed;             /* Result= is not "success" */
        bool foreign_job;        /* since our last unit_start(): a job on this unit that was not ours */
        uint8_t invocation_id[16];
        usec_t timeout_stop;     /* TimeoutStopUSec=; of services; USEC_INFINITY if there is none */
        char control_group[512]; /* "" if it has none now */
        char unit_file_state[32];
} UnitStatus;

/* The status was read anew, or became unknown. The unit may be freed inside. */
typedef void (*unit_status_t)(Unit *u, const UnitStatus *status, void *userdata);
/* A start job (of anybody's) was refused by an Assert: somebody tried to start the unit without its lease. */
typedef void (*unit_refused_t)(Unit *u, void *userdata);
/* A start or stop that we asked for was not accepted by PID 1, or no answer came within its time: error is a negative
 * errno, message one line. The state is read anew in any case. */
typedef void (*unit_failed_t)(Unit *u, bool start, int error, const char *message, void *userdata);

typedef struct UnitCallbacks {
        unit_status_t status;
        unit_refused_t refused;
        unit_failed_t failed;
} UnitCallbacks;

/*
 * Watches a unit by its canonical name (see manager_resolve()), and keeps it loaded. gate: the path that must stand in
 * its Asserts= as a non-negated AssertPathExists=; guard: the unit that must stand in its BindsTo=; gate_loaded is
 * both, and no other empty reset after them. The first report follows by itself.
 */
int unit_new(UnitManager *m, const char *name, const char *gate, const char *guard, const UnitCallbacks *callbacks,
                void *userdata, Unit **ret);
Unit *unit_free(Unit *u);
const char *unit_name(const Unit *u);
/* The latest report. */
const UnitStatus *unit_status(const Unit *u);

/* Asks PID 1 for a job (modes "replace"); asynchronous. Failures come through the callback, the outcome as status. */
int unit_start(Unit *u);
int unit_stop(Unit *u);
/* Reads it anew; a report whose asked_at is not before this call follows (known or not). */
int unit_read(Unit *u);

const char *unit_active_to_string(UnitActive a);
