/* SPDX-License-Identifier: Apache-2.0 */

/*
 * leasectl monitor: prints what changes, as it changes, one line each, until it is interrupted. With --json each line
 * is an object.
 *
 * leased announces the properties of an object all together. The values that were shown before are remembered, and
 * only those that differ are printed. The monitor goes on when leased ends; the end and the return of leased are lines
 * like others.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "ctl/machines.h"
#include "ctl/message-json.h"
#include "ctl/output.h"

typedef struct Monitor {
        Ctl *ctl;
        json_t *shown;    /* {path: {property: value}}, what was shown last */
        json_t *machines; /* rows, for names */
} Monitor;

/* ---- one line ---- */

static void print_line(const char *what, const char *text) {
        usec_t now = now_realtime();
        time_t seconds = (time_t) (now / USEC_PER_SEC);
        char stamp[32] = "";
        struct tm tm;

        if (localtime_r(&seconds, &tm))
                (void) strftime(stamp, sizeof(stamp), "%H:%M:%S", &tm);
        say("%s%s.%03" PRIu64 "%s %s%s%s: %s", colour_on(COLOUR_GREY), stamp, now / USEC_PER_MSEC % 1000, colour_off(),
                        colour_on(COLOUR_BOLD), what, colour_off(), text);
}

/* Prints one event. Takes over the reference to details. */
static void print_event(
                const Monitor *monitor, const char *event, const char *what, const char *text, json_t *details) {
        json_auto_t *line = details ?: json_object();

        if (monitor->ctl->json != JSON_OFF) {
                const Ctl short_lines = { .json = JSON_MODE_SHORT };

                (void) json_object_set_new(line, "time_usec", json_integer((json_int_t) now_realtime()));
                (void) json_object_set_new(line, "event", json_string(event));
                (void) json_object_set_new(line, "name", json_string(what));
                print_json(&short_lines, line);
        } else
                print_line(what, text);
        (void) fflush(stdout);
}

/* Writes a name for the object at a path into buf: "lease foo.service", "foo.service", "leased". */
static void name_of_path(const char *path, char *buf, size_t size) {
        _cleanup_free_ char *lease = NULL, *unit = NULL;

        if (sd_bus_path_decode(path, LEASED_UNIT_PATH, &unit) > 0)
                str_copy(buf, size, unit);
        else if (sd_bus_path_decode(path, LEASED_LEASE_PATH, &lease) > 0)
                (void) snprintf(buf, size, "lease %s", lease);
        else
                str_copy(buf, size, streq(path, LEASED_PATH) ? "leased" : path);
}

/* ---- names of machines ---- */

static const char *name_machine(Monitor *monitor, const char *id, char *buf, size_t size) {
        if (!machines_find(monitor->machines, id)) {
                json_t *machines = NULL;

                if (machines_read(monitor->ctl, &machines) == CTL_OK) {
                        json_decref(monitor->machines);
                        monitor->machines = machines;
                }
        }
        return machine_name(monitor->machines, id, buf, size);
}

/* ---- properties ---- */

/* Writes a value as people want to read it. */
static void format_value(Monitor *monitor, const char *property, const json_t *value, char *buf, size_t size) {
        _cleanup_free_ char *text = NULL;
        char name[HOSTNAME_SHOWN];

        if (streq(property, "MachineID"))
                str_copy(buf, size,
                                *strempty(json_string_value(value))
                                                ? name_machine(monitor, json_string_value(value), name, sizeof(name))
                                                : "nobody");
        else if (json_is_string(value))
                str_copy(buf, size, *json_string_value(value) ? json_string_value(value) : "\"\"");
        else {
                text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
                str_copy(buf, size, strempty(text));
        }
}

static json_t *remembered(Monitor *monitor, const char *path) {
        json_t *object = json_object_get(monitor->shown, path);

        if (!object) {
                object = json_object();
                (void) json_object_set_new(monitor->shown, path, object);
        }
        return object;
}

static void show_properties(Monitor *monitor, const char *path, const json_t *properties) {
        json_t *before = remembered(monitor, path), *value;
        json_auto_t *changed = json_object();
        char text[2048] = "", name[300];
        const char *property;
        size_t at = 0;

        json_object_foreach((json_t *) properties, property, value) {
                char shown[512];
                int n;

                if (json_equal(json_object_get(before, property), value))
                        continue;
                (void) json_object_set(before, property, value);
                (void) json_object_set(changed, property, value);
                format_value(monitor, property, value, shown, sizeof(shown));
                n = snprintf(text + at, sizeof(text) - at, "%s%s=%s", at > 0 ? ", " : "", property, shown);
                at = n < 0 ? at : MIN(at + (size_t) n, sizeof(text) - 1);
        }
        if (json_object_size(changed) == 0)
                return;
        name_of_path(path, name, sizeof(name));
        print_event(monitor, "changed", name, text, json_pack("{s:O}", "properties", changed));
}

/* ---- signals ---- */

static void show_lease_changed(Monitor *monitor, const json_t *body) {
        const char *name = string_at(body, 0), *machine = string_at(body, 1), *reason = string_at(body, 4);
        char text[512], who[HOSTNAME_SHOWN], what[300];

        if (*machine)
                (void) snprintf(text, sizeof(text), "held by %s with Index %" JSON_INTEGER_FORMAT " (%s)",
                                name_machine(monitor, machine, who, sizeof(who)),
                                json_integer_value(json_array_get(body, 3)), reason);
        else
                (void) snprintf(text, sizeof(text), "held by nobody (%s)", reason);
        (void) snprintf(what, sizeof(what), "lease %s", name);
        print_event(monitor, "lease-changed", what, text,
                        json_pack("{s:O, s:O, s:O, s:O, s:O*}", "machine_id", json_array_get(body, 1), "version",
                                        json_array_get(body, 2), "index", json_array_get(body, 3), "reason",
                                        json_array_get(body, 4), "code", json_array_get(body, 5)));
}

static void show_object(Monitor *monitor, const json_t *body, bool added) {
        const char *path = string_at(body, 0), *interface;
        char name[300];
        json_t *properties;

        name_of_path(path, name, sizeof(name));
        if (added) {
                print_event(monitor, "added", name, "is new", NULL);
                json_object_foreach(json_array_get(body, 1), interface, properties)
                        (void) json_object_update(remembered(monitor, path), properties);
        } else if (json_object_del(monitor->shown, path) == 0) /* there is one signal for each interface */
                print_event(monitor, "removed", name, "is gone", NULL);
}

static void show_message(Monitor *monitor, sd_bus_message *m) {
        const char *member = strempty(sd_bus_message_get_member(m)), *path = strempty(sd_bus_message_get_path(m));
        json_auto_t *body = NULL;

        if (sd_bus_message_is_signal(m, NULL, NULL) <= 0 || message_json_body(m, &body) < 0)
                return;
        if (streq(member, "NameOwnerChanged")) {
                bool up = *string_at(body, 2);

                if (streq(string_at(body, 0), LEASED_NAME))
                        print_event(monitor, up ? "started" : "ended", "leased", up ? "has started" : "has ended",
                                        NULL);
        } else if (!startswith(path, LEASED_PATH))
                return;
        else if (streq(member, "LeaseChanged"))
                show_lease_changed(monitor, body);
        else if (streq(member, "PropertiesChanged"))
                show_properties(monitor, path, json_array_get(body, 1));
        else if (streq(member, "InterfacesAdded"))
                show_object(monitor, body, true);
        else if (streq(member, "InterfacesRemoved"))
                show_object(monitor, body, false);
}

/* ---- the verb ---- */

/* Remembers everything that is there at the beginning, since that is not news. */
static int remember_all(Monitor *monitor) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        json_auto_t *objects = NULL, *manager = NULL;
        json_t *object, *properties;
        const char *path, *interface;
        int r = bus_get_objects(monitor->ctl->bus, &objects, &error);

        if (r >= 0)
                r = bus_get_manager(monitor->ctl->bus, &manager, &error);
        if (r < 0)
                return bus_complain("monitor", r, &error);
        (void) json_object_set(monitor->shown, LEASED_PATH, manager);
        json_object_foreach(objects, path, object) {
                json_t *all = remembered(monitor, path);

                json_object_foreach(object, interface, properties)
                        (void) json_object_update(all, properties);
        }
        r = machines_read(monitor->ctl, &monitor->machines);
        if (r == CTL_OK)
                print_event(monitor, "listening", "leased", "is followed from here on", NULL);
        return r;
}

static int follow(Monitor *monitor) {
        for (;;) {
                _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
                int r = sd_bus_process(monitor->ctl->bus, &m);

                if (r > 0 && m)
                        show_message(monitor, m);
                if (r == 0)
                        r = sd_bus_wait(monitor->ctl->bus, USEC_INFINITY);
                if (r < 0 && r != -EINTR)
                        return bus_complain("monitor", r, NULL);
                if (ferror(stdout))
                        return CTL_OK; /* the reader has left */
        }
}

int verb_monitor(Ctl *ctl, int argc, char **argv) {
        Monitor monitor = { .ctl = ctl, .shown = json_object() };
        int r = bus_watch_leased(ctl->bus), code;

        code = r < 0 ? bus_complain("monitor", r, NULL) : remember_all(&monitor);
        if (code == CTL_OK)
                code = follow(&monitor);
        json_decref(monitor.shown);
        json_decref(monitor.machines);
        return code;
}
