/* SPDX-License-Identifier: Apache-2.0 */
/* Records and databases that were cut, edited, removed, lost or put back, and a disk that is full. */
#include "local-tests.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/file-util.h"

/* ---- damage ---- */

enum {
        DAMAGES = 9,
};

/* What somebody has done to the record with the sqlite3 program, or a disk that forgot. */
static void damage(World *world, const char *key, int how) {
        static const char *const changes[DAMAGES] = {
                "value = x''",
                "value = substr(value, 1, length(value) - 2)",
                "value = zeroblob(length(value))",
                "value = CAST(substr(value, 1, length(value) - 1) || 'X' AS BLOB)",
                "revision = revision + 1",
                "value = CAST(value || 'x' AS BLOB)",
                "crc = crc + 1",
                "crc = NULL",
                "value = NULL",
        };
        char sql[256];

        (void) snprintf(sql, sizeof(sql), "UPDATE records SET %s WHERE key = '%s'", changes[how], key);
        by_hand(world, sql);
}

static void a_damaged_record_is_there_and_is_never_free(void **state) {
        World *world = *state;
        Registry *r = world_open(world);
        const char *key = "leases/x";

        for (int how = 0; how < DAMAGES; how++) {
                uint64_t revision = must_put(world, r, key, "held by somebody");
                _cleanup_reply_ Reply reply = {};

                must_put(world, r, "leases/y", "well");
                damage(world, key, how);
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
        by_hand(world, "DELETE FROM records WHERE key = 'leases/x'");
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
        damage(world, key, 3);
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
        damage(world, key, 5);
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
        damage(world, "leases/x", 3);
        assert_int_equal(ask_list(world->event, r, "leases/", &reply), 0);
        r->ops->status(r, &status);
        assert_non_null(strstr(status.warning, "leases/x"));
        assert_int_equal(status.state, REGISTRY_OK);
        must_put(world, r, "leases/x", "2");
        (void) must_be(world, r, "leases/x", "2");
        r->ops->status(r, &status);
        assert_string_equal(status.warning, "");
}

static void what_is_no_file_is_no_answer(void **state) {
        World *world = *state;
        Registry *r = world_open(world);
        Directory *d = world->store;
        char away[128], path[128];

        must_put(world, r, "leases/well", "1");
        (void) snprintf(path, sizeof(path), "%s/store", d->path);
        (void) snprintf(away, sizeof(away), "%s/away", d->top);
        assert_int_equal(rename(path, away), 0);
        assert_int_equal(mkdir(path, 0755), 0);
        ask_in_vain(world, r, "leases/well", "2");
        ask_in_vain(world, world_open(world), "leases/well", "2");
        assert_int_equal(rmdir(path), 0);
        assert_int_equal(mkfifo(path, 0600), 0);
        ask_in_vain(world, r, "leases/well", "2");
        ask_in_vain(world, world_open(world), "leases/well", "2");
        assert_int_equal(unlink(path), 0);
        assert_int_equal(symlink(away, path), 0);
        ask_in_vain(world, r, "leases/well", "2");
        ask_in_vain(world, world_open(world), "leases/well", "2");
        assert_int_equal(unlink(path), 0);
        assert_int_equal(rename(away, path), 0);
        (void) must_be(world, r, "leases/well", "1");
}

static void a_copied_row_is_not_another_record(void **state) {
        World *world = *state;
        Registry *r = world_open(world);
        const char *key = "leases/copy";
        _cleanup_reply_ Reply reply = {};

        must_put(world, r, "leases/x", "1");
        by_hand(world, "INSERT INTO records SELECT 'leases/copy', revision, value, crc FROM records");
        assert_int_equal(ask_get(world->event, r, &key, 1, &reply), 0);
        assert_true(reply.records[0].damaged);
        must_put(world, r, "leases/y", "2");
        by_hand(world, "UPDATE records SET key = 'leases/z' WHERE key = 'leases/y'");
        (void) must_be(world, r, "leases/y", NULL);
        key = "leases/z";
        assert_int_equal(ask_get(world->event, r, &key, 1, &reply), 0);
        assert_true(reply.records[0].damaged);
}

static void strange_files_and_rows_are_let_be(void **state) {
        World *world = *state;
        Registry *r = world_open(world);
        _cleanup_reply_ Reply reply = {};

        must_put(world, r, "leases/x", "1");
        assert_int_equal(write_file_atomic(file_of(world, "store~"), "backup", 6, 0644, 0), 0);
        assert_int_equal(write_file_atomic(file_of(world, ".store.swp"), "editor", 6, 0644, 0), 0);
        by_hand(world, "PRAGMA ignore_check_constraints = ON;"
                       "INSERT INTO records VALUES ('leases/x' || char(0) || 'y', 7, x'00', 0), ('', 8, x'00', 0);"
                       "INSERT INTO records VALUES ('leases/' || hex(zeroblob(300)), 9, x'00', 0);"
                       "CREATE TABLE notes(text); INSERT INTO notes VALUES ('not ours')");
        assert_int_equal(ask_list(world->event, r, "", &reply), 0);
        assert_int_equal(reply.outcome, REGISTRY_COMMITTED);
        assert_int_equal(reply.n_records, 1);
        (void) must_be(world, r, "leases/x", "1");
        ask_in_vain(world, world_open(world), "leases/x", "2"); /* rows that cannot be, and so a damaged database */
}

/* Such a row is damaged, and its megabytes are not read. */
static void a_value_that_is_too_large_is_damaged(void **state) {
        World *world = *state;
        Registry *r = world_open(world);
        _cleanup_reply_ Reply reply = {};

        must_put(world, r, "leases/x", "1");
        must_put(world, r, "leases/y", "2");
        by_hand(world, "PRAGMA ignore_check_constraints = ON;"
                       "UPDATE records SET value = zeroblob(50000000) WHERE key = 'leases/x'");
        assert_int_equal(ask_list(world->event, r, "leases/", &reply), 0);
        assert_int_equal(reply.outcome, REGISTRY_COMMITTED);
        assert_int_equal(reply.n_records, 2);
        assert_true(reply.records[0].damaged);
        assert_true(kept_is(reply.records + 1, "2"));
        must_put(world, r, "leases/x", "3");
        (void) must_be(world, r, "leases/x", "3");
}

/* What there is no memory for is not absent, and not damaged either. */
static void want_of_memory_is_no_answer(void **state) {
        World *world = *state;
        Registry *r = world_open(world);
        _cleanup_free_ char *big = calloc(1, 200000);
        RegistryRecord put = { .key = "leases/big", .value = big, .size = 200000 };
        unsigned unknown = 0, well = 0;
        _cleanup_reply_ Reply reply = {};

        memset(big, 'x', 200000);
        assert_int_equal(ask_txn(world->event, r, &(RegistryTxn){ .puts = &put, .n_puts = 1 }, &reply), 0);
        for (int fresh = 0; fresh < 2; fresh++)
                for (sqlite3_int64 room = 1000; room < 2000000; room += room / 8) {
                        if (fresh) {
                                world_close(world, r);
                                r = world_open(world);
                        }
                        (void) sqlite3_hard_heap_limit64(sqlite3_memory_used() + room);
                        assert_int_equal(ask_list(world->event, r, "leases/", &reply), 0);
                        (void) sqlite3_hard_heap_limit64(0);
                        unknown += reply.outcome == REGISTRY_UNKNOWN;
                        well += reply.outcome == REGISTRY_COMMITTED;
                        if (reply.outcome == REGISTRY_COMMITTED) {
                                assert_int_equal(reply.n_records, 1);
                                assert_false(reply.records[0].damaged);
                                assert_int_equal(reply.records[0].size, 200000);
                        }
                }
        assert_true(unknown > 0 && well > 0);
}

/* ---- the database ---- */

static void a_damaged_store_is_no_answer(void **state) {
        static const char *const heads[] = { "x", "leased-store 1 none", "leased-store 2 \n",
                "leased-store 1 0123\x1b[31m7-0123-0123-0123-0123456789ab                    7\n",
                "leased-store 1 01234567-0123-0123-0123-0123456789ab 18446744073709551615\n", "SQLite format 3" };
        World *world = *state;
        Registry *r = world_open(world);
        _cleanup_free_ char *head = NULL;
        size_t size;

        must_put(world, r, "a", "1");
        assert_int_equal(read_file(file_of(world, "store"), 1 << 20, &head, &size), 0);
        for (size_t i = 0; i < ELEMENTSOF(heads); i++) {
                assert_int_equal(write_file_atomic(file_of(world, "store"), heads[i], strlen(heads[i]), 0600, 0), 0);
                ask_in_vain(world, r, "a", "2");
                ask_in_vain(world, world_open(world), "a", "2");
        }
        assert_int_equal(write_file_atomic(file_of(world, "store"), head, size, 0600, 0), 0);
        (void) must_be(world, r, "a", "1");
}

/* Cut in place, as a file system that lost the data leaves the file, while it is open. */
static void a_database_that_was_cut_is_no_answer(void **state) {
        World *world = *state;
        Registry *r = world_open(world);
        _cleanup_free_ char *whole = NULL;
        size_t size;

        must_put(world, r, "a", "1");
        assert_int_equal(read_file(file_of(world, "store"), 1 << 20, &whole, &size), 0);
        for (size_t left = 0; left < size; left += 4096) {
                assert_int_equal(truncate(file_of(world, "store"), (off_t) left), 0);
                ask_in_vain(world, r, "a", "2");
                if (left > 0) /* of one that is empty, a machine that comes anew makes another store */
                        ask_in_vain(world, world_open(world), "a", "2");
                assert_int_equal(write_file_atomic(file_of(world, "store"), whole, size, 0600, 0), 0);
                (void) must_be(world, r, "a", "1");
        }
}

static void a_database_of_others_is_no_answer(void **state) {
        static const struct {
                const char *harm, *mend;
        } table[] = {
                { "PRAGMA application_id = 1", "PRAGMA application_id = 1819501924" },
                { "PRAGMA user_version = 3", "PRAGMA user_version = 2" },
                { "CREATE TABLE saved AS SELECT * FROM store; DELETE FROM store",
                                "INSERT INTO store SELECT * FROM saved; DROP TABLE saved" },
                { "INSERT INTO store VALUES ('other', 0)", "DELETE FROM store WHERE id = 'other'" },
                { "UPDATE store SET id = id || 'x'", "UPDATE store SET id = substr(id, 1, 36)" },
                { "UPDATE store SET since = -1", "UPDATE store SET since = 0" },
                { "UPDATE store SET since = 9223372036854775807", "UPDATE store SET since = 0" },
                { "DROP INDEX by_revision; ALTER TABLE records RENAME TO old_records",
                                "ALTER TABLE old_records RENAME TO records;"
                                "CREATE INDEX by_revision ON records(revision)" },
        };
        World *world = *state;
        Registry *r = world_open(world);

        must_put(world, r, "a", "1");
        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                by_hand(world, table[i].harm);
                if (i > 1) /* who has opened it before knows whose it is */
                        ask_in_vain(world, r, "a", "2");
                ask_in_vain(world, world_open(world), "a", "2");
                by_hand(world, table[i].mend);
                (void) must_be(world, r, "a", "1");
        }
        must_put(world, r, "a", "2");
}

/* Counts no answer, damaged records, sound ones, and absent ones; asserts that no other record is told. */
static void count_outcome(World *world, Registry *r, unsigned counts[static 4]) {
        static const char *const keys[] = { "leases/a", "leases/b" };
        _cleanup_reply_ Reply reply = {};

        assert_int_equal(ask_get(world->event, r, keys, 2, &reply), 0);
        counts[0] += reply.outcome == REGISTRY_UNKNOWN;
        for (size_t i = 0; i < reply.n_records; i++)
                if (reply.records[i].damaged)
                        counts[1]++;
                else if (kept_is(reply.records + i, i ? "two" : "one"))
                        counts[2]++;
                else if (reply.records[i].mod_revision == 0)
                        counts[3]++;
                else
                        fail_msg("a record is another, and nobody was told");
}

/* A bad disk or bad memory: each byte of the file once, and each time everything is opened anew. */
static void a_byte_that_is_another_changes_no_record_unseen(void **state) {
        World *world = *state;
        Registry *r = world_open(world);
        _cleanup_free_ char *image = NULL;
        unsigned counts[4] = {};
        size_t size;

        must_put(world, r, "leases/a", "one");
        must_put(world, r, "leases/b", "two");
        world_close(world, r);
        assert_int_equal(read_file(file_of(world, "store"), 1 << 20, &image, &size), 0);
        for (size_t at = 0; at < size; at++) {
                if (image[at] == 0 && at % 16) /* most are empty space */
                        continue;
                image[at] ^= 0x11;
                assert_int_equal(write_file_atomic(file_of(world, "store"), image, size, 0600, 0), 0);
                image[at] ^= 0x11;
                r = world_open(world);
                count_outcome(world, r, counts);
                world_close(world, r);
        }
        print_message("no answer %u, damaged %u, as it was %u\n", counts[0], counts[1], counts[2]);
        assert_true(counts[0] > 0 && counts[1] > 0 && counts[2] > 0);
        assert_int_equal(counts[3], 0);
}

static void a_copy_that_was_put_back_has_an_older_revision(void **state) {
        World *world = *state;
        Registry *r = world_open(world);
        _cleanup_free_ char *copy = NULL;
        _cleanup_reply_ Reply reply = {};
        size_t size;
        uint64_t last;

        for (int in_place = 0; in_place < 2; in_place++) {
                Seen seen = { .ops = r->ops };

                must_put(world, r, "a", "old");
                free(TAKE_PTR(copy));
                assert_int_equal(read_file(file_of(world, "store"), 1 << 20, &copy, &size), 0);
                must_put(world, r, "b", "new");
                last = must_put(world, r, "a", "new");
                assert_int_equal(r->ops->watch(r, "", seen_take, &seen, &seen.watch), 0);
                assert_true(world_wait_seen(world->event, &seen, "a", "new"));
                if (in_place) { /* as cp does */
                        _cleanup_close_ int fd = open(file_of(world, "store"), O_WRONLY | O_TRUNC | O_CLOEXEC);

                        assert_int_equal(write_all(fd, copy, size), 0);
                } else
                        assert_int_equal(write_file_atomic(file_of(world, "store"), copy, size, 0600, 0), 0);
                assert_true(world_wait_seen(world->event, &seen, "a", "old"));
                assert_true(seen.lists >= 2);
                assert_int_equal(ask_list(world->event, r, "", &reply), 0);
                assert_int_equal(reply.outcome, REGISTRY_COMMITTED);
                assert_true(reply.revision < last);
                (void) must_be(world, r, "b", in_place ? "new" : NULL);
                must_put(world, r, "b", "new");
                seen.broken = NULL;
                seen_clear(&seen);
        }
}

static void a_write_ahead_log_that_somebody_wants_is_given_up(void **state) {
        World *world = *state;
        Registry *r = world_open(world);

        must_put(world, r, "a", "1");
        world_close(world, r);
        by_hand(world, "PRAGMA journal_mode = WAL; CREATE TABLE notes(text)");
        r = world_open(world);
        (void) must_be(world, r, "a", "1");
        must_put(world, r, "a", "2");
        assert_int_equal(access(file_of(world, "store-wal"), F_OK), -1);
        by_hand(world, "DROP TABLE notes");
        (void) must_be(world, r, "a", "2");
}

/* ---- the watch ---- */

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
        by_hand(world, "DELETE FROM records WHERE key = 'leases/x'");
        assert_true(world_wait_seen(world->event, &seen, "leases/x", NULL));
        damage(world, "leases/y", 3);
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
        char path[512];

        must_put(world, r, "leases/x", "1");
        assert_int_equal(r->ops->watch(r, "", seen_take, &seen, &seen.watch), 0);
        assert_true(world_wait_seen(world->event, &seen, "leases/x", "1"));
        /* More than the kernel keeps for us (fs.inotify.max_queued_events is 16384), while the loop does not look. */
        str_copy(path, sizeof(path), file_of(world, ".flood"));
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
        Registry *r = world_open(world);
        uint64_t last;

        must_put(world, r, "a", "1");
        must_put(world, r, "a", "2");
        last = must_put(world, r, "b", "3");
        world_close(world, r);
        by_hand(world, "UPDATE store SET since = 0");
        r = world_open(world);
        assert_int_equal(must_be(world, r, "b", "3"), last);
        assert_true(must_put(world, r, "c", "4") > last);
        /* A deletion leaves its revision behind, also one by hand. */
        last = must_delete(world, r, "c");
        must_delete(world, r, "b");
        world_close(world, r);
        r = world_open(world);
        last = must_put(world, r, "a", "5");
        by_hand(world, "DELETE FROM records");
        by_hand(world, "DELETE FROM records"); /* the second one removes what the deletions have left */
        assert_true(must_put(world, r, "a", "6") > last);
        (void) must_be(world, r, "a", "6");
}

/* What somebody has set near the end of all numbers leaves room for what comes after. */
static void a_revision_beyond_belief_is_not_kept(void **state) {
        static const char *const changes[] = {
                "UPDATE records SET revision = 9223372036854775806 WHERE key = 'a'",
                "UPDATE records SET revision = 9007199254740992 WHERE key = 'a'",
                "INSERT OR REPLACE INTO records(key, revision, value, crc) VALUES ('a', 9223372036854775807, x'78', "
                "1)",
                "INSERT INTO records(key, revision) VALUES ('c', 9223372036854775807)",
        };
        World *world = *state;
        Registry *r = world_open(world);
        uint64_t last;

        for (size_t i = 0; i < ELEMENTSOF(changes); i++) {
                last = must_put(world, r, "a", "1");
                by_hand(world, changes[i]);
                assert_true(must_put(world, r, "b", "2") < last + 10);
                assert_true(must_put(world, r, "a", "3") > last);
                (void) must_be(world, world_open(world), "a", "3");
        }
}

/* Deletions are forgotten after a while, and no revision with them. */
static void forgotten_deletions_are_a_gap(void **state) {
        World *world = *state;
        Registry *r = world_open(world);
        Seen seen = { .ops = r->ops };
        uint64_t last;

        must_put(world, r, "gone", "1");
        must_put(world, r, "kept", "1");
        assert_int_equal(r->ops->watch(r, "", seen_take, &seen, &seen.watch), 0);
        assert_true(world_wait_seen(world->event, &seen, "kept", "1"));
        must_delete(world, r, "gone");
        /* Far in the future, while the watch does not look. */
        by_hand(world, "UPDATE records SET revision = 20000 WHERE key = 'kept'");
        last = must_put(world, r, "other", "1");
        assert_true(must_delete(world, r, "other") > last);
        by_hand(world, "CREATE TABLE counted AS SELECT count(*) AS n FROM records WHERE key = 'gone';"
                       "CREATE TABLE one(n CHECK (n = 0)); INSERT INTO one SELECT n FROM counted");
        must_put(world, r, "last", "1");
        assert_true(world_wait_seen(world->event, &seen, "last", "1"));
        assert_null(kept_find(seen.records, seen.n_records, "gone"));
        assert_true(must_put(world, r, "gone", "2") > last);
        seen_clear(&seen);
}

static void a_lost_database_is_another_store(void **state) {
        World *world = *state;
        Registry *r = world_open(world);
        _cleanup_reply_ Reply before = {}, after = {};

        (void) must_put(world, r, "a", "1");
        assert_int_equal(ask_list(world->event, r, "", &before), 0);
        assert_int_equal(unlink(file_of(world, "store")), 0);
        ask_in_vain(world, r, "a", "2"); /* who has known it does not begin anew */
        world_close(world, r);
        r = world_open(world);
        assert_int_equal(ask_list(world->event, r, "", &after), 0);
        assert_string_not_equal(before.store, after.store);
        (void) must_be(world, r, "a", NULL);
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
                PROMISE(what_is_no_file_is_no_answer),
                PROMISE(a_copied_row_is_not_another_record),
                PROMISE(strange_files_and_rows_are_let_be),
                PROMISE(a_value_that_is_too_large_is_damaged),
                PROMISE(want_of_memory_is_no_answer),
                PROMISE(a_damaged_store_is_no_answer),
                PROMISE(a_database_that_was_cut_is_no_answer),
                PROMISE(a_database_of_others_is_no_answer),
                PROMISE(a_byte_that_is_another_changes_no_record_unseen),
                PROMISE(a_copy_that_was_put_back_has_an_older_revision),
                PROMISE(a_write_ahead_log_that_somebody_wants_is_given_up),
                PROMISE(a_watch_sees_what_was_done_by_hand),
                PROMISE(a_flood_of_hints_is_a_new_list),
                PROMISE(the_revision_never_goes_back),
                PROMISE(a_revision_beyond_belief_is_not_kept),
                PROMISE(forgotten_deletions_are_a_gap),
                PROMISE(a_lost_database_is_another_store),
                PROMISE(a_full_disk_changes_nothing_and_ends),
        };

        return cmocka_run_group_tests_name("local: damage", tests, NULL, NULL);
}
