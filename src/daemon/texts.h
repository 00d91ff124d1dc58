/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The text of each record as it was last seen, by key.
 *
 * It serves one purpose: a record that is rewritten keeps the members that this version of leased does not know, and
 * for that its old text is needed. No decision is taken on it. Beats are not kept: only its own session writes a beat,
 * so it has no members of anybody else's, and it changes too often to be worth a copy.
 */

#include "core/record.h"

typedef struct Texts Texts;

typedef struct KeptText {
        const void *text; /* NULL: the record is absent, or was never seen */
        size_t size;
        uint64_t revision;
        const char *damage; /* why the record cannot be read: a static text; NULL: it can */
} KeptText;

/* NULL if out of memory. */
Texts *texts_new(void);
Texts *texts_free(Texts *m);
/* Keeps a copy of text, unless the key is known at this revision or a later one. damage: a static text, or NULL.
 * -ENOMEM. */
int texts_put(Texts *m, const char *key, uint64_t revision, const void *text, size_t size, const char *damage);
/* The key was found absent, or was deleted, at this revision: its text goes, unless it is of a later one. */
void texts_remove(Texts *m, const char *key, uint64_t revision);
/* These two enclose a complete listing: a key that was not put between them goes, unless it is later than revision. */
void texts_list_begin(Texts *m);
void texts_list_end(Texts *m, uint64_t revision);
/* What is kept of the key; borrowed until the next change. */
KeptText texts_get(const Texts *m, const char *key);
