/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/publish.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "daemon/bus-util.h"
#include "daemon/registry-health.h"
#include "daemon/shown-unit.h"
#include "daemon/why-not.h"
#include "util/hash.h"
#include "util/log.h"

/* An object that listeners have been told of, by its path. */
typedef struct Shown {
        UT_hash_handle hh;
        bool added, is_lease;
        unsigned round; /* of a unit: the last one that looked at it */
        union {
                struct { /* of a lease, as last announced */
                        LeaseState state;
                        uint64_t index;
                        usec_t since;
                        char machine_id[MACHINE_SIZE];
                };
                ShownUnit unit;
        };
        char name[NAME_SIZE];
        char path[];
} Shown;

/* Of the daemon itself, as last announced. */
typedef struct ShownManager {
        char registry_state[16], endpoint[256], version[64], error[512], warning[512], why_not[256], last_error[512];
        char configuration[1024], pid1_port_error[256];
        char uuid[UUID_SIZE], store[64], found_uuid[UUID_SIZE], found_store[64], metadata[METADATA_SIZE];
        usec_t registry_since; /* CLOCK_REALTIME */
        usec_t ttl;
        bool draining, known;
        size_t held;
} ShownManager;

struct Publisher {
        sd_event_source *look;
        Shown *shown;
        bool looking; /* a round of looks has begun */
        unsigned round;
        usec_t look_at, look_spent; /* not before; on this round */
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
        const Tenure *last;
        const char *reason;
        bool same;

        if (!l || (s->added && s->state == l->state && s->index == l->index && streq(s->machine_id, l->machine_id)))
                return;
        same = s->added && s->state == LEASE_HELD && l->state == LEASE_HELD && s->since == l->since;
        s->state = l->state;
        s->index = l->index;
        s->since = l->since;
        str_copy(s->machine_id, sizeof(s->machine_id), l->machine_id);
        /* How the tenure before ended is why this one began. */
        last = l->n_tenures > 0 ? l->tenures + l->n_tenures - 1 : NULL;
        reason = same ? "renewed"
                 : l->state == LEASE_HELD && last && (last->to == l->since || streq(last->why, "expired"))
                                 ? last->why
                                 : reasons[l->state];
        if (bus)
                (void) sd_bus_emit_signal(bus, BUS_PATH, BUS_MANAGER, "LeaseChanged", "ssxts", v->name,
                                l->state == LEASE_HELD ? l->machine_id : "", l->version, l->index, reason);
}

static int emit_unit(sd_bus *bus, Shown *s, const ShownUnit *now) {
        char *names[SHOWN_UNIT_NAMES];
        size_t n = shown_unit_diff(&s->unit, now, names);

        s->unit = *now;
        return bus && n > 0 ? sd_bus_emit_properties_changed_strv(bus, s->path, BUS_UNIT, names) : 0;
}

/* What is gone is announced as gone, what is new as new, the rest with what has changed (of a lease: may have). */
static void show(Daemon *d, sd_bus *bus, Shown *s) {
        ShownUnit now = s->unit;
        LeaseView lease;
        UnitView unit;
        bool there;
        int r = 0;

        there = s->is_lease ? core_find_lease(d->core, loop_now(), s->name, &lease)
                            : core_find_unit(d->core, loop_now(), s->name, &unit);
        if (there && s->is_lease)
                emit_lease_changed(d, bus, s, &lease);
        else if (there)
                shown_unit_look(d, &unit, &now);
        if (there && !s->is_lease && !s->added)
                s->unit = now;
        if (!bus)
                s->added = there;
        else if (there && s->added)
                r = s->is_lease ? sd_bus_emit_properties_changed_strv(bus, s->path, BUS_LEASE, NULL)
                                : emit_unit(bus, s, &now);
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
        char line[WHY_NOT_SIZE];

        d->registry->ops->status(d->registry, &status);
        core_session_view(d->core, loop_now(), &session);
        *ret = (ShownManager){
                .ttl = session.ttl, .draining = session.draining, .known = session.known, .held = session.held
        };
        str_copy(ret->registry_state, sizeof(ret->registry_state), registry_health_state(&status, &session));
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
        str_copy(ret->why_not, sizeof(ret->why_not), why_not_machine(&session, now_realtime(), line, sizeof(line)));
        str_copy(ret->last_error, sizeof(ret->last_error), registry_health_last_error(&status, &session));
        str_copy(ret->pid1_port_error, sizeof(ret->pid1_port_error), d->pid1_port_error);
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
                { "UnitsError", offsetof(ShownManager, pid1_port_error) },
        };
        const ShownManager *old = &d->publisher->manager;
        char *names[ELEMENTSOF(texts) + 6];
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
        if (old->known != now->known)
                names[n++] = (char *) "Known";
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

        (void) core_each_unit(d->core, loop_now(), count_unit, &units);
        if (d->stopping)
                (void) snprintf(text, sizeof(text),
                                "Stopping %zu units; each lease is released when its unit is down.", now->held);
        else
                (void) snprintf(text, sizeof(text), "Holding %zu of %zu units; registry %s%s%s", now->held, units,
                                now->registry_state, isempty(now->last_error) ? "" : ": ", now->last_error);
        if (streq(text, p->status))
                return;
        str_copy(p->status, sizeof(p->status), text);
        notify_status(d->notifier, text);
}

/* ---- how machines stand to units ---- */

/*
 * A lease that moves, or a machine that comes, may change what is said of every machine for every unit (WhyNot,
 * Stuck). So these are looked at in rounds: a few units at a time, when the loop has nothing else to do; a second lies
 * between two rounds, or twenty times what the last one took, so that they never take more than a twentieth of the
 * time.
 */
enum { LOOKS_AT_ONCE = 32, REST_FACTOR = 20 };

#define LOOK_PAUSE USEC_PER_SEC

static void arm_look(Daemon *d) {
        (void) sd_event_source_set_time(d->publisher->look, d->publisher->look_at);
        (void) sd_event_source_set_enabled(d->publisher->look, SD_EVENT_ONESHOT);
}

/* false: this round has looked at all. */
static bool look_at_some(Daemon *d, sd_bus *bus) {
        size_t looks = 0;

        for (Shown *s = d->publisher->shown; s; s = s->hh.next) {
                ShownUnit now = s->unit;

                if (s->is_lease || !s->added || s->round == d->publisher->round)
                        continue;
                if (looks++ == LOOKS_AT_ONCE)
                        return true;
                s->round = d->publisher->round;
                shown_unit_look_around(d, s->name, &now);
                (void) emit_unit(bus, s, &now);
        }
        return false;
}

static int on_look(sd_event_source *source, uint64_t usec, void *userdata) {
        Daemon *d = userdata;
        Publisher *p = d->publisher;
        usec_t begun = now_boottime();
        sd_bus *bus = bus_link_up(d->api);

        if (!bus)
                return 0; /* a flush comes when it is back */
        if (!p->looking) {
                p->looking = true;
                changed_take_standing(d->changed);
                p->round++;
                p->look_spent = 0;
        }
        p->looking = look_at_some(d, bus);
        p->look_spent += usec_sub(now_boottime(), begun);
        if (!p->looking)
                p->look_at = usec_add(now_boottime(), MAX(LOOK_PAUSE, REST_FACTOR * p->look_spent));
        if (p->looking || changed_standing(d->changed))
                arm_look(d);
        return 0;
}

/* ---- flushing ---- */

static Shown *find(Daemon *d, bool is_lease, const char *name) {
        _cleanup_free_ char *path = is_lease ? bus_lease_path(name) : bus_unit_path(name);
        Shown *s = NULL;

        if (path)
                HASH_FIND_STR(d->publisher->shown, path, s);
        if (s || !path || !(s = calloc(1, sizeof(Shown) + strlen(path) + 1)))
                return s;
        memcpy(s->path, path, strlen(path) + 1);
        str_copy(s->name, sizeof(s->name), name);
        s->is_lease = is_lease;
        HASH_ADD_STR(d->publisher->shown, path, s);
        return s;
}

void publish_flush(void *userdata) {
        Daemon *d = userdata;
        sd_bus *bus = bus_link_up(d->api);
        char name[NAME_SIZE];
        ShownManager now;
        bool is_lease;

        while (changed_take(d->changed, &is_lease, name)) {
                Shown *s = find(d, is_lease, name);

                if (s)
                        show(d, bus, s);
        }
        look_at_manager(d, &now);
        emit_manager(d, bus, &now);
        d->publisher->manager = now;
        show_status(d, &now);
        if (d->publisher->looking || changed_standing(d->changed))
                arm_look(d);
}

int publish_new(Daemon *d) {
        int r;

        d->publisher = calloc(1, sizeof(Publisher));
        if (!d->publisher)
                return log_oom();
        r = sd_event_add_time(
                        d->event, &d->publisher->look, CLOCK_BOOTTIME, USEC_INFINITY, 10 * USEC_PER_MSEC, on_look, d);
        if (r >= 0)
                r = sd_event_source_set_priority(d->publisher->look, SD_EVENT_PRIORITY_IDLE);
        return r < 0 ? log_error_errno(r, "cannot set up the event loop") : 0;
}

void publish_free(Daemon *d) {
        Shown *s, *next;

        if (!d->publisher)
                return;
        sd_event_source_disable_unref(d->publisher->look);
        HASH_ITER(hh, d->publisher->shown, s, next) {
                HASH_DEL(d->publisher->shown, s);
                free(s);
        }
        free(d->publisher);
        d->publisher = NULL;
}
