/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/unit-place.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#include "util/file-util.h"
#include "util/text.h"

/* Whether the text is that of a file of leased's, and goes with the owner, or if that is NULL, with nothing. */
static bool is_own(const char *text, const char *owner) {
        const char *rest = record_after(text, UNIT_PLACE_MARK);
        const char *with = rest ? record_after(rest, RECORD_COMPANION_MARK) : NULL;

        if (!owner)
                return rest && !with;
        with = with ? record_after(with, owner) : NULL;
        return with && startswith(with, ".\n");
}

/* Reads a file that is leased's. *ret stays NULL if there is no file. -EEXIST: there is something else. */
static int read_own(const char *path, const char *owner, char **ret) {
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
        _cleanup_free_ char *text = NULL;
        struct stat st;
        int r;

        if (fd < 0)
                return errno == ENOENT ? 0 : errno == ELOOP || errno == ENXIO ? -EEXIST : -errno;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -EEXIST;
        r = read_fd(fd, 2 * RECORD_CONTENT_MAX, &text, NULL);
        if (r == -E2BIG || (r >= 0 && !is_own(text, owner)))
                return -EEXIST;
        if (r >= 0)
                *ret = TAKE_PTR(text);
        return r;
}

/* Notes a file; takes text. */
static int add(UnitPlace *p, const char *path, char *text) {
        PlacedFile *files = realloc(p->files, (p->n + 1) * sizeof(PlacedFile));
        int r;

        if (files)
                p->files = files;
        if (!files) {
                free(text);
                return -ENOMEM;
        }
        files[p->n] = (PlacedFile){ .path = strdup(path), .text = text };
        p->n++;
        if (!files[p->n - 1].path)
                return -ENOMEM;
        r = read_own(path, p->owner, &files[p->n - 1].before);
        if (r != -EEXIST)
                return r;
        if (!p->foreign)
                p->foreign = strdup(path);
        return p->foreign ? 0 : -ENOMEM;
}

/* The text of a file: the unit file itself also gets its Version=, last, so that it counts. */
static char *make_text(const UnitRecord *record, size_t i, const char *owner) {
        const char *content = get_string(json_array_get(record->files, i), "content");
        const char *end = endswith(content, "\n") ? "" : "\n";

        if (owner)
                return text_format(UNIT_PLACE_MARK RECORD_COMPANION_MARK "%s.\n%s%s", owner, content, end);
        if (i > 0)
                return text_format(UNIT_PLACE_MARK "%s%s", content, end);
        return text_format(UNIT_PLACE_MARK "%s%s\n[X-Leased]\nVersion=%" PRIi64 "\n", content, end, record->runs_as);
}

static int add_wanted(UnitPlace *p, const char *directory, const char *unit, const UnitRecord *record) {
        size_t i;
        json_t *file;
        int r = 0;

        json_array_foreach(record->files, i, file) {
                _cleanup_free_ char *path = text_format("%s/%s", directory, get_string(file, "name"));
                char *text;

                if (!unit_record_file_is_of(get_string(file, "name"), unit))
                        continue;
                text = make_text(record, i, p->owner);
                if (!path || !text) {
                        free(text);
                        return -ENOMEM;
                }
                r = add(p, path, text);
                if (r < 0)
                        break;
        }
        return r;
}

static bool has(const UnitPlace *p, const char *path) {
        for (size_t i = 0; i < p->n; i++)
                if (streq(p->files[i].path, path))
                        return true;
        return false;
}

/* Notes the drop-ins of an earlier version. Those that are not leased's are no concern. */
static int add_left(UnitPlace *p) {
        int fd = open(p->dropins, O_RDONLY | O_CLOEXEC | O_DIRECTORY | O_NOFOLLOW), r = 0;
        DIR *directory = fd >= 0 ? fdopendir(fd) : NULL;
        struct dirent *e;

        if (!directory) {
                r = errno;
                if (fd >= 0)
                        (void) close(fd);
                if (r == ENOENT)
                        return 0;
                if (!p->foreign)
                        p->foreign = strdup(p->dropins); /* a link, or no directory */
                return p->foreign ? 0 : -ENOMEM;
        }
        while (r >= 0 && (e = readdir(directory))) {
                _cleanup_free_ char *path = text_format("%s/%s", p->dropins, e->d_name), *before = NULL;

                if (!path)
                        r = -ENOMEM;
                else if (e->d_name[0] != '.' && !has(p, path) && read_own(path, p->owner, &before) >= 0 && before)
                        r = add(p, path, NULL);
        }
        (void) closedir(directory);
        return r;
}

int unit_place_look(
                const char *directory, const char *unit, const char *owner, const UnitRecord *record, UnitPlace *ret) {
        _cleanup_free_ char *path = text_format("%s/%s", directory, unit);
        bool wanted = record && !record->gone;
        int r;

        *ret = (UnitPlace){ .owner = owner, .dropins = text_format("%s/%s.d", directory, unit) };
        if (!path || !ret->dropins)
                return -ENOMEM;
        r = wanted ? add_wanted(ret, directory, unit, record) : add(ret, path, NULL);
        return r < 0 ? r : add_left(ret);
}

bool unit_place_is_used(const UnitPlace *p) {
        for (size_t i = 0; i < p->n; i++)
                if (p->files[i].before)
                        return true;
        return false;
}

bool unit_place_differs(const UnitPlace *p) {
        for (size_t i = 0; i < p->n; i++)
                if (!streq(strempty(p->files[i].before), strempty(p->files[i].text)))
                        return true;
        return false;
}

/* ---- writing ---- */

/* Where a file's new text stands until all others are written, too. systemd reads no file of such a name. */
#define STAGED ".leased-new"

static char *staged_path(const PlacedFile *f) {
        return text_format("%s" STAGED, f->path);
}

static const char *text_of(const PlacedFile *f, bool back) {
        return back ? f->before : f->text;
}

/* What is put back is written in any case: the files may have changed since they were looked at. */
static bool changes(const PlacedFile *f, bool back) {
        return back || !streq(strempty(f->before), strempty(f->text));
}

int unit_place_stage(const UnitPlace *p, bool back) {
        int r = 0;

        for (size_t i = 0; i < p->n && r >= 0; i++) {
                const PlacedFile *f = p->files + i;
                const char *text = text_of(f, back);
                _cleanup_free_ char *staged = staged_path(f);

                if (!text || !changes(f, back))
                        continue;
                r = !staged ? -ENOMEM : startswith(f->path, p->dropins) ? mkdir_parents(p->dropins, 0755) : 0;
                if (r >= 0)
                        r = write_file_atomic(staged, text, strlen(text), 0644, WRITE_SYNC);
        }
        return r;
}

void unit_place_unstage(const UnitPlace *p) {
        for (size_t i = 0; i < p->n; i++) {
                _cleanup_free_ char *staged = staged_path(p->files + i);

                if (staged)
                        (void) unlink_if_exists(staged);
        }
        (void) rmdir(p->dropins); /* if nothing is left in it */
}

static int put_file(const PlacedFile *f, bool back) {
        _cleanup_free_ char *staged = staged_path(f), *directory = strdup(f->path);
        int r;

        if (!staged || !directory)
                return -ENOMEM;
        *strrchr(directory, '/') = '\0';
        if (!text_of(f, back)) { /* one that was staged for a version before goes, too */
                r = unlink_if_exists(staged);
                return r < 0 ? r : unlink_if_exists(f->path);
        }
        return rename(staged, f->path) < 0 ? -errno : sync_directory(directory);
}

int unit_place_put(const UnitPlace *p, bool back) {
        int r = 0;

        for (size_t i = 0; i < p->n && r >= 0; i++)
                if (changes(p->files + i, back))
                        r = put_file(p->files + i, back);
        (void) rmdir(p->dropins); /* if nothing is left in it */
        return r;
}

void unit_place_done(UnitPlace *p) {
        for (size_t i = 0; i < p->n; i++) {
                free(p->files[i].path);
                free(p->files[i].before);
                free(p->files[i].text);
        }
        free(p->files);
        free(p->dropins);
        free(p->foreign);
        *p = (UnitPlace){};
}
