/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Reading the configuration again: leased.conf, the list of enabled units, their options; and putting back a gate that
 * somebody removed (`systemctl revert` does).
 *
 * A file that cannot be read stops nothing: what was good before stays in force, and every complaint is logged once
 * for each reload. A new TTL= or Metadata= takes effect at once; what else leased.conf says, when the daemon is
 * restarted, which leaves units alone.
 */

#include <errno.h>
#include <stdio.h>

#include "conf/dropin.h"
#include "daemon/last-conf.h"
#include "daemon/changes.h"
#include "daemon/daemon.h"
#include "daemon/publish.h"
#include "daemon/units.h"
#include "util/log.h"

#define GATE_RELOAD_DELAY (100 * USEC_PER_MSEC)
#define GATE_RELOAD_INTERVAL (10 * USEC_PER_SEC)

/* ---- units ---- */

static void configure(Daemon *d, const char *unit, Messages *messages) {
        UnitOptions *options = NULL;
        int r = unit_options_load("", unit, &options, messages);

        /* With bad lines, but it may run since before our start, and nothing better is known: no unit is stopped because of
         * a typo. One that is only being enabled is not leased with half of what was meant. */
        if (r >= 0 || (r == -EBADMSG && options && !d->ready && !units_keep(d, unit)))
                r = units_configure(d, TAKE_PTR(options));
        unit_options_free(options);
        if (r >= 0 || r == -ENOENT) /* gone since it was listed: as if it had not been */
                return;
        if (r != -EBADMSG)
                messages_add(messages, "%s: %s", unit, strerror(-r));
        if (!units_keep(d, unit))
                messages_add(messages, "%s: not enabled, because its options cannot be read", unit);
}

static int read_units(Daemon *d, Messages *messages) {
        _cleanup_(strv_freep) char **names = NULL;
        int r = enabled_units_list("", &names, messages);

        if (r < 0) {
                messages_add(messages, "cannot list /etc/leased/units: %s", strerror(-r));
                return r;
        }
        units_mark(d);
        for (char **name = names; name && *name; name++)
                configure(d, *name, messages);
        units_forget_marked(d);
        return 0;
}

static void log_messages(const Messages *messages) {
        for (size_t i = 0; i < messages->n; i++)
                log_error("%s", messages->lines[i]);
}

void reload_units(Daemon *d) {
        _cleanup_(messages_done) Messages messages = {};

        (void) read_units(d, &messages);
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

static void read_conf(Daemon *d, Messages *messages) {
        _cleanup_(leased_conf_freep) LeasedConf *conf = NULL;
        _cleanup_free_ char *new = NULL, *old = NULL;
        int r = leased_conf_load("", &conf, messages);

        if (r < 0 && r != -EBADMSG)
                messages_add(messages, "cannot load leased.conf: %s", strerror(-r));
        messages_done(&d->wrong);
        for (size_t i = 0; r < 0 && i < messages->n; i++) /* the first ones to be read */
                messages_add(&d->wrong, "%s", messages->lines[i]);
        if (r < 0)
                return;
        changes_note_conf(&d->changes, d->conf, conf);
        set_ttl(d, conf->ttl);
        new = dump(conf); /* before its metadata become those in force, and the old ones afterwards: the rest is compared */
        set_metadata(d, &conf->metadata);
        old = dump(d->conf);
        if (new && old && !streq(new, old))
                log_notice("more than TTL= and Metadata= has changed in leased.conf: `systemctl restart leased` puts it in "
                           "force, and leaves units alone");
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
        _cleanup_(messages_done) Messages messages = {};

        messages_done(&d->changes);
        read_conf(d, &messages);
        (void) read_units(d, &messages);
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
        (void) manager_reload(d->manager, on_gates_reloaded, d);
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
