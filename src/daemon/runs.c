/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The caller is known to be allowed (authorize.h). Here the bus is asked, without waiting, as whom the command may
 * run: the user and all groups that the caller's connection had when it was made. No bus tells the primary group. The
 * kernel knows it of the caller's socket, and it counts only if it is among these groups. So whatever the caller
 * sends, the command never has an id that the caller has not.
 */

#include "daemon/runs.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/socket.h>
#include <utlist.h>

#include "daemon/bus-util.h"
#include "daemon/pid1-port.h"
#include "daemon/run-unit.h"
#include "daemon/verbs.h"
#include "daemon/words.h"
#include "util/log.h"

enum {
        ASKED_MAX = 64,          /* calls that wait for the bus */
        RUNS_MAX = 512,          /* of all callers together; root may start runs up to this number */
        RUNS_OF_USERS_MAX = 256, /* others may start a run only up to this number */
        GROUPS_TEXT_SIZE = 4096,
};

/* A call whose caller's ids are being asked for. */
struct RunAsked {
        RunAsked *prev, *next;
        Daemon *daemon;
        sd_bus_message *message;
        sd_bus_slot *slot;
        int socket; /* borrowed from the message */
        struct ucred peer;
};

static void asked_free(RunAsked *a) {
        DL_DELETE(a->daemon->callers.runs, a);
        sd_bus_slot_unref(a->slot);
        sd_bus_message_unref(a->message);
        free(a);
}

void runs_cancel(Daemon *d) {
        while (d->callers.runs)
                asked_free(d->callers.runs);
}

/* ---- as whom ---- */

typedef struct Caller {
        uint32_t uid;
        bool uid_known, groups_known, has_primary;
        char groups[GROUPS_TEXT_SIZE];
} Caller;

static int read_groups(sd_bus_message *m, uint32_t primary, Caller *c) {
        const void *p;
        size_t size, n = 0;
        int r = sd_bus_message_read_array(m, 'u', &p, &size);

        if (r < 0)
                return r;
        for (const uint32_t *g = p; g < (const uint32_t *) p + size / sizeof(uint32_t); g++) {
                if (n + 12 >= sizeof(c->groups))
                        return -E2BIG;
                n += (size_t) snprintf(c->groups + n, sizeof(c->groups) - n, "%s%" PRIu32, n > 0 ? "," : "", *g);
                c->has_primary = c->has_primary || *g == primary;
        }
        c->groups_known = true;
        return 0;
}

static int read_credential(sd_bus_message *m, const char *name, uint32_t primary, Caller *c) {
        bool uid = streq(name, "UnixUserID"), groups = streq(name, "UnixGroupIDs");
        int r;

        if (!uid && !groups)
                return sd_bus_message_skip(m, "v");
        r = sd_bus_message_enter_container(m, 'v', uid ? "u" : "au");
        if (r >= 0)
                r = uid ? sd_bus_message_read(m, "u", &c->uid) : read_groups(m, primary, c);
        c->uid_known = c->uid_known || (uid && r >= 0);
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int read_credentials(sd_bus_message *m, uint32_t primary, Caller *c) {
        const char *name;
        int r = sd_bus_message_enter_container(m, 'a', "{sv}");

        while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                r = sd_bus_message_read(m, "s", &name);
                if (r >= 0)
                        r = read_credential(m, name, primary, c);
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        return r;
}

/* ---- the call ---- */

/* Only RunCommandInSlots has a number of slots, which is given as 0 for RunCommand. */
static int read_lease(sd_bus_message *m, const char **ret_lease, unsigned *ret_slots) {
        int r = sd_bus_message_read(m, "s", ret_lease);

        *ret_slots = 0;
        return r >= 0 && streq(sd_bus_message_get_member(m), "RunCommandInSlots")
                               ? sd_bus_message_read(m, "u", ret_slots)
                               : r;
}

/* Whether the lease, or each of the slots, has a name that is valid. */
static bool name_is_valid(const char *lease, unsigned slots) {
        char last[NAME_SIZE + 12];

        (void) snprintf(last, sizeof(last), "%.*s#%u", NAME_SIZE, lease, slots);
        return lease_name_is_valid(lease) && (slots == 0 || (!strchr(lease, '#') && lease_name_is_valid(last)));
}

static int begin(const RunAsked *a, const Caller *c, sd_bus_error *error) {
        _cleanup_(run_unit_freep) RunUnit *run = NULL;
        char unit[RUN_UNIT_NAME_SIZE];
        const char *lease;
        unsigned slots;
        int wait, r, fd;

        if (!c->uid_known || c->uid != a->peer.uid)
                return sd_bus_error_set(error, SD_BUS_ERROR_ACCESS_DENIED, "The socket is not the caller's own.");
        if (c->uid != 0 && (!c->groups_known || !c->has_primary))
                return sd_bus_error_set(error, SD_BUS_ERROR_ACCESS_DENIED,
                                "The bus does not tell the caller's groups, so only root can run a command.");
        if (pid1_port_count_runs(a->daemon) >= (c->uid == 0 ? RUNS_MAX : RUNS_OF_USERS_MAX))
                return sd_bus_error_set(error, SD_BUS_ERROR_LIMITS_EXCEEDED, "Too many commands run, or wait.");
        r = sd_bus_message_rewind(a->message, true);
        if (r >= 0)
                r = read_lease(a->message, &lease, &slots);
        if (r >= 0)
                r = sd_bus_message_read(a->message, "b", &wait);
        if (r >= 0)
                r = run_unit_name(lease, unit);
        if (r < 0)
                return r;
        fd = fcntl(a->socket, F_DUPFD_CLOEXEC, 3);
        if (fd < 0)
                return -errno;
        run = run_unit_new(lease, slots, fd, c->uid, a->peer.gid, c->uid == 0 ? NULL : c->groups);
        if (!run)
                return -ENOMEM;
        log_info("%s: asked for by user %" PRIu32, unit, c->uid);
        return words_begin_run(a->daemon, a->message, unit, TAKE_PTR(run), wait);
}

static int on_credentials(sd_bus_message *answer, void *userdata, sd_bus_error *ret_error) {
        sd_bus_error error = SD_BUS_ERROR_NULL;
        RunAsked *a = userdata;
        Caller c = {};
        int r;

        if (sd_bus_message_is_method_error(answer, NULL) || read_credentials(answer, a->peer.gid, &c) < 0)
                r = sd_bus_error_set(&error, SD_BUS_ERROR_ACCESS_DENIED, "The bus does not say who is calling.");
        else
                r = begin(a, &c, &error);
        bus_reply_failed(a->message, r, &error);
        asked_free(a);
        return 0;
}

/* Checks that the descriptor is one end of a pair of packet sockets (else -EINVAL), and finds out who made the pair.
 */
static int check_socket(int fd, struct ucred *ret) {
        int domain = 0, type = 0;
        socklen_t size = sizeof(int), peer_size = sizeof(*ret);

        if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) < 0 ||
                        getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0 || domain != AF_UNIX ||
                        type != SOCK_SEQPACKET || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, ret, &peer_size) < 0)
                return -EINVAL;
        return 0;
}

int runs_begin(Daemon *d, sd_bus_message *m, sd_bus_error *error) {
        const char *lease;
        unsigned n = 0, slots;
        RunAsked *a;
        int fd, wait, r;

        r = read_lease(m, &lease, &slots);
        if (r >= 0)
                r = sd_bus_message_read(m, "bh", &wait, &fd);
        if (r < 0)
                return r;
        if (!name_is_valid(lease, slots))
                return sd_bus_error_set(error, BUS_ERROR("InvalidName"), LEASE_NAME_EXPECTED);
        if (slots > SLOTS_MAX || (slots == 0 && endswith(sd_bus_message_get_member(m), "Slots")))
                return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS, "There are 1 to %u slots.", SLOTS_MAX);
        DL_COUNT(d->callers.runs, a, n);
        if (n >= ASKED_MAX)
                return sd_bus_error_set(error, SD_BUS_ERROR_LIMITS_EXCEEDED, "Too many callers wait.");
        a = calloc(1, sizeof(RunAsked));
        if (!a)
                return -ENOMEM;
        *a = (RunAsked){ .daemon = d, .message = sd_bus_message_ref(m), .socket = fd };
        DL_APPEND(d->callers.runs, a);
        r = check_socket(fd, &a->peer);
        if (r < 0)
                r = sd_bus_error_set(error, SD_BUS_ERROR_INVALID_ARGS, "The descriptor is no packet socket.");
        else
                r = sd_bus_call_method_async(bus_link_get(d->links.api), &a->slot, "org.freedesktop.DBus",
                                "/org/freedesktop/DBus", "org.freedesktop.DBus", "GetConnectionCredentials",
                                on_credentials, a, "s", sd_bus_message_get_sender(m));
        if (r < 0)
                asked_free(a);
        return r < 0 ? r : 1;
}

/* ---- another lease ---- */

int runs_limit(Daemon *d, sd_bus_message *m, sd_bus_error *error) {
        usec_t since, stop_at, kill_at;
        UnitView unit;
        int r;

        if (d->callers.uid != 0)
                return sd_bus_error_set(error, SD_BUS_ERROR_ACCESS_DENIED, "Only root may limit a command.");
        r = verb_find_unit(d, m, &unit, error);
        if (r >= 0)
                r = sd_bus_message_read(m, "ttt", &since, &stop_at, &kill_at);
        if (r < 0)
                return r;
        if (!startswith(unit.unit, RUN_UNIT_PREFIX) || since > now_boottime() || since > stop_at || stop_at > kill_at)
                return sd_bus_error_set(error, SD_BUS_ERROR_INVALID_ARGS, "No command, or no times in their order.");
        guard_port_limit(d->guard, unit.unit, since, stop_at, kill_at);
        return sd_bus_reply_method_return(m, "b", (int) unit.limited);
}

/* ---- after a restart ---- */

static void adopt(const char *unit, const char *lease, void *userdata) {
        Daemon *d = userdata;
        int r = pid1_port_adopt_run(d, unit, lease);

        if (r < 0)
                log_error_errno(r, "%s: cannot be taken over, and is ended", unit);
}

void runs_adopt(Daemon *d) {
        run_unit_each_kept(adopt, d);
}
