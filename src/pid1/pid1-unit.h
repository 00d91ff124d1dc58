/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One system unit as PID 1 shows it, and the starts and stops that PID 1 is asked for.
 *
 * A report is the whole state, never a change. After any hint (a signal PropertiesChanged or JobRemoved, a reload, a
 * new connection, the slow poll) everything is read anew, and the control group is looked at after PID 1's answer (law
 * 7). If PID 1 does not answer, the report says known = false, and never that the unit is inactive (law 8).
 *
 * Names: "the gate" is the file without which an Assert in the unit's drop-in refuses every start; "the guard" is the
 * service to which the unit is bound. See docs/laws.md.
 */

#include "pid1/ending.h"
#include "pid1/pid1.h"
#include "util/unit-facts.h"
#include "util/unit-name.h"

typedef struct Pid1Unit Pid1Unit;

/* ActiveState= of a unit. States that only other versions of systemd or rare commands know are mapped to these. */
typedef enum Pid1Active {
        UNIT_INACTIVE,
        UNIT_FAILED,
        UNIT_ACTIVATING,
        UNIT_ACTIVE,
        UNIT_DEACTIVATING,
        UNIT_RELOADING,
        _UNIT_ACTIVE_MAX,
} Pid1Active;

/* What PID 1 shows of how a service that is down has ended, also where nobody looked at it. */
typedef enum UnitSign {
        UNIT_SIGN_NONE,
        UNIT_SIGN_CRASHED, /* it has failed, and not because somebody had it stopped */
        UNIT_SIGN_NAMED,   /* it is of Type=dbus, and ended well: PID 1 stops such a service when its name is gone */
} UnitSign;

/* What PID 1 says of the unit. It has many booleans, since each is a fact that holds or not whatever the others are.
 */
typedef struct Pid1UnitStatus {
        bool known;      /* false: all the rest is old, or was never read */
        usec_t asked_at; /* CLOCK_BOOTTIME before the question was sent to PID 1; if known is false, of this report */
        char load_state[12]; /* loaded, not-found, masked, bad-setting, error */
        Pid1Active active;
        char sub_state[24]; /* the longest of systemd 257 is "dead-resources-pinned" */
        bool job;           /* PID 1 has a job for the unit, or has not answered a start of ours */
        bool empty;         /* no process is left in the control group; true also if there is no group */
        bool gate_loaded;   /* see pid1_unit_new() */
        bool gate_asserted; /* the Assert is in force, so the unit cannot start without its gate; the guard and
                               the unit's present files may be wrong */
        bool need_reload;   /* NeedDaemonReload= */
        bool failed;        /* Result= is not "success" */
        bool foreign_job;   /* since our last pid1_unit_start(), or since the unit was later seen running without a
                               job: there was a job on the unit that was neither ours nor of Restart=, or signals may
                               have been missed */
        bool killed; /* a signal ended the main process of the run that we saw, even if that counts as success */
        UnitSign sign;
        UnitEnd end;    /* who ended the unit; only of a unit that is inactive or failed */
        NeedState need; /* of NEED, CONFLICT and UNNEEDED among them: whether the cause lasts, as far as is known */
        UnitForbid forbids;    /* what `leasectl enable` refuses, and is in force */
        const char *cause;     /* the name of the unit that is the cause; "": not known */
        usec_t inactive_since; /* CLOCK_REALTIME when the unit last became inactive or failed; 0: never on this boot */
        usec_t since;          /* CLOCK_REALTIME since when .active is so; 0: not known */
        char result[24];       /* Result=, cut; "": there is none, or it is "success" */
        usec_t active_since;   /* CLOCK_MONOTONIC when the unit last became active; 0: never on this boot */
        uint8_t invocation_id[16];
        usec_t timeout_stop; /* TimeoutStopUSec= of services and scopes, TimeoutUSec= of sockets, mounts and swaps;
                              * USEC_INFINITY if there is none */
        const char *control_group;      /* as PID 1 names it; "": there is none now, or its path is too long */
        uint32_t main_pid, control_pid; /* of services; 0: there is none. A service may name any process as its main
                                           process */
        bool stop_post;                 /* the unit is a service with an ExecStopPost= */
        bool stops_unneeded;            /* StopWhenUnneeded=yes is in force, whatever .forbids says */
        usec_t last_trigger; /* of a timer with Persistent=yes: CLOCK_REALTIME when it last elapsed, or if it never
                              * has, when it was started; 0: neither is known */
} Pid1UnitStatus;

/* How PID 1 has stopped a unit by itself. */
typedef struct Pid1Ending {
        uint8_t run[16];             /* InvocationID= of the run that ended */
        UnitEnd end;                 /* NEED, CONFLICT, UNNEEDED or BUS */
        bool asked;                  /* there was a job on the cause */
        char cause[UNIT_NAME_SPACE]; /* "": not known, or there is none */
} Pid1Ending;

/* All callbacks are made from the event loop, never from inside a call of this layer. A callback may free the unit, or
 * the Pid1. What a callback is given is borrowed until it returns. */

/* The status was read anew, or has become unknown: PID 1 has not answered for 5 s (then this is repeated every 5 s),
 * or the connection is gone. A late answer makes the status known again. */
typedef void (*pid1_unit_status_t)(Pid1Unit *u, const Pid1UnitStatus *status, void *userdata);
/* An Assert refused a start job, ours or somebody else's: most likely somebody tried to start the unit without its
 * lease. */
typedef void (*pid1_unit_refused_t)(Pid1Unit *u, void *userdata);
/* PID 1 did not accept a start or stop that we asked for, or did not answer in time. error: a negative errno. message:
 * text for people. The status is read anew in any case. */
typedef void (*pid1_unit_failed_t)(Pid1Unit *u, bool start, int error, const char *message, void *userdata);

/* Each may be NULL. */
typedef struct Pid1UnitCallbacks {
        pid1_unit_status_t status;
        pid1_unit_refused_t refused;
        pid1_unit_failed_t failed;
} Pid1UnitCallbacks;

/*
 * Watches a unit, and has PID 1 keep it loaded. name: the unit's own name; under an alias gate_loaded is never set.
 * gate: the path that an AssertPathExists= of the unit must name; guard: the unit that its BindsTo= must name.
 * gate_loaded is set if both are so in PID 1, and the unit is loaded from its present files. guard and callbacks
 * are borrowed for the life of the unit; the other strings are copied. The first report follows by itself.
 *
 * Returns 0 and a unit owned by the caller (pid1_free() frees it, too); -EEXIST: the unit is being watched already;
 * -ENOMEM.
 */
int pid1_unit_new(Pid1 *m, const char *name, const char *gate, const char *guard, const Pid1UnitCallbacks *callbacks,
                void *userdata, Pid1Unit **ret);
/* Ends the watching, and lets PID 1 unload the unit. Nothing is reported any more. Accepts NULL, returns NULL. */
Pid1Unit *pid1_unit_free(Pid1Unit *u);

/*
 * Watches all instances of a template ("foo@.service") as one unit, which is up while an instance is up, has a job
 * while an instance has one, and is empty when all are. A stop stops each instance that is up; a start is not
 * possible. Whether the single instances have their gates is not known, and gate_loaded is always set. Returns what
 * pid1_unit_new() does; -EINVAL: name is not a template's.
 */
int pid1_unit_new_template(
                Pid1 *m, const char *name, const Pid1UnitCallbacks *callbacks, void *userdata, Pid1Unit **ret);

/* Gives the names of the units that run because of this one, by PID 1's latest answer: the units that a timer, socket,
 * path or automount triggers (of a socket with Accept=yes: their template), the units that are bound to a target, and
 * the units that a service or mount starts along with itself (Wants= and the like) and that are bound to it. A list as
 * of util/strv.h, borrowed until the loop runs again. */
char *const *pid1_unit_covers(const Pid1Unit *u);
/* Gives how PID 1 has stopped the unit by itself, as far as another process of leased may need to be told. Returns 1;
 * 0: the unit is up, or somebody else has ended it; -ENODATA: nothing is known that was not known before. */
int pid1_unit_ending(const Pid1Unit *u, Pid1Ending *ret);
/* Tells what the process of leased before this one knew, at once after pid1_unit_new(). It counts for as long as the
 * unit is down after that run, and has no new job. Returns 0, or -ENOMEM. */
int pid1_unit_recall(Pid1Unit *u, const Pid1Ending *ending);

/* Gives the present status, borrowed; it changes when the loop runs again. */
const Pid1UnitStatus *pid1_unit_status(const Pid1Unit *u);

/* Asks PID 1 to start or stop the unit (mode "replace"), without waiting. Returns 0, or a negative errno if nothing
 * was asked: -ENOTCONN while Pid1 is detached, -EINVAL for the start of a template, -ENOMEM. A failure is reported by
 * the callback failed, the outcome by the callback status.
 *
 * PID 1 has 5 s to answer, and may carry the request out even later. If the same is asked again before PID 1 has
 * answered, it is still one request, with another 5 s. Requests beyond a limit wait in here, stops before starts;
 * their time does not run out while PID 1 answers others. A start that waits is dropped when the unit is to be
 * stopped. A start that PID 1 has accepted is not asked for again before a status tells what has become of it. */
int pid1_unit_start(Pid1Unit *u);
int pid1_unit_stop(Pid1Unit *u);
/* Stops a unit with RefuseManualStop=yes by way of STOP_TARGET (util/names.h). A template's instances are stopped
 * without waiting for answers, so the caller must say beforehand that PID 1 would refuse. For any other unit this is
 * pid1_unit_stop(), which learns of a refusal by itself. -ENAMETOOLONG: the name of an instance is too long for that
 * of its STOP_TARGET; all others are stopped. Otherwise as pid1_unit_stop(). */
int pid1_unit_stop_by_conflict(Pid1Unit *u);
/* Asks PID 1 to make the unit, which does not exist yet, and to start it (StartTransientUnit). append puts the
 * arguments of that method into the message, with AddRef= among the properties, and is called from within this call; a
 * negative errno of append is returned. PID 1 gets the request no more than once; otherwise as pid1_unit_start(). */
typedef int (*pid1_unit_append_t)(sd_bus_message *m, const char *unit, void *userdata);
int pid1_unit_start_transient(Pid1Unit *u, pid1_unit_append_t append, void *userdata);
/* Has PID 1 forget that the unit and what it needs (Requires= and the like) failed, and how often these were started
 * lately (StartLimitBurst=); PID 1 does so before all that is asked for later. There is no answer. While a start of
 * the unit waits, is under way, or was accepted and not looked at since, nothing is asked, since that was done before:
 * to forget takes PID 1 as long as to load the unit. Returns 1 if PID 1 was asked, 0 if not, or a negative errno if
 * PID 1 could not be asked. For a template itself nothing is asked. */
int pid1_unit_reset_failed(Pid1Unit *u);
/* Has the status read anew: a report follows whose asked_at is not before this call, known or not. Returns 0. */
int pid1_unit_read(Pid1Unit *u);

/* Gives "active", "inactive" or the like, a static text; NULL: there is no such value. */
const char *pid1_unit_active_to_string(Pid1Active a);
