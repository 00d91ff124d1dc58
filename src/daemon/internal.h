/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the files of this folder share: the struct Daemon. Only they include this header.
 *
 *   main.c          the program: its arguments, and the configuration to start with; last-conf.c keeps the
 *                   configuration for the next start
 *   daemon.c        makes all that is below, and connects it
 *   loop.c          the loop around the core: an event goes in, the core's actions come out
 *   actions.c       which adapter carries out which action
 *   registry-port.c the registry: records to texts and back; texts.c the texts of records as last seen
 *   registry-health.c
 *                   what the registry says of itself, for the log and D-Bus
 *   guard-port.c    the guard; guard-service.c what PID 1 says of it
 *   pid1-port.c     the enabled units at PID 1; members.c the other units that go by their leases
 *   environment.c   what units read at their start: which lease they run by; environment-watch.c keeps it there
 *   fence-command.c switches a machine off
 *   unit-files.c    unit files that were submitted to the cluster, as records
 *   state.c         what is kept on /run and on disk; memory.c its text; memory-copy.c its copy for the disk
 *   reload.c        the configuration and the enabled units, read again; candidates.c the files of these units;
 *   slices.c        work that takes many turns of the loop
 *   gates.c         puts gates right that somebody removed, or that are of another version
 *   stop.c          what SIGTERM means
 *   suspend.c       what is done before the machine sleeps
 *   notify.c        what PID 1 is told
 *   report.c        the core's reports as log lines
 *   counts.c        counters for monitoring
 *   bus*.c          D-Bus: the two connections (bus-link.c), the three interfaces, whose properties come from
 *                   tables (property.c)
 *   bulk.c          answers about all units or leases, put together over many turns; bus-objects.c those that
 *                   sd-bus would give in one turn
 *   verbs.c         what an operator asks for
 *   changed.c       what looks different by now; publish.c tells listeners
 *   why-not.c       why a unit is where it is, in words; machine-name.c a machine's name for people
 *   calls.c         leases of a scheduler's own; fleet-port.c those in fleet's registry
 *   kept.c          answers to callers that wait for the disk
 *   callers.c       whether the callers who wait are still on the bus
 *   words.c         an operator's words, until they are answered
 *   runs.c          commands of "leasectl run"; run-unit.c what PID 1 is told of them
 *   authorize.c     who may use a verb; askers.c how people call him
 *
 * The folder is glue: no decision on leases or units is taken in it. What happens outside becomes an event, and what
 * the core answers is carried out.
 */

#include <systemd/sd-event.h>

#include "conf/conf.h"
#include "core/core.h"
#include "daemon/bus-link.h"
#include "daemon/changed.h"
#include "daemon/environment-watch.h"
#include "daemon/gates.h"
#include "daemon/loop.h"
#include "daemon/registry-port.h"
#include "daemon/guard-port.h"
#include "daemon/notify.h"
#include "daemon/own-files.h"
#include "daemon/state.h"
#include "daemon/timer-stamps.h"
#include "registry/registry.h"
#include "pid1/pid1.h"

typedef struct EnabledUnit EnabledUnit;
typedef struct GuardService GuardService;
typedef struct RegistryHealth RegistryHealth;
typedef struct Authorization Authorization;
typedef struct Askers Askers;
typedef struct PendingWord PendingWord;
typedef struct RunAsked RunAsked;
typedef struct KeptReply KeptReply;
typedef struct Publisher Publisher;
typedef struct Reload Reload;
typedef struct Bulk Bulk;
typedef struct FollowedCaller FollowedCaller;
typedef struct Suspend Suspend;
typedef struct Counts Counts;
typedef struct UnitFiles UnitFiles;
typedef struct FleetPort FleetPort;
typedef struct Check Check;

/* The two connections to the system bus. */
typedef struct Links {
        BusLink *api; /* for what others ask of the daemon */
        BusLink *own; /* for PID 1 and logind alone */
        sd_bus_slot *name;
        bool trouble; /* trouble with .api is logged, and not over */
} Links;

/* A caller with uid 0. The bus never gives a name to two connections. */
typedef struct Root {
        char name[32]; /* on the bus; "": none */
        uint32_t pid;
} Root;

/* Who waits for an answer. All lists are dropped when the connection .api is lost. */
typedef struct Callers {
        Authorization *authorizations;
        PendingWord *words;
        RunAsked *runs;
        KeptReply *kept;
        FollowedCaller *followed; /* the callers of all of these */
        Root roots[8];            /* the last callers with uid 0 */
        size_t n_roots;           /* how many were noted in turn */
        uint64_t last_question;   /* number of the last question to polkit */
        uint64_t last_call;       /* id of the last word or call */
        uint32_t uid, pid;        /* of the caller whose verb is being called */
        Askers *askers;           /* the names of callers */
} Callers;

/* What the last reading of the configuration has brought, for people. */
typedef struct Reading {
        uint64_t number;    /* how many readings have listed the enabled units */
        EnabledUnit *order; /* the units that files enable, in the order in which the files were last read */
        Messages changes;
        Messages wrong;        /* with leased.conf; if anything is, the settings before stay in force */
        char units_error[256]; /* why the enabled units could not be listed, and those known before stay; "": they
                                  could be listed */
} Reading;

typedef struct Stop {
        sd_event_source *timer;
        bool asked;     /* the daemon is to end */
        bool releasing; /* the leases are being released first */
        bool reboots;   /* the machine is on its way to a reboot */
} Stop;

/* It has more than thirty fields, because each part of the daemon is one. */
typedef struct Daemon {
        sd_event *event;
        LeasedConf *conf;
        char machine_id[MACHINE_SIZE], boot_id[BOOT_SIZE];
        int lock_fd; /* the lock that lets only one daemon run on a machine */
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
        size_t n_runs; /* how many of them are commands of "leasectl run" */
        Gates *gates;
        EnvironmentWatch *environments;
        TimerStamps *timer_stamps;
        OwnFiles *members; /* the guard's files of members */
        Suspend *suspend;

        Links links;
        Callers callers;
        Changed *changed;
        Publisher *publisher;
        Bulk *bulk;
        Notifier *notifier;
        Counts *counts;
        UnitFiles *unit_files;
        FleetPort *fleet; /* NULL: leases of the D-Bus API are in the registry above */
        Check *checks;    /* by their units' names (checks.c) */

        Reload *reload;
        Reading reading;
        Stop stop;
        bool ready; /* READY=1 was sent */
} Daemon;
