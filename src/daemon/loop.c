/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/loop.h"

#include <errno.h>
#include <utlist.h>

#include "daemon/event-lines.h"
#include "util/journal.h"
#include "util/log.h"
#include "util/must.h"
#include "util/time-util.h"

typedef struct QueuedEvent QueuedEvent;

struct QueuedEvent {
        QueuedEvent *prev, *next;
        Event event;
        char unit[NAME_SIZE], lease[NAME_SIZE], machine_id[MACHINE_SIZE], metadata[METADATA_SIZE], uuid[UUID_SIZE],
                        by[BY_SIZE];
};

struct Loop {
        sd_event *event;
        usec_t longest_turn, longest_work;
        Core *core;
        loop_perform_t perform;
        void *userdata;
        bool stepping;
        QueuedEvent *queue;
        sd_event_source *deadline;
};

Now loop_now(void) {
        return (Now){ .boottime = now_boottime(), .realtime = now_realtime() };
}

/* Copies *text to buf, and has *text point to the copy. Does nothing if *text is NULL. */
static void keep(const char **text, char *buf, size_t size) {
        if (!*text)
                return;
        must(strlen(*text) < size); /* a name that is cut off would be the name of another unit or machine */
        str_copy(buf, size, *text);
        *text = buf;
}

/* Records are borrowed, and are not copied here. None need be: while an action is being carried out, no adapter
 * delivers any (registry.h), only failures, which have no records. */
static void queue_event(Loop *l, const Event *event) {
        QueuedEvent *q = calloc(1, sizeof(QueuedEvent));

        if (!q)
                abort(); /* as in the core: the guard and systemd take over from a daemon that has no memory */
        must((event->kind != EVENT_RECORDS && event->kind != EVENT_TXN && event->kind != EVENT_READ) ||
                        event->answer.n_records == 0);
        q->event = *event;
        keep(&q->event.unit, q->unit, sizeof(q->unit));
        keep(&q->event.lease, q->lease, sizeof(q->lease));
        keep(&q->event.machine_id, q->machine_id, sizeof(q->machine_id));
        keep(&q->event.metadata, q->metadata, sizeof(q->metadata));
        keep(&q->event.uuid, q->uuid, sizeof(q->uuid));
        keep(&q->event.by, q->by, sizeof(q->by));
        DL_APPEND(l->queue, q);
}

static void step(Loop *l, const Event *event) {
        const Action *actions;
        Now now = loop_now();
        size_t n;

        event_lines_event(event, now.boottime);
        actions = core_step(l->core, now, event, &n);
        for (size_t i = 0; i < n; i++)
                l->perform(actions + i, now, l->userdata);
}

static void arm_deadline(Loop *l, bool was_deadline) {
        usec_t at = core_next_deadline(l->core);
        int r;

        /* This timer goes before all I/O, so a deadline that is always due would keep I/O from ever having its turn.
         */
        if (was_deadline)
                at = MAX(at, usec_add(now_boottime(), USEC_PER_MSEC));
        r = sd_event_source_set_time(l->deadline, at);
        if (r >= 0)
                r = sd_event_source_set_enabled(l->deadline, at == USEC_INFINITY ? SD_EVENT_OFF : SD_EVENT_ONESHOT);
        if (r < 0)
                log_error_errno(r, "cannot arm the deadline");
}

void loop_event(Loop *l, const Event *event) {
        if (l->stepping) {
                queue_event(l, event);
                return;
        }
        l->stepping = true;
        step(l, event);
        while (l->queue) {
                QueuedEvent *q = l->queue;

                DL_DELETE(l->queue, q);
                step(l, &q->event);
                free(q);
        }
        l->stepping = false;
        arm_deadline(l, event->kind == EVENT_DEADLINE);
}

void loop_deliver(const Event *event, void *userdata) {
        loop_event(userdata, event);
}

/* Time between two tries to send what journald did not take. */
#define JOURNAL_AGAIN (100 * USEC_PER_MSEC)

/* A turn calls one callback. */
static int turn(Loop *l) {
        usec_t begun = now_boottime(), worked = now_cputime();
        int r = sd_event_dispatch(l->event);

        l->longest_work = MAX(l->longest_work, usec_sub(now_cputime(), worked));
        l->longest_turn = MAX(l->longest_turn, usec_sub(now_boottime(), begun));
        return r;
}

int loop_run(Loop *l) {
        int r = 0, code;

        while (r >= 0 && sd_event_get_state(l->event) != SD_EVENT_FINISHED) {
                r = sd_event_prepare(l->event);
                if (r == 0)
                        r = sd_event_wait(l->event, journal_flush() ? JOURNAL_AGAIN : UINT64_MAX);
                if (r > 0)
                        r = turn(l);
        }
        (void) journal_flush();
        if (r < 0)
                return r;
        r = sd_event_get_exit_code(l->event, &code);
        return r < 0 ? r : code;
}

usec_t loop_longest_turn(const Loop *l) {
        return l->longest_turn;
}

usec_t loop_longest_work(const Loop *l) {
        return l->longest_work;
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata) {
        loop_event(userdata, &(Event){ .kind = EVENT_DEADLINE });
        return 0;
}

int loop_new(sd_event *event, Core *core, loop_perform_t perform, void *userdata, Loop **ret) {
        Loop *l = calloc(1, sizeof(Loop));
        int r;

        if (!l)
                return -ENOMEM;
        *l = (Loop){ .event = event, .core = core, .perform = perform, .userdata = userdata };
        r = sd_event_add_time(event, &l->deadline, CLOCK_BOOTTIME, 0, 1, on_deadline, l);
        if (r >= 0)
                r = sd_event_source_set_priority(l->deadline, SD_EVENT_PRIORITY_IMPORTANT);
        if (r >= 0)
                r = sd_event_source_set_exit_on_failure(l->deadline, true);
        if (r < 0) {
                loop_free(l);
                return r;
        }
        *ret = l;
        return 0;
}

Loop *loop_free(Loop *l) {
        QueuedEvent *q, *next;

        if (!l)
                return NULL;
        must(!l->stepping);
        DL_FOREACH_SAFE(l->queue, q, next) {
                DL_DELETE(l->queue, q);
                free(q);
        }
        sd_event_source_disable_unref(l->deadline);
        free(l);
        return NULL;
}
