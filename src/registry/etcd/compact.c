/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Forgetting history. Every beat makes a revision, which etcd keeps until somebody compacts; nobody here needs old
 * ones, so what is older than an hour, or than 500 000 revisions, goes. Which revision is an hour old is known from
 * what answers said: one sample a minute.
 */

#include <errno.h>

#include "registry/etcd/etcd.h"
#include "util/log.h"

#define HISTORY USEC_PER_HOUR
#define SAMPLE_EVERY USEC_PER_MINUTE
#define TIMEOUT (10 * USEC_PER_SEC)
enum { REVISIONS_KEPT = 500000 };

void etcd_note_revision(Etcd *e, uint64_t revision) {
        usec_t now = now_boottime();

        e->revision = revision;
        if (e->n_samples > 0 && now - e->samples[e->n_samples - 1].at < SAMPLE_EVERY)
                return;
        if (e->n_samples == ETCD_SAMPLES)
                memmove(e->samples, e->samples + 1, --e->n_samples * sizeof(EtcdSample));
        e->samples[e->n_samples++] = (EtcdSample){ .at = now, .revision = revision };
}

uint64_t etcd_compaction_target(const Etcd *e, usec_t now) {
        uint64_t target = e->revision > REVISIONS_KEPT ? e->revision - REVISIONS_KEPT : 0;

        for (size_t i = 0; i < e->n_samples; i++)
                if (usec_sub(now, e->samples[i].at) >= HISTORY)
                        target = MAX(target, e->samples[i].revision);
        /* Revisions of a replaced store may be in the samples: never touch the present. */
        return target < e->revision ? target : 0;
}

static void on_compacted(const EtcdReply *reply, void *userdata) {
        Etcd *e = userdata;

        e->compaction = etcd_call_free(e->compaction);
        if (reply->answered || reply->error.code == ETCD_CODE_OUT_OF_RANGE)
                return; /* somebody else was faster: as good */
        e->compacted = 0;
        log_debug("registry: cannot compact: %s", reply->text);
        if (reply->error.code == ETCD_CODE_DENIED && !e->compaction_denied) {
                e->compaction_denied = true;
                etcd_warnings_update(e);
        }
}

int etcd_compact(Registry *r) {
        Etcd *e = etcd_of(r);

        return etcd_compact_to(e, etcd_compaction_target(e, now_boottime()));
}

int etcd_compact_to(Etcd *e, uint64_t target) {
        if (e->compaction || target == 0 || target <= e->compacted)
                return 0;
        e->compacted = target;
        return etcd_call_new(e, "/v3/kv/compaction", etcd_encode_compaction(target), usec_add(now_boottime(), TIMEOUT),
                        0, on_compacted, e, &e->compaction);
}
