/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/monitor-words.h"

#include <stdio.h>

/* ---- units and leases ---- */

static bool is_one_of(const char *state, const char *const *states) {
        for (; *states; states++)
                if (streq(state, *states))
                        return true;
        return false;
}

bool monitor_words_unit(char *buf, size_t size, const char *before, const char *state, const char *machine,
                const char *result, json_int_t index) {
        static const struct {
                const char *state, *words;
        } known[] = {
                { "starting", "starts on" },
                { "running", "started on" },
                { "frozen", "frozen on" },
                { "stopping", "stops on" },
                { "stopped", "stopped by hand on" },
                { "failed", "failed on" },
                { "done", "done on" },
                { "damaged", "its record is damaged, as seen on" },
                { "gone", "no longer enabled on" },
        };
        static const char *const active[] = { "starting", "running", "frozen", "stopping", "releasing", NULL };
        static const char *const idle[] = { "waiting", "elsewhere", NULL };
        static const char *const live[] = { "starting", "running", NULL };
        const char *words = NULL;

        for (size_t i = 0; i < ELEMENTSOF(known) && !words; i++)
                if (streq(state, known[i].state))
                        words = known[i].words;
        if (is_one_of(state, idle) && is_one_of(before, active))
                words = "stopped on";
        if (streq(before, "frozen") && is_one_of(state, live))
                words = "thawed on";
        if (!words || streq(before, state))
                return false;
        if (streq(state, "running") && index > 0)
                (void) snprintf(buf, size, "%s %s (Index %" JSON_INTEGER_FORMAT ")", words, machine, index);
        else if (streq(state, "frozen"))
                (void) snprintf(buf, size, "%s %s (no beat came in time)", words, machine);
        else
                (void) snprintf(buf, size, "%s %s%s%s", words, machine, streq(state, "failed") && *result ? ": " : "",
                                streq(state, "failed") ? result : "");
        return true;
}

void monitor_words_lease(
                char *buf, size_t size, const char *machine, const char *by, json_int_t index, const char *why) {
        char end[256] = "";

        if (*why)
                (void) snprintf(end, sizeof(end), "%s%s%s", why, *by ? " by " : "", by);
        if (*machine)
                (void) snprintf(buf, size, "held by %s (Index %" JSON_INTEGER_FORMAT ")%s%s", machine, index,
                                *end ? ", " : "", end);
        else
                (void) snprintf(buf, size, "held by nobody%s%s%s", *end ? " (" : "", end, *end ? ")" : "");
}

/* ---- machines ---- */

bool monitor_words_machine(char *buf, size_t size, const json_t *before, const json_t *now) {
        const json_t *up = json_object_get(now, "up");
        bool drains = get_boolean(now, "draining"), drained = get_boolean(before, "draining");
        const char *standing = json_is_null(up) ? "not known to be up" : json_is_true(up) ? "up" : "silent";

        if (!before)
                (void) snprintf(buf, size, "is new, and %s%s", standing, drains ? "; drains" : "");
        else if (!json_equal(json_object_get(before, "up"), up))
                (void) snprintf(buf, size, "is %s", standing);
        else if (drains != drained)
                str_copy(buf, size, drains ? "drains" : "takes leases again");
        else
                return false;
        return true;
}

/* ---- properties ---- */

/* Joins an array of lines to one. */
static void join(char *buf, size_t size, const json_t *lines) {
        size_t i, at = 0;
        json_t *line;

        buf[0] = '\0';
        json_array_foreach((json_t *) lines, i, line) {
                int n = snprintf(buf + at, size - at, "%s%s", i > 0 ? "; " : "", strempty(json_string_value(line)));

                at = n < 0 ? at : MIN(at + (size_t) n, size - 1);
        }
}

static const char *registry_words(char *buf, size_t size, const char *state, const json_t *all) {
        if (streq(state, "ok"))
                str_copy(buf, size, "answers");
        else if (streq(state, "foreign"))
                str_copy(buf, size, "another one answers than the one that this machine knows");
        else if (streq(state, "connecting"))
                str_copy(buf, size, "is being connected");
        else
                (void) snprintf(buf, size, "does not answer: %s", get_string(all, "RegistryError"));
        return "registry";
}

const char *monitor_words_property(char *buf, size_t size, const char *property, const json_t *value,
                const json_t *all, const char *host) {
        const char *text = strempty(json_string_value(value));

        if (streq(property, "RegistryState"))
                return registry_words(buf, size, text, all);
        if (streq(property, "LastError") && json_object_get(all, "LeaseIndex") && *text) {
                str_copy(buf, size, text);
                return "";
        }
        if (streq(property, "Stuck") && json_is_true(value)) {
                (void) snprintf(buf, size, "should leave, and fits on no other machine, as %s sees it", host);
                return "";
        }
        if (streq(property, "RegistryWarning") && *text) {
                str_copy(buf, size, text);
                return "registry";
        }
        if (streq(property, "UnitsError") && *text) {
                str_copy(buf, size, text);
                return "units";
        }
        if (streq(property, "ConfigurationErrors")) {
                join(buf, size, value);
                if (*buf)
                        return strstr(buf, "leased.conf") ? "leased.conf" : "options";
                str_copy(buf, size, "is right again");
                return "configuration";
        }
        if (streq(property, "WhyNot") && json_is_string(value)) {
                (void) snprintf(buf, size, "%s%s", *text ? "takes no leases: " : "competes for leases", text);
                return "";
        }
        return NULL;
}
