/* SPDX-License-Identifier: Apache-2.0 */

/* The beats of other machines, of which no watch tells: how this one knows who is silent, and since when. */

#include <stdio.h>

#include "core-world.h"

#define ROUND (TTL / 5)

typedef struct Look {
        const char *id;
        MachineView view;
} Look;

static int look(const MachineView *v, void *userdata) {
        Look *l = userdata;

        if (streq(v->machine_id, l->id))
                l->view = *v;
        return 0;
}

static MachineView machine(World *w, const char *id) {
        Look l = { .id = id };

        (void) core_each_machine(w->core, w->now, look, &l);
        return l.view;
}

static void put_machine(World *w, const char *id, const char *session) {
        MachineRecord m = { .hostname = "them", .boot_id = THEM };

        str_copy(m.session, sizeof(m.session), session);
        world_put(w, RECORD_MACHINE, id, &m);
}

/* They hold a.service and beat; the registry's watch tells nothing. */
static World *world_with_them(void) {
        World *w = world_new();

        world_add_them(w);
        put_machine(w, THEM, THEIR_SESSION);
        world_connect(w);
        for (unsigned i = 0; i < 20; i++) {
                world_beat_them(w);
                world_pass(w, ROUND);
        }
        return w;
}

static void a_machine_whose_beats_are_not_told_stays_up(void **state) {
        World *w = world_with_them();

        for (unsigned i = 0; i < 100; i++) {
                world_beat_them(w);
                world_pass(w, ROUND);
                assert_true(machine(w, THEM).alive);
                assert_true(machine(w, THEM).known);
        }
        assert_string_equal(world_lease(w)->session, THEIR_SESSION);
        world_free(w);
}

/* Law 2: from the first answer on that was beyond the beat, and not from when the beat itself was shown. */
static void silence_counts_from_the_first_answer_beyond_the_beat(void **state) {
        for (usec_t late = 0; late < ROUND; late += ROUND / 8) {
                World *w = world_with_them();
                usec_t put, seen;

                world_pass(w, late);
                world_beat_them(w);
                put = w->now.boottime;
                world_pass(w, 3 * ROUND);
                seen = machine(w, THEM).heard;
                assert_in_range(seen, put, put + ROUND);
                world_pass_until(w, seen + ttl_take_after(TTL) - 1);
                assert_string_equal(world_lease(w)->session, THEIR_SESSION);
                world_pass_until(w, seen + ttl_take_after(TTL) + TTL / 25);
                assert_string_equal(world_lease(w)->session, w->session);
                world_free(w);
        }
}

/* What was known of revisions before a silence says nothing of what is shown after it. */
static void no_date_reaches_back_over_a_silence(void **state) {
        World *w = world_with_them();
        usec_t back;

        world_beat_them(w);
        w->silent = true;
        world_pass(w, 4 * ROUND);
        back = w->now.boottime;
        w->silent = false;
        world_pass(w, 2 * ROUND);
        assert_in_range(machine(w, THEM).heard, back, back + 2 * ROUND);
        world_free(w);
}

static void a_session_that_begins_is_read_by_itself(void **state) {
        static const FenceRecord f;
        World *w = world_with_them();
        BeatRecord b = { .machine_id = "00000000000000000000000000000003", .nonce = "0000000000000bad-1" };
        const char *session = "00000000000000bb-10000";
        Record r = { .kind = RECORD_FENCE, .name = session, .fence = &f };

        w->revision++;
        put_machine(w, b.machine_id, session);
        world_put(w, RECORD_BEAT, session, &b);
        world_put(w, RECORD_FENCE, session, &f);
        r.mod_revision = w->revision;
        world_step(w, (Event){ .kind = EVENT_RECORDS,
                                      .answer = { .revision = w->revision,
                                                      .store = "store",
                                                      .records = (Record[]){ r,
                                                                      { .kind = RECORD_MACHINE,
                                                                                      .name = b.machine_id,
                                                                                      .mod_revision = w->revision,
                                                                                      .machine = &world_find(w,
                                                                                                      RECORD_MACHINE,
                                                                                                      b.machine_id)
                                                                                                                  ->value
                                                                                                                  .machine } },
                                                      .n_records = 2 } });
        assert_true(machine(w, b.machine_id).alive);
        world_free(w);
}

/* By hand, or with the session's end: an answer that names only who is silent would not show it. */
static void a_deleted_beat_is_missed_within_two_rounds(void **state) {
        World *w = world_with_them();

        world_delete(w, RECORD_BEAT, THEIR_SESSION);
        world_pass(w, 2 * ROUND + 1);
        assert_false(machine(w, THEM).alive);
        world_pass(w, TTL);
        world_pass(w, TTL);
        assert_string_equal(world_lease(w)->session, w->session);
        world_free(w);
}

enum { CROWD = 100 };

static void beat_all(World *w, const char *ttl) {
        static const FenceRecord f;
        BeatRecord b = { .nonce = "0000000000000bad-1" };
        char name[SESSION_SIZE];

        for (unsigned i = 0; i < CROWD; i++) {
                (void) snprintf(name, sizeof(name), "%02x00000000000000-%s", i * 2, ttl);
                (void) snprintf(b.machine_id, sizeof(b.machine_id), "%032x", i + 100);
                w->revision++;
                world_put(w, RECORD_BEAT, name, &b);
                if (!world_find(w, RECORD_FENCE, name))
                        world_put(w, RECORD_FENCE, name, &f);
        }
}

static void only_of_a_crowd_the_watch_tells_little(void **state) {
        World *w = world_new();

        beat_all(w, "60000"); /* eight a second */
        world_connect(w);
        for (unsigned i = 0; i < 40; i++) {
                beat_all(w, "60000");
                world_pass(w, ROUND);
        }
        assert_int_equal(w->done[ACTION_LISTEN], 0);
        world_free(w);
        w = world_new();
        beat_all(w, "10000"); /* fifty */
        world_connect(w);
        world_pass(w, USEC_PER_SEC);
        assert_int_equal(w->done[ACTION_LISTEN], 1);
        for (unsigned i = 0; i < 40; i++) {
                beat_all(w, "10000");
                world_pass(w, ROUND);
        }
        assert_int_equal(w->done[ACTION_LISTEN], 1);
        for (unsigned i = 0; i < 40; i++) /* they fall silent */
                world_pass(w, ROUND);
        assert_int_equal(w->done[ACTION_LISTEN], 2);
        world_free(w);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_machine_whose_beats_are_not_told_stays_up),
                cmocka_unit_test(silence_counts_from_the_first_answer_beyond_the_beat),
                cmocka_unit_test(no_date_reaches_back_over_a_silence),
                cmocka_unit_test(a_session_that_begins_is_read_by_itself),
                cmocka_unit_test(a_deleted_beat_is_missed_within_two_rounds),
                cmocka_unit_test(only_of_a_crowd_the_watch_tells_little),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
