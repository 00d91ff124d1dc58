/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The drop-ins that are the gates, where the daemon must put them right: a gate of another version of leased, a gate
 * that somebody has removed (`systemctl revert` does), a gate of a unit that needs none any more.
 *
 * After a power cut no unit may be without its gate, so the drop-ins are synced, and a hung disk may delay that for a
 * minute. So they are read, written and removed by a thread of its own, one after the other, and the loop never waits
 * for them. Of several requests for the same unit that wait for the thread, one is left. However many have been
 * carried out, one turn of the loop takes a few results.
 *
 * PID 1 reads a changed drop-in only at a daemon-reload, which keeps PID 1 busy for up to seconds. So a reload is
 * asked for when nothing waits for the thread and nothing was written for 100 ms, or 5 s after the first file was; and
 * at least 10 s lie between two reloads. It serves all units whose files are there by then.
 */

#include <systemd/sd-event.h>

#include "pid1/pid1.h"

typedef struct Gates Gates;

/* Starts the thread, which does nothing yet. pid1 must outlive the gates. -ENOMEM, or an error of sd-event or of the
 * thread. */
int gates_new(sd_event *event, Pid1 *pid1, Gates **ret);
/* Frees g, which may be NULL, after it has waited for the file that is being written, at most 2 s. What is asked for
 * beyond that is not done any more, nor a reload that is not due yet. Returns NULL. */
Gates *gates_free(Gates *g);

/* The following only ask. The thread carries it out and looks at the files then; what has been done is logged. A file
 * that could not be written is to be asked for again. */

/* At the start: writes those drop-ins anew that another version of leased has written, and if there were any, has PID
 * 1 reload. */
void gates_renew(Gates *g);
/* PID 1 has not loaded the gate of gated, which is the enabled unit itself or a member of it (members.h). Writes the
 * drop-in if there is none, and has PID 1 reload if the drop-in is new, or if need_reload says that PID 1 has not read
 * the file. Does nothing if by the files the unit is not enabled, or is a global one. */
void gates_mend(Gates *g, const char *gated, const char *unit, bool need_reload);
/* The unit has become a global one (Global=), which needs no lease. Removes its gate and those of its members, and has
 * PID 1 reload if there were any, or if need_reload. gated are the units whose drop-ins name the unit; NULL: all
 * drop-ins are read for that. Does nothing if the files say otherwise by now. */
void gates_lift(Gates *g, const char *unit, char *const *gated, bool need_reload);
