/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "conf/conf.h"
#include "ctl/ctl.h"

/*
 * One unit on its way to being enabled. Each step is done for all units of a command before the next step begins, so
 * that PID 1 reloads once.
 *
 * Functions that return int print what is wrong and return an exit code.
 */

typedef struct EnableItem {
        char *name;     /* canonical; NULL: the unit was refused */
        char **members; /* what goes by its lease besides it */
        bool written;   /* its files are there */
        bool new;       /* it was not enabled before */
        bool kept;      /* it may be up: its lease was in force before, or it needs none */
        bool global;    /* it needs no lease, hence no gate */
        bool to_stop;   /* it is up, and is to be stopped */
} EnableItem;

/* Looks whether a unit may be enabled, and fills in the item, which must be zero. */
int enable_item_examine(Ctl *ctl, const char *typed, const LeasedConf *conf, EnableItem *item);
/* Writes the gates of the unit and its members; then, when they are on disk, lists the unit. On failure everything is
 * taken back. */
int enable_item_gate(EnableItem *item);
int enable_item_list(EnableItem *item);
/* Looks, after PID 1 has reloaded, whether the gate is in force, and sets to_stop if the unit or a member is up behind
 * it, because somebody has started it meanwhile. On failure everything is taken back. */
int enable_item_verify(Ctl *ctl, EnableItem *item);
/* Removes the files again if they are new; PID 1 has to reload. Always CTL_FAILED. */
int enable_item_take_back(EnableItem *item);
/* Removes the gates of a unit that was leased until now and needs no lease any more; PID 1 has to reload. */
int enable_item_ungate(EnableItem *item);
/* Frees what the item has. */
void enable_item_done(EnableItem *item);
