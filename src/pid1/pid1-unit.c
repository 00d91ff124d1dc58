/* SPDX-License-Identifier: Apache-2.0 */
/* One unit. It has one question to PID 1 (question.h) under way at a time, and may have the wish for another one. A
 * signal, an answer to a call for a job, or a round of the poll only makes such a wish; what is reported comes from
 * answers alone.
 *
 * PID 1 answers even after minutes. So a question stays open until it is answered, until QUESTION_TIMEOUT is over, or
 * until the connection is gone. After SILENCE the unit is reported as unknown (law 8); the answer makes it known. */
#include "pid1/pid1-internal.h"

#include <errno.h>
#include <stdio.h>

#include "pid1/pid1-status.h"
#include "pid1/question.h"
#include "util/cgroup.h"
#include "util/must.h"
#include "util/unit-name.h"

/* ---- reports ---- */

static void queue_report(Pid1Unit *u, unsigned report) {
        Pid1 *m = u->pid1;

        if (!u->reports)
                DL_APPEND2(m->reports, u, report_prev, report_next);
        u->reports |= report;
        pid1_kick(m);
}

static void report_unknown(Pid1Unit *u, usec_t now) {
        u->status.known = false;
        u->status.asked_at = now;
        u->asking.started = u->asking.start_asked = false;
        queue_report(u, REPORT_STATUS);
}

void pid1_unit_tell_failure(Pid1Unit *u, bool start, int error, const char *message) {
        u->failures.errors[start] = error;
        (void) str_keep(&u->failures.messages[start], message);
        queue_report(u, start ? REPORT_FAILED_START : REPORT_FAILED_STOP);
}

static void deliver_failure(Pid1Unit *u, bool start) {
        _cleanup_free_ char *message = TAKE_PTR(u->failures.messages[start]);

        if (u->callbacks->failed)
                u->callbacks->failed(u, start, u->failures.errors[start], strempty(message), u->userdata);
}

void pid1_unit_tell(Pid1Unit *u) {
        queue_report(u, REPORT_STATUS);
}

void pid1_unit_deliver(Pid1Unit *u) {
        Pid1 *m = u->pid1;
        unsigned report = u->reports & -u->reports; /* the lowest */

        must(report != 0);
        u->reports &= ~report;
        if (!u->reports)
                DL_DELETE2(m->reports, u, report_prev, report_next);

        switch (report) {
        case REPORT_FAILED_STOP:
        case REPORT_FAILED_START:
                deliver_failure(u, report == REPORT_FAILED_START);
                break;
        case REPORT_REFUSED:
                if (u->callbacks->refused)
                        u->callbacks->refused(u, u->userdata);
                break;
        case REPORT_STATUS: {
                /* copies: u may be freed in the callback */
                _cleanup_free_ char *group = strdup(u->status.control_group), *cause = strdup(u->status.cause);
                Pid1UnitStatus status = u->status;

                status.control_group = strempty(group);
                status.cause = strempty(cause);

                if (u->callbacks->status)
                        u->callbacks->status(u, &status, u->userdata);
                break;
        }
        }
}

/* ---- questions ---- */

void pid1_unit_wish(Pid1Unit *u, bool first) {
        if (u->asking.silent_since == 0)
                u->asking.silent_since = now_boottime();
        pid1_time(u->pid1, u);
        if (u->asking.question)
                u->asking.again = true;
        else if (!u->asking.queued)
                pid1_queue(u->pid1, u, first);
}

void pid1_unit_wish_whole(Pid1Unit *u) {
        u->asking.whole = true;
        pid1_unit_wish(u, false);
}

void pid1_unit_files_read(Pid1Unit *u) {
        u->asking.looked_up = u->asking.lasting = false;
        u->asking.mixed = true;
}

static void hint(Pid1Unit *u) {
        pid1_unit_wish(u, true);
        pid1_pump(u->pid1);
}

/* PID 1 has told something of the unit. */
static void hint_news(Pid1Unit *u) {
        if (!u->asking.question || !question_is_unanswered(u->asking.question))
                hint(u);
}

static void hint_later(Pid1Unit *u) {
        u->asking.retry = true;
        pid1_time(u->pid1, u);
}

void pid1_unit_answered_job(Pid1Unit *u) {
        if (u->asking.job != 0)
                hint_later(u);
        else
                hint_news(u);
}

void pid1_unit_changed(Pid1Unit *u) {
        usec_t now = now_boottime();

        if (now >= usec_add(u->asking.changes_since, USEC_PER_SEC)) {
                u->asking.changes_since = now;
                u->asking.changes = 0;
        }
        if (u->asking.job == 0 && ++u->asking.changes <= CHANGES_MAX)
                hint_news(u);
        else
                hint_later(u);
}

/* Whether PID 1 has answered nothing for so long that it may stand still. */
static bool is_silent(const Pid1 *m) {
        return now_boottime() >= usec_add(m->last_answer, SILENCE);
}

/* While a call for a job is open, the answer to it, or the end of its job, will lead to a question, and one at once
 * would tell what is about to change. A call that waits for its turn has changed nothing yet; but if PID 1 is silent,
 * that is to be found out. */
int pid1_unit_read(Pid1Unit *u) {
        const Pid1JobCall *last = u->calls ? u->calls->prev : NULL;

        if (!last || last->failed || (!last->slot && is_silent(u->pid1)))
                hint(u);
        else if (last->slot)
                hint_later(u);
        return 0;
}

static bool is_up(const Pid1UnitStatus *s) {
        return s->active != UNIT_INACTIVE && s->active != UNIT_FAILED;
}

static bool is_over(const Pid1UnitStatus *s) {
        return !is_up(s) && !s->job;
}

/* Whether the unit goes down because of a job that is over, since PID 1 has given the job up (JobTimeoutSec=). */
static bool goes_by_job(const Pid1Unit *u, const Pid1UnitStatus *s) {
        return s->active == UNIT_DEACTIVATING && u->ending.kind_job != 0 && u->ending.kind_job == u->jobs.highest;
}

/* Completes the answer to a question for the end by what was known of the unit before. Returns -ESTALE if the unit is
 * not simply down by our stop: then the unit is to be asked about like any other. */
static int take_end(Pid1Unit *u, Pid1Answer *a, bool told) {
        const Pid1UnitStatus *end = &a->status;
        Pid1UnitStatus s = u->status;

        u->asking.ends = end->job || end->active == UNIT_DEACTIVATING;
        u->asking.in_full = end->active != UNIT_INACTIVE || end->job || told || job_track_foreign(&u->jobs) ||
                            !streq(end->load_state, s.load_state);
        if (u->asking.in_full)
                return -ESTALE;
        s.active = end->active;
        s.job = false;
        memcpy(s.sub_state, end->sub_state, sizeof(s.sub_state));
        memcpy(s.invocation_id, end->invocation_id, sizeof(s.invocation_id));
        s.inactive_since = end->inactive_since;
        s.since = end->since;
        s.sign = UNIT_SIGN_NONE;
        s.failed = s.killed = false; /* else the unit would be called failed */
        s.result[0] = '\0';
        s.main_pid = s.control_pid = 0;
        s.control_group = "";
        a->status = s;
        a->control_group = ""; /* it is looked for by the unit's name */
        a->restarts = u->jobs.restarts_now;
        return 0;
}

static int take_answer(Pid1Unit *u) {
        bool of_end = question_kind(u->asking.question) == QUESTION_END;
        bool of_state = question_kind(u->asking.question) == QUESTION_STATE || of_end;
        Pid1Answer a;
        bool told; /* PID 1 has told of another job since its answer said what job the unit has */
        int r;

        if (u->pattern)
                u->up = strv_free(u->up);
        r = question_decode(u->asking.question, &a, &u->up);
        if (r < 0)
                return r;

        if (!of_state) {
                strv_free(u->covers);
                u->covers = a.covers;
                u->guard_bound = a.guard_bound;
                u->asking.lasting = !u->asking.mixed;
        }
        told = u->jobs.highest != u->asking.heard_own;
        job_track_seen(&u->jobs, a.job_id);
        r = of_end ? take_end(u, &a, told) : 0;
        if (r < 0)
                return r;
        job_track_state(&u->jobs, a.restarts, is_up(&a.status) && !goes_by_job(u, &a.status), a.status.job || told);
        a.status.known = true;
        a.status.asked_at = u->asking.asked_at;
        a.status.foreign_job = job_track_foreign(&u->jobs);
        if (!a.status.job && u->asking.asked_at > u->asking.job_at)
                u->asking.job = 0;
        a.status.job = a.status.job || told || pid1_job_starts(u);
        /* Somebody has ended the unit. Who did is found out by what lasts, which may have changed without a word since
         * it was asked for, when PID 1 loaded another unit. */
        if (of_state && a.status.foreign_job && is_over(&a.status) && !is_over(&u->status)) {
                u->asking.lasting = false;
                return -ESTALE;
        }
        /* Law 7: the control group is looked at after the answer. Before it, PID 1 may have been about to fork. */
        a.status.empty = pid1_unit_cgroup_is_empty(CGROUP_ROOT, u->name, a.control_group);
        a.status.control_group = str_keep(&u->texts.control_group, a.status.control_group)
                                                 ? strempty(u->texts.control_group)
                                                 : "";
        a.status.cause = strempty(u->texts.cause);
        ending_before(u, &a.status);
        u->status = a.status;
        ending_seen(u, of_state ? NULL : &a.related, a.job_id);
        relations_done(&a.related);

        bool left_over = !is_up(&u->status) && !u->status.empty;
        if (!left_over)
                u->look_delay = 0;
        else if (u->look_delay == 0) {
                u->look_delay = FIRST_LOOK;
                u->look_at = now_boottime() + u->look_delay;
                pid1_time(u->pid1, u);
                pid1_arm(u->pid1, u->look_at);
        }
        return 0;
}

static void drop_question(Pid1Unit *u) {
        Pid1 *m = u->pid1;

        must(m->asked > 0);
        m->asked--;
        m->messages -= question_messages(u->asking.question);
        u->asking.question = question_free(u->asking.question);
}

/* Takes the answer to a question. If the parts of the answer do not belong together, or a part could not be had, the
 * next question asks about the unit as a whole; if an answer about the state does not do, by all parts. */
static void on_answered(Pid1Unit *u, int error) {
        Pid1 *m = u->pid1;
        bool again = u->asking.again, whole = question_kind(u->asking.question) == QUESTION_WHOLE;
        int r = error < 0 ? error : take_answer(u);
        bool incomplete = error == 0 && r == -ESTALE;

        drop_question(u);
        u->asking.again = false;
        if (r >= 0) {
                pid1_answered(m);
                u->asking.start_asked = false;
                u->asking.silent_since = 0;
                u->asking.looked_up |= whole;
                queue_report(u, REPORT_STATUS);
                if (again)
                        pid1_unit_wish(u, true);
        } else {
                u->asking.whole |= !whole && !incomplete;
                if (incomplete || (r == -EAGAIN && !whole))
                        pid1_unit_wish(u, true);
                else
                        hint_later(u); /* what is known grows old meanwhile */
        }
        pid1_pump(m);
}

static int on_referenced(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        Pid1Unit *u = userdata;

        u->reference.call = sd_bus_slot_unref(u->reference.call);
        /* A unit that has no file, or is masked, cannot be referenced: that is tried again with each question. */
        u->reference.held = !sd_bus_message_is_method_error(message, NULL);
        if (sd_bus_message_is_method_error(message, SD_BUS_ERROR_LIMITS_EXCEEDED))
                pid1_refused(u->pid1, sd_bus_message_get_error(message));
        must(u->reference.count > 0);
        if (!u->reference.held)
                u->reference.count--;
        return 0;
}

/* References the unit: PID 1 unloads an inactive unit that nobody references, and then it is not known how the unit
 * ended. */
static void reference(Pid1Unit *u) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;

        if (u->reference.held || u->reference.call || u->pattern)
                return;
        if (pid1_message_new(u->pid1, PID1_PATH, PID1_MANAGER, "RefUnit", &message) >= 0 &&
                        sd_bus_message_append(message, "s", u->name) >= 0 &&
                        sd_bus_call_async(u->pid1->bus, &u->reference.call, message, on_referenced, u, UINT64_MAX) >=
                                        0)
                u->reference.count++;
}

void pid1_unit_release(Pid1Unit *u) {
        u->reference.call = sd_bus_slot_unref(u->reference.call);
        u->reference.held = false;
        for (; u->reference.count > 0; u->reference.count--) {
                _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;

                if (pid1_message_new(u->pid1, PID1_PATH, PID1_MANAGER, "UnrefUnit", &message) >= 0 &&
                                sd_bus_message_append(message, "s", u->name) >= 0 &&
                                sd_bus_message_set_expect_reply(message, false) >= 0)
                        (void) sd_bus_send(u->pid1->bus, message, NULL);
        }
}

/* How to ask. dbus-daemon also counts the questions that were given up here, until PID 1 answers them. So while PID 1
 * does not answer, or the bus has little room, each question is asked as a whole, which is one message. */
static QuestionKind kind_of_question(const Pid1Unit *u) {
        const Pid1 *m = u->pid1;
        bool known = u->reference.held && u->status.known;

        if (u->pattern || u->asking.whole || m->room.size < ROOM_MAX || is_silent(m))
                return QUESTION_WHOLE;
        if (u->asking.ends && !u->asking.in_full && known && (u->asking.lasting || u->asking.looked_up))
                return QUESTION_END;
        if (u->asking.looked_up)
                return QUESTION_WHOLE;
        /* Without a reference, PID 1 may have loaded the unit anew from other files. */
        return u->asking.lasting && known ? QUESTION_STATE : QUESTION_PARTS;
}

void pid1_unit_ask(Pid1Unit *u) {
        Pid1 *m = u->pid1;

        must(m->bus && !u->asking.question && !u->asking.queued);
        reference(u);
        u->asking.asked_at = now_boottime();       /* before the question is sent */
        u->asking.retry = u->asking.mixed = false; /* the answer will show all that was heard of until now */
        u->asking.start_asked |= u->asking.started;
        u->asking.started = false;
        if (question_new(u, kind_of_question(u), on_answered, &u->asking.question) < 0) {
                hint_later(u);
                return;
        }
        u->asking.whole = u->asking.in_full = false;
        m->asked++;
        m->messages += question_messages(u->asking.question);
}

/* ---- jobs that PID 1 tells of ---- */

void pid1_unit_job_new(Pid1Unit *u, uint32_t job) {
        job_track_seen(&u->jobs, job);
        u->ending.is_settled = false;
        u->asking.job = job;
        u->asking.job_at = now_boottime();
        hint_later(u);
}

void pid1_unit_job_removed(Pid1Unit *u, uint32_t job, const char *result) {
        job_track_seen(&u->jobs, job);
        if (u->asking.job <= job)
                u->asking.job = 0;
        u->ending.is_settled = false;
        u->ending.job_over = job;
        u->ending.job_end = job_end_from_string(result, job == u->ending.stop_job);
        if (streq(result, "assert"))
                queue_report(u, REPORT_REFUSED);
        hint_news(u);
}

/* ---- time and loss ---- */

/* Since when PID 1 is silent about this unit: since the first wish, but not while PID 1 answers the questions of other
 * units before this one. */
static usec_t silence_begins(const Pid1Unit *u) {
        if (u->asking.question)
                return MAX(u->asking.silent_since, u->asking.asked_at);
        if (u->asking.queued)
                return MAX(u->asking.silent_since, u->pid1->last_answer);
        return u->asking.silent_since;
}

/* Looks at the control group of a unit that is down but has processes left. When the group is empty, PID 1 is asked
 * once more, and that answer is reported (law 7). Returns when to look again; USEC_INFINITY: no look is needed. */
static usec_t tick_look(Pid1Unit *u, usec_t now) {
        if (u->look_delay == 0)
                return USEC_INFINITY;
        if (now >= u->look_at) {
                Groups *groups = u->pid1->groups;

                if (pid1_unit_cgroup_is_empty_since(
                                    groups, groups_since(groups, now), u->name, u->status.control_group))
                        pid1_unit_wish(u, true);
                u->look_delay = MIN(2 * u->look_delay, TICK);
                u->look_at = now + u->look_delay;
        }
        return u->look_at;
}

usec_t pid1_unit_tick(Pid1Unit *u, usec_t now) {
        usec_t next = tick_look(u, now);
        bool calls = pid1_jobs_tick(u, now);

        if (u->asking.retry) {
                u->asking.retry = false;
                pid1_unit_wish(u, false);
        }
        if (u->asking.silent_since != 0 && now >= usec_add(silence_begins(u), SILENCE)) {
                report_unknown(u, now);
                u->asking.silent_since = now; /* reported again after as long */
        }
        if (calls || u->asking.silent_since != 0 || u->ending.look_since != 0 || u->ending.note_since != 0)
                next = MIN(next, now + TICK);
        return next;
}

void pid1_unit_owner_gone(Pid1Unit *u) {
        u->reference.call = sd_bus_slot_unref(u->reference.call);
        u->reference.held = u->asking.ends = false;
        if (is_up(&u->status) || u->status.job)
                job_track_gap(&u->jobs);
}

void pid1_unit_connection_gone(Pid1Unit *u) {
        pid1_unit_owner_gone(u);
        u->reference.count = 0;
        u->asking.job = 0;
        pid1_jobs_gone(u);
        if (u->asking.question)
                drop_question(u);
        u->asking.again = u->asking.retry = false;
        report_unknown(u, now_boottime());
        pid1_unit_wish(u, false); /* asked as soon as there is a connection again */
}

/* ---- life ---- */

static void pid1_unit_destroy(Pid1Unit *u) {
        ending_free(u);
        for (size_t i = 0; i < ELEMENTSOF(u->failures.messages); i++)
                free(u->failures.messages[i]);
        strv_free(u->up);
        strv_free(u->covers);
        free(u->gate);
        free(u->pattern);
        free(u->texts.control_group);
        free(u->texts.cause);
        free(u);
}

static char *pattern_of(const char *template) {
        char pattern[UNIT_NAME_SPACE];

        return unit_name_fill(template, "*", pattern) < 0 ? NULL : strdup(pattern);
}

/* Only members have the gate of another unit. */
static bool is_own_gate(const char *name, const char *gate) {
        return startswith(gate, GATE_DIRECTORY "/") && streq(gate + strlen(GATE_DIRECTORY "/"), name);
}

static int pid1_unit_add(Pid1 *m, const char *name, const char *gate, const char *guard,
                const Pid1UnitCallbacks *callbacks, void *userdata, Pid1Unit **ret) {
        bool keeps_gate = gate && !is_own_gate(name, gate);
        size_t size = strlen(name) + 1;
        Pid1Unit *u;

        HASH_FIND_STR(m->units, name, u);
        if (u)
                return -EEXIST;
        u = calloc(1, sizeof(*u) + size);
        if (!u)
                return -ENOMEM;
        u->pid1 = m;
        u->callbacks = callbacks;
        u->userdata = userdata;
        u->status.control_group = u->status.cause = "";
        memcpy(u->name, name, size);
        u->gate = keeps_gate ? strdup(gate) : NULL;
        u->guard = guard;
        if (!gate)
                u->pattern = pattern_of(name);
        if ((keeps_gate && !u->gate) || (!gate && !u->pattern)) {
                pid1_unit_destroy(u);
                return -ENOMEM;
        }
        HASH_ADD_STR(m->units, name, u);
        pid1_unit_wish(u, true); /* after a reload thousands of others may wait, of which enough is known */
        pid1_pump(m);
        *ret = u;
        return 0;
}

int pid1_unit_new(Pid1 *m, const char *name, const char *gate, const char *guard, const Pid1UnitCallbacks *callbacks,
                void *userdata, Pid1Unit **ret) {
        return pid1_unit_add(m, name, gate, guard, callbacks, userdata, ret);
}

int pid1_unit_new_template(
                Pid1 *m, const char *name, const Pid1UnitCallbacks *callbacks, void *userdata, Pid1Unit **ret) {
        return unit_name_is_template(name) ? pid1_unit_add(m, name, NULL, NULL, callbacks, userdata, ret) : -EINVAL;
}

Pid1Unit *pid1_unit_free(Pid1Unit *u) {
        Pid1 *m;

        if (!u)
                return NULL;
        m = u->pid1;
        if (m->owner)
                pid1_unit_release(u);
        (void) sd_bus_slot_unref(u->reference.call);
        pid1_jobs_free(u);
        if (u->asking.question)
                drop_question(u);
        if (u->asking.queued)
                pid1_unqueue(m, u);
        if (u->reports)
                DL_DELETE2(m->reports, u, report_prev, report_next);
        if (u->asking.timed)
                DL_DELETE2(m->timed, u, timed_prev, timed_next);
        neighbours_forget(u);
        poll_forget(u);
        HASH_DEL(m->units, u);
        pid1_pump(m);
        pid1_unit_destroy(u);
        return NULL;
}

char *const *pid1_unit_covers(const Pid1Unit *u) {
        return u->covers;
}

const Pid1UnitStatus *pid1_unit_status(const Pid1Unit *u) {
        return &u->status;
}
