/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/pid1.h"

#include "conf/dropin.h"
#include "util/cgroup.h"

#define PID1_SERVICE "org.freedesktop.systemd1.Service"
#define POLL (200 * USEC_PER_MSEC)
enum { RULES_BY_DEFAULT = 512, RULES_OF_JOBS = 112 };

static int load_interface(sd_bus *bus, const char *unit, const char *interface, json_t **ret) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        json_auto_t *answer = NULL;
        int r = bus_call(bus, &bus_pid1, "LoadUnit", &answer, &error, "s", unit);

        if (r >= 0)
                r = bus_get_all(bus, bus_pid1.name, strempty(json_string_value(json_array_get(answer, 0))), interface,
                                ret, &error);
        return r < 0 ? bus_complain(unit, r, &error) : CTL_OK;
}

int pid1_load(sd_bus *bus, const char *unit, json_t **ret) {
        return load_interface(bus, unit, "", ret); /* of all interfaces */
}

int pid1_service(sd_bus *bus, const char *unit, json_t **ret) {
        return load_interface(bus, unit, PID1_SERVICE, ret);
}

int pid1_manager(sd_bus *bus, json_t **ret) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r = bus_get_all(bus, bus_pid1.name, bus_pid1.path, bus_pid1.interface, ret, &error);

        return r < 0 ? bus_complain("systemd", r, &error) : CTL_OK;
}

/* Nobody tells the limit; but it is the same for every connection, and ours ends soon. */
int pid1_check_room(sd_bus *bus, size_t units) {
        static const BusName dbus = { "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus" };
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        size_t needed = units + RULES_OF_JOBS;
        int r = 0;

        if (needed <= RULES_BY_DEFAULT)
                return CTL_OK;
        for (size_t i = 0; i < needed && r >= 0; i++)
                r = bus_call(bus, &dbus, "AddMatch", NULL, &error, "s",
                                "type='signal',interface='org.leased1.Nothing'");
        if (r >= 0 || !sd_bus_error_has_name(&error, SD_BUS_ERROR_LIMITS_EXCEEDED))
                return CTL_OK;
        complain("with %zu leased units PID 1 would need more match rules than the bus allows it, and leave the bus "
                 "for "
                 "good: systemctl reload dbus, so that org.leased1.conf there is in force",
                        units);
        return CTL_FAILED;
}

bool pid1_is_active(const json_t *unit) {
        const char *state = get_string(unit, "ActiveState");

        return !streq(state, "inactive") && !streq(state, "failed");
}

static bool has_job(const json_t *unit) {
        return json_integer_value(json_array_get(json_object_get(unit, "Job"), 0)) != 0;
}

bool pid1_is_down(const json_t *unit) {
        _cleanup_free_ char *group = NULL;

        if (pid1_is_active(unit) || has_job(unit))
                return false;
        /* PID 1 gives up on processes that survive SIGKILL, and leaves some of its own accord (KillMode=process). */
        return cgroup_find_unit(CGROUP_ROOT, get_string(unit, "Id"), &group) < 0 || cgroup_is_empty(group) > 0;
}

usec_t pid1_timeout_stop(const json_t *unit) {
        const json_t *timeout = json_object_get(unit, "TimeoutStopUSec") ?: json_object_get(unit, "TimeoutUSec");

        return json_is_integer(timeout) ? (usec_t) json_integer_value(timeout) : USEC_INFINITY;
}

bool pid1_gate_loaded(const json_t *unit, const char *leased) {
        _cleanup_free_ char *gate = gate_path(leased);
        bool assert_there = false, bound = false;
        json_t *value;
        size_t i;

        /* name, trigger ("|"), negated ("!"), parameter, state */
        json_array_foreach(json_object_get(unit, "Asserts"), i, value) {
                const char *parameter = strempty(json_string_value(json_array_get(value, 3)));

                assert_there |= streq(strempty(json_string_value(json_array_get(value, 0))), "AssertPathExists") &&
                                json_is_false(json_array_get(value, 1)) && json_is_false(json_array_get(value, 2)) &&
                                gate && streq(parameter, gate);
        }
        json_array_foreach(json_object_get(unit, "BindsTo"), i, value)
                bound |= streq(strempty(json_string_value(value)), "leased-guard.service");
        return assert_there && bound && !get_boolean(unit, "NeedDaemonReload");
}

static int job_removed(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return 0; /* it only ends bus_wait() */
}

int pid1_stop(sd_bus *bus, const char *unit) {
        _cleanup_(sd_bus_slot_unrefp) sd_bus_slot *slot = NULL;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r;

        /* Signals can get lost, so they only make us look sooner. */
        r = sd_bus_match_signal(
                        bus, &slot, bus_pid1.name, bus_pid1.path, bus_pid1.interface, "JobRemoved", job_removed, NULL);
        if (r >= 0)
                (void) bus_call(bus, &bus_pid1, "Subscribe", NULL, NULL, NULL);
        r = bus_call(bus, &bus_pid1, "StopUnit", NULL, &error, "ss", unit, "replace");
        if (r < 0)
                return bus_complain(unit, r, &error);
        for (;;) {
                json_auto_t *now = NULL;
                int code = pid1_load(bus, unit, &now);

                if (code != CTL_OK || !has_job(now))
                        return code;
                r = bus_wait(bus, POLL);
                if (r < 0)
                        return bus_complain(unit, r, NULL);
        }
}

int pid1_reload(sd_bus *bus) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r = bus_call(bus, &bus_pid1, "Reload", NULL, &error, NULL);

        return r < 0 ? bus_complain("systemctl daemon-reload", r, &error) : CTL_OK;
}
