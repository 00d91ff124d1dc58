/* SPDX-License-Identifier: Apache-2.0 */

/* The etcd v3 backend: opening, closing, status, and the settling of news. See state.h for where the rest is. */

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "registry/etcd/auth.h"
#include "registry/etcd/call.h"
#include "registry/etcd/compact.h"
#include "registry/etcd/endpoint.h"
#include "registry/etcd/get.h"
#include "registry/etcd/identity.h"
#include "registry/etcd/leader.h"
#include "registry/etcd/list.h"
#include "registry/etcd/probe.h"
#include "registry/etcd/request.h"
#include "registry/etcd/txn.h"
#include "registry/etcd/warning.h"
#include "registry/etcd/watch.h"

#define ATTEMPT_DEFAULT USEC_PER_SEC
#define PRIORITY (SD_EVENT_PRIORITY_NORMAL - 10) /* of the news: before all other sources of the registry */

/*
 * Settles the news. Producers come before consumers; what a step notes itself is settled in the next turn of the loop.
 * The source comes before all others of the registry, so that no stream delivers and no call goes on between a fact
 * and what follows from it.
 */
static int on_news(sd_event_source *s, void *userdata) {
        Etcd *e = userdata;
        EtcdNews news = e->news;

        e->news = 0;
        if (news & ETCD_NEWS_PROBE)
                etcd_probe_start(e);
        if (news & ETCD_NEWS_WARNINGS)
                etcd_warning_update(e);
        if (news & ETCD_NEWS_DOUBT) {
                etcd_watch_leave(e);
                etcd_endpoint_trust(e);
        }
        if (news & ETCD_NEWS_WAKE)
                etcd_call_wake(e);
        if (news & ETCD_NEWS_REIGN)
                etcd_call_look(e);
        if ((news & ETCD_NEWS_STATUS) && e->status.f)
                e->status.f(e->status.userdata);
        return 0; /* e may be gone */
}

static Registry *etcd_close(Registry *r) {
        Etcd *e = etcd_state_of(r);

        if (!e)
                return NULL;
        etcd_watch_detach(e);
        etcd_request_detach(e);
        etcd_compact_done(e);
        etcd_auth_done(e);
        etcd_leader_done(e);
        etcd_probe_done(e);
        assert(LIST_EMPTY(&e->calls));
        etcd_endpoint_done(e);
        e->http = http_client_free(e->http);
        e->settler = sd_event_source_disable_unref(e->settler);
        sd_event_unref(e->event);
        free(e->prefix);
        free(e);
        return NULL;
}

static void closep(Etcd **e) {
        if (*e)
                (void) etcd_close(&(*e)->registry);
}

/* The prefix is the user's choice, but without a slash at its end two names would be glued together. */
static int set_prefix(Etcd *e, const char *prefix) {
        if (isempty(prefix))
                prefix = "/leased/";
        if (asprintf(&e->prefix, "%s%s", prefix, endswith(prefix, "/") ? "" : "/") < 0) {
                e->prefix = NULL;
                return -ENOMEM;
        }
        return 0;
}

static int check_files(const RegistryConfig *c, char **ret_error) {
        const struct {
                const char *name, *path;
        } files[] = { { "CAFile", c->ca_file }, { "CertFile", c->cert_file }, { "KeyFile", c->key_file } };

        if (isempty(c->cert_file) != isempty(c->key_file)) {
                *ret_error = strdup("CertFile= and KeyFile= need each other");
                return -EINVAL;
        }
        for (size_t i = 0; i < ELEMENTSOF(files); i++)
                if (!isempty(files[i].path) && access(files[i].path, R_OK) < 0) {
                        int r = -errno;

                        if (asprintf(ret_error, "%s=%s: %s", files[i].name, files[i].path, strerror(-r)) < 0)
                                *ret_error = NULL;
                        return r;
                }
        return 0;
}

static const char *empty_to_null(const char *s) {
        return isempty(s) ? NULL : s;
}

static int set_up(Etcd *e, const RegistryConfig *config, char **ret_error) {
        HttpTls tls = {
                .ca_file = empty_to_null(config->ca_file),
                .cert_file = empty_to_null(config->cert_file),
                .key_file = empty_to_null(config->key_file),
        };
        int r;

        r = sd_event_add_defer(e->event, &e->settler, on_news, e);
        if (r < 0)
                return r;
        (void) sd_event_source_set_enabled(e->settler, SD_EVENT_OFF);
        (void) sd_event_source_set_description(e->settler, "etcd-news");
        r = sd_event_source_set_priority(e->settler, PRIORITY);
        if (r < 0)
                return r;
        r = set_prefix(e, config->prefix);
        if (r < 0)
                return r;
        r = check_files(config, ret_error);
        if (r < 0)
                return r;
        r = http_client_new(e->event, &tls, &e->http);
        if (r == -EOPNOTSUPP)
                *ret_error = strdup("this libcurl looks names up synchronously; it needs a threaded resolver");
        if (r < 0)
                return r;
        r = etcd_auth_open(e, config, ret_error);
        if (r < 0)
                return r;
        etcd_identity_open(e, config->store);
        r = etcd_endpoint_open(e, config, ret_error);
        return r < 0 ? r : etcd_probe_open(e);
}

static int etcd_open(sd_event *event, const RegistryConfig *config, Registry **ret, char **ret_error) {
        _cleanup_(closep) Etcd *e = calloc(1, sizeof(*e));
        int r;

        *ret_error = NULL;
        if (e) {
                e->registry.ops = &registry_etcd;
                e->event = sd_event_ref(event);
                e->attempt = config->attempt > 0 ? config->attempt : ATTEMPT_DEFAULT;
        }
        r = e ? set_up(e, config, ret_error) : -ENOMEM;
        if (r < 0) {
                if (!*ret_error && asprintf(ret_error, "cannot open the etcd registry: %s", strerror(-r)) < 0)
                        *ret_error = NULL;
                return r;
        }
        *ret = &e->registry;
        e = NULL;
        return 0;
}

static void etcd_status(Registry *r, RegistryStatus *ret) {
        const Etcd *e = etcd_state_of(r);
        const EtcdEndpoint *endpoint = &e->endpoints.items[e->endpoints.current];

        *ret = (RegistryStatus){
                .state = e->status.state,
                .kind = "etcd",
                .endpoint = endpoint->url,
                .endpoints = e->endpoints.text,
                .version = endpoint->version,
                .error = e->status.error,
                .error_at = e->status.error_at,
                .warning = e->status.warning,
                .note = e->status.note,
        };
}

static void etcd_on_status(Registry *r, void (*f)(void *userdata), void *userdata) {
        EtcdStatus *s = &etcd_state_of(r)->status;

        s->f = f;
        s->userdata = userdata;
}

const RegistryOps registry_etcd = {
        .name = "etcd",
        .open = etcd_open,
        .free = etcd_close,
        .get = etcd_get,
        .list = etcd_list,
        .older = etcd_list_older,
        .txn = etcd_txn,
        .request_free = etcd_request_free,
        .watch = etcd_watch,
        .watch_free = etcd_watch_free,
        .narrow = etcd_watch_narrow,
        .relist = etcd_watch_relist,
        .status = etcd_status,
        .on_status = etcd_on_status,
        .compact = etcd_compact,
        .remember = etcd_identity_remember,
};
