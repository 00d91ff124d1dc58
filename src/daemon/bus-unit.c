/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/bus-unit.h"

#include <errno.h>

#include "daemon/bus-util.h"
#include "daemon/pid1-port.h"
#include "daemon/why-not.h"
#include "util/text.h"

bool bus_unit_look(Daemon *d, const char *name, UnitSubject *ret) {
        const Pid1UnitStatus *status = pid1_port_status(d, name);

        ret->daemon = d;
        ret->pid1 = status && status->known ? status : NULL;
        return core_find_unit(d->core, loop_now(), name, &ret->view);
}

static bool look(Daemon *d, const char *path, UnitSubject *ret) {
        _cleanup_free_ char *name = NULL;

        return sd_bus_path_decode(path, BUS_UNIT_PATH, &name) > 0 && bus_unit_look(d, name, ret);
}

static int find_unit(sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret_found,
                sd_bus_error *error) {
        UnitSubject s;

        if (!look(userdata, path, &s))
                return 0;
        *ret_found = userdata;
        return 1;
}

/* ---- values ---- */

static int append_lease(sd_bus_message *m, const UnitView *v) {
        return isempty(v->lease) ? sd_bus_message_append(m, "o", "/") : bus_append_path(m, bus_lease_path(v->lease));
}

static int append_invocation(sd_bus_message *m, const Pid1UnitStatus *status) {
        static const uint8_t none[16];

        return sd_bus_message_append_array(m, 'y', status ? status->invocation_id : none, sizeof(none));
}

static const UnitError *last_error(const UnitSubject *s) {
        return pid1_port_last_error(s->daemon, s->view.unit);
}

static int append_line(const WhyNotView *v, void *userdata) {
        char line[WHY_NOT_SIZE];

        (void) why_not_line(v, now_realtime(), line, sizeof(line));
        return MIN(sd_bus_message_append(userdata, "(ss)", v->machine_id, text_mend(line)), 0);
}

static int append_code(const WhyNotView *v, void *userdata) {
        return MIN(sd_bus_message_append(userdata, "(su)", v->machine_id, v->reason.why), 0);
}

/* Appends an array of elements of that type: what f() appends for each machine. */
static int append_why_not(
                sd_bus_message *m, const UnitSubject *s, const char *type, int (*f)(const WhyNotView *, void *)) {
        int r = sd_bus_message_open_container(m, 'a', type);

        if (r >= 0)
                r = core_each_why_not(s->daemon->core, loop_now(), s->view.unit, f, m);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

/* ---- the table ---- */

typedef UnitSubject Subject;

#define PROPERTIES(P)                                                                                                 \
        P(Name, "s", CONST, bus_append_text(m, s->view.unit))                                                         \
        P(Lease, "o", TOLD, append_lease(m, &s->view))                                                                \
        P(State, "s", TOLD, bus_append_text(m, core_state_word(s->view.state)))                                       \
        P(MachineID, "s", TOLD, bus_append_text(m, s->view.machine_id))                                               \
        P(HolderKnown, "b", TOLD, sd_bus_message_append(m, "b", s->view.known))                                       \
        P(LeaseIndex, "t", TOLD, sd_bus_message_append(m, "t", s->view.index))                                        \
        P(ActiveState, "s", TOLD, bus_append_text(m, pid1_port_active(s->daemon, s->view.unit)))                      \
        P(SubState, "s", TOLD, bus_append_text(m, s->pid1 ? s->pid1->sub_state : "unknown"))                          \
        P(InvocationID, "ay", TOLD, append_invocation(m, s->pid1))                                                    \
        P(LastError, "s", TOLD, bus_append_text(m, last_error(s)->text))                                              \
        P(LastErrorCode, "u", TOLD, sd_bus_message_append(m, "u", last_error(s)->why))                                \
        P(LastErrorUSec, "t", TOLD, sd_bus_message_append(m, "t", last_error(s)->at))                                 \
        P(Slice, "s", TOLD, bus_append_text(m, pid1_port_slice(s->daemon, s->view.unit)))                             \
        P(WhyNot, "a(ss)", AROUND, append_why_not(m, s, "(ss)", append_line))                                         \
        P(WhyNotCodes, "a(su)", AROUND, append_why_not(m, s, "(su)", append_code))                                    \
        P(Stuck, "b", AROUND,                                                                                         \
                        sd_bus_message_append(m, "b", core_is_stuck(s->daemon->core, loop_now(), s->view.unit)))      \
        P(StopAtUSec, "t", ASKED, sd_bus_message_append(m, "t", s->view.stop_at))                                     \
        P(KillAtUSec, "t", ASKED, sd_bus_message_append(m, "t", s->view.kill_at))

PROPERTIES(PROPERTY_FUNCTION)

static const Property rows[] = { PROPERTIES(PROPERTY_ROW) };

const PropertyTable bus_unit_properties = { .interface = BUS_UNIT, .rows = rows, .n = ELEMENTSOF(rows) };

int bus_unit_append(Daemon *d, const char *name, sd_bus_message *m) {
        UnitSubject s;

        return bus_unit_look(d, name, &s) ? property_append_all(&bus_unit_properties, &s, m) : -ENOENT;
}

static int get_property(sd_bus *bus, const char *path, const char *interface, const char *property,
                sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        UnitSubject s;

        if (!look(userdata, path, &s))
                return sd_bus_error_set(error, BUS_ERROR("NoSuchUnit"), "There is no such unit any more.");
        return property_append(&bus_unit_properties, property, &s, reply);
}

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        PROPERTIES(PROPERTY_VTABLE) SD_BUS_VTABLE_END,
};

int bus_unit_register(Daemon *d, sd_bus *bus) {
        return sd_bus_add_fallback_vtable(bus, NULL, BUS_UNIT_PATH, BUS_UNIT, vtable, find_unit, d);
}
