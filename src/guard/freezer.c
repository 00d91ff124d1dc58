/* SPDX-License-Identifier: Apache-2.0 */
#include "guard/freezer.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>
#include <uthash.h>
#include <utlist.h>

#include "util/cgroup.h"
#include "util/must.h"
#include "util/text.h"

/* How old the reading of all groups may be by which frozen ones are looked at. A unit that is started anew has its
 * group in the same place, where it is found not to be frozen, or the old one is gone. */
#define READING_AGE USEC_PER_SEC

struct FrostWatch {
        int number; /* of inotify */
        void *owner;
        struct FrostWatch *next; /* of the same owner */
        UT_hash_handle hh;
};

struct Freezer {
        Groups *groups;
        int fd; /* -1: nothing can be watched */
        sd_event_source *source;
        FrostWatch *watches; /* all, by their numbers */
        void (*told)(void *owner, void *userdata);
        void *userdata;
};

/* ---- watching ---- */

static int on_change(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        _Alignas(struct inotify_event) char buffer[4096];
        Freezer *f = userdata;
        ssize_t n = read(fd, buffer, sizeof(buffer));
        const struct inotify_event *e;

        for (const char *p = buffer; n > 0 && p < buffer + n; p += sizeof(*e) + e->len) {
                FrostWatch *w;

                e = (const struct inotify_event *) p;
                HASH_FIND_INT(f->watches, &e->wd, w);
                if (w)
                        f->told(w->owner, f->userdata);
                for (w = e->mask & IN_Q_OVERFLOW ? f->watches : NULL; w; w = w->hh.next)
                        f->told(w->owner, f->userdata);
        }
        return 0;
}

/* Returns whether the kernel tells of the group from now on. */
static bool watch(Freezer *f, FrostWatch **list, void *owner, const char *path) {
        _cleanup_free_ char *file = text_format("%s/cgroup.events", path);
        int number = file && f->fd >= 0 ? inotify_add_watch(f->fd, file, IN_MODIFY) : -1;
        FrostWatch *w;

        if (number < 0)
                return false;
        HASH_FIND_INT(f->watches, &number, w);
        if (w)
                return w->owner == owner;
        w = calloc(1, sizeof(FrostWatch));
        if (!w)
                return false;
        w->number = number;
        w->owner = owner;
        HASH_ADD_INT(f->watches, number, w);
        LL_PREPEND(*list, w);
        return true;
}

void freezer_forget(Freezer *f, FrostWatch **list) {
        for (FrostWatch *w; (w = *list);) {
                LL_DELETE(*list, w);
                HASH_DEL(f->watches, w);
                (void) inotify_rm_watch(f->fd, w->number); /* it may be gone with its group */
                free(w);
        }
}

/* ---- freezing ---- */

typedef struct Look {
        Freezer *freezer;
        FrostWatch **list;
        void *owner;
        unsigned processes; /* groups that have some */
        bool pending, watched;
} Look;

static int freeze(const char *path, void *userdata) {
        return cgroup_freeze(path, true);
}

static int thaw(const char *path, void *userdata) {
        return cgroup_freeze(path, false);
}

int freezer_set(Freezer *f, const char *unit, bool frozen) {
        return groups_each_unit(
                        f->groups, groups_since(f->groups, now_boottime()), unit, frozen ? freeze : thaw, NULL);
}

/* The group is watched before it is read, so that no change is missed. */
static int look(const char *path, void *userdata) {
        Look *l = userdata;
        bool watched = watch(l->freezer, l->list, l->owner, path);
        int frozen = cgroup_is_frozen(path), empty = cgroup_is_empty(path);

        if (frozen < 0 || empty < 0)
                return frozen < 0 ? frozen : empty;
        l->watched = l->watched && watched;
        l->processes += !empty;
        l->pending = l->pending || !frozen;
        return 0;
}

Frost freezer_look(Freezer *f, FrostWatch **list, void *owner, const char *unit, bool needed) {
        Look l = { .freezer = f, .list = list, .owner = owner, .watched = true };
        usec_t now = now_boottime(), since = needed ? usec_sub(now, READING_AGE) : groups_since(f->groups, now);
        int r = groups_each_unit(f->groups, since, unit, look, &l);

        if (r < 0 || (l.processes == 0 && needed))
                return FROST_FAILED;
        if (l.processes == 0)
                return FROST_FROZEN;
        return l.pending ? FROST_PENDING : l.watched ? FROST_WATCHED : FROST_FROZEN;
}

/* ---- life ---- */

int freezer_new(sd_event *event, Groups *groups, void (*told)(void *owner, void *userdata), void *userdata,
                Freezer **ret) {
        Freezer *f = calloc(1, sizeof(Freezer));
        int r = 0;

        if (!f)
                return -ENOMEM;
        f->groups = groups;
        f->told = told;
        f->userdata = userdata;
        f->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        if (f->fd >= 0)
                r = sd_event_add_io(event, &f->source, f->fd, EPOLLIN, on_change, f);
        if (r >= 0 && f->source)
                r = sd_event_source_set_priority(f->source, SD_EVENT_PRIORITY_IMPORTANT);
        if (r < 0) {
                freezer_free(f);
                return r;
        }
        *ret = f;
        return 0;
}

Freezer *freezer_free(Freezer *f) {
        if (!f)
                return NULL;
        must(!f->watches);
        sd_event_source_disable_unref(f->source);
        if (f->fd >= 0)
                (void) close(f->fd);
        free(f);
        return NULL;
}
