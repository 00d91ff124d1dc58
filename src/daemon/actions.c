/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/actions.h"

#include <errno.h>

#include "daemon/counts.h"
#include "daemon/environment-watch.h"
#include "daemon/event-lines.h"
#include "daemon/fence-command.h"
#include "daemon/pid1-port.h"
#include "daemon/report.h"
#include "daemon/stop.h"
#include "daemon/suspend.h"
#include "daemon/timer-stamps.h"
#include "daemon/words.h"
#include "util/log.h"

static void fail(Daemon *d, const Action *a, int error) {
        loop_event(d->loop, &(Event){
                                            .kind = EVENT_FAILED,
                                            .id = a->id,
                                            .unit = a->unit,
                                            .action = a->kind,
                                            .on = error == -ENOTCONN,
                            });
}

void actions_open_gate(const Action *a, int error, void *userdata) {
        Daemon *d = userdata;

        if (error < 0) {
                log_error_errno(error, "%s: cannot tell systemd when it last elapsed, so it is not started", a->unit);
                fail(d, a, error);
                return;
        }
        guard_port_act(d->guard, a, loop_now().boottime);
}

/* Writes what the unit reads at its start, and only then has the guard open the gate (law 10). */
static void open_gate(Daemon *d, const Action *a) {
        int r = environment_watch_set(d->environments, a);

        if (r < 0) {
                log_error_errno(r, "%s: cannot write its environment file, so it is not started", a->unit);
                fail(d, a, r);
                return;
        }
        r = timer_stamps_needs(a) ? timer_stamps_ask(d->timer_stamps, a) : 0;
        if (r < 0 || !timer_stamps_needs(a))
                actions_open_gate(a, r, d);
}

static void keep_session(Daemon *d, const Action *a) {
        int r = state_keep_session(d->state, a->session);

        /* The daemon goes on. The next one finds no session, begins a new one, and waits until this one has run out.
         */
        if (r < 0)
                log_error_errno(r, "cannot write the session to /run: a restart of leased will interrupt its units");
}

static void remember(Daemon *d, const Action *a) {
        RememberedIndex index = { .lease = a->lease, .index = a->index };
        CoreMemory memory = *core_memory(d->core);

        if (a->lease) {
                memory.indexes = &index;
                memory.n_indexes = 1;
        }
        state_remember(d->state, &memory);
        if (!a->lease && d->registry->ops->remember)
                d->registry->ops->remember(d->registry, strempty(memory.store));
}

static void perform(Daemon *d, const Action *a, Now now) {
        int r;

        switch (a->kind) {
        case ACTION_TXN:
                registry_port_txn(d->registry_port, a);
                break;
        case ACTION_READ:
                registry_port_read(d->registry_port, a);
                break;
        case ACTION_LISTEN:
                registry_port_listen(d->registry_port, a);
                break;
        case ACTION_SESSION:
                keep_session(d, a);
                break;
        case ACTION_REMEMBER:
                remember(d, a);
                break;
        case ACTION_GUARD_BEAT:
                counts_beat(d, a->t0, now.boottime);
                guard_port_act(d->guard, a, now.boottime);
                break;
        case ACTION_GUARD_ARM:
                pid1_port_name_lease(d, a->unit, a->lease);
                /* fall through */
        case ACTION_GUARD_LOSE:
        case ACTION_GUARD_DISARM:
        case ACTION_GATE_CLOSE:
                timer_stamps_give_up(d->timer_stamps,
                                a->unit); /* a gate that waits for its timer's file is not opened any more */
                /* fall through */
        case ACTION_GUARD_KEEP:
                guard_port_act(d->guard, a, now.boottime);
                break;
        case ACTION_GATE_OPEN: /* soon the unit is started, and makes its transient units anew */
                pid1_port_clear_slice(d, a->unit);
                open_gate(d, a);
                break;
        case ACTION_UNIT_START:
        case ACTION_UNIT_STOP:
        case ACTION_UNIT_READ:
                if (a->kind == ACTION_UNIT_READ && a->on)
                        (void) environment_watch_set(d->environments, a);
                r = pid1_port_act(d, a);
                if (r < 0)
                        fail(d, a, r);
                break;
        case ACTION_UNIT_CLEAN:
                pid1_port_clear_slice(d, a->unit);
                r = environment_watch_drop(d->environments, a->unit);
                if (r < 0)
                        log_warning_errno(r, "%s: cannot remove its environment file", a->unit);
                break;
        case ACTION_FORGOTTEN:
                pid1_port_drop(d, a->unit);
                break;
        case ACTION_CHANGED:
                changed_note_core(d->changed, a->unit, a->lease);
                break;
        case ACTION_OFFER_CHANGED:
                changed_note_offer(d->changed, a->unit);
                break;
        case ACTION_REPORT:
                counts_report(d, &a->report);
                report_log(d, &a->report);
                break;
        case ACTION_FENCE:
                fence_command_begin(d, a);
                break;
        case ACTION_CALL_DONE:
        case ACTION_WORD_DONE:
                words_done(d, a);
                break;
        case ACTION_SLEEP_READY:
                suspend_ready(d);
                break;
        case ACTION_EXIT:
                stop_finished(d);
                break;
        }
}

void actions_perform(const Action *a, Now now, void *userdata) {
        /* What ends a unit is done before a line is written about it. Everything else is written first: whoever finds
         * that it was done finds the line, too. */
        bool ends = a->kind == ACTION_GUARD_LOSE || a->kind == ACTION_GATE_CLOSE || a->kind == ACTION_UNIT_STOP;

        if (!ends)
                event_lines_action(a);
        perform(userdata, a, now);
        if (ends)
                event_lines_action(a);
}
