/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a local registry's worker does on its thread (util/worker.h): a read, a Txn, or the look of a watch at what has
 * changed.
 */

#include "registry/local/view.h"
#include "util/worker.h"

typedef enum LocalJobKind {
        LOCAL_GET,
        LOCAL_LIST,
        LOCAL_TXN,
        LOCAL_LOOK,
} LocalJobKind;

typedef struct LocalJob {
        Work work;
        LocalJobKind kind;
        void *userdata; /* for the loop's side alone; the thread does not look at it */

        usec_t deadline; /* CLOCK_BOOTTIME: how long others may be waited for */
        char *prefix;    /* of LIST */
        uint64_t newest; /* of LIST: only records that were not put after this revision, without values; 0: all */
        RegistryTxn txn; /* of TXN; of GET only .reads. All that it points to is owned */
        LocalView *view; /* of LOOK */
        bool relist;     /* of LOOK: the whole list is wanted */
        int inotify_fd;  /* of LOOK; owned; -1: none */

        int error; /* the outcome: 0 or a negative errno, then with result.error */
        LocalResult result;
} LocalJob;

/* Each makes a job, owned by the caller, with copies of what it is given. deadline: CLOCK_BOOTTIME. NULL: out of
 * memory. */
LocalJob *local_job_new_get(const char *const *keys, size_t n, usec_t deadline);
LocalJob *local_job_new_list(const char *prefix, uint64_t newest, usec_t deadline);
LocalJob *local_job_new_txn(const RegistryTxn *txn, usec_t deadline);
/* Takes the descriptor over (-1: none), also on failure. */
LocalJob *local_job_new_look(const char *prefix, int inotify_fd);
/* Frees a job that the worker does not have; others are given up by worker_abandon(). */
LocalJob *local_job_free(LocalJob *job);
