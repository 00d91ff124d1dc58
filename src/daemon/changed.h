/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What looks different since listeners were last told: units, leases, the daemon itself. Noting it costs nothing and
 * sends nothing. When the loop has nothing more urgent to do, the flush that was handed in is called once for all that
 * was noted, so that whoever reads back finds what was announced (publish.c).
 */

#include <systemd/sd-event.h>

#include "core/record.h"

typedef struct Changed Changed;

/* flush is called from the event loop, at idle priority. -ENOMEM, or an error of sd-event. */
int changed_new(sd_event *event, void (*flush)(void *userdata), void *userdata, Changed **ret);
/* Frees it. What was noted and not taken is forgotten. */
Changed *changed_free(Changed *c);

/* Something of the daemon itself may look different. */
void changed_note(Changed *c);
/* The unit of that name looks different. */
void changed_note_unit(Changed *c, const char *unit);
/* ACTION_CHANGED: the unit and/or the lease of that name looks different; either may be NULL. Unless it is a unit
 * alone, how machines stand to units may have changed as well. */
void changed_note_core(Changed *c, const char *unit, const char *lease);

/* Takes one name that was noted, until there is none left: false. */
bool changed_take(Changed *c, bool *ret_is_lease, char ret_name[static NAME_SIZE]);
/* Whether there is a name left that was noted. */
bool changed_pending(const Changed *c);
/* Whether how machines stand to units may have changed since the last changed_take_standing(). */
bool changed_standing(const Changed *c);
/* From here on a change is a new one. */
void changed_take_standing(Changed *c);
