/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Calls about leases in fleet's registry: what each answer means, and then many askers with clocks of different rates
 * at a model of the registry that loses and delays, where no two may ever hold the lease at one moment.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/fleet-call.h"
#include "util/macros.h"

#define HERE "00112233445566778899aabbccddeeff"
#define SEC USEC_PER_SEC

/* ---- one call ---- */

static FleetCall begin(CallKind kind, uint64_t index, const FleetMemory *m) {
        static const FleetMemory nothing = {};
        FleetCall g;

        fleet_call_begin(&g,
                        &(Call){ .kind = kind,
                                        .lease = "engine-leader",
                                        .machine = "",
                                        .version = 1,
                                        .period = 10 * SEC,
                                        .index = index },
                        HERE, m ?: &nothing, 100 * SEC);
        return g;
}

static void expect(FleetCall *g, usec_t now, FleetAskKind kind, uint64_t index, FleetOutcome outcome, FleetNode node) {
        FleetAsk a;

        assert_true(fleet_call_next(g, now, &a));
        assert_int_equal(a.kind, kind);
        if (kind == FLEET_SWAP || kind == FLEET_DELETE)
                assert_int_equal(a.index, index);
        assert_false(fleet_call_next(g, now, &a)); /* one question at a time */
        fleet_call_answer(g, now, &(FleetAnswer){ .outcome = outcome, .node = node });
}

static void assert_ended(const FleetCall *g, CallResult result) {
        assert_int_equal(g->step, FLEET_STEP_ENDED);
        assert_int_equal(g->result, result);
}

static FleetNode node(uint64_t created, uint64_t modified) {
        return (FleetNode){ .machine_id = HERE, .version = 1, .created = created, .modified = modified, .ttl = 11 };
}

static FleetNode other(uint64_t created, uint64_t modified) {
        FleetNode n = node(created, modified);

        n.version = 0;
        return n;
}

static void a_lease_is_asked_for_with_more_time_than_its_holder_uses(void **state) {
        FleetCall g = begin(CALL_ACQUIRE, 0, NULL);
        FleetMemory m = {};
        FleetAsk a;

        assert_true(fleet_call_next(&g, 100 * SEC, &a));
        assert_int_equal(a.ttl, 11); /* 10 s · 1.01 / 0.99, rounded up */
        assert_string_equal(a.machine_id, HERE);
        fleet_call_answer(&g, 103 * SEC, &(FleetAnswer){ .outcome = FLEET_DONE, .node = node(7, 7) });
        assert_ended(&g, CALL_DONE);
        fleet_call_remember(&g, &m);
        assert_int_equal(m.until, 110 * SEC); /* counted from before it was sent */
}

static void an_answer_that_comes_after_the_period_is_not_believed(void **state) {
        FleetCall g = begin(CALL_ACQUIRE, 0, NULL);
        FleetAsk a;

        assert_true(fleet_call_next(&g, 100 * SEC, &a));
        fleet_call_answer(&g, 110 * SEC, &(FleetAnswer){ .outcome = FLEET_DONE, .node = node(7, 7) });
        assert_ended(&g, CALL_UNKNOWN);
}

static void what_is_held_is_read_for_its_index(void **state) {
        FleetCall g = begin(CALL_ACQUIRE, 0, NULL);

        expect(&g, 100 * SEC, FLEET_CREATE, 0, FLEET_FAILED, (FleetNode){});
        expect(&g, 100 * SEC, FLEET_READ, 0, FLEET_DONE, node(3, 5));
        assert_ended(&g, CALL_NOT_ACQUIRED);
        assert_int_equal(g.node.modified, 5);
}

static void an_acquisition_that_is_in_doubt_is_never_taken_for_ours(void **state) {
        FleetCall g = begin(CALL_ACQUIRE, 0, NULL);

        expect(&g, 100 * SEC, FLEET_CREATE, 0, FLEET_UNKNOWN, (FleetNode){});
        expect(&g, 101 * SEC, FLEET_CREATE, 0, FLEET_FAILED, (FleetNode){});
        expect(&g, 101 * SEC, FLEET_READ, 0, FLEET_DONE, node(3, 3)); /* fleet here would have written the same */
        assert_ended(&g, CALL_UNKNOWN);
}

static void a_renewal_in_doubt_is_made_once_more_at_the_new_index(void **state) {
        FleetMemory m = { .node = node(3, 5), .until = 108 * SEC };
        FleetCall g = begin(CALL_RENEW, 5, &m);

        expect(&g, 100 * SEC, FLEET_SWAP, 5, FLEET_UNKNOWN, (FleetNode){});
        expect(&g, 101 * SEC, FLEET_SWAP, 5, FLEET_FAILED, (FleetNode){});
        expect(&g, 101 * SEC, FLEET_READ, 0, FLEET_DONE, node(3, 9));
        expect(&g, 102 * SEC, FLEET_SWAP, 9, FLEET_DONE, node(3, 10));
        assert_ended(&g, CALL_DONE);
        fleet_call_remember(&g, &m);
        assert_int_equal(m.until, 112 * SEC);
}

static void a_renewal_finds_another_holder_of_the_same_words(void **state) {
        FleetMemory m = { .node = node(3, 5), .until = 108 * SEC };
        FleetCall g = begin(CALL_RENEW, 5, &m);

        expect(&g, 100 * SEC, FLEET_SWAP, 5, FLEET_UNKNOWN, (FleetNode){});
        expect(&g, 101 * SEC, FLEET_SWAP, 5, FLEET_FAILED, (FleetNode){});
        expect(&g, 101 * SEC, FLEET_READ, 0, FLEET_DONE, node(9, 9)); /* a younger key */
        assert_ended(&g, CALL_LEASE_LOST);
        fleet_call_remember(&g, &m);
        assert_int_equal(m.node.modified, 0);
}

static void a_doubt_outlives_its_call(void **state) {
        FleetMemory m = { .node = node(3, 5), .until = 160 * SEC };
        FleetCall g = begin(CALL_RENEW, 5, &m);
        FleetAsk a;

        expect(&g, 100 * SEC, FLEET_SWAP, 5, FLEET_UNKNOWN, (FleetNode){});
        assert_false(fleet_call_next(&g, 106 * SEC, &a));
        assert_ended(&g, CALL_UNKNOWN);
        fleet_call_remember(&g, &m);
        g = begin(CALL_RENEW, 5, &m);
        expect(&g, 100 * SEC, FLEET_SWAP, 5, FLEET_FAILED, (FleetNode){});
        expect(&g, 100 * SEC, FLEET_READ, 0, FLEET_DONE, node(3, 8));
        expect(&g, 100 * SEC, FLEET_SWAP, 8, FLEET_DONE, node(3, 9));
        assert_ended(&g, CALL_DONE);
}

static void a_holder_whose_time_is_over_asks_nobody(void **state) {
        FleetMemory m = { .node = node(3, 5), .until = 100 * SEC };
        FleetCall g = begin(CALL_RENEW, 5, &m);

        assert_ended(&g, CALL_LEASE_LOST);
}

static void a_steal_needs_the_index_and_tells_the_time_to_wait(void **state) {
        FleetMemory m = {};
        FleetCall g = begin(CALL_STEAL, 0, NULL);

        expect(&g, 100 * SEC, FLEET_READ, 0, FLEET_DONE, node(3, 5));
        assert_ended(&g, CALL_INDEX_MISMATCH); /* 0 is no index */
        g = begin(CALL_STEAL, 5, NULL);
        expect(&g, 100 * SEC, FLEET_READ, 0, FLEET_DONE, node(3, 5));
        assert_ended(&g, CALL_SAME_HOLDER);
        g = begin(CALL_STEAL, 5, NULL);
        expect(&g, 100 * SEC, FLEET_READ, 0, FLEET_DONE, other(3, 5));
        expect(&g, 101 * SEC, FLEET_SWAP, 5, FLEET_DONE, node(3, 6));
        assert_ended(&g, CALL_DONE);
        assert_true(g.span > 10 * SEC && g.span < 11 * SEC);
        fleet_call_remember(&g, &m);
        g = begin(CALL_ACQUIRE, 0, &m);
        assert_ended(&g, CALL_NOT_ACQUIRED);
        g = begin(CALL_STEAL, 5, NULL);
        expect(&g, 100 * SEC, FLEET_READ, 0, FLEET_DONE, (FleetNode){ .created = 5, .modified = 5 });
        assert_true(g.span == PERIOD_MAX); /* of a key that never expires */
}

static void a_release_in_doubt_is_done_when_the_key_is_not_ours_any_more(void **state) {
        FleetCall g = begin(CALL_RELEASE, 5, NULL);

        expect(&g, 100 * SEC, FLEET_DELETE, 5, FLEET_ABSENT, (FleetNode){});
        assert_ended(&g, CALL_LEASE_LOST);
        g = begin(CALL_RELEASE, 5, NULL);
        expect(&g, 100 * SEC, FLEET_DELETE, 5, FLEET_UNKNOWN, (FleetNode){});
        expect(&g, 101 * SEC, FLEET_DELETE, 5, FLEET_ABSENT, (FleetNode){});
        assert_ended(&g, CALL_DONE);
}

static void an_answer_of_another_write_says_nothing_of_ours(void **state) {
        FleetMemory m = { .node = node(3, 5), .until = 108 * SEC };
        FleetCall g = begin(CALL_ACQUIRE, 0, NULL);

        expect(&g, 100 * SEC, FLEET_CREATE, 0, FLEET_DONE, other(7, 7)); /* another's version */
        expect(&g, 101 * SEC, FLEET_CREATE, 0, FLEET_FAILED, (FleetNode){});
        expect(&g, 101 * SEC, FLEET_READ, 0, FLEET_DONE, other(7, 7));
        assert_ended(&g, CALL_NOT_ACQUIRED);
        g = begin(CALL_RENEW, 5, &m);
        expect(&g, 100 * SEC, FLEET_SWAP, 5, FLEET_DONE, node(3, 5)); /* from before */
        expect(&g, 101 * SEC, FLEET_SWAP, 5, FLEET_DONE, node(6, 6)); /* of a younger key */
        expect(&g, 102 * SEC, FLEET_SWAP, 5, FLEET_FAILED, (FleetNode){});
        expect(&g, 102 * SEC, FLEET_READ, 0, FLEET_DONE, node(3, 8));
        expect(&g, 102 * SEC, FLEET_SWAP, 8, FLEET_DONE, node(3, 9));
        assert_ended(&g, CALL_DONE);
}

static void a_registry_that_is_silent_ends_a_call_in_time(void **state) {
        static const CallKind kinds[] = { CALL_ACQUIRE, CALL_STEAL, CALL_RENEW, CALL_RELEASE, CALL_READ };

        for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
                FleetCall g = begin(kinds[i], 5, NULL);
                usec_t now = 100 * SEC;
                FleetAsk a;

                while (fleet_call_next(&g, now, &a)) {
                        assert_true(a.timeout > 0 && now + a.timeout <= 105 * SEC);
                        now += a.timeout;
                        fleet_call_answer(&g, now, &(FleetAnswer){ .outcome = FLEET_UNKNOWN });
                        now = MAX(now, fleet_call_due(&g));
                }
                assert_int_equal(g.step, FLEET_STEP_ENDED);
                assert_true(g.result == CALL_UNKNOWN || g.result == CALL_UNAVAILABLE);
                /* What only reads first has written nothing. */
                assert_int_equal(g.result, kinds[i] == CALL_ACQUIRE || kinds[i] == CALL_RELEASE ? CALL_UNKNOWN
                                                                                                : CALL_UNAVAILABLE);
        }
}

/* ---- many askers ---- */

enum { ASKERS = 4, FLIGHTS = 64 };

typedef struct Asker {
        const char *machine;
        int rate; /* thousandths by which the clock is fast */
        FleetMemory memory;
        FleetCall call;
        bool busy;
        usec_t asked_at;              /* when the call began, true time */
        usec_t hold_from, hold_until; /* true time */
        uint64_t index;
        usec_t period;
} Asker;

/* A question on its way to the registry. */
typedef struct Flight {
        bool used, answers, applied;
        int asker;
        unsigned serial;
        FleetAsk ask;
        char machine[MACHINE_SIZE];
        usec_t arrives, back;
        FleetAnswer answer;
} Flight;

typedef struct World {
        uint32_t random;
        usec_t now;
        FleetNode node;
        usec_t expires;
        uint64_t index;
        Asker askers[ASKERS];
        Flight flights[FLIGHTS];
        unsigned serial[ASKERS];
        usec_t quiet_until; /* nobody steals before; and what was stolen is not given back */
        unsigned acquired, renewed, stolen, unknown;
} World;

static uint32_t draw(World *w, uint32_t n) {
        w->random = w->random * 1664525u + 1013904223u;
        return (uint32_t) (((uint64_t) w->random * n) >> 32);
}

/* The asker's clock. */
static usec_t local(const World *w, const Asker *a) {
        return (usec_t) ((int64_t) w->now + (int64_t) w->now * a->rate / 1000);
}

/* For how long in true time a span of the asker's clock lasts, rounded up. */
static usec_t true_span(const Asker *a, usec_t span) {
        return span * 1000 / (usec_t) (1000 + a->rate) + 1;
}

static void apply(World *w, Flight *f) {
        bool there = w->node.modified > 0;

        f->answer = (FleetAnswer){ .outcome = FLEET_DONE };
        if (f->ask.kind == FLEET_CREATE ? there
                                        : f->ask.kind != FLEET_READ && there && w->node.modified != f->ask.index)
                f->answer.outcome = FLEET_FAILED;
        else if (f->ask.kind != FLEET_CREATE && !there)
                f->answer.outcome = FLEET_ABSENT;
        else if (f->ask.kind == FLEET_DELETE) {
                w->node = (FleetNode){};
                w->index++;
        } else if (f->ask.kind != FLEET_READ) {
                w->node.modified = ++w->index;
                if (f->ask.kind == FLEET_CREATE)
                        w->node.created = w->index;
                w->node.version = f->ask.version;
                str_copy(w->node.machine_id, sizeof(w->node.machine_id), f->machine);
                w->expires = w->now + f->ask.ttl * SEC;
        }
        if (f->answer.outcome == FLEET_DONE) {
                f->answer.node = w->node;
                f->answer.node.ttl = (w->expires - w->now + SEC - 1) / SEC;
        }
}

static void finish(World *w, Asker *a) {
        bool takes = a->call.kind == CALL_ACQUIRE || a->call.kind == CALL_STEAL;

        a->busy = false;
        fleet_call_remember(&a->call, &a->memory);
        w->unknown += a->call.result == CALL_UNKNOWN;
        if (a->call.result == CALL_LEASE_LOST && a->call.kind == CALL_RENEW)
                a->index = 0;
        if (a->call.result != CALL_DONE)
                return;
        if (a->call.kind == CALL_RELEASE) {
                a->index = 0;
                return;
        }
        a->index = a->call.node.modified;
        if (takes) {
                a->hold_from = w->now + (a->call.kind == CALL_STEAL ? true_span(a, a->call.span) : 0);
                w->stolen += a->call.kind == CALL_STEAL;
                w->acquired += a->call.kind == CALL_ACQUIRE;
                if (a->call.kind == CALL_STEAL)
                        w->quiet_until = a->hold_from;
        } else
                w->renewed++;
        a->hold_until = a->asked_at + true_span(a, a->period);
        for (Asker *b = w->askers; b < w->askers + ASKERS; b++)
                if (b != a && b->hold_until > a->hold_from && a->hold_until > b->hold_from &&
                                a->hold_until > a->hold_from && b->hold_until > b->hold_from)
                        fail_msg("two hold the lease at %.6f s", (double) w->now / SEC);
}

static void begin_something(World *w, Asker *a) {
        static const usec_t periods[] = { SEC, 3 * SEC / 2, 4 * SEC, 9 * SEC };
        Call call = { .lease = "x",
                .machine = a->machine,
                .version = 1,
                .index = a->index,
                .period = periods[draw(w, ELEMENTSOF(periods))] };
        bool holds = a->index > 0 && w->now < a->hold_until;

        if (!holds)
                call.kind = CALL_ACQUIRE;
        else if (draw(w, 6) == 0 && w->now >= w->quiet_until) {
                call.kind = CALL_RELEASE;
                a->hold_until = w->now; /* who releases has stopped before */
        } else {
                call.kind = CALL_RENEW;
                if (w->now < w->quiet_until)
                        call.period = 60 * SEC;
        }
        /* Whom a thief robbed is known to the thief alone: so he keeps the lease until the robbed is done. */
        if (!holds && draw(w, 8) == 0 && w->node.modified > 0 && w->now >= w->quiet_until) {
                call.kind = CALL_STEAL;
                call.index = w->node.modified;
                call.version = (int64_t) w->index; /* a thief has a version of its own */
                call.period = 60 * SEC;
                w->quiet_until = w->now + 60 * SEC;
        }
        if (call.kind == CALL_RENEW) /* a shorter period counts from when it is asked for */
                a->hold_until = MIN(a->hold_until, w->now + true_span(a, call.period));
        a->busy = true;
        a->asked_at = w->now;
        a->period = call.period;
        fleet_call_begin(&a->call, &call, HERE, &a->memory, local(w, a));
}

static void advance(World *w, int i) {
        Asker *a = w->askers + i;
        FleetAsk ask;
        Flight *f;

        if (!a->busy)
                return;
        if (fleet_call_next(&a->call, local(w, a), &ask)) {
                for (f = w->flights; f < w->flights + FLIGHTS && f->used; f++)
                        ;
                assert_true(f < w->flights + FLIGHTS);
                *f = (Flight){ .used = true, .asker = i, .serial = ++w->serial[i], .ask = ask };
                str_copy(f->machine, sizeof(f->machine), ask.machine_id);
                f->arrives = w->now + (draw(w, 4) ? draw(w, 20000) : draw(w, 3000000));
                f->back = f->arrives + (draw(w, 4) ? draw(w, 20000) : draw(w, 3000000));
                f->answers = draw(w, 5) > 0 && f->back < w->now + SEC;
                if (!f->answers)
                        f->back = w->now + SEC; /* it may arrive later, when nobody waits any more */
                if (draw(w, 12) == 0)
                        f->arrives = USEC_INFINITY; /* lost on the way */
        }
        if (a->call.step == FLEET_STEP_ENDED)
                finish(w, a);
}

static void step(World *w) {
        w->now += 1000 + draw(w, 9000);
        if (w->node.modified > 0 && w->now >= w->expires) {
                w->node = (FleetNode){};
                w->index++;
        }
        for (Flight *f = w->flights; f < w->flights + FLIGHTS; f++) {
                if (f->used && !f->applied && f->arrives <= w->now) {
                        apply(w, f);
                        f->applied = true;
                }
                if (f->used && f->back <= w->now && f->serial == w->serial[f->asker]) {
                        Asker *a = w->askers + f->asker;

                        w->serial[f->asker]++;
                        if (!f->answers || !f->applied)
                                f->answer = (FleetAnswer){ .outcome = FLEET_UNKNOWN };
                        fleet_call_answer(&a->call, local(w, a), &f->answer);
                }
                if (f->used && f->back <= w->now && (f->applied || f->arrives == USEC_INFINITY))
                        f->used = false;
        }
        for (int i = 0; i < ASKERS; i++) {
                if (!w->askers[i].busy && draw(w, 40) == 0)
                        begin_something(w, w->askers + i);
                advance(w, i);
        }
}

static void no_two_hold_the_lease_at_one_moment(void **state) {
        static World w;
        unsigned acquired = 0, renewed = 0, stolen = 0, unknown = 0;

        for (uint32_t seed = 1; seed <= 300; seed++) {
                w = (World){ .random = seed, .now = SEC };
                for (int i = 0; i < ASKERS; i++)
                        w.askers[i] = (Asker){ .machine = i < 2    ? "same"
                                                          : i == 2 ? "third"
                                                                   : "fourth",
                                .rate = (int) draw(&w, 3) * 10 - 10 };
                while (w.now < 200 * SEC)
                        step(&w);
                acquired += w.acquired;
                renewed += w.renewed;
                stolen += w.stolen;
                unknown += w.unknown;
        }
        print_message("%u acquired, %u renewed, %u stolen, %u unknown\n", acquired, renewed, stolen, unknown);
        assert_true(acquired > 1000 && renewed > 1000 && stolen > 100 && unknown > 1000);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_lease_is_asked_for_with_more_time_than_its_holder_uses),
                cmocka_unit_test(an_answer_that_comes_after_the_period_is_not_believed),
                cmocka_unit_test(what_is_held_is_read_for_its_index),
                cmocka_unit_test(an_acquisition_that_is_in_doubt_is_never_taken_for_ours),
                cmocka_unit_test(a_renewal_in_doubt_is_made_once_more_at_the_new_index),
                cmocka_unit_test(a_renewal_finds_another_holder_of_the_same_words),
                cmocka_unit_test(a_doubt_outlives_its_call),
                cmocka_unit_test(a_holder_whose_time_is_over_asks_nobody),
                cmocka_unit_test(a_steal_needs_the_index_and_tells_the_time_to_wait),
                cmocka_unit_test(a_release_in_doubt_is_done_when_the_key_is_not_ours_any_more),
                cmocka_unit_test(an_answer_of_another_write_says_nothing_of_ours),
                cmocka_unit_test(a_registry_that_is_silent_ends_a_call_in_time),
                cmocka_unit_test(no_two_hold_the_lease_at_one_moment),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
