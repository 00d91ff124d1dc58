/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/daemon.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/random.h>

#include "conf/conf.h"
#include "conf/dropin.h"
#include "daemon/actions.h"
#include "daemon/askers.h"
#include "daemon/bulk.h"
#include "daemon/counts.h"
#include "daemon/environment.h"
#include "daemon/bus.h"
#include "daemon/checks.h"
#include "daemon/fence-command.h"
#include "daemon/fleet-port.h"
#include "daemon/guard-service.h"
#include "daemon/internal.h"
#include "daemon/last-conf.h"
#include "daemon/pid1-port.h"
#include "daemon/publish.h"
#include "daemon/registry-health.h"
#include "daemon/reload.h"
#include "daemon/runs.h"
#include "daemon/stop.h"
#include "daemon/suspend.h"
#include "daemon/unit-files.h"
#include "guard/protocol.h"
#include "util/file-util.h"
#include "util/lock-file.h"
#include "util/log.h"
#include "util/strv.h"
#include "util/text.h"

#define RUN_DIRECTORY "/run/leased"
#define LOCK_FILE RUN_DIRECTORY "/lock"

/* ---- housekeeping ---- */

/* How often the memory is written (state.h). If the registry falls back to an older state while the daemon is dead,
 * the next daemon can tell only by what was written before. */
#define HOUSEKEEPING (10 * USEC_PER_SEC)

struct FirstMachine {
        const char *machine_id;
};

static int find_first(const MachineView *m, void *userdata) {
        struct FirstMachine *first = userdata;

        if (m->alive && (!first->machine_id || strcmp(m->machine_id, first->machine_id) < 0))
                first->machine_id = m->machine_id;
        return 0;
}

/* Has the registry forget its old revisions. One machine does so for all: the one with the lowest id of those that are
 * up. */
static void compact(Daemon *d) {
        struct FirstMachine first = {};
        int r;

        if (!d->conf->compact || !d->registry->ops->compact)
                return;
        (void) core_each_machine(d->core, loop_now(), find_first, &first);
        if (!first.machine_id || !streq(first.machine_id, d->machine_id))
                return;
        r = d->registry->ops->compact(d->registry);
        if (r < 0)
                log_debug_errno(r, "cannot compact the registry");
}

static int on_housekeeping(sd_event_source *source, uint64_t usec, void *userdata) {
        Daemon *d = userdata;

        /* ACTION_REMEMBER comes only for what must not be lost. The highest revision seen grows all the time, and is
         * written here. */
        state_remember(d->state, core_memory(d->core));
        state_look(d->state);
        compact(d);
        (void) sd_event_source_set_time(source, usec_add(now_boottime(), HOUSEKEEPING));
        (void) sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
        return 0;
}

/* ---- wiring ---- */

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata) {
        Daemon *d = userdata;

        if (info->ssi_signo == SIGHUP)
                (void) reload_begin(d, NULL);
        else
                stop_requested(d);
        return 0;
}

/* Of an entry that the guard reports before we have asked it for anything, the unit's file may tell the lease (law 7).
 * An entry is reported so once in each connection, and guard-port.c takes no more of them in a turn than its time
 * allows. */
static void on_guard(const Event *event, void *userdata) {
        _cleanup_(environment_done) Environment e = {};
        Daemon *d = userdata;
        Event told = *event;

        if (event->kind == EVENT_GUARD_SYNCED)
                guard_service_found(d);
        if (event->kind == EVENT_GUARD && event->guard.index > 0 && event->guard.serial == 0 &&
                        environment_read(&e, d->machine_id, event->unit)) {
                told.lease = e.lease;
                told.index = e.index;
        }
        loop_event(d->loop, &told);
}

static void on_guard_missing(void *userdata) {
        guard_service_missing(userdata);
}

static int take_lock(Daemon *d) {
        int r;

        d->lock_fd = lock_file_open(AT_FDCWD, LOCK_FILE, true);
        if (d->lock_fd < 0)
                return log_error_errno(d->lock_fd, "cannot open " LOCK_FILE);
        r = lock_file_is_private(d->lock_fd) ? lock_file_try(d->lock_fd)
                                             : lock_file_replace(AT_FDCWD, LOCK_FILE, &d->lock_fd);
        if (r == -EWOULDBLOCK)
                return log_error_errno(EBUSY, "another leased runs on this machine");
        return r < 0 ? log_error_errno(r, "cannot lock " LOCK_FILE) : 0;
}

static int identify(Daemon *d) {
        _cleanup_free_ char *boot = NULL;
        size_t n = 0;
        int r;

        r = leased_machine_id(d->conf, d->machine_id);
        if (r < 0)
                return log_error_errno(r, "cannot find out this machine's id: is /etc/machine-id there");
        r = getenv("LEASED_BOOT_ID") ? 0 : read_file("/proc/sys/kernel/random/boot_id", 128, &boot, NULL);
        if (r < 0)
                return log_error_errno(r, "cannot find out this boot's id");
        for (const char *p = boot ?: getenv("LEASED_BOOT_ID"); *p && *p != '\n' && n < BOOT_SIZE - 1; p++)
                if (*p != '-')
                        d->boot_id[n++] = *p;
        return 0;
}

/* Also true where that cannot be found out. */
static bool is_any_unit_enabled(void) {
        _cleanup_(messages_done) Messages ignored = {}; /* the first reload says the same */
        _cleanup_(strv_freep) char **units = NULL;

        return enabled_units_list("", &units, &ignored) < 0 || *units;
}

static int open_registry(Daemon *d) {
        const LeasedConf *c = d->conf;
        const RegistryOps *ops = NULL;
        _cleanup_free_ char *error = NULL;
        Timeline timeline = {};
        int r;

        /* No configuration names a registry that was left out of this build (conf/leased-conf.c). */
#ifndef LEASED_WITHOUT_LOCAL
        if (streq(c->registry, "local"))
                ops = &registry_local;
#endif
#if LEASED_ETCD
        if (streq(c->registry, "etcd"))
                ops = &registry_etcd;
#endif
        assert(ops);
        (void) timeline_compute(c->ttl, USEC_INFINITY, USEC_INFINITY, &timeline);
        r = ops->open(d->event,
                        &(RegistryConfig){
                                        .directory = c->directory,
                                        .endpoints = (const char *const *) c->endpoints,
                                        .prefix = c->prefix,
                                        .ca_file = c->ca_file,
                                        .cert_file = c->cert_file,
                                        .key_file = c->key_file,
                                        .user = c->user,
                                        .password_file = c->password_file,
                                        .store = state_memory(d->state)->store,
                                        .in_use = is_any_unit_enabled(),
                                        .attempt = timeline.attempt,
                        },
                        &d->registry, &error);
        if (r < 0)
                return error ? (log_error("cannot open the registry: %s", error), r)
                             : log_error_errno(r, "cannot open the registry");
        return 0;
}

/* The registry that this machine remembers counts only where something depends on it: a unit that is enabled here, or
 * a lease that was seen there. Without either, leased may have been started before somebody told it which registry the
 * machines share: then it takes the one that it is told now. */
static void forget_unused_registry(Daemon *d) {
        if (state_memory(d->state)->n_indexes == 0 && !is_any_unit_enabled())
                state_forget_registry(d->state);
}

static int make_core(Daemon *d) {
        char hostname[HOSTNAME_SIZE] = {};
        CoreConfig config = {
                .machine_id = d->machine_id,
                .boot_id = d->boot_id,
                .hostname = hostname,
                .metadata = strempty(d->conf->metadata),
                .version = LEASED_VERSION,
                .session = state_session(d->state),
                .ttl = d->conf->ttl,
                .beats_every = d->conf->beat,
                .fence_after = fence_command_after(d->conf),
                .memory = *state_memory(d->state),
                .former = *state_former(d->state),
        };
        int r;

        if (gethostname(hostname, sizeof(hostname) - 1) < 0)
                return log_error_errno(errno, "cannot find out this machine's name");
        (void) text_mend(hostname);
        if (getrandom(&config.seed, sizeof(config.seed), 0) != sizeof(config.seed))
                return log_error_errno(EIO, "cannot draw a random number");
        d->core = core_new(&config);
        if (!d->core)
                return log_oom();
        r = loop_new(d->event, d->core, actions_perform, d, &d->loop);
        return r < 0 ? log_error_errno(r, "cannot set up the event loop") : 0;
}

static int add_sources(Daemon *d) {
        static const int signals[] = { SIGTERM, SIGINT, SIGHUP };
        sigset_t mask;
        int r = 0;

        (void) sigemptyset(&mask);
        for (size_t i = 0; i < ELEMENTSOF(signals); i++)
                (void) sigaddset(&mask, signals[i]);
        if (sigprocmask(SIG_BLOCK, &mask, NULL) < 0)
                return log_error_errno(errno, "cannot block signals");
        for (size_t i = 0; i < ELEMENTSOF(signals) && r >= 0; i++)
                r = sd_event_add_signal(d->event, d->signals + i, signals[i], on_signal, d);
        if (r >= 0)
                r = sd_event_add_time(d->event, &d->housekeeping, CLOCK_BOOTTIME, now_boottime() + HOUSEKEEPING,
                                USEC_PER_SEC, on_housekeeping, d);
        if (r >= 0)
                r = notifier_new(d->event, &d->notifier);
        return r < 0 ? log_error_errno(r, "cannot set up the event loop") : 0;
}

static int make_directories(void) {
        static const char *const directories[] = { RUN_DIRECTORY, ENV_DIRECTORY, STATE_DIRECTORY };

        for (size_t i = 0; i < ELEMENTSOF(directories); i++) {
                int r = mkdir_parents(directories[i], 0755);

                if (r < 0)
                        return log_error_errno(r, "cannot create %s", directories[i]);
        }
        return 0;
}

static int wire(Daemon *d) {
        int r;

        r = sd_event_default(&d->event);
        if (r < 0)
                return log_error_errno(r, "cannot create an event loop");
        if ((r = add_sources(d)) < 0 || (r = make_directories()) < 0 || (r = take_lock(d)) < 0 ||
                        (r = identify(d)) < 0)
                return r;
        if ((r = state_new(d->event, RUN_DIRECTORY, STATE_DIRECTORY, &d->state)) < 0)
                return r;
        forget_unused_registry(d);
        if ((r = open_registry(d)) < 0 || (r = make_core(d)) < 0 || (r = publish_new(d)) < 0)
                return r;
        r = changed_new(d->event, publish_flush, d, &d->changed);
        if (r < 0)
                return log_error_errno(r, "cannot set up the event loop");
        r = reload_new(d);
        if (r >= 0)
                r = bulk_new(d, publish_flush);
        if (r < 0)
                return log_error_errno(r, "cannot set up the event loop");
        r = registry_health_new(d);
        if (r < 0)
                return log_error_errno(r, "cannot follow the registry");
        r = pid1_new(d->event, d->conf->ttl / 2, &d->pid1);
        if (r < 0)
                return log_error_errno(r, "cannot prepare for PID 1");
        r = gates_new(d->event, d->pid1, &d->gates);
        if (r < 0)
                return log_error_errno(r, "cannot set up the event loop");
        r = environment_watch_new(d->event, d->machine_id, &d->environments);
        if (r >= 0)
                r = timer_stamps_new(d->event, actions_open_gate, d, &d->timer_stamps);
        if (r >= 0)
                r = own_files_new(d->event, GUARD_MEMBERS, false, pid1_port_keep_members, d, &d->members);
        if (r < 0)
                return log_error_errno(r, "cannot set up the event loop");
        r = registry_port_new(d->event, d->registry, loop_deliver, d->loop, &d->registry_port);
        if (r < 0)
                return log_error_errno(r, "cannot watch the registry");
        r = unit_files_new(d);
        if (r < 0)
                return log_error_errno(r, "cannot follow submitted units");
        r = fleet_port_new(d);
        if (r < 0)
                return r;
        r = guard_port_new(d->event, GUARD_SOCKET, on_guard, on_guard_missing, d, &d->guard);
        if (r < 0)
                return log_error_errno(r, "cannot prepare for the guard");
        r = guard_service_new(d);
        if (r < 0)
                return log_error_errno(r, "cannot watch %s", GUARD_SERVICE);
        return bus_new(d);
}

int daemon_new(LeasedConf *conf, Messages *wrong, Daemon **ret) {
        Daemon *d = calloc(1, sizeof(Daemon));
        int r;

        if (!d) {
                leased_conf_free(conf);
                return log_oom();
        }
        d->conf = conf;
        d->reading.wrong = *wrong;
        *wrong = (Messages){};
        d->lock_fd = -1;
        d->counts = counts_new();
        d->callers.askers = askers_new();
        r = d->counts && d->callers.askers ? wire(d) : log_oom();
        if (r < 0) {
                daemon_free(d);
                return r;
        }
        *ret = d;
        return 0;
}

int daemon_run(Daemon *d) {
        int r;

        last_conf_keep(d->conf);
        loop_event(d->loop, &(Event){ .kind = EVENT_DEADLINE });
        gates_renew(d->gates);
        reload_units(d);
        runs_adopt(d);
        r = loop_run(d->loop);
        return r < 0 ? log_error_errno(r, "the event loop failed") : r;
}

Daemon *daemon_free(Daemon *d) {
        if (!d)
                return NULL;
        bus_free(d);
        reload_free(d);
        bulk_free(d);
        suspend_free(d);
        publish_free(d);
        changed_free(d->changed);
        guard_port_free(d->guard);
        guard_service_free(d);
        pid1_port_free(d);
        environment_watch_free(d->environments);
        timer_stamps_free(d->timer_stamps);
        own_files_free(d->members);
        gates_free(d->gates);
        pid1_free(d->pid1);
        fleet_port_free(d);
        checks_free(d);
        unit_files_free(d);
        registry_port_free(d->registry_port);
        if (d->registry)
                d->registry->ops->free(d->registry);
        registry_health_free(d);
        if (d->state && d->core)
                state_remember(d->state, core_memory(d->core));
        state_free(d->state);
        notifier_free(d->notifier);
        loop_free(d->loop);
        core_free(d->core);
        for (size_t i = 0; i < ELEMENTSOF(d->signals); i++)
                sd_event_source_disable_unref(d->signals[i]);
        sd_event_source_disable_unref(d->housekeeping);
        sd_event_source_disable_unref(d->stop.timer);
        sd_event_unref(d->event);
        closep(&d->lock_fd);
        messages_done(&d->reading.changes);
        messages_done(&d->reading.wrong);
        leased_conf_free(d->conf);
        free(d->counts);
        askers_free(d->callers.askers);
        free(d);
        return NULL;
}
