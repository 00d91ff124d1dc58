/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/bus-objects.h"

#include "daemon/bulk.h"
#include "daemon/bus-lease.h"
#include "daemon/bus-unit.h"
#include "daemon/bus-util.h"

#define INTROSPECTABLE "org.freedesktop.DBus.Introspectable"
#define OBJECT_MANAGER "org.freedesktop.DBus.ObjectManager"
#define PEER "org.freedesktop.DBus.Peer"
#define PROPERTIES "org.freedesktop.DBus.Properties"

/* ---- GetManagedObjects ---- */

static bool is_there(Daemon *d, const char *name, bool is_lease) {
        LeaseView lease;
        UnitView unit;

        return is_lease ? core_find_lease(d->core, loop_now(), name, &lease)
                        : core_find_unit(d->core, loop_now(), name, &unit);
}

static int append_interfaces(Daemon *d, const char *name, bool is_lease, sd_bus_message *m) {
        int r = sd_bus_message_append(m, "{sa{sv}}{sa{sv}}{sa{sv}}", PEER, 0, INTROSPECTABLE, 0, PROPERTIES, 0);

        if (r < 0 || (r = sd_bus_message_open_container(m, 'e', "sa{sv}")) < 0 ||
                        (r = sd_bus_message_append(m, "s", is_lease ? BUS_LEASE : BUS_UNIT)) < 0 ||
                        (r = is_lease ? bus_lease_append(d, name, m) : bus_unit_append(d, name, m)) < 0)
                return r;
        return sd_bus_message_close_container(m);
}

/* The bytes of one object in the answer, at most. Only a unit's WhyNot may be long: it has a line for each machine. */
static size_t size_of(Daemon *d, bool is_lease) {
        enum { SIZE_OF_UNIT = 1600, SIZE_OF_LEASE = 1000, SIZE_OF_LINE = 200 };

        return is_lease ? SIZE_OF_LEASE : SIZE_OF_UNIT + SIZE_OF_LINE * core_count_machines(d->core);
}

static int append_object(Daemon *d, const char *name, bool is_lease, sd_bus_message *m) {
        int r;

        if (!is_there(d, name, is_lease))
                return 0;
        if ((r = sd_bus_message_open_container(m, 'e', "oa{sa{sv}}")) < 0 ||
                        (r = bus_append_path(m, is_lease ? bus_lease_path(name) : bus_unit_path(name))) < 0 ||
                        (r = sd_bus_message_open_container(m, 'a', "{sa{sv}}")) < 0 ||
                        (r = append_interfaces(d, name, is_lease, m)) < 0 ||
                        (r = sd_bus_message_close_container(m)) < 0)
                return r;
        r = sd_bus_message_close_container(m);
        return r < 0 ? r : (int) size_of(d, is_lease);
}

static int on_root(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        static const BulkKind kind = {
                .units = true, .leases = true, .hold_news = true, .type = "{oa{sa{sv}}}", .append = append_object
        };

        if (!sd_bus_message_is_method_call(m, OBJECT_MANAGER, "GetManagedObjects") ||
                        !sd_bus_message_has_signature(m, ""))
                return 0;
        return bulk_answer(userdata, m, &kind, error);
}

/* ---- the children ---- */

#define NODE_HEAD                                                                                                     \
        "<!DOCTYPE node PUBLIC \"-//freedesktop//DTD D-BUS Object Introspection 1.0//EN\"\n"                          \
        "\"http://www.freedesktop.org/standards/dbus/1.0/introspect.dtd\">\n"                                         \
        "<node>\n"                                                                                                    \
        " <interface name=\"" PEER "\">\n"                                                                            \
        "  <method name=\"Ping\"/>\n"                                                                                 \
        "  <method name=\"GetMachineId\">\n"                                                                          \
        "   <arg type=\"s\" name=\"machine_uuid\" direction=\"out\"/>\n"                                              \
        "  </method>\n"                                                                                               \
        " </interface>\n"                                                                                             \
        " <interface name=\"" INTROSPECTABLE "\">\n"                                                                  \
        "  <method name=\"Introspect\">\n"                                                                            \
        "   <arg name=\"data\" type=\"s\" direction=\"out\"/>\n"                                                      \
        "  </method>\n"                                                                                               \
        " </interface>\n"

/* An encoded name has no character that means something in XML. */
static void print_child(const char *name, bool is_lease, FILE *f) {
        char *path = is_lease ? bus_lease_path(name) : bus_unit_path(name);

        if (path)
                (void) fprintf(f, " <node name=\"%s\"/>\n", strrchr(path, '/') + 1);
        free(path);
}

static int on_parent(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        static const BulkKind units = { .units = true, .head = NODE_HEAD, .tail = "</node>\n", .print = print_child },
                              leases = {
                                      .leases = true, .head = NODE_HEAD, .tail = "</node>\n", .print = print_child
                              };

        if (!sd_bus_message_is_method_call(m, INTROSPECTABLE, "Introspect") || !sd_bus_message_has_signature(m, ""))
                return 0;
        return bulk_answer(userdata, m, streq(sd_bus_message_get_path(m), BUS_UNIT_PATH) ? &units : &leases, error);
}

int bus_objects_register(Daemon *d, sd_bus *bus) {
        int r = sd_bus_add_object(bus, NULL, BUS_PATH, on_root, d);

        if (r >= 0)
                r = sd_bus_add_object(bus, NULL, BUS_UNIT_PATH, on_parent, d);
        return r < 0 ? r : sd_bus_add_object(bus, NULL, BUS_LEASE_PATH, on_parent, d);
}
