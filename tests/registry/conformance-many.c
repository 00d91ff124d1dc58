/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several at once: what makes a registry worth having. Contenders are handles in one process and in forked ones; each
 * round of compare-and-swap has exactly one winner, and nobody sees half a Txn.
 */
#include "conformance-util.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
        CHILDREN = 4,
        ROUNDS = 60,
};

static void of_handles_that_ask_at_once_one_wins(void **state) {
        World *world = *state;
        Registry *r[8];
        const char *key = "leases/x";
        uint64_t revision = must_put(world, world_open(world), key, "start");

        for (size_t i = 0; i < ELEMENTSOF(r); i++)
                r[i] = world_open(world);
        for (unsigned round = 0; round < 10; round++) {
                Reply replies[ELEMENTSOF(r)] = {};
                unsigned winners = 0;
                char text[16];

                for (unsigned i = 0; i < ELEMENTSOF(r); i++) {
                        RegistryCompare compare = { key, revision };
                        RegistryRecord put = { .key = key, .value = text };

                        put.size = (size_t) snprintf(text, sizeof(text), "%u", i);
                        replies[i].ops = world->ops;
                        assert_int_equal(world->ops->txn(r[i],
                                                         &(RegistryTxn){ .compares = &compare,
                                                                         .n_compares = 1,
                                                                         .puts = &put,
                                                                         .n_puts = 1 },
                                                         PATIENCE, reply_take, replies + i, &replies[i].request),
                                        0);
                }
                for (unsigned i = 0; i < ELEMENTSOF(r); i++) {
                        assert_true(world_wait(world->event, &replies[i].calls, 1));
                        assert_int_not_equal(replies[i].outcome, REGISTRY_UNKNOWN);
                        if (replies[i].outcome == REGISTRY_COMMITTED) {
                                winners++;
                                revision = replies[i].revision;
                                (void) snprintf(text, sizeof(text), "%u", i);
                        }
                }
                assert_int_equal(winners, 1);
                assert_int_equal(must_be(world, r[0], key, text), revision);
                for (unsigned i = 0; i < ELEMENTSOF(r); i++)
                        reply_clear(replies + i);
        }
}

/* Takes an answer as slowly as a core that arms fifty units for it. */
static void take_slowly(const RegistryAnswer *answer, void *userdata) {
        usec_t until = usec_add(now_boottime(), 3 * USEC_PER_MSEC);

        reply_take(answer, userdata);
        while (now_boottime() < until)
                ;
}

static unsigned count_calls(const Reply *replies, size_t n) {
        unsigned calls = 0;

        for (size_t i = 0; i < n; i++)
                calls += replies[i].calls;
        return calls;
}

/* However many answers have come, other sources of the loop have their turns in between. */
static void slow_takers_of_many_answers_hold_no_turn_for_long(void **state) {
        World *world = *state;
        Registry *r = world_open(world);
        Reply replies[30] = {};
        const char *key = "leases/x";
        usec_t end = usec_add(now_boottime(), PATIENCE);

        (void) must_put(world, r, key, "text");
        for (size_t i = 0; i < ELEMENTSOF(replies); i++) {
                replies[i].ops = world->ops;
                assert_int_equal(world->ops->get(r, &key, 1, PATIENCE, take_slowly, replies + i, &replies[i].request),
                                0);
        }
        for (unsigned calls = 0, before; (before = calls) < ELEMENTSOF(replies);) {
                assert_true(now_boottime() < end);
                assert_true(sd_event_run(world->event, USEC_PER_SEC) >= 0);
                calls = count_calls(replies, ELEMENTSOF(replies));
                assert_in_range(calls - before, 0, 2);
        }
        for (size_t i = 0; i < ELEMENTSOF(replies); i++)
                reply_clear(replies + i);
}

/* ---- processes ---- */

/* Runs f in CHILDREN processes; asserts that all return 0 or more, and returns the sum. */
static unsigned in_processes(World *world, int (*f)(World *world, sd_event *event, Registry *r, unsigned number)) {
        pid_t pids[CHILDREN];
        int pipes[2];
        unsigned sum = 0;
        bool well = true;

        assert_int_equal(pipe(pipes), 0);
        for (unsigned i = 0; i < CHILDREN; i++) {
                pids[i] = fork();
                assert_true(pids[i] >= 0);
                if (pids[i] == 0) {
                        _cleanup_free_ char *error = NULL;
                        sd_event *event = NULL;
                        Registry *r = NULL;
                        int result;

                        (void) close(pipes[0]);
                        result = sd_event_new(&event);
                        if (result >= 0)
                                result = world->fixture->open(world->store, event, &r, &error);
                        if (result >= 0)
                                result = f(world, event, r, i);
                        if (r)
                                world->ops->free(r);
                        sd_event_unref(event);
                        _exit(write(pipes[1], &result, sizeof(result)) == sizeof(result) && result >= 0 ? 0 : 1);
                }
        }
        (void) close(pipes[1]);
        for (unsigned i = 0; i < CHILDREN; i++) {
                int result = -EPIPE, status;

                if (read(pipes[0], &result, sizeof(result)) != sizeof(result) || result < 0) {
                        print_message("a process failed: %s\n", strerror(-result));
                        well = false;
                } else
                        sum += (unsigned) result;
                assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
                well = well && WIFEXITED(status) && WEXITSTATUS(status) == 0;
        }
        (void) close(pipes[0]);
        assert_true(well);
        return sum;
}

/* Counts the record up to ROUNDS, against the others; returns how many of the steps were its own. */
static int count_up(World *world, sd_event *event, Registry *r, unsigned number) {
        _cleanup_reply_ Reply read = {}, swap = {};
        const char *key = "leases/x";
        int won = 0, n;

        for (;;) {
                uint64_t revision = 0;
                unsigned value = 0;
                char text[16];

                n = ask_get(event, r, &key, 1, &read);
                if (n < 0)
                        return n;
                if (read.outcome != REGISTRY_COMMITTED || read.n_records != 1)
                        return -EPROTO;
                if (read.records[0].value) {
                        if (sscanf(read.records[0].value, "%u", &value) != 1)
                                return -EBADMSG;
                        revision = read.records[0].mod_revision;
                }
                if (value >= ROUNDS)
                        return won;
                (void) snprintf(text, sizeof(text), "%u", value + 1);
                n = ask_swap(event, r, key, revision, text, &swap);
                if (n < 0)
                        return n;
                if (swap.outcome == REGISTRY_UNKNOWN)
                        return -EIO;
                won += swap.outcome == REGISTRY_COMMITTED;
        }
}

static void of_processes_that_ask_at_once_one_wins_each_round(void **state) {
        World *world = *state;
        char text[16];

        assert_int_equal(in_processes(world, count_up), ROUNDS);
        (void) snprintf(text, sizeof(text), "%u", ROUNDS);
        (void) must_be(world, world_open(world), "leases/x", text);
}

/* Even numbers write both records with one text; odd ones look whether they are ever different. */
static int write_or_look(World *world, sd_event *event, Registry *r, unsigned number) {
        uint64_t last = 0;
        int n;

        for (unsigned i = 0; i < ROUNDS; i++) {
                _cleanup_reply_ Reply reply = {};
                char text[32];
                RegistryRecord puts[] = { { .key = "pair/a", .value = text }, { .key = "pair/b", .value = text } };
                const char *gone = "pair/c";

                puts[0].size = puts[1].size = (size_t) snprintf(text, sizeof(text), "%u of %u", i, number);
                if (number % 2 == 0)
                        n = ask_txn(event, r,
                                        &(RegistryTxn){ .puts = puts, .n_puts = 2, .deletes = &gone, .n_deletes = 1 },
                                        &reply);
                else
                        n = ask_list(event, r, "pair/", &reply);
                if (n < 0)
                        return n;
                if (reply.outcome != REGISTRY_COMMITTED)
                        return -EIO;
                if (reply.revision < last)
                        return -ESTALE;
                last = reply.revision;
                if (number % 2 == 0 || reply.n_records == 0)
                        continue;
                if (reply.n_records != 2 || reply.records[0].mod_revision != reply.records[1].mod_revision ||
                                !kept_is(reply.records, reply.records[1].value))
                        return -EBADMSG;
        }
        return 1;
}

static void nobody_sees_half_a_txn(void **state) {
        assert_int_equal(in_processes(*state, write_or_look), CHILDREN);
}

/* Each writes its own records and watches all; the watch must end up with what everybody wrote last. */
static int write_and_watch(World *world, sd_event *event, Registry *r, unsigned number) {
        _cleanup_seen_ Seen seen = { .ops = r->ops };
        _cleanup_reply_ Reply reply = {};
        char key[32], text[16];
        int n = r->ops->watch(r, "beats/", seen_take, &seen, &seen.watch);

        if (n < 0)
                return n;
        (void) snprintf(key, sizeof(key), "beats/%u", number);
        for (unsigned i = 0; i < ROUNDS; i++) {
                RegistryRecord put = { .key = key, .value = text };
                const char *delete = key;
                RegistryTxn txn = { .puts = &put, .n_puts = 1 };

                put.size = (size_t) snprintf(text, sizeof(text), "%u", i);
                if (i % 10 == 5)
                        txn = (RegistryTxn){ .deletes = &delete, .n_deletes = 1 };
                n = ask_txn(event, r, &txn, &reply);
                if (n < 0)
                        return n;
                if (reply.outcome != REGISTRY_COMMITTED)
                        return -EPROTO;
        }
        for (unsigned i = 0; i < CHILDREN; i++) {
                (void) snprintf(key, sizeof(key), "beats/%u", i);
                (void) snprintf(text, sizeof(text), "%u", ROUNDS - 1);
                if (!world_wait_seen(event, &seen, key, text))
                        return -ETIME;
        }
        if (seen.broken) {
                print_message("%s\n", seen.broken);
                return -EBADMSG;
        }
        return seen.n_records == CHILDREN ? 1 : -ENOMSG;
}

static void every_watch_ends_with_what_was_written_last(void **state) {
        assert_int_equal(in_processes(*state, write_and_watch), CHILDREN);
}

const struct CMUnitTest conformance_many_tests[] = {
        PROMISE(of_handles_that_ask_at_once_one_wins),
        PROMISE(slow_takers_of_many_answers_hold_no_turn_for_long),
        PROMISE(of_processes_that_ask_at_once_one_wins_each_round),
        PROMISE(nobody_sees_half_a_txn),
        PROMISE(every_watch_ends_with_what_was_written_last),
};
const size_t conformance_n_many_tests = ELEMENTSOF(conformance_many_tests);
