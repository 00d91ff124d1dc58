/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * PID 1 on the system bus: subscription, resynchronisation, reload, and which job PID 1 has for a unit, such as for
 * this program itself.
 *
 * The bus connection belongs to the caller, who creates it, attaches it to the loop, and reconnects: when the
 * connection is lost, call pid1_detach(); when there is a new one, call pid1_attach(). Everything else happens in
 * here: to subscribe again when PID 1 executes itself anew, to have it come back to its bus, to read all units again
 * after a reload, and to poll slowly in case signals get lost. No function waits. Functions that return int return 0
 * or a negative errno.
 */

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "util/macros.h"
#include "util/time-util.h"

/* The bus to which PID 1 comes. */
#define PID1_BUS_ADDRESS "unix:path=/run/dbus/system_bus_socket"

typedef struct Pid1 Pid1;

/* Makes a Pid1, owned by the caller, without a bus. Takes a reference of event. poll: after how many microseconds PID
 * 1 is asked about all units again although no signal came (at least 250 ms), for example TTL/2; after twice as long
 * where there are so many units that the answers would take more than a hundredth of the time. */
int pid1_new(sd_event *event, usec_t poll, Pid1 **ret);
/* Detaches, and frees all units of m as well. Accepts NULL, returns NULL. */
Pid1 *pid1_free(Pid1 *m);
/* Uses this connection from now on, and takes a reference of it. The connection need not be up yet. -EISCONN: there is
 * a connection already. On any other failure m is detached, as before. */
int pid1_attach(Pid1 *m, sd_bus *bus);
/* Gives the connection back. All units become unknown; they are read when there is a connection again. */
void pid1_detach(Pid1 *m);
/* Whether there is a connection, up or not. */
bool pid1_attached(const Pid1 *m);

/* The answer to one of the calls below, from the event loop. error: 0 or a negative errno. text, borrowed until the
 * function returns: the answer ("" if there is none), or the message of the error.
 *
 * Each call copies its strings. If it returns 0, f is called exactly once: with -ENOTCONN if pid1_detach() cancels the
 * call, and not at all only if m is freed first. If it returns a negative errno (-ENOTCONN: detached), nothing was
 * asked and f is not called. */
typedef void (*pid1_answer_t)(int error, const char *text, void *userdata);

/* Has PID 1 read its files again (daemon-reload). The answer comes when PID 1 has done that, within 5 minutes. */
int pid1_reload(Pid1 *m, pid1_answer_t f, void *userdata);
/* Starts a unit that is not leased, such as the guard's service. The answer, the job's path, comes when PID 1 has
 * accepted the job, within 10 s. */
int pid1_start_unit(Pid1 *m, const char *name, pid1_answer_t f, void *userdata);
/* Starts such a unit without regard to other units (mode "ignore-dependencies"). An ordinary start waits for the stop
 * of each unit that is ordered after this one; if only this unit can end such a stop, the start would wait for ever.
 */
int pid1_start_unit_at_once(Pid1 *m, const char *name, pid1_answer_t f, void *userdata);
/* Sends a signal to the main process of a unit that is not leased. The answer comes when PID 1 has sent the signal,
 * within 10 s. */
int pid1_kill_unit(Pid1 *m, const char *name, int signal, pid1_answer_t f, void *userdata);
/* For so long PID 1 may need to end a unit whose time is over: three times TimeoutStopSec= and a little more. */
#define PID1_RUN_LATE (5 * USEC_PER_MINUTE)
/* Has PID 1 run a transient unit of Type=oneshot, whose name no unit has had before. append writes what
 * StartTransientUnit takes after the name and the mode: the properties, and no other units. The answer comes when the
 * unit's start has ended; text is the job's result, "done" if the unit's processes have ended well. The unit must
 * limit its own time (TimeoutStartUSec=). The answer is -ETIME if nothing is heard of its end within limit, which is
 * longer than that time by PID1_RUN_LATE or more: PID 1's word may be lost. */
int pid1_run(Pid1 *m, const char *name, usec_t limit, int (*append)(sd_bus_message *message, void *what), void *what,
                pid1_answer_t f, void *userdata);
/* Asks for User= of a service. The answer is the user; "": there is none. */
int pid1_service_user(Pid1 *m, const char *name, pid1_answer_t f, void *userdata);
/* Asks for DynamicUser= of a service: whether its user is there only while something runs as that user. The answer is
 * "yes" or "no". */
int pid1_service_makes_user(Pid1 *m, const char *name, pid1_answer_t f, void *userdata);
/* Has PID 1 forget that units in the slice, or in one below it, have failed. Nobody is told when that is done. Returns
 * 0 or a negative errno. */
int pid1_reset_failed_in(Pid1 *m, const char *slice);
/* Asks which job PID 1 has for a unit now. The answer is "stop", "restart", "start" or the like; "": no job. */
int pid1_job_type(Pid1 *m, const char *name, pid1_answer_t f, void *userdata);
