/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Where a unit may run, as its files say it: fleet's section [X-Fleet], read as fleet (v1.0) read it, and the same and
 * some more in our own [X-Leased]. Both write into the placement of one UnitOptions; what may not stand together may
 * not do so across both.
 */

#include "conf/ini.h"

enum {
        P_MACHINE_ID,
        P_MACHINE_OF,
        P_REQUIRE,
        P_CONFLICTS,
        P_REPLACES,
        P_GLOBAL,
        P_PREFER,
        P_FAILBACK,
        P_FAILBACK_SEC,
        _P_MAX,
};

/* Of [X-Fleet]; the old ones are from before fleet 0.8. */
enum {
        F_MACHINE_ID,
        F_MACHINE_OF,
        F_MACHINE_METADATA,
        F_CONFLICTS,
        F_REPLACES,
        F_GLOBAL,
        F_OLD_MACHINE_ID,
        F_OLD_BOOT_ID,
        F_OLD_MACHINE_OF,
        F_OLD_METADATA,
        F_OLD_CONFLICTS,
        _F_MAX,
};

/* Tables for IniTable; the target is a UnitOptions that has its unit's name already. */
extern const IniOption placement_options[_P_MAX];
extern const IniOption fleet_options[_F_MAX];

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
