/* SPDX-License-Identifier: Apache-2.0 */

/* Here a verb is checked for what stays impossible whatever happens meanwhile, such as a unit that is not enabled.
 * Whether it can be done when its turn comes, and what it then does, is decided by the core. */

#include "daemon/verbs.h"

#include <errno.h>

#include "daemon/askers.h"
#include "daemon/bus-util.h"
#include "daemon/kept.h"
#include "daemon/machine-name.h"
#include "daemon/reload.h"
#include "daemon/why-not.h"
#include "daemon/words.h"
#include "registry/record-json.h"
#include "util/log.h"

int verb_find_unit(Daemon *d, sd_bus_message *m, UnitView *ret, sd_bus_error *error) {
        const char *name;
        int r = sd_bus_message_read(m, "s", &name);

        r = r < 0 ? r : bus_check_unit_name(name, error);
        if (r < 0)
                return r;
        if (!core_find_unit(d->core, loop_now(), name, ret))
                return bus_error(error, BUS_ERROR("NoSuchUnit"), "%s is not enabled on this machine.", name);
        return 0;
}

int verb_read_lease(sd_bus_message *m, const char **ret, sd_bus_error *error) {
        char quoted[BUS_QUOTE_SIZE];
        int r = sd_bus_message_read(m, "s", ret);

        if (r < 0 || lease_name_is_valid(*ret))
                return r;
        return bus_error(error, BUS_ERROR("InvalidName"), "%s is not the name of a lease.", bus_quote(*ret, quoted));
}

int verb_check_registry(Daemon *d, sd_bus_error *error) {
        RegistryStatus status;

        d->registry->ops->status(d->registry, &status);
        if (status.state == REGISTRY_OK)
                return 0;
        return bus_error(error, BUS_ERROR("RegistryUnavailable"), "The registry does not answer: %s",
                        isempty(status.error) ? "nothing has come yet" : status.error);
}

int verb_refuse_machine(Daemon *d, const char *machine_id, sd_bus_error *error) {
        char quoted[BUS_QUOTE_SIZE];
        SessionView session;

        core_session_view(d->core, loop_now(), &session);
        if (session.known || !machine_id_is_valid(machine_id))
                return bus_error(error, BUS_ERROR("NoSuchMachine"), "The registry names no machine %s.",
                                bus_quote(machine_id, quoted));
        return bus_error(error, BUS_ERROR("RegistryUnavailable"), "Which machines there are is not known: %s.",
                        WHY_TEXT(reason(session.why_not ?: WHY_REGISTRY_UNHEARD)));
}

static int refuse_global(const char *unit, sd_bus_error *error) {
        return bus_error(error, SD_BUS_ERROR_NOT_SUPPORTED,
                        "%s has no lease: it runs on every machine that fits (Global=).", unit);
}

static int find_leased_unit(Daemon *d, sd_bus_message *m, UnitView *ret, sd_bus_error *error) {
        int r = verb_find_unit(d, m, ret, error);

        return r < 0 || !ret->global ? r : refuse_global(ret->unit, error);
}

static int find_held_unit(Daemon *d, sd_bus_message *m, UnitView *ret, sd_bus_error *error) {
        char holder[128];
        int r = find_leased_unit(d, m, ret, error);

        if (r < 0 || ret->held_here)
                return r;
        if (!ret->known)
                return bus_error(error, BUS_ERROR("RegistryUnavailable"),
                                "Who holds the lease of %s is not known: %s.", ret->unit, WHY_TEXT(ret->why_not));
        return bus_error(error, BUS_ERROR("NotHolder"), "The lease of %s is not held here, but by %s.", ret->unit,
                        machine_name(d->core, ret->machine_id, holder, sizeof(holder)));
}

int verb_release_unit(Daemon *d, sd_bus_message *m, sd_bus_error *error) {
        UnitView unit;
        int r = find_held_unit(d, m, &unit, error);

        if (r < 0)
                return r;
        log_notice("%s: release asked for over D-Bus", unit.unit);
        return words_begin(d, m, &(Event){ .kind = EVENT_RELEASE, .unit = unit.unit });
}

/* ---- machines ---- */

typedef struct FoundMachine {
        const char *machine_id;
        bool found, alive, known, draining, unconfirmed;
} FoundMachine;

static int match_machine(const MachineView *v, void *userdata) {
        FoundMachine *f = userdata;

        if (!streq(v->machine_id, f->machine_id))
                return 0;
        f->found = true;
        f->alive = v->alive;
        f->known = v->known;
        f->draining = v->record && v->record->draining;
        f->unconfirmed = v->unconfirmed;
        return 1;
}

/* Reads the machine's id that comes next in the message, and finds the machine. Sets error if there is no such
 * machine, or if that is not known. */
static int find_machine(Daemon *d, sd_bus_message *m, FoundMachine *ret, sd_bus_error *error) {
        int r;

        *ret = (FoundMachine){};
        r = sd_bus_message_read(m, "s", &ret->machine_id);
        if (r < 0)
                return r;
        (void) core_each_machine(d->core, loop_now(), match_machine, ret);
        return ret->found ? 0 : verb_refuse_machine(d, ret->machine_id, error);
}

typedef struct Target {
        const char *machine_id;
        bool found, fits;
        char why[WHY_NOT_SIZE];
} Target;

static int match_target(const WhyNotView *v, void *userdata) {
        Target *t = userdata;

        if (!streq(v->machine_id, t->machine_id))
                return 0;
        t->found = true;
        t->fits = v->fits;
        (void) why_not_line(v, now_realtime(), t->why, sizeof(t->why));
        return 1;
}

/* Checks the target by the core's own plan: a unit that was handed to a machine on which it must not run would leave
 * that machine again. */
static int check_target(Daemon *d, const UnitView *unit, const FoundMachine *machine, sd_bus_error *error) {
        Target target = { .machine_id = machine->machine_id };
        char name[128];

        (void) machine_name(d->core, machine->machine_id, name, sizeof(name));
        if (streq(machine->machine_id, d->machine_id))
                return bus_error(error, SD_BUS_ERROR_INVALID_ARGS, "%s is here already.", unit->unit);
        if (!machine->known)
                return bus_error(error, BUS_ERROR("RegistryUnavailable"),
                                "Whether %s is up is not known now: it was not heard yet, or "
                                "the registry does not answer.",
                                name);
        if (!machine->alive)
                return bus_error(
                                error, BUS_ERROR("NoSuchMachine"), "%s is silent: nothing can be handed to it.", name);
        if (machine->draining)
                return bus_error(error, BUS_ERROR("Draining"), "%s is draining: it takes no leases.", name);
        (void) core_each_why_not(d->core, loop_now(), unit->unit, match_target, &target);
        if (target.found && !target.fits)
                return bus_error(error, BUS_ERROR("Unfit"), "cannot go to %s: %s",
                                machine_host(d->core, machine->machine_id, name, sizeof(name)), target.why);
        return 0;
}

/* ---- units ---- */

int verb_transfer_unit(Daemon *d, sd_bus_message *m, sd_bus_error *error) {
        FoundMachine machine;
        UnitView unit;
        char target[128];
        int r = find_held_unit(d, m, &unit, error);

        if (r >= 0)
                r = find_machine(d, m, &machine, error);
        if (r >= 0)
                r = check_target(d, &unit, &machine, error);
        if (r < 0)
                return r;
        log_notice("%s: transfer to %s asked for over D-Bus", unit.unit,
                        machine_name(d->core, machine.machine_id, target, sizeof(target)));
        return words_begin(
                        d, m, &(Event){ .kind = EVENT_TRANSFER, .unit = unit.unit, .machine_id = machine.machine_id });
}

int verb_steal_unit(Daemon *d, sd_bus_message *m, sd_bus_error *error) {
        SessionView session;
        UnitView unit;
        int r = find_leased_unit(d, m, &unit, error);

        if (r < 0)
                return r;
        core_session_view(d->core, loop_now(), &session);
        if (session.draining)
                return sd_bus_error_set(error, BUS_ERROR("Draining"), "This machine is draining: it takes no leases.");
        if (!session.competing)
                return bus_error(error, BUS_ERROR("RegistryUnavailable"), "This machine can take no leases now: %s.",
                                WHY_TEXT(reason(session.why_not)));
        log_notice("%s: steal asked for over D-Bus", unit.unit);
        return words_begin(d, m, &(Event){ .kind = EVENT_STEAL, .unit = unit.unit });
}

int verb_rearm_unit(Daemon *d, sd_bus_message *m, sd_bus_error *error) {
        UnitView unit;
        int r = find_leased_unit(d, m, &unit, error);

        if (r < 0)
                return r;
        log_notice("%s: rearm asked for over D-Bus", unit.unit);
        return words_begin(d, m, &(Event){ .kind = EVENT_REARM, .unit = unit.unit });
}

/* Cuts off the number of a copy, as in "foo.service#2". */
static void cut_copy(const char *name, char ret[static NAME_SIZE]) {
        str_copy(ret, NAME_SIZE, name);
        if (lease_slot(ret) > 0)
                ret[strcspn(ret, "#")] = '\0';
}

int verb_ask_unit(Daemon *d, sd_bus_message *m, sd_bus_error *error) {
        const char *name, *verb, *machine_id;
        char quoted[BUS_QUOTE_SIZE], whole[NAME_SIZE];
        RequestVerb request;
        UnitView unit = {};
        int r = sd_bus_message_read(m, "sss", &name, &verb, &machine_id);

        if (r < 0)
                return r;
        cut_copy(name, whole);
        r = bus_check_unit_name(whole, error);
        if (r < 0)
                return r;
        if (!record_parse_verb(verb, &request))
                return bus_error(error, SD_BUS_ERROR_INVALID_ARGS, "%s is nothing that can be asked of a machine.",
                                bus_quote(verb, quoted));
        if (request == REQUEST_TRANSFER ? !machine_id_is_valid(machine_id) : *machine_id)
                return sd_bus_error_set(error, SD_BUS_ERROR_INVALID_ARGS,
                                "A machine id is due for a transfer, and for nothing else.");
        if (core_find_unit(d->core, loop_now(), whole, &unit) && unit.global)
                return refuse_global(name, error);
        r = unit.held_here ? 0 : verb_check_registry(d, error);
        if (r < 0)
                return r;
        log_notice("%s: %s asked for over D-Bus%s", name, verb,
                        unit.held_here ? "" : ", of the machine that holds it");
        return words_begin(d, m,
                        &(Event){ .kind = EVENT_REQUEST, .unit = name, .verb = request, .machine_id = machine_id });
}

/* ---- draining ---- */

static int set_draining(Daemon *d, sd_bus_message *m, bool on, bool brief) {
        char by[BY_SIZE];

        log_notice("%s%s",
                        on ? "draining: this machine takes no leases and gives away those that it holds"
                           : "no longer draining",
                        brief ? ", until it boots" : "");
        askers_format(d->callers.askers, d->callers.uid, d->callers.pid, by, sizeof(by));
        loop_event(d->loop, &(Event){ .kind = EVENT_DRAIN, .on = on, .brief = brief, .by = by });
        changed_note(d->changed);
        return kept_reply(d, m,
                        on ? "This machine drains now, but does not after a reboot"
                           : "This machine does not drain now, but does again after a reboot");
}

int verb_drain(Daemon *d, sd_bus_message *m, sd_bus_error *error) {
        return set_draining(d, m, true, false);
}

int verb_undrain(Daemon *d, sd_bus_message *m, sd_bus_error *error) {
        return set_draining(d, m, false, false);
}

/* Has another machine drain, or ends that: the core changes that machine's record in the registry, from which the
 * machine hears of it. */
static int set_other_draining(
                Daemon *d, sd_bus_message *m, const FoundMachine *machine, bool on, bool brief, sd_bus_error *error) {
        char name[128];
        int r = verb_check_registry(d, error);

        if (r < 0)
                return r;
        (void) machine_name(d->core, machine->machine_id, name, sizeof(name));
        if (!on && machine->draining && !machine->alive)
                return bus_error(error, BUS_ERROR("MachineSilent"),
                                "%s is silent, and when it is back it drains still, as it remembers: say leasectl "
                                "undrain there.",
                                name);
        log_notice("%s: %s asked for over D-Bus", name, on ? "drain" : "undrain");
        return words_begin(d, m,
                        &(Event){ .kind = EVENT_DRAIN, .machine_id = machine->machine_id, .on = on, .brief = brief });
}

static int set_machine_draining(Daemon *d, sd_bus_message *m, bool on, bool brief, sd_bus_error *error) {
        FoundMachine machine;
        int r = find_machine(d, m, &machine, error);

        if (r < 0)
                return r;
        return streq(machine.machine_id, d->machine_id) ? set_draining(d, m, on, brief)
                                                        : set_other_draining(d, m, &machine, on, brief, error);
}

int verb_drain_machine(Daemon *d, sd_bus_message *m, sd_bus_error *error) {
        return set_machine_draining(d, m, true, false, error);
}

int verb_drain_until_reboot(Daemon *d, sd_bus_message *m, sd_bus_error *error) {
        return set_machine_draining(d, m, true, true, error);
}

int verb_undrain_machine(Daemon *d, sd_bus_message *m, sd_bus_error *error) {
        return set_machine_draining(d, m, false, false, error);
}

int verb_confirm_dead(Daemon *d, sd_bus_message *m, sd_bus_error *error) {
        FoundMachine machine;
        char name[128];
        int r = find_machine(d, m, &machine, error);

        if (r >= 0)
                r = verb_check_registry(d, error);
        if (r < 0)
                return r;
        (void) machine_name(d->core, machine.machine_id, name, sizeof(name));
        if (streq(machine.machine_id, d->machine_id) && !machine.unconfirmed) /* a session of an earlier boot is */
                return bus_error(error, BUS_ERROR("MachineAlive"), "%s is this machine, and not off.", name);
        log_notice("%s: confirmed dead over D-Bus", name);
        return words_begin(d, m, &(Event){ .kind = EVENT_CONFIRM, .machine_id = machine.machine_id });
}

/* ---- the pause ---- */

static int set_paused(Daemon *d, sd_bus_message *m, bool on, sd_bus_error *error) {
        int r = verb_check_registry(d, error);

        if (r < 0)
                return r;
        log_notice("%s asked for over D-Bus", on ? "a pause" : "the end of the pause");
        return words_begin(d, m, &(Event){ .kind = EVENT_PAUSE, .on = on });
}

int verb_pause(Daemon *d, sd_bus_message *m, sd_bus_error *error) {
        return set_paused(d, m, true, error);
}

int verb_resume(Daemon *d, sd_bus_message *m, sd_bus_error *error) {
        return set_paused(d, m, false, error);
}

/* ---- the daemon ---- */

static bool is_uuid(const char *s) {
        for (size_t i = 0; i < 36; i++)
                if (i == 8 || i == 13 || i == 18 || i == 23 ? s[i] != '-' : !strchr("0123456789abcdef", s[i] ?: '-'))
                        return false;
        return !s[36];
}

int verb_accept_registry(Daemon *d, sd_bus_message *m, sd_bus_error *error) {
        char quoted[BUS_QUOTE_SIZE];
        SessionView session;
        const char *uuid;
        int r = sd_bus_message_read(m, "s", &uuid);

        if (r < 0)
                return r;
        if (strlen(uuid) != 36 || !is_uuid(uuid))
                return bus_error(error, SD_BUS_ERROR_INVALID_ARGS,
                                "%s is no registry's uuid: 36 characters as leasectl registry shows them.",
                                bus_quote(uuid, quoted));
        core_session_view(d->core, loop_now(), &session);
        if (!streq(session.found_uuid, uuid))
                return bus_error(error, BUS_ERROR("NoSuchRegistry"), "%s%s: nothing is to be accepted.",
                                isempty(session.found_uuid)
                                                ? "No other registry answers than the one that this machine goes by"
                                                : "The registry that answers is ",
                                session.found_uuid);
        r = verb_check_registry(d, error);
        if (r < 0)
                return r;
        if (!core_may_accept(d->core, uuid))
                return bus_error(error, BUS_ERROR("RegistryUnavailable"),
                                "The registry %s does not answer now: nothing is accepted, and nothing will be.",
                                uuid);
        log_notice("the registry with uuid %s is the right one from now on, as asked for over D-Bus", uuid);
        loop_event(d->loop, &(Event){ .kind = EVENT_ACCEPT, .uuid = uuid });
        return kept_reply(d, m, "This registry is accepted now, but is not after a reboot");
}

int verb_forget_index(Daemon *d, sd_bus_message *m, sd_bus_error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        uint64_t index;
        LeaseView v = {};
        const char *name;
        int r = verb_read_lease(m, &name, error);

        if (r < 0)
                return r;
        index = core_remembered(d->core, name);
        if (index == 0)
                return bus_error(error, BUS_ERROR("NoSuchLease"), "This machine remembers nothing of the lease %s.",
                                name);
        if (core_find_lease(d->core, loop_now(), name, &v) && v.local)
                return bus_error(error, BUS_ERROR("Busy"), "%s is held here: its Index is in use.", name);
        if (v.record && !v.damaged && v.record->index >= INDEX_MAX)
                return bus_error(error, BUS_ERROR("Busy"),
                                "The record of %s has that Index, too: give the Index of its last holder.", name);
        log_notice("%s: the Index %" PRIu64 " that this machine remembers is forgotten, as asked for over D-Bus", name,
                        index);
        loop_event(d->loop, &(Event){ .kind = EVENT_FORGET_INDEX, .lease = name });
        r = sd_bus_message_new_method_return(m, &reply);
        if (r >= 0)
                r = sd_bus_message_append(reply, "tt", index, core_remembered(d->core, name));
        return r < 0 ? r
                     : kept_send(d, m, reply, "The Index is forgotten now, but is remembered again after a reboot");
}

int verb_reload(Daemon *d, sd_bus_message *m, sd_bus_error *error) {
        return reload_begin(d, m);
}
