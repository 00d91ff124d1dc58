/* SPDX-License-Identifier: Apache-2.0 */
/* Where a local registry may lie, who may open it, and how long it waits. */
#include "local-tests.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "registry/local/directory.h"
#include "registry/local/store.h"
#include "util/file-util.h"

/* ---- where it may lie ---- */

static void network_file_systems_are_refused(void **state) {
        assert_string_equal(local_network_file_system(0x6969), "NFS");
        assert_non_null(local_network_file_system((long) 0xff534d42)); /* CIFS: negative where long has 32 bits */
        assert_non_null(local_network_file_system(0x01021997));        /* 9P: a folder of the host, in a VM */
        assert_non_null(local_network_file_system(0x65735546));        /* FUSE: sshfs, virtiofs, GlusterFS */
        assert_null(local_network_file_system(0xef53));                /* ext4 */
        assert_null(local_network_file_system(0x58465342));            /* XFS */
        assert_null(local_network_file_system(0x9123683e));            /* btrfs */
        assert_null(local_network_file_system(0x01021994));            /* tmpfs */
}

static void open_must_fail(World *world, const char *directory, int error) {
        _cleanup_free_ char *text = NULL;
        Registry *r = NULL;
        int n = registry_local.open(world->event, &(RegistryConfig){ .directory = directory }, &r, &text);

        assert_int_equal(n, error);
        assert_null(r);
        assert_non_null(text);
        assert_true(!directory || strstr(text, directory));
        assert_null(strchr(text, '\n'));
}

static void a_directory_that_cannot_be_is_refused(void **state) {
        World *world = *state;
        Directory *d = world->store;
        char path[128];

        (void) snprintf(path, sizeof(path), "%s/file", d->top);
        assert_int_equal(write_file_atomic(path, "x", 1, 0644, 0), 0);
        open_must_fail(world, path, -ENOTDIR);
        (void) snprintf(path, sizeof(path), "%s/file/registry", d->top);
        open_must_fail(world, path, -ENOTDIR);
        open_must_fail(world, "relative/registry", -EINVAL);
        open_must_fail(world, NULL, -EINVAL);
        open_must_fail(world, "/proc/leased-registry", -ENOENT);
}

static void a_directory_that_others_can_write_to_is_refused(void **state) {
        static const mode_t modes[] = { 0775, 0757, 01777, 0720 };
        World *world = *state;
        Directory *d = world->store;

        assert_int_equal(mkdir(d->path, 0700), 0);
        for (size_t i = 0; i < ELEMENTSOF(modes); i++) {
                assert_int_equal(chmod(d->path, modes[i]), 0);
                open_must_fail(world, d->path, -EPERM);
        }
        assert_int_equal(chmod(d->path, 0755), 0);
        assert_int_equal(chown(d->path, 65534, 0), 0);
        open_must_fail(world, d->path, -EPERM);
        assert_int_equal(chown(d->path, 0, 0), 0);
        must_put(world, world_open(world), "a", "1");
}

/* A refusal would stop what runs. */
static void a_directory_in_use_that_others_can_write_to_is_warned_of(void **state) {
        World *world = *state;
        Directory *d = world->store;
        _cleanup_free_ char *text = NULL;
        Registry *r = NULL;
        RegistryStatus status;

        assert_int_equal(mkdir(d->path, 0700), 0);
        assert_int_equal(chmod(d->path, 0775), 0);
        assert_int_equal(registry_local.open(world->event, &(RegistryConfig){ .directory = d->path, .in_use = true },
                                         &r, &text),
                        0);
        assert_null(text);
        registry_local.status(r, &status);
        assert_non_null(strstr(status.warning, "other users can write to it"));
        (void) registry_local.free(r);
        assert_int_equal(chmod(d->path, 0700), 0);
}

static void a_missing_directory_is_made(void **state) {
        World *world = *state;
        Directory *d = world->store;
        struct stat st;

        assert_int_equal(stat(d->path, &st), -1);
        must_put(world, world_open(world), "a", "1");
        assert_int_equal(stat(d->path, &st), 0);
        assert_true(S_ISDIR(st.st_mode));
}

static void nobody_else_can_read_or_lock_it(void **state) {
        World *world = *state;
        Directory *d = world->store;
        struct stat st;
        char path[128];

        must_put(world, world_open(world), "a", "1");
        (void) snprintf(path, sizeof(path), "%s/store", d->path);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0077, 0);
        (void) snprintf(path, sizeof(path), "%s/store-journal", d->path);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0077, 0);
}

/* Somebody had it open before it became ours alone, as with a store that was copied carelessly. */
static void a_store_that_others_could_open_is_replaced_once_it_is_locked(void **state) {
        World *world = *state;
        Directory *d = world->store;
        Registry *r = world_open(world);
        struct stat before, after;
        char path[128];
        int fd;

        must_put(world, r, "a", "1");
        (void) snprintf(path, sizeof(path), "%s/store", d->path);
        assert_int_equal(chmod(path, 0644), 0);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        assert_true(fd >= 0 && fstat(fd, &before) == 0);
        must_put(world, r, "b", "2");
        assert_int_equal(stat(path, &after), 0);
        assert_int_equal(after.st_mode & 0777, 0600);
        assert_int_not_equal(before.st_ino, after.st_ino);
        /* All locks that SQLite has, for readers and writers: the last 1 kB of the first GB. */
        assert_int_equal(fcntl(fd, F_OFD_SETLK,
                                         &(struct flock){ .l_type = F_RDLCK, .l_start = 1 << 30, .l_len = 1024 }),
                        0);
        assert_int_equal(fcntl(fd, F_OFD_SETLK, &(struct flock){ .l_type = F_RDLCK }), 0);
        must_put(world, r, "c", "3");
        (void) must_be(world, r, "a", "1");
        (void) must_be(world, r, "c", "3");
        close(fd);
}

/* Who has the journal open of a store that others could write to could have it played back into the copy. */
static void a_journal_that_others_could_write_to_goes_with_their_store(void **state) {
        static const unsigned char only_one_page[512] = { 0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63,
                0xd7, [19] = 1, [22] = 2, [26] = 16 };
        World *world = *state;
        Registry *r = world_open(world);
        struct stat before, after;
        int fd;

        must_put(world, r, "a", "1");
        assert_int_equal(chmod(file_of(world, "store"), 0666), 0);
        assert_int_equal(chmod(file_of(world, "store-journal"), 0666), 0); /* SQLite gives it the mode of the store */
        fd = open(file_of(world, "store-journal"), O_RDWR | O_CLOEXEC);
        assert_true(fd >= 0 && fstat(fd, &before) == 0);
        must_put(world, r, "b", "2");
        assert_int_equal(pwrite(fd, only_one_page, sizeof(only_one_page), 0), sizeof(only_one_page));
        (void) must_be(world, r, "a", "1");
        (void) must_be(world, r, "b", "2");
        assert_int_equal(stat(file_of(world, "store-journal"), &after), 0);
        assert_int_not_equal(before.st_ino, after.st_ino);
        assert_int_equal(after.st_mode & 0777, 0600);
        close(fd);
}

/* SQLite reads a write-ahead log that lies beside a database, whoever made it. */
static void a_log_that_others_could_write_to_goes_with_their_store(void **state) {
        static const char *const names[] = { "store-wal", "store-shm" };
        World *world = *state;
        Registry *r = world_open(world);
        struct stat st;

        must_put(world, r, "a", "1");
        world_close(world, r);
        by_hand(world, "PRAGMA journal_mode = WAL");
        assert_int_equal(chmod(file_of(world, "store"), 0666), 0);
        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                assert_int_equal(write_file_atomic(file_of(world, names[i]), "", 0, 0666, 0), 0);
        r = world_open(world);
        must_put(world, r, "b", "2");
        (void) must_be(world, r, "a", "1");
        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                assert_int_equal(lstat(file_of(world, names[i]), &st), -1);
        assert_int_equal(stat(file_of(world, "store"), &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
}

static void an_unwritable_directory_gives_no_answer(void **state) {
        World *world = *state;
        Directory *d = world->store;
        Registry *r = world_open(world);

        must_put(world, r, "a", "1");
        if (mount(d->path, d->path, "", MS_BIND, NULL) < 0)
                skip();
        d->mounted = true;
        assert_int_equal(mount("", d->path, "", MS_BIND | MS_REMOUNT | MS_RDONLY, NULL), 0);
        ask_in_vain(world, world_open(world), "b", "2");
        assert_int_equal(umount2(d->path, 0), 0);
        d->mounted = false;
        must_put(world, r, "b", "2");
}

static void a_vanished_directory_is_no_answer_and_no_empty_registry(void **state) {
        World *world = *state;
        Directory *d = world->store;
        Registry *r = world_open(world);
        char away[128];

        must_put(world, r, "a", "1");
        (void) snprintf(away, sizeof(away), "%s/away", d->top);
        assert_int_equal(rename(d->path, away), 0);
        ask_in_vain(world, r, "a", "2");
        assert_int_equal(access(d->path, F_OK), -1); /* it was not made again */
        assert_int_equal(rename(away, d->path), 0);
        (void) must_be(world, r, "a", "1");
}

static void another_directory_is_another_store(void **state) {
        World *world = *state;
        Directory *d = world->store;
        Registry *r = world_open(world);
        Seen seen = { .ops = r->ops };
        _cleanup_reply_ Reply before = {}, after = {};
        char away[128];

        must_put(world, r, "a", "1");
        assert_int_equal(ask_list(world->event, r, "", &before), 0);
        assert_int_equal(r->ops->watch(r, "", seen_take, &seen, &seen.watch), 0);
        assert_true(world_wait_seen(world->event, &seen, "a", "1"));
        (void) snprintf(away, sizeof(away), "%s/away", d->top);
        assert_int_equal(rename(d->path, away), 0);
        must_put(world, world_open(world), "b", "2");
        assert_int_equal(ask_list(world->event, r, "", &after), 0);
        assert_string_not_equal(before.store, after.store);
        assert_int_equal(after.n_records, 1);
        /* The watch starts over with the whole. */
        assert_true(world_wait_seen(world->event, &seen, "a", NULL));
        assert_true(seen.lists >= 2);
        seen_clear(&seen);
}

/* ---- time ---- */

static void a_lock_held_too_long_is_unknown_and_changes_nothing(void **state) {
        World *world = *state;
        Registry *r = world_open(world);
        RegistryRecord put = { .key = "a", .value = "2", .size = 1 };
        Reply reply = { .ops = r->ops };

        must_put(world, r, "a", "1");
        directory_freeze(world->store);
        assert_int_equal(r->ops->txn(r, &(RegistryTxn){ .puts = &put, .n_puts = 1 }, 300 * USEC_PER_MSEC, reply_take,
                                         &reply, &reply.request),
                        0);
        assert_true(world_wait(world->event, &reply.calls, 1));
        directory_thaw(world->store);
        assert_int_equal(reply.outcome, REGISTRY_UNKNOWN);
        /* The worker knows why; on a busy machine the loop, which does not wait for it, is sometimes first. */
        assert_true(strstr(reply.error, "lock") || strstr(reply.error, "time"));
        (void) must_be(world, r, "a", "1");
        reply_clear(&reply);
}

static void a_lock_that_is_held_at_the_first_question_only_delays(void **state) {
        World *world = *state;
        Registry *r = world_open(world);
        Seen seen = { .ops = r->ops };
        Reply reply = { .ops = r->ops };
        const char *key = "a";

        must_put(world, r, "a", "1");
        r = world_open(world);
        directory_freeze(world->store);
        assert_int_equal(r->ops->watch(r, "", seen_take, &seen, &seen.watch), 0);
        assert_int_equal(r->ops->get(r, &key, 1, 300 * USEC_PER_MSEC, reply_take, &reply, &reply.request), 0);
        assert_true(world_wait(world->event, &reply.calls, 1));
        assert_int_equal(reply.outcome, REGISTRY_UNKNOWN);
        directory_thaw(world->store);
        (void) must_be(world, r, "a", "1");
        assert_true(world_wait_seen(world->event, &seen, "a", "1"));
        must_put(world, r, "a", "2");
        assert_true(world_wait_seen(world->event, &seen, "a", "2"));
        assert_null(seen.broken);
        assert_int_equal(seen.lists, 1);
        reply_clear(&reply);
        seen_clear(&seen);
}

static void an_idle_loop_stays_responsive_while_the_lock_is_held(void **state) {
        World *world = *state;
        Registry *r = world_open(world);
        Reply reply = { .ops = r->ops };
        const char *key = "a";

        must_put(world, r, "a", "1");
        directory_freeze(world->store);
        assert_int_equal(r->ops->get(r, &key, 1, 500 * USEC_PER_MSEC, reply_take, &reply, &reply.request), 0);
        while (reply.calls == 0) {
                usec_t begin = now_boottime();

                assert_true(sd_event_run(world->event, 10 * USEC_PER_MSEC) >= 0);
                assert_true(now_boottime() - begin < 300 * USEC_PER_MSEC);
        }
        directory_thaw(world->store);
        reply_clear(&reply);
}

int run_place_tests(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(network_file_systems_are_refused),
                PROMISE(a_directory_that_cannot_be_is_refused),
                PROMISE(a_directory_that_others_can_write_to_is_refused),
                PROMISE(a_directory_in_use_that_others_can_write_to_is_warned_of),
                PROMISE(a_missing_directory_is_made),
                PROMISE(nobody_else_can_read_or_lock_it),
                PROMISE(a_store_that_others_could_open_is_replaced_once_it_is_locked),
                PROMISE(a_journal_that_others_could_write_to_goes_with_their_store),
                PROMISE(a_log_that_others_could_write_to_goes_with_their_store),
                PROMISE(an_unwritable_directory_gives_no_answer),
                PROMISE(a_vanished_directory_is_no_answer_and_no_empty_registry),
                PROMISE(another_directory_is_another_store),
                PROMISE(a_lock_held_too_long_is_unknown_and_changes_nothing),
                PROMISE(a_lock_that_is_held_at_the_first_question_only_delays),
                PROMISE(an_idle_loop_stays_responsive_while_the_lock_is_held),
        };

        return cmocka_run_group_tests_name("local: place", tests, NULL, NULL);
}
