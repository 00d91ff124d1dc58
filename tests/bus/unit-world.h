/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The world of unit-probe: one unit behind its gate on a real PID 1, and what its owner was told of it.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pid1/pid1-unit.h"
#include "util/cgroup.h"
#include "util/file-util.h"

#define UNIT "probe.service"
#define GATE "/run/leased/held/" UNIT
#define GUARD "probe-guard.service"
#define UNITS "/etc/systemd/system/"
#define DROPIN UNITS UNIT ".d/zzzz-leased.conf"
#define LATER_DROPIN UNITS UNIT ".d/zzzzz-administrator.conf"
#define DEADLINE (15 * USEC_PER_SEC)
#define SLEEP "ExecStart=/bin/sleep infinity\n"

typedef struct Seen {
        unsigned reports, refused, failed;
        usec_t unknown_at;
        bool was_unknown;
        int error;
        char message[256];
        bool free_inside;
} Seen;

typedef struct Answered {
        bool done;
        int error;
        char text[256];
} Answered;

extern sd_event *event;
extern sd_bus *bus;
extern Pid1 *manager;
extern Pid1Unit *unit;
extern Seen seen;
extern unsigned reloads;
extern const Pid1UnitCallbacks callbacks;

/* The outside. */
#define sh(command) assert_int_equal(system(command), 0)
void put(const char *path, const char *text);
/* What only the outside of the guest can do. */
void outside(const char *request);
void connect_bus(void);

#define wait_for(condition)                                                                                           \
        do {                                                                                                          \
                usec_t _end = now_boottime() + DEADLINE;                                                              \
                while (!(condition)) {                                                                                \
                        if (now_boottime() > _end)                                                                    \
                                fail_msg("never came: %s (%u reports)", #condition, seen.reports);                    \
                        assert_true(sd_event_run(event, 100000) >= 0);                                                \
                }                                                                                                     \
        } while (false)

const Pid1UnitStatus *status(void);
/* Everything that PID 1 had said before this call has been heard, and the state read since. */
void settle(Pid1Unit *u);
bool is(Pid1Active active);
/* Answers the client's own questions into an Answered. */
void on_answer(int error, const char *text, void *userdata);

/* One world a test. */
int open_world(void **state);
int close_world(void **state);
int clean(void **state);
void begin(usec_t poll);
/* A unit behind its gate, as leasectl enable leaves it. */
void install(const char *service);
void watch(const char *name);
void start_and_wait(void);

/* unit-probe-ending.c */
extern const struct CMUnitTest ending_tests[];
extern const size_t n_ending_tests;

/* unit-probe-alone.c */
extern const struct CMUnitTest alone_tests[];
extern const size_t n_alone_tests;

/* unit-probe-many.c */
extern const struct CMUnitTest many_tests[];
extern const size_t n_many_tests;

/* unit-probe-trouble.c */
void a_slow_reload_makes_nothing_unknown(void **state);
void a_frozen_pid1_is_unknown_in_time_and_known_again(void **state);
void a_frozen_pid1_is_asked_for_no_more_jobs_than_the_bus_allows(void **state);
void pid1_executing_itself_anew_is_survived(void **state);
void a_new_broker_is_survived(void **state);
void a_lost_subscription_only_costs_time(void **state);
void a_signal_that_is_not_pid1s_is_not_believed(void **state);
void a_refused_call_comes_through_the_callback(void **state);
