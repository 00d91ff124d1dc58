/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One system unit as PID 1 shows it, and the jobs we ask of PID 1. The only code that talks to PID 1.
 *
 * Reports are whole states, never deltas: after any hint (PropertiesChanged, JobRemoved, UnitNew, a reload, a
 * reconnect, a slow poll) everything is read anew, and the process-free control group is checked after PID 1's answer.
 * "No answer" is reported as known = false, never as inactive.
 */

#include "unit/ending.h"
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
        bool known;          /* false: what is below is old, or was never read */
        usec_t asked_at;     /* CLOCK_BOOTTIME before the question was sent to PID 1; when not known: of this report */
        char load_state[16]; /* loaded, not-found, masked, bad-setting, error */
        UnitActive active;
        char sub_state[32];
        bool job;           /* Job= is not 0 */
        bool empty;         /* no process left in the control group; true also when there is no group */
        bool gate_loaded;   /* see unit_new() */
        bool gate_asserted; /* the Assert alone is in force, whatever its files say by now: it cannot start without */
        bool need_reload;   /* NeedDaemonReload= */
        bool failed;        /* Result= is not "success" */
        bool foreign_job;   /* since our last unit_start(), and since the unit was last seen running without a job:
                             * a job on this unit that was neither ours nor of Restart=, or signals that we may
                             * have missed */
        bool killed; /* the main process of the run that we saw was ended by a signal, even if that counts as a success
                      */
        UnitEnd end; /* who ended it; only of a unit that is inactive or failed */
        NeedState need;        /* after UNIT_END_NEED and UNIT_END_CONFLICT: whether that lasts; it is followed */
        char cause[256];       /* ... and which unit it was; "": not known */
        usec_t inactive_since; /* CLOCK_REALTIME of when it last became inactive or failed; 0: never on this boot */
        uint8_t invocation_id[16];
        usec_t timeout_stop;     /* TimeoutStopUSec= of services and scopes, TimeoutUSec= of sockets, mounts and swaps;
                                  * USEC_INFINITY if there is none */
        char control_group[512]; /* "" if it has none now */
        uint32_t main_pid, control_pid; /* of services; 0: there is none. A service may name any process as its main
                                           one */
        char unit_file_state[32];
        bool stop_post;      /* a service with an ExecStopPost= */
        usec_t last_trigger; /* of a timer with Persistent=yes: when it last elapsed, or else was started,
                              * CLOCK_REALTIME; 0: neither is known */
} UnitStatus;

/* All callbacks are made from the event loop, never from inside a call of this layer; the unit, or the manager, may be
 * freed inside. */

/* The status was read anew, or became unknown: when PID 1 has left a question open for 5 s (and every 5 s from then
 * on), or the connection is gone. A late answer makes it known again. */
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

/*
 * The same for all instances of a template ("foo@.service"), as one: it is up while one of them is, has a job while
 * one has one, is empty when all are, and stopping it stops each that is up. What PID 1 says of a single instance
 * (whether it has its gate, say) is not known of them: gate_loaded is always set. It cannot be started.
 */
int unit_new_template(UnitManager *m, const char *name, const UnitCallbacks *callbacks, void *userdata, Unit **ret);

/* What else runs because of it, by PID 1's latest answer: the units that a timer, socket, path or automount triggers
 * (of a socket with Accept=yes: their template), the units that are bound to a target, and those that a service or
 * mount starts along with itself (Wants= and the like) and that are bound to it. A list as of util/strv.h, valid until
 * the next answer. */
char *const *unit_covers(const Unit *u);
const char *unit_name(const Unit *u);
/* The latest report. */
const UnitStatus *unit_status(const Unit *u);

/* Asks PID 1 for a job (mode "replace"); asynchronous. Failures come through the callback, the outcome as status; a
 * negative errno (-ENOTCONN while the manager is detached) if nothing was asked. The same again while PID 1 has not
 * answered yet is the same request with a new 5 s to be answered in; it may carry it out even later than that. */
int unit_start(Unit *u);
int unit_stop(Unit *u);
/* Has PID 1 forget that it failed, and how often it was started lately (StartLimitBurst=): what is asked for next on
 * this connection finds it so. Nothing is answered. A template has no such memory of its own. */
int unit_reset_failed(Unit *u);
/* Reads it anew; a report whose asked_at is not before this call follows (known or not). Always 0. */
int unit_read(Unit *u);

const char *unit_active_to_string(UnitActive a);
