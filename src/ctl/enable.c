/* SPDX-License-Identifier: Apache-2.0 */

/*
 * leasectl enable: from now on the unit runs on this machine only while this machine holds its lease.
 *
 * All units are looked at first, each by itself: one that is refused leaves the others. What passes is gated and
 * listed, then PID 1 reloads once, then each gate is looked for in what PID 1 has loaded; where it has no effect
 * everything is taken back. The daemon is told last, and need not run: it reads the same files when it starts.
 *
 * A unit with Global= is listed only. If it was leased until now, its gate goes after the daemon was told.
 */

#include <errno.h>
#include <stdio.h>

#include "ctl/enable-item.h"
#include "ctl/files.h"
#include "ctl/ordering.h"
#include "ctl/outlook.h"
#include "ctl/output.h"
#include "ctl/pid1.h"
#include "ctl/registry.h"

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

/* more: how many units may come to those that are enabled. */
static int check_room(Ctl *ctl, size_t more) {
        _cleanup_(messages_done) Messages m = {};
        _cleanup_(strv_freep) char **names = NULL;

        (void) enabled_units_list("", &names, &m); /* what is wrong with one of them is not what was asked */
        return pid1_check_room(ctl->bus, strv_length(names) + more);
}

/* ---- after ---- */

/* running: 1 if leased runs, 0 if not, or a negative errno: that is not known. */
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

/* leased knows by now that these units need no gate, and removes the gates, too. */
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

/* outlook: what leased makes of it; "": that is not known. */
static void print_enabled(const EnableItem *item, const char *outlook) {
        say("%s: %s%s%s%s", item->name, item->new ? "enabled" : "was enabled already",
                        item->global ? "; it runs on every machine that fits, without a lease" : "",
                        *outlook ? "; " : "", outlook);
        for (char **m = item->members; m && *m; m++)
                say("%s: goes by its lease", *m);
}

static void print_all(Ctl *ctl, const EnableItem *items, size_t n, bool running) {
        usec_t deadline = outlook_deadline(ctl, now_boottime());

        for (size_t i = 0; i < n; i++) {
                char outlook[OUTLOOK_SIZE] = "";

                if (!items[i].written)
                        continue;
                if (running && !items[i].global)
                        outlook_read(ctl, items[i].name, !items[i].new, deadline, outlook);
                print_enabled(items + i, outlook);
        }
}

/* ---- all of them ---- */

static size_t count_written(const EnableItem *items, size_t n, bool with_global) {
        size_t count = 0;

        for (size_t i = 0; i < n; i++)
                count += items[i].written && (with_global || !items[i].global);
        return count;
}

static int write_all(Ctl *ctl, EnableItem *items, size_t n) {
        int code = CTL_OK, c;

        for (size_t i = 0; i < n; i++)
                if (items[i].name && (c = enable_item_write(ctl, items + i)) != CTL_OK)
                        code = c;
        return code;
}

/* Has PID 1 reload, and takes back every unit whose gate is not in force then. */
static int put_in_force(Ctl *ctl, EnableItem *items, size_t n) {
        size_t before = count_written(items, n, true);
        int reloaded = pid1_reload(ctl->bus), code = reloaded;

        for (size_t i = 0; i < n; i++) {
                if (!items[i].written)
                        continue;
                if (reloaded != CTL_OK)
                        code = enable_item_take_back(items + i);
                else if (!items[i].global && enable_item_verify(ctl, items + i) != CTL_OK)
                        code = CTL_FAILED;
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
                code = reload_leased(ctl, conf, running, count_written(items, n, false) > 0);
        print_all(ctl, items, n, running > 0);
        return code;
}

static int enable_all(Ctl *ctl, EnableItem *items, size_t n, const LeasedConf *conf) {
        int code, c, running = bus_leased_runs(ctl->bus);
        bool reordered; /* PID 1 reloads for the gates anyway */

        code = write_all(ctl, items, n);
        if (count_written(items, n, true) == 0)
                return code;
        c = ordering_write(ctl, conf, &reordered);
        if (c != CTL_OK)
                code = c;
        c = put_in_force(ctl, items, n);
        if (c != CTL_OK)
                code = c;
        c = tell_leased(ctl, items, n, conf, running);
        if (code == CTL_OK)
                code = c;
        c = ungate_global(ctl, items, n);
        return code != CTL_OK ? code : c;
}

int verb_enable(Ctl *ctl, int argc, char **argv) {
        _cleanup_(leased_conf_freep) LeasedConf *conf = NULL;
        _cleanup_(messages_done) Messages m = {};
        _cleanup_free_ EnableItem *items = calloc((size_t) argc, sizeof(EnableItem));
        int r, code, all = CTL_OK;

        if (!items)
                return ctl_fail("enable: out of memory");
        r = leased_conf_load("", &conf, &m);
        print_messages(&m);
        if (r < 0)
                return CTL_FAILED;
        code = check_guard(ctl);
        if (code == CTL_OK)
                code = check_room(ctl, (size_t) argc);
        if (code != CTL_OK)
                return code;
        for (int i = 0; i < argc; i++) {
                code = enable_item_examine(ctl, argv[i], conf, items + i);
                if (code == CTL_OK)
                        continue;
                all = code;
                enable_item_done(items + i);
        }
        code = enable_all(ctl, items, (size_t) argc, conf);
        for (int i = 0; i < argc; i++)
                enable_item_done(items + i);
        return code != CTL_OK ? code : all;
}
