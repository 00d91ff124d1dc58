/* SPDX-License-Identifier: Apache-2.0 */
/* The local registry: the conformance suite, then what only a directory can do. */
#include "local-tests.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <unistd.h>

#include "registry/local/name.h"
#include "util/file-util.h"

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw) {
        return remove(path);
}

static int directory_create(void **ret) {
        Directory *d = calloc(1, sizeof(Directory));

        if (!d)
                return -ENOMEM;
        d->lock_fd = d->thaw_fd = -1;
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

        closep(&d->lock_fd);
        d->lock_fd = -1;
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

/* Somebody else holds the lock. */
void directory_freeze(void *store) {
        Directory *d = store;
        char path[128];

        (void) snprintf(path, sizeof(path), "%s/store", d->path);
        d->lock_fd = open(path, O_RDWR | O_CLOEXEC);
        assert_true(d->lock_fd >= 0);
        assert_int_equal(flock(d->lock_fd, LOCK_EX), 0);
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

/* The file of a record. */
const char *file_of(World *world, const char *key) {
        static char path[512];
        _cleanup_free_ char *escaped = local_escape(key);
        Directory *d = world->store;
        char name[LOCAL_NAME_SIZE];

        assert_non_null(escaped);
        local_name(escaped, name);
        (void) snprintf(path, sizeof(path), "%s/records/%s", d->path, name);
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
        return conformance_run(&fixture) + run_place_tests() + run_damage_tests() + run_crash_tests();
}
