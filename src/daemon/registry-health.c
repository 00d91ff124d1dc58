/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/registry-health.h"

#include <errno.h>
#include <stdlib.h>

#include "util/log.h"

struct RegistryHealth {
        char *warning;     /* the last warning that was logged */
        char *note;        /* likewise, the last note */
        const char *shown; /* the state that was last announced, a static text, and since when (CLOCK_REALTIME) */
        usec_t shown_since;
        usec_t silent_since; /* CLOCK_BOOTTIME: since when there is trouble, and no beat was ever committed; 0: there
                                is none */
        bool told;
        sd_event_source *timer; /* runs out TTL/2 after trouble began: only then it is logged, for a shorter one is not
                                   worth a line */
};

static void look(Daemon *d, RegistryStatus *ret, bool *ret_silent) {
        SessionView session;

        d->registry->ops->status(d->registry, ret);
        core_session_view(d->core, loop_now(), &session);
        *ret_silent = ret->state == REGISTRY_TROUBLE && session.last_beat == 0;
}

static int on_patience_over(sd_event_source *source, uint64_t usec, void *userdata) {
        Daemon *d = userdata;
        RegistryHealth *h = d->registry_health;
        RegistryStatus status;
        bool silent;

        look(d, &status, &silent);
        if (!silent || h->silent_since == 0)
                return 0;
        h->told = true;
        log_warning("the registry does not answer (%s): no unit is started here before it does",
                        isempty(status.error) ? "no answer in time" : status.error);
        return 0;
}

static void follow_silence(Daemon *d, const RegistryStatus *status, bool silent) {
        RegistryHealth *h = d->registry_health;
        char span[32];

        if (silent && h->silent_since == 0) {
                h->silent_since = now_boottime();
                (void) sd_event_source_set_time(h->timer, usec_add(h->silent_since, d->conf->ttl / 2));
                (void) sd_event_source_set_enabled(h->timer, SD_EVENT_ONESHOT);
        } else if (!silent && status->state == REGISTRY_OK && h->silent_since != 0) {
                if (h->told)
                        log_notice("the registry answers after %s",
                                        format_span(span, sizeof(span), usec_sub(now_boottime(), h->silent_since)));
                (void) sd_event_source_set_enabled(h->timer, SD_EVENT_OFF);
                h->silent_since = 0;
                h->told = false;
        }
}

/* Logs what the registry says of itself, unless it has said the same before: that is in *told. */
static void tell_once(char **told, const char *text, int level) {
        if (streq(strempty(*told), strempty(text)))
                return;
        if (!isempty(text))
                (void) log_full(level, 0, "registry: %s", text);
        free(*told);
        *told = strdup(strempty(text));
}

static void on_status(void *userdata) {
        Daemon *d = userdata;
        RegistryHealth *h = d->registry_health;
        RegistryStatus status;
        bool silent;

        look(d, &status, &silent);
        tell_once(&h->warning, status.warning, LOG_WARNING);
        tell_once(&h->note, status.note, LOG_INFO);
        follow_silence(d, &status, silent);
        changed_note(d->changed);
}

const char *registry_health_state(const RegistryStatus *status, const SessionView *session) {
        static const char *const texts[] = {
                [REGISTRY_CONNECTING] = "connecting",
                [REGISTRY_OK] = "ok",
                [REGISTRY_TROUBLE] = "trouble",
        };

        return status->state == REGISTRY_OK && !isempty(session->found_uuid) ? "foreign" : texts[status->state];
}

const char *registry_health_last_error(
                const RegistryStatus *status, const SessionView *session, char buf[static WHY_TEXT_SIZE]) {
        if (!session->competing)
                return why_text(reason(session->why_not), buf);
        return status->state == REGISTRY_OK ? "" : strempty(status->error); /* it is kept when all is well again */
}

void registry_health_note(Daemon *d, const RegistryStatus *status, const SessionView *session) {
        const char *state = registry_health_state(status, session);
        RegistryHealth *h = d->registry_health;

        if (h->shown && streq(h->shown, state))
                return;
        h->shown = state;
        h->shown_since = now_realtime();
}

usec_t registry_health_since(const Daemon *d) {
        return d->registry_health->shown_since;
}

int registry_health_new(Daemon *d) {
        RegistryHealth *h = d->registry_health = calloc(1, sizeof(RegistryHealth));
        int r;

        if (!h)
                return -ENOMEM;
        r = sd_event_add_time(d->event, &h->timer, CLOCK_BOOTTIME, 0, USEC_PER_MSEC, on_patience_over, d);
        if (r < 0)
                return r;
        (void) sd_event_source_set_enabled(h->timer, SD_EVENT_OFF);
        d->registry->ops->on_status(d->registry, on_status, d);
        return 0;
}

void registry_health_free(Daemon *d) {
        RegistryHealth *h = d->registry_health;

        if (!h)
                return;
        sd_event_source_disable_unref(h->timer);
        free(h->warning);
        free(h->note);
        free(h);
        d->registry_health = NULL;
}
