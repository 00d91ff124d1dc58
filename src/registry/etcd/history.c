/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/etcd/history.h"

#include <assert.h>

#define NEEDED USEC_PER_HOUR
#define SAMPLE_EVERY USEC_PER_MINUTE
enum { REVISIONS_KEPT = 500000 };

void etcd_history_note(Etcd *e, uint64_t revision) {
        EtcdHistory *h = &e->history;
        usec_t now = now_boottime();

        assert(h->n <= ETCD_SAMPLES);
        h->revision = revision;
        if (h->n > 0 && usec_sub(now, h->samples[h->n - 1].at) < SAMPLE_EVERY)
                return;
        if (h->n == ETCD_SAMPLES)
                memmove(h->samples, h->samples + 1, --h->n * sizeof(EtcdSample));
        h->samples[h->n++] = (EtcdSample){ .at = now, .revision = revision };
}

uint64_t etcd_history_target(const Etcd *e, usec_t now) {
        const EtcdHistory *h = &e->history;
        uint64_t target = h->revision > REVISIONS_KEPT ? h->revision - REVISIONS_KEPT : 0;

        for (size_t i = 0; i < h->n; i++)
                if (usec_sub(now, h->samples[i].at) >= NEEDED)
                        target = MAX(target, h->samples[i].revision);
        /* Revisions of a replaced store may be in the samples: never touch the present. */
        return target < h->revision ? target : 0;
}
