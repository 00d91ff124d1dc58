/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The members of a leased unit: the other units that its lease covers. These are the units that a leased timer,
 * socket, path or automount triggers, those that are bound to a leased target, those that a leased service or mount
 * starts and that are bound to it, whatever such a member brings along in turn, and the unit's Slice= with all that
 * lies in it. Stopping a timer does not stop the service that it has started: so a lease is let go only when all
 * members are down as well (law 7), and each member has the gate of the leased unit.
 *
 * A member remains one until it is down, also when PID 1 no longer says why it is one: it may still run.
 *
 * The guard knows the members by the file /run/leased/members/UNIT (guard/protocol.h), which a guard that outlives the
 * daemon can still read.
 */

#include "pid1/pid1-unit.h"

typedef struct Members Members;

/* All are called from the loop; the set may be freed inside. member is a unit's name, or a template's. */
typedef struct MembersCallbacks {
        /* PID 1 has answered for a member, or is silent. */
        void (*changed)(void *userdata);
        /* The gate of the leased unit is not in force for a member; need_reload: PID 1 has not read the files. */
        void (*ungated)(const char *member, bool need_reload, void *userdata);
        /* The other two as in Pid1UnitCallbacks. */
        void (*refused)(const char *member, void *userdata);
        void (*failed)(const char *member, bool start, int error, const char *message, void *userdata);
} MembersCallbacks;

/* Takes up the members that the guard's file and the drop-ins name. callbacks and userdata are borrowed. -ENOMEM. */
int members_new(Pid1 *pid1, const char *unit, const MembersCallbacks *callbacks, void *userdata, Members **ret);
/* The guard's file stays. */
Members *members_free(Members *m);

/* FenceAction= of the unit; the guard is told with the next members_update(). */
void members_set_fence(Members *m, bool reboot);
/* Slice= of the unit, NULL if it has none; borrowed until the next call. */
void members_set_slice(Members *m, const char *slice);
/* Whether the unit itself has an ExecStopPost=. (Of the members PID 1 says it.) */
void members_set_stop_post(Members *m, bool has);

/* Finds all members, from covers, what the unit itself covers by PID 1's latest answer (pid1_unit_covers()), on; and
 * tells the guard. A negative errno: not all members are known, or the guard could not be told; members_combine() then
 * says that the gate is not loaded. *ret_why: a static line for people. */
int members_update(Members *m, char *const *covers, const char **ret_why);

/* Makes the unit's own status one of the unit with all its members: empty if all are, known if all are, and so on. The
 * unit's own active state stays as long as the unit itself is up. */
void members_combine(const Members *m, Pid1UnitStatus *status);
/* Finds a main or control process of the unit or of a member that is in none of their control groups, where it is
 * neither stopped nor killed with them. Returns its number, or 0 if there is none; *ret_unit (borrowed) is whose
 * process it is, and group its control group. own: the unit's own status. */
uint32_t members_find_outside(
                const Members *m, const Pid1UnitStatus *own, const char **ret_unit, char *group, size_t size);

/* All members are down, as far as PID 1 knows of them, but there are processes in the unit's slice: in control groups
 * that a container engine has made itself. */
bool members_left(const Members *m);
/* Asks PID 1 to stop each member that is not down. The last negative errno; the others are asked for all the same. */
int members_stop(Members *m);
/* pid1_unit_reset_failed() of each member. */
int members_reset_failed(Members *m);
/* pid1_unit_read() of each member. */
void members_read(Members *m);

/* The unit is not leased any more: removes the guard's file. */
void members_forget(const char *unit);
