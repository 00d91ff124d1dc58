/* SPDX-License-Identifier: Apache-2.0 */

/* The lines for the checker of the laws say what tests/laws/README.md says, in one piece each, and nobody waits. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "daemon/event-lines.h"
#include "util/event-log.h"
#include "util/file-util.h"

static char directory[] = "/tmp/leased-event-lines-XXXXXX", path[64];

/* Checks that the next line of the file ends so, and begins with a time, a machine, a program and a process id. */
static void expect(const char *words) {
        static size_t read_to;
        _cleanup_free_ char *text = NULL, *line = NULL;
        char machine[65], program[65];
        unsigned long long at;
        size_t size;
        int pid, n = 0;

        assert_int_equal(read_file(path, 1 << 20, &text, &size), 0);
        line = strndup(text + read_to, strcspn(text + read_to, "\n"));
        assert_non_null(line);
        read_to += strlen(line) + 1;
        assert_int_equal(read_to, size); /* it is the last one */
        assert_int_equal(sscanf(line, "%llu %64s %64s %d %n", &at, machine, program, &pid, &n), 4);
        assert_true(at > 0);
        assert_int_equal(pid, getpid());
        assert_string_equal(line + n, words);
}

static void nothing_is_written_unless_it_is_switched_on(void **state) {
        (void) unsetenv("LEASED_EVENT_LOG");
        event_log_open();
        assert_false(event_log_is_on());
        event_log(0, "nothing");
        event_lines_action(&(Action){ .kind = ACTION_GUARD_BEAT, .t0 = 1 });

        assert_int_equal(mkfifo(path, 0600), 0); /* that nobody reads: it is not opened */
        (void) setenv("LEASED_EVENT_LOG", path, 1);
        event_log_open();
        assert_false(event_log_is_on());
        assert_int_equal(unlink(path), 0);
}

static void a_line_has_its_time_and_who_wrote_it(void **state) {
        event_log_open();
        assert_true(event_log_is_on());
        event_log(0, "begin %s", "here");
        expect("begin here");
}

static void a_transaction_is_told_with_all_that_the_laws_speak_of(void **state) {
        static const BeatRecord beat = { .nonce = "x" };
        static const FenceRecord fence = { .counter = 3, .over = true };
        static const LeaseRecord lease = {
                .state = LEASE_HELD, .session = "s-5000", .index = 7, .n_debts = 1, .debts = { { "r-5000", 6 } }
        };
        const Key compares[] = { { RECORD_LEASE, "web", 12 }, { RECORD_META, "", 0 } };
        const Record puts[] = {
                { .kind = RECORD_LEASE, .name = "web", .lease = &lease },
                { .kind = RECORD_FENCE, .name = "r-5000", .fence = &fence },
                { .kind = RECORD_BEAT, .name = "s-5000", .beat = &beat },
        };
        const Key deletes[] = { { RECORD_BEAT, "old-5000", 0 } };

        event_lines_action(&(Action){
                        .kind = ACTION_TXN, .id = 5, .txn = { compares, 2, puts, ELEMENTSOF(puts), deletes, 1 } });
        expect("txn 5 if leases/web#12 if meta#0 put leases/web=held,s-5000,7,0,r-5000:6 put fences/r-5000=3,over put "
               "beats/s-5000 delete beats/old-5000");
        event_lines_event(&(Event){ .kind = EVENT_TXN,
                                          .id = 5,
                                          .answer = { .outcome = OUTCOME_REFUSED, .revision = 13 } },
                        9);
        expect("answer 5 refused 13");
}

static void a_read_is_told_with_its_keys_or_its_kinds(void **state) {
        const Key keys[] = { { RECORD_LEASE, "web", 0 }, { RECORD_FENCE, "s-5000", 0 } };

        event_lines_action(&(Action){ .kind = ACTION_READ, .id = 6, .keys = keys, .n_keys = 2 });
        expect("read 6 leases/web fences/s-5000");
        event_lines_action(&(Action){
                        .kind = ACTION_READ, .id = 7, .list_kinds = 1u << RECORD_LEASE | 1u << RECORD_BEAT });
        expect("read 7 beats/ leases/");
        event_lines_action(&(Action){ .kind = ACTION_READ, .id = 8, .list_kinds = 1u << RECORD_BEAT, .since = 4 });
        expect("read 8"); /* keys and revisions only */
}

static void what_the_guard_and_pid_1_are_told(void **state) {
        const Action of_unit = { .unit = "web.service", .lease = "web", .index = 7, .t0 = 1, .stop = 2, .kill = 3 };
        static const struct {
                ActionKind kind;
                const char *line;
        } rows[] = {
                { ACTION_GUARD_ARM, "arm web.service web 7 1 2 3" },
                { ACTION_GUARD_BEAT, "beat 1" },
                { ACTION_GUARD_LOSE, "lose web.service web 7" },
                { ACTION_GUARD_DISARM, "disarm web.service web 7" },
                { ACTION_GATE_OPEN, "open web.service web 7" },
                { ACTION_GATE_CLOSE, "close web.service web 7" },
                { ACTION_UNIT_START, "start web.service web 7" },
                { ACTION_UNIT_STOP, "stop web.service web 7" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                Action a = of_unit;

                a.kind = rows[i].kind;
                event_lines_action(&a);
                expect(rows[i].line);
        }
        event_lines_action(&(Action){ .kind = ACTION_UNIT_READ, .unit = "web.service" }); /* of this no line is made */
        event_lines_action(&(Action){ .kind = ACTION_GATE_CLOSE, .unit = "web.service" });
        expect("close web.service - 0");
}

static void a_unit_is_told_as_down_only_when_nothing_of_it_is_left(void **state) {
        Event e = { .kind = EVENT_UNIT,
                .unit = "web.service",
                .report = { .known = true, .asked_at = 4, .active = ACTIVE_FAILED, .empty = true } };

        event_lines_event(&e, 9);
        expect("is-down web.service 4");
        for (int i = 0; i < 4; i++) {
                Event other = e;

                other.report.known = i != 0;
                other.report.empty = i != 1;
                other.report.job = i == 2;
                other.report.active = i == 3 ? ACTIVE_DEACTIVATING : ACTIVE_INACTIVE;
                event_lines_event(&other, 9);
        }
        event_log(0, "last");
        expect("last");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(nothing_is_written_unless_it_is_switched_on),
                cmocka_unit_test(a_line_has_its_time_and_who_wrote_it),
                cmocka_unit_test(a_transaction_is_told_with_all_that_the_laws_speak_of),
                cmocka_unit_test(a_read_is_told_with_its_keys_or_its_kinds),
                cmocka_unit_test(what_the_guard_and_pid_1_are_told),
                cmocka_unit_test(a_unit_is_told_as_down_only_when_nothing_of_it_is_left),
        };
        int r;

        if (!mkdtemp(directory))
                return EXIT_FAILURE;
        (void) snprintf(path, sizeof(path), "%s/log", directory);
        r = cmocka_run_group_tests(tests, NULL, NULL);
        (void) unlink(path);
        (void) rmdir(directory);
        return r;
}
