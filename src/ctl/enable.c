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

#include "ctl/pid1.h"

#include <errno.h>
#include <stdio.h>

#include "conf/conf.h"
#include "conf/dropin.h"
#include "ctl/brought.h"
#include "ctl/examine.h"
#include "ctl/files.h"
#include "ctl/members.h"
#include "ctl/ordering.h"
#include "ctl/output.h"
#include "ctl/outlook.h"
#include "ctl/registry.h"
#include "util/unit-name.h"

typedef struct Item {
        char *name;   /* canonical */
        bool written; /* gate and list */
        bool new;     /* was not listed before */
        bool kept;    /* it may be up */
        bool global;  /* needs no lease, hence no gate */
        bool to_stop;
        char **members; /* what goes by its lease besides it */
} Item;

/* ---- what is refused ---- */

static int refuse(const char *unit, const char *format, ...) _printf_(2, 3);
static int refuse(const char *unit, const char *format, ...) {
        char text[1024];
        va_list ap;

        va_start(ap, format);
        (void) vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);
        complain("%s: %s", unit, text);
        return CTL_FAILED;
}

static int check_guard(Ctl *ctl) {
        json_auto_t *guard = NULL;
        int code = pid1_load(ctl->bus, GUARD_SERVICE, &guard);

        if (code != CTL_OK)
                return code;
        if (!streq(get_string(guard, "LoadState"), "loaded"))
                return refuse(GUARD_SERVICE, "is not installed, and without it no leased unit can start");
        return CTL_OK;
}

/* more: not enabled yet, as far as is known. */
static int check_room(Ctl *ctl, size_t more) {
        _cleanup_(messages_done) Messages m = {};
        _cleanup_(strv_freep) char **names = NULL;

        (void) enabled_units_list("", &names, &m); /* what is wrong with one of them is not what was asked */
        return pid1_check_room(ctl->bus, strv_length(names) + more);
}

/* The unit's options, and whether its stop fits into the TTL. unit: its properties. */
static int check_options(const char *name, const json_t *unit, const LeasedConf *conf, bool *ret_global) {
        _cleanup_(unit_options_freep) UnitOptions *options = NULL;
        _cleanup_(messages_done) Messages m = {};
        int r = unit_options_preview("", name, &options, &m);

        if (r >= 0 && !options->global)
                r = unit_options_check(options, conf->ttl, pid1_timeout_stop(unit), &m);
        print_messages(&m);
        if (r < 0 && m.n == 0)
                complain("%s: its options cannot be read: %s", name, strerror(-r));
        *ret_global = options && options->global;
        return r < 0 ? CTL_FAILED : CTL_OK;
}

static int note_brought(Ctl *ctl, const Item *item, const json_t *unit) {
        json_auto_t *findings = json_array();
        int code = brought_examine(ctl, item->name, unit, item->members, findings);
        json_t *finding;
        size_t i;

        json_array_foreach(findings, i, finding)
                complain("note: %s: %s", item->name, get_string(finding, "text"));
        return code;
}

/* Looks whether the unit may be leased. */
static int examine(Ctl *ctl, const char *typed, const LeasedConf *conf, Item *item) {
        json_auto_t *unit = NULL, *findings = json_array();
        _cleanup_free_ char *name = unit_name_complete(typed);
        const char *up;
        int code;

        if (!name)
                return refuse(typed, "out of memory");
        code = examine_unit(ctl, name, findings, &item->name, &unit);
        if (code != CTL_OK) {
                /* The first reason is enough; check tells all of them. */
                const char *text = get_string(json_array_get(findings, 0), "text");

                if (*text)
                        complain("%s: %s", item->name ?: name, text);
                return code;
        }
        code = check_options(item->name, unit, conf, &item->global);
        if (code != CTL_OK)
                return code;
        if (item->global || (files_listed(item->name) && pid1_gate_loaded(unit, item->name, item->name)))
                item->kept = true; /* a leased one runs under its lease, if at all */
        if (item->global)
                return CTL_OK;
        code = members_find(ctl, item->name, unit, &item->members);
        if (code == CTL_OK)
                code = note_brought(ctl, item, unit);
        if (code != CTL_OK)
                return code;
        if (item->kept)
                return CTL_OK;
        up = pid1_is_down(unit) ? members_find_up(ctl, item->members) : item->name;
        if (!up)
                return CTL_OK;
        if (!ctl->stop)
                return streq(up, item->name)
                                       ? refuse(up, "is %s: systemctl stop %s, or use --stop",
                                                         get_string(unit, "ActiveState"), up)
                                       : refuse(item->name, "brings %s, which is up: systemctl stop %s, or use --stop",
                                                         up, up);
        item->to_stop = true;
        return CTL_OK;
}

/* ---- what is done ---- */

static int take_back(Item *item) {
        _cleanup_free_ char *text = NULL;

        item->written = false;
        if (item->new) {
                (void) files_unlist(item->name, &text);
                (void) members_ungate(item->name);
                (void) files_ungate(item->name);
        }
        return CTL_FAILED;
}

/* What starts the others goes first. */
static int stop_one(Ctl *ctl, const Item *item) {
        int code = pid1_stop(ctl->bus, item->name);

        return code == CTL_OK ? members_stop(ctl, item->members) : code;
}

static int write_one(Ctl *ctl, Item *item) {
        int code = files_write(item->name, !item->global, &item->new);

        if (code != CTL_OK) {
                if (!files_listed(item->name))
                        (void) files_ungate(item->name);
                return code;
        }
        item->written = true;
        code = item->global ? CTL_OK : members_gate(item->name, item->members);
        if (code == CTL_OK && item->to_stop)
                code = stop_one(ctl, item); /* only now that nothing is left to be refused */
        return code == CTL_OK ? code : take_back(item);
}

/* After the reload: is the gate in force, and the unit down behind it? */
static int verify_one(Ctl *ctl, Item *item) {
        json_auto_t *unit = NULL;
        int code = pid1_load(ctl->bus, item->name, &unit);

        if (code != CTL_OK)
                return take_back(item);
        if (!pid1_gate_loaded(unit, item->name, item->name)) {
                char trouble[PID1_TROUBLE_SIZE];

                complain("%s: the gate has no effect: %s", item->name,
                                pid1_gate_trouble(unit, item->name, item->name, trouble, sizeof(trouble)));
                return take_back(item);
        }
        if (members_verify(ctl, item->name, item->members) != CTL_OK)
                return take_back(item);
        if (!item->kept && (!pid1_is_down(unit) || members_find_up(ctl, item->members)))
                code = stop_one(ctl, item); /* somebody started it before the gate was shut */
        return code;
}

/* running: 1 if leased does, 0 if not, or why that is not known. */
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

/* The gates of units that were leased until now. The daemon knows by now that they need none, and does the same. */
static int ungate_global(Ctl *ctl, Item *items, size_t n) {
        size_t ungated = 0;
        int code = CTL_OK, c;

        for (size_t i = 0; i < n; i++) {
                if (!items[i].written || !items[i].global || !files_gated(items[i].name))
                        continue;
                c = members_ungate(items[i].name);
                if (c == CTL_OK)
                        c = files_ungate(items[i].name);
                if (c != CTL_OK)
                        code = c;
                ungated++;
        }
        c = ungated > 0 ? pid1_reload(ctl->bus) : CTL_OK;
        return code != CTL_OK ? code : c;
}

/* outlook: what follows; "": it is not known. */
static void print_enabled(const Item *item, const char *outlook) {
        say("%s: %s%s%s%s", item->name, item->new ? "enabled" : "was enabled already",
                        item->global ? "; it runs on every machine that fits, without a lease" : "",
                        *outlook ? "; " : "", outlook);
        for (char **m = item->members; m && *m; m++)
                say("%s: goes by its lease", *m);
}

static void print_all(Ctl *ctl, const Item *items, size_t n, bool told) {
        usec_t deadline = outlook_deadline(ctl, now_boottime());

        for (size_t i = 0; i < n; i++) {
                char outlook[OUTLOOK_SIZE] = "";

                if (!items[i].written)
                        continue;
                if (told && !items[i].global)
                        outlook_read(ctl, items[i].name, !items[i].new, deadline, outlook);
                print_enabled(items + i, outlook);
        }
}

static int enable_all(Ctl *ctl, Item *items, size_t n, const LeasedConf *conf) {
        size_t written = 0, taken_back = 0, enabled = 0, leased = 0;
        bool reordered; /* PID 1 reloads for the gates anyway */
        int code = CTL_OK, c, running = bus_leased_runs(ctl->bus);

        for (size_t i = 0; i < n; i++)
                if (items[i].name && (c = write_one(ctl, items + i)) != CTL_OK)
                        code = c;
        for (size_t i = 0; i < n; i++)
                written += items[i].written;
        if (written == 0)
                return code;
        c = ordering_write(ctl, conf, &reordered);
        if (c != CTL_OK)
                code = c;
        c = pid1_reload(ctl->bus);
        for (size_t i = 0; i < n; i++) {
                if (!items[i].written)
                        continue;
                if (c != CTL_OK ? take_back(items + i) != CTL_OK
                                : !items[i].global && verify_one(ctl, items + i) != CTL_OK)
                        code = CTL_FAILED;
                taken_back += !items[i].written;
        }
        if (taken_back > 0 && c != CTL_OK)
                (void) bus_call(ctl->bus, &bus_pid1, "Reload", NULL, NULL, NULL); /* why it fails has been said */
        else if (taken_back > 0)
                (void) pid1_reload(ctl->bus);
        for (size_t i = 0; i < n; i++)
                if (items[i].written) {
                        enabled++;
                        leased += !items[i].global;
                }
        if (running > 0 && (c = bus_watch_leased(ctl->bus)) < 0)
                running = c;
        if (enabled > 0 && (c = reload_leased(ctl, conf, running, leased > 0)) != CTL_OK && code == CTL_OK)
                code = c;
        print_all(ctl, items, n, running > 0);
        c = ungate_global(ctl, items, n);
        return code != CTL_OK ? code : c;
}

int verb_enable(Ctl *ctl, int argc, char **argv) {
        _cleanup_(leased_conf_freep) LeasedConf *conf = NULL;
        _cleanup_(messages_done) Messages m = {};
        _cleanup_free_ Item *items = calloc((size_t) argc, sizeof(Item));
        int r, code, all = CTL_OK;

        if (!items)
                return refuse("enable", "out of memory");
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
                code = examine(ctl, argv[i], conf, items + i);
                if (code == CTL_OK)
                        continue;
                all = code;
                free(items[i].name);
                items[i].name = NULL;
        }
        code = enable_all(ctl, items, (size_t) argc, conf);
        for (int i = 0; i < argc; i++) {
                free(items[i].name);
                strv_free(items[i].members);
        }
        return code != CTL_OK ? code : all;
}
