/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The text of each record as it was last seen, by key, and why a record cannot be read.
 *
 * The texts serve one purpose: a record that is rewritten must keep the members that this version of leased does not
 * know, and for that its old text is needed. Of a record without such members only the revision is kept here. The text
 * is not kept because the texts of ten thousand records would be most of the memory of leased. The revision is kept
 * because an older text may still arrive, and must be known to be older. The reasons are shown to people. No decision
 * depends on either. Beats are not kept here: nobody but its own session writes a beat, so a beat has no members that
 * this version does not know; and it changes too often to be worth a copy.
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
/* Keeps the revision and a copy of text, which has size bytes, unless the key is known at this revision or a later
 * one. With text NULL only the revision is kept, and the old text is dropped. damage: a static text, or NULL. Returns
 * 0 or -ENOMEM. */
int texts_put(Texts *m, const char *key, uint64_t revision, const void *text, size_t size, const char *damage);
/* The key was found absent, or was deleted, at this revision. Its text is dropped, unless the text is of a later
 * revision. */
void texts_remove(Texts *m, const char *key, uint64_t revision);
/* These two enclose a complete listing of the registry at that revision. A key that was not put between them is
 * dropped, unless its text is of a later revision. */
void texts_list_begin(Texts *m);
void texts_list_end(Texts *m, uint64_t revision);
/* What is kept of the key; what it points to is borrowed until the next change. */
KeptText texts_get(const Texts *m, const char *key);
