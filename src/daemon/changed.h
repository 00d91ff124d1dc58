/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Which units and leases, and whether the daemon itself, look different since listeners were last told. To note a
 * change sends nothing. When the loop has nothing more urgent to do, flush(), which was given at the start, is called
 * once for all changes that were noted. So a listener who then reads a property finds the value that was announced
 * (publish.c).
 */

#include <systemd/sd-event.h>

#include "core/record.h"

typedef struct Changed Changed;

/* Calls flush() from the event loop, at idle priority, after each change that is noted. userdata is borrowed. -ENOMEM,
 * or an error of sd-event. */
int changed_new(sd_event *event, void (*flush)(void *userdata), void *userdata, Changed **ret);
/* Frees c, which may be NULL, and forgets the names in it. Returns NULL. */
Changed *changed_free(Changed *c);

/* Something of the daemon itself may look different. */
void changed_note(Changed *c);
/* The unit of that name looks different. */
void changed_note_unit(Changed *c, const char *unit);
/* ACTION_OFFER_CHANGED: the offer of that name says something else. */
void changed_note_offer(Changed *c, const char *offer);
/* ACTION_CHANGED: the unit of that name, the lease of that name, or both look different; either may be NULL. Unless
 * only a unit is named, all that is said of each machine for each unit may look different as well: see
 * changed_standing(). */
void changed_note_core(Changed *c, const char *unit, const char *lease);

/* Takes one name out of those that were noted, a unit's or a lease's. false: there is none left. */
bool changed_take(Changed *c, bool *ret_is_lease, char ret_name[static NAME_SIZE]);
/* Takes the name of one offer out of those that were noted. false: there is none left. */
bool changed_take_offer(Changed *c, char ret_name[static RECORD_NAME_SIZE]);
/* Whether a name is left that was noted and not taken. */
bool changed_pending(const Changed *c);
/* Whether the standing of machines to units (WhyNot, Stuck) may have changed since the last changed_take_standing().
 */
bool changed_standing(const Changed *c);
/* The standing of machines to units is being looked at: only a later change counts again. */
void changed_take_standing(Changed *c);
