/* SPDX-License-Identifier: Apache-2.0 */

/* What an operator at one machine asks of the machine that holds a unit. */

#include "core-cluster.h"

static Cluster *three_machines(void) {
        Cluster *c = cluster_new(3, 1);

        cluster_start_all(c);
        cluster_pass(c, 5 * USEC_PER_SEC);
        assert_in_range(cluster_runs_on(c, 0), 0, 2);
        return c;
}

static size_t requests(Cluster *c) {
        size_t n = 0;

        for (const ClusterEntry *e = c->entries; e; e = e->hh.next)
                n += e->kind == RECORD_REQUEST && e->revision > 0;
        return n;
}

static void ask(Cluster *c, size_t at, RequestVerb verb, const char *target) {
        cluster_event(c, at,
                        (Event){ .kind = EVENT_REQUEST,
                                        .id = 77,
                                        .verb = verb,
                                        .unit = c->names[0],
                                        .machine_id = target,
                                        .by = "root@asker" });
}

static void a_release_is_carried_out_by_the_holder_and_the_history_says_who_asked(void **state) {
        Cluster *c = three_machines();
        int holder = cluster_runs_on(c, 0);
        uint64_t index = cluster_lease(c, 0)->index;
        const LeaseRecord *l;

        ask(c, (size_t) (holder + 1) % 3, REQUEST_RELEASE, NULL);
        cluster_pass(c, 5 * USEC_PER_SEC);
        l = cluster_lease(c, 0);
        assert_true(l->index > index);
        assert_int_not_equal(cluster_runs_on(c, 0), holder);
        assert_string_equal(l->tenures[l->n_tenures - 1].by, "root@asker");
        assert_int_equal(requests(c), 0);
        cluster_free(c);
}

static void a_transfer_goes_to_the_machine_that_was_named(void **state) {
        Cluster *c = three_machines();
        int holder = cluster_runs_on(c, 0);
        size_t target = (size_t) (holder + 2) % 3;

        ask(c, (size_t) (holder + 1) % 3, REQUEST_TRANSFER, c->machines[target].id);
        cluster_pass(c, 5 * USEC_PER_SEC);
        assert_int_equal(cluster_runs_on(c, 0), target);
        assert_int_equal(requests(c), 0);
        cluster_free(c);
}

static void a_transfer_goes_to_a_machine_that_only_stands_back(void **state) {
        Cluster *c = three_machines();
        int holder = cluster_runs_on(c, 0);

        ask(c, (size_t) (holder + 1) % 3, REQUEST_RELEASE, NULL);
        cluster_pass(c, 5 * USEC_PER_SEC);
        assert_int_not_equal(cluster_runs_on(c, 0), holder);
        ask(c, (size_t) holder, REQUEST_TRANSFER, c->machines[holder].id);
        cluster_pass(c, 5 * USEC_PER_SEC);
        assert_int_equal(cluster_runs_on(c, 0), holder);
        cluster_free(c);
}

static void a_restart_stays_where_the_unit_is(void **state) {
        Cluster *c = three_machines();
        int holder = cluster_runs_on(c, 0);
        unsigned starts = c->machines[holder].units[0].starts;
        uint64_t index = cluster_lease(c, 0)->index;

        ask(c, (size_t) (holder + 1) % 3, REQUEST_RESTART, NULL);
        cluster_pass(c, 5 * USEC_PER_SEC);
        assert_int_equal(cluster_runs_on(c, 0), holder);
        assert_int_equal(c->machines[holder].units[0].starts, starts + 1);
        assert_int_equal(cluster_lease(c, 0)->index, index);
        assert_int_equal(requests(c), 0);
        cluster_free(c);
}

static void a_stop_keeps_the_lease_and_a_start_ends_it(void **state) {
        Cluster *c = three_machines();
        int holder = cluster_runs_on(c, 0);
        uint64_t index = cluster_lease(c, 0)->index;
        const UnitReport *report = &c->machines[holder].units[0].report;

        ask(c, (size_t) (holder + 1) % 3, REQUEST_STOP, NULL);
        cluster_pass(c, 30 * USEC_PER_SEC);
        assert_int_equal(report->active, ACTIVE_INACTIVE);
        assert_int_equal(cluster_lease(c, 0)->state, LEASE_HELD);
        ask(c, (size_t) (holder + 1) % 3, REQUEST_START, NULL);
        cluster_pass(c, 5 * USEC_PER_SEC);
        assert_int_equal(report->active, ACTIVE_ACTIVE);
        assert_int_equal(cluster_lease(c, 0)->index, index);
        cluster_free(c);
}

static const RequestRecord *request_record(Cluster *c) {
        for (const ClusterEntry *e = c->entries; e; e = e->hh.next)
                if (e->kind == RECORD_REQUEST && e->revision > 0)
                        return e->value;
        return NULL;
}

/* The holder hears nothing until its core is put back. */
static Core *silence(Cluster *c, int machine) {
        Core *core = c->machines[machine].core;

        c->machines[machine].core = NULL;
        return core;
}

/* A request as another hand, or an old copy of the registry, may write it. */
static void forge(Cluster *c, const char *from, RequestStage stage, RequestVerb verb) {
        int holder = cluster_runs_on(c, 0);
        char name[RECORD_NAME_SIZE] = {};
        RequestRecord r = { .verb = verb, .stage = stage, .index = cluster_lease(c, 0)->index, .within = CLUSTER_TTL };

        str_copy(r.unit, sizeof(r.unit), c->names[0]);
        request_format_name(c->machines[holder].id, from, 1, name);
        cluster_put(c, RECORD_REQUEST, name, &r);
}

static void a_request_that_was_withdrawn_is_never_carried_out(void **state) {
        Cluster *c = three_machines();
        int holder = cluster_runs_on(c, 0);
        size_t asker = (size_t) (holder + 1) % 3;
        uint64_t index = cluster_lease(c, 0)->index;
        Core *core = silence(c, holder);

        ask(c, asker, REQUEST_RELEASE, NULL);
        assert_int_equal(request_record(c)->stage, REQUEST_ASKED);
        cluster_event(c, asker, (Event){ .kind = EVENT_WITHDRAW, .id = 77 });
        assert_int_equal(request_record(c)->stage, REQUEST_REFUSED);
        assert_int_equal(c->word, WORD_WITHDRAWN);
        c->machines[holder].core = core;
        cluster_pass(c, 5 * USEC_PER_SEC);
        assert_int_equal(cluster_runs_on(c, 0), holder);
        assert_int_equal(cluster_lease(c, 0)->index, index);
        assert_int_equal(requests(c), 0);
        assert_int_equal(c->words, 1);
        cluster_free(c);
}

static void a_request_of_a_daemon_that_was_restarted_is_ended(void **state) {
        Cluster *c = three_machines();
        int holder = cluster_runs_on(c, 0);
        size_t asker = (size_t) (holder + 1) % 3;
        uint64_t index = cluster_lease(c, 0)->index;
        Core *core = silence(c, holder);

        ask(c, asker, REQUEST_RELEASE, NULL);
        cluster_restart(c, asker);
        cluster_pass(c, 3 * USEC_PER_SEC);
        assert_int_equal(requests(c), 0);
        c->machines[holder].core = core;
        cluster_pass(c, 5 * USEC_PER_SEC);
        assert_int_equal(cluster_lease(c, 0)->index, index);
        cluster_free(c);
}

/* A delayed copy of the put would find the request absent otherwise, and be carried out again. */
static void a_request_is_there_until_the_next_beat_of_whoever_asked(void **state) {
        Cluster *c = three_machines();
        int holder = cluster_runs_on(c, 0);

        ask(c, (size_t) (holder + 1) % 3, REQUEST_RESTART, NULL);
        assert_int_equal(request_record(c)->stage, REQUEST_BEGUN);
        assert_int_equal(c->word, WORD_BEGUN);
        cluster_pass(c, 3 * USEC_PER_SEC);
        assert_int_equal(requests(c), 0);
        cluster_free(c);
}

static void a_request_that_is_there_again_is_not_carried_out_again(void **state) {
        Cluster *c = three_machines();
        int holder = cluster_runs_on(c, 0);
        size_t asker = (size_t) (holder + 1) % 3;
        unsigned starts = c->machines[holder].units[0].starts;

        forge(c, c->machines[asker].core->own.name, REQUEST_ASKED, REQUEST_RESTART);
        cluster_say_unit(c, (size_t) holder, 0);
        assert_int_equal(c->machines[holder].units[0].starts, starts + 1);
        forge(c, c->machines[asker].core->own.name, REQUEST_ASKED, REQUEST_RESTART);
        cluster_pass(c, 3 * USEC_PER_SEC);
        assert_int_equal(c->machines[holder].units[0].starts, starts + 1);
        cluster_free(c);
}

static void a_request_that_an_earlier_process_has_taken_is_refused(void **state) {
        Cluster *c = three_machines();
        int holder = cluster_runs_on(c, 0), asker = (holder + 1) % 3;
        unsigned starts = c->machines[holder].units[0].starts;
        char session[SESSION_SIZE];
        Core *core;

        str_copy(session, sizeof(session), c->machines[asker].core->own.name);
        core = silence(c, asker);
        forge(c, session, REQUEST_TAKEN, REQUEST_RESTART);
        c->machines[asker].core = core;
        assert_int_equal(request_record(c)->stage, REQUEST_REFUSED);
        assert_int_equal(request_record(c)->code, WHY_REQUEST_DROPPED);
        cluster_pass(c, 3 * USEC_PER_SEC);
        assert_int_equal(c->machines[holder].units[0].starts, starts);
        cluster_free(c);
}

static void a_request_of_a_dead_session_is_not_carried_out(void **state) {
        Cluster *c = three_machines();
        int holder = cluster_runs_on(c, 0);
        uint64_t index = cluster_lease(c, 0)->index;
        char name[RECORD_NAME_SIZE] = {};
        RequestRecord r = { .verb = REQUEST_RELEASE, .index = index, .within = CLUSTER_TTL };

        str_copy(r.unit, sizeof(r.unit), c->names[0]);
        request_format_name(c->machines[holder].id, "0123456789abcdef-10000", 1, name);
        cluster_put(c, RECORD_REQUEST, name, &r);
        cluster_pass(c, CLUSTER_TTL + 2 * USEC_PER_SEC);
        assert_int_equal(requests(c), 0);
        assert_int_equal(cluster_lease(c, 0)->index, index);
        cluster_free(c);
}

static void what_no_machine_can_do_is_refused_at_once(void **state) {
        Cluster *c = three_machines();
        int holder = cluster_runs_on(c, 0);
        size_t asker = (size_t) (holder + 1) % 3;

        ask(c, asker, REQUEST_TRANSFER, c->machines[holder].id);
        assert_int_equal(c->word, WORD_UNABLE);
        assert_int_equal(c->why, WHY_HERE_ALREADY);
        ask(c, asker, REQUEST_REARM, NULL);
        assert_int_equal(c->word, WORD_NOT_DONE);
        cluster_event(c, asker,
                        (Event){ .kind = EVENT_REQUEST, .id = 78, .verb = REQUEST_STOP, .unit = "nobodys.service" });
        assert_int_equal(c->word, WORD_UNABLE);
        assert_int_equal(c->why, WHY_NOT_ENABLED);
        assert_int_equal(c->words, 3);
        cluster_free(c);
}

static void a_machine_that_does_not_answer_is_not_waited_for_long(void **state) {
        Cluster *c = three_machines();
        int holder = cluster_runs_on(c, 0);
        size_t asker = (size_t) (holder + 1) % 3;

        (void) core_free(silence(c, holder));
        ask(c, asker, REQUEST_STOP, NULL);
        cluster_pass(c, 2 * CLUSTER_TTL - USEC_PER_SEC);
        assert_int_equal(c->words, 0);
        cluster_pass(c, 2 * USEC_PER_SEC);
        assert_int_equal(c->word, WORD_UNABLE);
        assert_int_equal(c->why, WHY_REQUEST_UNANSWERED);
        cluster_pass(c, 3 * USEC_PER_SEC);
        assert_int_equal(requests(c), 0);
        cluster_free(c);
}

static void many_requests_are_carried_out_a_few_at_a_time(void **state) {
        enum { UNITS = 100 };
        Cluster *c = cluster_new(2, UNITS);
        unsigned before[UNITS];
        size_t most = 0, holder;

        cluster_start_all(c);
        cluster_pass(c, 20 * USEC_PER_SEC);
        holder = cluster_count(c, 0) > cluster_count(c, 1) ? 0 : 1;
        for (size_t i = 0; i < UNITS; i++)
                before[i] = c->machines[holder].units[i].starts;
        for (size_t i = 0; i < UNITS; i++) {
                cluster_event(c, 1 - holder,
                                (Event){ .kind = EVENT_REQUEST,
                                                .id = i + 1,
                                                .verb = REQUEST_RESTART,
                                                .unit = c->names[i] });
                most = MAX(most, requests(c));
        }
        assert_in_range(most, 1, 32);
        cluster_pass(c, 20 * USEC_PER_SEC);
        assert_int_equal(c->words, UNITS);
        assert_int_equal(c->word, WORD_BEGUN);
        for (size_t i = 0; i < UNITS; i++)
                if (cluster_runs_on(c, i) == (int) holder)
                        assert_int_equal(c->machines[holder].units[i].starts, before[i] + 1);
        assert_int_equal(requests(c), 0);
        cluster_free(c);
}

static void the_history_says_who_asked_the_holder_itself(void **state) {
        Cluster *c = three_machines();
        int holder = cluster_runs_on(c, 0);
        const LeaseRecord *l;

        cluster_event(c, (size_t) holder,
                        (Event){ .kind = EVENT_RELEASE, .id = 1, .unit = c->names[0], .by = "anna@alpha" });
        cluster_pass(c, USEC_PER_SEC);
        l = cluster_lease(c, 0);
        assert_string_equal(l->tenures[l->n_tenures - 1].by, "anna@alpha");
        holder = cluster_runs_on(c, 0);
        cluster_power_cut(c, (size_t) holder);
        cluster_pass(c, 2 * CLUSTER_TTL);
        l = cluster_lease(c, 0);
        assert_string_equal(l->tenures[l->n_tenures - 1].by, "");
        cluster_free(c);
}

static void the_history_says_who_drained_the_machine(void **state) {
        Cluster *c = three_machines();
        int holder = cluster_runs_on(c, 0);
        const LeaseRecord *l;

        cluster_event(c, (size_t) (holder + 1) % 3,
                        (Event){ .kind = EVENT_DRAIN,
                                        .id = 1,
                                        .machine_id = c->machines[holder].id,
                                        .on = true,
                                        .by = "anna@alpha" });
        cluster_pass(c, 5 * USEC_PER_SEC);
        l = cluster_lease(c, 0);
        assert_int_equal(tenure_why(l->tenures + l->n_tenures - 1), WHY_DRAIN);
        assert_string_equal(l->tenures[l->n_tenures - 1].by, "anna@alpha");
        holder = cluster_runs_on(c, 0);
        cluster_event(c, (size_t) holder, (Event){ .kind = EVENT_DRAIN, .on = true, .by = "otto@beta" });
        cluster_pass(c, 5 * USEC_PER_SEC);
        l = cluster_lease(c, 0);
        assert_string_equal(l->tenures[l->n_tenures - 1].by, "otto@beta");
        cluster_free(c);
}

/* PID 1 was asked to stop the unit, and its job was cancelled. */
static void a_unit_that_crashes_after_a_stop_that_was_not_is_no_unit_that_was_stopped(void **state) {
        Cluster *c = three_machines();
        int holder = cluster_runs_on(c, 0);
        ClusterUnit *u = c->machines[holder].units;

        u->slow = true;
        ask(c, (size_t) (holder + 1) % 3, REQUEST_STOP, NULL);
        assert_int_equal(u->report.active, ACTIVE_DEACTIVATING);
        u->report.active = ACTIVE_ACTIVE;
        for (size_t i = 0; i < 5; i++) {
                cluster_pass(c, 3 * USEC_PER_SEC);
                cluster_say_unit(c, (size_t) holder, 0);
        }
        u->report.active = ACTIVE_FAILED;
        u->report.failed = u->report.empty = true;
        cluster_say_unit(c, (size_t) holder, 0);
        u->slow = false;
        cluster_pass(c, 5 * USEC_PER_SEC);
        assert_in_range(cluster_runs_on(c, 0), 0, 2);
        cluster_free(c);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_release_is_carried_out_by_the_holder_and_the_history_says_who_asked),
                cmocka_unit_test(a_transfer_goes_to_the_machine_that_was_named),
                cmocka_unit_test(a_transfer_goes_to_a_machine_that_only_stands_back),
                cmocka_unit_test(a_stop_keeps_the_lease_and_a_start_ends_it),
                cmocka_unit_test(a_restart_stays_where_the_unit_is),
                cmocka_unit_test(a_request_that_was_withdrawn_is_never_carried_out),
                cmocka_unit_test(a_request_of_a_daemon_that_was_restarted_is_ended),
                cmocka_unit_test(a_request_is_there_until_the_next_beat_of_whoever_asked),
                cmocka_unit_test(a_request_that_is_there_again_is_not_carried_out_again),
                cmocka_unit_test(a_request_that_an_earlier_process_has_taken_is_refused),
                cmocka_unit_test(a_request_of_a_dead_session_is_not_carried_out),
                cmocka_unit_test(what_no_machine_can_do_is_refused_at_once),
                cmocka_unit_test(a_machine_that_does_not_answer_is_not_waited_for_long),
                cmocka_unit_test(many_requests_are_carried_out_a_few_at_a_time),
                cmocka_unit_test(the_history_says_who_asked_the_holder_itself),
                cmocka_unit_test(the_history_says_who_drained_the_machine),
                cmocka_unit_test(a_unit_that_crashes_after_a_stop_that_was_not_is_no_unit_that_was_stopped),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
