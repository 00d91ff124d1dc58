/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Where a unit may run, as its files say it: fleet's section [X-Fleet], read as fleet (v1.0) read it, and the same and
 * some more in our own [X-Leased]. Both write into the placement of one UnitOptions; what may not stand together may
 * not do so across both.
 */

#include "conf/ini.h"

enum {
        PLACEMENT_OPTIONS_MAX = 16,
};

/* Tables for IniTable; the target is a UnitOptions that has its unit's name already. */
extern const IniOption placement_options[PLACEMENT_OPTIONS_MAX], fleet_options[PLACEMENT_OPTIONS_MAX];
extern const size_t n_placement_options, n_fleet_options;

/* The word with its specifiers replaced by parts of the unit's name; pattern: a backslash of the name's is escaped.
 * -EINVAL: there is no such specifier; -E2BIG: it does not fit. */
int placement_expand(const char *word, const char *unit, bool pattern, char *ret, size_t size);

/* Where the options were set and which were bad, as an IniTable has them: of [X-Leased] the part that is
 * placement_options. */
typedef struct PlacementSource {
        char *const *leased, *const *fleet;
        const bool *leased_unread, *fleet_unread;
} PlacementSource;

/* A line is bad that says where the unit may run: it may be meant to run nowhere here. */
bool placement_options_are_doubtful(const PlacementSource *source);
/* Says what contradicts itself. false: it is in doubt whether the unit is to run with a lease or everywhere. */
bool placement_options_check(const UnitOptions *o, const PlacementSource *source, Messages *messages);
