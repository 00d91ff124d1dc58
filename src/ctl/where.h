/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/machines.h"

/*
 * Where a unit is, and how it is there, as its machine has told last. That may be a round old.
 *
 * Functions print what is wrong and return an exit code.
 */

typedef struct Where {
        json_t *row; /* as of ListClusterUnits: of the holder, or else of one where it has failed, or of any; owned */
        char name[HOSTNAME_SHOWN]; /* of that machine, for people */
} Where;

/* What leased tells of all units of one machine, or of all machines. Begins as zeros, is read when it is first
 * needed, and ends with survey_done(). */
typedef struct Survey {
        json_t *answer, *manager, *machines;
} Survey;

void survey_done(Survey *s);
/* Finds the unit, on whichever machine it is. If no machine has it, says so and returns CTL_NO_SUCH_UNIT, or
 * CTL_UNKNOWN while the registry does not answer. */
int where_find(Ctl *ctl, Survey *s, const char *unit, Where *ret);
/* Looks at the unit on the machine with that id anew. The row becomes NULL if the machine has no such unit any more;
 * the name stays. */
int where_look(Ctl *ctl, const char *unit, const char *machine_id, Where *w);
void where_done(Where *w);
/* Prints that no machine has the unit enabled, with the name of the one that may have been meant. Returns
 * CTL_NO_SUCH_UNIT. */
int where_complain(Ctl *ctl, const char *unit);

/* What is known of it. */
bool where_is_held(const Where *w);
/* The name of the holder, for people; "" if nobody holds the unit, or it was not looked for. */
const char *where_holder(const Where *w);
/* The name of a machine where the unit has failed, for people; "" if it has failed nowhere, or somebody holds it. */
const char *where_failed(const Where *w);
const char *where_machine_id(const Where *w);
const char *where_lease(const Where *w);
json_int_t where_index(const Where *w);
const char *where_active(const Where *w);
/* As in docs/states.md. */
const char *where_state(const Where *w);
const char *where_result(const Where *w);
json_int_t where_since(const Where *w);
