/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A machine's sleep (sleep.c). Included by sim.h only. */

#include "sim.h"

/* A pause that is shorter may stay unseen at the grain of a CMOS clock. */
#define PAUSE_SEEN (2100 * USEC_PER_MSEC)

typedef struct Sleep {
        enum { SLEEP_NONE, SLEEP_COMING, SLEEP_DEEP } state;
        unsigned generation;
        usec_t span;       /* how long it will sleep; 0: it is called off */
        usec_t until;      /* true time: what delays it is waited for until then */
        bool disturbed;    /* daemon, guard and PID 1 were not all well since it was announced */
        bool ready;        /* the daemon has said so, and lives */
        bool guarded;      /* the guard was well when the machine woke */
        usec_t woke_at;    /* true time */
        bool stands_still; /* a paused virtual machine: its clock does not go on */
        SimEvent *events;  /* what is due on it and must wait until it wakes */
        size_t n_events, events_size;
} Sleep;

/* logind announces it, and waits for the daemon for as long as delay. */
void machine_sleep(World *w, Machine *m, usec_t delay, usec_t span);
/* The hypervisor stops the machine, and with it the machine's own clock; nothing announces this (law 14). */
void machine_stand_still(World *w, Machine *m, usec_t span);
/* The CMOS clock of the host some time ago. It goes by true time, in steps of a second that begin elsewhere on each
 * machine. */
HostReading sleep_read_clock(const World *w, const Machine *m, usec_t ago);
/* The guard has read that clock until now. */
void sleep_learn_clock(World *w, Machine *m);
void machine_wake(World *w, Machine *m);   /* or call off what is only announced */
void sleep_end_soon(World *w, Machine *m); /* of a pause: as soon as it is long enough to be seen */
void sleep_done(World *w, Machine *m);
void sleep_event(World *w, SimEvent *e);
bool sleep_holds(World *w, const SimEvent *e); /* the event has been put aside: its machine is asleep */
void sleep_ready(World *w, Machine *m);        /* the daemon has said so */
void sleep_daemon_gone(World *w, Machine *m);
void sleep_daemon_started(World *w, Machine *m);
bool machine_is_asleep(const Machine *m);
/* What fell asleep with the machine is not running, or is about to be killed by its guard. */
bool sleep_excuses(const World *w, const Machine *m);
