/* SPDX-License-Identifier: Apache-2.0 */
/* Containers that share one directory, a process that stands still, and many records. */
#include "local-tests.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
        CONTAINERS = 2,
        STEPS = 60,
        MANY = 10000,
};

/* ---- containers ---- */

/* Counts the record up to STEPS, against the other one. */
static int count_up(const char *path, int *ret_won) {
        _cleanup_(local_store_freep) LocalStore *store = local_store_new(path);
        const char *key = "leases/x";
        int r = 0;

        for (*ret_won = 0; r == 0;) {
                LocalPatience patience = { .deadline = now_boottime() + PATIENCE };
                LocalResult read = {}, swap = {};
                unsigned value = 0;
                char text[16];

                r = local_store_get(store, &patience, &key, 1, &read);
                if (r == 0 && read.records[0].value && sscanf(read.records[0].value, "%u", &value) != 1)
                        r = -EBADMSG;
                if (r == 0 && value >= STEPS) {
                        local_result_clear(&read);
                        return 0;
                }
                if (r == 0) {
                        RegistryCompare compare = { .key = key, .mod_revision = read.records[0].mod_revision };
                        RegistryRecord put = { .key = key, .value = text };

                        put.size = (size_t) snprintf(text, sizeof(text), "%u", value + 1);
                        r = local_store_txn(store, &patience,
                                        &(RegistryTxn){ .compares = &compare,
                                                        .n_compares = 1,
                                                        .puts = &put,
                                                        .n_puts = 1 },
                                        &swap);
                        *ret_won += r == 0 && !swap.refused;
                }
                local_result_clear(&read);
                local_result_clear(&swap);
        }
        return r;
}

/* In mount and PID namespaces of its own, where the directory is another one's by a bind mount. */
static int container(const char *path, unsigned number) {
        char mine[128];
        int won, status;
        pid_t pid;

        (void) snprintf(mine, sizeof(mine), "%s.container-%u", path, number);
        if (unshare(CLONE_NEWNS | CLONE_NEWPID) < 0)
                return 200;
        pid = fork(); /* the first of its PID namespace */
        if (pid == 0) {
                if (mkdir(mine, 0755) < 0 || mount("", "/", "", MS_REC | MS_PRIVATE, NULL) < 0 ||
                                mount(path, mine, "", MS_BIND, NULL) < 0 || getpid() != 1)
                        _exit(200);
                _exit(count_up(mine, &won) < 0 ? 201 : won);
        }
        if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
                return 202;
        return WEXITSTATUS(status);
}

static void of_containers_that_share_the_directory_one_wins_each_step(void **state) {
        World *world = *state;
        Directory *d = world->store;
        pid_t pids[CONTAINERS];
        char text[16];
        int sum = 0;

        must_put(world, world_open(world), "leases/x", "0");
        for (unsigned i = 0; i < CONTAINERS; i++) {
                pids[i] = fork();
                assert_true(pids[i] >= 0);
                if (pids[i] == 0)
                        _exit(container(d->path, i));
        }
        for (unsigned i = 0; i < CONTAINERS; i++) {
                int status;

                assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
                assert_true(WIFEXITED(status));
                if (WEXITSTATUS(status) == 200) {
                        print_message("skipped: no namespaces can be made here\n");
                        skip();
                }
                assert_true(WEXITSTATUS(status) <= STEPS);
                sum += WEXITSTATUS(status);
        }
        assert_int_equal(sum, STEPS);
        (void) snprintf(text, sizeof(text), "%d", STEPS);
        (void) must_be(world, world->handles[0], "leases/x", text);
}

/* ---- a process that is stopped ---- */

/* Locks the database, as in the middle of a Txn with one record written and not committed, and stands still. */
static void stop_with_the_lock(World *world, const char *lock) {
        sqlite3 *db;
        char path[128];

        (void) snprintf(path, sizeof(path), "%s/store", ((Directory *) world->store)->path);
        if (sqlite3_open(path, &db) != SQLITE_OK || sqlite3_exec(db, lock, NULL, NULL, NULL) != SQLITE_OK)
                _exit(1);
        (void) raise(SIGSTOP);
        _exit(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK);
}

/* Nobody knows what the stopped one will do when it goes on, so there is no answer: not "refused", and never "free".
 */
static void a_stopped_process_with_a_lock_is_no_answer_until_it_goes_on_or_dies(void **state) {
        static const char *const locks[] = {
                "BEGIN; SELECT * FROM records",
                "BEGIN IMMEDIATE; INSERT OR REPLACE INTO records VALUES ('leases/late', 100, x'31', 0)",
                "BEGIN EXCLUSIVE; INSERT OR REPLACE INTO records VALUES ('leases/late', 100, x'31', 0)",
        };
        World *world = *state;
        Registry *r = world_open(world);
        RegistryRecord put = { .key = "leases/x", .value = "2", .size = 1 };

        for (unsigned round = 0; round < 2 * ELEMENTSOF(locks); round++) {
                bool dies = round % 2;
                Reply reply = { .ops = r->ops };
                usec_t begin;
                int status;
                pid_t pid;

                must_put(world, r, "leases/x", "1");
                pid = fork();
                assert_true(pid >= 0);
                if (pid == 0)
                        stop_with_the_lock(world, locks[round / 2]);
                assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
                assert_true(WIFSTOPPED(status));

                begin = now_boottime();
                assert_int_equal(r->ops->txn(r, &(RegistryTxn){ .puts = &put, .n_puts = 1 }, 300 * USEC_PER_MSEC,
                                                 reply_take, &reply, &reply.request),
                                0);
                assert_true(world_wait(world->event, &reply.calls, 1));
                assert_true(now_boottime() - begin < 5 * USEC_PER_SEC);
                assert_int_equal(reply.outcome, REGISTRY_UNKNOWN);
                assert_true(strstr(reply.error, "lock") || strstr(reply.error, "time"));
                reply_clear(&reply);

                assert_int_equal(kill(pid, dies ? SIGKILL : SIGCONT), 0);
                assert_int_equal(waitpid(pid, &status, 0), pid);
                assert_true(dies ? WIFSIGNALED(status) : status == 0);
                /* No answer says nothing about the Txn: the lock may have been free while the Txn could still be
                 * carried out. It is never carried out after a later one. */
                assert_int_equal(ask_get(world->event, r, &put.key, 1, &reply), 0);
                assert_int_equal(reply.outcome, REGISTRY_COMMITTED);
                assert_true(kept_is(reply.records, "1") || kept_is(reply.records, "2"));
                reply_clear(&reply);
                must_put(world, r, "leases/x", "3");
                (void) must_be(world, r, "leases/x", "3");
                if (!dies && round / 2 > 0)
                        by_hand(world, "DELETE FROM records WHERE key = 'leases/late'");
                (void) must_be(world, r, "leases/late", NULL);
        }
}

/* ---- many records ---- */

static usec_t now_thread(void) {
        struct timespec t;

        assert_int_equal(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t), 0);
        return (usec_t) t.tv_sec * USEC_PER_SEC + (usec_t) t.tv_nsec / 1000;
}

static void fill(World *world, Registry *r) {
        static char keys[REGISTRY_TXN_MAX][32], value[300];
        RegistryRecord puts[REGISTRY_TXN_MAX];

        memset(value, 'v', sizeof(value));
        for (unsigned n = 0; n < MANY;) {
                _cleanup_reply_ Reply reply = {};
                size_t i;

                for (i = 0; i < REGISTRY_TXN_MAX && n < MANY; i++, n++) {
                        (void) snprintf(keys[i], sizeof(keys[i]), "offers/%05u", n);
                        puts[i] = (RegistryRecord){ .key = keys[i], .value = value, .size = sizeof(value) };
                }
                assert_int_equal(ask_txn(world->event, r, &(RegistryTxn){ .puts = puts, .n_puts = i }, &reply), 0);
                assert_int_equal(reply.outcome, REGISTRY_COMMITTED);
        }
}

static void a_watch_of_many_records_reads_only_what_has_changed(void **state) {
        World *world = *state;
        Directory *d = world->store;
        Registry *r = world_open(world);
        LocalPatience patience = { .deadline = USEC_INFINITY };
        _cleanup_(local_store_freep) LocalStore *store = local_store_new(d->path);
        _cleanup_(local_view_freep) LocalView *view = local_view_new("");
        LocalResult result = {};
        usec_t begin, whole, idle, changed = 0;

        fill(world, r);
        begin = now_thread();
        assert_int_equal(local_view_look(view, store, &patience, false, -1, &result), 0);
        whole = now_thread() - begin;
        assert_int_equal(result.n_records, MANY);
        local_result_clear(&result);
        begin = now_thread();
        assert_int_equal(local_view_look(view, store, &patience, false, -1, &result), 0);
        idle = now_thread() - begin;
        assert_int_equal(result.n_records, 0);
        local_result_clear(&result);
        for (unsigned i = 0; i < 10; i++) {
                must_put(world, r, "offers/05000", "new");
                begin = now_thread();
                assert_int_equal(local_view_look(view, store, &patience, false, -1, &result), 0);
                changed += now_thread() - begin;
                assert_false(result.listed);
                assert_int_equal(result.n_records, 1);
                local_result_clear(&result);
        }
        print_message("of %d records: all %u us, nothing new %u us, one new %u us\n", MANY, (unsigned) whole,
                        (unsigned) idle, (unsigned) (changed / 10));
        assert_true(changed / 10 < whole / 20);
        assert_true(idle < whole / 20);
}

int run_share_tests(void) {
        const struct CMUnitTest tests[] = {
                PROMISE(of_containers_that_share_the_directory_one_wins_each_step),
                PROMISE(a_stopped_process_with_a_lock_is_no_answer_until_it_goes_on_or_dies),
                PROMISE(a_watch_of_many_records_reads_only_what_has_changed),
        };

        return cmocka_run_group_tests_name("local: shared", tests, NULL, NULL);
}
