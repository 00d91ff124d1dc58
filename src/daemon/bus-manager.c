/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/bus-manager.h"

#include <errno.h>
#include <string.h>

#include "conf/conf.h"
#include "daemon/authorize.h"
#include "daemon/bulk.h"
#include "daemon/bus-util.h"
#include "daemon/calls.h"
#include "daemon/cluster.h"
#include "daemon/counts.h"
#include "daemon/pid1-port.h"
#include "daemon/runs.h"
#include "daemon/registry-health.h"
#include "daemon/rehearse.h"
#include "daemon/unit-files.h"
#include "daemon/verbs.h"
#include "daemon/why-not.h"
#include "daemon/words.h"
#include "util/text.h"

/* ---- lists ---- */

typedef struct List {
        Daemon *daemon;
        sd_bus_message *reply;
} List;

/* The bytes of one row in a list, at most: one byte of a name may take three in an object path. */
static int size_of_row(const char *name, const char *lease) {
        return 160 + 5 * (int) strlen(name) + (int) strlen(lease);
}

static int append_lease(Daemon *d, const char *name, bool is_lease, sd_bus_message *m) {
        LeaseView v;
        int r;

        if (!core_find_lease(d->core, loop_now(), name, &v))
                return 0;
        if ((r = sd_bus_message_open_container(m, 'r', "ssxtto")) < 0 ||
                        (r = sd_bus_message_append(m, "ssxtt", v.name,
                                         v.record->state == LEASE_HELD ? v.record->machine_id : "", v.record->version,
                                         v.record->index, v.time_remaining)) < 0 ||
                        (r = bus_append_path(m, bus_lease_path(v.name))) < 0)
                return r;
        r = sd_bus_message_close_container(m);
        return r < 0 ? r : size_of_row(name, "");
}

static int append_unit(Daemon *d, const char *name, bool is_lease, sd_bus_message *m) {
        UnitView v;
        int r;

        if (!core_find_unit(d->core, loop_now(), name, &v))
                return 0;
        if ((r = sd_bus_message_open_container(m, 'r', "ssssto")) < 0 ||
                        (r = sd_bus_message_append(m, "sssst", v.unit, core_state_word(v.state),
                                         pid1_port_active(d, v.unit), strempty(v.machine_id), v.index)) < 0 ||
                        (r = bus_append_path(m, bus_unit_path(v.unit))) < 0)
                return r;
        r = sd_bus_message_close_container(m);
        return r < 0 ? r : size_of_row(name, "");
}

static int append_unit_state(Daemon *d, const char *name, bool is_lease, sd_bus_message *m) {
        LeaseView lease = {};
        UnitView v;
        int r;

        if (!core_find_unit(d->core, loop_now(), name, &v))
                return 0;
        (void) core_find_lease(d->core, loop_now(), v.lease, &lease);
        r = sd_bus_message_append(m, "(sssssbtt)", v.unit, core_state_word(v.state), pid1_port_active(d, v.unit),
                        v.lease, strempty(v.machine_id), (int) v.known, v.index, lease.time_remaining);
        return r < 0 ? r : size_of_row(name, v.lease);
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
        static const BulkKind kind = { .leases = true, .type = "(ssxtto)", .append = append_lease };

        return bulk_answer(userdata, m, &kind, error);
}

static int method_list_units(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        static const BulkKind kind = { .units = true, .type = "(ssssto)", .append = append_unit };

        return bulk_answer(userdata, m, &kind, error);
}

static int method_list_unit_states(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        static const BulkKind kind = { .units = true, .type = "(sssssbtt)", .append = append_unit_state };

        return bulk_answer(userdata, m, &kind, error);
}

static int method_list_cluster_units(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return cluster_list_units(userdata, m, error);
}

static int method_list_machines(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Daemon *d = userdata;
        List list = {};
        int r = list_begin(d, m, "(sssa{ss}ub)", &list);

        return list_end(&list, r < 0 ? r : core_each_machine(d->core, loop_now(), append_machine, &list));
}

/* ---- single objects ---- */

/* The lease that the message names. Sets error if it returns a negative errno. */
static int find_lease(Daemon *d, sd_bus_message *m, bool must_be_known, LeaseView *ret, sd_bus_error *error) {
        SessionView session;
        const char *name;
        int r = verb_read_lease(m, &name, error);

        if (r < 0)
                return r;
        if (core_find_lease(d->core, loop_now(), name, ret) && ret->record && (ret->known || !must_be_known))
                return 0;
        r = verb_check_registry(d, error);
        if (r < 0)
                return r;
        core_session_view(d->core, loop_now(), &session);
        if (!session.known)
                return bus_error(error, BUS_ERROR("RegistryUnavailable"), "Who holds %s is not known: %s.", name,
                                WHY_TEXT(reason(session.why_not ?: WHY_REGISTRY_UNHEARD)));
        return bus_error(error, BUS_ERROR("NoSuchLease"), "Nobody has ever held a lease %s.", name);
}

/* Whether the lease that the message names is to be asked for in fleet's registry: leases of units are never there. */
static bool is_fleets(Daemon *d, sd_bus_message *m) {
        const char *name;
        LeaseView v;

        if (!d->fleet || sd_bus_message_read(m, "s", &name) < 0)
                return false;
        (void) sd_bus_message_rewind(m, true);
        return !core_find_lease(d->core, loop_now(), name, &v) || !v.record || (!v.unit && isempty(v.record->session));
}

static int method_get_lease(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_free_ char *path = NULL;
        LeaseView v;
        int r;

        if (is_fleets(userdata, m))
                return call_get_lease(userdata, m, error);
        r = find_lease(userdata, m, true, &v, error);
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
        if (r >= 0)
                r = sd_bus_message_close_container(list.reply);
        if (r >= 0)
                r = sd_bus_message_open_container(list.reply, 'a', "u");
        for (size_t i = 0; i < v.record->n_tenures && r >= 0; i++)
                r = sd_bus_message_append(list.reply, "u", tenure_why(v.record->tenures + i));
        if (r >= 0)
                r = sd_bus_message_close_container(list.reply);
        if (r >= 0)
                r = sd_bus_message_open_container(list.reply, 'a', "s");
        for (size_t i = 0; i < v.record->n_tenures && r >= 0; i++)
                r = bus_append_text(list.reply, v.record->tenures[i].by);
        return list_end(&list, r);
}

static int append_explained(const WhyNotView *v, void *userdata) {
        List *list = userdata;
        int r = sd_bus_message_open_container(list->reply, 'r', "ssbbuus");

        if (r < 0 || (r = bus_append_text(list->reply, v->machine_id)) < 0 ||
                        (r = bus_append_text(list->reply, v->hostname)) < 0 ||
                        (r = sd_bus_message_append(list->reply, "bbuu", (int) v->fits, (int) v->holds, v->rank,
                                         v->reason.why)) < 0 ||
                        (r = bus_append_text(list->reply, WHY_TEXT(v->reason))) < 0)
                return r;
        r = sd_bus_message_close_container(list->reply);
        return MIN(r, 0);
}

/* Explains the unit by its files as they are now, or with text in place of /etc/leased/units/NAME. The unit need not
 * be enabled here. */
static int explain(sd_bus_message *m, Daemon *d, const char *name, const char *text, sd_bus_error *error) {
        _cleanup_(unit_options_freep) UnitOptions *o = NULL;
        _cleanup_(messages_done) Messages messages = {};
        UnitConfig config;
        List list = {};
        int r = bus_check_unit_name(name, error);

        if (r < 0)
                return r;
        r = text ? unit_options_preview_text("", name, text, strlen(text), &o, &messages)
                 : unit_options_preview("", name, &o, &messages);
        if (!o)
                return bus_error(error, SD_BUS_ERROR_INVALID_ARGS, "%s",
                                messages.n > 0 ? messages.lines[0] : strerror(-r));
        config = (UnitConfig){
                .unit = o->unit, .lease = o->lease ?: o->unit, .global = o->global, .placement = o->placement
        };
        r = list_begin(d, m, "(ssbbuus)", &list);
        return list_end(&list, r < 0 ? r : core_explain(d->core, &config, append_explained, &list));
}

static int method_copies_behind(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Daemon *d = userdata;
        const char *name;
        int64_t version;
        int r = sd_bus_message_read(m, "sx", &name, &version);

        r = r < 0 ? r : bus_check_unit_name(name, error);
        if (r < 0)
                return r;
        return sd_bus_reply_method_return(m, "u", core_copies_behind(d->core, name, version));
}

static int method_explain_unit(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const char *name;
        int r = sd_bus_message_read(m, "s", &name);

        return r < 0 ? r : explain(m, userdata, name, NULL, error);
}

#define OPTIONS_MAX 65536u

static int method_explain_options(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const char *name, *text;
        int r = sd_bus_message_read(m, "ss", &name, &text);

        if (r >= 0 && strlen(text) > OPTIONS_MAX) /* anybody may ask, and all is read in one turn of the loop */
                return bus_error(error, SD_BUS_ERROR_INVALID_ARGS, "Options have %u bytes at most.", OPTIONS_MAX);
        return r < 0 ? r : explain(m, userdata, name, text, error);
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

/* No caller can take back what another one has asked for, so everybody may. */
static int method_withdraw(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        words_withdraw(userdata, strempty(sd_bus_message_get_sender(m)));
        return sd_bus_reply_method_return(m, NULL);
}

/* ---- what changes something ---- */

DEFINE_VERB(acquire_lease, call_acquire_lease)
DEFINE_VERB(steal_lease, call_steal_lease)
DEFINE_VERB(run_command, runs_begin)
DEFINE_VERB(limit_command, runs_limit)
DEFINE_VERB(release_unit, verb_release_unit)
DEFINE_VERB(transfer_unit, verb_transfer_unit)
DEFINE_VERB(steal_unit, verb_steal_unit)
DEFINE_VERB(rearm_unit, verb_rearm_unit)
DEFINE_VERB(ask_unit, verb_ask_unit)
DEFINE_VERB(drain, verb_drain)
DEFINE_VERB(undrain, verb_undrain)
DEFINE_VERB(drain_machine, verb_drain_machine)
DEFINE_VERB(drain_until_reboot, verb_drain_until_reboot)
DEFINE_VERB(undrain_machine, verb_undrain_machine)
DEFINE_VERB(confirm_dead, verb_confirm_dead)
DEFINE_VERB(pause, verb_pause)
DEFINE_VERB(resume, verb_resume)
DEFINE_VERB(accept_registry, verb_accept_registry)
DEFINE_VERB(forget_index, verb_forget_index)
DEFINE_VERB(lower_index, call_lower_index)
DEFINE_VERB(forget_machine, call_forget_machine)
DEFINE_VERB(forget_lease, call_forget_lease)
DEFINE_VERB(list_unit_files, unit_files_list)
DEFINE_VERB(get_unit_file, unit_files_get)
DEFINE_VERB(put_unit_file, unit_files_put)
DEFINE_VERB(set_unit_file_outcome, unit_files_set_outcome)
DEFINE_VERB(reload, verb_reload)

/* ---- properties ---- */

static int append_if_live(const MachineView *v, void *userdata) {
        int r = v->alive && v->known ? bus_append_text(userdata, v->machine_id) : 0;

        return MIN(r, 0);
}

static int append_if_unknown(const MachineView *v, void *userdata) {
        int r = v->known ? 0 : bus_append_text(userdata, v->machine_id);

        return MIN(r, 0);
}

static int append_if_unconfirmed(const MachineView *v, void *userdata) {
        int r = v->unconfirmed ? bus_append_text(userdata, v->machine_id) : 0;

        return MIN(r, 0);
}

static int append_heard(const MachineView *v, void *userdata) {
        usec_t ttl = v->record ? session_ttl(v->record->session) : 0;
        int r = v->heard > 0 ? sd_bus_message_append(userdata, "{s(tt)}", v->machine_id,
                                               usec_sub(now_boottime(), v->heard), ttl)
                             : 0;

        return MIN(r, 0);
}

static int append_stopped(const MachineView *v, void *userdata) {
        int r = v->stopped > 0 ? sd_bus_message_append(
                                                 userdata, "{st}", v->machine_id, usec_sub(now_boottime(), v->stopped))
                               : 0;

        return MIN(r, 0);
}

static int append_up_since(const MachineView *v, void *userdata) {
        int r = v->up_since > 0 && v->known ? sd_bus_message_append(userdata, "{st}", v->machine_id, v->up_since) : 0;

        return MIN(r, 0);
}

static int append_version(const MachineView *v, void *userdata) {
        int r = sd_bus_message_open_container(userdata, 'e', "ss");

        if (r < 0 || (r = sd_bus_message_append(userdata, "s", v->machine_id)) < 0 ||
                        (r = bus_append_text(userdata, v->record ? v->record->version : "")) < 0)
                return r;
        r = sd_bus_message_close_container(userdata);
        return MIN(r, 0);
}

void bus_manager_look(Daemon *d, ManagerSubject *ret) {
        ret->daemon = d;
        d->registry->ops->status(d->registry, &ret->status);
        core_session_view(d->core, loop_now(), &ret->session);
}

/* Appends an array of elements of that type: what f() appends for each machine. */
static int append_machines(
                sd_bus_message *m, const ManagerSubject *s, const char *type, int (*f)(const MachineView *, void *)) {
        int r = sd_bus_message_open_container(m, 'a', type);

        if (r >= 0)
                r = core_each_machine(s->daemon->core, loop_now(), f, m);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_lines(sd_bus_message *m, const Messages *messages) {
        int r = sd_bus_message_open_container(m, 'a', "s");

        for (size_t i = 0; i < messages->n && r >= 0; i++)
                r = bus_append_text(m, messages->lines[i]);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

typedef struct Lines {
        sd_bus_message *message;
        int r;
} Lines;

static void append_setting(const char *option, const char *value, const char *where, void *userdata) {
        _cleanup_free_ char *line = text_format("%s=%s", option, value);
        Lines *lines = userdata;

        if (lines->r >= 0)
                lines->r = line ? bus_append_text(lines->message, line) : -ENOMEM;
}

static int append_configuration(sd_bus_message *m, const LeasedConf *c) {
        Lines lines = { .message = m, .r = sd_bus_message_open_container(m, 'a', "s") };
        int r = leased_conf_each(c, append_setting, &lines);

        if (r < 0 || lines.r < 0)
                return r < 0 ? r : lines.r;
        return sd_bus_message_close_container(m);
}

static int append_why_not(sd_bus_message *m, const SessionView *session) {
        char line[WHY_NOT_SIZE];

        return bus_append_text(m, why_not_machine(session, now_realtime(), line, sizeof(line)));
}

static int append_last_error(sd_bus_message *m, const ManagerSubject *s) {
        char text[WHY_TEXT_SIZE];

        return bus_append_text(m, registry_health_last_error(&s->status, &s->session, text));
}

typedef ManagerSubject Subject;

static const char *pause_word(const SessionView *s) {
        return !s->paused ? "" : s->pause_ends ? "ending" : "on";
}

#define PROPERTIES(P)                                                                                                 \
        P(Version, "s", CONST, bus_append_text(m, LEASED_VERSION))                                                    \
        P(GuardVersion, "s", TOLD, bus_append_text(m, guard_port_version(s->daemon->guard)))                          \
        P(MachineID, "s", CONST, bus_append_text(m, s->daemon->machine_id))                                           \
        P(BootID, "s", CONST, bus_append_text(m, s->daemon->boot_id))                                                 \
        P(Registry, "s", TOLD, bus_append_text(m, s->daemon->registry->ops->name))                                    \
        P(RegistryState, "s", TOLD, bus_append_text(m, registry_health_state(&s->status, &s->session)))               \
        P(RegistrySinceUSec, "t", TOLD, sd_bus_message_append(m, "t", registry_health_since(s->daemon)))              \
        P(RegistryEndpoint, "s", TOLD, bus_append_text(m, s->status.endpoint))                                        \
        P(RegistryEndpoints, "as", TOLD, bus_append_words(m, s->status.endpoints))                                    \
        P(RegistryVersion, "s", TOLD, bus_append_text(m, s->status.version))                                          \
        P(RegistryUUID, "s", TOLD, bus_append_text(m, s->session.uuid))                                               \
        P(RegistryStore, "s", TOLD, bus_append_text(m, s->session.store))                                             \
        P(RegistryFoundUUID, "s", TOLD, bus_append_text(m, s->session.found_uuid))                                    \
        P(RegistryFoundStore, "s", TOLD, bus_append_text(m, s->session.found_store))                                  \
        P(RegistryError, "s", TOLD, bus_append_text(m, s->status.error))                                              \
        P(RegistryErrorUSec, "t", ASKED, sd_bus_message_append(m, "t", s->status.error_at))                           \
        P(RegistryNote, "s", TOLD, bus_append_text(m, s->status.note))                                                \
        P(RegistryWarning, "s", TOLD, bus_append_text(m, s->status.warning))                                          \
        P(LeaseRegistry, "s", CONST, bus_append_text(m, s->daemon->fleet ? "etcd2" : ""))                             \
        P(WhyNotCode, "u", TOLD, sd_bus_message_append(m, "u", s->session.why_not))                                   \
        P(WhyNot, "s", TOLD, append_why_not(m, &s->session))                                                          \
        P(LastError, "s", TOLD, append_last_error(m, s))                                                              \
        P(ConfigurationErrors, "as", TOLD, append_lines(m, &s->daemon->reading.wrong))                                \
        P(Configuration, "as", ASKED, append_configuration(m, s->daemon->conf))                                       \
        P(UnitsError, "s", TOLD, bus_append_text(m, s->daemon->reading.units_error))                                  \
        P(TTLUSec, "t", TOLD, sd_bus_message_append(m, "t", s->session.ttl))                                          \
        P(Metadata, "a{ss}", TOLD, bus_append_metadata(m, s->daemon->conf->metadata))                                 \
        P(Draining, "b", TOLD, sd_bus_message_append(m, "b", s->session.draining))                                    \
        P(DrainsUntilReboot, "b", TOLD, sd_bus_message_append(m, "b", s->session.drains_briefly))                     \
        P(Paused, "s", TOLD, bus_append_text(m, pause_word(&s->session)))                                             \
        P(PausedSinceUSec, "t", TOLD, sd_bus_message_append(m, "t", s->session.paused_since))                         \
        P(PausedBy, "s", TOLD, bus_append_text(m, s->session.paused_by))                                              \
        P(PausedUntilConfirmed, "b", TOLD, sd_bus_message_append(m, "b", s->session.pause_waits))                     \
        P(Keeps, "b", TOLD, sd_bus_message_append(m, "b", s->session.keeps))                                          \
        P(Held, "u", TOLD, sd_bus_message_append(m, "u", (uint32_t) s->session.held))                                 \
        P(ReloadChanges, "as", ASKED, append_lines(m, &s->daemon->reading.changes))                                   \
        P(LiveMachines, "as", ASKED, append_machines(m, s, "s", append_if_live))                                      \
        P(UnknownMachines, "as", ASKED, append_machines(m, s, "s", append_if_unknown))                                \
        P(UnconfirmedMachines, "as", ASKED, append_machines(m, s, "s", append_if_unconfirmed))                        \
        P(MachineVersions, "a{ss}", ASKED, append_machines(m, s, "{ss}", append_version))                             \
        P(MachineAges, "a{s(tt)}", ASKED, append_machines(m, s, "{s(tt)}", append_heard))                             \
        P(MachineUpSince, "a{st}", ASKED, append_machines(m, s, "{st}", append_up_since))                             \
        P(MachineStops, "a{st}", ASKED, append_machines(m, s, "{st}", append_stopped))                                \
        P(Known, "b", TOLD, sd_bus_message_append(m, "b", s->session.known))                                          \
        P(HeardUSec, "t", ASKED, sd_bus_message_append(m, "t", s->session.heard))                                     \
        P(LastBeatUSec, "t", ASKED, sd_bus_message_append(m, "t", s->session.last_beat))                              \
        P(RoundTripUSec, "t", ASKED, sd_bus_message_append(m, "t", s->session.round_trip))                            \
        P(LostAcquires, "t", ASKED, sd_bus_message_append(m, "t", s->session.lost_acquires))                          \
        P(LongestTurnCPUUSec, "t", ASKED, sd_bus_message_append(m, "t", loop_longest_work(s->daemon->loop)))          \
        P(LongestTurnUSec, "t", ASKED, sd_bus_message_append(m, "t", loop_longest_turn(s->daemon->loop)))             \
        P(UnitFiles, "a(sxsus)", ASKED, unit_files_append(s->daemon, m))                                              \
        P(Counters, "a{st}", ASKED, counts_append(s->daemon, m))

PROPERTIES(PROPERTY_FUNCTION)

static const Property rows[] = { PROPERTIES(PROPERTY_ROW) };

const PropertyTable bus_manager_properties = { .interface = BUS_MANAGER, .rows = rows, .n = ELEMENTSOF(rows) };

static int get_property(sd_bus *bus, const char *path, const char *interface, const char *property,
                sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        ManagerSubject s;

        bus_manager_look(userdata, &s);
        return property_append(&bus_manager_properties, property, &s, reply);
}

static const sd_bus_vtable vtable[] = {
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
        SD_BUS_METHOD_WITH_ARGS("RunCommand", SD_BUS_ARGS("s", lease, "b", wait, "h", socket),
                        SD_BUS_RESULT("s", unit, "t", index), method_run_command, BUS_ANYBODY),
        SD_BUS_METHOD_WITH_ARGS("RunCommandInSlots", SD_BUS_ARGS("s", lease, "u", slots, "b", wait, "h", socket),
                        SD_BUS_RESULT("s", unit, "t", index), method_run_command, BUS_ANYBODY),
        SD_BUS_METHOD_WITH_ARGS("LimitCommand",
                        SD_BUS_ARGS("s", unit, "t", since_usec, "t", stop_usec, "t", kill_usec),
                        SD_BUS_RESULT("b", limited), method_limit_command, BUS_ANYBODY),
        SD_BUS_METHOD_WITH_ARGS("ListLeases", SD_BUS_NO_ARGS, SD_BUS_RESULT("a(ssxtto)", leases), method_list_leases,
                        BUS_ANYBODY),
        SD_BUS_METHOD_WITH_ARGS("ListUnits", SD_BUS_NO_ARGS, SD_BUS_RESULT("a(ssssto)", units), method_list_units,
                        BUS_ANYBODY),
        SD_BUS_METHOD_WITH_ARGS("ListUnitStates", SD_BUS_NO_ARGS, SD_BUS_RESULT("a(sssssbtt)", units),
                        method_list_unit_states, BUS_ANYBODY),
        SD_BUS_METHOD_WITH_ARGS("ListClusterUnits", SD_BUS_ARGS("s", machine_id, "as", metadata, "t", since),
                        SD_BUS_RESULT("t", revision, CLUSTER_UNITS, units), method_list_cluster_units, BUS_ANYBODY),
        SD_BUS_METHOD_WITH_ARGS("ListMachines", SD_BUS_NO_ARGS, SD_BUS_RESULT("a(sssa{ss}ub)", machines),
                        method_list_machines, BUS_ANYBODY),
        SD_BUS_METHOD_WITH_ARGS("ExplainUnit", SD_BUS_ARGS("s", name), SD_BUS_RESULT("a(ssbbuus)", machines),
                        method_explain_unit, BUS_ANYBODY),
        SD_BUS_METHOD_WITH_ARGS("ExplainOptions", SD_BUS_ARGS("s", name, "s", text),
                        SD_BUS_RESULT("a(ssbbuus)", machines), method_explain_options, BUS_ANYBODY),
        SD_BUS_METHOD_WITH_ARGS("CopiesBehind", SD_BUS_ARGS("s", name, "x", version), SD_BUS_RESULT("u", behind),
                        method_copies_behind, BUS_ANYBODY),
        SD_BUS_METHOD_WITH_ARGS("Rehearse", SD_BUS_ARGS("s", verb, "as", units, "s", machine_id),
                        SD_BUS_RESULT("a(sssusa(ssus))", moves), rehearse_method, BUS_ANYBODY),
        SD_BUS_METHOD_WITH_ARGS("GetHistory", SD_BUS_ARGS("s", name),
                        SD_BUS_RESULT("a(sttts)", tenures, "au", codes, "as", by), method_get_history, BUS_ANYBODY),
        SD_BUS_METHOD_WITH_ARGS(
                        "GetUnit", SD_BUS_ARGS("s", name), SD_BUS_RESULT("o", unit), method_get_unit, BUS_ANYBODY),
        SD_BUS_METHOD_WITH_ARGS(
                        "ReleaseUnit", SD_BUS_ARGS("s", name), SD_BUS_NO_RESULT, method_release_unit, BUS_ANYBODY),
        SD_BUS_METHOD_WITH_ARGS("TransferUnit", SD_BUS_ARGS("s", name, "s", machine_id), SD_BUS_NO_RESULT,
                        method_transfer_unit, BUS_ANYBODY),
        SD_BUS_METHOD_WITH_ARGS("StealUnit", SD_BUS_ARGS("s", name), SD_BUS_RESULT("t", wait_usec), method_steal_unit,
                        BUS_ANYBODY),
        SD_BUS_METHOD_WITH_ARGS("RearmUnit", SD_BUS_ARGS("s", name), SD_BUS_NO_RESULT, method_rearm_unit, BUS_ANYBODY),
        SD_BUS_METHOD_WITH_ARGS("AskUnit", SD_BUS_ARGS("s", name, "s", verb, "s", machine_id), SD_BUS_NO_RESULT,
                        method_ask_unit, BUS_ANYBODY),
        SD_BUS_METHOD_WITH_ARGS("Withdraw", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_withdraw, BUS_ANYBODY),
        SD_BUS_METHOD_WITH_ARGS("Drain", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_drain, BUS_ANYBODY),
        SD_BUS_METHOD_WITH_ARGS("Undrain", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_undrain, BUS_ANYBODY),
        SD_BUS_METHOD_WITH_ARGS("DrainMachine", SD_BUS_ARGS("s", machine_id), SD_BUS_NO_RESULT, method_drain_machine,
                        BUS_ANYBODY),
        SD_BUS_METHOD_WITH_ARGS("DrainMachineUntilReboot", SD_BUS_ARGS("s", machine_id), SD_BUS_NO_RESULT,
                        method_drain_until_reboot, BUS_ANYBODY),
        SD_BUS_METHOD_WITH_ARGS("UndrainMachine", SD_BUS_ARGS("s", machine_id), SD_BUS_NO_RESULT,
                        method_undrain_machine, BUS_ANYBODY),
        SD_BUS_METHOD_WITH_ARGS("ConfirmDeadMachine", SD_BUS_ARGS("s", machine_id), SD_BUS_NO_RESULT,
                        method_confirm_dead, BUS_ANYBODY),
        SD_BUS_METHOD_WITH_ARGS("Pause", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_pause, BUS_ANYBODY),
        SD_BUS_METHOD_WITH_ARGS("Resume", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_resume, BUS_ANYBODY),
        SD_BUS_METHOD_WITH_ARGS("AcceptRegistry", SD_BUS_ARGS("s", uuid), SD_BUS_NO_RESULT, method_accept_registry,
                        BUS_ANYBODY),
        SD_BUS_METHOD_WITH_ARGS("ForgetIndex", SD_BUS_ARGS("s", name), SD_BUS_RESULT("t", index, "t", left),
                        method_forget_index, BUS_ANYBODY),
        SD_BUS_METHOD_WITH_ARGS("LowerIndex", SD_BUS_ARGS("s", name, "t", index), SD_BUS_NO_RESULT, method_lower_index,
                        BUS_ANYBODY),
        SD_BUS_METHOD_WITH_ARGS("ForgetMachine", SD_BUS_ARGS("s", machine_id), SD_BUS_NO_RESULT, method_forget_machine,
                        BUS_ANYBODY),
        SD_BUS_METHOD_WITH_ARGS(
                        "ForgetLease", SD_BUS_ARGS("s", name), SD_BUS_NO_RESULT, method_forget_lease, BUS_ANYBODY),
        SD_BUS_METHOD_WITH_ARGS("ListUnitFiles", SD_BUS_NO_ARGS, SD_BUS_RESULT("as", names), method_list_unit_files,
                        BUS_ANYBODY),
        SD_BUS_METHOD_WITH_ARGS("GetUnitFile", SD_BUS_ARGS("s", name), SD_BUS_RESULT("s", record, "t", revision),
                        method_get_unit_file, BUS_ANYBODY),
        SD_BUS_METHOD_WITH_ARGS("PutUnitFile", SD_BUS_ARGS("s", name, "t", revision, "s", record), SD_BUS_NO_RESULT,
                        method_put_unit_file, BUS_ANYBODY),
        SD_BUS_METHOD_WITH_ARGS("SetUnitFileOutcome",
                        SD_BUS_ARGS("s", name, "x", version, "s", signer, "u", code, "s", about), SD_BUS_NO_RESULT,
                        method_set_unit_file_outcome, BUS_ANYBODY),
        SD_BUS_METHOD_WITH_ARGS("Reload", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_reload, BUS_ANYBODY),

        SD_BUS_SIGNAL_WITH_ARGS("LeaseChanged",
                        SD_BUS_ARGS("s", name, "s", machine_id, "x", version, "t", index, "s", reason, "u", code, "t",
                                        revision),
                        0),
        SD_BUS_SIGNAL_WITH_ARGS("UnitStateChanged",
                        SD_BUS_ARGS("s", unit, "s", machine_id, "s", state, "s", active_state, "s", result, "t",
                                        since_usec, "b", holds, "t", index, "t", revision),
                        0),

        PROPERTIES(PROPERTY_VTABLE) SD_BUS_VTABLE_END,
};

int bus_manager_register(Daemon *d, sd_bus *bus) {
        return sd_bus_add_object_vtable(bus, NULL, BUS_PATH, BUS_MANAGER, vtable, d);
}
