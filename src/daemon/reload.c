/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/reload.h"

#include <errno.h>
#include <stdio.h>
#include <utlist.h>

#include "conf/changes.h"
#include "conf/dropin.h"
#include "conf/unit-files.h"
#include "daemon/bus-util.h"
#include "daemon/candidates.h"
#include "daemon/last-conf.h"
#include "daemon/members.h"
#include "daemon/pid1-port.h"
#include "daemon/slices.h"
#include "daemon/unit-files.h"
#include "util/log.h"

enum { AT_ONCE = 32 }; /* units that are read, configured or forgotten in one turn of the loop ... */

#define TURN_TIME (5 * USEC_PER_MSEC) /* ... or as many as take so long */

typedef enum Stage {
        RELOAD_RESTS,
        RELOAD_READS,      /* the units' files; nothing is in force yet */
        RELOAD_GATES,      /* the drop-ins of members, where a new unit may have some */
        RELOAD_CHECKS,     /* the units' options under a shorter TTL */
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
        size_t next; /* the next one of .units */
        bool listed; /* they could be listed once, by this reload or an earlier one */
        bool covers; /* .gated is needed */
        DropinMembers gated;
        LeasedConf *conf; /* what leased.conf says now; NULL: it is not read, or bad */
        bool unfit;       /* a unit cannot be stopped in time under its TTL */
        Messages messages;
        Waiting *waiting, *waiting_for_next;
};

/* ---- units ---- */

static int put_in_force(Daemon *d, Candidate *c) {
        char *nobody[] = { NULL };
        _cleanup_(strv_freep) char **gated = NULL;
        int r = dropin_members_of(&d->reload->gated, c->name, &gated);

        return r < 0 ? r : pid1_port_configure(d, TAKE_PTR(c->options), gated ?: nobody);
}

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
                r = put_in_force(d, c);
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

/* Whether the unit can be stopped in time under the new TTL, with the options that it is about to have. */
static bool is_fit(Daemon *d, const LeasedConf *conf, const Candidate *c, Messages *messages) {
        const UnitOptions *options = c->options && !c->bad ? c->options : pid1_port_options(d, c->name);

        return !options || unit_options_check_ttl(options, conf, messages) >= 0;
}

static void read_conf(Reload *r) {
        int k = leased_conf_load_in_service("", &r->conf, &r->messages);

        if (k < 0 && k != -EBADMSG)
                messages_add(&r->messages, "cannot load leased.conf: %s", strerror(-k));
        if (k < 0)
                r->conf = leased_conf_free(r->conf);
}

static void note_waits(const char *option, const char *was, const char *is, void *userdata) {
        if (!streq(option, "TTL") && !streq(option, "Metadata"))
                *(bool *) userdata = true;
}

static void put_conf_in_force(Daemon *d, LeasedConf *conf) {
        bool waits = false;

        changes_note_conf(&d->reading.changes, d->conf, conf);
        (void) leased_conf_compare(d->conf, conf, note_waits, &waits);
        set_ttl(d, conf->ttl);
        set_metadata(d, &conf->metadata);
        if (waits)
                log_notice("more than TTL= and Metadata= has changed in leased.conf, and waits for `systemctl restart "
                           "leased`");
}

/* ---- the stages ---- */

static void end_reading(Reload *r) {
        int k = r->covers && r->units.error == 0 ? dropin_members_begin("", &r->gated) : 0;

        if (k < 0)
                messages_add(&r->messages, "cannot list drop-ins: %s", strerror(-k));
        unit_files_forget();
        if (r->of_conf)
                read_conf(r);
        r->stage = RELOAD_GATES;
        r->next = 0;
}

/* A unit that is new, or needs no lease any more, may have members that only drop-ins name. */
static bool may_cover(const Daemon *d, const Candidate *c) {
        const UnitOptions *now = pid1_port_options(d, c->name);

        return c->options && (c->options->global ? !now || !now->global : !now && members_can_be_gated(c->name));
}

static void read_some(Daemon *d, Reload *r) {
        usec_t until = usec_add(now_boottime(), TURN_TIME);
        bool more = true;

        for (size_t i = 0; i < AT_ONCE && more && now_boottime() <= until; i++) {
                size_t n = r->units.n;

                more = candidates_read(&r->units, &r->messages);
                r->covers = r->covers || (r->units.n > n && may_cover(d, r->units.list + n));
        }
        if (!more)
                end_reading(r);
}

static void read_some_gates(Reload *r) {
        usec_t until = usec_add(now_boottime(), TURN_TIME);
        int k = 1;

        for (size_t i = 0; i < AT_ONCE && k > 0 && now_boottime() <= until; i++)
                k = dropin_members_next("", &r->gated);
        if (k < 0)
                messages_add(&r->messages, "cannot read drop-ins: %s", strerror(-k));
        if (k <= 0)
                r->stage = RELOAD_CHECKS;
}

/* All is read: from here on it is put in force. */
static void begin_to_configure(Daemon *d, Reload *r) {
        messages_done(&d->reading.changes);
        if (r->conf && !r->unfit)
                put_conf_in_force(d, r->conf);
        d->reading.units_error[0] = '\0';
        if (r->units.error < 0)
                (void) snprintf(d->reading.units_error, sizeof(d->reading.units_error),
                                "cannot list /etc/leased/units: %s; %s", strerror(-r->units.error),
                                r->listed ? "those known before go on"
                                          : "none is known, and what runs here by a lease is let go");
        else {
                r->listed = true;
                pid1_port_begin_reading(d);
        }
        r->stage = RELOAD_CONFIGURES;
        r->next = 0;
}

static void check_some(Daemon *d, Reload *r) {
        usec_t until = usec_add(now_boottime(), TURN_TIME);
        bool shorter = r->conf && r->conf->ttl < d->conf->ttl;

        for (size_t i = 0; i < AT_ONCE && shorter && r->next < r->units.n && now_boottime() <= until; i++)
                r->unfit |= !is_fit(d, r->conf, r->units.list + r->next++, &r->messages);
        if (!shorter || r->next >= r->units.n)
                begin_to_configure(d, r);
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
        r->stage = RELOAD_FORGETS;
}

/* false: all are forgotten. */
static bool forget_some(Daemon *d) {
        usec_t until = usec_add(now_boottime(), TURN_TIME);

        for (size_t i = 0; i < AT_ONCE && now_boottime() <= until; i++)
                if (!pid1_port_forget_one(d))
                        return false;
        return true;
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
        case RELOAD_GATES:
                read_some_gates(r);
                return true;
        case RELOAD_CHECKS:
                check_some(d, r);
                return true;
        case RELOAD_CONFIGURES:
                configure_some(d, r);
                return true;
        default:
                return forget_some(d);
        }
}

static void end(Reload *r) {
        candidates_done(&r->units);
        messages_done(&r->messages);
        dropin_members_done(&r->gated);
        r->conf = leased_conf_free(r->conf);
        r->covers = r->unfit = false;
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
