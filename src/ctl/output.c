/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/output.h"

#include <inttypes.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

#include "util/text.h"
#include "util/words.h"

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

/* A mark is a byte that is in no text, and the letter of a colour. */
#define MARK '\xff'

const char *colour_on(Colour c) {
        static const char *const marks[] = {
                [COLOUR_NONE] = "",
                [COLOUR_GREEN] = "\xff"
                                 "g",
                [COLOUR_YELLOW] = "\xff"
                                  "y",
                [COLOUR_RED] = "\xff"
                               "r",
                [COLOUR_GREY] = "\xff"
                                "d",
                [COLOUR_BOLD] = "\xff"
                                "b",
        };
        return c < ELEMENTSOF(marks) ? marks[c] : "";
}

const char *colour_off(void) {
        return "\xff"
               "0";
}

static const char *sequence_of(char letter) {
        static const struct {
                char letter;
                const char *sequence;
        } known[] = { { '0', "\x1b[0m" }, { 'g', "\x1b[32m" }, { 'y', "\x1b[33m" }, { 'r', "\x1b[31;1m" },
                { 'd', "\x1b[90m" }, { 'b', "\x1b[1m" } };

        for (size_t i = 0; i < ELEMENTSOF(known); i++)
                if (letter == known[i].letter)
                        return known[i].sequence;
        return NULL;
}

/* Writes text as one line that can be shown, with colours where somebody sees them. */
static void write_clean(FILE *file, const char *text) {
        char piece[TEXT_PIECE_SIZE];

        while (*text) {
                const char *sequence = *text == MARK ? sequence_of(text[1]) : NULL;

                if (sequence) {
                        if (colours())
                                (void) fputs(sequence, file);
                        text += 2;
                        continue;
                }
                text += text_piece(text, piece);
                (void) fputs(piece, file);
        }
}

static char *compose(const char *format, va_list ap) {
        char *text;

        return vasprintf(&text, format, ap) < 0 ? NULL : text;
}

void say(const char *format, ...) {
        _cleanup_free_ char *text = NULL;
        va_list ap;

        va_start(ap, format);
        text = compose(format, ap);
        va_end(ap);
        write_clean(stdout, strempty(text));
        (void) putchar('\n');
}

void say_over(const char *text) {
        (void) fputs("\r\x1b[K", stderr);
        write_clean(stderr, strempty(text));
}

void say_progress(const char *text) {
        write_clean(stderr, text);
        (void) fputc('\n', stderr);
}

static bool without_waiting;

void complain_without_waiting(void) {
        words_open();
        without_waiting = true;
}

static void complain_at_once(const char *text) {
        char line[2048] = "leasectl: ";
        size_t n = strlen(line);

        (void) text_clean(line + n, sizeof(line) - n - 1, text);
        n = strlen(line);
        line[n] = '\n';
        (void) words_write(line, n + 1);
}

void complain(const char *format, ...) {
        _cleanup_free_ char *text = NULL;
        va_list ap;

        va_start(ap, format);
        text = compose(format, ap);
        va_end(ap);
        if (without_waiting) {
                complain_at_once(strempty(text));
                return;
        }
        (void) fflush(stdout); /* in the order in which it was said */
        (void) fputs("leasectl: ", stderr);
        write_clean(stderr, strempty(text));
        (void) fputc('\n', stderr);
}

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

/* The text of a cell as it is printed: clean. */
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

/* wcwidth() knows, in a locale that has all of Unicode; without one every character counts as one place. */
static locale_t all_of_unicode(void) {
        static locale_t locale;
        static bool asked;

        if (!asked)
                locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t) 0);
        asked = true;
        return locale;
}

size_t text_columns(const char *s) {
        locale_t before = all_of_unicode() ? uselocale(all_of_unicode()) : (locale_t) 0;
        size_t columns = 0, n;
        uint32_t c;

        for (; *s; s += MAX(n, (size_t) 1)) {
                int width = 1;

                n = text_decode(s, &c);
                if (n > 0 && before)
                        width = wcwidth((wchar_t) c);
                columns += width < 0 ? 1 : (size_t) width;
        }
        if (before)
                (void) uselocale(before);
        return columns;
}

static void cell_print(const char *text, Colour colour, size_t width, bool right, bool last) {
        size_t n = text_columns(text), pad = width > n ? width - n : 0;

        if (right)
                (void) printf("%*s", (int) pad, "");
        write_clean(stdout, colour_on(colour));
        (void) fputs(text, stdout);
        write_clean(stdout, colour == COLOUR_NONE ? "" : colour_off());
        if (!right && !last)
                (void) printf("%*s", (int) pad, "");
        (void) fputs(last ? "\n" : "  ", stdout);
}

static void table_print(const Ctl *ctl, const json_t *rows, const Column *columns, size_t n_columns) {
        size_t width[COLUMNS_MAX] = {}, i;
        char cell[4 * CELL_SIZE];
        json_t *row;

        for (size_t c = 0; c < n_columns; c++) {
                width[c] = ctl->legend ? strlen(columns[c].title) : 0;
                json_array_foreach((json_t *) rows, i, row) {
                        cell_format(columns + c, row, cell, sizeof(cell));
                        width[c] = MAX(width[c], text_columns(cell));
                }
        }
        for (size_t c = 0; ctl->legend && c < n_columns; c++)
                cell_print(columns[c].title, COLOUR_BOLD, width[c], columns[c].right, c + 1 == n_columns);
        json_array_foreach((json_t *) rows, i, row)
                for (size_t c = 0; c < n_columns; c++) {
                        cell_format(columns + c, row, cell, sizeof(cell));
                        cell_print(cell, columns[c].colour ? columns[c].colour(cell) : COLOUR_NONE, width[c],
                                        columns[c].right, c + 1 == n_columns);
                }
}

/* Outside of strings JSON is ASCII, and within them this is how it writes any character. */
static void write_json(FILE *file, const char *text) {
        while (*text) {
                uint32_t c = 0;
                size_t n = text_decode(text, &c);

                if (n <= 1 ? *text != 0x7f : text_is_shown(c))
                        (void) fwrite(text, 1, MAX(n, (size_t) 1), file);
                else if (c > 0xffff)
                        (void) fprintf(file, "\\u%04x\\u%04x", (unsigned) (0xd7c0 + (c >> 10)),
                                        (unsigned) (0xdc00 + (c & 0x3ff)));
                else
                        (void) fprintf(file, "\\u%04x", (unsigned) c);
                text += MAX(n, (size_t) 1);
        }
}

void print_json(const Ctl *ctl, const json_t *value) {
        _cleanup_free_ char *text = json_dumps(value, ctl->json == JSON_MODE_PRETTY ? JSON_INDENT(4) : JSON_COMPACT);

        write_json(stdout, strempty(text));
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
                say("%s", empty);
}

void print_field(const char *key, const char *format, ...) {
        _cleanup_free_ char *text = NULL, *name = calloc(1, 4 * strlen(key) + 1);
        size_t columns;
        va_list ap;

        if (!name)
                return;
        va_start(ap, format);
        text = compose(format, ap);
        va_end(ap);
        columns = text_columns(text_clean(name, 4 * strlen(key) + 1, key));
        (void) printf("%*s%s%s ", columns < FIELD_WIDTH ? (int) (FIELD_WIDTH - columns) : 0, "", name,
                        *key ? ":" : " ");
        write_clean(stdout, strempty(text));
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
