/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/pid1-port.h"

#include <errno.h>
#include <stdio.h>
#include <utlist.h>

#include "conf/changes.h"
#include "conf/dropin.h"
#include "daemon/aside.h"
#include "daemon/checks.h"
#include "daemon/environment-watch.h"
#include "daemon/members.h"
#include "daemon/machine-name.h"
#include "daemon/property.h"
#include "daemon/run-unit.h"
#include "daemon/unit-journal.h"
#include "guard/protocol.h"
#include "util/hash.h"
#include "util/journal.h"
#include "util/log.h"
#include "util/message-ids.h"
#include "util/must.h"
#include "util/text.h"
#include "util/unit-name.h"

struct EnabledUnit {
        UT_hash_handle hh;
        EnabledUnit *prev,
                        *next; /* in Reading.order; .prev is NULL: the unit is not there, since no file enables it */
        Daemon *daemon;
        Pid1Unit *unit;
        Members *members;
        UnitOptions *options; /* NULL: the unit is not enabled, but something of it is left */
        usec_t timeout_stop;  /* as PID 1 says; USEC_INFINITY until then, so that StopGrace is TTL/4 */
        RunUnit *run;         /* what PID 1 is told at the start of a command (.once); NULL: PID 1 was told */
        uint64_t read_in;     /* the number of the last reading that found the unit enabled */
        uint64_t aside;       /* digest of its file in ASIDE_DIRECTORY; 0: there is none */
        uint64_t shown;       /* digest of what publish_status() last noted as a change */
        UnitError *error;     /* NULL: nothing is wrong */
        uint32_t outside;     /* the process that was last found to lie outside; 0: none does */
        bool members_told;    /* it is logged that not all members are known */
        bool once;            /* a command of "leasectl run" */
        bool forgotten;
        bool gated; /* by PID 1's latest answer, the Assert of its gate is in force */
        char name[];
};

static EnabledUnit *find(const Daemon *d, const char *name) {
        EnabledUnit *u;

        HASH_FIND_STR(d->units, name, u);
        return u;
}

const Pid1UnitStatus *pid1_port_status(const Daemon *d, const char *unit) {
        const EnabledUnit *u = find(d, unit);

        return u && u->unit ? pid1_unit_status(u->unit) : NULL;
}

const char *pid1_port_active(const Daemon *d, const char *unit) {
        const Pid1UnitStatus *s = pid1_port_status(d, unit);

        return s && s->known ? pid1_unit_active_to_string(s->active) : "unknown";
}

const UnitOptions *pid1_port_options(const Daemon *d, const char *unit) {
        const EnabledUnit *u = find(d, unit);

        return u && !u->forgotten ? u->options : NULL;
}

const char *pid1_port_slice(const Daemon *d, const char *unit) {
        const UnitOptions *o = pid1_port_options(d, unit);

        return o ? strempty(o->slice) : "";
}

const UnitError *pid1_port_last_error(const Daemon *d, const char *unit) {
        static const UnitError none = {};
        const EnabledUnit *u = find(d, unit);

        return u && u->error ? u->error : &none;
}

void pid1_port_set_error(Daemon *d, const char *unit, Why why, const char *line) {
        EnabledUnit *u = find(d, unit);

        if (!u || (!line && !u->error))
                return;
        if (!line) {
                free(u->error);
                u->error = NULL;
        } else if (u->error || (u->error = calloc(1, sizeof(UnitError)))) {
                u->error->why = why;
                u->error->at = now_realtime();
                str_copy(u->error->text, sizeof(u->error->text), line);
        }
        changed_note_unit(d->changed, unit);
}

/* ---- from PID 1 to the core ---- */

/* A unit becomes a global one only when PID 1 has dropped its gate: until then it can run only by its lease. */
static UnitConfig configuration_of(const EnabledUnit *u) {
        UnitConfig config = u->options->config;

        config.timeout_stop = u->timeout_stop;
        config.global = u->options->global && !u->gated;
        return config;
}

/* Says nothing of a unit that is not enabled any more: an answer of PID 1 must not configure it again. */
static void deliver_configuration(const EnabledUnit *u) {
        if (u->options && !u->forgotten)
                loop_event(u->daemon->loop,
                                &(Event){ .kind = EVENT_CONFIGURE, .unit = u->name, .config = configuration_of(u) });
}

/* Notes a change of those parts of PID 1's answer that D-Bus shows and that the core does not look at. */
static void publish_status(EnabledUnit *u, const Pid1UnitStatus *s) {
        char shown[128];
        uint64_t digest;
        size_t n;

        n = (size_t) snprintf(shown, sizeof(shown), "%d %d %.32s ", s->known, (int) s->active, s->sub_state);
        for (size_t i = 0; i < sizeof(s->invocation_id) && n + 3 < sizeof(shown); i++)
                n += (size_t) snprintf(shown + n, sizeof(shown) - n, "%02x", s->invocation_id[i]);
        digest = property_digest(shown);
        if (digest == u->shown)
                return;
        u->shown = digest;
        changed_note_unit(u->daemon->changed, u->name);
}

/* One half of InvocationID=, a random number, is enough to tell one run from the next. */
static uint64_t run_of(const Pid1UnitStatus *s) {
        uint64_t run;

        memcpy(&run, s->invocation_id, sizeof(run));
        return run;
}

static bool wants_gate(const EnabledUnit *u) {
        return u->options && !u->options->global && !u->forgotten && !u->once;
}

/* A setting that forbids what leased has to do with the unit counts as a gate that is not loaded: this machine takes
 * the lease no more, and what runs here runs on. */
static LoadState load_of(const EnabledUnit *u, const Pid1UnitStatus *s) {
        static const LoadState loads[_UNIT_FORBID_MAX] = {
                [UNIT_FORBID_NOTHING] = LOAD_OK,
                [UNIT_FORBID_MANUAL_STOP] = LOAD_REFUSES_STOP,
                [UNIT_FORBID_SUCCESS_ACTION] = LOAD_SUCCESS_ACTION,
                [UNIT_FORBID_LAZY_UNMOUNT] = LOAD_DETACHES,
                [UNIT_FORBID_MANUAL_START] = LOAD_REFUSES_START,
                [UNIT_FORBID_UNNEEDED] = LOAD_STOPS_UNNEEDED,
        };

        must((unsigned) s->forbids < _UNIT_FORBID_MAX);
        if (!streq(s->load_state, "loaded"))
                return streq(s->load_state, "not-found") ? LOAD_MISSING
                       : streq(s->load_state, "masked")  ? LOAD_MASKED
                                                         : LOAD_BAD;
        return s->gate_loaded && wants_gate(u) ? loads[s->forbids] : LOAD_OK;
}

/* Has the guard's file looked after if there is one. */
static void look_after_members(EnabledUnit *u) {
        if (!members_are_shown(u->members))
                own_files_forget(u->daemon->members, u->name);
        else if (own_files_add(u->daemon->members, u->name, 0)) /* otherwise the file is looked at here only */
                own_files_written(u->daemon->members);
}

static void update_members(EnabledUnit *u) {
        const char *why;
        int r;

        members_set_stop_post(u->members, pid1_unit_status(u->unit)->stop_post);
        r = members_update(u->members, pid1_unit_covers(u->unit), &why);

        if (r < 0 && !u->members_told)
                log_error_errno(r, "%s: %s, so this machine does not compete for its lease", u->name, why);
        u->members_told = r < 0;
        look_after_members(u);
}

void pid1_port_name_lease(Daemon *d, const char *unit, const char *lease) {
        EnabledUnit *u = find(d, unit);
        int r = u ? members_set_lease(u->members, lease) : 0;

        if (r < 0)
                (void) log_warning_errno(r, "%s: cannot tell the guard the name of its lease", unit);
        if (u)
                look_after_members(u);
}

bool pid1_port_keep_members(const char *unit, void *data, void *userdata) {
        const EnabledUnit *u = find(userdata, unit);
        int r = u ? members_keep(u->members) : 0;

        if (r > 0)
                log_notice("%s: the guard's file of what goes by its lease was not there, or not as it should be: "
                           "written anew",
                                unit);
        return r > 0;
}

/* Logs once that a process of the unit lies outside of its control groups: such a process is neither stopped nor
 * killed with the unit, and would run on beside the next holder's. `leasectl enable` refuses commands that are known
 * to start one; but a script that the unit runs may do so all the same. */
static void look_outside(EnabledUnit *u) {
        char group[512], line[UNIT_ERROR_SIZE];
        const char *of;
        uint32_t pid = members_find_outside(u->members, pid1_unit_status(u->unit), &of, group, sizeof(group));

        if (pid == u->outside || (u->options && (u->options->allow_outside || u->options->global)))
                return;
        u->outside = pid;
        if (pid == 0)
                return;
        (void) snprintf(line, sizeof(line),
                        "process %u of %s is in %.120s, outside of its control group, and would run on beside the "
                        "next holder's: see leasectl check",
                        pid, of, group);
        log_alert("%s: %s", u->name, line);
        pid1_port_set_error(u->daemon, u->name, WHY_OUTSIDE, line);
}

static void report(EnabledUnit *u) {
        /* Turns pid1's values into the core's: neither of these two layers may know the other. */
        static const ActiveState states[_UNIT_ACTIVE_MAX] = {
                [UNIT_INACTIVE] = ACTIVE_INACTIVE,
                [UNIT_FAILED] = ACTIVE_FAILED,
                [UNIT_ACTIVATING] = ACTIVE_ACTIVATING,
                [UNIT_ACTIVE] = ACTIVE_ACTIVE,
                [UNIT_DEACTIVATING] = ACTIVE_DEACTIVATING,
                [UNIT_RELOADING] = ACTIVE_RELOADING,
        };
        static const EndedBy endings[_UNIT_END_MAX] = {
                [UNIT_END_OWN] = ENDED_BY_ITSELF,
                [UNIT_END_UNKNOWN] = ENDED_BY_UNKNOWN,
                [UNIT_END_HAND] = ENDED_BY_HAND,
                [UNIT_END_FAILED] = ENDED_BY_ITSELF,
                [UNIT_END_NEED] = ENDED_BY_NEED,
                [UNIT_END_CONFLICT] = ENDED_BY_CONFLICT,
                [UNIT_END_UNNEEDED] = ENDED_UNNEEDED,
                [UNIT_END_CRASHED] = ENDED_BY_CRASH,
                [UNIT_END_BUS] = ENDED_BY_NEED,
        };
        static const Obstacle obstacles[] = {
                [NEED_BACK] = OBSTACLE_NONE,
                [NEED_DOWN] = OBSTACLE_LASTS,
                [NEED_SLICE] = OBSTACLE_SLICE,
                [NEED_FAILED] = OBSTACLE_FAILED,
        };
        Pid1UnitStatus all = *pid1_unit_status(u->unit);
        bool left;
        char name[NAME_SIZE];
        LoadState load;

        if (all.end == UNIT_END_UNNEEDED && u->once) { /* a command is not started again */
                all.end = UNIT_END_HAND;
                all.need = NEED_BACK;
        }
        must((unsigned) all.active < _UNIT_ACTIVE_MAX && (unsigned) all.end < _UNIT_END_MAX);
        must((unsigned) all.need < ELEMENTSOF(obstacles));
        if (all.known)
                update_members(u);
        members_combine(u->members, &all); /* law 7: the unit is down when all of them are */
        if (all.known && all.timeout_stop != u->timeout_stop && streq(all.load_state, "loaded")) {
                u->timeout_stop = all.timeout_stop;
                deliver_configuration(u);
        }
        look_outside(u);
        load = load_of(u, &all);
        /* With FenceAction=reboot the processes that are left are not to be killed: that would not undo what they have
         * set up. */
        left = members_left(u->members) && !(u->options && u->options->fence_by_reboot);
        /* This is the last step, and done with a copy of the name: the core may answer that the unit is to be dropped.
         */
        str_copy(name, sizeof(name), u->name);
        loop_event(u->daemon->loop,
                        &(Event){
                                        .kind = EVENT_UNIT,
                                        .unit = name,
                                        .report.known = all.known, /* law 8: silence means neither up nor down */
                                        .report.asked_at = all.asked_at,
                                        .report.active = states[all.active],
                                        .report.job = all.job,
                                        .report.empty = all.empty,
                                        .report.left = left,
                                        .report.load = load,
                                        /* A changed file does not touch a command that was started under the files
                                         * before. */
                                        .report.gate_loaded = u->once ? all.gate_asserted
                                                                      : all.gate_loaded && load == LOAD_OK,
                                        /* After "systemctl kill" PID 1 says "success", but a job that was killed is
                                         * not done. */
                                        .report.failed = all.failed || all.end == UNIT_END_FAILED ||
                                                         (all.killed && all.end == UNIT_END_OWN),
                                        .report.result = all.result,
                                        .report.since = all.since,
                                        .report.ended_by = endings[all.end],
                                        .report.obstacle = obstacles[all.need],
                                        .report.other = all.cause,
                                        .report.ended_at = all.inactive_since,
                                        .report.last_trigger = all.last_trigger,
                                        .report.run = run_of(&all),
                        });
}

/* A global unit needs no lease, and a gate would keep it from starting. */
static bool wants_no_gate(const EnabledUnit *u) {
        return u->options && u->options->global && !u->forgotten;
}

static void note_gate(EnabledUnit *u, const Pid1UnitStatus *s) {
        if (!s->known || s->gate_asserted == u->gated)
                return;
        u->gated = s->gate_asserted;
        if (wants_no_gate(u))
                deliver_configuration(u);
}

/* Keeps in mind, for the next daemon, that PID 1 has stopped the unit by itself. */
static void keep_ending(EnabledUnit *u) {
        Pid1Ending ending;
        int r = u->once ? -ENODATA : pid1_unit_ending(u->unit, &ending);

        if (r == 0)
                aside_forget(u->name, &u->aside);
        else if (r > 0 && (r = aside_keep(u->name, &ending, &u->aside)) < 0)
                log_debug_errno(r, "%s: a restart of leased will not know why it was stopped", u->name);
}

static void on_status(Pid1Unit *unit, const Pid1UnitStatus *s, void *userdata) {
        EnabledUnit *u = userdata;

        publish_status(u, s);
        note_gate(u, s);
        keep_ending(u);
        if (s->known)
                environment_watch_look(u->daemon->environments, u->name);
        if (s->known && !s->gate_loaded && wants_gate(u) && streq(s->load_state, "loaded"))
                gates_mend(u->daemon->gates, u->name, u->name, s->need_reload);
        if (s->known && s->gate_asserted && wants_no_gate(u))
                gates_lift(u->daemon->gates, u->name, NULL, s->need_reload);
        report(u);
}

static void on_members_changed(void *userdata) {
        report(userdata);
}

static void on_member_ungated(const char *member, bool need_reload, void *userdata) {
        EnabledUnit *u = userdata;

        if (wants_gate(u))
                gates_mend(u->daemon->gates, member, u->name, need_reload);
}

/* PID 1 says no more than "Assertion failed". So the reason is written to the unit's own journal, which `systemctl
 * status` shows. */
static void say_refused(EnabledUnit *u, const char *refused) {
        char holder[128] = "", who[512], text[1024];
        UnitView view;
        Reason why;

        if (!core_find_unit(u->daemon->core, loop_now(), u->name, &view))
                return;
        why = view.held_here && view.why_not.why == WHY_NONE ? reason(WHY_GATE_SHUT) : view.why_not;
        if (view.held_here)
                (void) snprintf(who, sizeof(who), "which is held here, but %s", WHY_TEXT(why));
        else if (isempty(view.machine_id))
                (void) snprintf(who, sizeof(who), "which nobody holds (%s)",
                                why.why == WHY_NONE ? core_state_word(view.state) : WHY_TEXT(why));
        else
                (void) snprintf(who, sizeof(who), "which is held by %s",
                                machine_name(u->daemon->core, view.machine_id, holder, sizeof(holder)));
        (void) snprintf(text, sizeof(text), "not started: it runs only with the lease %s, %s", view.lease, who);
        journal_event(LOG_NOTICE,
                        &(JournalEvent){
                                        .id = MESSAGE_NOT_STARTED,
                                        .unit = refused,
                                        .lease = view.lease,
                                        .machine = holder,
                                        .machine_id = holder[0] ? view.machine_id : NULL,
                                        .reason = WHY_TEXT(why),
                                        .code = why.why,
                                        .index = view.index,
                        },
                        text);
}

static void on_refused(Pid1Unit *unit, void *userdata) {
        EnabledUnit *u = userdata;

        say_refused(u, u->name);
}

static void on_member_refused(const char *member, void *userdata) {
        say_refused(userdata, member);
}

static void on_member_failed(const char *member, bool start, int error, const char *message, void *userdata) {
        EnabledUnit *u = userdata;
        char line[UNIT_ERROR_SIZE];

        (void) snprintf(line, sizeof(line), "PID 1 does not %s %s: %s", start ? "start" : "stop",
                        streq(member, u->name) ? "it" : member, isempty(message) ? strerror(-error) : message);
        unit_journal_write(u->daemon, LOG_WARNING,
                        (JournalEvent){ .id = MESSAGE_PID1_REFUSES,
                                        .unit = u->name,
                                        .reason = strempty(message),
                                        .code = WHY_PID1_REFUSES },
                        line);
        pid1_port_set_error(u->daemon, u->name, WHY_PID1_REFUSES, line);
        loop_event(u->daemon->loop, &(Event){
                                                    .kind = EVENT_FAILED,
                                                    .unit = u->name,
                                                    .action = start ? ACTION_UNIT_START : ACTION_UNIT_STOP,
                                                    .on = error == -ETIMEDOUT || error == -ENOTCONN,
                                    });
}

static void on_failed(Pid1Unit *unit, bool start, int error, const char *message, void *userdata) {
        EnabledUnit *u = userdata;

        on_member_failed(u->name, start, error, message, u);
}

/* ---- the set ---- */

static void leave_order(EnabledUnit *u) {
        if (u->prev)
                DL_DELETE(u->daemon->reading.order, u);
        u->prev = NULL;
}

/* The unit is the last one now that was found to be enabled. */
static void note_read(EnabledUnit *u) {
        leave_order(u);
        DL_APPEND(u->daemon->reading.order, u);
        u->read_in = u->daemon->reading.number;
}

static EnabledUnit *enabled_unit_free(EnabledUnit *u) {
        leave_order(u);
        u->daemon->n_runs -= u->once;
        members_free(u->members);
        pid1_unit_free(u->unit);
        unit_options_free(u->options);
        run_unit_free(u->run);
        free(u->error);
        free(u);
        return NULL;
}

static int watch_unit(EnabledUnit *u, char *const *gated) {
        static const Pid1UnitCallbacks callbacks = { .status = on_status, .refused = on_refused, .failed = on_failed };
        static const MembersCallbacks members_callbacks = {
                .changed = on_members_changed,
                .ungated = on_member_ungated,
                .refused = on_member_refused,
                .failed = on_member_failed,
        };
        _cleanup_free_ char *gate = gate_path(u->name);
        int r;

        if (!gate)
                return -ENOMEM;
        r = pid1_unit_new(u->daemon->pid1, u->name, gate, GUARD_SERVICE, &callbacks, u, &u->unit);
        return r < 0 ? r : members_new(u->daemon->pid1, u->name, gated, &members_callbacks, u, &u->members);
}

/* Tells what the daemon before this one knew of the unit's end. */
static int recall_ending(EnabledUnit *u) {
        Pid1Ending ending;

        return aside_read(u->name, &ending, &u->aside) ? pid1_unit_recall(u->unit, &ending) : 0;
}

static int add(Daemon *d, const char *name, char *const *gated, EnabledUnit **ret) {
        size_t n = strlen(name) + 1;
        EnabledUnit *u = calloc(1, sizeof(EnabledUnit) + n);
        int r;

        if (!u)
                return -ENOMEM;
        memcpy(u->name, name, n);
        u->daemon = d;
        u->timeout_stop = USEC_INFINITY;
        r = watch_unit(u, gated);
        if (r >= 0)
                r = recall_ending(u);
        if (r < 0) {
                enabled_unit_free(u);
                return r;
        }
        HASH_ADD_STR(d->units, name, u);
        *ret = u;
        return 0;
}

int pid1_port_configure(Daemon *d, UnitOptions *options, char *const *gated) {
        EnabledUnit *u = find(d, options->unit);
        int r = u ? 0 : add(d, options->unit, gated, &u);

        if (r < 0) {
                unit_options_free(options);
                return r;
        }
        changes_note_unit(&d->reading.changes, u->name, u->forgotten ? NULL : u->options, options);
        unit_options_free(u->options);
        u->options = options;
        u->forgotten = false;
        note_read(u);
        members_set_fence(u->members, options->fence_by_reboot);
        members_set_freezes(u->members, options->config.freezes);
        members_set_slice(u->members, options->global ? NULL : options->slice);
        r = checks_configure(d, options);
        if (r < 0)
                (void) log_error_errno(r, "%s: cannot begin its checks", u->name);
        (void) pid1_unit_read(u->unit);
        deliver_configuration(u);
        if (options->global)
                gates_lift(d->gates, options->unit, gated, false);
        return 0;
}

void pid1_port_begin_reading(Daemon *d) {
        d->reading.number++;
}

bool pid1_port_keep(Daemon *d, const char *unit) {
        EnabledUnit *u = find(d, unit);

        if (u && u->prev)
                note_read(u);
        return u;
}

/* Whoever was read last is at the end of the order: so those that this reading did not find stand before all others.
 */
bool pid1_port_forget_one(Daemon *d) {
        EnabledUnit *u = d->reading.order;
        char name[UNIT_NAME_SPACE];

        if (!u || u->read_in == d->reading.number)
                return false;
        must(u->options && !u->forgotten && !u->once);
        leave_order(u);
        u->forgotten = true;
        log_notice("%s: no longer enabled here", u->name);
        changes_note_unit(&d->reading.changes, u->name, u->options, NULL);
        str_copy(name, sizeof(name), u->name); /* the core may answer that the unit is to be dropped */
        loop_event(d->loop, &(Event){ .kind = EVENT_FORGET, .unit = name });
        return true;
}

void pid1_port_drop(Daemon *d, const char *unit) {
        EnabledUnit *u = find(d, unit);

        if (!u)
                return;
        HASH_DEL(d->units, u);
        checks_forget(d, u->name);
        environment_watch_forget(d->environments, u->name);
        own_files_forget(d->members, u->name);
        members_forget(u->name);
        aside_forget(u->name, &u->aside);
        if (u->once)
                run_unit_forget(u->name);
        enabled_unit_free(u);
}

void pid1_port_free(Daemon *d) {
        EnabledUnit *u, *next;

        HASH_ITER(hh, d->units, u, next) {
                HASH_DEL(d->units, u);
                enabled_unit_free(u);
        }
}

/* At the beginning of a tenure PID 1 is asked to forget earlier failures of the unit: the standing back that is kept
 * with the lease counts the attempts on this machine. */
static void forget_failures(EnabledUnit *u) {
        int r = pid1_unit_reset_failed(u->unit);

        if (r > 0)
                r = members_reset_failed(u->members);
        if (r < 0)
                log_debug_errno(r, "%s: PID 1 cannot be asked to forget earlier failures", u->name);
}

void pid1_port_clear_slice(Daemon *d, const char *unit) {
        const EnabledUnit *u = find(d, unit);

        if (u)
                members_clear_slice(u->members);
}

/* ---- commands of "leasectl run" ---- */

static int add_run(Daemon *d, const char *unit, const char *lease, unsigned slots, EnabledUnit **ret) {
        _cleanup_(unit_options_freep) UnitOptions *options = calloc(1, sizeof(UnitOptions));
        EnabledUnit *u;
        int r;

        if (!options || !(options->unit = strdup(unit)) ||
                        asprintf(&options->lease, "%s%s", lease, slots > 0 ? "#1" : "") < 0 ||
                        !(options->placement = calloc(1, sizeof(Placement))))
                return -ENOMEM;
        options->config = (UnitConfig){ .unit = options->unit,
                .lease = options->lease,
                .stop_grace = USEC_INFINITY,
                .once = true,
                .slots = slots,
                .placement = options->placement };
        r = add(d, unit, NULL, &u);
        if (r < 0)
                return r;
        u->options = TAKE_PTR(options);
        u->once = true;
        d->n_runs++;
        u->timeout_stop = RUN_UNIT_STOP;
        *ret = u;
        return 0;
}

int pid1_port_add_run(Daemon *d, const char *unit, RunUnit *run, UnitConfig *ret) {
        EnabledUnit *u;
        int r = add_run(d, unit, run->lease, run->slots, &u);

        if (r < 0) {
                run_unit_free(run);
                return r;
        }
        u->run = run;
        *ret = configuration_of(u);
        return 0;
}

int pid1_port_adopt_run(Daemon *d, const char *unit, const char *lease) {
        EnabledUnit *u;
        int r = add_run(d, unit, lease, 0, &u);

        if (r >= 0)
                deliver_configuration(u);
        return MIN(r, 0);
}

size_t pid1_port_count_runs(const Daemon *d) {
        return d->n_runs;
}

static int start_run(EnabledUnit *u) {
        _cleanup_(run_unit_freep) RunUnit *run = TAKE_PTR(u->run);
        UnitView view;
        int r;

        if (!run || !core_find_unit(u->daemon->core, loop_now(), u->name, &view))
                return -EALREADY; /* it was started before, and is started only once */
        r = run_unit_keep(u->name, view.lease);
        if (r < 0)
                return log_error_errno(r, "%s: cannot be noted in " RUNS_DIRECTORY ", so it is not started", u->name);
        return pid1_unit_start_transient(u->unit, run_unit_append, run);
}

int pid1_port_act(Daemon *d, const Action *a) {
        EnabledUnit *u = find(d, a->unit);
        int r = 0;

        /* The unit is not enabled here, or not any more, but the guard has an entry for it: so it is watched until it
         * is down. */
        if (!u)
                r = add(d, a->unit, NULL, &u);
        if (r < 0)
                return r;
        switch (a->kind) {
        case ACTION_UNIT_START:
                if (u->once)
                        return start_run(u);
                if (a->on)
                        forget_failures(u);
                return pid1_unit_start(u->unit);
        case ACTION_UNIT_STOP:
                r = pid1_unit_stop(u->unit);
                return r < 0 ? r : members_stop(u->members);
        default:
                members_read(u->members);
                return pid1_unit_read(u->unit);
        }
}
