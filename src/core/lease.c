/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What is so of a lease, by its record and by what is remembered of it. What we want of the records is claim.c's.
 */

#include "core/lease.h"

#include "core/look.h"
#include "core/mirror.h"
#include "core/news.h"
#include "core/output.h"
#include "core/session.h"

bool lease_is_lost(const Lease *l) {
        return l->damaged || (l->seen.known && l->seen.revision == 0 && l->remembered > 0 && !l->blank);
}

usec_t lease_lost_due(const Core *c, const Lease *l) {
        return usec_add(l->seen.at, ttl_take_after(c->own.ttl ?: c->here.ttl));
}

void lease_count(Lease *l) {
        Session *by = l->seen.revision > 0 && l->value->state == LEASE_HELD ? l->holder : NULL;

        if (by == l->counted)
                return;
        if (l->counted)
                l->counted->held--;
        if (by)
                by->held++;
        l->counted = by;
}

void lease_plan(Core *c, Lease *l, const char *machine_id) {
        str_copy(l->planned, sizeof(l->planned), machine_id);
        lease_count_planned(c, l);
}

void lease_count_planned(Core *c, Lease *l) {
        bool is_there = l->seen.revision > 0 && l->value->state == LEASE_HELD &&
                        streq(l->value->machine_id, l->planned);
        Machine *at = l->planned[0] && !is_there ? mirror_find_machine(c, l->planned) : NULL;

        if (at == l->planned_at)
                return;
        if (l->planned_at)
                l->planned_at->planned--;
        if (at)
                at->planned++;
        l->planned_at = at;
}

void lease_drop(Lease *l) {
        mirror_keep(l, &lease_none);
        l->holder = NULL;
        lease_count(l);
}

bool lease_is_ours(const Core *c, const Lease *l) {
        return (l->seen.revision > 0 || lease_is_lost(l)) && l->value->state == LEASE_HELD && l->holder &&
               (l->holder == c->own.seen || (session_is_moving(c) && l->holder == c->other.seen));
}

bool lease_is_at(const Lease *l, const char *machine_id) {
        return l && l->seen.revision > 0 && l->value->state == LEASE_HELD && l->value->session[0] &&
               strncmp(l->value->machine_id, machine_id, MACHINE_SIZE - 1) == 0;
}

bool lease_any_is_held_by(const Core *c, const char *session) {
        for (const Lease *l = c->leases; l; l = l->hh.next)
                if ((l->seen.revision > 0 || lease_is_lost(l)) && lease_held_by(l->value, session))
                        return true;
        return false;
}

/* Every Index above the floor took a Txn, and so a revision. So even where the record is lost, no Index above the
 * floor and the revision together was ever handed out (law 11). */
uint64_t lease_next_index(const Core *c, const Lease *l) {
        uint64_t last = MAX(l->value->index, l->remembered),
                 least = c->identity.floor + (lease_is_lost(l) ? c->heard.revision : 0);

        return MAX(last, least) + 1;
}

Reason lease_at_end(const Core *c, uint64_t index) {
        return reason_of(WHY_INDEX_AT_END, output_number((Core *) c, MIN(index, INDEX_MAX)));
}

usec_t lease_debt_due(const SeenDebt *d) {
        usec_t ttl = debt_ttl(d->debt.session);

        return usec_add(d->at, session_ttl(d->debt.session) ? ttl_take_after(ttl) : period_take_after(ttl));
}

usec_t lease_call_dead_at(const Lease *l) {
        if (lease_is_lost(l) && l->value->state != LEASE_HELD)
                return usec_add(l->seen.at, period_take_after(PERIOD_MAX)); /* nobody knows its period */
        if (l->value->state != LEASE_HELD || l->value->period == 0)
                return USEC_INFINITY;
        return usec_add(l->seen.at, period_take_after(l->value->period));
}

/* While the Txn is under way nothing is said, even if the watch shows its outcome: the answer also says from whom
 * the lease was taken. */
void lease_tell_acquired(Core *c, Lease *l) {
        if (l->txn)
                return;
        if (l->told != l->value->index)
                output_report(c, (Report){ .kind = REPORT_ACQUIRED,
                                                 .unit = l->unit ? l->unit->name : NULL,
                                                 .lease = l->name,
                                                 .index = l->value->index,
                                                 .revision = l->seen.revision });
        l->told = l->value->index;
}

void lease_forget_index(Core *c, const char *lease) {
        Lease *l = mirror_find_lease(c, lease);

        if (!l || lease_is_ours(c, l))
                return;
        l->remembered = l->seen.revision > 0 && !l->damaged ? l->value->index : 0;
        if (l->seen.revision == 0)
                lease_drop(l);
        output_remember(c, l);
        news_of_unit(c, l->unit, NEWS_LEASE);
        look_at_lease(c, l);
        output_changed(c, l->unit, l);
}
