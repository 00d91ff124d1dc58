/* SPDX-License-Identifier: Apache-2.0 */

/* How a unit is on each machine, as all are told of it, and what whoever asks for changes is told. */

#include <string.h>

#include "core-world.h"

static void say_records(World *w, RecordKind kind, const char *name, const void *value) {
        Record r = { .kind = kind, .name = name, .value = value };

        world_put(w, kind, name, value);
        r.mod_revision = w->revision;
        world_step(w, (Event){ .kind = EVENT_RECORDS,
                                      .answer = { .revision = w->revision, .records = &r, .n_records = 1 } });
}

static World *theirs(void) {
        World *w = world_new();

        world_add_them(w);
        world_connect(w);
        world_pass(w, USEC_PER_SEC);
        world_beat_them(w);
        world_pass(w, 3 * USEC_PER_SEC); /* until it has been read */
        return w;
}

static void say_them(World *w) {
        MachineRecord them = { .hostname = "them", .session = THEIR_SESSION };

        say_records(w, RECORD_MACHINE, THEM, &them);
}

static const char *state_at(World *w, const char *offer) {
        static OfferView v;

        return core_find_offer(w->core, w->now, offer, &v) ? core_state_word(v.state) : "none";
}

static void say_offer(World *w, const char *active, const char *result) {
        OfferRecord offer = { .lease = "a.service", .since = w->now.realtime };

        str_copy(offer.active, sizeof(offer.active), active);
        str_copy(offer.result, sizeof(offer.result), result);
        w->revision++;
        say_records(w, RECORD_OFFER, THEM "/a.service", &offer);
}

/* The states of units are for people: they cost one write in a round at most, and none where offers are written. */
static void the_state_of_a_unit_is_told_once_in_a_round(void **state) {
        World *w = world_running();
        const OfferRecord *o = &world_find(w, RECORD_OFFER, US "/a.service")->value.offer;
        unsigned before;

        world_pass(w, TTL);
        assert_string_equal(o->active, "active");
        before = world_find(w, RECORD_OFFER, US "/a.service")->revision;
        w->unit.since = 4711;
        world_say_unit(w);
        world_pass(w, USEC_PER_SEC / 2);
        assert_int_equal(world_find(w, RECORD_OFFER, US "/a.service")->revision, before);
        world_pass(w, USEC_PER_SEC);
        assert_int_equal(o->since, 4711);
        before = 0;
        for (unsigned i = 0; i < 100; i++) { /* it is restarted ten times in a second */
                uint64_t was = world_find(w, RECORD_OFFER, US "/a.service")->revision;

                w->unit.since++;
                world_say_unit(w);
                world_pass(w, USEC_PER_SEC / 10);
                before += world_find(w, RECORD_OFFER, US "/a.service")->revision != was;
        }
        assert_in_range(before, 4, 6);
        world_free(w);
}

/* What is told when PID 1 does not answer is what it said last. */
static void a_state_stays_told_while_pid1_is_silent(void **state) {
        World *w = world_running();
        Entry *e = world_find(w, RECORD_OFFER, US "/a.service");
        uint64_t before;

        world_pass(w, TTL);
        before = e->revision;
        w->unit.known = false;
        world_say_unit(w);
        world_pass(w, TTL);
        assert_int_equal(e->revision, before);
        assert_string_equal(e->value.offer.active, "active");
        world_free(w);
}

static void the_state_on_another_machine_is_what_that_one_told(void **state) {
        World *w = theirs();
        static const struct {
                const char *active, *result, *state;
        } told[] = {
                { "active", "", "running" },
                { "reloading", "", "running" },
                { "activating", "", "starting" },
                { "deactivating", "", "stopping" },
                { "inactive", "", "stopped" },
                { "inactive", "exit-code", "failed" },
                { "failed", "timeout", "failed" },
                { "", "", "held" },
        };

        world_add_them(w);
        say_them(w);
        for (size_t i = 0; i < ELEMENTSOF(told); i++) {
                say_offer(w, told[i].active, told[i].result);
                assert_string_equal(state_at(w, THEM "/a.service"), told[i].state);
        }
        world_free(w);
}

/* A unit that moves is never shown on two machines: who has let go of it is not asked what it told before. */
static void who_has_handed_a_unit_over_does_not_run_it_any_more(void **state) {
        World *w = theirs();
        LeaseRecord ours = { .state = LEASE_HELD, .machine_id = US, .index = 8 };

        world_add_them(w);
        say_them(w);
        say_offer(w, "active", "");
        str_copy(ours.session, sizeof(ours.session), w->session);
        ours.n_debts = ours.debts[0].index = 1; /* robbed */
        str_copy(ours.debts[0].session, sizeof(ours.debts[0].session), THEIR_SESSION);
        w->revision++;
        say_records(w, RECORD_LEASE, "a.service", &ours);
        assert_string_equal(state_at(w, THEM "/a.service"), "stopping");
        ours.n_debts = 0;
        w->revision++;
        say_records(w, RECORD_LEASE, "a.service", &ours);
        assert_string_equal(state_at(w, THEM "/a.service"), "elsewhere");
        say_offer(w, "active", ""); /* told since */
        assert_string_equal(state_at(w, THEM "/a.service"), "stopping");
        world_free(w);
}

/* A machine that was booted says that the unit is down. It was not stopped by hand: its lease is of before the boot.
 */
static void a_machine_that_was_booted_waits_for_its_earlier_session(void **state) {
        static const char *const later = "00000000000000bb-10000";
        MachineRecord them = { .hostname = "them", .session = "00000000000000bb-10000" };
        BeatRecord beat = { .machine_id = THEM, .nonce = "0000000000000bae-1" };
        FenceRecord keeps = { .keeps = true };
        static const FenceRecord none;
        World *w = theirs();

        say_them(w);
        say_offer(w, "inactive", "");
        assert_string_equal(state_at(w, THEM "/a.service"), "stopped");
        say_records(w, RECORD_FENCE, THEIR_SESSION, &keeps);
        w->revision++;
        say_records(w, RECORD_BEAT, later, &beat);
        say_records(w, RECORD_FENCE, later, &none);
        say_records(w, RECORD_MACHINE, THEM, &them);
        world_pass(w, 5 * USEC_PER_SEC);
        say_records(w, RECORD_BEAT, later, &beat);
        assert_string_equal(state_at(w, THEM "/a.service"), "waiting");
        for (unsigned i = 0; i < 4; i++) {
                world_pass(w, 5 * USEC_PER_SEC);
                w->revision++;
                say_records(w, RECORD_BEAT, later, &beat);
        }
        assert_string_equal(state_at(w, THEM "/a.service"), "silent");
        world_free(w);
}

/* Who has seen a state that was over before it was told to other machines sees the next one, too. */
static void a_state_that_was_never_told_is_a_change_as_well(void **state) {
        World *w = world_running();
        OfferView v;
        uint64_t at;

        world_pass(w, TTL);
        w->unit.active = ACTIVE_RELOADING;
        world_say_unit(w);
        at = core_revision(w->core);
        assert_true(core_find_offer(w->core, w->now, US "/a.service", &v));
        assert_string_equal(v.active, "reloading");
        w->unit.active = ACTIVE_ACTIVE;
        world_say_unit(w);
        assert_true(core_find_offer(w->core, w->now, US "/a.service", &v));
        assert_string_equal(v.active, "active");
        assert_true(v.change > at && v.change <= core_revision(w->core));
        world_free(w);
}

/* What is told of b.service on their machine, when both clocks have been read. */
static OfferView look_at_b(World *w) {
        OfferView v;

        world_step(w, (Event){ .kind = EVENT_DEADLINE });
        assert_true(core_find_offer(w->core, w->now, THEM "/b.service", &v));
        return v;
}

/* What SIGTERM has ended is no job that is done, and so counts as failed; but here leased has stopped it. */
static void a_unit_that_was_released_and_that_nobody_has_is_no_unit_that_failed(void **state) {
        World *w = world_running();

        world_pass(w, TTL);
        world_step(w, (Event){ .kind = EVENT_RELEASE, .unit = "a.service" });
        w->unit.active = ACTIVE_INACTIVE;
        w->unit.failed = true;
        w->unit.empty = true;
        world_say_unit(w);
        world_pass(w, USEC_PER_SEC);
        assert_string_equal(state_at(w, US "/a.service"), "waiting");
        w->unit.result = "exit-code";
        world_say_unit(w);
        assert_string_equal(state_at(w, US "/a.service"), "failed");
        w->unit.result = NULL;
        w->unit.active = ACTIVE_FAILED;
        world_say_unit(w);
        assert_string_equal(state_at(w, US "/a.service"), "failed");
        world_free(w);
}

/* A unit that no machine takes is looked for on the screen only after a while. Where nobody has had the lease yet,
 * that time runs since this machine has known the offer. */
static void since_when_a_lease_is_held_or_free_is_told_also_of_one_that_nobody_has_had(void **state) {
        World *w = world_new();
        LeaseRecord lease = { .state = LEASE_FREE, .index = 3, .since = 77 };
        OfferRecord offer = { .lease = "b.service" };
        usec_t first;
        OfferView v;

        world_connect(w);
        world_pass(w, TTL);
        w->revision++;
        say_records(w, RECORD_OFFER, THEM "/b.service", &offer);
        first = look_at_b(w).held_since;
        assert_in_range(w->now.realtime - first, 0, USEC_PER_MSEC);
        world_pass(w, 5 * USEC_PER_SEC);
        assert_int_equal(look_at_b(w).held_since, first);
        w->behind = USEC_PER_SEC; /* the clock was set: what is told goes by the clock as it is now */
        assert_int_equal(look_at_b(w).held_since, first - USEC_PER_SEC);
        w->behind = 1000000 * USEC_PER_SEC + w->now.boottime - 2 * USEC_PER_SEC; /* to before the offer was seen */
        assert_int_equal(look_at_b(w).held_since, 0);
        w->behind = 0;
        w->revision++;
        say_records(w, RECORD_LEASE, "b.service", &lease);
        v = look_at_b(w);
        assert_int_equal(v.held_since, 77);
        assert_int_equal(v.index, 3);
        assert_false(v.holds);
        world_free(w);
}

/* Who catches up from a revision misses nothing, and hears nothing twice that is older. */
static void a_revision_tells_what_has_changed_since(void **state) {
        World *w = theirs();
        OfferView v;
        uint64_t at;

        say_offer(w, "active", "");
        at = core_revision(w->core);
        world_pass(w, USEC_PER_SEC);
        assert_true(core_find_offer(w->core, w->now, THEM "/a.service", &v));
        assert_true(v.change <= at);
        say_offer(w, "failed", "exit-code");
        assert_true(core_find_offer(w->core, w->now, THEM "/a.service", &v));
        assert_true(v.change > at && v.change <= core_revision(w->core));
        assert_string_equal(v.result, "exit-code");
        world_restart(w, NULL);
        assert_true(core_revision(w->core) == 0 || core_revision(w->core) > at);
        world_free(w);
}

/* Of a tenure that has expired the end is when its holder was last heard: what follows was an outage. */
static void an_expired_tenure_ends_when_its_holder_was_last_heard(void **state) {
        World *w = theirs();
        usec_t heard = w->now.realtime;
        const LeaseRecord *l;

        world_pass(w, 2 * TTL);
        l = world_lease(w);
        assert_string_equal(l->session, w->session);
        assert_int_equal(l->n_tenures, 1);
        assert_string_equal(l->tenures[0].why, "expired");
        assert_true(l->tenures[0].to <= heard + USEC_PER_SEC);
        assert_true(l->since >= l->tenures[0].to + TTL);
        world_free(w);
}

/* No unit has changed, and nothing that was told of it holds any more. */
static void whoever_asked_begins_again_when_the_registry_falls_silent_and_when_it_answers(void **state) {
        World *w = theirs();
        uint64_t before, silent;

        say_offer(w, "active", "");
        before = core_revision(w->core);
        w->silent = true;
        world_pass(w, TTL / 2);
        w->silent = false;
        world_pass(w, TTL / 2);
        world_beat_them(w);
        assert_true(core_knows_since(w->core, before)); /* a short silence hides nothing */
        w->silent = true;
        world_pass(w, 2 * TTL);
        assert_string_equal(state_at(w, THEM "/a.service"), "unknown");
        assert_false(core_knows_since(w->core, before));
        silent = core_revision(w->core);
        world_pass(w, TTL);
        assert_true(core_knows_since(w->core, silent));
        w->silent = false;
        world_pass(w, TTL);
        world_beat_them(w);
        assert_string_not_equal(state_at(w, THEM "/a.service"), "unknown");
        assert_false(core_knows_since(w->core, silent));
        silent = core_revision(w->core);
        world_pass(w, USEC_PER_SEC);
        assert_true(core_knows_since(w->core, silent));
        world_free(w);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_state_of_a_unit_is_told_once_in_a_round),
                cmocka_unit_test(a_state_stays_told_while_pid1_is_silent),
                cmocka_unit_test(the_state_on_another_machine_is_what_that_one_told),
                cmocka_unit_test(who_has_handed_a_unit_over_does_not_run_it_any_more),
                cmocka_unit_test(a_machine_that_was_booted_waits_for_its_earlier_session),
                cmocka_unit_test(a_state_that_was_never_told_is_a_change_as_well),
                cmocka_unit_test(since_when_a_lease_is_held_or_free_is_told_also_of_one_that_nobody_has_had),
                cmocka_unit_test(a_revision_tells_what_has_changed_since),
                cmocka_unit_test(a_unit_that_was_released_and_that_nobody_has_is_no_unit_that_failed),
                cmocka_unit_test(an_expired_tenure_ends_when_its_holder_was_last_heard),
                cmocka_unit_test(whoever_asked_begins_again_when_the_registry_falls_silent_and_when_it_answers),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
