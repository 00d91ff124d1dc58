/* SPDX-License-Identifier: Apache-2.0 */

/*
 * leasectl disable: the unit is stopped, its lease given back, and then it is an ordinary unit again.
 *
 * The order is the point. The unit is taken off the list and the daemon told; the daemon stops it, waits until it is
 * down, releases, and forgets it. Only then, and only if PID 1 says that the unit is down, the gate is removed. Broken
 * off anywhere, a unit is left that cannot start, and the command may be given again.
 *
 * Without the daemon nobody can release: a unit that is down is set free all the same (its lease, if this machine held
 * it, ends by itself), one that runs is refused unless --force says to stop it through PID 1.
 */

#include "ctl/pid1.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "conf/conf.h"
#include "conf/dropin.h"
#include "ctl/files.h"
#include "ctl/members.h"
#include "ctl/output.h"
#include "ctl/outlook.h"
#include "ctl/progress.h"
#include "ctl/wait.h"
#include "util/file-util.h"
#include "util/unit-name.h"

/* How long a unit that is down is waited for while the registry does not answer. */
#define REGISTRY_PATIENCE (10 * USEC_PER_SEC)

typedef struct Item {
        char *name;
        char *text;  /* of the file that was removed */
        bool leased; /* it has a gate; otherwise it was a global one */
        bool going;  /* on its way out; false: it has failed and is left as it is */
} Item;

static int fail(Item *item, int code) {
        item->going = false;
        return code;
}

static int begin(Ctl *ctl, const char *typed, Item *item) {
        _cleanup_free_ char *name = unit_name_complete(typed), *owner = NULL;
        json_auto_t *unit = NULL;
        int code;

        if (!name || !unit_name_is_valid(name))
                return ctl_fail("%s: is not the name of a unit that can be leased", typed);
        code = pid1_load(ctl->bus, name, &unit); /* also of a unit whose file is gone: it then has the name given */
        if (code != CTL_OK)
                return code;
        /* A unit that is leased under the name given keeps that name, also where the name has become an alias since.
         */
        item->name = strdup(files_listed(name) || files_gated(name) ? name : get_string(unit, "Id"));
        if (!item->name)
                return CTL_FAILED;
        owner = dropin_owner("", item->name);
        if (owner && !streq(owner, item->name))
                return ctl_fail("%s: goes by the lease of %s: leasectl disable %s", item->name, owner, owner);
        if (!files_listed(item->name) && !files_gated(item->name)) {
                complain("%s: is not enabled on this machine", item->name);
                return CTL_NO_SUCH_UNIT;
        }
        outlook_note_stop(ctl, item->name);
        item->leased = files_gated(item->name);
        code = files_unlist(item->name, &item->text);
        item->going = code == CTL_OK;
        return code;
}

/* ---- with the daemon ---- */

static int reload_leased(Ctl *ctl, Item *items, size_t n) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        bool bad_lines;
        int r = bus_reload_leased(ctl->bus, &error, &bad_lines), code;

        if (r >= 0)
                return CTL_OK;
        code = bus_complain("leased", r, &error);
        /* A refusal is final. Without an answer leased may be about to do it all the same: then the units stay off the
         * list. */
        if (sd_bus_error_has_name(&error, SD_BUS_ERROR_NO_REPLY) ||
                        sd_bus_error_has_name(&error, SD_BUS_ERROR_TIMEOUT) || !sd_bus_error_is_set(&error)) {
                complain("the units stay gated; once leased answers: leasectl disable again");
                return code;
        }
        for (size_t i = 0; i < n; i++)
                if (items[i].going && items[i].text)
                        (void) files_restore(items[i].name, items[i].text);
        return code;
}

/* Nothing is left to be done but to give the lease back, and the registry does not answer. */
static bool waits_for_registry(const json_t *props) {
        const char *active = get_string(props, "ActiveState");

        return *get_string(props, "Trouble") && (streq(active, "inactive") || streq(active, "failed"));
}

/* The daemon would stop again what is started before it has given the lease back: so the unit stays gated. */
static int give_up_on_registry(const char *unit, const json_t *props) {
        complain("%s: is down, but its lease is not given back, for the registry does not answer: %s", unit,
                        get_string(props, "Trouble"));
        return ctl_fail("%s: stays gated; once the registry answers: leasectl disable %s; or, to run it here without "
                        "a "
                        "lease, "
                        "first: systemctl stop leased",
                        unit, unit);
}

/* Waits until the daemon no longer knows the unit, or is kept by nothing but the registry for too long. */
static int wait_forgotten(Ctl *ctl, const char *unit) {
        Progress progress = progress_begin(unit);
        usec_t stuck_since = USEC_INFINITY;

        for (;;) {
                _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
                json_auto_t *props = NULL;
                int r = wait_read_unit(ctl, unit, &props, &error);

                if (r < 0) {
                        progress_end(&progress);
                        if (sd_bus_error_has_name(&error, LEASED_ERROR("NoSuchUnit")) ||
                                        sd_bus_error_has_name(&error, SD_BUS_ERROR_UNKNOWN_OBJECT))
                                return CTL_OK;
                        r = bus_complain(unit, r, &error);
                        complain("%s: stays gated; once leased runs: leasectl disable %s", unit, unit);
                        return r;
                }
                progress_show(&progress, props);
                stuck_since = waits_for_registry(props) ? MIN(stuck_since, now_boottime()) : USEC_INFINITY;
                if (now_boottime() >= usec_add(stuck_since, REGISTRY_PATIENCE)) {
                        progress_end(&progress);
                        return give_up_on_registry(unit, props);
                }
                r = bus_wait(ctl->bus, PROGRESS_POLL);
                if (r < 0) {
                        progress_end(&progress);
                        return bus_complain(unit, r, NULL);
                }
        }
}

/* ---- without ---- */

static int offline(Ctl *ctl, Item *item) {
        _cleanup_free_ char *gate = gate_path(item->name);
        _cleanup_(strv_freep) char **members = NULL;
        json_auto_t *unit = NULL;
        int code = pid1_load(ctl->bus, item->name, &unit);
        bool open = gate && access(gate, F_OK) == 0;

        (void) dropin_members_list("", item->name, &members);
        if (code == CTL_OK && (open || !pid1_is_down(unit) || members_find_up(ctl, members))) {
                if (ctl->force) {
                        code = pid1_stop(ctl->bus, item->name);
                        return code == CTL_OK ? members_stop(ctl, members) : code;
                }
                complain("%s: is %s%s and leased is not running: systemctl start leased, then again; or --force to "
                         "stop it now",
                                item->name, get_string(unit, "ActiveState"), open ? " with its gate open" : "");
                code = CTL_NOT_RUNNING;
        }
        if (code != CTL_OK && item->text)
                (void) files_restore(item->name, item->text);
        return code;
}

/* ---- the end ---- */

/* Sets the unit free if it is down. It is off the list, so nobody has a reason to run it any more. */
static int ungate(Ctl *ctl, Item *item) {
        _cleanup_free_ char *env = env_path(item->name);
        _cleanup_(strv_freep) char **members = NULL;
        json_auto_t *unit = NULL;
        const char *up;
        int code = pid1_load(ctl->bus, item->name, &unit);

        if (code != CTL_OK)
                return code;
        (void) dropin_members_list("", item->name, &members);
        up = members_find_up(ctl, members);
        if (up)
                return ctl_fail("%s: %s, which it brought, is still up or has processes left; both stay gated. Once "
                                "it is "
                                "down: "
                                "leasectl disable %s",
                                item->name, up, item->name);
        if (!pid1_is_down(unit))
                return ctl_fail("%s: is still %s or has processes left; it stays gated. Once it is down: leasectl "
                                "disable %s",
                                item->name, get_string(unit, "ActiveState"), item->name);
        if (env)
                (void) unlink_if_exists(env);
        code = members_ungate(item->name);
        return code == CTL_OK ? files_ungate(item->name) : code;
}

static int disable_all(Ctl *ctl, Item *items, size_t n) {
        int code = CTL_OK, c, running = bus_leased_runs(ctl->bus);
        size_t freed = 0;

        if (running < 0)
                return bus_complain("leased", running, NULL);
        if (running && ((c = bus_watch_leased(ctl->bus)) < 0 || (c = reload_leased(ctl, items, n)) != CTL_OK))
                return c < 0 ? bus_complain("leased", c, NULL) : c;
        for (size_t i = 0; i < n; i++) {
                if (!items[i].going)
                        continue;
                c = running ? wait_forgotten(ctl, items[i].name) : offline(ctl, items + i);
                if (c == CTL_OK)
                        c = ungate(ctl, items + i);
                if (c != CTL_OK)
                        code = fail(items + i, c);
                freed += c == CTL_OK;
        }
        if (freed > 0 && (c = pid1_reload(ctl->bus)) != CTL_OK)
                code = c;
        for (size_t i = 0; i < n; i++)
                if (items[i].going)
                        say("%s: disabled%s", items[i].name,
                                        running || !items[i].leased
                                                        ? ""
                                                        : "; its lease, if this machine held it, ends within the TTL");
        return code;
}

int verb_disable(Ctl *ctl, int argc, char **argv) {
        _cleanup_free_ Item *items = calloc((size_t) argc, sizeof(Item));
        int code, all = CTL_OK;
        bool any = false;

        if (!items)
                return CTL_FAILED;
        for (int i = 0; i < argc; i++) {
                code = begin(ctl, argv[i], items + i);
                any |= code == CTL_OK;
                if (code != CTL_OK)
                        all = code;
        }
        code = any ? disable_all(ctl, items, (size_t) argc) : CTL_OK;
        for (int i = 0; i < argc; i++) {
                free(items[i].name);
                free(items[i].text);
        }
        return code != CTL_OK ? code : all;
}
