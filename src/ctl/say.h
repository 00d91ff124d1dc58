/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The only place in leasectl that writes to stdout and stderr (tests/house looks for others).
 *
 * Text of others may be in any line: a host name, a reason, the error of a server. It comes out as one line that can
 * be shown (util/text.h). Colours appear only on a terminal.
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

/* The marks that begin and end a colour in a text for the functions below; they mean nothing to anybody else. A mark
 * is no escape sequence, and no valid UTF-8 either, so that text of others cannot hold one. Static strings. */
const char *colour_on(Colour c);
const char *colour_off(void);
/* Decides whether stdout gets colours. Called before a pager takes the place of stdout; otherwise the first line that
 * is printed decides. */
void say_decide_colours(void);

/* Prints one line on stdout. */
void say(const char *format, ...) _printf_(1, 2);
/* Prints one line of JSON, or several, on stdout. Characters that cannot be shown are written as JSON escapes, so that
 * the value stays exact. */
void say_json(const char *json);
/* Writes a line on stderr over the one that this function wrote before. stderr must be a terminal. NULL: takes the
 * line away. */
void say_over(const char *text);
/* Prints one line on stderr, without "leasectl: ". */
void say_progress(const char *text);

/* Prints one line on stderr, "leasectl: …", after what was printed on stdout before. */
void complain(const char *format, ...) _printf_(1, 2);
/* From now on complain() never waits: a line that stderr cannot take at once is lost. For a verb that has a deadline
 * to keep. */
void complain_without_waiting(void);
