/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Draining: of this machine, by an operator here or at another one; and of another machine, by an operator here.
 */

#include "core/drain.h"

#include "core/intake.h"
#include "core/mirror.h"
#include "core/news.h"
#include "core/output.h"
#include "core/session.h"
#include "core/txn.h"

void drain_set(Core *c, const char *machine, bool on, bool brief, const char *by) {
        Machine *m;

        if (isempty(machine) || streq(machine, c->here.machine_id)) {
                c->memory.changed = true;
                news_note(c, NEWS_DRAINING);
                str_copy(c->drain.boot, sizeof(c->drain.boot), on && brief ? c->here.boot_id : "");
                c->drain.on = on;
                c->drain.said = true;
                str_copy(c->drain.by, sizeof(c->drain.by), on ? strempty(by) : "");
                return;
        }
        m = mirror_find_machine(c, machine);
        if (!m)
                return;
        m->drain_asked = on ? 1 : -1;
        m->drain_brief = on && brief;
        str_copy(m->drain_by, sizeof(m->drain_by), on ? strempty(by) : "");
}

/* Whether a drain with this boot id holds: it does until somebody ends it ("" or NULL), or during this very boot. */
static bool still_holds(const Core *c, const char *boot) {
        return isempty(boot) || streq(boot, c->here.boot_id);
}

void drain_remember(Core *c, bool on, const char *boot, bool undrained) {
        c->drain.on = on && still_holds(c, boot);
        c->drain.said = on || undrained;
        c->drain.over = on && !c->drain.on;
        c->memory.changed = c->memory.changed || c->drain.over;
        str_copy(c->drain.boot, sizeof(c->drain.boot), c->drain.on ? strempty(boot) : "");
}

/* Takes what an operator at another machine has written into our record. What was said here, and is not in the
 * record yet, takes precedence. */
static void take_word(Core *c, const Machine *m) {
        bool drains;

        if (!m || m->seen.revision == 0 || m->damaged || c->machine.txn)
                return;
        drains = m->value.draining && still_holds(c, m->value.drained_boot);
        if (drains == c->drain.on && (!drains || streq(m->value.drained_boot, c->drain.boot))) {
                c->memory.changed = c->memory.changed || (c->drain.said && !drains);
                c->drain.said = false;
        } else if (!c->drain.said) {
                c->drain.on = drains;
                c->memory.changed = true;
                news_note(c, NEWS_DRAINING);
        }
        if (c->drain.said)
                return;
        c->memory.changed = c->memory.changed || !streq(c->drain.boot, drains ? m->value.drained_boot : "");
        str_copy(c->drain.boot, sizeof(c->drain.boot), drains ? m->value.drained_boot : "");
        str_copy(c->drain.by, sizeof(c->drain.by), drains ? m->value.drained_by : "");
}

static bool is_as_asked(const Machine *m) {
        return m->value.draining == (m->drain_asked > 0) &&
               (!m->value.draining || m->drain_brief == (m->value.drained_boot[0] != '\0'));
}

static void ask_others(Core *c) {
        TxnBuilder b;
        Machine *m = c->machines;

        while (m && !m->drain_asked)
                m = m->hh.next;
        if (!m || c->drain.txn)
                return;
        if (m->seen.revision == 0 || m->damaged || is_as_asked(m)) {
                m->drain_asked = 0;
                return;
        }
        if (c->now.boottime < c->drain.retry_at)
                return;
        c->drain.next = m->value;
        c->drain.next.draining = m->drain_asked > 0;
        str_copy(c->drain.next.drained_boot, sizeof(c->drain.next.drained_boot),
                        m->drain_brief ? m->value.boot_id : "");
        str_copy(c->drain.next.drained_by, sizeof(c->drain.next.drained_by), m->drain_by);
        str_copy(c->drain.machine, sizeof(c->drain.machine), m->id);
        b = txn_begin(c);
        txn_compare(&b, RECORD_MACHINE, m->id, m->seen.revision);
        txn_compare(&b, RECORD_FENCE, c->own.name, c->own.fence_revision);
        txn_put(&b, RECORD_MACHINE, m->id, &c->drain.next, sizeof(c->drain.next));
        c->drain.txn = txn_send(&b);
}

/* The record is not taken over from the answer, also not when it is committed: it comes by the watch, behind every
 * lease that was written before it. So whoever sees that the machine drains also sees what the machine holds. */
bool drain_answer(Core *c, uint64_t id) {
        if (id == 0 || id != c->drain.txn)
                return false;
        c->drain.txn = 0;
        c->drain.retry_at = c->now.boottime + c->own.timeline.round / 8;
        return true;
}

void drain_advance(Core *c) {
        if (c->drain.over)
                output_report(c, (Report){ .kind = REPORT_UNDRAINED });
        c->drain.over = false;
        take_word(c, c->self);
        ask_others(c);
}

usec_t drain_deadline(const Core *c) {
        return session_settled(c) && c->drain.retry_at > c->now.boottime ? c->drain.retry_at : USEC_INFINITY;
}
