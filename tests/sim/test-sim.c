/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stories of one unit on two or three machines: who runs it when, told with the real core (see story.h). What holds
 * here with sound clocks and one fault at a time is put to chance by ./sim.
 */
#include "story.h"

#define TTL (10 * USEC_PER_SEC)
#define FOREVER USEC_INFINITY

/* ---- holding ---- */

static void unit_runs_on_exactly_one_machine(void **state) {
        World *w = story_begin(3, TTL);

        story_settle(w);
        assert_int_equal(__builtin_popcount(w->leases[0].running), 1);
        assert_int_equal(story_index(w), 1);
        story_run(w, 10 * USEC_PER_MINUTE);
        assert_int_equal(story_starts(w), 1);
        story_end(w);
}

static void unit_cannot_be_started_by_hand_without_its_lease(void **state) {
        World *w = story_begin(2, TTL);

        story_settle(w);
        pid1_request(w, story_other(w, story_place(w)), 0, JOB_START, BY_HAND);
        story_run(w, 5 * USEC_PER_SEC);
        assert_int_equal(story_starts(w), 1);
        story_end(w);
}

static void beats_are_one_write_a_round_for_one_lease_and_for_eight(void **state) {
        for (size_t leases = 1; leases <= 8; leases += 7) {
                World *w = story_begin_with(1, leases, TTL);
                uint64_t beats, revision;

                story_settle(w);
                story_run(w, TTL);
                beats = w->counts.beats;
                revision = w->map.revision;
                story_run(w, 100 * TTL);
                story_expect(w, w->counts.beats - beats >= 499 && w->counts.beats - beats <= 501);
                story_expect(w, w->map.revision - revision == w->counts.beats - beats);
                story_end(w);
        }
}

static void stopped_by_hand_it_stays_stopped_and_keeps_its_lease(void **state) {
        World *w = story_begin(2, TTL);
        Machine *m;

        story_settle(w);
        m = story_place(w);
        pid1_request(w, m, 0, JOB_STOP, BY_HAND);
        story_until_down(w, USEC_PER_SEC);
        story_run(w, 20 * TTL);
        story_expect(w, !story_place(w));
        story_expect(w, map_lease(w, 0)->state == LEASE_HELD && streq(map_lease(w, 0)->machine_id, m->id));
        pid1_request(w, m, 0, JOB_START, BY_HAND);
        story_expect(w, story_until_runs(w, NULL, USEC_PER_SEC) == m);
        assert_int_equal(story_index(w), 1);
        story_end(w);
}

static void stopped_along_with_what_it_needs_it_is_back_when_that_is(void **state) {
        World *w = story_begin(2, TTL);
        Machine *m;

        story_settle(w);
        m = story_place(w);
        pid1_stops_for_another(w, m, 0, ENDED_BY_NEED, false, USEC_PER_SEC);
        story_until_down(w, USEC_PER_SEC);
        story_expect(w, story_until_runs(w, NULL, 2 * USEC_PER_SEC) == m);
        assert_int_equal(story_index(w), 1);
        story_end(w);
}

/* ... and once more on the first when it cannot run on the second either, and what it needs is back on the first. */
static void stopped_for_another_it_goes_elsewhere_if_that_lasts(void **state) {
        static const EndedBy by[] = { ENDED_BY_NEED, ENDED_BY_NEED, ENDED_BY_CONFLICT };

        for (size_t i = 0; i < ELEMENTSOF(by); i++) {
                World *w = story_begin(2, TTL);
                Machine *m, *other;

                story_settle(w);
                m = story_place(w);
                other = story_other(w, m);
                pid1_stops_for_another(w, m, 0, by[i], i == 1, 10 * TTL);
                story_until_down(w, USEC_PER_SEC);
                story_expect(w, story_until_runs(w, m, 4 * USEC_PER_SEC) == other);
                pid1_stops_for_another(w, other, 0, ENDED_BY_NEED, false, 100 * TTL);
                story_until_down(w, USEC_PER_SEC);
                story_expect(w, story_until_runs(w, other, 15 * TTL) == m);
                story_end(w);
        }
}

static void job_that_ended_well_runs_nowhere_until_it_is_rearmed(void **state) {
        World *w = story_begin(2, TTL);
        Machine *m;

        story_settle(w);
        m = story_place(w);
        unit_ends(w, m, 0, true);
        story_run(w, USEC_PER_MINUTE);
        story_expect(w, map_lease(w, 0)->state == LEASE_DONE && !story_place(w));
        machine_power_cut(w, m, 5 * USEC_PER_SEC);
        story_run(w, 10 * USEC_PER_MINUTE);
        story_expect(w, !story_place(w));
        daemon_verb(w, w->machines, EVENT_REARM, 0, 0);
        (void) story_until_runs(w, NULL, USEC_PER_SEC);
        assert_int_equal(story_index(w), 2);
        story_end(w);
}

static void unit_that_fails_for_good_goes_to_another_machine(void **state) {
        World *w = story_begin(2, TTL);
        Machine *m;

        story_settle(w);
        m = story_place(w);
        unit_ends(w, m, 0, false);
        story_until_down(w, USEC_PER_SEC);
        (void) story_until_runs(w, m, USEC_PER_SEC);
        assert_int_equal(story_index(w), 2);
        story_end(w);
}

/* ---- members: what a unit brings with it ---- */

static World *with_member(Machine **ret_place) {
        World *w = story_begin(2, TTL);

        w->has_member[0] = true;
        w->slowest_stop = true;
        w->stop_time[LEASES_MAX] = 3 * USEC_PER_SEC;
        story_settle(w);
        story_run(w, TTL + 5 * USEC_PER_SEC); /* it is brought, again and again */
        *ret_place = story_place(w);
        story_expect(w, (*ret_place)->units[LEASES_MAX].processes[SLOT_MAIN].alive);
        return w;
}

static void lease_passes_when_the_last_member_is_down_and_not_before(void **state) {
        Machine *m;
        World *w = with_member(&m);

        daemon_verb(w, m, EVENT_RELEASE, 0, 0);
        story_run(w, USEC_PER_SEC); /* the unit is down, its member is not */
        story_expect(w, unit_is_empty(m->units) && unit_is_down(m->units));
        story_expect(w, w->leases[0].running == 1u << m->number && map_lease(w, 0)->state == LEASE_HELD);
        (void) story_until_runs(w, m, 3 * USEC_PER_SEC);
        assert_int_equal(story_index(w), 2);
        story_end(w);
}

static void member_that_will_not_stop_is_killed_with_its_unit(void **state) {
        Machine *m;
        World *w = with_member(&m);

        w->stop_time[LEASES_MAX] = w->unit_configs[LEASES_MAX].timeout_stop = USEC_PER_HOUR;
        machine_cut_off(w, m, true, true, USEC_PER_HOUR);
        (void) story_until_runs(w, m, TTL * 104 / 100 + USEC_PER_SEC);
        story_expect(w, lease_is_empty(w, m, 0));
        story_end(w);
}

static void member_cannot_be_started_when_the_gate_is_closed(void **state) {
        Machine *m;
        World *w = with_member(&m);

        pid1_request(w, story_other(w, m), LEASES_MAX, JOB_START, BY_HAND);
        story_run(w, USEC_PER_SEC);
        story_expect(w, w->leases[0].running == 1u << m->number);
        story_end(w);
}

/* ---- passing on ---- */

static void power_cut_is_over_within_its_bound(void **state) {
        static const usec_t ttls[] = { 2 * USEC_PER_SEC, 5 * USEC_PER_SEC, 10 * USEC_PER_SEC };

        for (size_t i = 0; i < ELEMENTSOF(ttls); i++) {
                World *w = story_begin(3, ttls[i]);
                Machine *m;
                usec_t cut;

                story_settle(w);
                story_run(w, 3 * ttls[i] + 123457);
                m = story_place(w);
                cut = w->now;
                machine_power_cut(w, m, FOREVER);
                (void) story_until_runs(w, NULL, ttls[i] * 104 / 100 + USEC_PER_SEC);
                story_expect(w, w->now - cut > ttls[i] * 3 / 4);
                assert_int_equal(story_index(w), 2);
                story_end(w);
        }
}

static void release_moves_it_at_once_and_raises_its_index(void **state) {
        World *w = story_begin(2, TTL);

        story_settle(w);
        for (uint64_t i = 2; i <= 10; i++) {
                Machine *m = story_place(w);

                daemon_verb(w, m, EVENT_RELEASE, 0, 0);
                (void) story_until_runs(w, m, w->stop_time[0] + w->start_time[0] + 50 * USEC_PER_MSEC);
                assert_int_equal(story_index(w), i);
                story_run(w, TTL);
        }
        story_end(w);
}

static void transfer_goes_to_the_machine_that_was_named(void **state) {
        World *w = story_begin(3, TTL);
        Machine *from, *to;

        story_settle(w);
        story_run(w, TTL);
        from = story_place(w);
        to = w->machines + (from->number + 2u) % 3;
        w->stop_time[0] = w->unit_configs[0].timeout_stop = 5 * USEC_PER_SEC;
        daemon_verb(w, from, EVENT_TRANSFER, 0, to->number);
        story_expect(w, story_until_runs(w, from, 6 * USEC_PER_SEC) == to);
        assert_int_equal(story_index(w), 2);
        story_end(w);
}

static void steal_from_a_living_machine_waits_until_it_has_stopped(void **state) {
        World *w = story_begin(2, TTL);
        Machine *m;

        story_settle(w);
        story_run(w, TTL);
        m = story_place(w);
        daemon_verb(w, story_other(w, m), EVENT_STEAL, 0, 0);
        (void) story_until_runs(w, m, 2 * USEC_PER_SEC);
        assert_int_equal(story_index(w), 2);
        story_end(w);
}

static void steal_from_a_hung_daemon_waits_out_the_debt(void **state) {
        World *w = story_begin(2, TTL);
        Machine *m;
        usec_t begin;

        story_settle(w);
        story_run(w, TTL);
        m = story_place(w);
        begin = w->now;
        daemon_pause(w, m, 2 * USEC_PER_MINUTE);
        daemon_verb(w, story_other(w, m), EVENT_STEAL, 0, 0);
        (void) story_until_runs(w, m, 11 * USEC_PER_SEC);
        story_expect(w, w->now - begin >= TTL);
        story_run(w, 5 * USEC_PER_MINUTE);
        assert_int_equal(story_index(w), 2);
        story_end(w);
}

static void drained_machine_gives_everything_up_and_takes_nothing(void **state) {
        World *w = story_begin(2, TTL);
        Machine *m;

        story_settle(w);
        m = story_place(w);
        daemon_verb(w, m, EVENT_DRAIN, 0, 1);
        (void) story_until_runs(w, m, 2 * USEC_PER_SEC);
        daemon_verb(w, story_place(w), EVENT_RELEASE, 0, 0);
        story_run(w, USEC_PER_MINUTE);
        story_expect(w, story_place(w) && story_place(w) != m);
        machine_power_cut(w, m, USEC_PER_SEC); /* it survives a reboot */
        story_run(w, USEC_PER_MINUTE);
        machine_power_cut(w, story_place(w), FOREVER);
        story_run(w, USEC_PER_MINUTE);
        story_expect(w, !story_place(w));
        daemon_verb(w, m, EVENT_DRAIN, 0, 0);
        story_expect(w, story_until_runs(w, NULL, USEC_PER_SEC) == m);
        story_end(w);
}

static void disabled_unit_is_stopped_and_goes_elsewhere(void **state) {
        World *w = story_begin(2, TTL);
        Machine *m;

        story_settle(w);
        m = story_place(w);
        daemon_verb(w, m, EVENT_FORGET, 0, 0);
        (void) story_until_runs(w, m, 2 * USEC_PER_SEC);
        story_expect(w, !m->enabled[0]);
        story_end(w);
}

static void stopping_the_service_passes_on_only_when_the_last_process_is_gone(void **state) {
        World *w = story_begin(2, TTL);
        Machine *m;
        usec_t begin;

        story_settle(w);
        m = story_place(w);
        m->stay_down = true;
        w->unit_configs[0].timeout_stop = 20 * USEC_PER_SEC;
        w->slowest_stop = true;
        w->stop_time[0] = 7 * USEC_PER_SEC;
        begin = w->now;
        daemon_verb(w, m, EVENT_SHUTDOWN, 0, 0);
        (void) story_until_runs(w, m, 8 * USEC_PER_SEC);
        story_expect(w, w->now - begin >= 7 * USEC_PER_SEC);
        story_run(w, TTL);
        story_expect(w, !m->core);
        story_end(w);
}

static void child_that_outlives_the_service_holds_the_lease_back(void **state) {
        World *w = story_begin(2, TTL);
        Machine *m;
        usec_t begin;

        w->has_extra[0] = w->always_extra = true;
        story_settle(w);
        m = story_place(w);
        story_expect(w, m->units[0].processes[SLOT_EXTRA].alive);
        begin = w->now;
        daemon_verb(w, m, EVENT_RELEASE, 0, 0);
        story_run(w, USEC_PER_SEC);
        story_expect(w, story_place(w) == m && !m->units[0].processes[SLOT_MAIN].alive);
        (void) story_until_runs(w, m, 30 * USEC_PER_SEC);
        story_expect(w, w->now - begin > USEC_PER_SEC);
        story_end(w);
}

static void index_rises_for_ever_whoever_takes_it_how(void **state) {
        World *w = story_begin(3, 2 * USEC_PER_SEC);

        story_settle(w);
        for (unsigned i = 0; i < 30; i++) {
                Machine *m = story_place(w);
                uint64_t index = story_index(w);

                if (i % 3 == 0)
                        machine_power_cut(w, m, 5 * USEC_PER_SEC);
                else if (i % 3 == 1)
                        daemon_verb(w, m, EVENT_RELEASE, 0, 0);
                else
                        daemon_verb(w, story_other(w, m), EVENT_STEAL, 0, 0);
                (void) story_until_runs(w, m, 10 * USEC_PER_SEC);
                story_expect(w, story_index(w) > index);
                story_run(w, 10 * USEC_PER_SEC);
        }
        story_end(w);
}

/* ---- the core ---- */

static uint64_t steps_of(uint64_t seed, bool trace) {
        Options options = { .seed = seed,
                .n_machines = 5,
                .n_leases = 3,
                .duration = 5 * USEC_PER_MINUTE,
                .lone = true,
                .faults = true,
                .trace = trace };
        World *w = world_new(&options);
        uint64_t steps;

        assert_true(world_run_seed(w));
        steps = w->counts.steps;
        world_free(w);
        return steps;
}

/* What a core does depends on what it was told, and not on what lies in memory by chance. */
static void what_a_core_does_is_the_same_in_each_run(void **state) {
        for (uint64_t seed = 4; seed <= 80; seed += 4)
                assert_int_equal(steps_of(seed, false), steps_of(seed, true));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(unit_runs_on_exactly_one_machine),
                cmocka_unit_test(unit_cannot_be_started_by_hand_without_its_lease),
                cmocka_unit_test(beats_are_one_write_a_round_for_one_lease_and_for_eight),
                cmocka_unit_test(stopped_by_hand_it_stays_stopped_and_keeps_its_lease),
                cmocka_unit_test(stopped_along_with_what_it_needs_it_is_back_when_that_is),
                cmocka_unit_test(stopped_for_another_it_goes_elsewhere_if_that_lasts),
                cmocka_unit_test(job_that_ended_well_runs_nowhere_until_it_is_rearmed),
                cmocka_unit_test(unit_that_fails_for_good_goes_to_another_machine),
                cmocka_unit_test(lease_passes_when_the_last_member_is_down_and_not_before),
                cmocka_unit_test(member_that_will_not_stop_is_killed_with_its_unit),
                cmocka_unit_test(member_cannot_be_started_when_the_gate_is_closed),
                cmocka_unit_test(power_cut_is_over_within_its_bound),
                cmocka_unit_test(release_moves_it_at_once_and_raises_its_index),
                cmocka_unit_test(transfer_goes_to_the_machine_that_was_named),
                cmocka_unit_test(steal_from_a_living_machine_waits_until_it_has_stopped),
                cmocka_unit_test(steal_from_a_hung_daemon_waits_out_the_debt),
                cmocka_unit_test(drained_machine_gives_everything_up_and_takes_nothing),
                cmocka_unit_test(disabled_unit_is_stopped_and_goes_elsewhere),
                cmocka_unit_test(stopping_the_service_passes_on_only_when_the_last_process_is_gone),
                cmocka_unit_test(child_that_outlives_the_service_holds_the_lease_back),
                cmocka_unit_test(index_rises_for_ever_whoever_takes_it_how),
                cmocka_unit_test(what_a_core_does_is_the_same_in_each_run),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
