/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/past-there.h"

#include <stdio.h>

#include "core/record.h"
#include "core/why.h"
#include "ctl/interrupt.h"
#include "ctl/machines.h"
#include "ctl/program.h"
#include "ctl/progress.h"
#include "util/text.h"
#include "util/unit-name.h"

/* How long all machines together have for their answers. One that cannot be reached has ssh's ConnectTimeout=. */
#define PATIENCE (10 * USEC_PER_SEC)
/* By how much a clock may have been set within a tenure. */
#define CLOCK_STEP USEC_PER_HOUR

enum {
        ANSWER_MAX = 32 * 1024 * 1024, /* bytes; a tenure has about 300 */
        NAMES_MAX = 100,               /* leases to name; of more, all leases are asked for */
        CODE_MAX = 999,
};

/* A machine that had one of the tenures. */
typedef struct Other {
        const char *id;   /* borrowed from a row */
        const char *host; /* for ssh */
        const char *hostname;
        const char *argv[16];
} Other;

typedef struct Others {
        Other *list;
        ProgramJob *jobs; /* one for each */
        size_t n;
        Progress progress;
} Others;

/* ---- what a machine says ---- */

/* Whether the value is a text of at most so many bytes; it may be missing. */
static bool is_text(const json_t *value, size_t most) {
        return !value || (json_is_string(value) && json_string_length(value) <= most);
}

/* Whether the value is a time between two others. */
static bool is_between(const json_t *value, json_int_t from, json_int_t to) {
        return json_is_integer(value) && json_integer_value(value) >= from && json_integer_value(value) <= to;
}

/* Whether the members that say why, and who asked, are as this program writes them. */
static bool says_why(const json_t *object) {
        const json_t *code = json_object_get(object, "code");

        return json_is_string(json_object_get(object, "why")) &&
               is_text(json_object_get(object, "why"), WHY_TEXT_SIZE) &&
               is_text(json_object_get(object, "by"), BY_SIZE) && (!code || is_between(code, 0, CODE_MAX));
}

/* Sets a member to a text of somebody else, as it can be shown, unless there is none. */
static void set_text(json_t *object, const char *key, const char *text) {
        char clean[WHY_TEXT_SIZE * 2];

        if (!isempty(text))
                (void) json_object_set_new(object, key, json_string(text_clean(clean, sizeof(clean), text)));
}

/* Makes an outage of one that another machine has told; NULL: that is none which this tenure can have had. */
static json_t *outage_new(const json_t *told, const json_t *tenure) {
        json_int_t now = (json_int_t) now_realtime(), end = get_integer(tenure, "to_usec") ?: now,
                   first = get_integer(tenure, "from_usec") - (json_int_t) CLOCK_STEP,
                   last = end + (json_int_t) CLOCK_STEP;
        const json_t *from = json_object_get(told, "from_usec"), *to = json_object_get(told, "to_usec"),
                     *refused = json_object_get(told, "refused");
        json_t *outage;

        if (!is_between(from, MAX(first, (json_int_t) 1), last) || !says_why(told) ||
                        (!json_is_null(to) && !is_between(to, json_integer_value(from), last)) ||
                        (refused && unit_name_kind(strempty(json_string_value(refused))) == UNIT_NAME_INVALID))
                return NULL;
        if (json_is_null(to)) /* it lasts, and so to the end of the tenure if that has ended meanwhile */
                to = json_object_get(tenure, "to_usec");
        outage = json_pack("{s:I, s:o, s:s, s:I}", "from_usec", json_integer_value(from), "to_usec",
                        json_is_integer(to) ? json_integer(json_integer_value(to)) : json_null(), "why", "", "code",
                        get_integer(told, "code"));
        set_text(outage, "why", get_string(told, "why"));
        set_text(outage, "by", get_string(told, "by"));
        set_text(outage, "refused", get_string(told, "refused"));
        return outage;
}

/* Gives the row the outages that its machine has told of it, all or none. */
static void take_outages(json_t *row, const json_t *told) {
        json_auto_t *outages = json_array();
        const json_t *list = json_object_get(told, "outages");
        json_t *each;
        size_t i;

        if (!json_is_array(list))
                return;
        json_array_foreach((json_t *) list, i, each) {
                json_t *outage = outage_new(each, row);

                if (!outage)
                        return;
                (void) json_array_append_new(outages, outage);
        }
        (void) json_object_set(row, "outages", outages);
        (void) json_object_set_new(row, "outages_known", json_true());
}

/* Makes a row of a tenure that another machine has told; NULL: it is none that is over. */
static json_t *tenure_new(const json_t *told, const char *lease, const char *machine_id, const char *hostname) {
        json_int_t now = (json_int_t) (now_realtime() + CLOCK_STEP);
        const json_t *from = json_object_get(told, "from_usec"), *to = json_object_get(told, "to_usec");
        json_t *row;

        if (!is_between(from, 1, now) || !says_why(told) || get_integer(told, "index") < 1 ||
                        (!json_is_null(to) && !is_between(to, json_integer_value(from), now)))
                return NULL;
        row = json_pack("{s:s, s:s, s:s, s:I, s:I, s:o, s:s, s:I, s:s, s:[], s:b}", "lease", lease, "machine_id",
                        machine_id, "hostname", hostname, "index", get_integer(told, "index"), "from_usec",
                        json_integer_value(from), "to_usec",
                        json_is_null(to) ? json_null() : json_integer(json_integer_value(to)), "why", "", "code",
                        get_integer(told, "code"), "by", "", "outages", "outages_known", 0);
        set_text(row, "why", get_string(told, "why"));
        set_text(row, "by", get_string(told, "by"));
        return row;
}

/* Looks for the row of this Index of the lease. Otherwise *ret_place is where a row that began then belongs, or
 * SIZE_MAX: nothing here is about the lease, or the tenure is later than all that is known of it. */
static json_t *find(const json_t *rows, const char *lease, json_int_t index, json_int_t from, size_t *ret_place) {
        json_t *row;
        size_t i;

        *ret_place = SIZE_MAX;
        json_array_foreach((json_t *) rows, i, row) {
                if (!streq(get_string(row, "lease"), lease))
                        continue;
                if (get_integer(row, "index") == index)
                        return row;
                if (*ret_place == SIZE_MAX && get_integer(row, "from_usec") > from &&
                                get_integer(row, "index") > index)
                        *ret_place = i;
        }
        return NULL;
}

/* Takes what a machine says of a tenure of its own that it has read its journal for. */
static void take_row(json_t *rows, const Other *o, const json_t *told) {
        const char *lease = get_string(told, "lease");
        json_int_t index = get_integer(told, "index");
        size_t place;
        json_t *row;

        if (!streq(get_string(told, "machine_id"), o->id) || !get_boolean(told, "outages_known"))
                return;
        row = find(rows, lease, index, get_integer(told, "from_usec"), &place);
        if (!row && place != SIZE_MAX) {
                json_t *near = json_array_get(rows, place);

                row = tenure_new(told, get_string(near, "lease"), o->id, o->hostname);
                if (row)
                        (void) json_array_insert_new(rows, place, row);
        }
        if (row && streq(get_string(row, "machine_id"), o->id))
                take_outages(row, told);
}

static void take_answer(json_t *rows, const Other *o, const char *text) {
        json_auto_t *answer = json_loads(text, 0, NULL);
        json_t *told;
        size_t i;

        if (json_is_array(answer))
                json_array_foreach(answer, i, told)
                        take_row(rows, o, told);
}

/* ---- asking ---- */

/* Gives the command for the shell there. A valid name of a lease has no quote in it. */
static char *command_new(const json_t *rows, bool all) {
        char *command = strdup("leasectl history --here --json=short --");
        const char *last = "";
        size_t i, n = 0;
        json_t *row;

        if (all)
                return command;
        json_array_foreach((json_t *) rows, i, row) {
                const char *lease = get_string(row, "lease");
                char *longer;

                if (streq(lease, last) || !lease_name_is_valid(lease))
                        continue;
                last = lease;
                if (++n > NAMES_MAX || !command)
                        break;
                longer = text_format("%s '%s'", command, lease);
                free(command);
                command = longer;
        }
        if (n <= NAMES_MAX)
                return command;
        free(command);
        return command_new(rows, true);
}

static bool is_asked(const Others *others, const char *id) {
        for (size_t i = 0; i < others->n; i++)
                if (streq(others->list[i].id, id))
                        return true;
        return false;
}

/* Notes each machine that can be asked, and is not the one whose journal was read here. The machine that -H names is
 * reached as it was named. */
static bool find_others(const Ctl *ctl, const json_t *machines, const char *own, const char *command,
                const json_t *rows, Others *o) {
        json_t *row;
        size_t i;

        o->list = calloc(json_array_size(rows) + 1, sizeof(Other));
        o->jobs = calloc(json_array_size(rows) + 1, sizeof(ProgramJob));
        if (!o->list || !o->jobs || !command)
                return false;
        json_array_foreach((json_t *) rows, i, row) {
                const char *id = get_string(row, "machine_id");
                const json_t *machine = machines_find(machines, id);
                bool here = get_boolean(machine, "here");
                const char *host = here ? ctl->host : get_string(machine, "hostname");
                Other *other = o->list + o->n;

                if (streq(id, own) || !host || !program_is_host(host) || is_asked(o, id))
                        continue;
                *other = (Other){ .id = id,
                        .host = host,
                        .hostname = get_string(machine, "hostname"),
                        .argv = { "ssh", "-xT", "-o", "BatchMode=yes", "-o", "ServerAliveInterval=5", "-o",
                                        "ConnectTimeout=2", "--", host, command, NULL } };
                o->jobs[o->n++] = (ProgramJob){ .argv = other->argv, .most = ANSWER_MAX };
        }
        return o->n > 0;
}

/* Shows whose answer is waited for. */
static void wait_on(const ProgramJob *jobs, void *userdata) {
        Others *o = userdata;
        const char *first = NULL;
        char text[256];
        size_t n = 0;

        for (size_t i = 0; i < o->n; i++)
                if (jobs[i].pidfd >= 0 && n++ == 0)
                        first = o->list[i].host;
        (void) snprintf(text, sizeof(text), "asks %s%s for its outages", strempty(first), n > 1 ? " and others" : "");
        progress_say(&o->progress, text);
}

void past_there_add(const Ctl *ctl, const json_t *machines, const char *own, bool all, json_t *rows) {
        _cleanup_free_ char *command = ctl->here_only ? NULL : command_new(rows, all);
        Others o = { .progress = progress_begin("history") };
        json_t *row;
        size_t i;

        json_array_foreach(rows, i, row) {
                const char *id = get_string(row, "machine_id");

                (void) json_object_set_new(
                                row, "outages_known", json_boolean(streq(id, own) || !machine_id_is_valid(id)));
        }
        if (!ctl->here_only && find_others(ctl, machines, own, command, rows, &o)) {
                program_run_many(o.jobs, o.n, PATIENCE, wait_on, &o);
                progress_end(&o.progress);
                if (interrupt_came())
                        interrupt_leave();
        }
        for (i = 0; i < o.n; i++) {
                if (o.jobs[i].output)
                        take_answer(rows, o.list + i, o.jobs[i].output);
                free(o.jobs[i].output);
        }
        free(o.list);
        free(o.jobs);
}

/* ---- what is not known ---- */

/* Adds the name of a machine to a text, behind " and ", or before the last name ", ". */
static char *add_name(char *names, const char *name, bool last) {
        char *longer = text_format("%s%s%s", strempty(names), !names ? "" : last ? " and " : ", ", name);

        free(names);
        return longer;
}

/* Gives the ids of the machines whose outages are not known, once each, as an object. */
static json_t *unknown_ids(const json_t *rows) {
        json_t *ids = json_object(), *row;
        size_t i;

        json_array_foreach((json_t *) rows, i, row)
                if (!get_boolean(row, "outages_known"))
                        (void) json_object_set_new(ids, get_string(row, "machine_id"), json_null());
        return ids;
}

/* Gives the unit to name where all rows are about it; "": they are about several. */
static void name_subject(const json_t *rows, char *buf, size_t size) {
        const char *lease = get_string(json_array_get(rows, 0), "lease");
        size_t n = strcspn(lease, "#"), i;
        json_t *row;

        (void) snprintf(buf, size, "%.*s", (int) n, lease);
        json_array_foreach((json_t *) rows, i, row)
                if (strcspn(get_string(row, "lease"), "#") != n || strncmp(get_string(row, "lease"), lease, n) != 0)
                        buf[0] = '\0';
}

char *past_there_unknown(const Ctl *ctl, const json_t *machines, const json_t *rows) {
        static const char own[] = "Outages on this machine are not known: you may not read its journal. ";
        json_auto_t *ids = unknown_ids(rows);
        _cleanup_free_ char *names = NULL;
        size_t left = json_object_size(ids);
        char subject[NAME_SIZE + 1];
        const char *id;
        json_t *unused;
        bool here = false;

        json_object_foreach(ids, id, unused)
                here = here || (!ctl->host && get_boolean(machines_find(machines, id), "here"));
        left -= here;
        json_object_foreach(ids, id, unused) {
                char name[HOSTNAME_SHOWN];

                if (!ctl->host && get_boolean(machines_find(machines, id), "here"))
                        continue;
                names = add_name(names, machine_name(machines, id, name, sizeof(name)), --left == 0);
        }
        name_subject(rows, subject, sizeof(subject));
        if (names)
                return text_format("%sOutages on %s are not known here: leasectl history%s%s there", here ? own : "",
                                names, *subject ? " " : "", *subject ? SHELL_WORD(subject) : "");
        return here ? text_format("%.*s", (int) strlen(own) - 1, own) : NULL;
}
