/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/timer-stamps.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/stat.h>

#include "util/file-util.h"
#include "util/hash.h"
#include "util/log.h"
#include "util/must.h"
#include "util/worker.h"

#define DIRECTORY "/var/lib/systemd/timers"
#define TURN_TIME (2 * USEC_PER_MSEC) /* for so long results are taken in one turn of the loop */
#define EXIT_WAIT (2 * USEC_PER_SEC)
/* So long a file is waited for. The core asks again later than that, and lets the lease go after some failures. */
#define PATIENCE (500 * USEC_PER_MSEC)

/* One request. It belongs to the thread from when it is handed over until it is done, but for hh. */
typedef struct Stamp {
        Work work;
        UT_hash_handle hh; /* in TimerStamps.asked */

        uint64_t index, id;  /* of the action */
        usec_t asked_at;     /* CLOCK_BOOTTIME */
        usec_t last_trigger; /* CLOCK_REALTIME */
        int error;           /* the outcome */
        char unit[];
} Stamp;

struct TimerStamps {
        timer_stamps_set_t set;
        void *userdata;
        Worker *worker;
        sd_event_source *finished, *patience;
        Stamp *asked; /* by unit; the first was asked for before the others */
};

/* ---- on the thread ---- */

/* PID 1 takes no notice of a file from the future, and makes up for nothing then. So a time in the future, which a
 * wrong clock has left in the record or in the file, counts as now. */
static int set_file(const Stamp *s) {
        usec_t now = now_realtime(), last = MIN(s->last_trigger, now), present = 0;
        struct timespec times[2] = { { .tv_nsec = UTIME_OMIT },
                { .tv_sec = (time_t) (last / USEC_PER_SEC), .tv_nsec = (long) (last % USEC_PER_SEC * 1000) } };
        _cleanup_free_ char *path = NULL;
        struct stat st;

        if (asprintf(&path, DIRECTORY "/stamp-%s", s->unit) < 0) {
                path = NULL;
                return -ENOMEM;
        }
        (void) mkdir_parents(DIRECTORY, 0755);
        if (stat(path, &st) >= 0)
                present = (usec_t) st.st_mtim.tv_sec * USEC_PER_SEC + (usec_t) st.st_mtim.tv_nsec / 1000;
        if (present >= last && present <= now)
                return 0;

        _cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
        if (fd < 0)
                return -errno;
        return futimens(fd, times) < 0 ? -errno : 0;
}

static void work_do(Work *work, void *shared) {
        Stamp *s = (Stamp *) work;

        s->error = set_file(s);
}

static void work_free(Work *work) {
        free(work);
}

static void free_nothing(void *shared) {
}

/* ---- on the loop ---- */

static void arm_patience(TimerStamps *t) {
        usec_t at = t->asked ? usec_add(t->asked->asked_at, PATIENCE) : USEC_INFINITY;

        if (sd_event_source_set_time(t->patience, at) < 0)
                log_error("cannot arm the timer for the stamps of timers");
}

/* The request is no longer in .asked. */
static void tell(TimerStamps *t, const Stamp *s, int error) {
        Action a = { .kind = ACTION_GATE_OPEN, .unit = s->unit, .index = s->index, .id = s->id };

        t->set(&a, error, t->userdata);
}

static int on_finished(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        usec_t until = usec_add(now_boottime(), TURN_TIME);
        TimerStamps *t = userdata;
        eventfd_t count;
        Work *work;

        (void) eventfd_read(fd, &count);
        while ((work = worker_pop(t->worker))) {
                Stamp *s = (Stamp *) work, *asked;

                HASH_FIND_STR(t->asked, s->unit, asked);
                must(asked == s); /* what was given up is not popped */
                HASH_DEL(t->asked, s);
                tell(t, s, s->error);
                work_free(work);
                if (now_boottime() >= until) {
                        (void) eventfd_write(fd, 1); /* others want to run, too */
                        break;
                }
        }
        arm_patience(t);
        return 0;
}

/* One in each turn of the loop. */
static int on_patience(sd_event_source *source, uint64_t usec, void *userdata) {
        TimerStamps *t = userdata;
        Stamp *s = t->asked;

        if (s && now_boottime() >= usec_add(s->asked_at, PATIENCE)) {
                HASH_DEL(t->asked, s);
                tell(t, s, -ETIMEDOUT);
                worker_abandon(t->worker, &s->work);
        }
        arm_patience(t);
        return 0;
}

bool timer_stamps_needs(const Action *a) {
        return a->last_trigger > 0 && endswith(a->unit, ".timer");
}

void timer_stamps_give_up(TimerStamps *t, const char *unit) {
        Stamp *s;

        HASH_FIND_STR(t->asked, unit, s);
        if (!s)
                return;
        HASH_DEL(t->asked, s);
        worker_abandon(t->worker, &s->work);
        arm_patience(t);
}

int timer_stamps_ask(TimerStamps *t, const Action *a) {
        size_t size = strlen(a->unit) + 1;
        Stamp *s;

        must(a->kind == ACTION_GATE_OPEN && a->index > 0 && timer_stamps_needs(a));
        timer_stamps_give_up(t, a->unit);
        s = calloc(1, sizeof(Stamp) + size);
        if (!s)
                return -ENOMEM;
        s->work = (Work){ .f = work_do, .free = work_free };
        s->index = a->index;
        s->id = a->id;
        s->asked_at = now_boottime();
        s->last_trigger = a->last_trigger;
        memcpy(s->unit, a->unit, size);
        HASH_ADD_STR(t->asked, unit, s);
        worker_push(t->worker, &s->work);
        arm_patience(t);
        return 0;
}

/* ---- life ---- */

int timer_stamps_new(sd_event *event, timer_stamps_set_t set, void *userdata, TimerStamps **ret) {
        TimerStamps *t = calloc(1, sizeof(TimerStamps));
        int r;

        if (!t)
                return -ENOMEM;
        t->set = set;
        t->userdata = userdata;
        r = sd_event_add_time(event, &t->patience, CLOCK_BOOTTIME, USEC_INFINITY, USEC_PER_MSEC, on_patience, t);
        if (r >= 0)
                r = sd_event_source_set_enabled(t->patience, SD_EVENT_ON);
        if (r >= 0)
                r = worker_new(NULL, free_nothing, &t->worker);
        if (r >= 0)
                r = sd_event_add_io(event, &t->finished, worker_fd(t->worker), EPOLLIN, on_finished, t);
        if (r < 0) {
                timer_stamps_free(t);
                return r;
        }
        *ret = t;
        return 0;
}

TimerStamps *timer_stamps_free(TimerStamps *t) {
        Stamp *s, *next;

        if (!t)
                return NULL;
        sd_event_source_disable_unref(t->finished);
        sd_event_source_disable_unref(t->patience);
        HASH_ITER(hh, t->asked, s, next) {
                HASH_DEL(t->asked, s);
                worker_abandon(t->worker, &s->work);
        }
        (void) worker_free(t->worker, EXIT_WAIT);
        free(t);
        return NULL;
}
