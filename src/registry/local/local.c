/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The local registry on the loop's side: requests with their timers, watches with their inotify, the status.
 *
 * Nothing in here touches the directory after open(). The work is done on the worker's thread, and its results are
 * fetched when the worker's eventfd wakes the loop. If the disk hangs, a lock is not let go, or the queue is full, the
 * request's timer ends the request as REGISTRY_UNKNOWN. Work that had begun by then may still be done (law 6).
 *
 * A watch is one job, which looks at the database whenever inotify says that somebody writes to it, and now and then
 * without that. inotify is only a hint: a look reports each record whose revision is above that of the last look.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <utlist.h>

#include "registry/local/directory.h"
#include "registry/local/job.h"
#include "registry/local/store.h"

/* How long the thread may take to end. A thread that is idle, or waits for a lock, ends at once. */
#define EXIT_PATIENCE (50 * USEC_PER_MSEC)
#define LOOK_PATIENCE USEC_PER_SEC
#define TURN_TIME (2 * USEC_PER_MSEC) /* for so long results are passed on in one turn of the loop */
#define LOOK_AGAIN_AFTER_FAILURE (200 * USEC_PER_MSEC)
#define LOOK_GAP (5 * USEC_PER_MSEC) /* while hints do not end */
#define LOOK_WITH_HINTS (5 * USEC_PER_SEC)
#define LOOK_WITHOUT_HINTS (500 * USEC_PER_MSEC)

enum {
        HINTS_A_TURN = 16, /* reads of some hundred hints each */
};

typedef struct LocalRegistry {
        Registry registry;
        sd_event *event;
        char *directory;
        Worker *worker;
        sd_event_source *finished;
        RegistryRequest *requests;
        RegistryWatch *watches;
        unsigned busy; /* callbacks on the stack */
        bool closed;

        RegistryState state;
        char error[512], warning[REGISTRY_KEY_MAX + 128], damaged[REGISTRY_KEY_MAX + 1];
        usec_t error_at;
        char place[512]; /* what is wrong with the directory; "": nothing */
        bool news;       /* the status has changed and nobody was told */
        void (*on_status)(void *userdata);
        void *on_status_userdata;
} LocalRegistry;

struct RegistryRequest {
        LocalRegistry *registry; /* NULL: closed */
        LocalJob *job;           /* NULL: answered */
        registry_answer_t f;
        void *userdata;
        sd_event_source *timer;
        RegistryRequest *prev, *next;
};

struct RegistryWatch {
        LocalRegistry *registry; /* NULL: closed */
        LocalJob *job;
        registry_change_t f;
        void *userdata;
        sd_event_source *hints, *timer;
        bool looking, again, relist;
        char *from, *also; /* of changes it tells of keys from .from on, and of .also; NULL: of all */
        usec_t looked_at;  /* when the last look was over */
        RegistryWatch *prev, *next;
};

/* ---- status ---- */

static void status_trouble(LocalRegistry *r, const char *error) {
        if (r->state != REGISTRY_TROUBLE || !streq(r->error, error))
                r->news = true;
        r->state = REGISTRY_TROUBLE;
        r->error_at = now_realtime();
        str_copy(r->error, sizeof(r->error), error);
}

static void status_well(LocalRegistry *r, const LocalResult *result) {
        if (r->state != REGISTRY_OK)
                r->news = true;
        r->state = REGISTRY_OK;
        for (size_t i = 0; i < result->n_records; i++) {
                const RegistryRecord *record = result->records + i;

                if (record->damaged && !r->damaged[0]) {
                        str_copy(r->damaged, sizeof(r->damaged), record->key);
                        (void) snprintf(r->warning, sizeof(r->warning),
                                        "the record %s is damaged and counts as held by somebody unknown", r->damaged);
                        r->news = true;
                } else if (!record->damaged && streq(r->damaged, record->key)) {
                        r->damaged[0] = r->warning[0] = '\0';
                        r->news = true;
                }
        }
}

/* ---- callbacks may free anything ---- */

static void registry_enter(LocalRegistry *r) {
        r->busy++;
}

/* The last thing that a handler does: reports the status if it has changed, and frees a registry that was closed. */
static void registry_leave(LocalRegistry *r) {
        if (r->busy == 1 && r->news && !r->closed) {
                r->news = false;
                if (r->on_status)
                        r->on_status(r->on_status_userdata);
        }
        if (--r->busy > 0 || !r->closed)
                return;
        sd_event_unref(r->event);
        free(r->directory);
        free(r);
}

/* ---- requests ---- */

static void give_up(LocalRegistry *r, LocalJob *job) {
        if (job)
                worker_abandon(r->worker, &job->work);
}

static RegistryRequest *local_request_free(RegistryRequest *request) {
        if (!request)
                return NULL;
        if (request->registry) {
                DL_DELETE(request->registry->requests, request);
                give_up(request->registry, request->job);
        }
        sd_event_source_disable_unref(request->timer);
        free(request);
        return NULL;
}

/* The request may be gone afterwards, and the registry closed. */
static void request_answer(RegistryRequest *request, LocalResult *result, int error) {
        RegistryAnswer answer = { .outcome = REGISTRY_UNKNOWN };

        if (error < 0) {
                answer.error = result->error ?: strerror(-error);
                status_trouble(request->registry, answer.error);
        } else {
                status_well(request->registry, result);
                answer = (RegistryAnswer){
                        .outcome = result->refused ? REGISTRY_REFUSED : REGISTRY_COMMITTED,
                        .revision = result->revision,
                        .store = result->store,
                        .records = result->records,
                        .n_records = result->n_records,
                        .total = result->total,
                };
        }
        request->timer = sd_event_source_disable_unref(request->timer);
        request->f(&answer, request->userdata);
}

static int on_timeout(sd_event_source *source, uint64_t at, void *userdata) {
        RegistryRequest *request = userdata;
        LocalRegistry *r = request->registry;
        LocalResult result = {};

        if (asprintf(&result.error, "%s: no answer in time; the disk may hang", r->directory) < 0)
                result.error = NULL;
        give_up(r, TAKE_PTR(request->job));
        registry_enter(r);
        request_answer(request, &result, -ETIMEDOUT);
        registry_leave(r);
        local_result_clear(&result);
        return 0;
}

/* Takes the job over; NULL is out of memory. */
static int request_new(LocalRegistry *r, LocalJob *job, usec_t deadline, registry_answer_t f, void *userdata,
                RegistryRequest **ret) {
        RegistryRequest *request = calloc(1, sizeof(RegistryRequest));
        int k = job && request ? 0 : -ENOMEM;

        if (k == 0)
                k = sd_event_add_time(r->event, &request->timer, CLOCK_BOOTTIME, deadline, 1, on_timeout, request);
        if (k < 0) {
                local_job_free(job);
                free(request);
                return k;
        }
        *request = (RegistryRequest){
                .registry = r, .job = job, .f = f, .userdata = userdata, .timer = request->timer
        };
        DL_APPEND(r->requests, request);
        job->userdata = request;
        worker_push(r->worker, &job->work);
        *ret = request;
        return 0;
}

/* The deadline of the job: a little before the request's timer, so that the answer can say what was waited for. */
static usec_t job_deadline(usec_t timeout) {
        return usec_add(now_boottime(), timeout - MIN(timeout / 10, 50 * USEC_PER_MSEC));
}

static bool key_is_valid(const char *key) {
        return key && key[0] && strnlen(key, REGISTRY_KEY_MAX + 1) <= REGISTRY_KEY_MAX;
}

static bool keys_are_valid(const char *const *keys, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (!key_is_valid(keys[i]))
                        return false;
        return true;
}

static bool is_changed_twice(const RegistryTxn *txn) {
        for (size_t i = 0; i < txn->n_puts + txn->n_deletes; i++)
                for (size_t j = 0; j < i; j++) {
                        const char *a = i < txn->n_puts ? txn->puts[i].key : txn->deletes[i - txn->n_puts];
                        const char *b = j < txn->n_puts ? txn->puts[j].key : txn->deletes[j - txn->n_puts];

                        if (streq(a, b))
                                return true;
                }
        return false;
}

static bool txn_is_valid(const RegistryTxn *txn) {
        if (txn->n_compares > REGISTRY_TXN_MAX || txn->n_reads > REGISTRY_TXN_MAX || txn->n_puts > REGISTRY_TXN_MAX ||
                        txn->n_deletes > REGISTRY_TXN_MAX - txn->n_puts)
                return false;
        for (size_t i = 0; i < txn->n_compares; i++)
                if (!key_is_valid(txn->compares[i].key))
                        return false;
        for (size_t i = 0; i < txn->n_puts; i++)
                if (!key_is_valid(txn->puts[i].key) || txn->puts[i].size > REGISTRY_VALUE_MAX)
                        return false;
        return keys_are_valid(txn->deletes, txn->n_deletes) && keys_are_valid(txn->reads, txn->n_reads) &&
               !is_changed_twice(txn);
}

static int local_get(Registry *registry, const char *const *keys, size_t n, usec_t timeout, registry_answer_t f,
                void *userdata, RegistryRequest **ret) {
        LocalRegistry *r = (LocalRegistry *) registry;

        if (!keys_are_valid(keys, n))
                return -EINVAL;
        return request_new(r, local_job_new_get(keys, n, job_deadline(timeout)), usec_add(now_boottime(), timeout), f,
                        userdata, ret);
}

static int local_list(Registry *registry, const char *prefix, usec_t timeout, registry_answer_t f, void *userdata,
                RegistryRequest **ret) {
        LocalRegistry *r = (LocalRegistry *) registry;

        if (strnlen(prefix, REGISTRY_KEY_MAX + 1) > REGISTRY_KEY_MAX)
                return -EINVAL;
        return request_new(r, local_job_new_list(prefix, 0, job_deadline(timeout)), usec_add(now_boottime(), timeout),
                        f, userdata, ret);
}

static int local_older(Registry *registry, const char *prefix, uint64_t revision, usec_t timeout, registry_answer_t f,
                void *userdata, RegistryRequest **ret) {
        LocalRegistry *r = (LocalRegistry *) registry;

        if (revision == 0 || strnlen(prefix, REGISTRY_KEY_MAX + 1) > REGISTRY_KEY_MAX)
                return -EINVAL;
        return request_new(r, local_job_new_list(prefix, revision, job_deadline(timeout)),
                        usec_add(now_boottime(), timeout), f, userdata, ret);
}

static int local_txn(Registry *registry, const RegistryTxn *txn, usec_t timeout, registry_answer_t f, void *userdata,
                RegistryRequest **ret) {
        LocalRegistry *r = (LocalRegistry *) registry;

        if (!txn_is_valid(txn))
                return -EINVAL;
        return request_new(r, local_job_new_txn(txn, job_deadline(timeout)), usec_add(now_boottime(), timeout), f,
                        userdata, ret);
}

/* ---- watches ---- */

static void watch_look(RegistryWatch *watch) {
        if (watch->looking) {
                watch->again = true;
                return;
        }
        watch->looking = true;
        watch->again = false;
        watch->job->relist = watch->relist;
        watch->relist = false;
        watch->job->deadline = usec_add(now_boottime(), LOOK_PATIENCE);
        worker_push(watch->registry->worker, &watch->job->work);
}

static void watch_look_at(RegistryWatch *watch, usec_t span) {
        (void) sd_event_source_set_time(watch->timer, usec_add(now_boottime(), span));
        (void) sd_event_source_set_enabled(watch->timer, SD_EVENT_ONESHOT);
}

static int on_look_timer(sd_event_source *source, uint64_t at, void *userdata) {
        watch_look(userdata);
        return 0;
}

static int on_hint(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        _Alignas(struct inotify_event) char buffer[4096];
        RegistryWatch *watch = userdata;
        usec_t now = now_boottime();
        ssize_t n = 0;

        /* If somebody changes files faster than the hints are read, the loop must go on: the rest is read next time.
         */
        for (unsigned i = 0; i < HINTS_A_TURN && (n = read(fd, buffer, sizeof(buffer))) > 0; i++)
                for (const char *p = buffer; p < buffer + n;) {
                        const struct inotify_event *e = (const struct inotify_event *) p;

                        if (e->mask & IN_Q_OVERFLOW)
                                watch->relist = true;
                        p += sizeof(*e) + e->len;
                }
        if (!watch->looking && now < usec_add(watch->looked_at, LOOK_GAP))
                watch_look_at(watch, usec_sub(usec_add(watch->looked_at, LOOK_GAP), now));
        else
                watch_look(watch);
        return 0;
}

static RegistryWatch *local_watch_free(RegistryWatch *watch) {
        if (!watch)
                return NULL;
        sd_event_source_disable_unref(watch->hints); /* before its descriptor, which is the job's */
        sd_event_source_disable_unref(watch->timer);
        if (watch->registry) {
                DL_DELETE(watch->registry->watches, watch);
                give_up(watch->registry, watch->job);
        }
        free(watch->from);
        free(watch->also);
        free(watch);
        return NULL;
}

static bool is_told(const RegistryRecord *record, const void *userdata) {
        const RegistryWatch *watch = userdata;

        return !watch->from || strcmp(record->key, watch->from) >= 0 ||
               (watch->also && streq(record->key, watch->also));
}

static int local_narrow(RegistryWatch *watch, const char *from, const char *also) {
        _cleanup_free_ char *new_from = from ? strdup(from) : NULL, *new_also = also ? strdup(also) : NULL;

        if ((from && !new_from) || (also && !new_also))
                return -ENOMEM;
        free(watch->from);
        free(watch->also);
        watch->from = TAKE_PTR(new_from);
        watch->also = TAKE_PTR(new_also);
        watch->relist = true;
        if (watch->registry)
                watch_look(watch);
        return 0;
}

static void local_relist(RegistryWatch *watch) {
        watch->relist = true;
        watch->again = watch->looking;
        if (watch->registry)
                watch_look_at(watch, LOOK_AGAIN_AFTER_FAILURE);
}

/* The watch may be gone afterwards, and the registry closed. */
static void watch_finished(RegistryWatch *watch, LocalResult *result, int error) {
        LocalRegistry *r = watch->registry;

        watch->looking = false;
        watch->looked_at = now_boottime();
        if (error < 0) {
                watch->relist = watch->relist || watch->job->relist;
                status_trouble(r, result->error ?: strerror(-error));
                watch_look_at(watch, LOOK_AGAIN_AFTER_FAILURE);
                return;
        }
        status_well(r, result);
        if (!result->listed)
                local_result_filter(result, is_told, watch);
        /* The other requests, which wait for the same lock and the same thread, come in between. */
        watch_look_at(watch, watch->again ? LOOK_GAP : result->unwatched ? LOOK_WITHOUT_HINTS : LOOK_WITH_HINTS);
        if (result->listed || result->n_records > 0)
                watch->f(
                                &(RegistryChange){
                                                .listed = result->listed,
                                                .revision = result->revision,
                                                .store = result->store,
                                                .records = result->records,
                                                .deleted = result->deleted,
                                                .n_records = result->n_records,
                                },
                                watch->userdata);
}

static int local_watch(
                Registry *registry, const char *prefix, registry_change_t f, void *userdata, RegistryWatch **ret) {
        LocalRegistry *r = (LocalRegistry *) registry;
        RegistryWatch *watch;
        int k, fd;

        if (strnlen(prefix, REGISTRY_KEY_MAX + 1) > REGISTRY_KEY_MAX)
                return -EINVAL;
        watch = calloc(1, sizeof(RegistryWatch));
        if (!watch)
                return -ENOMEM;
        fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK); /* if there is none left, the watch looks by the clock */
        *watch = (RegistryWatch){ .registry = r, .job = local_job_new_look(prefix, fd), .f = f, .userdata = userdata };
        if (!watch->job) {
                free(watch);
                return -ENOMEM;
        }
        DL_APPEND(r->watches, watch);
        watch->job->userdata = watch;
        k = sd_event_add_time(r->event, &watch->timer, CLOCK_BOOTTIME, 0, 1, on_look_timer, watch);
        if (k >= 0)
                k = sd_event_source_set_enabled(watch->timer, SD_EVENT_OFF);
        if (k >= 0 && fd >= 0)
                k = sd_event_add_io(r->event, &watch->hints, fd, EPOLLIN, on_hint, watch);
        if (k < 0) {
                local_watch_free(watch);
                return k;
        }
        watch_look(watch);
        *ret = watch;
        return 0;
}

/* ---- the registry ---- */

static void job_finished(LocalJob *job) {
        LocalResult result = job->result;
        int error = job->error;

        /* The callback may free the request or the watch, and the result must outlast both. */
        job->result = (LocalResult){};
        if (job->kind == LOCAL_LOOK)
                watch_finished(job->userdata, &result, error);
        else {
                RegistryRequest *request = job->userdata;

                local_job_free(TAKE_PTR(request->job));
                request_answer(request, &result, error);
        }
        local_result_clear(&result);
}

static int on_finished(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        usec_t until = usec_add(now_boottime(), TURN_TIME);
        LocalRegistry *r = userdata;
        eventfd_t value;
        LocalJob *job;

        registry_enter(r);
        (void) eventfd_read(fd, &value);
        while (!r->closed && (job = (LocalJob *) worker_pop(r->worker))) {
                job_finished(job);
                if (now_boottime() >= until && !r->closed) {
                        (void) eventfd_write(fd, 1); /* others want to run, too */
                        break;
                }
        }
        registry_leave(r);
        return 0;
}

static Registry *local_free(Registry *registry) {
        LocalRegistry *r = (LocalRegistry *) registry;
        RegistryRequest *request, *next_request;
        RegistryWatch *watch, *next_watch;

        if (!r)
                return NULL;
        /* Requests and watches stay with their owners, who free them when they like. */
        DL_FOREACH_SAFE(r->requests, request, next_request) {
                DL_DELETE(r->requests, request);
                request->registry = NULL;
                request->timer = sd_event_source_disable_unref(request->timer);
                give_up(r, TAKE_PTR(request->job));
        }
        DL_FOREACH_SAFE(r->watches, watch, next_watch) {
                DL_DELETE(r->watches, watch);
                watch->registry = NULL;
                watch->hints = sd_event_source_disable_unref(watch->hints);
                watch->timer = sd_event_source_disable_unref(watch->timer);
                give_up(r, TAKE_PTR(watch->job));
        }
        r->finished = sd_event_source_disable_unref(r->finished);
        (void) worker_free(r->worker, EXIT_PATIENCE);
        r->worker = NULL;
        r->on_status = NULL;
        r->closed = true;
        r->busy++;
        registry_leave(r);
        return NULL;
}

static void free_store(void *store) {
        local_store_free(store);
}

static int local_open(sd_event *event, const RegistryConfig *config, Registry **ret, char **ret_error) {
        LocalRegistry *r;
        LocalStore *store;
        int k;

        *ret_error = NULL;
        if (isempty(config->directory)) {
                *ret_error = strdup("the local registry needs a directory, as in Registry=local:/DIRECTORY");
                return -EINVAL;
        }
        k = local_directory_prepare(config->directory, ret_error);
        if (k < 0 && (k != -EPERM || !config->in_use))
                return k;
        r = calloc(1, sizeof(LocalRegistry));
        if (!r)
                return -ENOMEM;
        str_copy(r->place, sizeof(r->place), strempty(*ret_error));
        free(*ret_error);
        *ret_error = NULL;
        r->registry.ops = &registry_local;
        r->event = sd_event_ref(event);
        r->directory = strdup(config->directory);
        store = local_store_new(config->directory);
        k = store ? worker_new(store, free_store, &r->worker) : -ENOMEM;
        if (k >= 0 && !r->directory)
                k = -ENOMEM;
        if (k >= 0)
                k = sd_event_add_io(event, &r->finished, worker_fd(r->worker), EPOLLIN, on_finished, r);
        if (k < 0) {
                if (asprintf(ret_error, "%s: cannot begin to work on it: %s", config->directory, strerror(-k)) < 0)
                        *ret_error = NULL;
                local_free(&r->registry);
                return k;
        }
        *ret = &r->registry;
        return 0;
}

static void local_status(Registry *registry, RegistryStatus *ret) {
        LocalRegistry *r = (LocalRegistry *) registry;

        *ret = (RegistryStatus){
                .state = r->state,
                .kind = registry_local.name,
                .endpoint = r->directory,
                .endpoints = r->directory,
                .version = "",
                .error = r->error,
                .error_at = r->error_at,
                .warning = r->warning[0] ? r->warning : r->place,
                .note = "",
        };
}

static void local_on_status(Registry *registry, void (*f)(void *userdata), void *userdata) {
        LocalRegistry *r = (LocalRegistry *) registry;

        r->on_status = f;
        r->on_status_userdata = userdata;
}

const RegistryOps registry_local = {
        .name = "local",
        .open = local_open,
        .free = local_free,
        .get = local_get,
        .list = local_list,
        .older = local_older,
        .txn = local_txn,
        .request_free = local_request_free,
        .watch = local_watch,
        .watch_free = local_watch_free,
        .narrow = local_narrow,
        .relist = local_relist,
        .status = local_status,
        .on_status = local_on_status,
};
