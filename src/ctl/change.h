/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/enable-item.h"

/*
 * A change of the options of one unit that is enabled here, that is, of the text of /etc/leased/units/NAME. The change
 * is checked as "leasectl enable" checks a unit, before anything is written.
 *
 * Functions that return int print what is wrong and return an exit code.
 */

typedef struct Change {
        char *unit;   /* canonical */
        char *before; /* the text as it is */
        char *again;  /* the command that makes the same change on another machine */
        LeasedConf *conf;
        EnableItem item;
} Change;

/* Finds the unit by its name as the operator typed it, and reads its text. ret is zeroed before; the caller frees it
 * with change_done(), also on failure. */
int change_begin(Ctl *ctl, const char *typed, Change *ret);
/* Looks whether the unit may have this text. */
int change_examine(Ctl *ctl, Change *c, const char *text);
/* Says what the text changes, and, unless --dry-run is given, writes the text and puts it in force. The text has
 * passed change_examine(). */
int change_apply(Ctl *ctl, Change *c, const char *text);
/* Frees what c owns; for _cleanup_. */
void change_done(Change *c);
