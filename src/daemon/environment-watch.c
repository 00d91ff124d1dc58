/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/environment-watch.h"

#include <errno.h>
#include <sys/inotify.h>
#include <utlist.h>

#include "conf/dropin.h"
#include "daemon/environment.h"
#include "daemon/slices.h"
#include "util/file-util.h"
#include "util/hash.h"
#include "util/log.h"
#include "util/must.h"
#include "util/time-util.h"

enum { AT_ONCE = 16 }; /* files that are looked at in one turn of the loop ... */

#define TURN_TIME (2 * USEC_PER_MSEC) /* ... or as many as take so long */

/* What can leave a file missing, or with another text. A file of our own makes two of these: it is renamed to its name
 * when it is whole. */
#define IN_A_FILE (IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_CLOSE_WRITE)
#define IN_THE_FOLDER (IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)

typedef struct Kept {
        UT_hash_handle hh;
        struct Kept *prev, *next;
        Environment says;
        bool told; /* it is logged that the file cannot be written */
        char unit[];
} Kept;

struct EnvironmentWatch {
        Kept *units; /* by name */
        Kept *order; /* the same ones: the first .n_due of them are to be looked at */
        size_t n_due;

        const char *machine_id;
        sd_event *event;
        int fd, folder, above; /* inotify, and its numbers of the folder and of the folder above; -1: none */
        sd_event_source *news;
        Slices *slices;
        bool blind; /* it is logged that the folder cannot be watched */
};

static Kept *find(const EnvironmentWatch *w, const char *unit) {
        Kept *k;

        HASH_FIND_STR(w->units, unit, k);
        return k;
}

/* ---- what is to be looked at ---- */

/* A unit that is noted twice before it is looked at makes n_due one too large: then one more file is looked at. */
static void note(EnvironmentWatch *w, Kept *k) {
        DL_DELETE(w->order, k);
        DL_PREPEND(w->order, k);
        w->n_due = MIN(w->n_due + 1, HASH_COUNT(w->units));
        slices_begin(w->slices);
}

static void note_all(EnvironmentWatch *w) {
        w->n_due = HASH_COUNT(w->units);
        slices_begin(w->slices);
}

/* Returns true if the file was written. */
static bool look(const EnvironmentWatch *w, Kept *k) {
        _cleanup_free_ char *text = environment_text(w->machine_id, k->unit, &k->says);
        int r = text ? environment_keep(k->unit, text) : -ENOMEM;

        if (r > 0)
                log_notice("%s: its environment file was not there, or not as it should be: written anew", k->unit);
        if (r < 0 && !k->told)
                log_warning_errno(r, "%s: its environment file cannot be written anew", k->unit);
        k->told = r < 0;
        return r > 0;
}

static bool look_at_some(void *userdata) {
        usec_t until = usec_add(now_boottime(), TURN_TIME);
        EnvironmentWatch *w = userdata;

        for (size_t i = 0; i < AT_ONCE && w->n_due > 0 && now_boottime() <= until; i++) {
                Kept *k = w->order;

                must(k);
                DL_DELETE(w->order, k);
                DL_APPEND(w->order, k);
                w->n_due--;
                (void) look(w, k);
        }
        return w->n_due > 0;
}

/* ---- what inotify tells ---- */

/* Watches what has this name now in the place of what had it before. */
static void watch(EnvironmentWatch *w, const char *path, uint32_t mask, int *number) {
        int before = *number;

        *number = inotify_add_watch(w->fd, path, mask); /* the same number where it is the same folder */
        if (before >= 0 && before != *number)
                (void) inotify_rm_watch(w->fd, before);
}

/* The folder above is watched as well: who renames that one takes the folder away with it. */
static void watch_folder(EnvironmentWatch *w) {
        bool blind;

        if (w->fd < 0)
                return;
        (void) mkdir_parents(ENV_DIRECTORY, 0755);
        watch(w, ENV_DIRECTORY, IN_A_FILE | IN_THE_FOLDER, &w->folder);
        watch(w, ENV_DIRECTORY "/..", IN_THE_FOLDER, &w->above);
        blind = w->folder < 0 || w->above < 0;
        if (blind && !w->blind)
                log_warning_errno(errno, "cannot watch " ENV_DIRECTORY ": who removes a file there is noticed later");
        w->blind = blind;
}

/* Returns true if the folder is no longer the one that is watched, or news were lost. */
static bool take(EnvironmentWatch *w, const struct inotify_event *e) {
        Kept *k = e->wd == w->folder && e->len > 0 ? find(w, e->name) : NULL;

        if (k)
                note(w, k);
        return e->mask & IN_Q_OVERFLOW ||
               ((e->wd == w->folder || e->wd == w->above) && e->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED));
}

static int on_news(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        _Alignas(struct inotify_event) char buffer[4096];
        EnvironmentWatch *w = userdata;
        ssize_t n = read(fd, buffer, sizeof(buffer));
        bool anew = false;

        for (const char *p = buffer; n > 0 && p < buffer + n;) {
                const struct inotify_event *e = (const struct inotify_event *) p;

                anew |= take(w, e);
                p += sizeof(*e) + e->len;
        }
        if (anew) {
                watch_folder(w);
                note_all(w);
        }
        return 0;
}

static int begin_to_watch(EnvironmentWatch *w) {
        int r;

        w->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        if (w->fd < 0) {
                log_warning_errno(errno, "cannot watch " ENV_DIRECTORY ": who removes a file there is noticed later");
                return 0;
        }
        watch_folder(w);
        r = sd_event_add_io(w->event, &w->news, w->fd, EPOLLIN, on_news, w);
        return r < 0 ? r : sd_event_source_set_io_fd_own(w->news, true);
}

/* ---- the files ---- */

static int add(EnvironmentWatch *w, const char *unit, Kept **ret) {
        size_t n = strlen(unit) + 1;
        Kept *k = calloc(1, sizeof(Kept) + n);

        if (!k)
                return -ENOMEM;
        memcpy(k->unit, unit, n);
        HASH_ADD_STR(w->units, unit, k);
        DL_APPEND(w->order, k);
        *ret = k;
        return 0;
}

int environment_watch_set(EnvironmentWatch *w, const Action *a) {
        _cleanup_free_ char *text = NULL;
        Kept *k = find(w, a->unit);
        bool is_new = !k;
        int r = k ? 0 : add(w, a->unit, &k);

        if (r < 0)
                return r;
        if (!environment_take(&k->says, a)) {
                if (is_new)
                        environment_watch_forget(w, a->unit); /* it says nothing that may be written */
                return -ENOMEM;
        }
        text = environment_text(w->machine_id, a->unit, &k->says);
        return text ? environment_write(a->unit, text) : -ENOMEM;
}

void environment_watch_forget(EnvironmentWatch *w, const char *unit) {
        Kept *k = find(w, unit);

        if (!k)
                return;
        HASH_DEL(w->units, k);
        DL_DELETE(w->order, k);
        w->n_due = MIN(w->n_due, HASH_COUNT(w->units));
        environment_done(&k->says);
        free(k);
}

int environment_watch_drop(EnvironmentWatch *w, const char *unit) {
        environment_watch_forget(w, unit);
        return environment_remove(unit);
}

void environment_watch_look(EnvironmentWatch *w, const char *unit) {
        Kept *k = find(w, unit);

        /* What inotify has not told of happened elsewhere than in the folder that is watched, or a moment ago. */
        if (k && (look(w, k) || w->blind))
                watch_folder(w);
}

int environment_watch_new(sd_event *event, const char *machine_id, EnvironmentWatch **ret) {
        EnvironmentWatch *w = calloc(1, sizeof(EnvironmentWatch));
        int r;

        if (!w)
                return -ENOMEM;
        *w = (EnvironmentWatch){ .machine_id = machine_id, .event = event, .fd = -1, .folder = -1, .above = -1 };
        r = slices_new(event, look_at_some, w, &w->slices);
        if (r >= 0)
                r = begin_to_watch(w);
        if (r < 0) {
                environment_watch_free(w);
                return r;
        }
        *ret = w;
        return 0;
}

EnvironmentWatch *environment_watch_free(EnvironmentWatch *w) {
        if (!w)
                return NULL;
        while (w->order)
                environment_watch_forget(w, w->order->unit);
        if (!w->news)
                closep(&w->fd);
        sd_event_source_disable_unref(w->news);
        slices_free(w->slices);
        free(w);
        return NULL;
}
