/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/words.h"

#include <errno.h>
#include <stdio.h>
#include <utlist.h>

#include "daemon/bus-link.h"
#include "daemon/bus-util.h"
#include "daemon/machine-name.h"
#include "util/log.h"

/* ---- is he still there? ---- */

/* Not by sd_bus_track, which asks the bus synchronously. */
struct Asker {
        Daemon *daemon;
        uint64_t id;
        void (*there)(void *userdata);
        void *userdata;
        sd_bus_slot *match, *question;
};

/* Of a word that the core has not heard of there is nothing to withdraw: words_done() drops it. */
static void withdraw(const Asker *a) {
        Daemon *d = a->daemon;
        Action action = { .kind = ACTION_WORD_DONE, .id = a->id, .word = WORD_WITHDRAWN };
        bool is_word = a->there;

        words_withdraw(d, action.id);
        if (is_word)
                words_done(d, &action);
}

static int on_left(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const char *name, *before, *after;

        /* The match is for one name; that there is no owner any more must be said by the bus. */
        if (sd_bus_message_read(m, "sss", &name, &before, &after) >= 0 && isempty(after))
                withdraw(userdata);
        return 0;
}

/* Asked after the match was: who left in between is not there. */
static int on_told(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Asker *a = userdata;
        int there = 0;

        if (sd_bus_message_is_method_error(m, NULL) || sd_bus_message_read(m, "b", &there) < 0 || !there)
                withdraw(a);
        else if (a->there)
                a->there(a->userdata);
        return 0;
}

Asker *asker_new(Daemon *d, sd_bus_message *m, uint64_t id, void (*there)(void *userdata), void *userdata) {
        const char *sender = sd_bus_message_get_sender(m);
        Asker *a = calloc(1, sizeof(Asker));
        char match[512];
        int r;

        if (!a)
                return NULL;
        a->daemon = d;
        a->id = id;
        a->there = there;
        a->userdata = userdata;
        (void) snprintf(match, sizeof(match),
                        "type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus',"
                        "interface='org.freedesktop.DBus',member='NameOwnerChanged',arg0='%s'",
                        strempty(sender));
        r = sd_bus_add_match_async(bus_link_get(d->links.api), &a->match, match, on_left, NULL, a);
        if (r >= 0)
                r = sd_bus_call_method_async(bus_link_get(d->links.api), &a->question, "org.freedesktop.DBus",
                                "/org/freedesktop/DBus", "org.freedesktop.DBus", "NameHasOwner", on_told, a, "s",
                                strempty(sender));
        return r < 0 ? asker_free(a) : a;
}

Asker *asker_free(Asker *a) {
        if (!a)
                return NULL;
        sd_bus_slot_unref(a->match);
        sd_bus_slot_unref(a->question);
        free(a);
        return NULL;
}

/* ---- the operator's words ---- */

struct PendingWord {
        PendingWord *prev, *next;
        uint64_t id;
        Daemon *daemon;
        Event event;
        char unit[NAME_SIZE], machine_id[MACHINE_SIZE];
        char object[NAME_SIZE]; /* for the log: the unit, or the machine's name */
        sd_bus_message *message;
        words_reply_t reply;
        Asker *asker;
};

static void pending_free(Daemon *d, PendingWord *p) {
        DL_DELETE(d->callers.words, p);
        asker_free(p->asker);
        sd_bus_message_unref(p->message);
        free(p);
}

static void give_to_core(void *userdata) {
        PendingWord *p = userdata;

        loop_event(p->daemon->loop, &p->event);
}

static int begin(Daemon *d, sd_bus_message *m, const Event *word, words_reply_t f) {
        PendingWord *p = calloc(1, sizeof(PendingWord));

        if (!p)
                return -ENOMEM;
        p->daemon = d;
        p->event = *word;
        p->event.id = p->id = ++d->callers.last_call;
        str_copy(p->unit, sizeof(p->unit), strempty(word->unit));
        str_copy(p->machine_id, sizeof(p->machine_id), strempty(word->machine_id));
        p->event.unit = word->unit ? p->unit : NULL;
        p->event.machine_id = word->machine_id ? p->machine_id : NULL;
        p->message = sd_bus_message_ref(m);
        p->reply = f;
        if (word->unit)
                str_copy(p->object, sizeof(p->object), word->unit);
        else if (word->machine_id)
                (void) machine_name(d->core, word->machine_id, p->object, sizeof(p->object));
        DL_APPEND(d->callers.words, p);
        p->asker = asker_new(d, m, p->id, f ? NULL : give_to_core, p);
        if (!p->asker) {
                pending_free(d, p);
                return -ENOMEM;
        }
        if (f)
                give_to_core(p);
        return 1;
}

int words_begin(Daemon *d, sd_bus_message *m, const Event *word) {
        return begin(d, m, word, NULL);
}

int words_begin_call(Daemon *d, sd_bus_message *m, const Call *call, words_reply_t reply) {
        return begin(d, m, &(Event){ .kind = EVENT_CALL, .call = *call }, reply);
}

static int reply(Daemon *d, const PendingWord *p, const Action *a, sd_bus_error *error) {
        if (p->reply)
                return p->reply(d, p->message, p->event.call.kind, a, error);
        switch (a->word) {
        case WORD_BEGUN:
                return p->event.kind == EVENT_STEAL ? sd_bus_reply_method_return(p->message, "t", a->span)
                                                    : sd_bus_reply_method_return(p->message, NULL);
        case WORD_UNABLE:
                return bus_error(error, BUS_ERROR("Unfit"),
                                p->event.kind == EVENT_STEAL ? "It cannot run here: %s." : "It cannot be: %s.",
                                WHY_TEXT(a->reason.why != WHY_NONE ? a->reason : reason(WHY_HERE_ALREADY)));
        case WORD_NOT_HELD:
                return bus_error(error, BUS_ERROR("NotHolder"), "The lease of %s is not held here any more.",
                                p->object);
        case WORD_NOT_DONE:
                return bus_error(error, BUS_ERROR("NotDone"), "%s is not done: there is nothing to rearm.", p->object);
        case WORD_FORESTALLED:
                return bus_error(error, BUS_ERROR("LeaseLost"), "Another machine has taken the lease of %s meanwhile.",
                                p->object);
        case WORD_LATE:
                return bus_error(error, BUS_ERROR("OutcomeUnknown"),
                                "The registry did not answer in time. It is not tried again; but look before you do: "
                                "what was "
                                "sent may be done yet.");
        default:
                return bus_error(error, BUS_ERROR("RegistryUnavailable"),
                                "Nothing can be asked of the registry now: %s.",
                                WHY_TEXT(a->reason.why != WHY_NONE ? a->reason : reason(WHY_REGISTRY_SILENT)));
        }
}

void words_done(Daemon *d, const Action *a) {
        sd_bus_error error = SD_BUS_ERROR_NULL;
        PendingWord *p;

        DL_SEARCH_SCALAR(d->callers.words, p, id, a->id);
        if (!p)
                return; /* the connection is lost */
        if (a->kind == ACTION_WORD_DONE && a->word != WORD_BEGUN)
                log_notice("%s: what was asked for is not done: %s", p->object,
                                a->word == WORD_WITHDRAWN   ? "whoever asked is gone"
                                : a->reason.why != WHY_NONE ? WHY_TEXT(a->reason)
                                                            : "it cannot be any more");
        bus_reply_failed(p->message, reply(d, p, a, &error), &error);
        pending_free(d, p);
}

void words_withdraw(Daemon *d, uint64_t id) {
        if (sd_event_get_state(d->event) != SD_EVENT_FINISHED) /* then nothing is begun any more */
                loop_event(d->loop, &(Event){ .kind = EVENT_WITHDRAW, .id = id });
}

void words_cancel(Daemon *d) {
        while (d->callers.words) {
                uint64_t id = d->callers.words->id;

                pending_free(d, d->callers.words);
                words_withdraw(d, id);
        }
}
