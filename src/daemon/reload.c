/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Reading the configuration again: leased.conf, the list of enabled units, their options; and putting back a gate that
 * somebody removed (`systemctl revert` does).
 *
 * A file that cannot be read stops nothing: what was good before stays in force, and every complaint is logged once
 * for each reload. So does a TTL= under which a unit could not be stopped in time, and a StopGraceSec= that the TTL
 * cannot serve. A new TTL= or Metadata= takes effect at once; what else leased.conf says, when the daemon is
 * restarted, which leaves units alone.
 */

#include <errno.h>
#include <stdio.h>

#include "conf/dropin.h"
#include "daemon/last-conf.h"
#include "daemon/changes.h"
#include "daemon/daemon.h"
#include "daemon/publish.h"
#include "daemon/pid1-port.h"
#include "util/log.h"

#define GATE_RELOAD_DELAY (100 * USEC_PER_MSEC)
#define GATE_RELOAD_INTERVAL (10 * USEC_PER_SEC)

/* ---- units ---- */

/* What the files say of one enabled unit. */
typedef struct Candidate {
        char *name;
        UnitOptions *options; /* NULL: cannot be read */
        bool bad;             /* has bad lines, for which the defaults stand in */
} Candidate;

typedef struct Candidates {
        Candidate *list;
        size_t n;
        int error; /* the list itself cannot be read */
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

        if (r == -ENOENT) /* gone since it was listed: as if it had not been */
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
                c->options->stop_grace = USEC_INFINITY;
                c->bad = true;
        }
        /* With bad lines, but it may run since before our start, and nothing better is known: no unit is stopped
         * because of a typo. One that is only being enabled is not leased with half of what was meant. */
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
        d->pid1_port_error[0] = '\0';
        if (c->error < 0) {
                (void) snprintf(d->pid1_port_error, sizeof(d->pid1_port_error), "cannot list /etc/leased/units: %s",
                                strerror(-c->error));
                return;
        }
        pid1_port_mark(d);
        for (size_t i = 0; i < c->n; i++)
                configure(d, c->list + i, messages);
        pid1_port_forget_marked(d);
}

static void log_messages(const Messages *messages) {
        for (size_t i = 0; i < messages->n; i++)
                log_error("%s", messages->lines[i]);
}

void reload_units(Daemon *d) {
        _cleanup_(candidates_done) Candidates candidates = {};
        _cleanup_(messages_done) Messages messages = {};

        read_units(&candidates, &messages);
        configure_all(d, &candidates, &messages);
        log_messages(&messages);
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
        daemon_event(d, &(Event){ .kind = EVENT_TTL, .span = ttl });
}

static void set_metadata(Daemon *d, char **metadata) {
        char *was = d->conf->metadata;

        if (streq(*metadata, was))
                return;
        log_notice("Metadata=%s is in force now, and was Metadata=%s", *metadata, was);
        d->conf->metadata = TAKE_PTR(*metadata);
        *metadata = was; /* the caller frees it */
        last_conf_keep(d->conf);
        daemon_event(d, &(Event){ .kind = EVENT_METADATA, .machine = d->conf->metadata });
}

/* Whether every unit can be stopped in time under the new TTL, by the options that it will have. */
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
        size_t before = messages->n; /* what is wrong with units */
        int r = leased_conf_load("", &conf, messages);

        if (r < 0 && r != -EBADMSG)
                messages_add(messages, "cannot load leased.conf: %s", strerror(-r));
        if (r >= 0 && conf->ttl < d->conf->ttl && check_ttl(d, conf, units, messages) < 0)
                r = -EBADMSG;
        messages_done(&d->wrong);
        for (size_t i = before; r < 0 && i < messages->n; i++)
                messages_add(&d->wrong, "%s", messages->lines[i]);
        if (r < 0)
                return;
        changes_note_conf(&d->changes, d->conf, conf);
        set_ttl(d, conf->ttl);
        new = dump(conf); /* before its metadata become those in force, and the old ones afterwards: the rest is
                             compared */
        set_metadata(d, &conf->metadata);
        old = dump(d->conf);
        if (new &&old && !streq(new, old))
                log_notice("more than TTL= and Metadata= has changed in leased.conf, and waits for `systemctl restart "
                           "leased`");
}

static char *join(const Messages *messages) {
        char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);

        if (!f)
                return NULL;
        for (size_t i = 0; i < messages->n; i++)
                (void) fprintf(f, "%s%s", i > 0 ? "\n" : "", messages->lines[i]);
        if (fclose(f) != 0) {
                free(text);
                return NULL;
        }
        return text;
}

int reload_all(Daemon *d, char **ret_wrong) {
        _cleanup_(candidates_done) Candidates candidates = {};
        _cleanup_(messages_done) Messages messages = {};

        messages_done(&d->changes);
        read_units(&candidates, &messages);
        read_conf(d, &candidates, &messages);
        configure_all(d, &candidates, &messages);
        log_messages(&messages);
        publish_manager(d);
        if (messages.n == 0) {
                log_info("configuration reloaded");
                return 0;
        }
        if (ret_wrong)
                *ret_wrong = join(&messages);
        return -EBADMSG;
}

/* ---- gates ---- */

static void on_gates_reloaded(int error, const char *text, void *userdata) {
        if (error < 0)
                log_warning_errno(error, "PID 1 has not reloaded its unit files%s%s", isempty(text) ? "" : ": ",
                                strempty(text));
}

static int on_gate_reload(sd_event_source *source, uint64_t usec, void *userdata) {
        Daemon *d = userdata;

        d->gate_reloaded_at = now_boottime();
        (void) pid1_reload(d->manager, on_gates_reloaded, d);
        return 0;
}

/* Soon, so that many units cause one reload; and not often, so that whoever fights us for a file does not keep PID 1
 * busy. */
static void ask_gate_reload(Daemon *d) {
        usec_t at = usec_add(now_boottime(), GATE_RELOAD_DELAY);
        int enabled = SD_EVENT_OFF, r = 0;

        if (d->gate_reloaded_at > 0)
                at = MAX(at, usec_add(d->gate_reloaded_at, GATE_RELOAD_INTERVAL));
        if (!d->gate_reload)
                r = sd_event_add_time(d->event, &d->gate_reload, CLOCK_BOOTTIME, at, USEC_PER_MSEC, on_gate_reload, d);
        else if (sd_event_source_get_enabled(d->gate_reload, &enabled) >= 0 && enabled == SD_EVENT_OFF) {
                r = sd_event_source_set_time(d->gate_reload, at);
                if (r >= 0)
                        r = sd_event_source_set_enabled(d->gate_reload, SD_EVENT_ONESHOT);
        }
        if (r < 0)
                log_error_errno(r, "cannot arm the timer for a reload of PID 1");
}

void gates_renew(Daemon *d) {
        int r = dropins_renew("");

        if (r < 0)
                log_warning_errno(r, "gates of an earlier version cannot be written anew");
        else if (r > 0) {
                log_notice("gates that were not of this version have been written anew: %i", r);
                ask_gate_reload(d);
        }
}

void gate_mend(Daemon *d, const char *gated, const char *unit, bool need_reload) {
        _cleanup_(unit_options_freep) UnitOptions *options = NULL;
        _cleanup_(messages_done) Messages messages = {};
        int r;

        /* `leasectl disable` and Global= remove the gate, too, and the daemon may not have been told yet. */
        if (unit_options_load("", unit, &options, &messages) == -ENOENT || (options && options->global))
                return;
        r = dropin_member_write("", gated, unit);
        if (r < 0)
                log_error_errno(r, "%s: its gate is not in force, and cannot be written", gated);
        else if (r > 0)
                log_notice("%s: its gate was not there; it has been written%s%s", gated,
                                streq(gated, unit) ? "" : ", because it goes by the lease of ",
                                streq(gated, unit) ? "" : unit);
        if (r > 0 || (r == 0 && need_reload))
                ask_gate_reload(d);
}

void gate_lift(Daemon *d, const char *unit, bool need_reload) {
        _cleanup_(unit_options_freep) UnitOptions *options = NULL;
        _cleanup_(messages_done) Messages messages = {};
        _cleanup_(strv_freep) char **gated = NULL;
        bool removed = false;
        int r;

        /* `leasectl enable` puts the gate back, and the daemon may not have been told yet. */
        if (unit_options_load("", unit, &options, &messages) == -ENOENT || !options || !options->global)
                return;
        r = dropin_members_list("", unit, &gated);
        if (r >= 0)
                r = strv_add(&gated, unit);
        for (char **name = gated; r >= 0 && name && *name; name++) {
                _cleanup_free_ char *owner = dropin_owner("", *name);

                if (!owner)
                        continue;
                r = dropin_remove("", *name);
                removed = true;
        }
        if (r < 0)
                log_error_errno(r, "%s: it is to run everywhere, but its gate cannot be removed", unit);
        else if (removed)
                log_notice("%s: it needs no lease any more; its gate has been removed", unit);
        if (removed || need_reload)
                ask_gate_reload(d);
}
