/* SPDX-License-Identifier: Apache-2.0 */

/*
 * leasectl transfer UNIT... MACHINE: has the holder stop each unit and hand its lease over. Another holder than this
 * machine is asked through the registry (ask.c). leasectl steal UNIT: is asked of the machine that wants the unit,
 * when the holder cannot be asked. The unit starts here only once the robbed machine has let go, or surely cannot run
 * it any more (law 5). leasectl rearm UNIT: lets a unit that is done run again.
 *
 * The daemon answers each of these when it has begun or when it cannot begin. If this process ends before the daemon
 * has begun, the daemon drops the request. After the answer the command waits for the outcome, unless --no-wait is
 * given.
 */

#include <stdio.h>

#include "core/record.h"
#include "ctl/ask.h"
#include "ctl/leases.h"
#include "ctl/machines.h"
#include "ctl/output.h"
#include "ctl/rehearse.h"
#include "ctl/wait.h"

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

/* Has another machine hand the unit over. */
static int transfer_elsewhere(Ctl *ctl, const char *unit, const json_t *row, const json_t *target) {
        if (row && json_is_null(json_object_get(row, "held"))) {
                complain("%s: who holds its lease is not known now, see: leasectl status %s", unit, unit);
                return CTL_UNKNOWN;
        }
        if (row && !get_boolean(row, "held")) {
                complain("%s: nobody holds its lease now, so there is nothing to hand over", unit);
                return CTL_NOT_HELD;
        }
        return ask_elsewhere(ctl, unit, "transfer", get_string(target, "machine_id"), get_string(target, "hostname"),
                        "handed over");
}

static int report_transfer(Ctl *ctl, const char *unit, const json_t *target, const Move *move) {
        json_auto_t *now = NULL;
        int code = unit_read_one(ctl, unit, &now);

        if (code != CTL_OK)
                return code;
        if (!move->stayed && streq(get_string(now, "machine_id"), get_string(target, "machine_id"))) {
                say("%s: handed over, now held by %s at Index %" JSON_INTEGER_FORMAT, unit,
                                get_string(target, "hostname"), get_integer(now, "index"));
                return CTL_OK;
        }
        return ctl_fail("%s: was not handed over, see: leasectl status %s", unit, unit);
}

static int transfer_one(Ctl *ctl, const char *typed, const json_t *target) {
        _cleanup_free_ char *name = unit_name_resolve(ctl, typed);
        json_auto_t *row = NULL;
        const char *unit = strempty(name);
        Move move = {};
        int code;

        if (lease_slot(unit) > 0) /* whichever machine has the copy */
                return transfer_elsewhere(ctl, unit, NULL, target);
        code = read_row(ctl, unit, &row);
        if (code != CTL_OK)
                return code;
        if (streq(get_string(row, "machine_id"), get_string(target, "machine_id"))) {
                say("%s: is held by %s already", unit, get_string(target, "hostname"));
                return CTL_OK;
        }
        if (!get_boolean(row, "local"))
                return transfer_elsewhere(ctl, unit, row, target);
        code = wait_call(ctl, unit, "", "TransferUnit", NULL, "ss", unit, get_string(target, "machine_id"));
        if (code == CTL_OK)
                wait_say_begun(ctl, unit, "", "transfer");
        if (code != CTL_OK || !ctl->wait)
                return code;
        move.index = get_integer(row, "index");
        code = wait_for(ctl, unit, is_gone, &move);
        return code == CTL_OK ? report_transfer(ctl, unit, target, &move) : code;
}

int verb_transfer(Ctl *ctl, int argc, char **argv) {
        json_auto_t *machines = NULL;
        const char *machine = argv[argc - 1];
        const json_t *target = NULL;
        int code = machines_read(ctl, &machines), r;

        if (code == CTL_OK)
                code = machines_resolve(machines, machine, &target);
        if (code == CTL_OK && ctl->dry_run)
                return rehearse_print(ctl, "transfer", (size_t) argc - 1, argv, get_string(target, "machine_id"));
        if (code == CTL_OK && json_is_false(json_object_get(target, "up")))
                return ctl_fail("%s: is silent, so nothing can be handed to it, see: leasectl machines", machine);
        r = code == CTL_OK ? bus_watch_leased(ctl->bus) : 0;
        if (r < 0)
                return bus_complain("transfer", r, NULL);
        for (int i = 0; i + 1 < argc && target; i++) {
                int c = transfer_one(ctl, argv[i], target);

                if (c != CTL_OK)
                        code = c;
        }
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
               streq(state, "stopped");
}

static int steal_one(Ctl *ctl, const char *unit) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        json_auto_t *row = NULL, *answer = NULL, *manager = NULL;
        Move move = {};
        char span[32];
        json_int_t wait;
        int r, code = unit_read_one(ctl, unit, &row);

        if (code != CTL_OK)
                return code;
        if (get_boolean(row, "local")) {
                say("%s: is held by this machine already", unit);
                return CTL_OK;
        }
        code = wait_call(ctl, unit, "", "StealUnit", &answer, "s", unit);
        if (code != CTL_OK)
                return code;
        wait = json_integer_value(json_array_get(answer, 0));
        if (wait > 0)
                say("%s: taken from %s; it starts here when that machine has let go, in %s at the latest", unit,
                                *get_string(row, "hostname") ? get_string(row, "hostname")
                                                             : get_string(row, "machine_id"),
                                format_span(span, sizeof(span), (usec_t) wait));
        else
                wait_say_begun(ctl, unit, "", "steal");
        (void) fflush(stdout);
        if (!ctl->wait)
                return CTL_OK;
        r = bus_get_manager(ctl->bus, &manager, &error);
        if (r < 0)
                return bus_complain(unit, r, &error);
        move.machine = get_string(manager, "MachineID");
        code = wait_for(ctl, unit, is_here, &move);
        if (code != CTL_OK)
                return code;
        if (move.stayed)
                return ctl_fail("%s: was taken, and is not held here any more, see: leasectl status %s", unit, unit);
        return wait_print_holder(ctl, unit, "taken");
}

int verb_steal(Ctl *ctl, int argc, char **argv) {
        if (ctl->dry_run)
                return rehearse_print(ctl, "steal", (size_t) argc, argv, "");
        return wait_each(ctl, argc, argv, steal_one);
}

/* ---- rearm ---- */

static int is_not_done(const json_t *props, void *userdata) {
        return get_boolean(props, "HolderKnown") && !streq(get_string(props, "State"), "done");
}

static int rearm_one(Ctl *ctl, const char *unit) {
        json_auto_t *row = NULL;
        int code = lease_slot(unit) > 0 ? CTL_OK : read_row(ctl, unit, &row);

        if (code != CTL_OK)
                return code;
        if (!row)
                return ask_elsewhere(ctl, unit, "rearm", "", "", "rearmed");
        if (streq(get_string(row, "state"), "elsewhere"))
                return ctl_fail("%s: is not done but held by %s, there is nothing to rearm", unit,
                                *get_string(row, "hostname") ? get_string(row, "hostname")
                                                             : get_string(row, "machine_id"));
        if (!streq(get_string(row, "state"), "done"))
                return ctl_fail("%s: is not done but %s, there is nothing to rearm", unit, get_string(row, "state"));
        code = wait_call(ctl, unit, "", "RearmUnit", NULL, "s", unit);
        if (code == CTL_OK)
                wait_say_begun(ctl, unit, "", "rearm");
        if (code != CTL_OK || !ctl->wait)
                return code;
        code = wait_for(ctl, unit, is_not_done, NULL);
        return code == CTL_OK ? wait_print_holder(ctl, unit, "rearmed") : code;
}

int verb_rearm(Ctl *ctl, int argc, char **argv) {
        return wait_each(ctl, argc, argv, rearm_one);
}
