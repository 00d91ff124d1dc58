/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What guard.c and item.c share; nobody else includes it. guard.c decides when an item has its turn, item.c does what
 * its entry wants done. */

#include <uthash.h>
#include <utlist.h>

#include "guard/client.h"
#include "guard/guard.h"
#include "guard/guard-entry.h"
#include "guard/killer.h"
#include "guard/pid1.h"

/* One of the units that go by an entry: its own unit, or a member (protocol.h). */
typedef struct Part {
        char *name;
        Killer killer;
        PartEnd end;
} Part;

/* A unit with its entry. An item without an entry (index 0) is kept until the daemon has been told that there is none.
 */
typedef struct Item {
        char unit[sizeof(((GuardMessage *) NULL)->unit)];
        GuardEntry entry;
        Part *parts; /* the first is the unit itself */
        size_t n_parts;
        size_t stops, asks;  /* how many parts have not been answered for yet, and the sum of the answers so far: */
        StopAnswer stopped;  /* the worst */
        UnitAnswer reported; /* up if any part is, empty if all are */
        bool tell;           /* an ENTRY is to be sent: it is in Guard.tells */
        bool busy;           /* it is in Guard.busy */
        uint32_t told_flags;
        bool gate_failed; /* logged: its gate cannot be removed */
        bool fence;       /* FenceAction=reboot: what the unit sets up may outlive its processes */
        usec_t fence_at;  /* when the machine is rebooted for it; 0: kill_at has not come */
        struct Item *busy_prev, *busy_next, *tell_prev, *tell_next;
        UT_hash_handle hh;
} Item;

/* One turn of the loop. */
typedef struct Turn {
        usec_t until;            /* what is still due then has the next turn */
        bool more;               /* not all that was due was done */
        bool in_round;           /* ... of the entries in Guard.busy: the next turn goes on with the same round */
        usec_t one_by_one_until; /* in this round: see ONE_BY_ONE */
        usec_t over_at, took;    /* of the last turn */
} Turn;

/* It has so many booleans because they are independent facts, most of them of what was said or logged already. */
struct Guard {
        sd_event *event;
        sd_event_source *timer;
        Gates *gates;
        Groups *groups;
        PidOne *pid_one;
        Client *client;
        Item *items;
        Item *busy;  /* those that are being stopped, or whose gate is to be closed: looked at in each turn, and those
                      * that were served last come last */
        Item *tells; /* those that the daemon is to be told of */
        /* Of all others, at the latest when the first one expires, and by when that must have been done. Both are
         * reckoned anew with each beat, and when that time has come. */
        usec_t calm_next, calm_watchdog;
        Item *restoring; /* whose files are looked at next, where some may have vanished */
        Item *losing;    /* of a guard that ends: which is lost next */
        int notify_fd;
        usec_t watchdog;                 /* what PID 1 was told last */
        bool hello;                      /* HELLO is to be sent */
        bool synced;                     /* SYNCED has been sent */
        uint64_t serial;                 /* of the daemon's last request on this connection */
        bool mark_failed, listen_failed; /* logged: no mark can be written; the daemon cannot be served */
        usec_t look_at;                  /* at the files, next */
        usec_t ending;                   /* since when the guard ends; 0: it does not */
        bool wiping;                     /* of a guard that ends: gates of others may be there */
        bool shout;                      /* PID 1 does not answer on the bus: the guard is to end */
        Turn turn;
        usec_t armed; /* when the timer comes */
};

/* ---- item.c ---- */
/* NULL: there is none of that name. */
Item *item_find(Guard *g, const char *unit);
/* The one of that name, or a new one without an entry. NULL: out of memory, logged. */
Item *item_obtain(Guard *g, const char *unit);
void item_free(Guard *g, Item *item);
/* Reads what goes by the unit's entry. Parts are only ever added while there is an entry. */
void item_read_members(Guard *g, Item *item);
/* The daemon is to be told how the entry is. */
void item_tell(Guard *g, Item *item);
/* Puts the item into Guard.busy or takes it out, or reckons its time in. */
void item_place(Guard *g, Item *item);
/* Carries out a mask of EntryAction, and places the item. */
void item_perform(Guard *g, Item *item, unsigned actions);
/* PID 1 has answered for one of the parts. A mask of EntryAction. */
unsigned item_part_stopped(Item *item, StopAnswer answer);
unsigned item_part_reported(Item *item, const UnitAnswer *answer);
