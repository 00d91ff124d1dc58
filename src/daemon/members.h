/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The members of a leased unit: the other units that its lease covers. Members are the units that a leased timer,
 * socket, path or automount triggers; those that are bound to a leased target; those that a leased service or mount
 * starts and that are bound to it; whatever such a member brings along in turn; and the unit's Slice= with all that
 * lies in it. To stop a timer does not stop the service that it has started. So a lease is let go only when all
 * members are down as well (law 7), and each member has the gate of the leased unit.
 *
 * A member remains a member until it is down, also when PID 1 no longer says why it is one: it may still run.
 *
 * The guard knows the members from the file /run/leased/members/UNIT (guard/protocol.h), which a guard that outlives
 * the daemon can still read.
 */

#include "pid1/pid1-unit.h"

typedef struct Members Members;

/* All are called from the loop. The set may be freed inside changed(). member is the name of a unit or of a template.
 */
typedef struct MembersCallbacks {
        /* PID 1 has answered for a member, or has fallen silent about it. */
        void (*changed)(void *userdata);
        /* The gate of the leased unit is not in force for a member. need_reload: PID 1 has not read the member's files
         * as they are now. */
        void (*ungated)(const char *member, bool need_reload, void *userdata);
        /* These two are as in Pid1UnitCallbacks (pid1/pid1-unit.h). */
        void (*refused)(const char *member, void *userdata);
        void (*failed)(const char *member, bool start, int error, const char *message, void *userdata);
} MembersCallbacks;

/* Whether the lease of a unit of this type can cover units that only drop-ins name, as after a boot. */
bool members_can_be_gated(const char *unit);
/* Makes the set of the unit's members, at first those that the guard's file names, and gated, the units whose drop-ins
 * name this unit (NULL: there are none, or the guard's file names them), and begins to watch them. pid1, unit,
 * callbacks and userdata are borrowed until members_free(). -ENOMEM. If a member cannot be watched, the set is made
 * all the same, and counts as incomplete until a members_update() succeeds. */
int members_new(Pid1 *pid1, const char *unit, char *const *gated, const MembersCallbacks *callbacks, void *userdata,
                Members **ret);
/* Frees m, which may be NULL; the guard's file stays. Returns NULL. */
Members *members_free(Members *m);

/* Whether FenceAction=reboot is set for the unit; the guard is told with the next members_update(). */
void members_set_fence(Members *m, bool reboot);
/* Takes the name of the lease that the guard keeps for the unit, and tells the guard of it at once if it is another
 * one than it was and than the unit's name. Returns 0; a negative errno: the guard could not be told. */
int members_set_lease(Members *m, const char *lease);
/* Takes whether the unit has OnOutage=freeze. */
void members_set_freezes(Members *m, bool freezes);
/* Slice= of the unit, NULL if it has none; borrowed until the next call of this function. */
void members_set_slice(Members *m, const char *slice);
/* Whether the unit itself has an ExecStopPost=; the guard is told with the next members_update(). (PID 1 says whether
 * a member has one.) */
void members_set_stop_post(Members *m, bool has);

/* Finds all members and tells the guard of them. covers: the units that the leased unit itself covers by PID 1's
 * latest answer (pid1_unit_covers()), from which the others follow. A negative errno: not all members are known, or
 * the guard could not be told; *ret_why then says so for people, in a static line, and members_combine() says that the
 * gate is not loaded. */
int members_update(Members *m, char *const *covers, const char **ret_why);
/* Whether the guard has a file of the unit, and so has something to be told of it. */
bool members_are_shown(const Members *m);
/* Writes the guard's file as it was written last, if it is not there any more, or says something else. 1: it was
 * written; 0: it is as it was, or there is none; a negative errno. */
int members_keep(const Members *m);
/* Turns the status of the unit itself into that of the unit with all its members: empty if all are empty, known if all
 * are known, and so on. What forbids a member to be stopped forbids it for the unit. As long as the unit itself is up,
 * its own active state stays. */
void members_combine(const Members *m, Pid1UnitStatus *status);
/* Finds a main or control process of the unit or of a member that lies in no control group of theirs, so that it is
 * neither stopped nor killed with them. Returns its process id, and writes to *ret_unit the unit whose process it is
 * (borrowed), and to group the process's control group. 0: there is no such process. own: the status of the unit
 * itself. */
uint32_t members_find_outside(
                const Members *m, const Pid1UnitStatus *own, const char **ret_unit, char *group, size_t size);

/* Whether all members are down, as far as PID 1 knows, while there are processes in the unit's slice: in control
 * groups that a container engine has made itself. */
bool members_left(const Members *m);
/* Asks PID 1 to stop each member that is not down. A failure does not keep the others from being asked for; the last
 * one's negative errno is returned. */
int members_stop(Members *m);
/* Calls pid1_unit_reset_failed() of each member, up to the first that fails: its negative errno. */
int members_reset_failed(Members *m);
/* Has PID 1 forget what has failed in the unit's slice: a transient unit that has failed stays loaded, and keeps
 * another one of its name from being made. */
void members_clear_slice(const Members *m);
/* Calls pid1_unit_read() of each member. */
void members_read(Members *m);

/* The unit is not leased any more: removes the guard's file of its members. */
void members_forget(const char *unit);
