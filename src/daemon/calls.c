/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/calls.h"

#include <errno.h>
#include <inttypes.h>

#include "daemon/bus-util.h"
#include "daemon/fleet-port.h"
#include "daemon/verbs.h"
#include "daemon/words.h"
#include "util/log.h"

/* ---- answering ---- */

static int set_unavailable(Daemon *d, sd_bus_error *error) {
        SessionView v;

        core_session_view(d->core, loop_now(), &v);
        return bus_error(error, BUS_ERROR("RegistryUnavailable"), "No leases now: %s.",
                        WHY_TEXT(reason(v.why_not ?: WHY_REGISTRY_SILENT)));
}

static int set_error(Daemon *d, const Action *a, sd_bus_error *error) {
        char index[24];

        switch (a->result) {
        case CALL_NO_SUCH_LEASE:
                return bus_error(error, BUS_ERROR("NoSuchLease"), "Nobody has ever held a lease %s.", a->lease);
        case CALL_INDEX_MISMATCH:
                return bus_error(error, BUS_ERROR("IndexMismatch"), "The Index of %s is %" PRIu64 " by now.", a->lease,
                                a->index);
        case CALL_INDEX_AT_END:
                (void) snprintf(index, sizeof(index), "%" PRIu64, INDEX_MAX);
                return bus_error(error, BUS_ERROR("Busy"), "%s: %s.", a->lease,
                                WHY_TEXT(reason_of(WHY_INDEX_AT_END, index)));
        case CALL_LEASE_LOST:
                return bus_error(error, BUS_ERROR("LeaseLost"), "%s is not held at that Index any more.", a->lease);
        case CALL_UNIT_LEASE:
                return bus_error(error, BUS_ERROR("UnitLease"), "%s is the lease of a unit.", a->lease);
        case CALL_INVALID_NAME:
                return sd_bus_error_set(error, BUS_ERROR("InvalidName"), LEASE_NAME_EXPECTED);
        case CALL_INVALID_PERIOD:
                return bus_error(error, BUS_ERROR("InvalidPeriod"), "A period is %" PRIu64 " to %" PRIu64 " us.",
                                (uint64_t) PERIOD_MIN, (uint64_t) PERIOD_MAX);
        case CALL_UNAVAILABLE:
                return set_unavailable(d, error);
        case CALL_UNKNOWN:
                return sd_bus_error_set(error, BUS_ERROR("OutcomeUnknown"),
                                "The registry did not answer: it may have been done, or be done yet. Look before you "
                                "try again.");
        case CALL_SAME_HOLDER:
                return bus_error(error, SD_BUS_ERROR_INVALID_ARGS,
                                "%s is held under this machine id and version: its holder could take the stolen lease "
                                "for its own. Steal it with another version.",
                                a->lease);
        default:
                return bus_error(error, BUS_ERROR("Busy"), "Something else is being done to %s.", a->lease);
        }
}

static int reply(Daemon *d, sd_bus_message *m, CallKind kind, const Action *a, sd_bus_error *error) {
        bool done = a->result == CALL_DONE, acquire = kind == CALL_ACQUIRE;
        _cleanup_free_ char *path = NULL;

        if (!done && !(acquire && a->result == CALL_NOT_ACQUIRED))
                return set_error(d, a, error);
        path = bus_lease_path(a->lease);
        if (!path)
                return -ENOMEM;
        if (acquire)
                return sd_bus_reply_method_return(m, "bot", (int) done, path, a->index);
        if (kind == CALL_STEAL)
                return sd_bus_reply_method_return(m, "ott", path, a->index, a->span);
        if (kind == CALL_RENEW)
                return sd_bus_reply_method_return(m, "t", a->index);
        return sd_bus_reply_method_return(m, NULL);
}

/* The same for a lease in fleet's registry. */
static int reply_fleet(Daemon *d, sd_bus_message *m, CallKind kind, const Action *a, sd_bus_error *error) {
        const FleetNode *node = fleet_port_node(d);
        _cleanup_free_ char *path = NULL;

        if (a->result == CALL_UNAVAILABLE)
                return bus_error(error, BUS_ERROR("RegistryUnavailable"), "Fleet's registry does not answer: %s",
                                *fleet_port_trouble(d) ? fleet_port_trouble(d) : "no answer in time");
        if (a->result == CALL_NO_SUCH_LEASE)
                return bus_error(error, BUS_ERROR("NoSuchLease"), "Nobody holds a lease %s in fleet's registry.",
                                a->lease);
        if (kind != CALL_READ || a->result != CALL_DONE)
                return reply(d, m, kind, a, error);
        path = bus_lease_path(a->lease);
        if (!path)
                return -ENOMEM;
        return sd_bus_reply_method_return(m, "bosxtt", 1, path, node->machine_id, node->version, node->modified,
                        MIN(node->ttl, UINT64_MAX / USEC_PER_SEC) * USEC_PER_SEC);
}

/* ---- asking ---- */

/* Begins a call in the registry where the leases of the D-Bus API live. */
static int begin(Daemon *d, sd_bus_message *m, const Call *call, sd_bus_error *error) {
        return d->fleet ? fleet_port_call(d, m, call, reply_fleet, error) : words_begin_call(d, m, call, reply);
}

/* Whether a scheduler may call a machine by this name. The same characters are allowed as in the name of a unit's
 * lease, but fewer of them. The name need not be the id of a machine of this cluster: a scheduler may have machines of
 * its own.
 */
static bool is_machine_name(const char *s) {
        return strlen(s) < MACHINE_SIZE && lease_name_is_valid(s) && !strchr(s, '#');
}

/* Reads the arguments with which AcquireLease and StealLease both begin: the name, the machine id, the version and the
 * period. The texts are borrowed from the message. Sets error if the name
 * may be that of no machine. */
static int read_taker(sd_bus_message *m, Call *call, sd_bus_error *error) {
        char quoted[BUS_QUOTE_SIZE];
        int r = sd_bus_message_read(m, "ssxt", &call->lease, &call->machine, &call->version, &call->period);

        if (r < 0 || isempty(call->machine) || is_machine_name(call->machine))
                return r;
        return bus_error(error, BUS_ERROR("InvalidName"),
                        "%s: a machine id has 1 to %d characters, of A-Z a-z 0-9 : _ . \\ @ -.",
                        bus_quote(call->machine, quoted), MACHINE_SIZE - 1);
}

int call_acquire_lease(Daemon *d, sd_bus_message *m, sd_bus_error *error) {
        Call call = { .kind = CALL_ACQUIRE };
        int r = read_taker(m, &call, error);

        return r < 0 ? r : begin(d, m, &call, error);
}

int call_steal_lease(Daemon *d, sd_bus_message *m, sd_bus_error *error) {
        Call call = { .kind = CALL_STEAL };
        int r = read_taker(m, &call, error);

        if (r >= 0)
                r = sd_bus_message_read(m, "t", &call.index);
        return r < 0 ? r : begin(d, m, &call, error);
}

/* Begins a call about the lease whose object the message is for. */
static int begin_on_object(Daemon *d, sd_bus_message *m, Call *call, sd_bus_error *error) {
        _cleanup_free_ char *name = NULL;
        int r = sd_bus_path_decode(sd_bus_message_get_path(m), BUS_LEASE_PATH, &name);

        if (r <= 0)
                return r < 0 ? r : -ENOENT;
        call->lease = name;
        return begin(d, m, call, error);
}

int call_renew(Daemon *d, sd_bus_message *m, sd_bus_error *error) {
        Call call = { .kind = CALL_RENEW };
        int r = sd_bus_message_read(m, "tt", &call.index, &call.period);

        return r < 0 ? r : begin_on_object(d, m, &call, error);
}

int call_release(Daemon *d, sd_bus_message *m, sd_bus_error *error) {
        Call call = { .kind = CALL_RELEASE };
        int r = sd_bus_message_read(m, "t", &call.index);

        return r < 0 ? r : begin_on_object(d, m, &call, error);
}

int call_get_lease(Daemon *d, sd_bus_message *m, sd_bus_error *error) {
        Call call = { .kind = CALL_READ };
        int r = verb_read_lease(m, &call.lease, error);

        return r < 0 ? r : begin(d, m, &call, error);
}

/* ---- forgetting ---- */

static int reply_forgotten(Daemon *d, sd_bus_message *m, CallKind kind, const Action *a, sd_bus_error *error) {
        char quoted[BUS_QUOTE_SIZE];

        if (a->result == CALL_DONE)
                return sd_bus_reply_method_return(m, NULL);
        if (a->result == CALL_BUSY)
                return bus_error(error, BUS_ERROR("Busy"), "cannot be forgotten: %s", WHY_TEXT(a->reason));
        if (a->result == CALL_NO_SUCH_LEASE)
                return bus_error(error,
                                kind == CALL_FORGET_MACHINE ? BUS_ERROR("NoSuchMachine") : BUS_ERROR("NoSuchLease"),
                                "The registry has nothing of %s.", bus_quote(a->lease, quoted));
        return set_error(d, a, error);
}

static int reply_lowered(Daemon *d, sd_bus_message *m, CallKind kind, const Action *a, sd_bus_error *error) {
        if (a->result == CALL_BUSY)
                return bus_error(error, BUS_ERROR("Busy"), "The Index of %s cannot be put back: %s.", a->lease,
                                WHY_TEXT(a->reason));
        if (a->result != CALL_INDEX_MISMATCH)
                return reply_forgotten(d, m, kind, a, error);
        if (a->index >= INDEX_MAX)
                return bus_error(error, BUS_ERROR("IndexMismatch"), "The Index of a holder is below %" PRIu64 ".",
                                a->index);
        return bus_error(error, BUS_ERROR("IndexMismatch"),
                        "The record of %s has the Index %" PRIu64 ", which can grow: it is left as it is.", a->lease,
                        a->index);
}

int call_forget_machine(Daemon *d, sd_bus_message *m, sd_bus_error *error) {
        Call call = { .kind = CALL_FORGET_MACHINE };
        char quoted[BUS_QUOTE_SIZE];
        int r = sd_bus_message_read(m, "s", &call.machine);

        if (r < 0)
                return r;
        if (!machine_id_is_valid(call.machine))
                return bus_error(error, BUS_ERROR("NoSuchMachine"), "The registry names no machine %s.",
                                bus_quote(call.machine, quoted));
        log_notice("%s: forgetting the machine, as asked for over D-Bus", call.machine);
        return words_begin_call(d, m, &call, reply_forgotten);
}

int call_forget_lease(Daemon *d, sd_bus_message *m, sd_bus_error *error) {
        Call call = { .kind = CALL_FORGET_LEASE };
        int r = verb_read_lease(m, &call.lease, error);

        if (r < 0)
                return r;
        log_notice("%s: forgetting the lease, as asked for over D-Bus", call.lease);
        return words_begin_call(d, m, &call, reply_forgotten);
}

int call_lower_index(Daemon *d, sd_bus_message *m, sd_bus_error *error) {
        Call call = { .kind = CALL_LOWER_INDEX };
        int r = verb_read_lease(m, &call.lease, error);

        if (r >= 0)
                r = sd_bus_message_read(m, "t", &call.index);
        if (r < 0)
                return r;
        log_notice("%s: putting its Index back to %" PRIu64 ", as asked for over D-Bus", call.lease, call.index);
        return words_begin_call(d, m, &call, reply_lowered);
}
