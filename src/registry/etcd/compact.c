/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Every beat makes a revision, and etcd keeps each revision until somebody compacts. leased needs no old revisions, so
 * those that are older than an hour, or than the last 500 000, are given up.
 */

#include "registry/etcd/compact.h"

#include "registry/etcd/call.h"
#include "registry/etcd/encode.h"
#include "registry/etcd/history.h"
#include "util/log.h"

#define TIMEOUT (10 * USEC_PER_SEC)

static void on_compacted(const EtcdReply *reply, void *userdata) {
        Etcd *e = userdata;

        e->compaction.call = etcd_call_free(e->compaction.call);
        if (reply->answered || reply->error.code == ETCD_CODE_OUT_OF_RANGE)
                return; /* out of range: another machine has compacted that far already */
        e->compaction.revision = 0;
        log_debug("registry: cannot compact: %s", reply->text);
        if (reply->error.code == ETCD_CODE_DENIED && !e->compaction.denied) {
                e->compaction.denied = true;
                etcd_state_note(e, ETCD_NEWS_WARNINGS);
        }
}

int etcd_compact(Registry *r) {
        Etcd *e = etcd_state_of(r);

        return etcd_compact_to(e, etcd_history_target(e, now_boottime()));
}

int etcd_compact_to(Etcd *e, uint64_t target) {
        if (e->compaction.call || target == 0 || target <= e->compaction.revision)
                return 0;
        e->compaction.revision = target;
        return etcd_call_new(e, "/v3/kv/compaction", etcd_encode_compaction(target), usec_add(now_boottime(), TIMEOUT),
                        0, on_compacted, e, &e->compaction.call);
}

void etcd_compact_done(Etcd *e) {
        e->compaction.call = etcd_call_free(e->compaction.call);
}
