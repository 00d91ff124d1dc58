/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/accept-unit.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "ctl/accept.h"
#include "ctl/bus.h"
#include "ctl/files.h"
#include "ctl/pid1.h"
#include "ctl/program.h"
#include "util/file-util.h"
#include "util/strv.h"
#include "util/text.h"

Outcome accept_unit_outcome(Why why, const char *about) {
        Outcome o = { .why = why };

        (void) text_clean(o.about, sizeof(o.about), strempty(about));
        return o;
}

Outcome accept_unit_failed(int r) {
        return accept_unit_outcome(WHY_FILE_NOT_WRITTEN, strerror(-r));
}

/* ---- what is here ---- */

/* Runs a verb of leasectl for the unit. What becomes of it is not waited for: a unit that is slow to stop would keep
 * all others waiting. Returns 0, or 1 with the first line of what it complained of. */
static int run_verb(const char *verb, const char *unit, char *about) {
        const char *const argv[] = { "/proc/self/exe", verb, "--no-wait", "--", unit, NULL };
        _cleanup_free_ char *error = NULL;
        const char *line;
        int r = program_run(argv, NULL, &error);

        if (r == 0)
                return 0;
        line = r < 0 ? strerror(-r) : strempty(error);
        if (startswith(line, "leasectl: "))
                line += strlen("leasectl: ");
        if (startswith(line, unit) && startswith(line + strlen(unit), ": "))
                line += strlen(unit) + 2;
        (void) snprintf(about, ABOUT_SIZE, "%.*s", (int) strcspn(line, "\n"), line);
        return 1;
}

typedef struct Holding {
        bool known;    /* to leased: not yet, or until it is down and its lease is gone */
        bool held, up; /* this machine has the lease; the unit is up, too */
        bool others;   /* another machine would take the unit */
        bool copy;     /* of a unit with Copies= */
        int64_t version;
} Holding;

/* Asks leased whether this machine has the unit, in which version, and who else would. */
static void look_at_lease(Accepting *a, const char *unit, Holding *ret) {
        static const char *const held[] = { "acquiring", "held", "starting", "running", "stopped", "frozen", "failed",
                "stopping", "releasing" };
        json_auto_t *props = NULL, *lease = NULL;
        json_t *row;
        size_t i;

        *ret = (Holding){};
        if (bus_get_unit(a->ctl->bus, unit, &props, NULL) < 0)
                return;
        ret->known = true;
        for (i = 0; i < ELEMENTSOF(held); i++)
                ret->held = ret->held || streq(get_string(props, "State"), held[i]);
        ret->up = streq(get_string(props, "State"), "running") || streq(get_string(props, "State"), "starting") ||
                  streq(get_string(props, "State"), "acquiring");
        if (bus_get_lease(a->ctl->bus, get_string(props, "Lease"), &lease, NULL) >= 0)
                ret->version = get_integer(lease, "Version");
        ret->copy = lease_slot(get_string(lease, "Name")) > 0;
        json_array_foreach(json_object_get(props, "WhyNotCodes"), i, row) {
                json_int_t why = json_integer_value(json_array_get(row, 1));

                ret->others = ret->others || why == WHY_FIRST || why == WHY_STANDS_BY;
        }
}

/* Whether a copy must wait before it goes over to the version: until it is its turn, and then for another machine to
 * take it. Copies go over one after the other, as leased's own moves do (core/roll.c), with the same patience: what
 * other machines tell may be a round old, and a copy that does not run holds up the others for a while only. */
static bool copy_waits(Accepting *a, const UnitRecord *r, const Holding *holding) {
        static json_t *waiting; /* {unit: [how many copies were in the way, since when]} */
        json_auto_t *answer = NULL;
        usec_t since, span;
        json_t *before;
        json_int_t behind;

        if (bus_call(a->ctl->bus, &bus_leased, "CopiesBehind", &answer, NULL, "sx", r->unit, r->runs_as) < 0)
                return holding->others && a->patient;
        behind = json_integer_value(json_array_get(answer, 0));
        waiting = waiting ?: json_object();
        before = json_object_get(waiting, r->unit);
        if (!before || json_integer_value(json_array_get(before, 0)) != behind) {
                before = json_pack("[I, I]", behind, (json_int_t) now_boottime());
                (void) json_object_set_new(waiting, r->unit, before);
        }
        since = (usec_t) json_integer_value(json_array_get(before, 1));
        span = behind == 0 ? a->conf->ttl * 2 / 5 : (usec_t) behind * 6 * a->conf->ttl;
        return behind == UINT32_MAX ||
               now_boottime() < usec_add(since, span + (holding->others ? ACCEPT_PATIENCE : 0));
}

/* ---- in force ---- */

/* What was put in force here of a unit. It is noted last, so that whatever was broken off is done again. */
typedef struct Taken {
        char *path;
        bool any;
        int64_t version, runs_as;
} Taken;

static void taken_done(Taken *t) {
        free(t->path);
}

#define _cleanup_taken_ _cleanup_(taken_done)

static int taken_read(const char *unit, Taken *ret) {
        _cleanup_free_ char *text = NULL;
        int r;

        *ret = (Taken){ .path = text_format(ACCEPTED_DIRECTORY "/%s.taken", unit) };
        if (!ret->path)
                return -ENOMEM;
        r = read_file(ret->path, 100, &text, NULL);
        ret->any = r >= 0;
        if (r >= 0)
                (void) sscanf(text, "%" SCNi64 " %" SCNi64, &ret->version, &ret->runs_as);
        return 0;
}

static int taken_write(const Taken *t, const UnitRecord *r) {
        _cleanup_free_ char *text = text_format("%" PRIi64 " %" PRIi64 "\n", r->version, r->runs_as);

        return text ? write_file_atomic(t->path, text, strlen(text), 0644, WRITE_SYNC) : -ENOMEM;
}

int accept_unit_save(const UnitRecord *kept) {
        _cleanup_taken_ Taken taken = {};
        int r = taken_read(kept->unit, &taken);

        if (r < 0 || !taken.any || taken.version != kept->version)
                return r;
        return accept_save(kept->unit);
}

/* What a new version has begun to stop: companions that it brings no more, and with them the unit, which starts them.
 * It is noted once the version was found good, before anything is stopped. */
typedef struct Stopping {
        char *path;
        int64_t version; /* which one; 0: none */
        bool was_up;     /* the unit is to be started again */
} Stopping;

static void stopping_done(Stopping *s) {
        free(s->path);
}

#define _cleanup_stopping_ _cleanup_(stopping_done)

static int stopping_read(const char *unit, Stopping *ret) {
        _cleanup_free_ char *text = NULL;
        int was_up = 0;

        *ret = (Stopping){ .path = text_format(ACCEPTED_DIRECTORY "/%s.stopping", unit) };
        if (!ret->path)
                return -ENOMEM;
        if (read_file(ret->path, 100, &text, NULL) >= 0 && sscanf(text, "%" SCNi64 " %d", &ret->version, &was_up) == 2)
                ret->was_up = was_up != 0;
        return 0;
}

static int stopping_write(Stopping *s, int64_t version, bool was_up) {
        _cleanup_free_ char *text = text_format("%" PRIi64 " %d\n", version, was_up);

        s->version = version;
        s->was_up = was_up;
        return text ? write_file_atomic(s->path, text, strlen(text), 0644, WRITE_SYNC) : -ENOMEM;
}

/* Whether the unit runs on every machine, by the files that are in force. */
static bool is_global(const char *unit) {
        _cleanup_(unit_options_freep) UnitOptions *options = NULL;
        _cleanup_(messages_done) Messages m = {};

        return unit_options_preview("", unit, &options, &m) >= 0 && options && options->global;
}

/* Whether PID 1 has the unit down, but for a job of somebody who wants it started, which the gate is going to refuse.
 */
static bool is_wanted_only(Accepting *a, const char *unit) {
        json_auto_t *props = NULL;

        return pid1_load(a->ctl->bus, unit, &props) == CTL_OK && !pid1_is_active(props) && !pid1_is_down(props);
}

/* Enables the unit. One with a job is refused as one that is up: the job is waited for. */
static int enable_patiently(Accepting *a, const char *unit, char *about) {
        int r = run_verb("enable", unit, about);

        for (unsigned i = 0; i < 20 && r != 0 && is_wanted_only(a, unit); i++) {
                (void) usleep(USEC_PER_SEC / 10);
                r = run_verb("enable", unit, about);
        }
        return r;
}

/* Writes the files, but leaves those of companions of the version before where they are if some of these are up: each
 * is stopped by its own file. The gates are there before the units are: PID 1 loads a file that another unit wants as
 * soon as it is there, and would start the unit on every machine at once. A global unit has none: with one, PID 1
 * would stop the unit, as the guard need not run. */
static int write_gated(const char *unit, const Places *places, bool gated, bool left) {
        int r = gated && (places->n_wanted == 1 || is_global(unit)) ? 0 : places_gate(places);

        if (r >= 0 && left)
                r = places_forbid(places, true);
        if (r < 0)
                return r;
        return left ? places_write_wanted(places) : places_write(places);
}

/* Has a unit that was stopped run again; a global one, which was not, from now on as its new files say. */
static void start_again(Accepting *a, const char *unit) {
        char about[ABOUT_SIZE];

        if (is_global(unit))
                (void) bus_call(a->ctl->bus, &bus_pid1, "TryRestartUnit", NULL, NULL, "ss", unit, "replace");
        else if (run_verb("start", unit, about) != 0)
                complain("%s: %s", unit, about);
}

/* Removes the gates of a unit that is not enabled, and of all that came with it. */
static void ungate_unlisted(const char *unit, const Places *places) {
        if (files_listed(unit))
                return;
        places_ungate(places, true);
        (void) files_ungate(unit);
}

/* What is to be there by the record, and what is. */
static int look_at_places(const Accepting *a, const UnitRecord *r, Places *ret) {
        bool in_etc = a->conf->accept_units == ACCEPT_ETC;

        return places_look(in_etc ? ETC_UNITS : RUN_UNITS, in_etc ? RUN_UNITS : ETC_UNITS, r, ret);
}

/* Puts back the version that is in force. What was there when this program began need not be that: an earlier one may
 * have been killed when it had written the new files, or the machine was booted and /run is empty. places, of the new
 * version, are for a version that an earlier leased has taken and not saved. */
static int put_back(Accepting *a, const UnitRecord *r, const Places *places) {
        _cleanup_places_ Places back = {};
        UnitRecord before;
        int e = accept_recall_saved(r->unit, &before);

        if (e == 0)
                e = places_restore(places);
        else if (e > 0) {
                e = look_at_places(a, &before, &back);
                if (e >= 0)
                        e = write_gated(r->unit, &back, true, false);
                /* By the files that are in force now it is known whether there are gates. */
                if (e >= 0 && back.n_wanted > 1 && !is_global(r->unit))
                        e = places_gate(&back);
        }
        unit_record_done(&before);
        return e;
}

/* Takes back what was written of a unit that cannot be enabled. */
static void refuse(Accepting *a, const UnitRecord *r, const Places *places, const Taken *taken,
                const Stopping *stopping) {
        if (taken->any)
                (void) put_back(a, r, places);
        else {
                (void) places_clear(places);
                ungate_unlisted(r->unit, places);
        }
        (void) places_allow(places);
        (void) pid1_reload(a->ctl->bus);
        if (stopping->was_up)
                start_again(a, r->unit);
        (void) unlink_if_exists(stopping->path);
}

/* Has what the version before brought, and this one does not, be down before anything of this version runs. The lease
 * covers it until then (daemon/members.h). The unit is stopped with it, since it would start what is new. */
static Outcome stop_left(Accepting *a, const UnitRecord *r, const Places *places, Stopping *s, const char *left) {
        char about[ABOUT_SIZE];
        Holding holding;
        int e;

        look_at_lease(a, r->unit, &holding);
        e = s->version == r->version ? 0 : stopping_write(s, r->version, s->was_up || holding.up);
        if (e < 0)
                return accept_unit_failed(e);
        /* leased would start a global unit again at once. */
        if (holding.up && !is_global(r->unit) && run_verb("stop", r->unit, about) != 0)
                complain("%s: %s", r->unit, about);
        places_stop_left(a->ctl, places);
        a->waits = true;
        return accept_unit_outcome(WHY_FILE_STOPS, left);
}

/* The version is in force, and what it brings no more is down. Removes the rest of that. */
static int finish_stopping(Accepting *a, const UnitRecord *r, const Places *places, Stopping *s) {
        int e = places_write(places);

        if (e >= 0)
                e = places_allow(places);
        if (e >= 0 && pid1_reload(a->ctl->bus) != CTL_OK)
                e = -EIO;
        if (e >= 0 && s->was_up)
                start_again(a, r->unit);
        return e < 0 ? e : unlink_if_exists(s->path);
}

/* Writes the files and enables the unit. A unit that rolls, and is up here in an earlier version all the same, is
 * restarted. */
static Outcome put_in_force(
                Accepting *a, const UnitRecord *r, const Places *places, const Taken *taken, Stopping *stopping) {
        bool enabled = a->together && files_listed(r->unit), checked = stopping->version == r->version;
        char about[ABOUT_SIZE];
        Holding holding;
        int e;
        const char *left = places_find_left_up(a->ctl, places, &e);

        if (e >= 0 && !checked)
                e = write_gated(r->unit, places, taken->any || enabled, left || stopping->version > 0);
        if (e < 0 && !taken->any && !places_are_used(places)) /* its files could not be written, none of them */
                ungate_unlisted(r->unit, places);
        if (e >= 0 && !checked && !enabled && pid1_reload(a->ctl->bus) != CTL_OK)
                e = -EIO;
        if (e >= 0 && !checked && !enabled &&
                        (!places_are_covered(a->ctl, places, about) || enable_patiently(a, r->unit, about) != 0)) {
                refuse(a, r, places, taken, stopping);
                return accept_unit_outcome(WHY_FILE_CHECKED, about);
        }
        if (e >= 0 && left)
                return stop_left(a, r, places, stopping, left);
        if (e >= 0 && stopping->version > 0)
                e = finish_stopping(a, r, places, stopping);
        if (e < 0)
                return accept_unit_failed(e);
        look_at_lease(a, r->unit, &holding);
        if (taken->any && taken->runs_as != r->runs_as && holding.up && holding.version < r->runs_as &&
                        run_verb("restart", r->unit, about) != 0)
                complain("%s: %s", r->unit, about);
        e = taken_write(taken, r);
        if (e >= 0)
                e = accept_forget_saved(r->unit);
        return e < 0 ? accept_unit_failed(e) : accept_unit_outcome(WHY_FILE_IN_FORCE, NULL);
}

/* Returns WHY_NONE if the files are written, and the unit is to be enabled together with others. */
static Outcome install(Accepting *a, const UnitRecord *r, const Places *places) {
        bool differs = places_differ(places), used = places_are_used(places);
        _cleanup_stopping_ Stopping stopping = {};
        _cleanup_taken_ Taken taken = {};
        Holding holding;
        int e = taken_read(r->unit, &taken);

        if (e >= 0)
                e = stopping_read(r->unit, &stopping);
        if (e >= 0 && taken.any && !files_listed(r->unit)) { /* an administrator of this machine wants it so */
                e = places_write(places);
                if (e >= 0 && stopping.version > 0)
                        e = places_allow(places);
                if (e >= 0)
                        e = unlink_if_exists(stopping.path);
                if (e >= 0 && differs)
                        (void) pid1_reload(a->ctl->bus);
                return e < 0 ? accept_unit_failed(e) : accept_unit_outcome(WHY_FILE_DISABLED, NULL);
        }
        /* One that was taken in an earlier version is checked alone: being enabled already says nothing of this one.
         */
        if (e >= 0 && !used && !a->together && !unit_record_has_companions(r->unit) &&
                        (!taken.any || taken.version == r->version)) {
                e = write_gated(r->unit, places, false, false);
                if (e < 0 && !taken.any)
                        ungate_unlisted(r->unit, places);
                if (e >= 0)
                        e = strv_add(&a->fresh, r->unit);
                return e < 0 ? accept_unit_failed(e) : accept_unit_outcome(WHY_NONE, NULL);
        }
        if (e < 0)
                return accept_unit_failed(e);
        if (!differs && taken.version == r->version)
                return accept_unit_outcome(WHY_FILE_IN_FORCE, NULL);
        look_at_lease(a, r->unit, &holding);
        if (taken.any && taken.runs_as != r->runs_as && stopping.version != r->version && holding.held &&
                        holding.version < r->runs_as &&
                        (holding.copy ? copy_waits(a, r, &holding) : holding.others && a->patient)) {
                a->waits = true;
                return accept_unit_outcome(WHY_FILE_MOVES, NULL);
        }
        return put_in_force(a, r, places, &taken, &stopping);
}

/* ---- gone ---- */

/* Has PID 1 start the units no more, whatever the gates say: they are removed by "leasectl disable", when the files
 * are there yet and other units may want them. The files go, and these drop-ins with them. */
static int forbid_starts(Accepting *a, const Places *places) {
        int r = places_forbid(places, false);

        return r < 0 ? r : pid1_reload(a->ctl->bus) == CTL_OK ? 0 : -EIO;
}

/* Gives the unit, or one that came with it, that is not down yet; NULL: there is none. *ret_error: 0 or a negative
 * errno. */
static const char *find_up(const Accepting *a, const char *unit, const Places *places, int *ret_error) {
        json_auto_t *loaded = NULL;

        *ret_error = pid1_load(a->ctl->bus, unit, &loaded) == CTL_OK ? 0 : -EIO;
        if (*ret_error < 0)
                return NULL;
        return pid1_is_down(loaded) ? places_find_left_up(a->ctl, places, ret_error) : unit;
}

static Outcome take_away(Accepting *a, const UnitRecord *r, const Places *places) {
        _cleanup_stopping_ Stopping stopping = {};
        _cleanup_taken_ Taken taken = {};
        char about[ABOUT_SIZE];
        const char *up;
        Holding holding;
        int e = taken_read(r->unit, &taken);

        if (e >= 0)
                e = stopping_read(r->unit, &stopping);
        if (e >= 0 && !places_are_used(places) && !taken.any)
                return accept_unit_outcome(WHY_FILE_DESTROYED, NULL);
        look_at_lease(a, r->unit, &holding);
        if (holding.held && holding.others && a->patient) {
                a->waits = true;
                return accept_unit_outcome(WHY_FILE_LEAVES, NULL);
        }
        if (e >= 0)
                e = forbid_starts(a, places);
        if (e < 0)
                return accept_unit_failed(e);
        if ((files_listed(r->unit) || (files_gated(r->unit) && !holding.known)) &&
                        run_verb("disable", r->unit, about) != 0)
                return accept_unit_outcome(WHY_FILE_STAYS, about);
        up = find_up(a, r->unit, places, &e);
        if (e < 0)
                return accept_unit_failed(e);
        if (up || files_gated(r->unit)) { /* to remove the gate once it is down takes another "disable" */
                a->stops = true;
                return accept_unit_outcome(WHY_FILE_ENDS, NULL);
        }
        e = places_write(places);
        if (e >= 0)
                e = places_allow(places);
        if (e >= 0)
                e = unlink_if_exists(stopping.path);
        if (e >= 0)
                e = accept_forget_saved(r->unit);
        if (e >= 0)
                e = unlink_if_exists(taken.path);
        if (e >= 0)
                (void) pid1_reload(a->ctl->bus);
        return e < 0 ? accept_unit_failed(e) : accept_unit_outcome(WHY_FILE_DESTROYED, NULL);
}

/* Has the machine be as the record says. */
Outcome accept_unit_place(Accepting *a, const UnitRecord *r) {
        _cleanup_free_ char *foreign = NULL;
        _cleanup_places_ Places places = {};
        int e = look_at_places(a, r, &places);

        if (e >= 0)
                e = places_find_foreign(a->ctl, &places, &foreign);
        if (e < 0)
                return accept_unit_failed(e);
        if (foreign)
                return r->gone ? accept_unit_outcome(WHY_FILE_DESTROYED, NULL)
                               : accept_unit_outcome(WHY_FILE_NOT_FIRST, foreign);
        return r->gone ? take_away(a, r, &places) : install(a, r, &places);
}
