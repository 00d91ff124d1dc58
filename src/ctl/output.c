/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/output.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "ctl/pager.h"
#include "ctl/say.h"
#include "ctl/width.h"
#include "util/text.h"

enum {
        COLUMNS_MAX = 12,
        CELL_SIZE = 512,
        FIELD_WIDTH = 14,
        COLUMN_MIN = 9, /* what is left of a column at least: eight digits of a machine id, and "…" */
};

Colour colour_of_state(const char *state) {
        static const struct {
                const char *state;
                Colour colour;
        } known[] = {
                { "running", COLOUR_GREEN },
                { "starting", COLOUR_YELLOW },
                { "acquiring", COLOUR_YELLOW },
                { "held", COLOUR_YELLOW },
                { "stopping", COLOUR_YELLOW },
                { "stopped", COLOUR_YELLOW },
                { "frozen", COLOUR_YELLOW },
                { "releasing", COLOUR_YELLOW },
                { "damaged", COLOUR_RED },
                { "failed", COLOUR_RED },
                { "unknown", COLOUR_RED },
                { "elsewhere", COLOUR_GREY },
                { "waiting", COLOUR_GREY },
                { "done", COLOUR_GREY },
        };

        for (size_t i = 0; i < ELEMENTSOF(known); i++)
                if (streq(state, known[i].state))
                        return known[i].colour;
        return COLOUR_NONE;
}

void format_json_span(const json_t *value, char *buf, size_t size) {
        if (json_integer_value(value) > 0)
                (void) format_span(buf, size, (usec_t) json_integer_value(value));
        else
                str_copy(buf, size, "-");
}

void format_json_index(const json_t *value, char *buf, size_t size) {
        if (json_integer_value(value) > 0)
                (void) snprintf(buf, size, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        else
                str_copy(buf, size, "-");
}

/* Writes the text of a cell as text that can be shown. */
static void cell_format(const Column *column, const json_t *row, char *buf, size_t size) {
        const json_t *value = json_object_get(row, column->key);
        char text[CELL_SIZE];

        if (column->format)
                column->format(value, text, sizeof(text));
        else if (json_is_integer(value))
                (void) snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        else
                str_copy(text, sizeof(text), isempty(json_string_value(value)) ? "-" : json_string_value(value));
        (void) text_clean(buf, size, text);
}

size_t output_columns(const char *s) {
        return width_of(s);
}

char *output_fit(char *buf, size_t size, const char *text, size_t width) {
        char clean[4 * CELL_SIZE];
        size_t n, at = 0, columns = 0, cut = 0;

        (void) text_clean(clean, sizeof(clean), text);
        if (output_columns(clean) <= width)
                cut = strlen(clean);
        else /* as many whole characters as leave room for the ellipsis */
                for (const char *p = clean; *p; p += n) {
                        uint32_t c;
                        char one[8] = "";

                        n = MAX(text_decode(p, &c), (size_t) 1);
                        memcpy(one, p, MIN(n, sizeof(one) - 1));
                        columns += output_columns(one);
                        if (columns + 1 > width)
                                break;
                        cut += n;
                }
        at = MIN(cut, size - 1);
        memcpy(buf, clean, at);
        buf[at] = '\0';
        if (clean[cut] && at + 4 < size) {
                memcpy(buf + at, "…", 4);
                at += 3;
        }
        for (columns = output_columns(buf); columns < width && at + 1 < size; columns++)
                buf[at++] = ' ';
        buf[at] = '\0';
        return buf;
}

/* Appends a cell to a line. */
static void cell_print(FILE *line, const char *text, Colour colour, size_t width, bool right, bool last) {
        size_t n = output_columns(text);
        int pad = width > n ? (int) (width - n) : 0;

        (void) fprintf(line, "%*s%s%s%s%*s%s", right ? pad : 0, "", colour_on(colour), text,
                        colour == COLOUR_NONE ? "" : colour_off(), right || last ? 0 : pad, "", last ? "" : "  ");
}

/* Works out the widths of the columns, so that each cell fits. */
static void measure(const Ctl *ctl, const json_t *rows, const Column *columns, size_t n, size_t *ret) {
        char cell[4 * CELL_SIZE];
        json_t *row;
        size_t i;

        for (size_t c = 0; c < n; c++) {
                ret[c] = ctl->legend ? strlen(columns[c].title) : 0;
                json_array_foreach((json_t *) rows, i, row) {
                        cell_format(columns + c, row, cell, sizeof(cell));
                        ret[c] = MAX(ret[c], output_columns(cell));
                }
        }
}

/* Makes columns narrower until a line fits on the terminal, the widest first: cells that do not fit are cut. A last
 * column of sentences is wrapped instead, and keeps a quarter of the line. Numbers are never cut. */
static void fit_widths(const Column *columns, size_t n, size_t *width) {
        size_t room = say_columns() - 2 * (n - 1), last = n;

        if (!say_has_width())
                return;
        if (columns[n - 1].wrap)
                room -= MIN(width[--last], room / 4);
        for (;;) {
                size_t total = 0, widest = last, least;

                for (size_t c = 0; c < last; c++) {
                        total += width[c];
                        if (!columns[c].right && !columns[c].whole && (widest == last || width[c] > width[widest]))
                                widest = c;
                }
                if (total <= room || widest == last)
                        return;
                least = MAX(strlen(columns[widest].title), (size_t) COLUMN_MIN);
                if (width[widest] <= least)
                        return;
                width[widest] = width[widest] > least + (total - room) ? width[widest] - (total - room) : least;
        }
}

/* Prints one line of the table; if row is NULL, the headings. */
static void line_print(const json_t *row, const Column *columns, size_t n, const size_t *width) {
        _cleanup_free_ char *text = NULL;
        char cell[4 * CELL_SIZE], cut[4 * CELL_SIZE];
        bool wrap = say_has_width() && columns[n - 1].wrap;
        size_t size, indent = 0;
        FILE *line = open_memstream(&text, &size);

        for (size_t c = 0; line && c < n; c++) {
                Colour colour = COLOUR_BOLD;
                const char *shown = row ? cell : columns[c].title;

                indent += c + 1 < n ? width[c] + 2 : 0;

                if (row) {
                        cell_format(columns + c, row, cell, sizeof(cell));
                        colour = columns[c].colour ? columns[c].colour(cell) : COLOUR_NONE;
                }
                if (output_columns(shown) > width[c] && !(wrap && c + 1 == n))
                        shown = output_fit(cut, sizeof(cut), shown, width[c]);
                cell_print(line, shown, colour, width[c], columns[c].right, c + 1 == n);
        }
        if (!line || fclose(line) != 0)
                return;
        if (wrap)
                say_wrapped(indent, "%s", text);
        else
                say("%s", text);
}

static void table_print(const Ctl *ctl, const json_t *rows, const Column *columns, size_t n) {
        size_t width[COLUMNS_MAX] = {}, i;
        json_t *row;

        measure(ctl, rows, columns, n, width);
        fit_widths(columns, n, width);
        if (ctl->legend)
                line_print(NULL, columns, n, width);
        json_array_foreach((json_t *) rows, i, row)
                line_print(row, columns, n, width);
}

void print_json(const Ctl *ctl, const json_t *value) {
        _cleanup_free_ char *text = json_dumps(value, ctl->json == JSON_MODE_PRETTY ? JSON_INDENT(4) : JSON_COMPACT);

        say_json(strempty(text));
}

void print_messages(const Messages *m) {
        for (size_t i = 0; i < m->n; i++)
                complain("%s", m->lines[i]);
}

void print_rows(const Ctl *ctl, const json_t *rows, const Column *columns, size_t n_columns, const char *empty) {
        if (ctl->json != JSON_OFF)
                print_json(ctl, rows);
        else if (json_array_size(rows) > 0) {
                pager_open(ctl);
                table_print(ctl, rows, columns, n_columns);
                pager_close();
        } else if (ctl->legend)
                say("%s", empty);
}

void print_field(const char *key, const char *format, ...) {
        size_t size = 4 * strlen(key) + 1; /* each byte may become "\x1b" */
        _cleanup_free_ char *text = NULL, *name = malloc(size);
        size_t columns;
        va_list ap;
        int r, pad;

        if (!name)
                return;
        va_start(ap, format);
        r = vasprintf(&text, format, ap);
        va_end(ap);
        if (r < 0)
                text = NULL;
        columns = output_columns(text_clean(name, size, key));
        pad = columns < FIELD_WIDTH ? (int) (FIELD_WIDTH - columns) : 0;
        say_hanging(FIELD_WIDTH + 2, "%*s%s%s %s", pad, "", name, *key ? ":" : " ", strempty(text));
}

char *format_since(char *buf, size_t size, usec_t realtime) {
        char span[64], stamp[64] = "?";
        time_t seconds = (time_t) (realtime / USEC_PER_SEC);
        usec_t now = now_realtime();
        struct tm tm;

        if (localtime_r(&seconds, &tm))
                (void) strftime(stamp, sizeof(stamp), "%Y-%m-%d %H:%M:%S", &tm);
        if (now >= realtime)
                (void) snprintf(buf, size, "%s (%s ago)", stamp, format_span(span, sizeof(span), now - realtime));
        else
                (void) snprintf(buf, size, "%s", stamp); /* of a machine whose clock is ahead of ours */
        return buf;
}
