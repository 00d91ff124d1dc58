/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who stopped a unit of ours.
 *
 * A neighbour is another unit that may have made PID 1 stop ours. Two things are known of each: its jobs, as PID 1's
 * signals tell of them, and its state, as a look finds it: one question to PID 1 about many neighbours at once. While
 * our unit is up, a look notes which neighbours are up beside it, since only these can take the unit along. When the
 * unit has gone down by a job that was not ours, another look follows, and the unit's end is UNIT_END_UNKNOWN until
 * the look is answered. If a neighbour was the cause, that neighbour is watched from then on: whether the cause lasts
 * is part of the unit's status.
 */
#include "pid1/pid1-internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "pid1/pid1-status.h"
#include "util/must.h"

/* As which unit the bus may be known under any of its names. */
#define BUS_SERVICE "dbus.service"
/* For so long after PID 1 has come back to the bus it may find that a name is gone. */
#define BUS_BACK (30 * USEC_PER_SEC)

/* ---- neighbours ---- */

static Neighbour *neighbour_find(const Pid1 *m, const char *name) {
        Neighbour *n;

        HASH_FIND_STR(m->neighbours, name, n);
        return n;
}

static Neighbour *neighbour_ref(Pid1 *m, const char *name) {
        Neighbour *n = neighbour_find(m, name);
        size_t size = strlen(name) + 1;

        if (!n) {
                n = calloc(1, sizeof(Neighbour) + size);
                if (!n)
                        return NULL;
                n->pid1 = m;
                memcpy(n->name, name, size);
                HASH_ADD_STR(m->neighbours, name, n);
        }
        n->references++;
        return n;
}

static void neighbour_unref(Pid1 *m, Neighbour *n) {
        must(n->references > 0);
        if (--n->references > 0)
                return;
        must(n->causes == 0);
        HASH_DEL(m->neighbours, n);
        (void) sd_bus_slot_unref(n->question);
        free(n);
}

static Related *related_find(const Pid1Unit *u, const Neighbour *n) {
        for (Related *r = u->ending.related; r < u->ending.related + u->ending.n_related; r++)
                if (r->neighbour == n)
                        return r;
        return NULL;
}

/* Puts the unit into the list of those that wish to look. It is taken out later, when it is met in the list and no
 * longer wishes to. */
static void join_lookers(Pid1Unit *u) {
        if (!u->ending.looks)
                DL_APPEND2(u->pid1->lookers, u, look_prev, look_next);
        u->ending.looks = true;
        pid1_time(u->pid1, u);
}

static void leave_lookers(Pid1Unit *u) {
        DL_DELETE2(u->pid1->lookers, u, look_prev, look_next);
        u->ending.looks = false;
}

/* Asks for a look that notes the unit's neighbours, unless they are noted. A look that was sent at since or later will
 * do, for PID 1 answers in the order in which it is asked. */
static void wish_to_note(Pid1Unit *u, usec_t since) {
        if (!u->ending.is_settled || u->ending.noted || u->ending.n_related == 0 || u->ending.note_since != 0)
                return;
        u->ending.note_since = since;
        join_lookers(u);
}

/* Has the neighbour noted anew, since a job of the neighbour is over: it may have come up, or gone down. If it was up
 * before, BESIDE_UP stays until the next look: the job may be the very stop that took the unit along. */
static void note_anew(Pid1Unit *u, Related *r) {
        if (u->ending.is_settled && r->beside == BESIDE_DOWN)
                r->beside = BESIDE_UNKNOWN;
        u->ending.noted = false;
        wish_to_note(u, now_boottime());
}

static bool wishes_to_look(const Pid1Unit *u) {
        return u->ending.look_since != 0 || u->ending.note_since != 0;
}

void neighbours_job_new(Pid1 *m, const char *name, uint32_t job) {
        Neighbour *n = neighbour_find(m, name);

        if (!n)
                return;
        neighbour_job_new(&n->state, job);
        n->started_known = false;
        neighbours_changed(m, name);
}

void neighbours_job_over(Pid1 *m, const char *name, uint32_t job) {
        Neighbour *n = neighbour_find(m, name);

        if (!n)
                return;
        neighbour_job_over(&n->state, job, m->highest_job);
        for (Pid1Unit *u = m->units; u; u = u->hh.next) {
                Related *r = related_find(u, n);

                if (r)
                        note_anew(u, r);
        }
        neighbours_changed(m, name);
        neighbours_look(m);
}

void neighbours_gap(Pid1 *m) {
        m->look = sd_bus_slot_unref(m->look);
        m->highest_job = 0;
        for (Neighbour *n = m->neighbours; n; n = n->hh.next) {
                memset(n->state.jobs, 0, sizeof(n->state.jobs));
                n->question = sd_bus_slot_unref(n->question);
                n->started_known = false;
        }
        for (Pid1Unit *u = m->units; u; u = u->hh.next) {
                u->ending.kind = sd_bus_slot_unref(u->ending.kind);
                u->ending.kind_job = u->ending.stop_job = 0;
                u->ending.settled = u->ending.began = 0;
                u->ending.is_settled = u->ending.noted = false;
        }
}

/* ---- the units' side ---- */

static bool is_over(const Pid1UnitStatus *s) {
        return (s->active == UNIT_INACTIVE || s->active == UNIT_FAILED) && !s->job;
}

static void set_cause(Pid1Unit *u, Neighbour *n, bool asked) {
        must(!u->ending.cause || u->ending.cause->causes > 0);
        u->ending.cause_gone = false;
        if (u->ending.cause)
                u->ending.cause->causes--;
        u->ending.cause = n;
        u->ending.cause_asked = asked;
        if (n)
                n->causes++;
}

static void wish_to_look(Pid1Unit *u) {
        if (u->ending.look_since == 0)
                u->ending.look_since = now_boottime();
        join_lookers(u);
}

/* The unit that has taken our unit along; NULL: none, or it is not known. */
static const char *name_of_cause(const Pid1Unit *u) {
        return u->ending.cause ? u->ending.cause->name : u->ending.end == UNIT_END_BUS ? BUS_SERVICE : NULL;
}

/* Whether the cause of the unit's end lasts. Only a start of what lies in a slice brings the slice up again. */
static NeedState need_of(const Pid1Unit *u) {
        const EndingTrack *e = &u->ending;
        NeedState need;

        if (!e->cause) {
                if (e->end == UNIT_END_NEED)
                        return e->cause_gone ? NEED_BACK : NEED_FAILED;
                return e->end == UNIT_END_UNNEEDED && u->status.stops_unneeded ? NEED_DOWN : NEED_BACK;
        }
        need = ending_need(e->end, e->cause_asked, &e->cause->state);
        return need == NEED_DOWN && e->end == UNIT_END_NEED && endswith(e->cause->name, ".slice") ? NEED_SLICE : need;
}

static void show(Pid1Unit *u) {
        Pid1UnitStatus *s = &u->status;

        s->end = u->ending.end;
        s->need = need_of(u);
        s->cause = str_keep(&u->texts.cause, name_of_cause(u)) ? strempty(u->texts.cause) : "";
}

/* Whether PID 1 has stopped the unit since its name was gone with the bus. While the bus was away, nobody referred to
 * the unit, so PID 1 may have forgotten it by now, and all of its time stamps. Whoever stops the unit just then does
 * only what PID 1 does anyway. */
static bool has_gone_with_bus(const Pid1Unit *u) {
        static const uint8_t none[sizeof(u->ending.run_up)];

        return u->status.sign == UNIT_SIGN_NAMED && memcmp(u->ending.run_up, none, sizeof(none)) != 0 &&
               u->pid1->away.back_at > 0 && u->status.asked_at <= usec_add(u->pid1->away.back_at, BUS_BACK);
}

/* What PID 1 shows of the unit's end, if no job of it is known: UNIT_END_HAND if it shows nothing. */
static UnitEnd end_by_sign(const Pid1Unit *u) {
        if (u->status.sign == UNIT_SIGN_CRASHED)
                return UNIT_END_CRASHED;
        return has_gone_with_bus(u) ? UNIT_END_BUS : UNIT_END_HAND;
}

/* Who ended the unit, which had no job for that, but perhaps one of ours. No mount ends by itself: somebody has called
 * umount(8). */
static UnitEnd end_without_job(const Pid1Unit *u) {
        UnitEnd end = end_by_sign(u);
        bool is_umount = endswith(u->name, ".mount") && !u->status.failed;

        return end == UNIT_END_HAND && !is_umount ? UNIT_END_OWN : end;
}

static Ending ending_of(const Pid1Unit *u) {
        Ending e = { .failed = u->status.failed };
        uint32_t other;

        e.job = job_track_last_foreign(&u->jobs, &e.since, &other);
        e.since = MAX(e.since, u->ending.settled);
        e.again = u->ending.judged_before || other > MAX(e.since, u->ending.began);
        e.since = MAX(e.since, other);
        e.job_end = u->ending.job_over == e.job ? u->ending.job_end : JOB_END_UNKNOWN;
        e.begun_anew = memcmp(u->ending.run_up, u->status.invocation_id, sizeof(u->ending.run_up)) != 0;
        return e;
}

static void judge(Pid1Unit *u);

/* Judges who ended the unit, as far as that can be said now, and reports it. */
static void judge_and_tell(Pid1Unit *u) {
        if (u->ending.end == UNIT_END_UNKNOWN)
                judge(u);
        show(u);
        pid1_unit_tell(u);
}

static int on_started(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        Neighbour *n = userdata;

        n->question = sd_bus_slot_unref(n->question);
        n->started_known = true;
        if (sd_bus_message_is_method_error(message, NULL) || sd_bus_message_read(message, "v", "t", &n->started) < 0)
                n->started = USEC_INFINITY;
        for (Pid1Unit *u = n->pid1->units; u; u = u->hh.next)
                if (u->ending.end == UNIT_END_UNKNOWN && u->ending.look_since == 0 && related_find(u, n))
                        judge_and_tell(u);
        return 0;
}

/* Asks when the neighbour was last started, and says whether an answer will come. */
static bool ask_started(Neighbour *n) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;
        _cleanup_free_ char *path = NULL;
        int r;

        if (n->started_known || n->question)
                return !n->started_known;
        r = sd_bus_path_encode(PID1_UNIT_PATH, n->name, &path);
        if (r >= 0)
                r = pid1_message_new(n->pid1, path, DBUS_PROPERTIES, "Get", &message);
        if (r >= 0)
                r = sd_bus_message_append(message, "ss", PID1_NAME ".Unit", "InactiveExitTimestampMonotonic");
        if (r >= 0)
                r = sd_bus_call_async(n->pid1->bus, &n->question, message, on_started, n, QUESTION_TIMEOUT);
        return r >= 0;
}

/* Whether the neighbour was started while our unit was up. Units in conflict are never up together: a neighbour that
 * was last started before our unit came up was not started beside it. */
static Started started_beside(const Pid1Unit *u, const Neighbour *n) {
        if (!n->started_known)
                return STARTED_UNKNOWN;
        return n->started > u->status.active_since ? STARTED_YES : STARTED_NO;
}

/* Judges who ended the unit, when a look has been answered. A neighbour on which there was a job weighs more than one
 * that merely ended. PID 1 does not say what kind of job it was. So if the cause seems to be a neighbour in conflict,
 * but that neighbour is down, PID 1 is asked when it was last started; until the answer the end stays unknown. */
static void judge(Pid1Unit *u) {
        Ending e = ending_of(u);
        UnitEnd end = ending_by_job(&e);
        const Related *cause = NULL;
        bool asked = false;

        for (const Related *r = u->ending.related; r < u->ending.related + u->ending.n_related && !(cause && asked);
                        r++) {
                NeighbourState n = r->neighbour->state;
                bool by_job = false;
                UnitEnd by;

                n.beside = r->beside;
                n.started = started_beside(u, r->neighbour);
                by = r->neighbour->known ? ending_by(&e, &n, r->mask, &by_job) : UNIT_END_HAND;

                if (by == UNIT_END_HAND || (cause && !by_job))
                        continue;
                cause = r;
                asked = by_job;
                end = by;
        }
        if (end == UNIT_END_CONFLICT && asked && cause->neighbour->state.down && ask_started(cause->neighbour))
                return;
        if (end == UNIT_END_HAND && e.job == 0)
                end = end_by_sign(u);
        u->ending.end = end == UNIT_END_HAND && u->ending.unneeded ? UNIT_END_UNNEEDED : end;
        u->ending.judged_job = e.job;
        set_cause(u, cause ? cause->neighbour : NULL, asked);
}

static bool is_judged(const Pid1Unit *u) {
        return u->ending.end != UNIT_END_OWN && u->ending.end != UNIT_END_UNKNOWN;
}

static void forget_end(Pid1Unit *u) {
        u->ending.judged_before = u->ending.judged_before || is_judged(u);
        u->ending.end = UNIT_END_OWN;
        u->ending.judged_job = 0;
        u->ending.look_since = 0;
        set_cause(u, NULL, false);
}

/* Begins to find out who ended the unit, or follows the cause that was found. */
static void find_end(Pid1Unit *u) {
        Ending e = ending_of(u);
        bool judged = is_judged(u);

        if (judged && u->ending.judged_job != e.job) {
                u->ending.judged_before = true;
                if (e.job != 0)
                        u->ending.unneeded =
                                        false; /* whoever had the unit stopped once more is no StopWhenUnneeded= */
        }
        if (judged && u->ending.judged_job == e.job) {
                if (u->ending.cause)
                        wish_to_look(u); /* a signal may have been lost */
        } else if (ending_by_job(&e) == UNIT_END_FAILED) {
                set_cause(u, NULL, false);
                u->ending.look_since = 0;
                u->ending.end = UNIT_END_FAILED;
                u->ending.judged_job = e.job;
        } else if (u->ending.n_related == 0) {
                judge(u);
        } else {
                u->ending.end = UNIT_END_UNKNOWN;
                wish_to_look(u);
        }
        neighbours_look(u->pid1);
}

static void related_clear(Pid1Unit *u) {
        set_cause(u, NULL, false);
        for (size_t i = 0; i < u->ending.n_related; i++)
                neighbour_unref(u->pid1, u->ending.related[i].neighbour);
        free(u->ending.related);
        u->ending.related = NULL;
        u->ending.n_related = 0;
}

static Beside beside(const Related *related, size_t n, const Neighbour *neighbour) {
        for (size_t i = 0; i < n; i++)
                if (related[i].neighbour == neighbour)
                        return related[i].beside;
        return BESIDE_UNKNOWN;
}

/* Whether the unit has these relations already, in the same order. */
static bool related_are(const Pid1Unit *u, const Relations *names) {
        if (u->ending.n_related != names->n)
                return false;
        for (size_t i = 0; i < names->n; i++)
                if (u->ending.related[i].mask != names->list[i].relations ||
                                !streq(u->ending.related[i].neighbour->name, names->list[i].name))
                        return false;
        return true;
}

/* Whether a neighbour with these relations can keep a unit from running that has ended so. */
static bool can_last(UnitEnd end, unsigned relations) {
        return relations & (end == UNIT_END_CONFLICT ? RELATION_CONFLICTS : RELATION_STOPS | RELATION_NEEDED);
}

/* Replaces the unit's relations. If the cause of its end is no neighbour any more, as where somebody has taken a
 * Requires= out of the unit's file, the cause is over. If memory runs out, the unit has fewer neighbours: if the cause
 * is not among them, the end is to be judged again, and these alone can be the cause. */
static void related_set(Pid1Unit *u, const Relations *names) {
        bool gone = true, was_gone = u->ending.cause_gone;
        _cleanup_free_ char *cause = u->ending.cause ? strdup(u->ending.cause->name) : NULL;
        bool asked = u->ending.cause_asked;
        Related *old = u->ending.related;
        size_t n_old = u->ending.n_related;

        set_cause(u, NULL, false);
        u->ending.related = calloc(MAX(names->n, (size_t) 1), sizeof(Related));
        u->ending.n_related = 0;
        for (size_t i = 0; u->ending.related && i < names->n; i++) {
                Neighbour *neighbour = neighbour_ref(u->pid1, names->list[i].name);
                bool lasts = cause && streq(names->list[i].name, cause) &&
                             can_last(u->ending.end, names->list[i].relations);

                gone = gone && !lasts;
                if (!neighbour)
                        continue;
                u->ending.related[u->ending.n_related++] =
                                (Related){ neighbour, names->list[i].relations, beside(old, n_old, neighbour) };
                if (lasts)
                        set_cause(u, neighbour, asked);
        }
        for (size_t i = 0; i < n_old; i++)
                neighbour_unref(u->pid1, old[i].neighbour);
        free(old);
        u->ending.noted = false;
        u->ending.cause_gone = was_gone || (cause && gone);
        if (cause && !u->ending.cause && !gone)
                u->ending.end = UNIT_END_UNKNOWN;
}

/* Notes that a new run has begun: what was noted and judged of the run before does not hold for this one. */
static void begin_run(Pid1Unit *u) {
        memcpy(u->ending.run_up, u->status.invocation_id, sizeof(u->ending.run_up));
        u->ending.began = u->jobs.highest;
        u->ending.judged_before = u->ending.noted = false;
        for (Related *r = u->ending.related; r < u->ending.related + u->ending.n_related; r++)
                r->beside = BESIDE_UNKNOWN;
}

static int on_kind(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        Pid1Unit *u = userdata;
        const char *kind;

        u->ending.kind = sd_bus_slot_unref(u->ending.kind);
        if (!sd_bus_message_is_method_error(message, NULL) && sd_bus_message_read(message, "v", "s", &kind) > 0 &&
                        streq(kind, "stop"))
                u->ending.stop_job = u->ending.kind_job;
        return 0;
}

/* If the unit goes down by a job that somebody else has asked for, asks PID 1 whether this job is a stop or a restart.
 * This must be known if the job fails (job_end_from_string()), and PID 1 then no longer has the job. PID 1 answers
 * before it tells that the job has failed. */
static void ask_kind(Pid1Unit *u, uint32_t job) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;
        char path[sizeof(PID1_PATH "/job/") + 10];

        if (job == 0 || job == u->ending.kind_job || u->status.active != UNIT_DEACTIVATING || !u->status.foreign_job)
                return;
        u->ending.kind = sd_bus_slot_unref(u->ending.kind);
        u->ending.kind_job = job;
        (void) snprintf(path, sizeof(path), PID1_PATH "/job/%" PRIu32, job);
        if (pid1_message_new(u->pid1, path, DBUS_PROPERTIES, "Get", &message) >= 0 &&
                        sd_bus_message_append(message, "ss", PID1_NAME ".Job", "JobType") >= 0)
                (void) sd_bus_call_async(u->pid1->bus, &u->ending.kind, message, on_kind, u, QUESTION_TIMEOUT);
}

/* Whether the unit is up, and not on its way down. */
static bool is_running(const Pid1UnitStatus *s) {
        return s->active == UNIT_ACTIVE || s->active == UNIT_ACTIVATING || s->active == UNIT_RELOADING;
}

/* Whether it is PID 1 that stops the unit because of StopWhenUnneeded= is decided once for each run, since the setting
 * may come and go while the unit is down. A reload that brings the setting may become known only when the unit is down
 * by it, and so may a whole run. */
void ending_before(Pid1Unit *u, const Pid1UnitStatus *now) {
        const Pid1UnitStatus *was = &u->status;
        bool unseen = was->load_state[0] &&
                      memcmp(was->invocation_id, now->invocation_id, sizeof(now->invocation_id)) != 0;

        if (is_running(now) || unseen)
                u->ending.unneeded = now->stops_unneeded;
        else if (is_running(was))
                u->ending.unneeded |= now->stops_unneeded;
        if (unseen && u->ending.end == UNIT_END_UNNEEDED)
                u->ending.end = UNIT_END_UNKNOWN; /* so that the stop of this run is no further stop of the last one */
}

/* Takes the end of the unit as the process before this one has found it, and follows the cause. */
static void follow_recalled(Pid1Unit *u, const Pid1Ending *e) {
        Neighbour *n = neighbour_find(u->pid1, e->cause);
        const Related *r = n ? related_find(u, n) : NULL;
        bool lasts = r && can_last(e->end, r->mask);

        u->ending.end = e->end;
        set_cause(u, lasts ? n : NULL, e->asked);
        u->ending.cause_gone = e->cause[0] && !lasts;
        if (lasts)
                wish_to_look(u);
        neighbours_look(u->pid1);
}

void ending_seen(Pid1Unit *u, const Relations *related, uint32_t job) {
        const Pid1UnitStatus *s = &u->status;
        const Pid1Ending *recalled;

        if (related && !related_are(u, related))
                related_set(u, related);
        recalled = ending_recalled(u);
        if (recalled)
                follow_recalled(u, recalled);
        else if (!is_over(s) || !s->foreign_job) {
                forget_end(u);
                if (is_over(s) && !u->asking.ends)
                        u->ending.end = end_without_job(u);
        } else
                find_end(u);
        if (memcmp(u->ending.run_up, s->invocation_id, sizeof(u->ending.run_up)) != 0) {
                u->status.killed = false; /* this run was never seen up, so it is not the one that is meant */
                if (!is_over(s))
                        begin_run(u);
        }
        if (!s->foreign_job)
                u->ending.judged_before = false;
        u->ending.is_settled = s->active == UNIT_ACTIVE && !s->job;
        if (u->ending.is_settled) {
                u->ending.settled = u->asking.heard;
                wish_to_note(u, s->asked_at);
                neighbours_look(u->pid1);
        }
        show(u);
        ask_kind(u, job);
}

void ending_free(Pid1Unit *u) {
        u->ending.kind = sd_bus_slot_unref(u->ending.kind);
        free(u->ending.recalled);
        related_clear(u);
}

/* ---- the look ---- */

#define JUDGED_A_TURN 64u

/* Whether the latest look asked about all neighbours of the unit. It did not if the unit has come to wish for a look,
 * or to have a further neighbour, only while the look was under way. */
static bool is_looked_at(const Pid1Unit *u) {
        for (const Related *r = u->ending.related; r < u->ending.related + u->ending.n_related; r++)
                if (!r->neighbour->asked)
                        return false;
        return true;
}

/* What the look says of a neighbour beside a unit that is up. A neighbour that is neither up nor down says nothing
 * new: it may be going down by the very stop that takes the unit along. */
static Beside beside_now(const Related *r) {
        const NeighbourState *n = &r->neighbour->state;

        if (!r->neighbour->known)
                return BESIDE_DOWN;
        return n->up ? BESIDE_UP : n->down ? BESIDE_DOWN : r->beside;
}

/* Notes which neighbours are up beside the unit. If PID 1 has told of a job of the unit meanwhile, nothing is noted:
 * the unit may be going already. */
static void note_up(Pid1Unit *u, usec_t asked_at) {
        if (u->ending.note_since == 0 || u->ending.note_since > asked_at)
                return;
        u->ending.note_since = 0;
        if (!u->ending.is_settled)
                return; /* they are noted when the unit is up again */
        u->ending.noted = true;
        for (Related *r = u->ending.related; r < u->ending.related + u->ending.n_related; r++)
                r->beside = beside_now(r);
}

/* All units end with the guard: the next look judges the rest. */
static void take_look(Pid1 *m, usec_t asked_at) {
        Pid1Unit *u, *next;
        unsigned judged = 0;

        DL_FOREACH_SAFE2(m->lookers, u, next, look_next) {
                if (!is_looked_at(u))
                        continue; /* the next look asks about its neighbours */
                note_up(u, asked_at);
                if (u->ending.look_since == 0 || u->ending.look_since > asked_at)
                        continue;
                if (judged++ == JUDGED_A_TURN)
                        return;
                u->ending.look_since = 0;
                judge_and_tell(u);
        }
}

static int on_look(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        Pid1 *m = userdata;
        Pid1Row row;
        int r;

        m->look = sd_bus_slot_unref(m->look);
        if (sd_bus_message_is_method_error(message, NULL)) {
                pid1_arm(m, now_boottime() + TICK); /* the next tick asks again */
                return 0;
        }
        r = sd_bus_message_enter_container(message, 'a', "(ssssssouso)");
        while (r > 0 && (r = pid1_unit_row_decode(message, &row)) > 0) {
                Neighbour *n = neighbour_find(m, row.name);

                if (!n)
                        continue;
                n->known = true;
                pid1_unit_row_state(&row, &n->state);
                if (row.job != 0)
                        neighbour_job_new(&n->state, row.job); /* PID 1 may tell of the job only later */
        }
        if (r >= 0)
                take_look(m, m->look_asked_at);
        neighbours_look(m); /* for units that have wished for a look meanwhile */
        return 0;
}

static int append_names(Pid1 *m, sd_bus_message *message) {
        int r = sd_bus_message_open_container(message, 'a', "s");

        for (Neighbour *n = m->neighbours; n; n = n->hh.next)
                n->asked = false;
        for (const Pid1Unit *u = m->lookers; u; u = u->look_next)
                for (size_t i = 0; wishes_to_look(u) && i < u->ending.n_related && r >= 0; i++) {
                        Neighbour *n = u->ending.related[i].neighbour;

                        if (!n->asked)
                                r = sd_bus_message_append(message, "s", n->name);
                        n->asked = true;
                }
        return r < 0 ? r : sd_bus_message_close_container(message);
}

static bool is_wished_for(const Pid1 *m) {
        while (m->lookers && !wishes_to_look(m->lookers))
                leave_lookers(m->lookers);
        return m->lookers;
}

void neighbours_forget(Pid1Unit *u) {
        if (u->ending.looks)
                leave_lookers(u);
}

void neighbours_look(Pid1 *m) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;
        int r;

        if (m->look || !m->bus || !m->owner || !is_wished_for(m))
                return;
        r = pid1_message_new(m, PID1_PATH, PID1_MANAGER, "ListUnitsByNames", &message);
        if (r >= 0)
                r = append_names(m, message);
        m->look_asked_at = now_boottime();
        if (r >= 0)
                r = sd_bus_call_async(m->bus, &m->look, message, on_look, m, QUESTION_TIMEOUT);
        if (r < 0)
                pid1_arm(m, now_boottime() + TICK);
}

void neighbours_changed(Pid1 *m, const char *name) {
        Neighbour *n = neighbour_find(m, name);

        if (!n || n->causes == 0)
                return;
        for (Pid1Unit *u = m->units; u; u = u->hh.next)
                if (u->ending.cause == n)
                        wish_to_look(u);
        neighbours_look(m);
}
