/* SPDX-License-Identifier: Apache-2.0 */
#include "guard/guard.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/reboot.h>
#include <unistd.h>
#include <uthash.h>

#include "guard/client.h"
#include "guard/guard-entry.h"
#include "guard/killer.h"
#include "guard/pid1.h"
#include "util/log.h"
#include "util/must.h"
#include "util/notify.h"
#include "util/strv.h"

/* While there are no entries, PID 1 gets WATCHDOG=1 every 20 s, with a watchdog timeout of 1 min. */
#define IDLE_EVERY (20 * USEC_PER_SEC)
#define IDLE_WATCHDOG USEC_PER_MINUTE
#define LIFE_MAX USEC_PER_MINUTE /* the longest TTL */
/* How often the guard looks whether its files are there: more often than the shortest TTL, 2 s, since a guard that
 * cannot be reached for a TTL counts as missing. */
#define LOOK_EVERY USEC_PER_SEC
/* The watchdog is moved if its deadline would become earlier, or later by at least this: every beat moves it by more.
 */
#define WATCHDOG_STEP (25 * USEC_PER_MSEC)
/* How long PID 1 may take, from kill_at on, to say that a unit with FenceAction=reboot is down. Another machine takes
 * the lease KILL_SLACK (350 ms, core/timeline.h) after kill_at at the earliest. */
#define FENCE_DELAY (100 * USEC_PER_MSEC)
/* How much of one turn may be spent on killing processes one by one. Whatever is left to be killed in that turn is
 * killed by cgroup.kill (law 9). */
#define ONE_BY_ONE (30 * USEC_PER_MSEC)
/* How long a guard that ends without a bus waits before it trusts an empty control group: PID 1 may be about to fork.
 */
#define END_WITHOUT_BUS USEC_PER_SEC

/* One of the units that go by an entry: its own unit, or a member (protocol.h). */
typedef struct Part {
        char *name;
        Killer killer;
        PartEnd end;
} Part;

/* A unit with its entry. An item without an entry (index 0) is kept until the daemon has been told that there is none.
 */
typedef struct Item {
        char unit[sizeof(((GuardMessage *) NULL)->unit)];
        GuardEntry entry;
        Part *parts; /* the first is the unit itself */
        size_t n_parts;
        size_t stops, asks;  /* how many parts have not been answered for yet, and the sum of the answers so far: */
        StopAnswer stopped;  /* the worst */
        UnitAnswer reported; /* up if any part is, empty if all are */
        bool tell;           /* an ENTRY is to be sent */
        uint32_t told_flags;
        bool gate_failed; /* logged: its gate cannot be removed */
        bool fence;       /* FenceAction=reboot: what the unit sets up may outlive its processes */
        usec_t fence_at;  /* when the machine is rebooted for it; 0: kill_at has not come */
        UT_hash_handle hh;
} Item;

struct Guard {
        sd_event *event;
        sd_event_source *timer;
        Gates *gates;
        const char *root;
        PidOne *pid_one;
        Client *client;
        Item *items;
        int notify_fd;
        usec_t watchdog;                 /* what PID 1 was told last */
        bool hello;                      /* HELLO is to be sent */
        bool synced;                     /* SYNCED has been sent */
        uint64_t serial;                 /* of the daemon's last request on this connection */
        bool mark_failed, listen_failed; /* logged: no mark can be written; the daemon cannot be served */
        usec_t look_at;                  /* at the files, next */
        usec_t ending;                   /* since when the guard ends; 0: it does not */
        usec_t one_by_one_until;         /* in this turn: see ONE_BY_ONE */
};

/* ---- the parts ---- */

static void item_clear_parts(Item *item) {
        for (size_t i = 0; i < item->n_parts; i++) {
                killer_reset(&item->parts[i].killer);
                free(item->parts[i].name);
        }
        free(item->parts);
        item->parts = NULL;
        item->n_parts = 0;
}

static int item_add_part(Item *item, const char *name) {
        Part *larger;

        for (size_t i = 0; i < item->n_parts; i++)
                if (streq(item->parts[i].name, name))
                        return 0;
        larger = realloc(item->parts, (item->n_parts + 1) * sizeof(Part));
        if (!larger)
                return -ENOMEM;
        item->parts = larger;
        larger[item->n_parts] = (Part){ .name = strdup(name) };
        if (!larger[item->n_parts].name)
                return -ENOMEM;
        item->n_parts++;
        return 0;
}

/* While there is an entry, parts are only ever added: what was a member once may still run. */
static void item_read_members(Guard *g, Item *item) {
        _cleanup_(strv_freep) char **members = NULL;
        int r = gates_members(g->gates, item->unit, &members);

        if (r == GATES_NO_MEMBERS_FOLDER)
                return; /* somebody has removed it: the members that are known stay */
        if (r >= 0) {
                item->fence = strv_contains(members, GUARD_FENCE_REBOOT);
                guard_entry_set_post(&item->entry, strv_contains(members, GUARD_STOP_POST) && !item->fence);
        }
        for (char **m = members; r >= 0 && m && *m; m++)
                if (guard_member_is_valid(*m))
                        r = item_add_part(item, *m);
        if (r < 0)
                (void) log_error_errno(r, "%s: cannot read all of what goes by its lease", item->unit);
}

/* ---- actions ---- */

static int item_mark(Guard *g, Item *item) {
        const GuardEntry *e = &item->entry;
        Mark mark = { e->index, e->kill_at, e->kill_offset, e->expired || e->lost };
        int r;

        if (e->index == 0 || e->down) {
                for (size_t i = 0; i < item->n_parts; i++) {
                        killer_reset(&item->parts[i].killer);
                        item->parts[i].end = (PartEnd){};
                }
                item->fence_at = 0;
                return gates_unmark(g->gates, item->unit);
        }
        r = gates_mark(g->gates, item->unit, &mark);
        if (r < 0 && !g->mark_failed)
                (void) log_warning_errno(r, "%s: cannot write its mark", item->unit);
        g->mark_failed = r < 0;
        return r;
}

static unsigned item_close_gate(Guard *g, Item *item) {
        int r = gates_close(g->gates, item->unit);

        if (r < 0 && !item->gate_failed)
                (void) log_error_errno(r, "%s: cannot remove its gate, trying again", item->unit);
        item->gate_failed = r < 0;
        return guard_entry_gate(&item->entry, now_boottime(), r < 0);
}

/* Without a mark there is no gate: if the guard died, its successor would not know of the unit. */
static unsigned item_open_gate(Guard *g, Item *item) {
        int r;

        must(guard_entry_is_live(&item->entry) && !g->ending); /* law 10 */
        r = item_mark(g, item);
        if (r == 0)
                r = gates_open(g->gates, item->unit);
        if (r < 0)
                (void) log_error_errno(r, "%s: cannot open its gate", item->unit);
        return guard_entry_gate(&item->entry, now_boottime(), r == 0);
}

/*
 * FenceAction=reboot: killing ExecStop= would merely make PID 1 call the unit failed, with its address still on the
 * interface. So nothing is killed; PID 1 has a moment to say that the unit is down after all (it is asked every 20 ms
 * now), and then the machine goes, at once: without a shutdown, which could take longer than others wait.
 */
static bool item_fence(Item *item) {
        usec_t now = now_boottime();

        if (!item->fence)
                return false;
        if (item->fence_at == 0)
                item->fence_at = usec_add(now, FENCE_DELAY);
        if (now < item->fence_at)
                return true;
        log_alert("%s: is not down, and its time is over: rebooting this machine (FenceAction=reboot)", item->unit);
        if (reboot(RB_AUTOBOOT) < 0)
                (void) log_error_errno(errno, "%s: cannot reboot, killing it", item->unit);
        return false;
}

static int part_kill(Guard *g, Part *p) {
        bool first = p->killer.kills == 0;
        int r = killer_kill(&p->killer, g->root, p->name, g->one_by_one_until);

        if (r > 0 && first)
                log_warning("%s: killing what is left of it", p->name);
        if (r < 0)
                (void) log_error_errno(r, "%s: cannot kill it, trying again", p->name);
        return r;
}

static void item_kill(Guard *g, Item *item) {
        if (item_fence(item))
                return;
        for (Part *p = item->parts; p < item->parts + item->n_parts; p++)
                (void) part_kill(g, p);
}

/* The kill before kill_at, so that ExecStopPost= has the time until kill_at (law 9). The unit is killed last: it may
 * lie in a slice of its own, and the kill of the slice must not meet the ExecStopPost= that PID 1 starts in the unit.
 */
static void item_end(Guard *g, Item *item) {
        for (size_t i = item->n_parts; i-- > 0;) {
                Part *p = item->parts + i;

                if (!p->end.spared && part_kill(g, p) >= 0)
                        part_end_killed(&p->end, &item->entry, now_boottime());
        }
}

static unsigned part_stopped(Item *item, StopAnswer answer) {
        if (item->stops == 0)
                return 0;
        item->stopped = MAX(item->stopped, answer);
        return --item->stops > 0 ? 0 : guard_entry_stop_answered(&item->entry, now_boottime(), item->stopped);
}

/* The unit is stopped first: it is what starts the members. */
static void item_stop(Guard *g, Item *item) {
        item_read_members(g, item);
        item->stops = item->n_parts;
        item->stopped = STOP_ACCEPTED;
        for (size_t i = 0; i < item->n_parts; i++)
                if (pid_one_stop(g->pid_one, item->unit, item->parts[i].name) < 0)
                        (void) part_stopped(item, STOP_SILENT);
}

/* An answer to an earlier question may come late, and is added to the sum of this one: it makes the sum older, never
 * better. */
static unsigned part_reported(Item *item, const UnitAnswer *answer) {
        UnitAnswer *sum = &item->reported;

        if (item->asks == 0)
                return 0;
        sum->known &= answer->known;
        sum->asked_at = MIN(sum->asked_at, answer->asked_at);
        sum->up |= answer->up;
        sum->job |= answer->job;
        sum->empty &= answer->empty;
        return --item->asks > 0 ? 0 : guard_entry_reported(&item->entry, now_boottime(), sum);
}

static void item_ask(Guard *g, Item *item) {
        item->asks = item->n_parts;
        item->reported = (UnitAnswer){ .known = true, .asked_at = USEC_INFINITY, .empty = true };
        for (size_t i = 0; i < item->n_parts; i++)
                if (pid_one_ask(g->pid_one, item->unit, item->parts[i].name) < 0)
                        (void) part_reported(item, &(UnitAnswer){});
}

static const char *end_of(const GuardEntry *e) {
        return e->lost ? "its lease is lost" : "no beat came in time";
}

static void item_perform(Guard *g, Item *item, unsigned actions) {
        const GuardEntry *e = &item->entry;
        bool stopping;

        /* An attempt on the gate may bring more actions, such as an expiry meanwhile: the loop turns at most twice. */
        for (unsigned gate; (gate = actions & (ENTRY_CLOSE_GATE | ENTRY_OPEN_GATE));) {
                actions &= ~(unsigned) (ENTRY_CLOSE_GATE | ENTRY_OPEN_GATE);
                if (gate & ENTRY_CLOSE_GATE)
                        actions |= item_close_gate(g, item) & ~(unsigned) (item->gate_failed ? ENTRY_CLOSE_GATE : 0);
                else
                        actions |= item_open_gate(g, item);
        }
        stopping = guard_entry_is_stopping(e);
        if (actions & ENTRY_MARK) {
                if (stopping && !(item->told_flags & (GUARD_FLAG_EXPIRED | GUARD_FLAG_LOST)))
                        log_warning("%s: stopping it, %s", item->unit, end_of(e));
                else if (e->down)
                        log_info("%s: is down", item->unit);
                (void) item_mark(g, item);
        }
        if (actions & ENTRY_STOP)
                item_stop(g, item);
        if (actions & ENTRY_ASK)
                item_ask(g, item);
        if (actions & ENTRY_END)
                item_end(g, item);
        if (actions & ENTRY_KILL)
                item_kill(g, item);
        if ((actions & ENTRY_TELL) || guard_entry_flags(e) != item->told_flags)
                item->tell = true;
        item->told_flags = guard_entry_flags(e);
        if (actions & ENTRY_SHOUT)
                guard_end(g, "PID 1 does not answer on the bus");
}

static Item *guard_find(Guard *g, const char *unit) {
        Item *item;

        HASH_FIND_STR(g->items, unit, item);
        return item;
}

static Item *guard_obtain(Guard *g, const char *unit) {
        Item *item = guard_find(g, unit);

        if (item)
                return item;
        item = calloc(1, sizeof(Item));
        if (!item) {
                (void) log_oom();
                return NULL;
        }
        str_copy(item->unit, sizeof(item->unit), unit);
        if (item_add_part(item, item->unit) < 0) {
                free(item);
                (void) log_oom();
                return NULL;
        }
        HASH_ADD_STR(g->items, unit, item);
        return item;
}

static void item_free(Guard *g, Item *item) {
        HASH_DEL(g->items, item);
        item_clear_parts(item);
        free(item);
}

/* ---- the daemon ---- */

static void on_connected(void *userdata) {
        Guard *g = userdata;
        Item *item, *next;

        g->hello = true;
        g->synced = false;
        g->serial = 0;
        HASH_ITER(hh, g->items, item, next)
                item->tell = item->entry.index != 0;
}

static unsigned request_perform(Guard *g, Item *item, const GuardMessage *m) {
        GuardEntry *e = &item->entry;
        usec_t now = now_boottime();

        switch (m->type) {
        case GUARD_ARM:
                return guard_entry_arm(e, now, m->index, m->stop_at, m->kill_at, m->stop_offset, m->kill_offset);
        case GUARD_LOSE:
                return guard_entry_lose(e, now, m->index, m->kill_at);
        case GUARD_DISARM:
                return guard_entry_disarm(e, now);
        case GUARD_OPEN:
                return guard_entry_open(e, now, m->index);
        default:
                return guard_entry_close(e, now);
        }
}

static void on_beat(Guard *g, usec_t t0) {
        usec_t now = now_boottime();
        Item *item, *next;

        (void) gates_beat(g->gates, MIN(t0, now));
        HASH_ITER(hh, g->items, item, next)
                item_perform(g, item, guard_entry_beat(&item->entry, now, t0));
}

static void on_message(const GuardMessage *m, void *userdata) {
        Guard *g = userdata;
        Item *item;

        g->serial = MAX(g->serial, m->serial);
        switch (m->type) {
        case GUARD_BEAT:
                on_beat(g, m->t0);
                return;
        case GUARD_ARM:
        case GUARD_OPEN:
        case GUARD_LOSE:
        case GUARD_DISARM:
        case GUARD_CLOSE:
                break;
        default: /* a message of a later protocol */
                return;
        }
        item = guard_obtain(g, m->unit);
        if (!item)
                return;
        item->tell = true;
        if (m->type == GUARD_OPEN)
                item_read_members(g, item);
        if (!g->ending || (m->type != GUARD_ARM && m->type != GUARD_OPEN))
                item_perform(g, item, request_perform(g, item, m));
}

static int send_simple(Guard *g, GuardMessageType type, uint64_t index) {
        GuardMessage m = { .version = GUARD_PROTOCOL, .type = type, .index = index };

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
                .flags = guard_entry_flags(e),
                .serial = g->serial,
        };

        str_copy(m.unit, sizeof(m.unit), item->unit);
        return client_send(g->client, &m);
}

/* Sends what the daemon has not been told. An ENTRY that does not fit into the socket is sent when there is room, as
 * the entry is then. */
static void guard_tell(Guard *g) {
        bool connected = client_is_connected(g->client);
        Item *item, *next;

        if (connected && g->hello) {
                if (send_simple(g, GUARD_HELLO, (uint64_t) getpid()) < 0)
                        return;
                g->hello = false;
        }
        HASH_ITER(hh, g->items, item, next) {
                if (item->tell && connected && send_entry(g, item) < 0)
                        return;
                item->tell = false;
                if (item->entry.index == 0)
                        item_free(g, item);
        }
        if (connected && !g->synced && send_simple(g, GUARD_SYNCED, 0) == 0)
                g->synced = true;
}

/* ---- PID 1 ---- */

static void on_stopped(const char *owner, StopAnswer answer, void *userdata) {
        Guard *g = userdata;
        Item *item = guard_find(g, owner);

        if (item)
                item_perform(g, item, part_stopped(item, answer));
}

static void on_reported(const char *owner, const char *unit, UnitAnswer *answer, void *userdata) {
        Guard *g = userdata;
        Item *item = guard_find(g, owner);

        if (!item)
                return;
        for (Part *p = item->parts; p < item->parts + item->n_parts; p++)
                if (streq(p->name, unit) && !endswith(unit, ".slice")) /* a slice is up as long as anything in it is */
                        part_end_reported(&p->end, &item->entry, now_boottime(), answer);
        /* Law 7: the control group is looked at after PID 1's answer, and only counts once PID 1 has done its part. */
        answer->empty = answer->known && !answer->up && !answer->job && killer_is_empty(g->root, unit);
        item_perform(g, item, part_reported(item, answer));
}

/* Moves the watchdog of PID 1 to the time at which the guard will have missed the first of its duties. */
static void guard_touch(Guard *g, usec_t now) {
        usec_t idle = usec_add(now, IDLE_WATCHDOG), deadline = idle, step;
        char text[64];
        Item *item, *next;

        if (g->ending)
                return;
        HASH_ITER(hh, g->items, item, next)
                deadline = MIN(deadline, guard_entry_watchdog(&item->entry, now));
        step = deadline == idle ? IDLE_EVERY : WATCHDOG_STEP;
        if (deadline >= g->watchdog && deadline - g->watchdog < step)
                return;
        (void) snprintf(text, sizeof(text), "WATCHDOG_USEC=%" PRIu64 "\nWATCHDOG=1",
                        MAX(usec_sub(deadline, now), USEC_PER_MSEC));
        if (notify_send(g->notify_fd, text) == 0)
                g->watchdog = deadline;
}

/* ---- the end ---- */

void guard_end(Guard *g, const char *why) {
        usec_t now = now_boottime();
        Item *item, *next;
        int r;

        if (g->ending)
                return;
        g->ending = now;
        log_warning("Ending: %s. Units that are still there are stopped.", why);
        /* PID 1 then stops what is bound to the guard, and no longer looks at its watchdog. */
        (void) notify_send(g->notify_fd, "STOPPING=1");
        r = gates_wipe(g->gates);
        if (r < 0)
                (void) log_error_errno(r, "cannot remove all gates");
        HASH_ITER(hh, g->items, item, next) {
                const GuardEntry *e = &item->entry;

                if (guard_entry_is_live(e))
                        item_perform(g, item, guard_entry_lose(&item->entry, now, e->index, e->kill_at));
        }
}

static bool item_is_empty(const Guard *g, const Item *item) {
        for (size_t i = 0; i < item->n_parts; i++)
                if (!killer_is_empty(g->root, item->parts[i].name))
                        return false;
        return true;
}

/* Where PID 1 cannot be asked any more (at shutdown the bus goes first), an empty control group must do. */
static bool item_is_finished(Guard *g, const Item *item, usec_t now) {
        if (!guard_entry_is_stopping(&item->entry))
                return true;
        return !pid_one_is_connected(g->pid_one) && now >= usec_add(g->ending, END_WITHOUT_BUS) &&
               !item->entry.gate_open && item_is_empty(g, item);
}

static bool guard_is_finished(Guard *g, usec_t now) {
        Item *item, *next;

        if (!g->ending)
                return false;
        HASH_ITER(hh, g->items, item, next)
                if (!item_is_finished(g, item, now))
                        return false;
        return true;
}

/* ---- the files ---- */

/* Makes the guard's files anew where somebody has removed them ("systemctl clean leased.service"), so that the daemon
 * can reach the guard and a successor finds its marks. */
static void guard_look(Guard *g, usec_t now) {
        Item *item, *next;
        int r;

        g->look_at = usec_add(now, LOOK_EVERY);
        if (g->ending)
                return;
        if (gates_look(g->gates))
                HASH_ITER(hh, g->items, item, next)
                        item_perform(g, item, guard_entry_restore(&item->entry, now_boottime()));
        r = g->client ? client_look(g->client) : 0;
        if (r < 0 && !g->listen_failed)
                (void) log_error_errno(r, "cannot serve the daemon, trying again");
        g->listen_failed = r < 0;
}

/* ---- the turn ---- */

void guard_settle(Guard *g) {
        Heard heard = pid_one_heard(g->pid_one);
        usec_t now = now_boottime(), next;
        Item *item, *tmp;

        g->one_by_one_until = usec_add(now, ONE_BY_ONE);
        HASH_ITER(hh, g->items, item, tmp) {
                now = now_boottime();
                if (guard_entry_next(&item->entry, heard) <= now)
                        item_perform(g, item, guard_entry_tick(&item->entry, now, heard));
        }
        if (now_boottime() >= g->look_at)
                guard_look(g, now_boottime());
        pid_one_flush(g->pid_one);
        guard_tell(g);
        now = now_boottime();
        guard_touch(g, now);
        if (guard_is_finished(g, now)) {
                (void) sd_event_exit(g->event, 0);
                return;
        }
        next = g->look_at;
        HASH_ITER(hh, g->items, item, tmp)
                next = MIN(next, guard_entry_next(&item->entry, heard));
        if (sd_event_source_set_time(g->timer, next) < 0 ||
                        sd_event_source_set_enabled(g->timer, SD_EVENT_ONESHOT) < 0) {
                /* A guard without its timer is none: PID 1 stops what is bound to it, and starts another one. */
                log_alert("cannot arm the timer");
                (void) sd_event_exit(g->event, 1);
        }
}

static void settle(void *userdata) {
        guard_settle(userdata);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        guard_settle(userdata);
        return 0;
}

/* ---- life ---- */

static void take_up_mark(const char *unit, const Mark *mark, void *userdata) {
        Guard *g = userdata;
        Item *item = guard_unit_is_valid(unit) ? guard_obtain(g, unit) : NULL;
        usec_t now = now_boottime();

        /* No lease is good for longer than that: a mark that says so was not written by a guard. */
        if (item)
                item_perform(g, item,
                                guard_entry_lose(&item->entry, now, mark->index,
                                                MIN(mark->kill_at, usec_add(now, LIFE_MAX))));
}

int guard_new(sd_event *event, Gates *gates, const char *root, Guard **ret) {
        static const PidOneCallbacks callbacks = { on_stopped, on_reported, settle };
        _cleanup_(guard_freep) Guard *g = calloc(1, sizeof(Guard));
        int r;

        if (!g)
                return -ENOMEM;
        g->event = sd_event_ref(event);
        g->gates = gates;
        g->root = root;
        g->notify_fd = notify_open();
        r = pid_one_new(event, &callbacks, g, &g->pid_one);
        if (r < 0)
                return r;
        r = sd_event_add_time(event, &g->timer, CLOCK_BOOTTIME, USEC_INFINITY, 1, on_timer, g);
        if (r < 0)
                return r;
        /* After a freeze the timer goes first: what is due is done before what others have sent meanwhile is read. */
        r = sd_event_source_set_priority(g->timer, SD_EVENT_PRIORITY_IMPORTANT - 100);
        if (r < 0)
                return r;
        r = gates_each_mark(gates, take_up_mark, g);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(g);
        return 0;
}

int guard_listen(Guard *g, const char *path) {
        static const ClientCallbacks callbacks = { on_connected, on_message, settle };
        int r = client_new(g->event, path, &callbacks, g, &g->client);

        return r < 0 ? r : notify_send(g->notify_fd, "READY=1");
}

Guard *guard_free(Guard *g) {
        Item *item, *next;

        if (!g)
                return NULL;
        client_free(g->client);
        pid_one_free(g->pid_one);
        HASH_ITER(hh, g->items, item, next)
                item_free(g, item);
        sd_event_source_disable_unref(g->timer);
        if (g->notify_fd >= 0)
                (void) close(g->notify_fd);
        sd_event_unref(g->event);
        free(g);
        return NULL;
}
