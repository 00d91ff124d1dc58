/* SPDX-License-Identifier: Apache-2.0 */

/* A lease that was taken, or whose record is lost, while something had not reached this machine yet: nobody runs the
 * unit beside another (laws 1, 6, 11, 13). */

#include "core-world.h"

#define ROUND (TTL / 5)

/* The watch tells of a record as it is now. */
static void hear(World *w, RecordKind kind, const char *name) {
        const Entry *e = world_find(w, kind, name);
        Record r = {
                .kind = kind, .name = name, .mod_revision = e->revision, .value = e->revision > 0 ? &e->value : NULL
        };

        world_step(w, (Event){ .kind = EVENT_RECORDS,
                                      .answer = { .revision = w->revision, .records = &r, .n_records = 1 } });
}

static void lose_record(World *w) {
        world_delete(w, RECORD_LEASE, "a.service");
        hear(w, RECORD_LEASE, "a.service");
}

/* Somebody begins a pause, and the watch does not tell of it. */
static void pause_unheard(World *w) {
        PauseRecord pause = { .stage = PAUSE_ON, .since = 1, .by = "root@them" };

        w->revision++;
        world_put(w, RECORD_PAUSE, "", &pause);
}

static World *beside_them(void) {
        World *w = world_new();

        world_add_them(w);
        world_connect(w);
        world_pass(w, USEC_PER_SEC);
        return w;
}

/* ---- a pause that was not heard of (law 13) ---- */

static void a_steal_that_meets_a_pause_takes_nothing(void **state) {
        World *w = beside_them();

        pause_unheard(w);
        world_step(w, (Event){ .kind = EVENT_STEAL, .unit = "a.service", .index = 7 });
        world_pass(w, USEC_PER_SEC);
        assert_string_equal(world_lease(w)->session, THEIR_SESSION);
        assert_int_equal(world_lease(w)->index, 7);
        world_free(w);
}

static void a_lost_lease_is_not_taken_in_a_pause(void **state) {
        World *w = beside_them();

        lose_record(w);
        world_pass(w, TTL / 2);
        pause_unheard(w);
        world_pass(w, 3 * TTL);
        assert_int_equal(world_find(w, RECORD_LEASE, "a.service")->revision, 0);
        world_free(w);
}

/* ---- who beats is not known (law 11) ---- */

/* Somebody has come whom this machine does not know, has taken the lease, and its record is lost: whoever takes it
 * must change his fence, too. */
static void a_lost_lease_is_not_taken_before_all_who_beat_are_known(void **state) {
        static const char *const strange = "00000000000000cc-10000";
        BeatRecord beat = { .machine_id = THEM, .nonce = "0000000000000ccc-1" };
        FenceRecord fence = { .counter = 1 };
        World *w = beside_them();

        w->list_takes = USEC_PER_MINUTE;
        w->revision++;
        world_put(w, RECORD_BEAT, strange, &beat);
        world_put(w, RECORD_FENCE, strange, &fence);
        lose_record(w);
        world_pass(w, 3 * TTL);
        assert_int_equal(world_find(w, RECORD_LEASE, "a.service")->revision, 0);
        w->list_takes = 0;
        world_pass(w, TTL);
        assert_true(world_lease(w)->index > 7);
        assert_int_equal(world_find(w, RECORD_FENCE, strange)->value.fence.n_names, 1);
        world_free(w);
}

/* ---- our own lease (laws 6, 11) ---- */

/* They have taken it from us, as the fence says, and then its record was lost. Nothing tells us so but the fence. */
static void a_lease_that_our_fence_names_and_whose_record_is_lost_is_not_ours(void **state) {
        World *w = world_running();
        FenceRecord fence = world_find(w, RECORD_FENCE, w->session)->value.fence;

        fence_add_name(&fence, "a.service");
        w->revision++;
        world_put(w, RECORD_FENCE, w->session, &fence);
        world_delete(w, RECORD_LEASE, "a.service");
        world_pass(w, 2 * ROUND);
        assert_int_equal(w->reports[REPORT_RESTORED], 0);
        assert_true(w->done[ACTION_GUARD_LOSE] > 0);
        assert_true(w->done[ACTION_UNIT_STOP] > 0);
        world_free(w);
}

/* leased is restarted: its list still says that the lease is ours, and then the record is lost, before our fence was
 * put. So somebody may have taken it meanwhile. */
static void a_lease_whose_record_is_lost_before_our_fence_was_put_is_not_ours(void **state) {
        World *w = world_running();
        char session[SESSION_SIZE];

        str_copy(session, sizeof(session), w->session);
        world_restart(w, session);
        w->lose = 1u << RECORD_FENCE;
        world_connect(w);
        world_pass(w, USEC_PER_SEC / 5);
        assert_true(w->late.id > 0);
        lose_record(w);
        w->lose = 0;
        world_pass(w, 2 * ROUND);
        assert_int_equal(w->reports[REPORT_RESTORED], 0);
        assert_int_equal(w->reports[REPORT_ADOPTED], 0);
        assert_true(w->done[ACTION_UNIT_STOP] > 0);
        world_free(w);
}

/* ---- two sessions of ours (law 1) ---- */

/* Others may take the lease by the shorter of the two TTLs until its record names the new session. */
static void a_unit_whose_lease_moves_to_a_longer_ttl_has_the_time_of_the_shorter_one(void **state) {
        World *w = world_running();
        SessionView s;
        UnitView u;

        w->lose = 1u << RECORD_LEASE;
        world_step(w, (Event){ .kind = EVENT_TTL, .span = 2 * TTL });
        world_pass(w, 3 * USEC_PER_SEC);
        core_session_view(w->core, w->now, &s);
        assert_int_equal(session_ttl(s.session), 2 * TTL);
        assert_int_equal(session_ttl(world_lease(w)->session), TTL);
        assert_in_range(w->armed_kill, 1, TTL);
        assert_true(core_find_unit(w->core, w->now, "a.service", &u));
        assert_true(u.kill_at < w->now.boottime + TTL);
        w->lose = 0;
        world_land(w);
        world_pass(w, 4 * TTL);
        assert_int_equal(session_ttl(world_lease(w)->session), 2 * TTL);
        assert_true(w->armed_kill > TTL);
        assert_int_equal(w->done[ACTION_UNIT_STOP], 0);
        world_free(w);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_steal_that_meets_a_pause_takes_nothing),
                cmocka_unit_test(a_lost_lease_is_not_taken_in_a_pause),
                cmocka_unit_test(a_lost_lease_is_not_taken_before_all_who_beat_are_known),
                cmocka_unit_test(a_lease_that_our_fence_names_and_whose_record_is_lost_is_not_ours),
                cmocka_unit_test(a_lease_whose_record_is_lost_before_our_fence_was_put_is_not_ours),
                cmocka_unit_test(a_unit_whose_lease_moves_to_a_longer_ttl_has_the_time_of_the_shorter_one),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
