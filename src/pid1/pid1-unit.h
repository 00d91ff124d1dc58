/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* One system unit as PID 1 shows it, and the jobs that are asked of PID 1.
 *
 * A report is the whole state, never a change: after any hint (PropertiesChanged, JobRemoved, a reload, a reconnect, a
 * slow poll) everything is read anew, and the control group is looked at after PID 1's answer (law 7). "No answer" is
 * reported as known = false, never as inactive (law 8). */

#include "pid1/ending.h"
#include "pid1/pid1.h"

typedef struct Pid1Unit Pid1Unit;

typedef enum Pid1Active {
        UNIT_INACTIVE,
        UNIT_FAILED,
        UNIT_ACTIVATING,
        UNIT_ACTIVE,
        UNIT_DEACTIVATING,
        UNIT_RELOADING,
        _UNIT_ACTIVE_MAX,
} Pid1Active;

/* What PID 1 says of the unit. Its booleans are facts that hold or not whatever the others are, which is why there are
 * so many. */
typedef struct Pid1UnitStatus {
        bool known;          /* false: the rest is old, or was never read */
        usec_t asked_at;     /* CLOCK_BOOTTIME before the question was sent to PID 1; when not known: of this report */
        char load_state[16]; /* loaded, not-found, masked, bad-setting, error */
        Pid1Active active;
        char sub_state[32];
        bool job;           /* Job= is not 0, or PID 1 has not answered a start of ours */
        bool empty;         /* no process left in the control group; true also when there is no group */
        bool gate_loaded;   /* see pid1_unit_new() */
        bool gate_asserted; /* the Assert alone is in force, whatever the files say by now: the unit cannot start
                               without its gate */
        bool need_reload;   /* NeedDaemonReload= */
        bool failed;        /* Result= is not "success" */
        bool foreign_job;   /* there was a job on this unit that was neither ours nor of Restart=, or signals may have
                               been missed, since our last pid1_unit_start() and since the unit was last seen running
                               without a job */
        bool killed; /* the main process of the run that we saw was ended by a signal, even if that counts as a success
                      */
        UnitEnd end; /* who ended it; only of a unit that is inactive or failed */
        NeedState need;  /* after UNIT_END_NEED and UNIT_END_CONFLICT: whether the cause lasts, as far as is known by
                            now */
        char cause[256]; /* the name of that cause; "": not known */
        usec_t inactive_since; /* CLOCK_REALTIME of when it last became inactive or failed; 0: never on this boot */
        usec_t active_since;   /* CLOCK_MONOTONIC of when it last became active; 0: never on this boot */
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
} Pid1UnitStatus;

/* All callbacks are made from the event loop, never from inside a call of this layer; the unit, or Pid1, may be
 * freed inside. */

/* The status was read anew, or has become unknown: PID 1 has not answered for 5 s (told every 5 s), or the connection
 * is gone. A late answer makes it known again. */
typedef void (*pid1_unit_status_t)(Pid1Unit *u, const Pid1UnitStatus *status, void *userdata);
/* A start job (of anybody's) was refused by an Assert: somebody tried to start the unit without its lease. */
typedef void (*pid1_unit_refused_t)(Pid1Unit *u, void *userdata);
/* A start or stop that we asked for was not accepted by PID 1, or no answer came within its time: error is a negative
 * errno, message one line. The state is read anew in any case. */
typedef void (*pid1_unit_failed_t)(Pid1Unit *u, bool start, int error, const char *message, void *userdata);

typedef struct Pid1UnitCallbacks {
        pid1_unit_status_t status;
        pid1_unit_refused_t refused;
        pid1_unit_failed_t failed;
} Pid1UnitCallbacks;

/*
 * Watches a unit by its canonical name (an alias is another unit's: then gate_loaded is never set), and keeps it
 * loaded. gate: the path that must stand in its Asserts= as a non-negated AssertPathExists=; guard: the unit that must
 * stand in its BindsTo=; gate_loaded is both, and no other empty reset after them. The first report follows by itself.
 */
int pid1_unit_new(Pid1 *m, const char *name, const char *gate, const char *guard, const Pid1UnitCallbacks *callbacks,
                void *userdata, Pid1Unit **ret);
/* Gives its references back. Nothing is reported any more. */
Pid1Unit *pid1_unit_free(Pid1Unit *u);

/*
 * The same for all instances of a template ("foo@.service"), as one: it is up while one of them is, has a job while
 * one has one, is empty when all are, and stopping it stops each that is up. What PID 1 says of a single instance
 * (whether it has its gate, say) is not known of them: gate_loaded is always set. It cannot be started.
 */
int pid1_unit_new_template(
                Pid1 *m, const char *name, const Pid1UnitCallbacks *callbacks, void *userdata, Pid1Unit **ret);

/* What else runs because of it, by PID 1's latest answer: the units that a timer, socket, path or automount triggers
 * (of a socket with Accept=yes: their template), the units that are bound to a target, and those that a service or
 * mount starts along with itself (Wants= and the like) and that are bound to it. A list as of util/strv.h, valid until
 * the next answer. */
char *const *pid1_unit_covers(const Pid1Unit *u);
/* The latest report. */
const Pid1UnitStatus *pid1_unit_status(const Pid1Unit *u);

/* Asks PID 1 for a job (mode "replace"); asynchronous. Failures come through the callback, the outcome as status; a
 * negative errno (-ENOTCONN while Pid1 is detached) if nothing was asked. The same again while PID 1 has not
 * answered yet is the same request with a new 5 s to be answered in; it may carry it out even later than that. Not all
 * requests are sent at once: those that wait are given time while PID 1 answers others, stops before starts. A start
 * that waits is dropped when the unit is to be stopped. */
int pid1_unit_start(Pid1Unit *u);
int pid1_unit_stop(Pid1Unit *u);
/* Has PID 1 make the unit, which does not exist yet, and start it (StartTransientUnit): append puts the arguments of
 * that method into the message, with AddRef= among the properties. Asked for once: what becomes of it is reported as
 * of pid1_unit_start(). */
typedef int (*pid1_unit_append_t)(sd_bus_message *m, const char *unit, void *userdata);
int pid1_unit_start_transient(Pid1Unit *u, pid1_unit_append_t append, void *userdata);
/* Has PID 1 forget that the unit failed, and how often it was started lately (StartLimitBurst=), before anything that
 * is asked for next. There is no answer. A negative errno if it could not be asked. For a template nothing is done. */
int pid1_unit_reset_failed(Pid1Unit *u);
/* Has the status read anew. A report whose asked_at is not before this call follows, known or not. Always 0. */
int pid1_unit_read(Pid1Unit *u);

/* "active", "inactive", …; NULL: there is no such value. */
const char *pid1_unit_active_to_string(Pid1Active a);
