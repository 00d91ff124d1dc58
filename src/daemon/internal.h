/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the files of this folder share: one struct. Nobody else includes it.
 *
 *   daemon.c        makes all that is below, and wires it together
 *   loop.c          the loop around the core: an event goes in, the core's actions come out
 *   actions.c       which adapter carries out which action
 *   registry-port.c registry: records, texts and ids
 *   guard-port.c    the guard; guard-service.c what PID 1 says of it
 *   pid1-port.c     the enabled units at PID 1
 *   state.c         what is kept on /run and on disk
 *   reload.c        the configuration and the enabled units, read again; candidates.c these units' files; changes.c
 *                   what that has changed, in words
 *   slices.c        work that takes many turns of the loop
 *   gates.c         gates that somebody removed, or that are of another version
 *   stop.c          what SIGTERM means
 *   suspend.c       before the machine sleeps
 *   notify.c        what PID 1 is told
 *   report.c        the core's reports as log lines
 *   bus*.c          D-Bus: the two connections (bus-link.c), the three interfaces, whose properties come from
 *                   tables (property.c)
 *   bulk.c          answers about all units or leases, put together over many turns; bus-objects.c those of sd-bus
 *   verbs.c         what an operator asks for
 *   changed.c       what looks different by now; publish.c tells listeners
 *   why-not.c       why a unit is where it is, in words; machine-name.c a machine's name for people
 *   calls.c         leases of a scheduler's own
 *   kept.c          answers that wait for the disk
 *   callers.c       whether they are still there
 *   words.c         the operator's words, until they are answered
 *   runs.c          commands of "leasectl run"; run-unit.c what PID 1 is told of them
 *   authorize.c     who may use a verb
 *
 * The folder is glue: no decision on leases or units is taken in it. What happens outside becomes an event, and what
 * the core answers is carried out.
 */

#include <systemd/sd-event.h>

#include "conf/conf.h"
#include "core/core.h"
#include "daemon/bus-link.h"
#include "daemon/changed.h"
#include "daemon/gates.h"
#include "daemon/loop.h"
#include "daemon/registry-port.h"
#include "daemon/guard-port.h"
#include "daemon/notify.h"
#include "daemon/state.h"
#include "registry/registry.h"
#include "pid1/pid1.h"

typedef struct EnabledUnit EnabledUnit;
typedef struct GuardService GuardService;
typedef struct RegistryHealth RegistryHealth;
typedef struct Authorization Authorization;
typedef struct PendingWord PendingWord;
typedef struct RunAsked RunAsked;
typedef struct KeptReply KeptReply;
typedef struct Publisher Publisher;
typedef struct Reload Reload;
typedef struct Bulk Bulk;
typedef struct FollowedCaller FollowedCaller;
typedef struct Suspend Suspend;

/* The two connections to the system bus. */
typedef struct Links {
        BusLink *api; /* for what others ask of the daemon */
        BusLink *own; /* for PID 1 and logind alone */
        sd_bus_slot *name;
        bool trouble; /* with the first: logged, and not over */
} Links;

/* Who waits for an answer. All are dropped when the connection is lost. */
typedef struct Callers {
        Authorization *authorizations;
        PendingWord *words;
        RunAsked *runs;
        KeptReply *kept;
        FollowedCaller *followed; /* of all of these */
        uint64_t last_question;   /* to polkit */
        uint64_t last_call;       /* id of a word or a call */
} Callers;

/* What the last reading of the configuration has brought, for people. */
typedef struct Reading {
        Messages changes;
        Messages wrong;        /* with leased.conf: what was in force before goes on */
        char units_error[256]; /* why the enabled units could not be listed: those known before go on; "": they could
                                */
} Reading;

typedef struct Stop {
        sd_event_source *timer;
        bool asked;     /* the daemon is to end */
        bool releasing; /* leases are being released before */
} Stop;

typedef struct Daemon {
        sd_event *event;
        LeasedConf *conf;
        char machine_id[MACHINE_SIZE], boot_id[BOOT_SIZE];
        int lock_fd; /* one daemon a machine */
        sd_event_source *housekeeping, *signals[3];

        Core *core;
        Loop *loop;
        State *state;

        Registry *registry;
        RegistryHealth *registry_health;
        RegistryPort *registry_port;
        GuardPort *guard;
        GuardService *guard_service;
        Pid1 *pid1;
        EnabledUnit *units;
        Gates *gates;
        Suspend *suspend;

        Links links;
        Callers callers;
        Changed *changed;
        Publisher *publisher;
        Bulk *bulk;
        Notifier *notifier;

        Reload *reload;
        Reading reading;
        Stop stop;
        bool ready; /* READY=1 is out */
} Daemon;
