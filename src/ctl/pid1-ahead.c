/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/pid1-ahead.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "conf/conf.h"
#include "conf/unit-links.h"
#include "ctl/bus-many.h"
#include "ctl/bus.h"
#include "ctl/files.h"
#include "ctl/message-json.h"
#include "ctl/pid1-memory.h"
#include "ctl/pid1-near.h"
#include "ctl/pid1.h"
#include "util/strv.h"
#include "util/unit-facts.h"
#include "util/unit-name.h"

enum {
        HELD_AT_ONCE = 50, /* units */
};

/* ---- questions ---- */

/* A question about one property of a unit, or, if property is NULL, about all properties of the interface. */
typedef struct Question {
        const char *unit, *interface, *property;
} Question;

typedef struct Questions {
        sd_bus *bus;
        Question *list;
        size_t n;
} Questions;

static int add(Questions *q, const char *unit, const char *interface, const char *property) {
        Question *list = q->n % 64 == 0 ? realloc(q->list, (q->n + 64) * sizeof(Question)) : q->list;

        if (!list)
                return -ENOMEM;
        q->list = list;
        list[q->n++] = (Question){ unit, interface, property };
        return 0;
}

/* Gives the interface with the properties of the type of a unit; NULL if none of them is of interest. */
static const char *interface_of(const char *unit) {
        static const char *const types[][2] = { { ".service", PID1_NAME ".Service" }, { ".timer", PID1_NAME ".Timer" },
                { ".socket", PID1_NAME ".Socket" }, { ".mount", PID1_NAME ".Mount" } };

        for (size_t i = 0; i < ELEMENTSOF(types); i++)
                if (endswith(unit, types[i][0]))
                        return types[i][1];
        return NULL;
}

/* Whether the unit may be enabled in systemd, because a link names it or that cannot be told, or is transient,
 * without any link. The folders are read once. */
static bool is_linked(const char *unit) {
        static char **links;
        static int known = 1;
        char transient[512];

        if (known > 0)
                known = unit_links_list("", &links);
        (void) snprintf(transient, sizeof(transient), "/run/systemd/transient/%s", unit);
        return known < 0 || unit_links_have(links, unit) || access(transient, F_OK) == 0;
}

static int add_each(Questions *q, const char *unit, const char *const *properties, size_t n) {
        int r = 0;

        for (size_t i = 0; i < n && r >= 0; i++)
                r = add(q, unit, PID1_UNIT, properties[i]);
        return r;
}

static int add_of_gate(Questions *q, const char *unit) {
        static const char *const properties[] = { "Asserts", "BindsTo", "NeedDaemonReload", "DropInPaths" };

        return add_each(q, unit, properties, ELEMENTSOF(properties));
}

/* Asks for what enable looks at. To ask for all properties of the interfaces of types costs little. */
static int add_of_unit(Questions *q, const char *unit) {
        static const char *const properties[] = { "Names", "Triggers", "TriggeredBy", "Wants", "Requires", "Requisite",
                "BindsTo", "Upholds", "WantedBy", "RequiredBy", "RequisiteOf", "BoundBy", "UpheldBy", "OnFailureOf",
                "OnSuccessOf" };
        int r = add_each(q, unit, properties, ELEMENTSOF(properties));

        for (size_t i = UNIT_FORBID_NOTHING + 1; i < _UNIT_FORBID_MAX && r >= 0; i++)
                if (!unit_forbiddings[i].type)
                        r = add(q, unit, PID1_UNIT, unit_forbiddings[i].property);
        if (r >= 0 && files_listed(unit))
                r = add_of_gate(q, unit);
        if (r >= 0 && is_linked(unit))
                r = add(q, unit, PID1_UNIT, "UnitFileState");
        if (r >= 0 && interface_of(unit))
                r = add(q, unit, interface_of(unit), NULL);
        return r;
}

static int add_everything(Questions *q, const char *unit) {
        return add(q, unit, "", NULL);
}

/* ---- the calls ---- */

static int make(size_t i, sd_bus_message **ret, void *userdata) {
        Questions *q = userdata;
        const Question *each = q->list + i;
        _cleanup_free_ char *path = NULL;
        int r = sd_bus_path_encode(PID1_UNIT_PATH, each->unit, &path);

        if (r >= 0)
                r = sd_bus_message_new_method_call(
                                q->bus, ret, PID1_NAME, path, DBUS_PROPERTIES, each->property ? "Get" : "GetAll");
        if (r >= 0)
                r = sd_bus_message_append(*ret, "s", each->interface);
        return r >= 0 && each->property ? sd_bus_message_append(*ret, "s", each->property) : r;
}

/* Takes an answer. If one question about a unit has no answer, nothing is kept of the unit. */
static void take(size_t i, sd_bus_message *answer, const sd_bus_error *error, void *userdata) {
        const Question *each = ((Questions *) userdata)->list + i;
        json_t *unit = json_object_get(pid1_memory(), each->unit);
        json_auto_t *body = NULL;

        if (!unit)
                return;
        if (error || message_json_body(answer, &body) < 0)
                (void) json_object_del(pid1_memory(), each->unit);
        else if (each->property)
                (void) json_object_set(unit, each->property, json_array_get(body, 0));
        else
                (void) json_object_update(unit, json_array_get(body, 0));
}

static int ask(sd_bus *bus, char *const *units, int (*add_questions)(Questions *q, const char *unit)) {
        Questions q = { .bus = pid1_near(bus) };
        const BusMany calls = { .make = make, .take = take, .userdata = &q };
        int r = 0;

        for (; units && *units && r >= 0; units++)
                r = add_questions(&q, *units);
        if (r >= 0)
                r = bus_call_many(q.bus, q.n, &calls);
        if (r < 0 && pid1_near_lost()) {
                q.bus = bus;
                r = bus_call_many(bus, q.n, &calls);
        }
        pid1_memory_heard();
        free(q.list);
        return r < 0 ? bus_complain(NULL, r, NULL) : CTL_OK;
}

/* ---- for whom ---- */

/* Adds the units that PID 1 starts together with one of these, that one of these triggers, or that are bound to
 * one. */
static int add_related(const json_t *properties, char ***units) {
        const char *property;
        json_t *names, *name;
        size_t i;
        int r = 0;

        json_object_foreach((json_t *) properties, property, names) {
                if (!unit_facts_pulls(property) && !streq(property, "Triggers") && !streq(property, "BoundBy"))
                        continue;
                json_array_foreach(names, i, name) {
                        if (r >= 0)
                                r = strv_add(units, strempty(json_string_value(name)));
                }
        }
        return r;
}

/* Gives the names about which PID 1 is to be asked: without those that PID 1 would not accept, and without those in
 * memory. */
static int choose(char *const *units, char ***ret) {
        int r = 0;

        for (; units && *units && r >= 0; units++)
                if (unit_name_is_valid(*units) && !json_object_get(pid1_memory(), *units))
                        r = strv_add(ret, *units);
        return r < 0 ? ctl_fail("systemd: out of memory") : CTL_OK;
}

/* Asks for the state of each unit, and begins with it what is kept of the unit. */
static int read_states(sd_bus *bus, char *const *units) {
        json_auto_t *rows = NULL;
        json_t *row;
        size_t i;
        int code = units ? pid1_list(bus, units, &rows) : CTL_OK;

        json_array_foreach(rows, i, row)
                (void) json_object_set_new(pid1_memory(), units[i],
                                json_pack("{s:s, s:s, s:s, s:[O]}", "Id", string_at(row, 0), "LoadState",
                                                string_at(row, 2), "ActiveState", string_at(row, 3), "Job",
                                                json_array_get(row, 7)));
        pid1_memory_heard();
        return code;
}

static int begin(char *const *units, char ***ret) {
        return pid1_memory_begin() < 0 ? ctl_fail("systemd: out of memory") : choose(units, ret);
}

/* Asks several questions about each unit. A few units are held at a time: for each, PID 1 waits for an answer of
 * dbus-daemon, and leaves the bus for good if the answer takes too long. */
static int ask_held(sd_bus *bus, char *const *units, int (*add_questions)(Questions *q, const char *unit)) {
        size_t n = strv_length(units);
        int code = CTL_OK;

        for (size_t i = 0; i < n && code == CTL_OK; i += HELD_AT_ONCE) {
                char *some[HELD_AT_ONCE + 1] = {};

                memcpy(some, units + i, MIN(n - i, (size_t) HELD_AT_ONCE) * sizeof(char *));
                code = pid1_near_hold(bus, some);
                if (code == CTL_OK)
                        code = read_states(bus, some);
                if (code == CTL_OK)
                        code = ask(bus, some, add_questions);
                pid1_near_let_go(bus);
        }
        return code;
}

static int ask_everything(sd_bus *bus, char *const *units) {
        _cleanup_(strv_freep) char **chosen = NULL;
        int code = choose(units, &chosen);

        for (char **unit = chosen; code == CTL_OK && unit && *unit; unit++)
                (void) json_object_set_new(pid1_memory(), *unit, json_object());
        return code == CTL_OK ? ask(bus, chosen, add_everything) : code;
}

int pid1_ahead_examine(sd_bus *bus, char *const *units) {
        _cleanup_(strv_freep) char **chosen = NULL, **related = NULL;
        int code = begin(units, &chosen);

        if (code == CTL_OK)
                code = ask_held(bus, chosen, add_of_unit);
        for (char **unit = chosen; code == CTL_OK && unit && *unit; unit++)
                if (add_related(json_object_get(pid1_memory(), *unit), &related) < 0)
                        code = ctl_fail("systemd: out of memory");
        return code == CTL_OK ? ask_everything(bus, related) : code;
}

int pid1_ahead_everything(sd_bus *bus, char *const *units) {
        return pid1_memory_begin() < 0 ? ctl_fail("systemd: out of memory") : ask_everything(bus, units);
}

int pid1_ahead_gates(sd_bus *bus, char *const *units) {
        _cleanup_(strv_freep) char **chosen = NULL;
        int code = begin(units, &chosen);

        return code == CTL_OK ? ask_held(bus, chosen, add_of_gate) : code;
}

int pid1_ahead_states(sd_bus *bus, char *const *units) {
        _cleanup_(strv_freep) char **chosen = NULL;
        int code = begin(units, &chosen);

        return code == CTL_OK ? read_states(bus, chosen) : code;
}

void pid1_ahead_end(void) {
        pid1_memory_end();
}
