/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/texts.h"

#include <errno.h>

#include "util/hash.h"

typedef struct Entry {
        UT_hash_handle hh;
        uint64_t revision;
        unsigned listing; /* the last listing that had the key */
        const char *damage;
        size_t size;
        char *text;
        char key[];
} Entry;

struct Texts {
        Entry *entries;
        unsigned listing;
};

static void entry_free(Texts *m, Entry *e) {
        HASH_DEL(m->entries, e);
        free(e->text);
        free(e);
}

Texts *texts_new(void) {
        return calloc(1, sizeof(Texts));
}

Texts *texts_free(Texts *m) {
        Entry *e, *next;

        if (!m)
                return NULL;
        HASH_ITER(hh, m->entries, e, next)
                entry_free(m, e);
        free(m);
        return NULL;
}

static Entry *find(const Texts *m, const char *key) {
        Entry *e;

        HASH_FIND_STR(m->entries, key, e);
        return e;
}

int texts_put(Texts *m, const char *key, uint64_t revision, const void *text, size_t size, const char *damage) {
        Entry *e = find(m, key);
        char *copy = NULL;

        if (e && e->revision >= revision) {
                e->listing = m->listing;
                return 0;
        }
        if (text && !(copy = malloc(size + 1)))
                return -ENOMEM;
        if (!e) {
                size_t n = strlen(key) + 1;

                e = calloc(1, sizeof(Entry) + n);
                if (!e) {
                        free(copy);
                        return -ENOMEM;
                }
                memcpy(e->key, key, n);
                HASH_ADD_STR(m->entries, key, e);
        }
        if (copy) {
                memcpy(copy, text, size);
                copy[size] = '\0';
        }
        free(e->text);
        e->text = copy;
        e->size = size;
        e->revision = revision;
        e->damage = damage;
        e->listing = m->listing;
        return 0;
}

void texts_remove(Texts *m, const char *key, uint64_t revision) {
        Entry *e = find(m, key);

        if (e && e->revision <= revision)
                entry_free(m, e);
}

void texts_list_begin(Texts *m) {
        m->listing++;
}

void texts_list_end(Texts *m, uint64_t revision) {
        Entry *e, *next;

        HASH_ITER(hh, m->entries, e, next)
                if (e->listing != m->listing && e->revision <= revision)
                        entry_free(m, e);
}

KeptText texts_get(const Texts *m, const char *key) {
        const Entry *e = find(m, key);

        return e ? (KeptText){ .text = e->text, .size = e->size, .revision = e->revision, .damage = e->damage }
                 : (KeptText){};
}
