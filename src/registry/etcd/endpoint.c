/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The endpoints: which one is in use, who they are, what is wrong with them.
 *
 * One is in use for everything, calls and watches alike, so that a watch cannot go stale behind the back of calls that
 * fare well elsewhere. When it does not serve us the next one takes its place.
 *
 * All of them are probed when the registry is opened, every minute, and whenever one of them says another cluster id
 * than it should; what they say of themselves is judged in etcd-identity.c. An endpoint of another cluster is never in
 * use.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/random.h>

#include <curl/curl.h>

#include "registry/etcd/etcd.h"
#include "util/log.h"

#define PROBE_EVERY USEC_PER_MINUTE
#define PROBE_EVERY_IN_CONFLICT USEC_PER_SEC
#define BY_ADDRESS (60 * USEC_PER_SEC)
#define WARN_OF_NONSENSE (5 * USEC_PER_MINUTE)
#define ABSENT (5 * USEC_PER_SEC)
#define QUOTA_DEFAULT ((uint64_t) 2 << 30)
enum { PROBE_ANSWER_MAX = 64 * 1024, FULL_PERCENT = 75 };

static int probe_send(EtcdEndpoint *p, const char *path, const char *body, http_done_t done);
static void probes_arm(Etcd *e, usec_t in);

/* "http://host:port", or what is wrong with it. */
static int url_normalize(const char *s, char **ret, const char **ret_why) {
        _cleanup_free_ char *url = NULL;
        char *part = NULL, *scheme = NULL, *host = NULL, *port = NULL;
        static const CURLUPart unwanted[] = { CURLUPART_QUERY, CURLUPART_FRAGMENT };
        CURLU *u = curl_url();
        int r = -EINVAL;

        if (!u)
                return -ENOMEM;
        *ret_why = "it is not a URL such as http://host:2379";
        if (curl_url_set(u, CURLUPART_URL, s, CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK ||
                        curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
                        curl_url_get(u, CURLUPART_HOST, &host, 0) != CURLUE_OK || isempty(host))
                goto finish;
        if (!streq(scheme, "http") && !streq(scheme, "https")) {
                *ret_why = "its scheme must be http or https";
                goto finish;
        }
        if (curl_url_get(u, CURLUPART_USER, &part, 0) == CURLUE_OK ||
                        curl_url_get(u, CURLUPART_PASSWORD, &part, 0) == CURLUE_OK) {
                *ret_why = "a user and password belong into User= and PasswordFile=";
                goto finish;
        }
        for (size_t i = 0; i < ELEMENTSOF(unwanted); i++)
                if (curl_url_get(u, unwanted[i], &part, 0) == CURLUE_OK) {
                        *ret_why = "nothing may follow the port";
                        goto finish;
                }
        if (curl_url_get(u, CURLUPART_PATH, &part, 0) == CURLUE_OK && !streq(part, "/")) {
                *ret_why = "nothing may follow the port";
                goto finish;
        }
        (void) curl_url_get(u, CURLUPART_PORT, &port, 0);
        if (asprintf(&url, "%s://%s:%s", scheme, host, port ?: "2379") < 0) {
                url = NULL;
                r = -ENOMEM;
                goto finish;
        }
        *ret = TAKE_PTR(url);
        r = 0;
finish:
        curl_free(part);
        curl_free(scheme);
        curl_free(host);
        curl_free(port);
        curl_url_cleanup(u);
        return r;
}

static int join_endpoints(Etcd *e) {
        size_t size = 1;

        for (size_t i = 0; i < e->n_endpoints; i++)
                size += strlen(e->endpoints[i].url) + 1;
        e->all_endpoints = calloc(1, size);
        if (!e->all_endpoints)
                return -ENOMEM;
        for (size_t i = 0; i < e->n_endpoints; i++) {
                if (i > 0)
                        strcat(e->all_endpoints, " ");
                strcat(e->all_endpoints, e->endpoints[i].url);
        }
        return 0;
}

static int on_probe_timer(sd_event_source *s, uint64_t usec, void *userdata) {
        etcd_probe(userdata);
        return 0;
}

int etcd_endpoints_open(Etcd *e, const RegistryConfig *config, char **ret_error) {
        const char *why = NULL;
        uint32_t random = 0;
        size_t n = 0;
        int r;

        while (config->endpoints && config->endpoints[n])
                n++;
        if (n == 0) {
                *ret_error = strdup("Registry=etcd needs Endpoints=, such as Endpoints=http://10.0.0.1:2379");
                return -EINVAL;
        }
        e->endpoints = calloc(n, sizeof(EtcdEndpoint));
        if (!e->endpoints)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                e->endpoints[i].etcd = e;
                r = url_normalize(config->endpoints[i], &e->endpoints[i].url, &why);
                if (r < 0) {
                        /* With an @ a password may stand before it, which is not to be shown. */
                        if (r == -EINVAL &&
                                        asprintf(ret_error, "Endpoints=%s: %s",
                                                        strchr(config->endpoints[i], '@') ? "…" : config->endpoints[i],
                                                        why) < 0)
                                *ret_error = NULL;
                        return r;
                }
                e->n_endpoints++;
        }
        (void) getrandom(&random, sizeof(random), GRND_NONBLOCK);
        e->current = random % n; /* not everybody at the first one */
        r = join_endpoints(e);
        if (r < 0)
                return r;
        r = sd_event_add_time(e->event, &e->probe_timer, CLOCK_BOOTTIME, 0, 1, on_probe_timer, e);
        if (r < 0)
                return r;
        (void) sd_event_source_set_description(e->probe_timer, "etcd-probe");
        return 0;
}

void etcd_endpoints_done(Etcd *e) {
        for (size_t i = 0; i < e->n_endpoints; i++) {
                (void) http_request_free(e->endpoints[i].probe);
                (void) http_request_free(e->endpoints[i].question);
                free(e->endpoints[i].url);
        }
        free(e->endpoints);
        free(e->all_endpoints);
        (void) sd_event_source_disable_unref(e->probe_timer);
}

int etcd_endpoint_address(Etcd *e, size_t i, const char *path, HttpParameters *p, char **ret_url) {
        EtcdEndpoint *ep = &e->endpoints[i];

        if (asprintf(ret_url, "%s%s", ep->url, path) < 0) {
                *ret_url = NULL;
                return -ENOMEM;
        }
        p->url = *ret_url;
        p->address = now_boottime() < ep->by_address_until ? ep->address : NULL;
        /* A black hole must leave time for another endpoint within one attempt. */
        p->connect_timeout = e->attempt * 2 / 3;
        return 0;
}

/* A connection to a machine that is off takes a good part of an attempt, which an election does not leave. One of
 * another cluster is never asked; one that has not said which it is of only where there is none that has. */
static size_t next_endpoint(const Etcd *e, size_t i) {
        usec_t now = now_boottime();
        size_t ours = i, unknown = i;

        for (size_t n = e->n_endpoints - 1; n > 0; n--) {
                size_t next = (i + n) % e->n_endpoints;
                bool present = now >= e->endpoints[next].absent_until;

                if (etcd_endpoint_is_ours(e, next) && (present || ours == i || now < e->endpoints[ours].absent_until))
                        ours = next;
                else if (e->endpoints[next].told_id == 0 && (present || unknown == i))
                        unknown = next;
        }
        if (ours != i || etcd_endpoint_is_ours(e, i))
                return ours;
        return unknown;
}

static void probe_soon(Etcd *e) {
        if (now_boottime() >= usec_add(e->probed_at, PROBE_EVERY_IN_CONFLICT))
                etcd_probe(e);
}

void etcd_endpoint_failed(Etcd *e, size_t i, const char *text) {
        log_debug("registry: %s", text);
        if (e->current == i && e->n_endpoints > 1) {
                e->current = next_endpoint(e, i);
                if (e->current == i)
                        probe_soon(e); /* one that has been silent may be back, and of our cluster */
                else
                        etcd_status_changed(e);
        }
        etcd_watches_leave(e, i);
}

void etcd_endpoint_nonsense(Etcd *e, size_t i, const char *what) {
        EtcdEndpoint *p = &e->endpoints[i];

        str_copy(p->nonsense, sizeof(p->nonsense), what);
        p->nonsense_at = now_boottime();
        etcd_warnings_update(e);
}

void etcd_endpoint_seen(Etcd *e, size_t i, const HttpAnswer *a) {
        EtcdEndpoint *ep = &e->endpoints[i];

        if (a->outcome == HTTP_ANSWERED)
                ep->absent_until = 0;
        else if (a->outcome == HTTP_NOT_SENT && !a->no_name)
                ep->absent_until = usec_add(now_boottime(), ABSENT);
        if (a->outcome == HTTP_ANSWERED && !isempty(a->address))
                str_copy(ep->address, sizeof(ep->address), a->address);
        else if (a->no_name && ep->address[0])
                ep->by_address_until = usec_add(now_boottime(), BY_ADDRESS);
}

static void endpoint_told(EtcdEndpoint *p, uint64_t cluster_id) {
        p->cluster_id = p->told_id = cluster_id;
}

bool etcd_endpoint_check(Etcd *e, size_t i, const EtcdHeader *h) {
        endpoint_told(&e->endpoints[i], h->cluster_id);
        if (h->cluster_id == e->cluster_id)
                return true;
        if (e->cluster_id == 0)
                etcd_identity_judge(e, false); /* it may be the one that was missing */
        if (h->cluster_id == e->cluster_id)
                return true;
        etcd_warnings_update(e);
        etcd_probe(e);
        return false;
}

EtcdVerdict etcd_endpoint_explain(Etcd *e, size_t i, const HttpAnswer *a, char *ret, size_t size) {
        const char *url = e->endpoints[i].url, *why;
        EtcdVerdict verdict = ETCD_VERDICT_ELSEWHERE; /* whoever says these did not understand the request */

        if (a->outcome != HTTP_ANSWERED) {
                bool cut = a->outcome == HTTP_FAILED && !a->timed_out && !a->too_large;
                /* How OpenSSL and libcurl say that the other side hung up on our greeting, or answered it in plain
                 * text. */
                bool plain = strstr(a->error, "SSL_ERROR_SYSCALL") || strstr(a->error, "wrong version number") ||
                             strstr(a->error, "reset by peer");

                (void) snprintf(ret, size, "%s: %s%s", url, a->error,
                                cut && startswith(url, "http://")      ? " (does it want https?)"
                                : plain && startswith(url, "https://") ? " (does it want http?)"
                                                                       : "");
                return ETCD_VERDICT_UNCLEAR;
        }
        if (a->status == 400 && strstr(a->body, "HTTPS server"))
                why = "it wants https";
        else if (a->status == 400 && strstr(a->body, "CommonName"))
                why = "its gateway refuses a client certificate with a CommonName while users are on: use one without";
        else if (a->status == 404 || a->status == 405)
                why = "it knows no /v3/: etcd's JSON gateway is off (enable-grpc-gateway: true), or it is not etcd";
        else if (a->status >= 300 && a->status < 400)
                why = "it redirects: that is not a client URL of etcd";
        else {
                why = a->status == 200 ? "its answer is not etcd's" : NULL;
                verdict = ETCD_VERDICT_UNCLEAR;
        }
        if (why)
                (void) snprintf(ret, size, "%s: %s", url, why);
        else
                (void) snprintf(ret, size, "%s: it answers with HTTP status %u, and not as etcd does", url, a->status);
        return verdict;
}

static void probe_over(EtcdEndpoint *p) {
        Etcd *e = p->etcd;
        bool over = true;

        p->probe = http_request_free(p->probe);
        p->probed = true;
        for (size_t i = 0; i < e->n_endpoints; i++)
                over = over && e->endpoints[i].probed;
        etcd_identity_judge(e, over);
        if (!over)
                return;
        etcd_warnings_update(e);
        probes_arm(e, e->conflict ? PROBE_EVERY_IN_CONFLICT : PROBE_EVERY);
}

static void on_probe_status(const HttpAnswer *a, void *userdata) {
        EtcdEndpoint *p = userdata;
        json_t *root = a->outcome == HTTP_ANSWERED && a->status == 200 ? etcd_decode_object(a->body, a->size) : NULL;
        EtcdHeader h;

        p->has_status = false;
        if (root && etcd_decode_header(root, &h) == 0) {
                endpoint_told(p, h.cluster_id);
                p->has_status = etcd_decode_status(root, &p->status) == 0;
        } else if (a->outcome != HTTP_ANSWERED) {
                p->cluster_id = 0;
        }
        /* Otherwise it may be that it tells that only to an administrator: what its answers say counts on. */
        json_decref(root);
        probe_over(p);
}

static void on_probe_version(const HttpAnswer *a, void *userdata) {
        char version[ETCD_VERSION_SIZE];
        EtcdEndpoint *p = userdata;
        json_t *root = a->outcome == HTTP_ANSWERED && a->status == 200 ? etcd_decode_object(a->body, a->size) : NULL;

        etcd_endpoint_seen(p->etcd, (size_t) (p - p->etcd->endpoints), a);
        p->answers = a->outcome == HTTP_ANSWERED;
        if (root && etcd_decode_version(root, version) == 0 && !streq(version, p->version)) {
                str_copy(p->version, sizeof(p->version), version);
                etcd_status_changed(p->etcd);
        }
        json_decref(root);
        p->probe = http_request_free(p->probe);
        if (a->outcome != HTTP_ANSWERED) {
                p->cluster_id = 0;
                p->has_status = false;
                probe_over(p);
        } else if (probe_send(p, "/v3/maintenance/status", "{}", on_probe_status) < 0) {
                probe_over(p);
        }
}

static int probe_send(EtcdEndpoint *p, const char *path, const char *body, http_done_t done) {
        Etcd *e = p->etcd;
        _cleanup_free_ char *url = NULL;
        const char *headers[4];
        HttpParameters q = { .body = body, .headers = headers, .timeout = e->attempt, .body_max = PROBE_ANSWER_MAX };
        int r;

        r = etcd_endpoint_address(e, (size_t) (p - e->endpoints), path, &q, &url);
        if (r < 0)
                return r;
        etcd_headers(e, 0, headers);
        return http_request_new(e->http, &q, done, p, &p->probe);
}

static void probes_arm(Etcd *e, usec_t in) {
        (void) sd_event_source_set_time(e->probe_timer, usec_add(now_boottime(), in));
        (void) sd_event_source_set_enabled(e->probe_timer, SD_EVENT_ONESHOT);
}

void etcd_probe(Etcd *e) {
        bool under_way = false, failed = false;

        bool ours = false, odd = false;

        /* The minutely round is only for the news; calls go on. Not so if all that are known have changed sides. */
        for (size_t i = 0; i < e->n_endpoints; i++) {
                ours = ours || etcd_endpoint_is_ours(e, i);
                odd = odd || etcd_endpoint_is_odd(e, i);
        }
        if (odd && !ours)
                e->identified = false;
        e->probed_at = now_boottime();
        for (size_t i = 0; i < e->n_endpoints; i++)
                under_way = under_way || e->endpoints[i].probe;
        if (under_way)
                return;
        for (size_t i = 0; i < e->n_endpoints; i++)
                e->endpoints[i].probed = false;
        for (size_t i = 0; i < e->n_endpoints; i++)
                if (probe_send(&e->endpoints[i], "/version", NULL, on_probe_version) < 0) {
                        e->endpoints[i].probed = true;
                        failed = true;
                }
        probes_arm(e, failed ? PROBE_EVERY_IN_CONFLICT : PROBE_EVERY);
}

static void add_warning(char *text, size_t size, const char *format, ...) _printf_(3, 4);

static void add_warning(char *text, size_t size, const char *format, ...) {
        size_t n = strlen(text);
        va_list ap;

        if (n > 0 && n + 3 < size) {
                strcpy(text + n, "; ");
                n += 2;
        }
        va_start(ap, format);
        (void) vsnprintf(text + n, size - n, format, ap);
        va_end(ap);
}

/* What one endpoint has to say about its room. Returns true if it did. */
static bool warn_of_room(const EtcdEndpoint *p, char *text, size_t size) {
        uint64_t quota = p->status.quota ?: QUOTA_DEFAULT;

        if (!p->has_status)
                return false;
        if (p->status.no_space)
                add_warning(text, size,
                                "%s: etcd is out of space (NOSPACE alarm) and takes no writes: "
                                "compact, defragment, then `etcdctl alarm disarm`",
                                p->url);
        else if (p->status.size >= quota / 100 * FULL_PERCENT)
                add_warning(text, size,
                                "%s: etcd's database has %" PRIu64 " MiB of %" PRIu64 " MiB%s: compact and defragment",
                                p->url, p->status.size >> 20, quota >> 20,
                                p->status.quota > 0 ? "" : " (if its quota is the default)");
        else
                return false;
        return true;
}

void etcd_warnings_update(Etcd *e) {
        char text[sizeof(e->warning)] = "";
        const char *warning = NULL;

        for (size_t i = 0; i < e->n_endpoints; i++)
                if (etcd_endpoint_is_odd(e, i) && e->identified)
                        add_warning(text, sizeof(text), "%s is of another etcd cluster, %" PRIx64 ", and is left out",
                                        e->endpoints[i].url, e->endpoints[i].told_id);
        for (size_t i = 0; i < e->n_endpoints; i++)
                if (!etcd_endpoint_is_odd(e, i) && warn_of_room(&e->endpoints[i], text, sizeof(text)))
                        break;
        for (size_t i = 0; i < e->n_endpoints; i++)
                if (e->endpoints[i].has_status && e->endpoints[i].status.corrupt) {
                        add_warning(text, sizeof(text), "%s: etcd reports a corrupt member", e->endpoints[i].url);
                        break;
                }
        for (size_t i = 0; i < e->n_endpoints && !warning; i++) {
                const char *version = e->endpoints[i].version;

                warning = version[0] && !etcd_version_is_supported(version) ? "etcd 3.4 or later is needed"
                                                                            : etcd_version_warning(version);
                if (warning)
                        add_warning(text, sizeof(text), "etcd %s: %s", version, warning);
        }
        for (size_t i = 0; i < e->n_endpoints; i++) {
                const EtcdEndpoint *p = &e->endpoints[i];

                if (p->nonsense[0] && usec_sub(now_boottime(), p->nonsense_at) < WARN_OF_NONSENSE)
                        add_warning(text, sizeof(text),
                                        "%s: on the watch it sends %s: it is not etcd, or something "
                                        "stands between",
                                        p->url, p->nonsense);
        }
        if (e->auth_off)
                add_warning(text, sizeof(text), "User= is set, but etcd has authentication off");
        if (e->compaction_denied)
                add_warning(text, sizeof(text), "the user may not compact: set etcd's --auto-compaction-retention");
        if (!streq(text, e->warning)) {
                str_copy(e->warning, sizeof(e->warning), text);
                etcd_status_changed(e);
        }
}
