/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A registry that is a puppet of its test, below a port: it notes what it is asked, and answers when told. So is the
 * clock, and what the core would get is noted, too.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "daemon/registry-port.h"
#include "registry/registry.h"

#define SESSION "0123456789abcdef-10000"
#define MACHINE "0123456789abcdef0123456789abcdef"
#define TIMEOUT (USEC_PER_SEC / 2)

/* Each look at the clock moves it by so much. A test ends with 0. */
extern usec_t look_takes;

struct RegistryRequest {
        registry_answer_t f;
        void *userdata;
        bool freed;
};

typedef struct Puppet {
        Registry registry;
        RegistryRequest request; /* one at a time is enough */
        bool busy;
        int refuse; /* what the next request returns instead of being made */
        usec_t timeout;
        char asked[4096]; /* the last request, as text */
        char put[4096];   /* the value of its first put */
        registry_change_t change;
        void *change_userdata;
        unsigned relists; /* how often the watch was told to list anew */
} Puppet;

/* What the core would get. */
typedef struct Seen {
        unsigned events;
        EventKind kind;
        uint64_t id, revision;
        Outcome outcome;
        unsigned complete;
        char store[32];
        struct {
                RecordKind kind;
                char name[NAME_SIZE];
                uint64_t mod_revision;
                bool damaged, value;
                uint64_t index; /* of a lease */
        } records[4];
        size_t n_records;
        uint32_t list;
        bool begins, goes_on;
} Seen;

typedef struct Fixture {
        Puppet puppet;
        Seen seen;
        RegistryPort *registry_port;
        sd_event *event;
} Fixture;

/* Of each test: *state is a Fixture. */
int setup(void **state);
int teardown(void **state);

/* Answers the request that is under way. */
void puppet_answer(Puppet *p, const RegistryAnswer *answer);
/* The text of a lease that is held, with that Index; owned by the caller. extra: NULL, or the name of a member that
 * this version does not know. */
char *lease_text(uint64_t index, const char *extra);
/* Has the port put that lease, with that Index, if it is at that revision. */
void put_lease(Fixture *f, uint64_t id, uint64_t revision, uint64_t index);
/* The watch tells of one record (key NULL: of none). */
void watch(Fixture *f, bool listed, uint64_t revision, const char *key, const char *text, uint64_t mod, bool gone);
