/* SPDX-License-Identifier: Apache-2.0 */

/*
 * First comes a linearizable list at revision R, then a stream of what came after R. Resuming a stream where it broke
 * would be cheaper, and is where etcd versions have lost events; a list is certain, and rare.
 *
 * A stream that stands still looks just like one on which nothing happens. So the watch begins anew
 *  - when the stream ends, is canceled (etcd then leaves it open, and silent) or says an error;
 *  - when any other request to the stream's endpoint fails, or another endpoint comes into use;
 *  - when a change that we made ourselves, which must come through the stream, does not come in time;
 *  - when the kernel gives the connection up (http-options.c).
 */

#include "registry/etcd/watch.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <sys/random.h>

#include "registry/etcd/encode.h"
#include "registry/etcd/endpoint.h"
#include "registry/etcd/history.h"
#include "registry/etcd/identity.h"
#include "registry/etcd/list.h"
#include "registry/etcd/request.h"
#include "registry/etcd/send.h"
#include "util/log.h"
#include "util/must.h"

#define PAUSE_FIRST (100 * USEC_PER_MSEC)
#define PAUSE_MAX (2 * USEC_PER_SEC)
#define GRACE_MIN USEC_PER_SEC
#define LIST_TIMEOUT_MIN (5 * USEC_PER_SEC)
#define IDLE_WINDOW USEC_PER_SEC
enum { IDLE_MAX = 100 };
#define STABLE (10 * USEC_PER_SEC) /* after a stream that lived so long, the next pause is short again */

enum { WATCHES_MAX = 2 }; /* etcd's, on one stream: of the range, of the key beside it */

typedef enum Phase {
        PHASE_PAUSE,
        PHASE_LIST,
        PHASE_OPEN, /* the stream is asked for */
        PHASE_FOLLOW,
} Phase;

struct RegistryWatch {
        Etcd *etcd; /* NULL: the registry was freed */
        LIST_ENTRY(RegistryWatch) all;
        char *prefix, *key, *end; /* key and end as etcd knows them */
        char *from, *also;        /* likewise: the stream tells of keys from .from on, and of .also; NULL: of all */
        registry_change_t f;
        void *userdata;

        Phase phase;
        sd_event_source *timer;
        RegistryRequest *list;
        HttpRequest *stream;
        size_t endpoint; /* of .stream */
        uint64_t cluster_id;
        char store[ETCD_STORE_SIZE];
        uint64_t seen[WATCHES_MAX]; /* revision of the last change on each of the stream's watches */
        uint64_t expected;          /* revision; 0: none */
        unsigned n_created;         /* of the stream's watches */
        usec_t created_at;
        usec_t idle_since; /* idle_lines counts the lines without news from then on */
        unsigned idle_lines;
        unsigned failures;
};

static void watch_arm(RegistryWatch *w, usec_t in) {
        (void) sd_event_source_set_time(w->timer, usec_add(now_boottime(), in));
        (void) sd_event_source_set_enabled(w->timer, SD_EVENT_ONESHOT);
}

/* Cancels the list and the stream, and begins anew after a pause, which grows while no stream lives long. Never calls
 * back. */
static void watch_restart(RegistryWatch *w, const char *why) {
        usec_t pause;
        uint16_t random = 0;

        log_debug("registry: the watch begins anew: %s", why);
        if (w->phase == PHASE_FOLLOW && now_boottime() - w->created_at > STABLE)
                w->failures = 0;
        pause = MIN(PAUSE_FIRST << w->failures, PAUSE_MAX);
        if (w->failures < 5)
                w->failures++;
        w->list = etcd_request_free(w->list);
        w->stream = http_request_free(w->stream);
        w->expected = 0;
        w->phase = PHASE_PAUSE;
        if (getrandom(&random, sizeof(random), GRND_NONBLOCK) < 0)
                random = 0;
        watch_arm(w, pause / 2 + pause / 2 * random / UINT16_MAX);
}

/* The endpoint sends what no etcd sends. It is left for another one, and asked again only after the pause that grows.
 */
static void watch_nonsense(RegistryWatch *w, const char *what) {
        char text[ETCD_TEXT_SIZE];

        (void) snprintf(text, sizeof(text), "%s: on the watch it sends %s", w->etcd->endpoints.items[w->endpoint].url,
                        what);
        etcd_endpoint_nonsense(w->etcd, w->endpoint, what);
        etcd_endpoint_failed(w->etcd, w->endpoint, text);
}

/* Whether lines without news come far more often than etcd can be told to send them. */
static bool is_chatter(RegistryWatch *w) {
        usec_t now = now_boottime();

        if (usec_sub(now, w->idle_since) > IDLE_WINDOW) {
                w->idle_since = now;
                w->idle_lines = 0;
        }
        return ++w->idle_lines > IDLE_MAX;
}

/* The record in kv, to which the memory still belongs. */
static RegistryRecord record_of(const RegistryWatch *w, const EtcdKeyValue *kv) {
        return (RegistryRecord){
                .key = kv->key + strlen(w->etcd->prefix),
                .value = kv->deleted ? NULL : kv->value,
                .size = kv->deleted ? 0 : kv->size,
                .mod_revision = kv->mod_revision,
        };
}

/* Passes changes on; the watch may be gone afterwards. */
static void deliver_changes(RegistryWatch *w, uint64_t id, const EtcdKeyValues *k) {
        _cleanup_free_ RegistryRecord *records = calloc(k->n, sizeof(RegistryRecord));
        _cleanup_free_ bool *deleted = calloc(k->n, sizeof(bool));
        uint64_t last = w->seen[id];
        char store[sizeof(w->store)];
        size_t n = 0;

        if (!records || !deleted) {
                watch_restart(w, "out of memory");
                return;
        }
        for (size_t i = 0; i < k->n; i++) {
                const EtcdKeyValue *kv = &k->items[i];

                /* Each answer begins with a revision above all that were seen: etcd never spreads one over two. */
                if (kv->mod_revision < last || (i == 0 && kv->mod_revision == last) || !startswith(kv->key, w->key)) {
                        watch_nonsense(w, "events out of order");
                        return;
                }
                last = kv->mod_revision;
                if (strlen(kv->key) != kv->key_size)
                        continue;
                deleted[n] = kv->deleted;
                records[n++] = record_of(w, kv);
        }
        must(last >= w->seen[id]); /* what is told of one store never goes back */
        w->seen[id] = last;
        if (w->expected > 0 && last >= w->expected) {
                w->expected = 0;
                (void) sd_event_source_set_enabled(w->timer, SD_EVENT_OFF);
        }
        etcd_history_note(w->etcd, last);
        str_copy(store, sizeof(store), w->store);
        if (n > 0)
                w->f(&(RegistryChange){ .revision = last,
                                     .store = store,
                                     .records = records,
                                     .deleted = deleted,
                                     .n_records = n },
                                w->userdata);
}

static unsigned n_watches(const RegistryWatch *w) {
        return w->also ? WATCHES_MAX : 1;
}

static void on_created(RegistryWatch *w) {
        if (++w->n_created < n_watches(w))
                return;
        w->phase = PHASE_FOLLOW;
        w->created_at = now_boottime();
        (void) sd_event_source_set_enabled(w->timer, SD_EVENT_OFF);
}

static void on_line(const char *line, size_t size, void *userdata) {
        RegistryWatch *w = userdata;
        EtcdWatchLine l;

        assert(w->stream && (w->phase == PHASE_OPEN || w->phase == PHASE_FOLLOW));
        if (size == 0 || etcd_decode_watch(line, size, &l) < 0) {
                watch_nonsense(w, size == 0 ? "empty lines" : "lines that make no sense");
                return;
        }
        etcd_endpoint_member(w->etcd, w->endpoint, l.header.member_id);
        if (l.event == ETCD_WATCH_ERROR) {
                etcd_endpoint_failed(w->etcd, w->endpoint, l.error.message);
        } else if (l.header.cluster_id != w->cluster_id) {
                (void) etcd_identity_check(w->etcd, w->endpoint, http_request_address(w->stream), &l.header);
                etcd_endpoint_failed(w->etcd, w->endpoint, "the watch is of another cluster");
        } else if (l.event == ETCD_WATCH_CANCELED) {
                watch_restart(w, l.error.message);
        } else if (l.event != ETCD_WATCH_CANCELED && l.id >= n_watches(w)) {
                watch_nonsense(w, "changes that were not asked for");
        } else if (l.event != ETCD_WATCH_CHANGES && is_chatter(w)) {
                watch_nonsense(w, "lines without news");
        } else if (l.event == ETCD_WATCH_CREATED) {
                on_created(w);
        } else if (l.event == ETCD_WATCH_CHANGES) {
                deliver_changes(w, l.id, &l.changes);
        }
        etcd_decode_done(&l.changes); /* w may be gone */
}

static void on_end(const HttpAnswer *a, void *userdata) {
        RegistryWatch *w = userdata;
        char text[ETCD_TEXT_SIZE];
        EtcdWatchLine l;

        assert(w->stream && (w->phase == PHASE_OPEN || w->phase == PHASE_FOLLOW));
        /* etcd's error has no newline at its end. What was too large for a line is no error of etcd's. */
        if (a->size > 0 && !a->too_large && etcd_decode_watch(a->body, a->size, &l) == 0) {
                (void) snprintf(text, sizeof(text), "%s",
                                l.event == ETCD_WATCH_ERROR ? l.error.message : "the stream was cut");
                etcd_decode_done(&l.changes);
        } else if (a->outcome == HTTP_ANSWERED && a->status == 200) {
                str_copy(text, sizeof(text), "the stream has ended");
        } else {
                (void) etcd_endpoint_explain(w->etcd, w->endpoint, a, text, sizeof(text));
        }
        etcd_endpoint_failed(w->etcd, w->endpoint, text);
}

static int watch_open(RegistryWatch *w) {
        Etcd *e = w->etcd;
        _cleanup_free_ char *body = etcd_encode_watch(w->from ?: w->key, w->end, w->also, w->seen[0] + 1);
        HttpParameters p = {
                .body = body,
                .timeout = USEC_INFINITY,
                .body_max = ETCD_ANSWER_MAX,
                .line = on_line,
        };

        assert(w->phase == PHASE_LIST && !w->list && !w->stream);
        if (!body)
                return -ENOMEM;
        w->endpoint = e->endpoints.current;
        w->n_created = 0;
        w->phase = PHASE_OPEN;
        watch_arm(w, MAX(2 * e->attempt, GRACE_MIN));
        return etcd_send(e, w->endpoint, "/v3/watch", &p, 0, on_end, w, &w->stream);
}

static void on_listed(const RegistryAnswer *a, void *userdata) {
        RegistryWatch *w = userdata;
        RegistryChange change = {
                .listed = true,
                .revision = a->revision,
                .store = a->store,
                .records = a->records,
                .n_records = a->n_records,
        };

        assert(w->phase == PHASE_LIST && w->list);
        w->list = etcd_request_free(w->list);
        if (a->outcome != REGISTRY_COMMITTED) {
                watch_restart(w, a->error);
                return;
        }
        for (size_t i = 0; i < ELEMENTSOF(w->seen); i++)
                w->seen[i] = a->revision;
        w->cluster_id = w->etcd->identity.cluster_id;
        str_copy(w->store, sizeof(w->store), a->store);
        if (watch_open(w) < 0)
                watch_restart(w, "out of memory");
        w->f(&change, w->userdata);
}

static int on_timer(sd_event_source *s, uint64_t usec, void *userdata) {
        RegistryWatch *w = userdata;
        usec_t timeout = MAX(5 * w->etcd->attempt, LIST_TIMEOUT_MIN);

        switch (w->phase) {
        case PHASE_PAUSE:
                assert(!w->list && !w->stream);
                w->phase = PHASE_LIST;
                if (etcd_list(&w->etcd->registry, w->prefix, timeout, on_listed, w, &w->list) < 0)
                        watch_restart(w, "out of memory");
                break;
        case PHASE_LIST:
                assert(false); /* the list has a timeout of its own */
                break;
        case PHASE_OPEN:
                etcd_endpoint_failed(w->etcd, w->endpoint, "the watch was not answered");
                break;
        case PHASE_FOLLOW:
                if (w->expected > 0)
                        watch_restart(w, "it stands still");
                break;
        }
        return 0;
}

void etcd_watch_leave(Etcd *e) {
        RegistryWatch *w;

        LIST_FOREACH(w, &e->watches, all)
                if ((w->phase == PHASE_OPEN || w->phase == PHASE_FOLLOW) && e->endpoints.items[w->endpoint].in_doubt)
                        watch_restart(w, "its endpoint is in doubt");
}

static uint64_t last_seen(const RegistryWatch *w) {
        return MAX(w->seen[0], w->seen[1]);
}

/* Whether the stream tells of that key, relative to the registry's prefix. */
static bool is_told(const RegistryWatch *w, const char *key) {
        size_t skip = strlen(w->etcd->prefix);

        return startswith(key, w->prefix) &&
               (!w->from || strcmp(key, w->from + skip) >= 0 || (w->also && streq(key, w->also + skip)));
}

void etcd_watch_expect(Etcd *e, const char *key, uint64_t revision) {
        RegistryWatch *w;

        LIST_FOREACH(w, &e->watches, all)
                if (w->phase == PHASE_FOLLOW && w->expected == 0 && last_seen(w) < revision && is_told(w, key)) {
                        w->expected = revision;
                        watch_arm(w, MAX(2 * e->attempt, GRACE_MIN));
                }
}

int etcd_watch(Registry *registry, const char *prefix, registry_change_t f, void *userdata, RegistryWatch **ret) {
        Etcd *e = etcd_state_of(registry);
        _cleanup_(etcd_watch_freep) RegistryWatch *w = NULL;
        int r;

        if (!prefix || strnlen(prefix, REGISTRY_KEY_MAX + 1) > REGISTRY_KEY_MAX)
                return -EINVAL;
        w = calloc(1, sizeof(*w));
        if (!w)
                return -ENOMEM;
        *w = (RegistryWatch){ .etcd = e, .f = f, .userdata = userdata, .phase = PHASE_PAUSE };
        LIST_INSERT_HEAD(&e->watches, w, all);
        w->prefix = strdup(prefix);
        if (asprintf(&w->key, "%s%s", e->prefix, prefix) < 0)
                w->key = NULL;
        w->end = w->key ? etcd_encode_range_end(w->key) : NULL;
        if (!w->prefix || !w->end)
                return -ENOMEM;
        r = sd_event_add_time(e->event, &w->timer, CLOCK_BOOTTIME, 0, 1, on_timer, w);
        if (r < 0)
                return r;
        (void) sd_event_source_set_description(w->timer, "etcd-watch");
        *ret = TAKE_PTR(w);
        return 0;
}

static int full_key(const RegistryWatch *w, const char *key, char **ret) {
        *ret = NULL;
        if (!key)
                return 0;
        if (strnlen(key, REGISTRY_KEY_MAX + 1) > REGISTRY_KEY_MAX || !startswith(key, w->prefix))
                return -EINVAL;
        if (asprintf(ret, "%s%s", w->etcd->prefix, key) < 0) {
                *ret = NULL;
                return -ENOMEM;
        }
        return 0;
}

int etcd_watch_narrow(RegistryWatch *w, const char *from, const char *also) {
        _cleanup_free_ char *full_from = NULL, *full_also = NULL;
        int r;

        if (!w->etcd)
                return 0;
        r = full_key(w, from, &full_from);
        if (r == 0 && from && also && strcmp(also, from) < 0)
                r = full_key(w, also, &full_also);
        if (r < 0)
                return r;
        free(w->from);
        free(w->also);
        w->from = TAKE_PTR(full_from);
        w->also = TAKE_PTR(full_also);
        watch_restart(w, "it is to tell of other keys");
        w->failures = 0;
        watch_arm(w, 0);
        return 0;
}

void etcd_watch_relist(RegistryWatch *w) {
        if (w->etcd)
                watch_restart(w, "it sends more than can be taken");
}

RegistryWatch *etcd_watch_free(RegistryWatch *w) {
        if (!w)
                return NULL;
        if (w->etcd) {
                (void) http_request_free(w->stream);
                (void) etcd_request_free(w->list);
                LIST_REMOVE(w, all);
        }
        (void) sd_event_source_disable_unref(w->timer);
        free(w->prefix);
        free(w->key);
        free(w->end);
        free(w->from);
        free(w->also);
        free(w);
        return NULL;
}

void etcd_watch_detach(Etcd *e) {
        RegistryWatch *w;

        while ((w = LIST_FIRST(&e->watches))) {
                w->stream = http_request_free(w->stream);
                w->list = etcd_request_free(w->list);
                w->timer = sd_event_source_disable_unref(w->timer);
                LIST_REMOVE(w, all);
                w->etcd = NULL;
        }
}
