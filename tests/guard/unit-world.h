/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The guard itself, with a PID 1 that the test plays and a tree of control groups that are mere files: what is written
 * to a cgroup.kill stays there to be seen. The clock is the real one, so deadlines are short. Whatever fails, fails
 * the test.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/types.h>
#include <cmocka.h>

#include "guard/guard.h"
#include "guard/pid1.h"
#include "guard/protocol.h"

#define SEC USEC_PER_SEC
#define MS USEC_PER_MSEC

struct PidOne {
        const PidOneCallbacks *callbacks;
        void *userdata;
        char **stopped; /* all that it was ever asked to stop */
        char **started; /* likewise to start */
        char **up;      /* what it says is up */
        char **asked;   /* "!owner unit" to stop it, "?owner unit" how it is: without an answer yet */
        bool silent;
        bool refuses;      /* every stop */
        bool post;         /* of whatever is up, that its ExecStopPost= is running */
        bool attached;     /* of whatever is up, that it is a mount that the kernel has */
        usec_t answers_at; /* when the answers came that are being told; 0: none are */
};

typedef struct World {
        char top[64], root[128], run[128], socket[160];
        sd_event *event;
        Gates *gates;
        Guard *guard;
        int fd;
        uint64_t serial;
        GuardMessage told; /* the last ENTRY */
} World;

extern PidOne *pid_one;     /* of the guard under test */
extern unsigned n_searches; /* how often the folder of system.slice was opened */
extern pid_t test_process;  /* set by main(), for what the guard executes */
extern int check_says;      /* the exit code of the program that is checked */
/* The entries and the socket of the last hand-over, which fails otherwise; handed_on is 0 if there was none. */
extern int handed_on, handed_over;

#define turn_until(condition)                                                                                         \
        for (usec_t _end = now_boottime() + patience(); !(condition); turn(w))                                        \
                if (now_boottime() > _end)                                                                            \
                        fail_msg("waited in vain: %s", #condition);

usec_t patience(void);
void put(const char *path, const char *text);
void put_in_group(World *w, const char *group, const char *file, const char *text);
void make_unit(World *w, const char *slice, const char *unit);
bool was_killed(World *w, const char *group);
void unit_is_inactive(const char *unit);
bool exists(World *w, const char *name);
/* From now on the guard's events are read (util/event-log.h). */
void events_begin(void);
/* Whether the guard has told such an event since events_begin(). */
bool events_have(const char *text);
void members(World *w, const char *unit, const char *lines);
void turn(World *w);
void turn_through(World *w, usec_t at);
int try_connect(World *w);
void ask(World *w, GuardMessage m);
GuardMessage request(GuardMessageType type, const char *unit);
GuardMessage run_unit(World *w, const char *unit, usec_t stop, usec_t kill);
void guard_begins(World *w);
void guard_dies(World *w);
/* Removes what has this path below /run/leased; "": all of it. */
void remove_from_run(World *w, const char *what);
/* Makes a unit's environment file, as the daemon does it. */
void make_environment(World *w, const char *unit);
/* Writes a file below the top, and makes its folder. */
void put_below(World *w, const char *folder, const char *name, const char *text);
/* From now on a clock of the host, which host_open() finds below the top, shows this time. */
void host_clock_shows(World *w, usec_t t);
/* What the unit's mark says; fails the test if there is none. */
Mark mark_of(World *w, const char *unit);

int set_up(void **state);
int tear_down(void **state);

/* ---- test-gates.c, test-hand-over.c, test-beliefs.c ---- */
/* Run their tests; return how many have failed. */
int gates_tests(void);
int hand_over_tests(void);
int beliefs_tests(void);
