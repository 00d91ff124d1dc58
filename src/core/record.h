/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What is kept in the registry, as plain values. docs/wire.md describes each record, with its key and its members.
 *
 * A record has a kind, a name, the registry's modification revision (0: the record does not exist) and a value. The
 * values below are of fixed size and own nothing, so they can be copied by assignment. registry/record-json turns a
 * value into text and back; only this folder decides what a value means.
 */

#include "core/why.h"
#include "util/macros.h"
#include "util/time-util.h"

enum {
        NAME_SIZE = 256,   /* a lease's name with its NUL: at most 255 bytes */
        MACHINE_SIZE = 33, /* 32 hex digits */
        BOOT_SIZE = 33,
        SESSION_SIZE = 24, /* "<16 hex digits>-<TTL in ms>" */
        NONCE_SIZE = 40,   /* "<16 hex digits>-<attempt>" */
        UUID_SIZE = 37,
        HOSTNAME_SIZE = 65,
        TENURES_MAX = 16,
        DEBTS_MAX = 16,
        FENCE_NAMES_MAX = 64,
        METADATA_SIZE = 512,
        REASON_SIZE = 16,
        RECORD_NAME_SIZE = 290, /* the longest name of a record: an offer's, "<machine id>/<unit>" */
        CONFLICTS_SIZE = 256,
        WHY_SIZE = 80,
        ACTIVE_SIZE = 16, /* the longest ActiveState= is "deactivating" */
        RESULT_SIZE = 24, /* the longest Result= of systemd 257 is "start-limit-hit" */
        BY_SIZE = 40,
};

/* The highest Index that is believed or handed out: 2^53 - 1. Every reader of JSON can tell integers up to this one
 * from their neighbours. */
#define INDEX_MAX ((UINT64_C(1) << 53) - 1)

/* A higher floor of all Indexes counts as damaged. So a floor that was written by hand always leaves as many Indexes
 * above it as there are below. */
#define FLOOR_MAX (INDEX_MAX / 2)

/* The period of a lease of the D-Bus API. */
#define PERIOD_MIN USEC_PER_SEC
#define PERIOD_MAX (24 * USEC_PER_HOUR)

/* The longest wait for a machine that reboots. A record that says a longer one was not written by leased. */
#define KEPT_MAX USEC_PER_HOUR

/* Stands in a debt in place of a session's name if it is not known who was robbed. Such a debt is waited out for the
 * longest TTL (law 11). */
#define DEBT_ANYBODY "anybody"

typedef enum RecordKind {
        RECORD_META,    /* "meta", one, its name is "" */
        RECORD_MACHINE, /* "machines/<machine id>" */
        RECORD_BEAT,    /* "beats/<session>" */
        RECORD_FENCE,   /* "fences/<session>" */
        RECORD_LEASE,   /* "leases/<name>" */
        RECORD_OFFER,   /* "offers/<machine id>/<unit>" */
        RECORD_REQUEST, /* "requests/<machine id>/<session>.<16 hex digits>" */
        RECORD_PAUSE,   /* "pause", one, its name is ""; there only while the cluster is paused */
        _RECORD_KIND_MAX,
} RecordKind;

#define RECORD_ALL ((1u << _RECORD_KIND_MAX) - 1)

typedef struct MetaRecord {
        char uuid[UUID_SIZE];
        uint64_t index_floor; /* no lease gets an Index up to this; raised after the registry fell back */
        uint32_t format;      /* 1 */
} MetaRecord;

typedef struct MachineRecord {
        char hostname[HOSTNAME_SIZE];
        char boot_id[BOOT_SIZE];
        char session[SESSION_SIZE];
        char metadata[METADATA_SIZE]; /* "key=value key=value" */
        char version[32];             /* of the daemon */
        usec_t beats_every;           /* the time between two beats of that session; 0: TTL/5 */
        bool draining;
        char drained_by[BY_SIZE];     /* who asked for that; "": not known, or it does not drain */
        char drained_boot[BOOT_SIZE]; /* it drains during this boot only; "": until somebody ends that */
        usec_t up_since; /* CLOCK_REALTIME there: since when leased beats without a silence; 0: not known */
        char up_session[SESSION_SIZE]; /* of which .up_since speaks: an older leased leaves both as they are */
} MachineRecord;

typedef struct BeatRecord {
        char machine_id[MACHINE_SIZE];
        char nonce[NONCE_SIZE]; /* one per attempt; the part before "-" is the process */
} BeatRecord;

typedef struct FenceRecord {
        uint64_t counter; /* how many names were ever put here */
        uint64_t silence; /* a command to switch the machine off was begun in the silence after the beat of this
                             revision; 0: none was */
        bool over;        /* the machine was confirmed dead: the session never beats again (law 12) */
        bool keeps;       /* the session keeps its leases without beats, until it says otherwise here (law 13) */
        char keeper[MACHINE_SIZE]; /* if it does: the id of its machine; "": not known, an older leased has put it */
        size_t n_names;
        char names[FENCE_NAMES_MAX][NAME_SIZE]; /* the last of them, newest last */
        char over_by[BY_SIZE]; /* the operator who confirmed that, "user@host", cut; "": it was a command, or older */
} FenceRecord;

typedef enum LeaseState {
        LEASE_FREE,
        LEASE_HELD,
        LEASE_DONE, /* the job ended well and runs nowhere again until it is rearmed or has a higher Version */
        _LEASE_STATE_MAX,
} LeaseState;

/* A robbed session, and the Index of which it was robbed. Nobody starts the unit until the debt is struck (law 5). */
typedef struct Debt {
        char session[SESSION_SIZE];
        uint64_t index;
} Debt;

/* The time for which one machine held the lease, at one Index. */
typedef struct Tenure {
        char machine_id[MACHINE_SIZE];
        uint64_t index;
        usec_t from, to; /* CLOCK_REALTIME, for people */
        Why code;        /* why it ended; WHY_NONE in what 0.1.0 wrote: see tenure_why() */
        char why[REASON_SIZE];
        char by[BY_SIZE]; /* who asked for its end: "user@host", cut; "": nobody did */
} Tenure;

typedef struct LeaseRecord {
        LeaseState state;
        char machine_id[MACHINE_SIZE]; /* of the holder; of the last one when free or done */
        char session[SESSION_SIZE];    /* "" when free or done, and for leases of the D-Bus API */
        int64_t version;
        uint64_t index;      /* the fencing token */
        usec_t since;        /* CLOCK_REALTIME of the present state */
        usec_t period;       /* leases of the D-Bus API: their own TTL; 0 for a unit's lease */
        usec_t renewed;      /* and CLOCK_REALTIME of the last renewal; 0: none in this tenure */
        int64_t upgraded;    /* the highest Version= for which it was ever handed on: once for each */
        usec_t last_trigger; /* CLOCK_REALTIME; of a timer that catches up: when it last elapsed, or may have, anywhere
                              */
        usec_t kept_for; /* since its last holder let it go to reboot, other machines wait so long for that machine; 0:
                            they do not (lease_is_kept()) */
        size_t n_debts, n_tenures;
        Tenure tenures[TENURES_MAX]; /* newest last */
        Debt debts[DEBTS_MAX];       /* mostly there are none: see lease_keep() */
} LeaseRecord;

/* What a machine says of a unit that is enabled on it. All machines work out from these who may be the next holder. */
typedef struct OfferRecord {
        char lease[NAME_SIZE];
        int64_t version;                /* of what is installed there */
        char conflicts[CONFLICTS_SIZE]; /* of what is installed there: others must know what stands against them */
        char replaces[CONFLICTS_SIZE];
        Why code;             /* why the machine does not take it now; WHY_NONE: it would, or see .why */
        char about[WHY_SIZE]; /* what the reason speaks of (Reason.what), cut */
        char why[WHY_SIZE];   /* its sentence, cut; by 0.1.0 without a code. "": it would take it */
        usec_t until;         /* CLOCK_REALTIME, for people: it stands back until then; 0 */
        uint32_t copies; /* Copies=: .lease is NAME#1, and the unit runs by any one of NAME#1 to NAME#copies; 0: by
                            .lease */
        /* How the unit is there. Nobody decides anything by it. */
        char active[ACTIVE_SIZE]; /* its ActiveState=; "": the machine has not said it */
        char result[RESULT_SIZE]; /* its Result=, unless that is "success" */
        usec_t since;             /* CLOCK_REALTIME since when it is in that state; 0: not known */
} OfferRecord;

/* What an operator asks of the machine that holds a unit's lease, or held it last. */
typedef enum RequestVerb {
        REQUEST_RELEASE,
        REQUEST_TRANSFER,
        REQUEST_REARM,
        REQUEST_STOP,    /* by systemd; the lease stays there */
        REQUEST_START,   /* again, after a stop */
        REQUEST_RESTART, /* by systemd; the lease stays there */
        _REQUEST_VERB_MAX,
} RequestVerb;

typedef enum RequestStage {
        REQUEST_ASKED,
        REQUEST_TAKEN,   /* the machine that is asked will carry it out now, or refuse it */
        REQUEST_BEGUN,   /* it is being carried out */
        REQUEST_REFUSED, /* for the reason .code */
        _REQUEST_STAGE_MAX,
} RequestStage;

/* A request to the machine in the record's name, from the session in the record's name. docs/laws.md says what keeps
 * it from doing harm. */
typedef struct RequestRecord {
        RequestVerb verb;
        char unit[NAME_SIZE];
        char machine_id[MACHINE_SIZE]; /* of a transfer: to whom; "" otherwise */
        uint64_t index;                /* of the lease, as whoever asks sees it: another tenure is not meant */
        usec_t within;                 /* it is void when the machine that is asked has known of it for so long */
        char by[BY_SIZE];              /* who asks, for people: "user@host", cut */
        RequestStage stage;
        Why code;             /* REQUEST_REFUSED: why */
        char about[WHY_SIZE]; /* what that reason speaks of (Reason.what), cut */
} RequestRecord;

typedef enum PauseStage {
        PAUSE_ON,
        PAUSE_ENDING, /* nobody takes a lease yet, and every session beats again */
        _PAUSE_STAGE_MAX,
} PauseStage;

/* While this record is there, nobody takes a lease (law 13). */
typedef struct PauseRecord {
        PauseStage stage;
        usec_t since;     /* CLOCK_REALTIME, for people: when the pause began */
        char by[BY_SIZE]; /* who asked for it, likewise; "": not known */
        bool fell_back; /* the registry fell back to an older state during the pause: what it says of who keeps leases
                           may be wrong */
} PauseRecord;

/* A record as it is passed from one function to another: name and value are borrowed for the call. */
typedef struct Record {
        RecordKind kind;
        const char *name;
        uint64_t mod_revision; /* 0: there is no such record, as of the answer that says so */
        bool damaged;          /* its value cannot be read: it counts as held by somebody unknown, never as free */
        bool bare;             /* its value was not asked for */
        union {
                const void *value; /* NULL if absent, damaged or bare */
                const MetaRecord *meta;
                const MachineRecord *machine;
                const BeatRecord *beat;
                const FenceRecord *fence;
                const LeaseRecord *lease;
                const OfferRecord *offer;
                const RequestRecord *request;
                const PauseRecord *pause;
        };
} Record;

/* Gives the TTL in a session's name: 10 s for "1f2e3d4c5b6a7988-10000". 0 if the name is not a session's, or the TTL
 * is outside 1 to 60 s. */
usec_t session_ttl(const char *session);

/* Gives how long a debt must be waited out: the TTL in the session's name, or the period of a robbed lease of the
 * D-Bus API, which has no session ("period-<ms>"). For any other name this is the longest TTL. */
usec_t debt_ttl(const char *session);
/* Writes "period-<ms>", with a period that is rounded up. */
void debt_format_period(usec_t period, char ret[static SESSION_SIZE]);

/* Writes a session's name into ret. */
void session_format(uint64_t random, usec_t ttl, char ret[static SESSION_SIZE]);

/* Writes a number as 16 hex digits. */
void record_format_hex(uint64_t value, char ret[static 17]);
/* Writes "<process>-<attempt>". */
void record_format_nonce(const char *process, uint64_t attempt, char ret[static NONCE_SIZE]);

/* Whether this can be a lease's name: a unit's name, or [A-Za-z0-9:_.\\@-]{1,255} that does not start with a dot. */
bool lease_name_is_valid(const char *name);

/* The number of a slot, the i of "NAME#i" with i from 1 to 99; 0: this is no slot's name. */
unsigned lease_slot(const char *lease);
/* Writes the name of the slot of that number, for the name of any slot of the same NAME, or for NAME itself. The name
 * must have room for it: lease_has_room_for_slots(). */
void lease_name_slot(const char *lease, unsigned slot, char ret[static NAME_SIZE]);
bool lease_has_room_for_slots(const char *lease);
/* Whether both are slots of the same NAME. */
bool lease_slots_are_alike(const char *a, const char *b);

/* Whether this can be a machine's id: 32 hex digits. */
bool machine_id_is_valid(const char *id);

/* Whether the record says that this session holds the lease. */
static inline bool lease_held_by(const LeaseRecord *l, const char *session) {
        return l->state == LEASE_HELD && l->session[0] && streq(l->session, session);
}

/* Whether a record that could be read says something that leased writes. A lease that is held by no session and for no
 * period, or at an Index above INDEX_MAX, is not sound, nor is a meta record without a uuid or with a floor above
 * FLOOR_MAX. Such a record counts as damaged (law 11). */
bool lease_is_sound(const LeaseRecord *l);
bool meta_is_sound(const MetaRecord *m);

/* What a lease says of which there is no record. */
extern const LeaseRecord lease_none;
/* Keeps a copy without the room for more debts and tenures than there are, which is most of a record. What such a copy
 * says can be read in place; it can be copied by lease_copy(), and by nothing else. kept: the copy that was kept
 * before, or NULL; it is freed. Returns the copy, which is the caller's to free(), or NULL if memory is short: then
 * kept is left as it was. */
LeaseRecord *lease_keep(LeaseRecord *kept, const LeaseRecord *l);
/* A whole record that says the same. */
LeaseRecord lease_copy(const LeaseRecord *l);
/* Whether the record has this debt. */
bool lease_has_debt(const LeaseRecord *l, const char *session, uint64_t index);
/* Adds a debt unless the record has it. Returns false if the record has no room for another. */
bool lease_add_debt(LeaseRecord *l, const char *session, uint64_t index);
/* Takes the debt out of the record, if the record has it. */
void lease_strike_debt(LeaseRecord *l, const char *session, uint64_t index);
/* Ends the present tenure: adds it to the tenures, with its machine, Index, beginning and this reason, which must have
 * a word (why_word()). The oldest tenure is dropped if there is no room. */
void lease_end_tenure(LeaseRecord *l, usec_t realtime, Why why);
/* Gives why the tenure ended, also if leased 0.1.0 wrote only the word. WHY_NONE: the word is not known here. */
Why tenure_why(const Tenure *t);
/* Gives the last tenure that is over, borrowed from the record; NULL: there was none. */
const Tenure *lease_last_tenure(const LeaseRecord *l);
/* Whether that machine has just given the lease back because the unit did not fit by the options that are installed
 * there, whatever its offer says. */
bool lease_was_unfit(const LeaseRecord *l, const char *machine_id);
/* Gives the tenure before the lease went from one machine that drained to the next, borrowed; NULL: its last holder
 * did not drain. */
const Tenure *lease_drained_from(const LeaseRecord *l);
/* Whether the last holder has let the free lease go to reboot, and is to have it again (.kept_for). */
bool lease_is_kept(const LeaseRecord *l);
/* Gives why the machine does not take the unit now, as its offer says; WHY_NONE: it would. The text is borrowed from
 * the record. */
Reason offer_reason(const OfferRecord *o);
/* Writes the reason into the record, for others to read. */
void offer_set_reason(OfferRecord *o, Reason r);
/* Notes in the tenure that has just ended who asked for its end. */
void lease_ended_by(LeaseRecord *l, const char *by);
/* Writes the name of a request into ret. */
void request_format_name(
                const char *machine_id, const char *session, uint64_t random, char ret[static RECORD_NAME_SIZE]);
/* Reads the name of a request. Returns false if it is none. *ret_session is the name of the session that asks. */
bool request_parse_name(
                const char *name, char ret_machine[static MACHINE_SIZE], char ret_session[static SESSION_SIZE]);
/* Adds the name of a lease that was taken, and counts it. The oldest name is dropped if there is no room. */
void fence_add_name(FenceRecord *f, const char *name);
/* Copies a fence, but of its names only those that there are: the room for names is 16 kB, and mostly empty. */
void fence_copy(FenceRecord *to, const FenceRecord *from);
