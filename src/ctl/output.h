/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "conf/conf.h"
#include "ctl/ctl.h"

/*
 * Listings and single fields: tables for people, JSON for programs. Columns are aligned by the places that characters
 * take on a terminal, one or two, and not by bytes.
 */

/* Gives the colour in which the state of a unit is shown. */
Colour colour_of_state(const char *state);

typedef struct Column {
        const char *title;
        const char *key;                                             /* the member of each row that the column shows */
        void (*format)(const json_t *value, char *buf, size_t size); /* NULL: strings and integers as they are */
        Colour (*colour)(const char *text); /* the colour of a cell with this text; may be NULL */
        bool right;                         /* aligned to the right */
        bool wrap;                          /* the last column, of sentences: wrapped on a terminal, never cut */
        bool whole;                         /* never cut, as numbers: of a time that is cut nobody knows which it is */
} Column;

/* Prints an array of objects as a table, through a pager if stdout is a terminal, or as JSON. On a terminal whose
 * width is known no line is wider. The argument empty is the line that people see if there is no row. */
void print_rows(const Ctl *ctl, const json_t *rows, const Column *columns, size_t n_columns, const char *empty);
/* Gives how many columns of a terminal the text takes. */
size_t output_columns(const char *s);
/* Writes the text into buf and returns buf. The text is cut, with "…" at its end, or filled up with spaces, so that it
 * takes exactly width columns; fewer if buf, of size bytes, has no room for them. Characters that cannot be shown are
 * written as escapes. */
char *output_fit(char *buf, size_t size, const char *text, size_t width);
/* Prints any value as JSON, compact or indented as ctl->json says. */
void print_json(const Ctl *ctl, const json_t *value);

/* Prints a line "key: value", with the colon at the same place in all such lines. With key "" the line continues
 * the field above. */
void print_field(const char *key, const char *format, ...) _printf_(2, 3);

/* Prints each message with complain(). */
void print_messages(const Messages *m);

/* Functions for Column.format. This one writes a span of microseconds, and "-" for 0 or null. */
void format_json_span(const json_t *value, char *buf, size_t size);
/* Writes a lease's Index, and "-" for 0 or null. */
void format_json_index(const json_t *value, char *buf, size_t size);

/* Writes a time of CLOCK_REALTIME, in microseconds, as "2026-03-01 12:00:00 (3min 4s ago)" in local time into buf
 * and returns buf. A time in the future, from a machine whose clock is ahead, has no "ago". */
char *format_since(char *buf, size_t size, usec_t realtime);
