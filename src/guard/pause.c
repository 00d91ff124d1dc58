/* SPDX-License-Identifier: Apache-2.0 */
#include "guard/pause.h"

#include "guard/protocol.h"
#include "util/must.h"

/* No lease, and no message about one, is older. */
#define AGE_MAX (2 * USEC_PER_MINUTE)

usec_t pause_take(PauseWatch *p, const HostReading *r) {
        int64_t low = (int64_t) r->from - (int64_t) r->after, high = (int64_t) r->to - (int64_t) r->before;
        /* Each of the two clocks may be off by 1 %. */
        int64_t drift = (int64_t) (usec_sub(r->after, p->at) / 50);
        bool known = p->known, forward = low > p->high + drift, back = high < p->low - drift;
        usec_t jump = 0;

        must(low <= high);
        if (known && forward) {
                jump = (usec_t) (high - p->low + drift);
                p->jump = usec_add(jump, usec_sub(r->after, p->seen_at) <= AGE_MAX ? p->jump : 0);
                p->seen_at = r->after;
        }
        if (known && !forward && !back) {
                low = MAX(low, p->low - drift);
                high = MIN(high, p->high + drift);
        }
        p->known = true;
        p->at = r->after;
        p->low = low;
        p->high = high;
        return jump;
}

usec_t pause_since(const PauseWatch *p, usec_t t) {
        return t <= p->seen_at ? p->jump : 0;
}

uint32_t pause_flags(const PauseWatch *p, const GuardEntry *e) {
        bool before = p->seen_at > 0 && usec_sub(e->stop_at, e->stop_offset) <= p->seen_at;

        return guard_entry_flags(e) | (e->index != 0 && e->expired && before ? GUARD_FLAG_JUMPED : 0);
}
