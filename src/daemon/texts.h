/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The texts of records that have members which this version does not know, by key, and why a record cannot be read.
 *
 * The texts serve one purpose: a record that is rewritten must keep the members that this version of leased does not
 * know, and for that its old text is needed. Of a record without such members nothing is kept, because that would be
 * most of the memory of leased where there are ten thousand records. So a text that arrives late may be kept although
 * its record has changed since; whoever uses a text compares its revision (registry-port.c). The reasons are shown to
 * people. No decision depends on either. Beats are not kept here: nobody but its own session writes a beat, so a beat
 * has no members that this version does not know; and it changes too often to be worth a copy.
 */

#include "core/record.h"

typedef struct Texts Texts;

typedef struct KeptText {
        const void *text; /* NULL: the record is absent, was never seen, or its text is not needed */
        size_t size;      /* of text; without meaning if text is NULL */
        uint64_t revision;
        const char *damage; /* why the record cannot be read, a static text; NULL: it can be read, or is absent */
} KeptText;

/* No texts yet; NULL if out of memory. */
Texts *texts_new(void);
/* Frees m, which may be NULL, and all texts. Returns NULL. */
Texts *texts_free(Texts *m);
/* Keeps a copy of text, which has size bytes and may be NULL, unless the key is known at this revision or a later one.
 * damage: a static text, or NULL. Returns 0 or -ENOMEM. */
int texts_put(Texts *m, const char *key, uint64_t revision, const void *text, size_t size, const char *damage);
/* At this revision the key was found absent, or was deleted, or its text is not worth to be kept. Its text is dropped,
 * unless the text is of a later revision. */
void texts_remove(Texts *m, const char *key, uint64_t revision);
/* These two enclose a complete listing of the registry at that revision. A key that was not put between them is
 * dropped, unless its text is of a later revision. */
void texts_list_begin(Texts *m);
void texts_list_end(Texts *m, uint64_t revision);
/* What is kept of the key; what it points to is borrowed until the next change. */
KeptText texts_get(const Texts *m, const char *key);
