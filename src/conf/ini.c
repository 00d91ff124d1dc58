/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/ini.h"

#include <ctype.h>
#include <errno.h>

#include "util/file-util.h"
#include "util/suggest.h"
#include "util/text.h"

enum {
        FILE_SIZE_MAX = 1024 * 1024,
        SHOWN_MAX = 120, /* characters of a value that a message shows */
};

/* The state of the parser: where it is in the file, and the logical line (a line with its continuations) so far. */
typedef struct Reader {
        const char *path;
        IniTable *table;
        Messages *messages;
        unsigned line;  /* of the file */
        unsigned start; /* where the logical line began */
        char *logical;  /* room for the whole file */
        size_t size;    /* of the logical line */
        bool more;      /* the logical line goes on */
        bool ours;      /* inside our section */
        bool any;       /* inside some section */
} Reader;

static const char *space = " \t\n\r";

static char *strip(char *s) {
        char *e;

        s += strspn(s, space);
        for (e = s + strlen(s); e > s && strchr(space, e[-1]); e--)
                ;
        *e = '\0';
        return s;
}

static const char *shown(const char *s) {
        static char cut[SHOWN_MAX + 4];

        if (strlen(s) <= SHOWN_MAX)
                return s;
        str_copy(cut, SHOWN_MAX + 1, s);
        strcat(cut, "...");
        return cut;
}

static void section_begin(Reader *r, char *name) {
        size_t n = strlen(name);

        r->ours = false;
        r->any = true;
        if (n < 3 || name[n - 1] != ']') {
                if (!r->table->foreign)
                        messages_add(r->messages, "%s:%u: %s: a section is written [%s]", r->path, r->start,
                                        shown(name), r->table->section);
                return;
        }
        name[n - 1] = '\0';
        name++;
        if (streq(name, r->table->section))
                r->ours = true;
        else if (!r->table->foreign)
                messages_add(r->messages, "%s:%u: [%s]: unknown section, only [%s] is read here", r->path, r->start,
                                shown(name), r->table->section);
}

static void unknown_option(Reader *r, const char *key) {
        char known[1024] = "";
        Suggestion near;

        if (messages_full(r->messages)) /* what follows is much work for a line that nobody would see */
                return;
        near = suggest_begin(key);
        for (size_t i = 0; i < r->table->n_options; i++) {
                size_t n = strlen(known);

                /* Upper and lower case are the only difference, so this option was meant. */
                if (strcasecmp(r->table->options[i].key, key) == 0) {
                        messages_add(r->messages, "%s:%u: %s=: unknown option, write it %s=", r->path, r->start, key,
                                        r->table->options[i].key);
                        return;
                }
                (void) snprintf(known + n, sizeof(known) - n, "%s%s=", i ? ", " : "", r->table->options[i].key);
                suggest_consider(&near, r->table->options[i].key);
        }
        if (near.best) {
                messages_add(r->messages, "%s:%u: %s=: unknown option in [%s], did you mean %s=?", r->path, r->start,
                                shown(key), r->table->section, near.best);
                return;
        }
        messages_add(r->messages, "%s:%u: %s=: unknown option in [%s], known are %s", r->path, r->start, shown(key),
                        r->table->section, known);
}

static void assign(Reader *r, const char *key, const char *value) {
        for (size_t i = 0; i < r->table->n_options; i++) {
                const IniOption *o = r->table->options + i;
                bool bad;

                if (!streq(o->key, key))
                        continue;
                bad = o->parse(value, (char *) r->table->target + o->offset) < 0;
                if (r->table->unread)
                        r->table->unread[i] = bad;
                if (bad) {
                        messages_add(r->messages, "%s:%u: %s=%s: expected is %s", r->path, r->start, key, shown(value),
                                        o->expected);
                        return;
                }
                free(r->table->where[i]);
                if (!*value || asprintf(&r->table->where[i], "%s:%u", r->path, r->start) < 0)
                        r->table->where[i] = NULL;
                return;
        }
        unknown_option(r, key);
}

static void logical_line(Reader *r, char *text) {
        char *line = strip(text), *equals, *key;

        if (!*line)
                return;
        if (*line == '[') {
                section_begin(r, line);
                return;
        }
        if (!r->ours) {
                if (!r->any && !r->table->foreign)
                        messages_add(r->messages,
                                        "%s:%u: %s: this stands before any section, put a line [%s] above it", r->path,
                                        r->start, shown(line), r->table->section);
                return;
        }
        equals = strchr(line, '=');
        if (!equals || equals == line) {
                messages_add(r->messages, "%s:%u: %s: a line is written Key=value", r->path, r->start, shown(line));
                return;
        }
        *equals = '\0';
        key = strip(line);
        assign(r, key, strip(equals + 1));
}

static bool is_space(char c) {
        return c && strchr(space, c);
}

/* Takes one line of the file. A backslash at its end becomes a space, and the next line is appended. Each byte is
 * looked at a fixed number of times however the lines are cut, since a file may be a mebibyte of empty or of continued
 * lines. */
static void physical_line(Reader *r, const char *text, size_t size) {
        size_t blank = 0;

        while (blank < size && is_space(text[blank]))
                blank++;
        if (blank < size && (text[blank] == '#' || text[blank] == ';'))
                return;
        if (!r->more) {
                r->start = r->line;
                r->size = 0;
        }
        memcpy(r->logical + r->size, text, size);
        r->size += size;
        r->more = size > 0 && text[size - 1] == '\\';
        if (r->more)
                r->logical[r->size - 1] = ' ';
        r->logical[r->size] = '\0';
        if (!r->more)
                logical_line(r, r->logical);
}

void ini_parse_text(const char *path, const char *text, size_t size, IniTable *table, Messages *messages) {
        _cleanup_free_ char *logical = malloc(size + 1);
        Reader r = { .path = path, .table = table, .messages = messages, .logical = logical };
        const char *end = text + size;

        if (!logical) {
                messages_add(messages, "%s: cannot be read: %s", path, strerror(ENOMEM));
                return;
        }
        if (memchr(text, '\0', size)) {
                messages_add(messages, "%s: not a text file, it has a NUL byte in it", path);
                return;
        }
        if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
                text += 3; /* a byte order mark */
        for (const char *p = text; p < end;) {
                const char *newline = memchr(p, '\n', (size_t) (end - p));
                size_t n = (size_t) ((newline ?: end) - p);

                r.line++;
                if (n > 0 && p[n - 1] == '\r')
                        n--;
                physical_line(&r, p, n);
                if (!newline)
                        break;
                p = newline + 1;
        }
        if (r.more)
                logical_line(&r, r.logical); /* the file ended after a backslash */
}

int ini_load(const char *root, const char *path, IniTable *table, Messages *messages) {
        _cleanup_free_ char *full = NULL, *text = NULL;
        size_t size;
        int r;

        full = text_format("%s%s", root, path);
        if (!full)
                return -ENOMEM;
        r = read_file(full, FILE_SIZE_MAX, &text, &size);
        if (r < 0) {
                if (r == -E2BIG)
                        messages_add(messages, "%s: larger than 1 MiB, this is no configuration file", path);
                else if (r != -ENOENT)
                        messages_add(messages, "%s: cannot be read: %s", path,
                                        r == -EMEDIUMTYPE ? "it is no file" : strerror(-r));
                return r;
        }
        ini_parse_text(path, text, size, table, messages);
        return 0;
}

void ini_where_done(IniTable *table) {
        for (size_t i = 0; i < table->n_options; i++) {
                free(table->where[i]);
                table->where[i] = NULL;
        }
}
