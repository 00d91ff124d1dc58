/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/output.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum {
        COLUMNS_MAX = 12,
        CELL_SIZE = 512,
        FIELD_WIDTH = 14,
};

static bool terminal_known, terminal;

/* Asked once, before a pager may take stdout's place. */
static bool colours(void) {
        if (!terminal_known) {
                const char *term = getenv("TERM");

                terminal = isatty(STDOUT_FILENO) && !getenv("NO_COLOR") && !(term && streq(term, "dumb"));
                terminal_known = true;
        }
        return terminal;
}

const char *colour_on(Colour c) {
        static const char *const sequences[] = {
                        [COLOUR_NONE] = "",
                        [COLOUR_GREEN] = "\x1b[32m",
                        [COLOUR_YELLOW] = "\x1b[33m",
                        [COLOUR_RED] = "\x1b[31;1m",
                        [COLOUR_GREY] = "\x1b[90m",
                        [COLOUR_BOLD] = "\x1b[1m",
        };
        return colours() && c < ELEMENTSOF(sequences) ? sequences[c] : "";
}

const char *colour_off(void) {
        return colours() ? "\x1b[0m" : "";
}

Colour colour_of_state(const char *state) {
        static const struct {
                const char *state;
                Colour colour;
        } known[] = {
                        {"running", COLOUR_GREEN},
                        {"starting", COLOUR_YELLOW},
                        {"acquiring", COLOUR_YELLOW},
                        {"held", COLOUR_YELLOW},
                        {"stopping", COLOUR_YELLOW},
                        {"stopped", COLOUR_YELLOW},
                        {"releasing", COLOUR_YELLOW},
                        {"damaged", COLOUR_RED},
                        {"elsewhere", COLOUR_GREY},
                        {"waiting", COLOUR_GREY},
                        {"done", COLOUR_GREY},
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

static void cell_format(const Column *column, const json_t *row, char *buf, size_t size) {
        const json_t *value = json_object_get(row, column->key);

        if (column->format)
                column->format(value, buf, size);
        else if (json_is_integer(value))
                (void) snprintf(buf, size, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        else
                str_copy(buf, size, isempty(json_string_value(value)) ? "-" : json_string_value(value));
}

/* Places on a terminal: bytes that do not continue a character. */
static size_t text_width(const char *s) {
        size_t n = 0;

        for (; *s; s++)
                n += ((unsigned char) *s & 0xc0) != 0x80;
        return n;
}

static void cell_print(const char *text, Colour colour, size_t width, bool right, bool last) {
        size_t n = text_width(text), pad = width > n ? width - n : 0;

        if (right)
                (void) printf("%*s", (int) pad, "");
        (void) printf("%s%s%s", colour_on(colour), text, colour == COLOUR_NONE ? "" : colour_off());
        if (!right && !last)
                (void) printf("%*s", (int) pad, "");
        (void) printf("%s", last ? "\n" : "  ");
}

static void table_print(const Ctl *ctl, const json_t *rows, const Column *columns, size_t n_columns) {
        size_t width[COLUMNS_MAX] = {}, i;
        char cell[CELL_SIZE];
        json_t *row;

        for (size_t c = 0; c < n_columns; c++) {
                width[c] = ctl->legend ? strlen(columns[c].title) : 0;
                json_array_foreach((json_t *) rows, i, row) {
                        cell_format(columns + c, row, cell, sizeof(cell));
                        width[c] = MAX(width[c], text_width(cell));
                }
        }
        for (size_t c = 0; ctl->legend && c < n_columns; c++)
                cell_print(columns[c].title, COLOUR_BOLD, width[c], columns[c].right, c + 1 == n_columns);
        json_array_foreach((json_t *) rows, i, row) for (size_t c = 0; c < n_columns; c++) {
                cell_format(columns + c, row, cell, sizeof(cell));
                cell_print(cell, columns[c].colour ? columns[c].colour(cell) : COLOUR_NONE, width[c], columns[c].right,
                                c + 1 == n_columns);
        }
}

void print_json(const Ctl *ctl, const json_t *value) {
        (void) json_dumpf(value, stdout, ctl->json == JSON_MODE_PRETTY ? JSON_INDENT(4) : JSON_COMPACT);
        (void) putchar('\n');
}

void print_rows(const Ctl *ctl, const json_t *rows, const Column *columns, size_t n_columns, const char *empty) {
        if (ctl->json != JSON_OFF)
                print_json(ctl, rows);
        else if (json_array_size(rows) > 0) {
                pager_open(ctl);
                table_print(ctl, rows, columns, n_columns);
                pager_close();
        } else if (ctl->legend)
                (void) puts(empty);
}

void print_field(const char *key, const char *format, ...) {
        va_list ap;

        (void) printf("%*s%s ", FIELD_WIDTH, key, *key ? ":" : " ");
        va_start(ap, format);
        (void) vprintf(format, ap);
        va_end(ap);
        (void) putchar('\n');
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
                (void) snprintf(buf, size, "%s", stamp); /* by the clock of a machine that is ahead of ours */
        return buf;
}
