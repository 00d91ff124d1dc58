/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/state-file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "util/file-util.h"
#include "util/log.h"

#define FILE_SIZE_MAX (64u * 1024 * 1024)
#define LOG_SIZE_MIN (64u * 1024) /* state.json is written again for no shorter log than this */

struct StateFile {
        char *path, *log_path;
        MemoryCopy *memory;  /* all that was loaded or is to be written */
        char *rest;          /* memory_copy_encode_rest() of what is in state.json; NULL: not known */
        sd_id128_t log;      /* that state.json names, if rest is known */
        struct stat written; /* of state.json, likewise */
        size_t log_size;     /* 0: it is not begun */
        char *last;          /* the lines that were written last, unless state.json was since; else NULL */
};

StateFile *state_file_new(const char *directory) {
        StateFile *f = calloc(1, sizeof(StateFile));

        if (!f)
                return NULL;
        if (asprintf(&f->path, "%s/state.json", directory) < 0)
                f->path = NULL;
        if (asprintf(&f->log_path, "%s/state.log", directory) < 0)
                f->log_path = NULL;
        f->memory = memory_copy_new();
        if (f->path && f->log_path && f->memory)
                return f;
        state_file_free(f);
        return NULL;
}

void state_file_free(void *p) {
        StateFile *f = p;

        if (!f)
                return;
        free(f->path);
        free(f->log_path);
        memory_copy_free(f->memory);
        free(f->rest);
        free(f->last);
        free(f);
}

const char *state_file_path(const StateFile *f) {
        return f->path;
}

/* ---- to read ---- */

/* The memory is needed only after the registry was replaced, which is rarer than a damaged disk. So the daemon starts
 * without it: if it did not start, the units here would be stopped. */
static int put_aside(StateFile *f, const char *why) {
        _cleanup_free_ char *aside = NULL;

        if (asprintf(&aside, "%s.damaged", f->path) < 0) {
                aside = NULL;
                return log_oom();
        }
        if (rename(f->path, aside) < 0)
                log_warning_errno(errno, "cannot rename %s", f->path);
        log_error("%s is damaged (%s): going on as a machine that remembers nothing; the file is kept as %s", f->path,
                        why, aside);
        return 0;
}

/* A state.log that cannot be read is no reason not to start, either. */
static int load_log(StateFile *f, LoadedMemory *m) {
        _cleanup_free_ char *text = NULL;
        unsigned damaged;
        size_t size;
        int r;

        r = read_file(f->log_path, FILE_SIZE_MAX, &text, &size);
        if (r == -ENOENT)
                return 0;
        if (r < 0) {
                log_error_errno(r, "cannot read %s: what this machine remembers may be old", f->log_path);
                return 0;
        }
        damaged = memory_copy_take_log(f->memory, m->log, text, size);
        if (damaged > 0)
                log_error("%s:%u: this line is damaged, and what it told is not remembered", f->log_path, damaged);
        r = memory_copy_give(f->memory, m);
        return r < 0 ? log_error_errno(r, "cannot load %s", f->log_path) : 0;
}

int state_file_load(StateFile *f, LoadedMemory *ret) {
        _cleanup_free_ char *text = NULL;
        const char *why = NULL;
        size_t size;
        int r;

        *ret = (LoadedMemory){};
        r = read_file(f->path, FILE_SIZE_MAX, &text, &size);
        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return log_error_errno(r, "cannot read %s", f->path);
        r = memory_decode(text, size, ret, &why);
        if (r == -EBADMSG)
                return put_aside(f, why);
        if (r < 0)
                return log_error_errno(r, "cannot load %s", f->path);
        memory_copy_take(f->memory, &ret->memory);
        r = load_log(f, ret);
        if (r < 0)
                memory_done(ret);
        return r;
}

/* ---- to write ---- */

/* Whether state.json is the file that was written here. Somebody may have removed it, or put another in its place. */
static bool is_own(const StateFile *f) {
        struct stat st;

        return f->rest && stat(f->path, &st) == 0 && st.st_dev == f->written.st_dev &&
               st.st_ino == f->written.st_ino && st.st_size == f->written.st_size &&
               st.st_mtim.tv_sec == f->written.st_mtim.tv_sec && st.st_mtim.tv_nsec == f->written.st_mtim.tv_nsec;
}

static int begin_log(StateFile *f, const char *lines) {
        _cleanup_free_ char *begin = memory_log_begin(f->log), *text = NULL;
        int r;

        if (!begin || asprintf(&text, "%s%s", begin, lines) < 0) {
                text = NULL;
                return -ENOMEM;
        }
        r = write_file_atomic(f->log_path, text, strlen(text), 0600, WRITE_SYNC);
        if (r >= 0)
                f->log_size = strlen(text);
        return r;
}

/* -ESTALE: state.log is not as it was left, after a line that was cut short for example. */
static int append_log(StateFile *f, const char *lines) {
        _cleanup_close_ int fd = open(f->log_path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY);
        struct stat st;
        int r;

        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (st.st_nlink != 1 || (size_t) st.st_size != f->log_size)
                return -ESTALE;
        r = write_all(fd, lines, strlen(lines));
        if (r < 0)
                return r;
        f->log_size += strlen(lines);
        return fdatasync(fd) < 0 ? -errno : 0;
}

/* With a new name of its log, so that the lines of the old one, which it contains, are never read again. */
static int write_all_of_it(StateFile *f, char *rest) {
        _cleanup_free_ char *text = NULL;
        int r;

        free(f->rest);
        free(f->last);
        f->rest = f->last = NULL;
        r = sd_id128_randomize(&f->log);
        if (r < 0)
                return r;
        text = memory_copy_encode(f->memory, f->log);
        if (!text)
                return -ENOMEM;
        r = write_file_atomic(f->path, text, strlen(text), 0600, WRITE_SYNC);
        if (r >= 0 && stat(f->path, &f->written) < 0)
                r = -errno;
        if (r < 0)
                return r;
        f->rest = strdup(rest);
        f->log_size = 0;
        (void) unlink_if_exists(f->log_path); /* nobody reads it any more */
        return 0;
}

int state_file_write(StateFile *f, MemoryCopy *changes) {
        _cleanup_free_ char *lines = memory_log_lines(changes), *rest = NULL;

        memory_copy_take_copy(f->memory, changes);
        rest = memory_copy_encode_rest(f->memory);
        if (!rest) {
                free(f->rest);
                f->rest = NULL; /* what was taken over is in no file: the next request writes all of it */
                return -ENOMEM;
        }
        if (!lines || !is_own(f) || !streq(rest, f->rest) ||
                        f->log_size + strlen(lines) > MAX(LOG_SIZE_MIN, (size_t) f->written.st_size))
                return write_all_of_it(f, rest);
        if (f->last && streq(f->last, lines))
                return 0;
        if ((f->log_size > 0 ? append_log(f, lines) : begin_log(f, lines)) < 0)
                return write_all_of_it(f, rest);
        free(f->last);
        f->last = TAKE_PTR(lines);
        return 0;
}
