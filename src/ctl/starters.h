/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/ctl.h"

/*
 * The units by which PID 1 starts a unit: those that name it in Wants=, Requires=, Requisite=, BindsTo=, Upholds=,
 * OnFailure= or OnSuccess=, or in a folder that stands for such a setting (X.wants, X.requires, X.upholds).
 *
 * PID 1 has the other end of these dependencies (WantedBy=, OnFailureOf= and so on), but only of units that are loaded
 * just then: it forgets an inactive unit at once, so that asking about it does not help either. So all unit files and
 * their drop-ins are searched as well, once in a command. A file may name a unit by a specifier, or in vain: PID 1 is
 * asked about each file that is found, and loads it for that. Not searched are the files of leased units, which the
 * daemon keeps loaded, and of which there may be thousands. What counts for many units, the file of a template or a
 * drop-in of foo-.service.d or service.d, is told of one of them: of a unit that has a file of its own, or that
 * another one starts or links to. Of instances that only a person starts nothing is known.
 */

typedef struct StarterSetting {
        const char *setting, *reverse; /* as PID 1 names both ends */
} StarterSetting;

/* By these, the unit is started together with the other one; ends with NULL. */
extern const StarterSetting starter_settings[];

/* Adds to a list for strv_free() the units that have the unit called name in this setting (without "="), whose other
 * end is called reverse. The argument unit holds the properties of the unit. Returns an exit code; a failure has been
 * printed. */
int starters_find(
                Ctl *ctl, const char *name, const json_t *unit, const char *setting, const char *reverse, char ***ret);
/* Frees what was read of the unit files. */
void starters_forget(void);
