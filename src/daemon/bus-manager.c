/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/bus-manager.h"

#include <errno.h>

#include "daemon/authorize.h"
#include "daemon/bus-util.h"
#include "daemon/calls.h"
#include "daemon/pid1-port.h"
#include "daemon/publish.h"
#include "daemon/registry-health.h"
#include "daemon/verbs.h"
#include "daemon/why-not.h"

/* ---- lists ---- */

typedef struct List {
        Daemon *daemon;
        sd_bus_message *reply;
} List;

static int append_lease(const LeaseView *v, void *userdata) {
        static const LeaseRecord nothing = {};
        const LeaseRecord *l = v->record ?: &nothing;
        List *list = userdata;
        int r;

        if ((r = sd_bus_message_open_container(list->reply, 'r', "ssxtto")) < 0 ||
                        (r = sd_bus_message_append(list->reply, "ssxtt", v->name,
                                         l->state == LEASE_HELD ? l->machine_id : "", l->version, l->index,
                                         v->time_remaining)) < 0 ||
                        (r = bus_append_path(list->reply, bus_lease_path(v->name))) < 0)
                return r;
        r = sd_bus_message_close_container(list->reply);
        return MIN(r, 0);
}

static int append_unit(const UnitView *v, void *userdata) {
        List *list = userdata;
        int r;

        if ((r = sd_bus_message_open_container(list->reply, 'r', "ssssto")) < 0 ||
                        (r = sd_bus_message_append(list->reply, "sssst", v->unit, v->state,
                                         pid1_port_active(list->daemon, v->unit), strempty(v->machine_id), v->index)) <
                                        0 ||
                        (r = bus_append_path(list->reply, bus_unit_path(v->unit))) < 0)
                return r;
        r = sd_bus_message_close_container(list->reply);
        return MIN(r, 0);
}

static int append_machine(const MachineView *v, void *userdata) {
        static const MachineRecord nothing = {};
        const MachineRecord *m = v->record ?: &nothing;
        List *list = userdata;
        int r;

        if ((r = sd_bus_message_open_container(list->reply, 'r', "sssa{ss}ub")) < 0 ||
                        (r = sd_bus_message_append(list->reply, "sss", v->machine_id, m->hostname, m->boot_id)) < 0 ||
                        (r = bus_append_metadata(list->reply, m->metadata)) < 0 ||
                        (r = sd_bus_message_append(list->reply, "ub", (uint32_t) v->held, (int) m->draining)) < 0)
                return r;
        r = sd_bus_message_close_container(list->reply);
        return MIN(r, 0);
}

static int list_begin(Daemon *d, sd_bus_message *m, const char *type, List *ret) {
        int r = sd_bus_message_new_method_return(m, &ret->reply);

        ret->daemon = d;
        return r < 0 ? r : sd_bus_message_open_container(ret->reply, 'a', type);
}

static int list_end(List *list, int r) {
        if (r >= 0)
                r = sd_bus_message_close_container(list->reply);
        if (r >= 0)
                r = sd_bus_send(NULL, list->reply, NULL);
        sd_bus_message_unref(list->reply);
        return r;
}

static int method_list_leases(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Daemon *d = userdata;
        List list = {};
        int r = list_begin(d, m, "(ssxtto)", &list);

        return list_end(&list, r < 0 ? r : core_each_lease(d->core, loop_now(), append_lease, &list));
}

static int method_list_units(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Daemon *d = userdata;
        List list = {};
        int r = list_begin(d, m, "(ssssto)", &list);

        return list_end(&list, r < 0 ? r : core_each_unit(d->core, loop_now(), append_unit, &list));
}

static int method_list_machines(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Daemon *d = userdata;
        List list = {};
        int r = list_begin(d, m, "(sssa{ss}ub)", &list);

        return list_end(&list, r < 0 ? r : core_each_machine(d->core, loop_now(), append_machine, &list));
}

/* ---- single objects ---- */

/* The lease that the message names, or an error. */
static int find_lease(Daemon *d, sd_bus_message *m, bool must_be_known, LeaseView *ret, sd_bus_error *error) {
        char quoted[BUS_QUOTE_SIZE];
        RegistryStatus status;
        SessionView session;
        const char *name;
        int r = sd_bus_message_read(m, "s", &name);

        if (r < 0)
                return r;
        if (!lease_name_is_valid(name))
                return bus_error(error, BUS_ERROR("InvalidName"), "%s is not the name of a lease.",
                                bus_quote(name, quoted));
        if (core_find_lease(d->core, loop_now(), name, ret) && ret->record && (ret->known || !must_be_known))
                return 0;
        d->registry->ops->status(d->registry, &status);
        core_session_view(d->core, loop_now(), &session);
        if (!session.known && status.state == REGISTRY_OK)
                return bus_error(error, BUS_ERROR("RegistryUnavailable"), "Who holds %s is not known: %s.", name,
                                isempty(session.why_not) ? "the registry has not answered yet" : session.why_not);
        if (status.state != REGISTRY_OK)
                return bus_error(error, BUS_ERROR("RegistryUnavailable"), "The registry does not answer: %s",
                                isempty(status.error) ? "nothing has come yet" : status.error);
        return bus_error(error, BUS_ERROR("NoSuchLease"), "Nobody has ever held a lease %s.", name);
}

static int method_get_lease(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_free_ char *path = NULL;
        LeaseView v;
        int r = find_lease(userdata, m, true, &v, error);

        if (r < 0)
                return r;
        path = bus_lease_path(v.name);
        if (!path)
                return -ENOMEM;
        return sd_bus_reply_method_return(m, "bosxtt", (int) (v.damaged || v.record->state == LEASE_HELD), path,
                        v.record->machine_id, v.record->version, v.record->index, v.time_remaining);
}

static int method_get_history(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Daemon *d = userdata;
        List list = {};
        LeaseView v;
        int r = find_lease(d, m, false, &v, error);

        if (r < 0)
                return r;
        r = list_begin(d, m, "(sttts)", &list);
        for (size_t i = 0; i < v.record->n_tenures && r >= 0; i++) {
                const Tenure *t = v.record->tenures + i;

                r = sd_bus_message_append(list.reply, "(sttts)", t->machine_id, t->index, t->from, t->to, t->why);
        }
        return list_end(&list, r);
}

static int method_get_unit(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_free_ char *path = NULL;
        UnitView unit;
        int r = verb_find_unit(userdata, m, &unit, error);

        if (r < 0)
                return r;
        path = bus_unit_path(unit.unit);
        return path ? sd_bus_reply_method_return(m, "o", path) : -ENOMEM;
}

/* ---- what changes something ---- */

DEFINE_VERB(acquire_lease, call_acquire_lease)
DEFINE_VERB(steal_lease, call_steal_lease)
DEFINE_VERB(release_unit, verb_release_unit)
DEFINE_VERB(transfer_unit, verb_transfer_unit)
DEFINE_VERB(steal_unit, verb_steal_unit)
DEFINE_VERB(rearm_unit, verb_rearm_unit)
DEFINE_VERB(drain, verb_drain)
DEFINE_VERB(undrain, verb_undrain)
DEFINE_VERB(drain_machine, verb_drain_machine)
DEFINE_VERB(undrain_machine, verb_undrain_machine)
DEFINE_VERB(accept_registry, verb_accept_registry)
DEFINE_VERB(forget_index, verb_forget_index)
DEFINE_VERB(reload, verb_reload)

/* ---- properties ---- */

/* What the registry says of itself. */
static int get_registry(Daemon *d, const char *property, sd_bus_message *reply) {
        RegistryStatus status;
        SessionView session;

        d->registry->ops->status(d->registry, &status);
        core_session_view(d->core, loop_now(), &session);
        if (streq(property, "RegistryState"))
                return bus_append_text(reply, registry_health_state(&status, &session));
        if (streq(property, "RegistryEndpoint"))
                return bus_append_text(reply, strempty(status.endpoint));
        if (streq(property, "RegistryEndpoints"))
                return bus_append_words(reply, status.endpoints);
        if (streq(property, "RegistryVersion"))
                return bus_append_text(reply, strempty(status.version));
        if (streq(property, "RegistryError"))
                return bus_append_text(reply, strempty(status.error));
        if (streq(property, "RegistryErrorUSec"))
                return sd_bus_message_append(reply, "t", status.error_at);
        return bus_append_text(reply, strempty(status.warning));
}

/* What this machine makes of it. */
static int get_trust(Daemon *d, const char *property, sd_bus_message *reply) {
        RegistryStatus status;
        SessionView v;
        char line[WHY_NOT_SIZE];

        core_session_view(d->core, loop_now(), &v);
        if (streq(property, "RegistryUUID"))
                return bus_append_text(reply, strempty(v.uuid));
        if (streq(property, "RegistryStore"))
                return bus_append_text(reply, strempty(v.store));
        if (streq(property, "RegistryFoundUUID"))
                return bus_append_text(reply, strempty(v.found_uuid));
        if (streq(property, "RegistryFoundStore"))
                return bus_append_text(reply, strempty(v.found_store));
        if (streq(property, "WhyNot"))
                return bus_append_text(reply, why_not_machine(&v, now_realtime(), line, sizeof(line)));
        d->registry->ops->status(d->registry, &status);
        return bus_append_text(reply, registry_health_last_error(&status, &v));
}

static int get_session(Daemon *d, const char *property, sd_bus_message *reply) {
        SessionView v;

        core_session_view(d->core, loop_now(), &v);
        if (streq(property, "TTLUSec"))
                return sd_bus_message_append(reply, "t", v.ttl);
        if (streq(property, "LostAcquires"))
                return sd_bus_message_append(reply, "t", v.lost_acquires);
        if (streq(property, "Draining"))
                return sd_bus_message_append(reply, "b", (int) v.draining);
        if (streq(property, "Known"))
                return sd_bus_message_append(reply, "b", (int) v.known);
        if (streq(property, "HeardUSec"))
                return sd_bus_message_append(reply, "t", v.heard);
        if (streq(property, "Held"))
                return sd_bus_message_append(reply, "u", (uint32_t) v.held);
        if (streq(property, "LastBeatUSec"))
                return sd_bus_message_append(reply, "t", v.last_beat);
        return sd_bus_message_append(reply, "t", v.round_trip);
}

static int append_if_live(const MachineView *v, void *userdata) {
        int r = v->alive && v->known ? bus_append_text(userdata, v->machine_id) : 0;

        return MIN(r, 0);
}

static int append_if_unknown(const MachineView *v, void *userdata) {
        int r = v->known ? 0 : bus_append_text(userdata, v->machine_id);

        return MIN(r, 0);
}

static int append_heard(const MachineView *v, void *userdata) {
        usec_t ttl = v->record ? session_ttl(v->record->session) : 0;
        int r = v->heard > 0 ? sd_bus_message_append(userdata, "{s(tt)}", v->machine_id,
                                               usec_sub(now_boottime(), v->heard), ttl)
                             : 0;

        return MIN(r, 0);
}

/* An array of type, of what f appends for each machine. */
static int get_machines(Daemon *d, sd_bus_message *reply, const char *type, int (*f)(const MachineView *, void *)) {
        int r = sd_bus_message_open_container(reply, 'a', type);

        if (r >= 0)
                r = core_each_machine(d->core, loop_now(), f, reply);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int get_lines(const Messages *m, sd_bus_message *reply) {
        int r = sd_bus_message_open_container(reply, 'a', "s");

        for (size_t i = 0; i < m->n && r >= 0; i++)
                r = bus_append_text(reply, m->lines[i]);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int get_property(sd_bus *bus, const char *path, const char *interface, const char *property,
                sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        static const char *const of_trust[] = { "RegistryUUID", "RegistryStore", "RegistryFoundUUID",
                "RegistryFoundStore", "WhyNot", "LastError" };
        Daemon *d = userdata;

        if (streq(property, "Version"))
                return bus_append_text(reply, LEASED_VERSION);
        if (streq(property, "MachineID"))
                return bus_append_text(reply, d->machine_id);
        if (streq(property, "BootID"))
                return bus_append_text(reply, d->boot_id);
        if (streq(property, "Metadata"))
                return bus_append_metadata(reply, d->conf->metadata);
        if (streq(property, "Registry"))
                return bus_append_text(reply, d->registry->ops->name);
        if (streq(property, "LiveMachines"))
                return get_machines(d, reply, "s", append_if_live);
        if (streq(property, "UnknownMachines"))
                return get_machines(d, reply, "s", append_if_unknown);
        if (streq(property, "MachineAges"))
                return get_machines(d, reply, "{s(tt)}", append_heard);
        if (streq(property, "ReloadChanges"))
                return get_lines(&d->changes, reply);
        if (streq(property, "ConfigurationErrors"))
                return get_lines(&d->wrong, reply);
        if (streq(property, "UnitsError"))
                return bus_append_text(reply, d->pid1_port_error);
        if (streq(property, "RegistrySinceUSec"))
                return sd_bus_message_append(reply, "t", publish_registry_since(d));
        for (size_t i = 0; i < ELEMENTSOF(of_trust); i++)
                if (streq(property, of_trust[i]))
                        return get_trust(d, property, reply);
        if (startswith(property, "Registry"))
                return get_registry(d, property, reply);
        return get_session(d, property, reply);
}

#define PROPERTY(name, type, flags) SD_BUS_PROPERTY(name, type, get_property, 0, flags)
#define CONST SD_BUS_VTABLE_PROPERTY_CONST
#define CHANGES SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE
#define SILENT 0

static const sd_bus_vtable manager_vtable[] = {
        SD_BUS_VTABLE_START(0),

        SD_BUS_METHOD_WITH_ARGS("GetLease", SD_BUS_ARGS("s", name),
                        SD_BUS_RESULT("b", held, "o", lease, "s", machine_id, "x", version, "t", index, "t",
                                        time_remaining_usec),
                        method_get_lease, BUS_ANYBODY),
        SD_BUS_METHOD_WITH_ARGS("AcquireLease",
                        SD_BUS_ARGS("s", name, "s", machine_id, "x", version, "t", period_usec),
                        SD_BUS_RESULT("b", acquired, "o", lease, "t", index), method_acquire_lease, BUS_ANYBODY),
        SD_BUS_METHOD_WITH_ARGS("StealLease",
                        SD_BUS_ARGS("s", name, "s", machine_id, "x", version, "t", period_usec, "t", index),
                        SD_BUS_RESULT("o", lease, "t", index, "t", wait_usec), method_steal_lease, BUS_ANYBODY),
        SD_BUS_METHOD_WITH_ARGS("ListLeases", SD_BUS_NO_ARGS, SD_BUS_RESULT("a(ssxtto)", leases), method_list_leases,
                        BUS_ANYBODY),
        SD_BUS_METHOD_WITH_ARGS("ListUnits", SD_BUS_NO_ARGS, SD_BUS_RESULT("a(ssssto)", units), method_list_units,
                        BUS_ANYBODY),
        SD_BUS_METHOD_WITH_ARGS("ListMachines", SD_BUS_NO_ARGS, SD_BUS_RESULT("a(sssa{ss}ub)", machines),
                        method_list_machines, BUS_ANYBODY),
        SD_BUS_METHOD_WITH_ARGS("GetHistory", SD_BUS_ARGS("s", name), SD_BUS_RESULT("a(sttts)", tenures),
                        method_get_history, BUS_ANYBODY),
        SD_BUS_METHOD_WITH_ARGS(
                        "GetUnit", SD_BUS_ARGS("s", name), SD_BUS_RESULT("o", unit), method_get_unit, BUS_ANYBODY),
        SD_BUS_METHOD_WITH_ARGS(
                        "ReleaseUnit", SD_BUS_ARGS("s", name), SD_BUS_NO_RESULT, method_release_unit, BUS_ANYBODY),
        SD_BUS_METHOD_WITH_ARGS("TransferUnit", SD_BUS_ARGS("s", name, "s", machine_id), SD_BUS_NO_RESULT,
                        method_transfer_unit, BUS_ANYBODY),
        SD_BUS_METHOD_WITH_ARGS("StealUnit", SD_BUS_ARGS("s", name), SD_BUS_RESULT("t", wait_usec), method_steal_unit,
                        BUS_ANYBODY),
        SD_BUS_METHOD_WITH_ARGS("RearmUnit", SD_BUS_ARGS("s", name), SD_BUS_NO_RESULT, method_rearm_unit, BUS_ANYBODY),
        SD_BUS_METHOD_WITH_ARGS("Drain", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_drain, BUS_ANYBODY),
        SD_BUS_METHOD_WITH_ARGS("Undrain", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_undrain, BUS_ANYBODY),
        SD_BUS_METHOD_WITH_ARGS("DrainMachine", SD_BUS_ARGS("s", machine_id), SD_BUS_NO_RESULT, method_drain_machine,
                        BUS_ANYBODY),
        SD_BUS_METHOD_WITH_ARGS("UndrainMachine", SD_BUS_ARGS("s", machine_id), SD_BUS_NO_RESULT,
                        method_undrain_machine, BUS_ANYBODY),
        SD_BUS_METHOD_WITH_ARGS("AcceptRegistry", SD_BUS_ARGS("s", uuid), SD_BUS_NO_RESULT, method_accept_registry,
                        BUS_ANYBODY),
        SD_BUS_METHOD_WITH_ARGS("ForgetIndex", SD_BUS_ARGS("s", name), SD_BUS_RESULT("t", index, "t", left),
                        method_forget_index, BUS_ANYBODY),
        SD_BUS_METHOD_WITH_ARGS("Reload", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_reload, BUS_ANYBODY),

        SD_BUS_SIGNAL_WITH_ARGS("LeaseChanged",
                        SD_BUS_ARGS("s", name, "s", machine_id, "x", version, "t", index, "s", reason), 0),

        PROPERTY("Version", "s", CONST),
        PROPERTY("MachineID", "s", CONST),
        PROPERTY("BootID", "s", CONST),
        PROPERTY("Registry", "s", CHANGES),
        PROPERTY("RegistryState", "s", CHANGES),
        PROPERTY("RegistrySinceUSec", "t", CHANGES),
        PROPERTY("RegistryEndpoint", "s", CHANGES),
        PROPERTY("RegistryEndpoints", "as", CHANGES),
        PROPERTY("RegistryVersion", "s", CHANGES),
        PROPERTY("RegistryUUID", "s", CHANGES),
        PROPERTY("RegistryStore", "s", CHANGES),
        PROPERTY("RegistryFoundUUID", "s", CHANGES),
        PROPERTY("RegistryFoundStore", "s", CHANGES),
        PROPERTY("RegistryError", "s", CHANGES),
        PROPERTY("RegistryErrorUSec", "t", SILENT),
        PROPERTY("RegistryWarning", "s", CHANGES),
        PROPERTY("WhyNot", "s", CHANGES),
        PROPERTY("LastError", "s", CHANGES),
        PROPERTY("ConfigurationErrors", "as", CHANGES),
        PROPERTY("UnitsError", "s", CHANGES),
        PROPERTY("TTLUSec", "t", CHANGES),
        PROPERTY("Metadata", "a{ss}", CHANGES),
        PROPERTY("Draining", "b", CHANGES),
        PROPERTY("Held", "u", CHANGES),
        PROPERTY("ReloadChanges", "as", SILENT),
        PROPERTY("LiveMachines", "as", SILENT),
        PROPERTY("UnknownMachines", "as", SILENT),
        PROPERTY("MachineAges", "a{s(tt)}", SILENT),
        PROPERTY("Known", "b", CHANGES),
        PROPERTY("HeardUSec", "t", SILENT),
        PROPERTY("LastBeatUSec", "t", SILENT),
        PROPERTY("RoundTripUSec", "t", SILENT),
        PROPERTY("LostAcquires", "t", SILENT),

        SD_BUS_VTABLE_END,
};

int bus_manager_register(Daemon *d, sd_bus *bus) {
        return sd_bus_add_object_vtable(bus, NULL, BUS_PATH, BUS_MANAGER, manager_vtable, d);
}
