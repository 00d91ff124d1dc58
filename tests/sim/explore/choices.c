/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events of the earliest instant are tried in all orders in which the order can matter: first what machines share
 * (requests at the registry, watches, births and deaths of processes), then what concerns the first machine alone,
 * then the second. Events that concern different machines alone commute. Sockets keep their order.
 *
 * A trouble strikes a machine, a guard or a message only just before an event of its own. A moment between two of
 * these events would not differ from the moment just before the second one.
 */
#include "choices.h"

#include <stdio.h>

#include "core-shape.h"
#include "print.h"
#include "rare.h"

static const usec_t epsilon = 2 * TICK;

static bool is_shared(const SimEvent *e) {
        return e->kind == SIM_ARRIVE || e->kind == SIM_WATCH || e->kind == SIM_WATCH_CONNECT || e->kind == SIM_FORK ||
               e->kind == SIM_DEATH;
}

static bool keeps_order(SimKind kind) {
        return kind == SIM_GUARD_TOLD || kind == SIM_GUARD_SAYS || kind == SIM_JOB || kind == SIM_VERB;
}

/* Whether an earlier event of the same kind must come first, since both come through one socket. */
static bool has_elder(const World *w, size_t slot, usec_t instant) {
        const SimEvent *e = w->queue + slot;

        if (!keeps_order(e->kind))
                return false;
        for (size_t i = 0; i < w->n_heap; i++) {
                const SimEvent *o = w->queue + i;

                if (i != slot && o->kind == e->kind && o->machine == e->machine && turns_instant(o) <= instant &&
                                (o->at < e->at || (o->at == e->at && i < slot)) && !print_is_stale(w, o))
                        return true;
        }
        return false;
}

/* Which machine has the unit, by its guard; NULL: none. */
static const Machine *find_holder(const World *w) {
        const Machine *found = NULL;

        for (size_t i = 0; i < w->n_machines; i++) {
                const GuardEntry *e = w->machines[i].guard.entries;

                if (e->index > 0 && !e->down && (!found || e->index > found->guard.entries->index))
                        found = w->machines + i;
        }
        return found;
}

/* Which machine has no power; NULL: none. */
static const Machine *find_dead(const World *w) {
        for (size_t i = 0; i < w->n_machines; i++)
                if (!w->machines[i].powered)
                        return w->machines + i;
        return NULL;
}

static size_t add_around(usec_t at, usec_t now, unsigned which, usec_t *ret) {
        size_t n = 0;

        if (which & 1 && at - epsilon > now)
                ret[n++] = at - epsilon;
        if (which & 2 && at > now)
                ret[n++] = at;
        if (which & 4 && at + epsilon > now)
                ret[n++] = at + epsilon;
        return n;
}

/* Gives the corners: the moments of true time at which a trouble that begins now may end. They lie around the stop,
 * the kill and the taking. */
static size_t find_corners(const World *w, unsigned level, usec_t ret[static CORNERS_MAX]) {
        const Machine *h = find_holder(w), *o = NULL;
        usec_t ttl = w->machines[0].ttl, t0 = w->now, stop = w->now + ttl / 2, kill = w->now + ttl, take;
        size_t n = 0;

        for (size_t i = 0; i < w->n_machines; i++)
                if (w->machines + i != h)
                        o = w->machines + i;
        if (h) {
                const GuardEntry *e = h->guard.entries;

                stop = machine_true_time(w, h, e->stop_at);
                kill = machine_true_time(w, h, e->kill_at);
                if (e->kill_at > e->kill_offset && e->kill_offset > 0)
                        t0 = machine_true_time(w, h, e->kill_at - e->kill_offset);
        }
        take = t0 + ttl_take_after(ttl) * 1000000 / o->rate_ppm;
        if (level > 1)
                n += add_around(stop, w->now, level > 2 ? 7 : 4, ret + n);
        n += add_around(kill, w->now, level > 2 ? 7 : level > 1 ? 5 : 4, ret + n);
        n += add_around(take, w->now, level > 2 ? 7 : level > 1 ? 5 : 4, ret + n);
        if (n == 0 || level > 2)
                ret[n++] = MAX(take, w->now) + ttl;
        if (level > 3)
                ret[n++] = w->now + 90 * USEC_PER_SEC;
        return n;
}

typedef struct List {
        Choice *choices;
        size_t n, n_corners;
        const ChoiceRules *rules;
        size_t slot;
} List;

static void add(List *l, Trouble t, size_t n_corners) {
        for (size_t i = l->rules->kinds.last && n_corners > 0 ? n_corners - 1 : 0;
                        i < n_corners && l->rules->kinds.troubles >> t & 1; i++) {
                if (l->n == CHOICES_MAX)
                        abort();
                l->choices[l->n++] = (Choice){ (uint16_t) l->slot, (uint8_t) t, (uint8_t) i };
        }
}

static bool is_daemons(const SimEvent *e) {
        return e->kind == SIM_REPLY || e->kind == SIM_TIMEOUT || e->kind == SIM_WATCH || e->kind == SIM_DEADLINE ||
               e->kind == SIM_STATUS_BACK || e->kind == SIM_GUARD_SAYS;
}

static void add_machine_troubles(const World *w, List *l, const Machine *m) {
        const Machine *h = find_holder(w);

        add(l, TROUBLE_POWER, l->n_corners + 1);
        if (!m->requests_blocked && !m->replies_blocked) {
                add(l, TROUBLE_REQUESTS, l->n_corners);
                add(l, TROUBLE_ANSWERS, l->n_corners);
                add(l, TROUBLE_CUT_OFF, l->n_corners);
        }
        if (m == h && m->units[0].processes[SLOT_MAIN].alive && !m->units[0].processes[SLOT_MAIN].dying) {
                add(l, TROUBLE_RELEASE, 1);
                add(l, TROUBLE_TRANSFER, 1);
                add(l, TROUBLE_UNIT, 1);
                add(l, TROUBLE_NO_FENCE, 1);
                add(l, TROUBLE_NO_LEASE, 1);
        } else if (h)
                add(l, TROUBLE_STEAL, 1);
        if (m->core && !pausing_record(w))
                add(l, TROUBLE_PAUSE, l->n_corners);
        if (m->core && find_dead(w))
                add(l, TROUBLE_CONFIRM, 1);
}

static void add_troubles(const World *w, List *l, const SimEvent *e) {
        const Machine *m = w->machines + e->machine;
        const Message *q = e->pointer;

        if (machine_is_asleep(m) || !(l->rules->kinds.machines >> e->machine & 1))
                return;
        for (Trouble t = _TROUBLE_NAMED; t < _TROUBLE_MAX && l->rules->kinds.troubles >> _TROUBLE_NAMED; t++)
                if (l->rules->kinds.troubles >> t & 1)
                        add(l, t, rare_ways(w, m, e, t, l->n_corners));
        if (e->kind == SIM_ARRIVE && !q->kept && !m->requests_blocked) {
                add(l, TROUBLE_LOSE, 1);
                if (q->txn) {
                        add(l, TROUBLE_LATE, l->n_corners);
                        add(l, TROUBLE_TWICE, l->n_corners + 1);
                }
        }
        if (e->kind == SIM_REPLY && !m->replies_blocked) {
                add(l, TROUBLE_LOSE, 1);
                add(l, TROUBLE_LATE, 1);
        }
        if (e->kind == SIM_WATCH && !q)
                add(l, TROUBLE_STALL, l->n_corners);
        if (is_daemons(e) && m->core && !m->paused) {
                add(l, TROUBLE_CRASH, l->n_corners + 1);
                add(l, TROUBLE_CUT, 4);
                add(l, TROUBLE_HANG, l->n_corners);
        }
        if ((e->kind == SIM_GUARD_TOLD || e->kind == SIM_GUARD_TIMER) && m->guard.state == GUARD_UP &&
                        w->now >= m->guard.paused_until) {
                add(l, TROUBLE_GUARD, 1);
                add(l, TROUBLE_GUARD_HUNG, l->n_corners);
                add(l, TROUBLE_HAND_OVER, 1);
        }
        if (e->kind == SIM_JOB && e->a == JOB_START)
                add(l, TROUBLE_FORK, l->n_corners);
        if (e->kind == SIM_FROST && m->units[0].freezing)
                add(l, TROUBLE_FROST, l->n_corners);
        if ((e->kind == SIM_REPLY || e->kind == SIM_DEADLINE) && m->powered)
                add(l, TROUBLE_VM_PAUSE, l->n_corners);
        if (e->kind == SIM_DEADLINE && m->powered)
                add_machine_troubles(w, l, m);
}

size_t choices_list(World *w, const ChoiceRules *rules, bool trouble, Choice ret[static CHOICES_MAX]) {
        usec_t instant = USEC_INFINITY, corners[CORNERS_MAX];
        int machine = -1; /* whose events are tried; -2: shared ones; -1: none was found yet */
        uint16_t slots[64];
        size_t n = 0;
        List list = { .choices = ret, .rules = rules };

        for (size_t i = 0; i < w->n_heap; i++)
                if (!print_is_stale(w, w->queue + i))
                        instant = MIN(instant, turns_instant(w->queue + i));
        for (size_t i = 0; i < w->n_heap; i++) {
                const SimEvent *e = w->queue + i;
                int whose = is_shared(e) ? -2 : e->machine;

                if (turns_instant(e) > instant || print_is_stale(w, e) || has_elder(w, i, instant))
                        continue;
                if (machine == -1 || whose < machine) {
                        machine = whose;
                        n = 0;
                }
                if (whose == machine && n < ELEMENTSOF(slots))
                        slots[n++] = (uint16_t) i;
        }
        if (!rules->orders)
                n = MIN(n, 1u);
        for (size_t i = 0; i < n; i++)
                ret[list.n++] = (Choice){ slots[i], TROUBLE_NONE, 0 };
        if (!trouble || n == 0)
                return list.n;
        w->now = MAX(w->now, instant);
        list.n_corners = find_corners(w, rules->corners, corners);
        for (size_t i = 0; i < n; i++) {
                list.slot = slots[i];
                add_troubles(w, &list, w->queue + slots[i]);
        }
        return list.n;
}

/* ---- carrying out ---- */

static void let_happen(World *w, size_t slot) {
        SimEvent e = turns_take(w, slot);

        world_dispatch(w, &e);
        for (size_t i = 0; i < w->n_machines; i++)
                if (w->machines[i].powered && w->machines[i].boot_base < BASE_BOOTTIME)
                        w->machines[i].boot_base += BASE_BOOTTIME;
}

static void lose(World *w, Machine *m, size_t slot) {
        bool requests = m->requests_blocked, replies = m->replies_blocked;

        m->requests_blocked = m->replies_blocked = true;
        let_happen(w, slot);
        m->requests_blocked = requests;
        m->replies_blocked = replies;
}

static void delay(World *w, size_t slot, usec_t until) {
        SimEvent *e = w->queue + slot;
        Message *q = e->pointer;

        if (e->kind == SIM_ARRIVE) {
                q->kept = true;
                e->at = MAX(until, w->now + TICK);
                return;
        }
        e->at = w->now + TICK;
        for (size_t i = 0; i < w->n_heap; i++)
                if (w->queue[i].kind == SIM_TIMEOUT && w->queue[i].pointer == q)
                        e->at = MAX(e->at, w->queue[i].at - TICK);
}

static bool crash_inside(World *w, Machine *m, size_t slot, unsigned after) {
        m->cut = CUT_CRASH;
        m->cut_at = _ACTION_ANY;
        m->cut_after = 2 * after + 1; /* behind an action */
        m->cut_span = 100 * USEC_PER_MSEC;
        let_happen(w, slot);
        if (m->cut == CUT_NONE)
                return true;
        m->cut = CUT_NONE;
        return false;
}

static bool hang_inside(World *w, Machine *m, size_t slot, usec_t span) {
        m->cut = CUT_PAUSE;
        m->cut_at = ACTION_GATE_OPEN;
        m->cut_after = 0;
        m->cut_span = span;
        let_happen(w, slot);
        if (m->cut == CUT_NONE)
                return true;
        m->cut = CUT_NONE;
        return false;
}

static void say_word(World *w, Machine *m, Trouble t) {
        uint64_t index = w->leases[0].index;

        switch (t) {
        case TROUBLE_RELEASE:
                daemon_verb(w, m, EVENT_RELEASE, 0, index);
                break;
        case TROUBLE_STEAL:
                daemon_verb(w, m, EVENT_STEAL, 0, index);
                break;
        case TROUBLE_TRANSFER:
                daemon_verb(w, m, EVENT_TRANSFER, 0, (m->number + 1u) % w->n_machines);
                break;
        case TROUBLE_CONFIRM:
                daemon_verb(w, m, EVENT_CONFIRM, 0, find_dead(w)->number);
                break;
        default:
                unit_ends(w, m, 0, false);
        }
}

static void delete_record(World *w, RecordKind kind, const char *name) {
        uint32_t key = map_key(w, kind, name);

        if (!w->map.keys[key].value)
                return;
        w->map.revision++;
        map_delete(w, key);
        net_changed(w);
}

bool choices_make(World *w, const ChoiceRules *rules, Choice c) {
        usec_t corners[CORNERS_MAX], until, span;
        Machine *m = w->machines + w->queue[c.slot].machine;
        size_t n;

        w->now = MAX(w->now, turns_instant(w->queue + c.slot));
        n = find_corners(w, rules->corners, corners);
        until = c.corner < n ? corners[c.corner] : w->now + 100 * USEC_PER_MSEC;
        span = until - w->now;
        switch ((Trouble) c.trouble) {
        case TROUBLE_NONE:
                let_happen(w, c.slot);
                break;
        case TROUBLE_LOSE:
                lose(w, m, c.slot);
                break;
        case TROUBLE_LATE:
        case TROUBLE_LATE_WRITE:
                delay(w, c.slot, until);
                break;
        case TROUBLE_TWICE: {
                SimEvent again = w->queue[c.slot];

                ((Message *) again.pointer)->references++;
                let_happen(w, c.slot);
                again.at = c.corner < n ? until : w->now + TICK;
                again.a = 0; /* the first answer is the one that is heard */
                world_post(w, again);
                break;
        }
        case TROUBLE_STALL:
                m->watch.stalled_until = until;
                let_happen(w, c.slot);
                break;
        case TROUBLE_CRASH:
        case TROUBLE_HANG:
                if (c.trouble == TROUBLE_CRASH)
                        daemon_crash(w, m, span);
                else
                        daemon_pause(w, m, span);
                break;
        case TROUBLE_CUT:
                return crash_inside(w, m, c.slot, c.corner);
        case TROUBLE_POWER:
                machine_power_cut(w, m, c.corner < n ? span : 10 * m->ttl);
                break;
        case TROUBLE_REQUESTS:
        case TROUBLE_ANSWERS:
        case TROUBLE_CUT_OFF:
                machine_cut_off(w, m, c.trouble != TROUBLE_ANSWERS, c.trouble != TROUBLE_REQUESTS, span);
                break;
        case TROUBLE_GUARD:
                guard_crash(w, m);
                break;
        case TROUBLE_GUARD_HUNG:
                guard_pause(w, m, span);
                break;
        case TROUBLE_FORK:
                turns_stall_fork(span);
                let_happen(w, c.slot);
                turns_stall_fork(0);
                break;
        case TROUBLE_HAND_OVER:
                guard_hand_over(w, m);
                break;
        case TROUBLE_VM_PAUSE:
                machine_stand_still(w, m, span);
                break;
        case TROUBLE_NO_FENCE:
                delete_record(w, RECORD_FENCE, m->run_session);
                break;
        case TROUBLE_NO_LEASE:
                delete_record(w, RECORD_LEASE, w->lease_names[0]);
                break;
        case TROUBLE_PAUSE:
                pausing_for(w, m, span);
                break;
        case TROUBLE_FROST:
                w->queue[c.slot].at = until;
                break;
        case TROUBLE_HANG_IN:
                return hang_inside(w, m, c.slot, span);
        default:
                if (c.trouble >= _TROUBLE_NAMED)
                        rare_strike(w, m, w->queue + c.slot, (Trouble) c.trouble, c.corner, span);
                else
                        say_word(w, m, (Trouble) c.trouble);
        }
        return true;
}

const char *choices_trouble(Trouble t) {
        static const char *const names[_TROUBLE_MAX] = {
                [TROUBLE_NONE] = "none",
                [TROUBLE_LOSE] = "lose",
                [TROUBLE_LATE] = "late",
                [TROUBLE_TWICE] = "twice",
                [TROUBLE_STALL] = "stall",
                [TROUBLE_CRASH] = "crash",
                [TROUBLE_CUT] = "cut",
                [TROUBLE_HANG] = "hang",
                [TROUBLE_POWER] = "power",
                [TROUBLE_REQUESTS] = "requests",
                [TROUBLE_ANSWERS] = "answers",
                [TROUBLE_CUT_OFF] = "cut-off",
                [TROUBLE_GUARD] = "guard",
                [TROUBLE_GUARD_HUNG] = "guard-hung",
                [TROUBLE_FORK] = "fork",
                [TROUBLE_RELEASE] = "release",
                [TROUBLE_STEAL] = "steal",
                [TROUBLE_TRANSFER] = "transfer",
                [TROUBLE_UNIT] = "unit",
                [TROUBLE_HAND_OVER] = "hand-over",
                [TROUBLE_VM_PAUSE] = "vm-pause",
                [TROUBLE_NO_FENCE] = "no-fence",
                [TROUBLE_NO_LEASE] = "no-lease",
                [TROUBLE_PAUSE] = "pause",
                [TROUBLE_CONFIRM] = "confirm",
                [TROUBLE_FROST] = "frost",
                [TROUBLE_LAG] = "lag",
                [TROUBLE_LATE_WRITE] = "late-write",
                [TROUBLE_HANG_IN] = "hang-in",
                [TROUBLE_BY_HAND] = "by-hand",
                [TROUBLE_THAW] = "thaw",
                [TROUBLE_DISABLE] = "disable",
                [TROUBLE_ENABLE] = "enable",
                [TROUBLE_SLEEP] = "sleep",
                [TROUBLE_REBOOT] = "reboot",
                [TROUBLE_ILL] = "ill",
                [TROUBLE_NEED] = "need",
                [TROUBLE_REQUEST] = "request",
                [TROUBLE_WITHDRAW] = "withdraw",
                [TROUBLE_REWRITE] = "rewrite",
                [TROUBLE_OLD_FENCE] = "old-fence",
                [TROUBLE_LIE] = "lie",
                [TROUBLE_BLINK] = "blink",
                [TROUBLE_COMMAND] = "command",
        };

        return names[t];
}

void choices_say(const World *w, const ChoiceRules *rules, Choice c, char *ret, size_t size) {
        usec_t corners[CORNERS_MAX];
        size_t n = find_corners(w, rules->corners, corners);

        if (c.corner < n)
                (void) snprintf(ret, size, "CHOICE: %s, %u (until %.3f s)", choices_trouble((Trouble) c.trouble),
                                c.corner, (double) corners[c.corner] / USEC_PER_SEC);
        else
                (void) snprintf(ret, size, "CHOICE: %s, %u", choices_trouble((Trouble) c.trouble), c.corner);
}
