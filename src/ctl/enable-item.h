/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "conf/conf.h"
#include "ctl/ctl.h"

/*
 * One unit while "leasectl enable" works on it. Each step is done for all units of the command before the next step
 * begins, so that PID 1 reloads only once.
 *
 * Functions that return int print what is wrong and return an exit code.
 */

typedef struct EnableItem {
        char *name;                /* canonical; NULL: the unit was refused */
        char **members;            /* the other units that its lease covers */
        const char *before, *text; /* what /etc/leased/units/NAME says, and is to say from now on (borrowed); NULL: it
                                      stays as it is */
        const Messages *changes;   /* what the text changes (borrowed), said once it is in force; NULL: nothing */
        bool written;              /* its files are there */
        bool new;                  /* it was not enabled before */
        bool kept;                 /* it may go on running: its lease was in force before, or it needs none */
        bool global;               /* it needs no lease, hence no gate */
        bool to_stop;              /* it is up, and is to be stopped */
} EnableItem;

/* Looks whether a unit may be enabled, and fills in the item, which must be zeroed before. The argument typed is
 * the name as the operator typed it. The caller frees the item with enable_item_done(), also on failure. */
int enable_item_examine(Ctl *ctl, const char *typed, const LeasedConf *conf, EnableItem *item);
/* enable_item_gate() writes the gates of the unit and of its members. enable_item_list() then lists the unit in
 * /etc/leased/units, or gives its file the new text; the caller puts the gates on disk between the two
 * (files_sync_gates()). On failure everything that is new is removed again, and the file has its old text. */
int enable_item_gate(EnableItem *item);
int enable_item_list(EnableItem *item);
/* Looks, after PID 1 has reloaded, whether the gate is in force. Sets to_stop if the unit or a member is up
 * although it was not kept, because somebody has started it meanwhile. On failure everything that is new is removed
 * again. */
int enable_item_verify(Ctl *ctl, EnableItem *item);
/* Removes the files again if the unit was not enabled before, or restores the text that its file had; the caller has
 * PID 1 reload. Always returns
 * CTL_FAILED. */
int enable_item_take_back(EnableItem *item);
/* Removes the gates of a unit that was leased until now and needs no lease any more; the caller has PID 1 reload.
 */
int enable_item_ungate(EnableItem *item);
/* Frees what the item owns, and empties it. */
void enable_item_done(EnableItem *item);
