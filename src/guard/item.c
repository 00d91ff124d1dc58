/* SPDX-License-Identifier: Apache-2.0 */
/* One unit with its entry: the parts that the entry stands for, and what is done for the entry with the gate, the
 * mark, PID 1 and the processes. */
#include "guard/guard-internal.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/reboot.h>

#include "util/event-log.h"
#include "util/journal.h"
#include "util/log.h"
#include "util/message-ids.h"
#include "util/must.h"
#include "util/strv.h"
#include "util/text.h"
#include "util/unit-name.h"

/* How long PID 1 may take, from kill_at on, to say that a unit with FenceAction=reboot is down. Another machine takes
 * the lease 215 ms after kill_at at the earliest, with a TTL of 1 s; with a longer TTL later. */
#define FENCE_DELAY (100 * USEC_PER_MSEC)

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

int item_add_part(Item *item, const char *name) {
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
        item->reported.known = false; /* a question that is under way does not ask about this part (law 7) */
        return 0;
}

static const char *lease_of(const Item *item) {
        return item->lease ?: item->unit;
}

/* Takes the name of the lease, or NULL: what is in the file does not name it. */
static int item_name_lease(Item *item, const char *name) {
        char *copy = name ? strdup(name) : NULL;

        if (name && !copy)
                return -ENOMEM;
        free(item->lease);
        item->lease = copy;
        return 0;
}

/* Parts are only ever added: a unit that was a member once may still run. */
void item_read_members(Guard *g, Item *item) {
        _cleanup_(strv_freep) char **members = NULL;
        int r = gates_members(g->gates, item->unit, &members);

        if (r == GATES_NO_MEMBERS_FOLDER)
                return; /* somebody has removed it: the members that are known stay */
        if (r >= 0) {
                item->fence = strv_contains(members, GUARD_FENCE_REBOOT);
                guard_entry_set_post(&item->entry, strv_contains(members, GUARD_STOP_POST) && !item->fence);
                guard_entry_set_freezes(&item->entry, strv_contains(members, GUARD_FREEZE) && !item->fence);
                if (item_name_lease(item, strv_after(members, GUARD_LEASE)) < 0)
                        (void) log_oom(); /* only lines in the journal go by it */
        }
        for (char **m = members; r >= 0 && m && *m; m++)
                if (guard_member_is_valid(*m))
                        r = item_add_part(item, *m);
        if (r < 0)
                (void) log_error_errno(r, "%s: cannot read all of what goes by its lease", item->unit);
}

/* ---- actions ---- */

static void item_thaw(Guard *g, Item *item) {
        for (Part *p = item->parts; p < item->parts + item->n_parts; p++) {
                int r = freezer_set(g->freezer, p->name, false);

                if (r < 0)
                        (void) log_error_errno(r, "%s: cannot thaw it", p->name);
        }
}

/* Whether the part is to be frozen with the unit. An address gives itself up in time, and comes back by a beat: its
 * keeper would be killed by its own alarm if it were frozen. */
static bool part_freezes(const Item *item, const Part *p) {
        return p == item->parts || !startswith(p->name, "leased-address@");
}

/* Freezes the unit if this is due, and looks whether it is frozen. Returns the actions that follow. */
static unsigned item_look(Guard *g, Item *item, unsigned actions) {
        Frost sum = FROST_WATCHED;
        int r = 0;

        for (Part *p = item->parts; p < item->parts + item->n_parts && r >= 0; p++) {
                Frost frost = FROST_FAILED;

                if (!part_freezes(item, p))
                        continue;
                if (actions & ENTRY_FREEZE)
                        r = freezer_set(g->freezer, p->name, true);
                if (r >= 0)
                        frost = freezer_look(g->freezer, &item->watches, item, p->name, p == item->parts);
                sum = MIN(sum, frost);
        }
        if (r < 0)
                (void) log_error_errno(r, "%s: cannot freeze it", item->unit);
        return guard_entry_looked(&item->entry, now_boottime(), sum);
}

/* Writes the mark of the entry as it is now, or removes it if there is no entry or the unit is down: then nothing of
 * the unit is left to be done, not even for a successor. */
static int item_mark(Guard *g, Item *item) {
        const GuardEntry *e = &item->entry;
        Mark mark = { e->index, e->keeps ? USEC_INFINITY : e->kill_at, e->kill_offset, !guard_entry_is_live(e) };
        int r;

        if (e->limit_kill > 0) { /* no beat moves the mark beyond the limit */
                mark.kill_at = MIN(mark.kill_at, e->limit_kill);
                mark.ended = true;
        }

        if (e->index == 0 || e->down) {
                if (e->freezes)
                        item_thaw(g, item); /* a slice outlives what was in it */
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
        if (r == 0)
                event_log(0, "closed %s", item->unit);
        item->gate_failed = r < 0;
        return guard_entry_gate(&item->entry, now_boottime(), r < 0);
}

/* The gate is opened only after the mark was written: if the guard died without a mark, its successor would not know
 * of the unit. */
static unsigned item_open_gate(Guard *g, Item *item) {
        usec_t now = now_boottime();
        int r;

        must(guard_entry_is_live(&item->entry) && !g->ending); /* law 10 */
        r = item_mark(g, item);
        if (r == 0)
                r = gates_open(g->gates, item->unit);
        if (r < 0) {
                (void) log_error_errno(r, "%s: cannot open its gate", item->unit);
                return guard_entry_not_opened(&item->entry, now_boottime());
        }
        event_log(now, "opened %s %" PRIu64 " %" PRIu64, item->unit, item->entry.index, item->entry.stop_at);
        return guard_entry_gate(&item->entry, now_boottime(), true);
}

/*
 * For a unit with FenceAction=reboot: returns true if the unit is not to be killed.
 *
 * Killing an ExecStop= would merely make PID 1 call the unit failed, with the unit's address still on the interface.
 * So nothing is killed at kill_at. PID 1 is asked every 20 ms, and has FENCE_DELAY to say that the unit is down after
 * all. Then the machine is rebooted at once and without a shutdown, which could take longer than other machines wait.
 * If the reboot fails, the unit is killed like any other.
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

static int part_kill(Guard *g, const Item *item, Part *p) {
        bool first = p->killer.kills == 0;
        int r = killer_kill(&p->killer, g->groups, p->name, g->turn.one_by_one_until);

        if (r > 0 && first)
                journal_event(LOG_WARNING,
                                &(JournalEvent){ .id = MESSAGE_GUARD_KILLS,
                                                .unit = p->name,
                                                .lease = lease_of(item),
                                                .index = item->entry.index },
                                "killing what is left of it");
        if (r < 0)
                (void) log_error_errno(r, "%s: cannot kill it, trying again", p->name);
        return r;
}

/* Law 9. Of a mount, umount is spared that PID 1 has started after the first kill: the mount would stay otherwise. */
static void item_kill(Guard *g, Item *item) {
        if (item_fence(item))
                return;
        for (Part *p = item->parts; p < item->parts + item->n_parts; p++)
                if (!part_end_is_detaching(&p->end) && part_kill(g, item, p) >= 0)
                        part_end_killed(&p->end, &item->entry, now_boottime());
}

/* The kill at end_at, so that ExecStopPost= has the time from then to kill_at (law 9). The unit itself is killed after
 * its members: it may lie in a slice that is a member, and the kill of this slice must not meet the ExecStopPost= that
 * PID 1 starts in the unit once the unit has been killed. */
static void item_end(Guard *g, Item *item) {
        for (size_t i = item->n_parts; i-- > 0;) {
                Part *p = item->parts + i;

                if (!p->end.spared && part_kill(g, item, p) >= 0)
                        part_end_killed(&p->end, &item->entry, now_boottime());
        }
}

unsigned item_part_stopped(Item *item, StopAnswer answer) {
        if (item->stops == 0)
                return 0;
        item->stopped = MAX(item->stopped, answer);
        return --item->stops > 0 ? 0 : guard_entry_stop_answered(&item->entry, now_boottime(), item->stopped);
}

/* The unit itself is stopped before its members, since the unit is what starts them. */
static void item_stop(Guard *g, Item *item) {
        item_read_members(g, item);
        item->stops = item->n_parts;
        item->stopped = STOP_ACCEPTED;
        for (size_t i = 0; i < item->n_parts; i++)
                if (pid_one_stop(g->pid_one, item->unit, item->parts[i].name) < 0)
                        (void) item_part_stopped(item, STOP_SILENT);
}

/* Adds the answer to the sum. Every answer belongs to the last question, since an entry asks again only when all parts
 * are answered for (GuardEntry.asking). The sum is as old as the oldest answer in it. */
unsigned item_part_reported(Item *item, const UnitAnswer *answer) {
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
                        (void) item_part_reported(item, &(UnitAnswer){});
}

/* Why the entry has ended, for the log. */
static const char *end_of(const GuardEntry *e) {
        return e->lost ? "its lease is lost" : "no beat came in time";
}

void item_tell(Guard *g, Item *item) {
        if (!item->tell)
                DL_APPEND2(g->tells, item, tell_prev, tell_next);
        item->tell = true;
}

void item_place(Guard *g, Item *item) {
        bool busy = guard_entry_is_busy(&item->entry);

        if (busy && !item->busy)
                DL_APPEND2(g->busy, item, busy_prev, busy_next);
        else if (!busy && item->busy)
                DL_DELETE2(g->busy, item, busy_prev, busy_next);
        item->busy = busy;
        if (busy)
                return;
        g->calm_next = MIN(g->calm_next, guard_entry_next(&item->entry, (Heard){}));
        g->calm_watchdog = MIN(g->calm_watchdog, guard_entry_watchdog(&item->entry, 0));
        g->calm_alarm = MIN(g->calm_alarm, guard_entry_alarm(&item->entry, 0));
}

/* Has PID 1 start what kills the unit before PID 1 thaws it (finish.h). The units of a template, and what lies in a
 * slice, have none: PID 1 thaws those that it stops while the unit goes on. */
static void item_start_frozen(Guard *g, Item *item) {
        for (Part *p = item->parts; p < item->parts + item->n_parts; p++) {
                _cleanup_free_ char *name = text_format(FROZEN_SERVICE, p->name);

                if (!part_freezes(item, p) || unit_name_is_template(p->name) || endswith(p->name, ".slice"))
                        continue;
                if (!name || (strlen(name) <= UNIT_NAME_LENGTH && pid_one_start(g->pid_one, name) < 0))
                        (void) log_oom();
        }
}

/* Tells that the unit is frozen, or runs again (law 15). */
static void tell_frost(Guard *g, Item *item) {
        const GuardEntry *e = &item->entry;
        JournalEvent event = { .id = e->frozen ? MESSAGE_GUARD_FREEZES : MESSAGE_GUARD_THAWS,
                .unit = item->unit,
                .lease = lease_of(item),
                .reason = e->frozen ? "frozen, no beat came in time" : NULL,
                .index = e->index };

        if (e->frozen == ((item->told_flags & GUARD_FLAG_FROZEN) > 0) || (!e->frozen && !guard_entry_is_live(e)))
                return;
        if (e->frozen)
                item_start_frozen(g, item);
        journal_event(LOG_WARNING, &event,
                        e->frozen ? "freezing it, no beat came in time" : "it goes on, a beat has come");
        event_log(0, "%s %s %" PRIu64 " %" PRIu64, e->frozen ? "frozen" : "thawed", item->unit, e->index, e->kill_at);
}

/* begins: the unit is to be stopped from now on. */
static void write_event(const Item *item, unsigned actions, bool begins) {
        const GuardEntry *e = &item->entry;

        if (actions & ENTRY_KILL)
                event_log(0, "kill %s %" PRIu64, item->unit, e->index);
        if (!(actions & ENTRY_MARK))
                return;
        if (begins)
                event_log(0, "stopping %s %" PRIu64 " %" PRIu64 " %s", item->unit, e->index, e->kill_at,
                                e->lost ? "lost" : "expired");
        else if (e->down)
                event_log(0, "down %s", item->unit);
}

/* Carries out what is to be done with the gate. An attempt may bring more actions, such as an expiry meanwhile: the
 * loop turns at most twice. Returns all actions that are left. */
static unsigned item_move_gate(Guard *g, Item *item, unsigned actions) {
        for (unsigned gate; (gate = actions & (ENTRY_CLOSE_GATE | ENTRY_OPEN_GATE));) {
                actions &= ~(unsigned) (ENTRY_CLOSE_GATE | ENTRY_OPEN_GATE);
                if (gate & ENTRY_CLOSE_GATE)
                        actions |= item_close_gate(g, item) & ~(unsigned) (item->gate_failed ? ENTRY_CLOSE_GATE : 0);
                else
                        actions |= item_open_gate(g, item);
        }
        return actions;
}

/* Thaws, freezes and looks. Where both were asked for, as by an expiry and a request at once, the entry tells which
 * came last. Returns all actions that are left. */
static unsigned item_move_frost(Guard *g, Item *item, unsigned actions) {
        unsigned frost = actions & (ENTRY_THAW | ENTRY_FREEZE | ENTRY_LOOK);

        actions &= ~frost;
        if (frost & ENTRY_THAW && !item->entry.frozen)
                item_thaw(g, item);
        if (!item->entry.frozen)
                return actions;
        return frost & (ENTRY_FREEZE | ENTRY_LOOK) ? actions | item_look(g, item, frost) : actions;
}

void item_perform(Guard *g, Item *item, unsigned actions) {
        const GuardEntry *e = &item->entry;
        bool begins;

        while (actions & (ENTRY_CLOSE_GATE | ENTRY_OPEN_GATE | ENTRY_THAW | ENTRY_FREEZE | ENTRY_LOOK))
                actions = item_move_frost(g, item, item_move_gate(g, item, actions));
        begins = guard_entry_is_stopping(e) && !(item->told_flags & (GUARD_FLAG_EXPIRED | GUARD_FLAG_LOST));
        if (actions & ENTRY_MARK) {
                if (begins) {
                        item_read_members(
                                        g, item); /* the name of the lease; a guard that has taken over has not yet */
                        journal_event(LOG_WARNING,
                                        &(JournalEvent){ .id = MESSAGE_GUARD_STOPS,
                                                        .unit = item->unit,
                                                        .lease = lease_of(item),
                                                        .reason = end_of(e),
                                                        .index = e->index },
                                        e->lost ? "stopping it, its lease is lost"
                                                : "stopping it, no beat came in time");
                } else if (e->down)
                        journal_event(LOG_INFO,
                                        &(JournalEvent){ .id = MESSAGE_GUARD_DOWN,
                                                        .unit = item->unit,
                                                        .lease = lease_of(item),
                                                        .index = e->index },
                                        "is down");
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
        if (!e->frozen)
                freezer_forget(g->freezer, &item->watches);
        write_event(item, actions, begins);
        tell_frost(g, item);
        if ((actions & ENTRY_TELL) || guard_entry_flags(e) != item->told_flags)
                item_tell(g, item);
        item->told_flags = guard_entry_flags(e);
        item_place(g, item);
        if (actions & ENTRY_SHOUT)
                g->shout = true;
}

Item *item_find(Guard *g, const char *unit) {
        Item *item;

        HASH_FIND_STR(g->items, unit, item);
        return item;
}

Item *item_obtain(Guard *g, const char *unit) {
        Item *item = item_find(g, unit);

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

void item_free(Guard *g, Item *item) {
        if (g->restoring == item)
                g->restoring = item->hh.next;
        if (g->losing == item)
                g->losing = item->hh.next;
        if (g->moved == item)
                g->moved = item->hh.next;
        if (item->busy)
                DL_DELETE2(g->busy, item, busy_prev, busy_next);
        if (item->tell)
                DL_DELETE2(g->tells, item, tell_prev, tell_next);
        HASH_DEL(g->items, item);
        freezer_forget(g->freezer, &item->watches);
        item_clear_parts(item);
        free(item->lease);
        free(item);
}
