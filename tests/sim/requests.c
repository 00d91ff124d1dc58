/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operators who ask of one machine what another one is to do, and often take that back soon. Each is told that it has
 * begun, that it has not and never will, or that nobody knows. What was told not to have begun must not begin later;
 * what was taken back must not have begun before either; and nothing begins twice. Left out is what somebody's hand
 * has changed in the registry: a record that is written over is a request of its own.
 */
#include "sim.h"

enum {
        NOT_BEGUN = 1, /* the operator was told so */
        BEGUN = 2,     /* a machine has begun with it */
        SPOILED = 4,   /* its record was written by another hand, or came back with an old copy of the registry */
        ASKED = 8,
};

static uint8_t *flags_of(World *w, uint64_t id) {
        if (id >= w->asked_size) {
                size_t size = MAX((size_t) id + 1, 2 * w->asked_size);

                w->asked = realloc(w->asked, size);
                if (!w->asked)
                        abort();
                memset(w->asked + w->asked_size, 0, size - w->asked_size);
                w->asked_size = size;
        }
        return w->asked + id;
}

void requests_ask_for(World *w, Machine *m, size_t unit, RequestVerb verb) {
        uint64_t id = ++w->last_call;

        *flags_of(w, id) |= ASKED;
        mishap(w, MISHAP_REQUEST);
        daemon_post(w, m, unit, SIM_VERB, random_span(w, 10, 1000), EVENT_REQUEST, id * _REQUEST_VERB_MAX + verb);
}

void requests_ask(World *w, Machine *m, size_t unit) {
        if (!m->core) {
                w->last_call++;
                return;
        }
        requests_ask_for(w, m, unit, (RequestVerb) random_below(w, _REQUEST_VERB_MAX));
        if (!random_chance(w, 500000))
                return;
        mishap(w, MISHAP_TAKEN_BACK);
        daemon_post(w, m, unit, SIM_VERB, random_span(w, 1000, 300 * USEC_PER_MSEC), EVENT_WITHDRAW, w->last_call);
}

void requests_told(World *w, const Machine *m, const Action *a) {
        uint8_t *flags = a->id < w->asked_size ? w->asked + a->id : NULL;

        if (!flags || !(*flags & ASKED) || a->word == WORD_BEGUN || a->word == WORD_LATE)
                return;
        *flags |= NOT_BEGUN;
        if (a->word == WORD_WITHDRAWN && (*flags & BEGUN) && !(*flags & SPOILED))
                world_fail(w, "R1: %s says that request %llu was taken back, and it has begun", m->hostname,
                                (unsigned long long) a->id);
}

void requests_begun(World *w, const Machine *m, const Report *r) {
        uint64_t id = strtoull(r->by, NULL, 10);
        uint8_t *flags = flags_of(w, id);

        w->counts.asked++;
        if (!(*flags & SPOILED) && (*flags & (NOT_BEGUN | BEGUN)))
                world_fail(w, "R1: %s begins with request %llu, which %s", m->hostname, (unsigned long long) id,
                                *flags & BEGUN ? "has begun before" : "was told not to have begun");
        *flags |= BEGUN;
}

void requests_spoil_all(World *w) {
        for (size_t i = 0; i < w->asked_size; i++)
                w->asked[i] |= SPOILED;
}

void requests_spoil(World *w, const RequestRecord *r) {
        *flags_of(w, strtoull(r->by, NULL, 10)) |= SPOILED;
}
