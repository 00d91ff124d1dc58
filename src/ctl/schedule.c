/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/schedule.h"

#include <stdio.h>

#include "ctl/calendar.h"
#include "ctl/finding.h"
#include "ctl/files.h"
#include "ctl/pid1.h"
#include "util/shell-word.h"
#include "util/unit-name.h"

enum {
        LIST_SIZE = 512,
};

static void append(char list[static LIST_SIZE], const char *text) {
        size_t at = strlen(list);

        (void) snprintf(list + at, LIST_SIZE - at, "%s%s", at > 0 ? ", " : "", text);
}

/* Writes the name of an option as a unit file has it, "OnBootSec=", where PID 1 says "OnBootUSec". */
static void option_name(const char *base, char *buf, size_t size) {
        size_t n = strlen(base);

        (void) snprintf(buf, size, "%.*sSec=", (int) (endswith(base, "USec") ? n - strlen("USec") : n), base);
}

typedef struct Spans {
        char all[LIST_SIZE]; /* as they stand in the file, only those that one machine counts */
        bool boot, last_run; /* there is one since the boot; one since the last run */
        usec_t shortest;     /* the shortest one since the last run */
} Spans;

/* Reads the spans of a timer. A row of PID 1 is base, span, next elapse. OnActiveSec= is left out: it counts from
 * the start of the timer itself, on the machine where the timer is. */
static void read_spans(const json_t *timer, Spans *s) {
        const json_t *rows = json_object_get(timer, "TimersMonotonic");

        *s = (Spans){ .shortest = USEC_INFINITY };
        for (size_t i = json_array_size(rows); i > 0; i--) { /* PID 1 has the last line of the file first */
                const json_t *row = json_array_get(rows, i - 1);
                const char *base = string_at(row, 0);
                usec_t span = (usec_t) json_integer_value(json_array_get(row, 1));
                bool last_run = startswith(base, "OnUnit");
                char name[64], text[128], number[CALENDAR_SIZE];

                if (startswith(base, "OnActive"))
                        continue;
                option_name(base, name, sizeof(name));
                (void) snprintf(text, sizeof(text), "%s%s", name, calendar_span(span, number));
                append(s->all, text);
                s->boot |= !last_run;
                s->last_run |= last_run;
                if (last_run)
                        s->shortest = MIN(s->shortest, span);
        }
}

static bool has_start_spans(const json_t *timer) {
        json_t *row;
        size_t i;

        json_array_foreach(json_object_get(timer, "TimersMonotonic"), i, row) {
                if (startswith(string_at(row, 0), "OnActive"))
                        return true;
        }
        return false;
}

/* Writes the lines to put in place of the spans. An empty OnBootSec= clears all that the file has, calendars as
 * well. */
static void write_instead(const json_t *timer, const Spans *s, char lines[static LIST_SIZE]) {
        const json_t *calendars = json_object_get(timer, "TimersCalendar");
        char text[160], calendar[CALENDAR_SIZE];

        lines[0] = '\0';
        append(lines, "OnBootSec= (empty)");
        for (size_t i = json_array_size(calendars); i > 0; i--) {
                (void) snprintf(text, sizeof(text), "OnCalendar=%s", string_at(json_array_get(calendars, i - 1), 1));
                append(lines, text);
        }
        if (s->last_run || json_array_size(calendars) == 0) {
                (void) snprintf(text, sizeof(text), "OnCalendar=%s",
                                s->last_run ? calendar_of_span(s->shortest, calendar) : "daily");
                append(lines, text);
        }
        append(lines, "Persistent=yes");
}

/* Adds a finding for the spans of a timer. The argument brings is "" for the unit itself. */
static void look_at_spans(const Ctl *ctl, const char *name, const char *timer_name, const char *brings,
                const json_t *timer, json_t *findings) {
        bool accepted = ctl->anyway || files_listed(name);
        char lines[LIST_SIZE];
        Spans s;

        read_spans(timer, &s);
        if (!s.all[0])
                return;
        write_instead(timer, &s, lines);
        finding_add(findings, accepted ? "weak" : "refused",
                        "%s%s: each machine counts that for itself, and after a move the job runs at once%s. Write "
                        "under "
                        "[Timer] (systemctl edit %s): %s%s",
                        brings, s.all, s.boot ? "" : ", or never", SHELL_WORD(timer_name), lines,
                        accepted ? "" : "; or use --anyway, if that does no harm");
}

static void look_at_calendar(
                const char *brings, bool member, const json_t *timer, const char *timer_name, json_t *findings) {
        bool calendar = json_array_size(json_object_get(timer, "TimersCalendar")) > 0;

        if (calendar && !member && !get_boolean(timer, "Persistent"))
                finding_add(findings, "weak",
                                "OnCalendar= without Persistent=yes: what falls due while the lease passes on is not "
                                "made up "
                                "for");
        if (calendar && member && !get_boolean(timer, "Persistent"))
                finding_add(findings, "weak",
                                "%s%s, whose OnCalendar= is not made up for when it falls due while the lease passes "
                                "on: a lease "
                                "of its own and Persistent=yes would",
                                brings, timer_name);
        if (has_start_spans(timer))
                finding_add(findings, "weak",
                                "%sOnActiveSec= counts from the timer's start: its job runs anew after each move",
                                brings);
        if (get_boolean(timer, "OnClockChange") || get_boolean(timer, "OnTimezoneChange"))
                finding_add(findings, "note",
                                "%sOnClockChange= and OnTimezoneChange= are about the clock of the machine that holds "
                                "it",
                                brings);
}

static void look_at_member(const char *name, const char *member, const json_t *timer, json_t *findings) {
        if (get_boolean(timer, "Persistent") && json_array_size(json_object_get(timer, "TimersCalendar")) > 0)
                finding_add(findings, files_listed(name) ? "weak" : "refused",
                                "brings %s with Persistent=yes, whose last run travels only with a lease of its own: "
                                "take "
                                "BindsTo= out of it, and lease it itself with MachineOf=%s in [X-Leased]",
                                member, name);
}

int schedule_examine(Ctl *ctl, const char *name, const json_t *unit, char *const *members, json_t *findings) {
        if (endswith(name, ".timer")) {
                look_at_spans(ctl, name, name, "", unit, findings);
                look_at_calendar("", false, unit, name, findings);
        }
        for (; members && *members; members++) {
                json_auto_t *timer = NULL;
                char brings[320];
                int code;

                if (!endswith(*members, ".timer") || unit_name_is_template(*members))
                        continue;
                code = pid1_load(ctl->bus, *members, &timer);
                if (code != CTL_OK)
                        return code;
                (void) snprintf(brings, sizeof(brings), "brings %s with ", *members);
                look_at_spans(ctl, name, *members, brings, timer, findings);
                look_at_member(name, *members, timer, findings);
                look_at_calendar("brings ", true, timer, *members, findings);
        }
        return CTL_OK;
}
