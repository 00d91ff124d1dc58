/* SPDX-License-Identifier: Apache-2.0 */

/* Since when a machine is up: what it writes of itself, and what others believe. */

#include "core-world.h"

#include <inttypes.h>

static const MachineRecord *our_record(World *w) {
        return &world_find(w, RECORD_MACHINE, US)->value.machine;
}

static void a_machine_is_up_since_its_first_beat_and_again_since_a_silence(void **state) {
        World *w = world_running();
        usec_t began = our_record(w)->up_since;
        char session[SESSION_SIZE];

        str_copy(session, sizeof(session), w->session);
        assert_true(began > 0 && began <= w->now.realtime);
        assert_string_equal(our_record(w)->up_session, session);
        w->silent = true;
        world_pass(w, TTL / 2);
        w->silent = false;
        world_pass(w, 3 * TTL);
        assert_int_equal(our_record(w)->up_since, began); /* nobody has seen a silence */
        w->silent = true;
        world_pass(w, 2 * TTL);
        w->silent = false;
        world_pass(w, TTL);
        assert_string_equal(our_record(w)->session, session);
        assert_in_range(our_record(w)->up_since, w->now.realtime - TTL, w->now.realtime);
        world_free(w);
}

static void another_ttl_leaves_the_machine_up_since_it_was(void **state) {
        World *w = world_running();
        usec_t began = our_record(w)->up_since;

        world_step(w, (Event){ .kind = EVENT_TTL, .span = 4 * USEC_PER_SEC });
        world_pass(w, 3 * TTL);
        assert_int_equal(session_ttl(our_record(w)->session), 4 * USEC_PER_SEC);
        assert_string_equal(our_record(w)->up_session, our_record(w)->session);
        assert_int_equal(our_record(w)->up_since, began);
        world_free(w);
}

/* The new process does not know for how long nobody beat. */
static void a_restarted_daemon_counts_from_its_own_first_beat(void **state) {
        World *w = world_running();
        usec_t began = our_record(w)->up_since;
        char session[SESSION_SIZE];

        str_copy(session, sizeof(session), w->session);
        world_pass(w, TTL);
        world_restart(w, session);
        world_connect(w);
        world_pass(w, 3 * USEC_PER_SEC);
        assert_string_equal(our_record(w)->session, session);
        assert_in_range(our_record(w)->up_since, began + TTL, w->now.realtime);
        world_free(w);
}

static void a_clock_that_was_days_ahead_is_corrected(void **state) {
        World *w = world_running();

        w->behind = 25 * USEC_PER_HOUR;
        world_pass(w, TTL);
        assert_in_range(our_record(w)->up_since, w->now.realtime - TTL, w->now.realtime);
        world_free(w);
}

static int find_them(const MachineView *v, void *userdata) {
        if (!streq(v->machine_id, THEM))
                return 0;
        *(MachineView *) userdata = *v;
        return 1;
}

static void say_machine(World *w, const MachineRecord *them) {
        Record r = { .kind = RECORD_MACHINE, .name = THEM, .value = them };

        world_put(w, RECORD_MACHINE, THEM, them);
        r.mod_revision = w->revision;
        world_step(w, (Event){ .kind = EVENT_RECORDS,
                                      .answer = { .revision = w->revision, .records = &r, .n_records = 1 } });
}

static void a_machine_is_up_since_what_its_record_says_of_its_present_session(void **state) {
        static const struct {
                const char *what, *session;
                int64_t ahead; /* of our clock */
                bool silent, told;
        } table[] = {
                { "of this session", THEIR_SESSION, -(int64_t) USEC_PER_HOUR, false, true },
                { "its clock is ahead", THEIR_SESSION, 23 * (int64_t) USEC_PER_HOUR, false, true },
                { "too far ahead", THEIR_SESSION, 25 * (int64_t) USEC_PER_HOUR, false, false },
                { "an older leased has left it there", "00000000000000bb-10000", -(int64_t) USEC_PER_HOUR, false,
                                false },
                { "or never heard of it", "", 0, false, false },
                { "it is silent now", THEIR_SESSION, -(int64_t) USEC_PER_HOUR, true, false },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                World *w = world_new();
                MachineRecord them = { .hostname = "them", .session = THEIR_SESSION };
                MachineView v = {};

                world_add_them(w);
                world_connect(w);
                world_pass(w, USEC_PER_SEC);
                world_beat_them(w);
                world_pass(w, 3 * USEC_PER_SEC); /* until it has been read */
                if (table[i].ahead != 0)
                        them.up_since = (usec_t) ((int64_t) w->now.realtime + table[i].ahead);
                str_copy(them.up_session, sizeof(them.up_session), table[i].session);
                say_machine(w, &them);
                if (table[i].silent)
                        world_pass(w, 2 * TTL);
                assert_int_equal(core_each_machine(w->core, w->now, find_them, &v), 1);
                if (v.up_since != (table[i].told ? them.up_since : 0))
                        fail_msg("%s: %" PRIu64, table[i].what, v.up_since);
                world_free(w);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_machine_is_up_since_its_first_beat_and_again_since_a_silence),
                cmocka_unit_test(another_ttl_leaves_the_machine_up_since_it_was),
                cmocka_unit_test(a_restarted_daemon_counts_from_its_own_first_beat),
                cmocka_unit_test(a_clock_that_was_days_ahead_is_corrected),
                cmocka_unit_test(a_machine_is_up_since_what_its_record_says_of_its_present_session),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
