/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the daemon and the guard say to each other, over a SOCK_SEQPACKET socket at /run/leased/guard.sock: one message
 * a packet, fixed-size fields in host byte order (both ends are on one machine), the version in every packet. The
 * protocol is stable across upgrades: an older guard goes on with a newer daemon. A message of an unknown type is
 * ignored by both; fields may only be added at the end.
 *
 * One daemon at a time: a new connection takes the place of the old one. On connection the guard sends HELLO, then one
 * ENTRY for each entry it has, then SYNCED. Later it sends an ENTRY whenever one has changed, and after every request
 * that names a unit, whether it changed anything or not. An ENTRY with index 0 says: I have none for this unit.
 *
 * All times are CLOCK_BOOTTIME in microseconds. Only uid 0 may connect.
 *
 * What else goes by a unit's entry is in a file of the daemon's, /run/leased/members/UNIT: names of units, one a line,
 * that are stopped, killed and looked at along with it. "foo@.service" stands for all its instances, "foo.slice" for
 * all that lies in it; a name that cannot be one is passed over. The daemon writes the file before it arms the entry;
 * the guard reads it when it opens the gate and whenever it begins to stop the unit, so that it is also there for a
 * guard that must finish the work of another. A line GUARD_FENCE_REBOOT says that the machine is to be rebooted if the
 * unit is not down at its kill_at, a line GUARD_STOP_POST that one of the units has an ExecStopPost=, which is to have
 * some time after a kill.
 */

#include "util/macros.h"
#include "util/names.h"
#include "util/time-util.h"

#define GUARD_SOCKET "/run/leased/guard.sock"
#define GUARD_MEMBERS "/run/leased/members" /* see below */
#define GUARD_FENCE_REBOOT "FenceAction=reboot"
#define GUARD_STOP_POST "ExecStopPost=yes"
#define GUARD_PROTOCOL 1u

typedef enum GuardMessageType {
        /* from the daemon */
        GUARD_ARM = 1, /* unit, index, stop_at, kill_at, stop_offset, kill_offset: entry with these deadlines, gate
                        * closed. An entry with the same index that is neither expired nor lost gets the deadlines, if
                        * later. An expired or lost entry, or one with another index, is replaced only once its unit
                        * has been seen down and empty; until then the request is ignored (the ENTRY sent back says
                        * so). */
        GUARD_BEAT, /* t0: each entry neither expired nor lost gets stop_at = t0 + its stop_offset, likewise kill_at */
        GUARD_LOSE, /* unit, index, kill_at: gate closed, the entry lost, stop_at is now, kill_at only shrinks. Makes
                     * an entry where there is none. An entry of another index is lost just the same */
        GUARD_DISARM, /* unit: entry away (its gate closed first). Only asked for when the unit is down and empty */
        GUARD_OPEN,   /* unit, index: opens the gate, if the entry has this index, is neither expired nor lost, and
                       * its stop_at is not reached on the guard's own clock */
        GUARD_CLOSE,  /* unit: closes the gate */
        /* from the guard */
        GUARD_HELLO = 64, /* pid of the guard in index */
        GUARD_ENTRY,      /* unit, index, flags, stop_at, kill_at */
        GUARD_SYNCED,
} GuardMessageType;

enum {
        GUARD_FLAG_OPEN = 1 << 0,    /* its gate is there */
        GUARD_FLAG_EXPIRED = 1 << 1, /* its stop_at has passed */
        GUARD_FLAG_LOST = 1 << 2,
        GUARD_FLAG_DOWN = 1 << 3, /* expired or lost, and since seen inactive, without a job, its cgroup empty */
};

typedef struct GuardMessage {
        uint32_t version;
        uint32_t type;
        uint64_t index;
        uint64_t t0;
        uint64_t stop_at, kill_at;
        uint64_t stop_offset, kill_offset;
        uint32_t flags;
        char unit[260]; /* NUL-terminated, "" where none is meant */
        uint32_t reserved;
        uint64_t serial; /* from the daemon: its own count. In an ENTRY: the serial of the last request that the guard
                          * had received on this connection (0: none), so that an ENTRY from before a request is known
                          * as such */
} GuardMessage;

/* Checks what was received: size, version, type, a terminated unit name that is a plain file name. */
bool guard_message_is_valid(const GuardMessage *m, size_t size);

/* Whether it can be a unit's in a message: of one that PID 1 can start, and a plain file name. */
bool guard_unit_is_valid(const char *name);

/* Whether it can stand in a file of members: as a unit's name in a message, or a template's. */
bool guard_member_is_valid(const char *name);
