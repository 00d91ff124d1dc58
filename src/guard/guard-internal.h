/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What guard.c and item.c share; no other file includes it. guard.c decides when an item has its turn. item.c carries
 * out what the item's entry asks for (guard-entry.h). */

#include <sys/stat.h>
#include <uthash.h>
#include <utlist.h>

#include "guard/alarm.h"
#include "guard/client.h"
#include "guard/freezer.h"
#include "guard/guard.h"
#include "guard/guard-entry.h"
#include "guard/killer.h"
#include "guard/pause.h"
#include "guard/pid1.h"

/* One of the units that an entry stands for: the unit that it names, or a member of that unit (protocol.h). */
typedef struct Part {
        char *name; /* owned */
        Killer killer;
        PartEnd end; /* what of the part is not killed (law 9) */
} Part;

/* A unit with its entry. An item without an entry (entry.index 0) lives until the daemon has been told that there is
 * none, and is then freed (guard_tell()). */
typedef struct Item {
        char unit[sizeof(((GuardMessage *) NULL)->unit)];
        GuardEntry entry;
        char *lease; /* the name of its lease, owned; NULL: the unit's */
        Part *parts; /* owned; the first is the unit itself */
        size_t n_parts;
        size_t stops, asks;  /* for how many parts PID 1 has not answered yet: the last stop, the last question */
        StopAnswer stopped;  /* the worst answer to the stop so far */
        UnitAnswer reported; /* the sum of the answers to the question so far: up if any part is, empty if all are */
        FrostWatch *watches; /* its groups while they are frozen, owned */
        bool tell;           /* an ENTRY is to be sent: the item is in Guard.tells */
        bool busy;           /* the item is in Guard.busy */
        uint32_t told_flags; /* GUARD_FLAG_*, as they were after the last actions */
        bool gate_failed;    /* logged: the gate cannot be removed */
        bool fence;          /* FenceAction=reboot: what the unit sets up may outlive its processes */
        usec_t fence_at;     /* when the machine is rebooted because of this unit; 0: kill_at has not come */
        struct Item *busy_prev, *busy_next, *tell_prev, *tell_next;
        UT_hash_handle hh;
} Item;

/* One turn of the loop, that is one guard_settle(). A round is once through Guard.busy, and may take several turns. */
typedef struct Turn {
        usec_t until;            /* the turn ends then: what is still due is left to the next turn */
        bool more;               /* something that was due was left to the next turn */
        bool in_round;           /* the next turn goes on with the round that this one began */
        usec_t one_by_one_until; /* until then processes are killed one by one in this round (ONE_BY_ONE) */
        usec_t over_at, took;    /* when the last turn was over, and how long it took */
} Turn;

/* A hand-over to the program that is installed now (hand-over.h). */
typedef struct HandOver {
        char *program;          /* the path of this guard's own program, owned; NULL: not known */
        sd_event_source *check; /* waits for the child that checks the program; NULL: there is none */
        pid_t child;            /* the process id of that child; 0: there is none */
        struct stat file;       /* the file that the child executes */
        bool checked;           /* the child has found that the program can take over */
        usec_t until;           /* when the hand-over is given up; 0: none is under way */
} HandOver;

/* What the guard knows of pauses of this machine (host.h). */
typedef struct Host {
        const char *root; /* below which the clock is looked for, borrowed */
        HostClock clock;
        PauseWatch pause;
        usec_t looked_at; /* when the clock was read last */
        usec_t opened_at; /* when a clock was looked for last */
        bool failed;      /* logged: the clock cannot be read any more */
} Host;

/* The guard. There are more than 30 fields, and more than five booleans, because they are independent facts; most of
 * the booleans tell what was said or logged already. All times are CLOCK_BOOTTIME. */
struct Guard {
        sd_event *event;
        sd_event_source *timer;
        Gates *gates;
        Groups *groups;
        Freezer *freezer;
        PidOne *pid_one;
        Client *client;
        Item *items; /* all, by their units' names; owned */
        Item *busy; /* items that are being stopped or whose gate is to be closed. They are looked at in each turn; the
                     * one that was served last is at the end */
        Item *tells; /* items of which the daemon is to be told */
        /* All other items are calm. None of them expires before calm_next, and the guard must have acted on the first
         * expiry by calm_watchdog, or be dead by calm_alarm. All three are worked out anew with each beat, and when
         * calm_next has come. */
        usec_t calm_next, calm_watchdog, calm_alarm;
        Item *restoring; /* files may have vanished: the item whose files are looked at next; NULL: none */
        Item *losing;    /* the guard ends: the item that is lost next; NULL: none */
        Item *moved;     /* all deadlines have moved: the item whose mark is written next; NULL: none */
        int notify_fd;
        usec_t watchdog;                 /* the deadline of which PID 1 was told last */
        Alarm alarm;                     /* ends a guard that hangs, where PID 1's watchdog would be too late */
        bool hello;                      /* HELLO is to be sent */
        bool keeps_due;                  /* GUARD_KEEPS is to be sent */
        bool synced;                     /* SYNCED has been sent */
        uint64_t serial;                 /* the highest of the daemon's requests on this connection; 0: none */
        bool mark_failed, listen_failed; /* logged: no mark can be written; the daemon cannot be served */
        usec_t look_at;                  /* when the guard looks next whether its files are there */
        usec_t ending;                   /* since when the guard ends; 0: it does not */
        bool sweeping;                   /* gates that the guard has not opened may be there, and are looked for */
        bool sweep_failed;               /* logged: one of them cannot be removed */
        bool shout;                      /* PID 1 takes no stop on the bus: the guard is to end (law 7) */
        Turn turn;
        usec_t armed; /* when the timer goes off */
        HandOver hand_over;
        Host host;
};

/* ---- item.c ---- */
/* Gives the item of that unit, borrowed. NULL: there is none. */
Item *item_find(Guard *g, const char *unit);
/* Gives the item of that unit, borrowed, and makes it if there is none, without an entry. NULL: no memory, logged. */
Item *item_obtain(Guard *g, const char *unit);
/* Adds the unit to the item's parts, unless it is one. Returns 0 or -ENOMEM. */
int item_add_part(Item *item, const char *name);
/* Takes the item out of all lists and frees it. */
void item_free(Guard *g, Item *item);
/* Reads the file of the unit's members (gate.h): adds those that are new to the item's parts, and learns whether the
 * unit has FenceAction=reboot or an ExecStopPost=. A failure is logged; the parts that are known stay. */
void item_read_members(Guard *g, Item *item);
/* The daemon is to be told how the entry is: the ENTRY is sent when the socket has room. */
void item_tell(Guard *g, Item *item);
/* Puts the item into Guard.busy if it belongs there. Otherwise takes it out, and makes calm_next, calm_watchdog and
 * calm_alarm earlier if its own times are. */
void item_place(Guard *g, Item *item);
/* Carries out a mask of EntryAction at once, has the daemon told of a change, and places the item (item_place()).
 * Failures are logged and not returned. */
void item_perform(Guard *g, Item *item, unsigned actions);
/* PID 1 has answered for one of the parts, to the stop or to the question. Returns a mask of EntryAction to be carried
 * out: 0 until all parts are answered for. */
unsigned item_part_stopped(Item *item, StopAnswer answer);
unsigned item_part_reported(Item *item, const UnitAnswer *answer);
