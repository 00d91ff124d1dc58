/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/etcd/probe.h"

#include <assert.h>

#include "registry/etcd/address.h"
#include "registry/etcd/endpoint.h"
#include "registry/etcd/identity.h"
#include "registry/etcd/send.h"

#define EVERY USEC_PER_MINUTE
#define EVERY_IN_CONFLICT USEC_PER_SEC
enum { ANSWER_MAX = 64 * 1024 };

static size_t index_of(const EtcdEndpoint *p) {
        return (size_t) (p - p->etcd->endpoints.items);
}

static void arm(Etcd *e, usec_t in) {
        (void) sd_event_source_set_time(e->probes.timer, usec_add(now_boottime(), in));
        (void) sd_event_source_set_enabled(e->probes.timer, SD_EVENT_ONESHOT);
}

static int probe_send(EtcdEndpoint *p, const char *path, const char *body, http_done_t done) {
        HttpParameters q = { .body = body, .timeout = p->etcd->attempt, .body_max = ANSWER_MAX };

        return etcd_send(p->etcd, index_of(p), path, &q, 0, done, p, &p->probe);
}

/* Ends this round of probes for the endpoint; the round is over when it is over for all. */
static void probe_over(EtcdEndpoint *p) {
        Etcd *e = p->etcd;
        bool over = true;

        assert(!p->probed); /* each endpoint once in a round */
        p->probe = http_request_free(p->probe);
        p->probed = true;
        for (size_t i = 0; i < e->endpoints.n; i++)
                over = over && e->endpoints.items[i].probed;
        etcd_identity_judge(e, over);
        if (!over)
                return;
        etcd_state_note(e, ETCD_NEWS_WARNINGS);
        arm(e, e->identity.conflict ? EVERY_IN_CONFLICT : EVERY);
}

/* The endpoint is silent. What it has answered to calls since it was probed counts more. */
static void probe_unanswered(EtcdEndpoint *p, const HttpAnswer *a) {
        if (p->served_at < p->etcd->probes.began_at && !a->all_avoided)
                etcd_endpoint_silent(p->etcd, index_of(p));
}

static void on_version(const HttpAnswer *a, void *userdata);

static void on_status(const HttpAnswer *a, void *userdata) {
        EtcdEndpoint *p = userdata;
        json_t *root = a->outcome == HTTP_ANSWERED && a->status == 200 ? etcd_decode_object(a->body, a->size) : NULL;
        EtcdHeader h = {};

        p->has_status = false;
        if (root && etcd_decode_header(root, &h) == 0) {
                etcd_endpoint_told(p->etcd, index_of(p), a->address, h.cluster_id);
                etcd_endpoint_member(p->etcd, index_of(p), h.member_id);
                p->has_status = etcd_decode_status(root, &p->status) == 0;
        } else if (a->outcome != HTTP_ANSWERED) {
                probe_unanswered(p, a);
        }
        /* Any other answer may mean that only an administrator is told: then what the endpoint's answers to calls say
         * counts on. */
        json_decref(root);
        if (p->named && h.cluster_id != 0 && etcd_address_is_odd(p->etcd, h.cluster_id)) {
                p->has_status = false;
                p->probe = http_request_free(p->probe);
                if (p->turns++ < ETCD_ADDRESSES && probe_send(p, "/version", NULL, on_version) == 0)
                        return; /* the name's next address */
        }
        probe_over(p);
}

static void on_version(const HttpAnswer *a, void *userdata) {
        char version[ETCD_VERSION_SIZE];
        EtcdEndpoint *p = userdata;
        json_t *root = a->outcome == HTTP_ANSWERED && a->status == 200 ? etcd_decode_object(a->body, a->size) : NULL;

        etcd_endpoint_seen(p->etcd, index_of(p), a);
        p->answers = a->outcome == HTTP_ANSWERED;
        if (root && etcd_decode_version(root, version) == 0 && !streq(version, p->version)) {
                str_copy(p->version, sizeof(p->version), version);
                etcd_state_note(p->etcd, ETCD_NEWS_STATUS);
        }
        json_decref(root);
        p->probe = http_request_free(p->probe);
        if (a->outcome != HTTP_ANSWERED) {
                probe_unanswered(p, a);
                p->has_status = false;
                probe_over(p);
        } else if (probe_send(p, "/v3/maintenance/status", "{}", on_status) < 0) {
                probe_over(p);
        }
}

static int probe_next(EtcdEndpoint *p);

/* What an odd address says now. While it is silent, its last word counts. */
static void on_asked(const HttpAnswer *a, void *userdata) {
        EtcdEndpoint *p = userdata;
        json_t *root = a->outcome == HTTP_ANSWERED && a->status == 200 ? etcd_decode_object(a->body, a->size) : NULL;
        EtcdHeader h;

        if (root && etcd_decode_header(root, &h) == 0)
                etcd_endpoint_told(p->etcd, index_of(p), a->address, h.cluster_id);
        json_decref(root);
        if (a->outcome != HTTP_NOT_SENT || !etcd_address_absent(p->etcd, index_of(p), p->place))
                p->place++;
        p->probe = http_request_free(p->probe);
        if (probe_next(p) < 0)
                probe_over(p);
}

/* Asks the odd addresses of the name whether they still are, one after another, and then the endpoint. */
static int probe_next(EtcdEndpoint *p) {
        HttpParameters q = { .body = "{}", .timeout = p->etcd->attempt, .body_max = ANSWER_MAX };

        p->place = etcd_address_next_odd(p->etcd, index_of(p), p->place);
        if (p->place == SIZE_MAX)
                return probe_send(p, "/version", NULL, on_version);
        q.address = p->addresses.items[p->place].text;
        return etcd_send(p->etcd, index_of(p), "/v3/maintenance/status", &q, 0, on_asked, p, &p->probe);
}

void etcd_probe_start(Etcd *e) {
        bool failed = false;

        etcd_identity_doubt(e);
        e->probes.began_at = now_boottime();
        for (size_t i = 0; i < e->endpoints.n; i++)
                if (e->endpoints.items[i].probe)
                        return;
        for (size_t i = 0; i < e->endpoints.n; i++) {
                e->endpoints.items[i].probed = false;
                e->endpoints.items[i].place = e->endpoints.items[i].turns = 0;
        }
        for (size_t i = 0; i < e->endpoints.n; i++)
                if (probe_next(&e->endpoints.items[i]) < 0) {
                        e->endpoints.items[i].probed = true;
                        failed = true;
                }
        arm(e, failed ? EVERY_IN_CONFLICT : EVERY);
}

static int on_timer(sd_event_source *s, uint64_t usec, void *userdata) {
        etcd_probe_start(userdata);
        return 0;
}

int etcd_probe_open(Etcd *e) {
        int r = sd_event_add_time(e->event, &e->probes.timer, CLOCK_BOOTTIME, 0, 1, on_timer, e);

        if (r < 0)
                return r;
        (void) sd_event_source_set_description(e->probes.timer, "etcd-probe");
        return 0;
}

void etcd_probe_done(Etcd *e) {
        for (size_t i = 0; i < e->endpoints.n; i++)
                e->endpoints.items[i].probe = http_request_free(e->endpoints.items[i].probe);
        e->probes.timer = sd_event_source_disable_unref(e->probes.timer);
}
