/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "conf/conf.h"
#include "ctl/ctl.h"

/*
 * Listings and single fields: tables for people, JSON for programs. A character takes one or two places on a terminal,
 * however many bytes it has, so columns are aligned by places.
 */

/* The colour in which the state of a unit is shown. */
Colour colour_of_state(const char *state);

typedef struct Column {
        const char *title;
        const char *key;                                             /* of the rows' objects */
        void (*format)(const json_t *value, char *buf, size_t size); /* NULL: strings and integers as they are */
        Colour (*colour)(const char *text);                          /* of a cell with this text; may be NULL */
        bool right;                                                  /* aligned to the right */
} Column;

/* Prints an array of objects, as a table or as JSON, through a pager if it is long. empty: the line for people if
 * there is no row. */
void print_rows(const Ctl *ctl, const json_t *rows, const Column *columns, size_t n_columns, const char *empty);
/* Prints any value as JSON, compact or indented as ctl->json says. */
void print_json(const Ctl *ctl, const json_t *value);

/* Prints a line "key: value", with the colon at the same place in all such lines; key "" goes on with the field
 * above. */
void print_field(const char *key, const char *format, ...) _printf_(2, 3);

/* complain() of each line. */
void print_messages(const Messages *m);

/* Formats of columns. A span of microseconds; "-" for 0 or null. */
void format_json_span(const json_t *value, char *buf, size_t size);
/* A lease's Index; "-" for 0. */
void format_json_index(const json_t *value, char *buf, size_t size);

/* Writes microseconds of CLOCK_REALTIME as "2026-03-01 12:00:00 (3min 4s ago)" into buf and returns it. */
char *format_since(char *buf, size_t size, usec_t realtime);
