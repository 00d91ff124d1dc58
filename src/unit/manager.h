/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * PID 1 on the system bus: subscription, resynchronisation, reload, and which job is acting on ourselves.
 *
 * The bus connection is the caller's, who creates it, attaches it to the loop, and reconnects it: on loss call
 * manager_detach(), with a new one manager_attach(). Everything else (Subscribe again when PID 1 re-executes,
 * Reloading, a NameOwnerChanged, a slow poll against lost signals) happens in here. Nothing blocks.
 */

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "util/macros.h"
#include "util/time-util.h"

typedef struct UnitManager UnitManager;

/* poll: how often every unit is read anew even if nothing was heard, e.g. TTL/2 (at most some 250 units a second). */
int manager_new(sd_event *event, usec_t poll, UnitManager **ret);
UnitManager *manager_free(UnitManager *m);
/* Takes its own reference of bus, which need not be connected yet. -EISCONN: there is one already. */
int manager_attach(UnitManager *m, sd_bus *bus);
/* All units become unknown; they are read when there is a bus again. */
void manager_detach(UnitManager *m);
bool manager_attached(const UnitManager *m);

/* Called after PID 1 has reloaded its configuration, or has executed itself anew. */
void manager_on_reloaded(UnitManager *m, void (*f)(void *userdata), void *userdata);

/* What is asked of PID 1 below answers once through f, from the event loop: error 0 or a negative errno, text the
 * answer
 * ("" if none), or the message of the error. Calls under way are cancelled by manager_detach() with -ENOTCONN and by
 * manager_free() silently; -ENOTCONN as return value: detached, and f is not called. */
typedef void (*manager_answer_t)(int error, const char *text, void *userdata);

/* The canonical name (alias resolved) and load state of a unit: text is "name load-state". */
int manager_resolve(UnitManager *m, const char *name, manager_answer_t f, void *userdata);
/* daemon-reload; answers when it is done. */
int manager_reload(UnitManager *m, manager_answer_t f, void *userdata);
/* Starts a unit other than a leased one (the guard's service); answers, with the job's path, when PID 1 has accepted.
 */
int manager_start_unit(UnitManager *m, const char *name, manager_answer_t f, void *userdata);
/* Sends a signal to the main process of such a unit; answers when PID 1 has. */
int manager_kill_unit(UnitManager *m, const char *name, int signal, manager_answer_t f, void *userdata);
/* Which job PID 1 has for a unit now: text is "stop", "restart", "start", …, or "" for none. */
int manager_job_type(UnitManager *m, const char *name, manager_answer_t f, void *userdata);
