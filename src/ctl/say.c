/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/say.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <unistd.h>

#include "ctl/width.h"
#include "util/text.h"
#include "util/time-util.h"
#include "util/words.h"

static Colours colours_wanted;

/* What stdout was before a pager took its place: whether it was a terminal, and of which size. */
static struct {
        bool known, terminal;
        struct winsize size; /* 0 rows and columns: not known, or a tiny one */
} out;

void say_colours(Colours when) {
        colours_wanted = when;
}

void say_look(void) {
        struct winsize size;

        if (out.known)
                return;
        out.known = true;
        out.terminal = isatty(STDOUT_FILENO);
        if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 40 && size.ws_row >= 4)
                out.size = size;
}

/* Why a line could not be written: an errno; 0: none was lost. */
static int lost;

void say_flush(void) {
        if (fflush(stdout) != 0 && lost == 0)
                lost = errno;
}

int say_end(void) {
        say_flush();
        return lost == 0 && ferror(stdout) ? EIO : lost;
}

/* Whether people read stdout on a terminal, perhaps in a pager. */
static bool on_terminal(void) {
        say_look();
        return out.terminal;
}

/* Whether colours are written. */
static bool colours(void) {
        const char *term = getenv("TERM");

        if (colours_wanted != COLOURS_AUTO)
                return colours_wanted == COLOURS_ALWAYS;
        return on_terminal() && isempty(getenv("NO_COLOR")) && !(term && streq(term, "dumb"));
}

enum {
        INDENT = 4, /* of a further line, beyond the first one */
};

/*
 * A mark is a byte that is in no UTF-8, a key, and then the letter of a colour. An argument, a file or the output of a
 * program may be no UTF-8, and have that byte; nobody who wrote it knew the key, which is made when the first mark is.
 */
#define MARK '\xff'

enum {
        KEY_LENGTH = 4,
        MARK_LENGTH = 1 + KEY_LENGTH + 1,
};

static char mark_key[KEY_LENGTH]; /* all 0: no mark was made yet */

static void make_key(void) {
        if (*mark_key)
                return;
        if (getrandom(mark_key, sizeof(mark_key), GRND_NONBLOCK) != (ssize_t) sizeof(mark_key))
                memcpy(mark_key, &(uint32_t){ (uint32_t) now_boottime() }, sizeof(mark_key));
        for (size_t i = 0; i < KEY_LENGTH; i++)
                mark_key[i] = (char) (mark_key[i] | 0x80); /* no 0, which would end the text, and no space */
}

static const char *make_mark(char letter, char mark[static MARK_LENGTH + 1]) {
        make_key();
        mark[0] = MARK;
        memcpy(mark + 1, mark_key, KEY_LENGTH);
        mark[1 + KEY_LENGTH] = letter;
        return mark;
}

const char *colour_on(Colour c) {
        static const char letters[] = { [COLOUR_GREEN] = 'g',
                [COLOUR_YELLOW] = 'y',
                [COLOUR_RED] = 'r',
                [COLOUR_GREY] = 'd',
                [COLOUR_BOLD] = 'b' };
        static char marks[ELEMENTSOF(letters)][MARK_LENGTH + 1];

        return c != COLOUR_NONE && c < ELEMENTSOF(letters) ? make_mark(letters[c], marks[c]) : "";
}

const char *colour_off(void) {
        static char mark[MARK_LENGTH + 1];

        return make_mark('0', mark);
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

/* Gives the sequence for the mark with which the text begins; NULL: it begins with none. */
static const char *mark_at(const char *text) {
        return *text == MARK && *mark_key && strncmp(text + 1, mark_key, KEY_LENGTH) == 0
                               ? sequence_of(text[1 + KEY_LENGTH])
                               : NULL;
}

/* Writes text as one line that can be shown, with colours if they are to be written. */
static void write_clean(FILE *file, const char *text) {
        char piece[TEXT_PIECE_SIZE];

        while (*text) {
                const char *sequence = mark_at(text);

                if (sequence) {
                        if (colours())
                                (void) fputs(sequence, file);
                        text += MARK_LENGTH;
                        continue;
                }
                text += text_piece(text, piece);
                (void) fputs(piece, file);
        }
}

_printf_(1, 0) static char *compose(const char *format, va_list ap) {
        char *text;

        return vasprintf(&text, format, ap) < 0 ? NULL : text;
}

/* Whether the terminal is taken (say_screen_begin()), how many lines fit on the screen, and how many were said since
 * say_screen_clear(). */
static bool on_screen;
static size_t screen_room, screen_lines;

/* Who gets each line that would be printed (say_collect()). */
static struct {
        say_line_t f;
        void *userdata;
} collector;

void say_collect(say_line_t f, void *userdata) {
        collector.f = f;
        collector.userdata = userdata;
}

/* Hands the line on, as it would be shown without colours. */
static void collect(const char *text, bool error) {
        _cleanup_free_ char *line = NULL;
        size_t size;
        FILE *f = open_memstream(&line, &size);

        if (!f)
                return;
        say_colours(COLOURS_NEVER);
        write_clean(f, text);
        if (fclose(f) == 0)
                collector.f(line, error, collector.userdata);
}

/* Whether stderr shows a row that is written over again and again (say_over()). */
static bool row_shown;

/* Takes the row away, so that what is said next begins a line of its own. */
static void clear_row(void) {
        if (!row_shown)
                return;
        row_shown = false;
        (void) fputs("\r\x1b[K", stderr);
        (void) fflush(stderr);
}

/* Writes a line on stdout. On a screen, the last line that fits is replaced by a hint that there is more, and further
 * lines are left out. */
static void write_line(const char *text) {
        if (collector.f) {
                collect(text, false);
                return;
        }
        clear_row();
        if (on_screen && ++screen_lines >= screen_room) {
                if (screen_lines == screen_room)
                        (void) fputs("... more with: leasectl -1\x1b[K", stdout);
                return;
        }
        write_clean(stdout, text);
        (void) fputs(on_screen ? "\x1b[K\r\n" : "\n", stdout);
}

bool say_has_width(void) {
        return on_terminal() && out.size.ws_col > 0;
}

size_t say_columns(void) {
        say_look();
        return out.size.ws_col > 0 ? out.size.ws_col : 80;
}

/* Gives how many bytes of text go on one line of that many columns, up to the end of a word if one ends there. Marks
 * for colours take no column. */
static size_t line_length(const char *text, size_t columns) {
        size_t at = strspn(text, " "), word = 0, used = at;

        while (text[at]) {
                char piece[TEXT_PIECE_SIZE];
                bool mark = mark_at(text + at);
                size_t n = mark ? MARK_LENGTH : text_piece(text + at, piece);

                used += mark ? 0 : width_of(piece);
                if (used > columns)
                        return word > 0 ? word : MAX(at, (size_t) 1);
                if (text[at] == ' ')
                        word = at;
                at += n;
        }
        return at;
}

static void write_wrapped(size_t indent, const char *p) {
        size_t columns = collector.f ? SIZE_MAX : say_columns();
        bool first = true;

        do {
                size_t n = line_length(p, first ? columns : columns - MIN(indent, columns / 2));
                _cleanup_free_ char *line = strndup(p, n);
                _cleanup_free_ char *whole = NULL;

                for (size_t end = n; line && end > 0 && line[end - 1] == ' '; end--)
                        line[end - 1] = '\0';
                if (asprintf(&whole, "%*s%s", first ? 0 : (int) MIN(indent, columns / 2), "", strempty(line)) < 0)
                        whole = NULL;
                write_line(strempty(whole));
                p += n;
                p += strspn(p, " ");
                first = false;
        } while (*p);
}

static bool whole_lines;

void say_whole_lines(void) {
        whole_lines = true;
}

static void write_hanging(size_t indent, const char *text) {
        if (!whole_lines && !collector.f && say_has_width())
                write_wrapped(indent, text);
        else
                write_line(text);
}

void say(const char *format, ...) {
        _cleanup_free_ char *text = NULL;
        va_list ap;

        va_start(ap, format);
        text = compose(format, ap);
        va_end(ap);
        write_hanging(strspn(strempty(text), " ") + INDENT, strempty(text));
}

void say_hanging(size_t indent, const char *format, ...) {
        _cleanup_free_ char *text = NULL;
        va_list ap;

        va_start(ap, format);
        text = compose(format, ap);
        va_end(ap);
        write_hanging(indent, strempty(text));
}

void say_wrapped(size_t indent, const char *format, ...) {
        _cleanup_free_ char *text = NULL;
        va_list ap;

        va_start(ap, format);
        text = compose(format, ap);
        va_end(ap);
        write_wrapped(indent, strempty(text));
}

void say_screen_begin(void) {
        static char buffer[256 * 1024];

        (void) setvbuf(stdout, buffer, _IOFBF, sizeof(buffer)); /* so that a screen is one write */
        (void) fputs("\x1b[?1049h\x1b[?25l", stdout);
        on_screen = true;
}

void say_screen_clear(void) {
        out.known = false; /* its size may have changed */
        out.size = (struct winsize){};
        say_look();
        screen_room = out.size.ws_row > 0 ? out.size.ws_row : 24;
        screen_lines = 0;
        (void) fputs("\x1b[H", stdout);
}

void say_screen_show(void) {
        (void) fputs("\x1b[J", stdout);
        say_flush();
}

void say_screen_end(void) {
        on_screen = false;
        (void) fputs("\x1b[?25h\x1b[?1049l", stdout);
        say_flush();
}

/* Outside of strings JSON is ASCII. Within strings \u is how JSON writes any character. */
void say_json(const char *text) {
        while (*text) {
                uint32_t c = 0;
                size_t n = text_decode(text, &c);

                if (n <= 1 ? *text != 0x7f : text_is_shown(c))
                        (void) fwrite(text, 1, MAX(n, (size_t) 1), stdout);
                else if (c > 0xffff)
                        (void) printf("\\u%04x\\u%04x", (unsigned) (0xd7c0 + (c >> 10)),
                                        (unsigned) (0xdc00 + (c & 0x3ff)));
                else
                        (void) printf("\\u%04x", (unsigned) c);
                text += MAX(n, (size_t) 1);
        }
        (void) putchar('\n');
}

/* Gives how many bytes of text fit into so many columns. */
static size_t fitting(const char *text, size_t columns) {
        size_t at = 0, used = 0;

        while (text[at]) {
                char piece[TEXT_PIECE_SIZE];
                size_t n = text_piece(text + at, piece);

                used += width_of(piece);
                if (used > columns)
                        break;
                at += n;
        }
        return at;
}

/* A line that went on in the next row could not be written over: it is cut. */
void say_over(const char *text) {
        _cleanup_free_ char *line = NULL;
        struct winsize size = {};
        size_t columns = 80, fits;

        if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
                columns = size.ws_col;
        text = strempty(text);
        fits = fitting(text, columns - 1);
        line = strndup(text, text[fits] ? fitting(text, MAX(columns, (size_t) 2) - 2) : fits);
        clear_row();
        say_flush(); /* so that both appear in the order in which they were said */
        row_shown = *text;
        write_clean(stderr, strempty(line));
        if (text[fits])
                (void) fputs("…", stderr);
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

/* Writes text on stderr, the first line of which has used so many columns already. If stderr is a terminal that says
 * how wide it is, lines end between two words, and each but the first is indented. */
static void complain_wrapped(const char *text, size_t used) {
        struct winsize size;
        bool wrap = isatty(STDERR_FILENO) && ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 40;

        do {
                size_t n = wrap ? line_length(text, size.ws_col - used) : strlen(text);
                _cleanup_free_ char *line = strndup(text, n);

                write_clean(stderr, strempty(line));
                (void) fputc('\n', stderr);
                text += MAX(n, (size_t) (*text ? 1 : 0));
                text += strspn(text, " ");
                used = INDENT;
                if (*text)
                        (void) fprintf(stderr, "%*s", INDENT, "");
        } while (*text);
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
        if (collector.f) {
                collect(strempty(text), true);
                return;
        }
        clear_row();
        say_flush(); /* so that both appear in the order in which they were said */
        (void) fputs("leasectl: ", stderr);
        complain_wrapped(strempty(text), strlen("leasectl: "));
}
