/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One thread for work on a disk, which can hang in any system call while the loop must not. Work is done in the order
 * in which it was pushed. The loop's side may give it up at any time: what has not begun never will, and what has
 * begun goes on without anybody to tell.
 */

#include <stdatomic.h>
#include <stdbool.h>

#include "util/time-util.h"

typedef enum WorkState {
        WORK_IDLE, /* the loop's own */
        WORK_QUEUED,
        WORK_RUNNING,
        WORK_DONE, /* to be popped */
} WorkState;

/* The first member of whatever is to be done. */
typedef struct Work {
        struct Work *prev, *next;
        WorkState state;                            /* guarded by the worker's mutex */
        atomic_bool abandoned;                      /* nobody waits for the result any more */
        void (*f)(struct Work *work, void *shared); /* on the thread */
        void (*free)(struct Work *work);            /* on either side */
} Work;

typedef struct Worker Worker;

/* Starts the thread. shared is handed to each Work, and freed when the thread has ended; also on failure. 0 or a
 * negative errno. */
int worker_new(void *shared, void (*free_shared)(void *shared), Worker **ret);
/* Lets the thread do what is queued, and waits so long for its end. A thread that hangs is left to itself, with what
 * is shared; then false is returned. Accepts NULL. Work that is done and was not popped is freed. */
bool worker_free(Worker *worker, usec_t patience);

/* An eventfd, readable when there is something to pop; the worker's. */
int worker_fd(const Worker *worker);
/* Hands over idle work, which must have f and free set. */
void worker_push(Worker *worker, Work *work);
/* A finished one, the loop's own again; NULL: none. */
Work *worker_pop(Worker *worker);
/* Takes work back that has not begun. Returns false where it has; then it is left where it is. */
bool worker_take_back(Worker *worker, Work *work);
/* Frees the work, now or as soon as the thread lets go of it. Accepts NULL. */
void worker_abandon(Worker *worker, Work *work);
