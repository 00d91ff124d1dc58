/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The protocol between the daemon and the guard, over a SOCK_SEQPACKET socket at /run/leased/guard.sock. Each packet
 * is one message, with fields of fixed size in host byte order (both ends are on one machine) and the version of the
 * protocol. The protocol is stable across upgrades: an older guard goes on with a newer daemon. Both ends ignore a
 * message whose type they do not know; fields may only be added at the end. Only uid 0 may connect.
 *
 * The guard serves one daemon at a time: a new connection takes the place of the old one. On connection the guard
 * sends HELLO, then one ENTRY for each entry it has, then VERSION and SYNCED. Later it sends an ENTRY whenever an
 * entry has changed, and after every request that names a unit, whether the request changed anything or not. An ENTRY
 * with index 0 says: the guard has no entry for this unit.
 *
 * An entry is live until its stop_at is reached (it has expired then) or the daemon says that its lease is lost. From
 * then on the guard stops the unit, and kills it from kill_at on, until it is seen down: inactive or failed, without a
 * job, its control group empty. An entry with GUARD_FREEZE is frozen when its stop_at is reached, and neither live nor
 * expired for as long as its control groups are found frozen.
 *
 * All times are CLOCK_BOOTTIME in microseconds.
 *
 * A unit may have members: other units that are stopped, killed and looked at along with it, by the same entry. The
 * daemon writes their names to the file /run/leased/members/UNIT, one a line. "foo@.service" stands for all instances
 * of the template, "foo.slice" for all that lies in the slice. A name that no unit can have is passed over. The line
 * GUARD_FENCE_REBOOT says that the machine is to be rebooted if the unit is not down at its kill_at. The line
 * GUARD_STOP_POST says that one of the units has an ExecStopPost=, which is to have some time after a kill (law 9).
 * The line GUARD_FREEZE says that the unit is frozen and not stopped when its stop_at has come (law 15).
 * The line "Lease=NAME" names the entry's lease, for people; without it the lease is named as the unit is.
 * The daemon writes the file before it arms the entry. The guard reads the file when it is asked to open the gate,
 * when a stop_at has come, and whenever it asks PID 1 to stop the unit: so the file also serves a guard that finishes
 * the work of another guard.
 */

#include "util/macros.h"
#include "util/names.h"
#include "util/time-util.h"

#define GUARD_SOCKET "/run/leased/guard.sock"
#define GUARD_MEMBERS "/run/leased/members" /* the folder of the files of members */
#define GUARD_FENCE_REBOOT "FenceAction=reboot"
#define GUARD_STOP_POST "ExecStopPost=yes"
#define GUARD_FREEZE "OnOutage=freeze"
#define GUARD_LEASE "Lease=" /* with the name after it */
#define GUARD_PROTOCOL 1u
/* The longest time from now to kill_at that the guard believes: the longest TTL, as TTL= and the periods of fleet's
 * leases have it. */
#define GUARD_TTL_MAX (60 * USEC_PER_SEC)

typedef enum GuardMessageType {
        /* From the daemon. */

        /* unit, index, stop_at, kill_at, stop_offset, kill_offset: makes an entry with these deadlines, its gate
         * closed.
         *
         * If there is a live entry of this index, it gets the deadlines that are later than its own: a beat may have
         * overtaken this request. With other offsets, which is another TTL, it gets all of them as they are, earlier
         * ones too, since other machines count by the new TTL from now on.
         *
         * A frozen entry of this index is thawed, has these deadlines, and its gate is opened, if the stop_at has not
         * come. (Law 15.)
         *
         * The request is ignored while there is a live entry of another index, one that is being stopped, or one that
         * DISARM has asked to go. An expired or lost entry is replaced once its unit has been seen down. A stop_at or
         * stop_offset beyond that of the kill is cut to it; a kill_offset to GUARD_TTL_MAX, and a stop_at and kill_at
         * to what they would be if the beat from which they count were sent now. (Law 1.) */
        GUARD_ARM = 1,
        /* t0: each live entry gets stop_at = t0 + its stop_offset if this is later than the stop_at it has, and
         * kill_at likewise. A t0 in the future counts as now. (Law 1.) */
        GUARD_BEAT,
        /* unit, index, kill_at: the unit's entry is lost, whatever its index is. Its gate is closed, its stop_at is
         * now, its kill_at only ever gets earlier; that of a frozen entry is now, and that of an entry whose deadlines
         * do not count at most its kill_offset from now. If there is no entry, or one that is down, a new one is made,
         * whose kill_at is at most GUARD_TTL_MAX from now. (Law 8.) */
        GUARD_LOSE,
        /* unit: the gate is closed, and the entry is dropped; if the guard is stopping the unit, only once the unit is
         * down. The daemon asks for this only when it has itself seen the unit down. */
        GUARD_DISARM,
        /* unit, index: opens the gate if the entry is live and has this index, and its stop_at has not come on the
         * guard's own clock. (Law 10.) */
        GUARD_OPEN,
        /* unit: closes the gate. A frozen entry is stopped. */
        GUARD_CLOSE,
        /* flags, t0: with GUARD_FLAG_KEEPS, the deadlines of all live entries do not count any more. Without this flag
         * they count again: from t0, or from a later beat. The answer is a GUARD_KEEPS. (Law 13.) */
        GUARD_KEEP,
        /* unit, stop_at, kill_at, stop_offset (from when stop_at is counted to stop_at): the unit's live entry also
         * ends at these times, whatever beats and GUARD_KEEP say; a later LIMIT only ever puts them off. A time that
         * is more than GUARD_TTL_MAX from now is cut to that. An entry that has come to this stop_at is lost. The
         * guard of an older version does not answer. */
        GUARD_LIMIT,

        /* From the guard. */

        GUARD_HELLO = 64, /* index: the guard's pid */
        GUARD_ENTRY,      /* unit, index, flags, stop_at, kill_at, stop_offset, kill_offset, serial */
        GUARD_SYNCED,     /* all entries have been sent */
        GUARD_VERSION, /* unit: in place of a unit's name, the version of the guard, for people. A guard of 0.1.0 does
                        * not send this message */
        GUARD_KEEPS,   /* flags, serial: GUARD_FLAG_KEEPS if the deadlines of some entry do not count. Sent after each
                        * GUARD_KEEP, and before the SYNCED if there is such an entry */
} GuardMessageType;

enum {
        GUARD_FLAG_OPEN = 1 << 0,    /* the gate is there, or may be */
        GUARD_FLAG_EXPIRED = 1 << 1, /* stop_at has passed */
        GUARD_FLAG_LOST = 1 << 2,    /* by GUARD_LOSE */
        GUARD_FLAG_DOWN = 1 << 3,    /* expired or lost, and the unit has been seen down since */
        GUARD_FLAG_KEEPS = 1 << 4,   /* the entry's deadlines do not count (law 13); also in an ARM */
        GUARD_FLAG_LIMITED = 1 << 7, /* a LIMIT is in force */
        GUARD_FLAG_FROZEN = 1 << 6,  /* stop_at has passed, and the unit is frozen, or about to be (law 15) */
        GUARD_FLAG_JUMPED = 1 << 5,  /* expired, and its deadlines count from before a pause of the machine (law 14) */
};

typedef struct GuardMessage {
        uint32_t version; /* GUARD_PROTOCOL */
        uint32_t type;
        uint64_t index; /* of the lease: its fencing token */
        uint64_t t0;
        uint64_t stop_at, kill_at;
        uint64_t stop_offset, kill_offset; /* how long after a beat's t0 these two are */
        uint32_t flags;
        char unit[260]; /* the unit's name, NUL-terminated; "" in a message about no unit */
        uint32_t reserved;
        uint64_t serial; /* from the daemon: a number that grows. In an ENTRY: the serial of the last request that the
                          * guard had received on this connection (0: none). So the daemon can tell an ENTRY that was
                          * sent before its request was read */
} GuardMessage;

/* Whether a packet of this size is a message: by its size, its version, its type, and the unit's name if messages of
 * this type have one (guard_unit_is_valid()). A longer packet is valid, and so is a type that this version does not
 * know. */
bool guard_message_is_valid(const GuardMessage *m, size_t size);

/* Whether a message may bear this unit's name: PID 1 can start a unit of this name (it is not a template's), and the
 * name can be that of a file that is not hidden. */
bool guard_unit_is_valid(const char *name);

/* Whether the name may stand in a file of members: guard_unit_is_valid(), or the name of a template. */
bool guard_member_is_valid(const char *name);
