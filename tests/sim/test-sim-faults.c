/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stories of faults: a daemon that comes back, hangs or is gone, a registry that is silent, late, older or another, a
 * guard that dies, clocks at their edges.
 */
#include "story.h"

#define TTL (10 * USEC_PER_SEC)
#define SILENCE (62 * USEC_PER_SEC)

/* ---- the daemon ---- */

static void daemon_that_is_back_in_time_does_not_disturb_its_unit(void **state) {
        World *w = story_begin(2, TTL);

        story_settle(w);
        for (unsigned i = 0; i < 20; i++) {
                daemon_crash(w, story_place(w), 200 * USEC_PER_MSEC + i * 150 * USEC_PER_MSEC);
                story_run(w, TTL);
        }
        assert_int_equal(story_starts(w), 1);
        assert_int_equal(story_index(w), 1);
        story_expect(w, w->counts.adopted >= 20);
        story_end(w);
}

static void unit_is_stopped_before_the_lease_of_a_dead_daemon_passes(void **state) {
        World *w = story_begin(2, TTL);
        Machine *m;
        usec_t killed;

        story_settle(w);
        story_run(w, TTL);
        m = story_place(w);
        killed = w->now;
        m->stay_down = true;
        daemon_crash(w, m, 0);
        story_until_down(w, TTL);
        story_expect(w, w->now - killed > TTL / 2);
        (void) story_until_runs(w, m, TTL * 104 / 100 + USEC_PER_SEC);
        assert_int_equal(story_index(w), 2);
        story_end(w);
}

static void unit_that_will_not_stop_is_killed_before_the_lease_passes(void **state) {
        World *w = story_begin(2, TTL);
        Machine *m;

        w->unit_configs[0].timeout_stop = USEC_PER_HOUR;
        w->post_time[0] = USEC_PER_HOUR;
        story_settle(w);
        w->stop_time[0] = USEC_PER_HOUR;
        w->slowest_stop = true;
        m = story_place(w);
        m->stay_down = true;
        daemon_crash(w, m, 0);
        (void) story_until_runs(w, m, TTL * 104 / 100 + USEC_PER_SEC);
        story_end(w);
}

/* What its ExecStopPost= takes back is no process: it has time of its own, and no other machine starts before. */
static void unit_that_will_not_stop_has_its_execstoppost_before_the_lease_passes(void **state) {
        World *w = story_begin(2, TTL);
        Machine *m;

        w->unit_configs[0].timeout_stop = USEC_PER_HOUR;
        w->post_time[0] = 100 * USEC_PER_MSEC;
        story_settle(w);
        w->stop_time[0] = USEC_PER_HOUR;
        w->slowest_stop = true;
        m = story_place(w);
        m->stay_down = true;
        daemon_crash(w, m, 0);
        (void) story_until_runs(w, m, TTL * 104 / 100 + USEC_PER_SEC);
        story_expect(w, w->counts.mishaps[MISHAP_POST_ENDED] == 1);
        story_end(w);
}

static void hung_daemon_finds_its_lease_gone_and_leaves_it(void **state) {
        World *w = story_begin(2, TTL);
        Machine *m;

        story_settle(w);
        m = story_place(w);
        daemon_pause(w, m, USEC_PER_MINUTE);
        (void) story_until_runs(w, m, 2 * TTL);
        story_run(w, 5 * USEC_PER_MINUTE);
        assert_int_equal(story_starts(w), 2);
        assert_int_equal(story_index(w), 2);
        story_end(w);
}

/* Stopped between two actions of the start, and going on after the lease has passed: the gate stays closed. */
static void daemon_hung_on_the_way_to_a_start_starts_nothing_later(void **state) {
        static const ActionKind points[] = { ACTION_GUARD_ARM, ACTION_GATE_OPEN, ACTION_UNIT_START };

        for (size_t i = 0; i < ELEMENTSOF(points); i++) {
                World *w = story_begin(2, TTL);

                for (size_t j = 0; j < 2; j++) {
                        w->machines[j].cut = CUT_PAUSE;
                        w->machines[j].cut_at = points[i];
                        w->machines[j].cut_span = USEC_PER_MINUTE;
                }
                story_run(w, 10 * USEC_PER_MINUTE);
                story_expect(w, check_all_run(w));
                story_end(w);
        }
}

static bool runs_there(World *w, void *userdata) {
        const Machine *m = userdata;

        return w->leases[0].running == 1u << m->number && m->units[0].state == ACTIVE_ACTIVE;
}

static void transfer(World *w, size_t unit, const Machine *to) {
        daemon_verb(w, w->machines + __builtin_ctz(w->leases[unit].running), EVENT_TRANSFER, unit, to->number);
        story_run(w, 2 * USEC_PER_SEC);
        story_expect(w, w->leases[unit].running == 1u << to->number);
}

/* Both leases have Index 3 on the third machine. Only the environment file tells by which of them the leftover runs.
 */
static void what_cannot_be_killed_keeps_back_its_own_lease_alone_after_a_restart(void **state) {
        for (int known = 0; known < 2; known++) {
                World *w = story_begin_with(3, 2, TTL);
                Machine *m = w->machines + 2;
                bool runs;

                story_settle(w);
                for (unsigned i = 0; w->leases[0].index < 2; i++)
                        if (w->leases[0].running != 1u << i)
                                transfer(w, 0, w->machines + i);
                for (unsigned i = 0; w->leases[1].index < 2; i++)
                        if (w->leases[1].running != 1u << i)
                                transfer(w, 1, w->machines + i);
                transfer(w, 1, m);
                w->slowest_stop = true;
                w->stop_time[1] = w->unit_configs[1].timeout_stop = USEC_PER_HOUR;
                m->units[1].processes[SLOT_MAIN].dying = m->units[1].processes[SLOT_MAIN].stuck = true;
                if (!known)
                        m->units[1].environment = (Environment){};
                m->enabled[1] = false;
                daemon_crash(w, m, USEC_PER_SEC);
                story_run(w, TTL);
                daemon_verb(w, story_place(w), EVENT_TRANSFER, 0, m->number);
                runs = world_run_until(w, TTL, runs_there, m);
                assert_int_equal(map_lease(w, 0)->index, 3);
                assert_int_equal(m->guard.entries[1].index, 3);
                story_expect(w, runs == (known > 0));
                story_expect(w, map_lease(w, 1)->state == LEASE_HELD && streq(map_lease(w, 1)->machine_id, m->id));
                story_end(w);
        }
}

static void killed_guard_stops_its_units_and_the_next_one_starts_them(void **state) {
        World *w = story_begin(2, TTL);
        Machine *m;

        story_settle(w);
        story_run(w, TTL);
        m = story_place(w);
        guard_crash(w, m);
        story_until_down(w, USEC_PER_SEC);
        story_expect(w, story_until_runs(w, NULL, 3 * USEC_PER_SEC) == m);
        assert_int_equal(story_index(w), 1);
        story_end(w);
}

static void hung_guard_and_dead_daemon_let_nothing_run_on(void **state) {
        World *w = story_begin(2, TTL);
        Machine *m;

        w->unit_configs[0].timeout_stop = USEC_PER_HOUR;
        story_settle(w);
        w->stop_time[0] = USEC_PER_HOUR;
        story_run(w, TTL);
        m = story_place(w);
        m->stay_down = true;
        daemon_crash(w, m, 0);
        guard_pause(w, m, USEC_PER_HOUR);
        (void) story_until_runs(w, m, TTL * 104 / 100 + USEC_PER_SEC);
        story_end(w);
}

/* Nobody can tell whether its gates are closed and its units down, but the time in which it could open one is over. */
static void guard_that_nobody_can_reach_is_waited_out_and_its_unit_runs_elsewhere(void **state) {
        World *w = story_begin(2, TTL);
        Machine *m;
        usec_t lost_at;

        story_settle(w);
        story_run(w, TTL);
        m = story_place(w);
        lost_at = w->now;
        guard_cut_off(w, m);
        story_until_down(w, TTL);
        (void) story_until_runs(w, m, 63 * USEC_PER_SEC);
        story_expect(w, w->now - lost_at > TTL_MAX);
        assert_int_equal(story_index(w), 2);
        story_end(w);
}

static void restart_with_another_ttl_does_not_disturb_its_unit(void **state) {
        World *w = story_begin(2, TTL);
        Machine *m;

        story_settle(w);
        m = story_place(w);
        m->ttl = 20 * USEC_PER_SEC;
        daemon_crash(w, m, USEC_PER_SEC);
        story_run(w, 10 * USEC_PER_MINUTE);
        assert_int_equal(story_starts(w), 1);
        story_expect(w, story_place(w) == m);
        story_end(w);
}

/* ---- sleep ---- */

static void unit_is_elsewhere_before_its_machine_sleeps(void **state) {
        World *w = story_begin(2, TTL);
        Machine *m;

        story_settle(w);
        story_run(w, TTL);
        m = story_place(w);
        machine_sleep(w, m, 5 * USEC_PER_SEC, USEC_PER_MINUTE);
        (void) story_until_runs(w, m, 2 * USEC_PER_SEC);
        story_expect(w, !machine_is_asleep(m));
        story_run(w, 5 * USEC_PER_MINUTE);
        story_expect(w, w->counts.mishaps[MISHAP_SLEEP] == 1 && !machine_is_asleep(m));
        assert_int_equal(story_starts(w), 2);
        assert_int_equal(story_index(w), 2);
        story_end(w);
}

static void unit_that_will_not_stop_is_killed_before_its_machine_sleeps(void **state) {
        World *w = story_begin(2, TTL);
        Machine *m;

        w->unit_configs[0].timeout_stop = w->post_time[0] = USEC_PER_HOUR;
        story_settle(w);
        w->stop_time[0] = USEC_PER_HOUR;
        w->slowest_stop = true;
        story_run(w, TTL);
        m = story_place(w);
        machine_sleep(w, m, 5 * USEC_PER_SEC, USEC_PER_MINUTE);
        story_run(w, 3900 * USEC_PER_MSEC);
        story_expect(w, story_place(w) == m);
        (void) story_until_runs(w, m, USEC_PER_SEC);
        story_run(w, 5 * USEC_PER_MINUTE);
        story_expect(w, w->counts.mishaps[MISHAP_SLEEP] == 1);
        story_end(w);
}

/* Its registry is silent: whether the lease is still its own cannot be known, and must not be waited for. */
static void daemon_that_has_just_come_back_stops_its_unit_before_the_machine_sleeps(void **state) {
        World *w = story_begin(2, TTL);
        Machine *m;

        story_settle(w);
        story_run(w, TTL);
        m = story_place(w);
        machine_cut_off(w, m, true, true, USEC_PER_MINUTE);
        daemon_crash(w, m, 100 * USEC_PER_MSEC);
        story_run(w, 200 * USEC_PER_MSEC);
        machine_sleep(w, m, 5 * USEC_PER_SEC, USEC_PER_MINUTE);
        story_until_down(w, 2 * USEC_PER_SEC);
        (void) story_until_runs(w, m, TTL * 104 / 100 + USEC_PER_SEC);
        story_run(w, 5 * USEC_PER_MINUTE);
        story_expect(w, w->counts.mishaps[MISHAP_SLEEP] == 1);
        assert_int_equal(story_starts(w), 2);
        story_end(w);
}

/* That is not promised, and cannot be: asleep it does not run, and awake its guard has seen the time pass. */
static void unit_that_fell_asleep_behind_a_hung_daemon_is_killed_when_its_machine_wakes(void **state) {
        World *w = story_begin(2, TTL);
        Machine *m;

        story_settle(w);
        story_run(w, TTL);
        m = story_place(w);
        daemon_pause(w, m, USEC_PER_HOUR);
        machine_sleep(w, m, 5 * USEC_PER_SEC, USEC_PER_MINUTE);
        story_run(w, 6 * USEC_PER_SEC);
        story_expect(w, machine_is_asleep(m) && w->counts.mishaps[MISHAP_SLEEP_FORCED] == 1);
        story_run(w, USEC_PER_MINUTE);
        story_expect(w, !machine_is_asleep(m) && w->leases[0].running == 1u << story_other(w, m)->number);
        story_expect(w, w->counts.slept_max > 0 && w->counts.slept_max < 150 * USEC_PER_MSEC);
        story_end(w);
}

/* ---- the registry ---- */

static void silence_shorter_than_stop_at_changes_nothing(void **state) {
        World *w = story_begin(3, TTL);

        story_settle(w);
        for (unsigned i = 0; i < 20; i++) {
                w->registry_down_until = w->now + TTL * 4 / 10;
                story_run(w, TTL * 5 / 4 + i * 97003);
        }
        assert_int_equal(story_starts(w), 1);
        story_end(w);
}

static void longer_silence_stops_the_unit_and_it_comes_back_once(void **state) {
        World *w = story_begin(3, TTL);
        Machine *m;

        story_settle(w);
        story_run(w, TTL);
        m = story_place(w);
        w->registry_down_until = w->now + 2 * TTL;
        story_until_down(w, TTL);
        story_run(w, 10 * USEC_PER_MINUTE);
        story_expect(w, story_place(w) != NULL);
        assert_int_equal(story_starts(w), 2);
        story_expect(w, story_place(w) == m ? story_index(w) == 1 : story_index(w) == 2);
        story_end(w);
}

static void holder_that_is_cut_off_has_stopped_before_another_starts(void **state) {
        World *w = story_begin(3, TTL);

        story_settle(w);
        for (unsigned i = 0; i < 6; i++) {
                Machine *m = story_place(w);

                machine_cut_off(w, m, i % 3 != 1, i % 3 != 2, USEC_PER_MINUTE);
                (void) story_until_runs(w, m, TTL * 104 / 100 + USEC_PER_SEC + TTL / 5);
                story_run(w, 2 * USEC_PER_MINUTE);
        }
        story_end(w);
}

/* Given up as unknown, asked again and committed: the first attempt lands half a minute later, on nothing. */
static void release_that_lands_late_takes_nothing_from_the_next_holder(void **state) {
        World *w = story_begin(2, TTL);
        Machine *m;

        story_settle(w);
        m = story_place(w);
        m->late_lease_write = 30 * USEC_PER_SEC;
        daemon_verb(w, m, EVENT_RELEASE, 0, 0);
        (void) story_until_runs(w, m, 5 * USEC_PER_SEC);
        story_run(w, USEC_PER_MINUTE);
        assert_int_equal(story_starts(w), 2);
        story_end(w);
}

/* The daemon that asked for a release is gone; its successor finds the lease still held, and starts the unit again.
 * The release lands later and must be void. */
static void release_of_a_dead_daemon_is_void_for_its_successor(void **state) {
        World *w = story_begin(2, TTL);
        Machine *m;

        story_settle(w);
        m = story_place(w);
        m->late_lease_write = 20 * USEC_PER_SEC;
        daemon_verb(w, m, EVENT_RELEASE, 0, 0);
        story_until_down(w, USEC_PER_SEC);
        story_run(w, 100 * USEC_PER_MSEC);
        story_expect(w, m->late_lease_write == 0);
        daemon_crash(w, m, 100 * USEC_PER_MSEC);
        story_expect(w, story_until_runs(w, NULL, 3 * USEC_PER_SEC) == m);
        story_run(w, 2 * USEC_PER_MINUTE);
        story_expect(w, story_place(w) == m && story_starts(w) == 2 && story_index(w) == 1);
        story_end(w);
}

static void acquire_that_lands_late_is_taken_or_passed_on(void **state) {
        World *w = story_begin(2, TTL);

        w->machines[0].late_lease_write = w->machines[1].late_lease_write = 30 * USEC_PER_SEC;
        story_run(w, 3 * USEC_PER_MINUTE);
        story_expect(w, check_all_run(w));
        story_end(w);
}

static void registry_that_fell_back_is_met_with_a_minute_of_silence(void **state) {
        World *w = story_begin(3, TTL);
        uint64_t index;
        usec_t begin;

        story_settle(w);
        map_snapshot(w);
        for (unsigned i = 0; i < 3; i++) {
                daemon_verb(w, story_place(w), EVENT_RELEASE, 0, 0);
                story_run(w, TTL);
        }
        index = story_index(w);
        begin = w->now;
        map_restore(w);
        story_until_down(w, TTL);
        (void) story_until_runs(w, NULL, SILENCE + 2 * TTL);
        story_expect(w, w->now - begin > 60 * USEC_PER_SEC);
        story_expect(w, story_index(w) > index && w->counts.fell_back >= 3);
        story_end(w);
}

/* No machine has beaten between the backup and the restore, and the two that come late find the registry grown beyond
 * all that they have seen. */
static void registry_that_was_put_back_by_a_moment_is_noticed_by_each_machine(void **state) {
        for (size_t first = 0; first < 3; first++) {
                World *w = story_begin(3, 30 * USEC_PER_SEC);
                uint64_t beats;

                story_settle(w);
                do {
                        beats = w->counts.beats;
                        map_snapshot(w);
                        daemon_verb(w, story_place(w), EVENT_RELEASE, 0, 0);
                        story_run(w, USEC_PER_SEC);
                } while (w->counts.beats > beats);
                map_restore(w);
                for (size_t i = 0; i < 3; i++) {
                        w->machines[i].requests_blocked = i != first;
                        w->machines[i].watch.stalled_until = w->now + USEC_PER_MINUTE;
                }
                story_run(w, 3 * USEC_PER_SEC);
                w->map.revision += 50; /* by whoever else uses it */
                for (size_t i = 0; i < 3; i++)
                        w->machines[i].requests_blocked = false;
                story_run(w, 12 * USEC_PER_SEC);
                story_expect(w, w->counts.fell_back == 3);
                story_end(w);
        }
}

static void silence_is_served_to_its_end_over_restarts(void **state) {
        World *w = story_begin(1, TTL);
        usec_t begin;

        story_settle(w);
        map_snapshot(w);
        story_run(w, TTL);
        begin = w->now;
        map_restore(w);
        for (unsigned i = 0; i < 3; i++) {
                story_run(w, 10 * USEC_PER_SEC);
                machine_power_cut(w, w->machines, USEC_PER_SEC);
        }
        (void) story_until_runs(w, NULL, 2 * SILENCE);
        story_expect(w, w->now - begin > 60 * USEC_PER_SEC);
        story_end(w);
}

static void another_registry_is_never_accepted_by_waiting(void **state) {
        World *w = story_begin(2, TTL);
        uint64_t index;

        story_settle(w);
        daemon_verb(w, story_place(w), EVENT_RELEASE, 0, 0);
        story_run(w, TTL);
        index = story_index(w);
        map_wipe(w, true);
        story_until_down(w, TTL);
        story_run(w, 10 * USEC_PER_MINUTE);
        story_expect(w, !story_place(w) && w->counts.foreign >= 2);
        daemon_verb(w, w->machines, EVENT_ACCEPT, 0, 0);
        story_expect(w, story_until_runs(w, NULL, SILENCE + 2 * TTL) == w->machines);
        story_expect(w, story_index(w) > index);
        story_end(w);
}

/* The registry was replaced while its holder is cut off, and a machine takes the new one for its first. Nobody has
 * the Indexes of the old one any more: it is S1 that is asked for. */
static void who_remembers_no_registry_waits_for_a_ttl_over_restarts(void **state) {
        World *w = story_begin(2, TTL);
        Machine *m, *other;

        story_settle(w);
        m = story_place(w);
        other = story_other(w, m);
        story_run(w, TTL);
        machine_cut_off(w, m, true, true, USEC_PER_MINUTE);
        map_wipe(w, true);
        other->stay_down = true;
        daemon_crash(w, other, 0);
        other->memory = (SavedMemory){};
        other->run_session[0] = '\0';
        w->leases[0].index = w->leases[0].start_index = 0;
        other->stay_down = false;
        daemon_start(w, other);
        for (unsigned i = 0; i < 4; i++) {
                story_run(w, TTL / 5);
                daemon_crash(w, other, 10 * USEC_PER_MSEC);
        }
        (void) story_until_runs(w, m, 2 * TTL);
        story_end(w);
}

/* ---- clocks ---- */

static void clocks_at_their_edges_leave_no_overlap(void **state) {
        static const usec_t ttls[] = { 2, 5, 10, 20, 60 };

        for (size_t i = 0; i < ELEMENTSOF(ttls); i++) {
                World *w = story_begin(2, ttls[i] * USEC_PER_SEC);
                Machine *m;

                story_settle(w);
                w->unit_configs[0].timeout_stop = w->stop_time[0] = USEC_PER_HOUR;
                w->slowest_stop = true;
                m = story_place(w);
                machine_set_rate(w, m, 990000);
                machine_set_rate(w, story_other(w, m), 1010000);
                machine_cut_off(w, m, true, true, USEC_PER_HOUR);
                (void) story_until_runs(w, m, ttls[i] * USEC_PER_SEC * 104 / 100 + USEC_PER_SEC);
                story_end(w);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(daemon_that_is_back_in_time_does_not_disturb_its_unit),
                cmocka_unit_test(unit_is_stopped_before_the_lease_of_a_dead_daemon_passes),
                cmocka_unit_test(unit_that_will_not_stop_is_killed_before_the_lease_passes),
                cmocka_unit_test(unit_that_will_not_stop_has_its_execstoppost_before_the_lease_passes),
                cmocka_unit_test(hung_daemon_finds_its_lease_gone_and_leaves_it),
                cmocka_unit_test(daemon_hung_on_the_way_to_a_start_starts_nothing_later),
                cmocka_unit_test(what_cannot_be_killed_keeps_back_its_own_lease_alone_after_a_restart),
                cmocka_unit_test(killed_guard_stops_its_units_and_the_next_one_starts_them),
                cmocka_unit_test(hung_guard_and_dead_daemon_let_nothing_run_on),
                cmocka_unit_test(guard_that_nobody_can_reach_is_waited_out_and_its_unit_runs_elsewhere),
                cmocka_unit_test(restart_with_another_ttl_does_not_disturb_its_unit),
                cmocka_unit_test(unit_is_elsewhere_before_its_machine_sleeps),
                cmocka_unit_test(unit_that_will_not_stop_is_killed_before_its_machine_sleeps),
                cmocka_unit_test(daemon_that_has_just_come_back_stops_its_unit_before_the_machine_sleeps),
                cmocka_unit_test(unit_that_fell_asleep_behind_a_hung_daemon_is_killed_when_its_machine_wakes),
                cmocka_unit_test(silence_shorter_than_stop_at_changes_nothing),
                cmocka_unit_test(longer_silence_stops_the_unit_and_it_comes_back_once),
                cmocka_unit_test(holder_that_is_cut_off_has_stopped_before_another_starts),
                cmocka_unit_test(release_that_lands_late_takes_nothing_from_the_next_holder),
                cmocka_unit_test(release_of_a_dead_daemon_is_void_for_its_successor),
                cmocka_unit_test(acquire_that_lands_late_is_taken_or_passed_on),
                cmocka_unit_test(registry_that_fell_back_is_met_with_a_minute_of_silence),
                cmocka_unit_test(registry_that_was_put_back_by_a_moment_is_noticed_by_each_machine),
                cmocka_unit_test(silence_is_served_to_its_end_over_restarts),
                cmocka_unit_test(another_registry_is_never_accepted_by_waiting),
                cmocka_unit_test(who_remembers_no_registry_waits_for_a_ttl_over_restarts),
                cmocka_unit_test(clocks_at_their_edges_leave_no_overlap),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
