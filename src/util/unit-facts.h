/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Conclusions from what PID 1 says of a unit. leased (src/pid1) and leasectl each read PID 1's answers in their own
 * way, but must come to the same conclusions: leased has to start every unit that `leasectl enable` calls enabled. So
 * the rules are here, and nowhere else.
 */

#include "util/macros.h"

/* What PID 1 said. Everything is borrowed; the lists are as of util/strv.h. */
typedef struct UnitFacts {
        const char *id;         /* Id= */
        const char *load_state; /* LoadState= */
        bool gate_asserted;     /* an entry of Asserts= is the gate: unit_facts_is_gate() */
        bool guard_bound;       /* leased-guard.service stands in BindsTo= */
        bool need_reload;       /* NeedDaemonReload=, or PID 1 has not said */
        bool accept;            /* Accept= of a socket */
        char *const *triggers;  /* Triggers= */
        char *const *bound_by;  /* BoundBy= */
        char *const *pulled;    /* all that stands in the properties of unit_facts_pulls() */
} UnitFacts;

/* Whether an entry of Asserts= (type, trigger, negate, parameter) keeps a unit from starting while there is no file
 * gate. PID 1 starts a unit only if every plain assert holds and, where there are asserts with "|" (trigger), at least
 * one of these holds. So a plain assert is enough whatever stands beside it, and one with "|" cannot be relied on. */
bool unit_facts_is_gate(const char *type, bool trigger, bool negate, const char *parameter, const char *gate);

/* Whether the unit called name can start only through its gate, by what PID 1 said: the gate and the guard are in
 * force, the unit is loaded from its present files, and name is still the unit's own. If Id= differs, name has become
 * an alias, and what PID 1 said is about another unit. */
bool unit_facts_gate_loaded(const UnitFacts *f, const char *name);

/* Whether a property ("Wants", "Requires", ...) names units that PID 1 starts along with the unit. "Requisite" does
 * not: it wants the units it names to be up already. */
bool unit_facts_pulls(const char *property);

/* Adds to *list (util/strv.h) what else the lease of the unit called name covers:
 *   - of a socket with Accept=yes, the template of its connections;
 *   - of a timer, socket, path or automount, what it triggers;
 *   - of a target, what is bound to it;
 *   - of a service or mount, what it starts along with itself if that is bound to it.
 * Names that are on the list already are left out. 0, or -ENOMEM. */
int unit_facts_add_covered(const UnitFacts *f, const char *name, char ***list);

/* Settings that forbid what leased has to do with a unit, or make PID 1 do something else. `leasectl enable` refuses a
 * unit that has one; a file may bring one later. Of several the first one counts, and those that are also looked at of
 * members come first. */
typedef enum UnitForbid {
        UNIT_FORBID_NOTHING,
        UNIT_FORBID_MANUAL_STOP,
        UNIT_FORBID_SUCCESS_ACTION, /* PID 1 would take the action at each stop */
        UNIT_FORBID_LAZY_UNMOUNT,   /* PID 1 detaches the mount though it is busy */
        UNIT_FORBID_MANUAL_START,
        UNIT_FORBID_UNNEEDED, /* PID 1 stops the unit by itself, since no unit needs it */
        _UNIT_FORBID_MAX,
} UnitForbid;

typedef struct UnitForbidding {
        const char *property; /* NULL: of UNIT_FORBID_NOTHING */
        const char *type;     /* the property is in the interface of this type ("mount"); NULL: in that of all units */
        bool has_words;       /* a string, of which "" and "none" forbid nothing; otherwise a boolean */
        bool of_members;      /* also for what a unit brings, which leased stops, and does not start */
} UnitForbidding;

extern const UnitForbidding unit_forbiddings[_UNIT_FORBID_MAX];
