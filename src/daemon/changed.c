/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/changed.h"

#include <errno.h>

#include "util/hash.h"

typedef struct Noted {
        UT_hash_handle hh;
        char name[];
} Noted;

struct Changed {
        sd_event_source *source;
        void (*flush)(void *userdata);
        void *userdata;
        Noted *units, *leases, *offers;
        bool standing; /* the standing of machines to units may have changed */
};

static int on_flush(sd_event_source *source, void *userdata) {
        Changed *c = userdata;

        c->flush(c->userdata);
        return 0;
}

int changed_new(sd_event *event, void (*flush)(void *userdata), void *userdata, Changed **ret) {
        Changed *c = calloc(1, sizeof(Changed));
        int r;

        if (!c)
                return -ENOMEM;
        *c = (Changed){ .flush = flush, .userdata = userdata };
        r = sd_event_add_defer(event, &c->source, on_flush, c);
        if (r >= 0)
                r = sd_event_source_set_priority(c->source, SD_EVENT_PRIORITY_IDLE);
        if (r < 0) {
                changed_free(c);
                return r;
        }
        *ret = c;
        return 0;
}

static void take(Noted **set, Noted *n, char *ret_name, size_t size) {
        str_copy(ret_name, size, n->name);
        HASH_DEL(*set, n);
        free(n);
}

bool changed_take(Changed *c, bool *ret_is_lease, char ret_name[static NAME_SIZE]) {
        Noted **set = c->units ? &c->units : &c->leases;

        if (!*set)
                return false;
        *ret_is_lease = set == &c->leases;
        take(set, *set, ret_name, NAME_SIZE);
        return true;
}

bool changed_take_offer(Changed *c, char ret_name[static RECORD_NAME_SIZE]) {
        if (!c->offers)
                return false;
        take(&c->offers, c->offers, ret_name, RECORD_NAME_SIZE);
        return true;
}

bool changed_pending(const Changed *c) {
        return c->units || c->leases || c->offers;
}

Changed *changed_free(Changed *c) {
        char name[RECORD_NAME_SIZE];
        bool is_lease;

        if (!c)
                return NULL;
        sd_event_source_disable_unref(c->source);
        while (changed_take(c, &is_lease, name) || changed_take_offer(c, name))
                ;
        free(c);
        return NULL;
}

void changed_note(Changed *c) {
        (void) sd_event_source_set_enabled(c->source, SD_EVENT_ONESHOT);
}

/* If memory runs out, the name is not noted: listeners hear of the object only with its next change. */
static void add(Noted **set, const char *name) {
        size_t n = strlen(name) + 1;
        Noted *noted;

        HASH_FIND_STR(*set, name, noted);
        if (noted || !(noted = calloc(1, sizeof(Noted) + n)))
                return;
        memcpy(noted->name, name, n);
        HASH_ADD_STR(*set, name, noted);
}

void changed_note_unit(Changed *c, const char *unit) {
        add(&c->units, unit);
        changed_note(c);
}

void changed_note_offer(Changed *c, const char *offer) {
        add(&c->offers, offer);
        changed_note(c);
}

void changed_note_core(Changed *c, const char *unit, const char *lease) {
        if (unit)
                add(&c->units, unit);
        if (lease)
                add(&c->leases, lease);
        c->standing |= lease || !unit;
        changed_note(c);
}

bool changed_standing(const Changed *c) {
        return c->standing;
}

void changed_take_standing(Changed *c) {
        c->standing = false;
}
