/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Questions about machines, this one and others. */

#include "core/state.h"

/* Whether this is our own machine. */
bool machine_is_own(const Core *c, const Machine *m);
/* Whether our machine record names our session, so that no other machine goes by our id. */
bool machine_is_named(const Core *c);
/* The machine's session, if it may still hold leases as far as we can tell; NULL if the machine is silent. */
const Session *machine_session(const Core *c, const Machine *m);
/* How many leases of units this machine holds: by its session, and by the one that is being left for it. */
size_t machine_own_held(const Core *c);
/* How many the machine holds: by the session that its record names, and if it is this one, by those of ours. */
size_t machine_held(const Core *c, const Machine *m);
/* How much time lies between two beats of the machine's session, as its record says (law 12). */
usec_t machine_beats_every(const Machine *m);
/* How much time lies between two beats of a session of ours: as BeatSec= says, and never more than others were told
 * (law 12). */
usec_t machine_own_beats_every(const Core *c, const Own *o);
/* Why this machine takes no leases at all; WHY_NONE if it competes for them. */
Why machine_why_not(const Core *c);
/* Until when that reason lasts (CLOCK_REALTIME); 0 if this is not known. */
usec_t machine_waits_until(const Core *c, Why why, Now now);
/* Whether a machine's clock may have shown this time (CLOCK_REALTIME): not 0, and no more than a day ahead of ours. */
bool machine_is_time(const Core *c, usec_t realtime);
/* Since when the machine's session beats without a silence (CLOCK_REALTIME of that machine); 0: its record does not
 * say, or speaks of another session, as after an older leased has written it. */
usec_t machine_up_since(const Core *c, const Machine *m);
