/* SPDX-License-Identifier: Apache-2.0 */
#include "pid1/pid1-status.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "util/cgroup.h"
#include "util/names.h"
#include "util/strv.h"
#include "util/unit-facts.h"
#include "util/unit-name.h"

#define GROUP_PATH_MAX 512

/* The properties of a unit. Those of basic types are kept as sd_bus_message_read_basic() writes them: strings are
 * borrowed from the message, booleans are int. There are more than 30 fields, because PID 1 says each of them by
 * itself. */
typedef struct Fields {
        const char *id, *load_state, *active_state, *sub_state, *result, *control_group;
        int need_reload;
        uint64_t timeout_stop, timeout;
        uint32_t job_id, restarts, main_pid, control_pid;
        int32_t main_code;
        uint64_t inactive_since, inactive_exit, active_since;  /* CLOCK_REALTIME */
        uint64_t changed_at, up_since, active_exit, main_exit; /* CLOCK_MONOTONIC */
        const char *type, *exit_type;                          /* of a service */
        int remains;
        uint8_t invocation_id[16];
        uint64_t last_trigger;
        int persistent, accept;
        int refuses_start, refuses_stop, stops_unneeded, lazy_unmount;
        const char *success_action;
        UnitForbid forbids; /* as in an earlier answer */
        bool gate, guard, stop_post;
        bool pulling; /* the property that is being read names what the start of the unit brings along */
        Relations related;
        char **triggers, **bound_by;
        char **pulled; /* the units that its start brings along */
} Fields;

static const char *const active_names[_UNIT_ACTIVE_MAX] = {
        [UNIT_INACTIVE] = "inactive",
        [UNIT_FAILED] = "failed",
        [UNIT_ACTIVATING] = "activating",
        [UNIT_ACTIVE] = "active",
        [UNIT_DEACTIVATING] = "deactivating",
        [UNIT_RELOADING] = "reloading",
};

const char *pid1_unit_active_to_string(Pid1Active a) {
        return (unsigned) a < _UNIT_ACTIVE_MAX ? active_names[a] : NULL;
}

static int active_from_string(const char *s, Pid1Active *ret) {
        for (Pid1Active a = 0; a < _UNIT_ACTIVE_MAX; a++)
                if (streq(s, active_names[a])) {
                        *ret = a;
                        return 0;
                }
        /* "systemctl clean" runs in a unit that is not quite down; "refreshing" came after systemd 255. */
        if (streq(s, "maintenance"))
                *ret = UNIT_DEACTIVATING;
        else if (streq(s, "refreshing"))
                *ret = UNIT_RELOADING;
        else
                return -EBADMSG;
        return 0;
}

static int read_job(sd_bus_message *m, Fields *f, const char *wanted) {
        return sd_bus_message_read(m, "(uo)", &f->job_id, NULL);
}

static int read_invocation_id(sd_bus_message *m, Fields *f, const char *wanted) {
        const void *p;
        size_t n;
        int r;

        r = sd_bus_message_read_array(m, 'y', &p, &n);
        if (r < 0)
                return r;
        if (n == sizeof(f->invocation_id))
                memcpy(f->invocation_id, p, n);
        return 0;
}

/* Reads names of units that have these relations to ours. The guard is one of them: PID 1 may stop the unit before the
 * guard's process is dead, as when the guard's watchdog has run out. It is left out of what the unit's start brings
 * along. STOP_TARGET is none of them: it is started by whoever stops the unit. */
static int read_related(sd_bus_message *m, Fields *f, const char *guard, unsigned mask) {
        const char *s;
        int r;

        r = sd_bus_message_enter_container(m, 'a', "s");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_read_basic(m, 's', &s)) > 0) {
                bool is_guard = guard && streq(s, guard);

                if (startswith(s, STOP_TARGET_PREFIX))
                        continue;
                f->guard = f->guard || (is_guard && mask & RELATION_BOUND);
                if (relations_add(&f->related, s, mask) < 0 ||
                                (f->pulling && !is_guard && strv_add(&f->pulled, s) < 0))
                        return -ENOMEM;
        }
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int read_binds_to(sd_bus_message *m, Fields *f, const char *guard) {
        return read_related(m, f, guard, RELATION_STOPS | RELATION_NEEDED | RELATION_BOUND);
}

static int read_requires(sd_bus_message *m, Fields *f, const char *guard) {
        return read_related(m, f, guard, RELATION_STOPS | RELATION_NEEDED);
}

static int read_part_of(sd_bus_message *m, Fields *f, const char *guard) {
        return read_related(m, f, guard, RELATION_STOPS);
}

static int read_stop_from(sd_bus_message *m, Fields *f, const char *guard) {
        return read_related(m, f, guard, RELATION_STOPS | RELATION_BOUND);
}

static int read_conflicts(sd_bus_message *m, Fields *f, const char *guard) {
        return read_related(m, f, guard, RELATION_CONFLICTS);
}

static int read_strv(sd_bus_message *m, char ***ret) {
        const char *s;
        int r = sd_bus_message_enter_container(m, 'a', "s");

        if (r < 0)
                return r;
        while ((r = sd_bus_message_read_basic(m, 's', &s)) > 0)
                if (strv_add(ret, s) < 0)
                        return -ENOMEM;
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int read_stop_post(sd_bus_message *m, Fields *f, const char *wanted) {
        int r = sd_bus_message_enter_container(m, 'a', "(sasbttttuii)");

        while (r >= 0 && (r = sd_bus_message_at_end(m, false)) == 0) {
                f->stop_post = true;
                r = sd_bus_message_skip(m, "(sasbttttuii)");
        }
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int read_triggers(sd_bus_message *m, Fields *f, const char *wanted) {
        return read_strv(m, &f->triggers);
}

static int read_wants(sd_bus_message *m, Fields *f, const char *wanted) {
        return read_strv(m, &f->pulled);
}

static int read_bound_by(sd_bus_message *m, Fields *f, const char *wanted) {
        return read_strv(m, &f->bound_by);
}

static int read_asserts(sd_bus_message *m, Fields *f, const char *gate) {
        const char *type, *parameter;
        int trigger, negate, state, r;

        r = sd_bus_message_enter_container(m, 'a', "(sbbsi)");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_read(m, "(sbbsi)", &type, &trigger, &negate, &parameter, &state)) > 0)
                f->gate |= unit_facts_is_gate(type, trigger, negate, parameter, gate);
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

static const struct Property {
        const char *name, *signature;
        size_t offset; /* of a basic type: where the value goes */
        int (*read)(sd_bus_message *m, Fields *f, const char *wanted);
} properties[] = {
        { "Id", "s", offsetof(Fields, id) },
        { "LoadState", "s", offsetof(Fields, load_state) },
        { "ActiveState", "s", offsetof(Fields, active_state) },
        { "SubState", "s", offsetof(Fields, sub_state) },
        { "NeedDaemonReload", "b", offsetof(Fields, need_reload) },
        { "Job", "(uo)", 0, read_job },
        { "StateChangeTimestampMonotonic", "t", offsetof(Fields, changed_at) },
        { "InactiveEnterTimestamp", "t", offsetof(Fields, inactive_since) },
        { "InactiveExitTimestamp", "t", offsetof(Fields, inactive_exit) },
        { "ActiveExitTimestampMonotonic", "t", offsetof(Fields, active_exit) },
        { "ActiveEnterTimestampMonotonic", "t", offsetof(Fields, up_since) },
        { "InvocationID", "ay", 0, read_invocation_id },
        { "Asserts", "a(sbbsi)", 0, read_asserts },
        { "BindsTo", "as", 0, read_binds_to },
        { "Requires", "as", 0, read_requires },
        { "Wants", "as", 0, read_wants },
        { "Upholds", "as", 0, read_wants },
        { "Requisite", "as", 0, read_requires },
        { "PartOf", "as", 0, read_part_of },
        { "StopPropagatedFrom", "as", 0, read_stop_from },
        { "Conflicts", "as", 0, read_conflicts },
        { "ConflictedBy", "as", 0, read_conflicts },
        { "Triggers", "as", 0, read_triggers },
        { "BoundBy", "as", 0, read_bound_by },
        { "RefuseManualStart", "b", offsetof(Fields, refuses_start) },
        { "RefuseManualStop", "b", offsetof(Fields, refuses_stop) },
        { "StopWhenUnneeded", "b", offsetof(Fields, stops_unneeded) },
        { "SuccessAction", "s", offsetof(Fields, success_action) },
        /* The rest belongs to the interface of the unit's type, and only some types have it. */
        { "Result", "s", offsetof(Fields, result) },
        { "NRestarts", "u", offsetof(Fields, restarts) },
        { "MainPID", "u", offsetof(Fields, main_pid) },
        { "ControlPID", "u", offsetof(Fields, control_pid) },
        { "ExecMainCode", "i", offsetof(Fields, main_code) },
        { "ExecMainExitTimestampMonotonic", "t", offsetof(Fields, main_exit) },
        { "Type", "s", offsetof(Fields, type) },
        { "ExitType", "s", offsetof(Fields, exit_type) },
        { "RemainAfterExit", "b", offsetof(Fields, remains) },
        { "ControlGroup", "s", offsetof(Fields, control_group) },
        { "TimeoutStopUSec", "t", offsetof(Fields, timeout_stop) },
        { "TimeoutUSec", "t", offsetof(Fields, timeout) }, /* sockets, mounts and swaps have one for all commands */
        { "ExecStopPost", "a(sasbttttuii)", 0, read_stop_post },
        { "Accept", "b", offsetof(Fields, accept) },
        { "Persistent", "b", offsetof(Fields, persistent) },
        { "LazyUnmount", "b", offsetof(Fields, lazy_unmount) },
        { "LastTriggerUSec", "t", offsetof(Fields, last_trigger) },
        { "ActiveEnterTimestamp", "t", offsetof(Fields, active_since) },
};

static const struct Property *property_find(const char *name) {
        for (size_t i = 0; i < ELEMENTSOF(properties); i++)
                if (streq(properties[i].name, name))
                        return properties + i;
        return NULL;
}

static int read_value(sd_bus_message *m, const struct Property *p, Fields *f, const char *gate, const char *guard) {
        const char *contents;
        char type;
        int r;

        r = sd_bus_message_peek_type(m, &type, &contents);
        if (r < 0)
                return r;
        if (type != 'v' || !p || !streq(contents, p->signature))
                return sd_bus_message_skip(m, "v");

        r = sd_bus_message_enter_container(m, 'v', contents);
        if (r < 0)
                return r;
        f->pulling = unit_facts_pulls(p->name);
        if (p->read)
                r = p->read(m, f, p->read == read_asserts ? gate : guard);
        else
                r = sd_bus_message_read_basic(m, *p->signature, (char *) f + p->offset);
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int read_all(sd_bus_message *m, Fields *f, const char *gate, const char *guard) {
        const char *name;
        int r;

        r = sd_bus_message_enter_container(m, 'a', "{sv}");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                r = sd_bus_message_read_basic(m, 's', &name);
                if (r < 0)
                        return r;
                r = read_value(m, property_find(name), f, gate, guard);
                if (r < 0)
                        return r;
                r = sd_bus_message_exit_container(m);
                if (r < 0)
                        return r;
        }
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

static void fields_done(Fields *f) {
        strv_free(f->triggers);
        strv_free(f->bound_by);
        strv_free(f->pulled);
        relations_done(&f->related);
}

/* Gives since when the unit is not active any more, which PID 1 is asked for by CLOCK_MONOTONIC only. The wall clock
 * may have been set since the unit became active; then this is by the clock as it was. 0: it never was. */
static usec_t left_at(const Fields *f) {
        bool known = f->active_since > 0 && f->up_since > 0 && f->active_exit >= f->up_since;

        return known ? f->active_since + (f->active_exit - f->up_since) : 0;
}

/* Gives since when (CLOCK_REALTIME) the unit is in its state. PID 1 keeps a time stamp of its own for each state. */
static usec_t since_of(const Fields *f, Pid1Active active) {
        switch (active) {
        case UNIT_INACTIVE:
        case UNIT_FAILED:
                return f->inactive_since;
        case UNIT_ACTIVE:
        case UNIT_RELOADING:
                return f->active_since;
        case UNIT_ACTIVATING:
                return f->inactive_exit;
        case UNIT_DEACTIVATING:
                return left_at(f);
        case _UNIT_ACTIVE_MAX:
                break;
        }
        return 0;
}

/* Versions of systemd that lack one of the properties lack the setting, too. An answer with only the parts that change
 * tells LazyUnmount=, which is of the unit's type, and of the others nothing: for these the earlier answer counts. */
static UnitForbid forbids_of(const Fields *f) {
        if (f->refuses_stop)
                return UNIT_FORBID_MANUAL_STOP;
        if (!isempty(f->success_action) && !streq(f->success_action, "none"))
                return UNIT_FORBID_SUCCESS_ACTION;
        if (f->lazy_unmount && (f->forbids == UNIT_FORBID_NOTHING || f->forbids > UNIT_FORBID_LAZY_UNMOUNT))
                return UNIT_FORBID_LAZY_UNMOUNT;
        if (f->refuses_start)
                return UNIT_FORBID_MANUAL_START;
        return f->stops_unneeded && f->forbids == UNIT_FORBID_NOTHING ? UNIT_FORBID_UNNEEDED : f->forbids;
}

/* When somebody has PID 1 stop a service, the service leaves its active state first, and its main process ends after
 * that, whatever becomes of the wall clock meanwhile. It is the other way round where the main process ended by
 * itself, if the service does not go on without it. The watchdog bites nobody whom PID 1 stops already; the killer of
 * processes for want of memory does, and proves nothing.
 */
static bool has_crashed(const Fields *f) {
        bool needs_main = !f->remains && !streq(strempty(f->exit_type), "cgroup");

        return (needs_main && f->main_exit > 0 && f->main_exit <= f->active_exit) ||
               streq(strempty(f->result), "watchdog");
}

static UnitSign sign_of(const Fields *f, Pid1Active active) {
        bool well = active == UNIT_INACTIVE && streq(strempty(f->result), "success");

        if (active == UNIT_FAILED && has_crashed(f))
                return UNIT_SIGN_CRASHED;
        return well && streq(strempty(f->type), "dbus") ? UNIT_SIGN_NAMED : UNIT_SIGN_NONE;
}

/* The fields before anything is read. A property that PID 1 does not send counts as the less favourable value. */
static const Fields unread = {
        .need_reload = 1, .job_id = UINT32_MAX, .timeout_stop = USEC_INFINITY, .timeout = USEC_INFINITY
};

/* Makes the answer from all fields that were read. If this succeeds, the lists of neighbours move from *fields to
 * *ret; otherwise they stay in *fields. */
static int conclude(Fields *fields, const char *name, Pid1Answer *ret) {
        Fields f = *fields;
        Pid1Answer a = {};
        Pid1UnitStatus *s = &a.status;
        UnitFacts facts;
        int r;

        if (!f.id || !f.load_state || !f.active_state || !f.sub_state || f.job_id == UINT32_MAX)
                return -EBADMSG;
        r = active_from_string(f.active_state, &s->active);
        if (r < 0)
                return r;

        a.job_id = f.job_id;
        a.restarts = f.restarts;
        s->main_pid = f.main_pid;
        s->control_pid = f.control_pid;
        a.control_group = f.control_group;
        str_copy(s->load_state, sizeof(s->load_state), f.load_state);
        str_copy(s->sub_state, sizeof(s->sub_state), f.sub_state);
        /* A path that is too long is not shown. The look for processes uses any path. */
        s->control_group = f.control_group && strlen(f.control_group) < GROUP_PATH_MAX ? f.control_group : "";
        memcpy(s->invocation_id, f.invocation_id, sizeof(s->invocation_id));
        s->inactive_since = f.inactive_since;
        s->active_since = f.up_since;
        s->since = since_of(&f, s->active);
        s->sign = sign_of(&f, s->active);
        if (f.result && !streq(f.result, "success"))
                str_copy(s->result, sizeof(s->result), f.result);
        s->job = f.job_id != 0;
        s->stop_post = f.stop_post;
        s->need_reload = f.need_reload;
        s->forbids = forbids_of(&f);
        s->stops_unneeded = f.stops_unneeded;
        s->failed = s->active == UNIT_FAILED || s->result[0];
        s->killed = f.main_code == CLD_KILLED || f.main_code == CLD_DUMPED;
        s->timeout_stop = MIN(f.timeout_stop, f.timeout);
        /* A timer that has never elapsed counts from its start: what was due before the start is not missed. */
        if (f.persistent)
                s->last_trigger = f.last_trigger > 0 ? f.last_trigger : s->active == UNIT_ACTIVE ? f.active_since : 0;
        facts = (UnitFacts){
                .id = f.id,
                .load_state = f.load_state,
                .gate_asserted = f.gate,
                .guard_bound = f.guard,
                .need_reload = f.need_reload,
                .accept = f.accept,
                .triggers = f.triggers,
                .bound_by = f.bound_by,
                .pulled = f.pulled,
        };
        a.guard_bound = f.guard;
        s->gate_asserted = f.gate;
        s->gate_loaded = unit_facts_gate_loaded(&facts, name);
        r = unit_facts_add_covered(&facts, name, &a.covers);
        if (r < 0) {
                strv_free(a.covers);
                return r;
        }
        a.related = f.related;
        fields->related = (Relations){};
        *ret = a;
        return 0;
}

int pid1_unit_answer_decode(
                sd_bus_message *m, const char *name, const char *gate, const char *guard, Pid1Answer *ret) {
        _cleanup_(fields_done) Fields f = unread;
        int r = read_all(m, &f, gate, guard);

        return r < 0 ? r : conclude(&f, name, ret);
}

/* ---- by parts ---- */

const Pid1Part pid1_unit_parts[PID1_PARTS] = {
        { PART_PROPERTY, "StateChangeTimestampMonotonic" },
        { PART_TYPE, NULL },
        { PART_PROPERTY, "NeedDaemonReload" },
        { PART_PROPERTY, "InactiveEnterTimestamp", .ends = true },
        { PART_PROPERTY, "InactiveExitTimestamp" },
        { PART_PROPERTY, "ActiveExitTimestampMonotonic" },
        { PART_PROPERTY, "ActiveEnterTimestampMonotonic" },
        { PART_PROPERTY, "ActiveEnterTimestamp" },
        { PART_PROPERTY, "InvocationID", .ends = true },
        { PART_PROPERTY, "Asserts", .lasts = true },
        { PART_PROPERTY, "BindsTo", .lasts = true },
        { PART_PROPERTY, "Requires", .lasts = true },
        { PART_PROPERTY, "Wants", .lasts = true },
        { PART_PROPERTY, "Upholds", .lasts = true },
        { PART_PROPERTY, "Requisite", .lasts = true },
        { PART_PROPERTY, "PartOf", .lasts = true },
        { PART_PROPERTY, "StopPropagatedFrom", .lasts = true },
        { PART_PROPERTY, "Conflicts", .lasts = true },
        { PART_PROPERTY, "ConflictedBy", .lasts = true },
        { PART_PROPERTY, "Triggers", .lasts = true },
        { PART_PROPERTY, "BoundBy", .lasts = true },
        { PART_PROPERTY, "RefuseManualStart", .lasts = true },
        { PART_PROPERTY, "RefuseManualStop", .lasts = true },
        { PART_PROPERTY, "StopWhenUnneeded", .lasts = true },
        { PART_PROPERTY, "SuccessAction", .lasts = true },
        { PART_ROW, NULL, .ends = true },
        { PART_PROPERTY, "StateChangeTimestampMonotonic" },
};

static int read_row(sd_bus_message *m, Fields *f) {
        int r = sd_bus_message_enter_container(m, 'a', "(ssssssouso)");

        if (r < 0)
                return r;
        r = sd_bus_message_read(m, "(ssssssouso)", &f->id, NULL, &f->load_state, &f->active_state, &f->sub_state, NULL,
                        NULL, &f->job_id, NULL, NULL);
        return r < 0 ? r : r == 0 ? -EBADMSG : 0;
}

static int read_part(sd_bus_message *m, const Pid1Part *part, Fields *f, const char *gate, const char *guard) {
        switch (part->kind) {
        case PART_ROW:
                return read_row(m, f);
        case PART_TYPE:
                return read_all(m, f, gate, guard);
        default:
                return read_value(m, property_find(part->property), f, gate, guard);
        }
}

/* Reads the parts that were asked for. */
static int read_parts(
                sd_bus_message *const answers[static PID1_PARTS], Fields *f, const char *gate, const char *guard) {
        uint64_t began = 0;

        for (size_t i = 0; i < PID1_PARTS; i++) {
                int r = answers[i] ? read_part(answers[i], pid1_unit_parts + i, f, gate, guard) : 0;

                if (r < 0)
                        return r;
                if (i == 0)
                        began = f->changed_at;
        }
        return f->changed_at != began ? -EAGAIN : 0;
}

int pid1_unit_parts_decode(sd_bus_message *const answers[static PID1_PARTS], const char *name, const char *gate,
                const char *guard, Pid1Answer *ret) {
        _cleanup_(fields_done) Fields f = unread;
        int r = read_parts(answers, &f, gate, guard);

        return r < 0 ? r : conclude(&f, name, ret);
}

int pid1_unit_state_decode(sd_bus_message *const answers[static PID1_PARTS], const char *name,
                const Pid1UnitStatus *earlier, bool guard_bound, Pid1Answer *ret) {
        _cleanup_(fields_done) Fields f = unread;
        int r = read_parts(answers, &f, NULL, NULL);

        if (r < 0)
                return r;
        f.gate = earlier->gate_asserted;
        f.guard = guard_bound;
        f.forbids = earlier->forbids;
        f.stops_unneeded = earlier->stops_unneeded;
        r = conclude(&f, name, ret);
        if (r >= 0)
                ret->covers = strv_free(ret->covers); /* without Triggers= and BoundBy= they are not whole */
        return r;
}

int pid1_unit_end_decode(sd_bus_message *const answers[static PID1_PARTS], const char *name, Pid1Answer *ret) {
        return pid1_unit_state_decode(answers, name, &(Pid1UnitStatus){}, false, ret);
}

/* ---- rows ---- */

static bool stops(const char *job_type) {
        return streq(job_type, "stop") || streq(job_type, "restart") || streq(job_type, "try-restart");
}

int pid1_unit_row_decode(sd_bus_message *m, Pid1Row *ret) {
        const char *active;
        int r = sd_bus_message_read(m, "(ssssssouso)", &ret->name, NULL, &ret->load_state, &active, &ret->sub_state,
                        NULL, NULL, &ret->job, &ret->job_type, NULL);

        if (r <= 0)
                return r;
        return active_from_string(active, &ret->active) < 0 ? -EBADMSG : 1;
}

void pid1_unit_row_state(const Pid1Row *row, NeighbourState *state) {
        bool up = row->active == UNIT_ACTIVE || row->active == UNIT_RELOADING;
        bool down = row->active == UNIT_INACTIVE || row->active == UNIT_FAILED;
        bool stopped = row->job != 0 && stops(row->job_type);

        state->up = up && !stopped;
        state->down = down && !(row->job != 0 && !streq(row->job_type, "stop"));
        state->starting = row->job != 0 && !stopped;
}

int pid1_unit_rows_decode(sd_bus_message *m, Pid1Answer *ret, char ***ret_up) {
        Pid1Answer a = { .control_group = "" };
        Pid1Row row;
        int r;

        str_copy(a.status.load_state, sizeof(a.status.load_state), "loaded");
        a.status.control_group = "";
        a.status.timeout_stop = USEC_INFINITY;
        a.status.gate_loaded = true;
        r = sd_bus_message_enter_container(m, 'a', "(ssssssouso)");
        if (r < 0)
                return r;
        while ((r = pid1_unit_row_decode(m, &row)) > 0) {
                if (row.job != 0)
                        a.status.job = true;
                if (row.active == UNIT_INACTIVE || row.active == UNIT_FAILED)
                        continue;
                if (strv_add(ret_up, row.name) < 0)
                        return -ENOMEM;
                if (a.status.active != UNIT_ACTIVE) {
                        a.status.active = row.active == UNIT_DEACTIVATING ? row.active : UNIT_ACTIVE;
                        str_copy(a.status.sub_state, sizeof(a.status.sub_state), row.sub_state);
                }
        }
        if (r < 0)
                return r;
        *ret = a;
        return 0;
}

static int is_populated(const char *path, void *userdata) {
        int r = cgroup_is_empty(path);

        return r < 0 ? r : r == 0;
}

/* groups: NULL, or where the group is looked for, as of since. */
static bool is_empty(const char *root, Groups *groups, usec_t since, const char *name, const char *control_group) {
        _cleanup_free_ char *controllers = NULL, *path = NULL;

        if (!control_group)
                return true;
        /* The root of the unified hierarchy has this file. If root is anything else, a group that is not found there
         * may well exist. */
        if (asprintf(&controllers, "%s/cgroup.controllers", root) < 0) {
                controllers = NULL;
                return false;
        }
        if (access(controllers, F_OK) < 0)
                return false;

        /* A slice is looked for by its name, too: a container engine that makes groups by itself may have made one of
         * the slice's name in another place. */
        if (isempty(control_group) || endswith(name, ".slice"))
                return (groups ? groups_each_unit(groups, since, name, is_populated, NULL)
                               : cgroup_each_unit(root, name, is_populated, NULL)) == 0;
        if (asprintf(&path, "%s%s", root, control_group) < 0) {
                path = NULL;
                return false;
        }
        return cgroup_is_empty(path) > 0;
}

bool pid1_unit_cgroup_is_empty(const char *root, const char *name, const char *control_group) {
        return is_empty(root, NULL, 0, name, control_group);
}

bool pid1_unit_cgroup_is_empty_since(Groups *groups, usec_t since, const char *name, const char *control_group) {
        return is_empty(groups_root(groups), groups, since, name, control_group);
}
