/* SPDX-License-Identifier: Apache-2.0 */

/*
 * When an answer of revision R or above reached us, each record of revision R had been put, whatever the answer was
 * about. So a beat of which we hear late is dated by the first of these answers (law 2). A date that is too late is
 * safe, for we only wait longer; a date before the put would not be. So samples may be left out: what a sample that is
 * left out would date is dated by the next one.
 *
 * A date never reaches back over a silence of two rounds: the registry may have been put back to an older state
 * meanwhile, and its revisions then mean something else. So after such a silence the samples from before it are
 * dropped.
 */

#include "core/sample.h"

void sample_note(Core *c, uint64_t revision) {
        Samples *s = &c->heard.samples;
        usec_t round = c->own.timeline.round, last_at = s->heard_at;
        Sample *last = s->n > 0 ? s->items + s->n - 1 : NULL;

        if (revision == 0)
                return;
        s->heard_at = c->now.boottime;
        if (last && c->now.boottime - last_at > 2 * round)
                s->n = 0;
        else if (last && revision <= last->revision)
                return;
        else if (s->n > 1 && last->at - (last - 1)->at < round / 64)
                s->n--; /* many answers in a short time: the new one takes the place of the last one */
        else if (s->n == ELEMENTSOF(s->items)) {
                /* There is no more room: the oldest quarter goes. */
                s->n -= ELEMENTSOF(s->items) / 4;
                memmove(s->items, s->items + ELEMENTSOF(s->items) / 4, s->n * sizeof(Sample));
        }
        s->items[s->n++] = (Sample){ .revision = revision, .at = c->now.boottime };
}

usec_t sample_date(const Core *c, uint64_t revision) {
        const Samples *s = &c->heard.samples;
        usec_t at = c->now.boottime;

        for (size_t i = s->n; i > 0 && s->items[i - 1].revision >= revision; i--)
                at = s->items[i - 1].at;
        must(at <= c->now.boottime); /* law 2 */
        return at;
}
