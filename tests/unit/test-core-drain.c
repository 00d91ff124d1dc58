/* SPDX-License-Identifier: Apache-2.0 */

/* A drain that ends by itself when its machine has booted. */

#include "core-world.h"

#define BOOT "0000000000000000000000000000000b"
#define NEXT_BOOT "0000000000000000000000000000000c"

static void hear(World *w, RecordKind kind, const char *name) {
        const Entry *e = world_find(w, kind, name);
        Record r = { .kind = kind, .name = name, .mod_revision = e->revision, .value = &e->value };

        world_step(w, (Event){ .kind = EVENT_RECORDS,
                                      .answer = { .revision = w->revision, .records = &r, .n_records = 1 } });
}

static const MachineRecord *our_record(World *w) {
        return &world_find(w, RECORD_MACHINE, US)->value.machine;
}

/* The daemon of that boot, with what the one before remembered. */
static void restart(World *w, const char *boot) {
        static char remembered[BOOT_SIZE];
        const CoreMemory *m = core_memory(w->core);

        str_copy(remembered, sizeof(remembered), m->draining_boot);
        w->remembered_drain = (CoreMemory){
                .draining = m->draining, .draining_boot = remembered, .undrained = m->undrained
        };
        w->boot = boot;
        world_restart(w, NULL);
        world_connect(w);
        world_pass(w, 3 * TTL);
}

static World *of_boot(void) {
        World *w = world_new();

        restart(w, BOOT);
        assert_string_equal(our_record(w)->boot_id, BOOT);
        return w;
}

static void a_drain_until_reboot_ends_with_the_boot_and_not_with_the_daemon(void **state) {
        World *w = of_boot();

        world_step(w, (Event){ .kind = EVENT_DRAIN, .on = true, .brief = true });
        world_pass(w, USEC_PER_SEC);
        assert_true(our_record(w)->draining);
        assert_string_equal(our_record(w)->drained_boot, BOOT);
        restart(w, BOOT);
        assert_true(core_memory(w->core)->draining);
        assert_true(our_record(w)->draining);
        restart(w, NEXT_BOOT);
        assert_false(core_memory(w->core)->draining);
        assert_false(our_record(w)->draining);
        assert_string_equal(our_record(w)->drained_boot, "");
        assert_int_equal(w->reports[REPORT_UNDRAINED], 1);
        assert_string_equal(world_lease(w)->session, w->session);
        world_free(w);
}

static void any_other_drain_outlives_a_boot(void **state) {
        World *w = of_boot();

        world_step(w, (Event){ .kind = EVENT_DRAIN, .on = true, .brief = true });
        world_step(w, (Event){ .kind = EVENT_DRAIN, .on = true });
        world_pass(w, USEC_PER_SEC);
        restart(w, NEXT_BOOT);
        assert_true(core_memory(w->core)->draining);
        assert_true(our_record(w)->draining);
        assert_int_equal(w->reports[REPORT_UNDRAINED], 0);
        world_free(w);
}

/* The record shows the drain still, and nobody at another machine has asked for it. */
static void an_undrain_holds_over_a_restart_before_the_record_shows_it(void **state) {
        World *w = of_boot();

        world_step(w, (Event){ .kind = EVENT_DRAIN, .on = true });
        world_pass(w, USEC_PER_SEC);
        assert_true(our_record(w)->draining);
        w->silent = true;
        world_step(w, (Event){ .kind = EVENT_DRAIN, .on = false });
        assert_true(our_record(w)->draining);
        w->silent = false;
        restart(w, BOOT);
        assert_false(core_memory(w->core)->draining);
        assert_false(our_record(w)->draining);
        assert_false(core_memory(w->core)->undrained); /* a drain that is asked for elsewhere counts from now on */
        world_free(w);
}

/* An operator at another machine has written it; this machine was booted since, or was not. */
static void what_was_asked_elsewhere_holds_for_the_boot_that_was_meant(void **state) {
        for (unsigned booted = 0; booted < 2; booted++) {
                World *w = of_boot();
                MachineRecord asked = *our_record(w);

                asked.draining = true;
                str_copy(asked.drained_boot, sizeof(asked.drained_boot), booted ? NEXT_BOOT : BOOT);
                w->revision++;
                world_put(w, RECORD_MACHINE, US, &asked);
                hear(w, RECORD_MACHINE, US);
                world_pass(w, USEC_PER_SEC);
                assert_true(core_memory(w->core)->draining == !booted);
                assert_true(our_record(w)->draining == !booted);
                world_free(w);
        }
}

static void another_machine_is_told_for_its_present_boot(void **state) {
        World *w = of_boot();
        MachineRecord them = { .hostname = "them", .session = THEIR_SESSION, .boot_id = NEXT_BOOT };

        w->revision++;
        world_put(w, RECORD_MACHINE, THEM, &them);
        hear(w, RECORD_MACHINE, THEM);
        world_step(w, (Event){ .kind = EVENT_DRAIN, .machine_id = THEM, .on = true, .brief = true, .id = 7 });
        world_pass(w, USEC_PER_SEC);
        assert_true(world_find(w, RECORD_MACHINE, THEM)->value.machine.draining);
        assert_string_equal(world_find(w, RECORD_MACHINE, THEM)->value.machine.drained_boot, NEXT_BOOT);
        world_free(w);
}

/* Nothing can be written into a record that is gone, or is read by nobody. */
static void a_machine_whose_record_cannot_be_read_is_not_said_to_drain(void **state) {
        for (unsigned damaged = 0; damaged < 2; damaged++) {
                World *w = of_boot();
                MachineRecord them = { .hostname = "them", .session = THEIR_SESSION };
                Record r = { .kind = RECORD_MACHINE, .name = THEM, .damaged = damaged };

                w->revision++;
                world_put(w, RECORD_MACHINE, THEM, &them);
                hear(w, RECORD_MACHINE, THEM);
                if (damaged)
                        world_damage(w, RECORD_MACHINE, THEM);
                else
                        world_delete(w, RECORD_MACHINE, THEM);
                r.mod_revision = damaged ? w->revision : 0;
                world_step(w, (Event){ .kind = EVENT_RECORDS,
                                              .answer = { .revision = w->revision, .records = &r, .n_records = 1 } });
                world_step(w, (Event){ .kind = EVENT_DRAIN, .machine_id = THEM, .on = true, .id = 5 });
                world_pass(w, USEC_PER_SEC);
                assert_int_equal(w->done[ACTION_WORD_DONE], 1);
                assert_int_equal(w->word, WORD_UNABLE);
                world_free(w);
        }
}

static int take_held(const MachineView *v, void *userdata) {
        if (streq(v->machine_id, US))
                *(unsigned *) userdata = (unsigned) v->held;
        return 0;
}

/* A drain that waits until nothing is held would be over while the unit runs. */
static void what_is_held_by_the_session_that_is_being_left_counts(void **state) {
        World *w = world_running();
        unsigned listed = 0;
        SessionView view;

        w->lose = 1u << RECORD_LEASE;
        world_step(w, (Event){ .kind = EVENT_TTL, .span = 20 * USEC_PER_SEC });
        world_pass(w, 5 * USEC_PER_SEC);
        core_session_view(w->core, w->now, &view);
        assert_int_equal(session_ttl(view.session), 20 * USEC_PER_SEC);
        assert_string_not_equal(world_lease(w)->session, view.session);
        assert_int_equal(view.held, 1);
        (void) core_each_machine(w->core, w->now, take_held, &listed);
        assert_int_equal(listed, 1);
        world_free(w);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_drain_until_reboot_ends_with_the_boot_and_not_with_the_daemon),
                cmocka_unit_test(any_other_drain_outlives_a_boot),
                cmocka_unit_test(an_undrain_holds_over_a_restart_before_the_record_shows_it),
                cmocka_unit_test(what_was_asked_elsewhere_holds_for_the_boot_that_was_meant),
                cmocka_unit_test(another_machine_is_told_for_its_present_boot),
                cmocka_unit_test(what_is_held_by_the_session_that_is_being_left_counts),
                cmocka_unit_test(a_machine_whose_record_cannot_be_read_is_not_said_to_drain),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
