/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/unit-files.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <utlist.h>

#include "daemon/bus-util.h"
#include "daemon/unit-journal.h"
#include "util/journal.h"
#include "util/log.h"
#include "util/message-ids.h"
#include "util/text.h"
#include "util/unit-name.h"

#define PREFIX "units/"
/* How long the program may take. It waits up to 20 s for units to move, and for stops that are slow. */
#define ACCEPT_TIME (10 * USEC_PER_MINUTE)
/* How long after a failure of the program it is run again: at first, and at last. */
#define TRY_AGAIN USEC_PER_SEC
#define TRY_AGAIN_MOST (30 * USEC_PER_SEC)
/* How long after a change of a record it is run, so that one run takes what one command has submitted: each has PID 1
 * reload. */
#define GATHER_TIME (200 * USEC_PER_MSEC)

enum {
        OUTCOMES_MAX = 1000, /* units of which it is known what has become of them; of more nothing is shown */
        NAMES_MAX = 10000,   /* in the answer of ListUnitFiles() */
        QUESTIONS_MAX = 64,  /* calls that wait for the registry, each of which may keep a record of 256 KiB ... */
        QUESTIONS_OF_ONE_MAX = 16, /* ... and of one caller */
        KEY_SIZE = sizeof(PREFIX) + UNIT_NAME_LENGTH,
};

/* A call that waits for the registry. */
typedef struct Question {
        struct Question *prev, *next;
        UnitFiles *files;
        sd_bus_message *message;
        RegistryRequest *request;
} Question;

typedef struct FileOutcome {
        struct FileOutcome *prev, *next;
        char *name, *signer, *about;
        int64_t version;
        Why code;
} FileOutcome;

struct UnitFiles {
        Daemon *daemon;
        Question *questions;
        FileOutcome *outcomes;
        size_t n_outcomes;
        sd_event_source *timer; /* runs the program again after it has failed */
        usec_t try_after;       /* how long it waited after the last failure; 0: it ended well */
        bool running, again;    /* the program runs; a record has changed since it began */
        bool reloaded;          /* the configuration was read since it began */
        bool gathers;           /* a record has changed, and others may follow: the timer is set for all of them */
};

/* ---- the program ---- */

static int append_properties(sd_bus_message *m, void *userdata) {
        int r;

        if ((r = sd_bus_message_open_container(m, 'a', "(sv)")) < 0 ||
                        (r = bus_append_description(m, "leasectl accept-files")) < 0 ||
                        (r = sd_bus_message_append(m, "(sv)(sv)(sv)(sv)", "Type", "s", "oneshot", "CollectMode", "s",
                                         "inactive-or-failed", "TimeoutStartUSec", "t", (uint64_t) ACCEPT_TIME,
                                         "NoNewPrivileges", "b", 1)) < 0 ||
                        (r = sd_bus_message_append(m, "(sv)", "ExecStart", "a(sasb)", 1, LEASECTL, 2, LEASECTL,
                                         "accept-files", 0)) < 0)
                return r;
        return sd_bus_message_close_container(m);
}

static void run(UnitFiles *f);

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        run(userdata);
        return 0;
}

static void on_ended(int error, const char *text, void *userdata) {
        UnitFiles *f = userdata;
        bool well = error == 0 && streq(text, "done");

        f->running = false;
        /* The program itself has the daemon reload when it has enabled something: the run that follows has nothing
         * more to do. */
        if (f->again || (well && f->reloaded)) {
                run(f);
                return;
        }
        if (!well && f->try_after == 0)
                log_warning("leasectl accept-files has failed, and is run again until it ends well: %s", text);
        f->try_after = well ? 0 : f->try_after == 0 ? TRY_AGAIN : MIN(2 * f->try_after, TRY_AGAIN_MOST);
        if (well)
                return;
        (void) sd_event_source_set_time(f->timer, usec_add(now_boottime(), f->try_after));
        (void) sd_event_source_set_enabled(f->timer, SD_EVENT_ONESHOT);
}

static void run(UnitFiles *f) {
        char unit[64];
        int r;

        f->gathers = false;
        f->again = f->running;
        if (f->running)
                return;
        f->running = true;
        f->reloaded = false;
        (void) sd_event_source_set_enabled(f->timer, SD_EVENT_OFF);
        (void) snprintf(unit, sizeof(unit), "leased-accept-files-%016" PRIx64 ".service", now_boottime());
        r = pid1_run(f->daemon->pid1, unit, ACCEPT_TIME + PID1_RUN_LATE, append_properties, NULL, on_ended, f);
        if (r < 0)
                on_ended(r, strerror(-r), f);
}

static void on_change(void *userdata) {
        UnitFiles *f = userdata;

        if (f->daemon->conf->accept_units == ACCEPT_NO)
                return;
        if (f->running)
                f->again = true;
        else if (!f->gathers) {
                f->gathers = true;
                (void) sd_event_source_set_time(f->timer, usec_add(now_boottime(), GATHER_TIME));
                (void) sd_event_source_set_enabled(f->timer, SD_EVENT_ONESHOT);
        }
}

void unit_files_look(Daemon *d) {
        if (d->unit_files->running)
                d->unit_files->reloaded = true;
        else
                on_change(d->unit_files);
}

/* ---- what has become of them ---- */

static void outcome_free(UnitFiles *f, FileOutcome *o) {
        DL_DELETE(f->outcomes, o);
        f->n_outcomes--;
        free(o->name);
        free(o->signer);
        free(o->about);
        free(o);
}

static FileOutcome *find_outcome(const UnitFiles *f, const char *name) {
        FileOutcome *o;

        DL_FOREACH(f->outcomes, o)
                if (streq(o->name, name))
                        return o;
        return NULL;
}

static bool is_refusal(Why code) {
        return code != WHY_FILE_IN_FORCE && code != WHY_FILE_DESTROYED && code != WHY_FILE_MOVES &&
               code != WHY_FILE_LEAVES && code != WHY_FILE_ENDS && code != WHY_FILE_STOPS && code != WHY_FILE_DISABLED;
}

static void log_outcome(const Daemon *d, const FileOutcome *o) {
        const char *why = WHY_TEXT(reason_of(o->code, o->about));
        bool refused = is_refusal(o->code);
        char text[WHY_TEXT_SIZE + 80];

        (void) snprintf(text, sizeof(text), "what was submitted as version %" PRIi64 "%s: %s", o->version,
                        refused ? " is not taken" : "", why);
        unit_journal_write(d, refused ? LOG_WARNING : LOG_NOTICE,
                        (JournalEvent){ .id = refused ? MESSAGE_FILE_REFUSED : MESSAGE_FILE_TAKEN,
                                        .unit = o->name,
                                        .reason = why,
                                        .code = o->code },
                        text);
}

int unit_files_set_outcome(Daemon *d, sd_bus_message *m, sd_bus_error *error) {
        UnitFiles *f = d->unit_files;
        const char *name, *signer, *about;
        FileOutcome *o;
        int64_t version;
        uint32_t code;
        int r = sd_bus_message_read(m, "sxsus", &name, &version, &signer, &code, &about);

        if (r < 0)
                return r;
        if (code != WHY_NONE && (code < WHY_FILE_IN_FORCE || code > WHY_FILE_ENDS))
                return bus_error(error, SD_BUS_ERROR_INVALID_ARGS, "%" PRIu32 " says nothing of a submitted unit.",
                                code);
        o = find_outcome(f, name);
        if (o && o->code == (Why) code && o->version == version && streq(o->about, about) && streq(o->signer, signer))
                return sd_bus_reply_method_return(m, NULL);
        if (o)
                outcome_free(f, o);
        if (code == WHY_NONE || f->n_outcomes >= OUTCOMES_MAX)
                return sd_bus_reply_method_return(m, NULL);
        o = calloc(1, sizeof(FileOutcome));
        if (!o)
                return -ENOMEM;
        *o = (FileOutcome){ .name = strdup(name),
                .signer = strdup(signer),
                .about = strdup(about),
                .version = version,
                .code = (Why) code };
        DL_APPEND(f->outcomes, o);
        f->n_outcomes++;
        if (!o->name || !o->signer || !o->about) {
                outcome_free(f, o);
                return -ENOMEM;
        }
        log_outcome(d, o);
        return sd_bus_reply_method_return(m, NULL);
}

int unit_files_append(Daemon *d, sd_bus_message *m) {
        FileOutcome *o;
        int r = sd_bus_message_open_container(m, 'a', "(sxsus)");

        DL_FOREACH(d->unit_files->outcomes, o)
                if (r >= 0)
                        r = sd_bus_message_append(m, "(sxsus)", o->name, o->version, o->signer, (uint32_t) o->code,
                                        WHY_TEXT(reason_of(o->code, o->about)));
        return r < 0 ? r : sd_bus_message_close_container(m);
}

/* ---- records ---- */

static void question_free(Question *q) {
        DL_DELETE(q->files->questions, q);
        if (q->request)
                q->files->daemon->registry->ops->request_free(q->request);
        sd_bus_message_unref(q->message);
        free(q);
}

static int question_new(Daemon *d, sd_bus_message *m, Question **ret, sd_bus_error *error) {
        const char *sender = strempty(sd_bus_message_get_sender(m));
        unsigned all = 0, own = 0;
        Question *q;

        DL_FOREACH(d->unit_files->questions, q) {
                all++;
                own += streq(strempty(sd_bus_message_get_sender(q->message)), sender);
        }
        if (all >= QUESTIONS_MAX || own >= QUESTIONS_OF_ONE_MAX)
                return sd_bus_error_set(error, SD_BUS_ERROR_LIMITS_EXCEEDED, "Too many calls wait for the registry.");
        q = calloc(1, sizeof(Question));
        if (!q)
                return -ENOMEM;
        q->files = d->unit_files;
        q->message = sd_bus_message_ref(m);
        DL_APPEND(q->files->questions, q);
        *ret = q;
        return 0;
}

/* Ends the question: as bus_reply_failed(). */
static void finish(Question *q, int r, sd_bus_error *error) {
        bus_reply_failed(q->message, r, error);
        question_free(q);
}

/* Returns 0 if there is an answer; otherwise sets error. */
static int check_answer(const RegistryAnswer *a, bool written, sd_bus_error *error) {
        if (a->outcome == REGISTRY_UNKNOWN)
                return bus_error(error, written ? BUS_ERROR("OutcomeUnknown") : BUS_ERROR("RegistryUnavailable"),
                                "The registry does not answer: %s.", strempty(a->error));
        if (a->outcome == REGISTRY_REFUSED)
                return bus_error(error, BUS_ERROR("Busy"), "Somebody else has written the record meanwhile.");
        return 0;
}

static void on_list(const RegistryAnswer *a, void *userdata) {
        Question *q = userdata;
        sd_bus_message *reply = NULL;
        sd_bus_error error = SD_BUS_ERROR_NULL;
        int r = check_answer(a, false, &error);

        if (r >= 0 && (r = sd_bus_message_new_method_return(q->message, &reply)) >= 0)
                r = sd_bus_message_open_container(reply, 'a', "s");
        for (size_t i = 0; r >= 0 && i < MIN(a->n_records, (size_t) NAMES_MAX); i++) {
                const char *name = startswith(a->records[i].key, PREFIX) ? a->records[i].key + strlen(PREFIX) : "";

                if (unit_name_is_valid(name))
                        r = bus_append_text(reply, name);
        }
        if (r >= 0 && (r = sd_bus_message_close_container(reply)) >= 0)
                r = sd_bus_send(NULL, reply, NULL);
        sd_bus_message_unref(reply);
        finish(q, r, &error);
}

int unit_files_list(Daemon *d, sd_bus_message *m, sd_bus_error *error) {
        Question *q;
        int r = question_new(d, m, &q, error);

        if (r < 0)
                return r;
        r = d->registry->ops->older(d->registry, PREFIX, UINT64_MAX, d->conf->ttl, on_list, q, &q->request);
        if (r < 0)
                question_free(q);
        return r < 0 ? r : 1;
}

/* Writes the record's key into ret, for the name that comes next in the message. */
static int read_key(sd_bus_message *m, char ret[static KEY_SIZE], sd_bus_error *error) {
        const char *name;
        int r = sd_bus_message_read(m, "s", &name);

        r = r < 0 ? r : bus_check_unit_name(name, error);
        if (r < 0)
                return r;
        (void) snprintf(ret, KEY_SIZE, PREFIX "%s", name);
        return 0;
}

static void on_get(const RegistryAnswer *a, void *userdata) {
        static const RegistryRecord none = {};
        Question *q = userdata;
        sd_bus_error error = SD_BUS_ERROR_NULL;
        const RegistryRecord *record = a->n_records > 0 ? a->records : &none;
        _cleanup_free_ char *text = NULL;
        int r = check_answer(a, false, &error);

        if (r >= 0) {
                text = strndup(record->value && !record->damaged ? record->value : "", record->size);
                r = text ? 0 : -ENOMEM;
        }
        /* A text that D-Bus cannot carry is no record of leased's: it is given as an empty one. */
        if (r >= 0)
                r = sd_bus_reply_method_return(q->message, "st",
                                text_is_utf8(text) && strlen(text) == record->size ? text : "", record->mod_revision);
        finish(q, r, &error);
}

int unit_files_get(Daemon *d, sd_bus_message *m, sd_bus_error *error) {
        char key[KEY_SIZE];
        const char *keys[] = { key };
        int r = read_key(m, key, error);
        Question *q;

        if (r < 0)
                return r;
        r = question_new(d, m, &q, error);
        if (r < 0)
                return r;
        r = d->registry->ops->get(d->registry, keys, 1, d->conf->ttl, on_get, q, &q->request);
        if (r < 0)
                question_free(q);
        return r < 0 ? r : 1;
}

static void on_put(const RegistryAnswer *a, void *userdata) {
        Question *q = userdata;
        sd_bus_error error = SD_BUS_ERROR_NULL;
        int r = check_answer(a, true, &error);

        if (r >= 0)
                r = sd_bus_reply_method_return(q->message, NULL);
        finish(q, r, &error);
}

int unit_files_put(Daemon *d, sd_bus_message *m, sd_bus_error *error) {
        char key[KEY_SIZE];
        RegistryCompare compare = { .key = key };
        RegistryRecord put = { .key = key };
        const char *text;
        Question *q;
        int r = read_key(m, key, error);

        if (r >= 0)
                r = sd_bus_message_read(m, "ts", &compare.mod_revision, &text);
        if (r < 0)
                return r;
        put.value = text;
        put.size = strlen(text);
        r = question_new(d, m, &q, error);
        if (r < 0)
                return r;
        r = d->registry->ops->txn(d->registry,
                        &(RegistryTxn){ .compares = &compare, .n_compares = 1, .puts = &put, .n_puts = 1 },
                        d->conf->ttl, on_put, q, &q->request);
        if (r < 0)
                question_free(q);
        return r < 0 ? r : 1;
}

/* ---- all of it ---- */

int unit_files_new(Daemon *d) {
        UnitFiles *f = calloc(1, sizeof(UnitFiles));
        int r;

        if (!f)
                return -ENOMEM;
        f->daemon = d;
        d->unit_files = f;
        r = sd_event_add_time(d->event, &f->timer, CLOCK_BOOTTIME, 0, USEC_PER_SEC, on_timer, f);
        if (r >= 0)
                r = sd_event_source_set_enabled(f->timer, SD_EVENT_OFF);
        registry_port_on_other(d->registry_port, PREFIX, on_change, f);
        return r;
}

void unit_files_cancel(Daemon *d) {
        while (d->unit_files && d->unit_files->questions)
                question_free(d->unit_files->questions);
}

void unit_files_free(Daemon *d) {
        UnitFiles *f = d->unit_files;

        if (!f)
                return;
        unit_files_cancel(d);
        while (f->outcomes)
                outcome_free(f, f->outcomes);
        sd_event_source_disable_unref(f->timer);
        free(f);
        d->unit_files = NULL;
}
