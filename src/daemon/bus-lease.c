/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/bus-lease.h"

#include <errno.h>

#include "daemon/authorize.h"
#include "daemon/bus-util.h"
#include "daemon/calls.h"
#include "daemon/property.h"

typedef struct Subject {
        LeaseView view;
        const LeaseRecord *record; /* all zero if nobody has ever held the lease */
        bool held;
} Subject;

static bool look(Daemon *d, const char *name, Subject *ret) {
        static const LeaseRecord nothing = {};

        if (!core_find_lease(d->core, loop_now(), name, &ret->view))
                return false;
        ret->record = ret->view.record ?: &nothing;
        ret->held = ret->record->state == LEASE_HELD;
        return true;
}

static bool look_at_path(Daemon *d, const char *path, Subject *ret) {
        _cleanup_free_ char *name = NULL;

        return sd_bus_path_decode(path, BUS_LEASE_PATH, &name) > 0 && look(d, name, ret);
}

static int find_lease(sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret_found,
                sd_bus_error *error) {
        _cleanup_free_ char *name = NULL;
        Daemon *d = userdata;
        Subject s;

        /* Of a lease in fleet's registry nothing is known here, but its methods can be called. */
        if (!look_at_path(d, path, &s) && (!d->fleet || sd_bus_path_decode(path, BUS_LEASE_PATH, &name) <= 0 ||
                                                          !lease_name_is_valid(name)))
                return 0;
        *ret_found = userdata;
        return 1;
}

static int append_unit(sd_bus_message *m, const LeaseView *v) {
        return v->unit ? bus_append_path(m, bus_unit_path(v->unit)) : sd_bus_message_append(m, "o", "/");
}

#define PROPERTIES(P)                                                                                                 \
        P(Name, "s", CONST, bus_append_text(m, s->view.name))                                                         \
        P(MachineID, "s", TOLD, bus_append_text(m, s->held ? s->record->machine_id : ""))                             \
        P(Hostname, "s", TOLD, bus_append_text(m, s->held ? s->view.hostname : ""))                                   \
        P(Known, "b", TOLD, sd_bus_message_append(m, "b", s->view.known))                                             \
        P(Version, "x", TOLD, sd_bus_message_append(m, "x", s->record->version))                                      \
        P(Index, "t", TOLD, sd_bus_message_append(m, "t", s->record->index))                                          \
        P(PeriodUSec, "t", TOLD, sd_bus_message_append(m, "t", s->record->period))                                    \
        P(SinceUSec, "t", TOLD, sd_bus_message_append(m, "t", s->record->since))                                      \
        P(Local, "b", TOLD, sd_bus_message_append(m, "b", s->view.local))                                             \
        P(Unit, "o", TOLD, append_unit(m, &s->view))                                                                  \
        P(TimeRemainingUSec, "t", ASKED, sd_bus_message_append(m, "t", s->view.time_remaining))

PROPERTIES(PROPERTY_FUNCTION)

static const Property rows[] = { PROPERTIES(PROPERTY_ROW) };

static const PropertyTable table = { .interface = BUS_LEASE, .rows = rows, .n = ELEMENTSOF(rows) };

int bus_lease_append(Daemon *d, const char *name, sd_bus_message *m) {
        Subject s;

        return look(d, name, &s) ? property_append_all(&table, &s, m) : -ENOENT;
}

static int get_property(sd_bus *bus, const char *path, const char *interface, const char *property,
                sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        Subject s;

        if (!look_at_path(userdata, path, &s))
                return sd_bus_error_set(error, BUS_ERROR("NoSuchLease"), "There is no such lease any more.");
        return property_append(&table, property, &s, reply);
}

DEFINE_VERB(renew, call_renew)
DEFINE_VERB(release, call_release)

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("Renew", SD_BUS_ARGS("t", index, "t", period_usec), SD_BUS_RESULT("t", index),
                        method_renew, BUS_ANYBODY),
        SD_BUS_METHOD_WITH_ARGS("Release", SD_BUS_ARGS("t", index), SD_BUS_NO_RESULT, method_release, BUS_ANYBODY),
        PROPERTIES(PROPERTY_VTABLE) SD_BUS_VTABLE_END,
};

int bus_lease_register(Daemon *d, sd_bus *bus) {
        return sd_bus_add_fallback_vtable(bus, NULL, BUS_LEASE_PATH, BUS_LEASE, vtable, find_lease, d);
}
