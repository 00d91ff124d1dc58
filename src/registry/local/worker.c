/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/local/worker.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <utlist.h>

#include "util/file-util.h"

struct LocalWorker {
        pthread_mutex_t mutex;
        pthread_cond_t more;
        LocalJob *queue, *done, *running;
        bool quit;
        unsigned references; /* the loop's and the thread's */
        int fd;
        LocalStore *store;
        pthread_t thread;
};

/* ---- jobs ---- */

LocalJob *local_job_free(LocalJob *job) {
        if (!job)
                return NULL;
        for (size_t i = 0; i < job->txn.n_compares; i++)
                free((char *) job->txn.compares[i].key);
        for (size_t i = 0; i < job->txn.n_puts; i++) {
                free((char *) job->txn.puts[i].key);
                free((void *) job->txn.puts[i].value);
        }
        for (size_t i = 0; i < job->txn.n_deletes; i++)
                free((char *) job->txn.deletes[i]);
        for (size_t i = 0; i < job->txn.n_reads; i++)
                free((char *) job->txn.reads[i]);
        free((void *) job->txn.compares);
        free((void *) job->txn.puts);
        free((void *) job->txn.deletes);
        free((void *) job->txn.reads);
        free(job->prefix);
        local_view_free(job->view);
        closep(&job->inotify_fd);
        local_result_clear(&job->result);
        free(job);
        return NULL;
}
DEFINE_TRIVIAL_CLEANUP(LocalJob *, local_job_free)

static LocalJob *job_new(LocalJobKind kind, usec_t deadline) {
        LocalJob *job = calloc(1, sizeof(LocalJob));

        if (!job)
                return NULL;
        job->kind = kind;
        job->deadline = deadline;
        job->inotify_fd = -1;
        return job;
}

/* The counts grow with what is really there, so that a half-made copy can be freed. */
static bool copy_keys(const char *const *keys, size_t n, const char *const **ret, size_t *ret_n) {
        const char **copy = calloc(n + 1, sizeof(char *));

        if (!copy)
                return false;
        *ret = copy;
        for (size_t i = 0; i < n; i++, (*ret_n)++) {
                copy[i] = strdup(keys[i]);
                if (!copy[i])
                        return false;
        }
        return true;
}

static bool copy_compares(const RegistryTxn *txn, RegistryTxn *ret) {
        RegistryCompare *copy = calloc(txn->n_compares + 1, sizeof(RegistryCompare));

        if (!copy)
                return false;
        ret->compares = copy;
        for (size_t i = 0; i < txn->n_compares; i++, ret->n_compares++) {
                copy[i] = (RegistryCompare){ strdup(txn->compares[i].key), txn->compares[i].mod_revision };
                if (!copy[i].key)
                        return false;
        }
        return true;
}

static bool copy_puts(const RegistryTxn *txn, RegistryTxn *ret) {
        RegistryRecord *copy = calloc(txn->n_puts + 1, sizeof(RegistryRecord));

        if (!copy)
                return false;
        ret->puts = copy;
        for (size_t i = 0; i < txn->n_puts; i++) {
                void *value = malloc(txn->puts[i].size + 1);

                copy[i] = (RegistryRecord){
                        .key = strdup(txn->puts[i].key), .value = value, .size = txn->puts[i].size
                };
                ret->n_puts++;
                if (!value || !copy[i].key)
                        return false;
                if (txn->puts[i].size > 0)
                        memcpy(value, txn->puts[i].value, txn->puts[i].size);
        }
        return true;
}

LocalJob *local_job_new_get(const char *const *keys, size_t n, usec_t deadline) {
        _cleanup_(local_job_freep) LocalJob *job = job_new(LOCAL_GET, deadline);

        if (!job || !copy_keys(keys, n, &job->txn.reads, &job->txn.n_reads))
                return NULL;
        return TAKE_PTR(job);
}

LocalJob *local_job_new_list(const char *prefix, usec_t deadline) {
        _cleanup_(local_job_freep) LocalJob *job = job_new(LOCAL_LIST, deadline);

        if (!job || !(job->prefix = strdup(prefix)))
                return NULL;
        return TAKE_PTR(job);
}

LocalJob *local_job_new_txn(const RegistryTxn *txn, usec_t deadline) {
        _cleanup_(local_job_freep) LocalJob *job = job_new(LOCAL_TXN, deadline);

        if (!job || !copy_compares(txn, &job->txn) || !copy_puts(txn, &job->txn) ||
                        !copy_keys(txn->deletes, txn->n_deletes, &job->txn.deletes, &job->txn.n_deletes) ||
                        !copy_keys(txn->reads, txn->n_reads, &job->txn.reads, &job->txn.n_reads))
                return NULL;
        return TAKE_PTR(job);
}

LocalJob *local_job_new_look(const char *prefix, int inotify_fd) {
        _cleanup_(local_job_freep) LocalJob *job = job_new(LOCAL_LOOK, 0);

        if (!job) {
                closep(&inotify_fd);
                return NULL;
        }
        job->inotify_fd = inotify_fd;
        job->view = local_view_new(prefix);
        if (!job->view)
                return NULL;
        return TAKE_PTR(job);
}

/* ---- the thread ---- */

static int job_do(LocalJob *job, LocalStore *store) {
        LocalPatience patience = { .deadline = job->deadline, .abandoned = &job->abandoned };

        switch (job->kind) {
        case LOCAL_GET:
                return local_store_get(store, &patience, job->txn.reads, job->txn.n_reads, &job->result);
        case LOCAL_LIST:
                return local_store_list(store, &patience, job->prefix, &job->result);
        case LOCAL_TXN:
                return local_store_txn(store, &patience, &job->txn, &job->result);
        case LOCAL_LOOK:
                return local_view_look(job->view, store, &patience, job->relist, job->inotify_fd, &job->result);
        }
        return -EINVAL;
}

/* Called with the mutex held, which is gone afterwards. */
static void worker_unref_unlock(LocalWorker *worker) {
        bool last = --worker->references == 0;

        (void) pthread_mutex_unlock(&worker->mutex);
        if (!last)
                return;
        (void) pthread_mutex_destroy(&worker->mutex);
        (void) pthread_cond_destroy(&worker->more);
        local_store_free(worker->store);
        closep(&worker->fd);
        free(worker);
}

static void *worker_run(void *userdata) {
        LocalWorker *worker = userdata;

        (void) pthread_mutex_lock(&worker->mutex);
        for (;;) {
                LocalJob *job;

                while (!worker->quit && !worker->queue)
                        (void) pthread_cond_wait(&worker->more, &worker->mutex);
                if (worker->quit)
                        break;
                job = worker->running = worker->queue;
                DL_DELETE(worker->queue, job);
                job->state = LOCAL_RUNNING;
                (void) pthread_mutex_unlock(&worker->mutex);

                job->error = job_do(job, worker->store);

                (void) pthread_mutex_lock(&worker->mutex);
                worker->running = NULL;
                if (atomic_load(&job->abandoned)) {
                        local_job_free(job);
                        continue;
                }
                job->state = LOCAL_DONE;
                DL_APPEND(worker->done, job);
                (void) eventfd_write(worker->fd, 1);
        }
        worker_unref_unlock(worker);
        return NULL;
}

int local_worker_new(const char *directory, LocalWorker **ret) {
        LocalWorker *worker = calloc(1, sizeof(LocalWorker));
        sigset_t all, before;
        int r;

        if (!worker)
                return -ENOMEM;
        worker->references = 1;
        (void) pthread_mutex_init(&worker->mutex, NULL);
        (void) pthread_cond_init(&worker->more, NULL);
        worker->store = local_store_new(directory);
        worker->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        r = !worker->store ? ENOMEM : worker->fd < 0 ? errno : 0;
        if (r == 0) {
                /* Signals are the loop's business. */
                (void) sigfillset(&all);
                (void) pthread_sigmask(SIG_SETMASK, &all, &before);
                worker->references++;
                r = pthread_create(&worker->thread, NULL, worker_run, worker);
                (void) pthread_sigmask(SIG_SETMASK, &before, NULL);
                if (r != 0)
                        worker->references--;
        }
        if (r != 0) {
                (void) pthread_mutex_lock(&worker->mutex);
                worker_unref_unlock(worker);
                return -r;
        }
        *ret = worker;
        return 0;
}

LocalWorker *local_worker_free(LocalWorker *worker) {
        struct timespec until;

        if (!worker)
                return NULL;
        (void) pthread_mutex_lock(&worker->mutex);
        worker->quit = true;
        (void) pthread_cond_signal(&worker->more);
        (void) pthread_mutex_unlock(&worker->mutex);

        /* Idle, or waiting for the lock in vain, it ends at once. */
        (void) clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += 50 * 1000 * 1000;
        if (until.tv_nsec >= 1000 * 1000 * 1000) {
                until.tv_nsec -= 1000 * 1000 * 1000;
                until.tv_sec++;
        }
        if (pthread_clockjoin_np(worker->thread, NULL, CLOCK_MONOTONIC, &until) != 0)
                (void) pthread_detach(worker->thread);
        (void) pthread_mutex_lock(&worker->mutex);
        worker_unref_unlock(worker);
        return NULL;
}

int local_worker_fd(const LocalWorker *worker) {
        return worker->fd;
}

void local_worker_push(LocalWorker *worker, LocalJob *job) {
        (void) pthread_mutex_lock(&worker->mutex);
        job->state = LOCAL_QUEUED;
        DL_APPEND(worker->queue, job);
        (void) pthread_cond_signal(&worker->more);
        (void) pthread_mutex_unlock(&worker->mutex);
}

LocalJob *local_worker_pop(LocalWorker *worker) {
        LocalJob *job;

        (void) pthread_mutex_lock(&worker->mutex);
        job = worker->done;
        if (job) {
                DL_DELETE(worker->done, job);
                job->state = LOCAL_IDLE;
        }
        (void) pthread_mutex_unlock(&worker->mutex);
        return job;
}

void local_worker_abandon(LocalWorker *worker, LocalJob *job) {
        if (!job)
                return;
        (void) pthread_mutex_lock(&worker->mutex);
        switch (job->state) {
        case LOCAL_QUEUED:
                DL_DELETE(worker->queue, job);
                break;
        case LOCAL_DONE:
                DL_DELETE(worker->done, job);
                break;
        case LOCAL_RUNNING:
                atomic_store(&job->abandoned, true);
                job = NULL; /* the thread's now */
                break;
        case LOCAL_IDLE:
                break;
        }
        (void) pthread_mutex_unlock(&worker->mutex);
        local_job_free(job);
}
