/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Answers that say something of every unit or every lease. Where there are many, such an answer is put together over
 * many turns of the loop. The names are noted when the answer is begun; each object is looked up when its turn comes.
 * So an object that is gone by then is left out, and one that came meanwhile is not in the answer.
 */

#include <stdio.h>

#include "daemon/internal.h"

typedef struct BulkKind {
        bool units, leases, offers; /* what the answer is about; offers are the units of all machines */
        /* While this answer is put together, listeners are told of no change: otherwise they would hear of a change
         * before they get an answer that may be older than the change. Only one answer of this kind is put together at
         * a time. */
        bool hold_news;
        /* The answer is an array of elements of this type. append() appends the element of one unit or lease, or
         * nothing if it is gone. It returns how many bytes it has appended, roughly and at most, or a negative errno.
         */
        const char *type;
        int (*append)(Daemon *d, const char *name, bool is_lease, sd_bus_message *reply);
        /* If this is not NULL, it is called in place of append(), for each name. It is also given the call, whose
         * arguments say which objects the caller wants, and returns the same as append(). */
        int (*append_chosen)(Daemon *d, const char *name, sd_bus_message *call, sd_bus_message *reply);
        /* If this is not NULL, it appends what stands before the array. It is also given the call. Returns 0 or more,
         * or a negative errno. */
        int (*append_head)(Daemon *d, sd_bus_message *call, sd_bus_message *reply);
        /* If type is NULL, the answer is a text: head, what print() writes to f for each unit or lease, and tail. */
        const char *head, *tail;
        void (*print)(const char *name, bool is_lease, FILE *f);
} BulkKind;

/* Makes d->bulk. tell_some(), whose userdata is the daemon, must tell listeners of some of the changes that wait, and
 * call bulk_news_told() when none is left. -ENOMEM, or an error of sd-event. */
int bulk_new(Daemon *d, void (*tell_some)(void *userdata));
/* Ends all answers that are under way; their callers get no reply. */
void bulk_free(Daemon *d);

/* Answers m, now or later; keeps m until then. kind is borrowed until the answer is out. Returns what a method handler
 * has to return: 1, or a negative errno, with error set if too many answers are under way. */
int bulk_answer(Daemon *d, sd_bus_message *m, const BulkKind *kind, sd_bus_error *error);
/* Drops all answers that are under way: the connection is lost. */
void bulk_cancel(Daemon *d);

/* Whether listeners must not be told of changes now, because an answer with hold_news is under way. */
bool bulk_holds_news(const Daemon *d);
/* Listeners have been told of all changes: the next answer with hold_news may begin. */
void bulk_news_told(Daemon *d);
