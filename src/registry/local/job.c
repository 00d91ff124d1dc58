/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/local/job.h"

#include <errno.h>

#include "util/file-util.h"

/* ---- on the thread ---- */

static int job_do(LocalJob *job, LocalStore *store) {
        LocalPatience patience = { .deadline = job->deadline, .abandoned = &job->work.abandoned };

        switch (job->kind) {
        case LOCAL_GET:
                return local_store_get(store, &patience, job->txn.reads, job->txn.n_reads, &job->result);
        case LOCAL_LIST:
                return local_store_list(store, &patience, job->prefix, job->newest, &job->result);
        case LOCAL_TXN:
                return local_store_txn(store, &patience, &job->txn, &job->result);
        case LOCAL_LOOK:
                return local_view_look(job->view, store, &patience, job->relist, job->inotify_fd, &job->result);
        }
        return -EINVAL;
}

static void on_work(Work *work, void *store) {
        LocalJob *job = (LocalJob *) work;

        job->error = job_do(job, store);
}

static void on_free(Work *work) {
        local_job_free((LocalJob *) work);
}

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
        job->work.f = on_work;
        job->work.free = on_free;
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

LocalJob *local_job_new_list(const char *prefix, uint64_t newest, usec_t deadline) {
        _cleanup_(local_job_freep) LocalJob *job = job_new(LOCAL_LIST, deadline);

        if (!job || !(job->prefix = strdup(prefix)))
                return NULL;
        job->newest = newest;
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
