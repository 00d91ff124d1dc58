/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The methods of org.leased1.Manager that change something. Each is a verb_t, which is called when the caller is known
 * to be allowed (authorize.h). A verb that asks for something impossible gets an error at once. Whether anything else
 * can be done is for the core to decide, and words.h then sends the reply. The reply says that it has begun; how it
 * ends shows in the unit's State.
 */

#include "daemon/authorize.h"

/* Stops the unit and releases its lease. This machine then stands back for HoldDownSec=, so that another one takes the
 * lease. */
int verb_release_unit(Daemon *d, sd_bus_message *m, sd_bus_error *error);
/* Stops the unit, and hands its lease to the machine named. */
int verb_transfer_unit(Daemon *d, sd_bus_message *m, sd_bus_error *error);
/* Takes the unit's lease by force, which leaves a debt (law 5). The reply says how long the unit waits for it (us). */
int verb_steal_unit(Daemon *d, sd_bus_message *m, sd_bus_error *error);
/* Lets a unit that is done run again. */
int verb_rearm_unit(Daemon *d, sd_bus_message *m, sd_bus_error *error);
/* Has the machine that holds the unit's lease carry out the verb: this one, or another one that is asked through the
 * registry. */
int verb_ask_unit(Daemon *d, sd_bus_message *m, sd_bus_error *error);
/* From now on this machine, or the one named, takes no leases and gives away those that it holds. The undrain verbs
 * end that. */
int verb_drain(Daemon *d, sd_bus_message *m, sd_bus_error *error);
int verb_undrain(Daemon *d, sd_bus_message *m, sd_bus_error *error);
int verb_drain_machine(Daemon *d, sd_bus_message *m, sd_bus_error *error);
int verb_drain_until_reboot(Daemon *d, sd_bus_message *m, sd_bus_error *error); /* the machine that is named */
int verb_undrain_machine(Daemon *d, sd_bus_message *m, sd_bus_error *error);
/* The machine named is off: its sessions are over at once, and nobody waits for their TTL (law 12). */
int verb_confirm_dead(Daemon *d, sd_bus_message *m, sd_bus_error *error);
/* From now on nobody takes a lease, and holders keep theirs without the registry (law 13); verb_resume() ends that. */
int verb_pause(Daemon *d, sd_bus_message *m, sd_bus_error *error);
int verb_resume(Daemon *d, sd_bus_message *m, sd_bus_error *error);
/* From now on this machine goes by the registry of that uuid. */
int verb_accept_registry(Daemon *d, sd_bus_message *m, sd_bus_error *error);
/* This machine forgets the highest Index that it remembers of a lease. The reply names that Index, and the one that is
 * remembered afterwards. */
int verb_forget_index(Daemon *d, sd_bus_message *m, sd_bus_error *error);
/* Reads the configuration again: reload_begin(). */
int verb_reload(Daemon *d, sd_bus_message *m, sd_bus_error *error);

/* The following are also for methods that only read. Each one returns a negative errno where it fails, and sets error
 * where there is a text for it. */

/* Reads the unit's name that comes next in the message, and finds the unit. */
int verb_find_unit(Daemon *d, sd_bus_message *m, UnitView *ret, sd_bus_error *error);
/* Reads the lease's name that comes next in the message, and checks it; *ret is borrowed from the message. */
int verb_read_lease(sd_bus_message *m, const char **ret, sd_bus_error *error);
/* 0 if the registry answers; otherwise the error RegistryUnavailable. */
int verb_check_registry(Daemon *d, sd_bus_error *error);
/* The error for a machine that no record names as far as this machine knows: NoSuchMachine, or RegistryUnavailable if
 * the records are not known. */
int verb_refuse_machine(Daemon *d, const char *machine_id, sd_bus_error *error);
