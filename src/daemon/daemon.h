/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The daemon: one struct that the files of this folder share, and the loop around the core.
 *
 *   daemon.c        wiring, and daemon_event(): one step of the core, its actions carried out in order
 *   actions.c       which adapter carries out which action
 *   registry-port.c registry: records, texts and ids
 *   guard-port.c    the guard; guard-service.c what PID 1 says of it
 *   pid1-port.c     the enabled units at PID 1
 *   state.c         what is kept on /run and on disk
 *   changes.c       what a reload has changed, in words
 *   reload.c        configuration, enabled units, gates that somebody removed
 *   stop.c          what SIGTERM means
 *   suspend.c       before the machine sleeps
 *   notify.c        what PID 1 is told
 *   report.c        the core's reports as log lines
 *   bus*.c          D-Bus: the two connections (bus-link.c), the three interfaces, the verbs
 *   publish.c       what has changed, told to listeners; shown-unit.c what they know of a unit
 *   why-not.c       why a unit is where it is, in words
 *   calls.c         leases of a scheduler's own
 *   kept.c          answers that wait for the disk
 *   words.c         the operator's words, until they are answered
 *   authorize.c     who may use a verb
 *
 * It is glue: no decision on leases or units is taken in this folder. What happens outside becomes an event; what the
 * core answers is carried out. An event that arises while actions are being carried out waits until they all are.
 */

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "conf/conf.h"
#include "core/core.h"
#include "daemon/registry-port.h"
#include "daemon/guard-port.h"
#include "daemon/notify.h"
#include "daemon/state.h"
#include "registry/registry.h"
#include "pid1/pid1.h"

typedef struct QueuedEvent QueuedEvent;
typedef struct EnabledUnit EnabledUnit;
typedef struct GuardService GuardService;
typedef struct RegistryHealth RegistryHealth;
typedef struct Authorization Authorization;
typedef struct PendingCall PendingCall;
typedef struct PendingWord PendingWord;
typedef struct Asker Asker;
typedef struct KeptReply KeptReply;
typedef struct Publisher Publisher;
typedef struct Suspend Suspend;

typedef struct Daemon {
        sd_event *event;
        LeasedConf *conf;
        char machine_id[MACHINE_SIZE], boot_id[BOOT_SIZE], hostname[HOSTNAME_SIZE];
        int lock_fd; /* one daemon a machine */

        Core *core;
        Now now; /* of the step whose actions are being carried out */
        bool stepping;
        QueuedEvent *queue;
        sd_event_source *deadline, *housekeeping, *signals[3];

        Notifier *notifier;
        State *state;
        Registry *registry;
        RegistryHealth *registry_health;
        RegistryPort *registry_port;
        GuardPort *guard;
        GuardService *guard_service;

        Pid1 *manager;
        EnabledUnit *units;
        sd_event_source *gate_reload;
        usec_t gate_reloaded_at;

        struct BusLink *api, *own; /* bus-link.h: two connections */
        sd_bus *bus, *own_bus;     /* of them: for what others ask; for PID 1 and logind. NULL: none now */
        sd_bus_slot *bus_name_slot;
        bool bus_trouble, ready;
        Authorization *authorizations;
        uint64_t last_question; /* to polkit */
        PendingCall *calls;
        PendingWord *words;
        KeptReply *kept;
        uint64_t last_call; /* id of both */
        Publisher *publisher;

        Messages changes;          /* by the last reload, for people */
        char pid1_port_error[256]; /* why the enabled units could not be listed: those known before go on; "": they
                                    * could
                                    */
        Messages wrong;            /* lines about leased.conf: what was in force before goes on */

        Suspend *suspend;

        bool stopping; /* leases are being released */
        bool stop_asked;
        sd_event_source *stop_timer;
} Daemon;

/* Takes conf, and what is wrong with leased.conf if conf is what was in force before. Opens everything that does not
 * wait for anybody; logs. */
int daemon_new(LeasedConf *conf, Messages *wrong, Daemon **ret);
Daemon *daemon_free(Daemon *d);
DEFINE_TRIVIAL_CLEANUP(Daemon *, daemon_free)

/* Runs until daemon_exit(). Returns 0 or a negative errno. */
int daemon_run(Daemon *d);
void daemon_exit(Daemon *d, int code);

/* Hands an event to the core and carries out what it answers; queued (copied) while a step is under way. */
void daemon_event(Daemon *d, const Event *event);
/* The same as an event_sink_t, userdata being the daemon. */
void daemon_deliver(const Event *event, void *userdata);

/* Both clocks, read now. */
Now daemon_now(void);

/* "alpha (1f2e3d4c)" for a machine id, "nobody" for "" and NULL. Written into buf and returned. */
const char *daemon_machine_name(Daemon *d, const char *machine_id, char *buf, size_t size);

/* actions.c */
void action_perform(Daemon *d, const Action *action);

/* report.c */
void report_log(Daemon *d, const Action *action);

/* stop.c: SIGTERM or SIGINT has come; ACTION_EXIT has come. */
void stop_requested(Daemon *d);
void stop_finished(Daemon *d);
/* A unit was stopped by somebody else: that may be the machine's shutdown. */
void stop_suspected(Daemon *d);

/* reload.c */
/* Reads all enabled units at the start; what is wrong is logged. */
void reload_units(Daemon *d);
/* Reads the configuration anew. What is wrong is logged, and *ret_wrong (may be NULL) says it in one text, owned by
 * the caller, a line for each; -EBADMSG is returned. leased.conf, or the unit, with a bad line stays as it was then;
 * the rest is in force. */
int reload_all(Daemon *d, char **ret_wrong);
/* At the start: writes the drop-ins anew that another version of leased has written, and has PID 1 reload. */
void gates_renew(Daemon *d);
/* PID 1 has not loaded the gate of an enabled unit, or of what goes by its lease: writes the drop-in if it is not
 * there, and has PID 1 reload. */
void gate_mend(Daemon *d, const char *gated, const char *unit, bool need_reload);
/* A unit has become a global one: removes its gate and those of what went by its lease, and has PID 1 reload. */
void gate_lift(Daemon *d, const char *unit, bool need_reload);
