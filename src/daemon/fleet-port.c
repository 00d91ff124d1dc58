/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/fleet-port.h"

#include <errno.h>
#include <uthash.h>
#include <utlist.h>

#include "core/timeline.h"
#include "daemon/bus-util.h"
#include "registry/etcd2/etcd2.h"
#include "util/log.h"
#include "util/text.h"

#if LEASED_ETCD

enum {
        CALLS_MAX = 64,       /* that write; only who is allowed to can begin them */
        READS_MAX = 16,       /* which everybody can begin ... */
        READS_OF_ONE_MAX = 4, /* ... and of one caller */
        KNOWN_MAX = 4096,
};

/* A lease of which something is known, while any call or its memory needs that. */
typedef struct Known {
        char name[NAME_SIZE];
        FleetMemory memory;
        bool busy;      /* a call that writes is under way */
        unsigned users; /* all calls about it */
        UT_hash_handle hh;
} Known;

typedef struct Pending {
        struct Pending *prev, *next;
        Daemon *daemon;
        FleetCall call;
        Known *known;
        sd_bus_message *message;
        words_reply_t reply;
        Etcd2Request *request;
        sd_event_source *timer;
        char trouble[ETCD2_TEXT_SIZE];
} Pending;

struct FleetPort {
        Etcd2 *etcd2;
        Known *known;
        Pending *calls;
        const Pending *ending; /* whose reply() is being called */
        usec_t attempt;
};

/* ---- what is known ---- */

static Known *get_known(FleetPort *p, const char *name) {
        Known *k;

        HASH_FIND_STR(p->known, name, k);
        if (k || HASH_COUNT(p->known) >= KNOWN_MAX)
                return k;
        k = calloc(1, sizeof(Known));
        if (!k)
                return NULL;
        str_copy(k->name, sizeof(k->name), name);
        HASH_ADD_STR(p->known, name, k);
        return k;
}

static void drop_known(FleetPort *p, Known *k) {
        HASH_DEL(p->known, k);
        free(k);
}

static void forget_some(FleetPort *p) {
        usec_t now = now_boottime();
        Known *k, *next;
        unsigned n = 0;

        HASH_ITER(hh, p->known, k, next) {
                if (k->users == 0 && !fleet_memory_counts(&k->memory, now))
                        drop_known(p, k);
                if (++n >= 16) /* the rest has its turn with later calls */
                        break;
        }
}

/* ---- a call's life ---- */

static void pending_free(FleetPort *p, Pending *g) {
        DL_DELETE(p->calls, g);
        etcd2_request_free(g->request);
        sd_event_source_disable_unref(g->timer);
        sd_bus_message_unref(g->message);
        if (g->call.kind != CALL_READ)
                g->known->busy = false;
        if (--g->known->users == 0 && !fleet_memory_counts(&g->known->memory, now_boottime()))
                drop_known(p, g->known);
        free(g);
}

static void finish(Pending *g) {
        const Action action = {
                .kind = ACTION_CALL_DONE,
                .result = g->call.result,
                .lease = g->known->name,
                .index = g->call.node.modified,
                .span = g->call.span,
        };
        sd_bus_error error = SD_BUS_ERROR_NULL;
        FleetPort *p = g->daemon->fleet;

        if (g->call.kind != CALL_READ)
                fleet_call_remember(&g->call, &g->known->memory);
        p->ending = g;
        bus_reply_failed(g->message, g->reply(g->daemon, g->message, g->call.kind, &action, &error), &error);
        p->ending = NULL;
        pending_free(p, g);
}

static void advance(Pending *g);

static void on_answer(const Etcd2Answer *a, void *userdata) {
        static const FleetOutcome outcomes[] = {
                [ETCD2_DONE] = FLEET_DONE,
                [ETCD2_FAILED] = FLEET_FAILED,
                [ETCD2_ABSENT] = FLEET_ABSENT,
                [ETCD2_DENIED] = FLEET_DENIED,
                [ETCD2_UNKNOWN] = FLEET_UNKNOWN,
        };
        FleetAnswer answer = {
                .outcome = outcomes[a->outcome],
                .node = { .damaged = a->node.damaged,
                                .version = a->node.version,
                                .created = a->node.created,
                                .modified = a->node.modified,
                                .ttl = a->node.ttl },
        };
        Pending *g = userdata;

        str_copy(answer.node.machine_id, sizeof(answer.node.machine_id), a->node.machine_id);
        if (*a->text)
                str_copy(g->trouble, sizeof(g->trouble), a->text);
        g->request = etcd2_request_free(g->request);
        fleet_call_answer(&g->call, now_boottime(), &answer);
        advance(g);
}

static int on_time(sd_event_source *s, uint64_t usec, void *userdata) {
        advance(userdata);
        return 0;
}

static int ask(Pending *g, const FleetAsk *what) {
        static const Etcd2Kind kinds[] = { [FLEET_READ] = ETCD2_READ,
                [FLEET_CREATE] = ETCD2_CREATE,
                [FLEET_SWAP] = ETCD2_SWAP,
                [FLEET_DELETE] = ETCD2_DELETE };
        const Etcd2Ask q = {
                .kind = kinds[what->kind],
                .name = g->known->name,
                .index = what->index,
                .ttl = what->ttl,
                .machine_id = what->machine_id,
                .version = what->version,
        };

        return etcd2_ask(g->daemon->fleet->etcd2, &q, what->timeout, on_answer, g, &g->request);
}

/* Does what the call wants next. The call may be over, and freed, afterwards. */
static void advance(Pending *g) {
        usec_t now = now_boottime(), due;
        FleetAsk what;

        if (fleet_call_next(&g->call, now, &what) && ask(g, &what) < 0) /* nothing was sent */
                fleet_call_answer(&g->call, now, &(FleetAnswer){ .outcome = FLEET_DENIED });
        if (g->call.step == FLEET_STEP_ENDED) {
                finish(g);
                return;
        }
        due = fleet_call_due(&g->call);
        (void) sd_event_source_set_time(g->timer, due);
        (void) sd_event_source_set_enabled(g->timer, due == USEC_INFINITY ? SD_EVENT_OFF : SD_EVENT_ONESHOT);
}

/* Answers a call that is not begun. */
static int refuse(Daemon *d, sd_bus_message *m, const Call *call, words_reply_t reply, CallResult result,
                sd_bus_error *error) {
        const Action a = { .kind = ACTION_CALL_DONE, .result = result, .lease = call->lease };
        int r = reply(d, m, call->kind, &a, error);

        return r < 0 ? r : 1;
}

int fleet_port_call(Daemon *d, sd_bus_message *m, const Call *call, words_reply_t reply, sd_bus_error *error) {
        const char *sender = strempty(sd_bus_message_get_sender(m));
        bool reads = call->kind == CALL_READ;
        FleetPort *p = d->fleet;
        unsigned n = 0, own = 0;
        Pending *g;
        Known *k;
        int r;

        if (!lease_name_is_valid(call->lease))
                return refuse(d, m, call, reply, CALL_INVALID_NAME, error);
        forget_some(p);
        DL_FOREACH(p->calls, g)
                if ((g->call.kind == CALL_READ) == reads) {
                        n++;
                        own += streq(strempty(sd_bus_message_get_sender(g->message)), sender);
                }
        k = n < (reads ? READS_MAX : CALLS_MAX) && (!reads || own < READS_OF_ONE_MAX) ? get_known(p, call->lease)
                                                                                      : NULL;
        if (!k)
                return sd_bus_error_set(error, SD_BUS_ERROR_LIMITS_EXCEEDED, "Too many calls wait.");
        if (k->busy && !reads)
                return refuse(d, m, call, reply, CALL_BUSY, error);
        g = calloc(1, sizeof(Pending));
        if (!g)
                return -ENOMEM;
        *g = (Pending){ .daemon = d, .known = k, .message = sd_bus_message_ref(m), .reply = reply };
        k->users++;
        k->busy = k->busy || !reads;
        fleet_call_begin(&g->call, call, d->machine_id, &k->memory, now_boottime());
        DL_APPEND(p->calls, g);
        r = sd_event_add_time(d->event, &g->timer, CLOCK_BOOTTIME, 0, 1, on_time, g);
        if (r < 0) {
                pending_free(p, g);
                return r;
        }
        (void) sd_event_source_set_description(g->timer, "fleet-call");
        return 1; /* the timer, which is due, begins it */
}

const FleetNode *fleet_port_node(const Daemon *d) {
        static const FleetNode nothing = {};

        return d->fleet->ending ? &d->fleet->ending->call.node : &nothing;
}

const char *fleet_port_trouble(const Daemon *d) {
        return d->fleet->ending ? d->fleet->ending->trouble : "";
}

/* ---- the registry ---- */

int fleet_port_new(Daemon *d) {
        const LeasedConf *c = d->conf;
        Timeline timeline = {};
        FleetPort *p;
        int r;

        if (!c->lease_endpoints)
                return 0;
        p = calloc(1, sizeof(FleetPort));
        if (!p)
                return log_oom();
        d->fleet = p;
        (void) timeline_compute(c->ttl, USEC_INFINITY, USEC_INFINITY, &timeline);
        r = etcd2_new(d->event,
                        &(Etcd2Config){
                                        .endpoints = (const char *const *) c->lease_endpoints,
                                        .prefix = c->lease_prefix,
                                        .ca_file = c->ca_file,
                                        .cert_file = c->cert_file,
                                        .key_file = c->key_file,
                                        .attempt = timeline.attempt,
                        },
                        &p->etcd2);
        return r < 0 ? log_error_errno(r, "cannot open fleet's registry (LeaseRegistry=)") : 0;
}

void fleet_port_free(Daemon *d) {
        FleetPort *p = d->fleet;
        Known *k, *next;

        if (!p)
                return;
        while (p->calls)
                pending_free(p, p->calls);
        HASH_ITER(hh, p->known, k, next)
                drop_known(p, k);
        etcd2_free(p->etcd2);
        free(p);
        d->fleet = NULL;
}

#else /* no configuration names fleet's registry (conf/leased-conf.c) */

int fleet_port_new(Daemon *d) {
        return 0;
}

void fleet_port_free(Daemon *d) {
}

int fleet_port_call(Daemon *d, sd_bus_message *m, const Call *call, words_reply_t reply, sd_bus_error *error) {
        return -EOPNOTSUPP;
}

const FleetNode *fleet_port_node(const Daemon *d) {
        return NULL;
}

const char *fleet_port_trouble(const Daemon *d) {
        return "";
}

#endif
