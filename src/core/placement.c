/* SPDX-License-Identifier: Apache-2.0 */
#include "core/placement.h"

#include <fnmatch.h>

/* ---- lists of words ---- */

const char *placement_next_word(const char *list, size_t *ret_n) {
        list += strspn(list, " ");
        *ret_n = strcspn(list, " ");
        return *ret_n > 0 ? list : NULL;
}

#define FOREACH_WORD(word, n, list)                                                                                   \
        for (const char *word = placement_next_word(list, &(n)); word; word = placement_next_word(word + (n), &(n)))

static bool has_word(const char *list, const char *word, size_t length) {
        size_t n;

        FOREACH_WORD(w, n, list)
                if (n == length && strncmp(w, word, n) == 0)
                        return true;
        return false;
}

bool placement_names(const char *list, const char *word) {
        return has_word(list, word, strlen(word));
}

static bool is_glob(char c) {
        return c == '*' || c == '?' || c == '[' || c == '\\';
}

/* The word at w, with a glob in it. */
static bool glob_matches(const char *w, const char *unit) {
        char pattern[CONFLICTS_SIZE];
        size_t n = MIN(strcspn(w, " "), sizeof(pattern) - 1);

        memcpy(pattern, w, n);
        pattern[n] = '\0';
        return fnmatch(pattern, unit, 0) == 0;
}

/* Asked of every two units, which mostly differ in their first letters. */
bool placement_matches(const char *patterns, const char *unit) {
        for (const char *w = patterns; *w; w += *w == ' ') {
                const char *s = unit;

                for (; *w && *w == *s && !is_glob(*w); w++)
                        s++;
                if (!*w || *w == ' ' ? !*s : is_glob(*w) && glob_matches(w, s))
                        return true;
                while (*w && *w != ' ')
                        w++;
        }
        return false;
}

/* ---- what must be so ---- */

static size_t key_length(const char *word, size_t n) {
        const char *equals = memchr(word, '=', n);

        return equals ? (size_t) (equals - word) : n;
}

/* Whether one of the values that the list gives for this word's key is there. */
static bool key_is_met(const char *require, const char *word, size_t n, const char *metadata) {
        size_t key = key_length(word, n), m;

        FOREACH_WORD(w, m, require)
                if (key_length(w, m) == key && strncmp(w, word, key) == 0 && has_word(metadata, w, m))
                        return true;
        return false;
}

Reason placement_unfit(const Placement *p, const char *machine_id, const char *metadata) {
        size_t n;

        if (p->machine_id[0] && strncmp(machine_id, p->machine_id, strlen(p->machine_id)) != 0)
                return reason_of(WHY_OTHER_MACHINE, p->machine_id);
        FOREACH_WORD(w, n, p->require)
                if (!key_is_met(p->require, w, n, metadata))
                        return (Reason){ .why = WHY_METADATA, .what = w, .length = n };
        return reason(WHY_NONE);
}

Reason placement_why_not(const Placement *p, const PlacementMachine *m) {
        Reason unfit;

        if (!m->enabled)
                return reason_there(reason(WHY_NOT_ENABLED));
        unfit = placement_unfit(p, m->id, m->metadata);
        if (unfit.why != WHY_NONE)
                return unfit;
        if (m->copy)
                return reason_of(WHY_HAS_COPY, m->copy);
        if (m->draining)
                return reason_there(reason(WHY_DRAINING));
        if (m->conflict)
                return reason_of(WHY_CONFLICT, m->conflict);
        return m->missing_peer ? reason_of(WHY_MISSING_PEER, m->missing_peer) : m->word;
}

/* ---- what is better ---- */

int placement_preference(const Placement *p, const char *metadata) {
        int met = 0;
        size_t n;

        FOREACH_WORD(w, n, p->prefer)
                met += has_word(metadata, w, n);
        FOREACH_WORD(w, n, p->prefer_not)
                met -= has_word(metadata, w, n);
        return met;
}

const char *placement_value(const char *metadata, const char *key, size_t *ret_n) {
        size_t k = strlen(key), n;

        FOREACH_WORD(w, n, metadata)
                if (n > k && strncmp(w, key, k) == 0 && w[k] == '=') {
                        *ret_n = n - k - 1;
                        return w + k + 1;
                }
        return NULL;
}

static uint64_t hash(const char *s, uint64_t h) {
        for (; *s; s++)
                h = (h ^ (unsigned char) *s) * UINT64_C(0x100000001b3);
        return h;
}

/* Names differ in their last letters, which FNV alone leaves in the low bits. */
static uint64_t weight(const char *unit, const char *machine) {
        uint64_t h = hash(machine, hash(unit, UINT64_C(0xcbf29ce484222325)));

        h = (h ^ h >> 33) * UINT64_C(0xff51afd7ed558ccd);
        h = (h ^ h >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
        return h ^ h >> 33;
}

bool placement_before(const Placement *p, const char *unit, const PlacementMachine *a, const PlacementMachine *b) {
        int more = placement_preference(p, a->metadata), less = placement_preference(p, b->metadata);
        uint64_t mine, other;

        if (more != less)
                return more > less;
        if (a->alike != b->alike)
                return a->alike < b->alike;
        if (a->held != b->held)
                return a->held < b->held;
        mine = weight(unit, a->id);
        other = weight(unit, b->id);
        return mine != other ? mine > other : strcmp(a->id, b->id) < 0;
}
