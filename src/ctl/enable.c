/* SPDX-License-Identifier: Apache-2.0 */

/*
 * leasectl enable: from now on the unit runs on this machine only while this machine holds its lease.
 *
 * First every unit is looked at by itself: one that is refused does not keep the others from being enabled. Each
 * further step is done for all units that pass. Their gates are written; the units are listed; PID 1 reloads; each
 * gate is looked for in what PID 1 has loaded. If a gate has no effect, everything about its unit is taken back. The
 * daemon is told last, and need not run: it reads the same files when it starts.
 *
 * A unit with Global= is only listed. If it was leased until now, its gate is removed after the daemon was told.
 */

#include "ctl/enable.h"

#include <errno.h>
#include <stdio.h>

#include "ctl/files.h"
#include "ctl/interrupt.h"
#include "ctl/members.h"
#include "ctl/ordering.h"
#include "ctl/outlook.h"
#include "ctl/output.h"
#include "ctl/pid1-ahead.h"
#include "ctl/pid1-room.h"
#include "ctl/pid1-stop.h"
#include "ctl/pid1.h"
#include "ctl/progress.h"
#include "ctl/registry.h"
#include "ctl/rehearse.h"
#include "util/unit-name.h"

enum {
        AT_ONCE = 100, /* units whose properties are in memory */
        MANY = 20,     /* with more units nobody waits for what becomes of each */
};

/* ---- before ---- */

static int check_guard(Ctl *ctl) {
        json_auto_t *guard = NULL;
        int code = pid1_load(ctl->bus, GUARD_SERVICE, &guard);

        if (code != CTL_OK)
                return code;
        if (!streq(get_string(guard, "LoadState"), "loaded"))
                return ctl_fail(GUARD_SERVICE ": is not installed, and without it no leased unit can start");
        return CTL_OK;
}

/* Looks whether PID 1 has room for so many more units than are enabled now. */
static int check_room(Ctl *ctl, size_t more) {
        _cleanup_(messages_done) Messages m = {};
        _cleanup_(strv_freep) char **names = NULL;

        (void) enabled_units_list("", &names, &m); /* a mistake in one of them is not the matter here */
        return pid1_room_check(ctl, strv_length(names) + more);
}

/* ---- after ---- */

/* Has leased reload. The argument running is 1 if leased runs, 0 if it does not, or a negative errno if that is not
 * known. */
static int reload_leased(Ctl *ctl, const LeasedConf *conf, int running, bool any_leased) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        bool bad_lines = false;
        char note[512];
        int r = running;

        if (r == 0)
                complain("note: leased is not running; nothing starts until it does: systemctl enable --now leased");
        if (r > 0)
                r = bus_reload_leased(ctl->bus, &error, &bad_lines);
        if (r < 0)
                return bus_complain("leased", r, &error);
        if (any_leased && streq(conf->registry, "local"))
                complain("note: %s (see leased.conf)", registry_local_note(conf->directory, note, sizeof(note)));
        return bad_lines ? CTL_FAILED : CTL_OK;
}

/* Removes the gates of units that were leased until now and are global. leased knows by now that they need no gate,
 * and may remove the gates at the same time. */
static int ungate_global(Ctl *ctl, EnableItem *items, size_t n) {
        bool ungated = false;
        int code = CTL_OK, c;

        for (size_t i = 0; i < n; i++) {
                if (!items[i].written || !items[i].global || !files_gated(items[i].name))
                        continue;
                c = enable_item_ungate(items + i);
                if (c != CTL_OK)
                        code = c;
                ungated = true;
        }
        c = ungated ? pid1_reload(ctl->bus) : CTL_OK;
        return code != CTL_OK ? code : c;
}

/* Says that a unit is enabled. The argument outlook is what leased is going to do with it, "" if that is not known
 * or was not asked. */
static void print_enabled(const EnableItem *item, const char *outlook) {
        for (size_t i = 0; item->changes && i < item->changes->n; i++)
                say("%s", item->changes->lines[i]);
        say("%s: %s%s%s%s", item->name,
                        item->text  ? "changed"
                        : item->new ? "enabled"
                                    : "was enabled already",
                        item->global ? "; it runs on every machine that fits, without a lease" : "",
                        *outlook ? "; " : "", outlook);
        for (char **m = item->members; m && *m; m++)
                say("%s: goes by its lease", *m);
}

/* Of many units nobody waits for what becomes of each. */
static void print_all(Ctl *ctl, const EnableItem *items, size_t n, bool running) {
        usec_t deadline = outlook_deadline(ctl, now_boottime());
        bool many = n > MANY;

        for (size_t i = 0; i < n; i++) {
                char outlook[OUTLOOK_SIZE] = "";

                if (!items[i].written)
                        continue;
                if (running && !many && !items[i].global)
                        outlook_read(ctl, items[i].name, !items[i].new, deadline, outlook);
                print_enabled(items + i, outlook);
        }
        if (running && many && ctl->legend)
                complain("note: what becomes of them: leasectl list");
}

/* ---- all of them ---- */

static size_t count_written(const EnableItem *items, size_t n, bool with_global) {
        size_t count = 0;

        for (size_t i = 0; i < n; i++)
                count += items[i].written && (with_global || !items[i].global);
        return count;
}

static void keep_bad(int *code, int next) {
        if (next != CTL_OK)
                *code = next;
}

static bool any_new(const EnableItem *items, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (items[i].written && items[i].new)
                        return true;
        return false;
}

static void take_back_all(EnableItem *items, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (items[i].written)
                        (void) enable_item_take_back(items + i);
}

/* Calls step for each item that is being enabled. */
static int each(EnableItem *items, size_t n, bool begun, int (*step)(EnableItem *item)) {
        int code = CTL_OK;

        for (size_t i = 0; i < n; i++)
                if (items[i].name && items[i].written == begun)
                        keep_bad(&code, step(items + i));
        return code;
}

/* All gates are on disk before the first unit is listed (ctl/files.h). */
static int write_all(EnableItem *items, size_t n) {
        int code = each(items, n, false, enable_item_gate), c;

        if (count_written(items, n, true) == 0)
                return code;
        c = files_sync_gates();
        if (c != CTL_OK) {
                take_back_all(items, n);
                return c;
        }
        keep_bad(&code, each(items, n, true, enable_item_list));
        if (any_new(items, n))
                keep_bad(&code, files_sync_listed());
        return code;
}

/* Stops the units, or the members, of the items that are to be stopped. The units are stopped first, since they
 * start the others. If something of an item cannot be stopped, the item is taken back. */
static int stop_some(Ctl *ctl, EnableItem *items, size_t n, bool members) {
        _cleanup_(strv_freep) char **units = NULL;
        _cleanup_free_ size_t *owners = NULL;
        _cleanup_free_ int *codes = NULL;
        size_t n_units = 0;
        int code = CTL_OK;

        for (size_t i = 0; i < n && code == CTL_OK; i++) {
                size_t *p;

                if (!items[i].to_stop)
                        continue;
                code = members                               ? members_add_units(ctl, items[i].members, &units)
                       : strv_add(&units, items[i].name) < 0 ? CTL_FAILED
                                                             : CTL_OK;
                p = realloc(owners, (strv_length(units) + 1) * sizeof(size_t));
                if (!p)
                        return CTL_FAILED;
                owners = p;
                for (; n_units < strv_length(units); n_units++)
                        owners[n_units] = i;
        }
        codes = calloc(n_units + 1, sizeof(int));
        if (code != CTL_OK || !codes)
                return CTL_FAILED;
        code = pid1_stop(ctl->bus, units, codes);
        for (size_t i = 0; i < n_units; i++)
                if (codes[i] != CTL_OK && items[owners[i]].written)
                        (void) enable_item_take_back(items + owners[i]);
        return code;
}

static int stop_all(Ctl *ctl, EnableItem *items, size_t n) {
        int code = stop_some(ctl, items, n, false);

        keep_bad(&code, stop_some(ctl, items, n, true));
        for (size_t i = 0; i < n; i++)
                items[i].to_stop = false;
        return code;
}

/* Looks whether the gates are in force. */
static int verify_all(Ctl *ctl, EnableItem *items, size_t n) {
        _cleanup_(strv_freep) char **units = NULL;
        int code = CTL_OK;

        for (size_t i = 0; i < n; i++)
                if (items[i].written && !items[i].global &&
                                (strv_add(&units, items[i].name) < 0 ||
                                                members_add_probes(items[i].members, &units) != CTL_OK))
                        return CTL_FAILED;
        code = pid1_ahead_gates(ctl->bus, units);
        for (size_t i = 0; i < n; i++)
                if (items[i].written && !items[i].global)
                        keep_bad(&code, enable_item_verify(ctl, items + i));
        pid1_ahead_end();
        return code;
}

/* Has PID 1 reload, and takes back every unit whose gate is not in force then. Stops what was started before its
 * gate was closed. */
static int put_in_force(Ctl *ctl, EnableItem *items, size_t n) {
        size_t before = count_written(items, n, true);
        int code = pid1_reload(ctl->bus), reloaded = code;

        if (reloaded != CTL_OK)
                take_back_all(items, n);
        else {
                keep_bad(&code, verify_all(ctl, items, n));
                keep_bad(&code, stop_all(ctl, items, n));
        }
        if (count_written(items, n, true) == before)
                return code;
        if (reloaded != CTL_OK)
                (void) bus_call(ctl->bus, &bus_pid1, "Reload", NULL, NULL, NULL); /* why it fails has been printed */
        else
                (void) pid1_reload(ctl->bus);
        return code;
}

/* Has leased read the same files, and prints what becomes of the units. */
static int tell_leased(Ctl *ctl, EnableItem *items, size_t n, const LeasedConf *conf, int running) {
        int code = CTL_OK, r;

        if (running > 0 && (r = bus_watch_leased(ctl->bus)) < 0)
                running = r;
        if (count_written(items, n, true) > 0)
                code = reload_leased(ctl, conf, running, count_written(items, n, false) > 0 && !items[0].text);
        print_all(ctl, items, n, running > 0);
        return code;
}

int enable_all(Ctl *ctl, EnableItem *items, size_t n, const LeasedConf *conf) {
        int code, c, running = bus_leased_runs(ctl->bus);
        bool reordered; /* not looked at, since PID 1 reloads anyway */

        interrupt_outlive_readers();
        code = write_all(items, n);
        keep_bad(&code, stop_all(ctl, items, n)); /* only now that nothing is left to be refused */
        if (count_written(items, n, true) == 0)
                return code;
        keep_bad(&code, ordering_write(ctl, conf, &reordered));
        keep_bad(&code, put_in_force(ctl, items, n));
        c = tell_leased(ctl, items, n, conf, running);
        if (code == CTL_OK)
                code = c;
        c = ungate_global(ctl, items, n);
        return code != CTL_OK ? code : c;
}

/* Looks at n units of the command line. PID 1 is asked about all of them ahead. */
static int examine_some(Ctl *ctl, size_t n, char **typed, const LeasedConf *conf, EnableItem *items) {
        _cleanup_(strv_freep) char **names = NULL;
        int code = CTL_OK, c;

        for (size_t i = 0; i < n; i++) {
                _cleanup_free_ char *name = unit_name_complete(typed[i]);

                if (!name || strv_add(&names, name) < 0)
                        return ctl_fail("enable: out of memory");
        }
        c = pid1_ahead_examine(ctl->bus, names);
        if (c != CTL_OK)
                return c;
        for (size_t i = 0; i < n; i++) {
                c = enable_item_examine(ctl, typed[i], conf, items + i);
                if (c == CTL_OK)
                        continue;
                code = c;
                enable_item_done(items + i);
        }
        pid1_ahead_end();
        return code;
}

static int examine_all(Ctl *ctl, size_t n, char **typed, const LeasedConf *conf, EnableItem *items) {
        Bar bar = bar_begin("enable");
        int code = CTL_OK;

        for (size_t i = 0; i < n; i += AT_ONCE) {
                bar_show(&bar, n - i, "");
                keep_bad(&code, examine_some(ctl, MIN(n - i, (size_t) AT_ONCE), typed + i, conf, items + i));
        }
        bar_end(&bar);
        return code;
}

/* Leaves out each unit that was named before, by an alias or by the same name. */
static void drop_repeated(EnableItem *items, size_t n) {
        json_auto_t *names = json_object();

        for (size_t i = 0; i < n; i++) {
                if (!items[i].name)
                        continue;
                if (json_object_get(names, items[i].name))
                        enable_item_done(items + i);
                else
                        (void) json_object_set_new(names, items[i].name, json_true());
        }
}

/* Gives the unit of which a member is, or is in, what this member is: of all members so far, or NULL. */
static const char *find_shared(const json_t *members, const json_t *slices, const char *member) {
        json_t *value = json_object_get(members, member);
        size_t i;

        if (value || !endswith(member, ".slice"))
                return json_string_value(value);
        json_array_foreach(slices, i, value)
                if (members_overlap(json_string_value(value), member))
                        return json_string_value(json_object_get(members, json_string_value(value)));
        return NULL;
}

/* Leaves out each unit that shares a member with one that was named before, or has one as a member: no gate says so
 * yet. */
static int refuse_shared(EnableItem *items, size_t n) {
        json_auto_t *members = json_object(), *slices = json_array();
        int code = CTL_OK;

        for (size_t i = 0; i < n; i++)
                if (items[i].name)
                        (void) json_object_set_new(members, items[i].name, json_string(items[i].name));
        for (size_t i = 0; i < n; i++) {
                const char *owner = NULL;

                for (char **m = items[i].members; m && *m && !owner; m++) {
                        owner = find_shared(members, slices, *m);
                        if (owner)
                                code = ctl_fail("%s: brings %s, which would go by the lease of %s, too", items[i].name,
                                                *m, owner);
                }
                for (char **m = items[i].members; m && *m && !owner; m++) {
                        (void) json_object_set_new(members, *m, json_string(items[i].name));
                        if (endswith(*m, ".slice"))
                                (void) json_array_append_new(slices, json_string(*m));
                }
                if (owner)
                        enable_item_done(items + i);
        }
        return code;
}

int enable_prepare(Ctl *ctl, size_t n, LeasedConf **ret) {
        _cleanup_(messages_done) Messages m = {};
        int r = leased_conf_load("", ret, &m), code;

        print_messages(&m);
        if (r < 0)
                return CTL_FAILED;
        code = check_guard(ctl);
        return code == CTL_OK ? check_room(ctl, n) : code;
}

/* With --dry-run: says where the units would run, of all that may be enabled. */
static int rehearse_all(Ctl *ctl, const EnableItem *items, size_t n) {
        int code = CTL_OK;

        for (size_t i = 0; i < n; i++) {
                if (!items[i].name)
                        continue;
                if (items[i].global)
                        say("%s: would run on every machine that fits, without a lease", items[i].name);
                else
                        keep_bad(&code, rehearse_place(ctl, items[i].name, NULL));
        }
        return code;
}

int verb_enable(Ctl *ctl, int argc, char **argv) {
        _cleanup_(leased_conf_freep) LeasedConf *conf = NULL;
        size_t n = (size_t) argc;
        _cleanup_free_ EnableItem *items = calloc(n, sizeof(EnableItem));
        int code, all;

        if (!items)
                return ctl_fail("enable: out of memory");
        code = enable_prepare(ctl, n, &conf);
        if (code != CTL_OK)
                return code;
        all = examine_all(ctl, n, argv, conf, items);
        drop_repeated(items, n);
        keep_bad(&all, refuse_shared(items, n));
        code = ctl->dry_run ? rehearse_all(ctl, items, n) : enable_all(ctl, items, n, conf);
        for (size_t i = 0; i < n; i++)
                enable_item_done(items + i);
        return code != CTL_OK ? code : all;
}
