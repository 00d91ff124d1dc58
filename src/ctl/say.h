/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Writes to stdout and stderr. No other file of leasectl does (tests/house looks for others).
 *
 * A line may contain text of others: a host name, a reason, the error of a server. It is written as one line that can
 * be shown (util/text.h).
 */

#include "util/macros.h"

typedef enum Colour {
        COLOUR_NONE,
        COLOUR_GREEN,
        COLOUR_YELLOW,
        COLOUR_RED,
        COLOUR_GREY,
        COLOUR_BOLD,
} Colour;

/* Give the marks that begin and end a colour in a text for the functions below. A mark is no escape sequence, and
 * differs from run to run, so text of others cannot hold one. Static strings. */
const char *colour_on(Colour c);
const char *colour_off(void);
/* When colours are written: on a terminal that can show them unless NO_COLOR is in the environment, or always, or
 * never.
 */
typedef enum Colours {
        COLOURS_AUTO,
        COLOURS_ALWAYS,
        COLOURS_NEVER,
} Colours;

/* Says when colours are written; before that it is COLOURS_AUTO. */
void say_colours(Colours when);
/* Looks at stdout, once: whether it is a terminal, and of which size. To be called before a pager takes its place. */
void say_look(void);

/* Prints one line on stdout; format is as for printf(3). On a terminal that says how wide it is, what does not fit
 * goes on in further lines, which begin four columns further to the right; lines end between two words. */
void say(const char *format, ...) _printf_(1, 2);
/* The same, but further lines begin with indent spaces. */
void say_hanging(size_t indent, const char *format, ...) _printf_(2, 3);
/* Has all that was printed written. */
void say_flush(void);
/* The same at the end. Returns 0, or the errno of the first line that could not be written. */
int say_end(void);
/* Gets a line that would have been printed on stdout or, if error is true, on stderr. */
typedef void (*say_line_t)(const char *text, bool error, void *userdata);
/* From this call on, each line goes to f, whole and without colours, and is not printed. NULL: lines are printed. */
void say_collect(say_line_t f, void *userdata);
/* From this call on, say() keeps each line whole: for a verb that prints files, or what programs read. */
void say_whole_lines(void);
/* Whether stdout is a terminal that says how wide it is. Only then lines are made to fit, unless their function says
 * otherwise: whoever reads from a pipe gets each line whole. */
bool say_has_width(void);
/* Gives the number of columns of the terminal; 80 if stdout is none or a tiny one. */
size_t say_columns(void);
/* Prints text on stdout, on as many lines as the width of the terminal requires: 80 columns if stdout is no terminal
 * or a tiny one. Lines end between two words. Each line but the first begins with indent spaces, though never more
 * than half the width. A word that is wider than a line is cut. */
void say_wrapped(size_t indent, const char *format, ...) _printf_(2, 3);
/* Takes the whole terminal, which stdout must be, and hides what it shows and the cursor. */
void say_screen_begin(void);
/* Begins a new screen: the lines that are said from now on replace those of the screen before. If not all of them fit,
 * the last line on the screen says that there are more. */
void say_screen_clear(void);
/* Shows the new screen, by one write. */
void say_screen_show(void);
/* Gives back the terminal, with all that it showed before say_screen_begin(). */
void say_screen_end(void);
/* Prints a JSON text, of one line or several, on stdout. Characters that cannot be shown are written as JSON
 * escapes, so that the value stays exact. */
void say_json(const char *json);
/* Writes a line on stderr in place of the line that this function wrote before. stderr must be a terminal. NULL
 * takes the line away. */
void say_over(const char *text);
/* Prints one line on stderr, without "leasectl: " in front. */
void say_progress(const char *text);

/* Prints one line on stderr, "leasectl: …". What was printed on stdout before is flushed first, so that the lines
 * appear in this order. */
void complain(const char *format, ...) _printf_(1, 2);
/* From this call on, complain() never waits for stderr: a line that stderr cannot take at once is lost. For a verb
 * that has a deadline to keep. */
void complain_without_waiting(void);
