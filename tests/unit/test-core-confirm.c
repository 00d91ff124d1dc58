/* SPDX-License-Identifier: Apache-2.0 */

/* A machine is confirmed dead: its leases pass at once, and if it lives, it lets go of all that it has (law 12). */

#include "core-world.h"

enum { ID = 78 };

#define OTHER "00000000000000000000000000000003"

#define ROUND (TTL / 5)
/* Two rounds from their last beat, of which we hear up to a round late. */
#define SILENCE (3 * ROUND)

/* The watch tells of a record. */
static void hear(World *w, RecordKind kind, const char *name) {
        const Entry *e = world_find(w, kind, name);
        Record r = { .kind = kind, .name = name, .mod_revision = e->revision, .value = &e->value };

        world_step(w, (Event){ .kind = EVENT_RECORDS,
                                      .answer = { .revision = w->revision, .records = &r, .n_records = 1 } });
}

static void hear_of_them(World *w) {
        hear(w, RECORD_MACHINE, THEM);
}

/* They hold the lease and beat; we stand by, with a command that is run after such a silence (0: with none), and that
 * the test carries out. */
static World *beside_them(usec_t fence_after) {
        World *w = world_new();
        MachineRecord them = { .hostname = "them", .session = THEIR_SESSION };

        w->fence_after = fence_after;
        world_restart(w, NULL);
        world_add_them(w);
        world_put(w, RECORD_MACHINE, THEM, &them);
        world_connect(w);
        for (unsigned i = 0; i < 4; i++) {
                world_pass(w, USEC_PER_SEC);
                world_beat_them(w);
        }
        hear_of_them(w);
        assert_string_equal(world_lease(w)->session, THEIR_SESSION);
        return w;
}

static void confirm(World *w) {
        w->done[ACTION_WORD_DONE] = 0;
        w->word_why = NULL;
        world_step(w, (Event){ .kind = EVENT_CONFIRM, .machine_id = THEM, .id = ID, .by = "ada@us" });
}

static void assert_answered(const World *w, WordResult result) {
        assert_int_equal(w->done[ACTION_WORD_DONE], 1);
        assert_int_equal(w->word, result);
}

static FenceRecord *fence(World *w, const char *session) {
        Entry *e = world_find(w, RECORD_FENCE, session);

        assert_non_null(e);
        return &e->value.fence;
}

static void nobody_waits_for_a_machine_that_was_confirmed_dead(void **state) {
        World *w = beside_them(0);

        world_pass(w, SILENCE);
        assert_string_equal(world_lease(w)->session, THEIR_SESSION);
        confirm(w);
        world_pass(w, ROUND);
        assert_answered(w, WORD_BEGUN);
        assert_true(fence(w, THEIR_SESSION)->over);
        assert_string_equal(world_lease(w)->session, w->session);
        assert_int_equal(world_lease(w)->tenures[world_lease(w)->n_tenures - 1].code, WHY_CONFIRMED_DEAD);
        assert_int_equal(world_lease(w)->n_debts, 0);
        assert_string_equal(fence(w, THEIR_SESSION)->over_by, "ada@us");
        assert_string_equal(world_lease(w)->tenures[world_lease(w)->n_tenures - 1].by, "ada@us");
        world_free(w);
}

static int find_them(const MachineView *v, void *userdata) {
        if (!streq(v->machine_id, THEM))
                return 0;
        *(MachineView *) userdata = *v;
        return 1;
}

/* Its last beat is younger than its TTL. */
static void a_machine_that_was_confirmed_dead_is_not_up_and_nothing_is_handed_to_it(void **state) {
        World *w = beside_them(0);
        MachineView v = {};

        world_pass(w, SILENCE);
        assert_int_equal(core_each_machine(w->core, w->now, find_them, &v), 1);
        assert_true(v.alive);
        confirm(w);
        world_pass(w, 2 * USEC_PER_SEC);
        hear(w, RECORD_FENCE, THEIR_SESSION);
        assert_int_equal(core_each_machine(w->core, w->now, find_them, &v), 1);
        assert_true(v.known && !v.alive);
        assert_true(w->now.boottime < v.heard + TTL);
        assert_string_equal(world_lease(w)->session, w->session);
        world_step(w, (Event){ .kind = EVENT_TRANSFER, .unit = "a.service", .machine_id = THEM, .id = ID });
        w->unit.active = ACTIVE_INACTIVE;
        w->unit.empty = true;
        world_say_unit(w);
        world_pass(w, USEC_PER_SEC / 2);
        assert_string_not_equal(world_lease(w)->session, THEIR_SESSION);
        world_free(w);
}

static void a_machine_that_beats_is_not_confirmed_dead(void **state) {
        World *w = beside_them(0);

        confirm(w);
        assert_answered(w, WORD_UNABLE);
        assert_non_null(w->word_why);
        assert_false(fence(w, THEIR_SESSION)->over);
        world_free(w);
}

/* We have not heard of the beat that refuses our Txn. */
static void a_beat_that_comes_before_the_confirmation_refuses_it(void **state) {
        World *w = beside_them(0);

        world_pass(w, SILENCE);
        world_put(w, RECORD_BEAT, THEIR_SESSION, &world_find(w, RECORD_BEAT, THEIR_SESSION)->value.beat);
        confirm(w);
        assert_answered(w, WORD_UNABLE);
        assert_false(fence(w, THEIR_SESSION)->over);
        world_pass(w, SILENCE);
        assert_string_equal(world_lease(w)->session, THEIR_SESSION);
        world_free(w);
}

static void a_confirmation_goes_with_whoever_asked(void **state) {
        World *w = beside_them(0);

        world_pass(w, SILENCE);
        w->lose = 1u << RECORD_FENCE;
        confirm(w);
        assert_int_equal(w->done[ACTION_WORD_DONE], 0);
        world_step(w, (Event){ .kind = EVENT_WITHDRAW, .id = ID });
        assert_answered(w, WORD_WITHDRAWN);
        w->lose = 0;
        world_pass(w, ROUND);
        assert_false(fence(w, THEIR_SESSION)->over);
        assert_string_equal(world_lease(w)->session, THEIR_SESSION);
        world_free(w);
}

/* The machine is switched on while the registry does not answer, and falls silent once more. */
static void a_session_that_began_after_the_word_is_not_meant(void **state) {
        static const char *const later = "00000000000000bb-10000";
        BeatRecord beat = { .machine_id = THEM, .nonce = "0000000000000bae-1" };
        MachineRecord them = { .hostname = "them", .session = "00000000000000bb-10000" };
        static const FenceRecord none;
        World *w = beside_them(0);

        world_pass(w, SILENCE);
        w->lose = 1u << RECORD_FENCE;
        confirm(w);
        world_put(w, RECORD_BEAT, later, &beat);
        world_put(w, RECORD_FENCE, later, &none);
        world_put(w, RECORD_MACHINE, THEM, &them);
        hear_of_them(w);
        world_pass(w, SILENCE);
        w->lose = 0;
        world_pass(w, ROUND);
        assert_answered(w, WORD_BEGUN);
        assert_true(fence(w, THEIR_SESSION)->over);
        assert_false(fence(w, later)->over);
        world_free(w);
}

/* A version of leased that does not know the word has beaten with a fence that it has looked behind. */
static void a_beat_that_is_newer_than_the_fence_makes_a_confirmation_void(void **state) {
        World *w = beside_them(0);
        FenceRecord over = { .counter = 0, .over = true };

        world_put(w, RECORD_FENCE, THEIR_SESSION, &over);
        world_beat_them(w);
        hear(w, RECORD_BEAT, THEIR_SESSION);
        hear(w, RECORD_FENCE, THEIR_SESSION);
        world_pass(w, SILENCE);
        assert_string_equal(world_lease(w)->session, THEIR_SESSION);
        world_free(w);
}

/* The word was wrong: this machine lives. */
static void a_machine_that_lives_lets_go_of_all_within_a_round(void **state) {
        World *w = world_running();
        char session[SESSION_SIZE];
        FenceRecord over = *fence(w, w->session);
        BeatRecord beat = world_find(w, RECORD_BEAT, w->session)->value.beat;

        str_copy(session, sizeof(session), w->session);
        over.over = true;
        world_put(w, RECORD_FENCE, session, &over);
        world_pass(w, ROUND + USEC_PER_MSEC);
        assert_int_equal(w->reports[REPORT_SESSION_OVER], 1);
        assert_int_equal(w->reports[REPORT_SESSION_ENDED], 1);
        assert_true(w->done[ACTION_GUARD_LOSE] > 0);
        assert_string_not_equal(w->session, session);
        /* The session that is over does not beat. */
        assert_string_equal(world_find(w, RECORD_BEAT, session)->value.beat.nonce, beat.nonce);
        world_free(w);
}

static void a_session_that_is_over_is_not_carried_on_by_a_restart(void **state) {
        World *w = world_running();
        char session[SESSION_SIZE];
        FenceRecord over = *fence(w, w->session);

        str_copy(session, sizeof(session), w->session);
        over.over = true;
        world_put(w, RECORD_FENCE, session, &over);
        world_restart(w, session);
        world_connect(w);
        world_pass(w, ROUND);
        assert_int_equal(w->reports[REPORT_SESSION_ADOPTED], 0);
        assert_string_not_equal(w->session, session);
        world_free(w);
}

/* ---- FenceCommand= ---- */

static void a_silent_machine_is_switched_off_and_nobody_waits(void **state) {
        World *w = beside_them(TTL / 2);

        world_pass(w, TTL * 2 / 5);
        assert_int_equal(w->done[ACTION_FENCE], 0);
        world_pass(w, TTL / 2 - TTL * 2 / 5 + 2 * ROUND);
        assert_int_equal(w->done[ACTION_FENCE], 1);
        assert_string_equal(world_lease(w)->session, THEIR_SESSION);
        world_step(w, (Event){ .kind = EVENT_FENCED, .on = true });
        world_pass(w, ROUND / 2);
        assert_true(fence(w, THEIR_SESSION)->over);
        assert_string_equal(world_lease(w)->session, w->session);
        assert_int_equal(w->done[ACTION_FENCE], 1);
        world_free(w);
}

static void a_command_that_fails_changes_nothing_and_is_not_repeated(void **state) {
        World *w = beside_them(TTL / 2);

        world_pass(w, TTL / 2 + 2 * ROUND);
        assert_int_equal(w->done[ACTION_FENCE], 1);
        world_step(w, (Event){ .kind = EVENT_FENCED, .on = false });
        assert_int_equal(w->reports[REPORT_FENCE_FAILED], 1);
        world_pass(w, ROUND / 4);
        assert_string_equal(world_lease(w)->session, THEIR_SESSION);
        world_pass(w, TTL);
        assert_int_equal(w->done[ACTION_FENCE], 1);
        assert_false(fence(w, THEIR_SESSION)->over);
        assert_string_equal(world_lease(w)->session, w->session);
        world_free(w);
}

/* The machine that was to be switched off beats again, while the command says that it is off. */
static void a_machine_that_beats_in_spite_of_the_command_keeps_its_leases(void **state) {
        World *w = beside_them(TTL / 2);

        world_pass(w, TTL / 2 + 2 * ROUND);
        assert_int_equal(w->done[ACTION_FENCE], 1);
        world_beat_them(w);
        world_step(w, (Event){ .kind = EVENT_FENCED, .on = true });
        world_pass(w, ROUND);
        assert_false(fence(w, THEIR_SESSION)->over);
        assert_string_equal(world_lease(w)->session, THEIR_SESSION);
        /* Its next silence is another one. */
        world_pass(w, TTL / 2 + 2 * ROUND);
        assert_int_equal(w->done[ACTION_FENCE], 2);
        world_free(w);
}

static void another_machine_runs_no_second_command_in_the_same_silence(void **state) {
        World *w = beside_them(TTL / 2);
        FenceRecord begun = { .silence = world_find(w, RECORD_BEAT, THEIR_SESSION)->revision };

        world_put(w, RECORD_FENCE, THEIR_SESSION, &begun);
        hear(w, RECORD_FENCE, THEIR_SESSION);
        world_pass(w, TTL - ROUND);
        assert_int_equal(w->done[ACTION_FENCE], 0);
        world_free(w);
}

/* Our own beat does not come through: we may be the one who is cut off. */
static void whoever_does_not_beat_switches_nobody_off(void **state) {
        World *w = beside_them(TTL / 2);

        w->lose = 1u << RECORD_BEAT;
        world_pass(w, TTL - ROUND);
        assert_int_equal(w->done[ACTION_FENCE], 0);
        world_free(w);
}

/* Nobody hears anything of the registry for longer than that, and then both could beat again; we do it first. */
static void nobody_is_switched_off_for_a_silence_of_the_registry(void **state) {
        World *w = beside_them(TTL / 2);

        hear(w, RECORD_BEAT, THEIR_SESSION);
        w->silent = true;
        world_pass(w, TTL * 6 / 10);
        w->silent = false;
        world_pass(w, ROUND * 3 / 2);
        assert_int_equal(w->done[ACTION_FENCE], 0);
        world_beat_them(w);
        hear(w, RECORD_BEAT, THEIR_SESSION);
        world_pass(w, TTL / 2 - ROUND);
        assert_int_equal(w->done[ACTION_FENCE], 0);
        assert_string_equal(world_lease(w)->session, THEIR_SESSION);
        world_free(w);
}

/* ---- BeatSec= ---- */

static void tell(World *w, usec_t beats_every) {
        MachineRecord them = { .hostname = "them", .session = THEIR_SESSION, .beats_every = beats_every };

        world_put(w, RECORD_MACHINE, THEM, &them);
        hear_of_them(w);
}

/* We beat often, and switch off early; they tell how often they beat, or nothing, or what cannot be. */
static void nobody_is_switched_off_before_two_of_its_periods(void **state) {
        static const struct {
                usec_t told, period;
        } cases[] = {
                { 0, ROUND },
                { USEC_PER_SEC, USEC_PER_SEC },
                { USEC_PER_SEC / 2, USEC_PER_SEC / 2 },
                { 1, ROUND },
                { TTL, ROUND },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                World *w = beside_them(400 * USEC_PER_MSEC);

                w->beats_every = 200 * USEC_PER_MSEC;
                world_restart(w, w->session);
                world_connect(w);
                tell(w, cases[i].told);
                for (unsigned n = 0; n < 10; n++) {
                        world_beat_them(w);
                        hear(w, RECORD_BEAT, THEIR_SESSION);
                        world_pass(w, n < 9 ? 200 * USEC_PER_MSEC : 0);
                }
                world_pass(w, 2 * cases[i].period - 10 * USEC_PER_MSEC);
                assert_int_equal(w->done[ACTION_FENCE], 0);
                world_pass(w, 400 * USEC_PER_MSEC);
                assert_int_equal(w->done[ACTION_FENCE], 1);
                world_free(w);
        }
}

/* Their record is another one than the one that we have read. */
static void what_a_machine_tells_is_compared_by_who_switches_it_off(void **state) {
        World *w = beside_them(400 * USEC_PER_MSEC);
        MachineRecord them = { .hostname = "them", .session = THEIR_SESSION };

        w->beats_every = 200 * USEC_PER_MSEC;
        world_restart(w, w->session);
        world_connect(w);
        tell(w, USEC_PER_SEC / 2);
        world_beat_them(w);
        hear(w, RECORD_BEAT, THEIR_SESSION);
        world_put(w, RECORD_MACHINE, THEM, &them); /* of which we do not hear */
        world_pass(w, USEC_PER_SEC + USEC_PER_SEC / 2);
        assert_int_equal(w->done[ACTION_FENCE], 0);
        world_free(w);
}

static unsigned beats_within(World *w, usec_t span) {
        uint64_t before = world_find(w, RECORD_BEAT, w->session)->revision, n = 0;
        usec_t end = w->now.boottime + span;

        while (w->now.boottime < end) {
                world_pass(w, 50 * USEC_PER_MSEC);
                n += world_find(w, RECORD_BEAT, w->session)->revision != before;
                before = world_find(w, RECORD_BEAT, w->session)->revision;
        }
        return n;
}

static const MachineRecord *our_record(World *w) {
        return &world_find(w, RECORD_MACHINE, US)->value.machine;
}

/* Somebody has written another machine's record by hand: it names their session, and a short period. */
static void give_session_to_another(World *w) {
        MachineRecord other = { .hostname = "other", .session = THEIR_SESSION, .beats_every = BEAT_MIN };

        world_put(w, RECORD_MACHINE, OTHER, &other);
        hear(w, RECORD_MACHINE, OTHER);
}

static void nobody_is_switched_off_for_the_session_of_another_machine(void **state) {
        World *w = beside_them(400 * USEC_PER_MSEC);

        give_session_to_another(w);
        hear(w, RECORD_BEAT, THEIR_SESSION);
        world_pass(w, ROUND * 3 / 2);
        assert_int_equal(w->done[ACTION_FENCE], 0);
        world_pass(w, 2 * ROUND);
        assert_int_equal(w->done[ACTION_FENCE], 1);
        assert_string_equal(w->fenced, THEM);
        world_free(w);
}

static void a_machine_is_not_over_because_another_was_confirmed_dead(void **state) {
        World *w = beside_them(0);

        give_session_to_another(w);
        hear(w, RECORD_BEAT, THEIR_SESSION);
        world_pass(w, SILENCE);
        world_step(w, (Event){ .kind = EVENT_CONFIRM, .machine_id = OTHER, .id = ID, .by = "ada@us" });
        world_pass(w, ROUND);
        assert_false(fence(w, THEIR_SESSION)->over);
        world_free(w);
}

static void a_machine_beats_as_often_as_it_tells(void **state) {
        World *w = world_running();

        assert_true(our_record(w)->beats_every == 0);
        assert_in_range(beats_within(w, TTL), 5, 6);
        w->beats_every = USEC_PER_SEC / 2;
        world_restart(w, w->session);
        world_connect(w);
        world_pass(w, USEC_PER_SEC);
        assert_true(our_record(w)->beats_every == USEC_PER_SEC / 2);
        assert_in_range(beats_within(w, TTL), 19, 21);
        assert_true(w->unit.active == ACTIVE_ACTIVE);
        world_free(w);
}

/* BeatSec= is longer after a restart, and the record cannot be written. */
static void a_machine_beats_more_seldom_only_after_it_has_told(void **state) {
        World *w = world_running();

        w->beats_every = USEC_PER_SEC / 2;
        world_restart(w, w->session);
        world_connect(w);
        world_pass(w, USEC_PER_SEC);
        w->beats_every = 0;
        w->lose = 1u << RECORD_MACHINE;
        world_restart(w, w->session);
        world_connect(w);
        world_pass(w, USEC_PER_SEC);
        assert_true(our_record(w)->beats_every == USEC_PER_SEC / 2);
        assert_in_range(beats_within(w, TTL), 19, 21);
        w->lose = 0;
        world_pass(w, ROUND);
        assert_true(our_record(w)->beats_every == 0);
        assert_in_range(beats_within(w, TTL), 4, 6);
        world_free(w);
}

/* A TTL of which BeatSec= is more than a fifth. */
static void a_short_ttl_is_never_beaten_for_too_seldom(void **state) {
        World *w = world_running();

        w->beats_every = USEC_PER_SEC;
        world_restart(w, w->session);
        world_connect(w);
        world_pass(w, USEC_PER_SEC);
        world_step(w, (Event){ .kind = EVENT_TTL, .span = 2 * USEC_PER_SEC });
        world_pass(w, 5 * USEC_PER_SEC);
        assert_true(our_record(w)->beats_every == 0);
        assert_in_range(beats_within(w, 2 * USEC_PER_SEC), 4, 6);
        assert_true(w->unit.active == ACTIVE_ACTIVE);
        world_free(w);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(nobody_waits_for_a_machine_that_was_confirmed_dead),
                cmocka_unit_test(a_machine_that_was_confirmed_dead_is_not_up_and_nothing_is_handed_to_it),
                cmocka_unit_test(a_machine_that_beats_is_not_confirmed_dead),
                cmocka_unit_test(a_beat_that_comes_before_the_confirmation_refuses_it),
                cmocka_unit_test(a_confirmation_goes_with_whoever_asked),
                cmocka_unit_test(a_session_that_began_after_the_word_is_not_meant),
                cmocka_unit_test(a_beat_that_is_newer_than_the_fence_makes_a_confirmation_void),
                cmocka_unit_test(a_machine_that_lives_lets_go_of_all_within_a_round),
                cmocka_unit_test(a_session_that_is_over_is_not_carried_on_by_a_restart),
                cmocka_unit_test(a_silent_machine_is_switched_off_and_nobody_waits),
                cmocka_unit_test(a_command_that_fails_changes_nothing_and_is_not_repeated),
                cmocka_unit_test(a_machine_that_beats_in_spite_of_the_command_keeps_its_leases),
                cmocka_unit_test(another_machine_runs_no_second_command_in_the_same_silence),
                cmocka_unit_test(whoever_does_not_beat_switches_nobody_off),
                cmocka_unit_test(nobody_is_switched_off_for_a_silence_of_the_registry),
                cmocka_unit_test(nobody_is_switched_off_before_two_of_its_periods),
                cmocka_unit_test(what_a_machine_tells_is_compared_by_who_switches_it_off),
                cmocka_unit_test(nobody_is_switched_off_for_the_session_of_another_machine),
                cmocka_unit_test(a_machine_is_not_over_because_another_was_confirmed_dead),
                cmocka_unit_test(a_machine_beats_as_often_as_it_tells),
                cmocka_unit_test(a_machine_beats_more_seldom_only_after_it_has_told),
                cmocka_unit_test(a_short_ttl_is_never_beaten_for_too_seldom),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
