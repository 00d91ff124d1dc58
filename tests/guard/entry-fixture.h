/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* An entry, and the part of the guard that owns it. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "guard/guard-entry.h"
#include "guard/protocol.h"

#define SEC USEC_PER_SEC
#define MS USEC_PER_MSEC

static const Heard NOBODY = {};

/* The owner's part: gates open and close at once. */
static inline unsigned gate(GuardEntry *e, usec_t now, unsigned actions) {
        if (actions & ENTRY_CLOSE_GATE)
                actions |= guard_entry_gate(e, now, false);
        else if (actions & ENTRY_OPEN_GATE)
                actions |= guard_entry_gate(e, now, true);
        return actions;
}

static inline unsigned tick(GuardEntry *e, usec_t now) {
        return gate(e, now, guard_entry_tick(e, now, NOBODY));
}

/* Armed at 1 s: stop_at 8 s, kill_at 10 s, its gate open. */
static inline GuardEntry armed(void) {
        GuardEntry e = {};

        assert_true(guard_entry_arm(&e, SEC, 5, 8 * SEC, 10 * SEC, 7 * SEC, 9 * SEC) & ENTRY_MARK);
        assert_true(gate(&e, SEC, guard_entry_open(&e, SEC, 5)) & ENTRY_OPEN_GATE);
        assert_int_equal(guard_entry_flags(&e), GUARD_FLAG_OPEN);
        return e;
}
