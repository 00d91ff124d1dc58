/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/members.h"

#include <errno.h>
#include <stdio.h>
#include <utlist.h>

#include "conf/dropin.h"
#include "guard/protocol.h"
#include "pid1/pid1.h"
#include "util/cgroup.h"
#include "util/file-util.h"
#include "util/log.h"
#include "util/must.h"
#include "util/strv.h"
#include "util/text.h"
#include "util/unit-name.h"

#define FILE_SIZE_MAX ((size_t) 1024 * 1024)

typedef struct Member Member;

struct Member {
        Members *set;
        Pid1Unit *unit;
        Pid1Unit *probe; /* for a template: an instance that is never started, whose gate is that of every instance;
                            else NULL */
        bool covered;
        Member *prev, *next;
        char name[];
};

struct Members {
        Pid1 *pid1;
        const MembersCallbacks *callbacks;
        void *userdata;
        const char *unit;
        const char *slice;
        char *lease; /* NULL: the lease is named as the unit is */
        Member *list;
        char **kept;  /* names that a drop-in had when the set was made */
        char **shown; /* the lines of the guard's file */
        bool fence, stop_post, freezes;
        bool incomplete;
        bool found; /* members_update() has found all */
};

static bool is_slice(const char *name) {
        return endswith(name, ".slice");
}

/* ---- what PID 1 says of a member ---- */

static bool is_down(const Pid1UnitStatus *s) {
        return s->known && !s->job && s->empty && (s->active == UNIT_INACTIVE || s->active == UNIT_FAILED);
}

static bool is_resting(const Pid1UnitStatus *s) {
        return s->active == UNIT_INACTIVE || s->active == UNIT_FAILED;
}

/* A slice is active until PID 1 stops it, also when all units in it have ended. So an active slice does not mean that
 * the unit is up. But until the slice is inactive, PID 1 may be about to start something in it, so it does not count
 * as empty. */
static bool is_empty(const Member *member) {
        const Pid1UnitStatus *s = pid1_unit_status(member->unit);

        return s->empty && (!is_slice(member->name) || is_resting(s));
}

static const Pid1UnitStatus *gate_status(const Member *member) {
        return pid1_unit_status(member->probe ?: member->unit);
}

/* A member without a unit file cannot be started, and needs no gate until it has one. */
static bool is_gated(const Member *member) {
        const Pid1UnitStatus *s = gate_status(member);

        return s->gate_loaded ||
               (!s->need_reload && (streq(s->load_state, "not-found") || streq(s->load_state, "masked")));
}

/* leased stops a member, and starts none. */
static UnitForbid forbids_of_member(const Member *member) {
        UnitForbid forbids = gate_status(member)->forbids;

        must((unsigned) forbids < _UNIT_FORBID_MAX);
        return unit_forbiddings[forbids].of_members ? forbids : UNIT_FORBID_NOTHING;
}

static void on_status(Pid1Unit *unit, const Pid1UnitStatus *s, void *userdata) {
        Member *member = userdata;
        const MembersCallbacks *callbacks = member->set->callbacks;
        void *callbacks_userdata = member->set->userdata;

        if (s->known && !is_gated(member) && unit == (member->probe ?: member->unit) && streq(s->load_state, "loaded"))
                callbacks->ungated(member->name, s->need_reload, callbacks_userdata);
        callbacks->changed(callbacks_userdata); /* the last call, since it may free the set */
}

static void on_refused(Pid1Unit *unit, void *userdata) {
        Member *member = userdata;

        member->set->callbacks->refused(member->name, member->set->userdata);
}

static void on_failed(Pid1Unit *unit, bool start, int error, const char *message, void *userdata) {
        Member *member = userdata;

        member->set->callbacks->failed(member->name, start, error, message, member->set->userdata);
}

/* ---- one member ---- */

static Member *member_free(Member *member) {
        pid1_unit_free(member->unit);
        pid1_unit_free(member->probe);
        free(member);
        return NULL;
}

static int member_watch(Member *member) {
        static const Pid1UnitCallbacks callbacks = { .status = on_status, .refused = on_refused, .failed = on_failed };
        const Members *m = member->set;
        _cleanup_free_ char *gate = gate_path(m->unit);
        char probe[UNIT_NAME_SPACE];
        int r;

        if (!gate)
                return -ENOMEM;
        if (!unit_name_is_template(member->name))
                return pid1_unit_new(m->pid1, member->name, gate, GUARD_SERVICE, &callbacks, member, &member->unit);
        r = unit_name_fill(member->name, GATE_PROBE, probe);
        if (r < 0)
                return r;
        r = pid1_unit_new_template(m->pid1, member->name, &callbacks, member, &member->unit);
        return r < 0 ? r : pid1_unit_new(m->pid1, probe, gate, GUARD_SERVICE, &callbacks, member, &member->probe);
}

static Member *find(const Members *m, const char *name) {
        Member *member;

        DL_FOREACH(m->list, member)
                if (streq(member->name, name))
                        return member;
        return NULL;
}

static int add(Members *m, const char *name) {
        size_t n = strlen(name) + 1;
        Member *member;
        int r;

        if (streq(name, m->unit) || !guard_member_is_valid(name))
                return 0;
        member = find(m, name);
        if (member) {
                member->covered = true;
                return 0;
        }
        member = calloc(1, sizeof(Member) + n);
        if (!member)
                return -ENOMEM;
        memcpy(member->name, name, n);
        member->set = m;
        member->covered = true;
        r = member_watch(member);
        if (r < 0) {
                member_free(member);
                return r;
        }
        DL_APPEND(m->list, member);
        return 0;
}

/* ---- the set ---- */

/* Returns 1: the name is another one than it was; 0, or -ENOMEM. */
static int name_lease(Members *m, const char *lease) {
        bool same = streq(lease, m->unit);
        char *copy;

        if (streq(lease, m->lease ?: m->unit))
                return 0;
        copy = same ? NULL : strdup(lease);
        if (!same && !copy)
                return -ENOMEM;
        free(m->lease);
        m->lease = copy;
        return 1;
}

static int add_all(Members *m, char *const *names) {
        int r = 0;

        for (; names && *names && r >= 0; names++)
                r = add(m, *names);
        return r;
}

/* While PID 1 has not answered for all members, an ExecStopPost= that the guard was told of still counts. */
static bool has_stop_post(const Members *m) {
        bool any = m->stop_post, all_known = true;
        const Member *member;

        DL_FOREACH(m->list, member) {
                any |= gate_status(member)->stop_post;
                all_known &= gate_status(member)->known;
        }
        return any || (!all_known && strv_contains(m->shown, GUARD_STOP_POST));
}

/* Whether the guard's file says this: somebody may have removed it, or written something else there. */
static bool is_there(const char *path, char *const *names) {
        _cleanup_(strv_freep) char **there = NULL;
        _cleanup_free_ char *text = NULL;

        return read_file(path, FILE_SIZE_MAX, &text, NULL) >= 0 && strv_split_lines(text, &there) >= 0 &&
               strv_equal(names, there);
}

/* A unit without members has no file. */
static int write_file(const char *path, char *const *names) {
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        FILE *f = open_memstream(&text, &size);
        int r;

        if (!f)
                return -ENOMEM;
        for (char *const *name = names; name && *name; name++)
                (void) fprintf(f, "%s\n", *name);
        if (fclose(f) != 0)
                return -ENOMEM;
        r = mkdir_parents(GUARD_MEMBERS, 0755);
        if (r >= 0)
                r = names ? write_file_atomic(path, text, size, 0644, 0) : unlink_if_exists(path);
        return r;
}

static int list_for_guard(const Members *m, char ***ret) {
        _cleanup_free_ char *lease = m->lease ? text_format(GUARD_LEASE "%s", m->lease) : NULL;
        const Member *member;

        if (m->lease && !lease)
                return -ENOMEM;
        if (m->fence && strv_add(ret, GUARD_FENCE_REBOOT) < 0)
                return -ENOMEM;
        if (lease && strv_add(ret, lease) < 0)
                return -ENOMEM;
        if (m->freezes && strv_add(ret, GUARD_FREEZE) < 0)
                return -ENOMEM;
        if (has_stop_post(m) && strv_add(ret, GUARD_STOP_POST) < 0)
                return -ENOMEM;
        DL_FOREACH(m->list, member)
                if (strv_add(ret, member->name) < 0)
                        return -ENOMEM;
        return 0;
}

static int show_guard(Members *m) {
        _cleanup_free_ char *path = text_format(GUARD_MEMBERS "/%s", m->unit);
        _cleanup_(strv_freep) char **names = NULL;
        int r = path ? list_for_guard(m, &names) : -ENOMEM;

        if (r < 0 || (strv_equal(names, m->shown) && (!names || is_there(path, names))))
                return r;
        r = write_file(path, names);
        if (r < 0)
                return r;
        strv_free(m->shown);
        m->shown = TAKE_PTR(names);
        return 0;
}

bool members_are_shown(const Members *m) {
        return m->shown;
}

int members_keep(const Members *m) {
        _cleanup_free_ char *path = text_format(GUARD_MEMBERS "/%s", m->unit);
        int r;

        if (!path || !m->shown || is_there(path, m->shown))
                return path ? 0 : -ENOMEM;
        r = write_file(path, m->shown);
        return r < 0 ? r : 1;
}

static void drop_what_has_gone(Members *m) {
        Member *member, *next;

        DL_FOREACH_SAFE(m->list, member, next)
                if (!member->covered && is_down(pid1_unit_status(member->unit))) {
                        DL_DELETE(m->list, member);
                        member_free(member);
                }
}

int members_update(Members *m, char *const *covers, const char **ret_why) {
        Member *member;
        int r;

        DL_FOREACH(m->list, member)
                member->covered = false;
        r = add_all(m, covers);
        if (r >= 0 && m->slice)
                r = add(m, m->slice);
        if (r >= 0)
                r = add_all(m, m->kept);
        /* The list grows while it is walked: the timer of a target adds its service. */
        for (member = m->list; member && r >= 0; member = member->next)
                if (member->covered)
                        r = add_all(m, pid1_unit_covers(member->unit));
        *ret_why = r == -EEXIST ? "something that it starts, or its slice, has a lease of its own or another unit's"
                                : "out of memory";
        if (r >= 0) {
                drop_what_has_gone(m);
                r = show_guard(m);
                *ret_why = "cannot tell the guard what goes by its lease";
        }
        m->incomplete = r < 0;
        m->found = m->found || r >= 0;
        return r;
}

void members_combine(const Members *m, Pid1UnitStatus *s) {
        bool up = s->active != UNIT_INACTIVE && s->active != UNIT_FAILED;
        const Member *member;

        if (m->incomplete)
                s->gate_loaded = false;
        DL_FOREACH(m->list, member) {
                const Pid1UnitStatus *each = pid1_unit_status(member->unit), *gate = gate_status(member);

                if (!each->known || !gate->known)
                        s->known = false;
                s->asked_at = MIN(s->asked_at, each->asked_at);
                s->job |= each->job;
                s->empty &= is_empty(member);
                s->gate_loaded &= is_gated(member);
                if (forbids_of_member(member) != UNIT_FORBID_NOTHING)
                        s->forbids = forbids_of_member(member);
                if (is_slice(member->name))
                        continue;
                if (s->timeout_stop == USEC_INFINITY ||
                                (each->timeout_stop != USEC_INFINITY && each->timeout_stop > s->timeout_stop))
                        s->timeout_stop = each->timeout_stop;
                if (!up && s->active != UNIT_ACTIVE && each->active != UNIT_INACTIVE && each->active != UNIT_FAILED)
                        s->active = each->active == UNIT_DEACTIVATING ? each->active : UNIT_ACTIVE;
        }
}

/* A slice is also recognized by its name: a container engine may have made the slice's group in another place than PID
 * 1 would. */
static bool holds(const char *unit, const Pid1UnitStatus *s, const char *group) {
        char name[300];

        (void) snprintf(name, sizeof(name), "/%s", unit);
        return (*s->control_group && cgroup_path_contains(s->control_group, group)) ||
               (is_slice(unit) && cgroup_path_contains(name, group));
}

static bool is_outside(const Members *m, const Pid1UnitStatus *own, uint32_t pid, char *ret_group, size_t size) {
        _cleanup_free_ char *group = NULL;
        const Member *member;
        char number[16];

        (void) snprintf(number, sizeof(number), "%u", pid);
        if (pid == 0 || cgroup_of_process(number, &group) < 0 ||
                        holds(m->unit, own, group)) /* or the process is gone by now */
                return false;
        DL_FOREACH(m->list, member)
                if (holds(member->name, pid1_unit_status(member->unit), group))
                        return false;
        str_copy(ret_group, size, group);
        return true;
}

static uint32_t find_outside(
                const Members *m, const Pid1UnitStatus *own, const Pid1UnitStatus *s, char *group, size_t size) {
        if (!s->known || is_resting(s) || !*s->control_group)
                return 0;
        if (is_outside(m, own, s->main_pid, group, size))
                return s->main_pid;
        return is_outside(m, own, s->control_pid, group, size) ? s->control_pid : 0;
}

uint32_t members_find_outside(
                const Members *m, const Pid1UnitStatus *own, const char **ret_unit, char *group, size_t size) {
        uint32_t pid = find_outside(m, own, own, group, size);
        const Member *member;

        *ret_unit = m->unit;
        DL_FOREACH(m->list, member) {
                if (pid > 0)
                        break;
                *ret_unit = member->name;
                pid = find_outside(m, own, pid1_unit_status(member->unit), group, size);
        }
        return pid;
}

bool members_left(const Members *m) {
        const Member *member;
        bool left = false;

        DL_FOREACH(m->list, member) {
                const Pid1UnitStatus *s = pid1_unit_status(member->unit);

                if (!s->known || s->job || !is_resting(s))
                        return false;
                left |= is_slice(member->name) && !s->empty;
        }
        return left;
}

int members_stop(Members *m) {
        Member *member;
        int r = 0;

        DL_FOREACH(m->list, member) {
                const Pid1UnitStatus *s = pid1_unit_status(member->unit);
                int k = 0;

                /* A member that is on its way up is stopped as well. */
                if (!is_down(s) && (unit_name_is_template(member->name) || s->active != UNIT_DEACTIVATING))
                        k = forbids_of_member(member) == UNIT_FORBID_MANUAL_STOP
                                            ? pid1_unit_stop_by_conflict(member->unit)
                                            : pid1_unit_stop(member->unit);
                if (k < 0)
                        r = k;
        }
        return r;
}

int members_reset_failed(Members *m) {
        Member *member;
        int r = 0;

        DL_FOREACH(m->list, member)
                if (r >= 0)
                        r = pid1_unit_reset_failed(member->unit);
        return MIN(r, 0);
}

void members_clear_slice(const Members *m) {
        const Member *member;
        int r;

        DL_FOREACH(m->list, member) {
                r = is_slice(member->name) ? pid1_reset_failed_in(m->pid1, member->name) : 0;
                if (r < 0)
                        log_debug_errno(r, "%s: PID 1 cannot be asked to forget what has failed there", member->name);
        }
}

void members_read(Members *m) {
        Member *member;

        DL_FOREACH(m->list, member)
                (void) pid1_unit_read(member->unit);
}

void members_set_fence(Members *m, bool reboot) {
        m->fence = reboot; /* the guard is told with the next members_update() */
}

int members_set_lease(Members *m, const char *lease) {
        int r = name_lease(m, lease);

        /* Before all members are known the file stays as it is, since some of them may stand there alone. */
        return r > 0 && m->found ? show_guard(m) : MIN(r, 0);
}

void members_set_freezes(Members *m, bool freezes) {
        m->freezes = freezes; /* likewise */
}

void members_set_slice(Members *m, const char *slice) {
        m->slice = slice;
}

void members_set_stop_post(Members *m, bool has) {
        m->stop_post = has;
}

bool members_can_be_gated(const char *unit) {
        return endswith(unit, ".timer") || endswith(unit, ".socket") || endswith(unit, ".path") ||
               endswith(unit, ".automount") || endswith(unit, ".target");
}

static int read_kept(Members *m, char *const *gated) {
        _cleanup_free_ char *path = NULL, *text = NULL;
        const char *lease;
        int r;

        if (asprintf(&path, GUARD_MEMBERS "/%s", m->unit) < 0) {
                path = NULL;
                return -ENOMEM;
        }
        r = read_file(path, FILE_SIZE_MAX, &text, NULL);
        if (r >= 0)
                r = strv_split_lines(text, &m->shown);
        if (r < 0 && r != -ENOENT)
                return r;
        r = 0;
        for (char *const *name = gated; r >= 0 && name && *name; name++)
                r = strv_add(&m->kept, *name);
        if (r >= 0)
                r = add_all(m, m->shown);
        if (r >= 0)
                r = add_all(m, m->kept);
        lease = strv_after(m->shown, GUARD_LEASE);
        if (lease && name_lease(m, lease) < 0)
                (void) log_oom(); /* only lines in the journal go by it */
        return r;
}

int members_new(Pid1 *pid1, const char *unit, char *const *gated, const MembersCallbacks *callbacks, void *userdata,
                Members **ret) {
        Members *m = calloc(1, sizeof(Members));

        if (!m)
                return -ENOMEM;
        *m = (Members){ .pid1 = pid1, .unit = unit, .callbacks = callbacks, .userdata = userdata };
        m->incomplete = read_kept(m, members_can_be_gated(unit) ? gated : NULL) < 0;
        *ret = m;
        return 0;
}

Members *members_free(Members *m) {
        Member *member, *next;

        if (!m)
                return NULL;
        DL_FOREACH_SAFE(m->list, member, next) {
                DL_DELETE(m->list, member);
                member_free(member);
        }
        strv_free(m->kept);
        strv_free(m->shown);
        free(m->lease);
        free(m);
        return NULL;
}

void members_forget(const char *unit) {
        _cleanup_free_ char *path = NULL;

        if (asprintf(&path, GUARD_MEMBERS "/%s", unit) < 0) {
                path = NULL;
                return;
        }
        (void) unlink_if_exists(path);
}
