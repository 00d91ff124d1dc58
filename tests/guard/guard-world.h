/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A machine with a guard, as the scenes of guard-probe.c see it: the shell, the state of units, the guard's socket (of
 * which this program has the daemon's end), and a fresh guard for each scene. Whatever fails, fails the scene.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/types.h>
#include <cmocka.h>

#include "guard/protocol.h"

#define SEC USEC_PER_SEC
#define MS USEC_PER_MSEC
#define PATIENCE (15 * SEC)
#define UNITS "/run/systemd/system/"
#define MARKS "/run/leased/guard"
/* What the design leaves between kill_at and the moment when another machine may start the unit (DESIGN: 350 ms). */
#define SLACK (350 * MS)

#define sh(command) assert_int_equal(system(command), 0)
#define begin() printf("# %s\n", __func__)
#define wait_until(condition)                                                                                         \
        for (usec_t _end = now_boottime() + PATIENCE; !(condition); look_again(2))                                    \
                if (now_boottime() > _end)                                                                            \
                        fail_msg("waited in vain: %s", #condition);

bool succeeds(const char *format, ...) _printf_(1, 2);
void put(const char *path, const char *text);
void outside(const char *request);
/* Lets a moment pass between two looks at a state. */
void look_again(unsigned ms);
void pass_until(usec_t at);
bool is_active(const char *unit);
bool has_gate(const char *unit);
/* No process of it. */
bool is_gone(const char *unit);
pid_t guard_pid(void);
void write_unit(const char *unit, const char *service);
void disconnect_guard(void);
int try_connect(void);
/* False: nothing within the time. */
bool receive(GuardMessage *m, usec_t end);
/* Entries told on connection are counted. */
unsigned connect_guard(void);
GuardMessage request_for(GuardMessageType type, const char *unit);
/* Sends it and returns the answer. */
GuardMessage ask(GuardMessage request);
GuardMessage arm_from(const char *unit, usec_t t0, usec_t stop, usec_t kill);
void beat(usec_t t0);
GuardMessage lose(const char *unit, usec_t kill_at);
/* Armed, opened and started as the daemon does it; returns the entry. */
GuardMessage run_unit(const char *unit, usec_t stop, usec_t kill);
/* Waits for an ENTRY with these flags (at least), and says when it came. */
usec_t wait_flags(const char *unit, uint32_t flags);
/* When the last of its processes was seen, until the guard says that it is down (or, without a guard, it is gone for
 * half a second). Looks every millisecond. */
usec_t last_seen(const char *unit);
void tell_late(const char *what, usec_t at, usec_t due);
void assert_gone_in_time(const char *unit, usec_t kill_at);
int fresh_guard(void **state);
int no_guard(void **state);

/* ---- guard-probe-refusal.c ---- */
/* Runs its scenes; returns how many have failed. */
int refusal_tests(void);
