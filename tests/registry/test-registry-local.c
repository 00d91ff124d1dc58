/* SPDX-License-Identifier: Apache-2.0 */
/* The local registry: the conformance suite, then what only a directory can do. */
#include "local-tests.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <unistd.h>

#include "util/file-util.h"

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw) {
        return remove(path);
}

static int directory_create(void **ret) {
        Directory *d = calloc(1, sizeof(Directory));

        if (!d)
                return -ENOMEM;
        d->thaw_fd = -1;
        (void) snprintf(d->top, sizeof(d->top), "/tmp/test-registry-local.XXXXXX");
        if (!mkdtemp(d->top)) {
                free(d);
                return -errno;
        }
        (void) snprintf(d->path, sizeof(d->path), "%s/registry", d->top);
        *ret = d;
        return 0;
}

void directory_thaw(void *store) {
        Directory *d = store;

        (void) sqlite3_close(d->lock);
        d->lock = NULL;
}

static void directory_destroy(void *store) {
        Directory *d = store;

        directory_thaw(d);
        closep(&d->thaw_fd);
        if (d->mounted)
                (void) umount2(d->path, MNT_DETACH);
        (void) nftw(d->top, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
        free(d);
}

static sqlite3 *open_database(const Directory *d) {
        sqlite3 *db = NULL;
        char path[128];

        (void) snprintf(path, sizeof(path), "%s/store", d->path);
        assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL), SQLITE_OK);
        (void) sqlite3_busy_timeout(db, 10000);
        return db;
}

/* Somebody else holds the lock. */
void directory_freeze(void *store) {
        Directory *d = store;

        d->lock = open_database(d);
        assert_int_equal(sqlite3_exec(d->lock, "BEGIN EXCLUSIVE", NULL, NULL, NULL), SQLITE_OK);
}

void by_hand(World *world, const char *sql) {
        sqlite3 *db = open_database(world->store);
        char *error = NULL;

        if (sqlite3_exec(db, sql, NULL, NULL, &error) != SQLITE_OK)
                fail_msg("%s: %s", sql, error);
        assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

int directory_open(void *store, sd_event *event, Registry **ret, char **ret_error) {
        Directory *d = store;

        return registry_local.open(event, &(RegistryConfig){ .directory = d->path }, ret, ret_error);
}

static const RegistryFixture fixture = {
        .ops = &registry_local,
        .create = directory_create,
        .destroy = directory_destroy,
        .open = directory_open,
        .freeze = directory_freeze,
        .thaw = directory_thaw,
};

const char *file_of(World *world, const char *name) {
        static char path[512];

        (void) snprintf(path, sizeof(path), "%s/%s", ((Directory *) world->store)->path, name);
        return path;
}

void ask_in_vain(World *world, Registry *r, const char *key, const char *text) {
        _cleanup_reply_ Reply reply = {};

        assert_int_equal(ask_swap(world->event, r, key, 0, text, &reply), 0);
        assert_int_equal(reply.outcome, REGISTRY_UNKNOWN);
        assert_non_null(reply.error);
        assert_non_null(strstr(reply.error, ((Directory *) world->store)->path));
}

int main(void) {
        /* What is mounted here goes with us. */
        if (unshare(CLONE_NEWNS) == 0)
                (void) mount("", "/", "", MS_REC | MS_PRIVATE, NULL);

        /* The suite goes first: it says which fixture the others are set up with. */
        return conformance_run(&fixture) + run_place_tests() + run_damage_tests() + run_crash_tests() +
               run_takeover_tests() + run_share_tests();
}
