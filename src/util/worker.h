/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One thread for work on a disk: any system call on a disk can hang, and the event loop must not. Work is done in the
 * order in which it was pushed. The loop's side may give work up at any time: if the work has not begun, it is never
 * done; if it has begun, it goes on, and nobody is told of its end.
 */

#include <stdatomic.h>
#include <stdbool.h>

#include "util/time-util.h"

typedef enum WorkState {
        WORK_IDLE,    /* belongs to the loop's side */
        WORK_QUEUED,  /* waits for the thread */
        WORK_RUNNING, /* belongs to the thread */
        WORK_DONE,    /* waits to be popped */
} WorkState;

/* One piece of work: the first member of a struct that says what is to be done. To be zeroed, but for f and free. */
typedef struct Work {
        struct Work *prev, *next;
        WorkState state;                            /* guarded by the worker's mutex */
        atomic_bool abandoned;                      /* nobody waits for the result any more */
        void (*f)(struct Work *work, void *shared); /* does the work, on the thread */
        void (*free)(struct Work *work);            /* frees the struct, on the thread or the loop's side */
} Work;

typedef struct Worker Worker;

/* Starts the thread. shared is passed to the f of each Work; it is taken over, also on failure, and freed by
 * free_shared when thread and worker have ended. Returns 0 or a negative errno. */
int worker_new(void *shared, void (*free_shared)(void *shared), Worker **ret);
/* Lets the thread do what is queued, and waits for its end for at most patience microseconds. Returns true if the
 * thread has ended; false: it hangs, and goes on by itself with what is shared. Work that is done and was not popped
 * is freed. Accepts NULL, returns true then. */
bool worker_free(Worker *worker, usec_t patience);

/* Gives an eventfd, owned by the worker, that becomes readable when work is done. The caller reads the eventfd, and
 * then pops until there is nothing more. */
int worker_fd(const Worker *worker);
/* Hands idle work over to the thread. Never fails. */
void worker_push(Worker *worker, Work *work);
/* Gives the first work that is done, which belongs to the loop's side again; NULL: there is none. */
Work *worker_pop(Worker *worker);
/* Takes work back that has not begun: true, and the work is idle. false: the work has begun, and nothing has changed.
 */
bool worker_take_back(Worker *worker, Work *work);
/* Gives work up in any state, and frees it: now, or if it is being done, when that ends. Accepts NULL. */
void worker_abandon(Worker *worker, Work *work);
