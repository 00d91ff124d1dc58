/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The one thread that a local registry does its work on, since a disk can hang in any system call and the loop must
 * not. Jobs are done one after the other in the order in which they were pushed. The loop's side may give a job up at
 * any time: one that has not begun never will, one that has goes on without anybody to tell.
 */

#include "registry/local/view.h"

typedef enum LocalJobKind {
        LOCAL_GET,
        LOCAL_LIST,
        LOCAL_TXN,
        LOCAL_LOOK,
} LocalJobKind;

typedef enum LocalJobState {
        LOCAL_IDLE, /* the loop's own */
        LOCAL_QUEUED,
        LOCAL_RUNNING,
        LOCAL_DONE, /* to be popped */
} LocalJobState;

typedef struct LocalJob {
        LocalJobKind kind;
        LocalJobState state; /* guarded by the worker's mutex */
        atomic_bool abandoned;
        void *userdata; /* the loop's; the thread does not look at it */

        usec_t deadline;
        char *prefix;    /* LIST */
        RegistryTxn txn; /* TXN; of a GET .reads: everything in it is owned */
        LocalView *view; /* LOOK */
        bool relist;
        int inotify_fd; /* owned; -1: none */

        int error; /* 0 or a negative errno */
        LocalResult result;

        struct LocalJob *prev, *next;
} LocalJob;

/* Copies what is asked. NULL: out of memory. */
LocalJob *local_job_new_get(const char *const *keys, size_t n, usec_t deadline);
LocalJob *local_job_new_list(const char *prefix, usec_t deadline);
LocalJob *local_job_new_txn(const RegistryTxn *txn, usec_t deadline);
/* Takes the descriptor over, also on failure. */
LocalJob *local_job_new_look(const char *prefix, int inotify_fd);
/* Only of one that the worker does not have. */
LocalJob *local_job_free(LocalJob *job);

typedef struct LocalWorker LocalWorker;

/* Starts the thread. 0 or a negative errno. */
int local_worker_new(const char *directory, LocalWorker **ret);
/* All jobs must have been abandoned. Waits a moment for the thread; one that hangs is left to itself. */
LocalWorker *local_worker_free(LocalWorker *worker);

/* Readable when there is something to pop; the worker's. */
int local_worker_fd(const LocalWorker *worker);
void local_worker_push(LocalWorker *worker, LocalJob *job);
/* A finished job, the loop's own again; NULL: none. */
LocalJob *local_worker_pop(LocalWorker *worker);
/* Frees the job, now or as soon as the thread lets go of it. Accepts NULL. */
void local_worker_abandon(LocalWorker *worker, LocalJob *job);
