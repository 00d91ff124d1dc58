/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/bulk.h"

#include <errno.h>
#include <sys/socket.h>
#include <utlist.h>

#include "daemon/bus-util.h"
#include "daemon/callers.h"
#include "daemon/slices.h"
#include "util/log.h"
#include "util/must.h"

enum {
        ROWS_AT_ONCE = 64,  /* at most, in one turn of the loop */
        AT_WORK_MAX = 64,   /* answers that are being put together; each has up to ANSWER_SIZE_MAX bytes */
        ANSWERS_MAX = 4096, /* ... or wait for that: of four users with all connections that a bus lets them have */
        ANSWERS_OF_ONE_MAX = 4, /* ... for one caller */
        SEND_ROOM = 256 * 1024, /* bytes that the kernel takes of an answer at once; it doubles this */
        ANSWER_SIZE_MAX =
                        28 * 1024 * 1024, /* bytes: dbus-daemon closes the connection of who sends more than 32 MiB */
};

#define SLICE_TIME (5 * USEC_PER_MSEC) /* a turn that has taken so long ends before it has all of these rows */

/* The names of all objects that an answer is about: the units', then the leases', each ended by a NUL. */
typedef struct Names {
        char *text;
        size_t size, room, n_units, n;
} Names;

typedef struct BulkAnswer {
        struct BulkAnswer *prev, *next;
        Daemon *daemon;
        const BulkKind *kind;
        sd_bus_message *message, *reply;
        CallerWait *caller;
        unsigned before; /* how many answers of the same caller there were when this one was asked for */
        bool queued;     /* it waits in .queue for its turn to be put together */
        bool awaits;     /* it is put together once its caller is known to be on the bus still */
        Names names;
        size_t at, row; /* where the next name is in .names: .at in the text, .row by number */
        size_t size;    /* bytes that are in reply, roughly and at most */
        FILE *f;        /* writes to text */
        char *text;
        size_t text_size;
} BulkAnswer;

struct Bulk {
        Slices *slices;
        void (*tell_some)(void *userdata);
        BulkAnswer *answers; /* that are being put together */
        BulkAnswer *queue;   /* the others: everybody's first, then everybody's second, ... */
        unsigned n_answers, n_queued;
        BulkAnswer *holding; /* the one of .answers that holds the news; NULL: none does */
        bool news_owed;      /* no other answer may hold the news before listeners have been told of all changes */
};

static void leave_list(Bulk *b, BulkAnswer *a) {
        must((a->queued ? b->n_queued : b->n_answers) > 0);
        if (a->queued) {
                DL_DELETE(b->queue, a);
                b->n_queued--;
        } else {
                DL_DELETE(b->answers, a);
                b->n_answers--;
        }
}

static void answer_free(BulkAnswer *a) {
        Bulk *b = a->daemon->bulk;

        leave_list(b, a);
        if (b->holding == a) {
                b->holding = NULL;
                b->news_owed = true;
                changed_note(a->daemon->changed);
        }
        callers_unfollow(a->caller);
        sd_bus_message_unref(a->message);
        sd_bus_message_unref(a->reply);
        if (a->f)
                (void) fclose(a->f);
        free(a->text);
        free(a->names.text);
        free(a);
}

/* ---- names ---- */

static void names_add(const char *name, void *userdata) {
        size_t size = strlen(name) + 1;
        Names *n = userdata;

        if (n->room - n->size < size) {
                n->room = MAX((size_t) 4096, 2 * n->room);
                n->text = realloc(n->text, n->room);
                if (!n->text)
                        abort(); /* as in the core */
        }
        memcpy(n->text + n->size, name, size);
        n->size += size;
        n->n++;
}

static void names_take(Daemon *d, const BulkKind *kind, Names *n) {
        if (kind->units)
                core_each_unit_name(d->core, names_add, n);
        n->n_units = n->n;
        if (kind->leases)
                core_each_lease_name(d->core, names_add, n);
        if (kind->offers)
                core_each_offer_name(d->core, names_add, n);
}

/* ---- one answer ---- */

static int append_one(BulkAnswer *a, const char *name, bool is_lease) {
        int r;

        if (a->f) {
                a->kind->print(name, is_lease, a->f);
                return 0;
        }
        r = a->kind->append_chosen ? a->kind->append_chosen(a->daemon, name, a->message, a->reply)
                                   : a->kind->append(a->daemon, name, is_lease, a->reply);
        if (r < 0)
                return r;
        a->size += (size_t) r;
        return a->size > ANSWER_SIZE_MAX ? -E2BIG : 0;
}

static int append_some(BulkAnswer *a) {
        usec_t begun = now_boottime();
        int r = 0;

        for (size_t i = 0; i < ROWS_AT_ONCE && a->row < a->names.n && r >= 0; i++) {
                const char *name = a->names.text + a->at;

                r = append_one(a, name, a->row >= a->names.n_units);
                a->at += strlen(name) + 1;
                a->row++;
                if (usec_sub(now_boottime(), begun) > SLICE_TIME)
                        break;
        }
        return r;
}

static int begin(BulkAnswer *a) {
        int r = sd_bus_message_new_method_return(a->message, &a->reply);

        names_take(a->daemon, a->kind, &a->names);
        if (a->kind->hold_news)
                a->daemon->bulk->holding = a;
        if (r >= 0 && a->kind->append_head)
                r = a->kind->append_head(a->daemon, a->message, a->reply);
        if (r < 0 || a->kind->type)
                return r < 0 ? r : sd_bus_message_open_container(a->reply, 'a', a->kind->type);
        a->f = open_memstream(&a->text, &a->text_size);
        return a->f && fputs(a->kind->head, a->f) >= 0 ? 0 : -ENOMEM;
}

/* sd-bus has the kernel make room for 8 MiB of messages, and to copy so much took 50 ms on a slow machine. With less
 * room the rest of a long answer goes out in later turns. */
static void send_in_pieces(sd_bus *bus) {
        int fd = sd_bus_get_fd(bus), room = SEND_ROOM;

        if (fd >= 0)
                (void) setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
}

static int end(BulkAnswer *a) {
        int r;

        if (a->kind->type)
                r = sd_bus_message_close_container(a->reply);
        else {
                r = fputs(a->kind->tail, a->f) >= 0 && fclose(TAKE_PTR(a->f)) == 0 ? 0 : -ENOMEM;
                if (r >= 0)
                        r = sd_bus_message_append(a->reply, "s", a->text);
        }
        if (r < 0)
                return r;
        send_in_pieces(sd_bus_message_get_bus(a->message));
        return sd_bus_send(NULL, a->reply, NULL);
}

/* One slice. false: the answer is out, or cannot be given. */
static bool advance(BulkAnswer *a) {
        sd_bus_error error = SD_BUS_ERROR_NULL;
        int r = a->reply ? 0 : begin(a);

        if (r >= 0)
                r = append_some(a);
        if (r >= 0 && a->row < a->names.n)
                return true;
        if (r >= 0)
                r = end(a);
        if (r == -E2BIG)
                r = sd_bus_error_set(&error, SD_BUS_ERROR_LIMITS_EXCEEDED,
                                "That is more than one answer can be: ask for ListUnitStates, or for single objects.");
        bus_reply_failed(a->message, r, &error);
        return false;
}

/* ---- all of them ---- */

static bool may_go(const Bulk *b, const BulkAnswer *a) {
        return !a->kind->hold_news || b->holding == a || (!b->holding && !b->news_owed);
}

static void set_to_work(Bulk *b, BulkAnswer *a) {
        a->queued = false;
        DL_APPEND(b->answers, a);
        b->n_answers++;
}

/* Whoever has asked for many lists waits for the second until everybody has the first: else one user with many
 * connections would keep all others from theirs. */
static void enqueue(Bulk *b, BulkAnswer *a) {
        BulkAnswer *at = b->queue ? b->queue->prev : NULL; /* the last */

        while (at && at->before > a->before)
                at = at == b->queue ? NULL : at->prev;
        a->queued = true;
        DL_APPEND_ELEM(b->queue, at, a);
        b->n_queued++;
}

static void on_there(void *userdata) {
        BulkAnswer *a = userdata;

        a->awaits = false;
        slices_begin(a->daemon->bulk->slices);
}

static void on_left(void *userdata) {
        BulkAnswer *a = userdata;
        Bulk *b = a->daemon->bulk;

        answer_free(a);
        slices_begin(b->slices); /* there is room for the next */
}

static int follow(BulkAnswer *a) {
        static const CallerCallbacks callbacks = { .there = on_there, .left = on_left };

        return callers_follow(a->daemon, sd_bus_message_get_sender(a->message), &callbacks, a, &a->caller);
}

/* Callers are not followed while they are queued, for a bus lets nobody follow that many. So some are gone when it is
 * their turn: nothing is put together for these. */
static void fill_up(Bulk *b) {
        while (b->queue && b->n_answers < AT_WORK_MAX) {
                sd_bus_error error = SD_BUS_ERROR_NULL;
                BulkAnswer *a = b->queue;
                int r;

                leave_list(b, a);
                a->awaits = true;
                set_to_work(b, a);
                r = follow(a);
                if (r >= 0)
                        continue;
                bus_reply_failed(a->message, r, &error);
                answer_free(a);
        }
}

/* One after another, so that a long answer keeps no short one waiting. */
static bool do_slice(void *userdata) {
        Daemon *d = userdata;
        Bulk *b = d->bulk;
        bool news = false;
        BulkAnswer *a;

        fill_up(b);
        DL_FOREACH(b->answers, a) {
                if (!a->awaits && may_go(b, a))
                        break;
                news = news || !a->awaits;
        }
        if (!a && news)
                b->tell_some(d); /* a busy loop may not call publish_flush() by itself for a long time */
        if (!a)
                return news; /* of the others the bus tells */
        if (advance(a)) {
                leave_list(b, a);
                set_to_work(b, a);
        } else
                answer_free(a);
        return b->answers || b->queue;
}

static unsigned count_of(const BulkAnswer *list, const char *sender) {
        const BulkAnswer *a;
        unsigned n = 0;

        DL_FOREACH(list, a)
                n += streq(strempty(sd_bus_message_get_sender(a->message)), sender);
        return n;
}

static int check_room(const Bulk *b, sd_bus_message *m, unsigned *ret_before, sd_bus_error *error) {
        const char *sender = strempty(sd_bus_message_get_sender(m));

        *ret_before = count_of(b->answers, sender) + count_of(b->queue, sender);
        return b->n_answers + b->n_queued < ANSWERS_MAX && *ret_before < ANSWERS_OF_ONE_MAX
                               ? 0
                               : sd_bus_error_set(error, SD_BUS_ERROR_LIMITS_EXCEEDED,
                                                 "Too many lists are being put together.");
}

int bulk_answer(Daemon *d, sd_bus_message *m, const BulkKind *kind, sd_bus_error *error) {
        Bulk *b = d->bulk;
        BulkAnswer *a;
        unsigned before;
        int r = check_room(b, m, &before, error);

        if (r < 0)
                return r;
        a = calloc(1, sizeof(BulkAnswer));
        if (!a)
                return -ENOMEM;
        *a = (BulkAnswer){ .daemon = d, .kind = kind, .before = before, .message = sd_bus_message_ref(m) };
        if (b->queue || b->n_answers == AT_WORK_MAX) {
                enqueue(b, a);
                return 1;
        }
        set_to_work(b, a);
        if (may_go(b, a) && !advance(a)) { /* a short one is out at once */
                answer_free(a);
                return 1;
        }
        r = follow(a);
        if (r < 0) {
                answer_free(a);
                return r;
        }
        slices_begin(b->slices);
        return 1;
}

void bulk_cancel(Daemon *d) {
        while (d->bulk && (d->bulk->answers || d->bulk->queue))
                answer_free(d->bulk->answers ?: d->bulk->queue);
}

bool bulk_holds_news(const Daemon *d) {
        return d->bulk->holding;
}

void bulk_news_told(Daemon *d) {
        d->bulk->news_owed = false;
}

int bulk_new(Daemon *d, void (*tell_some)(void *userdata)) {
        d->bulk = calloc(1, sizeof(Bulk));
        if (!d->bulk)
                return -ENOMEM;
        d->bulk->tell_some = tell_some;
        return slices_new(d->event, do_slice, d, &d->bulk->slices);
}

void bulk_free(Daemon *d) {
        if (!d->bulk)
                return;
        bulk_cancel(d);
        slices_free(d->bulk->slices);
        free(d->bulk);
        d->bulk = NULL;
}
