/* SPDX-License-Identifier: Apache-2.0 */

/*
 * leasectl disable: stops a unit and gives its lease back; from then on it is an ordinary unit again.
 *
 * The order keeps this safe. The unit is taken off the list and the daemon is told. The daemon stops the unit, waits
 * until it is down, gives its lease back, and forgets it. Only then, and only if PID 1 says that the unit is down, is
 * the gate removed (law 7). If the command is broken off anywhere, the unit cannot start, and the command may be given
 * again.
 *
 * Without the daemon nobody can give a lease back. A unit that is down is made an ordinary one all the same; if this
 * machine held its lease, the lease ends by itself. A unit that runs is refused, unless --force says to stop it
 * through PID 1.
 */

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "conf/conf.h"
#include "conf/dropin.h"
#include "ctl/bus.h"
#include "ctl/cluster.h"
#include "ctl/crowd.h"
#include "ctl/files.h"
#include "ctl/interrupt.h"
#include "ctl/members.h"
#include "ctl/output.h"
#include "ctl/pid1-ahead.h"
#include "ctl/progress.h"
#include "ctl/rehearse.h"
#include "ctl/pid1-stop.h"
#include "ctl/pid1.h"
#include "util/file-util.h"
#include "util/shell-word.h"
#include "util/text.h"
#include "util/unit-name.h"

/* How long the command waits for a unit that is down while the registry does not answer. */
#define REGISTRY_PATIENCE (10 * USEC_PER_SEC)
/* How long a unit that is down may still have a job or a process. */
#define SETTLE_MAX (5 * USEC_PER_SEC)

typedef struct Item {
        char *name;
        char *text;         /* the text of the file that was removed */
        char *trouble;      /* of the registry, which keeps its lease from being given back; NULL: none */
        bool stays_up;      /* if so: it runs all the same, kept since a pause */
        bool leased;        /* it has a gate; otherwise it was a global one */
        bool is_up;         /* it runs here, or is about to */
        bool is_unknown;    /* it runs here, and leased does not know whether it may: only the guard does */
        bool going;         /* on its way out; false: it has failed and is left as it is */
        usec_t stuck_since; /* since when only the registry keeps it; USEC_INFINITY: something else does */
        int code;
} Item;

static int fail(Item *item, int code) {
        item->going = false;
        return code;
}

static int complain_not_enabled(const char *name) {
        _cleanup_free_ char *near = files_near(name);

        complain("%s: is not enabled on this machine%s%s%s", name, near ? ", did you mean '" : "", strempty(near),
                        near ? "'?" : "");
        return CTL_NO_SUCH_UNIT;
}

/* Finds the name of the unit that was typed. A unit that is leased under that name keeps it, even if the name has
 * become an alias since. */
static int find_name(Ctl *ctl, const char *typed, char **ret) {
        _cleanup_free_ char *name = unit_name_complete(typed);
        json_auto_t *unit = NULL;
        int code;

        if (!name || !unit_name_is_valid(name))
                return ctl_fail("%s: is not the name of a unit that can be leased", typed);
        if (files_listed(name) || files_gated(name)) {
                *ret = TAKE_PTR(name);
                return CTL_OK;
        }
        code = pid1_load(ctl->bus, name, &unit); /* also of a unit whose file is gone: it then has the name given */
        if (code != CTL_OK)
                return code;
        *ret = strdup(get_string(unit, "Id"));
        return *ret ? CTL_OK : CTL_FAILED;
}

/* Whether PID 1 has the unit down. Of a unit of which PID 1 has not told, that is not known. */
static bool is_down(const char *active) {
        return streq(active, "inactive") || streq(active, "failed");
}

/* Takes a row of ListUnits. After a restart of leased while the registry does not answer, only PID 1 tells that a unit
 * runs here. */
static bool is_up(const json_t *row) {
        const char *state = string_at(row, 1);

        return streq(state, "starting") || streq(state, "running") || streq(state, "stopping") ||
               streq(state, "frozen") || (row && !is_down(string_at(row, 2)) && !streq(string_at(row, 2), "unknown"));
}

/* Whether the unit is enabled on another machine as well. */
static bool is_elsewhere(const json_t *rows, const char *unit, const char *here) {
        json_t *row;
        size_t i;

        json_array_foreach((json_t *) rows, i, row)
                if (streq(get_string(row, "unit"), unit) && !streq(get_string(row, "machine_id"), here))
                        return true;
        return false;
}

/* Adds the name to the list, "a, b", which is owned by the caller. */
static void add_name(char **list, const char *name) {
        char *before = *list;

        *list = text_format("%s%s%s", strempty(before), before ? ", " : "", name);
        free(before);
}

/* Says once of which units it is not known whether they may run here, and when these are stopped. kept: they were kept
 * since a pause, and have no deadline. */
static void note_unknown(const Item *items, size_t n, bool kept) {
        _cleanup_free_ char *up = NULL;
        size_t count = 0;

        for (size_t i = 0; i < n; i++) {
                if (!items[i].is_unknown)
                        continue;
                add_name(&up, items[i].name);
                count++;
        }
        if (count > 0)
                complain("note: %s: run%s here, and %s stopped when the registry answers%s, see: leasectl "
                         "status",
                                strempty(up), count == 1 ? "s" : "", count == 1 ? "is" : "are",
                                kept         ? ""
                                : count == 1 ? ", or at the latest when its time without beats is over"
                                             : ", or at the latest when their time without beats is over");
}

/* Says once which units are stopped now, and which of them another machine may take. */
static void note_stops(Ctl *ctl, const Item *items, size_t n) {
        _cleanup_free_ char *up = NULL, *taken = NULL;
        json_auto_t *rows = NULL, *manager = NULL;
        size_t count = 0;

        if (bus_get_manager(ctl->bus, &manager, NULL) >= 0)
                (void) cluster_units_read(ctl, "", &rows);
        for (size_t i = 0; i < n; i++) {
                if (!items[i].is_up || items[i].is_unknown)
                        continue;
                add_name(&up, items[i].name);
                count++;
                if (items[i].leased && is_elsewhere(rows, items[i].name, get_string(manager, "MachineID")))
                        add_name(&taken, items[i].name);
        }
        if (count > 0)
                complain("note: %s: run%s here, and %s stopped now%s%s", strempty(up), count == 1 ? "s" : "",
                                count == 1 ? "is" : "are", taken ? "; another machine may take " : "",
                                !taken             ? ""
                                : streq(taken, up) ? (count == 1 ? "it" : "them")
                                                   : taken);
        note_unknown(items, n, get_boolean(manager, "Keeps"));
}

/* Takes the unit off the list. The argument states has the rows of all units, {unit: row}, and is NULL if leased does
 * not run. */
static int begin(Ctl *ctl, const char *typed, const json_t *states, Item *item) {
        _cleanup_free_ char *owner = NULL;
        int code = find_name(ctl, typed, &item->name);

        if (code != CTL_OK)
                return code;
        owner = dropin_owner("", item->name);
        if (owner && !streq(owner, item->name))
                return ctl_fail("%s: goes by the lease of %s: leasectl disable %s", item->name, owner,
                                SHELL_WORD(owner));
        item->leased = files_gated(item->name);
        if (!files_listed(item->name) && !item->leased)
                return complain_not_enabled(item->name);
        code = files_unlist(item->name, &item->text);
        item->going = code == CTL_OK;
        item->is_up = item->going && is_up(json_object_get(states, item->name));
        item->is_unknown = item->is_up && streq(string_at(json_object_get(states, item->name), 1), "unknown");
        item->stuck_since = USEC_INFINITY;
        return code;
}

/* Gives the rows of all units by ListUnits, {unit: row}; NULL if leased does not run. */
static json_t *read_states(Ctl *ctl) {
        json_auto_t *answer = NULL;
        json_t *states, *row;
        size_t i;

        if (bus_leased_runs(ctl->bus) <= 0 || bus_call(ctl->bus, &bus_leased, "ListUnits", &answer, NULL, NULL) < 0)
                return NULL;
        states = json_object();
        json_array_foreach(json_array_get(answer, 0), i, row)
                (void) json_object_set(states, string_at(row, 0), row);
        return states;
}

/* ---- with the daemon ---- */

static void restore_all(Item *items, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (items[i].going && items[i].text)
                        (void) files_restore(items[i].name, items[i].text);
}

static int reload_leased(Ctl *ctl, Item *items, size_t n) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        bool bad_lines;
        int r = bus_reload_leased(ctl->bus, &error, &bad_lines), code;

        if (r >= 0)
                return CTL_OK;
        code = bus_complain("leased", r, &error);
        /* A refusal is final, so the units are listed again. Without an answer, leased may be about to reload all
         * the same: then the units stay off the list. */
        if (sd_bus_error_has_name(&error, SD_BUS_ERROR_NO_REPLY) ||
                        sd_bus_error_has_name(&error, SD_BUS_ERROR_TIMEOUT) || !sd_bus_error_is_set(&error)) {
                complain("the units stay gated; once leased answers: leasectl disable again");
                return code;
        }
        restore_all(items, n);
        return code;
}

/* Whether the registry does not answer, and nothing else is waited for: the unit is down, so that only its lease is to
 * be given back. Or it runs, and has no deadline because it was kept since a pause: leased, restarted meanwhile, does
 * not stop it before the registry says whose it is. */
static bool waits_for_registry(const json_t *props) {
        return *get_string(props, "Trouble") &&
               (is_down(get_string(props, "ActiveState")) ||
                               (get_boolean(props, "Kept") && streq(get_string(props, "State"), "unknown")));
}

/* Gives up on a unit whose lease cannot be given back. The unit stays gated: until the lease is given back, the
 * daemon would stop the unit again if it were started. Returns CTL_UNKNOWN. */
static int give_up_on_registry(Item *item, const json_t *props) {
        item->trouble = strdup(get_string(props, "Trouble"));
        item->stays_up = !is_down(get_string(props, "ActiveState"));
        return CTL_UNKNOWN;
}

/* Says of the units that were given up and are down, or of those that are not, what to do about them. */
static void tell_what_next(const Ctl *ctl, const Item *items, size_t n, bool up) {
        _cleanup_free_ char *list = NULL;
        const char *name = NULL;
        size_t count = 0;

        for (size_t i = 0; i < n; i++) {
                if (!items[i].trouble || items[i].stays_up != up)
                        continue;
                name = items[i].name;
                add_name(&list, name);
                count++;
        }
        if (count == 0)
                return;
        complain("%s: %s, and stay%s gated until the registry answers, or leased is stopped; then: leasectl disable "
                 "%s",
                        strempty(list),
                        up ? (count > 1 ? "run on, kept since a pause" : "runs on, kept since a pause")
                           : (count > 1 ? "are down" : "is down"),
                        count > 1 ? "" : "s",
                        ctl->all     ? "--all"
                        : count == 1 ? SHELL_WORD(name)
                                     : "again");
}

/* Says once which units were given up because of the registry, and what to do about all of them. */
static void tell_given_up(const Ctl *ctl, const Item *items, size_t n) {
        const char *trouble = NULL;

        for (size_t i = 0; i < n; i++)
                trouble = items[i].trouble ?: trouble;
        if (!trouble)
                return;
        complain("the registry does not answer, so no lease is given back: %s", trouble);
        if (!ctl->legend) /* whoever asks so goes on by himself, as the packages do */
                return;
        tell_what_next(ctl, items, n, false);
        tell_what_next(ctl, items, n, true);
}

/* Ends the wait when the daemon no longer knows the unit, or when only the registry has kept it for too long. */
static bool look_at(size_t i, const json_t *props, int why, const sd_bus_error *error, void *userdata) {
        Item *item = (Item *) userdata + i;
        usec_t now = now_boottime();

        if (!props && crowd_is_gone(error))
                return true;
        if (!props) {
                item->code = fail(item, bus_complain(item->name, why, error));
                complain("%s: stays gated; once leased runs: leasectl disable %s", item->name, SHELL_WORD(item->name));
                return true;
        }
        item->stuck_since = waits_for_registry(props) ? MIN(item->stuck_since, now) : USEC_INFINITY;
        if (now < usec_add(item->stuck_since, REGISTRY_PATIENCE))
                return false;
        item->code = fail(item, give_up_on_registry(item, props));
        return true;
}

/* Looks at a unit with --no-wait: if leased is not done with the unit, it stays gated. */
static bool look_once(size_t i, const json_t *props, int why, const sd_bus_error *error, void *userdata) {
        Item *item = (Item *) userdata + i;

        if (!props)
                return look_at(i, props, why, error, userdata);
        (void) fail(item, CTL_OK);
        say("%s: is %s stopped, and stays gated until: leasectl disable %s", item->name,
                        streq(get_string(props, "State"), "unknown") ? "to be" : "being", SHELL_WORD(item->name));
        return true;
}

static int wait_forgotten(Ctl *ctl, Item *items, size_t n) {
        _cleanup_free_ char **names = calloc(n, sizeof(char *));
        int code;

        if (!names)
                return CTL_FAILED;
        for (size_t i = 0; i < n; i++)
                names[i] = items[i].going ? items[i].name : NULL;
        code = ctl->wait ? crowd_wait(ctl, "disable", n, names, true, CROWD_READS_HOLDER, look_at, items)
                         : crowd_look(ctl, n, names, CROWD_READS_HOLDER, look_once, items);
        for (size_t i = 0; i < n; i++)
                if (code != CTL_OK && items[i].going)
                        items[i].code = fail(items + i, code);
        tell_given_up(ctl, items, n);
        return code;
}

/* ---- without ---- */

static int offline(Ctl *ctl, Item *item, char ***to_stop) {
        _cleanup_free_ char *gate = gate_path(item->name);
        _cleanup_(strv_freep) char **members = NULL;
        json_auto_t *unit = NULL;
        int code = members_list_gated(item->name, &members);
        bool open = gate && access(gate, F_OK) == 0;

        if (code == CTL_OK)
                code = pid1_load(ctl->bus, item->name, &unit);
        if (code == CTL_OK && (open || !pid1_is_down(unit) || members_find_up(ctl, members))) {
                if (ctl->force)
                        return strv_add(to_stop, item->name) < 0 ? CTL_FAILED : CTL_OK;
                complain("%s: is %s%s and leased is not running: systemctl start leased, then again; or --force to "
                         "stop it now",
                                item->name, get_string(unit, "ActiveState"), open ? " with its gate open" : "");
                code = CTL_NOT_RUNNING;
        }
        if (code != CTL_OK && item->text)
                (void) files_restore(item->name, item->text);
        return code;
}

static int find_item(const Item *items, size_t n, const char *name) {
        for (size_t i = 0; i < n; i++)
                if (items[i].going && streq(items[i].name, name))
                        return (int) i;
        return -1;
}

/* Stops units, and then their members. The units are first, since they start the members. */
static int stop_all(Ctl *ctl, Item *items, size_t n, char *const *units) {
        _cleanup_free_ int *codes = calloc(strv_length(units) + 1, sizeof(int)), *ignored = NULL;
        _cleanup_(strv_freep) char **of_members = NULL;
        int code = codes ? pid1_stop(ctl->bus, units, codes) : CTL_FAILED;

        for (size_t i = 0; codes && i < strv_length(units); i++) {
                _cleanup_(strv_freep) char **members = NULL;
                int which = find_item(items, n, units[i]);

                if (codes[i] != CTL_OK && which >= 0) {
                        if (items[which].text)
                                (void) files_restore(items[which].name, items[which].text);
                        items[which].code = fail(items + which, codes[i]);
                } else if (members_list_gated(units[i], &members) == CTL_OK)
                        (void) members_add_units(ctl, members, &of_members);
        }
        ignored = calloc(strv_length(of_members) + 1, sizeof(int)); /* whether they are down is looked at anyway */
        if (ignored)
                (void) pid1_stop(ctl->bus, of_members, ignored);
        return code;
}

/* ---- the end ---- */

/* Removes the gates of the unit if it is down. The unit is off the list, so nobody has a reason to start it any
 * more. */
static int ungate(Ctl *ctl, Item *item) {
        _cleanup_free_ char *env = env_path(item->name);
        _cleanup_(strv_freep) char **members = NULL;
        json_auto_t *unit = NULL;
        const char *up;
        int code = members_list_gated(item->name, &members);

        if (code == CTL_OK)
                code = pid1_load(ctl->bus, item->name, &unit);
        if (code != CTL_OK)
                return code;
        up = members_find_up(ctl, members);
        if (up)
                return ctl_fail("%s: %s, which it brought, is still up or has processes left; both stay gated. Once "
                                "it is "
                                "down: "
                                "leasectl disable %s",
                                item->name, up, SHELL_WORD(item->name));
        if (!pid1_is_down(unit))
                return ctl_fail("%s: is still %s or has processes left; it stays gated. Once it is down: leasectl "
                                "disable %s",
                                item->name, get_string(unit, "ActiveState"), SHELL_WORD(item->name));
        if (env)
                (void) unlink_if_exists(env);
        code = members_ungate(members);
        return code == CTL_OK ? files_ungate(item->name) : code;
}

/* Asks PID 1 ahead about the states of all units that are going, and of their members. */
static int ask_ahead(Ctl *ctl, const Item *items, size_t n) {
        _cleanup_(strv_freep) char **units = NULL;

        for (size_t i = 0; i < n; i++) {
                _cleanup_(strv_freep) char **members = NULL;

                if (!items[i].going)
                        continue;
                if (strv_add(&units, items[i].name) < 0)
                        return CTL_FAILED;
                if (members_list_gated(items[i].name, &members) == CTL_OK)
                        (void) members_add_units(ctl, members, &units);
        }
        return units ? pid1_ahead_states(ctl->bus, units) : CTL_OK;
}

/* Looks at all units without the daemon: a unit that runs is refused, or stopped with --force. */
static int look_all_offline(Ctl *ctl, Item *items, size_t n) {
        _cleanup_(strv_freep) char **to_stop = NULL;
        int code = ask_ahead(ctl, items, n);

        for (size_t i = 0; i < n && code == CTL_OK; i++)
                if (items[i].going && (items[i].code = offline(ctl, items + i, &to_stop)) != CTL_OK)
                        items[i].going = false;
        pid1_ahead_end();
        return code == CTL_OK && to_stop ? stop_all(ctl, items, n, to_stop) : code;
}

/* Waits for the last jobs of the units, at most SETTLE_MAX, and keeps what PID 1 said last (ctl/pid1-ahead.h). A unit
 * that was let go while it was being started may have a job for a moment, which its closed gate then refuses. */
static int wait_settled(Ctl *ctl, const Item *items, size_t n) {
        usec_t until = usec_add(now_boottime(), SETTLE_MAX);
        bool settled = false;
        int code = CTL_OK;

        while (code == CTL_OK && !settled && now_boottime() < until) {
                code = ask_ahead(ctl, items, n);
                settled = true;
                for (size_t i = 0; i < n && code == CTL_OK && settled; i++) {
                        json_auto_t *unit = NULL;

                        if (!items[i].going)
                                continue;
                        code = pid1_load(ctl->bus, items[i].name, &unit);
                        settled = code != CTL_OK || pid1_is_active(unit) || pid1_is_down(unit);
                }
                if (!settled)
                        (void) usleep(PROGRESS_POLL);
        }
        return code;
}

static int ungate_all(Ctl *ctl, Item *items, size_t n) {
        size_t freed = 0;
        int code = wait_settled(ctl, items, n);

        for (size_t i = 0; i < n && code == CTL_OK; i++) {
                if (!items[i].going)
                        continue;
                items[i].code = ungate(ctl, items + i);
                items[i].going = items[i].code == CTL_OK;
                freed += items[i].going;
        }
        pid1_ahead_end();
        return code == CTL_OK && freed > 0 ? pid1_reload(ctl->bus) : code;
}

/* Gives the exit code for two units, of which the graver one counts: any failure is graver than a registry that does
 * not answer. */
static int graver(int a, int b) {
        return b == CTL_OK || (b == CTL_UNKNOWN && a != CTL_OK) ? a : b;
}

/* The argument notes says whether to tell which units are stopped. */
static int disable_all(Ctl *ctl, Item *items, size_t n, bool notes) {
        int code, c, running = bus_leased_runs(ctl->bus);

        /* Every unit is off the list on disk before the first gate goes (ctl/files.h). */
        code = files_sync_unlisted();
        if (code == CTL_OK && running < 0)
                code = bus_complain("leased", running, NULL);
        if (code != CTL_OK)
                return code;
        if (running && ((c = bus_watch_leased(ctl->bus)) < 0 || (c = reload_leased(ctl, items, n)) != CTL_OK))
                return c < 0 ? bus_complain("leased", c, NULL) : c;
        if (notes) /* leased knows already: to say so may take as long as nobody reads */
                note_stops(ctl, items, n);
        code = running ? wait_forgotten(ctl, items, n) : look_all_offline(ctl, items, n);
        c = ungate_all(ctl, items, n);
        for (size_t i = 0; i < n; i++) {
                code = graver(code, items[i].code);
                if (items[i].going)
                        say("%s: disabled%s", items[i].name,
                                        running || !items[i].leased
                                                        ? ""
                                                        : "; its lease, if this machine held it, ends within the TTL");
        }
        return graver(code, c);
}

static int disable_units(Ctl *ctl, size_t n, char **typed) {
        _cleanup_free_ Item *items = calloc(n + 1, sizeof(Item));
        json_auto_t *states = NULL;
        int code, all = CTL_OK;
        bool any = false;

        if (!items)
                return CTL_FAILED;
        if (ctl->dry_run)
                return rehearse_disable(ctl, n, typed);
        states = ctl->legend ? read_states(ctl) : NULL;
        interrupt_outlive_readers();
        for (size_t i = 0; i < n; i++) {
                code = begin(ctl, typed[i], states, items + i);
                any |= code == CTL_OK;
                if (code != CTL_OK)
                        all = code;
        }
        code = any ? disable_all(ctl, items, n, states) : CTL_OK;
        for (size_t i = 0; i < n; i++) {
                free(items[i].name);
                free(items[i].text);
                free(items[i].trouble);
        }
        return graver(all, code);
}

/* Disables every unit that is enabled here, and those that an earlier disable has left gated. */
static int disable_every(Ctl *ctl) {
        _cleanup_(strv_freep) char **units = NULL, **gated = NULL;
        _cleanup_(messages_done) Messages m = {};
        int r = enabled_units_list("", &units, &m);

        print_messages(&m);
        if (r >= 0)
                r = dropin_units_list("", &gated);
        for (char **unit = gated; r >= 0 && unit && *unit; unit++)
                r = strv_add(&units, *unit);
        if (r < 0)
                return ctl_fail("disable: cannot list what is enabled: %s", strerror(-r));
        if (units && *units)
                return disable_units(ctl, strv_length(units), units);
        if (ctl->legend)
                say("disable: no unit is enabled here, nothing had to be changed");
        return CTL_OK;
}

int verb_disable(Ctl *ctl, int argc, char **argv) {
        if (ctl->all != (argc == 0)) {
                complain("usage: leasectl disable UNIT... (or --all)");
                return CTL_USAGE;
        }
        return ctl->all ? disable_every(ctl) : disable_units(ctl, (size_t) argc, argv);
}
