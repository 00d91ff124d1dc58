/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/publish.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "daemon/bulk.h"
#include "daemon/bus-manager.h"
#include "daemon/bus-unit.h"
#include "daemon/bus-util.h"
#include "daemon/cluster.h"
#include "daemon/last-conf.h"
#include "daemon/machine-name.h"
#include "daemon/registry-health.h"
#include "util/hash.h"
#include "util/journal.h"
#include "util/log.h"
#include "util/message-ids.h"

/* A lease of which listeners have been told, as last announced. */
typedef struct ShownLease {
        bool added;
        bool noted; /* tenures up to past have been noted, or need not be */
        LeaseState state;
        uint64_t index;
        uint64_t past; /* the Index of the last tenure that was over */
        usec_t since;
        uint64_t machine; /* digest of its id */
} ShownLease;

/* A unit of which listeners have been told. */
typedef struct ShownUnit {
        uint32_t *digests; /* of its properties, as last announced; NULL: it was not announced */
        uint64_t reason;   /* digest of this machine's own reason in WhyNot, as last looked at */
} ShownUnit;

/* A name of which listeners have been told: mostly of a unit and of its lease. There may be very many. */
typedef struct Shown {
        UT_hash_handle hh;
        ShownLease lease;
        ShownUnit unit;
        char name[];
} Shown;

struct Publisher {
        sd_event_source *look;
        Shown *shown;               /* by name */
        bool looking;               /* a round of looks has begun */
        Shown *look_next;           /* the name that the round looks at next; NULL: it has looked at all */
        usec_t look_at, look_spent; /* when the next round may begin (CLOCK_BOOTTIME), and the time that this one has
                                       taken */
        bool booted;                /* this is the first daemon on this boot */
        uint64_t revision;          /* listeners have been told of all changes up to this core_revision() */
        uint32_t *digests;          /* of the daemon's own properties, as last announced */
        char status[1024];
};

/* ---- leases and units ---- */

/* Whether the machine went down in this tenure, by its record: then nobody has noted here how the tenure ended. */
static bool is_unnoted(const Daemon *d, const LeaseRecord *l, const Tenure *t) {
        if (!d->publisher->booted || !streq(t->machine_id, d->machine_id) ||
                        (tenure_why(t) != WHY_EXPIRED && tenure_why(t) != WHY_CONFIRMED_DEAD))
                return false;
        for (const Tenure *later = t + 1; later < l->tenures + l->n_tenures; later++)
                if (streq(later->machine_id, d->machine_id))
                        return false;
        return true;
}

/* Notes the tenures that are over since this was last called, in the journal of each machine on which the lease's unit
 * is enabled: for "leasectl history", since the record keeps only the last ones. Of those that were over when leased
 * first heard of the lease and the unit, only the one in which this machine went down is noted: without it, the
 * outages that this journal has of that tenure would belong to none. */
static void log_tenures(Daemon *d, ShownLease *s, const LeaseView *v) {
        uint64_t past = s->past;
        bool noted = s->noted;

        s->noted = v->record && v->unit;
        for (size_t i = 0; s->noted && i < v->record->n_tenures; i++) {
                const Tenure *t = v->record->tenures + i;
                char machine[128], text[256];

                if (t->index <= past)
                        continue;
                s->past = t->index;
                if (!noted && !is_unnoted(d, v->record, t))
                        continue;
                (void) machine_name(d->core, t->machine_id, machine, sizeof(machine));
                (void) snprintf(text, sizeof(text), "%s no longer has the lease (Index %" PRIu64 ", %s)", machine,
                                t->index, t->why);
                journal_event(LOG_INFO,
                                &(JournalEvent){ .id = MESSAGE_TENURE,
                                                .lease = v->name,
                                                .machine = machine,
                                                .machine_id = t->machine_id,
                                                .reason = t->why,
                                                .code = tenure_why(t),
                                                .index = t->index,
                                                .from = t->from,
                                                .to = t->to,
                                                .by = t->by },
                                text);
        }
}

static void emit_lease_changed(Daemon *d, sd_bus *bus, ShownLease *s, const LeaseView *v) {
        static const Why whys[_LEASE_STATE_MAX] = {
                [LEASE_FREE] = WHY_RELEASED,
                [LEASE_HELD] = WHY_ACQUIRED,
                [LEASE_DONE] = WHY_DONE,
        };
        const LeaseRecord *l = v->record;
        const Tenure *last;
        const char *word;
        uint64_t machine;
        bool same;
        Why why;

        if (!l)
                return;
        machine = property_digest(l->machine_id);
        if (s->added && s->state == l->state && s->index == l->index && s->machine == machine)
                return;
        same = s->added && s->state == LEASE_HELD && l->state == LEASE_HELD && s->since == l->since;
        s->state = l->state;
        s->index = l->index;
        s->since = l->since;
        s->machine = machine;
        /* The reason for which the last tenure ended is also the reason for which this one began. Another version of
         * leased may know more reasons than this one, so listeners are told the word as it was written. */
        last = lease_last_tenure(l);
        if (!same && l->state == LEASE_HELD && last && (last->to == l->since || tenure_why(last) == WHY_EXPIRED)) {
                why = tenure_why(last);
                word = last->why;
        } else {
                why = same ? WHY_RENEWED : whys[l->state];
                word = why_word(why);
        }
        if (bus)
                (void) sd_bus_emit_signal(bus, BUS_PATH, BUS_MANAGER, "LeaseChanged", "ssxtsut", v->name,
                                l->state == LEASE_HELD ? l->machine_id : "", l->version, l->index, word, why,
                                d->publisher->revision);
}

/* Announces the properties whose values differ from those that were last announced. */
static int emit_changes(sd_bus *bus, const char *path, const PropertyTable *table, const void *subject, bool around,
                uint32_t *digests) {
        _cleanup_free_ char **names = NULL;
        int r = property_changes(table, subject, around, bus, digests, &names);

        return r <= 0 ? r : sd_bus_emit_properties_changed_strv(bus, path, table->interface, names);
}

/* PID 1 is asked about every unit again and again, and mostly says the same: then nothing is sent. Properties that
 * depend on all machines are looked at here only when this machine's own reason has changed; otherwise in rounds
 * (on_look()). */
static int emit_unit(sd_bus *bus, Shown *s, const UnitSubject *unit, bool around) {
        _cleanup_free_ char *path = bus_unit_path(s->name);
        uint64_t reason = property_digest(WHY_TEXT(unit->view.why_not));

        around |= reason != s->unit.reason;
        s->unit.reason = reason;
        return path ? emit_changes(bus, path, &bus_unit_properties, unit, around, s->unit.digests) : -ENOMEM;
}

static int add_unit(sd_bus *bus, const char *path, ShownUnit *s, const UnitSubject *unit) {
        _cleanup_free_ char **names = NULL;
        int r = property_changes(&bus_unit_properties, unit, true, bus, s->digests, &names);

        s->reason = property_digest(WHY_TEXT(unit->view.why_not));
        return r < 0 ? r : sd_bus_emit_object_added(bus, path);
}

static void forget(Publisher *p, Shown *s) {
        if (p->look_next == s)
                p->look_next = s->hh.next;
        HASH_DEL(p->shown, s);
        free(s->unit.digests);
        free(s);
}

/* These two announce an object that is gone or new, or else its changed properties (of a lease: that all may have
 * changed). While there is no bus, nothing is sent: whoever listens later reads first. */

static int show_lease(Daemon *d, sd_bus *bus, Shown *s) {
        _cleanup_free_ char *path = bus_lease_path(s->name);
        LeaseView lease;
        bool was = s->lease.added, there = core_find_lease(d->core, loop_now(), s->name, &lease);

        if (there) {
                log_tenures(d, &s->lease, &lease);
                emit_lease_changed(d, bus, &s->lease, &lease);
        } else
                s->lease = (ShownLease){};
        s->lease.added = there;
        if (!path || !bus)
                return path ? 0 : -ENOMEM;
        if (there)
                return was ? sd_bus_emit_properties_changed_strv(bus, path, BUS_LEASE, NULL)
                           : sd_bus_emit_object_added(bus, path);
        return was ? sd_bus_emit_object_removed(bus, path) : 0;
}

static int show_unit(Daemon *d, sd_bus *bus, Shown *s) {
        _cleanup_free_ char *path = bus_unit_path(s->name);
        UnitSubject unit;
        bool was = s->unit.digests, there = bus_unit_look(d, s->name, &unit);

        if (!there) {
                free(s->unit.digests);
                s->unit = (ShownUnit){};
        } else if (!was && !(s->unit.digests = calloc(property_digests(&bus_unit_properties), sizeof(uint32_t))))
                return -ENOMEM;
        if (!path || !bus)
                return path ? 0 : -ENOMEM;
        if (there)
                return was ? emit_unit(bus, s, &unit, false) : add_unit(bus, path, &s->unit, &unit);
        return was ? sd_bus_emit_object_removed(bus, path) : 0;
}

static void show(Daemon *d, sd_bus *bus, bool is_lease, Shown *s) {
        int r = is_lease ? show_lease(d, bus, s) : show_unit(d, bus, s);

        if (r < 0)
                log_debug_errno(r, "cannot announce a change of %s", s->name);
        if (!s->lease.added && !s->unit.digests)
                forget(d->publisher, s);
}

/* ---- the daemon ---- */

/* Says how many units are held, for "systemctl status leased". While the records are not known, a unit may run here by
 * an earlier beat, or another machine may have it by now. */
static void show_status(Daemon *d, const ManagerSubject *now) {
        const char *error = registry_health_last_error(&now->status, &now->session, (char[WHY_TEXT_SIZE]){});
        Publisher *p = d->publisher;
        char text[sizeof(p->status)], held[32] = "an unknown number";

        if (now->session.known)
                (void) snprintf(held, sizeof(held), "%zu", now->session.held);
        if (d->stop.releasing && now->session.known)
                (void) snprintf(text, sizeof(text), "Stopping %s units; each lease is released when its unit is down.",
                                held);
        else if (d->stop.releasing)
                str_copy(text, sizeof(text),
                                "Stopping the units that run here; their leases are released if the registry answers, "
                                "and otherwise run out.");
        else
                (void) snprintf(text, sizeof(text), "Holding %s of %zu units; registry %s%s%s", held,
                                now->session.units, registry_health_state(&now->status, &now->session),
                                isempty(error) ? "" : ": ", error);
        if (streq(text, p->status))
                return;
        str_copy(p->status, sizeof(p->status), text);
        notify_status(d->notifier, text);
}

/* ---- how machines stand to units ---- */

/*
 * A lease that moves, or a machine that comes, may change what is said of every machine for every unit (WhyNot,
 * Stuck). So these properties are looked at in rounds: a few units at a time, when the loop has nothing else to do.
 * Between two rounds lies a second, or twenty times the time that the last round took if that is longer. So the rounds
 * never take more than a twentieth of the time.
 */
enum { LOOKS_AT_ONCE = 32, REST_FACTOR = 20 };

#define LOOK_PAUSE USEC_PER_SEC
#define LOOK_TIME USEC_PER_MSEC /* a caller waits no longer for it; with many machines one look may take longer */

static void arm_look(Daemon *d) {
        (void) sd_event_source_set_time(d->publisher->look, d->publisher->look_at);
        (void) sd_event_source_set_enabled(d->publisher->look, SD_EVENT_ONESHOT);
}

/* Looks at the next units of this round, until LOOK_TIME after begun. false: the round has looked at all. */
static bool look_at_some(Daemon *d, sd_bus *bus, usec_t begun) {
        Publisher *p = d->publisher;

        for (size_t looks = 0; p->look_next && looks < LOOKS_AT_ONCE; looks++) {
                Shown *s = p->look_next;
                UnitSubject unit;

                p->look_next = s->hh.next;
                if (s->unit.digests && bus_unit_look(d, s->name, &unit))
                        (void) emit_unit(bus, s, &unit, true);
                if (usec_sub(now_boottime(), begun) > LOOK_TIME)
                        break;
        }
        return p->look_next;
}

static int on_look(sd_event_source *source, uint64_t usec, void *userdata) {
        Daemon *d = userdata;
        Publisher *p = d->publisher;
        usec_t begun = now_boottime();
        sd_bus *bus = bus_link_up(d->links.api);

        if (bulk_holds_news(d)) {
                p->look_at = usec_add(begun, LOOK_PAUSE);
                arm_look(d);
                return 0;
        }
        if (!bus)
                return 0; /* when the bus is back, publish_flush() arms the timer again */
        if (!p->looking) {
                p->looking = true;
                changed_take_standing(d->changed);
                p->look_next = p->shown;
                p->look_spent = 0;
        }
        p->looking = look_at_some(d, bus, begun);
        p->look_spent += usec_sub(now_boottime(), begun);
        if (!p->looking)
                p->look_at = usec_add(now_boottime(), MAX(LOOK_PAUSE, REST_FACTOR * p->look_spent));
        if (p->looking || changed_standing(d->changed))
                arm_look(d);
        return 0;
}

/* ---- flushing ---- */

enum { TOLD_AT_ONCE = 32 }; /* units and leases, in one turn of the loop ... */

#define TOLD_TIME (5 * USEC_PER_MSEC) /* ... or as many as take so long: a new unit's WhyNot names all machines */

static Shown *find(Publisher *p, const char *name) {
        size_t size = strlen(name) + 1;
        Shown *s;

        HASH_FIND_STR(p->shown, name, s);
        if (s || !(s = calloc(1, sizeof(Shown) + size)))
                return s;
        memcpy(s->name, name, size);
        HASH_ADD_STR(p->shown, name, s);
        return s;
}

void publish_flush(void *userdata) {
        Daemon *d = userdata;
        sd_bus *bus = bus_link_up(d->links.api);
        usec_t begun = now_boottime();
        char name[NAME_SIZE], offer[RECORD_NAME_SIZE];
        ManagerSubject now;
        bool is_lease;

        if (bulk_holds_news(d))
                return; /* the end of that answer is noted as a change, and calls this again */
        for (size_t i = 0; i < TOLD_AT_ONCE && changed_take(d->changed, &is_lease, name); i++) {
                Shown *s = find(d->publisher, name);

                if (s)
                        show(d, bus, is_lease, s);
                if (usec_sub(now_boottime(), begun) > TOLD_TIME)
                        break;
        }
        for (size_t i = 0; i < TOLD_AT_ONCE && usec_sub(now_boottime(), begun) <= TOLD_TIME &&
                           changed_take_offer(d->changed, offer);
                        i++)
                cluster_emit(d, bus, offer, d->publisher->revision);
        if (changed_pending(d->changed)) {
                changed_note(d->changed); /* the other names in the next turn */
                return;
        }
        d->publisher->revision = core_revision(d->core);
        bus_manager_look(d, &now);
        registry_health_note(d, &now.status, &now.session);
        if (bus)
                (void) emit_changes(bus, BUS_PATH, &bus_manager_properties, &now, true, d->publisher->digests);
        show_status(d, &now);
        bulk_news_told(d);
        if (d->publisher->looking || changed_standing(d->changed))
                arm_look(d);
}

int publish_new(Daemon *d) {
        int r;

        d->publisher = calloc(1, sizeof(Publisher));
        if (d->publisher) {
                d->publisher->booted = !last_conf_is_kept();
                d->publisher->digests = calloc(property_digests(&bus_manager_properties), sizeof(uint32_t));
        }
        if (!d->publisher || !d->publisher->digests)
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
        HASH_ITER(hh, d->publisher->shown, s, next)
                forget(d->publisher, s);
        free(d->publisher->digests);
        free(d->publisher);
        d->publisher = NULL;
}
