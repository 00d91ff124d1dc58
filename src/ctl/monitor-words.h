/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/ctl.h"

/* The words in which "leasectl monitor" tells an event, without the subject that stands before them. Machines are
 * given by their names for people. Functions that return bool return false, and leave buf as it is, if there is
 * nothing to say. */

/* How a unit is on a machine, where it was in another state before: "started on beta (Index 12)". The states are those
 * of ListClusterUnits; before is "" if it is not known. */
bool monitor_words_unit(char *buf, size_t size, const char *before, const char *state, const char *machine,
                const char *result, json_int_t index);
/* Who holds a lease: "held by beta (Index 12), released by anna@alpha". The argument machine is the holder, "" for
 * nobody; why is the word for the end of the tenure before, "" if it is none, and by who asked for it, "" if nobody
 * did. */
void monitor_words_lease(
                char *buf, size_t size, const char *machine, const char *by, json_int_t index, const char *why);
/* How a machine is, by its row of machines.h now and before; before is NULL for a new one. */
bool monitor_words_machine(char *buf, size_t size, const json_t *before, const json_t *now);
/* What a changed property means, of a unit here or of leased itself on this machine, called host. The argument all has
 * all properties of the object. Returns the subject: "" if it is the object, or NULL if there is nothing to say. */
const char *monitor_words_property(char *buf, size_t size, const char *property, const json_t *value,
                const json_t *all, const char *host);
