/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/unit-journal.h"

#include "daemon/loop.h"

void unit_journal_write(const Daemon *d, int level, JournalEvent e, const char *text) {
        UnitView v;

        if (!e.lease && core_find_unit(d->core, loop_now(), e.unit, &v)) {
                e.lease = v.lease;
                e.index = v.index;
        }
        journal_event(level, &e, text);
}
