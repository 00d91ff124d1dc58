/* SPDX-License-Identifier: Apache-2.0 */
#include "guard/host.h"

#include <inttypes.h>

#include "guard/guard-internal.h"
#include "util/event-log.h"
#include "util/log.h"

void host_begin(Guard *g) {
        Host *h = &g->host;

        h->clock = (HostClock){ .fd = -1 };
        gates_read_pause(g->gates, &h->pause.seen_at, &h->pause.jump);
        if (host_clock_may_be_paused())
                host_open(g, "");
}

void host_open(Guard *g, const char *root) {
        Host *h = &g->host;

        h->root = root;
        host_clock_open(root, &h->clock);
        if (h->clock.kind == HOST_CLOCK_NONE)
                log_info("No clock of the host: a pause of this virtual machine is not seen");
        else
                log_info("A pause of this virtual machine is seen by %s", host_clock_name(h->clock.kind));
}

static void move_deadlines(Guard *g, usec_t jump) {
        Item *item, *next;
        char span[32];

        log_warning("This machine was paused for up to %s by %s, or this clock was set: all deadlines come earlier by "
                    "that",
                        format_span(span, sizeof(span), jump), host_clock_name(g->host.clock.kind));
        event_log(0, "paused %" PRIu64 " %" PRIu64, g->host.pause.seen_at, g->host.pause.jump);
        (void) gates_write_pause(g->gates, g->host.pause.seen_at, g->host.pause.jump);
        (void) gates_beat(g->gates, usec_sub(gates_last_beat(g->gates), jump));
        g->calm_next = g->calm_watchdog = g->calm_alarm = USEC_INFINITY;
        HASH_ITER(hh, g->items, item, next) {
                guard_entry_move(&item->entry, jump);
                item_place(g, item);
        }
        g->moved = g->items; /* writing all marks may take many turns */
}

/* Takes a reading. One that shows a pause is checked by another one, so that a single wrong value stops no unit. */
static int take_reading(Host *h, usec_t *ret_jump) {
        PauseWatch next = h->pause;
        HostReading reading;
        int r = host_clock_read(&h->clock, &reading);

        h->looked_at = reading.after;
        if (r < 0)
                return r;
        *ret_jump = pause_take(&next, &reading);
        if (*ret_jump > 0) {
                next = h->pause;
                r = host_clock_read(&h->clock, &reading);
                if (r < 0)
                        return r;
                *ret_jump = pause_take(&next, &reading);
        }
        h->pause = next;
        return 0;
}

/* The clock could not be read: its device may have gone away, and another clock have taken its place. The readings of
 * one kind of clock say nothing about the next. */
static void find_again(Host *h) {
        HostClock found;

        if (now_boottime() < usec_add(h->opened_at, HOST_AGAIN))
                return;
        h->opened_at = now_boottime();
        host_clock_open(h->root, &found);
        if (found.kind == HOST_CLOCK_NONE)
                return;
        log_info("A pause of this virtual machine is seen by %s again", host_clock_name(found.kind));
        h->pause.known = h->pause.known && found.kind == h->clock.kind;
        host_clock_close(&h->clock);
        h->clock = found;
}

void host_look(Guard *g, usec_t every) {
        Host *h = &g->host;
        usec_t jump = 0;
        int r;

        if (h->clock.kind == HOST_CLOCK_NONE || (h->looked_at > 0 && now_boottime() < usec_add(h->looked_at, every)))
                return;
        r = take_reading(h, &jump);
        if (r < 0 && !h->failed)
                (void) log_warning_errno(r, "cannot read %s: a pause of this machine is not seen",
                                host_clock_name(h->clock.kind));
        h->failed = r < 0;
        if (r < 0)
                find_again(h);
        if (jump > 0)
                move_deadlines(g, jump);
}

usec_t host_next(const Guard *g) {
        const Host *h = &g->host;
        bool armed = g->busy || g->calm_next != USEC_INFINITY;

        return h->clock.kind != HOST_CLOCK_NONE && armed ? usec_add(h->looked_at, HOST_EVERY) : USEC_INFINITY;
}
