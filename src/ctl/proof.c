/* SPDX-License-Identifier: Apache-2.0 */

/* Reads journals: which tenures they tell of. */

#include "ctl/proof.h"

#include <errno.h>
#include <stdio.h>

#include "core/record.h"
#include "util/journal.h"
#include "util/message-ids.h"
#include "util/names.h"

enum {
        LINE_SIZE = 1024 * 1024, /* journalctl leaves out long fields, so its lines are far shorter */
        ALL_TENURES_MAX = 2000,
        ALL_RUNS_MAX = 100000, /* runs of them, and whatever else is kept by a key that an entry tells */
};

/* Entries of PID 1 (sd-messages.h): a unit has ended, well or not, or its stop is over; its start begins, or is over.
 */
static const char *const endings[] = { "7ad2d189f7e94e70a38c781354912448", "d9b373ed55a64feb8242e02dbe79a49c",
        "9d1aaa27d60140bd96365438aad20286" };
static const char *const beginnings[] = { "7d4958e842da4a758f6c1cdc7b36dcc5", "39f53479d3a045ac8e11786248231fbf" };
/* Entries of leased that tell an Index which this machine has from then on. */
static const char *const holdings[] = { MESSAGE_ACQUIRED, MESSAGE_ROBBED, MESSAGE_STARTED, MESSAGE_ADOPTED,
        MESSAGE_RESUMED };

void proof_init(Proof *p, const char *unit) {
        *p = (Proof){ .unit = unit,
                .clocks = USEC_INFINITY,
                .tenures = json_array(),
                .moves = json_array(),
                .machines = json_object(),
                .holders = json_object() };
}

void proof_done(Proof *p) {
        json_decref(p->tenures);
        json_decref(p->moves);
        json_decref(p->machines);
        json_decref(p->holders);
}

/* ---- entries ---- */

/* Gives a field's number; 0 where there is none, or one that no journal and no lease has: files of others are read
 * here, and their numbers are added and subtracted. */
static json_int_t number_of(const json_t *entry, const char *key) {
        long long n = strtoll(get_string(entry, key), NULL, 10);

        return n < 0 || n > INT64_MAX / 4 ? 0 : n;
}

static bool is(const json_t *entry, const char *key, const char *value) {
        return streq(get_string(entry, key), value);
}

static bool has_id(const json_t *entry, const char *const *ids, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (is(entry, "MESSAGE_ID", ids[i]))
                        return true;
        return false;
}

/* The time is the one at which the program has written the entry, where it tells that. */
static json_t *mark_of(const Proof *p, const json_t *entry) {
        json_int_t written = number_of(entry, "_SOURCE_REALTIME_TIMESTAMP"),
                   revision = number_of(entry, "LEASE_REVISION");

        return json_pack("{s:I, s:I, s:s, s:I, s:o*}", "realtime_usec",
                        written > 0 ? written : number_of(entry, "__REALTIME_TIMESTAMP"), "monotonic_usec",
                        number_of(entry, "__MONOTONIC_TIMESTAMP"), "cursor", get_string(entry, "__CURSOR"), "line",
                        (json_int_t) p->lines, "revision", revision > 0 ? json_integer(revision) : NULL);
}

static void set_mark(const Proof *p, json_t *tenure, const char *which, const json_t *entry) {
        (void) json_object_set_new(tenure, which, mark_of(p, entry));
}

static void set_first_mark(const Proof *p, json_t *tenure, const char *which, const json_t *entry) {
        if (!json_object_get(tenure, which))
                set_mark(p, tenure, which, entry);
}

/* ---- tenures ---- */

/* Gives the newest tenure on the entry's machine and boot that has this invocation or, if invocation is NULL, this
 * Index. NULL if there is none. */
static json_t *find_tenure(const Proof *p, const json_t *entry, const char *invocation, json_int_t index) {
        for (size_t i = json_array_size(p->tenures); i-- > 0;) {
                json_t *t = json_array_get(p->tenures, i);

                if (is(t, "machine_id", get_string(entry, "_MACHINE_ID")) &&
                                is(t, "boot_id", get_string(entry, "_BOOT_ID")) &&
                                (invocation ? json_object_get(json_object_get(t, "invocations"), invocation) != NULL
                                            : get_integer(t, "index") == index))
                        return t;
        }
        return NULL;
}

static json_t *add_tenure(Proof *p, const json_t *entry, json_int_t index) {
        json_t *t = json_pack("{s:s, s:s, s:s, s:o, s:{}}", "machine_id", get_string(entry, "_MACHINE_ID"), "hostname",
                        get_string(entry, "_HOSTNAME"), "boot_id", get_string(entry, "_BOOT_ID"), "index",
                        index > 0 ? json_integer(index) : json_null(), "invocations");

        (void) json_array_append_new(p->tenures, t);
        return t;
}

/* Gives the tenure of this Index. A run whose Index was not told yet is the beginning of that tenure. */
static json_t *tenure_of_index(Proof *p, json_t *machine, const json_t *entry, json_int_t index) {
        json_t *t = find_tenure(p, entry, NULL, index), *current = json_object_get(machine, "current");

        if (!t && current && get_integer(current, "index") == 0) {
                (void) json_object_set_new(current, "index", json_integer(index));
                t = current;
        } else if (!t)
                t = add_tenure(p, entry, index);
        (void) json_object_set(machine, "current", t);
        return t;
}

/* An entry that journald did not take at once may stand behind what happened later: of when a tenure was over, it
 * proves nothing. */
static bool came_late(const json_t *entry) {
        return number_of(entry, JOURNAL_AT) > 0;
}

static void take_leased(Proof *p, json_t *machine, const json_t *entry) {
        json_int_t index = number_of(entry, "LEASE_INDEX");
        json_t *t;

        if (index > 0 && has_id(entry, holdings, ELEMENTSOF(holdings))) {
                t = tenure_of_index(p, machine, entry, index);
                if (number_of(entry, "LEASE_REVISION") > 0)
                        set_first_mark(p, t, "acquired", entry);
        } else if (came_late(entry))
                return;
        else if (is(entry, "MESSAGE_ID", MESSAGE_STOPPED) && (t = find_tenure(p, entry, NULL, index)))
                set_first_mark(p, t, "empty", entry);
        else if ((is(entry, "MESSAGE_ID", MESSAGE_RELEASED) || is(entry, "MESSAGE_ID", MESSAGE_HANDED_ON)) &&
                        (t = json_object_get(machine, "current"))) {
                set_mark(p, t, "left", entry);
                (void) json_object_del(machine, "current");
        }
}

/* Takes an entry that PID 1 or a process of the unit wrote. */
static void take_run(Proof *p, json_t *machine, const json_t *entry, const char *invocation, bool of_pid1) {
        json_t *t = find_tenure(p, entry, invocation, 0);

        if (!t)
                t = json_object_get(machine, "current");
        if (!t) {
                t = add_tenure(p, entry, 0);
                (void) json_object_set(machine, "current", t);
        }
        if (!json_object_get(json_object_get(t, "invocations"), invocation))
                p->runs++;
        (void) json_object_set_new(json_object_get(t, "invocations"), invocation, json_true());
        set_first_mark(p, t, "first", entry);
        if (of_pid1 && has_id(entry, beginnings, ELEMENTSOF(beginnings))) {
                (void) json_object_del(t, "ended");
                (void) json_object_del(t, "empty");
        }
        if (of_pid1 && (json_object_get(t, "ended") || has_id(entry, endings, ELEMENTSOF(endings))))
                set_mark(p, t, "ended", entry);
        else
                set_mark(p, t, "last", entry);
}

/* Ends all tenures of the boot before. */
static void take_boot(Proof *p, json_t *machine, const json_t *entry) {
        json_t *t;
        size_t i;

        json_array_foreach(p->tenures, i, t)
                if (is(t, "machine_id", get_string(entry, "_MACHINE_ID")))
                        set_first_mark(p, t, "booted", entry);
        (void) json_object_del(machine, "current");
        (void) json_object_set_new(machine, "boot_id", json_string(get_string(entry, "_BOOT_ID")));
}

/* Gives what is known of the entry's machine. NULL: another file had entries of it. */
static json_t *machine_of(Proof *p, const json_t *entry) {
        json_t *machine = json_object_get(p->machines, get_string(entry, "_MACHINE_ID"));

        if (!machine) {
                machine = json_pack(
                                "{s:I, s:s}", "file", (json_int_t) p->files, "boot_id", get_string(entry, "_BOOT_ID"));
                (void) json_object_set_new(p->machines, get_string(entry, "_MACHINE_ID"), machine);
        }
        return get_integer(machine, "file") == (json_int_t) p->files ? machine : NULL;
}

static bool is_full(const Proof *p) {
        return json_array_size(p->tenures) > ALL_TENURES_MAX ||
               p->runs + json_object_size(p->holders) + json_object_size(p->machines) > ALL_RUNS_MAX;
}

static int take_entry(Proof *p, const json_t *entry) {
        bool of_unit = is(entry, "UNIT", p->unit), of_pid1 = is(entry, "_PID", "1"),
             of_leased = is(entry, "_SYSTEMD_UNIT", DAEMON_SERVICE);
        const char *invocation = of_unit && of_pid1                    ? get_string(entry, "INVOCATION_ID")
                                 : is(entry, "_SYSTEMD_UNIT", p->unit) ? get_string(entry, "_SYSTEMD_INVOCATION_ID")
                                                                       : "";
        json_t *machine, *t;

        if (!*get_string(entry, "_MACHINE_ID") || !*get_string(entry, "_BOOT_ID"))
                return 0;
        if (!(machine = machine_of(p, entry)))
                return -EEXIST;
        if (!is(machine, "boot_id", get_string(entry, "_BOOT_ID")))
                take_boot(p, machine, entry);
        if (of_leased && is(entry, "LEASE", p->unit) && is(entry, "MESSAGE_ID", MESSAGE_TENURE))
                (void) json_object_set_new(p->holders, get_string(entry, "LEASE_INDEX"),
                                json_string(get_string(entry, "MACHINE")));
        else if (of_leased && of_unit) {
                p->has_copies = p->has_copies || lease_slot(get_string(entry, "LEASE")) > 0;
                take_leased(p, machine, entry);
        } else if (of_unit && is(entry, "_SYSTEMD_UNIT", GUARD_SERVICE) &&
                        is(entry, "MESSAGE_ID", MESSAGE_GUARD_DOWN) && !came_late(entry) &&
                        (t = find_tenure(p, entry, NULL, number_of(entry, "LEASE_INDEX"))))
                set_first_mark(p, t, "empty", entry);
        else if (*invocation)
                take_run(p, machine, entry, invocation, of_pid1);
        return is_full(p) ? -EFBIG : 0;
}

/* Reads a line with the newline, if it has one. Returns its length; 0 at the end; -EFBIG: it is too long. */
static ssize_t read_line(FILE *f, char line[static LINE_SIZE]) {
        size_t n = 0;

        for (int c = 0; c != '\n' && (c = getc(f)) != EOF; line[n++] = (char) c)
                if (n == LINE_SIZE)
                        return -EFBIG;
        return (ssize_t) n;
}

int proof_read(Proof *p, const char *path, size_t *ret_line) {
        _cleanup_free_ char *line = malloc(LINE_SIZE);
        FILE *f = fopen(path, "re");
        ssize_t n = 0;
        int r = f ? 0 : -errno;

        if (!f || !line) {
                if (f)
                        (void) fclose(f);
                return r < 0 ? r : -ENOMEM;
        }
        *ret_line = 0;
        p->files++;
        while (r == 0 && (n = read_line(f, line)) != 0) {
                json_auto_t *entry = n > 0 ? json_loadb(line, (size_t) n, JSON_ALLOW_NUL, NULL) : NULL;

                ++*ret_line;
                p->lines++;
                r = n < 0 ? (int) n : json_is_object(entry) ? take_entry(p, entry) : -EBADMSG;
        }
        if (r == 0 && ferror(f))
                r = -EIO;
        (void) fclose(f);
        return r;
}
