/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Work that would hold the loop for too long, done in slices: one in a turn, and between two of them whatever else
 * waits gets its turn. A timer is used and not a deferred source, which sd-event would always let go first.
 */

#include <systemd/sd-event.h>

#include "util/macros.h"

typedef struct Slices Slices;

/* Does one slice. false: that was the last one. May call slices_begin(). */
typedef bool (*slices_work_t)(void *userdata);

/* Does nothing yet. userdata is borrowed. -ENOMEM, or an error of sd-event. */
int slices_new(sd_event *event, slices_work_t work, void *userdata, Slices **ret);
/* What is left of the work is not done. */
Slices *slices_free(Slices *s);
/* There is work to do, from the next turn on. */
void slices_begin(Slices *s);
