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

/* Writes prefix and n bytes of text. */
static const char *say(char *buffer, const char *prefix, const char *text, size_t n) {
        size_t m = strlen(prefix);

        memcpy(buffer, prefix, m);
        n = text_cut(text, MIN(n, PLACEMENT_WHY_SIZE - m - 1));
        memcpy(buffer + m, text, n);
        buffer[m + n] = '\0';
        return buffer;
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

const char *placement_unfit(const Placement *p, const char *machine_id, const char *metadata,
                char buffer[static PLACEMENT_WHY_SIZE]) {
        size_t n;

        if (p->machine_id[0] && strncmp(machine_id, p->machine_id, strlen(p->machine_id)) != 0)
                return say(buffer, "it is to run on machine ", p->machine_id, strlen(p->machine_id));
        FOREACH_WORD(w, n, p->require)
                if (!key_is_met(p->require, w, n, metadata))
                        return say(buffer, "missing metadata ", w, n);
        return NULL;
}

const char *placement_why_not(const Placement *p, const PlacementMachine *m, char buffer[static PLACEMENT_WHY_SIZE]) {
        const char *why;

        if (!m->why)
                return "it is not enabled there";
        why = placement_unfit(p, m->id, m->metadata, buffer);
        if (why)
                return why;
        if (m->draining)
                return "draining";
        if (m->conflict)
                return say(buffer, "conflict with ", m->conflict, strlen(m->conflict));
        if (m->missing_peer)
                return say(buffer, "it must run beside ", m->missing_peer, strlen(m->missing_peer));
        return isempty(m->why) ? NULL : m->why;
}

/* ---- what is better ---- */

size_t placement_preference(const Placement *p, const char *metadata) {
        size_t n, met = 0;

        FOREACH_WORD(w, n, p->prefer)
                met += has_word(metadata, w, n);
        return met;
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
        size_t more = placement_preference(p, a->metadata), less = placement_preference(p, b->metadata);
        uint64_t mine, other;

        if (more != less)
                return more > less;
        if (a->held != b->held)
                return a->held < b->held;
        mine = weight(unit, a->id);
        other = weight(unit, b->id);
        return mine != other ? mine > other : strcmp(a->id, b->id) < 0;
}
