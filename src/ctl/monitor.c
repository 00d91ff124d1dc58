/* SPDX-License-Identifier: Apache-2.0 */

/*
 * leasectl monitor: says what changes, as it changes, in a line of words for each event (monitor-words.h), until it is
 * interrupted. With --json each line is an object, and there is one for each change of a property.
 *
 * leased announces the properties of an object all together. The values that were shown before are remembered, and
 * only those that differ count. leased sends no signal when a machine falls silent, so the monitor looks at the
 * machines every other second. The monitor goes on when leased ends; the end and the return of leased are lines like
 * others.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "core/why.h"
#include "ctl/cluster.h"
#include "ctl/machines.h"
#include "ctl/message-json.h"
#include "ctl/monitor-words.h"
#include "ctl/output.h"
#include "ctl/snake.h"
#include "util/text.h"

/* How often the machines are looked at. */
#define LOOK_INTERVAL (2 * USEC_PER_SEC)

typedef struct Monitor {
        Ctl *ctl;
        json_t *shown;    /* {path: {property: value}}, what was shown last */
        json_t *states;   /* {"machine unit": state}, likewise */
        json_t *machines; /* rows, as they were last looked at */
        char *here;       /* the id of this machine */
        usec_t looked;    /* when the machines were last looked at (CLOCK_BOOTTIME) */
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
        say_flush();
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

static const char *name_machine(const Monitor *monitor, const char *id, char *buf, size_t size) {
        return machine_name(monitor->machines, id, buf, size);
}

/* ---- units ---- */

/* Says how a unit is on a machine, if that is other than what was said last. */
static void say_unit(Monitor *monitor, const char *unit, const char *machine, const char *state, const char *result,
                json_int_t index) {
        _cleanup_free_ char *key = text_format("%s %s", machine, unit);
        const char *before = key ? get_string(monitor->states, key) : "";
        char text[256], name[HOSTNAME_SHOWN];

        if (!key || streq(before, state))
                return;
        if (monitor_words_unit(text, sizeof(text), before, state, name_machine(monitor, machine, name, sizeof(name)),
                            result, index))
                print_event(monitor, "", unit, text, NULL);
        (void) json_object_set_new(monitor->states, key, json_string(state));
}

static void show_unit_state(Monitor *monitor, const json_t *body) {
        static const char *const members[] = { "unit", "machine_id", "state", "active_state", "result", "since_usec",
                "holds", "index", "revision" };
        const char *unit = string_at(body, 0), *machine = string_at(body, 1);

        if (monitor->ctl->json != JSON_OFF) {
                json_t *details = json_object();

                for (size_t i = 0; i < ELEMENTSOF(members); i++)
                        (void) json_object_set(details, members[i], json_array_get(body, i));
                print_event(monitor, "unit-state", unit, "", details);
        } else if (!streq(machine, monitor->here)) /* of units here PropertiesChanged tells sooner */
                say_unit(monitor, unit, machine, string_at(body, 2), string_at(body, 4),
                                json_integer_value(json_array_get(body, 7)));
}

/* ---- properties ---- */

static json_t *remembered(Monitor *monitor, const char *path) {
        json_t *object = json_object_get(monitor->shown, path);

        if (!object) {
                object = json_object();
                (void) json_object_set_new(monitor->shown, path, object);
        }
        return object;
}

/* Says in words what has changed of an object. Of most properties nothing is said, since other lines say the same. */
static void say_properties(Monitor *monitor, const char *path, const json_t *changed) {
        const json_t *all = remembered(monitor, path);
        char name[300], text[1024], host[HOSTNAME_SHOWN];
        const char *property;
        json_t *value;

        name_of_path(path, name, sizeof(name));
        if (startswith(path, LEASED_UNIT_PATH "/") && json_object_get(changed, "State"))
                say_unit(monitor, name, monitor->here, get_string(all, "State"), "", get_integer(all, "LeaseIndex"));
        if (streq(path, LEASED_PATH))
                (void) name_machine(monitor, monitor->here, name, sizeof(name));
        (void) name_machine(monitor, monitor->here, host, sizeof(host));
        json_object_foreach((json_t *) changed, property, value) {
                const char *subject = monitor_words_property(text, sizeof(text), property, value, all, host);

                if (subject)
                        print_event(monitor, "", *subject ? subject : name, text, NULL);
        }
}

static void show_properties(Monitor *monitor, const char *path, const json_t *properties) {
        json_t *before = remembered(monitor, path), *value;
        json_auto_t *changed = json_object();
        const char *property;
        char name[300];

        json_object_foreach((json_t *) properties, property, value) {
                if (json_equal(json_object_get(before, property), value))
                        continue;
                (void) json_object_set(before, property, value);
                (void) json_object_set(changed, property, value);
        }
        if (json_object_size(changed) == 0)
                return;
        name_of_path(path, name, sizeof(name));
        if (monitor->ctl->json != JSON_OFF)
                print_event(monitor, "changed", name, "", json_pack("{s:o}", "properties", snake_members(changed)));
        else
                say_properties(monitor, path, changed);
}

/* ---- leases ---- */

/* Gives who asked for the end of the lease's last tenure, if that ended for this reason: "anna@alpha", owned by the
 * caller. NULL: nobody asked, or it is not known any more. */
static char *find_asker(const Monitor *monitor, const char *lease, const char *reason) {
        json_auto_t *history = NULL;
        const json_t *tenures;
        const char *by;
        size_t n;

        if (bus_call(monitor->ctl->bus, &bus_leased, "GetHistory", &history, NULL, "s", lease) < 0)
                return NULL;
        tenures = json_array_get(history, 0);
        n = json_array_size(tenures);
        if (n == 0 || !streq(string_at(json_array_get(tenures, n - 1), 4), reason))
                return NULL;
        by = string_at(json_array_get(history, 2), n - 1);
        return *by ? strdup(by) : NULL;
}

static void show_lease_changed(Monitor *monitor, const json_t *body) {
        const char *lease = string_at(body, 0), *machine = string_at(body, 1), *reason = string_at(body, 4);
        json_int_t code = json_integer_value(json_array_get(body, 5));
        char text[512], to[HOSTNAME_SHOWN], name[300];
        _cleanup_free_ char *by = NULL;

        if (code == WHY_RENEWED || code == WHY_ACQUIRED)
                reason = "";
        by = *reason ? find_asker(monitor, lease, reason) : NULL;
        (void) snprintf(name, sizeof(name), "lease %s", lease);
        if (monitor->ctl->json != JSON_OFF) {
                print_event(monitor, "lease-changed", name, "",
                                json_pack("{s:O, s:O, s:O, s:O, s:O*, s:O*, s:s}", "machine_id",
                                                json_array_get(body, 1), "version", json_array_get(body, 2), "index",
                                                json_array_get(body, 3), "reason", json_array_get(body, 4), "code",
                                                json_array_get(body, 5), "revision", json_array_get(body, 6), "by",
                                                strempty(by)));
                return;
        }
        if (code == WHY_RENEWED)
                return;
        monitor_words_lease(text, sizeof(text), *machine ? name_machine(monitor, machine, to, sizeof(to)) : "",
                        strempty(by), json_integer_value(json_array_get(body, 3)), reason);
        print_event(monitor, "", lease, text, NULL);
}

/* ---- objects ---- */

static void show_object(Monitor *monitor, const json_t *body, bool added) {
        const char *path = string_at(body, 0), *interface;
        bool words = monitor->ctl->json == JSON_OFF, unit = startswith(path, LEASED_UNIT_PATH "/");
        char name[300];
        json_t *properties;

        name_of_path(path, name, sizeof(name));
        if (added) {
                if (!words || unit)
                        print_event(monitor, "added", name, "enabled here", NULL);
                json_object_foreach(json_array_get(body, 1), interface, properties)
                        (void) json_object_update(remembered(monitor, path), properties);
        } else if (json_object_del(monitor->shown, path) == 0 && (!words || unit))
                print_event(monitor, "removed", name, "no longer enabled here",
                                NULL); /* a signal for each interface */
}

/* ---- machines ---- */

/* Says which machines are up, silent or draining now and were not before. leased sends no signal about that. */
static void look_at_machines(Monitor *monitor) {
        json_auto_t *machines = NULL, *manager = NULL;
        json_t *machine;
        size_t i;

        if (machines_ask(monitor->ctl->bus, &machines, &manager, NULL) < 0)
                return;
        json_array_foreach(machines, i, machine) {
                const char *id = get_string(machine, "machine_id");
                const json_t *before = machines_find(monitor->machines, id);
                char text[128], name[HOSTNAME_SHOWN];

                if (!monitor_words_machine(text, sizeof(text), before, machine))
                        continue;
                print_event(monitor, "machine", machine_name(machines, id, name, sizeof(name)), text,
                                json_pack("{s:s, s:O, s:O}", "machine_id", id, "up", json_object_get(machine, "up"),
                                                "draining", json_object_get(machine, "draining")));
        }
        json_decref(monitor->machines);
        monitor->machines = json_incref(machines);
}

/* ---- signals ---- */

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
        else if (streq(member, "UnitStateChanged"))
                show_unit_state(monitor, body);
        else if (streq(member, "PropertiesChanged"))
                show_properties(monitor, path, json_array_get(body, 1));
        else if (streq(member, "InterfacesAdded"))
                show_object(monitor, body, true);
        else if (streq(member, "InterfacesRemoved"))
                show_object(monitor, body, false);
}

/* ---- the verb ---- */

/* Remembers the states of all units on all machines. */
static int remember_states(Monitor *monitor) {
        json_auto_t *rows = NULL;
        json_t *row;
        size_t i;
        int code = cluster_units_read(monitor->ctl, "", &rows);

        json_array_foreach(rows, i, row) {
                _cleanup_free_ char *key =
                                text_format("%s %s", get_string(row, "machine_id"), get_string(row, "unit"));

                if (key)
                        (void) json_object_set(monitor->states, key, json_object_get(row, "state"));
        }
        return code;
}

/* Remembers everything that is there at the beginning, since that is not news. */
static int remember_all(Monitor *monitor) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        json_auto_t *objects = NULL, *manager = NULL;
        json_t *object, *properties;
        const char *path, *interface;
        int code, r = bus_get_objects(monitor->ctl->bus, &objects, &error);

        if (r < 0)
                return bus_complain("monitor", r, &error);
        code = machines_read_all(monitor->ctl, &monitor->machines, &manager);
        if (code == CTL_OK)
                code = remember_states(monitor);
        if (code != CTL_OK)
                return code;
        monitor->here = strdup(get_string(manager, "MachineID"));
        (void) json_object_set(monitor->shown, LEASED_PATH, manager);
        json_object_foreach(objects, path, object) {
                json_t *all = remembered(monitor, path);

                json_object_foreach(object, interface, properties)
                        (void) json_object_update(all, properties);
        }
        print_event(monitor, "listening", "leased", "is followed from here on", NULL);
        return monitor->here ? CTL_OK : CTL_FAILED;
}

static int follow(Monitor *monitor) {
        for (;;) {
                _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
                int r = sd_bus_process(monitor->ctl->bus, &m);

                if (r > 0 && m)
                        show_message(monitor, m);
                if (r == 0)
                        r = sd_bus_wait(monitor->ctl->bus, LOOK_INTERVAL);
                if (r < 0 && r != -EINTR)
                        return bus_complain("monitor", r, NULL);
                if (ferror(stdout))
                        return CTL_OK; /* the reader has left */
                if (now_boottime() >= monitor->looked + LOOK_INTERVAL) {
                        look_at_machines(monitor);
                        monitor->looked = now_boottime();
                }
        }
}

int verb_monitor(Ctl *ctl, int argc, char **argv) {
        Monitor monitor = { .ctl = ctl, .shown = json_object(), .states = json_object() };
        int r = bus_watch_leased(ctl->bus), code;

        code = r < 0 ? bus_complain("monitor", r, NULL) : remember_all(&monitor);
        if (code == CTL_OK)
                code = follow(&monitor);
        json_decref(monitor.shown);
        json_decref(monitor.states);
        json_decref(monitor.machines);
        free(monitor.here);
        return code;
}
