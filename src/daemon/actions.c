/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/actions.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "conf/dropin.h"
#include "daemon/counts.h"
#include "daemon/environment-watch.h"
#include "daemon/event-lines.h"
#include "daemon/fence-command.h"
#include "daemon/pid1-port.h"
#include "daemon/report.h"
#include "daemon/stop.h"
#include "daemon/suspend.h"
#include "daemon/words.h"
#include "util/file-util.h"
#include "util/log.h"

#define TIMER_STAMPS "/var/lib/systemd/timers"

static void fail(Daemon *d, const Action *a, int error) {
        loop_event(d->loop, &(Event){
                                            .kind = EVENT_FAILED,
                                            .id = a->id,
                                            .unit = a->unit,
                                            .action = a->kind,
                                            .on = error == -ENOTCONN,
                            });
}

/* For Persistent= (systemd.timer(5)): when PID 1 starts the timer, it takes the modification time of this file for the
 * time when the timer last elapsed. That time is only ever set forward, since this machine may know of a later run
 * than the lease's record. */
static int write_timer_stamp(const Action *a) {
        _cleanup_free_ char *path = NULL;
        struct timespec times[2] = { { .tv_nsec = UTIME_OMIT } };
        usec_t present = 0;
        struct stat st;

        if (a->last_trigger == 0 || !endswith(a->unit, ".timer"))
                return 0;
        if (asprintf(&path, TIMER_STAMPS "/stamp-%s", a->unit) < 0) {
                path = NULL;
                return -ENOMEM;
        }
        (void) mkdir_parents(TIMER_STAMPS, 0755);
        if (stat(path, &st) >= 0)
                present = (usec_t) st.st_mtim.tv_sec * USEC_PER_SEC + (usec_t) st.st_mtim.tv_nsec / 1000;
        if (present >= a->last_trigger)
                return 0;

        _cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
        if (fd < 0)
                return -errno;
        times[1].tv_sec = (time_t) (a->last_trigger / USEC_PER_SEC);
        times[1].tv_nsec = (long) (a->last_trigger % USEC_PER_SEC * 1000);
        return futimens(fd, times) < 0 ? -errno : 0;
}

/* Writes what the unit reads at its start, and only then has the guard open the gate (law 10). */
static void open_gate(Daemon *d, const Action *a, Now now) {
        int r = write_timer_stamp(a);

        if (r < 0) {
                log_error_errno(r, "%s: cannot tell systemd when it last elapsed, so it is not started", a->unit);
                fail(d, a, r);
                return;
        }
        r = environment_watch_set(d->environments, a);
        if (r < 0) {
                log_error_errno(r, "%s: cannot write its environment file, so it is not started", a->unit);
                fail(d, a, r);
                return;
        }
        guard_port_act(d->guard, a, now.boottime);
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
        case ACTION_GUARD_KEEP:
        case ACTION_GUARD_LOSE:
        case ACTION_GUARD_DISARM:
        case ACTION_GATE_CLOSE:
                guard_port_act(d->guard, a, now.boottime);
                break;
        case ACTION_GATE_OPEN:
                open_gate(d, a, now);
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
