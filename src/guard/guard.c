/* SPDX-License-Identifier: Apache-2.0 */
#include "guard/guard-internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "guard/hand-over.h"
#include "guard/host.h"
#include "util/event-log.h"
#include "util/log.h"
#include "util/must.h"
#include "util/notify.h"

/* While there are no entries, PID 1 gets WATCHDOG=1 every 20 s, with a watchdog timeout of 1 min. */
#define IDLE_EVERY (20 * USEC_PER_SEC)
#define IDLE_WATCHDOG USEC_PER_MINUTE
/* How often the guard looks whether its files are there: a guard that cannot be reached for a TTL, but not less
 * than 2 s, counts as missing. */
#define LOOK_EVERY USEC_PER_SEC
/* The watchdog is moved if its deadline would become earlier, or later by at least this: every beat moves it by more.
 */
#define WATCHDOG_STEP (25 * USEC_PER_MSEC)
/* How long, from the first kill of a round on, processes are killed one by one. Whatever is left to be killed in that
 * round is killed by cgroup.kill (law 9). */
#define ONE_BY_ONE (30 * USEC_PER_MSEC)
/* How long one turn of the loop may take. What is still due then has the next turn, after this pause, in which the
 * loop reads what others say. */
#define TURN (8 * USEC_PER_MSEC)
#define PAUSE USEC_PER_MSEC
/* Gates that are looked at in one turn, and before and between its looks at the time. */
#define SWEEP_A_TURN 512u
#define SWEEP_AT_ONCE 32u
/* Messages to the daemon in one turn. */
#define TELLS_A_TURN 512u
/* How long a guard that ends without a bus waits before it trusts an empty control group: PID 1 may be about to fork.
 */
#define END_WITHOUT_BUS USEC_PER_SEC

/* ---- the daemon ---- */

static bool any_is_kept(const Guard *g) {
        for (const Item *item = g->items; item; item = item->hh.next)
                if (item->entry.keeps)
                        return true;
        return false;
}

static void on_connected(void *userdata) {
        Guard *g = userdata;
        Item *item, *next;

        g->hello = true;
        g->synced = false;
        g->serial = 0;
        g->keeps_due = any_is_kept(g);
        HASH_ITER(hh, g->items, item, next)
                if (item->entry.index != 0)
                        item_tell(g, item);
}

static unsigned request_perform(Guard *g, Item *item, const GuardMessage *m) {
        GuardEntry *e = &item->entry;
        usec_t now = now_boottime(), paused = pause_since(&g->host.pause, usec_sub(m->stop_at, m->stop_offset));

        switch (m->type) {
        case GUARD_ARM: /* law 14: the beat from which it counts may have been sent before a pause */
                return (m->flags & GUARD_FLAG_KEEPS ? guard_entry_arm_kept : guard_entry_arm)(e, now, m->index,
                                usec_sub(m->stop_at, paused), usec_sub(m->kill_at, paused), m->stop_offset,
                                m->kill_offset);
        case GUARD_LOSE:
                return guard_entry_lose(e, now, m->index, m->kill_at);
        case GUARD_DISARM:
                return guard_entry_disarm(e, now);
        case GUARD_OPEN:
                return guard_entry_open(e, now, m->index);
        case GUARD_LIMIT: /* law 14, as above */
                return guard_entry_limit(e, now, usec_sub(m->stop_at, paused), usec_sub(m->kill_at, paused));
        default:
                return guard_entry_close(e, now);
        }
}

/* Whether the item's time has come, and no turn has served it yet. No message changes that, and thousands may be due
 * at once: so they are left to serve_calm(), which parts them into turns. */
static bool is_due(const Item *item, usec_t now) {
        return !item->busy && guard_entry_next(&item->entry, (Heard){}) <= now;
}

/* Performs what a message to all entries brings. Their marks may take many turns: guard_follow() writes them, but for
 * those of units that are being stopped, also since this message only, as by a pause that ended long ago. */
static void perform_for_all(Guard *g, Item *item, unsigned actions) {
        bool whole = item->busy || guard_entry_is_busy(&item->entry);

        item_perform(g, item, whole ? actions : actions & ~(unsigned) (ENTRY_MARK | ENTRY_TELL));
}

static void on_beat(Guard *g, usec_t t0) {
        usec_t now = now_boottime();
        Item *item, *next;

        t0 = usec_sub(t0, pause_since(&g->host.pause, t0)); /* law 14 */
        (void) gates_beat(g->gates, MIN(t0, now));
        g->calm_next = g->calm_watchdog = g->calm_alarm = USEC_INFINITY;
        HASH_ITER(hh, g->items, item, next)
                item_perform(g, item, is_due(item, now) ? 0 : guard_entry_beat(&item->entry, now, t0));
        event_log(0, "beat %" PRIu64, t0);
}

/* Law 13. A request that was read late keeps nothing that has expired meanwhile. */
static void on_keep(Guard *g, const GuardMessage *m) {
        bool on = m->flags & GUARD_FLAG_KEEPS && !g->ending;
        usec_t now = now_boottime(), t0 = usec_sub(m->t0, pause_since(&g->host.pause, m->t0)); /* law 14 */
        Item *item, *next;

        g->calm_next = g->calm_watchdog = g->calm_alarm = USEC_INFINITY;
        HASH_ITER(hh, g->items, item, next)
                perform_for_all(g, item,
                                is_due(item, now) ? 0
                                : on              ? guard_entry_keep_on(&item->entry, now)
                                                  : guard_entry_keep_off(&item->entry, now, t0));
        g->moved = g->items;
        g->keeps_due = true;
        event_log(0, "%s %" PRIu64, on ? "keeps" : "counts", on ? now : MIN(t0, now));
        log_notice(on ? "keeping all units until leased says otherwise: the cluster is paused"
                      : "the pause ends: every unit has its deadline again");
}

static void on_message(const GuardMessage *m, void *userdata) {
        Guard *g = userdata;
        Item *item;

        g->serial = MAX(g->serial, m->serial);
        switch (m->type) {
        case GUARD_BEAT:
                on_beat(g, m->t0);
                return;
        case GUARD_KEEP:
                on_keep(g, m);
                return;
        case GUARD_ARM:
        case GUARD_OPEN:
        case GUARD_LOSE:
        case GUARD_DISARM:
        case GUARD_CLOSE:
        case GUARD_LIMIT:
                break;
        default: /* a message of a later protocol */
                return;
        }
        item = item_obtain(g, m->unit);
        if (!item)
                return;
        item_tell(g, item);
        if (m->type == GUARD_OPEN) {
                item_read_members(g, item);
                host_look(g, HOST_BEFORE_OPEN); /* law 14 */
        }
        if (!g->ending || (m->type != GUARD_ARM && m->type != GUARD_OPEN))
                item_perform(g, item, request_perform(g, item, m));
        if (m->type == GUARD_ARM && guard_entry_is_live(&item->entry))
                event_log(0, "armed %s %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64, item->unit,
                                item->entry.index, item->entry.stop_at, item->entry.kill_at, item->entry.stop_offset,
                                item->entry.kill_offset);
        if (m->type == GUARD_ARM && item->entry.keeps)
                event_log(0, "kept %s", item->unit);
}

static int send_simple(Guard *g, GuardMessageType type, uint64_t index) {
        GuardMessage m = { .version = GUARD_PROTOCOL, .type = type, .index = index };

        return client_send(g->client, &m);
}

static int send_version(Guard *g) {
        GuardMessage m = { .version = GUARD_PROTOCOL, .type = GUARD_VERSION, .unit = LEASED_VERSION };

        return client_send(g->client, &m);
}

static int send_keeps(Guard *g) {
        GuardMessage m = { .version = GUARD_PROTOCOL,
                .type = GUARD_KEEPS,
                .flags = any_is_kept(g) ? GUARD_FLAG_KEEPS : 0,
                .serial = g->serial };

        return client_send(g->client, &m);
}

static int send_entry(Guard *g, const Item *item) {
        const GuardEntry *e = &item->entry;
        GuardMessage m = {
                .version = GUARD_PROTOCOL,
                .type = GUARD_ENTRY,
                .index = e->index,
                .stop_at = e->stop_at,
                .kill_at = e->kill_at,
                .stop_offset = e->stop_offset,
                .kill_offset = e->kill_offset,
                .flags = pause_flags(&g->host.pause, e),
                .serial = g->serial,
        };

        str_copy(m.unit, sizeof(m.unit), item->unit);
        return client_send(g->client, &m);
}

/* Sends what the daemon has not been told. An ENTRY that does not fit into the socket is sent when there is room, as
 * the entry is then. */
static void guard_tell(Guard *g) {
        bool connected = client_is_connected(g->client);
        unsigned n = 0;

        if (connected && g->hello) {
                if (send_simple(g, GUARD_HELLO, (uint64_t) getpid()) < 0)
                        return;
                g->hello = false;
        }
        while (g->tells && n++ < TELLS_A_TURN) {
                Item *item = g->tells;

                if (connected && send_entry(g, item) < 0)
                        return;
                DL_DELETE2(g->tells, item, tell_prev, tell_next);
                item->tell = false;
                if (item->entry.index == 0)
                        item_free(g, item);
        }
        if (g->tells)
                g->turn.more = true;
        if (g->tells || (g->keeps_due && g->moved) || (connected && g->keeps_due && send_keeps(g) < 0))
                return; /* what a successor goes by is written before the daemon hears that entries are kept or not */
        g->keeps_due = false;
        if (connected && !g->synced && send_version(g) == 0 && send_simple(g, GUARD_SYNCED, 0) == 0)
                g->synced = true;
}

/* ---- PID 1 ---- */

static void on_stopped(const char *owner, StopAnswer answer, void *userdata) {
        Guard *g = userdata;
        Item *item = item_find(g, owner);

        if (item)
                item_perform(g, item, item_part_stopped(item, answer));
}

static void on_reported(const char *owner, const char *unit, UnitAnswer *answer, void *userdata) {
        Guard *g = userdata;
        Heard heard = pid_one_heard(g->pid_one);
        Item *item = item_find(g, owner);

        if (!item)
                return;
        for (Part *p = item->parts; p < item->parts + item->n_parts; p++)
                if (streq(p->name, unit) && !endswith(unit, ".slice")) /* a slice is up as long as anything in it is */
                        part_end_reported(&p->end, &item->entry, now_boottime(), answer);
        /* Law 7: the control group is looked at after PID 1's answer, and only counts once PID 1 has done its part. */
        answer->empty = answer->known && !answer->up && !answer->job &&
                        killer_is_empty(g->groups, heard.pid_one, unit);
        item_perform(g, item, item_part_reported(item, answer));
}

/* Whether the rest of what is due is left to the next turn. */
static bool is_turn_over(Guard *g) {
        g->turn.more = g->turn.more || now_boottime() >= g->turn.until;
        return g->turn.more;
}

/* Moves PID 1's watchdog to the first time by which the guard must have acted on an entry (guard_entry_watchdog()),
 * and the alarm to the first time at which the guard must be dead if it has not acted (guard_entry_alarm()). */
static void guard_touch(Guard *g, usec_t now) {
        usec_t idle = usec_add(now, IDLE_WATCHDOG), deadline = MIN(idle, g->calm_watchdog), alarm = g->calm_alarm,
               step;
        char text[64];
        Item *item;

        if (g->ending)
                return;
        DL_FOREACH2(g->busy, item, busy_next) {
                deadline = MIN(deadline, guard_entry_watchdog(&item->entry, now));
                alarm = MIN(alarm, guard_entry_alarm(&item->entry, now));
        }
        alarm_set(&g->alarm, alarm);
        step = deadline == idle ? IDLE_EVERY : WATCHDOG_STEP;
        if (deadline >= g->watchdog && deadline - g->watchdog < step)
                return;
        (void) snprintf(text, sizeof(text), "WATCHDOG_USEC=%" PRIu64 "\nWATCHDOG=1",
                        MAX(usec_sub(deadline, now), USEC_PER_MSEC));
        if (notify_send(g->notify_fd, text) == 0)
                g->watchdog = deadline;
}

/* ---- the gates of nobody ---- */

static void guard_sweep_begin(Guard *g) {
        gates_sweep_begin(g->gates);
        g->sweeping = true;
}

static bool is_open(const char *unit, void *userdata) {
        const Item *item = item_find(userdata, unit);

        return item && item->entry.gate_open;
}

/* Removes gates that the guard has not opened (law 10); once it ends, and the gates of its entries are closed,
 * whatever is left. Some are looked at in each turn, also where other work has taken all of its time. */
static void guard_sweep(Guard *g) {
        unsigned n = 0;
        int r;

        if (!g->sweeping || g->losing)
                return;
        do
                r = gates_sweep(g->gates, SWEEP_AT_ONCE, g->ending ? NULL : is_open, g);
        while (r == GATES_SWEEP_MORE && (n += SWEEP_AT_ONCE) < SWEEP_A_TURN && !is_turn_over(g));
        if (r == GATES_SWEEP_MORE)
                return;
        g->sweeping = false;
        if (r < 0 && !g->sweep_failed)
                (void) log_error_errno(r, "cannot remove all gates that the guard has not opened");
        if (r == 0 && g->ending)
                event_log(0, "wiped");
        g->sweep_failed = r < 0;
}

/* ---- the end ---- */

void guard_end(Guard *g, const char *why) {
        if (g->ending)
                return;
        g->ending = now_boottime();
        alarm_set(&g->alarm, USEC_INFINITY);
        log_warning("Ending: %s. Units that are still there are stopped.", why);
        event_log(0, "end");
        /* PID 1 then stops what is bound to the guard, and no longer looks at its watchdog. */
        (void) notify_send(g->notify_fd, "STOPPING=1");
        g->restoring = NULL;
        g->losing = g->items;
        guard_sweep_begin(g);
}

/* The guard ends: declares all entries lost, and closes their gates. */
static void guard_lose(Guard *g) {
        while (g->losing && !is_turn_over(g)) {
                Item *item = g->losing;
                const GuardEntry *e = &item->entry;

                g->losing = item->hh.next;
                if (guard_entry_is_live(e) || e->frozen)
                        item_perform(g, item,
                                        guard_entry_lose(&item->entry, now_boottime(), e->index,
                                                        guard_entry_last_kill(e, now_boottime())));
        }
}

static bool item_is_empty(const Guard *g, const Item *item, usec_t now) {
        for (size_t i = 0; i < item->n_parts; i++)
                if (!killer_is_empty(g->groups, now, item->parts[i].name))
                        return false;
        return true;
}

/* Whether the guard has nothing more to do for the item. If PID 1 cannot be asked any more (at shutdown the bus goes
 * first), an empty control group must do. */
static bool item_is_finished(Guard *g, const Item *item, usec_t now) {
        if (!guard_entry_is_stopping(&item->entry))
                return true;
        return !pid_one_is_connected(g->pid_one) && now >= usec_add(g->ending, END_WITHOUT_BUS) &&
               !item->entry.gate_open && item_is_empty(g, item, now);
}

static bool guard_is_finished(Guard *g, usec_t now) {
        Item *item;

        if (!g->ending || g->losing || g->sweeping)
                return false;
        DL_FOREACH2(g->busy, item, busy_next)
        if (!item_is_finished(g, item, now))
                return false;
        return true;
}

/* ---- the files ---- */

/* Makes the guard's files anew where somebody has removed them ("systemctl clean leased.service"), so that the daemon
 * can reach the guard and a successor finds its marks. A gate that the guard has not opened is removed (law 10):
 * somebody has made the file, or what was mounted over it has gone. */
static void guard_look(Guard *g, usec_t now) {
        int r;

        g->look_at = usec_add(now, LOOK_EVERY);
        if (g->ending)
                return;
        if (gates_look(g->gates)) {
                g->restoring = g->items;
                guard_sweep_begin(g);
        }
        r = g->client ? client_look(g->client) : 0;
        if (r < 0 && !g->listen_failed)
                (void) log_error_errno(r, "cannot serve the daemon, trying again");
        g->listen_failed = r < 0;
}

/* Writes the marks of the items whose deadlines have moved (laws 13, 14), and has the daemon told. */
static void guard_follow(Guard *g) {
        while (g->moved && !is_turn_over(g)) {
                Item *item = g->moved;

                g->moved = item->hh.next;
                item_perform(g, item, guard_entry_moved(&item->entry, now_boottime()));
        }
}

static bool item_has_files(const Guard *g, const Item *item) {
        const GuardEntry *e = &item->entry;

        return gates_has_mark(g->gates, item->unit) &&
               (!e->gate_wanted || !guard_entry_is_live(e) || gates_has_gate(g->gates, item->unit));
}

/* A gate that has vanished is not made anew before the daemon has made the unit's environment file anew, which has
 * vanished with it: what PID 1 started between the two would not know its Index. */
static void guard_restore(Guard *g) {
        while (g->restoring && !is_turn_over(g)) {
                Item *item = g->restoring;
                bool may_open = gates_has_gate(g->gates, item->unit) || gates_has_environment(g->gates, item->unit);

                g->restoring = item->hh.next;
                if (item_has_files(g, item))
                        continue;
                if (!may_open)
                        gates_look_again(g->gates);
                item_perform(g, item, guard_entry_restore(&item->entry, now_boottime(), may_open));
        }
}

/* ---- the turn ---- */

static void item_tick(Guard *g, Item *item, Heard heard) {
        if (guard_entry_is_live(&item->entry) && !item->entry.keeps && now_boottime() >= item->entry.stop_at)
                item_read_members(g, item); /* whether it is to be frozen (law 15) */
        item_perform(g, item, guard_entry_tick(&item->entry, now_boottime(), heard));
}

/* Serves the calm items whose time has come: they expire, and become busy. */
static void serve_calm(Guard *g, Heard heard) {
        Item *item, *next;

        if (now_boottime() < g->calm_next)
                return;
        g->calm_next = g->calm_watchdog = g->calm_alarm = USEC_INFINITY;
        HASH_ITER(hh, g->items, item, next) {
                if (item->busy)
                        continue;
                if (guard_entry_next(&item->entry, heard) > now_boottime())
                        item_place(g, item);
                else if (is_turn_over(g))
                        item_place(g, item); /* whose time has come: it is served in the next turn */
                else
                        item_tick(g, item, heard);
        }
}

/* Serves the busy items that are due. An item that is served goes to the end of the list, so that all others have
 * their turn before it has the next. */
static void serve_busy(Guard *g, Heard heard) {
        Item *item = g->busy, *last = item ? item->busy_prev : NULL, *next;
        bool end = !item;

        if (!g->turn.in_round)
                g->turn.one_by_one_until = usec_add(now_boottime(), ONE_BY_ONE);
        for (; !end && !is_turn_over(g); item = next) {
                end = item == last;
                next = item->busy_next;
                if (guard_entry_next(&item->entry, heard) > now_boottime())
                        continue;
                DL_DELETE2(g->busy, item, busy_prev, busy_next);
                DL_APPEND2(g->busy, item, busy_prev, busy_next);
                item_tick(g, item, heard);
        }
        g->turn.in_round = !end;
}

static usec_t next_turn(const Guard *g, Heard heard) {
        usec_t next = MIN(g->look_at, g->calm_next);
        Item *item;

        next = MIN(next, host_next(g));
        if (g->turn.more || g->restoring || g->losing || g->moved || g->sweeping)
                return usec_add(now_boottime(), PAUSE);
        DL_FOREACH2(g->busy, item, busy_next)
        next = MIN(next, guard_entry_next(&item->entry, heard));
        return next;
}

static void arm(Guard *g, usec_t at) {
        g->armed = at;
        if (sd_event_source_set_time(g->timer, at) >= 0 &&
                        sd_event_source_set_enabled(g->timer, SD_EVENT_ONESHOT) >= 0)
                return;
        /* A guard without its timer is none: PID 1 stops what is bound to it, and starts another one. */
        log_alert("cannot arm the timer");
        (void) sd_event_exit(g->event, 1);
}

void guard_settle(Guard *g) {
        Heard heard = pid_one_heard(g->pid_one);
        usec_t began = now_boottime();

        g->turn.until = usec_add(began, TURN);
        g->turn.more = false;
        host_look(g, HOST_EVERY);
        serve_calm(g, heard);
        serve_busy(g, heard);
        if (g->shout)
                guard_end(g, "PID 1 does not take a stop on the bus");
        if (began >= g->look_at)
                guard_look(g, began);
        guard_lose(g);
        guard_sweep(g);
        guard_follow(g);
        guard_restore(g);
        pid_one_flush(g->pid_one);
        guard_tell(g);
        guard_touch(g, now_boottime());
        if (!g->busy)
                groups_forget(g->groups);
        if (guard_is_finished(g, now_boottime())) {
                (void) sd_event_exit(g->event, 0);
                return;
        }
        hand_over_settle(g, now_boottime());
        arm(g, next_turn(g, heard));
        g->turn.over_at = now_boottime();
        g->turn.took = usec_sub(g->turn.over_at, began);
}

static void settle(void *userdata) {
        guard_settle(userdata);
}

/* After each answer of PID 1. While many come at once, turns take no more than half of the time. */
static void settle_soon(void *userdata) {
        Guard *g = userdata;
        usec_t again_at = usec_add(g->turn.over_at, g->turn.took);

        if (now_boottime() >= again_at)
                guard_settle(g);
        else if (again_at < g->armed)
                arm(g, again_at);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        guard_settle(userdata);
        return 0;
}

/* ---- life ---- */

/* The kernel has told that a group of a frozen unit has changed. */
static void on_frost(void *owner, void *userdata) {
        Guard *g = userdata;
        Item *item = owner;
        usec_t now = now_boottime();

        guard_entry_look(&item->entry, now);
        if (now < g->armed)
                arm(g, now);
}

static void take_up_mark(const char *unit, const Mark *mark, void *userdata) {
        Guard *g = userdata;
        Item *item = guard_unit_is_valid(unit) ? item_obtain(g, unit) : NULL;
        usec_t now = now_boottime(), most;

        /* No lease is good for longer than that: a mark that says so was not written by a guard. What was kept is no
         * longer (law 13), and has the time that it would have had after a beat. */
        most = usec_add(now, mark->kill_at == USEC_INFINITY ? MIN(mark->kill_offset, GUARD_TTL_MAX) : GUARD_TTL_MAX);
        if (item)
                item_perform(g, item, guard_entry_lose(&item->entry, now, mark->index, MIN(mark->kill_at, most)));
}

int guard_new(sd_event *event, Gates *gates, const char *root, Guard **ret) {
        static const PidOneCallbacks callbacks = { on_stopped, on_reported, settle_soon };
        _cleanup_(guard_freep) Guard *g = calloc(1, sizeof(Guard));
        int r;

        if (!g)
                return -ENOMEM;
        g->event = sd_event_ref(event);
        g->gates = gates;
        g->calm_next = g->calm_watchdog = g->calm_alarm = USEC_INFINITY;
        g->notify_fd = notify_open();
        host_begin(g);
        r = groups_new(root, &g->groups);
        if (r < 0)
                return r;
        r = freezer_new(event, g->groups, on_frost, g, &g->freezer);
        if (r < 0)
                return r;
        r = pid_one_new(event, &callbacks, g, &g->pid_one);
        if (r < 0)
                return r;
        r = sd_event_add_time(event, &g->timer, CLOCK_BOOTTIME, USEC_INFINITY, 1, on_timer, g);
        if (r < 0)
                return r;
        /* After a freeze the timer goes first: what is due is done before messages that came meanwhile are read (law
         * 10). */
        r = sd_event_source_set_priority(g->timer, SD_EVENT_PRIORITY_IMPORTANT - 100);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(g);
        return 0;
}

int guard_take_up_marks(Guard *g) {
        return gates_each_mark(g->gates, take_up_mark, g);
}

static const ClientCallbacks client_callbacks = { on_connected, on_message, settle };

int guard_listen(Guard *g, const char *path) {
        int r = client_new(g->event, path, &client_callbacks, g, &g->client);

        if (r >= 0)
                r = alarm_make(&g->alarm);
        return r < 0 ? r : notify_send(g->notify_fd, "READY=1");
}

int guard_take_over(Guard *g, const char *path, const char *text, size_t size, int listen_fd) {
        ClientSocket made;
        int r = hand_over_take(g, text, size, &made);

        if (r < 0) {
                (void) close(listen_fd);
                return r;
        }
        r = client_new_from(g->event, path, listen_fd, &made, &client_callbacks, g, &g->client);
        if (r >= 0)
                r = alarm_make(&g->alarm);
        return r < 0 ? r : 0; /* PID 1 has been told READY=1 */
}

void guard_taken_over(void) {
        hand_over_end();
}

void guard_hand_over(Guard *g, const char *program) {
        if (!g->hand_over.program)
                g->hand_over.program = strdup(program);
        hand_over_begin(g);
}

Guard *guard_free(Guard *g) {
        Item *item, *next;

        if (!g)
                return NULL;
        hand_over_done(&g->hand_over);
        alarm_done(&g->alarm);
        client_free(g->client);
        pid_one_free(g->pid_one);
        HASH_ITER(hh, g->items, item, next)
                item_free(g, item);
        freezer_free(g->freezer);
        groups_free(g->groups);
        host_clock_close(&g->host.clock);
        sd_event_source_disable_unref(g->timer);
        if (g->notify_fd >= 0)
                (void) close(g->notify_fd);
        sd_event_unref(g->event);
        free(g);
        return NULL;
}
