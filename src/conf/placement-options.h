/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Where a unit may run, as its files say it: the section [X-Fleet], read as fleet v1.0 read it; and the same options
 * and some more in [X-Leased]. Both sections write into the placement of one UnitOptions. Two options that contradict
 * each other do so across both sections.
 */

#include "conf/ini.h"

enum {
        PLACEMENT_OPTIONS_MAX = 16,
};

/* Tables for IniTable. The target is a UnitOptions that has its unit's name already. */
extern const IniOption placement_options[PLACEMENT_OPTIONS_MAX], fleet_options[PLACEMENT_OPTIONS_MAX];
extern const size_t n_placement_options, n_fleet_options;

/* Writes word into ret, of size bytes, with its specifiers replaced by parts of the unit's name. pattern: a backslash
 * that comes from the name is escaped. -EINVAL: there is no such specifier, or unit is no unit's name; -E2BIG: it does
 * not fit. */
int placement_expand(const char *word, const char *unit, bool pattern, char *ret, size_t size);

/* Where the options were set and which were bad, as an IniTable has them; of [X-Leased], the part that is
 * placement_options. Borrows everything. */
typedef struct PlacementSource {
        char *const *leased, *const *fleet;
        const bool *leased_unread, *fleet_unread;
} PlacementSource;

/* Whether a line is bad that says where the unit may run. The line may have meant that it runs nowhere here. */
bool placement_options_are_doubtful(const PlacementSource *source);
/* Adds a message for each contradiction. false: it is in doubt whether the unit is to run with a lease or everywhere.
 */
bool placement_options_check(const UnitOptions *o, const PlacementSource *source, Messages *messages);
