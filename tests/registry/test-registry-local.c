/* SPDX-License-Identifier: Apache-2.0 */
/* The local registry: the conformance suite, then what only a directory can do. */
#include "conformance-util.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "registry/local-name.h"
#include "registry/local-store.h"
#include "util/file-util.h"

/* ---- the fixture ---- */

typedef struct Directory {
        char top[64], path[96];
        int lock_fd;
        bool mounted;
} Directory;

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw) {
        return remove(path);
}

static int directory_create(void **ret) {
        Directory *d = calloc(1, sizeof(Directory));

        if (!d)
                return -ENOMEM;
        d->lock_fd = -1;
        (void) snprintf(d->top, sizeof(d->top), "/tmp/test-registry-local.XXXXXX");
        if (!mkdtemp(d->top)) {
                free(d);
                return -errno;
        }
        (void) snprintf(d->path, sizeof(d->path), "%s/registry", d->top);
        *ret = d;
        return 0;
}

static void directory_thaw(void *store) {
        Directory *d = store;

        closep(&d->lock_fd);
        d->lock_fd = -1;
}

static void directory_destroy(void *store) {
        Directory *d = store;

        directory_thaw(d);
        if (d->mounted)
                (void) umount2(d->path, MNT_DETACH);
        (void) nftw(d->top, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
        free(d);
}

/* Somebody else holds the lock. */
static void directory_freeze(void *store) {
        Directory *d = store;
        char path[128];

        (void) snprintf(path, sizeof(path), "%s/store", d->path);
        d->lock_fd = open(path, O_RDWR | O_CLOEXEC);
        assert_true(d->lock_fd >= 0);
        assert_int_equal(flock(d->lock_fd, LOCK_EX), 0);
}

static int directory_open(void *store, sd_event *event, Registry **ret, char **ret_error) {
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
static const char *file_of(World *world, const char *key) {
        static char path[512];
        _cleanup_free_ char *escaped = local_escape(key);
        Directory *d = world->store;
        char name[LOCAL_NAME_SIZE];

        assert_non_null(escaped);
        local_name(escaped, name);
        (void) snprintf(path, sizeof(path), "%s/records/%s", d->path, name);
        return path;
}

/* ---- names ---- */

static void file_names_are_readable_and_stay_inside(void **state) {
        static const struct {
                const char *key, *name;
        } table[] = {
                { "leases/foo@1.service", "leases+foo@1.service" },
                { "leases/a\\x2db.service", "leases+a\\x2db.service" },
                { "meta", "meta" },
                { "..", "%2E." },
                { "../../etc/passwd", "%2E.+..+etc+passwd" },
                { "/etc/passwd", "+etc+passwd" },
                { ".hidden", "%2Ehidden" },
                { "a+b", "a%2Bb" },
                { "a%2Bb", "a%252Bb" },
                { "a~", "a%7E" },
                { "\xc3\xa4\n", "%C3%A4%0A" },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_free_ char *escaped = local_escape(table[i].key), *key = NULL;
                char name[LOCAL_NAME_SIZE];

                local_name(escaped, name);
                assert_string_equal(name, table[i].name);
                assert_int_equal(local_unescape(name, &key), 1);
                assert_string_equal(key, table[i].key);
        }
}

static void any_byte_comes_back_from_a_file_name(void **state) {
        for (int a = 1; a < 256; a++)
                for (int b = 1; b < 256; b++) {
                        char key[] = { (char) a, (char) b, (char) a, '\0' }, name[LOCAL_NAME_SIZE];
                        _cleanup_free_ char *escaped = local_escape(key), *back = NULL;

                        local_name(escaped, name);
                        assert_null(strchr(name, '/'));
                        assert_true(name[0] != '.');
                        assert_int_equal(local_unescape(name, &back), 1);
                        assert_string_equal(back, key);
                }
}

static void other_file_names_are_nobodys(void **state) {
        static const char *const names[] = { "", "foo~", "%", "%4", "%41", "%zz", "%2e", "%00", ".foo", "a b", "#x#" };

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                _cleanup_free_ char *key = NULL;

                assert_int_equal(local_unescape(names[i], &key), 0);
                assert_null(key);
        }
}

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
        (void) snprintf(path, sizeof(path), "%s/records", d->path);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0077, 0);
}

static void ask_in_vain(World *world, Registry *r, const char *key, const char *text) {
        _cleanup_reply_ Reply reply = {};

        assert_int_equal(ask_swap(world->event, r, key, 0, text, &reply), 0);
        assert_int_equal(reply.outcome, REGISTRY_UNKNOWN);
        assert_non_null(reply.error);
        assert_non_null(strstr(reply.error, ((Directory *) world->store)->path));
}

static void an_unwritable_directory_gives_no_answer(void **state) {
        World *world = *state;
        Directory *d = world->store;
        Registry *r = world_open(world);

        must_put(world, r, "a", "1");
        if (mount(d->path, d->path, NULL, MS_BIND, NULL) < 0)
                skip();
        d->mounted = true;
        assert_int_equal(mount(NULL, d->path, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL), 0);
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
                                         &reply, &reply.request), 0);
        assert_true(world_wait(world->event, &reply.calls, 1));
        directory_thaw(world->store);
        assert_int_equal(reply.outcome, REGISTRY_UNKNOWN);
        assert_non_null(strstr(reply.error, "lock"));
        (void) must_be(world, r, "a", "1");
        reply_clear(&reply);
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
                /* Neither as absent nor at its revision, old or as told, can it be taken. */
                assert_int_equal(ask_swap(world->event, r, key, 0, "mine", &reply), 0);
                assert_int_equal(reply.outcome, REGISTRY_REFUSED);
                assert_true(reply.records[0].damaged);
                revision = reply.records[0].mod_revision;
                assert_int_equal(ask_swap(world->event, r, key, revision, "mine", &reply), 0);
                assert_int_equal(reply.outcome, REGISTRY_REFUSED);
        }
        assert_int_equal(unlink(file_of(world, key)), 0);
        (void) must_be(world, r, key, NULL);
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
        static const char *const heads[] = { "x", "leased-store 1 none", "leased-store 2 \n" };
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

/* ---- a writer that is killed ---- */

/* Always the same three in one Txn, and one deleted and made again, until it is killed. */
static void write_for_ever(World *world, int started) {
        sd_event *event = NULL;
        _cleanup_free_ char *error = NULL;
        Registry *r = NULL;

        if (sd_event_new(&event) < 0 || directory_open(world->store, event, &r, &error) < 0)
                _exit(1);
        for (unsigned i = 0;; i++) {
                Reply reply = {};
                char text[16];
                RegistryRecord puts[] = { { .key = "leases/x", .value = text }, { .key = "beats/x", .value = text },
                        { .key = "fences/x", .value = text } };
                const char *delete = "requests/x";
                RegistryTxn txn = { .puts = puts, .n_puts = 3, .deletes = &delete, .n_deletes = i % 2 };

                puts[0].size = puts[1].size = puts[2].size = (size_t) snprintf(text, sizeof(text), "%08x", i);
                if (ask_txn(event, r, &txn, &reply) < 0 || reply.outcome != REGISTRY_COMMITTED)
                        _exit(1);
                if (i == 0 && write(started, "x", 1) != 1)
                        _exit(1);
                reply_clear(&reply);
        }
}

static void a_killed_writer_leaves_a_prefix_of_its_txn(void **state) {
        World *world = *state;
        Registry *r = world_open(world);
        const char *keys[] = { "fences/x", "beats/x", "leases/x" };
        uint64_t last = 0;
        unsigned halves = 0;

        for (unsigned round = 0; round < 60; round++) {
                _cleanup_reply_ Reply reply = {};
                int pipes[2], status;
                uint64_t at[3];
                pid_t pid;
                char c;

                assert_int_equal(pipe(pipes), 0);
                pid = fork();
                assert_true(pid >= 0);
                if (pid == 0)
                        write_for_ever(world, pipes[1]);
                (void) close(pipes[1]);
                assert_int_equal(read(pipes[0], &c, 1), 1);
                (void) close(pipes[0]);
                /* Some more Txns, so that the kill comes at any point of one. */
                for (unsigned i = 0; i < round % 7; i++) {
                        assert_int_equal(ask_list(world->event, r, "", &reply), 0);
                        assert_int_equal(reply.outcome, REGISTRY_COMMITTED);
                }
                assert_int_equal(kill(pid, SIGKILL), 0);
                assert_int_equal(waitpid(pid, &status, 0), pid);
                assert_true(WIFSIGNALED(status));

                assert_int_equal(ask_get(world->event, r, keys, 3, &reply), 0);
                assert_int_equal(reply.outcome, REGISTRY_COMMITTED);
                assert_true(reply.revision >= last);
                for (unsigned i = 0; i < 3; i++) {
                        assert_false(reply.records[i].damaged);
                        at[i] = reply.records[i].mod_revision;
                        assert_true(at[i] > 0 && at[i] <= reply.revision);
                }
                /* Fences first, then beats, then leases: each is at least as new as the next. */
                assert_true(at[0] >= at[1] && at[1] >= at[2]);
                halves += at[0] != at[2];
                last = must_put(world, r, "requests/x", "again");
                assert_true(last > at[0]);
        }
        print_message("%u of 60 kills fell between two renames\n", halves);
}

static void concurrent_first_users_agree_on_one_store(void **state) {
        World *world = *state;
        pid_t pids[8];
        int pipes[2];
        char ids[ELEMENTSOF(pids)][LOCAL_STORE_ID_SIZE];

        assert_int_equal(pipe(pipes), 0);
        for (size_t i = 0; i < ELEMENTSOF(pids); i++) {
                pids[i] = fork();
                assert_true(pids[i] >= 0);
                if (pids[i] == 0) {
                        LocalPatience patience = { .deadline = now_boottime() + PATIENCE };
                        char *error = NULL;
                        LocalResult result = {};
                        Directory *d = world->store;
                        LocalStore *store = local_store_new(d->path);

                        if (!store || local_directory_prepare(d->path, &error) < 0 ||
                            local_store_list(store, &patience, "", &result) < 0)
                                _exit(1);
                        _exit(write(pipes[1], result.store, sizeof(result.store)) != sizeof(result.store));
                }
        }
        (void) close(pipes[1]);
        for (size_t i = 0; i < ELEMENTSOF(pids); i++) {
                int status;

                assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
                assert_int_equal(status, 0);
                assert_int_equal(read(pipes[0], ids[i], sizeof(ids[i])), sizeof(ids[i]));
                assert_string_equal(ids[i], ids[0]);
        }
        (void) close(pipes[0]);
        assert_int_equal(strlen(ids[0]), LOCAL_STORE_ID_SIZE - 1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(file_names_are_readable_and_stay_inside),
                cmocka_unit_test(any_byte_comes_back_from_a_file_name),
                cmocka_unit_test(other_file_names_are_nobodys),
                cmocka_unit_test(network_file_systems_are_refused),
                PROMISE(a_directory_that_cannot_be_is_refused),
                PROMISE(a_missing_directory_is_made),
                PROMISE(nobody_else_can_read_or_lock_it),
                PROMISE(an_unwritable_directory_gives_no_answer),
                PROMISE(a_vanished_directory_is_no_answer_and_no_empty_registry),
                PROMISE(another_directory_is_another_store),
                PROMISE(a_lock_held_too_long_is_unknown_and_changes_nothing),
                PROMISE(an_idle_loop_stays_responsive_while_the_lock_is_held),
                PROMISE(a_damaged_record_is_there_and_is_never_free),
                PROMISE(damage_shows_in_the_status_until_it_is_mended),
                PROMISE(what_is_no_file_is_damaged),
                PROMISE(a_copied_file_is_not_another_record),
                PROMISE(strange_files_are_let_be),
                PROMISE(a_damaged_store_is_no_answer),
                PROMISE(a_watch_sees_what_was_done_by_hand),
                PROMISE(the_revision_never_goes_back),
                PROMISE(a_lost_head_is_another_store_with_all_records),
                PROMISE(a_full_disk_changes_nothing_and_ends),
                PROMISE(concurrent_first_users_agree_on_one_store),
                PROMISE(a_killed_writer_leaves_a_prefix_of_its_txn),
        };

        /* The suite goes first: it says which fixture the tests above are set up with. */
        return conformance_run(&fixture) + cmocka_run_group_tests_name("local", tests, NULL, NULL);
}
