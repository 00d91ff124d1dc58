/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/words.h"

#include <errno.h>
#include <stdio.h>
#include <utlist.h>

#include "daemon/askers.h"
#include "daemon/bus-util.h"
#include "daemon/callers.h"
#include "daemon/machine-name.h"
#include "daemon/pid1-port.h"
#include "daemon/unit-journal.h"
#include "util/journal.h"
#include "util/log.h"
#include "util/message-ids.h"
#include "util/must.h"

struct PendingWord {
        PendingWord *prev, *next;
        uint64_t id;
        Daemon *daemon;
        Event event;
        char unit[NAME_SIZE], machine_id[MACHINE_SIZE], by[BY_SIZE];
        char object[NAME_SIZE]; /* for the log: the unit, or the machine's name */
        sd_bus_message *message;
        words_reply_t reply; /* of a call; NULL: it is a word */
        bool told;           /* the core has heard of it */
        bool withdrawn;      /* the caller has taken it back */
        CallerWait *caller;
        RunUnit *run; /* of EVENT_RUN, until the core hears of it */
};

static void pending_free(Daemon *d, PendingWord *p) {
        DL_DELETE(d->callers.words, p);
        callers_unfollow(p->caller);
        sd_bus_message_unref(p->message);
        run_unit_free(p->run);
        free(p);
}

static void give_to_core(PendingWord *p) {
        sd_bus_error error = SD_BUS_ERROR_NULL;
        int r = 0;

        p->told = true;
        if (p->run)
                r = pid1_port_add_run(p->daemon, p->unit, TAKE_PTR(p->run), &p->event.config);
        if (r >= 0) {
                loop_event(p->daemon->loop, &p->event);
                return;
        }
        bus_reply_failed(p->message, r, &error);
        pending_free(p->daemon, p);
}

/* ---- whoever asked ---- */

/* Tells the core that nobody waits any more for the word or call of that id: if it has not begun, it never will. */
static void tell_withdrawn(Daemon *d, uint64_t id) {
        if (sd_event_get_state(d->event) != SD_EVENT_FINISHED) /* in a daemon that ends nothing is begun any more */
                loop_event(d->loop, &(Event){ .kind = EVENT_WITHDRAW, .id = id });
}

/* The caller waits on for the answer, which says whether it has begun. */
static void take_back(Daemon *d, PendingWord *p) {
        Action action = { .kind = ACTION_WORD_DONE, .id = p->id, .word = WORD_WITHDRAWN };

        p->withdrawn = true;
        if (p->told)
                tell_withdrawn(d, p->id);
        else
                words_done(d, &action);
}

/* The caller has left the bus. The core may not have heard of the word yet; then it does not answer, and words_done()
 * is called here to drop the word. */
static void on_left(void *userdata) {
        PendingWord *p = userdata;
        Action action = { .kind = ACTION_WORD_DONE, .id = p->id, .word = WORD_WITHDRAWN };
        bool is_word = !p->reply;
        Daemon *d = p->daemon;

        tell_withdrawn(d, action.id);
        if (is_word)
                words_done(d, &action);
}

/* The core hears of a word only now, when the caller is known to be there: he may have left while somebody typed a
 * password. */
static void on_there(void *userdata) {
        PendingWord *p = userdata;

        if (!p->reply)
                give_to_core(p);
}

static int follow_caller(PendingWord *p) {
        static const CallerCallbacks callbacks = { .there = on_there, .left = on_left };

        return callers_follow(p->daemon, sd_bus_message_get_sender(p->message), &callbacks, p, &p->caller);
}

/* ---- asking ---- */

static int begin(Daemon *d, sd_bus_message *m, const Event *word, words_reply_t f, RunUnit *run) {
        PendingWord *p = calloc(1, sizeof(PendingWord));
        int r;

        if (!p) {
                run_unit_free(run);
                return -ENOMEM;
        }
        p->run = run;
        p->daemon = d;
        p->event = *word;
        p->event.id = p->id = ++d->callers.last_call;
        must(strlen(strempty(word->unit)) < sizeof(p->unit));
        must(strlen(strempty(word->machine_id)) < sizeof(p->machine_id));
        str_copy(p->unit, sizeof(p->unit), strempty(word->unit));
        str_copy(p->machine_id, sizeof(p->machine_id), strempty(word->machine_id));
        p->event.unit = word->unit ? p->unit : NULL;
        p->event.machine_id = word->machine_id ? p->machine_id : NULL;
        if (!f && word->kind != EVENT_RUN) {
                askers_format(d->callers.askers, d->callers.uid, d->callers.pid, p->by, sizeof(p->by));
                p->event.by = p->by;
        }
        p->message = sd_bus_message_ref(m);
        p->reply = f;
        if (word->unit)
                str_copy(p->object, sizeof(p->object), word->unit);
        else if (word->machine_id)
                (void) machine_name(d->core, word->machine_id, p->object, sizeof(p->object));
        DL_APPEND(d->callers.words, p);
        r = follow_caller(p);
        if (r < 0) {
                pending_free(d, p);
                return r;
        }
        if (f)
                give_to_core(p);
        return 1;
}

int words_begin(Daemon *d, sd_bus_message *m, const Event *word) {
        return begin(d, m, word, NULL, NULL);
}

int words_begin_call(Daemon *d, sd_bus_message *m, const Call *call, words_reply_t reply) {
        return begin(d, m, &(Event){ .kind = EVENT_CALL, .call = *call }, reply, NULL);
}

int words_begin_run(Daemon *d, sd_bus_message *m, const char *unit, RunUnit *run, bool wait) {
        return begin(d, m, &(Event){ .kind = EVENT_RUN, .unit = unit, .on = wait }, NULL, run);
}

/* ---- answering ---- */

static int reply_begun(const PendingWord *p, const Action *a) {
        if (p->event.kind == EVENT_STEAL)
                return sd_bus_reply_method_return(p->message, "t", a->span);
        if (p->event.kind == EVENT_RUN)
                return sd_bus_reply_method_return(p->message, "st", p->unit, a->index);
        return sd_bus_reply_method_return(p->message, NULL);
}

/* Says what was asked for: "cannot be released". */
static const char *asked_for(const PendingWord *p) {
        static const char *const requests[_REQUEST_VERB_MAX] = {
                [REQUEST_RELEASE] = "released",
                [REQUEST_TRANSFER] = "handed over",
                [REQUEST_REARM] = "rearmed",
                [REQUEST_STOP] = "stopped",
                [REQUEST_START] = "started",
                [REQUEST_RESTART] = "restarted",
        };

        switch (p->event.kind) {
        case EVENT_REQUEST:
                must(p->event.verb < _REQUEST_VERB_MAX);
                return requests[p->event.verb];
        case EVENT_RELEASE:
                return requests[REQUEST_RELEASE];
        case EVENT_TRANSFER:
                return requests[REQUEST_TRANSFER];
        case EVENT_REARM:
                return requests[REQUEST_REARM];
        case EVENT_STOP:
                return requests[REQUEST_STOP];
        case EVENT_START:
                return requests[REQUEST_START];
        case EVENT_RESTART:
                return requests[REQUEST_RESTART];
        case EVENT_PAUSE:
                return p->event.on ? "paused" : "resumed";
        case EVENT_DRAIN:
                return p->event.on ? "drained" : "undrained";
        default:
                return "done";
        }
}

/* Refuses what was asked for. The text begins in the middle of a sentence, behind the name of what it is about. */
static int refuse(const PendingWord *p, Reason why, sd_bus_error *error) {
        if (p->event.kind == EVENT_STEAL || p->event.kind == EVENT_RUN)
                return bus_error(error, BUS_ERROR("Unfit"), "cannot run here: %s", WHY_TEXT(why));
        return bus_error(error, BUS_ERROR("Unfit"), "cannot be %s: %s", asked_for(p), WHY_TEXT(why));
}

/* The reasons from WHY_REQUEST_NOT_HELD on are about the request, and not about the machine to which the unit should
 * go. */
static int refuse_request(Daemon *d, const PendingWord *p, Reason why, sd_bus_error *error) {
        char target[128];

        if (why.why == WHY_NOT_ENABLED && !why.there)
                return bus_error(error, BUS_ERROR("NoSuchUnit"), "%s is not enabled on any machine.", p->unit);
        if (p->event.verb == REQUEST_TRANSFER && why.why < WHY_REQUEST_NOT_HELD && why.why != WHY_PAUSED)
                return bus_error(error, BUS_ERROR("Unfit"), "cannot go to %s: %s",
                                machine_host(d->core, p->machine_id, target, sizeof(target)), WHY_TEXT(why));
        return refuse(p, why, error);
}

/* Whoever asked for a pause does not wait any more, and the pause is in force. */
static bool is_paused_all_the_same(const Daemon *d, const PendingWord *p) {
        SessionView session;

        core_session_view(d->core, loop_now(), &session);
        return p->event.kind == EVENT_PAUSE && p->event.on && session.paused && !session.pause_ends;
}

static int reply(Daemon *d, const PendingWord *p, const Action *a, sd_bus_error *error) {
        if (p->reply)
                return p->reply(d, p->message, p->event.call.kind, a, error);
        switch (a->word) {
        case WORD_BEGUN:
                return reply_begun(p, a);
        case WORD_UNABLE:
                if (p->event.kind == EVENT_CONFIRM)
                        return bus_error(error, BUS_ERROR("MachineAlive"),
                                        "%s is not off: its last sign of life came less than two rounds ago.",
                                        p->object);
                if (p->event.kind == EVENT_REQUEST && a->reason.why != WHY_NONE)
                        return refuse_request(d, p, a->reason, error);
                return refuse(p, a->reason.why != WHY_NONE ? a->reason : reason(WHY_HERE_ALREADY), error);
        case WORD_TAKEN:
                return sd_bus_error_set(error, BUS_ERROR("LeaseHeld"), "Somebody holds the lease.");
        case WORD_UNIT_LEASE:
                return bus_error(error, BUS_ERROR("UnitLease"), "%s is the lease of a unit.", p->event.config.lease);
        case WORD_NOT_HELD:
                return bus_error(error, BUS_ERROR("NotHolder"),
                                p->event.kind == EVENT_REQUEST ? "Nobody holds the lease of %s now."
                                                               : "The lease of %s is not held here any more.",
                                p->object);
        case WORD_NOT_DONE:
                return bus_error(error, BUS_ERROR("NotDone"), "%s is not done: there is nothing to rearm.", p->object);
        case WORD_FORESTALLED:
                return bus_error(error, BUS_ERROR("LeaseLost"), "Another machine has taken the lease of %s meanwhile.",
                                p->object);
        case WORD_WITHDRAWN:
                return sd_bus_error_set(error, BUS_ERROR("Withdrawn"), "It was taken back, and nothing has begun.");
        case WORD_LATE:
                if (p->event.kind == EVENT_REQUEST)
                        return sd_bus_error_set(error, BUS_ERROR("OutcomeUnknown"),
                                        "What has become of it is not known, and it is not tried again: look before "
                                        "you do.");
                if (is_paused_all_the_same(d, p))
                        return sd_bus_error_set(error, BUS_ERROR("OutcomeUnknown"),
                                        "The cluster is paused, but not every machine has read of it: leasectl resume "
                                        "ends it.");
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

/* Writes that an order was not carried out, and why: into the journal of the unit that the order was about. A drain is
 * about a machine, so it is written into the journal of leased only. */
static void tell_not_done(const Daemon *d, const PendingWord *p, const Action *a) {
        const char *reason = p->withdrawn                ? "it was taken back"
                             : a->word == WORD_WITHDRAWN ? "whoever asked is gone"
                             : a->reason.why != WHY_NONE ? WHY_TEXT(a->reason)
                                                         : "it cannot be any more";
        char text[WHY_TEXT_SIZE + 64];

        (void) snprintf(text, sizeof(text), "what was asked for is not done: %s", reason);
        if (p->event.unit)
                unit_journal_write(d, LOG_NOTICE,
                                (JournalEvent){ .id = MESSAGE_NOT_DONE,
                                                .unit = p->unit,
                                                .reason = reason,
                                                .code = a->reason.why },
                                text);
        else
                log_notice("%s: %s", isempty(p->object) ? "the cluster" : p->object, text);
}

void words_done(Daemon *d, const Action *a) {
        sd_bus_error error = SD_BUS_ERROR_NULL;
        PendingWord *p;

        DL_SEARCH_SCALAR(d->callers.words, p, id, a->id);
        if (!p)
                return; /* it was dropped when the connection was lost */
        if (a->kind == ACTION_WORD_DONE && a->word != WORD_BEGUN && p->event.kind != EVENT_RUN &&
                        !(p->event.kind == EVENT_REQUEST && a->word == WORD_LATE)) {
                if (a->word == WORD_LATE && is_paused_all_the_same(d, p))
                        log_notice("nobody waits any more until each machine has read of the pause; it is in force");
                else
                        tell_not_done(d, p, a);
        }
        bus_reply_failed(p->message, reply(d, p, a, &error), &error);
        pending_free(d, p);
}

static PendingWord *find_of(const Daemon *d, const char *sender) {
        PendingWord *p;

        DL_FOREACH(d->callers.words, p)
                if (!p->reply && !p->withdrawn && streq(strempty(sd_bus_message_get_sender(p->message)), sender))
                        return p;
        return NULL;
}

void words_withdraw(Daemon *d, const char *sender) {
        PendingWord *p;

        while ((p = find_of(d, sender)))
                take_back(d, p);
}

void words_cancel(Daemon *d) {
        while (d->callers.words) {
                uint64_t id = d->callers.words->id;

                pending_free(d, d->callers.words);
                tell_withdrawn(d, id);
        }
}
