/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The slow poll, which notices what a lost signal would have told. A round asks PID 1 for the rows of all units (a row
 * is a unit's line in the answer to ListUnitsByNames()): many units with one question, one question at a time. A unit
 * is read in full only if its row differs from what is known of it. Changes that a row does not show are noticed in
 * two other ways: PID 1 is asked when it has last read its files, and each round reads a few units in full, in turn.
 *
 * A template has no row, so each round asks about it separately. A unit about which PID 1 is to be asked anyway is
 * left out: PID 1 loads each unit that a question names, so that thousands of new units, which nothing holds yet,
 * would take it seconds in each round.
 */
#include "pid1/pid1-internal.h"

#include <errno.h>
#include <stdlib.h>

#include "pid1/pid1-status.h"
#include "util/bus-error.h"
#include "util/must.h"

static bool is_same(const Pid1Unit *u, const Pid1Row *row) {
        const Pid1UnitStatus *s = &u->status;

        return s->known && s->active == row->active && s->job == (row->job != 0) &&
               streq(s->load_state, row->load_state) && streq(s->sub_state, row->sub_state);
}

static Pid1Unit *find_asked(const Pid1 *m, const char *name) {
        Pid1Unit *u;

        HASH_FIND_STR(m->units, name, u);
        return u && u->asking.poll_place > 0 ? u : NULL;
}

static void forget_place(Pid1 *m, Pid1Unit *u) {
        must(m->poll.asked[u->asking.poll_place - 1] == u);
        m->poll.asked[u->asking.poll_place - 1] = NULL;
        u->asking.poll_place = 0;
}

/* Ends the question. read: whether the units for which no row came are read in full. */
static void end_question(Pid1 *m, bool read) {
        Poll *p = &m->poll;

        p->rows = sd_bus_slot_unref(p->rows);
        for (size_t i = 0; i < p->n_asked; i++) {
                Pid1Unit *u = p->asked[i];

                if (!u)
                        continue;
                forget_place(m, u);
                if (read)
                        pid1_unit_wish(u, false);
        }
        p->n_asked = 0;
}

static int take_rows(Pid1 *m, sd_bus_message *message) {
        Pid1Row row;
        int r = sd_bus_message_enter_container(message, 'a', "(ssssssouso)");

        while (r > 0 && (r = pid1_unit_row_decode(message, &row)) > 0) {
                Pid1Unit *u = find_asked(m, row.name);

                if (!u)
                        continue; /* an alias has the row of another name */
                forget_place(m, u);
                /* A question of the unit's own was asked later than this one, or will be. */
                if (!u->asking.question && !u->asking.queued && !is_same(u, &row))
                        pid1_unit_wish(u, false);
        }
        return r;
}

static void ask_rows(Pid1 *m);

/* Has the next tick ask about the same units again. */
static void ask_again(Pid1 *m) {
        Poll *p = &m->poll;
        size_t i = 0;

        while (i < p->n_asked && !p->asked[i])
                i++;
        if (i < p->n_asked)
                p->next = p->asked[i];
        end_question(m, false);
        p->again = true;
        pid1_arm(m, now_boottime() + TICK);
}

static int on_rows(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        Pid1 *m = userdata;
        const sd_bus_error *e = sd_bus_message_get_error(message);

        if (e && bus_error_is_silence(e->name)) {
                pid1_refused(m, e);
                ask_again(m);
                return 0;
        }
        pid1_answered(m);
        m->poll.unknown = false;
        if (!e)
                (void) take_rows(m, message);
        end_question(m, true);
        ask_rows(m);
        if (!m->poll.rows && !m->poll.again)
                m->poll.round_at = poll_next(m->poll.began_at, now_boottime(), m->poll.period);
        pid1_pump(m);
        return 0;
}

/* Names as many units as one question may have, from Poll.next on, which moves behind them. */
static int append_names(Pid1 *m, sd_bus_message *message) {
        Poll *p = &m->poll;
        int r = sd_bus_message_open_container(message, 'a', "s");

        for (; r >= 0 && p->next && p->n_asked < POLL_ROWS; p->next = p->next->hh.next) {
                Pid1Unit *u = p->next;

                if (u->pattern) {
                        pid1_unit_wish(u, false);
                        continue;
                }
                if (u->asking.queued || u->asking.question)
                        continue;
                r = sd_bus_message_append_basic(message, 's', u->name);
                if (r < 0)
                        break;
                p->asked[p->n_asked++] = u;
                u->asking.poll_place = p->n_asked;
        }
        return r < 0 ? r : sd_bus_message_close_container(message);
}

static void ask_rows(Pid1 *m) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;
        Poll *p = &m->poll;
        int r;

        must(!p->rows && p->n_asked == 0);
        p->again = false;
        if (!p->next || !m->owner)
                return;
        r = pid1_message_new(m, PID1_PATH, PID1_MANAGER, "ListUnitsByNames", &message);
        if (r >= 0)
                r = append_names(m, message);
        p->asked_at = now_boottime();
        if (r >= 0 && p->n_asked == 0)
                return;
        if (r >= 0)
                r = sd_bus_call_async(m->bus, &p->rows, message, on_rows, m, QUESTION_TIMEOUT);
        if (r < 0)
                end_question(m, true);
        pid1_arm(m, p->asked_at + TICK);
}

/* ---- the rest of a round ---- */

static int on_loaded(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        Pid1 *m = userdata;
        uint64_t at = 0;

        m->poll.loaded = sd_bus_slot_unref(m->poll.loaded);
        if (sd_bus_message_is_method_error(message, NULL) || sd_bus_message_read(message, "v", "t", &at) < 0)
                return 0; /* an old PID 1 does not say it */
        if (m->poll.loaded_at != 0 && m->poll.loaded_at != at)
                pid1_read_all(m);
        m->poll.loaded_at = at;
        return 0;
}

static void ask_loaded(Pid1 *m) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;

        if (m->poll.loaded || pid1_message_new(m, PID1_PATH, DBUS_PROPERTIES, "Get", &message) < 0 ||
                        sd_bus_message_append(message, "ss", PID1_MANAGER, "UnitsLoadTimestampMonotonic") < 0)
                return;
        (void) sd_bus_call_async(m->bus, &m->poll.loaded, message, on_loaded, m, QUESTION_TIMEOUT);
}

static void read_some_in_full(Pid1 *m) {
        Pid1Unit *u = m->poll.full ?: m->units;

        for (unsigned i = 0; u && i < POLL_FULL; i++, u = u->hh.next) {
                if (u->asking.silent_since != 0)
                        continue;
                if (!u->asking.looked_up)
                        i = POLL_FULL;
                pid1_unit_wish_whole(u);
        }
        m->poll.full = u;
}

/* Has every unit ask PID 1, as if it had wished to since that time: a unit for which PID 1 does not answer becomes
 * unknown (law 8). */
static void wish_all(Pid1 *m, usec_t since) {
        for (Pid1Unit *u = m->units; u; u = u->hh.next)
                if (u->asking.silent_since == 0) {
                        pid1_unit_wish(u, false);
                        u->asking.silent_since = since;
                }
}

usec_t poll_next(usec_t began, usec_t over, usec_t period) {
        usec_t share = MAX(POLL_SHARE * usec_sub(over, began), period);

        return usec_add(began, MIN(share, 2 * period));
}

static void begin_round(Pid1 *m, usec_t now) {
        Poll *p = &m->poll;

        p->began_at = now;
        p->round_at = usec_add(now, p->period);
        if (!m->owner || (!p->asked && !(p->asked = calloc(POLL_ROWS, sizeof(*p->asked))))) {
                wish_all(m, now);
                return;
        }
        read_some_in_full(m);
        p->next = m->units;
        ask_loaded(m);
        ask_rows(m);
}

usec_t poll_tick(Pid1 *m, usec_t now) {
        Poll *p = &m->poll;

        if (p->again && room_is_open(&m->room))
                ask_rows(m);
        else if (now >= p->round_at && !p->rows && !p->again)
                begin_round(m, now);
        if (p->rows && !p->unknown && now >= usec_add(p->asked_at, SILENCE)) {
                p->unknown = true;
                wish_all(m, p->asked_at);
        }
        return p->again || (p->rows && !p->unknown) ? now + TICK : MAX(p->round_at, now + TICK);
}

void poll_cancel(Pid1 *m) {
        end_question(m, false);
        m->poll.loaded = sd_bus_slot_unref(m->poll.loaded);
        m->poll.next = NULL;
        m->poll.again = m->poll.unknown = false;
        m->poll.loaded_at = 0;
}

void poll_forget(Pid1Unit *u) {
        Pid1 *m = u->pid1;

        if (u->asking.poll_place > 0)
                forget_place(m, u);
        if (m->poll.next == u)
                m->poll.next = u->hh.next;
        if (m->poll.full == u)
                m->poll.full = u->hh.next;
}

void poll_free(Pid1 *m) {
        must(m->poll.n_asked == 0);
        free(m->poll.asked);
}
