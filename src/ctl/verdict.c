/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Whether one tenure was over before the next began. Within one machine, the order of the entries in its journal
 * counts. Between two machines, the registry orders what happened: the end was written to the journal before the
 * write that gave the lease away, and the write that acquired it came before the beginning. So no clock is needed
 * where the lease was given away. Where it was taken by time, only clocks say which came first.
 */
#include "ctl/verdict.h"

#include <stdio.h>

static const char *const words[_UNPROVEN_MAX] = {
        [UNPROVEN_NOT] = "",
        [UNPROVEN_INDEX] = "no-index",
        [UNPROVEN_MISSING] = "no-journal",
        [UNPROVEN_BREAKS] = "journal-breaks-off",
        [UNPROVEN_NO_END] = "no-end",
        [UNPROVEN_LATER] = "wrote-later",
        [UNPROVEN_EMPTY] = "not-empty",
        [UNPROVEN_CLOCKS] = "clocks",
};

Unproven verdict_reason(const char *word) {
        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                if (streq(words[i], word))
                        return (Unproven) i;
        return UNPROVEN_NOT;
}

static json_int_t line_of(const json_t *tenure, const char *mark) {
        return get_integer(json_object_get(tenure, mark), "line");
}

static json_int_t time_of(const json_t *tenure, const char *mark) {
        return get_integer(json_object_get(tenure, mark), "realtime_usec");
}

static json_int_t revision_of(const json_t *tenure, const char *mark) {
        return get_integer(json_object_get(tenure, mark), "revision");
}

static bool has(const json_t *tenure, const char *mark) {
        return json_object_get(tenure, mark) != NULL;
}

/* Whether the unit did not run in the tenure, or had ended before that entry and showed no life after it. */
static bool is_over_at(const json_t *t, const char *mark) {
        json_int_t at = line_of(t, mark);

        return !has(t, "first") || (has(t, "ended") && line_of(t, "ended") < at && line_of(t, "last") < at);
}

/* The registry has the one before the other. */
static bool is_ordered(const json_t *from, const json_t *to) {
        return has(from, "left") && is_over_at(from, "left") && has(to, "acquired") && revision_of(from, "left") > 0 &&
               revision_of(from, "left") <= revision_of(to, "acquired") &&
               (!has(to, "first") || line_of(to, "acquired") < line_of(to, "first"));
}

/* Gives the entry by which the tenure was surely over; NULL if there is none. */
static const char *end_of(const json_t *t) {
        if (has(t, "empty") && is_over_at(t, "empty"))
                return "empty";
        if (has(t, "left") && is_over_at(t, "left"))
                return "left";
        return has(t, "booted") ? "booted" : NULL;
}

/* Gives when the tenure began, at the latest; 0 if the unit never ran in it. */
static json_int_t beginning_of(const json_t *t) {
        json_int_t first = time_of(t, "first"), acquired = time_of(t, "acquired");

        return acquired > 0 && (first == 0 || acquired < first) ? acquired : first;
}

static Unproven why_unproven(const json_t *from) {
        const char *end = end_of(from);

        if (end)
                return streq(end, "booted") ? UNPROVEN_BREAKS : UNPROVEN_CLOCKS;
        if (!has(from, "ended"))
                return UNPROVEN_NO_END;
        return line_of(from, "last") > line_of(from, "ended") ? UNPROVEN_LATER : UNPROVEN_EMPTY;
}

static void add_move(Proof *p, size_t from, size_t to, const char *verdict, const char *by, Unproven why) {
        const json_t *a = json_array_get(p->tenures, from), *b = json_array_get(p->tenures, to);
        const char *end = end_of(a) ?: "last";
        json_int_t begins = beginning_of(b), ended = time_of(a, end);
        char missing[24];

        (void) snprintf(missing, sizeof(missing), "%lld", (long long) get_integer(b, "index") - 1);
        (void) json_array_append_new(p->moves,
                        json_pack("{s:I, s:I, s:s, s:s?, s:s?, s:s?, s:o}", "from", (json_int_t) from, "to",
                                        (json_int_t) to, "verdict", verdict, "by", by, "why",
                                        why == UNPROVEN_NOT ? NULL : words[why], "holder",
                                        why == UNPROVEN_MISSING
                                                        ? json_string_value(json_object_get(p->holders, missing))
                                                        : NULL,
                                        "gap_usec",
                                        begins > 0 && ended > 0 ? json_integer(begins - ended) : json_null()));
}

static bool is_overlap(const json_t *from, const json_t *to) {
        return has(from, "last") && has(to, "first") && time_of(to, "first") <= time_of(from, "last") &&
               time_of(from, "first") <= time_of(to, "last");
}

/* Judges a tenure and the one that the Indexes have next. */
static void judge_next(Proof *p, size_t i) {
        const json_t *from = json_array_get(p->tenures, i), *to = json_array_get(p->tenures, i + 1);
        json_int_t a = get_integer(from, "index"), b = get_integer(to, "index"),
                   end = end_of(from) ? time_of(from, end_of(from)) : 0;
        bool same = streq(get_string(from, "machine_id"), get_string(to, "machine_id"));

        if (a > 0 && b > a + 1)
                add_move(p, i, i + 1, "unproven", NULL, UNPROVEN_MISSING);
        else if (same)
                return;
        else if (a > 0 && b > a && is_ordered(from, to))
                add_move(p, i, i + 1, "proven", "registry", UNPROVEN_NOT);
        else if (is_overlap(from, to))
                add_move(p, i, i + 1, "overlap", NULL, UNPROVEN_NOT);
        else if (a == 0 || b == 0)
                add_move(p, i, i + 1, "unproven", NULL, UNPROVEN_INDEX);
        else if (p->clocks != USEC_INFINITY && end > 0 && beginning_of(to) - end > (json_int_t) p->clocks)
                add_move(p, i, i + 1, "proven", "clocks", UNPROVEN_NOT);
        else
                add_move(p, i, i + 1, "unproven", NULL, why_unproven(from));
}

static int compare_tenures(const void *a, const void *b) {
        const json_t *x = *(json_t *const *) a, *y = *(json_t *const *) b;
        json_int_t i = get_integer(x, "index"), k = get_integer(y, "index");

        if (i == k) {
                i = beginning_of(x);
                k = beginning_of(y);
        }
        return i < k ? -1 : i > k;
}

static void sort_tenures(json_t *tenures) {
        size_t n = json_array_size(tenures);
        _cleanup_free_ json_t **list = calloc(n + 1, sizeof(json_t *));

        if (!list)
                abort();
        for (size_t i = 0; i < n; i++)
                list[i] = json_incref(json_array_get(tenures, i));
        qsort(list, n, sizeof(json_t *), compare_tenures);
        (void) json_array_clear(tenures);
        for (size_t i = 0; i < n; i++)
                (void) json_array_append_new(tenures, list[i]);
}

void verdict_judge(Proof *p) {
        size_t n = json_array_size(p->tenures);

        sort_tenures(p->tenures);
        for (size_t i = 0; i + 1 < n; i++) {
                const json_t *from = json_array_get(p->tenures, i);

                judge_next(p, i);
                for (size_t k = i + 2; k < n; k++) {
                        const json_t *to = json_array_get(p->tenures, k);

                        if (!streq(get_string(from, "machine_id"), get_string(to, "machine_id")) &&
                                        is_overlap(from, to))
                                add_move(p, i, k, "overlap", NULL, UNPROVEN_NOT);
                }
        }
}
