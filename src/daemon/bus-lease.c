/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/bus-lease.h"

#include "daemon/authorize.h"
#include "daemon/bus-util.h"
#include "daemon/calls.h"

static bool find_view(Daemon *d, const char *path, LeaseView *ret) {
        _cleanup_free_ char *name = NULL;

        return sd_bus_path_decode(path, BUS_LEASE_PATH, &name) > 0 && core_find_lease(d->core, loop_now(), name, ret);
}

static int find_lease(sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret_found,
                sd_bus_error *error) {
        LeaseView view;

        if (!find_view(userdata, path, &view))
                return 0;
        *ret_found = userdata;
        return 1;
}

static int get_unit(const LeaseView *v, sd_bus_message *reply) {
        return v->unit ? bus_append_path(reply, bus_unit_path(v->unit)) : sd_bus_message_append(reply, "o", "/");
}

static int get_property(sd_bus *bus, const char *path, const char *interface, const char *property,
                sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        static const LeaseRecord nothing = {};
        const LeaseRecord *l;
        LeaseView v;

        if (!find_view(userdata, path, &v))
                return sd_bus_error_set(error, BUS_ERROR("NoSuchLease"), "There is no such lease any more.");
        l = v.record ?: &nothing;
        if (streq(property, "Name"))
                return bus_append_text(reply, v.name);
        if (streq(property, "MachineID"))
                return bus_append_text(reply, l->state == LEASE_HELD ? l->machine_id : "");
        if (streq(property, "Hostname"))
                return bus_append_text(reply, l->state == LEASE_HELD ? strempty(v.hostname) : "");
        if (streq(property, "Version"))
                return sd_bus_message_append(reply, "x", l->version);
        if (streq(property, "Index"))
                return sd_bus_message_append(reply, "t", l->index);
        if (streq(property, "PeriodUSec"))
                return sd_bus_message_append(reply, "t", l->period);
        if (streq(property, "SinceUSec"))
                return sd_bus_message_append(reply, "t", l->since);
        if (streq(property, "Local"))
                return sd_bus_message_append(reply, "b", (int) v.local);
        if (streq(property, "Known"))
                return sd_bus_message_append(reply, "b", (int) v.known);
        if (streq(property, "Unit"))
                return get_unit(&v, reply);
        return sd_bus_message_append(reply, "t", v.time_remaining);
}

#define PROPERTY(name, type, flags) SD_BUS_PROPERTY(name, type, get_property, 0, flags)

DEFINE_VERB(renew, call_renew)
DEFINE_VERB(release, call_release)

static const sd_bus_vtable lease_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("Renew", SD_BUS_ARGS("t", index, "t", period_usec), SD_BUS_RESULT("t", index),
                        method_renew, BUS_ANYBODY),
        SD_BUS_METHOD_WITH_ARGS("Release", SD_BUS_ARGS("t", index), SD_BUS_NO_RESULT, method_release, BUS_ANYBODY),
        PROPERTY("Name", "s", SD_BUS_VTABLE_PROPERTY_CONST),
        PROPERTY("MachineID", "s", SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        PROPERTY("Hostname", "s", SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        PROPERTY("Known", "b", SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        PROPERTY("Version", "x", SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        PROPERTY("Index", "t", SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        PROPERTY("PeriodUSec", "t", SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        PROPERTY("SinceUSec", "t", SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        PROPERTY("Local", "b", SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        PROPERTY("Unit", "o", SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        PROPERTY("TimeRemainingUSec", "t", 0),
        SD_BUS_VTABLE_END,
};

/* ---- all of them ---- */

static int add_path(const LeaseView *v, void *userdata) {
        return bus_paths_add(userdata, bus_lease_path(v->name));
}

static int enumerate(sd_bus *bus, const char *prefix, void *userdata, char ***ret, sd_bus_error *error) {
        Daemon *d = userdata;
        BusPaths p = {};
        int r = core_each_lease(d->core, loop_now(), add_path, &p);

        if (r < 0) {
                strv_free(p.paths);
                return r;
        }
        *ret = p.paths;
        return 1;
}

int bus_lease_register(Daemon *d, sd_bus *bus) {
        int r = sd_bus_add_fallback_vtable(bus, NULL, BUS_LEASE_PATH, BUS_LEASE, lease_vtable, find_lease, d);

        return r < 0 ? r : sd_bus_add_node_enumerator(bus, NULL, BUS_LEASE_PATH, enumerate, d);
}
