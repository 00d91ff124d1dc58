/* SPDX-License-Identifier: Apache-2.0 */

/*
 * leasectl transfer UNIT... MACHINE: has the holder stop each unit and hand its lease over. Another holder than this
 * machine is asked through the registry (ask.c). leasectl steal UNIT: is asked of the machine that wants the unit,
 * when the holder cannot be asked. The unit starts here only once the robbed machine has let go, or surely cannot run
 * it any more (law 5). leasectl rearm UNIT: lets a unit that is done run again.
 *
 * The daemon is asked for all units at once. It answers each of these when it has begun or when it cannot begin. If
 * this process ends before the daemon has begun, the daemon drops the request. After the answer the command waits for
 * the outcome, unless --no-wait is given.
 */

#include <stdio.h>
#include <stdlib.h>

#include "core/record.h"
#include "core/why.h"
#include "ctl/ask.h"
#include "ctl/leases.h"
#include "ctl/machines.h"
#include "ctl/output.h"
#include "ctl/rehearse.h"
#include "ctl/wait.h"
#include "util/shell-word.h"

typedef struct Move {
        json_int_t index;    /* before */
        const char *machine; /* this one */
        bool leaving;        /* it has begun to go */
        bool stayed;         /* ... and came back with the same Index */
} Move;

/* ---- transfer ---- */

static int is_gone(const json_t *props, void *userdata) {
        const char *state = get_string(props, "State");
        Move *move = userdata;

        if (!get_boolean(props, "HolderKnown"))
                return 0;
        if (get_integer(props, "LeaseIndex") != move->index || !*get_string(props, "MachineID"))
                return 1;
        if (streq(state, "stopping") || streq(state, "releasing"))
                move->leaving = true;
        move->stayed = move->leaving && (streq(state, "running") || streq(state, "starting"));
        return move->stayed;
}

/* Reads the row of a unit, which need not be enabled here: then *ret is NULL. */
static int read_row(Ctl *ctl, const char *unit, json_t **ret) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r = unit_read_row(ctl, unit, ret, &error);

        return r < 0 && !sd_bus_error_has_name(&error, LEASED_ERROR("NoSuchUnit")) ? bus_complain(unit, r, &error)
                                                                                   : CTL_OK;
}

/* Says why nothing can be asked of a unit that is enabled here, and held by another machine if by any. */
static int check_held(const char *unit, const json_t *row) {
        if (json_is_null(json_object_get(row, "held"))) {
                complain("%s: who holds its lease is not known now, see: leasectl status %s", unit, SHELL_WORD(unit));
                return CTL_UNKNOWN;
        }
        if (!get_boolean(row, "held")) {
                complain("%s: nobody holds its lease now, so there is nothing to hand over", unit);
                return CTL_NOT_HELD;
        }
        return CTL_OK;
}

static bool is_at(const char *machine_id, const json_t *target) {
        return streq(machine_id, get_string(target, "machine_id"));
}

/* Looks whether the unit is to be asked for. *ret_row: its row, if it is enabled here. */
static int look_before(Ctl *ctl, Survey *survey, Asked *u, const json_t *target, json_t **ret_row) {
        int code = CTL_OK;

        if (lease_slot(u->unit) == 0) /* of a copy, whichever machine has it */
                code = read_row(ctl, u->unit, ret_row);
        if (code != CTL_OK || is_at(get_string(*ret_row, "machine_id"), target))
                return code;
        if (!get_boolean(*ret_row, "local")) {
                if (*ret_row)
                        code = check_held(u->unit, *ret_row);
                if (code == CTL_OK)
                        code = where_find(ctl, survey, u->unit, &u->before);
        }
        u->wanted = code == CTL_OK && !(where_is_held(&u->before) && is_at(where_machine_id(&u->before), target));
        return code;
}

static int report_transfer(Ctl *ctl, const char *unit, const json_t *target, const Move *move) {
        json_auto_t *now = NULL;
        int code = unit_read_one(ctl, unit, &now);

        if (code != CTL_OK)
                return code;
        if (!move->stayed && is_at(get_string(now, "machine_id"), target)) {
                wait_say_has(unit, "handed over", get_string(target, "hostname"), get_integer(now, "index"),
                                get_string(now, "state"));
                return CTL_OK;
        }
        return ctl_fail("%s: was not handed over, see: leasectl status %s", unit, SHELL_WORD(unit));
}

/* Waits for the outcome, and says it. */
static int end_transfer(Ctl *ctl, const Asked *u, const json_t *row, const json_t *target) {
        Move move = { .index = get_integer(row, "index") };
        int code;

        if (!u->begun) {
                say("%s: is held by %s already", u->unit, get_string(target, "hostname"));
                return CTL_OK;
        }
        if (!ctl->wait) {
                wait_say_begun(ctl, u->unit, where_holder(&u->before), "transfer");
                return CTL_OK;
        }
        if (u->before.row)
                return ask_await_lease(ctl, u, false, "handed over", target);
        code = wait_for(ctl, u->unit, is_gone, &move);
        return code == CTL_OK ? report_transfer(ctl, u->unit, target, &move) : code;
}

static size_t count_wanted(size_t n, const Asked *units) {
        size_t wanted = 0;

        for (size_t i = 0; i < n; i++)
                wanted += units[i].wanted;
        return wanted;
}

/* Leaves a unit for later that cannot go together with those before it, as leased sees it: two units in conflict are
 * on two machines, and neither holder knows that the other unit is on its way. */
static int set_apart(Ctl *ctl, size_t n, Asked *units, const json_t *target) {
        _cleanup_free_ char **names = calloc(n + 1, sizeof(char *));
        json_auto_t *rows = NULL;
        json_t *row;
        size_t k = 0, i;
        int code;

        if (!names)
                return ctl_fail("transfer: out of memory");
        for (i = 0; i < n; i++)
                if (units[i].wanted)
                        names[k++] = units[i].unit;
        code = rehearse_read(ctl, "transfer", k, names, get_string(target, "machine_id"), &rows);
        json_array_foreach(rows, k, row)
                for (i = 0; i < n; i++)
                        if (streq(units[i].unit, get_string(row, "unit")) && !*get_string(row, "to") &&
                                        get_integer(row, "code") != WHY_NOT_KNOWN_HERE)
                                units[i].wanted = false;
        return code;
}

typedef struct Transfer {
        Ctl *ctl;
        const json_t *target;
        size_t n;
        Asked *units;
        json_t **rows; /* of the units, before; NULL: it is not enabled here */
} Transfer;

static int ask_to_transfer(const Transfer *t) {
        return ask_all(t->ctl, "transfer", get_string(t->target, "machine_id"), t->n, t->units);
}

static void end_one(const Transfer *t, size_t i) {
        t->units[i].code = end_transfer(t->ctl, t->units + i, t->rows[i], t->target);
}

/* Asks for a unit alone, which could not go together with the others. It may have followed one of them by itself. */
static int transfer_alone(const Transfer *t, size_t i) {
        Asked *u = t->units + i;
        json_auto_t *now = NULL;
        int code = read_row(t->ctl, u->unit, &now);

        for (size_t k = 0; k < t->n; k++)
                t->units[k].wanted = k == i && !is_at(get_string(now, "machine_id"), t->target);
        u->patient = false;
        if (code == CTL_OK)
                code = ask_to_transfer(t);
        if (code == CTL_OK && u->code == CTL_OK)
                end_one(t, i);
        return code;
}

/* Asks for all units at once that can go together, and then for the others, one by one. Such a unit may have to follow
 * one of those that have gone. */
static int transfer_all(const Transfer *t) {
        size_t asked = count_wanted(t->n, t->units), begun = 0;
        bool *later = calloc(t->n, sizeof(bool));
        int code = later ? CTL_OK : ctl_fail("transfer: out of memory");

        for (size_t i = 0; i < t->n && later; i++) {
                later[i] = t->units[i].wanted;
                t->units[i].patient = asked > 1;
        }
        if (code == CTL_OK && asked > 1)
                code = set_apart(t->ctl, t->n, t->units, t->target);
        if (code == CTL_OK)
                code = ask_to_transfer(t);
        for (size_t i = 0; i < t->n && code == CTL_OK; i++) {
                Asked *u = t->units + i;

                later[i] = later[i] && u->code == CTL_OK && !u->begun;
                begun += u->begun;
                if (u->code == CTL_OK && !later[i])
                        end_one(t, i);
        }
        for (size_t i = 0; i < t->n && code == CTL_OK; i++)
                if (later[i] && t->units[i].answered && begun == 0)
                        ask_tell(t->units + i);
                else if (later[i])
                        code = transfer_alone(t, i);
        free(later);
        return code;
}

int verb_transfer(Ctl *ctl, int argc, char **argv) {
        json_auto_t *machines = NULL, *manager = NULL;
        const char *machine = argv[argc - 1];
        const json_t *target = NULL;
        Transfer t = { .ctl = ctl };
        Survey survey = {};
        int code = machines_read_all(ctl, &machines, &manager);

        if (code == CTL_OK)
                code = machines_resolve(machines, manager, machine, &target);
        if (code == CTL_OK && ctl->dry_run)
                return rehearse_print(ctl, "transfer", (size_t) argc - 1, argv, get_string(target, "machine_id"));
        if (code == CTL_OK && json_is_false(json_object_get(target, "up")))
                return ctl_fail("%s: is silent, so nothing can be handed to it, see: leasectl machines", machine);
        if (code == CTL_OK)
                code = asked_new(ctl, (size_t) argc - 1, argv, &t.units, &t.n);
        t.target = target;
        t.rows = calloc(t.n, sizeof(json_t *));
        for (size_t i = 0; i < t.n && code == CTL_OK && t.rows; i++)
                t.units[i].code = look_before(ctl, &survey, t.units + i, target, t.rows + i);
        survey_done(&survey);
        if (code == CTL_OK && !t.rows)
                code = ctl_fail("transfer: out of memory");
        if (code == CTL_OK)
                code = transfer_all(&t);
        if (code == CTL_OK)
                code = ask_code(t.n, t.units);
        for (size_t i = 0; i < t.n && t.rows; i++)
                json_decref(t.rows[i]);
        free(t.rows);
        asked_free(t.units, t.n);
        return code;
}

/* ---- steal ---- */

/* Tests whether the unit is here. steal was answered, so the lease was ours: if another machine has it now, or
 * nobody, it was taken or given away since. */
static int is_here(const json_t *props, void *userdata) {
        const char *state = get_string(props, "State");
        Move *move = userdata;

        move->stayed = get_boolean(props, "HolderKnown") && !streq(get_string(props, "MachineID"), move->machine);
        return move->stayed || streq(state, "held") || streq(state, "starting") || streq(state, "running") ||
               streq(state, "stopped") || streq(state, "failed");
}

/* Says from whom the unit was taken, and by when it starts here. */
static void say_taken(const Ctl *ctl, const Asked *u, const json_t *row) {
        json_int_t wait = json_integer_value(json_array_get(u->answer, 0));
        char span[32];

        if (wait <= 0) {
                wait_say_begun(ctl, u->unit, "", "steal");
                return;
        }
        say("%s: taken from %s; it starts here when that machine has let go, in %s at the latest", u->unit,
                        *get_string(row, "hostname") ? get_string(row, "hostname") : get_string(row, "machine_id"),
                        format_span(span, sizeof(span), (usec_t) wait));
}

static int end_steal(Ctl *ctl, const char *unit, const char *here) {
        Move move = { .machine = here };
        int code = wait_for(ctl, unit, is_here, &move);

        if (code != CTL_OK)
                return code;
        if (move.stayed)
                return ctl_fail("%s: was taken, and is not held here any more, see: leasectl status %s", unit,
                                SHELL_WORD(unit));
        return wait_print_holder(ctl, unit, "taken");
}

/* Says of all units at once how long each may take, and then waits for them. */
static int end_steals(Ctl *ctl, size_t n, Asked *units, json_t *const *rows) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        json_auto_t *manager = NULL;
        int r;

        for (size_t i = 0; i < n; i++)
                if (units[i].begun)
                        say_taken(ctl, units + i, rows[i]);
                else if (units[i].code == CTL_OK)
                        say("%s: is held by this machine already", units[i].unit);
        say_flush();
        if (!ctl->wait || !ask_any_begun(n, units))
                return CTL_OK;
        r = bus_get_manager(ctl->bus, &manager, &error);
        if (r < 0)
                return bus_complain("steal", r, &error);
        for (size_t i = 0; i < n; i++)
                if (units[i].begun)
                        units[i].code = end_steal(ctl, units[i].unit, get_string(manager, "MachineID"));
        return CTL_OK;
}

static int steal_all(Ctl *ctl, size_t n, Asked *units) {
        _cleanup_free_ json_t **rows = calloc(n, sizeof(json_t *));
        int code;

        if (!rows)
                return ctl_fail("steal: out of memory");
        for (size_t i = 0; i < n; i++) {
                units[i].code = unit_read_one(ctl, units[i].unit, rows + i);
                units[i].wanted = units[i].code == CTL_OK && !get_boolean(rows[i], "local");
        }
        code = ask_all(ctl, "steal", "", n, units);
        if (code == CTL_OK)
                code = end_steals(ctl, n, units, rows);
        for (size_t i = 0; i < n; i++)
                json_decref(rows[i]);
        return code == CTL_OK ? ask_code(n, units) : code;
}

int verb_steal(Ctl *ctl, int argc, char **argv) {
        Asked *units;
        size_t n;
        int code;

        if (ctl->dry_run)
                return rehearse_print(ctl, "steal", (size_t) argc, argv, "");
        code = asked_new(ctl, (size_t) argc, argv, &units, &n);
        if (code == CTL_OK)
                code = steal_all(ctl, n, units);
        asked_free(units, n);
        return code;
}

/* ---- rearm ---- */

static int is_not_done(const json_t *props, void *userdata) {
        return get_boolean(props, "HolderKnown") && !streq(get_string(props, "State"), "done");
}

/* Looks whether the unit is to be asked for. */
static int look_at_done(Ctl *ctl, Survey *survey, Asked *u) {
        json_auto_t *row = NULL;
        int code = lease_slot(u->unit) > 0 ? CTL_OK : read_row(ctl, u->unit, &row);

        if (code == CTL_OK && !row)
                code = where_find(ctl, survey, u->unit, &u->before);
        if (row && json_is_null(json_object_get(row, "held")))
                code = check_held(u->unit, row);
        else if (row && streq(get_string(row, "state"), "elsewhere"))
                code = ctl_fail("%s: is not done but held by %s, there is nothing to rearm", u->unit,
                                *get_string(row, "hostname") ? get_string(row, "hostname")
                                                             : get_string(row, "machine_id"));
        else if (row && !streq(get_string(row, "state"), "done"))
                code = ctl_fail("%s: is not done but %s, there is nothing to rearm", u->unit,
                                get_string(row, "state"));
        u->wanted = code == CTL_OK;
        return code;
}

static int end_rearm(Ctl *ctl, const Asked *u) {
        int code;

        if (!ctl->wait) {
                wait_say_begun(ctl, u->unit, u->before.row ? "its machine" : "", "rearm");
                return CTL_OK;
        }
        if (u->before.row)
                return ask_await_lease(ctl, u, true, "rearmed", NULL);
        code = wait_for(ctl, u->unit, is_not_done, NULL);
        return code == CTL_OK ? wait_print_holder(ctl, u->unit, "rearmed") : code;
}

int verb_rearm(Ctl *ctl, int argc, char **argv) {
        Survey survey = {};
        Asked *units;
        size_t n;
        int code = asked_new(ctl, (size_t) argc, argv, &units, &n);

        for (size_t i = 0; i < n && code == CTL_OK; i++)
                units[i].code = look_at_done(ctl, &survey, units + i);
        survey_done(&survey);
        if (code == CTL_OK)
                code = ask_all(ctl, "rearm", "", n, units);
        for (size_t i = 0; i < n && code == CTL_OK; i++)
                if (units[i].begun)
                        units[i].code = end_rearm(ctl, units + i);
        if (code == CTL_OK)
                code = ask_code(n, units);
        asked_free(units, n);
        return code;
}
