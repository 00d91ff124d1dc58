/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/own-files.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/inotify.h>
#include <unistd.h>
#include <utlist.h>

#include "daemon/slices.h"
#include "util/file-util.h"
#include "util/hash.h"
#include "util/log.h"
#include "util/must.h"
#include "util/text.h"
#include "util/time-util.h"

enum { AT_ONCE = 16 }; /* files that are looked at in one turn of the loop ... */

#define TURN_TIME (2 * USEC_PER_MSEC) /* ... or as many as take so long */

/* What can leave a file missing, or with another text. A file of our own makes two of these: it is renamed to its name
 * when it is whole. */
#define IN_A_FILE (IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_CLOSE_WRITE)
#define IN_THE_FOLDER (IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)

typedef struct Own {
        UT_hash_handle hh;
        struct Own *prev, *next;
        char unit[]; /* data_of() follows */
} Own;

struct OwnFiles {
        Own *units; /* by name */
        Own *order; /* the same ones: the first .n_due of them are to be looked at */
        size_t n_due;

        const char *path;
        bool make;
        own_files_look_t look;
        void *userdata;

        char *parent;
        sd_event *event;
        int fd, folder, above; /* inotify, and its numbers of the folder and of the folder above; -1: none */
        sd_event_source *news, *mounts;
        Slices *slices;
        bool blind; /* it is logged that the folder cannot be watched */
};

static size_t data_at(const char *unit) {
        return (sizeof(Own) + strlen(unit) + 16) / 16 * 16;
}

static void *data_of(Own *o) {
        return (char *) o + data_at(o->unit);
}

static Own *find(const OwnFiles *f, const char *unit) {
        Own *o;

        HASH_FIND_STR(f->units, unit, o);
        return o;
}

/* ---- what is to be looked at ---- */

/* A unit that is noted twice before it is looked at makes n_due one too large: then one more file is looked at. */
static void note(OwnFiles *f, Own *o) {
        DL_DELETE(f->order, o);
        DL_PREPEND(f->order, o);
        f->n_due = MIN(f->n_due + 1, HASH_COUNT(f->units));
        slices_begin(f->slices);
}

static void note_all(OwnFiles *f) {
        f->n_due = HASH_COUNT(f->units);
        slices_begin(f->slices);
}

/* ---- what inotify tells ---- */

/* Watches what has this name now in the place of what had it before. */
static void watch(OwnFiles *f, const char *path, uint32_t mask, int *number) {
        int before = *number;

        *number = inotify_add_watch(f->fd, path, mask); /* the same number where it is the same folder */
        if (before >= 0 && before != *number)
                (void) inotify_rm_watch(f->fd, before);
}

/* The folder above is watched as well: who renames that one takes the folder away with it. */
static void watch_folder(OwnFiles *f) {
        bool blind;

        if (f->fd < 0)
                return;
        if (f->make)
                (void) mkdir_parents(f->path, 0755);
        watch(f, f->path, IN_A_FILE | IN_THE_FOLDER, &f->folder);
        if (f->folder < 0 && errno == ENOENT && !f->make)
                return;
        watch(f, f->parent, IN_THE_FOLDER, &f->above);
        blind = f->folder < 0 || f->above < 0;
        if (blind && !f->blind)
                log_warning_errno(errno, "cannot watch %s: who removes a file there is noticed later", f->path);
        f->blind = blind;
}

static bool look_at_some(void *userdata) {
        usec_t until = usec_add(now_boottime(), TURN_TIME);
        OwnFiles *f = userdata;

        for (size_t i = 0; i < AT_ONCE && f->n_due > 0 && now_boottime() <= until; i++) {
                Own *o = f->order;

                must(o);
                DL_DELETE(f->order, o);
                DL_APPEND(f->order, o);
                f->n_due--;
                if (f->look(o->unit, data_of(o), f->userdata))
                        own_files_written(f);
        }
        return f->n_due > 0;
}

/* Returns true if the folder is no longer the one that is watched, or news were lost. */
static bool take(OwnFiles *f, const struct inotify_event *e) {
        Own *o = e->wd == f->folder && e->len > 0 ? find(f, e->name) : NULL;

        if (o)
                note(f, o);
        return e->mask & IN_Q_OVERFLOW ||
               ((e->wd == f->folder || e->wd == f->above) && e->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED));
}

static int on_news(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        _Alignas(struct inotify_event) char buffer[4096];
        OwnFiles *f = userdata;
        ssize_t n = read(fd, buffer, sizeof(buffer));
        bool anew = false;

        for (const char *p = buffer; n > 0 && p < buffer + n;) {
                const struct inotify_event *e = (const struct inotify_event *) p;

                anew |= take(f, e);
                p += sizeof(*e) + e->len;
        }
        if (anew) {
                watch_folder(f);
                note_all(f);
        }
        return 0;
}

/* Somewhere on the machine something was mounted, or a mount has gone. */
static int on_mounts(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        OwnFiles *f = userdata;
        int before = f->folder;

        watch_folder(f);
        if (f->folder != before)
                note_all(f);
        return 0;
}

/* The kernel tells of it by EPOLLPRI (proc_pid_mountinfo(5)), once for each time that it is asked: nothing need be
 * read. */
static int begin_to_watch_mounts(OwnFiles *f) {
        int fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC), r;

        if (fd < 0) {
                log_warning_errno(errno, "cannot watch mounts: what is mounted over %s is noticed later", f->path);
                return 0;
        }
        r = sd_event_add_io(f->event, &f->mounts, fd, EPOLLPRI, on_mounts, f);
        if (r < 0) {
                (void) close(fd);
                return r;
        }
        return sd_event_source_set_io_fd_own(f->mounts, true);
}

static int begin_to_watch(OwnFiles *f) {
        int r;

        f->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        if (f->fd < 0) {
                log_warning_errno(errno, "cannot watch %s: who removes a file there is noticed later", f->path);
                return 0;
        }
        watch_folder(f);
        r = sd_event_add_io(f->event, &f->news, f->fd, EPOLLIN, on_news, f);
        return r < 0 ? r : sd_event_source_set_io_fd_own(f->news, true);
}

/* ---- the files ---- */

void *own_files_find(OwnFiles *f, const char *unit) {
        Own *o = find(f, unit);

        return o ? data_of(o) : NULL;
}

void *own_files_add(OwnFiles *f, const char *unit, size_t size) {
        Own *o = find(f, unit);

        if (o)
                return data_of(o);
        o = calloc(1, data_at(unit) + size);
        if (!o)
                return NULL;
        memcpy(o->unit, unit, strlen(unit) + 1);
        HASH_ADD_STR(f->units, unit, o);
        DL_APPEND(f->order, o);
        return data_of(o);
}

void own_files_forget(OwnFiles *f, const char *unit) {
        Own *o = find(f, unit);

        if (!o)
                return;
        HASH_DEL(f->units, o);
        DL_DELETE(f->order, o);
        f->n_due = MIN(f->n_due, HASH_COUNT(f->units));
        free(o);
}

const char *own_files_first(const OwnFiles *f) {
        return f->order ? f->order->unit : NULL;
}

void own_files_look(OwnFiles *f, const char *unit) {
        Own *o = find(f, unit);

        /* What inotify has not told of happened elsewhere than in the folder that is watched, or a moment ago. */
        if (o && (f->look(o->unit, data_of(o), f->userdata) || f->blind))
                watch_folder(f);
}

void own_files_written(OwnFiles *f) {
        if (f->folder < 0 || f->above < 0)
                watch_folder(f);
}

int own_files_new(sd_event *event, const char *folder, bool make, own_files_look_t look, void *userdata,
                OwnFiles **ret) {
        OwnFiles *f = calloc(1, sizeof(OwnFiles));
        int r;

        if (!f)
                return -ENOMEM;
        *f = (OwnFiles){
                .path = folder,
                .make = make,
                .look = look,
                .userdata = userdata,
                .event = event,
                .fd = -1,
                .folder = -1,
                .above = -1,
        };
        f->parent = text_format("%.*s", (int) (base_name(folder) - folder - 1), folder);
        r = f->parent ? slices_new(event, look_at_some, f, &f->slices) : -ENOMEM;
        if (r >= 0)
                r = begin_to_watch(f);
        if (r >= 0 && f->fd >= 0)
                r = begin_to_watch_mounts(f);
        if (r < 0) {
                own_files_free(f);
                return r;
        }
        *ret = f;
        return 0;
}

OwnFiles *own_files_free(OwnFiles *f) {
        if (!f)
                return NULL;
        while (f->order)
                own_files_forget(f, f->order->unit);
        if (!f->news)
                closep(&f->fd);
        sd_event_source_disable_unref(f->news);
        sd_event_source_disable_unref(f->mounts);
        slices_free(f->slices);
        free(f->parent);
        free(f);
        return NULL;
}
