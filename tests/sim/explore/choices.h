/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What can happen next in a world (choices.c). */

#include "turns.h"

typedef enum Trouble {
        TROUBLE_NONE,       /* the event happens */
        TROUBLE_LOSE,       /* a request or an answer is lost */
        TROUBLE_LATE,       /* a request lands at a corner; an answer comes just before it is given up */
        TROUBLE_TWICE,      /* a request lands now, and once more at a corner */
        TROUBLE_STALL,      /* the watch tells nothing until a corner */
        TROUBLE_CRASH,      /* the daemon is killed before the event, and is back at a corner */
        TROUBLE_CUT,        /* the daemon is killed after so many actions of the step, and is back at once */
        TROUBLE_HANG,       /* the daemon is stopped (SIGSTOP) before the event, until a corner */
        TROUBLE_POWER,      /* the machine has no power until a corner */
        TROUBLE_REQUESTS,   /* the machine's requests are lost until a corner */
        TROUBLE_ANSWERS,    /* what the machine should hear is lost until a corner */
        TROUBLE_CUT_OFF,    /* requests and answers are lost until a corner */
        TROUBLE_GUARD,      /* the guard is killed */
        TROUBLE_GUARD_HUNG, /* the guard is stopped (SIGSTOP) until a corner */
        TROUBLE_FORK,       /* PID 1 hangs between Assert and fork until a corner */
        TROUBLE_RELEASE,    /* the operator's words */
        TROUBLE_STEAL,
        TROUBLE_TRANSFER,
        TROUBLE_UNIT,      /* the unit crashes */
        TROUBLE_HAND_OVER, /* the guard hands over to a new program */
        TROUBLE_VM_PAUSE,  /* the virtual machine is paused until a corner, and for long enough to be seen */
        TROUBLE_NO_FENCE,  /* the fence of the session that has the lease is deleted */
        TROUBLE_NO_LEASE,  /* the lease's record is deleted */
        TROUBLE_PAUSE,     /* the cluster is paused until a corner */
        TROUBLE_CONFIRM,   /* an operator confirms that the machine without power is off */
        TROUBLE_FROST,     /* the kernel freezes the unit only at a corner */
        /* These come only where they are named (rare.c). */
        _TROUBLE_NAMED,
        TROUBLE_LAG = _TROUBLE_NAMED, /* from now on the watch tells of each change so much later */
        TROUBLE_LATE_WRITE,           /* a request that writes a lease lands at a corner */
        TROUBLE_HANG_IN,              /* the daemon is stopped just before it asks for the gate, until a corner */
        TROUBLE_BY_HAND,              /* somebody starts the unit, which is down, while the guard has an entry */
        TROUBLE_THAW,                 /* somebody thaws the frozen unit */
        TROUBLE_DISABLE,              /* the unit is disabled on the machine */
        TROUBLE_ENABLE,
        TROUBLE_SLEEP,     /* the machine is put to sleep in 2 s, for so long */
        TROUBLE_REBOOT,    /* the machine is shut down to boot again */
        TROUBLE_ILL,       /* the unit's check fails on the machine until a corner */
        TROUBLE_NEED,      /* PID 1 stops the unit because of another one, which is down until a corner */
        TROUBLE_REQUEST,   /* somebody asks the machine that has the unit to release it, from the other machine */
        TROUBLE_WITHDRAW,  /* ... and takes that back */
        TROUBLE_REWRITE,   /* the lease's record is written over as a free one's that nobody had yet */
        TROUBLE_OLD_FENCE, /* the fence of the machine's session is written over: as at first, or without its names */
        TROUBLE_LIE,       /* what the daemon tells the guard has deadlines without end */
        TROUBLE_BLINK,     /* the virtual machine is paused before it reads an answer, just for as long as is seen */
        TROUBLE_COMMAND,   /* a FenceCommand= fails */
        _TROUBLE_MAX,
} Trouble;

typedef struct Choice {
        uint16_t slot; /* of the event in the queue */
        uint8_t trouble;
        uint8_t corner;
} Choice;

enum { CHOICES_MAX = 1024, CORNERS_MAX = 12 };

/* Which troubles may come next, and on which machines: a bit for each. last: each ends at its last corner only. */
typedef struct Kinds {
        uint64_t troubles;
        uint8_t machines;
        bool last;
} Kinds;

typedef struct ChoiceRules {
        Kinds kinds;
        unsigned corners; /* 1 to 4: few, some, all, and one after a minute and a half */
        bool orders;      /* events of one instant happen in any order */
} ChoiceRules;

/* Gives what can happen next, and returns how many choices these are. The first one is what happens if nothing goes
 * wrong. trouble: troubles may come, too. */
size_t choices_list(World *w, const ChoiceRules *rules, bool trouble, Choice ret[static CHOICES_MAX]);
/* Makes the choice happen. Returns false if it comes to nothing, as a crash after more actions than the step has. */
bool choices_make(World *w, const ChoiceRules *rules, Choice c);
void choices_say(const World *w, const ChoiceRules *rules, Choice c, char *ret, size_t size);
const char *choices_trouble(Trouble t);
