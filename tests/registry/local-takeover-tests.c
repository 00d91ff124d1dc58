/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of leased 0.1.0 become a database, once: with all that was in them, whatever happens meanwhile.
 *
 * tests/registry/store-0.1.0 was written by leased 0.1.0 itself; the others are written by old-store.c.
 */
#include "local-tests.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "old-store.h"
#include "util/file-util.h"

#define ID "01234567-89ab-4cde-8f01-23456789abcd"

static void must_answer(World *world, Registry *r, const char *prefix, Reply *reply) {
        assert_int_equal(ask_list(world->event, r, prefix, reply), 0);
        if (reply->error)
                print_message("%s\n", reply->error);
        assert_int_equal(reply->outcome, REGISTRY_COMMITTED);
}

/* Three records, the highest revision that of a deletion. */
static void make_small(const Directory *d) {
        old_store_make(d->path, ID, 12);
        old_store_put(d->path, "leases/x.service", "held", 4, 9);
        old_store_put(d->path, "beats/a-3000", "", 0, 11);
        old_store_put(d->path, "odd/ \n~%", "\0\xff", 2, 10);
}

static void check_small(World *world, Registry *r) {
        _cleanup_reply_ Reply reply = {};

        must_answer(world, r, "", &reply);
        assert_string_equal(reply.store, ID);
        assert_int_equal(reply.revision, 12);
        assert_int_equal(reply.n_records, 3);
        for (size_t i = 0; i < 3; i++)
                assert_false(reply.records[i].damaged);
        assert_string_equal(reply.records[0].key, "beats/a-3000");
        assert_int_equal(reply.records[0].mod_revision, 11);
        assert_int_equal(reply.records[0].size, 0);
        assert_true(kept_is(reply.records + 1, "held"));
        assert_int_equal(reply.records[1].mod_revision, 9);
        assert_string_equal(reply.records[2].key, "odd/ \n~%");
        assert_int_equal(reply.records[2].size, 2);
        assert_memory_equal(reply.records[2].value, "\0\xff", 2);
}

static void what_0_1_0_wrote_is_taken_over_whole(void **state) {
        World *world = *state;
        Directory *d = world->store;
        Registry *r;
        _cleanup_reply_ Reply reply = {};
        char command[512], long_key[300] = "leases/";

        for (unsigned i = 0; i < 24; i++)
                str_copy(long_key + strlen(long_key), sizeof(long_key) - strlen(long_key), "very-long-");
        str_copy(long_key + strlen(long_key), sizeof(long_key) - strlen(long_key), ".service");
        (void) snprintf(command, sizeof(command), "cp -r '%s' '%s' && chmod -R u+w '%s'", STORE_0_1_0, d->path,
                        d->path);
        assert_int_equal(system(command), 0);
        r = world_open(world);
        must_answer(world, r, "", &reply);
        assert_string_equal(reply.store, "3b018ac2-c770-400c-ae8f-a7deb91d74da");
        assert_int_equal(reply.revision, 8);
        assert_int_equal(reply.n_records, 7);
        for (size_t i = 0; i < reply.n_records; i++)
                assert_false(reply.records[i].damaged);
        assert_int_equal(must_be(world, r, "leases/web.service", "{\"holder\":\"0123456789abcdef-3000\",\"index\":8}"),
                        7);
        assert_int_equal(must_be(world, r, "leases/app@a\\x2db.service", "{\"index\":2}"), 6);
        assert_int_equal(must_be(world, r, long_key, "{\"index\":9}"), 8);
        assert_int_equal(must_be(world, r, "beats/0123456789abcdef-3000", "{\"nonce\":\"0123456789abcdef-7\"}"), 4);
        assert_int_equal(must_be(world, r, "meta", "{\"uuid\":\"5a3f7c1e-1d2b-4c3a-9e8f-0123456789ab\",\"floor\":4}"),
                        1);
}

static void revisions_and_values_stay_and_the_old_files_go(void **state) {
        World *world = *state;
        Directory *d = world->store;
        Registry *r;
        _cleanup_reply_ Reply reply = {};
        _cleanup_free_ char *head = NULL;
        struct stat st;

        make_small(d);
        assert_int_equal(write_file_atomic(file_of(world, "new-0"), "half", 4, 0600, 0), 0);
        r = world_open(world);
        check_small(world, r);
        assert_int_equal(access(file_of(world, "records"), F_OK), -1);
        assert_int_equal(access(file_of(world, "new-0"), F_OK), -1);
        /* The old version wants "leased-store 1" here, or nothing, and gives no answers otherwise. */
        assert_int_equal(read_file(file_of(world, "store"), 1 << 20, &head, NULL), 0);
        assert_string_equal(head, "SQLite format 3");
        assert_int_equal(stat(file_of(world, "store"), &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
        /* Who knew a record's revision can still compare with it. */
        assert_int_equal(ask_swap(world->event, r, "leases/x.service", 9, "mine", &reply), 0);
        assert_int_equal(reply.outcome, REGISTRY_COMMITTED);
        assert_int_equal(reply.revision, 13);
}

static void what_was_damaged_is_damaged_and_never_free(void **state) {
        World *world = *state;
        Directory *d = world->store;
        Registry *r;
        const char *keys[] = { "leases/cut", "leases/folder" };
        _cleanup_reply_ Reply reply = {};
        uint64_t revision;

        make_small(d);
        assert_int_equal(write_file_atomic(file_of(world, "records/leases+cut"), "leased-record 1", 15, 0600, 0), 0);
        assert_int_equal(mkdir(file_of(world, "records/leases+folder"), 0700), 0);
        assert_int_equal(write_file_atomic(file_of(world, "records/read~me"), "not ours", 8, 0600, 0), 0);
        r = world_open(world);
        for (int i = 0; i < 3; i++) {
                assert_int_equal(ask_get(world->event, r, keys, 2, &reply), 0);
                assert_int_equal(reply.outcome, REGISTRY_COMMITTED);
                assert_true(reply.records[0].damaged && reply.records[1].damaged);
                assert_int_equal(reply.records[0].mod_revision, 12);
                must_put(world, r, "leases/other", "1");
        }
        assert_int_equal(ask_swap(world->event, r, keys[0], 0, "mine", &reply), 0);
        assert_int_equal(reply.outcome, REGISTRY_REFUSED);
        revision = reply.records[0].mod_revision;
        assert_int_equal(ask_swap(world->event, r, keys[0], revision, "mine", &reply), 0);
        assert_int_equal(reply.outcome, REGISTRY_COMMITTED);
        assert_int_equal(access(file_of(world, "records/read~me"), F_OK), 0); /* and what is nobody's stays */
}

/* Its name is cut, so whose it is stands only inside: nobody can tell which lease is not free. */
static void a_damaged_record_of_an_unknown_key_stops_the_takeover(void **state) {
        World *world = *state;
        Directory *d = world->store;
        char key[300], name[400];

        make_small(d);
        memset(key, 'x', sizeof(key) - 1);
        key[sizeof(key) - 1] = '\0';
        old_store_put(d->path, key, "long", 4, 5);
        (void) must_be(world, world_open(world), key, "long");
        world_close(world, world->handles[0]);
        assert_int_equal(unlink(file_of(world, "store")), 0);

        make_small(d);
        (void) snprintf(name, sizeof(name), "records/%.180s~%032d", key, 0);
        assert_int_equal(write_file_atomic(file_of(world, name), "?", 1, 0600, 0), 0);
        ask_in_vain(world, world_open(world), "leases/x.service", "2");
        assert_int_equal(unlink(file_of(world, name)), 0);
        check_small(world, world_open(world));
}

static void a_lost_head_is_another_store_with_all_records(void **state) {
        World *world = *state;
        Directory *d = world->store;
        _cleanup_reply_ Reply reply = {};

        make_small(d);
        assert_int_equal(unlink(file_of(world, "store")), 0);
        must_answer(world, world_open(world), "", &reply);
        assert_string_not_equal(reply.store, ID);
        assert_int_equal(reply.n_records, 3);
        assert_int_equal(reply.revision, 11);
}

static void a_head_that_is_behind_its_records_is_raised(void **state) {
        World *world = *state;
        Directory *d = world->store;
        _cleanup_reply_ Reply reply = {};

        make_small(d);
        old_store_make(d->path, ID, 3);
        must_answer(world, world_open(world), "", &reply);
        assert_string_equal(reply.store, ID);
        assert_int_equal(reply.revision, 11);
}

static void an_old_daemon_at_work_is_waited_for(void **state) {
        World *world = *state;
        Directory *d = world->store;
        Registry *r = world_open(world);
        const char *key = "leases/x.service";
        Reply reply = { .ops = r->ops };
        _cleanup_close_ int fd = -1;

        make_small(d);
        fd = open(file_of(world, "store"), O_RDWR | O_CLOEXEC);
        assert_true(fd >= 0 && flock(fd, LOCK_EX) == 0);
        assert_int_equal(r->ops->get(r, &key, 1, 300 * USEC_PER_MSEC, reply_take, &reply, &reply.request), 0);
        assert_true(world_wait(world->event, &reply.calls, 1));
        assert_int_equal(reply.outcome, REGISTRY_UNKNOWN);
        assert_true(strstr(reply.error, "lock") || strstr(reply.error, "time"));
        reply_clear(&reply);
        old_store_put(d->path, "odd/ \n~%", "\0\xff", 2, 10); /* its last words */
        assert_int_equal(flock(fd, LOCK_UN), 0);
        check_small(world, r);
}

/* Each in a process of its own. 0: it has found what check_small() asks for. */
static int open_and_check(World *world) {
        sd_event *event = NULL;
        char *error = NULL;
        Registry *r = NULL;
        Reply reply = {};

        if (sd_event_new(&event) < 0 || directory_open(world->store, event, &r, &error) < 0)
                return 1;
        if (ask_list(event, r, "", &reply) < 0 || reply.outcome != REGISTRY_COMMITTED)
                return 2;
        return reply.n_records == 3 && streq(reply.store, ID) && reply.revision == 12 ? 0 : 3;
}

static void of_many_at_once_one_takes_over(void **state) {
        World *world = *state;
        pid_t pids[8];

        for (unsigned round = 0; round < 10; round++) {
                (void) unlink(file_of(world, "store"));
                make_small(world->store);
                for (size_t i = 0; i < ELEMENTSOF(pids); i++) {
                        pids[i] = fork();
                        assert_true(pids[i] >= 0);
                        if (pids[i] == 0)
                                _exit(open_and_check(world));
                }
                for (size_t i = 0; i < ELEMENTSOF(pids); i++) {
                        int status;

                        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
                        assert_int_equal(status, 0);
                }
        }
}

static int take_over(const char *path) {
        LocalPatience patience = { .deadline = now_boottime() + PATIENCE };
        _cleanup_(local_store_freep) LocalStore *store = local_store_new(path);
        LocalResult result = {};
        int r = store ? local_store_list(store, &patience, "", 0, &result) : -ENOMEM;

        local_result_clear(&result);
        return r;
}

static void a_takeover_that_is_killed_anywhere_is_done_again_or_is_done(void **state) {
        World *world = *state;
        Directory *d = world->store;
        unsigned before = 0, after = 0, left = 0;
        bool ended = false;

        for (unsigned stop = 1; !ended; stop++) {
                _cleanup_free_ char *head = NULL;
                Registry *r;
                int status;
                pid_t pid;

                (void) unlink(file_of(world, "store"));
                make_small(d);
                pid = start_traced(take_over, d->path);
                if (pid < 0) {
                        print_message("skipped: no process can be traced here\n");
                        skip();
                }
                for (unsigned i = 0; i < stop && !ended; i++)
                        ended = !step_traced(pid, &status);
                if (!ended) {
                        assert_int_equal(kill(pid, SIGKILL), 0);
                        assert_int_equal(waitpid(pid, &status, 0), pid);
                }
                assert_int_equal(read_file(file_of(world, "store"), 1 << 20, &head, NULL), 0);
                before += startswith(head, "leased-store 1 ");
                after += streq(head, "SQLite format 3");
                left += access(file_of(world, "records"), F_OK) == 0;
                r = world_open(world);
                check_small(world, r);
                world_close(world, r);
                assert_int_equal(access(file_of(world, "records"), F_OK), -1);
        }
        assert_true(before > 0 && after > 0 && left > before);
}

/* As somebody leaves behind who puts the store aside to begin anew, or to begin with a copy. */
static void what_an_operator_has_put_beside_stays(void **state) {
        World *world = *state;
        Directory *d = world->store;
        Registry *r;

        make_small(d);
        assert_int_equal(write_file_atomic(file_of(world, "store.backup"), "kept", 4, 0600, 0), 0);
        r = world_open(world);
        check_small(world, r);
        assert_int_equal(access(file_of(world, "store.backup"), F_OK), 0);
        assert_int_equal(unlink(file_of(world, "store")), 0);
        must_put(world, world_open(world), "a", "1");
        assert_int_equal(access(file_of(world, "store.backup"), F_OK), 0);
}

static void ten_thousand_records_are_taken_over_in_time(void **state) {
        World *world = *state;
        Directory *d = world->store;
        _cleanup_reply_ Reply reply = {};
        char key[32], value[300];
        usec_t begin;

        old_store_make(d->path, ID, 1);
        memset(value, 'v', sizeof(value));
        for (unsigned i = 0; i < 10000; i++) {
                (void) snprintf(key, sizeof(key), "offers/%05u", i);
                old_store_put(d->path, key, value, sizeof(value), i + 1);
        }
        begin = now_boottime();
        must_answer(world, world_open(world), "", &reply);
        print_message("10000 records taken over and listed in %u ms\n",
                        (unsigned) ((now_boottime() - begin) / USEC_PER_MSEC));
        assert_int_equal(reply.n_records, 10000);
        assert_int_equal(reply.revision, 10000);
}

int run_takeover_tests(void) {
        const struct CMUnitTest tests[] = {
                PROMISE(what_0_1_0_wrote_is_taken_over_whole),
                PROMISE(revisions_and_values_stay_and_the_old_files_go),
                PROMISE(what_was_damaged_is_damaged_and_never_free),
                PROMISE(a_damaged_record_of_an_unknown_key_stops_the_takeover),
                PROMISE(a_lost_head_is_another_store_with_all_records),
                PROMISE(a_head_that_is_behind_its_records_is_raised),
                PROMISE(an_old_daemon_at_work_is_waited_for),
                PROMISE(of_many_at_once_one_takes_over),
                PROMISE(a_takeover_that_is_killed_anywhere_is_done_again_or_is_done),
                PROMISE(what_an_operator_has_put_beside_stays),
                PROMISE(ten_thousand_records_are_taken_over_in_time),
        };

        return cmocka_run_group_tests_name("local: takeover", tests, NULL, NULL);
}
