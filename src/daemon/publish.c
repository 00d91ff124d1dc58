/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/publish.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "daemon/bus.h"
#include "daemon/units.h"
#include "util/hash.h"
#include "util/log.h"

/* An object that listeners have been told of, by its path. */
typedef struct Shown {
        UT_hash_handle hh;
        bool dirty, added, is_lease;
        /* Of a lease, as last announced. */
        LeaseState state;
        uint64_t index;
        char machine_id[MACHINE_SIZE];
        char name[NAME_SIZE];
        char path[];
} Shown;

/* Of the daemon itself, as last announced. */
typedef struct ShownManager {
        char registry_state[16], endpoint[256], version[64], error[512], warning[512], why_not[256], last_error[512];
        char configuration[1024];
        char uuid[UUID_SIZE], store[64], found_uuid[UUID_SIZE], found_store[64], metadata[METADATA_SIZE];
        usec_t registry_since; /* CLOCK_REALTIME */
        usec_t ttl;
        bool draining;
        size_t held;
} ShownManager;

struct Publisher {
        sd_event_source *flush;
        Shown *shown;
        ShownManager manager;
        char status[1024];
};

/* ---- leases and units ---- */

static void emit_lease_changed(Daemon *d, sd_bus *bus, Shown *s, const LeaseView *v) {
        static const char *const reasons[_LEASE_STATE_MAX] = {
                [LEASE_FREE] = "released",
                [LEASE_HELD] = "acquired",
                [LEASE_DONE] = "done",
        };
        const LeaseRecord *l = v->record;
        const char *reason;

        if (!l || (s->added && s->state == l->state && s->index == l->index && streq(s->machine_id, l->machine_id)))
                return;
        s->state = l->state;
        s->index = l->index;
        str_copy(s->machine_id, sizeof(s->machine_id), l->machine_id);
        /* How the tenure before ended is why this one began. */
        reason = l->state == LEASE_HELD && l->n_tenures > 0 && l->tenures[l->n_tenures - 1].to == l->since
                                 ? l->tenures[l->n_tenures - 1].why
                                 : reasons[l->state];
        if (bus)
                (void) sd_bus_emit_signal(bus, BUS_PATH, BUS_MANAGER, "LeaseChanged", "ssxts", v->name,
                                l->state == LEASE_HELD ? l->machine_id : "", l->version, l->index, reason);
}

/* What is gone is announced as gone, what is new as new, the rest with all that may have changed. */
static void show(Daemon *d, sd_bus *bus, Shown *s) {
        LeaseView lease;
        UnitView unit;
        bool there;
        int r = 0;

        s->dirty = false;
        there = s->is_lease ? core_find_lease(d->core, daemon_now(), s->name, &lease)
                            : core_find_unit(d->core, daemon_now(), s->name, &unit);
        if (there && s->is_lease)
                emit_lease_changed(d, bus, s, &lease);
        if (!bus)
                s->added = there;
        else if (there && s->added)
                r = sd_bus_emit_properties_changed_strv(bus, s->path, s->is_lease ? BUS_LEASE : BUS_UNIT, NULL);
        else if (there)
                r = sd_bus_emit_object_added(bus, s->path);
        else if (s->added)
                r = sd_bus_emit_object_removed(bus, s->path);
        s->added = there;
        if (r < 0)
                log_debug_errno(r, "cannot announce a change of %s", s->path);
        if (!there) {
                HASH_DEL(d->publisher->shown, s);
                free(s);
        }
}

/* ---- the daemon ---- */

static void join(const Messages *m, char *ret, size_t size) {
        size_t n = 0;

        ret[0] = '\0';
        for (size_t i = 0; i < m->n && n < size; i++)
                n += (size_t) snprintf(ret + n, size - n, "%s\n", m->lines[i]);
}

static void look_at_manager(Daemon *d, ShownManager *ret) {
        const ShownManager *old = &d->publisher->manager;
        RegistryStatus status;
        SessionView session;

        d->registry->ops->status(d->registry, &status);
        core_session_view(d->core, daemon_now(), &session);
        *ret = (ShownManager){ .ttl = session.ttl, .draining = session.draining, .held = session.held };
        str_copy(ret->registry_state, sizeof(ret->registry_state), bus_registry_state(&status));
        ret->registry_since = streq(old->registry_state, ret->registry_state) ? old->registry_since : now_realtime();
        str_copy(ret->endpoint, sizeof(ret->endpoint), strempty(status.endpoint));
        str_copy(ret->version, sizeof(ret->version), strempty(status.version));
        str_copy(ret->error, sizeof(ret->error), strempty(status.error));
        str_copy(ret->warning, sizeof(ret->warning), strempty(status.warning));
        str_copy(ret->uuid, sizeof(ret->uuid), strempty(session.uuid));
        str_copy(ret->store, sizeof(ret->store), strempty(session.store));
        str_copy(ret->found_uuid, sizeof(ret->found_uuid), strempty(session.found_uuid));
        str_copy(ret->found_store, sizeof(ret->found_store), strempty(session.found_store));
        str_copy(ret->metadata, sizeof(ret->metadata), d->conf->metadata);
        str_copy(ret->why_not, sizeof(ret->why_not), session.competing ? "" : strempty(session.why_not));
        str_copy(ret->last_error, sizeof(ret->last_error), bus_last_error(&status, &session));
        join(&d->wrong, ret->configuration, sizeof(ret->configuration));
}

usec_t publish_registry_since(Daemon *d) {
        return d->publisher->manager.registry_since;
}

static void emit_manager(Daemon *d, sd_bus *bus, const ShownManager *now) {
        static const struct {
                const char *property;
                size_t offset;
        } texts[] = {
                { "RegistryState", offsetof(ShownManager, registry_state) },
                { "RegistryEndpoint", offsetof(ShownManager, endpoint) },
                { "RegistryVersion", offsetof(ShownManager, version) },
                { "RegistryUUID", offsetof(ShownManager, uuid) },
                { "RegistryStore", offsetof(ShownManager, store) },
                { "RegistryFoundUUID", offsetof(ShownManager, found_uuid) },
                { "RegistryFoundStore", offsetof(ShownManager, found_store) },
                { "RegistryError", offsetof(ShownManager, error) },
                { "RegistryWarning", offsetof(ShownManager, warning) },
                { "Metadata", offsetof(ShownManager, metadata) },
                { "WhyNot", offsetof(ShownManager, why_not) },
                { "LastError", offsetof(ShownManager, last_error) },
                { "ConfigurationErrors", offsetof(ShownManager, configuration) },
        };
        const ShownManager *old = &d->publisher->manager;
        char *names[ELEMENTSOF(texts) + 5];
        size_t n = 0;

        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                if (!streq((const char *) old + texts[i].offset, (const char *) now + texts[i].offset))
                        names[n++] = (char *) texts[i].property;
        if (old->registry_since != now->registry_since)
                names[n++] = (char *) "RegistrySinceUSec";
        if (old->ttl != now->ttl)
                names[n++] = (char *) "TTLUSec";
        if (old->draining != now->draining)
                names[n++] = (char *) "Draining";
        if (old->held != now->held)
                names[n++] = (char *) "Held";
        names[n] = NULL;
        if (bus && n > 0) {
                /* What is read back must be what is announced. */
                d->publisher->manager = *now;
                (void) sd_bus_emit_properties_changed_strv(bus, BUS_PATH, BUS_MANAGER, names);
        }
}

static int count_unit(const UnitView *v, void *userdata) {
        size_t *n = userdata;

        (*n)++;
        return 0;
}

static void show_status(Daemon *d, const ShownManager *now) {
        Publisher *p = d->publisher;
        char text[sizeof(p->status)];
        size_t units = 0;

        (void) core_each_unit(d->core, daemon_now(), count_unit, &units);
        if (d->stopping)
                (void) snprintf(text, sizeof(text), "Stopping %zu units; each lease is released when its unit is down.",
                                now->held);
        else
                (void) snprintf(text, sizeof(text), "Holding %zu of %zu units; registry %s%s%s", now->held, units,
                                now->registry_state, isempty(now->last_error) ? "" : ": ", now->last_error);
        if (streq(text, p->status))
                return;
        str_copy(p->status, sizeof(p->status), text);
        notify_status(d->notifier, text);
}

/* ---- flushing ---- */

static int on_flush(sd_event_source *source, void *userdata) {
        Daemon *d = userdata;
        Shown *s, *next;
        ShownManager now;
        sd_bus *bus = bus_up(d);

        HASH_ITER(hh, d->publisher->shown, s, next)
                if (s->dirty)
                        show(d, bus, s);
        look_at_manager(d, &now);
        emit_manager(d, bus, &now);
        d->publisher->manager = now;
        show_status(d, &now);
        return 0;
}

void publish_manager(Daemon *d) {
        (void) sd_event_source_set_enabled(d->publisher->flush, SD_EVENT_ONESHOT);
}

static void mark(Daemon *d, bool is_lease, const char *name) {
        _cleanup_free_ char *path = is_lease ? bus_lease_path(name) : bus_unit_path(name);
        Shown *s;

        if (!path)
                return;
        HASH_FIND_STR(d->publisher->shown, path, s);
        if (!s) {
                s = calloc(1, sizeof(Shown) + strlen(path) + 1);
                if (!s)
                        return;
                memcpy(s->path, path, strlen(path) + 1);
                str_copy(s->name, sizeof(s->name), name);
                s->is_lease = is_lease;
                HASH_ADD_STR(d->publisher->shown, path, s);
        }
        s->dirty = true;
}

void publish_changed(Daemon *d, const char *unit, const char *lease) {
        if (unit)
                mark(d, false, unit);
        if (lease)
                mark(d, true, lease);
        publish_manager(d);
}

int publish_new(Daemon *d) {
        int r;

        d->publisher = calloc(1, sizeof(Publisher));
        if (!d->publisher)
                return log_oom();
        r = sd_event_add_defer(d->event, &d->publisher->flush, on_flush, d);
        if (r >= 0)
                r = sd_event_source_set_priority(d->publisher->flush, SD_EVENT_PRIORITY_IDLE);
        return r < 0 ? log_error_errno(r, "cannot set up the event loop") : 0;
}

void publish_free(Daemon *d) {
        Shown *s, *next;

        if (!d->publisher)
                return;
        sd_event_source_disable_unref(d->publisher->flush);
        HASH_ITER(hh, d->publisher->shown, s, next) {
                HASH_DEL(d->publisher->shown, s);
                free(s);
        }
        free(d->publisher);
        d->publisher = NULL;
}
