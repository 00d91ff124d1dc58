/* SPDX-License-Identifier: Apache-2.0 */
/* Files that were cut, edited, removed or lost, and a disk that is full. */
#include "local-tests.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/file-util.h"

/* ---- damage ---- */

static void damage(const char *path, int how) {
        _cleanup_close_ int fd = open(path, O_RDWR | O_CLOEXEC);
        struct stat st;
        char c;

        assert_true(fd >= 0);
        assert_int_equal(fstat(fd, &st), 0);
        switch (how) {
        case 0:
                assert_int_equal(ftruncate(fd, 0), 0);
                break;
        case 1:
                assert_int_equal(ftruncate(fd, st.st_size - 2), 0);
                break;
        case 2: /* zeros, as a file system that lost the data leaves them */
                assert_int_equal(ftruncate(fd, 0), 0);
                assert_int_equal(ftruncate(fd, st.st_size), 0);
                break;
        case 3: /* one bit of the value */
                assert_int_equal(pread(fd, &c, 1, st.st_size - 2), 1);
                c ^= 1;
                assert_int_equal(pwrite(fd, &c, 1, st.st_size - 2), 1);
                break;
        case 4: /* the revision: a digit is another */
                assert_int_equal(pread(fd, &c, 1, 25), 1);
                c = c == '9' ? '8' : (char) (c + 1);
                assert_int_equal(pwrite(fd, &c, 1, 25), 1);
                break;
        default: /* appended to */
                assert_int_equal(pwrite(fd, "x", 1, st.st_size), 1);
        }
}

static void a_damaged_record_is_there_and_is_never_free(void **state) {
        World *world = *state;
        Registry *r = world_open(world);
        const char *key = "leases/x";

        for (int how = 0; how < 6; how++) {
                uint64_t revision = must_put(world, r, key, "held by somebody");
                _cleanup_reply_ Reply reply = {};

                must_put(world, r, "leases/y", "well");
                damage(file_of(world, key), how);
                assert_int_equal(ask_get(world->event, r, &key, 1, &reply), 0);
                assert_int_equal(reply.outcome, REGISTRY_COMMITTED);
                assert_true(reply.records[0].damaged);
                assert_null(reply.records[0].value);
                assert_true(reply.records[0].mod_revision >= revision);
                assert_int_equal(ask_list(world->event, r, "leases/", &reply), 0);
                assert_int_equal(reply.n_records, 2);
                assert_true(reply.records[0].damaged);
                assert_false(reply.records[1].damaged);
                /* As absent it cannot be taken. At the revision that is told it can: what is there was not changed
                 * since. */
                assert_int_equal(ask_swap(world->event, r, key, 0, "mine", &reply), 0);
                assert_int_equal(reply.outcome, REGISTRY_REFUSED);
                assert_true(reply.records[0].damaged);
                revision = reply.records[0].mod_revision;
                assert_int_equal(ask_swap(world->event, r, key, revision - 1, "mine", &reply), 0);
                assert_int_equal(reply.outcome, REGISTRY_REFUSED);
                assert_int_equal(ask_swap(world->event, r, key, revision, "mine", &reply), 0);
                assert_int_equal(reply.outcome, REGISTRY_COMMITTED);
                (void) must_be(world, r, key, "mine");
        }
        assert_int_equal(unlink(file_of(world, key)), 0);
        (void) must_be(world, r, key, NULL);
}

/* Whoever waits for a beat to move, or for its holder's end, sees a damaged one stand still while others write. */
static void a_damaged_record_keeps_its_revision_until_it_is_another(void **state) {
        World *world = *state;
        Registry *r = world_open(world);
        const char *key = "beats/x";
        uint64_t first, again;
        Reply reply = {};

        must_put(world, r, key, "alive");
        damage(file_of(world, key), 3);
        for (int i = 0; i < 3; i++) {
                assert_int_equal(i % 2 ? ask_list(world->event, r, "beats/", &reply)
                                       : ask_get(world->event, r, &key, 1, &reply),
                                0);
                assert_true(reply.records[0].damaged);
                again = reply.records[0].mod_revision;
                reply_clear(&reply);
                first = i == 0 ? again : first;
                assert_int_equal(again, first);
                must_put(world, r, "leases/y", "well");
        }
        damage(file_of(world, key), 5);
        assert_int_equal(ask_get(world->event, r, &key, 1, &reply), 0);
        assert_true(reply.records[0].damaged);
        assert_true(reply.records[0].mod_revision > first);
        reply_clear(&reply);
}

static void damage_shows_in_the_status_until_it_is_mended(void **state) {
        World *world = *state;
        Registry *r = world_open(world);
        RegistryStatus status = {};
        _cleanup_reply_ Reply reply = {};

        must_put(world, r, "leases/x", "1");
        r->ops->status(r, &status);
        assert_string_equal(status.warning, "");
        damage(file_of(world, "leases/x"), 3);
        assert_int_equal(ask_list(world->event, r, "leases/", &reply), 0);
        r->ops->status(r, &status);
        assert_non_null(strstr(status.warning, "leases/x"));
        assert_int_equal(status.state, REGISTRY_OK);
        must_put(world, r, "leases/x", "2");
        (void) must_be(world, r, "leases/x", "2");
        r->ops->status(r, &status);
        assert_string_equal(status.warning, "");
}

static void what_is_no_file_is_damaged(void **state) {
        World *world = *state;
        Registry *r = world_open(world);
        const char *keys[] = { "leases/directory", "leases/fifo", "leases/link" };
        _cleanup_reply_ Reply reply = {};

        must_put(world, r, "leases/well", "1");
        assert_int_equal(mkdir(file_of(world, keys[0]), 0755), 0);
        assert_int_equal(mkfifo(file_of(world, keys[1]), 0644), 0);
        assert_int_equal(symlink("leases+well", file_of(world, keys[2])), 0);
        assert_int_equal(ask_get(world->event, r, keys, 3, &reply), 0);
        assert_int_equal(reply.outcome, REGISTRY_COMMITTED);
        for (unsigned i = 0; i < 3; i++)
                assert_true(reply.records[i].damaged);
        assert_int_equal(rmdir(file_of(world, keys[0])), 0);
}

static void a_copied_file_is_not_another_record(void **state) {
        World *world = *state;
        Registry *r = world_open(world);
        const char *key = "leases/copy";
        _cleanup_reply_ Reply reply = {};
        char from[512];

        must_put(world, r, "leases/x", "1");
        (void) snprintf(from, sizeof(from), "%s", file_of(world, "leases/x"));
        assert_int_equal(link(from, file_of(world, key)), 0);
        assert_int_equal(ask_get(world->event, r, &key, 1, &reply), 0);
        assert_true(reply.records[0].damaged);
}

static void strange_files_are_let_be(void **state) {
        World *world = *state;
        Registry *r = world_open(world);
        Directory *d = world->store;
        _cleanup_reply_ Reply reply = {};
        char path[256];

        must_put(world, r, "leases/x", "1");
        (void) snprintf(path, sizeof(path), "%s/records/leases+x~", d->path);
        assert_int_equal(write_file_atomic(path, "backup", 6, 0644, 0), 0);
        (void) snprintf(path, sizeof(path), "%s/records/.swp", d->path);
        assert_int_equal(write_file_atomic(path, "editor", 6, 0644, 0), 0);
        assert_int_equal(ask_list(world->event, r, "", &reply), 0);
        assert_int_equal(reply.outcome, REGISTRY_COMMITTED);
        assert_int_equal(reply.n_records, 1);
}

static void a_damaged_store_is_no_answer(void **state) {
        static const char *const heads[] = { "x", "leased-store 1 none", "leased-store 2 \n",
                "leased-store 1 0123\x1b[31m7-0123-0123-0123-0123456789ab                    7\n",
                "leased-store 1 01234567-0123-0123-0123-0123456789ab 18446744073709551615\n" };
        World *world = *state;
        Registry *r = world_open(world);
        Directory *d = world->store;
        char path[128];
        _cleanup_free_ char *head = NULL;
        size_t size;

        must_put(world, r, "a", "1");
        (void) snprintf(path, sizeof(path), "%s/store", d->path);
        assert_int_equal(read_file(path, 4096, &head, &size), 0);
        for (size_t i = 0; i < ELEMENTSOF(heads); i++) {
                assert_int_equal(write_file_atomic(path, heads[i], strlen(heads[i]), 0600, 0), 0);
                ask_in_vain(world, r, "a", "2");
                ask_in_vain(world, world_open(world), "a", "2");
        }
        assert_int_equal(write_file_atomic(path, head, size, 0600, 0), 0);
        (void) must_be(world, r, "a", "1");
}

static void a_watch_sees_what_was_done_by_hand(void **state) {
        World *world = *state;
        Registry *r = world_open(world);
        Seen seen = { .ops = r->ops };
        const Kept *kept;
        usec_t deadline = now_boottime() + PATIENCE;

        must_put(world, r, "leases/x", "1");
        must_put(world, r, "leases/y", "2");
        assert_int_equal(r->ops->watch(r, "", seen_take, &seen, &seen.watch), 0);
        assert_true(world_wait_seen(world->event, &seen, "leases/y", "2"));
        assert_int_equal(unlink(file_of(world, "leases/x")), 0);
        assert_true(world_wait_seen(world->event, &seen, "leases/x", NULL));
        damage(file_of(world, "leases/y"), 3);
        do {
                assert_true(now_boottime() < deadline);
                assert_true(sd_event_run(world->event, 100 * USEC_PER_MSEC) >= 0);
                kept = kept_find(seen.records, seen.n_records, "leases/y");
        } while (!kept || !kept->damaged);
        assert_int_equal(seen.lists, 1);
        seen_clear(&seen);
}

static void a_flood_of_hints_is_a_new_list(void **state) {
        World *world = *state;
        Registry *r = world_open(world);
        Seen seen = { .ops = r->ops };
        Directory *d = world->store;
        char path[128];

        must_put(world, r, "leases/x", "1");
        assert_int_equal(r->ops->watch(r, "", seen_take, &seen, &seen.watch), 0);
        assert_true(world_wait_seen(world->event, &seen, "leases/x", "1"));
        /* More than the kernel keeps for us (fs.inotify.max_queued_events is 16384), while the loop does not look. */
        (void) snprintf(path, sizeof(path), "%s/records/.flood", d->path);
        for (unsigned i = 0; i < 20000; i++) {
                int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

                assert_true(fd >= 0);
                (void) close(fd);
                assert_int_equal(unlink(path), 0);
        }
        assert_true(world_wait(world->event, &seen.lists, 2));
        must_put(world, r, "leases/x", "2");
        assert_true(world_wait_seen(world->event, &seen, "leases/x", "2"));
        assert_null(seen.broken);
        seen_clear(&seen);
}

/* ---- revisions ---- */

static void the_revision_never_goes_back(void **state) {
        World *world = *state;
        Directory *d = world->store;
        Registry *r = world_open(world);
        _cleanup_free_ char *head = NULL;
        uint64_t last;
        char path[128];
        size_t size;

        must_put(world, r, "a", "1");
        (void) snprintf(path, sizeof(path), "%s/store", d->path);
        assert_int_equal(read_file(path, 4096, &head, &size), 0);
        must_put(world, r, "a", "2");
        last = must_put(world, r, "b", "3");
        /* A power cut: the records are on the disk, the head of the store is as it was. */
        world_close(world, r);
        assert_int_equal(write_file_atomic(path, head, size, 0600, 0), 0);
        r = world_open(world);
        assert_int_equal(must_be(world, r, "b", "3"), last);
        assert_true(must_put(world, r, "c", "4") > last);
        /* After a deletion only the head knows. */
        last = must_delete(world, r, "c");
        must_delete(world, r, "b");
        world_close(world, r);
        assert_true(must_put(world, world_open(world), "a", "5") > last + 1);
}

static void a_lost_head_is_another_store_with_all_records(void **state) {
        World *world = *state;
        Directory *d = world->store;
        Registry *r = world_open(world);
        _cleanup_reply_ Reply before = {}, after = {};
        uint64_t revision;
        char path[128];

        revision = must_put(world, r, "a", "1");
        assert_int_equal(ask_list(world->event, r, "", &before), 0);
        world_close(world, r);
        (void) snprintf(path, sizeof(path), "%s/store", d->path);
        assert_int_equal(unlink(path), 0);
        r = world_open(world);
        assert_int_equal(ask_list(world->event, r, "", &after), 0);
        assert_string_not_equal(before.store, after.store);
        assert_true(after.revision >= revision);
        assert_int_equal(must_be(world, r, "a", "1"), revision);
}

/* ---- a full disk ---- */

static void a_full_disk_changes_nothing_and_ends(void **state) {
        World *world = *state;
        Directory *d = world->store;
        Registry *r;
        RegistryRecord puts[2] = { { .key = "leases/a", .value = "new", .size = 3 } };
        const char *gone = "leases/big";
        _cleanup_reply_ Reply reply = {};
        _cleanup_free_ char *big = calloc(1, REGISTRY_VALUE_MAX);

        assert_int_equal(mkdir(d->path, 0755), 0);
        if (mount("tmpfs", d->path, "tmpfs", 0, "size=1m,mode=0755") < 0) {
                print_message("skipped: no tmpfs can be mounted here: %s\n", strerror(errno));
                skip();
        }
        d->mounted = true;
        r = world_open(world);
        must_put(world, r, "leases/a", "old");
        for (unsigned i = 0;; i++) {
                char key[32];

                (void) snprintf(key, sizeof(key), "leases/big%.*u", i > 0, i);
                puts[1] = (RegistryRecord){ .key = key, .value = big, .size = REGISTRY_VALUE_MAX };
                assert_int_equal(ask_txn(world->event, r, &(RegistryTxn){ .puts = puts + 1, .n_puts = 1 }, &reply), 0);
                if (reply.outcome == REGISTRY_UNKNOWN)
                        break;
                assert_true(i < 8);
        }
        assert_non_null(strstr(reply.error, strerror(ENOSPC)));
        /* Neither of two records is written when there is room for one. */
        puts[1].key = "leases/more";
        assert_int_equal(ask_txn(world->event, r, &(RegistryTxn){ .puts = puts, .n_puts = 2 }, &reply), 0);
        assert_int_equal(reply.outcome, REGISTRY_UNKNOWN);
        (void) must_be(world, r, "leases/a", "old");
        (void) must_be(world, r, "leases/more", NULL);
        /* What frees room still works, and then all does. */
        assert_int_equal(ask_txn(world->event, r, &(RegistryTxn){ .deletes = &gone, .n_deletes = 1 }, &reply), 0);
        assert_int_equal(reply.outcome, REGISTRY_COMMITTED);
        must_put(world, r, "leases/a", "newer");
        world_close(world, r);
}

int run_damage_tests(void) {
        const struct CMUnitTest tests[] = {
                PROMISE(a_damaged_record_is_there_and_is_never_free),
                PROMISE(a_damaged_record_keeps_its_revision_until_it_is_another),
                PROMISE(damage_shows_in_the_status_until_it_is_mended),
                PROMISE(what_is_no_file_is_damaged),
                PROMISE(a_copied_file_is_not_another_record),
                PROMISE(strange_files_are_let_be),
                PROMISE(a_damaged_store_is_no_answer),
                PROMISE(a_watch_sees_what_was_done_by_hand),
                PROMISE(a_flood_of_hints_is_a_new_list),
                PROMISE(the_revision_never_goes_back),
                PROMISE(a_lost_head_is_another_store_with_all_records),
                PROMISE(a_full_disk_changes_nothing_and_ends),
        };

        return cmocka_run_group_tests_name("local: damage", tests, NULL, NULL);
}
