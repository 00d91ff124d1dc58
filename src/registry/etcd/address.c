/* SPDX-License-Identifier: Apache-2.0 */

/*
 * libcurl looks a name up and connects to whichever of its addresses takes the connection first. An address that has
 * said another cluster is left out of that (http.c), and asked only whether this is still so (probe.c).
 */

#include "registry/etcd/address.h"

#include <assert.h>

#define FORGET (10 * USEC_PER_MINUTE)

bool etcd_address_is_odd(const Etcd *e, uint64_t cluster_id) {
        const EtcdIdentity *d = &e->identity;

        return d->cluster_id != 0 && cluster_id != d->cluster_id && cluster_id != d->wanted;
}

size_t etcd_address_next_odd(const Etcd *e, size_t i, size_t from) {
        const EtcdAddresses *a = &e->endpoints.items[i].addresses;

        for (size_t k = from; k < a->n; k++)
                if (etcd_address_is_odd(e, a->items[k].told_id))
                        return k;
        return SIZE_MAX;
}

bool etcd_address_is_left_out(const Etcd *e, size_t i, const char *address) {
        const EtcdAddresses *a = &e->endpoints.items[i].addresses;

        for (size_t k = 0; (k = etcd_address_next_odd(e, i, k)) != SIZE_MAX; k++)
                if (streq(a->items[k].text, address))
                        return true;
        return false;
}

bool etcd_address_some_odd(const Etcd *e, size_t i) {
        return etcd_address_next_odd(e, i, 0) != SIZE_MAX;
}

uint64_t etcd_address_all_odd(const Etcd *e, size_t i) {
        const EtcdAddresses *a = &e->endpoints.items[i].addresses;

        for (size_t k = 0; k < a->n; k++)
                if (a->items[k].told_id != a->items[0].told_id || !etcd_address_is_odd(e, a->items[k].told_id))
                        return 0;
        return a->n > 0 ? a->items[0].told_id : 0;
}

void etcd_address_avoid(const Etcd *e, size_t i, char ret[static ETCD_AVOID_SIZE]) {
        ret[0] = '\0';
        for (size_t k = 0; (k = etcd_address_next_odd(e, i, k)) != SIZE_MAX; k++) {
                strcat(ret, e->endpoints.items[i].addresses.items[k].text);
                strcat(ret, " ");
        }
}

/* Where to note an address that was not known: if there is no room, in place of the one heard of longest ago, of an
 * odd one last. */
static EtcdAddress *make_room(const Etcd *e, EtcdAddresses *a) {
        EtcdAddress *oldest = &a->items[0];

        if (a->n < ELEMENTSOF(a->items))
                return &a->items[a->n++];
        for (size_t k = 1; k < a->n; k++) {
                EtcdAddress *x = &a->items[k];
                bool odd = etcd_address_is_odd(e, x->told_id), oldest_odd = etcd_address_is_odd(e, oldest->told_id);

                if (odd == oldest_odd ? x->told_at < oldest->told_at : oldest_odd)
                        oldest = x;
        }
        return oldest;
}

void etcd_address_told(Etcd *e, size_t i, const char *address, uint64_t cluster_id) {
        EtcdAddresses *a = &e->endpoints.items[i].addresses;
        EtcdAddress *x = NULL;

        assert(cluster_id != 0);
        if (isempty(address) || strlen(address) + 1 >= sizeof(x->text))
                return;
        for (size_t k = 0; k < a->n; k++)
                if (streq(a->items[k].text, address))
                        x = &a->items[k];
        if (!x) {
                x = make_room(e, a);
                str_copy(x->text, sizeof(x->text), address);
        } else if (x->told_id != cluster_id) {
                etcd_state_note(e, ETCD_NEWS_WARNINGS);
        }
        x->told_id = cluster_id;
        x->told_at = now_boottime();
}

bool etcd_address_absent(Etcd *e, size_t i, size_t place) {
        EtcdAddresses *a = &e->endpoints.items[i].addresses;

        assert(place < a->n);
        if (usec_sub(now_boottime(), a->items[place].told_at) < FORGET)
                return false;
        a->items[place] = a->items[--a->n];
        etcd_state_note(e, ETCD_NEWS_WARNINGS);
        return true;
}
