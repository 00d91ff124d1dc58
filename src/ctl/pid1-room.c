/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Finds out how many match rules the bus allows a connection. Nobody tells the number, but it is the same for every
 * connection. So it is tried on a connection of our own, with room to spare. The result is kept in /run as long as
 * this is the same bus with the same configuration, so that commands that enable units one after the other try it only
 * now and then.
 */

#include "ctl/pid1-room.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#include "ctl/bus.h"
#include "util/file-util.h"

#define ROOM_DIRECTORY "/run/leased"
#define ROOM_FILE ROOM_DIRECTORY "/bus-room"

enum {
        RULES_BY_DEFAULT = 512,
        RULES_OF_JOBS = 112,
        KEY_SIZE = 128,
};

/* Writes which bus this is, and when its configuration was last changed. */
static int read_key(sd_bus *bus, char key[static KEY_SIZE]) {
        static const char *const places[] = { "/etc/dbus-1", "/etc/dbus-1/system.d", "/usr/share/dbus-1/system.d",
                "/usr/share/dbus-1/system.d/org.leased1.conf", "/etc/dbus-1/system-local.conf" };
        int64_t changed = 0;
        sd_id128_t id;
        struct stat st;
        int r = sd_bus_get_bus_id(bus, &id);

        for (size_t i = 0; i < ELEMENTSOF(places); i++)
                if (stat(places[i], &st) == 0)
                        changed = MAX(changed, (int64_t) st.st_mtim.tv_sec * (int64_t) USEC_PER_SEC +
                                                               st.st_mtim.tv_nsec / 1000);
        if (r >= 0)
                (void) snprintf(key, KEY_SIZE, SD_ID128_FORMAT_STR " %" PRId64, SD_ID128_FORMAT_VAL(id), changed);
        return r;
}

/* Gives how many rules were found to be allowed; 0 if that is not known. */
static size_t read_room(const char *key) {
        _cleanup_free_ char *text = NULL;
        const char *number;

        if (read_file(ROOM_FILE, 4096, &text, NULL) < 0)
                return 0;
        number = startswith(text, key) ? text + strlen(key) : NULL;
        return number && *number == ' ' ? (size_t) strtoul(number + 1, NULL, 10) : 0;
}

/* Keeps how many rules were found to be allowed. A failure is ignored, since this only spares the next command a
 * trial. */
static void keep_room(const char *key, size_t rules) {
        char text[KEY_SIZE + 32];

        (void) snprintf(text, sizeof(text), "%s %zu\n", key, rules);
        if (mkdir_parents(ROOM_DIRECTORY, 0755) >= 0)
                (void) write_file_atomic(ROOM_FILE, text, strlen(text), 0644, 0);
}

static int add_rule(sd_bus *bus, sd_bus_message **ret) {
        int r = sd_bus_message_new_method_call(
                        bus, ret, bus_broker.name, bus_broker.path, bus_broker.interface, "AddMatch");

        return r < 0 ? r : sd_bus_message_append(*ret, "s", "type='signal',interface='org.leased1.Nothing'");
}

/* Tries so many rules. Returns false if the bus refuses them. The answer to the last rule is enough to know. */
static bool try_rules(size_t rules) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus *bus = NULL;
        int r = sd_bus_open_system(&bus);

        for (size_t i = 1; i <= rules && r >= 0; i++) {
                _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;

                r = add_rule(bus, &m);
                if (r >= 0 && i == rules)
                        r = sd_bus_call(bus, m, BUS_CALL_TIMEOUT, &error, NULL);
                else if (r >= 0 && (r = sd_bus_message_set_expect_reply(m, false)) >= 0)
                        r = sd_bus_send(bus, m, NULL);
        }
        (void) sd_bus_flush_close_unref(bus);
        return r >= 0 || !sd_bus_error_has_name(&error, SD_BUS_ERROR_LIMITS_EXCEEDED);
}

int pid1_room_check(Ctl *ctl, size_t units) {
        size_t needed = units + RULES_OF_JOBS, generous = 2 * needed;
        char key[KEY_SIZE];

        if (needed <= RULES_BY_DEFAULT || read_key(ctl->bus, key) < 0 || read_room(key) >= needed)
                return CTL_OK;
        if (try_rules(generous)) {
                keep_room(key, generous);
                return CTL_OK;
        }
        if (try_rules(needed))
                return CTL_OK;
        return ctl_fail("with %zu leased units PID 1 would need more match rules than the bus allows it, and leave "
                        "the bus for good: systemctl reload dbus, so that org.leased1.conf there is in force",
                        units);
}
