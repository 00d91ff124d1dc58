/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Where a word of the operator cannot be meant, he gets an error in reply; that is all that is looked at in here. What
 * a word does, and whether it can be done by then, is the core's to decide.
 */

#include "daemon/verbs.h"

#include <errno.h>

#include "daemon/bus.h"
#include "daemon/publish.h"
#include "util/log.h"

int verb_find_unit(Daemon *d, sd_bus_message *m, UnitView *ret, sd_bus_error *error) {
        const char *name;
        int r = sd_bus_message_read(m, "s", &name);

        if (r < 0)
                return r;
        if (!unit_name_is_valid(name))
                return sd_bus_error_setf(error, BUS_ERROR("InvalidName"), "\"%s\" is not the name of a unit.", name);
        if (!core_find_unit(d->core, daemon_now(), name, ret))
                return sd_bus_error_setf(error, BUS_ERROR("NoSuchUnit"), "%s is not enabled on this machine.", name);
        return 0;
}

static int find_held_unit(Daemon *d, sd_bus_message *m, UnitView *ret, sd_bus_error *error) {
        char holder[128];
        int r = verb_find_unit(d, m, ret, error);

        if (r < 0 || ret->held_here)
                return r;
        return sd_bus_error_setf(error, BUS_ERROR("NotHolder"), "The lease of %s is not held here, but by %s.", ret->unit,
                        daemon_machine_name(d, ret->machine_id, holder, sizeof(holder)));
}

int verb_release_unit(Daemon *d, sd_bus_message *m, sd_bus_error *error) {
        UnitView unit;
        int r = find_held_unit(d, m, &unit, error);

        if (r < 0)
                return r;
        log_notice("%s: release asked for over D-Bus", unit.unit);
        daemon_event(d, &(Event){ .kind = EVENT_RELEASE, .unit = unit.unit });
        return sd_bus_reply_method_return(m, NULL);
}

/* 1: it can take leases, 2: it lives, and is draining; 0: another machine, or dead. */
static int look_at_target(const MachineView *v, void *userdata) {
        if (!v->alive || !streq(v->machine_id, userdata))
                return 0;
        return v->record && v->record->draining ? 2 : 1;
}

int verb_transfer_unit(Daemon *d, sd_bus_message *m, sd_bus_error *error) {
        const char *machine_id;
        char target[128];
        UnitView unit;
        int r = find_held_unit(d, m, &unit, error);

        if (r < 0)
                return r;
        r = sd_bus_message_read(m, "s", &machine_id);
        if (r < 0)
                return r;
        r = machine_id_is_valid(machine_id) ? core_each_machine(d->core, daemon_now(), look_at_target, (void *) machine_id) : 0;
        if (r == 2)
                return sd_bus_error_setf(error, BUS_ERROR("Draining"), "%s is draining: it takes no leases.",
                                daemon_machine_name(d, machine_id, target, sizeof(target)));
        if (r == 0)
                return sd_bus_error_setf(error, BUS_ERROR("NoSuchMachine"), "There is no live machine \"%s\".", machine_id);
        if (streq(machine_id, d->machine_id))
                return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS, "%s is here already.", unit.unit);
        log_notice("%s: transfer to %s asked for over D-Bus", unit.unit,
                        daemon_machine_name(d, machine_id, target, sizeof(target)));
        daemon_event(d, &(Event){ .kind = EVENT_TRANSFER, .unit = unit.unit, .machine = machine_id });
        return sd_bus_reply_method_return(m, NULL);
}

/* How long it can take until the robbed machine has surely stopped the unit. */
static usec_t steal_wait(Daemon *d, const UnitView *unit) {
        LeaseView lease;

        if (unit->held_here || !core_find_lease(d->core, daemon_now(), unit->lease, &lease) || !lease.record ||
            lease.record->state != LEASE_HELD)
                return 0;
        return ttl_take_after(session_ttl(lease.record->session));
}

int verb_steal_unit(Daemon *d, sd_bus_message *m, sd_bus_error *error) {
        SessionView session;
        UnitView unit;
        usec_t wait;
        int r = verb_find_unit(d, m, &unit, error);

        if (r < 0)
                return r;
        core_session_view(d->core, daemon_now(), &session);
        if (session.draining)
                return sd_bus_error_set(error, BUS_ERROR("Draining"), "This machine is draining: it takes no leases.");
        if (!session.competing)
                return sd_bus_error_setf(error, BUS_ERROR("RegistryUnavailable"), "This machine can take no leases now: %s.",
                                isempty(session.why_not) ? "it has no session yet" : session.why_not);
        wait = steal_wait(d, &unit);
        log_notice("%s: steal asked for over D-Bus", unit.unit);
        daemon_event(d, &(Event){ .kind = EVENT_STEAL, .unit = unit.unit });
        return sd_bus_reply_method_return(m, "t", wait);
}

int verb_rearm_unit(Daemon *d, sd_bus_message *m, sd_bus_error *error) {
        UnitView unit;
        int r = verb_find_unit(d, m, &unit, error);

        if (r < 0)
                return r;
        log_notice("%s: rearm asked for over D-Bus", unit.unit);
        daemon_event(d, &(Event){ .kind = EVENT_REARM, .unit = unit.unit });
        return sd_bus_reply_method_return(m, NULL);
}

static int set_draining(Daemon *d, sd_bus_message *m, bool on) {
        log_notice("%s", on ? "draining: this machine takes no leases and gives away those that it holds"
                            : "no longer draining");
        daemon_event(d, &(Event){ .kind = EVENT_DRAIN, .on = on });
        publish_manager(d);
        return sd_bus_reply_method_return(m, NULL);
}

int verb_drain(Daemon *d, sd_bus_message *m, sd_bus_error *error) {
        return set_draining(d, m, true);
}

int verb_undrain(Daemon *d, sd_bus_message *m, sd_bus_error *error) {
        return set_draining(d, m, false);
}

static bool is_uuid(const char *s) {
        for (size_t i = 0; i < 36; i++)
                if (i == 8 || i == 13 || i == 18 || i == 23 ? s[i] != '-' : !strchr("0123456789abcdef", s[i] ?: '-'))
                        return false;
        return !s[36];
}

int verb_accept_registry(Daemon *d, sd_bus_message *m, sd_bus_error *error) {
        const char *uuid;
        int r = sd_bus_message_read(m, "s", &uuid);

        if (r < 0)
                return r;
        if (strlen(uuid) != 36 || !is_uuid(uuid))
                return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS,
                                "\"%s\" is no registry's uuid: 36 characters as leasectl registry shows them.", uuid);
        log_notice("the registry with uuid %s is the right one from now on, as asked for over D-Bus", uuid);
        daemon_event(d, &(Event){ .kind = EVENT_ACCEPT, .machine = uuid });
        return sd_bus_reply_method_return(m, NULL);
}

int verb_reload(Daemon *d, sd_bus_message *m, sd_bus_error *error) {
        _cleanup_free_ char *wrong = NULL;
        int r = reload_all(d, &wrong);

        if (r < 0)
                return sd_bus_error_set(error, SD_BUS_ERROR_INVALID_ARGS, wrong ?: strerror(-r));
        return sd_bus_reply_method_return(m, NULL);
}
