/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/bus-util.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "conf/conf.h"
#include "conf/metadata.h"
#include "core/record.h"
#include "util/log.h"
#include "util/names.h"
#include "util/strv.h"
#include "util/text.h"

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
                for (n = room; n > 0 &&
                                ((unsigned char) text[n] & 0xc0) == 0x80;) /* not in the middle of a character */
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

int bus_check_unit_name(const char *name, sd_bus_error *error) {
        char quoted[BUS_QUOTE_SIZE];

        if (unit_name_is_valid(name))
                return 0;
        return bus_error(error, BUS_ERROR("InvalidName"), "%s is not the name of a unit that can be leased.",
                        bus_quote(name, quoted));
}

void bus_reply_failed(sd_bus_message *m, int r, sd_bus_error *error) {
        if (r < 0)
                r = sd_bus_error_is_set(error) ? sd_bus_reply_method_error(m, error)
                                               : sd_bus_reply_method_errno(m, r, NULL);
        if (r < 0)
                log_debug_errno(r, "cannot reply to a method call");
        sd_bus_error_free(error);
}

int bus_append_path(sd_bus_message *m, char *path) {
        int r = path ? sd_bus_message_append(m, "o", path) : -ENOMEM;

        free(path);
        return r;
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

int bus_follow_name(sd_bus *bus, sd_bus_slot **slot, const char *name, sd_bus_message_handler_t changed,
                sd_bus_message_handler_t installed, void *userdata) {
        char match[512];

        (void) snprintf(match, sizeof(match),
                        "type='signal',sender='" DBUS_NAME "',path='" DBUS_PATH "',interface='" DBUS_NAME
                        "',member='NameOwnerChanged',arg0='%s'",
                        name);
        return sd_bus_add_match_async(bus, slot, match, changed, installed, userdata);
}

bool bus_name_is_gone(sd_bus_message *m) {
        const char *now;

        return sd_bus_message_read(m, "sss", NULL, NULL, &now) >= 0 && isempty(now);
}

/* PID 1 writes a description into the file of the transient unit as it stands, and reads that file anew at each
 * daemon-reload. There a line break would begin another setting, and a backslash at the end would join the next line.
 */
int bus_append_description(sd_bus_message *m, const char *format, ...) {
        _cleanup_free_ char *text = NULL;
        char clean[512];
        size_t n;
        va_list ap;
        int r;

        va_start(ap, format);
        r = vasprintf(&text, format, ap);
        va_end(ap);
        if (r < 0) {
                text = NULL;
                return -ENOMEM;
        }
        n = strlen(text_clean(clean, sizeof(clean), text));
        if (n > 0 && clean[n - 1] == '\\')
                clean[n - 1] = '?';
        return sd_bus_message_append(m, "(sv)", "Description", "s", clean);
}

int bus_append_exec(sd_bus_message *m, char **command) {
        int r;

        if ((r = sd_bus_message_open_container(m, 'r', "sv")) < 0 ||
                        (r = sd_bus_message_append(m, "s", "ExecStart")) < 0 ||
                        (r = sd_bus_message_open_container(m, 'v', "a(sasb)")) < 0 ||
                        (r = sd_bus_message_open_container(m, 'a', "(sasb)")) < 0 ||
                        (r = sd_bus_message_open_container(m, 'r', "sasb")) < 0 ||
                        (r = sd_bus_message_append(m, "s", command[0])) < 0 ||
                        (r = sd_bus_message_append_strv(m, command)) < 0 || (r = sd_bus_message_append(m, "b", 0)) < 0)
                return r;
        for (unsigned i = 0; i < 4 && r >= 0; i++)
                r = sd_bus_message_close_container(m);
        return r;
}
