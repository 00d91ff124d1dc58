/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The only parser of leased's own files and of unit files. It follows the rules of systemd.syntax(7): there are
 * sections and lines "Key=value"; a line that ends in a backslash goes on in the next line; lines that begin with # or
 * ; are comments, also between continued lines; blanks around key and value are dropped.
 *
 * A table says what may stand in a section. Each option has a function that turns text into a field of a struct. The
 * empty text sets the field to "not set", and the caller fills in what that means. A later assignment wins. Whatever
 * is wrong becomes a message, and the parser goes on, so that all mistakes are seen at once.
 */

#include "conf/conf.h"

/* Sets the field to what the value says; "" means "not set". Returns 0, or a negative errno if the value makes no
 * sense: the field is then left alone. */
typedef int (*ini_parse_t)(const char *value, void *field);

/* Writes the value of the field as it would stand in a file, behind "Key=". Writes nothing if the field is not set. */
typedef void (*ini_print_t)(FILE *f, const void *field);

typedef struct IniOption {
        const char *key;
        ini_parse_t parse;
        size_t offset;        /* of the field in the target */
        const char *expected; /* what would be right, for messages, e.g. "a time span from 1s to 60s, e.g. TTL=10s" */
        ini_print_t print;    /* for ini_values(); NULL: the table is only for reading */
} IniOption;

typedef struct IniTable {
        const char *section;
        bool foreign; /* other sections are skipped unread, as in unit files; false: they are a mistake */
        const IniOption *options;
        size_t n_options;
        void *target;
        char **where; /* n_options places: where each option was last set, "FILE:LINE", or NULL */
        bool *unread; /* n_options places, or NULL: the last value of this option made no sense */
} IniTable;

/* Reads one file into the target of the table. Returns 0, also if there were messages, or a negative errno if the
 * file could not be read. A missing file (-ENOENT) gives no message, nor need -ENOMEM; any other error gives one. The
 * argument root is put before path, but not into messages. */
int ini_load(const char *root, const char *path, IniTable *table, Messages *messages);
/* Does the same with size bytes of text in memory, which may be any bytes. The argument path is for messages only.
 */
void ini_parse_text(const char *path, const char *text, size_t size, IniTable *table, Messages *messages);
/* Frees the strings in table->where that the caller has not taken. */
void ini_where_done(IniTable *table);

/* Splits a list at its blanks. Words may be quoted and escaped as in systemd. *ret is NULL-terminated and freed by
 * strv_free(). Returns 0, -ENOMEM, or -EINVAL if a quote does not end. */
int ini_split_words(const char *value, char ***ret);
/* Does the same with names of units, in which a backslash stays what it is. */
int ini_split_names(const char *value, char ***ret);

/* Ready-made parsers. The comments give the type of the field, and its value when the option is not set. */
int ini_parse_string(const char *value, void *field); /* char *, without the quotes around all of it; NULL */
int ini_parse_path(const char *value, void *field);   /* char *, an absolute path; NULL */
int ini_parse_words(const char *value, void *field);  /* char **; NULL */
int ini_parse_int64(const char *value, void *field);  /* int64_t; 0 */
int ini_parse_bool(const char *value, void *field);   /* bool, of yes, y, true, t, on, 1 or their opposites; false */
int ini_parse_span(const char *value, void *field);   /* usec_t; USEC_INFINITY; "infinity" is an error */
/* Does what ini_parse_span() does, but fails with -ERANGE for a span longer than most. */
int ini_parse_span_to(const char *value, usec_t most, usec_t *field);

/* Gives the values of n options in the target, in the order of the table, each with a NUL behind it: "" for one that
 * is not set. Owned by the caller. NULL: no memory. */
char *ini_values(const IniOption *options, size_t n, const void *target);
/* The value after this one of ini_values(). */
const char *ini_next(const char *value);
/* Calls f() for each of n options whose values differ between two targets. Returns 0 or -ENOMEM. */
int ini_compare(const IniOption *options, size_t n, const void *old, const void *new, options_differ_t f,
                void *userdata);

/* Ready-made printers. The comments give the type of the field. */
void ini_print_string(FILE *f, const void *field); /* char * */
void ini_print_quoted(FILE *f, const void *field); /* char *; in quotes where they are needed */
void ini_print_words(FILE *f, const void *field);  /* char **, with blanks between them */
void ini_print_text(FILE *f, const void *field);   /* a char array */
void ini_print_int64(FILE *f, const void *field);  /* int64_t */
void ini_print_bool(FILE *f, const void *field);   /* bool */
void ini_print_span(FILE *f, const void *field);   /* usec_t, as format_span() has it */
