/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Which etcd cluster is ours, and which endpoints are of it.
 *
 * Each answer bears the id of its cluster. A machine that remembers one (RegistryConfig.store; who decides what is
 * remembered is the caller) asks the endpoints of that one, and leaves out whatever is of another: a member that was
 * wiped and began a cluster of its own must not stop what runs by the good ones. Where none is of the remembered
 * cluster, another one that more than half of all endpoints are of is taken: the store was replaced, and the caller
 * sees its new name in the next answer and must know what that means. Short of that nothing is asked: one member that
 * is of another cluster proves nothing while the others are silent.
 *
 * Who remembers nothing wants one id from more than half of all endpoints: any two machines with the same endpoints
 * come to the same store then, whatever each of them can reach.
 */

#include <inttypes.h>
#include <stdio.h>

#include "registry/etcd/etcd.h"
#include "util/log.h"

bool etcd_decode_store(const char *store, uint64_t *ret) {
        uint64_t id = 0;
        size_t n = 0;

        for (; store[n]; n++) {
                const char *digits = "0123456789abcdef", *p = strchr(digits, store[n]);

                if (!p || n == 16)
                        return false;
                id = id << 4 | (uint64_t) (p - digits);
        }
        *ret = id;
        return n > 0 && id != 0;
}

static void set_cluster(Etcd *e, uint64_t id) {
        e->cluster_id = id;
        e->term = 0;
        (void) snprintf(e->store, sizeof(e->store), "%" PRIx64, id);
}

void etcd_identity_open(Etcd *e, const char *store) {
        if (isempty(store) || !etcd_decode_store(store, &e->wanted))
                return;
        set_cluster(e, e->wanted);
}

void etcd_remember(Registry *r, const char *store) {
        Etcd *e = etcd_of(r);
        uint64_t id = 0;

        if (!isempty(store) && !etcd_decode_store(store, &id))
                return;
        if (id == e->wanted)
                return;
        e->wanted = id;
        if (id != e->cluster_id)
                etcd_probe(e);
}

bool etcd_endpoint_is_odd(const Etcd *e, size_t i) {
        const EtcdEndpoint *p = &e->endpoints[i];

        return e->cluster_id != 0 && p->told_id != 0 && p->told_id != e->cluster_id;
}

bool etcd_endpoint_is_ours(const Etcd *e, size_t i) {
        return e->cluster_id != 0 && e->endpoints[i].told_id == e->cluster_id;
}

/* ---- judging ---- */

static size_t count(const Etcd *e, uint64_t id) {
        size_t n = 0;

        for (size_t i = 0; i < e->n_endpoints; i++)
                n += e->endpoints[i].cluster_id == id;
        return n;
}

/* The id that more than half of all endpoints bear; 0: there is none. */
static uint64_t find_majority(const Etcd *e) {
        for (size_t i = 0; i < e->n_endpoints; i++) {
                uint64_t id = e->endpoints[i].cluster_id;

                if (id != 0 && count(e, id) > e->n_endpoints / 2)
                        return id;
        }
        return 0;
}

/* Calls and watches keep together: both leave an endpoint that is not of the cluster. */
static void move_to_ours(Etcd *e) {
        size_t before = e->current;

        for (size_t n = 0; n < e->n_endpoints && !etcd_endpoint_is_ours(e, e->current); n++)
                e->current = (e->current + 1) % e->n_endpoints;
        if (e->current != before) {
                etcd_watches_leave(e, before);
                etcd_status_changed(e);
        }
}

static void settle(Etcd *e, uint64_t id) {
        if (id != e->cluster_id) {
                set_cluster(e, id);
                etcd_watches_leave(e, SIZE_MAX);
        }
        move_to_ours(e);
        e->conflict = false;
        e->identified = true;
        etcd_warnings_update(e);
        etcd_calls_wake(e);
}

/* Two endpoints that bear different ids, or one and NULL. */
static void find_bearers(const Etcd *e, const EtcdEndpoint **ret_first, const EtcdEndpoint **ret_other) {
        *ret_first = *ret_other = NULL;
        for (size_t i = 0; i < e->n_endpoints; i++) {
                const EtcdEndpoint *p = &e->endpoints[i];

                if (p->cluster_id == 0)
                        continue;
                *ret_first = *ret_first ?: p;
                if (p->cluster_id != (*ret_first)->cluster_id)
                        *ret_other = p;
        }
}

static void refuse(Etcd *e, const EtcdEndpoint *first, const EtcdEndpoint *other) {
        bool was = e->conflict;

        e->conflict = true;
        if (e->wanted != 0)
                (void) snprintf(e->conflict_text, sizeof(e->conflict_text),
                                "no endpoint that answers is of the etcd cluster %" PRIx64
                                " that this machine remembers: %s is of %" PRIx64 "; nothing is asked until one is",
                                e->wanted, first->url, first->cluster_id);
        else if (other)
                (void) snprintf(e->conflict_text, sizeof(e->conflict_text),
                                "endpoints of different etcd clusters: %s is of %" PRIx64 ", %s of %" PRIx64
                                "; nothing is asked until more than half of them agree",
                                first->url, first->cluster_id, other->url, other->cluster_id);
        else
                (void) snprintf(e->conflict_text, sizeof(e->conflict_text),
                                "this machine remembers no etcd cluster, and %zu of %zu endpoints say which they are "
                                "of; "
                                "nothing is asked until more than half of them do",
                                count(e, first->cluster_id), e->n_endpoints);
        if (!was)
                etcd_note_trouble(e, e->conflict_text);
        etcd_calls_wake(e);
}

/* One that serves us, and only does not say who it is: newer members tell that to nobody without a token. */
static bool is_somebody_shy(const Etcd *e) {
        for (size_t i = 0; i < e->n_endpoints; i++)
                if (e->endpoints[i].cluster_id == 0 && e->endpoints[i].answers)
                        return true;
        return false;
}

void etcd_identity_judge(Etcd *e, bool over) {
        const EtcdEndpoint *first, *other;
        uint64_t majority = find_majority(e), mine = e->wanted ?: e->cluster_id; /* settled on once, it stays */

        if (mine != 0 && count(e, mine) > 0) {
                settle(e, mine);
                return;
        }
        if (majority != 0 && (over || mine == 0)) {
                settle(e, majority);
                return;
        }
        if (!over)
                return;
        find_bearers(e, &first, &other);
        if (first && !(e->wanted == 0 && !other && is_somebody_shy(e))) {
                refuse(e, first, other);
                return;
        }
        /* Nobody says anything. Nobody can be asked anyway; but their errors are what people need to see, and a member
         * that wants a token says who it is in its answers. */
        e->conflict = false;
        e->identified = true;
        etcd_calls_wake(e);
}
