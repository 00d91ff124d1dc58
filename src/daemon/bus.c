/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/bus.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "conf/metadata.h"
#include "daemon/authorize.h"
#include "daemon/calls.h"
#include "daemon/publish.h"
#include "daemon/suspend.h"
#include "daemon/units.h"
#include "daemon/words.h"
#include "util/log.h"
#include "util/text.h"

#define DEFAULT_ADDRESS "unix:path=/run/dbus/system_bus_socket"
#define CALL_TIMEOUT (10 * USEC_PER_SEC)
#define RETRY_MIN (100 * USEC_PER_MSEC)
#define RETRY_MAX (5 * USEC_PER_SEC)

/* ---- helpers of the interfaces ---- */

static char *object_path(const char *prefix, const char *name) {
        char *path = NULL;

        return sd_bus_path_encode(prefix, name, &path) < 0 ? NULL : path;
}

char *bus_lease_path(const char *name) {
        return object_path(BUS_LEASE_PATH, name);
}

char *bus_unit_path(const char *name) {
        return object_path(BUS_UNIT_PATH, name);
}

const char *bus_quote(const char *text, char buf[static BUS_QUOTE_SIZE]) {
        static const char more[] = "...";
        size_t n = strlen(text), room = BUS_QUOTE_SIZE - sizeof("\"\"") - sizeof(more);

        if (n > room)
                for (n = room; n > 0 && ((unsigned char) text[n] & 0xc0) == 0x80;) /* not amidst a character */
                        n--;
        (void) snprintf(buf, BUS_QUOTE_SIZE, "\"%.*s%s\"", (int) n, text, text[n] ? more : "");
        for (char *p = buf; *p; p++)
                if ((unsigned char) *p < ' ' || *p == 0x7f)
                        *p = '?';
        return buf;
}

int bus_append_text(sd_bus_message *m, const char *text) {
        _cleanup_free_ char *copy = NULL;

        if (!text || text_is_utf8(text))
                return sd_bus_message_append(m, "s", strempty(text));
        copy = strdup(text);
        return copy ? sd_bus_message_append(m, "s", text_mend(copy)) : -ENOMEM;
}

int bus_error(sd_bus_error *error, const char *name, const char *format, ...) {
        char text[1024];
        va_list ap;

        va_start(ap, format);
        (void) vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);
        return sd_bus_error_set(error, name, text_mend(text));
}

int bus_append_path(sd_bus_message *m, char *path) {
        int r = path ? sd_bus_message_append(m, "o", path) : -ENOMEM;

        free(path);
        return r;
}

const char *bus_active_state(Daemon *d, const char *unit) {
        const UnitStatus *s = units_status(d, unit);

        return s && s->known ? unit_active_to_string(s->active) : "unknown";
}

const char *bus_registry_state(const RegistryStatus *status) {
        static const char *const texts[] = {
                [REGISTRY_CONNECTING] = "connecting",
                [REGISTRY_OK] = "ok",
                [REGISTRY_TROUBLE] = "trouble",
        };

        return texts[status->state];
}

const char *bus_last_error(const RegistryStatus *status, const SessionView *session) {
        return session->competing || isempty(session->why_not) ? strempty(status->error) : session->why_not;
}

int bus_append_words(sd_bus_message *m, const char *words) {
        _cleanup_free_ char *copy = strdup(strempty(words));
        char *save = NULL;
        int r;

        if (!copy)
                return -ENOMEM;
        r = sd_bus_message_open_container(m, 'a', "s");
        for (char *word = strtok_r(copy, " ", &save); word && r >= 0; word = strtok_r(NULL, " ", &save))
                r = bus_append_text(m, word);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

int bus_append_metadata(sd_bus_message *m, const char *metadata) {
        char key[METADATA_SIZE], values[METADATA_SIZE];
        size_t cursor = 0;
        int r = sd_bus_message_open_container(m, 'a', "{ss}");

        while (r >= 0 && metadata_next(strempty(metadata), &cursor, key, values))
                r = sd_bus_message_append(m, "{ss}", key, values);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

int bus_paths_add(BusPaths *p, char *path) {
        if (p->n + 1 >= p->room) {
                size_t room = p->room ? 2 * p->room : 64;
                char **paths = realloc(p->paths, room * sizeof(char *));

                if (!paths) {
                        free(path);
                        return -ENOMEM;
                }
                p->paths = paths;
                p->room = room;
        }
        p->paths[p->n] = path;
        if (!path)
                return -ENOMEM;
        p->paths[++p->n] = NULL;
        return 0;
}

sd_bus *bus_up(Daemon *d) {
        return d->bus && !d->bus_lost && sd_bus_is_ready(d->bus) > 0 ? d->bus : NULL;
}

/* ---- the connection ---- */

/* Once when it begins; its end is logged by on_name(). */
static void note_trouble(Daemon *d, int error, const char *what) {
        if (!d->bus_trouble)
                (void) log_error_errno(error, "%s", what);
        d->bus_trouble = true;
        notify_status(d->notifier, what);
}

static void retry_later(Daemon *d) {
        unsigned doublings = MIN(d->bus_failures, 6u);
        usec_t delay = MIN(RETRY_MIN << doublings, RETRY_MAX);
        int r;

        d->bus_failures++;
        delay += delay / 4 * (now_boottime() % 1000) / 1000; /* so that not every client of a new broker comes at once */
        r = sd_event_source_set_time(d->bus_retry, usec_add(now_boottime(), delay));
        if (r >= 0)
                r = sd_event_source_set_enabled(d->bus_retry, SD_EVENT_ONESHOT);
        if (r < 0)
                log_error_errno(r, "cannot arm the timer for the bus");
}

static void close_connection(Daemon *d) {
        authorize_cancel(d);
        calls_cancel(d);
        words_cancel(d);
        manager_detach(d->manager);
        suspend_detach(d);
        d->bus_name_slot = sd_bus_slot_unref(d->bus_name_slot);
        d->bus_lost_slot = sd_bus_slot_unref(d->bus_lost_slot);
        d->bus = sd_bus_close_unref(d->bus);
        d->bus_named = d->bus_lost = false;
}

static int on_lost(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Daemon *d = userdata;

        d->bus_lost = true;
        note_trouble(d, ECONNRESET, "the connection to the system bus is lost");
        retry_later(d);
        return 0;
}

static void name_acquired(Daemon *d) {
        d->bus_named = true;
        d->bus_failures = 0;
        if (d->bus_trouble)
                log_notice("connected to the system bus again");
        d->bus_trouble = false;
        if (!d->ready)
                notify_state(d->notifier, "READY=1");
        d->ready = true;
        publish_manager(d);
}

static int on_name(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Daemon *d = userdata;
        uint32_t answer = 0;
        int r;

        d->bus_name_slot = sd_bus_slot_unref(d->bus_name_slot);
        if (sd_bus_message_is_method_error(m, NULL)) {
                if (d->bus_lost)
                        return 0;
                r = -sd_bus_message_get_errno(m);
                note_trouble(d, r,
                                "the bus does not give us the name " BUS_NAME
                                ": is its policy " BUS_NAME ".conf installed, and has the bus been reloaded since");
                retry_later(d);
                return 0;
        }
        r = sd_bus_message_read(m, "u", &answer);
        if (r >= 0 && (answer == 1 || answer == 4)) /* primary owner, already owner */
                name_acquired(d);
        else {
                note_trouble(d, EEXIST, "somebody else has the bus name " BUS_NAME);
                retry_later(d);
        }
        return 0;
}

static int request_name(Daemon *d) {
        d->bus_name_slot = sd_bus_slot_unref(d->bus_name_slot);
        return sd_bus_request_name_async(d->bus, &d->bus_name_slot, BUS_NAME, 0, on_name, d);
}

static int configure_connection(sd_bus *bus) {
        const char *address = getenv("DBUS_SYSTEM_BUS_ADDRESS");
        int r;

        if ((r = sd_bus_set_description(bus, "leased")) < 0 ||
            (r = sd_bus_set_address(bus, isempty(address) ? DEFAULT_ADDRESS : address)) < 0 ||
            (r = sd_bus_set_bus_client(bus, true)) < 0 || (r = sd_bus_set_watch_bind(bus, true)) < 0 ||
            (r = sd_bus_set_method_call_timeout(bus, CALL_TIMEOUT)) < 0)
                return r;
        return sd_bus_start(bus);
}

/* Objects before the name, so that nobody sees half of them; the name before PID 1 is watched, so that READY=1 is out
 * before any unit can be started. */
static int populate_connection(Daemon *d) {
        int r;

        if ((r = sd_bus_match_signal_async(d->bus, &d->bus_lost_slot, "org.freedesktop.DBus.Local",
                             "/org/freedesktop/DBus/Local", "org.freedesktop.DBus.Local", "Disconnected", on_lost, NULL,
                             d)) < 0 ||
            (r = sd_bus_add_object_manager(d->bus, NULL, BUS_PATH)) < 0 || (r = bus_manager_register(d)) < 0 ||
            (r = bus_lease_register(d)) < 0 || (r = bus_unit_register(d)) < 0 || (r = request_name(d)) < 0 || (r = suspend_attach(d)) < 0 ||
            (r = sd_bus_attach_event(d->bus, d->event, SD_EVENT_PRIORITY_NORMAL)) < 0)
                return r;
        return manager_attach(d->manager, d->bus);
}

static void open_connection(Daemon *d) {
        int r = sd_bus_new(&d->bus);

        if (r >= 0)
                r = configure_connection(d->bus);
        if (r >= 0)
                r = populate_connection(d);
        if (r >= 0)
                return;
        note_trouble(d, r, "cannot connect to the system bus");
        close_connection(d);
        retry_later(d);
}

/* Out of the bus's own callbacks, which is why losing it only sets a flag. */
static int on_retry(sd_event_source *source, uint64_t usec, void *userdata) {
        Daemon *d = userdata;

        if (d->bus && !d->bus_lost) {
                if (request_name(d) < 0)
                        retry_later(d);
                return 0;
        }
        close_connection(d);
        open_connection(d);
        return 0;
}

int bus_new(Daemon *d) {
        int r = sd_event_add_time(d->event, &d->bus_retry, CLOCK_BOOTTIME, USEC_INFINITY, USEC_PER_MSEC, on_retry, d);

        if (r < 0)
                return log_error_errno(r, "cannot prepare for the system bus");
        open_connection(d);
        return 0;
}

void bus_free(Daemon *d) {
        if (d->manager)
                close_connection(d);
        sd_event_source_disable_unref(d->bus_retry);
}
