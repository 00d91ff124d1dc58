/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The drop-ins that are the gates, where the daemon must put them right: a gate of another version of leased, a gate
 * that somebody has removed (`systemctl revert` does), a gate of a unit that needs none any more. PID 1 reads a
 * changed drop-in only at a daemon-reload, which keeps PID 1 busy for up to seconds. So a reload is asked for 100 ms
 * late, and serves all units that have asked by then, and at least 10 s lie between two reloads.
 */

#include <systemd/sd-event.h>

#include "pid1/pid1.h"

typedef struct Gates Gates;

/* Does nothing yet. pid1 must outlive the gates. -ENOMEM, or an error of sd-event. */
int gates_new(sd_event *event, Pid1 *pid1, Gates **ret);
/* Frees g, which may be NULL; a reload that is not due yet is not asked for any more. Returns NULL. */
Gates *gates_free(Gates *g);

/* At the start: writes those drop-ins anew that another version of leased has written, and if there were any, has PID
 * 1 reload. Logs. */
void gates_renew(Gates *g);
/* PID 1 has not loaded the gate of gated, which is the enabled unit itself or a member of it (members.h). Writes the
 * drop-in if there is none, and has PID 1 reload if the drop-in is new, or if need_reload says that PID 1 has not read
 * the file. Does nothing if by the files the unit is not enabled, or is a global one. Logs. */
void gates_mend(Gates *g, const char *gated, const char *unit, bool need_reload);
/* The unit has become a global one (Global=), which needs no lease. Removes its gate and those of its members, and has
 * PID 1 reload if there were any, or if need_reload. gated are the units whose drop-ins name the unit; NULL: all
 * drop-ins are read for that. Does nothing if the files say otherwise by now. Logs. */
void gates_lift(Gates *g, const char *unit, char *const *gated, bool need_reload);
