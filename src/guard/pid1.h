/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the guard asks of PID 1: to stop a unit, and how a unit is. Nothing waits, everything has a time limit, and no
 * answer is an answer of its own. The bus may be absent at any time; it is looked for again and again.
 *
 * Questions about many units go out as one call (ListUnitsByNames: state and job of each at one instant), one call at
 * a time; stops go out as single calls, not too many at once, for the bus limits what one peer may have under way.
 * With each question the bus itself is pinged, so that a busy PID 1 can be told from a dead bus.
 *
 * A template ("foo@.service") stands for all its instances: asked how it is, PID 1 is asked for those it knows;
 * stopping it means asking for them and stopping each.
 *
 * No object of the caller's is kept: units go by name, and an answer about a name that no longer matters is harmless.
 * Each wish has an owner, a name of the caller's that comes back with the answer.
 */

#include <systemd/sd-event.h>

#include "guard/guard-entry.h"

typedef struct PidOne PidOne;

typedef struct PidOneCallbacks {
        void (*stopped)(const char *owner, StopAnswer answer, void *userdata);
        /* answer->empty is the caller's to fill in. */
        void (*reported)(const char *owner, const char *unit, UnitAnswer *answer, void *userdata);
        void (*settle)(void *userdata); /* after the above */
} PidOneCallbacks;

/* Begins to look for the bus. callbacks are borrowed. -ENOMEM, or an error of sd-event. */
int pid_one_new(sd_event *event, const PidOneCallbacks *callbacks, void *userdata, PidOne **ret);
/* Nothing is answered any more. */
PidOne *pid_one_free(PidOne *p);
/* Whether the bus answers. */
bool pid_one_is_connected(const PidOne *p);
/* When the bus and PID 1 were last heard. */
Heard pid_one_heard(const PidOne *p);

/* Remembers the wish; pid_one_flush() sends what there is. The callbacks come later from the loop, never from here.
 * Each wish is answered once, or -ENOMEM returned. */
int pid_one_stop(PidOne *p, const char *owner, const char *unit);
int pid_one_ask(PidOne *p, const char *owner, const char *unit);
/* Sends what is wished for, as far as there is room. */
void pid_one_flush(PidOne *p);
