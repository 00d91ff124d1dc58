/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The options that say where a unit may run. The section [X-Fleet] is read as fleet v1.0 read it; [X-Leased] has the
 * same options and some more. Both sections write into the placement of the same UnitOptions. Options that contradict
 * each other do so also across the two sections.
 */

#include "conf/ini.h"

enum {
        PLACEMENT_OPTIONS_MAX = 16,
};

/* Tables for IniTable. The target is a UnitOptions in which the name of the unit is set already. */
extern const IniOption placement_options[PLACEMENT_OPTIONS_MAX], fleet_options[PLACEMENT_OPTIONS_MAX];
extern const size_t n_placement_options, n_fleet_options;

/* Writes word into ret, which has size bytes, with its specifiers replaced by parts of the name of the unit. With
 * pattern, a backslash that comes from the name is escaped. Returns 0; -EINVAL if there is no such specifier or unit
 * is no unit's name; -E2BIG if the result does not fit; -ENOMEM. */
int placement_expand(const char *word, const char *unit, bool pattern, char *ret, size_t size);

/* Where the options of placement were set, and which of them were bad, as an IniTable has it. For [X-Leased] only
 * the part for placement_options. Borrows everything. */
typedef struct PlacementSource {
        char *const *leased, *const *fleet;
        const bool *leased_unread, *fleet_unread;
} PlacementSource;

/* Whether a line that says where the unit may run is bad. Such a line may have meant that the unit must not run on
 * this machine. */
bool placement_options_are_doubtful(const PlacementSource *source);
/* Adds a message for each contradiction. Returns false if it is in doubt whether the unit is to run with a lease or
 * everywhere (Global=). */
bool placement_options_check(const UnitOptions *o, const PlacementSource *source, Messages *messages);
