/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/etcd/warning.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "registry/etcd/address.h"
#include "registry/etcd/endpoint.h"
#include "registry/etcd/version.h"

#define WARN_OF_NONSENSE (5 * USEC_PER_MINUTE)
#define WARN_OF_SEVERAL (10 * USEC_PER_MINUTE)
#define QUOTA_DEFAULT ((uint64_t) 2 << 30)
enum { FULL_PERCENT = 75 };

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

/* Warns of an endpoint that has no room, or little. Returns whether there was anything to warn of. */
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

/* Looks at the versions of all endpoints. A version that is too old is warned of; a bug that only a newer one has
 * mended is but noted. Of several endpoints the first with one of both counts. */
static void judge_versions(const Etcd *e, char *warning, char *note, size_t size) {
        for (size_t i = 0; i < e->endpoints.n; i++) {
                const char *version = e->endpoints.items[i].version, *bug = etcd_version_warning(version);
                bool old = version[0] && !etcd_version_is_supported(version);

                if (old)
                        add_warning(warning, size, "etcd %s: etcd 3.4 or later is needed", version);
                else if (bug)
                        add_warning(note, size, "etcd %s: %s", version, bug);
                if (old || bug)
                        return;
        }
}

void etcd_warning_update(Etcd *e) {
        char text[sizeof(e->status.warning)] = "", note[sizeof(e->status.note)] = "";

        for (size_t i = 0; i < e->endpoints.n; i++) {
                const EtcdEndpoint *p = &e->endpoints.items[i];

                if (!e->identity.known)
                        break;
                if (etcd_endpoint_is_odd(e, i)) {
                        add_warning(text, sizeof(text), "%s is of another etcd cluster, %" PRIx64 ", and is left out",
                                        p->url, p->told_id);
                        continue;
                }
                for (size_t k = 0; (k = etcd_address_next_odd(e, i, k)) != SIZE_MAX; k++)
                        add_warning(text, sizeof(text),
                                        "%s at %s is of another etcd cluster, %" PRIx64 ", and is left out", p->url,
                                        p->addresses.items[k].text, p->addresses.items[k].told_id);
        }
        for (size_t i = 0; i < e->endpoints.n; i++)
                if (!etcd_endpoint_is_odd(e, i) && warn_of_room(&e->endpoints.items[i], text, sizeof(text)))
                        break;
        for (size_t i = 0; i < e->endpoints.n; i++)
                if (e->endpoints.items[i].has_status && e->endpoints.items[i].status.corrupt) {
                        add_warning(text, sizeof(text), "%s: etcd reports a corrupt member",
                                        e->endpoints.items[i].url);
                        break;
                }
        judge_versions(e, text, note, sizeof(text));
        for (size_t i = 0; i < e->endpoints.n; i++) {
                const EtcdEndpoint *p = &e->endpoints.items[i];

                if (p->nonsense[0] && usec_sub(now_boottime(), p->nonsense_at) < WARN_OF_NONSENSE)
                        add_warning(text, sizeof(text),
                                        "%s: on the watch it sends %s: it is not etcd, or something "
                                        "stands between",
                                        p->url, p->nonsense);
                if (p->several_at > 0 && usec_sub(now_boottime(), p->several_at) < WARN_OF_SEVERAL)
                        add_warning(text, sizeof(text),
                                        "%s stands for more than one member of etcd: name each in Endpoints=", p->url);
        }
        if (e->auth.off)
                add_warning(text, sizeof(text), "User= is set, but etcd has authentication off");
        if (e->compaction.denied)
                add_warning(text, sizeof(text), "the user may not compact: set etcd's --auto-compaction-retention");
        if (!streq(text, e->status.warning) || !streq(note, e->status.note)) {
                str_copy(e->status.warning, sizeof(e->status.warning), text);
                str_copy(e->status.note, sizeof(e->status.note), note);
                etcd_state_note(e, ETCD_NEWS_STATUS);
        }
}
