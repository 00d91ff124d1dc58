/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/past.h"

#include <errno.h>
#include <stdio.h>

#include "core/why.h"
#include "ctl/machines.h"
#include "util/journal.h"
#include "util/message-ids.h"
#include "util/names.h"

/* Gives a field of the present entry, as text owned by the caller; NULL if there is none. */
static char *field(sd_journal *j, const char *name) {
        size_t n = strlen(name) + 1, size;
        const void *data;

        if (sd_journal_get_data(j, name, &data, &size) < 0 || size < n)
                return NULL;
        return strndup((const char *) data + n, size - n);
}

static json_int_t number_field(sd_journal *j, const char *name) {
        _cleanup_free_ char *text = field(j, name);

        return text ? strtoll(text, NULL, 10) : 0;
}

static bool is_field(sd_journal *j, const char *name, const char *value) {
        _cleanup_free_ char *text = field(j, name);

        return text && streq(text, value);
}

/* Gives when the event of the entry was (us), not when journald took the entry, which is later while journald stands
 * still. 0: not known. */
static uint64_t time_of(sd_journal *j) {
        uint64_t at = (uint64_t) number_field(j, JOURNAL_AT);

        if (at == 0)
                at = (uint64_t) number_field(j, "_SOURCE_REALTIME_TIMESTAMP");
        return at > 0 || sd_journal_get_realtime_usec(j, &at) >= 0 ? at : 0;
}

/* ---- tenures ---- */

/* Whether a row is about the tenure of this machine that began at this time. */
static bool has_tenure(const json_t *rows, const char *machine_id, json_int_t from) {
        json_t *row;
        size_t i;

        json_array_foreach((json_t *) rows, i, row) {
                if (get_integer(row, "from_usec") == from && streq(get_string(row, "machine_id"), machine_id))
                        return true;
        }
        return false;
}

static void add_tenure(sd_journal *j, const char *lease, const json_t *machines, json_t *rows) {
        _cleanup_free_ char *machine = field(j, "LEASE_MACHINE_ID"), *why = field(j, "REASON"),
                            *by = field(j, "REQUESTED_BY");
        json_int_t from = number_field(j, "LEASE_FROM_USEC"), to = number_field(j, "LEASE_TO_USEC");

        if (!machine || has_tenure(rows, machine, from))
                return;
        (void) json_array_append_new(rows,
                        json_pack("{s:s, s:s, s:s, s:I, s:I, s:o, s:s, s:I, s:s}", "lease", lease, "machine_id",
                                        machine, "hostname", get_string(machines_find(machines, machine), "hostname"),
                                        "index", number_field(j, "LEASE_INDEX"), "from_usec", from, "to_usec",
                                        to > 0 ? json_integer(to) : json_null(), "why", strempty(why), "code",
                                        number_field(j, "REASON_CODE"), "by", strempty(by)));
}

static json_t *find_index(const json_t *rows, json_int_t index) {
        json_t *row;
        size_t i;

        json_array_foreach((json_t *) rows, i, row) {
                if (get_integer(row, "index") == index)
                        return row;
        }
        return NULL;
}

/* Adds a tenure of this machine of which only the beginning is known here: leased did not run when it ended, and the
 * record has forgotten it since. */
static void add_begun(sd_journal *j, const char *own, const char *lease, const json_t *machines, json_t *rows) {
        json_int_t index = number_field(j, "LEASE_INDEX");
        uint64_t at = time_of(j);

        if (at == 0 || index == 0 || find_index(rows, index))
                return;
        (void) json_array_append_new(rows,
                        json_pack("{s:s, s:s, s:s, s:I, s:I, s:n, s:s, s:[]}", "lease", lease, "machine_id", own,
                                        "hostname", get_string(machines_find(machines, own), "hostname"), "index",
                                        index, "from_usec", (json_int_t) at, "to_usec", "why", "", "outages"));
}

/* ---- outages ---- */

/* The last stop of the lease's unit, at this Index, as the beginning of an outage; 0 if the unit has been started
 * since. The guard's entry comes first where the daemon stood still; the daemon's says more. Where journald stood
 * still, the guard's entry may also come after the daemon's next one. A stop by hand, or for another unit, lasts until
 * now if nobody else has had the lease since. */
typedef struct Stop {
        json_int_t index;
        bool lasts;       /* by hand or for another unit: leased keeps the lease here meanwhile */
        uint64_t started; /* the last start */
        uint64_t resumed; /* leased began to start the unit again, and nobody has told yet that it runs; 0: it did not
                           */
        json_t *outage;
} Stop;

#define OUTAGE_MIN                                                                                                    \
        USEC_PER_SEC /* between the stop that ends a tenure and its end; what is shorter is the end itself */

static void add_outage(const Stop *stop, json_t *row, json_int_t to) {
        (void) json_object_set_new(stop->outage, "to_usec", to > 0 ? json_integer(to) : json_null());
        (void) json_array_append(json_object_get(row, "outages"), stop->outage);
}

/* Adds an outage that lasted until the tenure was over: the lease stayed here for a while after the stop. */
static void end_with_tenure(const Stop *stop, const json_t *rows) {
        json_t *row = stop->index == 0 ? NULL : find_index(rows, stop->index);
        json_int_t to = row ? get_integer(row, "to_usec") : 0;

        if (to - (json_int_t) OUTAGE_MIN >= get_integer(stop->outage, "from_usec"))
                add_outage(stop, row, to);
}

/* Adds a start that PID 1 refused while this machine held the lease, as an outage without a length: of the job of a
 * timer, say, whose timer was up all the time. What was refused while somebody else held the lease is no outage. */
static void add_refused(sd_journal *j, uint64_t at, json_t *row) {
        _cleanup_free_ char *why = field(j, "REASON"), *unit = field(j, "UNIT"),
                            *holder = field(j, "LEASE_MACHINE_ID");

        if (row && !holder)
                (void) json_array_append_new(json_object_get(row, "outages"),
                                json_pack("{s:I, s:I, s:s, s:I, s:s}", "from_usec", (json_int_t) at, "to_usec",
                                                (json_int_t) at, "why", strempty(why), "code",
                                                number_field(j, "REASON_CODE"), "refused", strempty(unit)));
}

/* Gives a stop for which leased has no reason of its own, as it did not ask for it, the reason that its entry stands
 * for. */
static void say_why(Stop *stop, Why why) {
        stop->lasts = true;
        (void) json_object_set_new(stop->outage, "why",
                        json_string(why == WHY_BY_HAND ? "stopped by hand" : "stopped for another unit"));
        (void) json_object_set_new(stop->outage, "code", json_integer(why));
}

static void take_start(Stop *stop, json_int_t index, uint64_t at, const json_t *rows) {
        json_t *row = find_index(rows, index);

        if (stop->index != index)
                end_with_tenure(stop, rows);
        else if (row)
                add_outage(stop, row, (json_int_t) at);
        stop->index = 0;
        stop->started = at;
}

static void take_stop(sd_journal *j, Stop *stop, json_int_t index, uint64_t at, const json_t *rows) {
        _cleanup_free_ char *why = field(j, "REASON"), *by = field(j, "REQUESTED_BY");
        json_t *row = find_index(rows, index);

        if (stop->index == index && stop->lasts && is_field(j, "MESSAGE_ID", MESSAGE_STOPPED))
                return; /* it was down already when its tenure ended */
        if (stop->index != index)
                end_with_tenure(stop, rows);
        else if (stop->resumed > 0 && at >= stop->resumed) { /* it may have run in between */
                if (row)
                        add_outage(stop, row, (json_int_t) stop->resumed);
        } else
                at = (uint64_t) get_integer(stop->outage, "from_usec");
        json_decref(stop->outage);
        stop->index = index;
        stop->lasts = false;
        stop->resumed = 0;
        stop->outage = json_pack("{s:I, s:s, s:I}", "from_usec", (json_int_t) at, "why", strempty(why), "code",
                        number_field(j, "REASON_CODE"));
        if (by)
                (void) json_object_set_new(stop->outage, "by", json_string(by));
        if (is_field(j, "MESSAGE_ID", MESSAGE_BY_HAND))
                say_why(stop, WHY_BY_HAND);
        else if (is_field(j, "MESSAGE_ID", MESSAGE_PUT_ASIDE) && isempty(why))
                say_why(stop, WHY_DEPENDENCY);
        else if (is_field(j, "MESSAGE_ID", MESSAGE_PUT_ASIDE))
                stop->lasts = true;
}

/* Looks at one stop, start or refused start of the lease's unit. A start at the Index of the stop before it ends an
 * outage. To be frozen is an outage, too. */
static void take_step(sd_journal *j, Stop *stop, const json_t *rows) {
        json_int_t index = number_field(j, "LEASE_INDEX");
        uint64_t at = time_of(j);

        if (at == 0 || index == 0)
                return;
        if (is_field(j, "MESSAGE_ID", MESSAGE_NOT_STARTED)) {
                if (stop->index != index) /* the outage that goes on says why */
                        add_refused(j, at, find_index(rows, index));
        } else if (is_field(j, "MESSAGE_ID", MESSAGE_RESUMED)) {
                if (stop->index == index)
                        stop->resumed = at;
        } else if (is_field(j, "MESSAGE_ID", MESSAGE_STARTED) || is_field(j, "MESSAGE_ID", MESSAGE_GUARD_THAWS))
                take_start(stop, index, at, rows);
        else if (at >= stop->started)
                take_stop(j, stop, index, at, rows);
}

/* Adds the last outage if it is not over, or was over only with its tenure. */
static void add_last(const Stop *stop, const json_t *rows) {
        json_t *row = json_array_get(rows, json_array_size(rows) - 1);

        end_with_tenure(stop, rows);
        if (stop->index != 0 && stop->lasts && stop->index == get_integer(row, "index") &&
                        json_is_null(json_object_get(row, "to_usec")))
                add_outage(stop, row, 0);
}

/* ---- all of it ---- */

static int by_beginning(const void *a, const void *b) {
        json_int_t x = get_integer(*(json_t *const *) a, "from_usec"),
                   y = get_integer(*(json_t *const *) b, "from_usec");

        return (x > y) - (x < y);
}

static void sort_rows(json_t *rows) {
        size_t n = json_array_size(rows);
        _cleanup_free_ json_t **list = calloc(n + 1, sizeof(json_t *));

        if (!list)
                return;
        for (size_t i = 0; i < n; i++)
                list[i] = json_incref(json_array_get(rows, i));
        qsort(list, n, sizeof(json_t *), by_beginning);
        for (size_t i = 0; i < n; i++)
                (void) json_array_set_new(rows, i, list[i]);
}

/* Restricts the journal to what leased and its guard wrote of the lease with one of these ids. */
static int match(sd_journal *j, const char *lease, const char *const *ids) {
        _cleanup_free_ char *text = NULL;
        int r = asprintf(&text, "LEASE=%s", lease);

        sd_journal_flush_matches(j);
        if (r >= 0)
                r = sd_journal_add_match(j, text, 0);
        if (r >= 0)
                r = sd_journal_add_match(j, "_SYSTEMD_UNIT=" DAEMON_SERVICE, 0);
        if (r >= 0)
                r = sd_journal_add_match(j, "_SYSTEMD_UNIT=" GUARD_SERVICE, 0);
        for (; *ids && r >= 0; ids++)
                r = sd_journal_add_match(j, *ids, 0);
        return r < 0 ? r : sd_journal_seek_head(j);
}

sd_journal *past_open(void) {
        sd_journal *j = NULL;

        if (sd_journal_open(&j, SD_JOURNAL_LOCAL_ONLY | SD_JOURNAL_SYSTEM) >= 0 &&
                        (sd_journal_has_persistent_files(j) > 0 || sd_journal_has_runtime_files(j) > 0))
                return j;
        sd_journal_close(j); /* files that we may not read are left out */
        return NULL;
}

void past_add(sd_journal *j, const char *own, const char *lease, const json_t *machines, json_t *rows) {
        static const char *const ends[] = { "MESSAGE_ID=" MESSAGE_TENURE, NULL };
        static const char *const steps[] = { "MESSAGE_ID=" MESSAGE_ACQUIRED, "MESSAGE_ID=" MESSAGE_STOPPED,
                "MESSAGE_ID=" MESSAGE_STARTED, "MESSAGE_ID=" MESSAGE_NOT_STARTED, "MESSAGE_ID=" MESSAGE_BY_HAND,
                "MESSAGE_ID=" MESSAGE_PUT_ASIDE, "MESSAGE_ID=" MESSAGE_RESUMED, "MESSAGE_ID=" MESSAGE_GUARD_STOPS,
                "MESSAGE_ID=" MESSAGE_GUARD_FREEZES, "MESSAGE_ID=" MESSAGE_GUARD_THAWS, NULL };
        size_t n = json_array_size(rows), i;
        Stop stop = {};
        json_t *row;
        int r = j ? match(j, lease, ends) : -ENOENT;

        while (r >= 0 && sd_journal_next(j) > 0)
                add_tenure(j, lease, machines, rows);
        if (json_array_size(rows) > n)
                sort_rows(rows);
        json_array_foreach(rows, i, row)
                (void) json_object_set_new(row, "outages", json_array());
        if (r >= 0)
                r = match(j, lease, steps);
        n = json_array_size(rows);
        while (r >= 0 && sd_journal_next(j) > 0)
                if (is_field(j, "MESSAGE_ID", MESSAGE_ACQUIRED))
                        add_begun(j, own, lease, machines, rows);
                else
                        take_step(j, &stop, rows);
        if (json_array_size(rows) > n)
                sort_rows(rows);
        add_last(&stop, rows);
        json_decref(stop.outage);
}
