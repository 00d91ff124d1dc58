/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Work that would hold the loop for too long, done in slices: one slice in a turn of the loop. Between two slices all
 * else that waits has its turn. So a timer drives the work, and not a deferred source, which sd-event would always
 * prefer.
 */

#include <systemd/sd-event.h>

#include "util/macros.h"

typedef struct Slices Slices;

/* Does one slice. true: there is more to do. false: that was the last one. May call slices_begin(). */
typedef bool (*slices_work_t)(void *userdata);

/* Makes the slices, and does nothing yet. userdata is work()'s, and borrowed until slices_free(). -ENOMEM, or an error
 * of sd-event. */
int slices_new(sd_event *event, slices_work_t work, void *userdata, Slices **ret);
/* Frees s, which may be NULL; what is left of the work is not done. Returns NULL. */
Slices *slices_free(Slices *s);
/* There is work to do: work() is called from the next turn on, until it returns false. */
void slices_begin(Slices *s);
