/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/settings.h"

#include "ctl/finding.h"
#include "util/names.h"
#include "util/shell-word.h"
#include "util/unit-facts.h"
#include "util/unit-name.h"

/* ---- refused ---- */

/* Whether PID 1 takes an action, e.g. when the unit ends. */
static bool has_action(const json_t *unit, const char *property) {
        const char *action = get_string(unit, property);

        return *action && !streq(action, "none");
}

/* With SuccessAction= it counts that a unit that leased stops is a success. */
static const char *const why_forbidden[_UNIT_FORBID_MAX] = {
        [UNIT_FORBID_MANUAL_START] = "leased could not start it",
        [UNIT_FORBID_MANUAL_STOP] = "leased could not stop it before its lease passes on",
        [UNIT_FORBID_UNNEEDED] = "no unit needs it, so that systemd would stop it as soon as it has started",
        [UNIT_FORBID_LAZY_UNMOUNT] = "systemd would detach it even if it is busy, and who has a file of it open would "
                                     "go on using it when the lease has passed on",
        [UNIT_FORBID_SUCCESS_ACTION] = "systemd would do that whenever leased has stopped it, as for a release",
};

_Static_assert(sizeof(FROZEN_SERVICE) >= sizeof(STOP_TARGET), "what has room for the one name has room for the other");
_Static_assert(LEASED_UNIT_NAME_LENGTH < UNIT_NAME_LENGTH,
                "a unit's own name is shorter than that of another one with it");

int settings_refuse_name(const char *with, const char *unit, json_t *findings) {
        size_t n = strlen(unit);

        if (n <= LEASED_UNIT_NAME_LENGTH)
                return CTL_OK;
        finding_add(findings, "refused",
                        "%shas a name of %zu bytes, and %zu are the most: leased has units of its own with this name "
                        "in "
                        "theirs (" STOP_TARGET ", " FROZEN_SERVICE "), by which it stops a unit that refuses to be "
                        "stopped and ends a frozen one, and systemd takes no name of more than %d bytes",
                        with, n, LEASED_UNIT_NAME_LENGTH, "UNIT", "UNIT", UNIT_NAME_LENGTH);
        return CTL_FAILED;
}

int settings_refuse(const char *with, const json_t *unit, json_t *findings) {
        size_t before = json_array_size(findings);

        for (size_t i = UNIT_FORBID_NOTHING + 1; i < _UNIT_FORBID_MAX; i++) {
                const UnitForbidding *f = unit_forbiddings + i;

                if ((!*with || f->of_members) &&
                                (f->has_words ? has_action(unit, f->property) : get_boolean(unit, f->property)))
                        finding_add(findings, "refused", "%shas %s=%s: %s", with, f->property,
                                        f->has_words ? get_string(unit, f->property) : "yes", why_forbidden[i]);
        }
        return json_array_size(findings) > before ? CTL_FAILED : CTL_OK;
}

/* ---- weak ---- */

/* Looks at the units that PID 1 starts because this unit has ended, on the machine where it has ended. */
static void look_at_handlers(const char *with, const json_t *unit, bool (*is_gated)(const char *), json_t *findings) {
        static const struct {
                const char *property, *mode, *when;
        } handlers[] = {
                { "OnFailure", "OnFailureJobMode", "failed, or was killed because its time was up" },
                { "OnSuccess", "OnSuccessJobMode", "ended well, or was stopped because its lease passes on" },
        };

        for (size_t i = 0; i < ELEMENTSOF(handlers); i++) {
                const char *mode = get_string(unit, handlers[i].mode);
                json_t *value;
                size_t k;

                json_array_foreach(json_object_get(unit, handlers[i].property), k, value) {
                        const char *handler = strempty(json_string_value(value));

                        if (!is_gated(handler))
                                finding_add(findings, "weak",
                                                "%shas %s=%s: that starts here when the unit has %s, beside the "
                                                "machine that has the "
                                                "lease by then; a message may, but what touches the unit's data needs "
                                                "a lease, "
                                                "too: leasectl enable %s",
                                                with, handlers[i].property, handler, handlers[i].when,
                                                SHELL_WORD(handler));
                        if (streq(mode, "isolate"))
                                finding_add(findings, "weak",
                                                "%shas %s=isolate: all else on this machine is stopped for %s", with,
                                                handlers[i].mode, handler);
                }
        }
}

void settings_weaken(const char *with, const json_t *unit, bool gated, bool (*is_gated)(const char *unit),
                json_t *findings) {
        static const struct {
                const char *property, *when;
        } actions[] = {
                { "FailureAction", "it has failed, or was killed because its time was up" },
                { "StartLimitAction", "it was started too often" },
                { "JobTimeoutAction", "a start or stop takes too long" },
        };

        look_at_handlers(with, unit, is_gated, findings);
        for (size_t i = 0; i < ELEMENTSOF(actions); i++)
                if (has_action(unit, actions[i].property))
                        finding_add(findings, "weak",
                                        "%shas %s=%s: it strikes this machine, with all else that runs here, when %s",
                                        with, actions[i].property, get_string(unit, actions[i].property),
                                        actions[i].when);
        if (gated && json_is_false(json_object_get(unit, "IgnoreOnIsolate")))
                finding_add(findings, "weak",
                                "%shas IgnoreOnIsolate=no, in spite of its gate: `systemctl isolate` stops it as a "
                                "person does",
                                with);
}
