/* SPDX-License-Identifier: Apache-2.0 */

/*
 * leasectl release: whoever holds units stops them and gives their leases back. leased asks another machine through
 * the registry, and answers as soon as the holder has begun. Nothing begins while the registry does not answer, nor
 * when this process is gone; Ctrl-C takes back what has not begun. Unless --no-wait is given, the command then waits
 * until each lease is held by another machine or by nobody.
 *
 * leased is asked for all units at once, so that they stop together, wherever they are. What has become of them is
 * said in the order of the command line.
 */

#include <errno.h>
#include <stdio.h>

#include "core/record.h"
#include "ctl/ask.h"
#include "ctl/bus.h"
#include "ctl/crowd.h"
#include "ctl/leases.h"
#include "ctl/machines.h"
#include "ctl/rehearse.h"
#include "ctl/wait.h"
#include "util/unit-name.h"

typedef struct Item {
        json_int_t index; /* before, of a unit that is enabled here */
        bool elsewhere;   /* it is not, or another machine has the copy that is meant */
        bool is_theirs;   /* it is, and another machine holds it */
        json_t *after;    /* properties; NULL: leased has forgotten the unit */
} Item;

typedef struct Release {
        Ctl *ctl;
        size_t n;
        Asked *units;
        Item *items;
} Release;

static bool is_well(const Release *r, size_t i) {
        return r->units[i].code == CTL_OK;
}

/* The names of the units that are here, and NULL for the others. */
static char **names_of(const Release *r) {
        char **names = calloc(r->n + 1, sizeof(char *));

        for (size_t i = 0; names && i < r->n; i++)
                names[i] = r->items[i].elsewhere || !is_well(r, i) ? NULL : r->units[i].unit;
        return names;
}

/* ---- before ---- */

/* Looks at a unit before it is released. If leased does not know the unit, the name may be an alias, and the index
 * of the item stays -1. */
static bool look_before(size_t i, const json_t *props, int why, const sd_bus_error *error, void *userdata) {
        Release *r = userdata;

        if (props) {
                r->items[i].index = get_integer(props, "LeaseIndex");
                r->items[i].is_theirs = streq(get_string(props, "State"), "elsewhere");
        } else if (!crowd_is_gone(error))
                r->units[i].code = bus_complain(r->units[i].unit, why, error);
        return true;
}

static int look_at_alias(Ctl *ctl, const char *typed, Asked *u, Item *item) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        json_auto_t *row = NULL;
        int r;

        free(u->unit);
        u->unit = unit_name_resolve(ctl, typed);
        r = unit_read_row(ctl, strempty(u->unit), &row, &error);
        item->index = get_integer(row, "index");
        item->elsewhere = r < 0 && crowd_is_gone(&error);
        return r < 0 && !item->elsewhere ? bus_complain(u->unit, r, &error) : CTL_OK;
}

static bool is_named_before(const Release *r, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (streq(strempty(r->units[i].unit), strempty(r->units[n].unit)))
                        return true;
        return false;
}

/* Finds those that other machines hold, and has all that were found be asked for. */
static void find(Release *r) {
        Survey survey = {};

        for (size_t i = 0; i < r->n; i++) {
                Asked *u = r->units + i;

                if (u->code == CTL_OK && (r->items[i].elsewhere || r->items[i].is_theirs))
                        u->code = where_find(r->ctl, &survey, strempty(u->unit), &u->before);
                u->wanted = u->code == CTL_OK && !is_named_before(r, i);
        }
        survey_done(&survey);
}

static int read_before(Release *r, char **typed) {
        _cleanup_free_ char **names = NULL;
        int code;

        for (size_t i = 0; i < r->n; i++) {
                r->units[i].unit = unit_name_complete(typed[i]);
                r->items[i] = (Item){ .index = -1, .elsewhere = lease_slot(strempty(r->units[i].unit)) > 0 };
        }
        names = names_of(r);
        code = names ? crowd_look(r->ctl, r->n, names, CROWD_READS_HOLDER, look_before, r) : CTL_FAILED;
        for (size_t i = 0; i < r->n && code == CTL_OK; i++)
                if (is_well(r, i) && r->items[i].index < 0 && !r->items[i].elsewhere)
                        r->units[i].code = look_at_alias(r->ctl, typed[i], r->units + i, r->items + i);
        if (code == CTL_OK)
                find(r);
        return code;
}

/* ---- until it is done ---- */

/* Ends the wait when the lease is given back. Another Index is another tenure, even if the lease is held here
 * again. leased forgets a command of "leasectl run" when it is over. */
static bool look_after(size_t i, const json_t *props, int why, const sd_bus_error *error, void *userdata) {
        Release *r = userdata;

        if (!props && !crowd_is_gone(error))
                r->units[i].code = bus_complain(r->units[i].unit, why, error);
        if (props && (!get_boolean(props, "HolderKnown") ||
                                     (*get_string(props, "MachineID") &&
                                                     get_integer(props, "LeaseIndex") == r->items[i].index)))
                return false;
        r->items[i].after = json_incref((json_t *) props);
        return true;
}

/* Waits for all units that are here. */
static int wait_for_ours(Release *r) {
        _cleanup_free_ char **names = names_of(r);
        bool any = false;

        for (size_t i = 0; names && i < r->n; i++) {
                names[i] = r->units[i].begun ? names[i] : NULL;
                any = any || names[i];
        }
        if (!names)
                return CTL_FAILED;
        return any ? crowd_wait(r->ctl, "release", r->n, names, false, CROWD_READS_HOLDER, look_after, r) : CTL_OK;
}

/* Waits for each of the others, and prints who holds each lease now. */
static int end_all(Release *r) {
        json_auto_t *machines = NULL;
        int code = wait_for_ours(r);

        if (code == CTL_OK)
                code = machines_read(r->ctl, &machines);
        for (size_t i = 0; i < r->n && code == CTL_OK; i++) {
                const Item *item = r->items + i;
                Asked *u = r->units + i;

                if (!u->begun || u->code != CTL_OK)
                        continue;
                if (item->elsewhere)
                        u->code = ask_await_lease(r->ctl, u, false, "released", NULL);
                else
                        wait_say_holder(u->unit, "released", item->after,
                                        get_string(machines_find(machines, get_string(item->after, "MachineID")),
                                                        "hostname"));
        }
        return code;
}

static void say_begun(const Release *r) {
        for (size_t i = 0; i < r->n; i++)
                if (r->units[i].begun)
                        wait_say_begun(r->ctl, r->units[i].unit, where_holder(&r->units[i].before), "release");
}

int verb_release(Ctl *ctl, int argc, char **argv) {
        Release r = { .ctl = ctl, .n = (size_t) argc };
        int code, k;

        if (ctl->dry_run)
                return rehearse_print(ctl, "release", (size_t) argc, argv, "");
        r.units = calloc(r.n, sizeof(Asked));
        r.items = calloc(r.n, sizeof(Item));
        k = bus_watch_leased(ctl->bus);
        if (!r.units || !r.items || k < 0)
                return bus_complain("leased", k < 0 ? k : -ENOMEM, NULL);
        code = read_before(&r, argv);
        if (code == CTL_OK)
                code = ask_all(ctl, "release", "", r.n, r.units);
        if (code == CTL_OK && ctl->wait && ask_any_begun(r.n, r.units))
                code = end_all(&r);
        else if (code == CTL_OK)
                say_begun(&r);
        if (code == CTL_OK)
                code = ask_code(r.n, r.units);
        for (size_t i = 0; i < r.n; i++)
                json_decref(r.items[i].after);
        asked_free(r.units, r.n);
        free(r.items);
        return code;
}
