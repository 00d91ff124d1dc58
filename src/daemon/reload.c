/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/reload.h"

#include <errno.h>
#include <stdio.h>

#include "daemon/last-conf.h"
#include "daemon/changes.h"
#include "daemon/pid1-port.h"
#include "util/log.h"

/* ---- units ---- */

/* One enabled unit, as its files say. */
typedef struct Candidate {
        char *name;
        UnitOptions *options; /* NULL: the file cannot be read */
        bool bad;             /* the file has bad lines, in whose place the defaults stand */
} Candidate;

typedef struct Candidates {
        Candidate *list;
        size_t n;
        int error; /* the list of enabled units cannot be read */
} Candidates;

static void candidates_done(Candidates *c) {
        for (size_t i = 0; i < c->n; i++) {
                free(c->list[i].name);
                unit_options_free(c->list[i].options);
        }
        free(c->list);
}

static int candidate_read(Candidate *c, const char *unit, Messages *messages) {
        int r = unit_options_load("", unit, &c->options, messages);

        if (r == -ENOENT) /* removed since it was listed: as if it had not been enabled */
                return 0;
        c->name = strdup(unit);
        if (!c->name)
                return -ENOMEM;
        c->bad = r < 0;
        if (r < 0 && r != -EBADMSG)
                messages_add(messages, "%s: %s", unit, strerror(-r));
        return 1;
}

static void read_units(Candidates *ret, Messages *messages) {
        _cleanup_(strv_freep) char **names = NULL;
        size_t n = 0;
        int r = enabled_units_list("", &names, messages);

        while (r >= 0 && names && names[n])
                n++;
        if (r >= 0 && n > 0 && !(ret->list = calloc(n, sizeof(Candidate))))
                r = -ENOMEM;
        for (size_t i = 0; i < n && r >= 0; i++) {
                r = candidate_read(ret->list + ret->n, names[i], messages);
                ret->n += r > 0;
        }
        ret->error = r < 0 ? r : 0;
        if (r < 0)
                messages_add(messages, "cannot list /etc/leased/units: %s", strerror(-r));
}

static void configure(Daemon *d, Candidate *c, Messages *messages) {
        int r;

        if (c->options && unit_options_check(c->options, d->conf->ttl, USEC_INFINITY, messages) == -EBADMSG) {
                c->options->config.stop_grace = USEC_INFINITY;
                c->bad = true;
        }
        /* At the start of the daemon a unit with bad lines is taken with the defaults in their place: it may be
         * running, and no unit is stopped because of a typo. Later its old options stay; a unit that is being enabled
         * is not taken, rather than with half of what was meant. */
        if (c->options && (!c->bad || (!d->ready && !pid1_port_keep(d, c->name)))) {
                r = pid1_port_configure(d, TAKE_PTR(c->options));
                if (r >= 0)
                        return;
                messages_add(messages, "%s: %s", c->name, strerror(-r));
        }
        if (!pid1_port_keep(d, c->name))
                messages_add(messages, "%s: not enabled, because its options cannot be read", c->name);
}

static void configure_all(Daemon *d, Candidates *c, Messages *messages) {
        d->reading.units_error[0] = '\0';
        if (c->error < 0) {
                (void) snprintf(d->reading.units_error, sizeof(d->reading.units_error),
                                "cannot list /etc/leased/units: %s", strerror(-c->error));
                return;
        }
        pid1_port_mark(d);
        for (size_t i = 0; i < c->n; i++)
                configure(d, c->list + i, messages);
        pid1_port_forget_marked(d);
}

void reload_log_messages(const Messages *messages) {
        for (size_t i = 0; i < messages->n; i++)
                log_error("%s", messages->lines[i]);
}

void reload_units(Daemon *d) {
        _cleanup_(candidates_done) Candidates candidates = {};
        _cleanup_(messages_done) Messages messages = {};

        read_units(&candidates, &messages);
        configure_all(d, &candidates, &messages);
        reload_log_messages(&messages);
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
        size_t before = messages->n; /* those about units */
        int r = leased_conf_load("", &conf, messages);

        if (r < 0 && r != -EBADMSG)
                messages_add(messages, "cannot load leased.conf: %s", strerror(-r));
        if (r >= 0 && conf->ttl < d->conf->ttl && check_ttl(d, conf, units, messages) < 0)
                r = -EBADMSG;
        messages_done(&d->reading.wrong);
        for (size_t i = before; r < 0 && i < messages->n; i++)
                messages_add(&d->reading.wrong, "%s", messages->lines[i]);
        if (r < 0)
                return;
        changes_note_conf(&d->reading.changes, d->conf, conf);
        set_ttl(d, conf->ttl);
        new = dump(conf); /* dumped before set_metadata() exchanges the metadata, and the old one afterwards: so only
                             the rest is compared */
        set_metadata(d, &conf->metadata);
        old = dump(d->conf);
        if (new &&old && !streq(new, old))
                log_notice("more than TTL= and Metadata= has changed in leased.conf, and waits for `systemctl restart "
                           "leased`");
}

int reload_all(Daemon *d, char **ret_wrong) {
        _cleanup_(candidates_done) Candidates candidates = {};
        _cleanup_(messages_done) Messages messages = {};

        messages_done(&d->reading.changes);
        read_units(&candidates, &messages);
        read_conf(d, &candidates, &messages);
        configure_all(d, &candidates, &messages);
        reload_log_messages(&messages);
        changed_note(d->changed);
        if (messages.n == 0) {
                log_info("configuration reloaded");
                return 0;
        }
        if (ret_wrong)
                *ret_wrong = messages_join(&messages);
        return -EBADMSG;
}
