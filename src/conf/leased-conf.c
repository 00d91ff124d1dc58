/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/conf.h"

#include <errno.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <sys/stat.h>

#include "conf/credential.h"
#include "conf/directory.h"
#include "conf/ini.h"
#include "conf/metadata.h"
#include "conf/search.h"
#include "core/record.h"
#include "core/timeline.h"
#include "util/text.h"

#define CONF_FILE "/etc/leased/leased.conf"
#ifdef LEASED_WITHOUT_LOCAL /* meson's -Dlocal=false */
#define WITH_LOCAL 0
#else
#define WITH_LOCAL 1
#endif
#define DEFAULT_PREFIX "/leased/"
#define FLEET_PREFIX "/_coreos.com/fleet/"

static int parse_registry(const char *value, void *field) {
        LeasedConf *c = field;
        _cleanup_free_ char *kind = NULL, *directory = NULL;

        if (startswith(value, "local:/")) {
                directory = strdup(value + strlen("local:"));
                value = "local";
                if (!directory)
                        return -ENOMEM;
        }
        if (*value && !streq(value, "local") && !streq(value, "etcd"))
                return -EINVAL;
        if (*value && !(kind = strdup(value)))
                return -ENOMEM;
        free(c->registry);
        free(c->directory);
        c->registry = TAKE_PTR(kind);
        c->directory = TAKE_PTR(directory);
        return 0;
}

/* Whether an endpoint is written "http://HOST:PORT" or "https://HOST:PORT". The host is a name or an address, IPv6
 * in brackets. No user, path or query may be there. */
static bool endpoint_is_valid(const char *s) {
        const char *host, *colon;
        unsigned long port;
        char *end;

        if (startswith(s, "http://"))
                host = s + strlen("http://");
        else if (startswith(s, "https://"))
                host = s + strlen("https://");
        else
                return false;
        if (host[0] == '[') {
                size_t n = strspn(host + 1, "0123456789abcdefABCDEF:.%");

                if (n == 0 || host[1 + n] != ']')
                        return false;
                colon = host + n + 2;
        } else
                colon = host + strcspn(host, ":/?#@[]\\ ");
        if (colon == host || *colon != ':' || colon[1] < '0' || colon[1] > '9')
                return false;
        port = strtoul(colon + 1, &end, 10);
        return port > 0 && port <= 65535 && !*end;
}

static int parse_endpoints(const char *value, void *field) {
        _cleanup_(strv_freep) char **l = NULL;
        int r = ini_parse_words(value, &l);

        if (r < 0)
                return r;
        for (char **s = l; s && *s; s++) {
                size_t n = strlen(*s);

                if (n > 0 && (*s)[n - 1] == '/')
                        (*s)[n - 1] = '\0';
                if (!endpoint_is_valid(*s))
                        return -EINVAL;
        }
        strv_free(*(char ***) field);
        *(char ***) field = TAKE_PTR(l);
        return 0;
}

static int parse_prefix(const char *value, void *field) {
        char **prefix = field, *copy = NULL;

        if (*value) {
                for (const char *p = value; *p; p++)
                        if (*p <= ' ' || *p > '~')
                                return -EINVAL;
                if (value[0] != '/' || strstr(value, "//") || strlen(value) > 128)
                        return -EINVAL;
                copy = text_format("%s%s", value, endswith(value, "/") ? "" : "/");
                if (!copy)
                        return -ENOMEM;
        }
        free(*prefix);
        *prefix = copy;
        return 0;
}

static int parse_metadata(const char *value, void *field) {
        _cleanup_(strv_freep) char **l = NULL;
        char **metadata = field, joined[METADATA_SIZE] = "", *copy;
        int r = ini_parse_words(value, &l);

        for (char **s = l; r >= 0 && s && *s; s++)
                r = metadata_key_length(*s) > 0 ? metadata_append(joined, sizeof(joined), *s) : -EINVAL;
        if (r < 0)
                return r;
        copy = strdup(joined);
        if (!copy)
                return -ENOMEM;
        free(*metadata);
        *metadata = copy;
        return 0;
}

static int parse_ttl(const char *value, void *field) {
        usec_t t;
        int r = ini_parse_span(value, &t);

        if (r < 0)
                return r;
        if (t != USEC_INFINITY && (t < TTL_MIN || t > TTL_MAX || t % USEC_PER_MSEC))
                return -ERANGE;
        *(usec_t *) field = t;
        return 0;
}

static int parse_beat_span(const char *value, void *field) {
        usec_t t;
        int r = ini_parse_span(value, &t);

        if (r < 0)
                return r;
        if (t < BEAT_MIN || t > TTL_MAX / 5 || t % USEC_PER_MSEC)
                return -ERANGE;
        *(usec_t *) field = t;
        return 0;
}

static int parse_machine_id(const char *value, void *field) {
        if (*value && (!machine_id_is_valid(value) || strspn(value, "0") == strlen(value)))
                return -EINVAL;
        return ini_parse_string(value, field);
}

static int parse_compact(const char *value, void *field) {
        if (*value && !streq(value, "auto") && !streq(value, "no"))
                return -EINVAL;
        *(bool *) field = !streq(value, "no");
        return 0;
}

/* The command's words are split when it is run. */
static int parse_command(const char *value, void *field) {
        _cleanup_(strv_freep) char **words = NULL;
        char **command = field, *copy = NULL;
        int r = ini_parse_words(value, &words);

        if (r < 0)
                return r;
        if (words && words[0]) {
                if (words[0][0] != '/')
                        return -EINVAL;
                copy = strdup(value);
                if (!copy)
                        return -ENOMEM;
        }
        free(*command);
        *command = copy;
        return 0;
}

static int parse_fence_span(const char *value, void *field) {
        usec_t t;
        int r = ini_parse_span_to(value, USEC_PER_HOUR, &t);

        if (r < 0)
                return r;
        if (t == 0)
                return -ERANGE;
        *(usec_t *) field = t;
        return 0;
}

/* Takes "etcd2:URL URL... /PREFIX/". The prefix is fleet's etcd_key_prefix, and may be left out. */
static int parse_lease_registry(const char *value, void *field) {
        _cleanup_(strv_freep) char **words = NULL, **endpoints = NULL;
        _cleanup_free_ char *prefix = NULL;
        LeasedConf *c = field;
        int r = 0;

        if (*value && !startswith(value, "etcd2:"))
                return -EINVAL;
        if (*value && (r = ini_parse_words(value + strlen("etcd2:"), &words)) < 0)
                return r;
        for (char **w = words; r >= 0 && w && *w; w++)
                if (**w == '/')
                        r = prefix || w == words || w[1] ? -EINVAL : parse_prefix(*w, &prefix);
                else
                        r = endpoint_is_valid(*w) ? strv_add(&endpoints, *w) : -EINVAL;
        if (r >= 0 && *value && !endpoints)
                r = -EINVAL;
        if (r >= 0 && endpoints && !prefix && !(prefix = strdup(FLEET_PREFIX)))
                r = -ENOMEM;
        if (r < 0)
                return r;
        strv_free(c->lease_endpoints);
        free(c->lease_prefix);
        c->lease_endpoints = TAKE_PTR(endpoints);
        c->lease_prefix = TAKE_PTR(prefix);
        return 0;
}

static const char *const accept_words[] = {
        [ACCEPT_NO] = "no",
        [ACCEPT_RUN] = "run",
        [ACCEPT_ETC] = "etc",
};

static int parse_accept_units(const char *value, void *field) {
        if (streq(value, "yes"))
                value = accept_words[ACCEPT_ETC];
        for (size_t i = 0; i < ELEMENTSOF(accept_words); i++)
                if (streq(value, accept_words[i]) || (!*value && i == ACCEPT_NO)) {
                        *(AcceptUnits *) field = (AcceptUnits) i;
                        return 0;
                }
        return -EINVAL;
}

static int parse_allowed_units(const char *value, void *field) {
        _cleanup_(strv_freep) char **words = NULL;
        int r = ini_parse_words(value, &words);

        for (char **w = words; r >= 0 && w && *w; w++) {
                const char *colon = strchr(*w, ':');

                if (!colon || colon == *w || !colon[1])
                        return -EINVAL;
        }
        if (r < 0)
                return r;
        strv_free(*(char ***) field);
        *(char ***) field = TAKE_PTR(words);
        return 0;
}

bool leased_conf_may_submit(const LeasedConf *c, const char *signer, const char *unit) {
        size_t n = strlen(signer);

        for (char **w = c->allowed_units; w && *w; w++)
                if (strncmp(*w, signer, n) == 0 && (*w)[n] == ':' && fnmatch(*w + n + 1, unit, 0) == 0)
                        return true;
        return !c->allowed_units || !*c->allowed_units;
}

/* ---- printers ---- */

static void print_registry(FILE *f, const void *field) {
        const LeasedConf *c = field;
        bool local = streq(c->registry, "local");

        fprintf(f, "%s%s%s", c->registry, local ? ":" : "", local ? c->directory : "");
}

static void print_lease_registry(FILE *f, const void *field) {
        const LeasedConf *c = field;

        for (char **e = c->lease_endpoints; e && *e; e++)
                fprintf(f, "%s%s", e == c->lease_endpoints ? "etcd2:" : " ", *e);
        if (c->lease_endpoints)
                fprintf(f, " %s", c->lease_prefix);
}

static void print_span(FILE *f, const void *field) {
        usec_t span = *(const usec_t *) field;
        bool whole = span % USEC_PER_SEC == 0;

        fprintf(f, "%" PRIu64 "%s", span / (whole ? USEC_PER_SEC : USEC_PER_MSEC), whole ? "s" : "ms");
}

/* TTL/5, where it is not set, goes with the TTL. */
static void print_beat(FILE *f, const void *field) {
        if (*(const usec_t *) field > 0)
                print_span(f, field);
}

static void print_compact(FILE *f, const void *field) {
        ini_print_text(f, *(const bool *) field ? "auto" : "no");
}

static void print_accept_units(FILE *f, const void *field) {
        ini_print_text(f, accept_words[*(const AcceptUnits *) field]);
}

/* ---- options ---- */

enum {
        O_REGISTRY,
        O_ENDPOINTS,
        O_PREFIX,
        O_CA_FILE,
        O_CERT_FILE,
        O_KEY_FILE,
        O_USER,
        O_PASSWORD_FILE,
        O_METADATA,
        O_TTL,
        O_BEAT,
        O_MACHINE_ID,
        O_COMPACT,
        O_FENCE_COMMAND,
        O_FENCE_AFTER,
        O_FENCE_TIMEOUT,
        O_ACCEPT_UNITS,
        O_ALLOWED_UNITS,
        O_LEASE_REGISTRY,
        _O_MAX,
};

#define A_PATH "the absolute path of a file"
#define A_FENCE_SPAN "a time span above 0 and up to 1h, e.g. 20s"

static const IniOption options[_O_MAX] = {
        [O_REGISTRY] = { "Registry", parse_registry, 0, "local, local:/DIRECTORY or etcd", print_registry },
        [O_ENDPOINTS] = { "Endpoints", parse_endpoints, offsetof(LeasedConf, endpoints),
                        "a list of http://HOST:PORT or https://HOST:PORT, e.g. http://10.0.0.1:2379 "
                        "http://10.0.0.2:2379",
                        ini_print_words },
        [O_PREFIX] = { "Prefix", parse_prefix, offsetof(LeasedConf, prefix),
                        "an absolute key without spaces, e.g. /leased/", ini_print_quoted },
        [O_CA_FILE] = { "CAFile", ini_parse_path, offsetof(LeasedConf, ca_file), A_PATH, ini_print_quoted },
        [O_CERT_FILE] = { "CertFile", ini_parse_path, offsetof(LeasedConf, cert_file), A_PATH, ini_print_quoted },
        [O_KEY_FILE] = { "KeyFile", ini_parse_path, offsetof(LeasedConf, key_file), A_PATH, ini_print_quoted },
        [O_USER] = { "User", ini_parse_string, offsetof(LeasedConf, user), "the name of a user of etcd",
                        ini_print_quoted },
        [O_PASSWORD_FILE] = { "PasswordFile", ini_parse_path, offsetof(LeasedConf, password_file), A_PATH,
                        ini_print_quoted },
        [O_METADATA] = { "Metadata", parse_metadata, offsetof(LeasedConf, metadata),
                        "a list of key=value with less than 512 characters, e.g. region=eu rack=a1",
                        ini_print_quoted },
        [O_TTL] = { "TTL", parse_ttl, offsetof(LeasedConf, ttl),
                        "a time span from 1s to 60s in whole milliseconds, e.g. 10s", print_span },
        [O_BEAT] = { "BeatSec", parse_beat_span, offsetof(LeasedConf, beat),
                        "a time span from 200ms to a fifth of TTL= in whole milliseconds, e.g. 1s", print_beat },
        [O_MACHINE_ID] = { "MachineID", parse_machine_id, offsetof(LeasedConf, machine_id),
                        "32 lower-case hex digits, not all zero (as systemd-id128 new prints them), or "
                        "nothing",
                        ini_print_quoted },
        [O_COMPACT] = { "Compact", parse_compact, offsetof(LeasedConf, compact), "auto or no", print_compact },
        [O_FENCE_COMMAND] = { "FenceCommand", parse_command, offsetof(LeasedConf, fence_command),
                        "the absolute path of a program, and its arguments", ini_print_string },
        [O_FENCE_AFTER] = { "FenceAfterSec", parse_fence_span, offsetof(LeasedConf, fence_after), A_FENCE_SPAN,
                        print_span },
        [O_FENCE_TIMEOUT] = { "FenceTimeoutSec", parse_fence_span, offsetof(LeasedConf, fence_timeout), A_FENCE_SPAN,
                        print_span },
        [O_ACCEPT_UNITS] = { "AcceptUnits", parse_accept_units, offsetof(LeasedConf, accept_units),
                        "no, run, etc or yes", print_accept_units },
        [O_ALLOWED_UNITS] = { "AllowedUnits", parse_allowed_units, offsetof(LeasedConf, allowed_units),
                        "a list of SIGNER:UNITS, e.g. alice@example.com:web-*.service", ini_print_words },
        [O_LEASE_REGISTRY] = { "LeaseRegistry", parse_lease_registry, 0,
                        "etcd2: and a list of http://HOST:PORT or https://HOST:PORT, then perhaps fleet's key prefix, "
                        "e.g. etcd2:http://10.0.0.1:2379 /_coreos.com/fleet/",
                        print_lease_registry },
};

_Static_assert((int) _O_MAX == (int) LEASED_CONF_OPTIONS, "LeasedConf.where has a place for each option");

/* Whether a line with this option is wrong because of what the others say. */
static bool is_out_of_place(const LeasedConf *c, unsigned option) {
        bool of_etcd = (option >= O_ENDPOINTS && option <= O_PASSWORD_FILE) || option == O_COMPACT;
        bool of_fencing = option == O_FENCE_AFTER || option == O_FENCE_TIMEOUT;

        return (of_etcd && !streq(c->registry, "etcd")) || (of_fencing && !c->fence_command);
}

/* What the checks of options that depend on each other need. A message names the line of the option that is to be
 * changed. */
typedef struct Check {
        const char *root;
        const LeasedConf *conf;
        char *const *where;
        bool in_service; /* the files of credentials can be looked at: only leased.service has them */
        Messages *messages;
} Check;

static void check_file(const Check *k, unsigned option, const char *path, bool secret) {
        _cleanup_free_ char *full = NULL;
        const char *key = options[option].key;
        struct stat st;

        if (!path || (k->conf->credentials & 1u << option && !k->in_service))
                return;
        full = text_format("%s%s", k->root, path);
        if (!full)
                return;
        if (stat(full, &st) < 0) {
                if (errno != EACCES || k->in_service) /* an ordinary user who runs leasectl cannot see the file */
                        messages_add(k->messages, "%s: %s=%s: %s", k->where[option], key, path, strerror(errno));
        } else if (!S_ISREG(st.st_mode))
                messages_add(k->messages, "%s: %s=%s: not a regular file", k->where[option], key, path);
        else if (secret && (st.st_mode & 0007))
                messages_add(k->messages, "%s: %s=%s: open to everybody on this machine, close it: chmod 0600 %s",
                                k->where[option], key, path, path);
}

static void check_pair(const Check *k, unsigned a, unsigned b) {
        if (k->where[a] && !k->where[b])
                messages_add(k->messages, "%s: %s=: only together with %s=", k->where[a], options[a].key,
                                options[b].key);
        if (k->where[b] && !k->where[a])
                messages_add(k->messages, "%s: %s=: only together with %s=", k->where[b], options[b].key,
                                options[a].key);
}

static void check_etcd(const Check *k) {
        bool tls = false;

        if (!k->conf->endpoints || !k->conf->endpoints[0]) {
                messages_add(k->messages,
                                "%s: Registry=etcd: Endpoints= is missing, e.g. Endpoints=http://10.0.0.1:2379",
                                k->where[O_REGISTRY]);
                return;
        }
        for (char **e = k->conf->endpoints; *e; e++) {
                tls = startswith(*e, "https:");
                if (tls != startswith(k->conf->endpoints[0], "https:")) {
                        messages_add(k->messages, "%s: Endpoints=: either all with http or all with https",
                                        k->where[O_ENDPOINTS]);
                        return;
                }
        }
        if (tls && !k->conf->ca_file)
                messages_add(k->messages, "%s: Endpoints=%s: https needs CAFile=, e.g. CAFile=/etc/leased/ca.pem",
                                k->where[O_ENDPOINTS], k->conf->endpoints[0]);
        for (unsigned o = O_CA_FILE; !tls && o <= O_KEY_FILE; o++)
                if (k->where[o])
                        messages_add(k->messages,
                                        "%s: %s=: has no effect on http, write https in Endpoints=", k->where[o],
                                        options[o].key);
        check_pair(k, O_CERT_FILE, O_KEY_FILE);
        check_pair(k, O_USER, O_PASSWORD_FILE);
        check_file(k, O_CA_FILE, k->conf->ca_file, false);
        check_file(k, O_CERT_FILE, k->conf->cert_file, false);
        check_file(k, O_KEY_FILE, k->conf->key_file, true);
        check_file(k, O_PASSWORD_FILE, k->conf->password_file, true);
}

/* A machine that has missed but one beat may only be slow; at take_at its leases are taken in any case. */
static void check_fencing(const Check *k) {
        usec_t after = k->conf->fence_after, ttl = k->conf->ttl, beat = k->conf->beat ?: ttl / 5;

        if (beat > ttl / 5)
                messages_add(k->messages, "%s: BeatSec=: must be at most a fifth of TTL=, e.g. %" PRIu64 "ms",
                                k->where[O_BEAT], ttl / 5 / USEC_PER_MSEC);

        for (unsigned o = O_FENCE_AFTER; o <= O_FENCE_TIMEOUT; o++)
                if (k->where[o] && !k->conf->fence_command)
                        messages_add(k->messages, "%s: %s=: only together with FenceCommand=", k->where[o],
                                        options[o].key);
        if (after < 2 * beat || after >= ttl)
                messages_add(k->messages,
                                "%s: FenceAfterSec=: must be at least twice BeatSec= (%" PRIu64
                                "ms) and below TTL=, e.g. %" PRIu64 "ms",
                                k->where[O_FENCE_AFTER], beat / USEC_PER_MSEC, ttl / 2 / USEC_PER_MSEC);
}

static void check_lease_registry(const Check *k) {
        for (char **e = k->conf->lease_endpoints; e && *e; e++)
                if (!LEASED_ETCD || (startswith(*e, "https:") && !k->conf->ca_file)) {
                        messages_add(k->messages, "%s: LeaseRegistry=: %s", k->where[O_LEASE_REGISTRY],
                                        !LEASED_ETCD ? "this leased was built without etcd"
                                                     : "https needs the CAFile= of Registry=etcd");
                        return;
                }
}

static void check_all(const Check *k) {
        Timeline t;

        if (streq(k->conf->registry, "etcd") && !LEASED_ETCD)
                messages_add(k->messages,
                                "%s: Registry=etcd: this leased was built without etcd; only Registry=local works",
                                k->where[O_REGISTRY]);
        else if (streq(k->conf->registry, "local") && !WITH_LOCAL)
                messages_add(k->messages,
                                "%s: Registry=local: this leased was built without it; only Registry=etcd works",
                                k->where[O_REGISTRY] ?: CONF_FILE);
        else if (streq(k->conf->registry, "etcd"))
                check_etcd(k);
        else
                for (unsigned o = O_ENDPOINTS; o <= O_PASSWORD_FILE; o++)
                        if (k->where[o])
                                messages_add(k->messages, "%s: %s=: only with Registry=etcd", k->where[o],
                                                options[o].key);
        check_fencing(k);
        check_lease_registry(k);
        if (timeline_compute(k->conf->ttl, USEC_INFINITY, USEC_INFINITY, &t) < 0)
                messages_add(k->messages, "%s: TTL=: leaves no time between two beats and the stop of a unit",
                                k->where[O_TTL] ?: CONF_FILE);
}

static int fill_defaults(LeasedConf *c) {
        if (!c->registry)
                c->registry = strdup("local");
        if (!c->directory)
                c->directory = strdup(LOCAL_DIRECTORY);
        if (!c->prefix)
                c->prefix = strdup(DEFAULT_PREFIX);
        if (!c->metadata)
                c->metadata = strdup("");
        if (c->ttl == USEC_INFINITY)
                c->ttl = 10 * USEC_PER_SEC;
        if (c->fence_after == USEC_INFINITY)
                c->fence_after = c->ttl / 2;
        if (c->fence_timeout == USEC_INFINITY)
                c->fence_timeout = 20 * USEC_PER_SEC;
        return c->registry && c->directory && c->prefix && c->metadata ? 0 : -ENOMEM;
}

int leased_conf_files(const char *root, char ***ret, Messages *messages) {
        _cleanup_free_ char *first = NULL, *unread = NULL;
        _cleanup_(strv_freep) char **paths = NULL, **dropins = NULL;
        int r = search_file(root, "leased/leased.conf", &first);

        if (r == 0 && first)
                r = strv_add(&paths, first);
        if (r < 0)
                return r;
        r = search_folder(root, "leased/leased.conf.d", directory_is_conf, &dropins, &unread);
        if (r == -ENOMEM || (r < 0 && !unread))
                return r;
        if (unread)
                messages_add(messages, "%s: cannot be read: %s", unread, strerror(-r));
        for (char **p = dropins; p && *p; p++) {
                r = strv_add(&paths, *p);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(paths);
        return 0;
}

static int load_files(const char *root, IniTable *table, Messages *messages) {
        _cleanup_(strv_freep) char **paths = NULL;
        int r = leased_conf_files(root, &paths, messages);

        for (char **p = paths; r >= 0 && p && *p; p++)
                if (ini_load(root, *p, table, messages) == -ENOMEM)
                        r = -ENOMEM;
        return r;
}

/* Lets credentials stand in for the files that no option names. */
static int take_credentials(LeasedConf *c, const char *root, bool in_service) {
        static const struct {
                unsigned option;
                const char *name;
        } known[] = {
                { O_CA_FILE, "leased.etcd-ca" },
                { O_CERT_FILE, "leased.etcd-cert" },
                { O_KEY_FILE, "leased.etcd-key" },
                { O_PASSWORD_FILE, "leased.etcd-password" },
        };
        bool tls = c->endpoints && c->endpoints[0] && startswith(c->endpoints[0], "https:");

        for (size_t i = 0; streq(c->registry, "etcd") && i < ELEMENTSOF(known); i++) {
                unsigned o = known[i].option;
                char **field = (char **) ((char *) c + options[o].offset);
                int r = 0;

                if (*field || (!tls && o != O_PASSWORD_FILE))
                        continue;
                r = credential_find(root, in_service, known[i].name, field);
                if (r < 0)
                        return r;
                if (!*field)
                        continue;
                c->credentials |= 1u << o;
                c->where[o] = text_format("credential %s", known[i].name);
                if (!c->where[o])
                        return -ENOMEM;
        }
        return 0;
}

static int load(const char *root, const char *single, bool in_service, LeasedConf **ret, Messages *messages) {
        _cleanup_(leased_conf_freep) LeasedConf *c = calloc(1, sizeof(LeasedConf));
        IniTable table = { .section = "Leased", .options = options, .n_options = _O_MAX, .target = c };
        size_t before = messages->n;
        int r;

        if (!c)
                return -ENOMEM;
        table.where = c->where;
        c->ttl = c->fence_after = c->fence_timeout = USEC_INFINITY;
        c->compact = true;
        r = single ? ini_load(root, single, &table, messages) : load_files(root, &table, messages);
        if (r == 0)
                r = fill_defaults(c);
        if (r == 0 && !single) /* a dump names the files of credentials as those of options */
                r = take_credentials(c, root, in_service);
        if (r < 0)
                return r;
        check_all(&(Check){
                        .root = root, .conf = c, .where = c->where, .in_service = in_service, .messages = messages });
        c->metadata_where = c->where[O_METADATA];
        c->ttl_where = c->where[O_TTL];
        c->registry_where = c->where[O_REGISTRY];
        if (messages->n > before)
                return -EBADMSG;
        *ret = TAKE_PTR(c);
        return 0;
}

int leased_conf_load(const char *root, LeasedConf **ret, Messages *messages) {
        return load(root, NULL, false, ret, messages);
}

int leased_conf_load_in_service(const char *root, LeasedConf **ret, Messages *messages) {
        return load(root, NULL, true, ret, messages);
}

int leased_conf_load_dump(const char *path, LeasedConf **ret, Messages *messages) {
        return load("", path, true, ret, messages);
}

LeasedConf *leased_conf_free(LeasedConf *c) {
        if (!c)
                return NULL;
        free(c->registry);
        free(c->directory);
        strv_free(c->endpoints);
        strv_free(c->lease_endpoints);
        free(c->lease_prefix);
        free(c->prefix);
        free(c->ca_file);
        free(c->cert_file);
        free(c->key_file);
        free(c->user);
        free(c->password_file);
        free(c->metadata);
        free(c->machine_id);
        free(c->fence_command);
        strv_free(c->allowed_units);
        for (unsigned o = 0; o < _O_MAX; o++)
                free(c->where[o]);
        free(c);
        return NULL;
}

int leased_conf_each(const LeasedConf *c, leased_conf_each_t f, void *userdata) {
        _cleanup_free_ char *values = ini_values(options, _O_MAX, c);
        const char *value = values;

        for (unsigned o = 0; values && o < _O_MAX; o++, value = ini_next(value))
                f(options[o].key, value, c->where[o], userdata);
        return values ? 0 : -ENOMEM;
}

int leased_conf_dump(const LeasedConf *c, FILE *f) {
        _cleanup_free_ char *values = ini_values(options, _O_MAX, c);
        const char *value = values;

        if (!values)
                return -ENOMEM;
        fprintf(f, "[Leased]\n");
        for (unsigned o = 0; o < _O_MAX; o++, value = ini_next(value))
                if (*value && !is_out_of_place(c, o))
                        fprintf(f, "%s=%s\n", options[o].key, value);
        return 0;
}

int leased_conf_compare(const LeasedConf *old, const LeasedConf *new, options_differ_t f, void *userdata) {
        _cleanup_free_ char *before = ini_values(options, _O_MAX, old), *after = ini_values(options, _O_MAX, new);
        const char *a = before, *b = after;

        for (unsigned o = 0; before && after && o < _O_MAX; o++, a = ini_next(a), b = ini_next(b)) {
                const char *was = is_out_of_place(old, o) ? "" : a, *is = is_out_of_place(new, o) ? "" : b;

                if (!streq(was, is))
                        f(options[o].key, was, is, userdata);
        }
        return before && after ? 0 : -ENOMEM;
}
