/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The way between daemons and the registry (net.c). Included by sim.h only. */

#include "sim.h"

typedef struct Message {
        struct Message *next_free;
        unsigned references;
        bool txn, answered, kept; /* kept: stuck outside of any partition, lands for certain */
        uint8_t machine;
        unsigned generation, incarnation;
        usec_t sent_at;
        uint64_t id;
        char session[SESSION_SIZE]; /* the sender's */
        unsigned list_kinds, complete;
        uint64_t since, total;
        size_t n_compares, n_puts, n_deletes;
        MapItem compares[ITEMS_MAX], puts[ITEMS_MAX];
        uint32_t deletes[ITEMS_MAX];
        Outcome outcome;
        uint64_t revision;
        size_t store;
        MapItem *records;
        size_t n_records, records_size;
        size_t delivered; /* of .records: a list may come in parts (World.slice) */
        uint32_t list;    /* its number; 0: it comes as a whole, or nothing of it has come yet */
} Message;

typedef struct Watch {
        unsigned generation;
        bool connected, scheduled;
        uint64_t position; /* delivered up to this revision */
        usec_t latency, stalled_until;
        /* of the beats of sessions below the first, but for those of the second, it tells nothing */
        char beats_from[SESSION_SIZE], session[SESSION_SIZE];
} Watch;

void net_send(World *w, Machine *m, const Action *a);
void net_event(World *w, SimEvent *e);
void net_changed(World *w); /* the map has: wake the watches */
void watch_reset(World *w, Machine *m, usec_t delay);
void watch_listen(World *w, Machine *m, const char *beats_from, const char *session);
void net_done(World *w);
