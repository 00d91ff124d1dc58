/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the guard asks of PID 1 over the bus: to stop a unit, and how a unit is. Each of these is a "wish". Nothing
 * waits. Every such wish is answered within a time limit: if PID 1 is silent, the answer says so (STOP_SILENT, or
 * .known = false). The bus may be absent at any time; it is looked for again and again.
 *
 * Questions about many units go out as one call (ListUnitsByNames, which tells the state and job of each at one
 * instant), one call at a time. Stops go out as single calls, and not too many at once, because the bus limits the
 * calls that one peer may have under way. With each question the bus itself is asked something as well, so that a busy
 * PID 1 can be told from a dead bus.
 *
 * A template ("foo@.service") stands for all its instances. To a question about a template the answer is the sum of
 * the instances that PID 1 knows. To stop a template, PID 1 is asked for these instances, and then to stop each. The
 * stop is answered when all these are: it is refused if one of them is.
 *
 * No object of the caller is kept. Units go by their names, and an answer about a name that does not matter any more
 * does no harm. Each wish has an owner, a name that the caller chooses and that comes back with the answer; both are
 * copied.
 */

#include <systemd/sd-event.h>

#include "guard/guard-entry.h"

typedef struct PidOne PidOne;

typedef struct PidOneCallbacks {
        void (*stopped)(const char *owner, StopAnswer answer, void *userdata);
        /* answer->empty is not filled in: the caller looks at the control group. */
        void (*reported)(const char *owner, const char *unit, UnitAnswer *answer, void *userdata);
        void (*settle)(void *userdata); /* after a batch of answers: the caller does what is due */
} PidOneCallbacks;

/* Gives an object that the caller owns, and begins to look for the bus. event and callbacks are borrowed for the
 * object's life. Returns 0, -ENOMEM, or an error of sd-event. */
int pid_one_new(sd_event *event, const PidOneCallbacks *callbacks, void *userdata, PidOne **ret);
/* Drops all wishes without an answer, and frees the object; NULL is allowed. Returns NULL. */
PidOne *pid_one_free(PidOne *p);
/* Whether the bus answers. */
bool pid_one_is_connected(const PidOne *p);
/* When the bus and PID 1 last answered anything (CLOCK_BOOTTIME); 0: never. */
Heard pid_one_heard(const PidOne *p);

/* Remembers the wish to stop the unit, or to be told how it is; pid_one_flush() sends the wishes. Each wish is
 * answered exactly once by a callback, which comes later from the loop and never from here. Returns 0, or -ENOMEM:
 * then there is no wish. */
int pid_one_stop(PidOne *p, const char *owner, const char *unit);
int pid_one_ask(PidOne *p, const char *owner, const char *unit);
/* Remembers the wish to start the unit. What becomes of it nobody is told. Returns 0, or -ENOMEM. */
int pid_one_start(PidOne *p, const char *unit);
/* Sends the wishes, as many as may be under way. */
void pid_one_flush(PidOne *p);
