/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The one parser of leased's own files and of unit files, by the rules of systemd.syntax(7): sections; "Key=value"; a
 * backslash at the end of a line goes on in the next one; lines that begin with # or ; are comments, also between
 * continued lines; blanks around key and value are dropped.
 *
 * What may stand in a section is a table. Each option has a function that turns text into a field of a struct. The
 * empty text sets the field to "not set", whose meaning the caller fills in afterwards. A later assignment wins.
 * Whatever is wrong becomes a message, and the parser goes on, so that all mistakes are seen at once.
 */

#include "conf/conf.h"

/* Sets the field to what value says; "" means "not set". 0, or a negative errno if the value makes no sense: the field
 * must then be left alone. */
typedef int (*ini_parse_t)(const char *value, void *field);

/* Writes the field as it would stand in a file, one line or several; nothing where it is not set. */
typedef void (*ini_print_t)(FILE *f, const char *key, const void *field);

typedef struct IniOption {
        const char *key;
        ini_parse_t parse;
        size_t offset;        /* of the field in the target */
        const char *expected; /* for messages: what would be right, e.g. "a time span from 2s to 60s, e.g. TTL=10s" */
        ini_print_t print;    /* for ini_print_all(); NULL: it is left out */
} IniOption;

typedef struct IniTable {
        const char *section;
        bool foreign; /* sections of others are skipped unread, as in unit files */
        const IniOption *options;
        size_t n_options;
        void *target;
        char **where; /* n_options places: where each option was last set, "FILE:LINE", or NULL */
        bool *unread; /* n_options places, or NULL: the last value of this option made no sense */
} IniTable;

/* Reads one file into the table's target. 0, also if there were messages; or a negative errno if the file could not be
 * read: -ENOENT without a message, anything else with one. root is put before path, but not into messages. */
int ini_load(const char *root, const char *path, IniTable *table, Messages *messages);
/* The same of size bytes in memory, whatever they are. */
void ini_parse_text(const char *path, const char *text, size_t size, IniTable *table, Messages *messages);
/* Frees what is left in table->where. */
void ini_where_done(IniTable *table);

/* Splits a list at its blanks. Words may be quoted and escaped as in systemd. *ret is NULL-terminated, freed by
 * strv_free(). -EINVAL: a quote does not end. */
int ini_split_words(const char *value, char ***ret);
/* The same of names of units, in which a backslash stays what it is. */
int ini_split_names(const char *value, char ***ret);

/* Ready-made parsers: type of the field, and its value when not set. */
int ini_parse_string(const char *value, void *field); /* char *, without the quotes around all of it; NULL */
int ini_parse_path(const char *value, void *field);   /* char *, an absolute path; NULL */
int ini_parse_words(const char *value, void *field);  /* char **; NULL */
int ini_parse_int64(const char *value, void *field);  /* int64_t; 0 */
int ini_parse_bool(const char *value, void *field);   /* bool, of yes, true, t, on, 1 and their opposites; false */
int ini_parse_span(const char *value, void *field);   /* usec_t; USEC_INFINITY, which cannot be written */
/* ini_parse_span(), and -ERANGE for a span longer than most. */
int ini_parse_span_to(const char *value, usec_t most, usec_t *field);

/* Prints each option of a table from its target. */
void ini_print_all(const IniOption *options, size_t n, const void *target, FILE *f);

/* Ready-made printers. */
void ini_print_string(FILE *f, const char *key, const void *field); /* char * */
void ini_print_text(FILE *f, const char *key, const void *field);   /* a char array */
void ini_print_int64(FILE *f, const char *key, const void *field);  /* int64_t */
void ini_print_bool(FILE *f, const char *key, const void *field);   /* bool; nothing for no */
void ini_print_span(FILE *f, const char *key, const void *field);   /* usec_t, as format_span() has it */
