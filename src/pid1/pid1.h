/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * PID 1 on the system bus: subscription, resynchronisation, reload, and which job is acting on ourselves.
 *
 * The bus connection is the caller's, who creates it, attaches it to the loop, and reconnects it: on loss call
 * pid1_detach(), with a new one pid1_attach(). Everything else (Subscribe again when PID 1 re-executes,
 * Reloading, a NameOwnerChanged, a slow poll against lost signals) happens in here. Nothing blocks.
 */

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "util/macros.h"
#include "util/time-util.h"

typedef struct Pid1 Pid1;

/* poll: how often PID 1 is asked about all units even if nothing was heard, e.g. TTL/2. */
int pid1_new(sd_event *event, usec_t poll, Pid1 **ret);
/* Frees all of its units as well. */
Pid1 *pid1_free(Pid1 *m);
/* Takes its own reference of bus, which need not be connected yet. -EISCONN: there is one already. */
int pid1_attach(Pid1 *m, sd_bus *bus);
/* All units become unknown; they are read when there is a bus again. */
void pid1_detach(Pid1 *m);
/* Whether there is a connection; it may not be up. */
bool pid1_attached(const Pid1 *m);

/* What is asked of PID 1 below answers once through f, from the event loop: error 0 or a negative errno, text the
 * answer
 * ("" if none), or the message of the error. Calls under way are cancelled by pid1_detach() with -ENOTCONN and by
 * pid1_free() silently; -ENOTCONN as return value: detached, and f is not called. */
typedef void (*pid1_answer_t)(int error, const char *text, void *userdata);

/* daemon-reload; answers when it is done. */
int pid1_reload(Pid1 *m, pid1_answer_t f, void *userdata);
/* Starts a unit other than a leased one (the guard's service); answers, with the job's path, when PID 1 has accepted.
 */
int pid1_start_unit(Pid1 *m, const char *name, pid1_answer_t f, void *userdata);
/* The same, whatever other units are about: otherwise a start waits for the stop of each unit that is ordered after
 * this one, and the service that would end such a stop could not be started before it is over. */
int pid1_start_unit_at_once(Pid1 *m, const char *name, pid1_answer_t f, void *userdata);
/* Sends a signal to the main process of such a unit; answers when PID 1 has. */
int pid1_kill_unit(Pid1 *m, const char *name, int signal, pid1_answer_t f, void *userdata);
/* Which job PID 1 has for a unit now: text is "stop", "restart", "start", …, or "" for none. */
int pid1_job_type(Pid1 *m, const char *name, pid1_answer_t f, void *userdata);
