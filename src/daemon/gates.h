/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The drop-ins that are the gates, where the daemon must put them right: a gate of another version of leased, a gate
 * that somebody removed (`systemctl revert` does), a gate of a unit that needs none any more. PID 1 reads a changed
 * drop-in only with a daemon-reload, which costs it up to seconds: many units cause one, and one is not soon followed
 * by the next.
 */

#include <systemd/sd-event.h>

#include "pid1/pid1.h"

typedef struct Gates Gates;

/* pid1 must outlive the gates. -ENOMEM, or an error of sd-event. */
int gates_new(sd_event *event, Pid1 *pid1, Gates **ret);
/* A reload that was asked for and is not due yet does not come. */
Gates *gates_free(Gates *g);

/* At the start: writes the drop-ins anew that another version of leased has written, and has PID 1 reload. Logs. */
void gates_renew(Gates *g);
/* PID 1 has not loaded the gate of gated, which is the enabled unit or goes by its lease: writes the drop-in if there
 * is none, and has PID 1 reload if the drop-in is new or need_reload (PID 1 has not read the file). Logs. */
void gates_mend(Gates *g, const char *gated, const char *unit, bool need_reload);
/* The unit has become a global one: removes its gate and those of what went by its lease, and has PID 1 reload. Logs.
 */
void gates_lift(Gates *g, const char *unit, bool need_reload);
