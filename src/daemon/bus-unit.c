/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/bus-unit.h"

#include "daemon/bus-util.h"
#include "daemon/pid1-port.h"
#include "daemon/why-not.h"
#include "util/text.h"

static bool find_view(Daemon *d, const char *path, UnitView *ret) {
        _cleanup_free_ char *name = NULL;

        return sd_bus_path_decode(path, BUS_UNIT_PATH, &name) > 0 && core_find_unit(d->core, loop_now(), name, ret);
}

static int find_unit(sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret_found,
                sd_bus_error *error) {
        UnitView view;

        if (!find_view(userdata, path, &view))
                return 0;
        *ret_found = userdata;
        return 1;
}

/* What PID 1 says of it. */
static int get_status(Daemon *d, const UnitView *v, const char *property, sd_bus_message *reply) {
        static const uint8_t no_invocation[16];
        const Pid1UnitStatus *s = pid1_port_status(d, v->unit);
        bool known = s && s->known;

        if (streq(property, "ActiveState"))
                return bus_append_text(reply, pid1_port_active(d, v->unit));
        if (streq(property, "SubState"))
                return bus_append_text(reply, known ? s->sub_state : "unknown");
        return sd_bus_message_append_array(
                        reply, 'y', known ? s->invocation_id : no_invocation, sizeof(no_invocation));
}

static int append_line(const char *machine_id, const char *line, void *userdata) {
        char text[WHY_NOT_SIZE];

        str_copy(text, sizeof(text), line);
        return MIN(sd_bus_message_append(userdata, "(ss)", machine_id, text_mend(text)), 0);
}

static int get_why_not(Daemon *d, const UnitView *v, sd_bus_message *reply) {
        int r = sd_bus_message_open_container(reply, 'a', "(ss)");

        if (r >= 0)
                r = why_not_each(d, v->unit, append_line, reply);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int get_property(sd_bus *bus, const char *path, const char *interface, const char *property,
                sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        Daemon *d = userdata;
        UnitView v;

        if (!find_view(d, path, &v))
                return sd_bus_error_set(error, BUS_ERROR("NoSuchUnit"), "There is no such unit any more.");
        if (streq(property, "Name"))
                return bus_append_text(reply, v.unit);
        if (streq(property, "Lease"))
                return isempty(v.lease) ? sd_bus_message_append(reply, "o", "/")
                                        : bus_append_path(reply, bus_lease_path(v.lease));
        if (streq(property, "State"))
                return bus_append_text(reply, v.state);
        if (streq(property, "MachineID"))
                return bus_append_text(reply, strempty(v.machine_id));
        if (streq(property, "LeaseIndex"))
                return sd_bus_message_append(reply, "t", v.index);
        if (streq(property, "LastError"))
                return bus_append_text(reply, pid1_port_last_error(d, v.unit));
        if (streq(property, "Slice"))
                return sd_bus_message_append(reply, "s", pid1_port_slice(d, v.unit));
        if (streq(property, "LastErrorUSec"))
                return sd_bus_message_append(reply, "t", pid1_port_last_error_at(d, v.unit));
        if (streq(property, "HolderKnown"))
                return sd_bus_message_append(reply, "b", (int) v.known);
        if (streq(property, "WhyNot"))
                return get_why_not(d, &v, reply);
        if (streq(property, "Stuck"))
                return sd_bus_message_append(reply, "b", (int) core_is_stuck(d->core, loop_now(), v.unit));
        if (streq(property, "StopAtUSec"))
                return sd_bus_message_append(reply, "t", v.stop_at);
        if (streq(property, "KillAtUSec"))
                return sd_bus_message_append(reply, "t", v.kill_at);
        return get_status(d, &v, property, reply);
}

#define PROPERTY(name, type, flags) SD_BUS_PROPERTY(name, type, get_property, 0, flags)

static const sd_bus_vtable unit_vtable[] = {
        SD_BUS_VTABLE_START(0),
        PROPERTY("Name", "s", SD_BUS_VTABLE_PROPERTY_CONST),
        PROPERTY("Lease", "o", SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        PROPERTY("State", "s", SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        PROPERTY("MachineID", "s", SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        PROPERTY("HolderKnown", "b", SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        PROPERTY("LeaseIndex", "t", SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        PROPERTY("ActiveState", "s", SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        PROPERTY("SubState", "s", SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        PROPERTY("InvocationID", "ay", SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        PROPERTY("LastError", "s", SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        PROPERTY("Slice", "s", SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        PROPERTY("LastErrorUSec", "t", SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        PROPERTY("WhyNot", "a(ss)", SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        PROPERTY("Stuck", "b", SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        PROPERTY("StopAtUSec", "t", 0),
        PROPERTY("KillAtUSec", "t", 0),
        SD_BUS_VTABLE_END,
};

/* ---- all of them ---- */

static int add_path(const UnitView *v, void *userdata) {
        return bus_paths_add(userdata, bus_unit_path(v->unit));
}

static int enumerate(sd_bus *bus, const char *prefix, void *userdata, char ***ret, sd_bus_error *error) {
        Daemon *d = userdata;
        BusPaths p = {};
        int r = core_each_unit(d->core, loop_now(), add_path, &p);

        if (r < 0) {
                strv_free(p.paths);
                return r;
        }
        *ret = p.paths;
        return 1;
}

int bus_unit_register(Daemon *d, sd_bus *bus) {
        int r = sd_bus_add_fallback_vtable(bus, NULL, BUS_UNIT_PATH, BUS_UNIT, unit_vtable, find_unit, d);

        return r < 0 ? r : sd_bus_add_node_enumerator(bus, NULL, BUS_UNIT_PATH, enumerate, d);
}
