/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a local registry's worker does on its thread (util/worker.h): a question, a Txn, or a look at what has changed.
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
        void *userdata; /* the loop's; the thread does not look at it */

        usec_t deadline;
        char *prefix;    /* LIST */
        uint64_t newest; /* LIST: only what was not put after that revision, without values; 0: all */
        RegistryTxn txn; /* TXN; of a GET .reads: everything in it is owned */
        LocalView *view; /* LOOK */
        bool relist;
        int inotify_fd; /* owned; -1: none */

        int error; /* 0 or a negative errno */
        LocalResult result;
} LocalJob;

/* Copies what is asked. NULL: out of memory. */
LocalJob *local_job_new_get(const char *const *keys, size_t n, usec_t deadline);
LocalJob *local_job_new_list(const char *prefix, uint64_t newest, usec_t deadline);
LocalJob *local_job_new_txn(const RegistryTxn *txn, usec_t deadline);
/* Takes the descriptor over, also on failure. */
LocalJob *local_job_new_look(const char *prefix, int inotify_fd);
/* Only of one that the worker does not have. */
LocalJob *local_job_free(LocalJob *job);
