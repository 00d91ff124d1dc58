/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The checks and the counts (check.c). Included by sim.h only. */

#include "sim.h"

typedef struct Counts {
        uint64_t steps, events, txns, refused, unknown, beats;
        uint64_t births, starts, acquired, takeovers, steals, transfers, releases, adopted, expired, resumed, lost;
        uint64_t sessions, calls, fell_back, foreign, done, by_hand, failed_units, asked, late_forks, slept, stuck;
        uint64_t elapses, skipped; /* of timers: those that had a run, and those that had none */
        uint64_t mishaps[_MISHAP_MAX];
        usec_t gap_max, recovery_max, late_fork_max, slept_max, model_time;
} Counts;

typedef struct LeaseCheck {
        unsigned running;     /* bit for each machine on which there are processes */
        uint64_t start_index; /* LEASE_INDEX of the last start */
        int start_machine;    /* and where it was */
        unsigned start_boot;
        uint64_t index; /* highest of the record */
        char holder[SESSION_SIZE], machine_id[MACHINE_SIZE];
        uint64_t elapse;        /* of a timer: the last one that had a run */
        usec_t meddled_at;      /* reboots.h */
        usec_t stopped_at;      /* when the last process ended; 0: it runs, or never has */
        usec_t held_down_until; /* on some machine, after it failed for good, or its gate could not be opened */
} LeaseCheck;

void check_birth(World *w, Machine *m, size_t unit, Slot slot);
void check_death(World *w, Machine *m, size_t unit, const Process *p);
void check_pace(World *w, Machine *m); /* before each step */
/* All processes of the unit are frozen; they go on, and those that PID 1 has thawed must be dead soon. */
void check_frozen(World *w, Machine *m, size_t unit);
void check_thawed(World *w, Machine *m, size_t unit, bool by_pid1);
void check_late_fork(World *w, SimEvent *e);
void check_action(World *w, Machine *m, int unit, const Action *a);
void check_commit(World *w, const Message *q); /* before it is applied */
void check_lease_put(World *w, uint32_t key, const LeaseRecord *l);
void check_report(World *w, int unit, const Action *a);
/* A timer elapses, and its job runs. */
void check_elapse(World *w, const Machine *m, size_t unit, uint64_t elapse);
/* Everything has healed: does each lease's unit run on exactly one machine? */
bool check_all_run(const World *w);
void world_fail(World *w, const char *format, ...) _printf_(2, 3);
void counts_add(Counts *sum, const Counts *c);
