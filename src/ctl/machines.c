/* SPDX-License-Identifier: Apache-2.0 */

/* leasectl machines: shows the machines that take part. Also finds, for other verbs, the machine that an operator
 * means. */

#include "ctl/machines.h"

#include <stdio.h>

#include "ctl/leases.h"
#include "ctl/output.h"
#include "ctl/pause.h"
#include "ctl/registry.h"
#include "ctl/stamp.h"
#include "util/suggest.h"

enum {
        ID_SHOWN = 8, /* hex digits that are enough for people */
        ID_TYPED_MIN = 4,
};

static bool contains(const json_t *array, const char *text) {
        json_t *value;
        size_t i;

        json_array_foreach((json_t *) array, i, value) {
                if (streq(strempty(json_string_value(value)), text))
                        return true;
        }
        return false;
}

/* Gives whether a machine is up: true if it beats, false if it is silent, null if neither is known now. */
static json_t *standing_of(const json_t *manager, const char *id) {
        if (contains(json_object_get(manager, "UnknownMachines"), id))
                return json_null();
        return json_boolean(contains(json_object_get(manager, "LiveMachines"), id));
}

/* Gives a number from MachineAges. If which is 0, that is how long ago the machine was seen to beat, and if which
 * is 1, its TTL, both in microseconds. It is null if the machine was never seen to beat. */
static json_t *age_of(const json_t *manager, const char *id, size_t which) {
        json_t *value = json_array_get(json_object_get(json_object_get(manager, "MachineAges"), id), which);

        return value ? json_incref(value) : json_null();
}

/* Gives a number of the machine from a property: MachineUpSince, since when the machine is up (CLOCK_REALTIME);
 * MachineStops, how long ago its leased was stopped, in microseconds. It is null if that is not so, or not known. */
static json_t *number_of(const json_t *manager, const char *property, const char *id) {
        json_t *value = json_object_get(json_object_get(manager, property), id);

        return value ? json_incref(value) : json_null();
}

int machines_read(Ctl *ctl, json_t **ret) {
        json_auto_t *manager = NULL;

        return machines_read_all(ctl, ret, &manager);
}

int machines_ask(sd_bus *bus, json_t **ret, json_t **ret_manager, sd_bus_error *error) {
        json_auto_t *answer = NULL, *manager = NULL, *rows = json_array();
        json_t *m;
        size_t i;
        int r = bus_call(bus, &bus_leased, "ListMachines", &answer, error, NULL);

        if (r >= 0)
                r = bus_get_manager(bus, &manager, error);
        if (r < 0)
                return r;
        json_array_foreach(json_array_get(answer, 0), i, m) {
                const char *id = string_at(m, 0);

                (void) json_array_append_new(rows,
                                json_pack("{s:O, s:O, s:O, s:O, s:O, s:O, s:s, s:o, s:o, s:o, s:o, s:o, s:b, s:b}",
                                                "machine_id", json_array_get(m, 0), "hostname", json_array_get(m, 1),
                                                "boot_id", json_array_get(m, 2), "metadata", json_array_get(m, 3),
                                                "held", json_array_get(m, 4), "draining", json_array_get(m, 5),
                                                "version", get_string(json_object_get(manager, "MachineVersions"), id),
                                                "up", standing_of(manager, id), "up_since_usec",
                                                number_of(manager, "MachineUpSince", id), "stopped_ago_usec",
                                                number_of(manager, "MachineStops", id), "heard_ago_usec",
                                                age_of(manager, id, 0), "ttl_usec", age_of(manager, id, 1), "here",
                                                streq(get_string(manager, "MachineID"), id), "unconfirmed",
                                                contains(json_object_get(manager, "UnconfirmedMachines"), id)));
        }
        *ret = rows_sorted(rows, "hostname");
        *ret_manager = TAKE_PTR(manager);
        return 0;
}

int machines_read_all(Ctl *ctl, json_t **ret, json_t **ret_manager) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r = machines_ask(ctl->bus, ret, ret_manager, &error);

        return r < 0 ? bus_complain(NULL, r, &error) : CTL_OK;
}

const json_t *machines_find(const json_t *rows, const char *machine_id) {
        json_t *row;
        size_t i;

        json_array_foreach((json_t *) rows, i, row) {
                if (streq(get_string(row, "machine_id"), machine_id))
                        return row;
        }
        return NULL;
}

/* The name of a machine is not known where its record is damaged or gone: no machine is meant by "". */
static bool is_hostname(const json_t *row, const char *typed) {
        return *typed && streq(get_string(row, "hostname"), typed);
}

static bool is_id_beginning(const json_t *row, const char *typed) {
        return strlen(typed) >= ID_TYPED_MIN && startswith(get_string(row, "machine_id"), typed);
}

typedef bool (*row_test_t)(const json_t *row, const char *typed);

static size_t find_by(const json_t *rows, row_test_t test, const char *typed, bool up_only, const json_t **ret) {
        size_t n = 0, i;
        json_t *row;

        json_array_foreach((json_t *) rows, i, row) {
                if (!test(row, typed) || (up_only && !get_boolean(row, "up")))
                        continue;
                *ret = row;
                n++;
        }
        return n;
}

/* Whether a machine that is not up has its host name together with another one. */
static bool is_shared(const json_t *rows, const json_t *row) {
        const char *hostname = get_string(row, "hostname");
        const json_t *any;

        return *hostname && !get_boolean(row, "up") && find_by(rows, is_hostname, hostname, false, &any) > 1;
}

/* Tells a machine apart from one with the same name. A machine that was installed anew under its old name has
 * another id, while its old id stays known and silent. */
const char *machine_name(const json_t *rows, const char *machine_id, char *buf, size_t size) {
        const json_t *row = machines_find(rows, machine_id);
        const char *hostname = get_string(row, "hostname");

        if (is_shared(rows, row))
                (void) snprintf(buf, size, "%.64s (%.*s)", hostname, ID_SHOWN, machine_id);
        else if (*hostname)
                str_copy(buf, size, hostname);
        else
                str_copy(buf, MIN(size, (size_t) ID_SHOWN + 1), machine_id);
        return buf;
}

const char *machine_typed(char buf[static SHELL_WORD_SIZE], const json_t *rows, const char *machine_id) {
        const json_t *row = machines_find(rows, machine_id);
        const char *hostname = get_string(row, "hostname");

        return *hostname && !is_shared(rows, row) ? shell_word(buf, hostname) : machine_id;
}

static int complain_ambiguous(const json_t *rows, row_test_t test, const char *typed, size_t up) {
        char ids[256] = "";
        size_t i, at = 0;
        json_t *row;

        json_array_foreach((json_t *) rows, i, row) {
                if (test(row, typed) && (up == 0 || get_boolean(row, "up")) && at < sizeof(ids))
                        at += (size_t) snprintf(ids + at, sizeof(ids) - at, "%s%s", at > 0 ? " or " : "",
                                        get_string(row, "machine_id"));
        }
        return ctl_fail("%s: more than one machine is called that, and %s; give a machine id: %s", typed,
                        up == 0 ? "none of them is up" : "more than one is up",
                        at < sizeof(ids) ? ids : "leasectl machines");
}

static int complain_unknown(const json_t *rows, const char *typed) {
        Suggestion near = suggest_begin(typed);
        json_t *row;
        size_t i;

        if (!*typed)
                return ctl_fail("a machine is to be named, and the name is empty, see: leasectl machines");
        json_array_foreach((json_t *) rows, i, row)
                suggest_consider(&near, get_string(row, "hostname"));
        if (near.best)
                return ctl_fail("%s: no such machine, did you mean '%s'?", typed, near.best);
        return ctl_fail("%s: no such machine, see: leasectl machines", typed);
}

int machines_search(const json_t *rows, const char *typed, const json_t **ret) {
        static const row_test_t tests[] = { is_hostname, is_id_beginning };
        const json_t *found = machines_find(rows, typed);

        for (size_t t = 0; t < ELEMENTSOF(tests) && !found; t++) {
                size_t n, up;

                n = find_by(rows, tests[t], typed, false, &found);
                up = n > 1 ? find_by(rows, tests[t], typed, true, &found) : 0;
                if (n > 1 && up != 1)
                        return complain_ambiguous(rows, tests[t], typed, up);
        }
        *ret = found;
        return CTL_OK;
}

int machines_resolve(const json_t *rows, const json_t *manager, const char *typed, const json_t **ret) {
        int code = machines_search(rows, typed, ret);

        if (code != CTL_OK || *ret)
                return code;
        if (!*typed || registry_known(manager) == CTL_OK)
                return complain_unknown(rows, typed);
        complain("%s: which machines there are is not known now, see: leasectl registry", typed);
        return CTL_UNKNOWN;
}

/* ---- the listing ---- */

static Colour colour_of_machine(const char *state) {
        return streq(state, "up") ? COLOUR_GREEN : startswith(state, "silent") ? COLOUR_RED : COLOUR_YELLOW;
}

void machine_metadata(const json_t *object, char *buf, size_t size) {
        const char *key;
        json_t *value;
        size_t at = 0;

        buf[0] = '\0';
        json_object_foreach((json_t *) object, key, value) {
                const char *v = strempty(json_string_value(value));

                do {
                        size_t n = strcspn(v, " ");

                        if (at < size)
                                at += (size_t) snprintf(
                                                buf + at, size - at, "%s%s=%.*s", at > 0 ? " " : "", key, (int) n, v);
                        v += n + strspn(v + n, " ");
                } while (*v);
        }
}

static void format_metadata(const json_t *value, char *buf, size_t size) {
        machine_metadata(value, buf, size);
        if (!buf[0])
                str_copy(buf, size, "-");
}

bool machine_is_late(const json_t *row) {
        return get_integer(row, "heard_ago_usec") >
               get_integer(row, "ttl_usec") * 2 / 5 + 200 * (json_int_t) USEC_PER_MSEC;
}

/* Writes "up" for a machine whose beats come, with the time when it was last heard if that is long ago. Of a silent
 * machine, SINCE says when it was last heard. */
static void format_standing(const json_t *row, char *buf, size_t size) {
        const json_t *up = json_object_get(row, "up");
        json_int_t age = get_integer(row, "heard_ago_usec");
        const char *state = json_is_null(up)               ? "unknown"
                            : !json_is_true(up)            ? "silent"
                            : get_boolean(row, "draining") ? "draining"
                                                           : "up";
        char span[32];

        if ((json_is_null(up) && age > 0) || (json_is_true(up) && machine_is_late(row)))
                (void) snprintf(buf, size, "%s, last heard %s ago", state,
                                format_span(span, sizeof(span), (usec_t) age));
        else
                (void) snprintf(buf, size, "%s", state);
}

usec_t machine_since(const json_t *row) {
        const json_t *up = json_object_get(row, "up");
        json_int_t age = get_integer(row, "heard_ago_usec") ?: get_integer(row, "stopped_ago_usec");

        if (json_is_true(up))
                return (usec_t) get_integer(row, "up_since_usec");
        return json_is_false(up) && age > 0 ? usec_sub(now_realtime(), (usec_t) age) : 0;
}

/* Adds the members name, state and since, which people see in place of true, false and numbers. */
static void complete(json_t *rows) {
        json_t *row;
        size_t i;

        json_array_foreach(rows, i, row) {
                char state[96], name[HOSTNAME_SHOWN], stamp[32];

                (void) machine_name(rows, get_string(row, "machine_id"), name, sizeof(name));
                if (get_boolean(row, "here"))
                        str_copy(name + strlen(name), sizeof(name) - strlen(name), " (here)");
                (void) json_object_set_new(row, "name", json_string(name));
                format_standing(row, state, sizeof(state));
                (void) json_object_set_new(row, "state", json_string(state));
                (void) json_object_set_new(
                                row, "since", json_string(stamp_format(stamp, sizeof(stamp), machine_since(row))));
        }
}

void machines_print_unconfirmed(const json_t *rows) {
        json_t *row;
        size_t i;

        json_array_foreach((json_t *) rows, i, row) {
                char name[HOSTNAME_SHOWN];

                if (!get_boolean(row, "unconfirmed"))
                        continue;
                (void) machine_name(rows, get_string(row, "machine_id"), name, sizeof(name));
                say_wrapped(4, "%s%s keeps leases since a pause, and %s; if it is off: leasectl confirm-dead %s%s",
                                colour_on(COLOUR_YELLOW), name,
                                get_boolean(row, "up") ? "was booted since" : "is not heard",
                                MACHINE_TYPED(rows, get_string(row, "machine_id")), colour_off());
        }
}

int verb_machines(Ctl *ctl, int argc, char **argv) {
        static const Column columns[] = {
                { .title = "MACHINE", .key = "name" },
                { .title = "STATE", .key = "state", .colour = colour_of_machine },
                { .title = "SINCE", .key = "since" },
                { .title = "HELD", .key = "held", .right = true },
                { .title = "VERSION", .key = "version" },
                { .title = "METADATA", .key = "metadata", .format = format_metadata },
                { .title = "MACHINE ID", .key = "machine_id" },
        };
        json_auto_t *rows = NULL, *manager = NULL;
        int code = machines_read_all(ctl, &rows, &manager);

        if (code != CTL_OK)
                return code;
        if (ctl->json == JSON_OFF)
                complete(rows);
        print_rows(ctl, rows, columns, ELEMENTSOF(columns), "No machine is known yet");
        if (ctl->json == JSON_OFF)
                machines_print_unconfirmed(rows);
        pause_print(ctl, manager);
        return registry_known(manager);
}
