/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/gates.h"

#include <errno.h>

#include "conf/conf.h"
#include "conf/dropin.h"
#include "util/log.h"

#define RELOAD_DELAY (100 * USEC_PER_MSEC)
#define RELOAD_INTERVAL (10 * USEC_PER_SEC)

struct Gates {
        Pid1 *pid1;
        sd_event_source *reload;
        usec_t reloaded_at; /* CLOCK_BOOTTIME; 0: never */
};

static void on_reloaded(int error, const char *text, void *userdata) {
        if (error < 0)
                log_warning_errno(error, "PID 1 has not reloaded its unit files%s%s", isempty(text) ? "" : ": ",
                                strempty(text));
}

static int on_reload(sd_event_source *source, uint64_t usec, void *userdata) {
        Gates *g = userdata;

        g->reloaded_at = now_boottime();
        (void) pid1_reload(g->pid1, on_reloaded, g);
        return 0;
}

/* Asks for a reload: a little later, so that many units cause only one reload; and not soon after the last one, so
 * that somebody who keeps removing a file does not keep PID 1 busy. */
static void ask_reload(Gates *g) {
        usec_t at = usec_add(now_boottime(), RELOAD_DELAY);
        int enabled, r;

        if (g->reloaded_at > 0)
                at = MAX(at, usec_add(g->reloaded_at, RELOAD_INTERVAL));
        r = sd_event_source_get_enabled(g->reload, &enabled);
        if (r >= 0 && enabled != SD_EVENT_OFF)
                return; /* a reload is asked for already */
        if (r >= 0)
                r = sd_event_source_set_time(g->reload, at);
        if (r >= 0)
                r = sd_event_source_set_enabled(g->reload, SD_EVENT_ONESHOT);
        if (r < 0)
                log_error_errno(r, "cannot arm the timer for a reload of PID 1");
}

void gates_renew(Gates *g) {
        int r = dropins_renew("");

        if (r < 0)
                log_warning_errno(r, "gates of an earlier version cannot be written anew");
        else if (r > 0) {
                log_notice("gates that were not of this version have been written anew: %i", r);
                ask_reload(g);
        }
}

void gates_mend(Gates *g, const char *gated, const char *unit, bool need_reload) {
        _cleanup_(unit_options_freep) UnitOptions *options = NULL;
        _cleanup_(messages_done) Messages messages = {};
        int r;

        /* `leasectl disable` and Global= remove a gate as well, and the daemon may not have been told of them yet: so
         * the files count here. */
        if (unit_options_load("", unit, &options, &messages) == -ENOENT || (options && options->global))
                return;
        r = dropin_member_write("", gated, unit, WRITE_SYNC);
        if (r < 0)
                log_error_errno(r, "%s: its gate is not in force, and cannot be written", gated);
        else if (r > 0)
                log_notice("%s: its gate was not there; it has been written%s%s", gated,
                                streq(gated, unit) ? "" : ", because it goes by the lease of ",
                                streq(gated, unit) ? "" : unit);
        if (r > 0 || (r == 0 && need_reload))
                ask_reload(g);
}

void gates_lift(Gates *g, const char *unit, char *const *gated, bool need_reload) {
        _cleanup_(unit_options_freep) UnitOptions *options = NULL;
        _cleanup_(messages_done) Messages messages = {};
        _cleanup_(strv_freep) char **names = NULL;
        bool removed = false;
        int r;

        /* `leasectl enable` puts a gate back, and the daemon may not have been told of it yet: so the files count
         * here. */
        if (unit_options_load("", unit, &options, &messages) == -ENOENT || !options || !options->global)
                return;
        r = gated ? 0 : dropin_members_list("", unit, &names);
        for (char *const *name = gated; r >= 0 && name && *name; name++)
                r = strv_add(&names, *name);
        if (r >= 0)
                r = strv_add(&names, unit);
        for (char **name = names; r >= 0 && name && *name; name++) {
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
                ask_reload(g);
}

int gates_new(sd_event *event, Pid1 *pid1, Gates **ret) {
        Gates *g = calloc(1, sizeof(Gates));
        int r;

        if (!g)
                return -ENOMEM;
        g->pid1 = pid1;
        r = sd_event_add_time(event, &g->reload, CLOCK_BOOTTIME, USEC_INFINITY, USEC_PER_MSEC, on_reload, g);
        if (r >= 0)
                r = sd_event_source_set_enabled(g->reload, SD_EVENT_OFF);
        if (r < 0) {
                gates_free(g);
                return r;
        }
        *ret = g;
        return 0;
}

Gates *gates_free(Gates *g) {
        if (!g)
                return NULL;
        sd_event_source_disable_unref(g->reload);
        free(g);
        return NULL;
}
