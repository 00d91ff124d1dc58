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

typedef enum StepKind {
        STEP_STARTED,
        STEP_THAWED,
        STEP_RESUMED, /* leased began to start the unit again */
        STEP_ADOPTED, /* leased was restarted, and goes on with the unit; one that rests is told of again after that */
        STEP_REFUSED, /* a start */
        STEP_GUARD_STOPS,
        STEP_FROZEN,
        STEP_STOPPED,
        STEP_BY_HAND,
        STEP_ASIDE, /* stopped for another unit */
        _STEP_MAX,
} StepKind;

/* One entry of the journal about the unit of a lease. */
typedef struct Step {
        StepKind kind;
        uint64_t at;
        json_int_t index, code;
        char *why, *by;
        char *unit;     /* that was refused */
        bool elsewhere; /* another machine had the lease then */
        size_t number;  /* of the entry */
} Step;

typedef struct Steps {
        Step *list;
        size_t n, room;
} Steps;

static void steps_done(Steps *s) {
        for (size_t i = 0; i < s->n; i++) {
                free(s->list[i].why);
                free(s->list[i].by);
                free(s->list[i].unit);
        }
        free(s->list);
}

static bool kind_of(sd_journal *j, StepKind *ret) {
        static const char *const ids[] = {
                [STEP_STARTED] = MESSAGE_STARTED,
                [STEP_THAWED] = MESSAGE_GUARD_THAWS,
                [STEP_RESUMED] = MESSAGE_RESUMED,
                [STEP_ADOPTED] = MESSAGE_ADOPTED,
                [STEP_REFUSED] = MESSAGE_NOT_STARTED,
                [STEP_GUARD_STOPS] = MESSAGE_GUARD_STOPS,
                [STEP_FROZEN] = MESSAGE_GUARD_FREEZES,
                [STEP_STOPPED] = MESSAGE_STOPPED,
                [STEP_BY_HAND] = MESSAGE_BY_HAND,
                [STEP_ASIDE] = MESSAGE_PUT_ASIDE,
        };

        for (*ret = 0; *ret < _STEP_MAX; (*ret)++)
                if (is_field(j, "MESSAGE_ID", ids[*ret]))
                        return true;
        return false;
}

static void say_why(Step *s, Why why, const char *text) {
        free(s->why);
        s->why = strdup(text);
        s->code = why;
}

static void steps_add(Steps *list, sd_journal *j) {
        Step s = { .at = time_of(j), .index = number_field(j, "LEASE_INDEX"), .number = list->n };

        if (s.at == 0 || s.index == 0 || !kind_of(j, &s.kind))
                return;
        if (list->n == list->room) {
                Step *more = reallocarray(list->list, 2 * list->room + 64, sizeof(Step));

                if (!more)
                        return;
                list->list = more;
                list->room = 2 * list->room + 64;
        }
        s.why = field(j, "REASON");
        s.code = number_field(j, "REASON_CODE");
        s.by = field(j, "REQUESTED_BY");
        if (s.kind == STEP_REFUSED) {
                _cleanup_free_ char *holder = field(j, "LEASE_MACHINE_ID");

                s.unit = field(j, "UNIT");
                s.elsewhere = holder;
        } else if (s.kind == STEP_BY_HAND) /* leased did not ask for it, and has no reason of its own */
                say_why(&s, WHY_BY_HAND, "stopped by hand");
        else if (s.kind == STEP_ASIDE && isempty(s.why))
                say_why(&s, WHY_DEPENDENCY, "stopped for another unit");
        list->list[list->n++] = s;
}

/* By their times: where journald stood still, the guard's entry may come behind later ones of the daemon. */
static int by_time(const void *a, const void *b) {
        const Step *x = a, *y = b;

        return x->at != y->at ? (x->at > y->at) - (x->at < y->at) : (x->number > y->number) - (x->number < y->number);
}

/* The time since which the unit is down, as far as the steps before say. */
typedef struct Outage {
        const char *own;     /* the id of this machine */
        const json_t *rows;  /* the tenures */
        const Step *stop;    /* the first one; NULL: the unit is not down */
        const Step *because; /* the one that says why. The guard's comes first where the daemon stood still, and the
                              * daemon's says more. */
        uint64_t resumed;    /* leased began to start the unit again, and no step says yet that the unit runs; or 0 */
} Outage;

#define OUTAGE_MIN USEC_PER_SEC /* at the end of a tenure: what is shorter is how the tenure ended */

static bool lasts(const Outage *o) {
        return o->because->kind == STEP_BY_HAND || o->because->kind == STEP_ASIDE;
}

/* The tenure of this machine with that Index. A stray bears the Index of whoever has the lease. */
static json_t *own_tenure(const Outage *o, json_int_t index) {
        json_t *row = find_index(o->rows, index);

        return row && streq(get_string(row, "machine_id"), o->own) ? row : NULL;
}

/* Adds the outage to the tenure in which it was. */
static void add_outage(const Outage *o, json_t *to) {
        json_t *row = own_tenure(o, o->stop->index);

        if (row)
                (void) json_array_append_new(json_object_get(row, "outages"),
                                json_pack("{s:I, s:O, s:s, s:I, s:s*}", "from_usec", (json_int_t) o->stop->at,
                                                "to_usec", to, "why", strempty(o->because->why), "code",
                                                o->because->code, "by", o->because->by));
        json_decref(to);
}

/* The unit is not known to have been started, until the lease was somebody else's or nobody's. What a unit that was
 * put aside did then is not told (somebody else may have started it), nor when one was stopped for which a thief came:
 * the tenure ended by that one's clock. */
static void end_with_tenure(const Outage *o) {
        json_t *row = own_tenure(o, o->stop->index);
        json_int_t to = row ? get_integer(row, "to_usec") : 0;

        if (to - (json_int_t) OUTAGE_MIN >= (json_int_t) o->stop->at && o->because->kind != STEP_ASIDE &&
                        o->because->code != WHY_LOST)
                add_outage(o, json_integer(to));
}

static void end_outage(Outage *o) {
        if (!o->stop)
                return;
        if (o->resumed > 0)
                add_outage(o, json_integer((json_int_t) o->resumed));
        else
                end_with_tenure(o);
        o->stop = NULL;
}

static void take_start(Outage *o, const Step *s) {
        if (!o->stop || o->stop->index != s->index)
                end_outage(o);
        else if (s->kind == STEP_THAWED && o->because->kind != STEP_FROZEN)
                return;
        else
                add_outage(o, json_integer((json_int_t) s->at));
        o->stop = NULL;
}

static void take_stop(Outage *o, const Step *s) {
        bool rests = s->kind == STEP_BY_HAND || s->kind == STEP_ASIDE,
             same = o->stop && o->stop->index == s->index && (o->resumed == 0 || (rests && lasts(o)));

        if (!same) {
                end_outage(o);
                o->stop = o->because = s;
        } else if (rests || (s->kind == STEP_STOPPED &&
                                            (o->because->kind == STEP_GUARD_STOPS || o->because->kind == STEP_FROZEN)))
                o->because = s;
        o->resumed = 0;
}

/* Adds a start that PID 1 refused while this machine held the lease, as an outage without a length: of the job of a
 * timer, say, whose timer was up all the time. What was refused while somebody else held the lease is no outage, nor
 * is a start of a unit that is down: the outage that goes on says why. */
static void take_refused(Outage *o, const Step *s) {
        json_t *row = own_tenure(o, s->index);

        if (o->stop && o->stop->index == s->index)
                o->resumed = 0;
        else if (row && !s->elsewhere)
                (void) json_array_append_new(json_object_get(row, "outages"),
                                json_pack("{s:I, s:I, s:s, s:I, s:s}", "from_usec", (json_int_t) s->at, "to_usec",
                                                (json_int_t) s->at, "why", strempty(s->why), "code", s->code,
                                                "refused", strempty(s->unit)));
}

static void take_step(Outage *o, const Step *s) {
        switch (s->kind) {
        case STEP_STARTED:
        case STEP_THAWED:
                take_start(o, s);
                break;
        case STEP_RESUMED:
        case STEP_ADOPTED:
                if (o->stop && o->stop->index == s->index && o->resumed == 0)
                        o->resumed = s->at;
                break;
        case STEP_REFUSED:
                take_refused(o, s);
                break;
        default:
                take_stop(o, s);
        }
}

/* Adds the last outage. One by hand or for another unit lasts until now if this machine still has the lease. */
static void add_last(Outage *o) {
        json_t *row = json_array_get(o->rows, json_array_size(o->rows) - 1);

        if (o->stop && o->resumed == 0 && lasts(o) && o->stop->index == get_integer(row, "index") &&
                        json_is_null(json_object_get(row, "to_usec")))
                add_outage(o, json_null());
        else
                end_outage(o);
}

static void add_outages(Steps *steps, const char *own, const json_t *rows) {
        Outage o = { .own = own, .rows = rows };

        if (steps->n > 0)
                qsort(steps->list, steps->n, sizeof(Step), by_time);
        for (size_t i = 0; i < steps->n; i++)
                take_step(&o, steps->list + i);
        add_last(&o);
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
        static const char *const ids[] = { "MESSAGE_ID=" MESSAGE_ACQUIRED, "MESSAGE_ID=" MESSAGE_STOPPED,
                "MESSAGE_ID=" MESSAGE_STARTED, "MESSAGE_ID=" MESSAGE_NOT_STARTED, "MESSAGE_ID=" MESSAGE_BY_HAND,
                "MESSAGE_ID=" MESSAGE_PUT_ASIDE, "MESSAGE_ID=" MESSAGE_RESUMED, "MESSAGE_ID=" MESSAGE_ADOPTED,
                "MESSAGE_ID=" MESSAGE_GUARD_STOPS, "MESSAGE_ID=" MESSAGE_GUARD_FREEZES,
                "MESSAGE_ID=" MESSAGE_GUARD_THAWS, NULL };
        size_t n = json_array_size(rows), i;
        Steps steps = {};
        json_t *row;
        int r = j ? match(j, lease, ends) : -ENOENT;

        while (r >= 0 && sd_journal_next(j) > 0)
                add_tenure(j, lease, machines, rows);
        if (r >= 0)
                r = match(j, lease, ids);
        while (r >= 0 && sd_journal_next(j) > 0)
                if (is_field(j, "MESSAGE_ID", MESSAGE_ACQUIRED))
                        add_begun(j, own, lease, machines, rows);
                else
                        steps_add(&steps, j);
        if (json_array_size(rows) > n)
                sort_rows(rows);
        json_array_foreach(rows, i, row)
                (void) json_object_set_new(row, "outages", json_array());
        add_outages(&steps, own, rows);
        steps_done(&steps);
}
