/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Answers that say something of every unit or lease. Where there are many, such an answer is put together over many
 * turns of the loop. What each object looks like is looked up when its turn comes; what is gone by then is left out,
 * and what came meanwhile is not in it.
 */

#include <stdio.h>

#include "daemon/internal.h"

typedef struct BulkKind {
        bool units, leases;
        /* Until the answer is out listeners are told of no change: they would hear of it before an answer that may be
         * older. One such answer is put together at a time. */
        bool hold_news;
        /* The answer is an array of elements of this type. Appends the one of a unit or lease, if it is there. Returns
         * how many bytes that are, roughly and at most; or a negative errno. */
        const char *type;
        int (*append)(Daemon *d, const char *name, bool is_lease, sd_bus_message *reply);
        /* If type is NULL: the answer is a text of head, something for each unit or lease, and tail. */
        const char *head, *tail;
        void (*print)(const char *name, bool is_lease, FILE *f);
} BulkKind;

/* tell_some, whose userdata is the daemon, tells listeners of some of the changes, and calls bulk_news_told() when
 * there is none left. -ENOMEM, or an error of sd-event. */
int bulk_new(Daemon *d, void (*tell_some)(void *userdata));
void bulk_free(Daemon *d);

/* Answers m, now or later. kind is borrowed. Returns what a method handler is to return. */
int bulk_answer(Daemon *d, sd_bus_message *m, const BulkKind *kind, sd_bus_error *error);
/* Nobody is answered any more: the connection is lost. */
void bulk_cancel(Daemon *d);

/* Whether listeners must not be told of changes now. */
bool bulk_holds_news(const Daemon *d);
/* Listeners have been told of all changes. */
void bulk_news_told(Daemon *d);
