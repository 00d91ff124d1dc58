/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/history-lines.h"

#include <stdio.h>

#include "core/why.h"
#include "ctl/machines.h"
#include "ctl/output.h"
#include "ctl/stamp.h"
#include "util/shell-word.h"

enum {
        HOLDER_COLUMNS_MAX = 20, /* longer names are cut */
};

/* Whether it is not known who has had the lease since the end of this tenure. */
static bool is_unknown_behind(const json_t *row) {
        return streq(get_string(row, "then"), "unknown");
}

bool history_lines_gap(const json_t *row, const json_t *next, usec_t *ret_from, usec_t *ret_to) {
        usec_t from = (usec_t) get_integer(row, "to_usec"),
               to = next ? (usec_t) get_integer(next, "from_usec") : now_realtime();

        if (*get_string(row, "standing") || from == 0 || to < from + USEC_PER_SEC ||
                        get_integer(row, "code") == WHY_DONE || (!next && is_unknown_behind(row)))
                return false;
        *ret_from = from;
        *ret_to = to;
        return true;
}

static const json_t *next_of(const json_t *rows, size_t i) {
        const json_t *row = json_array_get(rows, i), *next = json_array_get(rows, i + 1);

        return next && streq(get_string(row, "lease"), get_string(next, "lease")) ? next : NULL;
}

static const char *holder_of(const json_t *row, char *buf, size_t size) {
        str_copy(buf, size, get_string(row, "hostname"));
        if (!*buf)
                str_copy(buf, MIN(size, (size_t) 9), get_string(row, "machine_id"));
        return buf;
}

/* Of a silent holder that keeps the lease since a pause (law 13). */
static json_t *kept_text(const json_t *row) {
        const char *host = get_string(row, "hostname");

        return json_sprintf("silent, kept since a pause (leasectl confirm-dead %s)",
                        *host ? SHELL_WORD(host) : get_string(row, "machine_id"));
}

/* Adds to a row what people see in place of ids and numbers. */
static void complete_row(json_t *row) {
        json_int_t from = get_integer(row, "from_usec"), to = get_integer(row, "to_usec");
        const char *standing = get_string(row, "standing");
        bool ended = to == 0 && !*standing; /* some time, which is not known any more */
        char holder[HOSTNAME_SHOWN];

        if (to == 0 && get_integer(row, "heard_usec") > 0) {
                to = get_integer(row, "heard_usec");
                (void) json_object_set_new(row, "to_usec", json_integer(to));
        } else if (to == 0) {
                (void) json_object_set_new(row, "to_usec", json_string(streq(standing, "held") ? "now" : "?"));
                to = (json_int_t) now_realtime();
        }
        (void) json_object_set_new(row, "holder", json_string(holder_of(row, holder, sizeof(holder))));
        if (get_boolean(row, "kept"))
                (void) json_object_set_new(row, "why", kept_text(row));
        else if (*standing && !streq(standing, "held"))
                (void) json_object_set_new(row, "why", json_string(standing));
        (void) json_object_set_new(row, "for_usec", ended ? json_null() : json_integer(MAX(to - from, 0)));
}

/* ---- for scripts ---- */

/* Gives the rows with one more for each time in which nobody had the lease between two tenures. */
static json_t *with_gaps(const json_t *rows) {
        json_t *all = json_array(), *row;
        size_t i;

        json_array_foreach((json_t *) rows, i, row) {
                usec_t from, to;

                (void) json_array_append(all, row);
                if (next_of(rows, i) && history_lines_gap(row, next_of(rows, i), &from, &to))
                        (void) json_array_append_new(
                                        all, json_pack("{s:s, s:s, s:i, s:I, s:I, s:I, s:s}", "lease",
                                                             get_string(row, "lease"), "holder", "-", "index", 0,
                                                             "from_usec", (json_int_t) from, "to_usec",
                                                             (json_int_t) to, "for_usec", (json_int_t) (to - from),
                                                             "why", "held by nobody"));
        }
        return all;
}

static void print_table(const Ctl *ctl, json_t *rows) {
        static const Column columns[] = {
                { .title = "LEASE", .key = "lease" },
                { .title = "HOLDER", .key = "holder" },
                { .title = "INDEX", .key = "index", .format = format_json_index, .right = true },
                { .title = "FROM", .key = "from_usec", .format = stamp_format_json },
                { .title = "TO", .key = "to_usec", .format = stamp_format_json },
                { .title = "FOR", .key = "for_usec", .format = format_json_span, .right = true },
                { .title = "ENDED", .key = "why" },
        };
        json_auto_t *all = with_gaps(rows);
        json_t *row;
        size_t i;

        json_array_foreach(rows, i, row)
                complete_row(row);
        print_rows(ctl, all, columns, ELEMENTSOF(columns), "");
}

/* ---- for people ---- */

typedef struct Widths {
        size_t holder, index, from, to;
} Widths;

/* Writes a time behind another one: without the date if that is the same. */
static void format_to(char *buf, size_t size, const json_t *row) {
        char from[32];

        stamp_format_json(json_object_get(row, "to_usec"), buf, size);
        (void) stamp_format(from, sizeof(from), (usec_t) get_integer(row, "from_usec"));
        if (strlen(buf) == strlen("2026-03-01 03:12") && strncmp(from, buf, strlen("2026-03-01 ")) == 0)
                memmove(buf, buf + strlen("2026-03-01 "), strlen("03:12") + 1);
}

static Widths measure(const json_t *rows) {
        Widths w = {
                .holder = strlen("HOLDER"), .index = strlen("INDEX"), .from = strlen("FROM"), .to = strlen("TO")
        };
        json_t *row;
        size_t i;

        json_array_foreach((json_t *) rows, i, row) {
                char text[32];

                w.holder = MAX(w.holder, output_columns(get_string(row, "holder")));
                w.from = MAX(w.from, strlen(stamp_format(text, sizeof(text), (usec_t) get_integer(row, "from_usec"))));
                format_json_index(json_object_get(row, "index"), text, sizeof(text));
                w.index = MAX(w.index, strlen(text));
                format_to(text, sizeof(text), row);
                w.to = MAX(w.to, strlen(text));
        }
        w.holder = MIN(w.holder, (size_t) HOLDER_COLUMNS_MAX);
        return w;
}

/* Prints a time in which the unit was down, and who asked for that, if somebody did. */
static void print_down(usec_t from, usec_t to, bool until_now, const char *why, const char *by) {
        json_auto_t *row = json_pack("{s:I, s:I}", "from_usec", (json_int_t) from, "to_usec", (json_int_t) to);
        char a[32], b[32], span[32];

        format_to(b, sizeof(b), row);
        say_wrapped(6, "  %s%s to %s down %s: %s%s%s%s", colour_on(COLOUR_RED), stamp_format(a, sizeof(a), from),
                        until_now ? "now" : b, format_span(span, sizeof(span), to - from), why, *by ? ", " : "", by,
                        colour_off());
}

/* Prints a start that PID 1 refused while the lease was held. */
static void print_refused(const json_t *outage) {
        char at[32];

        say_wrapped(6, "  %s%s %s not started: %s%s", colour_on(COLOUR_RED),
                        stamp_format(at, sizeof(at), (usec_t) get_integer(outage, "from_usec")),
                        get_string(outage, "refused"), get_string(outage, "why"), colour_off());
}

static void print_outage(const json_t *outage) {
        if (*get_string(outage, "refused"))
                print_refused(outage);
        else
                print_down((usec_t) get_integer(outage, "from_usec"),
                                (usec_t) get_integer(outage, "to_usec") ?: now_realtime(),
                                json_is_null(json_object_get(outage, "to_usec")),
                                get_integer(outage, "code") == WHY_EXPIRED ? "no beat reached the registry"
                                                                           : get_string(outage, "why"),
                                get_string(outage, "by"));
}

static void print_gap(const json_t *row, const json_t *next) {
        const char *holder = get_string(row, "holder"), *why = get_string(row, "why");
        bool silent = get_integer(row, "code") == WHY_EXPIRED;
        char text[256];
        usec_t from, to;

        if (!history_lines_gap(row, next, &from, &to))
                return;
        if (silent)
                (void) snprintf(text, sizeof(text), "no beat of %s", holder);
        else
                (void) snprintf(text, sizeof(text), "%s on %s, and %s", *why ? why : "ended", holder,
                                next ? "nobody took it" : "nobody takes it");
        print_down(from, to, !next, text, "");
}

/* Prints a tenure, with the outages in it. */
static void print_tenure(const json_t *row, const Widths *w) {
        const char *by = get_string(row, "by");
        char index[32], from[32], to[32], span[32], name[256];
        json_t *outage;
        size_t i;

        format_json_span(json_object_get(row, "for_usec"), span, sizeof(span));
        format_json_index(json_object_get(row, "index"), index, sizeof(index));
        format_to(to, sizeof(to), row);
        say_wrapped(w->holder + w->index + w->from + w->to + 20, "  %s  %*s  %-*s  %-*s  %8s  %s%s%s",
                        output_fit(name, sizeof(name), get_string(row, "holder"), w->holder), (int) w->index, index,
                        (int) w->from, stamp_format(from, sizeof(from), (usec_t) get_integer(row, "from_usec")),
                        (int) w->to, to, span, get_string(row, "why"), *by ? " by " : "", by);
        json_array_foreach(json_object_get(row, "outages"), i, outage)
                print_outage(outage);
}

void history_lines_print(const Ctl *ctl, json_t *rows) {
        const char *lease = "";
        json_t *row;
        Widths w;
        size_t i;

        if (!ctl->legend) {
                print_table(ctl, rows);
                return;
        }
        json_array_foreach(rows, i, row)
                complete_row(row);
        w = measure(rows);
        say_wrapped(2, "%s  %-*s  %*s  %-*s  %-*s  %8s  %s%s", colour_on(COLOUR_BOLD), (int) w.holder, "HOLDER",
                        (int) w.index, "INDEX", (int) w.from, "FROM", (int) w.to, "TO", "FOR", "ENDED", colour_off());
        json_array_foreach(rows, i, row) {
                if (!streq(lease, get_string(row, "lease")))
                        say_wrapped(2, "%s%s%s", colour_on(COLOUR_BOLD), get_string(row, "lease"), colour_off());
                lease = get_string(row, "lease");
                print_tenure(row, &w);
                print_gap(row, next_of(rows, i));
                if (is_unknown_behind(row))
                        say_wrapped(6, "  who has had it since then is not known: the registry does not answer");
        }
}
