/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The states that were seen (seen.c): eight bytes for each. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What may still happen from a state: so many troubles, for so many of 15 parts of the time. */
typedef struct Budget {
        unsigned troubles, time;
} Budget;

typedef struct Seen Seen;

typedef enum SeenAs {
        SEEN_NEW,
        SEEN_POORER, /* it was seen, but with less to spend: it must be looked at again */
        SEEN_KNOWN,
        SEEN_FULL, /* it was not noted: there is no room */
} SeenAs;

/* Makes a table for up to 2^bits states, of this process alone. It is never freed. */
Seen *seen_new(unsigned bits);
/* Makes one in so much memory, which is zero, or holds such a table. */
size_t seen_size(unsigned bits);
Seen *seen_at(void *memory, unsigned bits);
/* Notes the state, with what may still happen from it, and gives the place of the state in the table,
 * except with SEEN_FULL. */
SeenAs seen_note(Seen *s, uint64_t print, Budget budget, size_t *ret_place);
/* Note, or ask, whether it is known that from the state at this place the unit comes to run when no trouble comes any
 * more. */
void seen_set_live(Seen *s, size_t place);
bool seen_is_live(const Seen *s, size_t place);
