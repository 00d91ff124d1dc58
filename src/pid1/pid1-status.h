/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What PID 1's answer to GetAll("") on a unit says, and whether processes are left. Pure decoding and one look into
 * the control group file system: no bus, no state, no time.
 */

#include "pid1/ending.h"
#include "pid1/pid1-unit.h"
#include "pid1/relations.h"

typedef struct Pid1Answer {
        Pid1UnitStatus status; /* all that PID 1 can say; known, asked_at, empty, foreign_job, end, need and cause are
                              not set */
        uint32_t job_id;       /* 0: no job */
        uint32_t restarts;     /* NRestarts= of services */
        const char *control_group; /* borrowed from the message; NULL: this type of unit has none, "": none now */
        char **covers;             /* see pid1_unit_covers(); owned by the caller */
        Relations related;         /* other units that may make PID 1 stop it; owned by the caller */
} Pid1Answer;

/*
 * Reads an answer of signature a{sv} with the properties of all interfaces of the unit. gate and guard as in
 * pid1_unit_new(). Unknown properties are skipped, and so are those of an unexpected type: what is lacking then counts
 * against us (no gate, or the whole answer is -EBADMSG if a state is lacking).
 */
int pid1_unit_answer_decode(sd_bus_message *m, const char *name, const char *gate, const char *guard, Pid1Answer *ret);

/* A unit's row, as ListUnitsByNames has it. Strings are borrowed from the message. */
typedef struct Pid1Row {
        const char *name, *load_state, *sub_state, *job_type;
        Pid1Active active;
        uint32_t job; /* 0: none */
} Pid1Row;

/* Reads a row after the other: 1; 0: there is no other. Enter the array first. */
int pid1_unit_row_decode(sd_bus_message *m, Pid1Row *ret);
/* What the row says of a neighbour; its jobs are left alone. */
void pid1_unit_row_state(const Pid1Row *row, NeighbourState *state);

/*
 * Reads the rows that PID 1 has for the instances of a template as one answer: active if one of them is, with a job if
 * one has one. Their names, of those that are up, are added to *ret_up. PID 1 knows no instance any more that has no
 * row.
 */
int pid1_unit_rows_decode(sd_bus_message *m, Pid1Answer *ret, char ***ret_up);

/*
 * Whether no process of the unit is left, as of now. control_group: as PID 1 said, absolute below root; if it is "",
 * PID 1 may merely have forgotten the group, so it is looked for by the unit's name (of a template: all its
 * instances); NULL: there can be none. Anything that cannot be read (also a root that is not the unified hierarchy)
 * counts as "not empty".
 */
bool pid1_unit_cgroup_is_empty(const char *root, const char *name, const char *control_group);
