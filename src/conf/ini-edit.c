/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/ini-edit.h"

#include <errno.h>
#include <stdio.h>

/* A logical line: a physical line with those in which it goes on, and the comments between these. */
typedef struct Line {
        const char *text;
        size_t size; /* with its newlines */
        const char *key;
        size_t n; /* of .key: of a setting, its name; of a section, the whole "[name]"; 0: another line */
} Line;

static bool is_blank(char c) {
        return c == ' ' || c == '\t' || c == '\r';
}

/* Whether the physical line of n bytes is a comment. Such a line ends no logical line. */
static bool is_comment(const char *s, size_t n) {
        while (n > 0 && is_blank(*s)) {
                s++;
                n--;
        }
        return n > 0 && (*s == '#' || *s == ';');
}

static bool goes_on(const char *s, size_t n) {
        if (n > 0 && s[n - 1] == '\r')
                n--;
        return n > 0 && s[n - 1] == '\\';
}

static void find_key(Line *line) {
        const char *end = line->text + strcspn(line->text, "\n"), *stop;

        line->key = line->text;
        while (line->key < end && is_blank(*line->key))
                line->key++;
        stop = memchr(line->key, *line->key == '[' ? ']' : '=', (size_t) (end - line->key));
        if (!stop || is_comment(line->text, (size_t) (end - line->text)))
                return;
        stop += *line->key == '[';
        while (stop > line->key && is_blank(stop[-1]))
                stop--;
        line->n = (size_t) (stop - line->key);
}

/* Takes the logical line that begins at *p. Returns false at the end of the text. */
static bool next_line(const char **p, Line *ret) {
        bool more = true;

        *ret = (Line){ .text = *p };
        while (more && **p) {
                size_t n = strcspn(*p, "\n");
                bool comment = is_comment(*p, n);

                more = comment ? *p != ret->text : goes_on(*p, n);
                *p += n + ((*p)[n] == '\n');
        }
        ret->size = (size_t) (*p - ret->text);
        find_key(ret);
        return ret->size > 0;
}

static bool is_section(const Line *line) {
        return line->n > 0 && *line->key == '[';
}

static bool names(const Line *line, const char *section) {
        size_t n = strlen(section);

        return line->n == n + 2 && strncmp(line->key + 1, section, n) == 0;
}

/* ---- changing ---- */

typedef struct Edit {
        size_t n;
        const char *const *settings;
        FILE *f;
        bool newline; /* what was written ends with a newline, or nothing was written */
} Edit;

static void put(Edit *e, const char *text, size_t size) {
        if (size == 0)
                return;
        (void) fwrite(text, 1, size, e->f);
        e->newline = text[size - 1] == '\n';
}

static size_t key_size(const char *setting) {
        return strcspn(setting, "=");
}

/* Gives the number of the first setting with that key; e->n if there is none. */
static size_t find(const Edit *e, const char *key, size_t n) {
        size_t i = 0;

        while (i < e->n && (key_size(e->settings[i]) != n || strncmp(e->settings[i], key, n) != 0))
                i++;
        return n > 0 ? i : e->n;
}

/* Writes all settings with the key of this one. */
static void put_key(Edit *e, size_t first) {
        const char *key = e->settings[first];

        for (size_t i = first; i < e->n; i++) {
                if (find(e, e->settings[i], key_size(e->settings[i])) != find(e, key, key_size(key)) ||
                                !strchr(e->settings[i], '='))
                        continue;
                if (!e->newline)
                        put(e, "\n", 1);
                put(e, e->settings[i], strlen(e->settings[i]));
                put(e, "\n", 1);
        }
}

/* What is found of the section ahead of the changes. */
typedef struct Found {
        const char *end; /* behind the last line with a key or the head of the section, in the last such section */
        bool *there;     /* n places: the section has a line with the key of this setting */
} Found;

static void look(const Edit *e, const char *text, const char *section, Found *ret) {
        bool ours = false;
        Line line;

        for (const char *p = text; next_line(&p, &line);) {
                if (is_section(&line))
                        ours = names(&line, section);
                if (ours && line.n > 0) {
                        ret->end = p;
                        ret->there[find(e, line.key, line.n)] = true;
                }
        }
}

/* Writes the settings whose keys are not there yet. */
static void put_new(Edit *e, const Found *found) {
        for (size_t i = 0; i < e->n; i++)
                if (!found->there[i] && find(e, e->settings[i], key_size(e->settings[i])) == i)
                        put_key(e, i);
}

/* done: n places, all false. */
static void change(Edit *e, const char *text, const char *section, const Found *found, bool *done) {
        bool ours = false;
        Line line;

        for (const char *p = text; next_line(&p, &line);) {
                size_t i = find(e, line.key, line.n);

                if (is_section(&line))
                        ours = names(&line, section);
                if (!ours || i == e->n)
                        put(e, line.text, line.size);
                else if (!done[i]) {
                        put_key(e, i);
                        done[i] = true;
                }
                if (p == found->end)
                        put_new(e, found);
        }
        if (found->end)
                return;
        if (!e->newline)
                put(e, "\n", 1);
        (void) fprintf(e->f, "[%s]\n", section);
        put_new(e, found);
}

int ini_edit_set(const char *text, const char *section, size_t n, const char *const settings[], char **ret) {
        Edit e = { .n = n, .settings = settings, .newline = true };
        _cleanup_free_ bool *there = calloc(n + 1, sizeof(bool)), *done = calloc(n + 1, sizeof(bool));
        _cleanup_free_ char *changed = NULL;
        Found found = { .there = there };
        size_t size;

        text += startswith(text, "\xef\xbb\xbf") ? 3 : 0; /* a byte order mark */
        if (!there || !done || !(e.f = open_memstream(&changed, &size)))
                return -ENOMEM;
        look(&e, text, section, &found);
        change(&e, text, section, &found, done);
        if (fclose(e.f) != 0)
                return -ENOMEM;
        *ret = TAKE_PTR(changed);
        return 0;
}

int ini_edit_extract(const char *text, const char *const sections[], char **ret) {
        _cleanup_free_ char *part = NULL;
        Edit e = { .newline = true };
        bool ours = false;
        size_t size;
        Line line;

        e.f = open_memstream(&part, &size);
        if (!e.f)
                return -ENOMEM;
        for (const char *p = text; next_line(&p, &line);) {
                if (is_section(&line)) {
                        ours = false;
                        for (const char *const *s = sections; *s; s++)
                                ours = ours || names(&line, *s);
                }
                if (ours)
                        put(&e, line.text, line.size);
        }
        if (fclose(e.f) != 0)
                return -ENOMEM;
        *ret = TAKE_PTR(part);
        return 0;
}
