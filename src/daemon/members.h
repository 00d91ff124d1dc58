/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a lease covers besides its unit: the units that a leased timer, socket, path or automount triggers, those that
 * are bound to a leased target, and those that a leased service or mount starts and that are bound to it; and what
 * these bring in turn. Stopping a timer does not stop the service that it has started, so a lease is let go only when
 * all members are down, too, and each has the gate of the leased unit.
 *
 * Its Slice= is a member as well, with all that lies in it: PID 1 starts nothing in a slice that it may not start.
 *
 * Once a member, a unit remains one until it is down, also when PID 1 no longer sees why: it may still run.
 * The guard gets to know them by a file (guard/protocol.h), which is here to stay: for a guard that outlives the
 * daemon.
 */

#include "pid1/pid1-unit.h"

typedef struct Members Members;

/* The name is of the member, also where it stands for a template. The set may be freed inside. */
typedef struct MembersCallbacks {
        void (*changed)(void *userdata); /* there are others, or one has another state */
        void (*ungated)(const char *member, bool need_reload, void *userdata);
        void (*refused)(const char *member, void *userdata);
        void (*failed)(const char *member, bool start, int error, const char *message, void *userdata);
} MembersCallbacks;

int members_new(Pid1 *pid1, const char *unit, const MembersCallbacks *callbacks, void *userdata, Members **ret);
Members *members_free(Members *m);

/* FenceAction= of the unit, for the guard. */
void members_set_fence(Members *m, bool reboot);
/* Slice= of the unit, NULL if it has none; borrowed until the next call. */
void members_set_slice(Members *m, const char *slice);
/* Whether the unit itself has an ExecStopPost=; of the members that is known in here. */
void members_set_stop_post(Members *m, bool has);

/* covers: of the unit itself, by PID 1's latest answer (pid1_unit_covers()). What the members cover is looked up in
 * here. 0, or a negative errno: then not all of them are known, and members_combine() says so. *ret_why: a line for
 * people, static. */
int members_update(Members *m, char *const *covers, const char **ret_why);

/* Makes the unit's own status one of all. Its state stays as long as it is up itself. */
void members_combine(const Members *m, Pid1UnitStatus *status);
/* A process of the unit or of a member, as PID 1 has it, that lies outside of the control groups of all of them, where
 * it is neither stopped nor killed with them: its number, whose it is, and its group. 0: there is none. own: of the
 * unit itself. */
uint32_t members_find_outside(
                const Members *m, const Pid1UnitStatus *own, const char **ret_unit, char *group, size_t size);

/* All members are down, as far as PID 1 knows of them, but there are processes in the unit's slice: in control groups
 * that a container engine has made itself. */
bool members_left(const Members *m);
int members_stop(Members *m);
/* As pid1_unit_reset_failed(), of each. */
int members_reset_failed(Members *m);
void members_read(Members *m);

/* The unit is leased no more: removes the guard's file. */
void members_forget(const char *unit);
