/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls for jobs: starts and stops of units. Calls wait in here until there is room, starts and stops each in the
 * order in which they were asked for. Stops go first, since a stop has a deadline, and more stops than starts may be
 * under way. If the bus refuses a call, or nobody answers, that says nothing about the unit: the next tick makes the
 * call again. A call has failed when PID 1 was silent for SILENCE.
 */
#include "pid1/pid1-internal.h"

#include <errno.h>
#include <stdlib.h>

#include "util/bus-error.h"
#include "util/must.h"
#include "util/text.h"
#include "util/unit-name.h"

static void call_free(Pid1JobCall *c) {
        Pid1 *m = c->unit->pid1;

        DL_DELETE(c->unit->calls, c);
        if (c->slot) {
                must(m->jobs_asked[c->start] > 0);
                m->jobs_asked[c->start]--;
        } else
                DL_DELETE2(m->waiting[c->start], c, wait_prev, wait_next);
        (void) sd_bus_message_unref(c->message);
        (void) sd_bus_slot_unref(c->slot);
        free(c);
}

/* Gives the call up: no job of ours will come of it that we could know of. */
static void call_drop(Pid1JobCall *c) {
        job_track_answer(&c->unit->jobs, 0);
        call_free(c);
}

/* "/org/freedesktop/systemd1/job/123" -> 123 */
static uint32_t job_id(const char *path) {
        const char *p = strrchr(path, '/');

        return p ? (uint32_t) strtoul(p + 1, NULL, 10) : 0;
}

/* Whether the call is to be made again, as far as its error tells. The start of a transient unit is made again only if
 * PID 1 has certainly not seen it: such a unit is started once. */
static bool is_refused(const Pid1JobCall *c, const sd_bus_error *e) {
        if (!e || c->failed || !bus_error_is_silence(e->name))
                return false;
        return !c->message || sd_bus_error_has_name(e, SD_BUS_ERROR_LIMITS_EXCEEDED);
}

/* The call is to be made again, unless a later one has been asked for: a start must not follow a later stop. */
static void call_wait_again(Pid1JobCall *c, const sd_bus_error *e) {
        Pid1 *m = c->unit->pid1;

        pid1_refused(m, e);
        if (c->next) {
                call_drop(c);
                return;
        }
        c->slot = sd_bus_slot_unref(c->slot);
        m->jobs_asked[c->start]--;
        DL_PREPEND2(m->waiting[c->start], c, wait_prev, wait_next);
}

/* Has PID 1 stop a unit with RefuseManualStop=yes. The call goes on in its turn, as the same one. Returns whether it
 * does. */
static bool stop_by_conflict(Pid1JobCall *c, const sd_bus_error *e) {
        Pid1 *m = c->unit->pid1;

        if (c->start || c->refused || !sd_bus_error_has_name(e, PID1_ERROR("OnlyByDependency")))
                return false;
        c->refused = true;
        if (c->next) /* a start was asked for meanwhile */
                return false;
        must(m->jobs_asked[false] > 0);
        c->slot = sd_bus_slot_unref(c->slot);
        m->jobs_asked[false]--;
        DL_PREPEND2(m->waiting[false], c, wait_prev, wait_next);
        pid1_jobs_send(m);
        return true;
}

static int on_job(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        Pid1JobCall *c = userdata;
        Pid1Unit *u = c->unit;
        const sd_bus_error *e = sd_bus_message_get_error(message);
        const char *path;

        if (is_refused(c, e)) {
                call_wait_again(c, e);
                return 0;
        }
        pid1_answered(u->pid1);
        if (stop_by_conflict(c, e))
                return 0;
        /* A unit that PID 1 does not know needs no stop. */
        if (e && !c->failed && (c->start || c->refused || !sd_bus_error_has_name(e, PID1_ERROR("NoSuchUnit"))))
                pid1_unit_tell_failure(u, c->start, -sd_bus_message_get_errno(message), e->message ?: e->name);
        job_track_answer(&u->jobs, !e && sd_bus_message_read(message, "o", &path) > 0 ? job_id(path) : 0);
        u->reference.count += !e && c->message;
        u->asking.started = c->start && !e;
        call_free(c);
        pid1_jobs_send(u->pid1);
        pid1_unit_answered_job(u);
        return 0;
}

static int new_job(Pid1 *m, const char *method, const char *unit, sd_bus_message **ret) {
        int r = pid1_message_new(m, PID1_PATH, PID1_MANAGER, method, ret);

        return r < 0 ? r : sd_bus_message_append(*ret, "ss", unit, "replace");
}

/* refused: PID 1 refuses to stop the unit at a request. It does not refuse to stop it because of a conflict, as that
 * of STOP_TARGET, which is started. */
static int new_stop(Pid1 *m, const char *unit, bool refused, sd_bus_message **ret) {
        _cleanup_free_ char *target = NULL;

        if (!refused)
                return new_job(m, "StopUnit", unit, ret);
        target = text_format(STOP_TARGET, unit);
        if (!target)
                return -ENOMEM;
        return strlen(target) > UNIT_NAME_LENGTH ? -ENAMETOOLONG : new_job(m, "StartUnit", target, ret);
}

static int new_message(const Pid1JobCall *c, sd_bus_message **ret) {
        Pid1 *m = c->unit->pid1;
        int r;

        if (!c->message)
                return c->start ? new_job(m, "StartUnit", c->unit->name, ret)
                                : new_stop(m, c->unit->name, c->refused, ret);
        r = pid1_message_new(m, PID1_PATH, PID1_MANAGER, "StartTransientUnit", ret);
        if (r >= 0)
                r = sd_bus_message_rewind(c->message, true);
        return r < 0 ? r : sd_bus_message_copy(*ret, c->message, true);
}

static void call_make(Pid1JobCall *c) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;
        Pid1 *m = c->unit->pid1;
        int r = new_message(c, &message);

        if (r >= 0)
                r = sd_bus_call_async(m->bus, &c->slot, message, on_job, c, UINT64_MAX);
        if (r < 0) {
                pid1_unit_tell_failure(c->unit, c->start, r,
                                r == -ENAMETOOLONG
                                                ? "PID 1 refuses it, and its name is too long for " STOP_TARGET_PREFIX
                                                : "PID 1 cannot be asked");
                pid1_unit_wish(c->unit, true);
                call_drop(c);
                return;
        }
        DL_DELETE2(m->waiting[c->start], c, wait_prev, wait_next);
        m->jobs_asked[c->start]++;
        c->since = MAX(c->since, m->last_answer);
}

void pid1_jobs_send(Pid1 *m) {
        while (m->bus && room_is_open(&m->room) && m->jobs_asked[0] + m->jobs_asked[1] < m->room.size) {
                if (m->waiting[0])
                        call_make(m->waiting[0]);
                else if (m->waiting[1] && m->jobs_asked[1] < STARTS_MAX)
                        call_make(m->waiting[1]);
                else
                        break;
        }
}

/* Queues a call, and sends it if there is room. Takes message over, also on failure; NULL: an ordinary start or stop.
 */
static int queue_job(Pid1Unit *u, bool start, sd_bus_message *message) {
        Pid1JobCall *c = calloc(1, sizeof(*c));
        Pid1 *m = u->pid1;

        if (!c) {
                sd_bus_message_unref(message);
                return -ENOMEM;
        }
        *c = (Pid1JobCall){ .unit = u, .start = start, .message = message, .since = now_boottime() };
        DL_APPEND(u->calls, c);
        DL_APPEND2(m->waiting[start], c, wait_prev, wait_next);
        job_track_call(&u->jobs);
        pid1_time(m, u);
        pid1_jobs_send(m);
        return 0;
}

/* Drops the starts that still wait: the unit is to be stopped. */
static void drop_waiting_starts(Pid1Unit *u) {
        Pid1JobCall *c, *next;

        DL_FOREACH_SAFE(u->calls, c, next)
                if (c->start && !c->slot)
                        call_drop(c);
}

/* Whether PID 1 has accepted a start, and has not answered since what has become of it. */
static bool has_unread_start(const Pid1Unit *u) {
        return u->asking.started || u->asking.start_asked;
}

static int ask_job(Pid1Unit *u, bool start) {
        Pid1JobCall *last;
        Pid1 *m = u->pid1;

        if (!m->bus)
                return -ENOTCONN;
        /* The answer to the question that waits tells more than another start would do. With thousands of units the
         * question waits for many seconds, and each such start would have PID 1 tell of two more jobs. */
        if (start && has_unread_start(u)) {
                if (!u->asking.question)
                        pid1_unit_wish(u, false);
                return 0;
        }
        u->asking.started = u->asking.start_asked = false;
        u->asking.ends = !start && !endswith(u->name, ".timer"); /* of which it must be known when it last elapsed */
        if (start)
                job_track_reset(&u->jobs, u->status.active != UNIT_INACTIVE && u->status.active != UNIT_FAILED);
        else
                drop_waiting_starts(u);
        last = u->calls ? u->calls->prev : NULL;
        if (last && last->start == start) {
                /* The same call is under way or waits already. While PID 1 does not answer, calls must not pile up. */
                last->since = now_boottime();
                last->failed = false;
                pid1_time(m, u);
                return 0;
        }
        return queue_job(u, start, NULL);
}

bool pid1_job_starts(const Pid1Unit *u) {
        const Pid1JobCall *c;

        DL_FOREACH(u->calls, c)
                if (c->start)
                        return true;
        return false;
}

bool pid1_jobs_tick(Pid1Unit *u, usec_t now) {
        const Pid1 *m = u->pid1;
        Pid1JobCall *c, *next;

        DL_FOREACH_SAFE(u->calls, c, next) {
                /* A call's time does not run out while PID 1 answers others, since PID 1 answers in order. */
                usec_t silent_at = usec_add(MAX(c->since, m->last_answer), SILENCE);
                bool lost = c->slot && now >= usec_add(c->since, QUESTION_TIMEOUT);

                if (c->failed || (now < silent_at && !lost))
                        continue;
                c->failed = true;
                pid1_unit_tell_failure(u, c->start, -ETIMEDOUT, "PID 1 does not answer");
                pid1_unit_wish(u, true);
                if (c->start && !c->slot)
                        call_drop(c);
        }
        return u->calls;
}

void pid1_jobs_gone(Pid1Unit *u) {
        while (u->calls) {
                if (!u->calls->failed)
                        pid1_unit_tell_failure(
                                        u, u->calls->start, -ENOTCONN, "The connection to the system bus is gone");
                call_drop(u->calls);
        }
}

void pid1_jobs_free(Pid1Unit *u) {
        while (u->calls)
                call_free(u->calls);
}

int pid1_unit_start(Pid1Unit *u) {
        return u->pattern ? -EINVAL : ask_job(u, true);
}

int pid1_unit_start_transient(Pid1Unit *u, pid1_unit_append_t append, void *userdata) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;
        int r;

        if (u->pattern)
                return -EINVAL;
        if (!u->pid1->bus)
                return -ENOTCONN;
        u->asking.ends = false;
        job_track_reset(&u->jobs, u->status.active != UNIT_INACTIVE && u->status.active != UNIT_FAILED);
        r = pid1_message_new(u->pid1, PID1_PATH, PID1_MANAGER, "StartTransientUnit", &message);
        if (r >= 0)
                r = append(message, u->name, userdata);
        if (r >= 0)
                r = sd_bus_message_seal(message, 1, 0); /* to be read; what is sent is a copy with its own number */
        return r < 0 ? r : queue_job(u, true, TAKE_PTR(message));
}

static int send_stop(Pid1 *m, const char *unit, bool refused) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;
        int r = new_stop(m, unit, refused, &message);

        if (r >= 0)
                r = sd_bus_message_set_expect_reply(message, false);
        return r < 0 ? r : sd_bus_send(m->bus, message, NULL);
}

/* Stops the instances of a template, without waiting for answers. The next report shows what has become of them, and
 * the caller stops the template again if it is still up without a job. refused: PID 1 refuses to stop them. An
 * instance that cannot be asked for keeps no other running; the first such failure is returned. */
static int stop_instances(Pid1Unit *u, bool refused) {
        int r = 0, k;

        if (!u->pid1->bus)
                return -ENOTCONN;
        for (char **name = u->up; name && *name; name++) {
                k = send_stop(u->pid1, *name, refused);
                r = r < 0 ? r : MIN(k, 0);
        }
        k = pid1_unit_read(u);
        return r < 0 ? r : k;
}

int pid1_unit_stop(Pid1Unit *u) {
        return u->pattern ? stop_instances(u, false) : ask_job(u, false);
}

int pid1_unit_stop_by_conflict(Pid1Unit *u) {
        return u->pattern ? stop_instances(u, true) : pid1_unit_stop(u);
}

/* Whether PID 1 counts how often such a unit is started, and refuses a start that comes too soon. */
static bool has_start_limit(const char *name) {
        return !endswith(name, ".target") && !endswith(name, ".slice") && !endswith(name, ".device");
}

/* A neighbour that is leased itself is left out, as in reset_in_slice(), and so is the guard. */
static bool is_reset_along(const Pid1Unit *u, const Related *r) {
        const char *name = r->neighbour->name;
        Pid1Unit *watched;

        HASH_FIND_STR(u->pid1->units, name, watched);
        return r->mask & RELATION_NEEDED && has_start_limit(name) && !watched && !(u->guard && streq(name, u->guard));
}

int pid1_unit_reset_failed(Pid1Unit *u) {
        int r;

        if (pid1_job_starts(u) || has_unread_start(u))
                return 0;
        r = u->pattern ? 0 : pid1_reset_failed(u->pid1, u->name);
        for (const Related *n = u->ending.related; n < u->ending.related + u->ending.n_related && r >= 0; n++)
                if (is_reset_along(u, n))
                        r = pid1_reset_failed(u->pid1, n->neighbour->name);
        return r < 0 ? r : 1;
}
