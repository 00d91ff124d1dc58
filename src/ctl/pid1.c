/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/pid1.h"

#include <errno.h>
#include <stdio.h>

#include "conf/dropin.h"
#include "ctl/message-json.h"
#include "ctl/pid1-memory.h"
#include "util/cgroup.h"
#include "util/groups.h"
#include "util/shell-word.h"
#include "util/strv.h"
#include "util/unit-facts.h"

static int load_interface(sd_bus *bus, const char *unit, const char *interface, json_t **ret) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r = bus_load_unit(bus, unit, interface, ret, &error);

        return r < 0 ? bus_complain(unit, r, &error) : CTL_OK;
}

int pid1_load(sd_bus *bus, const char *unit, json_t **ret) {
        int code;

        *ret = pid1_memory_find(unit);
        if (*ret)
                return CTL_OK;
        code = load_interface(bus, unit, "", ret); /* of all interfaces */
        if (code == CTL_OK)
                pid1_memory_keep(unit, *ret);
        return code;
}

int pid1_service(sd_bus *bus, const char *unit, json_t **ret) {
        return load_interface(bus, unit, PID1_SERVICE, ret);
}

int pid1_manager(sd_bus *bus, json_t **ret) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r = bus_get_all(bus, bus_pid1.name, bus_pid1.path, bus_pid1.interface, ret, &error);

        return r < 0 ? bus_complain("systemd", r, &error) : CTL_OK;
}

int pid1_list(sd_bus *bus, char *const *units, json_t **ret) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL, *answer = NULL;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        json_auto_t *body = NULL;
        int r = sd_bus_message_new_method_call(
                        bus, &m, bus_pid1.name, bus_pid1.path, bus_pid1.interface, "ListUnitsByNames");

        if (r >= 0)
                r = sd_bus_message_append_strv(m, (char **) units);
        if (r >= 0)
                r = sd_bus_call(bus, m, BUS_CALL_TIMEOUT, &error, &answer);
        if (r >= 0)
                r = message_json_body(answer, &body);
        if (r < 0)
                return bus_complain("systemd", r, &error);
        *ret = json_incref(json_array_get(body, 0));
        return CTL_OK;
}

bool pid1_is_active(const json_t *unit) {
        const char *state = get_string(unit, "ActiveState");

        return !streq(state, "inactive") && !streq(state, "failed");
}

static bool has_job(const json_t *unit) {
        return json_integer_value(json_array_get(json_object_get(unit, "Job"), 0)) != 0;
}

/* Ends the search at a group that is not empty, or of which that is not known. */
static int look_at_group(const char *path, void *userdata) {
        return cgroup_is_empty(path) > 0 ? 0 : 1;
}

/* Whether no process is left in the unit's control group. All groups are read at once for all units of a command,
 * and after PID 1's answers (law 7). */
static bool is_empty(const char *unit) {
        static Groups *groups; /* as long as the process */
        int r = groups ? 0 : groups_new(CGROUP_ROOT, &groups);

        if (r >= 0)
                r = groups_each_unit(groups, pid1_memory_heard_at(), unit, look_at_group, NULL);
        return r == 0 || r == -ENOENT; /* -ENOENT: there are no control groups */
}

bool pid1_is_down(const json_t *unit) {
        /* PID 1 gives up on processes that survive SIGKILL, and leaves some on purpose (KillMode=process): law 7.
         */
        return !pid1_is_active(unit) && !has_job(unit) && is_empty(get_string(unit, "Id"));
}

usec_t pid1_timeout_stop(const json_t *unit) {
        const json_t *timeout = json_object_get(unit, "TimeoutStopUSec") ?: json_object_get(unit, "TimeoutUSec");

        return json_is_integer(timeout) ? (usec_t) json_integer_value(timeout) : USEC_INFINITY;
}

/* ---- what follows from it ---- */

bool pid1_lists(const json_t *unit, const char *property, const char *name) {
        json_t *value;
        size_t i;

        json_array_foreach(json_object_get(unit, property), i, value) {
                if (streq(strempty(json_string_value(value)), name))
                        return true;
        }
        return false;
}

bool pid1_pulls_in(const json_t *unit, const char *name) {
        const char *property;
        json_t *value;

        json_object_foreach((json_t *) unit, property, value) {
                if (unit_facts_pulls(property) && pid1_lists(unit, property, name))
                        return true;
        }
        return false;
}

bool pid1_gate_asserted(const json_t *unit, const char *leased) {
        _cleanup_free_ char *gate = gate_path(leased);
        json_t *value;
        size_t i;

        /* type, trigger ("|"), negated ("!"), parameter, state */
        json_array_foreach(json_object_get(unit, "Asserts"), i, value) {
                if (gate && unit_facts_is_gate(string_at(value, 0), json_is_true(json_array_get(value, 1)),
                                            json_is_true(json_array_get(value, 2)), string_at(value, 3), gate))
                        return true;
        }
        return false;
}

static UnitFacts facts_of_gate(const json_t *unit, const char *leased) {
        return (UnitFacts){
                .id = get_string(unit, "Id"),
                .load_state = get_string(unit, "LoadState"),
                .gate_asserted = pid1_gate_asserted(unit, leased),
                .guard_bound = pid1_lists(unit, "BindsTo", GUARD_SERVICE),
                .need_reload = !json_is_false(json_object_get(unit, "NeedDaemonReload")),
        };
}

bool pid1_gate_loaded(const json_t *unit, const char *name, const char *leased) {
        UnitFacts facts = facts_of_gate(unit, leased);

        return unit_facts_gate_loaded(&facts, name);
}

char *pid1_gate_trouble(const json_t *unit, const char *name, const char *leased, char *buf, size_t size) {
        const json_t *dropins = json_object_get(unit, "DropInPaths");
        const char *last = json_string_value(json_array_get(dropins, json_array_size(dropins) - 1));
        UnitFacts facts = facts_of_gate(unit, leased);

        if (!streq(facts.load_state, "loaded"))
                (void) snprintf(buf, size, "the unit cannot be loaded any more (%s), look at: systemctl status %s",
                                facts.load_state, SHELL_WORD(name));
        else if (!streq(facts.id, name))
                (void) snprintf(buf, size, "the name has become an alias of %s, enable that", facts.id);
        else if (facts.gate_asserted && facts.guard_bound)
                (void) snprintf(buf, size, "files have changed that systemd has not read: systemctl daemon-reload");
        else
                (void) snprintf(buf, size,
                                "something after " GATE_DROPIN_NAME
                                " resets AssertPathExists= or BindsTo= (the last drop-in is %s)",
                                last ?: "none at all");
        return buf;
}

static int add_names(const json_t *names, char ***list) {
        json_t *value;
        size_t i;

        json_array_foreach((json_t *) names, i, value) {
                if (strv_add(list, strempty(json_string_value(value))) < 0)
                        return -ENOMEM;
        }
        return 0;
}

int pid1_add_covered(const json_t *unit, const char *name, char ***list) {
        _cleanup_(strv_freep) char **triggers = NULL, **bound_by = NULL, **pulled = NULL;
        UnitFacts facts;
        const char *property;
        json_t *value;
        int r = add_names(json_object_get(unit, "Triggers"), &triggers);

        if (r >= 0)
                r = add_names(json_object_get(unit, "BoundBy"), &bound_by);
        json_object_foreach((json_t *) unit, property, value) {
                if (r >= 0 && unit_facts_pulls(property))
                        r = add_names(value, &pulled);
        }
        if (r < 0)
                return r;
        facts = (UnitFacts){
                .accept = get_boolean(unit, "Accept"), .triggers = triggers, .bound_by = bound_by, .pulled = pulled
        };
        return unit_facts_add_covered(&facts, name, list);
}

int pid1_reload(sd_bus *bus) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r = bus_call(bus, &bus_pid1, "Reload", NULL, &error, NULL);

        return r < 0 ? bus_complain("systemctl daemon-reload", r, &error) : CTL_OK;
}
