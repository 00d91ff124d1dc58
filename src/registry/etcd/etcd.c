/* SPDX-License-Identifier: Apache-2.0 */

/* The etcd v3 backend: opening, closing, status. See etcd.h for where the rest is. */

#include "registry/etcd/etcd.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "util/log.h"

#define ATTEMPT_DEFAULT USEC_PER_SEC

static int on_status_due(sd_event_source *s, void *userdata) {
        Etcd *e = userdata;

        if (e->on_status)
                e->on_status(e->on_status_userdata);
        return 0;
}

void etcd_status_changed(Etcd *e) {
        (void) sd_event_source_set_enabled(e->status_source, SD_EVENT_ONESHOT);
}

void etcd_note_ok(Etcd *e) {
        if (e->state != REGISTRY_OK) {
                e->state = REGISTRY_OK;
                etcd_status_changed(e);
        }
}

void etcd_note_trouble(Etcd *e, const char *text) {
        bool news = e->state != REGISTRY_TROUBLE || !streq(e->error, text);

        e->state = REGISTRY_TROUBLE;
        e->error_at = now_realtime();
        str_copy(e->error, sizeof(e->error), text);
        if (news)
                etcd_status_changed(e);
}

static Registry *etcd_close(Registry *r) {
        Etcd *e = etcd_of(r);

        if (!e)
                return NULL;
        etcd_watches_detach(e);
        etcd_requests_detach(e);
        etcd_auth_done(e);
        e->compaction = etcd_call_free(e->compaction);
        etcd_endpoints_done(e);
        e->http = http_client_free(e->http);
        e->status_source = sd_event_source_disable_unref(e->status_source);
        sd_event_unref(e->event);
        free(e->prefix);
        free(e);
        return NULL;
}

static void closep(Etcd **e) {
        if (*e)
                (void) etcd_close(&(*e)->registry);
}

/* "leased" -> "/leased" is somebody's choice; a missing last slash would glue two names together. */
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

        r = sd_event_add_defer(e->event, &e->status_source, on_status_due, e);
        if (r < 0)
                return r;
        (void) sd_event_source_set_enabled(e->status_source, SD_EVENT_OFF);
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
        return etcd_endpoints_open(e, config, ret_error);
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
        Etcd *e = etcd_of(r);

        *ret = (RegistryStatus){
                .state = e->state,
                .kind = "etcd",
                .endpoint = e->endpoints[e->current].url,
                .endpoints = e->all_endpoints,
                .version = e->endpoints[e->current].version,
                .error = e->error,
                .error_at = e->error_at,
                .warning = e->warning,
        };
}

static void etcd_on_status(Registry *r, void (*f)(void *userdata), void *userdata) {
        Etcd *e = etcd_of(r);

        e->on_status = f;
        e->on_status_userdata = userdata;
}

const RegistryOps registry_etcd = {
        .name = "etcd",
        .open = etcd_open,
        .free = etcd_close,
        .get = etcd_get,
        .list = etcd_list,
        .txn = etcd_txn,
        .request_free = etcd_request_free,
        .watch = etcd_watch,
        .watch_free = etcd_watch_free,
        .status = etcd_status,
        .on_status = etcd_on_status,
        .compact = etcd_compact,
        .remember = etcd_remember,
};
