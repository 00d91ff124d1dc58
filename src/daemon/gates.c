/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/gates.h"

#include <errno.h>
#include <stdio.h>
#include <sys/eventfd.h>

#include "conf/conf.h"
#include "conf/dropin.h"
#include "util/hash.h"
#include "util/log.h"
#include "util/must.h"
#include "util/worker.h"

#define RELOAD_DELAY (100 * USEC_PER_MSEC)
#define RELOAD_INTERVAL (10 * USEC_PER_SEC)
/* For so long a reload waits for more gates. */
#define RELOAD_PATIENCE (5 * USEC_PER_SEC)
#define TURN_TIME (2 * USEC_PER_MSEC) /* for so long results are taken in one turn of the loop */
#define EXIT_WAIT (2 * USEC_PER_SEC)

typedef enum GateTask {
        GATE_RENEW,
        GATE_MEND,
        GATE_LIFT,
} GateTask;

/* One request. It belongs to the thread from when it is handed over until it is done, but for hh. */
typedef struct GateWork {
        Work work;
        UT_hash_handle hh; /* in Gates.latest */

        GateTask task;
        char *unit;     /* not of RENEW */
        char *gated;    /* of MEND */
        char **members; /* of LIFT; with members_known, those that have a drop-in */
        bool members_known;
        bool need_reload; /* PID 1 has not read the file as it is */

        int n_changed; /* the outcome: so many files were written or removed ... */
        int error;     /* ... and 0 or a negative errno */
        char key[];    /* the same for all requests for the same */
} GateWork;

struct Gates {
        Pid1 *pid1;
        sd_event_source *reload;
        usec_t reloaded_at; /* CLOCK_BOOTTIME; 0: never */
        usec_t asked_at;    /* since when a reload is wanted; 0: none is ... */
        usec_t last_at;     /* ... and when one was wanted last */

        Worker *worker;
        sd_event_source *finished;
        GateWork *latest; /* by key: of several for the same, that which was handed over last */
        size_t n_works;   /* handed over, and their results not taken */
};

/* ---- on the thread ---- */

/* `leasectl disable` and Global= remove a gate as well, and the daemon may not have been told of them yet: so the
 * files count. */
static int mend(GateWork *w) {
        _cleanup_(unit_options_freep) UnitOptions *options = NULL;
        _cleanup_(messages_done) Messages messages = {};
        int r;

        if (unit_options_load("", w->unit, &options, &messages) == -ENOENT || (options && options->global)) {
                w->need_reload = false;
                return 0;
        }
        r = dropin_member_mend("", w->gated, w->unit);
        w->n_changed = r > 0;
        return MIN(r, 0);
}

/* `leasectl enable` puts a gate back, and the daemon may not have been told of it yet: so the files count. */
static int lift(GateWork *w) {
        _cleanup_(unit_options_freep) UnitOptions *options = NULL;
        _cleanup_(messages_done) Messages messages = {};
        int r = 0;

        if (unit_options_load("", w->unit, &options, &messages) == -ENOENT || !options || !options->global) {
                w->need_reload = false;
                return 0;
        }
        if (!w->members_known)
                r = dropin_members_list("", w->unit, &w->members);
        if (r >= 0)
                r = strv_add(&w->members, w->unit);
        for (char **name = w->members; r >= 0 && name && *name; name++) {
                _cleanup_free_ char *owner = dropin_owner("", *name);

                if (!owner)
                        continue;
                r = dropin_remove("", *name);
                w->n_changed++;
        }
        return r;
}

static void work_do(Work *work, void *shared) {
        GateWork *w = (GateWork *) work;

        switch (w->task) {
        case GATE_RENEW:
                w->n_changed = dropins_renew("");
                w->error = MIN(w->n_changed, 0);
                break;
        case GATE_MEND:
                w->error = mend(w);
                break;
        case GATE_LIFT:
                w->error = lift(w);
                break;
        }
}

static void work_free(Work *work) {
        GateWork *w = (GateWork *) work;

        free(w->unit);
        free(w->gated);
        strv_free(w->members);
        free(w);
}

static void free_nothing(void *shared) {
}

/* ---- on the loop: the reload ---- */

static void on_reloaded(int error, const char *text, void *userdata) {
        if (error < 0)
                log_warning_errno(error, "PID 1 has not reloaded its unit files%s%s", isempty(text) ? "" : ": ",
                                strempty(text));
}

static int on_reload(sd_event_source *source, uint64_t usec, void *userdata) {
        Gates *g = userdata;

        g->asked_at = 0;
        g->reloaded_at = now_boottime();
        (void) pid1_reload(g->pid1, on_reloaded, g);
        return 0;
}

/* Sets the time of a reload that is wanted: when nothing more was written for a little while, and nothing waits for
 * the disk, so that many units cause only one reload. But where the disk hangs with one gate, the others do not wait
 * for it. And not soon after the last reload, so that somebody who keeps removing a file does not keep PID 1 busy. */
static void set_reload(Gates *g) {
        usec_t latest = usec_add(g->asked_at, RELOAD_PATIENCE),
               at = g->n_works > 0 ? latest : MIN(latest, usec_add(g->last_at, RELOAD_DELAY));
        int r;

        if (g->asked_at == 0)
                return;
        if (g->reloaded_at > 0)
                at = MAX(at, usec_add(g->reloaded_at, RELOAD_INTERVAL));
        r = sd_event_source_set_time(g->reload, at);
        if (r >= 0)
                r = sd_event_source_set_enabled(g->reload, SD_EVENT_ONESHOT);
        if (r < 0)
                log_error_errno(r, "cannot arm the timer for a reload of PID 1");
}

/* ---- on the loop: what has become of the requests ---- */

static void tell_renewed(const GateWork *w) {
        if (w->error < 0)
                log_warning_errno(w->error, "gates of an earlier version cannot be written anew");
        else if (w->n_changed > 0)
                log_notice("gates that were not of this version have been written anew: %i", w->n_changed);
}

static void tell_mended(const GateWork *w) {
        bool own = w->gated && streq(w->gated, w->unit);

        if (w->error < 0)
                log_error_errno(w->error, "%s: its gate is not in force, and cannot be written", w->gated);
        else if (w->n_changed > 0)
                log_notice("%s: its gate was not there; it has been written%s%s", w->gated,
                                own ? "" : ", because it goes by the lease of ", own ? "" : w->unit);
}

static void tell_lifted(const GateWork *w) {
        if (w->error < 0)
                log_error_errno(w->error, "%s: it is to run everywhere, but its gate cannot be removed", w->unit);
        else if (w->n_changed > 0)
                log_notice("%s: it needs no lease any more; its gate has been removed", w->unit);
}

static void take_result(Gates *g, GateWork *w) {
        GateWork *latest;

        must(g->n_works > 0); /* else a reload would wait for the disk for ever */
        HASH_FIND_STR(g->latest, w->key, latest);
        if (latest == w)
                HASH_DEL(g->latest, w);
        g->n_works--;
        switch (w->task) {
        case GATE_RENEW:
                tell_renewed(w);
                break;
        case GATE_MEND:
                tell_mended(w);
                break;
        case GATE_LIFT:
                tell_lifted(w);
                break;
        }
        if (w->n_changed > 0 || (w->error >= 0 && w->need_reload)) {
                g->last_at = now_boottime();
                g->asked_at = g->asked_at ?: g->last_at;
        }
        work_free(&w->work);
}

static int on_finished(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        usec_t until = usec_add(now_boottime(), TURN_TIME);
        Gates *g = userdata;
        eventfd_t count;
        Work *work;

        (void) eventfd_read(fd, &count);
        while ((work = worker_pop(g->worker))) {
                take_result(g, (GateWork *) work);
                if (now_boottime() >= until) {
                        (void) eventfd_write(fd, 1); /* others want to run, too */
                        break;
                }
        }
        set_reload(g);
        return 0;
}

/* ---- on the loop: requests ---- */

/* Gives the request for this, which is to be filled in and handed over: that which waits for the thread already, or a
 * new one. gated: NULL, or of MEND. NULL: out of memory, and logged. */
static GateWork *request(Gates *g, GateTask task, const char *unit, const char *gated) {
        size_t size = strlen(unit) + strlen(strempty(gated)) + 16;
        GateWork *w = calloc(1, sizeof(GateWork) + size), *latest;

        if (w)
                (void) snprintf(w->key, size, "%i %s %s", task, unit, strempty(gated));
        if (w)
                HASH_FIND_STR(g->latest, w->key, latest);
        if (w && latest && worker_take_back(g->worker, &latest->work)) {
                must(g->n_works > 0 && latest->task == task);
                free(w);
                g->n_works--;
                return latest;
        }
        if (w && latest)
                HASH_DEL(g->latest, latest);
        if (w) {
                w->work = (Work){ .f = work_do, .free = work_free };
                w->task = task;
                w->unit = strdup(unit);
                w->gated = gated ? strdup(gated) : NULL;
        }
        if (!w || !w->unit || (gated && !w->gated)) {
                (void) log_oom();
                if (w)
                        work_free(&w->work);
                return NULL;
        }
        HASH_ADD_STR(g->latest, key, w);
        return w;
}

static void hand_over(Gates *g, GateWork *w) {
        g->n_works++;
        worker_push(g->worker, &w->work);
        set_reload(g);
}

void gates_renew(Gates *g) {
        GateWork *w = request(g, GATE_RENEW, "", NULL);

        if (w)
                hand_over(g, w);
}

void gates_mend(Gates *g, const char *gated, const char *unit, bool need_reload) {
        GateWork *w = request(g, GATE_MEND, unit, gated);

        if (!w)
                return;
        w->need_reload |= need_reload;
        hand_over(g, w);
}

void gates_lift(Gates *g, const char *unit, char *const *gated, bool need_reload) {
        GateWork *w = request(g, GATE_LIFT, unit, NULL);
        int r = 0;

        if (!w)
                return;
        w->members = strv_free(w->members);
        w->members_known = gated;
        for (char *const *name = gated; r >= 0 && name && *name; name++)
                r = strv_add(&w->members, *name);
        if (r < 0) {
                (void) log_oom();
                w->members_known = false; /* so the thread looks for them */
                w->members = strv_free(w->members);
        }
        w->need_reload |= need_reload;
        hand_over(g, w);
}

/* ---- life ---- */

int gates_new(sd_event *event, Pid1 *pid1, Gates **ret) {
        Gates *g = calloc(1, sizeof(Gates));
        int r;

        if (!g)
                return -ENOMEM;
        g->pid1 = pid1;
        r = sd_event_add_time(event, &g->reload, CLOCK_BOOTTIME, USEC_INFINITY, USEC_PER_MSEC, on_reload, g);
        if (r >= 0)
                r = sd_event_source_set_enabled(g->reload, SD_EVENT_OFF);
        if (r >= 0)
                r = worker_new(NULL, free_nothing, &g->worker);
        if (r >= 0)
                r = sd_event_add_io(event, &g->finished, worker_fd(g->worker), EPOLLIN, on_finished, g);
        if (r < 0) {
                gates_free(g);
                return r;
        }
        *ret = g;
        return 0;
}

Gates *gates_free(Gates *g) {
        GateWork *w, *next;

        if (!g)
                return NULL;
        sd_event_source_disable_unref(g->reload);
        sd_event_source_disable_unref(g->finished);
        HASH_ITER(hh, g->latest, w, next) {
                HASH_DEL(g->latest, w);
                worker_abandon(g->worker, &w->work);
        }
        (void) worker_free(g->worker, EXIT_WAIT);
        free(g);
        return NULL;
}
