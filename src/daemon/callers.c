/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/callers.h"

#include <errno.h>
#include <utlist.h>

#include "daemon/bus-link.h"
#include "daemon/bus-util.h"
#include "util/hash.h"
#include "util/must.h"

struct CallerWait {
        CallerWait *prev, *next;
        FollowedCaller *caller; /* NULL: the caller has left */
        CallerWait **list;      /* .asking or .told of the caller, whichever has this wait; NULL: none has */
        const CallerCallbacks *callbacks;
        void *userdata;
};

struct FollowedCaller {
        UT_hash_handle hh;
        Daemon *daemon;
        sd_bus_slot *match, *question; /* the match that tells when the caller leaves, and the question whether it is
                                          on the bus at all */
        bool there, left, busy;
        CallerWait *asking, *told; /* waits whose there() was not called yet, and those whose there() was */
        char name[];
};

enum { IDLE_MAX = 16 }; /* callers without a wait that are followed all the same: they may well call again */

static bool is_idle(const FollowedCaller *c) {
        return !c->asking && !c->told && !c->busy;
}

static void caller_free(FollowedCaller *c) {
        HASH_DEL(c->daemon->callers.followed, c);
        sd_bus_slot_unref(c->match);
        sd_bus_slot_unref(c->question);
        free(c);
}

/* Drops the caller that has been idle for longest if there are too many. */
static void free_oldest_idle(Daemon *d) {
        FollowedCaller *oldest = NULL;
        size_t n = 0;

        for (FollowedCaller *c = d->callers.followed; c; c = c->hh.next)
                if (is_idle(c)) {
                        oldest = oldest ?: c;
                        n++;
                }
        if (n > IDLE_MAX)
                caller_free(oldest);
}

/* A caller is still followed when its last wait has ended, until it leaves. So the bus need not be asked anew for each
 * call of a program that makes many. */
static void caller_end_wait(FollowedCaller *c) {
        Daemon *d = c->daemon;

        if (!is_idle(c))
                return;
        if (c->left) {
                caller_free(c);
                return;
        }
        HASH_DEL(d->callers.followed, c);
        HASH_ADD_STR(d->callers.followed, name, c); /* the table is in the order in which callers became idle */
        free_oldest_idle(d);
}

static void put(CallerWait *w, CallerWait **list) {
        if (w->list)
                DL_DELETE(*w->list, w);
        w->list = list;
        if (list)
                DL_APPEND(*list, w);
}

/* Each callback may end any of the waits, so the lists are read anew each time. */
static void tell_left(FollowedCaller *c) {
        c->there = false;
        c->left = c->busy = true;
        while (c->asking || c->told) {
                CallerWait *w = c->asking ?: c->told;

                put(w, NULL);
                w->caller = NULL;
                w->callbacks->left(w->userdata);
        }
        c->busy = false;
        caller_end_wait(c);
}

static void tell_there(FollowedCaller *c) {
        c->there = c->busy = true;
        while (c->asking) {
                CallerWait *w = c->asking;

                put(w, &c->told);
                if (w->callbacks->there)
                        w->callbacks->there(w->userdata);
        }
        c->busy = false;
        caller_end_wait(c);
}

static int on_left(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        if (bus_name_is_gone(m))
                tell_left(userdata);
        return 0;
}

/* The bus was asked after the match was installed: a caller that left in between is not there. */
static int on_answer(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        FollowedCaller *c = userdata;
        int there = 0;

        if (sd_bus_message_is_method_error(m, NULL) || sd_bus_message_read(m, "b", &there) < 0 || !there)
                tell_left(c);
        else
                tell_there(c);
        return 0;
}

/* sd_bus_track is not used: it asks the bus synchronously. */
static int ask(FollowedCaller *c) {
        sd_bus *bus = bus_link_get(c->daemon->links.api);
        int r = bus_follow_name(bus, &c->match, c->name, on_left, NULL, c);

        return r < 0 ? r
                     : sd_bus_call_method_async(bus, &c->question, DBUS_NAME, DBUS_PATH, DBUS_NAME, "NameHasOwner",
                                       on_answer, c, "s", c->name);
}

static int find(Daemon *d, const char *sender, FollowedCaller **ret) {
        size_t size = strlen(sender) + 1;
        FollowedCaller *c;

        HASH_FIND_STR(d->callers.followed, sender, c);
        if (!c) {
                int r;

                c = calloc(1, sizeof(FollowedCaller) + size);
                if (!c)
                        return -ENOMEM;
                c->daemon = d;
                memcpy(c->name, sender, size);
                HASH_ADD_STR(d->callers.followed, name, c);
                r = ask(c);
                if (r < 0) {
                        caller_free(c);
                        return r;
                }
        }
        *ret = c;
        return 0;
}

int callers_follow(Daemon *d, const char *sender, const CallerCallbacks *callbacks, void *userdata, CallerWait **ret) {
        CallerWait *w = calloc(1, sizeof(CallerWait));
        FollowedCaller *c;
        int r = w ? find(d, strempty(sender), &c) : -ENOMEM;

        if (r < 0) {
                free(w);
                return r;
        }
        *w = (CallerWait){ .caller = c, .callbacks = callbacks, .userdata = userdata };
        *ret = w;
        put(w, &c->asking);
        if (c->there && !c->busy)
                tell_there(c);
        return 0;
}

CallerWait *callers_unfollow(CallerWait *w) {
        FollowedCaller *c;

        if (!w)
                return NULL;
        c = w->caller;
        put(w, NULL);
        free(w);
        if (c)
                caller_end_wait(c);
        return NULL;
}

void callers_forget(Daemon *d) {
        FollowedCaller *c, *next;

        HASH_ITER(hh, d->callers.followed, c, next) {
                must(is_idle(c));
                caller_free(c);
        }
}
