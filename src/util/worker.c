/* SPDX-License-Identifier: Apache-2.0 */
#include "util/worker.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <utlist.h>

#include "util/file-util.h"

struct Worker {
        pthread_mutex_t mutex;
        pthread_cond_t more;
        Work *queue, *done;
        bool quit;
        unsigned references; /* the loop's and the thread's */
        int fd;
        pthread_t thread;
        void *shared;
        void (*free_shared)(void *shared);
};

/* Drops a reference. The mutex is held by the caller, and let go; with the last reference the worker is freed. */
static void unref_unlock(Worker *worker) {
        bool last = --worker->references == 0;
        Work *work, *next;

        (void) pthread_mutex_unlock(&worker->mutex);
        if (!last)
                return;
        DL_FOREACH_SAFE(worker->done, work, next)
                work->free(work);
        (void) pthread_mutex_destroy(&worker->mutex);
        (void) pthread_cond_destroy(&worker->more);
        worker->free_shared(worker->shared);
        closep(&worker->fd);
        free(worker);
}

static void *run(void *userdata) {
        Worker *worker = userdata;

        (void) pthread_mutex_lock(&worker->mutex);
        for (;;) {
                Work *work;

                while (!worker->quit && !worker->queue)
                        (void) pthread_cond_wait(&worker->more, &worker->mutex);
                if (!worker->queue)
                        break;
                work = worker->queue;
                DL_DELETE(worker->queue, work);
                work->state = WORK_RUNNING;
                (void) pthread_mutex_unlock(&worker->mutex);

                work->f(work, worker->shared);

                (void) pthread_mutex_lock(&worker->mutex);
                if (atomic_load(&work->abandoned)) {
                        work->free(work);
                        continue;
                }
                work->state = WORK_DONE;
                DL_APPEND(worker->done, work);
                (void) eventfd_write(worker->fd, 1);
        }
        unref_unlock(worker);
        return NULL;
}

int worker_new(void *shared, void (*free_shared)(void *shared), Worker **ret) {
        Worker *worker = calloc(1, sizeof(Worker));
        sigset_t all, before;
        int r;

        if (!worker) {
                free_shared(shared);
                return -ENOMEM;
        }
        worker->references = 1;
        worker->shared = shared;
        worker->free_shared = free_shared;
        (void) pthread_mutex_init(&worker->mutex, NULL);
        (void) pthread_cond_init(&worker->more, NULL);
        worker->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        r = worker->fd < 0 ? errno : 0;
        if (r == 0) {
                /* The new thread inherits this mask: signals are for the loop. */
                (void) sigfillset(&all);
                (void) pthread_sigmask(SIG_SETMASK, &all, &before);
                worker->references++;
                r = pthread_create(&worker->thread, NULL, run, worker);
                (void) pthread_sigmask(SIG_SETMASK, &before, NULL);
                if (r != 0)
                        worker->references--;
        }
        if (r != 0) {
                (void) pthread_mutex_lock(&worker->mutex);
                unref_unlock(worker);
                return -r;
        }
        *ret = worker;
        return 0;
}

bool worker_free(Worker *worker, usec_t patience) {
        struct timespec until;
        usec_t end;
        bool ended;

        if (!worker)
                return true;
        (void) pthread_mutex_lock(&worker->mutex);
        worker->quit = true;
        (void) pthread_cond_signal(&worker->more);
        (void) pthread_mutex_unlock(&worker->mutex);

        (void) clock_gettime(CLOCK_MONOTONIC, &until);
        end = (usec_t) until.tv_sec * USEC_PER_SEC + (usec_t) until.tv_nsec / 1000 + patience;
        until = (struct timespec){ (time_t) (end / USEC_PER_SEC), (long) (end % USEC_PER_SEC * 1000) };
        ended = pthread_clockjoin_np(worker->thread, NULL, CLOCK_MONOTONIC, &until) == 0;
        if (!ended)
                (void) pthread_detach(worker->thread);
        (void) pthread_mutex_lock(&worker->mutex);
        unref_unlock(worker);
        return ended;
}

int worker_fd(const Worker *worker) {
        return worker->fd;
}

void worker_push(Worker *worker, Work *work) {
        (void) pthread_mutex_lock(&worker->mutex);
        work->state = WORK_QUEUED;
        DL_APPEND(worker->queue, work);
        (void) pthread_cond_signal(&worker->more);
        (void) pthread_mutex_unlock(&worker->mutex);
}

Work *worker_pop(Worker *worker) {
        Work *work;

        (void) pthread_mutex_lock(&worker->mutex);
        work = worker->done;
        if (work) {
                DL_DELETE(worker->done, work);
                work->state = WORK_IDLE;
        }
        (void) pthread_mutex_unlock(&worker->mutex);
        return work;
}

bool worker_take_back(Worker *worker, Work *work) {
        bool waits;

        (void) pthread_mutex_lock(&worker->mutex);
        waits = work->state == WORK_QUEUED;
        if (waits) {
                DL_DELETE(worker->queue, work);
                work->state = WORK_IDLE;
        }
        (void) pthread_mutex_unlock(&worker->mutex);
        return waits;
}

void worker_abandon(Worker *worker, Work *work) {
        if (!work)
                return;
        (void) pthread_mutex_lock(&worker->mutex);
        switch (work->state) {
        case WORK_QUEUED:
                DL_DELETE(worker->queue, work);
                break;
        case WORK_DONE:
                DL_DELETE(worker->done, work);
                break;
        case WORK_RUNNING:
                atomic_store(&work->abandoned, true);
                work = NULL; /* the thread frees it */
                break;
        case WORK_IDLE:
                break;
        }
        (void) pthread_mutex_unlock(&worker->mutex);
        if (work)
                work->free(work);
}
