/* SPDX-License-Identifier: Apache-2.0 */

/*
 * docs/laws.md, "A registry that is not the one we knew", as far as etcd can tell.
 *
 * Each answer bears the id of its cluster. A machine that remembers a cluster (RegistryConfig.store; the caller
 * decides what is remembered) asks the endpoints of that cluster and leaves out all others: a member that was wiped,
 * and began a cluster of its own, must not stop what runs by the good members. If no endpoint is of the remembered
 * cluster, but more than half of all endpoints are of one other cluster, that one is asked: the store was replaced.
 * The caller sees the store's new name in the next answer, and decides what follows. Otherwise nothing is asked: one
 * member of another cluster proves nothing while the others are silent.
 *
 * Of a host name with several addresses, only those that are of another cluster are left out (address.h); the endpoint
 * is of another cluster if all are.
 *
 * A machine that remembers nothing waits for one id from more than half of all endpoints. So any two machines with the
 * same endpoints come to the same store, whatever each of them can reach.
 */

#include "registry/etcd/identity.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "registry/etcd/endpoint.h"

/* Reads a store's name as it is in RegistryAnswer.store. Returns false, and leaves *ret alone, if that is no cluster
 * id. */
static bool decode_store(const char *store, uint64_t *ret) {
        uint64_t id = 0;
        size_t n = 0;

        for (; store[n]; n++) {
                const char *digits = "0123456789abcdef", *p = strchr(digits, store[n]);

                if (!p || n == 16)
                        return false;
                id = id << 4 | (uint64_t) (p - digits);
        }
        if (id == 0)
                return false;
        *ret = id;
        return true;
}

static void set_cluster(Etcd *e, uint64_t id) {
        assert(id != 0);
        e->identity.cluster_id = id;
        (void) snprintf(e->identity.store, sizeof(e->identity.store), "%" PRIx64, id);
}

void etcd_identity_open(Etcd *e, const char *store) {
        if (isempty(store) || !decode_store(store, &e->identity.wanted))
                return;
        set_cluster(e, e->identity.wanted);
}

void etcd_identity_remember(Registry *r, const char *store) {
        Etcd *e = etcd_state_of(r);
        uint64_t id = 0;

        if (!isempty(store) && !decode_store(store, &id))
                return;
        if (id == e->identity.wanted)
                return;
        e->identity.wanted = id;
        if (id == e->identity.cluster_id)
                return;
        etcd_identity_doubt(e);
        etcd_state_note(e, ETCD_NEWS_PROBE);
}

void etcd_identity_doubt(Etcd *e) {
        bool ours = false, odd = false;

        for (size_t i = 0; i < e->endpoints.n; i++) {
                ours = ours || etcd_endpoint_is_ours(e, i);
                odd = odd || etcd_endpoint_is_odd(e, i);
        }
        if (odd && !ours)
                e->identity.known = false;
}

/* ---- judging ---- */

static size_t count(const Etcd *e, uint64_t id) {
        size_t n = 0;

        for (size_t i = 0; i < e->endpoints.n; i++)
                n += e->endpoints.items[i].cluster_id == id;
        return n;
}

/* The id that more than half of all endpoints bear; 0: there is none. */
static uint64_t find_majority(const Etcd *e) {
        for (size_t i = 0; i < e->endpoints.n; i++) {
                uint64_t id = e->endpoints.items[i].cluster_id;

                if (id != 0 && count(e, id) > e->endpoints.n / 2)
                        return id;
        }
        return 0;
}

/* An endpoint of our cluster is in use from now on, if there is one. */
static void move_to_ours(Etcd *e) {
        size_t i = e->endpoints.current;

        for (size_t n = 0; n < e->endpoints.n && !etcd_endpoint_is_ours(e, i); n++)
                i = (i + 1) % e->endpoints.n;
        etcd_endpoint_use(e, i);
}

/* The cluster with this id is ours. */
static void settle(Etcd *e, uint64_t id) {
        assert(id != 0);
        if (id != e->identity.cluster_id) {
                set_cluster(e, id);
                for (size_t i = 0; i < e->endpoints.n; i++)
                        etcd_endpoint_doubt(e, i);
        }
        move_to_ours(e);
        e->identity.conflict = false;
        e->identity.known = true;
        etcd_state_note(e, ETCD_NEWS_WARNINGS | ETCD_NEWS_WAKE);
}

/* Two endpoints that bear different ids, or one and NULL. */
static void find_bearers(const Etcd *e, const EtcdEndpoint **ret_first, const EtcdEndpoint **ret_other) {
        *ret_first = *ret_other = NULL;
        for (size_t i = 0; i < e->endpoints.n; i++) {
                const EtcdEndpoint *p = &e->endpoints.items[i];

                if (p->cluster_id == 0)
                        continue;
                *ret_first = *ret_first ?: p;
                if (p->cluster_id != (*ret_first)->cluster_id)
                        *ret_other = p;
        }
}

/* Nothing is asked until the endpoints say something else. */
static void refuse(Etcd *e, const EtcdEndpoint *first, const EtcdEndpoint *other) {
        bool was = e->identity.conflict;

        e->identity.conflict = true;
        if (e->identity.wanted != 0)
                (void) snprintf(e->identity.conflict_text, sizeof(e->identity.conflict_text),
                                "no endpoint that answers is of the etcd cluster %" PRIx64
                                " that this machine remembers: %s is of %" PRIx64 "; nothing is asked until one is",
                                e->identity.wanted, first->url, first->cluster_id);
        else if (other)
                (void) snprintf(e->identity.conflict_text, sizeof(e->identity.conflict_text),
                                "endpoints of different etcd clusters: %s is of %" PRIx64 ", %s of %" PRIx64
                                "; nothing is asked until more than half of them agree",
                                first->url, first->cluster_id, other->url, other->cluster_id);
        else
                (void) snprintf(e->identity.conflict_text, sizeof(e->identity.conflict_text),
                                "this machine remembers no etcd cluster, and %zu of %zu endpoints say which they are "
                                "of; "
                                "nothing is asked until more than half of them do",
                                count(e, first->cluster_id), e->endpoints.n);
        if (!was)
                etcd_state_note_trouble(e, e->identity.conflict_text);
        etcd_state_note(e, ETCD_NEWS_WAKE);
}

/* Whether an endpoint answers without saying its cluster id: newer members tell that to nobody without a token. */
static bool is_somebody_shy(const Etcd *e) {
        for (size_t i = 0; i < e->endpoints.n; i++)
                if (e->endpoints.items[i].cluster_id == 0 && e->endpoints.items[i].answers)
                        return true;
        return false;
}

void etcd_identity_judge(Etcd *e, bool over) {
        const EtcdEndpoint *first, *other;
        uint64_t majority = find_majority(e), mine = e->identity.wanted ?: e->identity.cluster_id;

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
        if (first && !(e->identity.wanted == 0 && !other && is_somebody_shy(e))) {
                refuse(e, first, other);
                return;
        }
        /* No endpoint says its id. Calls are let through: people need to see what errors they meet, and a member that
         * wants a token says its id in its answers to calls. */
        e->identity.conflict = false;
        e->identity.known = true;
        etcd_state_note(e, ETCD_NEWS_WAKE);
}

bool etcd_identity_check(Etcd *e, size_t i, const char *address, const EtcdHeader *h) {
        assert(h->cluster_id != 0);
        etcd_endpoint_told(e, i, address, h->cluster_id);
        etcd_endpoint_member(e, i, h->member_id);
        if (e->identity.cluster_id == 0)
                etcd_identity_judge(e, false); /* this endpoint's word may be the one that was missing */
        if (h->cluster_id == e->identity.cluster_id)
                return true;
        etcd_identity_doubt(e);
        etcd_state_note(e, ETCD_NEWS_WARNINGS | ETCD_NEWS_PROBE);
        return false;
}
