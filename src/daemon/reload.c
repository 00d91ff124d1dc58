/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/reload.h"

#include <errno.h>
#include <stdio.h>
#include <utlist.h>

#include "conf/changes.h"
#include "conf/unit-files.h"
#include "daemon/bus-util.h"
#include "daemon/candidates.h"
#include "daemon/last-conf.h"
#include "daemon/pid1-port.h"
#include "daemon/slices.h"
#include "daemon/unit-files.h"
#include "util/log.h"

enum { AT_ONCE = 32 }; /* units that are read, configured or forgotten in one turn of the loop ... */

#define TURN_TIME (5 * USEC_PER_MSEC) /* ... or as many as take so long */

typedef enum Stage {
        RELOAD_RESTS,
        RELOAD_READS,      /* the units' files; nothing is in force yet */
        RELOAD_CONFIGURES, /* puts what differs in force */
        RELOAD_FORGETS,    /* the units that are not enabled any more */
} Stage;

/* Somebody who waits until everything is in force. */
typedef struct Waiting {
        struct Waiting *prev, *next;
        sd_bus_message *message;
} Waiting;

struct Reload {
        Slices *slices;
        Stage stage;
        bool of_conf; /* leased.conf is read, too */
        bool again;   /* another reload was asked for after this one began */
        Candidates units;
        size_t next; /* the next one of .units, or of .gone */
        char **gone; /* the units that are to be forgotten */
        Messages messages;
        Waiting *waiting, *waiting_for_next;
};

/* ---- units ---- */

static void configure(Daemon *d, Candidate *c, Messages *messages) {
        int r;

        if (c->options && unit_options_check(c->options, d->conf->ttl, USEC_INFINITY, messages) == -EBADMSG) {
                c->options->config.stop_grace = USEC_INFINITY;
                c->bad = true;
        }
        /* At the start of the daemon a unit with bad lines is taken with the defaults in their place: the unit may be
         * running, and is not stopped because of a typo. Later such a unit keeps its old options; and if it is only
         * being enabled, it is not taken at all, rather than with half of what was meant. */
        if (c->options && !c->bad && !changes_in_unit(pid1_port_options(d, c->name), c->options) &&
                        pid1_port_keep(d, c->name))
                return;
        if (c->options && (!c->bad || (!d->ready && !pid1_port_keep(d, c->name)))) {
                r = pid1_port_configure(d, TAKE_PTR(c->options));
                if (r >= 0)
                        return;
                messages_add(messages, "%s: %s", c->name, strerror(-r));
        }
        if (!pid1_port_keep(d, c->name))
                messages_add(messages, "%s: not enabled, because its options cannot be read", c->name);
}

void reload_log_messages(const Messages *messages) {
        for (size_t i = 0; i < messages->n; i++)
                log_error("%s", messages->lines[i]);
}

/* Tells what was wrong, also on D-Bus. all: in everything that is read, and not only in the units' files. */
static void tell_wrong(Daemon *d, const Messages *messages, bool all) {
        reload_log_messages(messages);
        if (all)
                messages_done(&d->reading.wrong);
        for (size_t i = 0; i < messages->n; i++)
                messages_add(&d->reading.wrong, "%s", messages->lines[i]);
}

/* ---- leased.conf ---- */

static char *dump(const LeasedConf *c) {
        char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);

        if (!f)
                return NULL;
        leased_conf_dump(c, f);
        if (fclose(f) != 0) {
                free(text);
                return NULL;
        }
        return text;
}

static void set_ttl(Daemon *d, usec_t ttl) {
        char was[64], is[64];

        if (ttl == d->conf->ttl)
                return;
        log_notice("TTL= is %s now, and was %s: a new session begins, and what is held here goes over to it",
                        format_span(is, sizeof(is), ttl), format_span(was, sizeof(was), d->conf->ttl));
        d->conf->ttl = ttl;
        last_conf_keep(d->conf);
        loop_event(d->loop, &(Event){ .kind = EVENT_TTL, .span = ttl });
}

static void set_metadata(Daemon *d, char **metadata) {
        char *was = d->conf->metadata;

        if (streq(*metadata, was))
                return;
        log_notice("Metadata=%s is in force now, and was Metadata=%s", *metadata, was);
        d->conf->metadata = TAKE_PTR(*metadata);
        *metadata = was; /* the caller frees it */
        last_conf_keep(d->conf);
        loop_event(d->loop, &(Event){ .kind = EVENT_METADATA, .metadata = d->conf->metadata });
}

/* Whether every unit can be stopped in time under the new TTL, with the options that it is about to have. */
static int check_ttl(Daemon *d, const LeasedConf *conf, const Candidates *units, Messages *messages) {
        int r = 0;

        for (size_t i = 0; i < units->n; i++) {
                const Candidate *c = units->list + i;
                const UnitOptions *options = c->options && !c->bad ? c->options : pid1_port_options(d, c->name);

                if (options && unit_options_check_ttl(options, conf, messages) < 0)
                        r = -EBADMSG;
        }
        return r;
}

static void read_conf(Daemon *d, const Candidates *units, Messages *messages) {
        _cleanup_(leased_conf_freep) LeasedConf *conf = NULL;
        _cleanup_free_ char *new = NULL, *old = NULL;
        int r = leased_conf_load_in_service("", &conf, messages);

        if (r < 0 && r != -EBADMSG)
                messages_add(messages, "cannot load leased.conf: %s", strerror(-r));
        if (r >= 0 && conf->ttl < d->conf->ttl && check_ttl(d, conf, units, messages) < 0)
                r = -EBADMSG;
        if (r < 0)
                return;
        changes_note_conf(&d->reading.changes, d->conf, conf);
        set_ttl(d, conf->ttl);
        new = dump(conf); /* this dump is made before set_metadata() exchanges the metadata, and the old one after it:
                             so the metadata is the same in both, and only the rest is compared */
        set_metadata(d, &conf->metadata);
        old = dump(d->conf);
        if (new &&old && !streq(new, old))
                log_notice("more than TTL= and Metadata= has changed in leased.conf, and waits for `systemctl restart "
                           "leased`");
}

/* ---- the stages ---- */

/* All files are read: from here on what they say is put in force. */
static void end_reading(Daemon *d, Reload *r) {
        unit_files_forget();
        messages_done(&d->reading.changes);
        if (r->of_conf)
                read_conf(d, &r->units, &r->messages);
        d->reading.units_error[0] = '\0';
        if (r->units.error < 0)
                (void) snprintf(d->reading.units_error, sizeof(d->reading.units_error),
                                "cannot list /etc/leased/units: %s", strerror(-r->units.error));
        else
                pid1_port_mark(d);
        r->stage = RELOAD_CONFIGURES;
        r->next = 0;
}

static void read_some(Daemon *d, Reload *r) {
        usec_t until = usec_add(now_boottime(), TURN_TIME);
        bool more = true;

        for (size_t i = 0; i < AT_ONCE && more && now_boottime() <= until; i++)
                more = candidates_read(&r->units, &r->messages);
        if (!more)
                end_reading(d, r);
}

static void configure_some(Daemon *d, Reload *r) {
        usec_t until = usec_add(now_boottime(), TURN_TIME);

        for (size_t i = 0; i < AT_ONCE && r->units.error == 0 && r->next < r->units.n; i++) {
                configure(d, r->units.list + r->next++, &r->messages);
                if (now_boottime() > until)
                        break;
        }
        if (r->units.error == 0 && r->next < r->units.n)
                return;
        if (r->units.error == 0)
                r->gone = pid1_port_marked(d);
        r->stage = RELOAD_FORGETS;
        r->next = 0;
}

/* false: all are forgotten. */
static bool forget_some(Daemon *d, Reload *r) {
        usec_t until = usec_add(now_boottime(), TURN_TIME);

        for (size_t i = 0; i < AT_ONCE && r->gone && r->gone[r->next] && now_boottime() <= until; i++)
                pid1_port_forget(d, r->gone[r->next++]);
        return r->gone && r->gone[r->next];
}

static void begin(Reload *r, bool of_conf) {
        r->stage = RELOAD_READS;
        r->of_conf = of_conf;
        r->again = false;
        candidates_list(&r->units, &r->messages);
}

/* One turn's work. false: all is done. */
static bool advance(Daemon *d, Reload *r) {
        switch (r->stage) {
        case RELOAD_READS:
                read_some(d, r);
                return true;
        case RELOAD_CONFIGURES:
                configure_some(d, r);
                return true;
        default:
                return forget_some(d, r);
        }
}

static void end(Reload *r) {
        candidates_done(&r->units);
        messages_done(&r->messages);
        r->gone = strv_free(r->gone);
        r->stage = RELOAD_RESTS;
}

void reload_units(Daemon *d) {
        begin(d->reload, false);
        while (advance(d, d->reload))
                ;
        tell_wrong(d, &d->reload->messages, false);
        end(d->reload);
}

/* ---- who waits ---- */

static void waiting_free(Waiting **list, Waiting *w) {
        DL_DELETE(*list, w);
        sd_bus_message_unref(w->message);
        free(w);
}

static int waiting_add(Waiting **list, sd_bus_message *m) {
        Waiting *w = calloc(1, sizeof(Waiting));

        if (!w)
                return -ENOMEM;
        w->message = sd_bus_message_ref(m);
        DL_APPEND(*list, w);
        return 1;
}

static void answer(Reload *r) {
        _cleanup_free_ char *wrong = messages_join(&r->messages);

        while (r->waiting) {
                sd_bus_error error = SD_BUS_ERROR_NULL;
                int e = r->messages.n > 0 ? bus_error(&error, SD_BUS_ERROR_INVALID_ARGS, "%s", strempty(wrong))
                                          : sd_bus_reply_method_return(r->waiting->message, NULL);

                bus_reply_failed(r->waiting->message, e, &error);
                waiting_free(&r->waiting, r->waiting);
        }
}

void reload_cancel(Daemon *d) {
        Reload *r = d->reload;

        while (r->waiting)
                waiting_free(&r->waiting, r->waiting);
        while (r->waiting_for_next)
                waiting_free(&r->waiting_for_next, r->waiting_for_next);
}

/* ---- the turns ---- */

static bool do_slice(void *userdata) {
        Daemon *d = userdata;
        Reload *r = d->reload;

        if (r->stage == RELOAD_RESTS) {
                r->waiting = TAKE_PTR(r->waiting_for_next);
                begin(r, true);
                return true;
        }
        if (advance(d, r))
                return true;
        tell_wrong(d, &r->messages, true);
        if (r->messages.n == 0)
                log_info("configuration reloaded");
        changed_note(d->changed);
        unit_files_look(d);
        answer(r);
        end(r);
        return r->again;
}

int reload_begin(Daemon *d, sd_bus_message *m) {
        int r = m ? waiting_add(&d->reload->waiting_for_next, m) : 1;

        if (r < 0)
                return r;
        d->reload->again = true;
        slices_begin(d->reload->slices);
        return r;
}

int reload_new(Daemon *d) {
        d->reload = calloc(1, sizeof(Reload));
        return d->reload ? slices_new(d->event, do_slice, d, &d->reload->slices) : -ENOMEM;
}

void reload_free(Daemon *d) {
        if (!d->reload)
                return;
        reload_cancel(d);
        end(d->reload);
        slices_free(d->reload->slices);
        free(d->reload);
        d->reload = NULL;
}
