/* SPDX-License-Identifier: Apache-2.0 */

/*
 * leasectl release: whoever holds units stops them and gives their leases back. leased asks another machine through
 * the registry, and answers as soon as the holder has begun. Nothing begins while the registry does not answer, nor
 * when this process is gone; Ctrl-C takes back what has not begun. Unless --no-wait is given, the command then waits
 * until each lease is held by another machine or by nobody.
 *
 * leased is asked for all units at once, so that they stop together. What has become of them is said at the end, in
 * the order of the command line. Units that are not enabled here follow one by one (ask.c).
 */

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "core/record.h"
#include "ctl/ask.h"
#include "ctl/bus-many.h"
#include "ctl/bus.h"
#include "ctl/crowd.h"
#include "ctl/interrupt.h"
#include "ctl/leases.h"
#include "ctl/machines.h"
#include "ctl/polkit-agent.h"
#include "ctl/progress.h"
#include "ctl/rehearse.h"
#include "ctl/wait.h"
#include "util/unit-name.h"

typedef struct Item {
        char *name;       /* NULL: the release has failed, and that has been said */
        json_int_t index; /* before */
        bool elsewhere;   /* not enabled here */
        json_t *after;    /* properties; NULL: leased has forgotten the unit */
        int code;
} Item;

typedef struct Release {
        Ctl *ctl;
        size_t n;
        Item *items;
        size_t *asked, answered, n_asked; /* the numbers of those that leased is asked to release */
        bool withdrawn;                   /* leased was told to forget what has not begun */
        Bar bar;
} Release;

static void fail(Item *item, int code) {
        item->code = code;
        free(item->name);
        item->name = NULL;
}

static char **names_of(const Release *r) {
        char **names = calloc(r->n + 1, sizeof(char *));

        for (size_t i = 0; names && i < r->n; i++)
                names[i] = r->items[i].elsewhere ? NULL : r->items[i].name;
        return names;
}

/* ---- before ---- */

/* Looks at a unit before it is released. If leased does not know the unit, the name may be an alias, and the index
 * of the item stays -1. */
static bool look_before(size_t i, const json_t *props, int why, const sd_bus_error *error, void *userdata) {
        Item *item = ((Release *) userdata)->items + i;

        if (props)
                item->index = get_integer(props, "LeaseIndex");
        else if (!crowd_is_gone(error))
                fail(item, bus_complain(item->name, why, error));
        return true;
}

static int look_at_alias(Ctl *ctl, const char *typed, Item *item) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        json_auto_t *row = NULL;
        int r;

        free(item->name);
        item->name = unit_name_resolve(ctl, typed);
        r = unit_read_row(ctl, strempty(item->name), &row, &error);
        item->index = get_integer(row, "index");
        item->elsewhere = r < 0 && crowd_is_gone(&error);
        return r < 0 && !item->elsewhere ? bus_complain(item->name, r, &error) : CTL_OK;
}

static int read_before(Release *r, char **typed) {
        _cleanup_free_ char **names = NULL;
        int code;

        for (size_t i = 0; i < r->n; i++) {
                r->items[i] = (Item){ .name = unit_name_complete(typed[i]), .index = -1 };
                r->items[i].elsewhere =
                                lease_slot(strempty(r->items[i].name)) > 0; /* whichever machine has the copy */
        }
        names = names_of(r);
        code = names ? crowd_look(r->ctl, r->n, names, CROWD_READS_HOLDER, look_before, r) : CTL_FAILED;
        for (size_t i = 0; i < r->n && code == CTL_OK; i++) {
                int c = r->items[i].name && r->items[i].index < 0 && !r->items[i].elsewhere
                                        ? look_at_alias(r->ctl, typed[i], r->items + i)
                                        : CTL_OK;

                if (c != CTL_OK)
                        fail(r->items + i, c);
        }
        return code;
}

/* ---- until it has begun ---- */

static int make(size_t i, sd_bus_message **ret, void *userdata) {
        const Release *r = userdata;
        int k = sd_bus_message_new_method_call(
                        r->ctl->bus, ret, bus_leased.name, bus_leased.path, bus_leased.interface, "AskUnit");

        return k < 0 ? k : sd_bus_message_append(*ret, "sss", r->items[r->asked[i]].name, "release", "");
}

static void take(size_t i, sd_bus_message *answer, const sd_bus_error *error, void *userdata) {
        Release *r = userdata;
        Item *item = r->items + r->asked[i];

        r->answered++;
        if (error)
                fail(item, bus_complain(item->name, -sd_bus_error_get_errno(error), error));
        else
                wait_say_begun(r->ctl, item->name, "", "release");
}

/* Shows how many units are still to begin, and what is wrong with the registry. If nothing is, and leased may be
 * waiting for a password of the caller, nothing is shown. After Ctrl-C, has leased take back what has not begun. */
static void on_idle(void *userdata) {
        json_auto_t *manager = NULL;
        Release *r = userdata;
        bool trouble;

        if (interrupt_came() && !r->withdrawn) {
                r->withdrawn = true;
                bus_withdraw(r->ctl->bus);
        }
        if (bus_get_manager(r->ctl->bus, &manager, NULL) < 0)
                return;
        trouble = streq(get_string(manager, "RegistryState"), "trouble");
        if (trouble || geteuid() == 0)
                bar_show(&r->bar, r->n_asked - r->answered, trouble ? get_string(manager, "RegistryError") : "");
}

/* Says which units go on to be released, and ends: of the others it has been said that nothing has begun. */
static _Noreturn void leave(const Release *r) {
        for (size_t i = 0; i < r->n; i++)
                if (r->items[i].name && !r->items[i].elsewhere)
                        complain("%s: could not be taken back any more: it has begun, and goes on", r->items[i].name);
        interrupt_leave();
}

/* Asks leased to release all units: the first one alone, so that a caller who needs a password is asked for it only
 * once. */
static int ask_all(Release *r) {
        const BusMany calls = { .make = make,
                .take = take,
                .userdata = r,
                .timeout = USEC_INFINITY,
                .one_by_one = geteuid() != 0,
                .idle = on_idle };
        int k;

        r->asked = calloc(r->n, sizeof(size_t));
        if (!r->asked)
                return ctl_fail("release: out of memory");
        for (size_t i = 0; i < r->n; i++)
                if (r->items[i].name && !r->items[i].elsewhere)
                        r->asked[r->n_asked++] = i;
        r->bar = bar_begin(r->n_asked == 1 ? r->items[r->asked[0]].name : "release");
        polkit_agent_open(r->ctl);
        interrupt_catch();
        k = bus_call_many(r->ctl->bus, r->n_asked, &calls);
        interrupt_release();
        bar_end(&r->bar);
        free(r->asked);
        if (interrupt_came())
                leave(r);
        return k < 0 ? bus_complain("release", k, NULL) : CTL_OK;
}

/* ---- until it is done ---- */

/* Ends the wait when the lease is given back. Another Index is another tenure, even if the lease is held here
 * again. leased forgets a command of "leasectl run" when it is over. */
static bool look_after(size_t i, const json_t *props, int why, const sd_bus_error *error, void *userdata) {
        Item *item = ((Release *) userdata)->items + i;

        if (!props && !crowd_is_gone(error))
                fail(item, bus_complain(item->name, why, error));
        if (props && (!get_boolean(props, "HolderKnown") ||
                                     (*get_string(props, "MachineID") &&
                                                     get_integer(props, "LeaseIndex") == item->index)))
                return false;
        item->after = json_incref((json_t *) props);
        return true;
}

static bool any_left(const Release *r) {
        for (size_t i = 0; i < r->n; i++)
                if (r->items[i].code == CTL_OK && !r->items[i].elsewhere)
                        return true;
        return false;
}

static int wait_for_all(Release *r) {
        _cleanup_free_ char **names = names_of(r);

        return names ? crowd_wait(r->ctl, "release", r->n, names, false, CROWD_READS_HOLDER, look_after, r)
                     : CTL_FAILED;
}

/* Prints who holds each lease now. */
static int report(Release *r) {
        json_auto_t *machines = NULL;
        int code = CTL_OK, c = machines_read(r->ctl, &machines);

        if (c != CTL_OK)
                return c;
        for (size_t i = 0; i < r->n; i++) {
                const Item *item = r->items + i;
                const char *machine = get_string(item->after, "MachineID");

                if (item->code == CTL_OK && !item->elsewhere)
                        wait_say_holder(item->name, "released", item->after,
                                        get_string(machines_find(machines, machine), "hostname"));
                else if (item->code != CTL_OK)
                        code = item->code;
        }
        return code;
}

static int release_elsewhere(Release *r) {
        int code = CTL_OK;

        for (size_t i = 0; i < r->n; i++)
                if (r->items[i].elsewhere) {
                        int c = ask_elsewhere(r->ctl, r->items[i].name, "release", "", "", "released");

                        if (c != CTL_OK)
                                code = c;
                }
        return code;
}

int verb_release(Ctl *ctl, int argc, char **argv) {
        Release r = { .ctl = ctl, .n = (size_t) argc };
        int code, k;

        if (ctl->dry_run)
                return rehearse_print(ctl, "release", (size_t) argc, argv, "");
        r.items = calloc((size_t) argc, sizeof(Item));
        k = bus_watch_leased(ctl->bus);
        if (!r.items || k < 0)
                return bus_complain("leased", k < 0 ? k : -ENOMEM, NULL);
        code = read_before(&r, argv);
        if (code == CTL_OK)
                code = ask_all(&r);
        if (code == CTL_OK && ctl->wait && any_left(&r))
                code = wait_for_all(&r);
        if (code == CTL_OK && ctl->wait && any_left(&r))
                code = report(&r);
        k = release_elsewhere(&r);
        if (code == CTL_OK)
                code = k;
        for (size_t i = 0; i < r.n; i++) {
                if (code == CTL_OK)
                        code = r.items[i].code;
                json_decref(r.items[i].after);
                free(r.items[i].name);
        }
        free(r.items);
        return code;
}
