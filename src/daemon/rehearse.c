/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/rehearse.h"

#include <errno.h>

#include "daemon/bus-util.h"
#include "daemon/internal.h"
#include "daemon/loop.h"
#include "daemon/verbs.h"
#include "daemon/why-not.h"

static const struct {
        const char *verb;
        RehearsalKind kind;
        bool machine; /* it needs a machine */
} verbs[] = {
        { "drain", REHEARSAL_DRAIN, true },
        { "release", REHEARSAL_RELEASE, false },
        { "transfer", REHEARSAL_TRANSFER, true },
        { "steal", REHEARSAL_STEAL, false },
        { "rebalance", REHEARSAL_REBALANCE, false },
};

static int append_other(sd_bus_message *reply, const WhyNotView *v) {
        char line[WHY_NOT_SIZE];
        int r = sd_bus_message_open_container(reply, 'r', "ssus");

        if (r < 0 || (r = bus_append_text(reply, v->machine_id)) < 0 ||
                        (r = bus_append_text(reply, v->hostname)) < 0 ||
                        (r = sd_bus_message_append(reply, "u", v->reason.why)) < 0 ||
                        (r = bus_append_text(reply, why_not_line(v, now_realtime(), line, sizeof(line)))) < 0)
                return r;
        return sd_bus_message_close_container(reply);
}

static int append_unit(const RehearsedUnit *u, void *userdata) {
        sd_bus_message *reply = userdata;
        int r = sd_bus_message_open_container(reply, 'r', "sssusa(ssus)");

        if (r < 0 || (r = bus_append_text(reply, u->unit)) < 0 ||
                        (r = sd_bus_message_append(reply, "ssu", u->from, u->to, u->reason.why)) < 0 ||
                        (r = bus_append_text(reply, WHY_TEXT(u->reason))) < 0 ||
                        (r = sd_bus_message_open_container(reply, 'a', "(ssus)")) < 0)
                return r;
        for (size_t i = 0; i < u->n_others && r >= 0; i++)
                r = append_other(reply, u->others + i);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return MIN(r, 0);
}

static int is_machine(const MachineView *v, void *userdata) {
        return streq(v->machine_id, userdata);
}

/* Anybody may ask, and all is done in one turn of the loop, so a question has no more units than can be weighed.
 * Reads the names, which are borrowed from the message. *ret is freed by the caller, also on failure.
 * sd_bus_message_read_strv() is not used: it counts the names anew for each name. */
static int read_units(sd_bus_message *m, const char ***ret, size_t *ret_n, sd_bus_error *error) {
        const char *name, **larger;
        size_t n = 0, room = 0;
        int r = sd_bus_message_enter_container(m, 'a', "s");

        while (r >= 0 && (r = sd_bus_message_read_basic(m, 's', &name)) > 0) {
                if (n == (unsigned) REHEARSAL_PAIRS)
                        return bus_error(error, SD_BUS_ERROR_INVALID_ARGS, "%u units at most.",
                                        (unsigned) REHEARSAL_PAIRS);
                if (n == room) {
                        room = MAX((size_t) 64, 2 * room);
                        larger = realloc(*ret, room * sizeof(char *));
                        if (!larger)
                                return -ENOMEM;
                        *ret = larger;
                }
                (*ret)[n++] = name;
        }
        *ret_n = n;
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

/* Reads what is to be tried. *ret_units, in which ret->units are, is freed by the caller; all else is borrowed from
 * the message. */
static int read_question(Daemon *d, sd_bus_message *m, const char ***ret_units, Rehearsal *ret, sd_bus_error *error) {
        const char *verb, *machine;
        char quoted[BUS_QUOTE_SIZE];
        size_t i = 0, n = 0;
        int r = sd_bus_message_read(m, "s", &verb);

        if (r >= 0)
                r = read_units(m, ret_units, &n, error);
        if (r >= 0)
                r = sd_bus_message_read(m, "s", &machine);
        if (r < 0)
                return r;
        while (i < ELEMENTSOF(verbs) && !streq(verbs[i].verb, verb))
                i++;
        if (i == ELEMENTSOF(verbs))
                return bus_error(error, SD_BUS_ERROR_INVALID_ARGS, "What %s does cannot be tried.",
                                bus_quote(verb, quoted));
        if (verbs[i].kind == REHEARSAL_DRAIN && !*machine)
                machine = d->machine_id;
        if (verbs[i].machine && core_each_machine(d->core, loop_now(), is_machine, (char *) machine) == 0)
                return verb_refuse_machine(d, machine, error);
        *ret = (Rehearsal){
                .kind = verbs[i].kind,
                .units = *ret_units,
                .n_units = n,
                .machine = machine,
        };
        return 0;
}

int rehearse_method(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_free_ const char **units = NULL;
        Rehearsal what = {};
        Daemon *d = userdata;
        int r = read_question(d, m, &units, &what, error);

        if (r < 0)
                return r;
        r = sd_bus_message_new_method_return(m, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(sssusa(ssus))");
        if (r >= 0)
                r = core_rehearse(d->core, &what, append_unit, reply);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}
