/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/bus.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "conf/metadata.h"
#include "daemon/authorize.h"
#include "daemon/bus-link.h"
#include "daemon/calls.h"
#include "daemon/kept.h"
#include "daemon/publish.h"
#include "daemon/suspend.h"
#include "daemon/pid1-port.h"
#include "daemon/words.h"
#include "util/log.h"
#include "util/text.h"

enum {
        ANSWERS_WAITING_MAX = 1024, /* messages */
};

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
        const Pid1UnitStatus *s = pid1_port_status(d, unit);

        return s && s->known ? pid1_unit_active_to_string(s->active) : "unknown";
}

const char *bus_registry_state(const RegistryStatus *status, const SessionView *session) {
        static const char *const texts[] = {
                [REGISTRY_CONNECTING] = "connecting",
                [REGISTRY_OK] = "ok",
                [REGISTRY_TROUBLE] = "trouble",
        };

        return status->state == REGISTRY_OK && !isempty(session->found_uuid) ? "foreign" : texts[status->state];
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
        return bus_link_is_up(d->api) ? d->bus : NULL;
}

/* ---- what others ask of us ---- */

/* Once when it begins; its end is logged by name_acquired(). */
static void note_trouble(Daemon *d, int error, const char *what) {
        if (!d->bus_trouble)
                (void) log_error_errno(error, "%s", what);
        d->bus_trouble = true;
        notify_status(d->notifier, what);
}

static void name_acquired(Daemon *d) {
        bus_link_works(d->api);
        if (d->bus_trouble)
                log_notice("connected to the system bus again");
        d->bus_trouble = false;
        if (!d->ready)
                notify_state(d->notifier, "READY=1");
        d->ready = true;
        /* PID 1 is watched, and asked to start anything, only when READY=1 is out: units wait for it. */
        bus_link_open(d->own);
        publish_manager(d);
}

static int on_name(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Daemon *d = userdata;
        uint32_t answer = 0;
        int r;

        d->bus_name_slot = sd_bus_slot_unref(d->bus_name_slot);
        if (sd_bus_message_is_method_error(m, NULL)) {
                if (!bus_link_is_up(d->api))
                        return 0;
                note_trouble(d, -sd_bus_message_get_errno(m),
                                "the bus does not give us the name " BUS_NAME ": is its policy " BUS_NAME
                                ".conf installed, and has the bus been reloaded since");
                bus_link_try_later(d->api);
                return 0;
        }
        r = sd_bus_message_read(m, "u", &answer);
        if (r >= 0 && (answer == 1 || answer == 4)) /* primary owner, already owner */
                name_acquired(d);
        else {
                note_trouble(d, EEXIST, "somebody else has the bus name " BUS_NAME);
                bus_link_try_later(d->api);
        }
        return 0;
}

static int request_name(sd_bus *bus, void *userdata) {
        Daemon *d = userdata;

        d->bus_name_slot = sd_bus_slot_unref(d->bus_name_slot);
        return sd_bus_request_name_async(bus, &d->bus_name_slot, BUS_NAME, 0, on_name, d);
}

/* Whoever asks faster than the bus takes our answers gets none: they would pile up in here without end. */
static int on_message(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        uint64_t waiting = 0;
        uint8_t type = 0;

        if (sd_bus_message_get_type(m, &type) < 0 || type != SD_BUS_MESSAGE_METHOD_CALL ||
                        sd_bus_get_n_queued_write(sd_bus_message_get_bus(m), &waiting) < 0 ||
                        waiting < ANSWERS_WAITING_MAX)
                return 0;
        if (waiting < 2 * ANSWERS_WAITING_MAX)
                (void) sd_bus_reply_method_errorf(
                                m, SD_BUS_ERROR_LIMITS_EXCEEDED, "Too many answers wait to be read.");
        return 1;
}

/* Objects before the name, so that nobody sees half of them. */
static int open_api(sd_bus *bus, void *userdata) {
        Daemon *d = userdata;
        int r;

        d->bus = bus;
        if ((r = sd_bus_add_filter(bus, NULL, on_message, d)) < 0 ||
                        (r = sd_bus_add_object_manager(bus, NULL, BUS_PATH)) < 0 ||
                        (r = bus_manager_register(d)) < 0 || (r = bus_lease_register(d)) < 0 ||
                        (r = bus_unit_register(d)) < 0)
                return r;
        return request_name(bus, d);
}

static void close_api(void *userdata) {
        Daemon *d = userdata;

        authorize_cancel(d);
        calls_cancel(d);
        words_cancel(d);
        kept_cancel(d);
        d->bus_name_slot = sd_bus_slot_unref(d->bus_name_slot);
        d->bus = NULL;
}

static void api_trouble(int error, const char *what, void *userdata) {
        note_trouble(userdata, error, what);
}

/* ---- what we ask of PID 1 and logind ---- */

static int open_own(sd_bus *bus, void *userdata) {
        Daemon *d = userdata;
        int r;

        d->own_bus = bus;
        r = suspend_attach(d);
        return r < 0 ? r : pid1_attach(d->manager, bus);
}

static void close_own(void *userdata) {
        Daemon *d = userdata;

        pid1_detach(d->manager);
        suspend_detach(d);
        d->own_bus = NULL;
}

/* Both connections are to one bus: the other says so to people. */
static void own_trouble(int error, const char *what, void *userdata) {
        log_debug_errno(error, "%s", what);
}

/* ---- life ---- */

int bus_new(Daemon *d) {
        static const BusLinkCallbacks api = { open_api, close_api, api_trouble, request_name },
                                      own = { open_own, close_own, own_trouble, NULL };
        int r = bus_link_new(d->event, "leased-api", &api, d, &d->api);

        if (r >= 0)
                r = bus_link_new(d->event, "leased", &own, d, &d->own);
        if (r < 0)
                return log_error_errno(r, "cannot prepare for the system bus");
        bus_link_open(d->api);
        return 0;
}

void bus_free(Daemon *d) {
        d->api = bus_link_free(d->api);
        d->own = bus_link_free(d->own);
}
