/* SPDX-License-Identifier: Apache-2.0 */

/*
 * leasectl drain: makes a machine take no leases and hand over those that it holds, also after a reboot. leasectl
 * undrain ends that.
 *
 * Without --no-wait the command waits until the machine holds nothing any more, or only units that have nowhere to go;
 * it names these, with what every machine has against them. If the command is broken off, the drain goes on. Another
 * machine than this one is watched through the registry alone, and may be silent.
 *
 * An operator switches a machine off on the word of this command. So what a machine holds counts only if the registry
 * has told it: after a restart of leased it is 0 until then, and means nothing.
 */

#include <inttypes.h>
#include <stdio.h>

#include "core/why.h"
#include "ctl/bus.h"
#include "ctl/cluster.h"
#include "ctl/crowd.h"
#include "ctl/interrupt.h"
#include "ctl/machines.h"
#include "ctl/output.h"
#include "ctl/polkit-agent.h"
#include "ctl/progress.h"
#include "ctl/registry.h"
#include "ctl/rehearse.h"
#include "util/shell-word.h"
#include "util/strv.h"

/* How long nothing must have moved before leased is asked why, which is less than the time for which progress is
 * silent; and before the command says that the reason, or what is held, cannot be known here. */
#define PATIENCE (1500 * USEC_PER_MSEC)
#define LONG_PATIENCE (10 * USEC_PER_SEC)

typedef struct Drain {
        Ctl *ctl;
        const char *id, *name; /* of the machine */
        const char *typed;     /* the machine as a command names it */
        bool here;
        bool begun;           /* the machine is seen to drain */
        bool noted;           /* the note that not all is known here has been printed */
        json_int_t held;      /* when that was known last; -1: it was not yet */
        usec_t unknown_since; /* since when it is not known; 0: it is */
        usec_t moved_at, asked_at;
        Bar bar;
} Drain;

/* Prints text, and behind it the argument that undrain needs for this machine. */
static void say_after(const Drain *d, const char *text) {
        complain("%s%s%s", text, d->here ? "" : " ", d->here ? "" : d->typed);
}

/* ---- what has nowhere to go ---- */

static bool look_at_unit(size_t i, const json_t *props, int why, const sd_bus_error *error, void *userdata) {
        if (get_boolean(props, "Stuck"))
                (void) json_array_append(userdata, (json_t *) props);
        return true;
}

/* Whether the machine of these rows has a copy of the unit: this machine may have another one. */
static bool has_copy(const json_t *units, const char *name) {
        json_t *unit;
        size_t i;

        json_array_foreach((json_t *) units, i, unit)
                if (get_boolean(unit, "holds") && get_integer(unit, "copies") > 0 &&
                                streq(get_string(unit, "unit"), name))
                        return true;
        return false;
}

/* Finds the units that are enabled here and held by the machine. *ret_known is their number; those that have
 * nowhere to go are added to stuck. */
static int read_stuck(const Drain *d, json_t *stuck, json_int_t *ret_known) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(strv_freep) char **names = NULL;
        json_auto_t *answer = NULL, *units = NULL;
        json_t *row;
        size_t i;
        int r = bus_call(d->ctl->bus, &bus_leased, "ListUnits", &answer, &error, NULL), code;

        if (r < 0)
                return bus_complain("drain", r, &error);
        code = cluster_units_read(d->ctl, d->id, &units);
        json_array_foreach(json_array_get(answer, 0), i, row) {
                if ((streq(string_at(row, 3), d->id) || has_copy(units, string_at(row, 0))) &&
                                strv_add(&names, string_at(row, 0)) < 0)
                        return ctl_fail("drain: out of memory");
        }
        if (code != CTL_OK)
                return code;
        *ret_known = (json_int_t) strv_length(names);
        return names ? crowd_look(d->ctl, strv_length(names), names, CROWD_READS_ALL, look_at_unit, stuck) : CTL_OK;
}

static void print_stuck(const Drain *d, const json_t *machines, const json_t *unit) {
        const json_t *pair;
        size_t i, others = 0;

        json_array_foreach(json_object_get(unit, "WhyNot"), i, pair) {
                const char *id = string_at(pair, 0);
                char name[HOSTNAME_SHOWN];

                if (streq(id, d->id))
                        continue;
                say("%s: %s: %s", get_string(unit, "Name"), machine_name(machines, id, name, sizeof(name)),
                                string_at(pair, 1));
                others++;
        }
        if (others == 0)
                say("%s: there is no other machine", get_string(unit, "Name"));
}

/* Prints a note if units are left that are not enabled here: only a machine where a unit is enabled knows where that
 * unit may go. */
static void note_unknown(Drain *d, json_int_t known) {
        if (d->noted || !d->ctl->legend || d->here || known >= d->held || now_boottime() < d->moved_at + LONG_PATIENCE)
                return;
        d->noted = true;
        bar_end(&d->bar);
        complain("note: %" JSON_INTEGER_FORMAT
                 " unit%s left on %s and not enabled here, so the reason is to be seen there: leasectl -H %s list",
                        d->held - known, d->held - known == 1 ? " is" : "s are", d->name, SHELL_WORD(d->name));
}

/* Ends the wait if nothing is left but units that have nowhere to go. */
static int look_for_stuck(Drain *d, const json_t *machines, bool *ret_over) {
        json_auto_t *stuck = json_array();
        json_t *unit;
        size_t i;
        char text[256];
        json_int_t known = 0;
        int code = read_stuck(d, stuck, &known);
        bool one = d->held == 1;

        if (code != CTL_OK)
                return code;
        note_unknown(d, known);
        if ((json_int_t) json_array_size(stuck) != d->held)
                return CTL_OK;
        *ret_over = true;
        bar_end(&d->bar);
        (void) snprintf(text, sizeof(text),
                        "drain: %" JSON_INTEGER_FORMAT
                        " unit%s nowhere to go and stay%s on %s, which takes nothing until: leasectl undrain",
                        d->held, one ? " has" : "s have", one ? "s" : "", d->name);
        say_after(d, text);
        json_array_foreach(stuck, i, unit)
                print_stuck(d, machines, unit);
        return CTL_FAILED;
}

/* ---- waiting ---- */

static int report_drained(const Drain *d) {
        if (d->ctl->until_reboot)
                say("drained: %s holds nothing and takes nothing until it has booted",
                                d->here ? "this machine" : d->name);
        else if (d->here)
                say("drained: this machine holds nothing and takes nothing until: leasectl undrain");
        else
                say("drained: %s holds nothing and takes nothing until: leasectl undrain %s", d->name, d->typed);
        return CTL_OK;
}

/* In a pause nothing can be handed over, and a pause lasts until somebody ends it. */
static int report_paused(Drain *d) {
        char text[512];

        bar_end(&d->bar);
        (void) snprintf(text, sizeof(text),
                        "drain: %s takes nothing, and keeps what it holds until: leasectl resume; to take that back: "
                        "leasectl undrain",
                        d->here ? "this machine" : d->name);
        say_after(d, text);
        return CTL_FAILED;
}

static _Noreturn void leave(Drain *d) {
        bar_end(&d->bar);
        say_after(d, "drain: goes on until: leasectl undrain");
        interrupt_leave();
}

/* Notes whether it is known now what a machine holds and whether it drains, row being that of the machine. Returns
 * whether that has not been known for so long that a command gives up. */
static bool is_unknown_for_long(const json_t *manager, const json_t *row, usec_t *since) {
        usec_t now = now_boottime();

        if (row && registry_known(manager) == CTL_OK) {
                *since = 0;
                return false;
        }
        *since = *since ?: now;
        return now >= *since + LONG_PATIENCE;
}

static int report_unknown(Drain *d) {
        bar_end(&d->bar);
        complain("drain: what %s holds is not known now, see: leasectl registry", d->here ? "this machine" : d->name);
        say_after(d, "drain: goes on until: leasectl undrain");
        return CTL_UNKNOWN;
}

static void show(Drain *d, const json_t *manager) {
        if (d->held >= 0)
                bar_show(&d->bar, (size_t) d->held,
                                streq(get_string(manager, "RegistryState"), "trouble")
                                                ? get_string(manager, "RegistryError")
                                                : "");
}

/* Takes what the machine holds now, if that is known. Returns whether it is. */
static bool take_held(Drain *d, const json_t *manager, const json_t *row) {
        json_int_t held = d->here ? get_integer(manager, "Held") : get_integer(row, "held");

        if (d->unknown_since > 0)
                return false;
        if (held != d->held)
                d->moved_at = d->asked_at = now_boottime();
        d->held = held;
        return true;
}

/* Says how the drain has ended. *ret_over stays false if it has not. */
static int report(Drain *d, const json_t *manager, bool draining, bool given_up, bool *ret_over) {
        bool known = d->unknown_since == 0, ended = d->begun && !draining && (known || d->here);

        *ret_over = true;
        if (ended) {
                bar_end(&d->bar);
                return ctl_fail("drain: somebody has ended it: leasectl undrain");
        }
        if (draining && known && d->held == 0) {
                bar_end(&d->bar);
                return report_drained(d);
        }
        if (draining && streq(get_string(manager, "Paused"), "on"))
                return report_paused(d);
        if (given_up)
                return report_unknown(d);
        *ret_over = false;
        return CTL_OK;
}

/* Looks once at how far the drain is. *ret_over: nothing is left to wait for. */
static int look(Drain *d, bool *ret_over) {
        json_auto_t *machines = NULL, *manager = NULL;
        bool draining, known, given_up;
        const json_t *row;
        int code = machines_read_all(d->ctl, &machines, &manager);

        if (code != CTL_OK)
                return code;
        row = machines_find(machines, d->id);
        draining = get_boolean(d->here ? manager : row, d->here ? "Draining" : "draining");
        given_up = is_unknown_for_long(manager, d->here ? manager : row, &d->unknown_since);
        known = take_held(d, manager, row);
        code = report(d, manager, draining, given_up, ret_over);
        d->begun = d->begun || draining;
        if (*ret_over)
                return code;
        if (draining && known && now_boottime() >= d->asked_at + PATIENCE) {
                d->asked_at = now_boottime();
                code = look_for_stuck(d, machines, ret_over);
        }
        if (code == CTL_OK)
                show(d, manager);
        return code;
}

/* Waits for the next look. If this machine is drained, leased announces changes of Held and Draining on its own
 * object; the many changes of units do not matter here. */
static int wait_for_change(const Drain *d) {
        usec_t until = usec_add(now_boottime(), PROGRESS_POLL), now = now_boottime();
        int r = 0;

        while (r >= 0 && now < until && !interrupt_came()) {
                bool ours;

                r = bus_wait(d->ctl->bus, until - now);
                ours = bus_heard(LEASED_PATH);
                if (!d->here || ours || bus_heard(LEASED_NAME))
                        break;
                now = now_boottime();
        }
        return r;
}

static int wait_drained(Drain *d) {
        bool over = false;
        int code = CTL_OK;

        d->bar = bar_begin(d->name);
        d->held = -1;
        interrupt_catch();
        while (code == CTL_OK && !over) {
                int r;

                code = look(d, &over);
                if (over || interrupt_came())
                        break;
                r = code == CTL_OK ? wait_for_change(d) : 0;
                if (r < 0)
                        code = bus_complain("drain", r, NULL);
        }
        if (interrupt_came() && !over)
                leave(d);
        bar_end(&d->bar);
        interrupt_release();
        return code;
}

/* Waits until the registry says that the machine does not drain. The machine itself follows when it hears of
 * that. */
static int wait_undrained(Ctl *ctl, const char *id, const char *name) {
        usec_t unknown_since = 0;

        for (;;) {
                json_auto_t *machines = NULL, *manager = NULL;
                int code = machines_read_all(ctl, &machines, &manager), r;
                const json_t *row = machines_find(machines, id);

                if (code != CTL_OK)
                        return code;
                if (is_unknown_for_long(manager, row, &unknown_since)) {
                        complain("undrain: whether %s drains is not known now, see: leasectl registry", name);
                        return CTL_UNKNOWN;
                }
                if (unknown_since == 0 && !get_boolean(row, "draining"))
                        return CTL_OK;
                r = bus_wait(ctl->bus, PROGRESS_POLL);
                if (r < 0)
                        return bus_complain("undrain", r, NULL);
        }
}

/* ---- the verbs ---- */

/* Finds the machine that was named, or this one. */
static int find_machine(Drain *d, const char *typed, json_t **ret_rows, json_t **ret_manager) {
        const json_t *row = NULL;
        int code = machines_read_all(d->ctl, ret_rows, ret_manager);

        if (code == CTL_OK && typed)
                code = machines_resolve(*ret_rows, *ret_manager, typed, &row);
        d->id = row ? get_string(row, "machine_id") : get_string(*ret_manager, "MachineID");
        d->here = streq(d->id, get_string(*ret_manager, "MachineID"));
        return code;
}

static int call_drain(const Drain *d, const char *verb) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        bool drain = streq(verb, "drain");
        int r = bus_watch_leased(d->ctl->bus);

        polkit_agent_open(d->ctl);
        if (r >= 0 && drain && d->ctl->until_reboot)
                r = bus_call(d->ctl->bus, &bus_leased, "DrainMachineUntilReboot", NULL, &error, "s", d->id);
        else if (r >= 0 && d->here)
                r = bus_call(d->ctl->bus, &bus_leased, drain ? "Drain" : "Undrain", NULL, &error, NULL);
        else if (r >= 0)
                r = bus_call(d->ctl->bus, &bus_leased, drain ? "DrainMachine" : "UndrainMachine", NULL, &error, "s",
                                d->id);
        return r < 0 ? bus_complain(verb, r, &error) : CTL_OK;
}

int verb_drain(Ctl *ctl, int argc, char **argv) {
        json_auto_t *rows = NULL, *manager = NULL;
        Drain drain = { .ctl = ctl };
        char name[HOSTNAME_SHOWN];
        int code = find_machine(&drain, argc > 0 ? argv[0] : NULL, &rows, &manager);

        if (code == CTL_OK && ctl->dry_run)
                return rehearse_print(ctl, "drain", 0, NULL, drain.id);
        if (code == CTL_OK)
                code = call_drain(&drain, "drain");
        if (code != CTL_OK)
                return code;
        drain.name = machine_name(rows, drain.id, name, sizeof(name));
        drain.typed = MACHINE_TYPED(rows, drain.id);
        if (!drain.here && json_is_false(json_object_get(machines_find(rows, drain.id), "up")) && ctl->legend)
                complain("note: %s is silent, and hears of it when it is back", name);
        if (ctl->wait)
                return wait_drained(&drain);
        if (ctl->legend)
                say("draining: %s takes nothing from now on, and hands over what it holds",
                                drain.here ? "this machine" : name);
        return CTL_OK;
}

/* Prints when the machine takes leases again, now that it does not drain: at once, unless something else keeps it, or
 * all machines, from that. Why another machine takes none is not known here. */
static void say_undrained(Drain *d) {
        static const char share[] = "for its share: leasectl rebalance";
        json_auto_t *manager = NULL;
        const char *why = "";

        if (bus_get_manager(d->ctl->bus, &manager, NULL) >= 0) {
                if (*get_string(manager, "Paused"))
                        why = "the cluster is paused";
                else if (d->here && get_integer(manager, "WhyNotCode") != WHY_DRAINING)
                        why = get_string(manager, "WhyNot");
        }
        if (*why)
                say("undrained: %s takes leases again, but not yet: %s; then, %s", d->name, why, share);
        else
                say("undrained: %s takes leases again; %s", d->name, share);
}

int verb_undrain(Ctl *ctl, int argc, char **argv) {
        json_auto_t *rows = NULL, *manager = NULL;
        Drain drain = { .ctl = ctl };
        char name[HOSTNAME_SHOWN];
        bool drained;
        int code = find_machine(&drain, argc > 0 ? argv[0] : NULL, &rows, &manager);

        if (code != CTL_OK)
                return code;
        /* An operator at another machine may have said so in the registry, which was not read yet. */
        drained = drain.here ? get_boolean(manager, "Draining") || registry_known(manager) != CTL_OK
                             : get_boolean(machines_find(rows, drain.id), "draining");
        drain.name = drain.here ? "this machine" : machine_name(rows, drain.id, name, sizeof(name));
        code = call_drain(&drain, "undrain");
        if (code == CTL_OK && ctl->wait && !drain.here)
                code = wait_undrained(ctl, drain.id, drain.name);
        if (code != CTL_OK)
                return code;
        if (drained)
                say_undrained(&drain);
        else
                say("undrain: %s does not drain, nothing had to be changed", drain.name);
        return CTL_OK;
}
