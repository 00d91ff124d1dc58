/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Reasons: why a tenure ended, why a machine takes no leases, why a unit is not on a machine.
 *
 * A reason is a number. Its sentence is made at the edge, for people, by this file only, and is never read back. The
 * numbers stand in records, on D-Bus and in the output of --json, beside the sentences; leased-reasons(7) lists them.
 * So a number never changes its meaning and is never used again; a new reason gets the next free number of its group.
 */

#include "util/macros.h"

typedef enum Why {
        WHY_NONE = 0,

        /* how a tenure ended, or (18, 19) why it began or goes on */
        WHY_EXPIRED = 1,
        WHY_RELEASED = 2,
        WHY_TRANSFER = 3,
        WHY_FAILBACK = 4,
        WHY_UPGRADE = 5,
        WHY_PLACEMENT = 6, /* handed on, for the unit must not run there */
        WHY_DRAIN = 7,
        WHY_DISABLED = 8,
        WHY_SHUTDOWN = 9,
        WHY_SLEEP = 10,
        WHY_DEPENDENCY = 11,
        WHY_DONE = 12,
        WHY_FAILED = 13,
        WHY_STRAY = 14,
        WHY_LOST = 15,
        WHY_STOLEN = 16,
        WHY_UNFIT = 17, /* given back, for the unit must not run there, and it could be handed to nobody */
        WHY_ACQUIRED = 18,
        WHY_RENEWED = 19,
        WHY_CONFIRMED_DEAD = 20, /* the machine was confirmed dead by an operator or a power switch */
        WHY_SURPLUS = 21,        /* there are more copies than Copies= says now */
        WHY_CHECK_FAILED = 22,   /* its check (Check=) failed there, while it ran or before it was started */
        WHY_UNNEEDED = 23,       /* PID 1 stopped it there, because no unit needed it (StopWhenUnneeded=) */

        /* a machine takes no leases at all */
        WHY_STOPPING = 30,
        WHY_SLEEPING = 31,
        WHY_REGISTRY_FOREIGN = 32,
        WHY_REGISTRY_UNHEARD = 33,
        WHY_NO_BEAT_YET = 34,
        WHY_REGISTRY_SILENT = 35,
        WHY_MACHINE_TWICE = 36,
        WHY_EARLIER_SESSION = 37,
        WHY_DRAINING = 38,
        WHY_REGISTRY_REPLACED = 39,
        WHY_NOTHING_REMEMBERED = 40,
        WHY_MACHINE_UNLISTED = 41,
        WHY_REGISTRY_NAMELESS = 42,

        /* a machine cannot take this unit */
        WHY_SAID = 50, /* the machine's own word, without a number that is known here; .what is the sentence */
        WHY_NOT_ENABLED = 51,
        WHY_GLOBAL = 52,
        WHY_DOUBTFUL = 53,
        WHY_RENAMED = 54,
        WHY_OTHER_LEASE = 55,
        WHY_SAME_LEASE = 56,
        WHY_GUARD_SILENT = 57,
        WHY_GUARD_GONE = 58,
        WHY_STILL_STOPPING = 59,
        WHY_STATE_UNTOLD = 60,
        WHY_NO_GATE = 61,
        WHY_NO_UNIT_FILE = 62,
        WHY_MASKED = 63,
        WHY_BAD_UNIT_FILE = 64,
        WHY_LEFTOVERS = 65,
        WHY_NEED_STOPPED = 66,  /* .what is the other unit */
        WHY_NEED_ENDED = 67,    /* likewise */
        WHY_CONFLICT_RUNS = 68, /* likewise */
        WHY_INDEX_AT_END = 69,
        WHY_STANDS_BACK = 70,
        WHY_ONCE = 71,
        WHY_GATE_SHUT = 72,
        WHY_REFUSES_STOP = 73,
        WHY_SUCCESS_ACTION = 74,
        WHY_REFUSES_START = 75,
        WHY_STOPS_UNNEEDED = 76,
        WHY_DETACHES = 77,

        /* by its wishes this unit does not run on a machine, or another machine comes first */
        WHY_OTHER_MACHINE = 80, /* .what is the machine id that it asks for */
        WHY_METADATA = 81,      /* .what is "key=value" */
        WHY_CONFLICT = 82,      /* .what is the other unit */
        WHY_MISSING_PEER = 83,  /* likewise */
        WHY_YIELDS = 84,
        WHY_PEER_ELSEWHERE = 85,
        WHY_CONFLICT_GLOBAL = 86, /* with a unit that runs everywhere */
        WHY_CONFLICT_HERE = 87,   /* a unit that runs everywhere, with one that is here */
        WHY_OUTRANKED = 88,       /* .what is the host name of the machine that comes first */
        WHY_NOT_TO_BE_HAD = 89,

        /* what is with its lease */
        WHY_HELD_ELSEWHERE = 100,
        WHY_JOB_DONE = 101,
        WHY_DEBT = 102,
        WHY_RECORD_DAMAGED = 103,
        WHY_RECORD_DELETED = 104,
        WHY_ABOUT_TO_START = 105,
        WHY_ASKING = 106,
        WHY_UNKNOWN_SILENT = 107,
        WHY_UNKNOWN_FOREIGN = 108,
        WHY_UNKNOWN_UNHEARD = 109,
        WHY_UNKNOWN_ENDING = 110,
        WHY_UNKNOWN_RUNNING = 111,
        WHY_RECORD_UNREADABLE = 112,
        WHY_PERIOD_LEASE = 113,
        WHY_DEBTS_FULL = 114,

        /* it is here, and does not run or should not */
        WHY_STUCK = 120,
        WHY_BY_HAND = 121,
        WHY_FAILED_HELD = 122,
        WHY_ENDED = 123,
        WHY_HERE_ALREADY = 124,
        WHY_RUN_LOST = 125,
        WHY_OUTSIDE = 126,
        WHY_PID1_REFUSES = 127,

        /* how another machine stands to it */
        WHY_HOLDS = 130,
        WHY_HELD_LAST = 131,
        WHY_FIRST = 132,
        WHY_STANDS_BY = 133,
        WHY_SILENT = 134,
        WHY_SILENCE_UNKNOWN = 135,
        WHY_BEATS = 136,

        /* what cannot be told of a move that is only tried */
        WHY_NOT_KNOWN_HERE = 160,
        WHY_HELD_BY_NOBODY = 161,
        WHY_TOO_MANY = 162,
        WHY_RUNS_TO_ITS_END = 163,

        /* a machine or a lease is not forgotten */
        WHY_UP = 164,
        WHY_WANTED = 165, /* .what is the host name of a machine where a unit with this lease is enabled */
        WHY_LEASE_HELD = 166,

        /* why what was asked of another machine is not done */
        WHY_REQUEST_NOT_HELD = 175,
        WHY_REQUEST_NOT_DONE = 176,
        WHY_REQUEST_LATE = 177,
        WHY_REQUEST_UNANSWERED = 178,
        WHY_REQUEST_DROPPED = 179,
        WHY_REQUEST_NOT_RUNNING = 180,
        WHY_REQUEST_WITHDRAWN = 181,
        WHY_REQUEST_SILENT = 182,

        /* copies (Copies=) */
        WHY_HAS_COPY = 191,       /* .what is the lease of the copy */
        WHY_COPY_LEFT = 192,      /* to a machine that goes by another lease */
        WHY_SEVERAL_COPIES = 193, /* .what is the unit */

        /* a pause */
        WHY_PAUSED = 200,
        WHY_KEEPS = 201,          /* the holder keeps it, and was not heard since */
        WHY_KNOWS_NO_PAUSE = 202, /* .what is the host name of a machine whose leased is too old */
        WHY_MAY_BE_KEPT = 203,    /* .what is the name of a machine that keeps leases, and was not heard since */

        /* a reboot */
        WHY_KEPT = 206, /* .what is the host name of the machine that reboots */

        /* a check */
        WHY_CHECK_UNKNOWN = 207,
        WHY_CHECK_FAILS = 208,

        /* what a machine makes of a unit that was submitted */
        WHY_FILE_IN_FORCE = 220,
        WHY_FILE_UNSIGNED = 221,
        WHY_FILE_UNKNOWN_SIGNER = 222,
        WHY_FILE_BAD_SIGNATURE = 223,
        WHY_FILE_OTHER_NAME = 224,    /* .what is the name in the signed text */
        WHY_FILE_OTHER_CLUSTER = 225, /* .what is the registry's uuid in the signed text */
        WHY_FILE_TOO_OLD = 226,
        WHY_FILE_NOT_ALLOWED = 227, /* .what is the signer */
        WHY_FILE_BAD_NAME = 228,
        WHY_FILE_DAMAGED = 229,
        WHY_FILE_NOT_FIRST = 230, /* .what is the unit's own file, or what its name is an alias of */
        WHY_FILE_CHECKED = 231,   /* .what is why "leasectl enable" refuses it */
        WHY_FILE_MOVES = 232,
        WHY_FILE_DESTROYED = 233,
        WHY_FILE_NOT_WRITTEN = 234, /* .what is an error */
        WHY_FILE_DISABLED = 235,
        WHY_FILE_LEAVES = 236,
        WHY_FILE_STAYS = 237, /* .what is why "leasectl disable" fails */
        WHY_FILE_NO_SIGNERS = 238,
        WHY_FILE_AHEAD = 240,
        WHY_FILE_STOPS = 241,        /* .what came with the version before */
        WHY_FILE_NOT_VERIFIED = 242, /* .what is wrong with ssh-keygen */
        WHY_FILE_ENDS = 243,

        _WHY_MAX,
} Why;

/* A reason with what it speaks of. Copied at will; .what is borrowed from whoever made it. */
typedef struct Reason {
        Why why;
        bool there;       /* told of another machine, or for others to read: "there" instead of "here" */
        bool holds;       /* told of the machine that holds the unit: why it should let go */
        size_t length;    /* of .what, which need not be terminated: it may be a word of a list */
        const char *what; /* the unit, the machine or the "key=value"; NULL: the reason speaks of nothing */
} Reason;

enum { WHY_TEXT_SIZE = 320 }; /* with its NUL: the longest sentence; a longer one is cut between characters */

/* A reason that speaks of nothing, and one that speaks of what, which must outlive the reason. */
static inline Reason reason(Why why) {
        return (Reason){ .why = why };
}
static inline Reason reason_of(Why why, const char *what) {
        return (Reason){ .why = why, .length = strlen(what), .what = what };
}

/* The same, told of another machine. */
static inline Reason reason_there(Reason r) {
        r.there = true;
        return r;
}

/* Copies what the reason speaks of into buf, to which .what of the returned reason points. */
Reason reason_keep(Reason r, char *buf, size_t size);

/* Writes the sentence, without a full stop, into buf and returns buf; "" for WHY_NONE and for a number that is not
 * known here. */
char *why_text(Reason r, char buf[static WHY_TEXT_SIZE]);

/* The same in memory that lasts until the block ends. */
#define WHY_TEXT(r) why_text((r), (char[WHY_TEXT_SIZE]){})

/* The one word in which a tenure's end is told in the history; "" if it is none. Static. */
const char *why_word(Why why);
/* Whether the reason is one for which a tenure ends. */
bool why_ends_tenure(Why why);

/* The number for such a word, as leased 0.1.0 wrote it without a number; WHY_NONE if it is none. Nobody else reads
 * a text for what it means. */
Why why_from_word(const char *word);
