/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The text of each record as it was last seen, by key.
 *
 * For one purpose: a record that is rewritten keeps the members that this version does not know, and for that the old
 * text is needed. No decision is taken on it. Beats are not kept: a beat is written by its own session only, so nobody
 * else's members can be in it, and it changes too often to be worth a copy.
 */

#include "core/record.h"

typedef struct Texts Texts;

typedef struct KeptText {
        const void *text; /* NULL: nothing is known */
        size_t size;
        uint64_t revision;
        const char *damage; /* why it cannot be read; NULL if it can */
} KeptText;

Texts *texts_new(void);
Texts *texts_free(Texts *m);
/* Keeps text (copied) unless a later revision is known. damage: a static text, or NULL. -ENOMEM. */
int texts_put(Texts *m, const char *key, uint64_t revision, const void *text, size_t size, const char *damage);
/* The key was found absent, or deleted, at this revision. */
void texts_remove(Texts *m, const char *key, uint64_t revision);
/* Around a complete listing: what was not put between the two and is not later than revision goes away. */
void texts_list_begin(Texts *m);
void texts_list_end(Texts *m, uint64_t revision);
KeptText texts_get(const Texts *m, const char *key);
