/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What is so of machines. */

#include "core/state.h"

/* It is this one. */
bool machine_is_own(const Core *c, const Machine *m);
/* Our record names our session: nobody else goes by our id. */
bool machine_is_named(const Core *c);
/* Its session, if that can still hold anything, as far as we can tell; NULL: it is silent. */
const Session *machine_session(const Core *c, const Machine *m);
/* Why this machine takes no leases at all; WHY_NONE: it competes for them. */
Why machine_why_not(const Core *c);
/* Until when this is so, as machine_why_not() gave it, if that is known: CLOCK_REALTIME, or 0. */
usec_t machine_waits_until(const Core *c, Why why, Now now);
