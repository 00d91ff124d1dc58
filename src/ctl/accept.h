/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "conf/conf.h"
#include "ctl/unit-record.h"

/* Judges the record of a submitted unit, and keeps what was found good. */

/* Where the last good record of each unit is kept, so that no older one is ever taken. */
#define ACCEPTED_DIRECTORY "/var/lib/leased/submitted"

/* Judges the text of a record that stands under this name ("": the registry's text is no record), by the signature,
 * AllowedUnits= of conf, the registry's uuid, and the record kept before (NULL: there is none). *ret is filled in as
 * far as the record could be read; *ret_signer, owned by the caller, is the name by which it is good, or one of those
 * that signed it; it may be NULL. *ret_about, owned by the caller, is what the reason speaks of, or NULL. The caller
 * frees *ret. */
Why accept_judge(const LeasedConf *conf, const char *uuid, const char *name, const char *text, const UnitRecord *kept,
                UnitRecord *ret, char **ret_signer, char **ret_about);

/* Reads the record that was kept of a unit. Returns 1; 0 if there is none, or none that can be read; -ENOMEM. The
 * caller frees *ret, also then. */
int accept_recall(const char *name, UnitRecord *ret);
/* Keeps a record, on disk when the call returns. 0, or a negative errno. */
int accept_keep(const char *name, const char *text);

/* Saves the record that is kept, which is the one in force, before a newer one is kept: should that be refused by
 * "leasectl check", the one in force stays, whatever was broken off and through a boot. Reads what was saved, as
 * accept_recall(); and forgets it. The first and the last return 0 or a negative errno. */
int accept_save(const char *name);
int accept_recall_saved(const char *name, UnitRecord *ret);
int accept_forget_saved(const char *name);
