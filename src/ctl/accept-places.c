/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/accept-places.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "conf/dropin.h"
#include "ctl/accept.h"
#include "ctl/bus.h"
#include "ctl/files.h"
#include "ctl/members.h"
#include "ctl/pid1.h"
#include "util/file-util.h"
#include "util/strv.h"
#include "util/text.h"

#define NOTE_MAX 8192

static const char leaving_text[] = UNIT_PLACE_MARK "[Unit]\nAssertPathExists=!/\n";

/* ---- which ---- */

/* Adds the companions that are noted. */
static int add_noted(Places *p) {
        _cleanup_(strv_freep) char **noted = NULL;
        _cleanup_free_ char *text = NULL;
        int r = read_file(p->noted, NOTE_MAX, &text, NULL);

        if (r < 0)
                return r == -ENOENT ? 0 : r;
        r = strv_split_lines(text, &noted);
        for (char **each = noted; r >= 0 && each && *each; each++)
                if (unit_record_name_is_valid(*each))
                        r = strv_add(&p->names, *each);
        return r < 0 ? r : 0;
}

/* Notes the first n of the names, without the unit. */
static int note(const Places *p, size_t n) {
        char text[NOTE_MAX] = "";
        size_t at = 0;

        if (n <= 1)
                return unlink_if_exists(p->noted);
        for (size_t i = 1; i < n && at < sizeof(text); i++)
                at += (size_t) snprintf(text + at, sizeof(text) - at, "%s\n", p->names[i]);
        return at < sizeof(text) ? write_file_atomic(p->noted, text, at, 0644, WRITE_SYNC) : -E2BIG;
}

int places_look(const char *where, const char *otherwise, const UnitRecord *r, Places *ret) {
        _cleanup_(strv_freep) char **companions = NULL;
        int e = strv_add(&ret->names, r->unit);

        ret->unit = r->unit;
        ret->where = where;
        ret->noted = text_format(ACCEPTED_DIRECTORY "/%s.with", r->unit);
        if (e >= 0)
                e = ret->noted ? unit_record_companions(r, &companions) : -ENOMEM;
        for (char **c = companions; e >= 0 && c && *c; c++)
                e = strv_add(&ret->names, *c);
        ret->n_wanted = strv_length(ret->names);
        if (e >= 0)
                e = add_noted(ret);
        if (e < 0)
                return e;
        ret->list = calloc(2 * strv_length(ret->names), sizeof(UnitPlace));
        if (!ret->list)
                return -ENOMEM;
        for (size_t i = 0; ret->names[i] && e >= 0; i++) {
                const char *owner = i > 0 ? r->unit : NULL;

                e = unit_place_look(where, ret->names[i], owner, i < ret->n_wanted ? r : NULL, ret->list + ret->n++);
                if (e >= 0)
                        e = unit_place_look(otherwise, ret->names[i], owner, NULL, ret->list + ret->n++);
        }
        return e < 0 ? e : 0;
}

void places_done(Places *p) {
        for (size_t i = 0; i < p->n; i++)
                unit_place_done(p->list + i);
        free(p->list);
        strv_free(p->names);
        free(p->noted);
        *p = (Places){};
}

/* ---- whose ---- */

static int find_foreign(Ctl *ctl, const Places *p, size_t i, char **ret) {
        _cleanup_free_ char *owner = i > 0 ? dropin_owner("", p->names[i]) : NULL;
        const UnitPlace *places = p->list + 2 * i;
        const char *name = p->names[i], *id, *path;
        json_auto_t *loaded = NULL;

        for (size_t j = 0; j < 2; j++)
                if (places[j].foreign)
                        return (*ret = strdup(places[j].foreign)) ? 0 : -ENOMEM;
        if (owner && !streq(owner, p->unit)) /* what goes by another lease */
                return (*ret = strdup(owner)) ? 0 : -ENOMEM;
        if (pid1_load(ctl->bus, name, &loaded) != CTL_OK)
                return -EIO;
        id = get_string(loaded, "Id");
        path = get_string(loaded, "FragmentPath");
        if (!streq(id, name))
                return (*ret = strdup(id)) ? 0 : -ENOMEM;
        for (size_t j = 0; j < 2; j++)
                if (streq(path, places[j].files[0].path))
                        return 0;
        if (!*path)
                return 0;
        return (*ret = strdup(path)) ? 0 : -ENOMEM;
}

int places_find_foreign(Ctl *ctl, const Places *p, char **ret) {
        int r = 0;

        for (size_t i = 0; i < p->n_wanted && r >= 0 && !*ret; i++)
                r = find_foreign(ctl, p, i, ret);
        return r;
}

bool places_are_used(const Places *p) {
        bool used = false;

        for (size_t i = 0; i < p->n; i++)
                used = used || unit_place_is_used(p->list + i);
        return used;
}

bool places_differ(const Places *p) {
        bool differ = false;

        for (size_t i = 0; i < p->n; i++)
                differ = differ || unit_place_differs(p->list + i);
        return differ;
}

/* Whether anything of leased's is there of one of the units. */
static bool is_used(const Places *p, size_t i) {
        return unit_place_is_used(p->list + 2 * i) || unit_place_is_used(p->list + 2 * i + 1);
}

const char *places_find_left_up(Ctl *ctl, const Places *p, int *ret_error) {
        *ret_error = 0;
        for (size_t i = p->n_wanted; p->names[i]; i++) {
                json_auto_t *unit = NULL;

                if (!is_used(p, i))
                        continue;
                if (pid1_load(ctl->bus, p->names[i], &unit) != CTL_OK) {
                        *ret_error = -EIO;
                        return NULL;
                }
                if (!pid1_is_down(unit))
                        return p->names[i];
        }
        return NULL;
}

/* ---- writing ---- */

int places_gate(const Places *p) {
        int r = 0;

        for (size_t i = 0; i < p->n_wanted && r >= 0; i++)
                r = dropin_member_write("", p->names[i], p->unit, 0);
        return r < 0 ? r : 0;
}

/* Removes the gate of a companion, if it is one. */
static void ungate(const Places *p, size_t i) {
        _cleanup_free_ char *owner = dropin_owner("", p->names[i]);

        if (owner && streq(owner, p->unit))
                (void) files_ungate(p->names[i]);
}

void places_ungate(const Places *p, bool all) {
        for (size_t i = all ? 1 : p->n_wanted; p->names[i]; i++)
                ungate(p, i);
}

/* Companions come before what starts them, and go after it. n: how many of the units. Where one of the files cannot be
 * written, as on a full disk, none is changed. */
static int put(const Places *p, size_t n, bool back) {
        int r = 0;

        for (size_t i = 2 * n; i > 0 && r >= 0; i--)
                if (!p->list[i - 1].foreign)
                        r = unit_place_stage(p->list + i - 1, back);
        for (size_t i = 2 * n; i > 0; i--)
                if (r < 0)
                        unit_place_unstage(p->list + i - 1);
                else if (!p->list[i - 1].foreign)
                        r = unit_place_put(p->list + i - 1, back);
        return r;
}

int places_write_wanted(const Places *p) {
        int r = note(p, strv_length(p->names));

        return r < 0 ? r : put(p, p->n_wanted, false);
}

int places_write(const Places *p) {
        int r = note(p, strv_length(p->names));

        if (r >= 0)
                r = put(p, strv_length(p->names), false);
        if (r < 0)
                return r;
        places_ungate(p, false);
        return note(p, p->n_wanted);
}

int places_restore(const Places *p) {
        int r = note(p, strv_length(p->names));

        if (r >= 0)
                r = put(p, strv_length(p->names), true);
        for (size_t i = 1; p->names[i] && r >= 0; i++)
                if (!is_used(p, i))
                        ungate(p, i);
        return r;
}

int places_clear(const Places *p) {
        UnitRecord none = { .unit = p->unit, .gone = true };
        _cleanup_places_ Places now = {};
        bool in_etc = streq(p->where, ETC_UNITS);
        int r = note(p, strv_length(p->names));

        if (r >= 0)
                r = places_look(in_etc ? ETC_UNITS : RUN_UNITS, in_etc ? RUN_UNITS : ETC_UNITS, &none, &now);
        return r < 0 ? r : places_write(&now);
}

/* ---- starts ---- */

int places_forbid(const Places *p, bool companions_only) {
        int r = 0;

        for (size_t i = companions_only ? 1 : 0; p->names[i] && r >= 0; i++) {
                const UnitPlace *place = p->list + 2 * i;
                _cleanup_free_ char *path = text_format("%s/" RECORD_LEAVING_DROPIN, place->dropins);

                if (place->foreign || (i >= MAX(p->n_wanted, (size_t) 1) && !is_used(p, i)))
                        continue;
                r = path ? mkdir_parents(place->dropins, 0755) : -ENOMEM;
                if (r >= 0)
                        r = write_file_atomic(path, leaving_text, strlen(leaving_text), 0644, 0);
        }
        return r;
}

int places_allow(const Places *p) {
        int r = 0;

        for (size_t i = 0; p->names[i] && r >= 0; i++) {
                const UnitPlace *place = p->list + 2 * i;
                _cleanup_free_ char *path = text_format("%s/" RECORD_LEAVING_DROPIN, place->dropins);

                if (place->foreign)
                        continue;
                r = path ? unlink_if_exists(path) : -ENOMEM;
                (void) rmdir(place->dropins); /* if nothing is left in it */
        }
        return r;
}

static bool is_triggered(const json_t *unit, const char *name) {
        json_t *each;
        size_t i;

        json_array_foreach(json_object_get(unit, "Triggers"), i, each)
                if (streq(strempty(json_string_value(each)), name))
                        return true;
        return false;
}

/* A slice, and an address that is bound to what came along, are the machine's, and no file. */
static bool needs_no_file(const json_t *unit, const char *name) {
        return !is_triggered(unit, name) && (endswith(name, ".slice") || startswith(name, "leased-address@"));
}

bool places_are_covered(Ctl *ctl, const Places *p, char about[static ABOUT_SIZE]) {
        _cleanup_(strv_freep) char **members = NULL;
        json_auto_t *unit = NULL;

        if (!unit_record_has_companions(p->unit))
                return true;
        if (pid1_load(ctl->bus, p->unit, &unit) != CTL_OK || members_find(ctl, p->unit, unit, &members) != CTL_OK) {
                (void) snprintf(about, ABOUT_SIZE, "systemd does not say what it starts");
                return false;
        }
        for (size_t i = 1; i < p->n_wanted; i++)
                if (!strv_contains(members, p->names[i])) {
                        (void) snprintf(about, ABOUT_SIZE, "it does not start %s, which came with it", p->names[i]);
                        return false;
                }
        for (char **m = members; m && *m && unit_record_triggers(p->unit); m++) {
                bool came = needs_no_file(unit, *m);

                for (size_t i = 1; i < p->n_wanted; i++)
                        came = came || streq(*m, p->names[i]);
                if (came)
                        continue;
                (void) snprintf(about, ABOUT_SIZE, "it starts %s, which did not come with it", *m);
                return false;
        }
        return true;
}

void places_stop_left(Ctl *ctl, const Places *p) {
        for (size_t i = p->n_wanted; p->names[i]; i++)
                (void) bus_call(ctl->bus, &bus_pid1, "StopUnit", NULL, NULL, "ss", p->names[i], "replace");
}
