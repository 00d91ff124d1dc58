/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What PID 1's answers about a unit say, and whether the unit has processes left. These functions only decode messages
 * and look into the control group file system: they send nothing, keep no state and ask for no time.
 */

#include "pid1/ending.h"
#include "pid1/pid1-unit.h"
#include "pid1/relations.h"
#include "util/groups.h"

/* What PID 1's answer about a unit says. */
typedef struct Pid1Answer {
        Pid1UnitStatus status; /* all that PID 1 can say; known, asked_at, empty, foreign_job, end, need and cause are
                              zero; control_group is borrowed from the message */
        uint32_t job_id;       /* 0: no job */
        uint32_t restarts;     /* NRestarts= of services */
        bool guard_bound;      /* it has a BindsTo= of the guard */
        const char *control_group; /* borrowed from the message; NULL: this type of unit has none; "": none now */
        char **covers;             /* see pid1_unit_covers(); owned by the caller */
        Relations related;         /* the other units that may make PID 1 stop this one; owned by the caller */
} Pid1Answer;

/*
 * Decodes an answer of signature a{sv} that has the properties of all interfaces of the unit called name. gate and
 * guard: as in pid1_unit_new(). Properties that are unknown or of an unexpected type are skipped. A missing property
 * is read to our disadvantage: without Asserts= there is no gate, and without a state the answer is -EBADMSG. Returns
 * 0, or a negative errno: *ret is unchanged, and nothing is owned by the caller.
 */
int pid1_unit_answer_decode(sd_bus_message *m, const char *name, const char *gate, const char *guard, Pid1Answer *ret);

/* One of the answers about a unit that is asked about by parts. */
typedef enum PartKind {
        PART_PROPERTY, /* Get of a property of org.freedesktop.systemd1.Unit */
        PART_TYPE,     /* GetAll of the interface of the unit's type */
        PART_ROW,      /* ListUnitsByNames of this unit */
} PartKind;

typedef struct Pid1Part {
        PartKind kind;
        const char *property; /* of PART_PROPERTY */
        bool lasts; /* it stays as it is while the unit changes its state: it is of unit files, or of other units */
        bool ends;  /* it is enough, with the others of which this is true, to tell that a unit is down */
} Pid1Part;

/* The parts, in the order in which they are to be asked for on one connection, and their number. */
enum { PID1_PARTS = 27 };
extern const Pid1Part pid1_unit_parts[PID1_PARTS];

/*
 * Decodes the answers to all parts, as pid1_unit_answer_decode() decodes the answer to one question. PID 1 answers the
 * parts one after the other, and the unit may change in between. The state of the unit and its job come from the row,
 * and so are of one instant. Returns what pid1_unit_answer_decode() returns, and -EAGAIN if the state has changed
 * between the first part and the last one: then the parts do not belong together.
 */
int pid1_unit_parts_decode(sd_bus_message *const answers[static PID1_PARTS], const char *name, const char *gate,
                const char *guard, Pid1Answer *ret);
/* Does the same with the answers to the parts that do not last; those to the others are NULL. What lasts is taken from
 * earlier and guard_bound, which are of an earlier answer. covers and related of *ret stay empty. */
int pid1_unit_state_decode(sd_bus_message *const answers[static PID1_PARTS], const char *name,
                const Pid1UnitStatus *earlier, bool guard_bound, Pid1Answer *ret);
/* Does the same with the answers to the parts that tell whether a unit is down; those to the others are NULL. Of the
 * status, *ret has only load_state, active, sub_state, job, invocation_id, inactive_since, and since if the unit is
 * down. */
int pid1_unit_end_decode(sd_bus_message *const answers[static PID1_PARTS], const char *name, Pid1Answer *ret);

/* A unit's row in the answer to PID 1's methods ListUnitsByNames() and ListUnitsByPatterns(). The strings are borrowed
 * from the message. */
typedef struct Pid1Row {
        const char *name, *load_state, *sub_state, *job_type;
        Pid1Active active;
        uint32_t job; /* 0: none */
} Pid1Row;

/* Reads the next row; the caller has entered the array. Returns 1, 0 if there is no further row, or a negative errno
 * (-EBADMSG: the row has an unknown state). */
int pid1_unit_row_decode(sd_bus_message *m, Pid1Row *ret);
/* Sets up, down and starting of a neighbour's state as the row says; the other members are left alone. */
void pid1_unit_row_state(const Pid1Row *row, NeighbourState *state);

/*
 * Reads the rows of all instances of a template as the answer for one unit. This unit has a job if an instance has
 * one. It is active while an instance is up, deactivating while all instances that are up are deactivating, and
 * inactive while none is up. The names of the instances that are up are added to *ret_up, a list as of util/strv.h,
 * also on failure. An instance without a row is not loaded. Returns 0, or a negative errno: *ret is unchanged.
 */
int pid1_unit_rows_decode(sd_bus_message *m, Pid1Answer *ret, char ***ret_up);

/*
 * Whether the unit has no process left, as of now. root: where the unified hierarchy is mounted. control_group: the
 * group as PID 1 named it, an absolute path below root. If this is "", PID 1 may merely have forgotten the group, so
 * the group is looked for by the unit's name (of a template: the groups of all instances). If it is NULL, this type of
 * unit has no processes, and the answer is true. Where something cannot be read, or root is not the unified hierarchy,
 * the answer is false.
 */
bool pid1_unit_cgroup_is_empty(const char *root, const char *name, const char *control_group);
/* The same, where a group that is looked for by the unit's name may come from a reading of all groups that began at
 * since (CLOCK_BOOTTIME) or later: many units are then looked for by one reading. */
bool pid1_unit_cgroup_is_empty_since(Groups *groups, usec_t since, const char *name, const char *control_group);
