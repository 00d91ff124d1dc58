/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ctl/ctl.h"

/*
 * What is printed: tables for people, JSON for programs, colours only on a terminal.
 *
 * Nothing else in leasectl writes to stdout or stderr (tests/house looks for it): whatever text of others is in a
 * line, a host name, a reason, an error of a server, it comes out as one line that can be shown (util/text.h), and a
 * place on the terminal is counted as one place, however many bytes it takes. JSON is exact: what could not be shown
 * is written there as JSON writes it, \u001b.
 */

typedef enum Colour {
        COLOUR_NONE,
        COLOUR_GREEN,
        COLOUR_YELLOW,
        COLOUR_RED,
        COLOUR_GREY,
        COLOUR_BOLD,
} Colour;

/* Begins a colour, and ends it, within what the functions of this file print, and nowhere else: no escape sequences,
 * but marks that no text of others can hold, for they are no UTF-8. */
const char *colour_on(Colour c);
const char *colour_off(void);
/* What a unit's state looks like. */
Colour colour_of_state(const char *state);

typedef struct Column {
        const char *title;
        const char *key;                                             /* of the rows' objects */
        void (*format)(const json_t *value, char *buf, size_t size); /* NULL: strings and integers as they are */
        Colour (*colour)(const char *text);                          /* may be NULL */
        bool right;                                                  /* aligned */
} Column;

/* Prints an array of objects, as a table or as JSON, through a pager if it is long. empty: the line for people if
 * there is no row. */
void print_rows(const Ctl *ctl, const json_t *rows, const Column *columns, size_t n_columns, const char *empty);
/* Prints any value as JSON, in ctl's way. */
void print_json(const Ctl *ctl, const json_t *value);

/* One line on stdout. */
void say(const char *format, ...) _printf_(1, 2);
/* On stderr, over what was written so before, if that is a terminal; NULL: takes it away. */
void say_over(const char *text);
/* One line on stderr, without "leasectl: ". */
void say_progress(const char *text);

/* "key: value" lines with the colon at one place. */
void print_field(const char *key, const char *format, ...) _printf_(2, 3);

/* How many places the text takes on a terminal as it is printed. */
size_t text_columns(const char *text);

/* For columns: a span of microseconds, "-" for 0 or null. */
void format_json_span(const json_t *value, char *buf, size_t size);
/* An Index: "-" for 0. */
void format_json_index(const json_t *value, char *buf, size_t size);

/* Sends stdout through a pager if it is a terminal and ctl allows it; pager_close() waits until it has ended. */
void pager_open(const Ctl *ctl);
void pager_close(void);

/* "2026-03-01 12:00:00 (3min 4s ago)" for microseconds of CLOCK_REALTIME. */
char *format_since(char *buf, size_t size, usec_t realtime);
