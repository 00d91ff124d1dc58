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
/* This machine takes leases. false: *ret_why (it may be NULL) says why not, in one line that lasts. */
bool machine_competes(const Core *c, const char **ret_why);
/* Until when why, as machine_competes() gave it, is so, if that is known: CLOCK_REALTIME, or 0. */
usec_t machine_waits_until(const Core *c, const char *why, Now now);
